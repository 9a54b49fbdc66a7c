//! The learner's shell as a process: a pseudo-terminal, a thread that reads it, one that writes it, one that waits.
//!
//! What the shell prints goes through a bounded channel: when the front end lags, the reader waits, the kernel's
//! buffer fills, and the flooding command waits with it. So at most [`CHUNKS`] pieces are ever on their way, and
//! Ctrl-C takes effect after them.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use tokio::sync::mpsc;

use crate::msg::{Foreground, ShellStart};

mod shells;

/// How many pieces of output may be on their way.
const CHUNKS: usize = 32;

/// The largest piece, in bytes.
const CHUNK: usize = 8 * 1024;

/// How many pieces of input may wait for an application that does not read.
const INPUTS: usize = 256;

/// How long the shell may take to end once it is told to.
const GRACE: Duration = Duration::from_millis(500);

/// Why the shell could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PtyError {
    /// No pseudo-terminal, or the program did not start.
    #[error("{0}")]
    Start(String),
    /// The start file could not be written, or a thread could not be started.
    #[error("failed to prepare the shell")]
    Prepare(#[from] io::Error),
}

/// What the shell does.
#[derive(Debug)]
pub(crate) enum ShellEvent {
    /// It printed.
    Output(Vec<u8>),
    /// It has ended, with this exit code.
    Ended(Option<u32>),
}

/// A running shell. Dropping it ends the shell and what runs in it.
pub(crate) struct Pty {
    master: Box<dyn MasterPty + Send>,
    shell: Option<Pid>,
    input: SyncSender<Vec<u8>>,
    /// The start files of this shell, removed with it.
    folder: PathBuf,
    /// The file that the shell reads before each prompt, where it does.
    next: Option<PathBuf>,
    ended: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Pty {
    /// Starts the learner's shell; its start file goes below `folder`.
    pub(crate) fn start(start: &ShellStart, folder: &Path) -> Result<(Pty, mpsc::Receiver<ShellEvent>), PtyError> {
        Pty::start_program(&shells::own(), start, folder)
    }

    fn start_program(
        program: &Path,
        start: &ShellStart,
        folder: &Path,
    ) -> Result<(Pty, mpsc::Receiver<ShellEvent>), PtyError> {
        // Two programs of one home have a folder each.
        let folder = folder.join(std::process::id().to_string());
        let shell = shells::start(program, &folder, &start.variables)?;
        fn failed(error: impl std::fmt::Display) -> PtyError {
            PtyError::Start(error.to_string())
        }
        let pair = native_pty_system().openpty(size(start.rows, start.columns)).map_err(failed)?;
        let mut command = CommandBuilder::new(&shell.program);
        command.args(&shell.arguments);
        // Sequences meant for the multiplexer around us would miss it: they end in the pane.
        for name in ["TMUX", "TMUX_PANE", "STY", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "LINES", "COLUMNS"] {
            command.env_remove(name);
        }
        command.env("TERM", shells::terminal_type());
        // The emulator has no alternate character sets: boxes are drawn with Unicode.
        command.env("NCURSES_NO_UTF8_ACS", "1");
        for (name, value) in start.variables.iter().chain(&shell.variables) {
            command.env(name, value);
        }
        if start.work.is_dir() {
            command.cwd(&start.work);
        }
        let mut child = pair.slave.spawn_command(command).map_err(failed)?;
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().map_err(failed)?;
        let mut writer = pair.master.take_writer().map_err(failed)?;
        let pid = child.process_id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        let (output, events) = mpsc::channel(CHUNKS);
        let (input, inputs) = sync_channel::<Vec<u8>>(INPUTS);
        let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));

        let to_loop = output.clone();
        thread::Builder::new().name("shell-output".to_owned()).spawn(move || {
            let mut buffer = vec![0; CHUNK];
            loop {
                match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        if to_loop.blocking_send(ShellEvent::Output(buffer[..count].to_vec())).is_err() {
                            break;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // EIO is how Linux says that the other side is closed.
                    Err(_) => break,
                }
            }
        })?;
        thread::Builder::new().name("shell-input".to_owned()).spawn(move || {
            while let Ok(bytes) = inputs.recv() {
                if writer.write_all(&bytes).and_then(|()| writer.flush()).is_err() {
                    break;
                }
            }
        })?;
        let flag = ended.clone();
        thread::Builder::new().name("shell-end".to_owned()).spawn(move || {
            let code = child.wait().ok().map(|status| status.exit_code());
            flag.store(true, std::sync::atomic::Ordering::Release);
            // The loop may be gone, which is fine.
            let _ = output.blocking_send(ShellEvent::Ended(code));
        })?;
        Ok((Pty { master: pair.master, shell: pid, input, folder, next: shell.next, ended }, events))
    }

    /// Sends bytes to the shell. Where the application in it has not read for long, they are dropped.
    pub(crate) fn write(&self, bytes: Vec<u8>) {
        match self.input.try_send(bytes) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => tracing::warn!("input dropped: the application does not read"),
            Err(TrySendError::Disconnected(_)) => tracing::debug!("input dropped: the shell has ended"),
        }
    }

    /// Lets the shell, which waits at its prompt, run commands without showing them; a shell that cannot be taught to
    /// is sent them as if they were typed, after a blank that keeps them out of most histories.
    pub(crate) fn follow(&self, cut: Vec<u8>, commands: &str) {
        let hidden = self.next.as_deref().and_then(|next| Some((next.parent()?, next.file_name()?.to_str()?)));
        let left = hidden.map(|(folder, name)| shells::write(folder, name, &format!("{commands}\n")));
        let mut bytes = cut;
        match left {
            Some(Ok(_)) => {}
            Some(Err(_)) | None => bytes.extend_from_slice(format!(" {commands}").as_bytes()),
        }
        bytes.push(b'\r');
        self.write(bytes);
    }

    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        if let Err(error) = self.master.resize(size(rows, columns)) {
            tracing::warn!(%error, "failed to resize the shell's terminal");
        }
    }

    /// Who owns the terminal: the shell itself, or a command in its own process group.
    pub(crate) fn foreground(&self) -> Foreground {
        match (self.master.process_group_leader(), self.shell) {
            (Some(leader), Some(shell)) if leader != shell.as_raw() => Foreground::Command,
            _ => Foreground::Prompt,
        }
    }

    fn signal(&self, signal: Signal) {
        let groups = [self.master.process_group_leader().map(Pid::from_raw), self.shell];
        for group in groups.into_iter().flatten().filter(|group| group.as_raw() > 1) {
            // A group that is gone already is what we want.
            let _ = killpg(group, signal);
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // A start file that stays does no harm.
        let _ = std::fs::remove_dir_all(&self.folder);
        if self.ended.load(std::sync::atomic::Ordering::Acquire) {
            return;
        }
        self.signal(Signal::SIGHUP);
        self.signal(Signal::SIGCONT);
        let start = Instant::now();
        while !self.ended.load(std::sync::atomic::Ordering::Acquire) {
            if start.elapsed() > GRACE {
                self.signal(Signal::SIGKILL);
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn size(rows: u16, columns: u16) -> PtySize {
    PtySize { rows: rows.max(2), cols: columns.max(2), pixel_width: 0, pixel_height: 0 }
}

#[cfg(test)]
mod tests;
