//! A container: files, processes, and the one way in, [`Container::exec`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use crate::errno::Errno;
use crate::event::{Event, Terminal};
use crate::files::{Credentials, Files, Follow, Mount, MountAccess, Proc};
use crate::image::Image;
use crate::limits::{Brake, Budget};
use crate::process::{Process, Session};
use crate::stream::{Fd, Nature, OpenFile, Reader, Writer, pipe};
use crate::surroundings::Surroundings;
use crate::table::{Birth, Place, Table};
use crate::tree::{Allowance, Device, Tree};
use crate::volume::Volume;
use crate::{Cluster, procfs, tty};

/// How a container is made.
pub struct Spec {
    /// Its image.
    pub image: Arc<Image>,
    /// Its host name: the Pod's name.
    pub hostname: String,
    /// Environment variables besides the image's.
    pub env: Vec<(String, String)>,
    /// In whose name its processes run.
    pub credentials: Credentials,
    /// The folder where they begin; `None` for the image's.
    pub workdir: Option<String>,
    /// Whether its root can be written to.
    pub root: Writable,
    /// What is mounted, in order.
    pub mounts: Vec<VolumeMount>,
    /// The content of `/etc/hosts`.
    pub hosts: String,
    /// The content of `/etc/resolv.conf`.
    pub resolv: String,
    /// What it may write at most.
    pub allowance: Arc<Allowance>,
    /// Its memory limit in bytes; `None` for the node's memory.
    pub memory: Option<u64>,
    /// The main processes that only seem to run (a server and its workers), the first one being number 1. Leave it
    /// empty where [`Container::main`] runs the main process.
    pub seeming: Vec<Seeming>,
    /// The world outside.
    pub surroundings: Arc<dyn Surroundings>,
    /// The cluster's API, for `kubectl` and `curl`.
    pub cluster: Option<Arc<dyn Cluster>>,
    /// Where events go.
    pub events: Option<broadcast::Sender<Event>>,
}

/// A process that only seems to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeming {
    /// Its words.
    pub argv: Vec<String>,
    /// Its user.
    pub uid: u32,
}

/// Whether something can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// It can.
    Yes,
    /// It is read-only.
    No,
}

/// A volume in its place.
pub struct VolumeMount {
    /// Where; absolute.
    pub path: String,
    /// What.
    pub volume: Volume,
    /// A path in the volume that is mounted instead of its root; empty for the root.
    pub sub_path: String,
    /// Whether it can be written to here.
    pub writable: Writable,
}

/// The ends of an exec's streams that the outside has.
pub struct Streams {
    /// What it reads; `None` for nothing.
    pub stdin: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// Where its output goes.
    pub stdout: Box<dyn AsyncWrite + Send + Unpin>,
    /// Where its messages go; with a terminal they go to `stdout`.
    pub stderr: Box<dyn AsyncWrite + Send + Unpin>,
    /// Columns and rows of its terminal, if it has one.
    pub tty: Option<watch::Receiver<(u16, u16)>>,
}

/// Why an exec did not start, in the container runtime's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A name that is in no folder of `PATH`.
    #[error("exec: {0:?}: executable file not found in $PATH")]
    NotFound(String),
    /// A path that leads nowhere.
    #[error("exec: {0:?}: stat {0}: no such file or directory")]
    NoSuchFile(String),
    /// A file that is no program, or not for this user.
    #[error("exec: {0:?}: permission denied")]
    Denied(String),
    /// No word at all.
    #[error("exec: no command")]
    Empty,
    /// The container has too many processes.
    #[error("resource temporarily unavailable")]
    TooMany,
}

/// What all processes of a container share.
pub(crate) struct Kernel {
    pub(crate) files: Files,
    pub(crate) table: Arc<Table>,
    pub(crate) hostname: String,
    pub(crate) surroundings: Arc<dyn Surroundings>,
    pub(crate) cluster: Option<Arc<dyn Cluster>>,
    pub(crate) events: Option<broadcast::Sender<Event>>,
    pub(crate) brake: Brake,
    pub(crate) started: Duration,
    env: BTreeMap<String, String>,
    credentials: Credentials,
    workdir: String,
    /// Processes in the background, which outlive the exec that started them.
    tasks: Mutex<JoinSet<()>>,
    main: Mutex<Option<Fd>>,
}

impl Kernel {
    /// Lets something run until its end or the container's.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    /// Returns the main process's output: the container's log.
    pub(crate) fn main_output(&self) -> Option<Fd> {
        self.main.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the Pod's address.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.surroundings.address()
    }
}

/// A container. Dropping it ends all that runs in it.
pub struct Container {
    kernel: Arc<Kernel>,
    seeming: Vec<Place>,
}

