//! The streams of containers' main processes: what they write goes to the log and to whoever attached, what those
//! who attached type goes to them.
//!
//! Whoever can run main processes inside containers says so with [`Consoles::run_mains_by`]; the kubelets ask
//! [`Consoles::main`] for those that are more than a list of steps. Whoever attaches does so with
//! [`Consoles::attach`].

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hyper::body::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex, empty};
use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::fields::is_true;
use crate::logs::{End, Instance, Logs};
use crate::server::streams::process::{Refusal, Run, Size, Streams};
use crate::store::Object;

/// How many bytes a pipe holds; then the writer waits.
const PIPE: usize = 64 * 1024;
/// How many bytes are handed on at once.
const CHUNK: usize = 8 * 1024;
/// How many chunks wait for somebody who attached; then the process waits.
const WAITING: usize = 16;
/// How long a line of the log may be; a longer one is cut, as container runtimes do.
const LINE: usize = 16 * 1024;
/// How many bytes are kept for the first who attaches.
const BACKLOG: usize = 64 * 1024;

/// Hands a main process's output on, until the process has dropped both its outputs.
type Pump = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A main process until its end: gives its exit code. Dropping it kills the process.
pub(crate) type Life = Pin<Box<dyn Future<Output = i32> + Send>>;

/// The main process of a container that starts.
#[cfg_attr(not(test), expect(dead_code, reason = "nobody runs main processes inside containers yet"))]
#[derive(Debug, Clone)]
pub(crate) struct Main {
    /// The Pod; its status does not know of this run yet.
    pub(crate) pod: Object,
    /// The container's part of the Pod's `spec`.
    pub(crate) spec: Value,
    /// The run: the runtime's name for it, without the scheme.
    pub(crate) id: String,
}

/// Begins a main process with these streams.
pub(crate) type Begin = Box<dyn FnOnce(Streams) -> Run + Send>;

/// What can run main processes inside containers.
pub(crate) trait Mains: Send + Sync {
    /// Returns what begins a main process; `None` where the image is not simulated inside.
    fn main(&self, main: Main) -> Option<Begin>;
}

/// The consoles of all main processes. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Consoles {
    shared: Arc<Mutex<BTreeMap<Instance, Arc<Console>>>>,
    mains: Arc<OnceLock<Box<dyn Mains>>>,
}

/// The console of one main process.
struct Console {
    /// Its input; `None` where it has none, or no more.
    stdin: tokio::sync::Mutex<Option<DuplexStream>>,
    detach: Detach,
    size: watch::Sender<Size>,
    audience: Mutex<Audience>,
}

/// What becomes of the input when somebody who attached leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detach {
    /// It stays open for the next one.
    Stays,
    /// It ends (`stdinOnce`).
    Ends,
}

/// Who hears what the process says.
#[derive(Default)]
struct Audience {
    attached: Vec<mpsc::Sender<Chunk>>,
    /// What was said before the first one came; `None` where that is not kept, and from then on.
    backlog: Option<VecDeque<Chunk>>,
}

/// A part of the output.
type Chunk = (Outlet, Bytes);

/// An output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outlet {
    Stdout,
    Stderr,
}

impl Consoles {
    /// Sets what runs main processes; only the first time counts.
    #[cfg_attr(not(test), expect(dead_code, reason = "nobody runs main processes inside containers yet"))]
    pub(crate) fn run_mains_by(&self, mains: Box<dyn Mains>) {
        let _ = self.mains.set(mains);
    }

    /// Returns a main process that starts, with its console; `None` where nobody can run it.
    pub(crate) fn main(&self, main: Main, instance: &Instance, logs: &Logs, clock: &Clock) -> Option<Life> {
        let spec = main.spec.clone();
        let begin = self.mains.get()?.main(main)?;
        let (streams, pump) = self.open(instance, &spec, logs, clock);
        let run = begin(streams);
        Some(Box::pin(async move {
            // What was said last is in the log when the end is told.
            let (code, ()) = tokio::join!(run, pump);
            code.unwrap_or(127)
        }))
    }

    /// Opens the console of a main process that starts; `spec` is its container's part of the Pod. Where the
    /// container has an input, the first who attaches also gets what was said before: on a real cluster the prompt
    /// of `kubectl run -it` is a matter of luck.
    fn open(&self, instance: &Instance, spec: &Value, logs: &Logs, clock: &Clock) -> (Streams, Pump) {
        let (stdout, stdout_end) = duplex(PIPE);
        let (stderr, stderr_end) = duplex(PIPE);
        let (stdin, stdin_end) = duplex(PIPE);
        let (size, sizes) = watch::channel(Size::default());
        let (has_stdin, has_terminal) = (is_true(spec, "/stdin"), is_true(spec, "/tty"));
        let console = Arc::new(Console {
            stdin: tokio::sync::Mutex::new(has_stdin.then_some(stdin)),
            detach: if is_true(spec, "/stdinOnce") { Detach::Ends } else { Detach::Stays },
            size,
            audience: Mutex::new(Audience { attached: Vec::new(), backlog: has_stdin.then(VecDeque::new) }),
        });
        self.lock().insert(instance.clone(), Arc::clone(&console));
        let streams = Streams {
            stdin: if has_stdin { Box::new(stdin_end) } else { Box::new(empty()) },
            stdout: Box::new(stdout_end),
            stderr: Box::new(stderr_end),
            terminal: has_terminal.then_some(sizes),
        };
        let open = Open { consoles: self.clone(), instance: instance.clone() };
        let pump = pump(open, console, logs.clone(), clock.clone(), stdout, stderr);
        (streams, Box::pin(pump))
    }

