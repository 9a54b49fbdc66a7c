//! Processes over SPDY: one stream for each of the process's, one for its end, one for the size of its terminal.
//!
//! Source: `k8s.io/client-go/tools/remotecommand` (`v4.channel.k8s.io`), and the kubelet's `remotecommand` server.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::session::{Channel, Demand, Gone, Input, Insides, PARTING, Session, Wire};
use super::spdy::{self, Connection, Output, Stream};

/// What is spoken; every client since 1.4 knows it.
pub(super) const PROTOCOLS: &[(&str, ())] = &[("v4.channel.k8s.io", ())];
/// How long a client may take to open its streams.
const OPENING: Duration = Duration::from_secs(30);
/// How long the text of a terminal's size may be.
const SIZE: usize = 1024;

/// Serves one process until it has ended or the client has gone.
pub(super) async fn serve(insides: Insides, upgraded: Upgraded, demand: Demand) {
    let (driver, mut connection) = spdy::serve(TokioIo::new(upgraded));
    let work = async {
        let opened = tokio::time::timeout(OPENING, Opened::accept(&mut connection, &demand)).await;
        let Ok(Some(opened)) = opened else { return };
        let (session, input) = Session::start(&insides, demand);
        let mut wire = Outputs {
            error: opened.error.output,
            stdout: opened.stdout.map(|stream| stream.output),
            stderr: opened.stderr.map(|stream| stream.output),
        };
        let (stdin, resize) = (opened.stdin.map(|stream| stream.input), opened.resize.map(|stream| stream.input));
        tokio::select! {
            _ = session.drive(&mut wire) => {}
            () = read(input, stdin, resize) => {}
        }
        // The client closes once it has read all; to close before would cost it what is still on the way.
        tokio::time::sleep(PARTING).await;
    };
    tokio::select! {
        done = driver => {
            if let Err(error) = done {
                tracing::debug!(%error, "a SPDY connection ended");
            }
        }
        () = work => {}
    }
}

/// The streams of one process.
struct Opened {
    error: Stream,
    stdin: Option<Stream>,
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    resize: Option<Stream>,
}

impl Opened {
    /// Takes the streams that belong to what was demanded; `None` if the client goes before it has opened them.
    async fn accept(connection: &mut Connection, demand: &Demand) -> Option<Opened> {
        let (mut error, mut stdin, mut stdout, mut stderr, mut resize) = (None, None, None, None, None);
        let is_there = |wanted: bool, stream: &Option<Stream>| stream.is_some() || !wanted;
        loop {
            if is_there(demand.stdin, &stdin)
                && is_there(demand.stdout, &stdout)
                && is_there(demand.stderr, &stderr)
                && is_there(demand.tty, &resize)
                && let Some(error) = error.take()
            {
                return Some(Opened { error, stdin, stdout, stderr, resize });
            }
            let incoming = connection.accept().await?;
            let place = match incoming.header("streamtype") {
                "error" => &mut error,
                "stdin" if demand.stdin => &mut stdin,
                "stdout" if demand.stdout => &mut stdout,
                "stderr" if demand.stderr => &mut stderr,
                "resize" if demand.tty => &mut resize,
                _ => {
                    incoming.stream.refuse().await;
                    continue;
                }
            };
            *place = Some(incoming.stream);
        }
    }
}

/// Takes what the client sends; never ends by itself, since the client's going ends the connection.
async fn read(mut input: Input, mut stdin: Option<spdy::Input>, mut resize: Option<spdy::Input>) {
    let mut sizes = Vec::new();
    loop {
        tokio::select! {
            bytes = next(&mut stdin) => match bytes {
                Some(bytes) => input.write(&bytes).await,
                None => {
                    input.end();
                    stdin = None;
                }
            },
            bytes = next(&mut resize) => match bytes {
                Some(bytes) => {
                    sizes.extend_from_slice(&bytes);
                    // Sizes follow each other without a mark between them.
                    while let Some(end) = sizes.iter().position(|byte| *byte == b'}') {
                        input.resize(&sizes[..=end]);
                        sizes.drain(..=end);
                    }
                    if sizes.len() > SIZE {
                        sizes.clear();
                    }
                }
                None => resize = None,
            },
        }
    }
}

/// Returns the next bytes of a stream; waits for ever where there is none.
async fn next(stream: &mut Option<spdy::Input>) -> Option<Bytes> {
    match stream {
        Some(stream) => stream.read().await,
        None => std::future::pending().await,
    }
}

struct Outputs {
    error: Output,
    stdout: Option<Output>,
    stderr: Option<Output>,
}

impl Wire for Outputs {
    async fn send(&mut self, channel: Channel, bytes: &[u8]) -> Result<(), Gone> {
        let stream = match channel {
            Channel::Stdout => &self.stdout,
            Channel::Stderr => &self.stderr,
        };
        match stream {
            Some(stream) => stream.write(Bytes::copy_from_slice(bytes)).await,
            None => Ok(()),
        }
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        // The connection does.
        Ok(())
    }

    async fn finish(&mut self, verdict: Value) -> Result<(), Gone> {
        for stream in [&self.stdout, &self.stderr].into_iter().flatten() {
            stream.finish().await?;
        }
        self.error.write(Bytes::from(verdict.to_string())).await?;
        self.error.finish().await
    }
}