impl Drop for Container {
    fn drop(&mut self) {
        // The tasks hold the kernel that holds them.
        self.kernel.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        for entry in self.kernel.table.all() {
            entry.end(crate::table::SIGKILL);
        }
    }
}

impl Container {
    /// Makes a container. Nothing runs in it but what seems to.
    pub fn new(spec: Spec) -> Container {
        let now = spec.surroundings.now();
        let image = &spec.image;
        let root = Tree::over(Arc::clone(&image.tree), Arc::clone(&spec.allowance));
        let mut mounts = vec![crate::files::mount("/", root, "overlay", "overlay")];
        let table = Arc::new(Table::default());
        for (path, text) in [
            ("/etc/hostname", format!("{}\n", spec.hostname)),
            ("/etc/hosts", spec.hosts.clone()),
            ("/etc/resolv.conf", spec.resolv.clone()),
        ] {
            put(&mounts, path, &text, now);
        }
        mounts[0].access = match spec.root {
            Writable::Yes => MountAccess::ReadWrite,
            Writable::No => MountAccess::ReadOnly,
        };
        let blank = || Tree::empty(Allowance::new(0, None), 0o555, (0, 0), now);
        mounts.push(Mount { access: MountAccess::Proc, ..crate::files::mount("/proc", blank(), "proc", "proc") });
        let shm = Tree::empty(Arc::clone(&spec.allowance), 0o1777, (0, 0), now);
        mounts.push(crate::files::mount("/dev/shm", shm, "tmpfs", "shm"));
        for volume in &spec.mounts {
            mount_volume(&mut mounts, volume, now);
        }
        let view = procfs::View {
            table: Arc::clone(&table),
            hostname: spec.hostname.clone(),
            memory: spec.memory,
            started: now,
            mounts: mounts.iter().map(procfs::MountLine::of).collect(),
            credentials: spec.credentials.clone(),
            surroundings: Arc::clone(&spec.surroundings),
        };
        let proc: Proc = Arc::new(move |pid| procfs::tree(&view, pid));
        let mut env: BTreeMap<String, String> = image.config.env.iter().cloned().collect();
        env.insert("HOSTNAME".to_owned(), spec.hostname.clone());
        env.extend(spec.env);
        let home = home(image, spec.credentials.uid);
        env.entry("HOME".to_owned()).or_insert(home);
        let workdir = spec.workdir.filter(|path| !path.is_empty()).unwrap_or_else(|| image.config.workdir.clone());
        let workdir = if workdir.is_empty() { "/".to_owned() } else { workdir };
        let files = Files { mounts, proc: Some(proc) };
        make_folders(&files, &workdir, now);
        let kernel = Arc::new(Kernel {
            files,
            table: Arc::clone(&table),
            hostname: spec.hostname,
            surroundings: spec.surroundings,
            cluster: spec.cluster,
            events: spec.events,
            brake: Brake::new(),
            started: now,
            env,
            credentials: spec.credentials,
            workdir,
            tasks: Mutex::default(),
            main: Mutex::default(),
        });
        let mut seeming = Vec::new();
        for process in spec.seeming {
            let parent = u32::from(!seeming.is_empty());
            let owner = (process.uid, process.uid);
            let birth = Birth { parent, owner, started: now, terminal: Terminal::None, argv: process.argv };
            seeming.extend(table.add(birth));
        }
        Container { kernel, seeming }
    }

    /// Returns in whose name processes run.
    pub fn credentials(&self) -> &Credentials {
        &self.kernel.credentials
    }

