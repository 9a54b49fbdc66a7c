//! The static manifest of the API server: a file that a learner edits as on a real control-plane node. A change
//! restarts the API server with the new flags; a broken file keeps it away until it is mended.
//!
//! ```text
//! <state>/manifests/kube-apiserver.yaml   the file
//! <state>/kubelet.log                     what the node says of it
//! ```
//!
//! The file system tells when the folder changes: nothing ticks.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::Watcher as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::admission;
use crate::api::Api;
use crate::clock::rfc3339;

pub(crate) mod flags;

use flags::Flags;

/// The name of the file.
const FILE: &str = "kube-apiserver.yaml";
/// The longest manifest.
const LONGEST: u64 = 256 << 10;
/// How long the API server is away when it restarts, at a lifelike pace.
const RESTART: Duration = Duration::from_secs(4);
/// How long the changes of one edit are gathered: editors write in several steps.
const GATHERED: Duration = Duration::from_millis(100);

/// Whether the API server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It does.
    Up,
    /// It is about to.
    Starting,
    /// It does not, for this reason.
    Down(String),
}

/// Tells whoever serves whether there is an API server.
#[derive(Debug, Clone)]
pub(crate) struct Presence(watch::Sender<State>);

impl Default for Presence {
    fn default() -> Self {
        Presence(watch::Sender::new(State::Up))
    }
}

impl Presence {
    /// Returns the state at the moment.
    pub(crate) fn state(&self) -> State {
        self.0.borrow().clone()
    }

    /// Waits until the API server answers; for ever once nobody can start it any more.
    pub(crate) async fn up(&self) {
        self.until(|state| *state == State::Up).await;
    }

    /// Waits until the API server does not answer.
    pub(crate) async fn away(&self) {
        self.until(|state| *state != State::Up).await;
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        // The sender is `self`: the channel cannot close meanwhile.
        let _ = self.0.subscribe().wait_for(|state| holds(state)).await.map(drop);
    }
}

/// The manifest of one sandbox.
#[derive(Debug)]
pub(crate) struct Manifest {
    file: PathBuf,
    log: PathBuf,
    /// What the API server runs with, or why there is none.
    current: Mutex<Result<Flags, String>>,
}

impl Manifest {
    /// Takes the manifest of a state folder; writes a fresh one where there is none. One that is broken when the
    /// sandbox starts is put aside, so that an exercise can always begin.
    pub(crate) fn open(state: &Path, api: &Api) -> std::io::Result<Manifest> {
        let folder = state.join("manifests");
        fs::create_dir_all(&folder)?;
        let fresh = Mutex::new(Ok(Flags::default()));
        let manifest = Manifest { file: folder.join(FILE), log: state.join("kubelet.log"), current: fresh };
        match manifest.read(api) {
            Ok(flags) => {
                api.configure(&flags);
                *manifest.current() = Ok(flags);
            }
            Err(problem) => {
                if manifest.file.exists() {
                    manifest.note(api, &format!("{problem}; put aside"));
                    fs::rename(&manifest.file, manifest.file.with_extension("yaml.broken"))?;
                }
                manifest.write_fresh(api)?;
            }
        }
        Ok(manifest)
    }

    /// Makes the manifest that of a fresh node, and its API server answer at once.
    pub(crate) fn reset(&self, api: &Api, presence: &Presence) {
        // What `follow` reads afterwards is then no change.
        match self.write_fresh(api) {
            Ok(()) => {
                presence.0.send_replace(State::Up);
            }
            Err(error) => tracing::warn!(%error, "cannot write the manifest"),
        }
    }

    fn write_fresh(&self, api: &Api) -> std::io::Result<()> {
        let text = flags::render(api.version());
        let flags = Flags::parse(&text, api.version()).unwrap_or_default();
        let mut current = self.current();
        fs::write(&self.file, text)?;
        api.configure(&flags);
        *current = Ok(flags);
        Ok(())
    }

    fn current(&self) -> MutexGuard<'_, Result<Flags, String>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where the file is.
    pub(crate) fn path(&self) -> &Path {
        &self.file
    }

    fn read(&self, api: &Api) -> Result<Flags, String> {
        let shown = "/etc/kubernetes/manifests/kube-apiserver.yaml";
        let size = fs::metadata(&self.file).map_err(|_| format!("no manifest file {shown:?}"))?.len();
        if size > LONGEST {
            return Err(format!("Could not process manifest file {shown:?}: {size} bytes are too many"));
        }
        let text = fs::read_to_string(&self.file)
            .map_err(|error| format!("Could not process manifest file {shown:?}: {error}"))?;
        Flags::parse(&text, api.version()).map_err(|problem| match problem {
            flags::Problem::NoPod(detail) => {
                format!("Could not process manifest file {shown:?}: couldn't parse as pod({detail})")
            }
            flags::Problem::Flag(detail) => format!("kube-apiserver: Error: {detail}"),
        })
    }

    fn note(&self, api: &Api, text: &str) {
        let line = format!("{} node1 kubelet: {text}\n", rfc3339(api.clock().now()));
        let written = OpenOptions::new().create(true).append(true).open(&self.log);
        if let Err(error) = written.and_then(|mut log| log.write_all(line.as_bytes())) {
            tracing::warn!(%error, "cannot write the kubelet's log");
        }
    }
}

/// Follows the file until told to stop.
pub(crate) async fn follow(manifest: Arc<Manifest>, api: Api, presence: Presence, stop: CancellationToken) {
    let (changed, mut changes) = tokio::sync::mpsc::channel(1);
    let watching = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading is no change; a full channel already says that there is one.
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = changed.try_send(());
        }
    });
    let folder = manifest.file.parent().unwrap_or(Path::new("/"));
    let _watcher = match watching.and_then(|mut watcher| {
        watcher.watch(folder, notify::RecursiveMode::NonRecursive)?;
        Ok(watcher)
    }) {
        Ok(watcher) => watcher,
        Err(error) => return tracing::warn!(%error, "cannot watch the manifest: its changes have no effect"),
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            change = changes.recv() => if change.is_none() { return },
        }
        tokio::time::sleep(GATHERED).await;
        while changes.try_recv().is_ok() {}
        let wanted = manifest.read(&api);
        if wanted == *manifest.current() {
            continue;
        }
        *manifest.current() = wanted.clone();
        match &wanted {
            Err(problem) => {
                manifest.note(&api, problem);
                presence.0.send_replace(State::Down(problem.clone()));
            }
            Ok(flags) => {
                presence.0.send_replace(State::Starting);
                manifest.note(&api, "the manifest of kube-apiserver changed: restarting it");
                api.configure(flags);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(api.clock().scaled(RESTART).max(GATHERED)) => {}
                }
                presence.0.send_replace(State::Up);
            }
        }
    }
}

impl Api {
    /// Takes flags of the API server into use.
    pub(crate) fn configure(&self, flags: &Flags) {
        self.admit_by(admission::chain_of(self.version(), &flags.plugins));
        self.set_access(flags.access);
    }
}
