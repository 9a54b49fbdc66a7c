//! The state folder: certificates, address, kubeconfig and objects, so that a learner's cluster survives the
//! death of the app. Files are written whole: temporary file, fsync, rename.
//!
//! ```text
//! <folder>/            0700
//!   lock               held while a sandbox runs
//!   credentials.json   0600, certificates and keys
//!   address            where the last run listened
//!   kubeconfig         0600
//!   manifests/         the API server's manifest, for the learner to edit
//!   kubelet.log        what the node says of it
//!   objects.json       0600, everything in the store, and the tail of the audit log
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::credentials::Credentials;
use crate::manifest::Manifest;
use crate::snapshot::Snapshot;

/// How long changes are gathered before they are written.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// How long changes are gathered where writing them takes long.
const LONGEST: Duration = Duration::from_secs(1);
/// How long to wait after a failed write.
const RETRY: Duration = Duration::from_secs(5);

/// A state folder, held by this process.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Held as long as the folder is.
    _lock: File,
}

/// What can go wrong with the state folder.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another sandbox holds the folder.
    #[error("another sandbox runs with the state folder {}", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A file or the folder cannot be made, read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Folder {
    /// Makes the folder if needed, and takes it.
    pub(crate) fn open(path: &Path) -> Result<Folder, StateError> {
        let fail = |source| StateError::File { path: path.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(fail)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path: path.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(StateError::InUse { path: path.to_owned() }),
            Err(fs::TryLockError::Error(source)) => Err(fail(source)),
        }
    }

    /// Returns the certificates of an earlier run. Unreadable ones are replaced by the caller.
    pub(crate) fn credentials(&self) -> Option<Credentials> {
        let text = fs::read(self.path.join("credentials.json")).ok()?;
        serde_json::from_slice(&text)
            .inspect_err(|error| tracing::warn!(%error, "stored certificates cannot be read: making new ones"))
            .ok()
    }

    /// Returns where an earlier run listened.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        fs::read_to_string(self.path.join("address")).ok()?.trim().parse().ok()
    }

    /// Keeps what a run is reached by, and returns the path of the kubeconfig.
    pub(crate) fn keep_access(
        &self,
        credentials: &Credentials,
        address: SocketAddr,
        kubeconfig: &str,
    ) -> Result<PathBuf, StateError> {
        let json = serde_json::to_vec(credentials).map_err(|error| self.fail("credentials.json", error.into()))?;
        self.write("credentials.json", &json)?;
        self.write("address", address.to_string().as_bytes())?;
        self.write("kubeconfig", kubeconfig.as_bytes())?;
        Ok(self.path.join("kubeconfig"))
    }

    /// Takes the API server's manifest, made where there is none.
    pub(crate) fn manifest(&self, api: &Api) -> Result<Manifest, StateError> {
        Manifest::open(&self.path, api).map_err(|source| self.fail("manifests", source))
    }

    /// Returns the objects of an earlier run. A file that cannot be read is put aside, not destroyed.
    pub(crate) fn snapshot(&self) -> Result<Option<Snapshot>, StateError> {
        let path = self.path.join("objects.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::File { path, source }),
        };
        match serde_json::from_slice(&text).map_err(|error| error.to_string()).and_then(|value| Snapshot::parse(&value))
        {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(error) => {
                tracing::warn!(%error, "stored objects cannot be read: starting afresh");
                let aside = self.path.join("objects.broken.json");
                fs::rename(&path, aside).map_err(|source| StateError::File { path, source })?;
                Ok(None)
            }
        }
    }

    /// Keeps the objects.
    pub(crate) fn keep(&self, snapshot: &Snapshot) -> Result<(), StateError> {
        let text = serde_json::to_vec(snapshot).map_err(|error| self.fail("objects.json", error.into()))?;
        self.write("objects.json", &text)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let temporary = self.path.join(format!("{name}.new"));
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, self.path.join(name))?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|source| self.fail(name, source))
    }

    fn fail(&self, name: &str, source: io::Error) -> StateError {
        StateError::File { path: self.path.join(name), source }
    }
}

/// Writes the objects behind the changes until told to stop, and once more then.
pub(crate) async fn keep_writing(folder: Arc<Folder>, api: Api, stop: CancellationToken) {
    let mut pause = DEBOUNCE;
    loop {
        let is_last = tokio::select! {
            () = stop.cancelled() => true,
            () = async {
                api.changed().notified().await;
                tokio::time::sleep(pause).await;
            } => false,
        };
        let begin = Instant::now();
        let (snapshot, target) = (api.snapshot(), Arc::clone(&folder));
        let kept = tokio::task::spawn_blocking(move || target.keep(&snapshot)).await;
        // Under a stream of changes, writing takes a fifth of the time at most.
        pause = (begin.elapsed() * 4).clamp(DEBOUNCE, LONGEST);
        if let Ok(Err(error)) = kept {
            tracing::error!(error = %error, source = ?std::error::Error::source(&error), "cannot keep the state");
            // A full disk may have room again later.
            pause = RETRY;
            api.changed().notify_one();
        }
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        let first = Folder::open(&path).unwrap();
        assert!(matches!(Folder::open(&path), Err(StateError::InUse { .. })));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let credentials = Credentials::generate([127, 0, 0, 1].into()).unwrap();
        let address = "127.9.9.1:6443".parse().unwrap();
        let kubeconfig = first.keep_access(&credentials, address, "x").unwrap();
        assert_eq!(fs::metadata(kubeconfig).unwrap().permissions().mode() & 0o777, 0o600);
        drop(first);
        let again = Folder::open(&path).unwrap();
        assert_eq!(again.address(), Some(address));
        assert_eq!(again.credentials().unwrap().authority, credentials.authority);
    }

    #[test]
    fn broken_objects_are_put_aside() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        assert!(folder.snapshot().unwrap().is_none());
        fs::write(root.path().join("objects.json"), "{\"format\":").unwrap();
        assert!(folder.snapshot().unwrap().is_none());
        assert!(root.path().join("objects.broken.json").exists());
    }
}