    /// Returns the environment that processes begin with.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.kernel.env
    }

    /// Returns a file's bytes as root sees them, at most 4 MiB; for those who serve a container's files.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let root = Credentials::root();
        let walker = crate::files::Walker { who: &root, cwd: "/", pid: 1, now: self.kernel.surroundings.now() };
        match self.kernel.files.open(walker, path, crate::files::Access::Read, 0).ok()? {
            crate::files::Opened::File(file) => file.read(crate::limits::HELD).ok(),
            crate::files::Opened::Fixed(bytes) => Some(bytes),
            crate::files::Opened::Device(_) => None,
        }
    }

    /// Says what takes the lines of those who write to `/proc/1/fd/1`, where the main process only seems to run.
    pub fn log_to(&self, mut log: Box<dyn AsyncWrite + Send + Unpin>) {
        let (reader, writer) = pipe(Nature::Pipe);
        *self.kernel.main.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(OpenFile::Writer(writer)));
        self.kernel.spawn(async move { pump(&reader, &mut log, Nature::Pipe).await });
    }

    /// Waits until somebody in the container asks its seeming main process to end; returns the signal.
    pub async fn asked_to_end(&self) -> i32 {
        let Some(main) = self.seeming.first() else { return std::future::pending().await };
        main.entry.handles([1, 2, 3, 15].into());
        loop {
            main.entry.awaited().await;
            // A server reads its configuration again on SIGHUP.
            if let Some(signal) = main.entry.take_pending().filter(|signal| *signal != 1) {
                return signal;
            }
        }
    }

    /// Looks whether a command could be started.
    fn check(&self, process: &Process, argv: &[String]) -> Result<(), StartError> {
        let first = argv.first().ok_or(StartError::Empty)?;
        process.locate(first).map(|_| ()).map_err(|error| match error {
            Errno::Denied => StartError::Denied(first.clone()),
            _ if first.contains('/') => StartError::NoSuchFile(first.clone()),
            _ => StartError::NotFound(first.clone()),
        })
    }

    /// Runs a command beside the main process until its end; returns its exit code. Dropping the future ends it.
    pub async fn exec(&self, argv: &[String], streams: Streams, budget: Budget) -> Result<i32, StartError> {
        self.run(argv, streams, budget, Part::Guest).await
    }

    /// Runs the main process, number 1, until its end; returns its exit code. Its two outputs are the log.
    pub async fn main(&self, argv: &[String], streams: Streams) -> Result<i32, StartError> {
        self.run(argv, streams, Budget::ENDLESS, Part::Main).await
    }

    async fn run(&self, argv: &[String], streams: Streams, budget: Budget, part: Part) -> Result<i32, StartError> {
        let kernel = &self.kernel;
        let nature = if streams.tty.is_some() { Nature::Terminal } else { Nature::Pipe };
        let session = Session::new(budget.steps, streams.tty.clone());
        let (input, input_writer) = pipe(nature);
        let (output_reader, output) = pipe(nature);
        let output: Fd = Arc::new(OpenFile::Writer(output));
        let (errors_reader, errors) = match nature {
            Nature::Terminal => (None, Fd::clone(&output)),
            Nature::Pipe => {
                let (reader, writer) = pipe(nature);
                let writer: Fd = Arc::new(OpenFile::Writer(writer));
                (Some(reader), writer)
            }
        };
        let input: Fd = match streams.stdin {
            Some(_) => Arc::new(OpenFile::Reader(input)),
            None => Arc::new(OpenFile::Device(Device::Null)),
        };
        let terminal = if nature == Nature::Terminal { Terminal::Attached } else { Terminal::None };
        let birth = Birth {
            parent: 0,
            owner: (kernel.credentials.uid, kernel.credentials.gid),
            started: kernel.surroundings.now(),
            terminal,
            argv: argv.to_vec(),
        };
        if part == Part::Main {
            *kernel.main.lock().unwrap_or_else(PoisonError::into_inner) = Some(Fd::clone(&output));
        } else if kernel.table.get(1).is_none() {
            // Never number 1 for a guest, even if the main process has just gone.
            kernel.table.skip_to(6);
        }
        let place = kernel.table.add(birth).map_err(|_| StartError::TooMany)?;
        let mut env = kernel.env.clone();
        if nature == Nature::Terminal {
            env.insert("TERM".to_owned(), "xterm".to_owned());
        }
        let process = Process {
            kernel: Arc::clone(kernel),
            session: Arc::clone(&session),
            place: Arc::new(place),
            who: kernel.credentials.clone(),
            cwd: kernel.workdir.clone(),
            env,
            fds: BTreeMap::from([(0, input), (1, Fd::clone(&output)), (2, errors)]),
            flavour: crate::tree::Flavour::Busybox,
            umask: 0o022,
            name: "exec".to_owned(),
            depth: 0,
        };
        self.check(&process, argv)?;
        let echo = (nature == Nature::Terminal).then(|| Fd::clone(&output));
        let own_interrupts = tty::reads_lines(argv);
        drop(output);
        let work = async {
            let run = process.run(argv.to_vec());
            let limit = async {
                match budget.time {
                    Some(time) => kernel.surroundings.sleep(time).await,
                    None => std::future::pending().await,
                }
            };
            let interrupted = async {
                if own_interrupts {
                    std::future::pending::<()>().await;
                }
                session.interrupt.notified().await;
            };
            tokio::select! {
                code = run => code,
                () = limit => 137,
                () = interrupted => 130,
            }
        };
        let typing = async {
            if let Some(stdin) = streams.stdin {
                match echo {
                    Some(echo) => tty::discipline(stdin, &input_writer, &echo, &session).await,
                    None => feed(stdin, &input_writer).await,
                }
            }
            drop(input_writer);
            std::future::pending::<()>().await;
        };
        let (mut stdout, mut stderr) = (streams.stdout, streams.stderr);
        let errors_pump = async {
            if let Some(reader) = &errors_reader {
                pump(reader, &mut stderr, Nature::Pipe).await;
            }
        };
        let pumps = async { tokio::join!(pump(&output_reader, &mut stdout, nature), errors_pump) };
        tokio::pin!(pumps);
        let mut pumped = Pumped::No;
        let code = {
            let work = async {
                tokio::select! {
                    code = work => code,
                    () = typing => 0,
                }
            };
            tokio::pin!(work);
            loop {
                tokio::select! {
                    code = &mut work => break code,
                    _ = &mut pumps, if pumped == Pumped::No => pumped = Pumped::Yes,
                }
            }
        };
        if part == Part::Main {
            *kernel.main.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        if pumped == Pumped::No {
            // What is left in the pipes goes out; a process in the background may hold them open, for which nobody waits.
            let patience = if output_reader.has_writers() || errors_reader.as_ref().is_some_and(Reader::has_writers) {
                Duration::from_millis(50)
            } else {
                Duration::from_secs(30)
            };
            tokio::time::timeout(patience, &mut pumps).await.ok();
        }
        Ok(code)
    }
}

