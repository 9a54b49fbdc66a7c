//! Does a Docker Engine answer? Asked once at start, over its local socket only.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// How long the engine may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a Docker Engine can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Docker {
    /// It answers.
    Answers,
    /// There is none, or this account may not use it.
    Absent,
}

/// Asks the engine whose socket `DOCKER_HOST` names, else the usual ones. `variable` looks up an environment
/// variable.
pub async fn docker(variable: impl Fn(&str) -> Option<OsString>) -> Docker {
    for socket in sockets(variable) {
        if matches!(tokio::time::timeout(PATIENCE, ping(&socket)).await, Ok(Ok(()))) {
            return Docker::Answers;
        }
    }
    Docker::Absent
}

fn sockets(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    if let Some(host) = variable("DOCKER_HOST").filter(|host| !host.is_empty()) {
        // An engine on another machine cannot see the work folder.
        let host = host.to_string_lossy().into_owned();
        return host.strip_prefix("unix://").map(PathBuf::from).into_iter().collect();
    }
    let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
    if let Some(runtime) = variable("XDG_RUNTIME_DIR") {
        sockets.push(Path::new(&runtime).join("docker.sock"));
    }
    if let Some(home) = variable("HOME") {
        sockets.push(Path::new(&home).join(".docker/run/docker.sock"));
    }
    sockets
}

async fn ping(socket: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = http::Request::get("/_ping").header(http::header::HOST, "docker").body(Empty::<Bytes>::new())?;
    let answer = async {
        let answer = sender.send_request(request).await?;
        Ok::<_, hyper::Error>(answer.status())
    };
    let status = tokio::select! {
        status = answer => status?,
        ended = connection => {
            ended?;
            return Err("the connection ended".into());
        }
    };
    if status.is_success() { Ok(()) } else { Err(format!("status {status}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    /// What stands behind the socket.
    enum Engine {
        Says(&'static str),
        Silent,
        None,
    }

    async fn check(engine: Engine, expected: Docker) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let host = format!("unix://{}", socket.display());
        let variable = |name: &str| (name == "DOCKER_HOST").then(|| OsString::from(&host));
        let serve = async {
            if matches!(engine, Engine::None) {
                return std::future::pending::<()>().await;
            }
            let listener = UnixListener::bind(&socket).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /_ping HTTP/1.1\r\n"));
            if let Engine::Says(answer) = engine {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = serve => unreachable!("it serves for ever"),
            found = docker(variable) => assert_eq!(found, expected),
        }
    }

    #[tokio::test]
    async fn an_engine_that_answers_is_found() {
        check(Engine::Says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"), Docker::Answers).await;
    }

    #[tokio::test]
    async fn anything_else_is_no_engine() {
        check(Engine::Says("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"), Docker::Absent).await;
        check(Engine::Says("nonsense"), Docker::Absent).await;
        check(Engine::None, Docker::Absent).await;
    }

    #[tokio::test]
    async fn a_silent_engine_does_not_hold_the_session() {
        let start = std::time::Instant::now();
        check(Engine::Silent, Docker::Absent).await;
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_remote_engine_is_not_asked() {
        let variable = |name: &str| (name == "DOCKER_HOST").then(|| OsString::from("tcp://10.0.0.1:2375"));
        assert_eq!(sockets(variable), Vec::<PathBuf>::new());
    }
}
