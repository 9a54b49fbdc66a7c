//! The simulated network: who has which address, where a flow ends, and whether it gets there.
//!
//! Flows are decided when they begin, from the objects of the API: Services lead to their ready endpoints,
//! NetworkPolicies drop what they do not allow, ports are open where a container listens. An open flow is a pair of
//! in-memory streams; no real socket is used but for the ports of nodes ([`node_ports`]), on loopback. Nothing ticks:
//! without flows the network does no work.

mod dns;
mod internet;
mod listeners;
pub(crate) mod node_ports;
mod outlook;
mod route;
mod servers;
mod stream;
mod surroundings;
mod topology;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use shell::{ConnectError, ListenError, Listener, Peer, Protocol, Stream, Surroundings};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::Api;
use crate::bootstrap::NODE_NAMES;
use crate::fields::uid;
use crate::server::streams::port_forward::{Connecting, Ports};
use crate::store::Object;

pub(crate) use servers::http::{FetchError, fetch};
pub(crate) use servers::{Files, Place, Server};

use listeners::Listeners;
use route::{Origin, Target};
use surroundings::Around;
use topology::Topology;

/// How long the kernel takes to find that nobody has an address.
const NO_ROUTE: Duration = Duration::from_secs(3);
/// How many connections to the API server may wait to be accepted.
const API_BACKLOG: usize = 64;
/// The port that the API server has for Pods, whatever it listens on outside.
const API_PORT: u16 = 6443;

/// The network of one sandbox. Clones share it.
#[derive(Clone)]
pub(crate) struct Network {
    shared: Arc<Shared>,
}

struct Shared {
    api: Api,
    state: Mutex<State>,
    /// Counts flows: ephemeral ports and turns of backends come of it.
    turns: AtomicU64,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

#[derive(Default)]
struct State {
    topology: Option<Arc<Topology>>,
    listeners: Listeners,
    /// Nodes that are switched off or frozen.
    lost: BTreeSet<String>,
    api_server: Option<mpsc::Sender<Peer>>,
    /// Weak: whoever simulates the insides of containers holds the network.
    files: Option<Weak<dyn Files>>,
}

/// Who begins a flow.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// The Pod with this uid.
    Pod(&'a str),
    /// A node, as its kubelet does for probes.
    Node(&'a str),
    /// Somebody outside of the cluster. Only ports of nodes lead inside.
    Outside(IpAddr),
}

/// Why a flow does not come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nobody listens there, and the machine there says so.
    Refused,
    /// It is lost without an answer.
    Dropped,
    /// The address belongs to nobody.
    NoRoute,
    /// The source has no network.
    Unreachable,
}

impl Network {
    /// Returns the network of the Pods and Services of an API.
    pub(crate) fn new(api: &Api) -> Network {
        let shared = Shared {
            api: api.clone(),
            state: Mutex::default(),
            turns: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            cancel: CancellationToken::new(),
        };
        Network { shared: Arc::new(shared) }
    }

    /// Returns what a Pod's containers have around them. It may be asked before the Pod has an address.
    pub(crate) fn surroundings(&self, pod: &str) -> Arc<dyn Surroundings> {
        Arc::new(Around::new(self.clone(), pod))
    }

    /// Connects to an address. What is dropped takes all of `within`, on the simulated clock.
    pub(crate) async fn connect_from(
        &self,
        source: Source<'_>,
        to: SocketAddr,
        protocol: Protocol,
        within: Duration,
    ) -> Result<Box<dyn Stream>, ConnectError> {
        let (wait, error) = match self.dial(source, to, protocol) {
            Ok(stream) => return Ok(stream),
            Err(Fate::Refused) => return Err(ConnectError::Refused),
            Err(Fate::Unreachable) => return Err(ConnectError::Unreachable),
            Err(Fate::NoRoute) if within > NO_ROUTE => (NO_ROUTE, ConnectError::NoRoute),
            Err(Fate::NoRoute | Fate::Dropped) => (within, ConnectError::TimedOut),
        };
        tokio::time::sleep(self.shared.api.clock().scaled(wait)).await;
        Err(error)
    }

