//! Commands in the learner's environment: `bash -c` in a folder, with a cleaned environment, in a process group of
//! their own that never outlives them, and with bounded output.

use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

use crate::Error;

/// A command line and where it runs.
#[derive(Debug, Clone)]
pub struct Command {
    /// The command line, for `bash -c`.
    pub line: String,
    /// The folder it runs in.
    pub folder: PathBuf,
    /// All the variables that it gets.
    pub variables: Vec<(String, String)>,
    /// How many bytes are kept of each stream; the rest is read and dropped.
    pub cap: usize,
}

/// How a command ended and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output.
    pub output: Captured,
    /// Its standard error.
    pub errors: Captured,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// With this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What was kept of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Captured {
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Whether there was more than was kept.
    pub truncated: bool,
}

/// How long a process group has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(500);

/// How long output may still come once the command has ended (from what it left in the background).
const DRAIN: Duration = Duration::from_millis(100);

/// Runs a command to its end.
///
/// # Errors
///
/// [`Error::Command`] where it cannot be started, [`Error::Cancelled`] where `cancel` stopped it: the whole process
/// group is gone when this returns.
pub async fn run(command: &Command, cancel: &CancellationToken) -> Result<Ended, Error> {
    let failed = |source| Error::Command { command: command.line.clone(), source };
    let path = command.variables.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str());
    let mut child = tokio::process::Command::new(bash(path))
        .args(["--noprofile", "--norc", "-c", &command.line])
        .current_dir(&command.folder)
        .env_clear()
        .envs(command.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let group = Group(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
    let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(failed(std::io::Error::other("no output pipe")));
    };
    let mut output = Stream::new(output, command.cap);
    let mut errors = Stream::new(errors, command.cap);

    let ended = async {
        let both = async { tokio::join!(output.read(), errors.read()) };
        let status = read_until_ended(child.wait(), both).await?;
        Ok::<ExitStatus, std::io::Error>(status)
    };
    let status = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        status = ended => Some(status),
    };
    match status {
        Some(status) => {
            let status = status.map_err(failed)?;
            let exit = match (status.code(), status.signal()) {
                (Some(code), _) => Exit::Code(code),
                (None, Some(signal)) => Exit::Signal(signal),
                (None, None) => return Err(failed(std::io::Error::other("neither a code nor a signal"))),
            };
            Ok(Ended { exit, output: output.captured(), errors: errors.captured() })
        }
        None => {
            group.signal(Signal::SIGTERM);
            // Whether it went by itself or not, the group's guard kills what is left.
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
            Err(Error::Cancelled)
        }
    }
}

/// Reads while the command runs, and a moment longer: what it left in the background may keep the pipes open.
async fn read_until_ended<T>(
    wait: impl Future<Output = std::io::Result<ExitStatus>>,
    read: impl Future<Output = T>,
) -> std::io::Result<ExitStatus> {
    tokio::pin!(wait, read);
    tokio::select! {
        status = &mut wait => {
            let _ = tokio::time::timeout(DRAIN, read).await;
            status
        }
        // The command closed its outputs and runs on.
        _ = &mut read => wait.await,
    }
}

/// Returns bash from the command's own `PATH`, so that a learner's choice holds; else from ours.
fn bash(path: Option<&str>) -> PathBuf {
    path.into_iter()
        .flat_map(std::env::split_paths)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("bash"))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| PathBuf::from("bash"))
}

/// A process group that is killed when this goes.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // The group may be empty by now.
            let _ = killpg(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

struct Stream<R> {
    source: R,
    kept: Vec<u8>,
    cap: usize,
    truncated: bool,
}

impl<R: AsyncRead + Unpin> Stream<R> {
    fn new(source: R, cap: usize) -> Stream<R> {
        Stream { source, kept: Vec::new(), cap, truncated: false }
    }

    async fn read(&mut self) {
        let mut buffer = [0; 8192];
        while let Ok(count) = self.source.read(&mut buffer).await {
            if count == 0 {
                break;
            }
            let room = self.cap - self.kept.len();
            self.kept.extend_from_slice(&buffer[..count.min(room)]);
            self.truncated |= count > room;
        }
    }

    fn captured(&self) -> Captured {
        Captured { text: String::from_utf8_lossy(&self.kept).into_owned(), truncated: self.truncated }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn command(line: &str) -> Command {
        let path = std::env::var("PATH").unwrap();
        Command {
            line: line.to_owned(),
            folder: std::env::temp_dir(),
            variables: vec![("PATH".to_owned(), path), ("ONE".to_owned(), "1".to_owned())],
            cap: 1024,
        }
    }

    async fn ended(line: &str) -> Ended {
        run(&command(line), &CancellationToken::new()).await.unwrap()
    }

    #[tokio::test]
    async fn output_errors_and_code_are_kept() {
        let ended = ended("echo $ONE; echo oops >&2; exit 3").await;
        assert_eq!(ended.exit, Exit::Code(3));
        assert_eq!(ended.output, Captured { text: "1\n".to_owned(), truncated: false });
        assert_eq!(ended.errors.text, "oops\n");
    }

    #[tokio::test]
    async fn environment_is_clean_and_stdin_closed() {
        let ended = ended("env | grep -vE '^(PATH|ONE|PWD|SHLVL|_)='; cat; exit 0").await;
        assert_eq!(ended.output.text, "");
    }

    #[tokio::test]
    async fn a_flood_is_cut() {
        let ended = ended("head -c 1000000 /dev/zero | tr '\\0' x").await;
        assert_eq!(ended.exit, Exit::Code(0));
        assert_eq!(ended.output.text.len(), 1024);
        assert!(ended.output.truncated);
    }

    #[tokio::test]
    async fn a_signal_is_told_apart() {
        assert_eq!(ended("kill -9 $$").await.exit, Exit::Signal(9));
    }

    #[tokio::test]
    async fn what_runs_in_the_background_does_not_hold_the_check_and_is_killed() {
        let started = Instant::now();
        let ended = ended("sleep 1000 & echo $!").await;
        assert!(started.elapsed() < Duration::from_secs(5));
        assert_gone(ended.output.text.trim()).await;
    }

    #[tokio::test]
    async fn cancelling_kills_the_whole_group() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command("trap '' TERM; sleep 1000 & echo $! > pid; wait; sleep 1000");
        command.folder = folder.path().to_owned();
        let cancel = CancellationToken::new();
        let pid = folder.path().join("pid");
        let stop = async {
            while !std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            cancel.cancel();
        };
        let (result, ()) = tokio::join!(run(&command, &cancel), stop);
        assert!(matches!(result, Err(Error::Cancelled)));
        assert_gone(std::fs::read_to_string(&pid).unwrap().trim()).await;
    }

    async fn assert_gone(pid: &str) {
        let pid = Pid::from_raw(pid.parse().unwrap());
        for _ in 0..400 {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // A zombie has ended; whoever adopted it reaps it in its own time.
            if nix::sys::signal::kill(pid, None).is_err() || state.contains(") Z ") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("process {pid} still runs");
    }
}
