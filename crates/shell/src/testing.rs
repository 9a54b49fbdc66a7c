//! What tests have around a container: time that jumps, no network.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::AsyncWrite;

use crate::{
    Allowance, Budget, Builder, Capability, ConnectError, Container, Credentials, Future, Image, ListenError, Listener,
    Protocol, ResolveError, Spec, Stream, Streams, Surroundings, Writable,
};

/// Surroundings in which time goes by as fast as it can.
#[derive(Default)]
pub(crate) struct Nowhere {
    slept: AtomicU64,
}

impl Surroundings for Nowhere {
    fn now(&self) -> Duration {
        Duration::from_secs(1_732_000_000) + Duration::from_millis(self.slept.load(Ordering::Relaxed))
    }

    fn sleep(&self, time: Duration) -> Future<'_, ()> {
        Box::pin(async move {
            // In order of length, a thousand times faster than real.
            tokio::time::sleep(time / 1000).await;
            self.slept.fetch_add(u64::try_from(time.as_millis()).unwrap_or(0), Ordering::Relaxed);
        })
    }

    fn address(&self) -> Option<IpAddr> {
        Some(IpAddr::from([10, 244, 0, 5]))
    }

    fn resolve<'a>(&'a self, name: &'a str, _: Duration) -> Future<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move {
            match name.trim_end_matches('.') {
                "backend" | "web" => Ok(vec![IpAddr::from([10, 96, 0, 9])]),
                "slow" => Ok(vec![IpAddr::from([10, 96, 0, 10])]),
                _ => Err(ResolveError::NoSuchName),
            }
        })
    }

    fn connect(
        &self,
        to: SocketAddr,
        _: Protocol,
        within: Duration,
    ) -> Future<'_, Result<Box<dyn Stream>, ConnectError>> {
        Box::pin(async move {
            if to.ip() == IpAddr::from([10, 96, 0, 10]) {
                self.sleep(within).await;
                return Err(ConnectError::TimedOut);
            }
            if to.port() != 80 {
                return Err(ConnectError::Refused);
            }
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let (near, mut far) = tokio::io::duplex(4096);
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async move {
                let mut head = vec![0; 2048];
                let count = far.read(&mut head).await.unwrap_or(0);
                let found = head[..count].starts_with(b"GET / ");
                let answer: &[u8] = if found {
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
                } else {
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
                };
                far.write_all(answer).await.ok();
            });
            tasks.detach_all();
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }

    fn listen(&self, _: u16, _: Protocol) -> Result<Listener, ListenError> {
        Err(ListenError::InUse)
    }
}

/// Gathers what is written.
#[derive(Clone, Default)]
pub(crate) struct Sink(pub(crate) Arc<Mutex<Vec<u8>>>);

impl Sink {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl AsyncWrite for Sink {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let mut held = self.0.lock().unwrap();
        if held.len() < 1 << 20 {
            held.extend(bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

pub(crate) fn busybox() -> Arc<Image> {
    static IMAGE: OnceLock<Arc<Image>> = OnceLock::new();
    Arc::clone(IMAGE.get_or_init(|| {
        Arc::new(Builder::busybox().program("/usr/bin/curl", "curl").program("/usr/bin/redis-cli", "redis-cli").build())
    }))
}

pub(crate) fn container(image: Arc<Image>, uid: u32) -> Container {
    let credentials = if uid == 0 {
        Credentials::root()
    } else {
        Credentials { uid, gid: uid, groups: vec![], capabilities: Vec::<Capability>::new() }
    };
    Container::new(Spec {
        image,
        hostname: "pod".to_owned(),
        env: vec![],
        credentials,
        workdir: None,
        root: Writable::Yes,
        mounts: vec![],
        hosts: "127.0.0.1\tlocalhost\n10.244.0.5\tpod\n".to_owned(),
        resolv:
            "nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
                .to_owned(),
        allowance: Allowance::new(1 << 20, None),
        memory: None,
        seeming: vec![crate::Seeming { argv: vec!["sleep".to_owned(), "3600".to_owned()], uid: 0 }],
        surroundings: Arc::new(Nowhere::default()),
        cluster: None,
        events: None,
    })
}

/// Runs words in a container, with something to read.
pub(crate) async fn exec(container: &Container, argv: &[&str], stdin: &str) -> Run {
    let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
    let (stdout, stderr) = (Sink::default(), Sink::default());
    let streams = Streams {
        stdin: Some(Box::new(std::io::Cursor::new(stdin.as_bytes().to_vec()))),
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        tty: None,
    };
    let budget = Budget { steps: Some(300_000), time: None };
    let code = container.exec(&argv, streams, budget).await.unwrap_or(-1);
    Run { stdout: stdout.text(), stderr: stderr.text(), code }
}

pub(crate) fn block<T>(work: impl std::future::Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(work)
}

pub(crate) fn run_as(uid: u32, script: &str) -> Run {
    block(async { exec(&container(busybox(), uid), &["sh", "-c", script], "").await })
}

pub(crate) fn run(script: &str) -> Run {
    run_as(0, script)
}

/// Runs a script and compares what it writes and ends with; it must not complain.
#[track_caller]
pub(crate) fn check(script: &str, stdout: &str, code: i32) {
    let run = run(script);
    assert_eq!((run.stdout.as_str(), run.code), (stdout, code), "{script}\n{}", run.stderr);
}
