//! One simulated process: what every command has at hand. Forking copies it; descriptors are shared.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::container::Kernel;
use crate::errno::Errno;
use crate::event::{Action, Event, Terminal};
use crate::files::{Access, Credentials, Executable, Follow, Stat, Walker};
use crate::limits;
use crate::stream::{Fd, OpenFile};
use crate::surroundings::Future;
use crate::table::{Birth, Place, SIGKILL, SIGPIPE};
use crate::tree::{Device, Flavour};

/// Where commands are looked for if nobody says.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A process that ends before its last line, with this exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Halt(pub(crate) i32);

/// What a command ends with.
pub(crate) type Ran = Result<i32, Halt>;

/// What all processes of one exec share.
pub(crate) struct Session {
    /// Steps that are left; `u64::MAX` without end.
    steps: AtomicU64,
    /// Told when somebody types Ctrl-C.
    pub(crate) interrupt: Notify,
    /// Columns and rows of the terminal.
    pub(crate) size: Option<watch::Receiver<(u16, u16)>>,
}

impl Session {
    pub(crate) fn new(steps: Option<u64>, size: Option<watch::Receiver<(u16, u16)>>) -> Arc<Self> {
        Arc::new(Self { steps: AtomicU64::new(steps.unwrap_or(u64::MAX)), interrupt: Notify::new(), size })
    }
}

/// A process.
pub(crate) struct Process {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) session: Arc<Session>,
    pub(crate) place: Arc<Place>,
    pub(crate) who: Credentials,
    pub(crate) cwd: String,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) fds: BTreeMap<i32, Fd>,
    pub(crate) flavour: Flavour,
    pub(crate) umask: u32,
    /// How its messages begin: the name that it was called by.
    pub(crate) name: String,
    pub(crate) depth: u32,
}

impl Process {
    /// Returns its number.
    pub(crate) fn pid(&self) -> u32 {
        self.place.entry.pid
    }

    /// Returns the time since 1970.
    pub(crate) fn now(&self) -> Duration {
        self.kernel.surroundings.now()
    }