    /// Attaches to a main process until it ends; gives 0 then. A process without a console is one whose output
    /// comes as whole lines of the log.
    pub(crate) fn attach(&self, instance: &Instance, streams: Streams, logs: &Logs) -> Run {
        // Within the lock: a console that is taken away meanwhile has all its audience.
        let console = self.lock().get(instance).map(|console| (Arc::clone(console), console.join()));
        match console {
            Some((console, chunks)) => Box::pin(attach(console, chunks, streams)),
            None => Box::pin(follow(logs.clone(), instance.clone(), streams)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Instance, Arc<Console>>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a console away at the end of its pump, whichever way that ends.
struct Open {
    consoles: Consoles,
    instance: Instance,
}

impl Drop for Open {
    fn drop(&mut self) {
        let console = self.consoles.lock().remove(&self.instance);
        if let Some(console) = console {
            // Those who attached see the end.
            console.audience().attached.clear();
        }
    }
}

impl Console {
    fn audience(&self) -> MutexGuard<'_, Audience> {
        self.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the audience.
    fn join(&self) -> mpsc::Receiver<Chunk> {
        let mut audience = self.audience();
        let backlog = audience.backlog.take().unwrap_or_default();
        let (sender, receiver) = mpsc::channel(WAITING + backlog.len());
        for chunk in backlog {
            // There is room for all of them.
            let _ = sender.try_send(chunk);
        }
        audience.attached.push(sender);
        receiver
    }

    /// Says something to all who attached; waits for the slowest.
    async fn say(&self, outlet: Outlet, bytes: Bytes) {
        let attached = {
            let mut audience = self.audience();
            if let Some(backlog) = &mut audience.backlog {
                backlog.push_back((outlet, bytes.clone()));
                while backlog.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > BACKLOG {
                    backlog.pop_front();
                }
            }
            audience.attached.retain(|sender| !sender.is_closed());
            audience.attached.clone()
        };
        for sender in attached {
            // Whoever left meanwhile hears nothing.
            let _ = sender.send((outlet, bytes.clone())).await;
        }
    }
}

async fn pump(
    open: Open,
    console: Arc<Console>,
    logs: Logs,
    clock: Clock,
    mut stdout: DuplexStream,
    mut stderr: DuplexStream,
) {
    let (mut out, mut err) = (vec![0; CHUNK], vec![0; CHUNK]);
    let (mut out_line, mut err_line) = (Lines::default(), Lines::default());
    let (mut out_open, mut err_open) = (true, true);
    while out_open || err_open {
        let (outlet, bytes) = tokio::select! {
            read = stdout.read(&mut out), if out_open => match read {
                Ok(length @ 1..) => (Outlet::Stdout, &out[..length]),
                Ok(0) | Err(_) => {
                    out_open = false;
                    continue;
                }
            },
            read = stderr.read(&mut err), if err_open => match read {
                Ok(length @ 1..) => (Outlet::Stderr, &err[..length]),
                Ok(0) | Err(_) => {
                    err_open = false;
                    continue;
                }
            },
        };
        let lines = match outlet {
            Outlet::Stdout => out_line.take(bytes),
            Outlet::Stderr => err_line.take(bytes),
        };
        for line in lines {
            logs.append(&open.instance, clock.now(), line);
        }
        console.say(outlet, Bytes::copy_from_slice(bytes)).await;
    }
    for line in [out_line, err_line].into_iter().filter_map(Lines::rest) {
        logs.append(&open.instance, clock.now(), line);
    }
}

/// Cuts bytes into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                self.0.push(*byte);
            }
            if *byte == b'\n' || self.0.len() >= LINE {
                lines.push(String::from_utf8_lossy(&std::mem::take(&mut self.0)).into_owned());
            }
        }
        lines
    }

    fn rest(self) -> Option<String> {
        (!self.0.is_empty()).then(|| String::from_utf8_lossy(&self.0).into_owned())
    }
}

