//! Where a flow ends: Services by kube-proxy's rules, then policies, then who is there. Pure.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use netpol::{End, Flow, Path, Side};
use shell::Protocol;

use crate::fields::text;

use super::topology::{Affinity, Backend, Reach, Service, ServicePort, Topology, is_on_host};
use super::{Fate, Source, internet};

/// Who begins a flow, looked up.
pub(super) struct Origin {
    /// The Pod, by its place in the topology.
    pod: Option<usize>,
    /// Its end of the flow, for policies.
    end: End,
    /// Its address, as others see it.
    address: IpAddr,
    /// Its node, empty outside.
    pub(super) node: String,
}

/// Where a flow ends.
pub(super) enum Target {
    /// At a port of the Pod with this place in the topology.
    Pod {
        /// The Pod.
        pod: usize,
        /// The port.
        port: u16,
    },
    /// At a port of a node.
    Host {
        /// The node.
        node: String,
        /// The port.
        port: u16,
    },
    /// On the «internet».
    Outside {
        /// The host.
        host: &'static internet::Host,
        /// The port.
        port: u16,
    },
}

impl Origin {
    /// Looks the source of a flow up; `None` if it has no network.
    pub(super) fn find(topology: &Topology, source: Source<'_>) -> Option<Origin> {
        match source {
            Source::Pod(uid) => {
                let index = topology.pod(uid)?;
                let pod = topology.pods.get(index)?;
                let address = text(pod, "/status/podIP").parse().ok()?;
                let node = text(pod, "/spec/nodeName").to_owned();
                Some(Origin { pod: Some(index), end: End::Pod(index), address, node })
            }
            Source::Node(name) => {
                let address = *topology.node(name)?.addresses.first()?;
                Some(Origin { pod: None, end: End::Address(address), address, node: name.to_owned() })
            }
            Source::Outside(address) => {
                Some(Origin { pod: None, end: End::Address(address), address, node: String::new() })
            }
        }
    }
}

/// Finds where a flow ends, and the address that it seems to come from there. `turn` picks among equal backends.
pub(super) fn find(
    topology: &Topology,
    origin: &Origin,
    to: SocketAddr,
    protocol: Protocol,
    turn: u64,
) -> Result<(Target, IpAddr), Fate> {
    let (address, port) = (to.ip(), to.port());
    if let Some(pod) = origin.pod
        && (address == origin.address || is_own_loopback(topology, address))
    {
        // What a Pod on its node's network says to that node may be for a port of the cluster.
        let on_host = topology.pods.get(pod).is_some_and(|pod| is_on_host(pod));
        if !(on_host && topology.node_port(port, protocol).is_some()) {
            let from = if address == origin.address { address } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
            return Ok((own(topology, pod, port), from));
        }
    }
    if let Some(service) = topology.service_at(address) {
        let Some(found) = service.ports.iter().find(|one| (one.port, one.protocol) == (port, protocol)) else {
            // Only the ports of a Service are translated: the rest of its address belongs to nobody.
            return Err(Fate::Dropped);
        };
        let backend = pick(service, found, service.inside, origin, turn)?;
        let flow = flow(origin.end, backend, protocol, Path::Service);
        return deliver(topology, &flow, backend).map(|target| (target, origin.address));
    }
    if let Some(node) = topology.node_at(address)
        && let Some((service, found)) = topology.node_port(port, protocol)
    {
        return by_node_port(topology, origin, (&node.name, address), (service, found), turn);
    }
    let backend = Backend { address, port, node: String::new(), hostname: String::new() };
    let flow = flow(origin.end, &backend, protocol, Path::Direct);
    deliver(topology, &flow, &backend).map(|target| (target, origin.address))
}

/// Returns the flow that policies would see, behind Services; where nothing is behind one, the address itself.
pub(super) fn flow_to(topology: &Topology, origin: &Origin, to: SocketAddr, protocol: Protocol, turn: u64) -> Flow {
    let found = topology.service_at(to.ip()).and_then(|service| {
        let port = service.ports.iter().find(|one| (one.port, one.protocol) == (to.port(), protocol))?;
        pick(service, port, service.inside, origin, turn).ok()
    });
    match found {
        Some(backend) => flow(origin.end, backend, protocol, Path::Service),
        None => {
            let backend = Backend { address: to.ip(), port: to.port(), node: String::new(), hostname: String::new() };
            flow(origin.end, &backend, protocol, Path::Direct)
        }
    }
}

