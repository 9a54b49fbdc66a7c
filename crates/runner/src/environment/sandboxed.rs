//! The sandbox of a home: served by one process, joined by the others, taken over when its server dies.
//!
//! Whoever serves holds an exclusive `flock(2)` on `sandbox.lock`, which the kernel lets go of when that process
//! ends, however it ends. The file's content says who serves what; it is only believed while the lock is held.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use sandbox::{Options, Pace, Sandbox, Version};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Environment, EnvironmentError, Kind, pinned};
use crate::{ClusterError, Home, atomic};

/// How long another process may take to start the sandbox that it holds.
const STARTING: Duration = Duration::from_secs(10);

/// What a process that serves a sandbox says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The process.
    pub pid: u32,
    /// The version, such as `1.34`.
    pub version: String,
    /// The kubeconfig; absent while the sandbox is being started.
    pub kubeconfig: Option<PathBuf>,
}

/// A sandbox that this process serves, for its home.
pub struct SandboxServer {
    sandbox: Sandbox,
    kubeconfig: PathBuf,
    lock: File,
}

/// What became of the attempt to serve a home's sandbox.
pub enum Serving {
    /// This process serves it.
    Ours(SandboxServer),
    /// Another process does; what it says of it, where it says something.
    Theirs(Option<Served>),
}

/// Serves the sandbox of a home, unless another process does. `address` is where to listen; a place of the
/// sandbox's own where absent.
///
/// # Errors
///
/// The sandbox cannot be started, or the home cannot be used.
pub async fn serve_sandbox(
    home: &Home,
    version: Version,
    pace: Pace,
    address: Option<SocketAddr>,
) -> Result<Serving, EnvironmentError> {
    let path = home.sandbox_lock();
    let failed = |source| EnvironmentError::File { path: path.clone(), source };
    let mut lock = atomic::open(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Serving::Theirs(read(&mut lock))),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let mut served = Served { pid: std::process::id(), version: label(version).to_owned(), kubeconfig: None };
    write(&mut lock, &served).map_err(failed)?;
    let state = home.sandbox().join(label(version));
    let options = Options { version, state: Some(state.clone()), address, pace };
    let sandbox = Sandbox::start(options).await.map_err(|error| EnvironmentError::Sandbox(Box::new(error)))?;
    let kubeconfig = sandbox.kubeconfig_path().map_or_else(|| state.join("kubeconfig"), Path::to_owned);
    served.kubeconfig = Some(kubeconfig.clone());
    write(&mut lock, &served).map_err(failed)?;
    Ok(Serving::Ours(SandboxServer { sandbox, kubeconfig, lock }))
}

/// Tells which process serves the sandbox of a home; `None` where none does.
pub fn served(home: &Home) -> Option<Served> {
    let mut lock = atomic::open(&home.sandbox_lock()).ok()?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => read(&mut lock),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

impl SandboxServer {
    /// Returns the kubeconfig's path.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.sandbox.address()
    }

    /// Ends the sandbox; its state stays in the home.
    pub async fn stop(self) {
        self.sandbox.stop().await;
        // Only now may another process take over: the state is on disk.
        drop(self.lock);
    }
}

