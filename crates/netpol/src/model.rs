//! Policies compiled against a cluster: what they select is worked out once, a verdict is a few look-ups.
//!
//! ```text
//! Pod → class (the set of policies that select it) → groups (rules with the same ports) → set of Pods, addresses
//! ```
//!
//! Selectors become sets of Pods by an index of labels, so that compiling takes time with the number of selectors and
//! not with selectors × Pods; Pods under the same policies share a class.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::bits::Bits;
use crate::block::Block;
use crate::cluster::{Cluster, NamedPort, Network, Pod};
use crate::labels::{Labels, Operator, Selector};
use crate::policy::{Peer, Policy, PortRule, Ports, Protocol, Rule};

/// One end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The Pod at this place of [`Cluster::pods`].
    Pod(usize),
    /// An address; if it is a Pod's, that Pod.
    Address(IpAddr),
}

/// How the source reaches the destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Path {
    /// By its own address.
    #[default]
    Direct,
    /// By the address of a Service that leads to it.
    Service,
}

/// A new connection, or the first datagram. Its answers are never looked at: they are always allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Who connects.
    pub source: End,
    /// To whom, behind Services.
    pub destination: End,
    /// By which protocol.
    pub protocol: Protocol,
    /// To which port of the destination, behind Services.
    pub port: u16,
    /// Whether a Service lies between.
    pub path: Path,
}

/// A cluster with its policies, ready for verdicts.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) cluster: Cluster,
    pub(crate) ingress: Side,
    pub(crate) egress: Side,
    by_address: HashMap<IpAddr, usize>,
    by_name: HashMap<(String, String), usize>,
    /// The addresses of each Pod's node.
    node_of: Vec<Option<usize>>,
}

/// One direction of all Pods.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    class_of: Vec<u32>,
    classes: Vec<Class>,
}

/// What the Pods that the same policies select may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Class {
    /// The policies, by their place in the cluster. None: everything is allowed.
    pub(crate) policies: Vec<u32>,
    groups: Vec<Group>,
}

/// Rules with the same ports, as one.
#[derive(Debug, Clone)]
struct Group {
    ports: Vec<PortRule>,
    pods: Bits,
    outside: Outside,
}

/// Which addresses that are no Pod's.
#[derive(Debug, Clone)]
enum Outside {
    All,
    In(Vec<Block>),
}

/// An end, once its address was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A Pod with a network of its own.
    Pod(usize),
    /// A node or somebody outside; `None` has no address yet.
    Address(Option<IpAddr>),
}

impl Model {
    /// Compiles a cluster.
    pub fn compile(cluster: Cluster) -> Model {
        let index = Index::new(&cluster);
        let mut selections = HashMap::new();
        let ingress = index.side(&mut selections, |policy| policy.ingress.as_deref());
        let egress = index.side(&mut selections, |policy| policy.egress.as_deref());
        let own = |pod: &Pod| pod.network == Network::Own;
        let addressed = cluster.pods.iter().enumerate().filter(|(_, pod)| own(pod));
        let by_address = addressed.filter_map(|(index, pod)| Some((pod.address?, index))).collect();
        let named = cluster.pods.iter().enumerate();
        let by_name = named.map(|(index, pod)| ((pod.namespace.clone(), pod.name.clone()), index)).collect();
        let nodes: HashMap<&str, usize> =
            cluster.nodes.iter().enumerate().map(|(index, node)| (node.name.as_str(), index)).collect();
        let node_of = cluster.pods.iter().map(|pod| nodes.get(pod.node.as_str()).copied()).collect();
        Model { ingress, egress, by_address, by_name, node_of, cluster }
    }

