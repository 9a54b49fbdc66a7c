//! Processes and ports that are simple enough to see through.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shell::ConnectError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::task::TaskTracker;

use crate::consoles::{Begin, Main, Mains};
use crate::server::streams::port_forward::{Connecting, Ports};
use crate::server::streams::process::{Inside, Processes, Refusal, Run, Streams};
use crate::store::Object;

/// Runs a few commands, and counts those that live.
#[derive(Clone, Default)]
pub(super) struct Toy {
    alive: Arc<AtomicUsize>,
    tasks: TaskTracker,
}

struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Toy {
    /// Returns how many processes and connections live.
    pub(super) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    fn birth(&self) -> Alive {
        self.alive.fetch_add(1, Ordering::SeqCst);
        Alive(Arc::clone(&self.alive))
    }
}

async fn run(command: Vec<String>, mut streams: Streams) -> Result<i32, Refusal> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["cat"] => {
            let _ = tokio::io::copy(&mut streams.stdin, &mut streams.stdout).await;
            Ok(0)
        }
        ["exit", code] => Ok(code.parse().unwrap()),
        ["say", out, err] => {
            let _ = streams.stdout.write_all(out.as_bytes()).await;
            let _ = streams.stderr.write_all(err.as_bytes()).await;
            Ok(0)
        }
        ["flood", count] => {
            let (mut left, block) = (count.parse::<usize>().unwrap(), [b'y'; 5000]);
            while left > 0 {
                let part = left.min(block.len());
                if streams.stdout.write_all(&block[..part]).await.is_err() {
                    return Ok(141);
                }
                left -= part;
            }
            Ok(0)
        }
        ["size"] => {
            let Some(mut sizes) = streams.terminal else { return Ok(1) };
            let mut byte = [0];
            loop {
                tokio::select! {
                    changed = sizes.changed() => {
                        let size = *sizes.borrow_and_update();
                        let text = format!("{}x{}\n", size.columns, size.rows);
                        if changed.is_err() || streams.stdout.write_all(text.as_bytes()).await.is_err() {
                            return Ok(1);
                        }
                    }
                    _ = streams.stdin.read(&mut byte) => return Ok(0),
                }
            }
        }
        ["sleep"] => std::future::pending().await,
        ["/etc/passwd", ..] => Err(Refusal::NotExecutable("/etc/passwd".to_owned())),
        [path, ..] if path.starts_with('/') => Err(Refusal::NoSuchFile((*path).to_owned())),
        _ => Err(Refusal::NotInPath(command.first().cloned().unwrap_or_default())),
    }
}

impl Processes for Toy {
    fn exec(&self, _inside: Inside, command: Vec<String>, streams: Streams) -> Run {
        let alive = self.birth();
        Box::pin(async move {
            let _alive = alive;
            run(command, streams).await
        })
    }
}

/// Main processes say which Pod's they are, then give back what they get, and fail.
impl Mains for Toy {
    fn main(&self, main: Main) -> Option<Begin> {
        let alive = self.birth();
        Some(Box::new(move |mut streams| {
            Box::pin(async move {
                let _alive = alive;
                let words = format!("{} {}: ", crate::fields::name(&main.pod), main.id.len());
                let _ = streams.stdout.write_all(words.as_bytes()).await;
                let _ = tokio::io::copy(&mut streams.stdin, &mut streams.stdout).await;
                Ok(3)
            })
        }))
    }
}

impl Ports for Toy {
    fn connect(&self, _pod: Object, port: u16) -> Connecting {
        let (alive, tasks) = (self.birth(), self.tasks.clone());
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(1024);
            let (mut read, mut write) = tokio::io::split(ours);
            match port {
                // Gives back what it gets.
                7 => drop(tasks.spawn(async move {
                    let _alive = alive;
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                    let _ = write.shutdown().await;
                })),
                // Says something and leaves.
                13 => drop(tasks.spawn(async move {
                    let _alive = alive;
                    let _ = write.write_all(b"13:00").await;
                })),
                _ => return Err(ConnectError::Refused),
            }
            Ok(Box::new(theirs) as Box<dyn shell::Stream>)
        })
    }
}
