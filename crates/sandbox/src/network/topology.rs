//! What flows depend on, read from the API: Pods with their addresses, Services with what is behind them, nodes, and
//! the policies, compiled. It is made again when one of these changed, at the next flow and not before.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use netpol::{Cluster, Model, Namespace, Node, Pod, Policy};
use serde_json::Value;
use shell::Protocol;

use crate::amounts::is_terminal;
use crate::api::Api;
use crate::fields::{is_true, list, name, namespace, number, text, uid};
use crate::resources::{ENDPOINTS, NAMESPACES, NETWORK_POLICIES, NODES, PODS, SERVICES};
use crate::store::{Change, ChangeKind, Object};

/// A moment of the cluster, as far as flows depend on it.
pub(super) struct Topology {
    revision: AtomicU64,
    /// Policies, Pods and nodes.
    pub(super) model: Model,
    /// The Pods, in the order of the model's.
    pub(super) pods: Vec<Object>,
    /// The Services, by Namespace and name.
    pub(super) services: HashMap<(String, String), Service>,
    by_uid: HashMap<String, usize>,
    by_address: HashMap<IpAddr, usize>,
    by_cluster_ip: HashMap<IpAddr, (String, String)>,
    by_node_port: HashMap<(u16, Protocol), ((String, String), usize)>,
}

/// A Service.
pub(super) struct Service {
    /// Its Namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// Its address; `None` where it is headless or only a name.
    pub(super) address: Option<IpAddr>,
    /// The name outside that it stands for.
    pub(super) external_name: Option<String>,
    /// Its ports.
    pub(super) ports: Vec<ServicePort>,
    /// Whether a client keeps its Pod.
    pub(super) affinity: Affinity,
    /// Which Pods take what comes from inside.
    pub(super) inside: Reach,
    /// Which Pods take what comes by a node's port.
    pub(super) outside: Reach,
}

/// A port of a Service.
pub(super) struct ServicePort {
    /// Its name, empty if it has none.
    pub(super) name: String,
    /// Its number.
    pub(super) port: u16,
    /// The protocol.
    pub(super) protocol: Protocol,
    /// What is behind it and ready.
    pub(super) backends: Vec<Backend>,
}

/// One place behind a port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    /// The address.
    pub(super) address: IpAddr,
    /// The port.
    pub(super) port: u16,
    /// The node, empty if unknown.
    pub(super) node: String,
    /// The host name that the Pod has within the Service, empty if none.
    pub(super) hostname: String,
}

/// Whether a client keeps its Pod (`sessionAffinity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    /// It does not.
    None,
    /// It does, by its address.
    Client,
}

/// Which Pods take a flow (`internalTrafficPolicy`, `externalTrafficPolicy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All.
    Cluster,
    /// Those on the node where the flow enters.
    Local,
}

impl Topology {
    /// Reads everything.
    pub(super) fn read(api: &Api) -> Topology {
        // Before the lists: what changes in between is looked at again.
        let revision = api.revision();
        let mut pods = api.list_all(&PODS, None);
        pods.retain(|pod| !is_terminal(pod));
        let policies = api.list_all(&NETWORK_POLICIES, None);
        let policies = policies.iter().filter_map(|policy| match Policy::from_object(policy) {
            Ok(policy) => Some(policy),
            Err(error) => {
                // Validation lets none of these in.
                tracing::error!(%error, policy = name(policy), "a stored NetworkPolicy is not understood");
                None
            }
        });
        let model = Model::compile(Cluster {
            policies: policies.collect(),
            namespaces: api.list_all(&NAMESPACES, None).iter().map(|space| Namespace::from_object(space)).collect(),
            nodes: api.list_all(&NODES, None).iter().map(|node| Node::from_object(node)).collect(),
            pods: pods.iter().map(|pod| Pod::from_object(pod)).collect(),
        });
        let by_uid = pods.iter().enumerate().map(|(index, pod)| (uid(pod).to_owned(), index)).collect();
        let own = model.cluster().pods.iter().enumerate().filter(|(_, pod)| pod.network == netpol::Network::Own);
        let by_address = own.filter_map(|(index, pod)| Some((pod.address?, index))).collect();
        let mut topology = Topology {
            revision: AtomicU64::new(revision),
            services: HashMap::new(),
            by_uid,
            by_address,
            by_cluster_ip: HashMap::new(),
            by_node_port: HashMap::new(),
            model,
            pods,
        };
        for object in api.list_all(&SERVICES, None) {
            let endpoints = api.get(&ENDPOINTS, namespace(&object), name(&object)).ok();
            topology.add(&object, endpoints.as_deref().unwrap_or(&Value::Null));
        }
        topology
    }

    fn add(&mut self, object: &Value, endpoints: &Value) {
        let service = Service::read(object, endpoints);
        let key = (service.namespace.clone(), service.name.clone());
        if let Some(address) = service.address {
            self.by_cluster_ip.insert(address, key.clone());
        }
        for (index, port) in list(object, "/spec/ports").iter().enumerate() {
            let number = number(port, "/nodePort").and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
            if let (Some(number), Some(protocol)) = (number, protocol(port)) {
                self.by_node_port.insert((number, protocol), (key.clone(), index));
            }
        }
        self.services.insert(key, service);
    }

    /// Returns the version of the store that it shows.
    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// Notes that it shows a later version as well, since nothing that it depends on changed.
    pub(super) fn move_to(&self, revision: u64) {
        self.revision.fetch_max(revision, Ordering::Relaxed);
    }