/// Starts or joins the sandbox of a home.
pub(crate) async fn join(
    home: &Home,
    version: Version,
    pace: Pace,
) -> Result<(Environment, Option<SandboxServer>), EnvironmentError> {
    let begun = Instant::now();
    loop {
        let (kubeconfig, server) = match serve_sandbox(home, version, pace, None).await? {
            Serving::Ours(server) => (server.kubeconfig.clone(), Some(server)),
            Serving::Theirs(Some(Served { pid, version: theirs, .. })) if theirs != label(version) => {
                return Err(EnvironmentError::OtherVersion { pid, version: theirs });
            }
            Serving::Theirs(Some(Served { kubeconfig: Some(kubeconfig), .. })) => (kubeconfig, None),
            Serving::Theirs(served) => {
                // It is being started, or its process is about to end.
                if begun.elapsed() > STARTING {
                    return Err(EnvironmentError::SandboxHeld { pid: served.map(|served| served.pid) });
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        match meet(kubeconfig).await {
            Ok(environment) => return Ok((environment, server)),
            // The other process ended between its word and our first request: the lock is free now, or soon.
            Err(_) if server.is_none() && begun.elapsed() < STARTING => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Meets the sandbox behind a kubeconfig that the sandbox itself wrote.
async fn meet(kubeconfig: PathBuf) -> Result<Environment, EnvironmentError> {
    let failed = |error| EnvironmentError::Kubeconfig(Box::new(error));
    let read = Kubeconfig::read_from(&kubeconfig).map_err(failed)?;
    let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.map_err(failed)?;
    let server = config.cluster_url.to_string();
    let client = pinned::client(config, &server).await?;
    let reach = |source: ClusterError| EnvironmentError::Unreachable { server, source: Box::new(source) };
    Environment::meet(client, kubeconfig, Kind::Sandbox).await.map_err(reach)
}

/// Returns a version as people write it.
fn label(version: Version) -> &'static str {
    match version {
        Version::V1_20 => "1.20",
        Version::V1_24 => "1.24",
        Version::V1_34 => "1.34",
    }
}

fn read(lock: &mut File) -> Option<Served> {
    let mut text = String::new();
    Read::by_ref(lock).take(64 << 10).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write(lock: &mut File, served: &Served) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.seek(SeekFrom::Start(0))?;
    lock.write_all(serde_json::to_string(served)?.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home) {
        let root = tempfile::tempdir().unwrap();
        let home = Home::below(root.path());
        home.prepare().unwrap();
        (root, home)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_process_serves_and_the_next_joins_and_takes_over() {
        let (_root, home) = home();
        assert_eq!(served(&home), None);
        let (first, server) = join(&home, Version::V1_34, Pace::Fast).await.unwrap();
        let said = served(&home).unwrap();
        assert_eq!((said.pid, said.version.as_str()), (std::process::id(), "1.34"));
        let (second, none) = join(&home, Version::V1_34, Pace::Fast).await.unwrap();
        assert!(none.is_none());
        assert_eq!(first.kubeconfig, second.kubeconfig);
        let other = join(&home, Version::V1_20, Pace::Fast).await;
        assert!(matches!(other.map(|_| ()), Err(EnvironmentError::OtherVersion { .. })));
        crate::tests::bootstrap(&first.client).await;
        let uid = super::super::identity(&second.client).await.unwrap();
        server.unwrap().stop().await;
        assert_eq!(served(&home), None);
        let (third, server) = join(&home, Version::V1_34, Pace::Fast).await.unwrap();
        assert!(server.is_some());
        assert_eq!(super::super::identity(&third.client).await.unwrap(), uid, "the cluster was kept");
        // Who joined before goes on with the same address and certificates.
        assert_eq!(super::super::identity(&second.client).await.unwrap(), uid);
        server.unwrap().stop().await;
    }

    #[tokio::test]
    async fn a_process_that_holds_the_lock_and_never_serves_is_named() {
        let (_root, home) = home();
        let mut lock = atomic::open(&home.sandbox_lock()).unwrap();
        lock.lock().unwrap();
        write(&mut lock, &Served { pid: 7, version: "1.34".to_owned(), kubeconfig: None }).unwrap();
        tokio::time::pause();
        let result = join(&home, Version::V1_34, Pace::Fast).await;
        assert!(matches!(result.map(|_| ()), Err(EnvironmentError::SandboxHeld { pid: Some(7) })));
    }

    #[test]
    fn what_a_dead_process_left_in_the_lock_is_not_believed() {
        let (_root, home) = home();
        std::fs::write(home.sandbox_lock(), r#"{"pid":1,"version":"1.34","kubeconfig":"/x"}"#).unwrap();
        assert_eq!(served(&home), None);
    }
}
