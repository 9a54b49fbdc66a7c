//! One process with a client at its streams, whatever carries them: bytes both ways, the size of the terminal, and in
//! the end what became of it as a `metav1.Status`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex, empty, sink};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval_at};

use super::process::{Inside, Processes, Refusal, Run, Size, Streams};
use crate::Version;
use crate::consoles::Consoles;
use crate::logs::Logs;
use crate::server::log;

/// How many bytes a pipe between a process and its client holds; then the writer waits.
const PIPE: usize = 64 * 1024;
/// How many bytes go out at once.
const CHUNK: usize = 32 * 1024;
/// How often a client is asked for a sign of life.
pub(super) const PING: Duration = Duration::from_secs(60);
/// How long a client may be silent. Each answers pings, and `kubectl` gives up far earlier itself.
pub(super) const SILENCE: Duration = Duration::from_secs(300);
/// How long a client has to close the connection once it was told how all ended.
pub(super) const PARTING: Duration = Duration::from_secs(10);

/// What a client wants.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    /// In which container.
    pub(super) inside: Inside,
    /// To do what.
    pub(super) task: Task,
    /// Whether standard input is sent.
    pub(super) stdin: bool,
    /// Whether standard output is wanted.
    pub(super) stdout: bool,
    /// Whether standard error is wanted.
    pub(super) stderr: bool,
    /// Whether the process is to have a terminal.
    pub(super) tty: bool,
    /// The emulated version, whose words are used.
    pub(super) version: Version,
}

/// What is done in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// A command is run: its words.
    Command(Vec<String>),
    /// The main process is attached to.
    Attach,
}

/// An output of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The client is not there any more.
#[derive(Debug, thiserror::Error)]
#[error("the client has gone")]
pub(super) struct Gone;

/// What carries outputs to a client.
pub(super) trait Wire {
    /// Sends bytes; waits while the client does not take them.
    async fn send(&mut self, channel: Channel, bytes: &[u8]) -> Result<(), Gone>;
    /// Asks for a sign of life.
    async fn ping(&mut self) -> Result<(), Gone>;
    /// Tells how all ended, as the last thing.
    async fn finish(&mut self, verdict: Value) -> Result<(), Gone>;
}

/// The client's side of a process's input.
pub(super) struct Input {
    stdin: Option<DuplexStream>,
    size: watch::Sender<Size>,
}

impl Input {
    /// Writes to standard input; waits while the process does not read. What comes after its end is dropped.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        if let Some(stdin) = &mut self.stdin
            && stdin.write_all(bytes).await.is_err()
        {
            self.stdin = None;
        }
    }

    /// Ends standard input.
    pub(super) fn end(&mut self) {
        self.stdin = None;
    }

    /// Takes a terminal's new size, as JSON; nonsense is ignored.
    pub(super) fn resize(&self, text: &[u8]) {
        let Ok(value) = serde_json::from_slice::<Value>(text) else { return };
        let side = |name: &str| value[name].as_u64().and_then(|side| u16::try_from(side).ok()).filter(|side| *side > 0);
        if let (Some(columns), Some(rows)) = (side("Width"), side("Height")) {
            self.size.send_replace(Size { columns, rows });
        }
    }
}

/// What runs inside containers.
#[derive(Clone)]
pub(super) struct Insides {
    /// Starts commands.
    pub(super) processes: Arc<dyn Processes>,
    /// The streams of main processes.
    pub(super) consoles: Consoles,
    /// What they wrote.
    pub(super) logs: Logs,
}

/// A process under way.
pub(super) struct Session {
    demand: Demand,
    stdout: DuplexStream,
    stderr: DuplexStream,
    run: Run,
}

impl Session {
    /// Starts what was demanded.
    pub(super) fn start(insides: &Insides, demand: Demand) -> (Session, Input) {
        let (stdout, stdout_end) = duplex(PIPE);
        let (stderr, stderr_end) = duplex(PIPE);
        let (size, sizes) = watch::channel(Size::default());
        let mut input = Input { stdin: None, size };
        let streams = Streams {
            stdin: if demand.stdin {
                let (stdin, stdin_end) = duplex(PIPE);
                input.stdin = Some(stdin);
                Box::new(stdin_end)
            } else {
                Box::new(empty())
            },
            stdout: if demand.stdout { Box::new(stdout_end) } else { Box::new(sink()) },
            stderr: if demand.stderr { Box::new(stderr_end) } else { Box::new(sink()) },
            terminal: demand.tty.then_some(sizes),
        };
        let inside = demand.inside.clone();
        let run = match &demand.task {
            Task::Command(words) => insides.processes.exec(inside, words.clone(), streams),
            Task::Attach => match log::instance(&inside.pod, &inside.container, log::Which::Current) {
                Ok(instance) if super::is_running(&inside) => {
                    insides.consoles.attach(&instance, streams, &insides.logs)
                }
                Ok(_) | Err(_) => Box::pin(std::future::ready(Err(Refusal::NotRunning))),
            },
        };
        (Session { demand, stdout, stderr, run }, input)
    }