    /// Returns whether a change makes it out of date.
    pub(super) fn depends_on(change: &Change) -> bool {
        let resource = change.resource;
        if *resource == PODS {
            let Some(previous) = &change.previous else { return true };
            return change.kind == ChangeKind::Deleted || seen(previous) != seen(&change.object);
        }
        if *resource == NODES {
            let addresses = |node: &Value| node.pointer("/status/addresses").cloned();
            return change.previous.as_ref().is_none_or(|node| addresses(node) != addresses(&change.object))
                || change.kind == ChangeKind::Deleted;
        }
        *resource == SERVICES || *resource == ENDPOINTS || *resource == NAMESPACES || *resource == NETWORK_POLICIES
    }

    /// Finds a Pod by uid: its place in [`Topology::pods`].
    pub(super) fn pod(&self, uid: &str) -> Option<usize> {
        self.by_uid.get(uid).copied()
    }

    /// Finds the Pod that has an address of its own.
    pub(super) fn pod_at(&self, address: IpAddr) -> Option<usize> {
        self.by_address.get(&address).copied()
    }

    /// Finds a node by one of its addresses.
    pub(super) fn node_at(&self, address: IpAddr) -> Option<&Node> {
        self.model.cluster().nodes.iter().find(|node| node.addresses.contains(&address))
    }

    /// Finds a node by its name.
    pub(super) fn node(&self, name: &str) -> Option<&Node> {
        self.model.cluster().nodes.iter().find(|node| node.name == name)
    }

    /// Finds a Service by its address.
    pub(super) fn service_at(&self, address: IpAddr) -> Option<&Service> {
        self.services.get(self.by_cluster_ip.get(&address)?)
    }

    /// Finds a port of a Service by the port that the nodes have for it.
    pub(super) fn node_port(&self, port: u16, protocol: Protocol) -> Option<(&Service, &ServicePort)> {
        let (key, index) = self.by_node_port.get(&(port, protocol))?;
        let service = self.services.get(key)?;
        Some((service, service.ports.get(*index)?))
    }
}

/// Returns what flows depend on in a Pod.
fn seen(pod: &Value) -> (bool, &str, &str, Option<&Value>) {
    (is_terminal(pod), text(pod, "/status/podIP"), text(pod, "/spec/nodeName"), pod.pointer("/metadata/labels"))
}

/// Reads the protocol of a port; SCTP is not simulated.
fn protocol(port: &Value) -> Option<Protocol> {
    match text(port, "/protocol") {
        "" | "TCP" => Some(Protocol::Tcp),
        "UDP" => Some(Protocol::Udp),
        _ => None,
    }
}

fn port_number(value: &Value, pointer: &str) -> Option<u16> {
    number(value, pointer).and_then(|number| u16::try_from(number).ok())
}

impl Service {
    fn read(object: &Value, endpoints: &Value) -> Service {
        let is_name = text(object, "/spec/type") == "ExternalName";
        let reach = |pointer| if text(object, pointer) == "Local" { Reach::Local } else { Reach::Cluster };
        // Ports stay in the order of the object: node ports are found by their place.
        let ports = list(object, "/spec/ports").iter().map(|port| ServicePort {
            name: text(port, "/name").to_owned(),
            port: port_number(port, "/port").unwrap_or_default(),
            protocol: protocol(port).unwrap_or(Protocol::Tcp),
            backends: match protocol(port) {
                Some(protocol) => backends(endpoints, text(port, "/name"), protocol),
                None => Vec::new(),
            },
        });
        let is_tied = text(object, "/spec/sessionAffinity") == "ClientIP";
        let mut service = Service {
            namespace: namespace(object).to_owned(),
            name: name(object).to_owned(),
            address: text(object, "/spec/clusterIP").parse().ok(),
            external_name: is_name.then(|| text(object, "/spec/externalName").to_owned()),
            ports: ports.collect(),
            affinity: if is_tied { Affinity::Client } else { Affinity::None },
            inside: reach("/spec/internalTrafficPolicy"),
            outside: reach("/spec/externalTrafficPolicy"),
        };
        if service.ports.is_empty() && service.address.is_none() && !is_name {
            // A headless Service without ports still has names.
            let protocol = Protocol::Tcp;
            let backends = backends(endpoints, "", protocol);
            service.ports.push(ServicePort { name: String::new(), port: 0, protocol, backends });
        }
        service
    }

    /// Returns whether its name stands for its Pods.
    pub(super) fn is_headless(&self) -> bool {
        self.address.is_none() && self.external_name.is_none()
    }
}

/// Returns what is ready behind the port of a Service with this name.
fn backends(endpoints: &Value, port: &str, protocol: Protocol) -> Vec<Backend> {
    let mut found = Vec::new();
    for subset in list(endpoints, "/subsets") {
        let ports = list(subset, "/ports");
        let number = ports
            .iter()
            .filter(|candidate| text(candidate, "/name") == port && self::protocol(candidate) == Some(protocol))
            .find_map(|candidate| port_number(candidate, "/port"));
        // A headless Service may have no ports at all.
        let Some(number) = number.or_else(|| ports.is_empty().then_some(0)) else { continue };
        for address in list(subset, "/addresses") {
            if let Ok(ip) = text(address, "/ip").parse() {
                found.push(Backend {
                    address: ip,
                    port: number,
                    node: text(address, "/nodeName").to_owned(),
                    hostname: text(address, "/hostname").to_owned(),
                });
            }
        }
    }
    found
}

/// Returns whether a Pod is on its node's network.
pub(super) fn is_on_host(pod: &Value) -> bool {
    is_true(pod, "/spec/hostNetwork")
}