    /// Connects to a port of a Pod as its own loopback does, which is what `kubectl port-forward` reaches: no policy
    /// concerns it.
    pub(crate) fn connect_to_pod(&self, pod: &str, port: u16) -> Result<Box<dyn Stream>, ConnectError> {
        let mut state = self.lock();
        let topology = state.topology(&self.shared.api);
        let index = topology.pod(pod).ok_or(ConnectError::Unreachable)?;
        let target = route::own(&topology, index, port);
        if route::node_of(&topology, &target).is_some_and(|node| state.lost.contains(node)) {
            return Err(ConnectError::TimedOut);
        }
        let from = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ephemeral_port()));
        self.open(&state, &topology, target, Protocol::Tcp, from).map_err(|fate| match fate {
            Fate::Refused => ConnectError::Refused,
            Fate::Dropped => ConnectError::TimedOut,
            Fate::NoRoute => ConnectError::NoRoute,
            Fate::Unreachable => ConnectError::Unreachable,
        })
    }

    /// Listens on a port of a Pod for a program in it. Dropping the listener closes the port.
    pub(crate) fn listen(&self, pod: &str, port: u16, protocol: Protocol) -> Result<Listener, ListenError> {
        self.lock().listeners.listen(pod, port, protocol)
    }

    /// Returns whether a container of the Pod listens there.
    pub(crate) fn is_open(&self, pod: &str, port: u16, protocol: Protocol) -> bool {
        self.lock().listeners.has(pod, port, protocol)
    }

    /// Starts the server that a container's program is. It ends with [`Network::quit`].
    pub(crate) fn serve(&self, place: Place, server: Server) {
        let running = server.start(&self.shared, &place);
        let life = self.shared.cancel.child_token();
        self.lock().listeners.serve(&place.log.pod, &place.log.container, running, life);
    }

    /// Lets servers read the files of their containers.
    pub(crate) fn read_files_of(&self, files: Weak<dyn Files>) {
        self.lock().files = Some(files);
    }

    /// Ends the server of a container, with its connections.
    pub(crate) fn quit(&self, pod: &str, container: &str) {
        self.lock().listeners.quit(pod, container);
    }

    /// Ends all servers of a Pod.
    pub(crate) fn forget(&self, pod: &str) {
        self.lock().listeners.forget(pod);
    }

    /// Notes that a node is frozen or switched off: what is sent to its Pods is lost.
    pub(crate) fn lose_node(&self, node: &str) {
        self.lock().lost.insert(node.to_owned());
    }

    /// Notes that a node is up again.
    pub(crate) fn regain_node(&self, node: &str) {
        self.lock().lost.remove(node);
    }

    /// Ends all servers, as the life of a world ends; the next one starts its own.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.listeners.clear();
        state.lost.clear();
        state.topology = None;
    }

    /// Returns the connections that are made to the API server inside of the cluster, on its first node.
    pub(crate) fn listen_api(&self) -> Listener {
        let (sender, receiver) = mpsc::channel(API_BACKLOG);
        self.lock().api_server = Some(sender);
        receiver
    }

    /// Returns the cluster as flows see it now.
    fn topology(&self) -> Arc<Topology> {
        self.lock().topology(&self.shared.api)
    }

    fn dial(&self, source: Source<'_>, to: SocketAddr, protocol: Protocol) -> Result<Box<dyn Stream>, Fate> {
        let mut state = self.lock();
        let topology = state.topology(&self.shared.api);
        let origin = Origin::find(&topology, source).ok_or(Fate::Unreachable)?;
        if state.lost.contains(&origin.node) {
            return Err(Fate::Dropped);
        }
        let turn = self.shared.turns.load(Ordering::Relaxed);
        let (target, from) = route::find(&topology, &origin, to, protocol, turn)?;
        if route::node_of(&topology, &target).is_some_and(|node| state.lost.contains(node)) {
            return Err(Fate::Dropped);
        }
        let from = SocketAddr::from((from, self.ephemeral_port()));
        self.open(&state, &topology, target, protocol, from)
    }

    fn open(
        &self,
        state: &State,
        topology: &Topology,
        target: Target,
        protocol: Protocol,
        from: SocketAddr,
    ) -> Result<Box<dyn Stream>, Fate> {
        let tasks = &self.shared.tasks;
        let connect = |pod: usize, port: u16| {
            let uid = topology.pods.get(pod).map_or("", |pod| uid(pod));
            state.listeners.connect(tasks, uid, (port, protocol), from)
        };
        match target {
            Target::Pod { pod, port } => connect(pod, port),
            Target::Host { node, port } => {
                if let Some(sender) = &state.api_server
                    && (port, protocol, node.as_str()) == (API_PORT, Protocol::Tcp, NODE_NAMES[0])
                {
                    let (client, stream) = stream::pair(protocol);
                    return match sender.try_send(Peer { address: from, stream }) {
                        Ok(()) => Ok(client),
                        Err(mpsc::error::TrySendError::Full(_)) => Err(Fate::Dropped),
                        Err(mpsc::error::TrySendError::Closed(_)) => Err(Fate::Refused),
                    };
                }
                let mut on_host = route::host_pods(topology, &node);
                on_host.find_map(|pod| connect(pod, port).ok()).ok_or(Fate::Refused)
            }
            Target::Outside { host, port } => {
                let (client, stream) = stream::pair(protocol);
                let peer = Peer { address: from, stream };
                let life = self.shared.cancel.child_token();
                tasks.spawn(async move {
                    tokio::select! {
                        () = life.cancelled() => {}
                        () = servers::outside(host, peer, (port, protocol)) => {}
                    }
                });
                Ok(client)
            }
        }
    }

    /// Returns a number that differs from call to call: an ephemeral port, or a turn.
    pub(crate) fn ephemeral_port(&self) -> u16 {
        let turn = self.shared.turns.fetch_add(1, Ordering::Relaxed);
        u16::try_from(turn % 28_000).unwrap_or_default() + 32_768
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ports for Network {
    fn connect(&self, pod: Object, port: u16) -> Connecting {
        Box::pin(std::future::ready(self.connect_to_pod(uid(&pod), port)))
    }
}

impl State {
    /// Returns the cluster as it is now, read again only if something changed that flows depend on.
    fn topology(&mut self, api: &Api) -> Arc<Topology> {
        if let Some(known) = &self.topology {
            let current = {
                let api = api.lock();
                let changes = api.store.changes_since(known.revision());
                // A store that went back in time was put in place by a restore.
                let is_current = api.store.revision() >= known.revision()
                    && changes.is_some_and(|changes| !changes.iter().any(|change| Topology::depends_on(change)));
                is_current.then(|| api.store.revision())
            };
            match current {
                Some(revision) if revision == known.revision() => return Arc::clone(known),
                // So that the same changes are not looked through again.
                Some(revision) => known.move_to(revision),
                None => self.topology = None,
            }
        }
        Arc::clone(self.topology.get_or_insert_with(|| Arc::new(Topology::read(api))))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[cfg(test)]
mod tests;