/// A flow by the port of a node: unless the Service says `Local`, it seems to come from that node.
fn by_node_port(
    topology: &Topology,
    origin: &Origin,
    (node, address): (&str, IpAddr),
    (service, port): (&Service, &ServicePort),
    turn: u64,
) -> Result<(Target, IpAddr), Fate> {
    let entry = Origin { pod: None, end: origin.end, address: origin.address, node: node.to_owned() };
    let backend = match (pick(service, port, service.outside, &entry, turn), service.outside) {
        (Err(Fate::Refused), Reach::Local) if !port.backends.is_empty() => return Err(Fate::Dropped),
        (found, Reach::Local | Reach::Cluster) => found?,
    };
    let seen = match service.outside {
        Reach::Local => origin.end,
        Reach::Cluster => {
            // The source's own policies see it before its address is replaced.
            let flow = flow(origin.end, backend, port.protocol, Path::Service);
            if let Side::Denied { .. } = topology.model.explain(&flow).egress {
                return Err(Fate::Dropped);
            }
            End::Address(address)
        }
    };
    let from = if seen == origin.end { origin.address } else { address };
    deliver(topology, &flow(seen, backend, port.protocol, Path::Service), backend).map(|target| (target, from))
}

fn flow(source: End, backend: &Backend, protocol: Protocol, path: Path) -> Flow {
    let protocol = match protocol {
        Protocol::Tcp => netpol::Protocol::Tcp,
        Protocol::Udp => netpol::Protocol::Udp,
    };
    Flow { source, destination: End::Address(backend.address), protocol, port: backend.port, path }
}

/// Picks what is behind a port of a Service. Without anything the nodes refuse, as kube-proxy makes them do.
fn pick<'a>(
    service: &Service,
    port: &'a ServicePort,
    reach: Reach,
    origin: &Origin,
    turn: u64,
) -> Result<&'a Backend, Fate> {
    let fits = |backend: &&Backend| match reach {
        Reach::Cluster => true,
        Reach::Local => backend.node == origin.node,
    };
    let candidates: Vec<&Backend> = port.backends.iter().filter(fits).collect();
    let number = match service.affinity {
        Affinity::None => turn,
        Affinity::Client => match origin.address {
            IpAddr::V4(address) => u64::from(u32::from(address)),
            IpAddr::V6(address) => u64::from_be_bytes(address.octets()[8..].try_into().unwrap_or_default()),
        },
    };
    let count = u64::try_from(candidates.len()).unwrap_or(u64::MAX);
    let place = number.checked_rem(count).and_then(|place| usize::try_from(place).ok());
    place.and_then(|place| candidates.get(place).copied()).ok_or(Fate::Refused)
}

/// Applies the policies, then finds who has the address.
fn deliver(topology: &Topology, flow: &Flow, backend: &Backend) -> Result<Target, Fate> {
    if !topology.model.allows(flow) {
        return Err(Fate::Dropped);
    }
    if let Some(pod) = topology.pod_at(backend.address) {
        return Ok(Target::Pod { pod, port: backend.port });
    }
    if let Some(node) = topology.node_at(backend.address) {
        return Ok(Target::Host { node: node.name.clone(), port: backend.port });
    }
    match internet::by_address(backend.address) {
        Some(host) if host.is_open(flow.protocol, backend.port) => Ok(Target::Outside { host, port: backend.port }),
        Some(_) => Err(Fate::Dropped),
        None if is_pod_address(backend.address) => Err(Fate::NoRoute),
        None => Err(Fate::Dropped),
    }
}

/// Returns whether an address is out of the ranges that nodes give to Pods.
fn is_pod_address(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.octets()[..2] == [10, 244])
}

/// Returns whether an address means «this machine» in a Pod. Nodes have other addresses of 127.0.0.0/8 here.
fn is_own_loopback(topology: &Topology, address: IpAddr) -> bool {
    address.is_unspecified()
        || address == IpAddr::V4(Ipv4Addr::LOCALHOST)
        || (address.is_loopback() && topology.node_at(address).is_none())
}

/// Returns where a Pod's own loopback leads.
pub(super) fn own(topology: &Topology, pod: usize, port: u16) -> Target {
    match topology.pods.get(pod) {
        Some(object) if is_on_host(object) => Target::Host { node: text(object, "/spec/nodeName").to_owned(), port },
        Some(_) | None => Target::Pod { pod, port },
    }
}

/// Returns the node on which a flow ends.
pub(super) fn node_of<'a>(topology: &'a Topology, target: &'a Target) -> Option<&'a str> {
    match target {
        Target::Pod { pod, .. } => topology.pods.get(*pod).map(|pod| text(pod, "/spec/nodeName")),
        Target::Host { node, .. } => Some(node),
        Target::Outside { .. } => None,
    }
}

/// Returns the Pods on the network of a node.
pub(super) fn host_pods<'a>(topology: &'a Topology, node: &'a str) -> impl Iterator<Item = usize> + 'a {
    let pods = topology.pods.iter().enumerate();
    pods.filter(move |(_, pod)| is_on_host(pod) && text(pod, "/spec/nodeName") == node).map(|(index, _)| index)
}