    /// Returns what it was compiled from.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Finds a Pod by Namespace and name.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<End> {
        self.by_name.get(&(namespace.to_owned(), name.to_owned())).copied().map(End::Pod)
    }

    /// Returns whether the flow is allowed: egress at its source and ingress at its destination, each by default or by
    /// a rule.
    pub fn allows(&self, flow: &Flow) -> bool {
        let (source, destination) = (self.place(flow.source), self.place(flow.destination));
        self.is_exempt(source, destination, flow.path)
            || (self.admits(&self.egress, source, destination, flow)
                && self.admits(&self.ingress, destination, source, flow))
    }

    /// Returns, for each Pod of the cluster, whether `source` may reach it on a port.
    pub fn row(&self, source: End, protocol: Protocol, port: u16) -> Vec<bool> {
        let flow = |index| Flow { source, destination: End::Pod(index), protocol, port, path: Path::Direct };
        (0..self.cluster.pods.len()).map(|index| self.allows(&flow(index))).collect()
    }

    fn admits(&self, side: &Side, subject: Place, peer: Place, flow: &Flow) -> bool {
        let Place::Pod(subject) = subject else { return true };
        let class = side.class(subject);
        if class.policies.is_empty() {
            return true;
        }
        let names = self.port_names(flow);
        class.groups.iter().any(|group| {
            let reached = match peer {
                Place::Pod(pod) => group.pods.has(pod),
                Place::Address(address) => group.outside.has(address),
            };
            reached && fit(&group.ports, flow.protocol, flow.port, names)
        })
    }

    /// Returns the ports that the destination has names for.
    pub(crate) fn port_names(&self, flow: &Flow) -> &[NamedPort] {
        match self.place(flow.destination) {
            Place::Pod(pod) => self.cluster.pods.get(pod).map_or(&[], |pod| pod.ports.as_slice()),
            Place::Address(_) => &[],
        }
    }

    /// A Pod on its node's network is its node; an address of a Pod is that Pod.
    pub(crate) fn place(&self, end: End) -> Place {
        match end {
            End::Pod(index) => match self.cluster.pods.get(index) {
                Some(pod) if pod.network == Network::Own => Place::Pod(index),
                Some(pod) => Place::Address(pod.address.or_else(|| self.node_addresses(index).first().copied())),
                None => Place::Address(None),
            },
            End::Address(address) => {
                self.by_address.get(&address).map_or(Place::Address(Some(address)), |pod| Place::Pod(*pod))
            }
        }
    }

    /// Policies do not concern what a Pod says to itself, nor what it and its own node say to each other.
    pub(crate) fn is_exempt(&self, source: Place, destination: Place, path: Path) -> bool {
        match (source, destination) {
            (Place::Pod(source), Place::Pod(destination)) => source == destination && path == Path::Direct,
            (Place::Pod(pod), Place::Address(Some(address))) | (Place::Address(Some(address)), Place::Pod(pod)) => {
                self.node_addresses(pod).contains(&address)
            }
            (Place::Pod(_) | Place::Address(_), Place::Address(_)) | (Place::Address(None), Place::Pod(_)) => false,
        }
    }

    fn node_addresses(&self, pod: usize) -> &[IpAddr] {
        let node = self.node_of.get(pod).copied().flatten().and_then(|node| self.cluster.nodes.get(node));
        node.map_or(&[], |node| node.addresses.as_slice())
    }
}

impl Side {
    /// Returns the class of a Pod.
    pub(crate) fn class(&self, pod: usize) -> &Class {
        let class = self.class_of.get(pod).copied().unwrap_or_default();
        // Class 0 is always there: the one that no policy selects.
        &self.classes[class as usize]
    }
}

impl Outside {
    fn has(&self, address: Option<IpAddr>) -> bool {
        match self {
            Outside::All => true,
            Outside::In(blocks) => address.is_some_and(|address| blocks.iter().any(|block| block.contains(address))),
        }
    }
}

/// Returns whether a rule's ports include this one; a name is looked up among those of the destination.
pub(crate) fn fit(rules: &[PortRule], protocol: Protocol, port: u16, names: &[NamedPort]) -> bool {
    rules.is_empty() || rules.iter().any(|rule| fits(rule, protocol, port, names))
}

