//! What policies speak of: Namespaces, Pods, nodes.

use std::net::IpAddr;

use serde_json::Value;

use crate::labels::{Labels, labels_of};
use crate::policy::{Policy, Protocol};

/// Everything that a verdict depends on.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// The Namespaces. A Pod whose Namespace is not listed is in one without labels.
    pub namespaces: Vec<Namespace>,
    /// The Pods that have a network: those that have ended are left out, those that terminate are not.
    pub pods: Vec<Pod>,
    /// The nodes, whose traffic with their own Pods is always allowed.
    pub nodes: Vec<Node>,
    /// The policies.
    pub policies: Vec<Policy>,
}

/// A Namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Its labels, with `kubernetes.io/metadata.name`.
    pub labels: Labels,
}

/// A Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its Namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its first address; `None` before it has one.
    pub address: Option<IpAddr>,
    /// The name of its node, empty before it has one.
    pub node: String,
    /// Whose network it is in.
    pub network: Network,
    /// The ports of its containers that have a name.
    pub ports: Vec<NamedPort>,
}

/// Whose network a Pod is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// Its own.
    #[default]
    Own,
    /// Its node's (`hostNetwork`): to policies it is the node.
    Host,
}

/// A container port with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPort {
    /// The name.
    pub name: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The number.
    pub number: u16,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

impl Namespace {
    /// Reads a Namespace. The label with its name is added where it is not there: the API server always sets it.
    pub fn from_object(object: &Value) -> Namespace {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut labels = labels_of(object);
        labels.entry("kubernetes.io/metadata.name".to_owned()).or_insert_with(|| name.clone());
        Namespace { name, labels }
    }
}

impl Pod {
    /// Reads a Pod. What is absent or of another type is empty.
    pub fn from_object(object: &Value) -> Pod {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let sidecars = object["spec"]["initContainers"].as_array().into_iter().flatten();
        // Sidecars are init containers that go on.
        let sidecars = sidecars.filter(|container| container["restartPolicy"] == "Always");
        let containers = object["spec"]["containers"].as_array().into_iter().flatten().chain(sidecars);
        let ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
        let ports = ports.filter_map(|port| {
            let protocol = match port.get("protocol") {
                None | Some(Value::Null) => Protocol::Tcp,
                Some(protocol) => Protocol::read(protocol)?,
            };
            let number = u16::try_from(port["containerPort"].as_u64()?).ok()?;
            Some(NamedPort { name: port["name"].as_str()?.to_owned(), protocol, number })
        });
        Pod {
            namespace: text(&object["metadata"]["namespace"]),
            name: text(&object["metadata"]["name"]),
            labels: labels_of(object),
            address: object["status"]["podIP"].as_str().and_then(|address| address.parse().ok()),
            node: text(&object["spec"]["nodeName"]),
            network: match object["spec"]["hostNetwork"].as_bool() {
                Some(true) => Network::Host,
                Some(false) | None => Network::Own,
            },
            ports: ports.collect(),
        }
    }
}

impl Node {
    /// Reads a node with the addresses in its status.
    pub fn from_object(object: &Value) -> Node {
        let addresses = object["status"]["addresses"].as_array().into_iter().flatten();
        let addresses = addresses.filter(|address| address["type"] == "InternalIP" || address["type"] == "ExternalIP");
        Node {
            name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            addresses: addresses.filter_map(|address| address["address"].as_str()?.parse().ok()).collect(),
        }
    }
}
