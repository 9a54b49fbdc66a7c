//! What the Pods of each node take, kept as they come and go.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::amounts::{self, Amounts, Side, is_terminal};
use crate::fields::{list, number, text, uid};
use crate::store::Object;

/// The Pods that have a node, and those that were promised one.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    nodes: BTreeMap<String, Node>,
    places: HashMap<String, String>,
    /// Pods that wait for room to be made, by uid.
    nominated: BTreeMap<String, (String, Placed)>,
    /// How many placed Pods keep others away.
    pub(super) shy: usize,
}

#[derive(Debug, Default)]
struct Node {
    pods: BTreeMap<String, Placed>,
    requests: Amounts,
    weight: Weight,
}

/// A Pod on a node.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// The Pod.
    pub(super) pod: Object,
    /// What it requests.
    pub(super) requests: Amounts,
    weight: Weight,
}

/// What a node carries.
#[derive(Debug, Clone, Default)]
pub(super) struct Load {
    /// What its Pods request.
    pub(super) requests: Amounts,
    /// How many Pods there are.
    pub(super) count: i64,
    /// What they count for when nodes are compared.
    pub(super) weight: Weight,
    /// The ports of the host that they take, with protocol.
    pub(super) ports: Vec<(String, i64)>,
}

/// What a Pod counts for when nodes are compared: a container that requests nothing counts as a small one
/// (`GetNonzeroRequests`), so that such Pods are spread too.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    /// Processors.
    pub(super) cpu: f64,
    /// Bytes.
    pub(super) memory: f64,
}

impl Weight {
    /// Returns the weight of a Pod, given its `spec`.
    pub(super) fn of(spec: &Value) -> Self {
        list(spec, "/containers").iter().fold(Self::default(), |sum, container| {
            let requests = amounts::of_container(container, Side::Requests);
            let of = |name: &str, small: f64| requests.get(name).map_or(small, |amount| amount.as_f64());
            sum.plus(Self { cpu: of("cpu", 0.1), memory: of("memory", 200.0 * 1024.0 * 1024.0) })
        })
    }

    /// Returns the sum of two.
    pub(super) fn plus(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }
}

impl Placed {
    fn new(pod: &Object) -> Self {
        Self {
            pod: Object::clone(pod),
            requests: amounts::of_pod(&pod["spec"], Side::Requests),
            weight: Weight::of(&pod["spec"]),
        }
    }

    /// Returns its priority.
    pub(super) fn priority(&self) -> i64 {
        priority(&self.pod)
    }
}

impl Node {
    fn recount(&mut self) {
        self.requests = Amounts::new();
        self.weight = Weight::default();
        for placed in self.pods.values() {
            amounts::add(&mut self.requests, &placed.requests);
            self.weight = self.weight.plus(placed.weight);
        }
    }
}

impl Cluster {
    /// Returns how many Pods have a node.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Takes the newest form of a Pod in.
    pub(super) fn note(&mut self, pod: &Object) {
        let node = text(pod, "/spec/nodeName");
        if is_terminal(pod) {
            self.forget(pod);
            return;
        }
        if node.is_empty() {
            match text(pod, "/status/nominatedNodeName") {
                "" => drop(self.nominated.remove(uid(pod))),
                promised => {
                    self.nominated.insert(uid(pod).to_owned(), (promised.to_owned(), Placed::new(pod)));
                }
            }
            return;
        }
        self.nominated.remove(uid(pod));
        if let Some(known) = self.places.get(uid(pod)).and_then(|place| self.nodes.get_mut(place)) {
            // Requests do not change; labels and the mark of deletion do.
            if let Some(placed) = known.pods.get_mut(uid(pod)) {
                placed.pod = Object::clone(pod);
                return;
            }
        }
        let placed = Placed::new(pod);
        self.shy += usize::from(keeps_others_away(pod));
        let entry = self.nodes.entry(node.to_owned()).or_default();
        amounts::add(&mut entry.requests, &placed.requests);
        entry.weight = entry.weight.plus(placed.weight);
        entry.pods.insert(uid(pod).to_owned(), placed);
        self.places.insert(uid(pod).to_owned(), node.to_owned());
    }

    /// Forgets a Pod; returns whether it had a node.
    pub(super) fn forget(&mut self, pod: &Value) -> bool {
        self.nominated.remove(uid(pod));
        let Some(place) = self.places.remove(uid(pod)) else { return false };
        if let Some(node) = self.nodes.get_mut(&place)
            && let Some(placed) = node.pods.remove(uid(pod))
        {
            self.shy = self.shy.saturating_sub(usize::from(keeps_others_away(&placed.pod)));
            node.recount();
        }
        true
    }

    /// Returns the Pods of a node.
    pub(super) fn pods(&self, node: &str) -> impl Iterator<Item = &Placed> {
        self.nodes.get(node).into_iter().flat_map(|node| node.pods.values())
    }

    /// Returns what a node carries as a Pod sees it: what was promised to more important ones is taken.
    pub(super) fn load_for(&self, node: &str, pod: &Value) -> Load {
        let mut load = Load::default();
        if let Some(node) = self.nodes.get(node) {
            load.requests = node.requests.clone();
            load.weight = node.weight;
            load.count = i64::try_from(node.pods.len()).unwrap_or(i64::MAX);
            if !host_ports(pod).is_empty() {
                load.ports = node.pods.values().flat_map(|placed| host_ports(&placed.pod)).collect();
            }
        }
        for (other, (promised, placed)) in &self.nominated {
            if promised == node && other != uid(pod) && placed.priority() >= priority(pod) {
                amounts::add(&mut load.requests, &placed.requests);
                load.count += 1;
            }
        }
        load
    }
}

/// Returns a Pod's priority.
pub(super) fn priority(pod: &Value) -> i64 {
    number(pod, "/spec/priority").unwrap_or_default()
}

/// Returns the ports of the host that a Pod takes, with protocol.
pub(super) fn host_ports(pod: &Value) -> Vec<(String, i64)> {
    list(pod, "/spec/containers")
        .iter()
        .flat_map(|container| list(container, "/ports"))
        .filter_map(|port| {
            let number = number(port, "/hostPort").filter(|number| *number > 0)?;
            Some((text(port, "/protocol").to_owned(), number))
        })
        .collect()
}

fn keeps_others_away(pod: &Value) -> bool {
    !list(pod, "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution").is_empty()
}