/// Returns whether one of a rule's ports is this one.
pub(crate) fn fits(rule: &PortRule, protocol: Protocol, port: u16, names: &[NamedPort]) -> bool {
    rule.protocol == protocol
        && match &rule.ports {
            Ports::All => true,
            Ports::Range(first, last) => (*first..=*last).contains(&port),
            Ports::Named(wanted) => {
                names.iter().any(|named| named.protocol == protocol && named.number == port && named.name == *wanted)
            }
        }
}

/// Which Pods and Namespaces have which labels.
struct Index<'a> {
    cluster: &'a Cluster,
    pods: ByLabel<'a>,
    namespaces: ByLabel<'a>,
    /// The Pods of each Namespace, in the order of the cluster's.
    members: Vec<Vec<u32>>,
    by_namespace: HashMap<&'a str, usize>,
    /// Pods whose Namespace is not listed, by its name.
    strays: HashMap<&'a str, Vec<u32>>,
    /// The Pods with a network of their own.
    own: Bits,
}

/// Who has a label, by key and value.
struct ByLabel<'a> {
    count: usize,
    keys: HashMap<&'a str, Holders<'a>>,
}

/// Who has a label: all of them, and by value.
#[derive(Default)]
struct Holders<'a> {
    all: Vec<u32>,
    by_value: HashMap<&'a str, Vec<u32>>,
}

/// What was selected, by the selector that did.
type Selections<'a> = HashMap<(Option<&'a Selector>, Option<&'a Selector>, &'a str), Bits>;

impl<'a> ByLabel<'a> {
    fn new(count: usize, labels: impl Iterator<Item = &'a Labels>) -> ByLabel<'a> {
        let mut keys: HashMap<&str, Holders<'_>> = HashMap::new();
        for (number, labels) in (0_u32..).zip(labels) {
            for (key, value) in labels {
                let holders = keys.entry(key).or_default();
                holders.all.push(number);
                holders.by_value.entry(value).or_default().push(number);
            }
        }
        ByLabel { count, keys }
    }

    fn select(&self, selector: &Selector) -> Bits {
        let mut selected = Bits::all(self.count);
        for requirement in &selector.requirements {
            let entry = self.keys.get(requirement.key.as_str());
            let with = |values: &[String]| {
                let mut bits = Bits::none(self.count);
                for value in values {
                    for number in entry.and_then(|holders| holders.by_value.get(value.as_str())).into_iter().flatten() {
                        bits.insert(*number as usize);
                    }
                }
                bits
            };
            let some = || Bits::of(self.count, entry.map_or(&[], |holders| holders.all.as_slice()));
            selected.and(&match &requirement.operator {
                Operator::In(values) => with(values),
                Operator::NotIn(values) => with(values).not(),
                Operator::Exists => some(),
                Operator::DoesNotExist => some().not(),
            });
        }
        selected
    }
}

impl<'a> Index<'a> {
    fn new(cluster: &'a Cluster) -> Index<'a> {
        let by_namespace: HashMap<&str, usize> =
            cluster.namespaces.iter().enumerate().map(|(index, namespace)| (namespace.name.as_str(), index)).collect();
        let mut members = vec![Vec::new(); cluster.namespaces.len()];
        let mut strays: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut own = Bits::none(cluster.pods.len());
        for (number, pod) in (0_u32..).zip(&cluster.pods) {
            match by_namespace.get(pod.namespace.as_str()) {
                Some(namespace) => members[*namespace].push(number),
                None => strays.entry(&pod.namespace).or_default().push(number),
            }
            if pod.network == Network::Own {
                own.insert(number as usize);
            }
        }
        Index {
            pods: ByLabel::new(cluster.pods.len(), cluster.pods.iter().map(|pod| &pod.labels)),
            namespaces: ByLabel::new(cluster.namespaces.len(), cluster.namespaces.iter().map(|space| &space.labels)),
            members,
            by_namespace,
            strays,
            own,
            cluster,
        }
    }

    /// Returns the Pods of a Namespace, by its name.
    fn in_namespace(&self, name: &str) -> Bits {
        let members = match self.by_namespace.get(name) {
            Some(namespace) => self.members.get(*namespace),
            None => self.strays.get(name),
        };
        Bits::of(self.cluster.pods.len(), members.map_or(&[], Vec::as_slice))
    }

    /// Returns the Pods that a peer of a policy in `home` names.
    fn select<'s>(
        &self,
        known: &'s mut Selections<'a>,
        namespaces: Option<&'a Selector>,
        pods: Option<&'a Selector>,
        home: &'a str,
    ) -> &'s Bits {
        let home = if namespaces.is_some() { "" } else { home };
        known.entry((namespaces, pods, home)).or_insert_with(|| {
            let mut selected = match namespaces {
                None => self.in_namespace(home),
                Some(selector) => {
                    let mut selected = Bits::none(self.cluster.pods.len());
                    for namespace in self.namespaces.select(selector).iter() {
                        for pod in self.members.get(namespace).into_iter().flatten() {
                            selected.insert(*pod as usize);
                        }
                    }
                    if selector.matches(&Labels::new()) {
                        for pod in self.strays.values().flatten() {
                            selected.insert(*pod as usize);
                        }
                    }
                    selected
                }
            };
            if let Some(selector) = pods {
                selected.and(&self.pods.select(selector));
            }
            selected.and(&self.own);
            selected
        })
    }