/// Which part a process plays in its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Main,
    Guest,
}

/// Whether all output has gone out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pumped {
    Yes,
    No,
}

/// Carries output from a pipe to the outside. A terminal turns `\n` into `\r\n`.
async fn pump(reader: &Reader, out: &mut (dyn AsyncWrite + Send + Unpin), nature: Nature) {
    loop {
        let bytes = reader.read(16 * 1024).await;
        if bytes.is_empty() {
            out.shutdown().await.ok();
            return;
        }
        let bytes = match nature {
            Nature::Pipe => bytes,
            Nature::Terminal => tty::cooked_output(&bytes),
        };
        if out.write_all(&bytes).await.is_err() || out.flush().await.is_err() {
            return;
        }
    }
}

async fn feed(mut from: Box<dyn AsyncRead + Send + Unpin>, to: &Writer) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if to.write(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn home(image: &Image, uid: u32) -> String {
    let passwd = image.text("/etc/passwd").unwrap_or_default();
    let wanted = uid.to_string();
    let home = passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.get(2) == Some(&wanted.as_str())).then(|| fields.get(5).copied().unwrap_or("/").to_owned())
    });
    home.unwrap_or_else(|| "/".to_owned())
}

/// Writes a file as the kubelet does, past all rights.
fn put(mounts: &[Mount], path: &str, text: &str, now: Duration) {
    let root = Credentials::root();
    let files = Files { mounts: mounts.to_vec(), proc: None };
    let walker = crate::files::Walker { who: &root, cwd: "/", pid: 1, now };
    files.make_directory(walker, "/etc", 0o755).ok();
    if let Ok(crate::files::Opened::File(file)) = files.open(walker, path, crate::files::Access::Write, 0o644) {
        file.write(text.as_bytes(), now).ok();
    }
}

fn make_folders(files: &Files, path: &str, now: Duration) {
    let root = Credentials::root();
    let walker = crate::files::Walker { who: &root, cwd: "/", pid: 1, now };
    let mut at = String::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        at = format!("{at}/{name}");
        files.make_directory(walker, &at, 0o755).ok();
    }
}

fn mount_volume(mounts: &mut Vec<Mount>, volume: &VolumeMount, now: Duration) {
    let root = Credentials::root();
    // The point where it is mounted is made, even on a read-only root, as the container runtime does.
    let mut open: Vec<Mount> = mounts.clone();
    for mount in &mut open {
        if mount.access == MountAccess::ReadOnly {
            mount.access = MountAccess::ReadWrite;
        }
    }
    let files = Files { mounts: open, proc: None };
    let at = format!("/{}", volume.path.trim_matches('/'));
    let Some((tree, ino, is_directory)) = volume.volume.at(&volume.sub_path, now) else { return };
    if is_directory {
        make_folders(&files, &at, now);
    } else if let Some((folder, _)) = at.rsplit_once('/') {
        make_folders(&files, folder, now);
        put(&files.mounts, &at, "", now);
    }
    let walker = crate::files::Walker { who: &root, cwd: "/", pid: 1, now };
    let Ok(found) = files.walk(walker, &at, Follow::Yes) else { return };
    let (kind, source) = volume.volume.shown();
    mounts.push(Mount {
        at: found.path,
        tree,
        root: ino,
        access: match (volume.writable, volume.volume.writable()) {
            (Writable::Yes, Writable::Yes) => MountAccess::ReadWrite,
            (Writable::Yes | Writable::No, Writable::Yes | Writable::No) => MountAccess::ReadOnly,
        },
        kind,
        source,
    });
}