async fn attach(console: Arc<Console>, mut chunks: mpsc::Receiver<Chunk>, streams: Streams) -> Result<i32, Refusal> {
    let Streams { mut stdin, mut stdout, mut stderr, terminal } = streams;
    let output = async {
        while let Some((outlet, bytes)) = chunks.recv().await {
            let written = match outlet {
                Outlet::Stdout => stdout.write_all(&bytes).await,
                Outlet::Stderr => stderr.write_all(&bytes).await,
            };
            if written.is_err() {
                break;
            }
        }
    };
    let input = async {
        let mut buffer = vec![0; CHUNK];
        while let Ok(length @ 1..) = stdin.read(&mut buffer).await {
            let mut input = console.stdin.lock().await;
            let Some(pipe) = input.as_mut() else { continue };
            if pipe.write_all(&buffer[..length]).await.is_err() {
                *input = None;
            }
        }
        if console.detach == Detach::Ends {
            *console.stdin.lock().await = None;
        }
        std::future::pending::<()>().await;
    };
    let sizes = async {
        if let Some(mut sizes) = terminal {
            while sizes.changed().await.is_ok() {
                console.size.send_replace(*sizes.borrow_and_update());
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = output => {}
        () = input => {}
        () = sizes => {}
    }
    Ok(0)
}

async fn follow(logs: Logs, instance: Instance, mut streams: Streams) -> Result<i32, Refusal> {
    let page = logs.read(&instance, u64::MAX);
    let (mut next, mut grown) = (page.next, page.grown);
    loop {
        let end = *grown.borrow_and_update();
        let page = logs.read(&instance, next);
        next = page.next;
        for line in page.lines {
            if streams.stdout.write_all(format!("{}\n", line.text).as_bytes()).await.is_err() {
                return Ok(0);
            }
        }
        if end == End::Closed || grown.changed().await.is_err() {
            return Ok(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn instance() -> Instance {
        Instance { pod: "u".to_owned(), container: "c".to_owned(), restarts: 0 }
    }

    fn ends() -> (Streams, DuplexStream, DuplexStream) {
        let ((stdin, stdin_end), (stdout, stdout_end)) = (duplex(PIPE), duplex(PIPE));
        let (sink, _) = duplex(PIPE);
        (
            Streams {
                stdin: Box::new(stdin_end),
                stdout: Box::new(stdout_end),
                stderr: Box::new(sink),
                terminal: None,
            },
            stdin,
            stdout,
        )
    }

    #[tokio::test]
    async fn what_a_process_says_goes_to_the_log_and_to_those_who_attached() {
        let (consoles, logs) = (Consoles::default(), Logs::default());
        let clock = Clock::starting_at(jiff::Timestamp::UNIX_EPOCH);
        let spec = json!({ "stdin": true, "stdinOnce": true });
        let (mut process, pump) = consoles.open(&instance(), &spec, &logs, &clock);
        let (streams, mut stdin, mut stdout) = ends();
        let main = async {
            process.stdout.write_all(b"name? ").await.unwrap();
            let mut text = String::new();
            process.stdin.read_to_string(&mut text).await.unwrap();
            process.stdout.write_all(format!("hello {text}\nbye").as_bytes()).await.unwrap();
            drop(process);
        };
        let client = async {
            // What was said before is not lost.
            tokio::task::yield_now().await;
            let run = consoles.attach(&instance(), streams, &logs);
            stdin.write_all(b"you").await.unwrap();
            drop(stdin);
            let mut text = String::new();
            let (code, read) = tokio::join!(run, async { stdout.read_to_string(&mut text).await });
            read.unwrap();
            assert_eq!((code, text.as_str()), (Ok(0), "name? hello you\nbye"));
        };
        tokio::join!(main, pump, client);
        let lines: Vec<String> = logs.read(&instance(), 0).lines.into_iter().map(|line| line.text).collect();
        assert_eq!(lines, ["name? hello you", "bye"]);
        assert!(consoles.lock().is_empty());
    }

    #[tokio::test]
    async fn a_process_that_is_killed_lets_those_who_attached_go() {
        let (consoles, logs) = (Consoles::default(), Logs::default());
        let clock = Clock::starting_at(jiff::Timestamp::UNIX_EPOCH);
        let (process, pump) = consoles.open(&instance(), &json!({ "stdin": true }), &logs, &clock);
        let (streams, _stdin, _stdout) = ends();
        let run = consoles.attach(&instance(), streams, &logs);
        drop((process, pump));
        assert_eq!(run.await, Ok(0));
    }

    #[tokio::test]
    async fn lines_of_a_process_without_a_console_are_followed() {
        let (consoles, logs) = (Consoles::default(), Logs::default());
        logs.append(&instance(), jiff::Timestamp::UNIX_EPOCH, "before");
        let (streams, _stdin, mut stdout) = ends();
        let run = consoles.attach(&instance(), streams, &logs);
        let write = async {
            tokio::task::yield_now().await;
            logs.append(&instance(), jiff::Timestamp::UNIX_EPOCH, "after");
            logs.close(&instance());
        };
        let (code, ()) = tokio::join!(run, write);
        assert_eq!(code, Ok(0));
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "after\n");
    }

    #[test]
    fn lines_are_cut() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"a\nb"), ["a"]);
        assert_eq!(lines.take(&[b'x'; LINE]).len(), 1);
        assert_eq!(lines.rest().unwrap().len(), 1);
    }
}
