//! The ports of nodes as real ports on loopback: what a learner's browser or `curl` reaches. Each node has an address
//! of its own in 127.0.0.0/8, and a Service of type NodePort or LoadBalancer opens its TCP ports on all of them.
//!
//! Only connections of the sandbox's own user are served. UDP ports are open inside of the cluster only.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shell::Protocol;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{Api, Caller};
use crate::events::Recorder;
use crate::fields::{list, name, text};
use crate::resources::{NODES, SERVICES};
use crate::server::is_own;
use crate::store::{Change, Object};

use super::{Network, Source};

/// How long a client waits for a Pod that does not answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many connections of all ports are served at a time.
const CONNECTIONS: usize = 256;
/// The pause before connections are accepted again when the process has no descriptors left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Keeps the ports open that Services ask for, until cancelled.
pub(crate) async fn keep(api: Api, network: Network, cancel: CancellationToken) {
    let mut changes = api.subscribe();
    let mut doors = Doors {
        recorder: Recorder::component(&api, Caller::node(crate::bootstrap::NODE_NAMES[0]), "kube-proxy"),
        api,
        network,
        room: Arc::new(Semaphore::new(CONNECTIONS)),
        open: BTreeMap::new(),
        refused: BTreeSet::new(),
        tasks: JoinSet::new(),
    };
    doors.set().await;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            Some(_) = doors.tasks.join_next() => {}
            change = changes.recv() => match change {
                Ok(change) if !concerns(&change) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => doors.set().await,
                Err(RecvError::Closed) => return,
            },
        }
    }
}

fn concerns(change: &Change) -> bool {
    let addresses = |node: &Object| node.pointer("/status/addresses").cloned();
    *change.resource == SERVICES
        || (*change.resource == NODES && change.previous.as_ref().and_then(addresses) != addresses(&change.object))
}

struct Doors {
    api: Api,
    network: Network,
    recorder: Recorder,
    room: Arc<Semaphore>,
    open: BTreeMap<SocketAddr, CancellationToken>,
    /// What somebody else on this machine has, and was told.
    refused: BTreeSet<SocketAddr>,
    tasks: JoinSet<()>,
}

impl Doors {
    /// Opens and closes what changed.
    async fn set(&mut self) {
        let mut wanted: BTreeMap<SocketAddr, Object> = BTreeMap::new();
        let nodes = self.api.list_all(&NODES, None);
        let addresses = nodes.iter().flat_map(|node| list(node, "/status/addresses"));
        let addresses = addresses.filter(|address| text(address, "/type") == "InternalIP");
        let addresses: Vec<std::net::IpAddr> =
            addresses.filter_map(|address| text(address, "/address").parse().ok()).collect();
        for service in self.api.list_all(&SERVICES, None) {
            for port in list(&service, "/spec/ports").iter().filter(|port| text(port, "/protocol") == "TCP") {
                let number = port["nodePort"].as_u64().and_then(|port| u16::try_from(port).ok());
                let Some(number) = number.filter(|number| *number > 0) else { continue };
                // Anything else than loopback would be open to others.
                for address in addresses.iter().filter(|address| address.is_loopback()) {
                    wanted.insert(SocketAddr::new(*address, number), Object::clone(&service));
                }
            }
        }
        self.open.retain(|address, life| {
            let is_wanted = wanted.contains_key(address);
            if !is_wanted {
                life.cancel();
            }
            is_wanted
        });
        self.refused.retain(|address| wanted.contains_key(address));
        for (address, service) in wanted {
            if !self.open.contains_key(&address) {
                self.open(address, &service).await;
            }
        }
    }

    async fn open(&mut self, address: SocketAddr, service: &Object) {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                self.refused.remove(&address);
                let life = CancellationToken::new();
                self.open.insert(address, life.clone());
                let (network, room) = (self.network.clone(), Arc::clone(&self.room));
                self.tasks.spawn(accept(listener, address, network, room, life));
            }
            Err(error) => {
                tracing::debug!(%address, %error, "cannot open the port of a node");
                // Where loopback has one address only, the other nodes have none.
                if error.kind() == io::ErrorKind::AddrInUse && self.refused.insert(address) {
                    let message = format!(
                        "sandbox: port {} of {} is taken by another program of this machine: Service {} is reached \
                         from inside only",
                        address.port(),
                        address.ip(),
                        name(service)
                    );
                    self.recorder.warning(service, "PortUnavailable", message);
                }
            }
        }
    }
}

async fn accept(
    listener: TcpListener,
    here: SocketAddr,
    network: Network,
    room: Arc<Semaphore>,
    life: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = life.cancelled() => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                if !is_own(peer, here) {
                    tracing::warn!(%peer, "refused a connection of another user to the port of a node");
                    continue;
                }
                let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
                let network = network.clone();
                connections.spawn(async move {
                    carry(network, stream, peer, here).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection to the port of a node");
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
}

async fn carry(network: Network, mut stream: TcpStream, peer: SocketAddr, here: SocketAddr) {
    match network.connect_from(Source::Outside(peer.ip()), here, Protocol::Tcp, PATIENCE).await {
        // How it ends, its two ends know.
        Ok(mut inside) => {
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut inside).await;
        }
        // The kernel accepted already: a reset is as near to a refusal as can be.
        Err(_) => {
            let _ = stream.set_zero_linger();
        }
    }
}
