//! Who listens where: the ports of each Pod, which live no longer than the container that opened them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use shell::{ListenError, Listener, Peer, Protocol, Stream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Fate;
use super::servers::Running;
use super::stream;

/// How many connections may wait to be accepted.
const BACKLOG: usize = 64;
/// How many connections a simulated server holds at a time.
const CONNECTIONS: usize = 512;

/// The open ports of all Pods, by uid.
#[derive(Default)]
pub(super) struct Listeners {
    pods: BTreeMap<String, Vec<Open>>,
}

struct Open {
    port: u16,
    protocol: Protocol,
    serving: Serving,
}

enum Serving {
    /// A program in a container accepts what comes.
    Queue(mpsc::Sender<Peer>),
    /// A simulated server.
    Server {
        container: String,
        server: Arc<Running>,
        /// Ends with the container.
        life: CancellationToken,
        room: Arc<Semaphore>,
    },
}

impl Listeners {
    /// Opens a port for a program of a Pod.
    pub(super) fn listen(&mut self, pod: &str, port: u16, protocol: Protocol) -> Result<Listener, ListenError> {
        let open = self.pods.entry(pod.to_owned()).or_default();
        open.retain(|open| !matches!(&open.serving, Serving::Queue(sender) if sender.is_closed()));
        // Port 0 asks for any that is free.
        let port = match port {
            0 => (32_768..=60_999).find(|port| !open.iter().any(|open| open.port == *port)).unwrap_or(0),
            port => port,
        };
        if open.iter().any(|open| (open.port, open.protocol) == (port, protocol)) {
            return Err(ListenError::InUse);
        }
        let (sender, receiver) = mpsc::channel(BACKLOG);
        open.push(Open { port, protocol, serving: Serving::Queue(sender) });
        Ok(receiver)
    }

    /// Opens the ports of a simulated server. Those that are taken already stay as they are.
    pub(super) fn serve(&mut self, pod: &str, container: &str, server: Running, life: CancellationToken) {
        let server = Arc::new(server);
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let open = self.pods.entry(pod.to_owned()).or_default();
        for (port, protocol) in server.ports() {
            if open.iter().any(|open| (open.port, open.protocol) == (port, protocol)) {
                continue;
            }
            let (container, server) = (container.to_owned(), Arc::clone(&server));
            let (life, room) = (life.clone(), Arc::clone(&room));
            open.push(Open { port, protocol, serving: Serving::Server { container, server, life, room } });
        }
    }

    /// Closes what a container's server had opened, and cuts its connections.
    pub(super) fn quit(&mut self, pod: &str, container: &str) {
        if let Some(open) = self.pods.get_mut(pod) {
            open.retain(|open| match &open.serving {
                Serving::Queue(sender) => !sender.is_closed(),
                Serving::Server { container: owner, life, .. } if owner == container => {
                    life.cancel();
                    false
                }
                Serving::Server { .. } => true,
            });
            if open.is_empty() {
                self.pods.remove(pod);
            }
        }
    }

    /// Closes everything of a Pod.
    pub(super) fn forget(&mut self, pod: &str) {
        for open in self.pods.remove(pod).unwrap_or_default() {
            if let Serving::Server { life, .. } = open.serving {
                life.cancel();
            }
        }
    }

    /// Closes everything.
    pub(super) fn clear(&mut self) {
        for pod in self.pods.keys().cloned().collect::<Vec<_>>() {
            self.forget(&pod);
        }
    }

    /// Returns whether somebody listens.
    pub(super) fn has(&self, pod: &str, port: u16, protocol: Protocol) -> bool {
        let open = self.pods.get(pod).into_iter().flatten();
        open.filter(|open| (open.port, open.protocol) == (port, protocol)).any(|open| match &open.serving {
            Serving::Queue(sender) => !sender.is_closed(),
            Serving::Server { .. } => true,
        })
    }

    /// Connects to a port of a Pod; `from` is who the server sees.
    pub(super) fn connect(
        &self,
        tasks: &TaskTracker,
        pod: &str,
        (port, protocol): (u16, Protocol),
        from: SocketAddr,
    ) -> Result<Box<dyn Stream>, Fate> {
        let mut open = self.pods.get(pod).into_iter().flatten();
        let open = open.find(|open| (open.port, open.protocol) == (port, protocol)).ok_or(Fate::Refused)?;
        let (client, stream) = stream::pair(protocol);
        let peer = Peer { address: from, stream };
        match &open.serving {
            Serving::Queue(sender) => sender.try_send(peer).map_err(|error| match error {
                mpsc::error::TrySendError::Closed(_) => Fate::Refused,
                // A full backlog drops what comes.
                mpsc::error::TrySendError::Full(_) => Fate::Dropped,
            })?,
            Serving::Server { server, life, room, .. } => {
                let place = Arc::clone(room).try_acquire_owned().map_err(|_| Fate::Dropped)?;
                let (server, life) = (Arc::clone(server), life.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = life.cancelled() => {}
                        () = server.serve(peer, (port, protocol)) => {}
                    }
                    drop(place);
                });
            }
        }
        Ok(client)
    }
}