    /// Carries the outputs until the process has ended, then its end.
    pub(super) async fn drive(self, wire: &mut impl Wire) -> Result<(), Gone> {
        let Session { demand, mut stdout, mut stderr, mut run } = self;
        let (mut out, mut err) = (vec![0; CHUNK], vec![0; CHUNK]);
        let (mut stdout_open, mut stderr_open, mut outcome) = (true, true, None);
        let mut pings = interval_at(tokio::time::Instant::now() + PING, PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let (Some(result), false, false) = (&outcome, stdout_open, stderr_open) {
                let (last_words, verdict) = verdict(&demand, result);
                if !last_words.is_empty() && demand.stdout {
                    wire.send(Channel::Stdout, last_words.as_bytes()).await?;
                }
                return wire.finish(verdict).await;
            }
            tokio::select! {
                result = &mut run, if outcome.is_none() => outcome = Some(result),
                read = stdout.read(&mut out), if stdout_open => match read {
                    Ok(length @ 1..) => wire.send(Channel::Stdout, &out[..length]).await?,
                    Ok(0) | Err(_) => stdout_open = false,
                },
                read = stderr.read(&mut err), if stderr_open => match read {
                    Ok(length @ 1..) => wire.send(Channel::Stderr, &err[..length]).await?,
                    Ok(0) | Err(_) => stderr_open = false,
                },
                _ = pings.tick() => wire.ping().await?,
            }
        }
    }
}

/// Returns what a process's end is called, and what a runtime writes to its output before that.
fn verdict(demand: &Demand, result: &Result<i32, Refusal>) -> (String, Value) {
    let (what, words) = match &demand.task {
        // Whoever attached hears of the streams' end only.
        Task::Attach if result.is_ok() => return (String::new(), success()),
        Task::Attach => ("error attaching to container", &[][..]),
        Task::Command(words) => ("error executing command in container", words.as_slice()),
    };
    match (result, demand.version) {
        (Ok(0), _) => (String::new(), success()),
        (Ok(code), version) => (String::new(), failure(*code, words, version)),
        (Err(Refusal::NotRunning), _) => (String::new(), not_found(demand)),
        (Err(refusal @ Refusal::NotSimulated), _) => (String::new(), internal(&refusal.to_string())),
        (Err(refusal), Version::V1_20) => {
            let text = format!(
                "OCI runtime exec failed: exec failed: unable to start container process: {refusal}: unknown\r\n"
            );
            (text, failure(126, words, Version::V1_20))
        }
        (Err(refusal), Version::V1_24 | Version::V1_34) => {
            let id = format!("{:032x}{:032x}", uuid::Uuid::new_v4().as_u128(), uuid::Uuid::new_v4().as_u128());
            let text = format!(
                "{what}: failed to exec in container: failed to start exec {id:?}: OCI runtime exec failed: exec \
                 failed: unable to start container process: {refusal}: unknown"
            );
            (String::new(), internal(&text))
        }
    }
}

fn success() -> Value {
    json!({ "metadata": {}, "status": "Success" })
}

fn failure(code: i32, words: &[String], version: Version) -> Value {
    let why = match version {
        Version::V1_20 => format!("Error executing in Docker Container: {code}"),
        Version::V1_24 | Version::V1_34 => format!("error executing command [{}], exit code {code}", words.join(" ")),
    };
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: {why}"),
        "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] },
    })
}

/// Returns the `Status` of a fault behind the API server.
pub(super) fn internal(text: &str) -> Value {
    json!({
        "metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500,
        "message": format!("Internal error occurred: {text}"),
        "details": { "causes": [{ "message": text }] },
    })
}

fn not_found(demand: &Demand) -> Value {
    internal(&format!("unable to upgrade connection: {}", missing(demand)))
}

/// Returns the kubelet's words for a container that does not run.
pub(super) fn missing(demand: &Demand) -> String {
    let Inside { pod, container } = &demand.inside;
    match &demand.task {
        Task::Command(_) => format!("container not found ({container:?})"),
        Task::Attach => format!("container {container} not found in pod {}", super::full_name(pod)),
    }
}