    pub(crate) fn walker(&self) -> Walker<'_> {
        Walker { who: &self.who, cwd: &self.cwd, pid: self.pid(), now: self.now() }
    }

    /// Makes a child with these words.
    pub(crate) fn fork(&self, argv: &[String]) -> Result<Process, Errno> {
        if self.depth >= limits::DEPTH {
            return Err(Errno::Again);
        }
        let terminal = if self.fds.values().any(|fd| fd.is_terminal()) { Terminal::Attached } else { Terminal::None };
        let place = self.kernel.table.add(Birth {
            parent: self.pid(),
            owner: (self.who.uid, self.who.gid),
            started: self.now(),
            terminal,
            argv: argv.to_vec(),
        })?;
        Ok(Process {
            kernel: Arc::clone(&self.kernel),
            session: Arc::clone(&self.session),
            place: Arc::new(place),
            who: self.who.clone(),
            cwd: self.cwd.clone(),
            env: self.env.clone(),
            fds: self.fds.clone(),
            flavour: self.flavour,
            umask: self.umask,
            name: self.name.clone(),
            depth: self.depth + 1,
        })
    }

    /// Tells those who watch.
    pub(crate) fn tell(&self, action: Action) {
        let Some(events) = &self.kernel.events else { return };
        if events.receiver_count() == 0 {
            return;
        }
        let entry = &self.place.entry;
        let (process, ancestors) = (entry.seen(), self.kernel.table.ancestors(entry));
        // Nobody listening any more is no failure.
        events.send(Event { at: self.now(), process, ancestors, action }).ok();
    }

    /// Counts work; waits if the container does too much, ends the process if its exec has used up its budget.
    pub(crate) async fn step(&self, count: u32) -> Result<(), Halt> {
        let left = &self.session.steps;
        if left.load(Ordering::Relaxed) != u64::MAX {
            let taken =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(u64::from(count)));
            if taken.is_err() {
                return Err(Halt(128 + SIGKILL));
            }
        }
        self.kernel.brake.step(count).await;
        Ok(())
    }

    /// Returns an open descriptor.
    pub(crate) fn fd(&self, number: i32) -> Result<Fd, Errno> {
        self.fds.get(&number).cloned().ok_or(Errno::BadDescriptor)
    }

    /// Returns standard input; nothing to read if it is closed.
    pub(crate) fn stdin(&self) -> Fd {
        self.fd(0).unwrap_or_else(|_| Arc::new(OpenFile::Device(Device::Null)))
    }

    /// Writes to a descriptor. A broken pipe ends the process, like SIGPIPE; a full disk with a message.
    pub(crate) async fn write(&self, number: i32, bytes: impl AsRef<[u8]> + Send) -> Result<(), Halt> {
        let bytes = bytes.as_ref();
        if bytes.is_empty() {
            return Ok(());
        }
        for block in bytes.chunks(limits::PIPE) {
            self.step(1 + u32::try_from(block.len() / 4096).unwrap_or(16)).await?;
            let written = match self.fd(number) {
                Ok(fd) => fd.write(block, self.now()).await,
                Err(error) => Err(error),
            };
            match written {
                Ok(()) => {}
                Err(Errno::BrokenPipe) => return Err(Halt(128 + SIGPIPE)),
                Err(error) => {
                    if number != 2 {
                        self.say(format!("{}: write error: {error}", self.name)).await;
                    }
                    return Err(Halt(1));
                }
            }
        }
        Ok(())
    }

    /// Writes to standard output.
    pub(crate) async fn out(&self, bytes: impl AsRef<[u8]> + Send) -> Result<(), Halt> {
        self.write(1, bytes).await
    }

    /// Writes a line to standard error, whatever becomes of it.
    pub(crate) async fn say(&self, line: impl AsRef<str> + Send) {
        if let Ok(fd) = self.fd(2) {
            let line = format!("{}\n", line.as_ref());
            fd.write(line.as_bytes(), self.now()).await.ok();
        }
    }

    /// Writes a message that begins with the process's name.
    pub(crate) async fn complain(&self, message: impl AsRef<str> + Send) {
        self.say(format!("{}: {}", self.name, message.as_ref())).await;
    }

    /// Writes a message and returns 1.
    pub(crate) async fn fail(&self, message: impl AsRef<str> + Send) -> i32 {
        self.complain(message).await;
        1
    }

    /// Opens a file with the process's mask.
    pub(crate) fn open(&self, path: &str, access: Access) -> Result<Fd, Errno> {
        if let Some(fd) = self.special(path) {
            return fd;
        }
        let opened = self.kernel.files.open(self.walker(), path, access, 0o666 & !self.umask)?;
        let shown = self
            .kernel
            .files
            .walk(self.walker(), path, Follow::Yes)
            .map_or_else(|_| path.to_owned(), |found| found.path);
        self.tell(match access {
            Access::Read => Action::OpenRead { path: shown },
            Access::Write | Access::Append | Access::ReadWrite | Access::CreateNew => Action::OpenWrite { path: shown },
        });
        if let crate::files::Opened::Device(Device::Terminal) = opened {
            return self.fds.values().find(|fd| fd.is_terminal()).cloned().ok_or(Errno::Io);
        }
        Ok(Arc::new(opened.into()))
    }

    /// Descriptors by name: `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/1`, `/proc/1/fd/1`.
    fn special(&self, path: &str) -> Option<Result<Fd, Errno>> {
        let number = match path {
            "/dev/stdin" => "0",
            "/dev/stdout" => "1",
            "/dev/stderr" => "2",
            "/proc/1/fd/1" | "/proc/1/fd/2" => {
                let fd = self.kernel.main_output()?;
                return Some(Ok(fd));
            }
            other => other.strip_prefix("/dev/fd/").or_else(|| other.strip_prefix("/proc/self/fd/"))?,
        };
        Some(number.parse().map_err(|_| Errno::NoEntry).and_then(|number| self.fd(number)))
    }

    /// Reads a whole file, or standard input for `-`.
    pub(crate) async fn read_file(&self, path: &str) -> Result<Vec<u8>, Errno> {
        let fd = if path == "-" { self.stdin() } else { self.open(path, Access::Read)? };
        self.read_all(&fd).await
    }

    /// Reads to the end, within what may be held.
    pub(crate) async fn read_all(&self, fd: &Fd) -> Result<Vec<u8>, Errno> {
        let mut all = Vec::new();
        loop {
            let more = fd.read(limits::PIPE).await?;
            if more.is_empty() {
                return Ok(all);
            }
            all.extend(more);
            if all.len() > limits::HELD {
                return Err(Errno::NoMemory);
            }
            self.kernel.brake.step(8).await;
        }
    }

    /// Tells of a file.
    pub(crate) fn stat(&self, path: &str, follow: Follow) -> Result<Stat, Errno> {
        self.kernel.files.stat(self.walker(), path, follow)
    }

    /// Finds a program: a path as it is, a name in the folders of `PATH`.
    pub(crate) fn locate(&self, name: &str) -> Result<(String, Executable), Errno> {
        if name.contains('/') {
            return self.kernel.files.executable(self.walker(), name).map(|found| (name.to_owned(), found));
        }
        let mut denied = Errno::NoEntry;
        for folder in self.env.get("PATH").map_or(PATH, String::as_str).split(':') {
            let path = crate::files::join(if folder.is_empty() { "." } else { folder }, name);
            match self.kernel.files.executable(self.walker(), &path) {
                Ok(found) => return Ok((path, found)),
                Err(Errno::Denied) => denied = Errno::Denied,
                Err(_) => {}
            }
        }
        Err(denied)
    }

    /// Becomes a program, until its end. Boxed, since programs run programs.
    pub(crate) fn run(mut self, argv: Vec<String>) -> Future<'static, i32> {
        Box::pin(async move {
            let Some(first) = argv.first().cloned() else { return 0 };
            if self.step(5).await.is_err() {
                return 128 + SIGKILL;
            }
            let entry = Arc::clone(&self.place.entry);
            let work = async move {
                let code = match self.locate(&first) {
                    Ok((_, found)) => self.execute(found, argv).await,
                    Err(error) => {
                        let code = if error == Errno::Denied { 126 } else { 127 };
                        self.say(format!("{}: {first}: {error}", self.name)).await;
                        code
                    }
                };
                self.tell(Action::Exit { code });
                code
            };
            tokio::select! {
                biased;
                signal = entry.killed() => 128 + signal,
                code = work => code,
            }
        })
    }

    async fn execute(&mut self, found: Executable, mut argv: Vec<String>) -> i32 {
        self.place.entry.rename(&argv);
        let (program, path) = match found {
            Executable::Program(program, path) => (program, path),
            Executable::Script(bytes, path) => {
                if bytes.len() > limits::SCRIPT
                    || bytes.starts_with(b"\x7fELF")
                    || bytes[..bytes.len().min(80)].contains(&0)
                {
                    self.complain(format!("{path}: {}", Errno::ExecFormat)).await;
                    return 126;
                }
                let text = String::from_utf8_lossy(&bytes);
                let line = text.lines().next().and_then(|line| line.strip_prefix("#!"));
                let mut words: Vec<String> = match line {
                    Some(line) => line.trim().splitn(2, ' ').map(|word| word.trim().to_owned()).collect(),
                    None => vec!["/bin/sh".to_owned()],
                };
                words.push(argv.first().filter(|first| first.contains('/')).cloned().unwrap_or_else(|| path.clone()));
                words.extend(argv.drain(..).skip(1));
                argv = words;
                match argv.first().map(|interpreter| self.locate(interpreter)) {
                    Some(Ok((_, Executable::Program(program, _)))) => (program, path),
                    _ => {
                        let interpreter = argv.first().cloned().unwrap_or_default();
                        self.say(format!(
                            "{}: {path}: {interpreter}: bad interpreter: No such file or directory",
                            self.name
                        ))
                        .await;
                        return 126;
                    }
                }
            }
        };
        self.flavour = program.flavour;
        let called = argv.first().map(|first| first.rsplit('/').next().unwrap_or(first).to_owned());
        self.name = called.unwrap_or_default();
        self.tell(Action::Exec { path });
        match crate::commands::run(program.name, self, &argv).await {
            Ok(code) | Err(Halt(code)) => code,
        }
    }
}