    fn side(&self, known: &mut Selections<'a>, rules: impl Fn(&'a Policy) -> Option<&'a [Rule]>) -> Side {
        let mut selected_by: Vec<Vec<u32>> = vec![Vec::new(); self.cluster.pods.len()];
        for (number, policy) in (0_u32..).zip(&self.cluster.policies) {
            if rules(policy).is_some() {
                for pod in self.select(known, None, Some(&policy.pods), &policy.namespace).iter() {
                    selected_by[pod].push(number);
                }
            }
        }
        let mut classes = vec![Class::default()];
        let mut numbers: HashMap<Vec<u32>, u32> = HashMap::from([(Vec::new(), 0)]);
        let mut class_of = Vec::with_capacity(selected_by.len());
        for policies in selected_by {
            let class = match numbers.get(&policies) {
                Some(class) => *class,
                None => {
                    let number = u32::try_from(classes.len()).unwrap_or(u32::MAX);
                    classes.push(self.class(known, &policies, &rules));
                    numbers.insert(policies, number);
                    number
                }
            };
            class_of.push(class);
        }
        Side { class_of, classes }
    }

    fn class(
        &self,
        known: &mut Selections<'a>,
        policies: &[u32],
        rules: &impl Fn(&'a Policy) -> Option<&'a [Rule]>,
    ) -> Class {
        let count = self.cluster.pods.len();
        let mut groups: Vec<Group> = Vec::new();
        let mut places: HashMap<&[PortRule], usize> = HashMap::new();
        for policy in policies.iter().map(|policy| &self.cluster.policies[*policy as usize]) {
            for rule in rules(policy).into_iter().flatten() {
                let place = *places.entry(&rule.ports).or_insert_with(|| {
                    let (ports, pods) = (rule.ports.clone(), Bits::none(count));
                    groups.push(Group { ports, pods, outside: Outside::In(Vec::new()) });
                    groups.len() - 1
                });
                let group = &mut groups[place];
                if rule.peers.is_empty() {
                    group.pods = Bits::all(count);
                    group.outside = Outside::All;
                }
                for peer in &rule.peers {
                    match peer {
                        Peer::Pods { namespaces, pods } => {
                            let home = &policy.namespace;
                            group.pods.or(self.select(known, namespaces.as_ref(), pods.as_ref(), home));
                        }
                        Peer::Block(block) => {
                            for (number, pod) in self.cluster.pods.iter().enumerate() {
                                if pod.address.is_some_and(|address| block.contains(address)) {
                                    group.pods.insert(number);
                                }
                            }
                            if let Outside::In(blocks) = &mut group.outside {
                                blocks.push(block.clone());
                            }
                        }
                    }
                }
            }
        }
        Class { policies: policies.to_vec(), groups }
    }
}
