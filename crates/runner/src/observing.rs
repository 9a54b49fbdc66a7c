//! Tells what happened in a cluster from its audit log, or, where there is none, from the objects themselves.
//!
//! The learner is cluster-admin and can write any status and any Event. So an observation is `proven` only where the
//! audit log shows that the turn itself (from Ready to not Ready, from running to OOMKilled …) was written by the
//! controller whose business it is. A status that the learner wrote and a controller merely wrote again is not a
//! turn of the controller's. An impersonated identity is not the controller's own either: the audit log names the
//! account that really asked.

pub(crate) mod live;

use std::collections::{BTreeMap, BTreeSet};

use check::{AuditEntry, Observation, Observed};
use jiff::Timestamp;
use serde_json::Value;

/// How many observations of one step are recorded: an exhauster that restarts for a night says nothing new.
const MOST: usize = 200;

/// Follows the objects of a cluster and tells the turns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tracker {
    nodes: BTreeMap<String, bool>,
    /// What is known of each Pod, by Namespace and name.
    pods: BTreeMap<(String, String), BTreeSet<PodFact>>,
    /// What was told already.
    told: Vec<Observation>,
}

/// Something about a Pod that can turn true.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum PodFact {
    /// A container was OOM-killed, in this life of it.
    OomKilled { container: String, restarts: u64 },
    /// No node has room for it.
    Unschedulable,
}

impl Tracker {
    /// Makes a tracker from what is known of the start: which nodes were Ready, and what was recorded already.
    pub(crate) fn new(nodes: &BTreeMap<String, bool>, told: &[Observation]) -> Tracker {
        Tracker { nodes: nodes.clone(), pods: BTreeMap::new(), told: told.to_vec() }
    }

    /// Takes in one entry of the audit log, in order, and returns what it shows that was not told before.
    pub(crate) fn take(&mut self, entry: &AuditEntry) -> Vec<Observation> {
        if !(200..300).contains(&entry.code) {
            return Vec::new();
        }
        if entry.verb == "delete" && entry.resource == "pods" && entry.subresource.is_none() {
            // The object goes later, or has gone; a Pod of the same name is another one once it is created.
            return Vec::new();
        }
        let Some(object) = &entry.object else { return Vec::new() };
        let subresource = entry.subresource.as_deref();
        // Whoever holds a token of a controller's account is not that controller.
        let user = if entry.component { entry.user.as_str() } else { "" };
        let writer = Writer { user, subresource };
        match (entry.group.as_str(), entry.resource.as_str()) {
            ("", "nodes") => self.node(&entry.name, object, entry.at, Some(&writer)),
            ("", "pods") => {
                let key = (entry.namespace.clone(), entry.name.clone());
                if entry.verb == "create" && subresource.is_none() {
                    self.pods.remove(&key);
                }
                self.pod(key, object, entry.at, Some(&writer))
            }
            ("" | "events.k8s.io", "events") => self.event(object, entry.at, Some(&writer)),
            _ => Vec::new(),
        }
    }

    /// Takes in an object as a watch shows it: nobody can tell who wrote it.
    pub(crate) fn see(&mut self, kind: &str, object: &Value, now: Timestamp) -> Vec<Observation> {
        let name = text(object, "/metadata/name").to_owned();
        match kind {
            "Node" => self.node(&name, object, now, None),
            "Pod" => self.pod((text(object, "/metadata/namespace").to_owned(), name), object, now, None),
            "Event" => self.event(object, now, None),
            _ => Vec::new(),
        }
    }

    fn node(&mut self, name: &str, object: &Value, at: Timestamp, writer: Option<&Writer<'_>>) -> Vec<Observation> {
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
        let Some(ready) = conditions.into_iter().flatten().find(|condition| text(condition, "/type") == "Ready") else {
            return Vec::new();
        };
        let ready = text(ready, "/status") == "True";
        let before = self.nodes.insert(name.to_owned(), ready);
        let node = name.to_owned();
        match (before, ready) {
            (Some(true) | None, false) => {
                let proven = writer.is_some_and(|writer| writer.writes_node_status(name));
                self.tell(Observed::NodeNotReady { node }, at, proven)
            }
            (Some(false), true) => {
                let proven = writer.is_some_and(|writer| writer.writes_node_status(name));
                self.tell(Observed::NodeReady { node }, at, proven)
            }
            (Some(true) | None, true) | (Some(false), false) => Vec::new(),
        }
    }

    fn pod(
        &mut self,
        key: (String, String),
        object: &Value,
        at: Timestamp,
        writer: Option<&Writer<'_>>,
    ) -> Vec<Observation> {
        let facts = pod_facts(object);
        let before = self.pods.insert(key.clone(), facts.clone()).unwrap_or_default();
        let (namespace, pod) = key;
        let app = object.pointer("/metadata/labels/app").and_then(Value::as_str).map(str::to_owned);
        let node = text(object, "/spec/nodeName");
        let mut told = Vec::new();
        for fact in facts.difference(&before) {
            let (namespace, pod, app) = (namespace.clone(), pod.clone(), app.clone());
            told.extend(match fact {
                PodFact::OomKilled { .. } => {
                    let proven = writer.is_some_and(|writer| writer.writes_pod_status(node));
                    self.tell(Observed::OomKilled { namespace, pod, app }, at, proven)
                }
                PodFact::Unschedulable => {
                    let proven = writer.is_some_and(|writer| writer.schedules());
                    self.tell(Observed::Unschedulable { namespace, pod, app }, at, proven)
                }
            });
        }
        told
    }

    fn event(&mut self, object: &Value, at: Timestamp, writer: Option<&Writer<'_>>) -> Vec<Observation> {
        if text(object, "/reason") != "FailedCreate" {
            return Vec::new();
        }
        // The field names of core/v1, and those of events.k8s.io/v1.
        let first = |one: &str, other: &str| {
            let found = text(object, one);
            if found.is_empty() { text(object, other).to_owned() } else { found.to_owned() }
        };
        let owner = first("/involvedObject/name", "/regarding/name");
        let namespace = first("/involvedObject/namespace", "/regarding/namespace");
        let message = first("/message", "/note");
        let proven = writer.is_some_and(|writer| writer.creates_pods());
        self.tell(Observed::CreationRefused { namespace, owner, message }, at, proven)
    }

    /// Returns the observation unless it was told already.
    fn tell(&mut self, what: Observed, at: Timestamp, proven: bool) -> Vec<Observation> {
        let same_kind = |other: &Observed| std::mem::discriminant(other) == std::mem::discriminant(&what);
        let known = |other: &&Observation| other.proven == proven && same_kind(&other.what);
        // Refusals differ by the name of the Pod that was not created only; a node that turns again is news.
        let again = self.told.iter().filter(known).any(|other| match (&other.what, &what) {
            (
                Observed::CreationRefused { owner: one, message: said, namespace: here },
                Observed::CreationRefused { owner, message, namespace },
            ) => (one, here, refusal(said)) == (owner, namespace, refusal(message)),
            (Observed::NodeNotReady { .. } | Observed::NodeReady { .. }, _) => other.what == what && other.at == at,
            (one, another) => one == another,
        });
        // What the learner wrote never takes the room of what counts.
        let full = self.told.iter().filter(|other| other.proven == proven).count() >= MOST;
        if again || full {
            return Vec::new();
        }
        let observation = Observation { at, what, proven };
        self.told.push(observation.clone());
        vec![observation]
    }
}

/// Who wrote an object, and through which of its parts.
struct Writer<'a> {
    user: &'a str,
    subresource: Option<&'a str>,
}

/// The prefix of the controllers' own accounts.
const CONTROLLERS: &str = "system:serviceaccount:kube-system:";

impl Writer<'_> {
    fn controller(&self) -> Option<&str> {
        self.user.strip_prefix(CONTROLLERS)
    }

    /// A node's own kubelet, or the node controller that no longer hears of it.
    fn writes_node_status(&self, node: &str) -> bool {
        let kubelet = self.user.strip_prefix("system:node:") == Some(node);
        self.subresource == Some("status") && (kubelet || self.controller() == Some("node-controller"))
    }

    /// The kubelet of the Pod's node.
    fn writes_pod_status(&self, node: &str) -> bool {
        self.subresource == Some("status") && !node.is_empty() && self.user.strip_prefix("system:node:") == Some(node)
    }

    fn schedules(&self) -> bool {
        self.subresource == Some("status") && self.user == "system:kube-scheduler"
    }

    fn creates_pods(&self) -> bool {
        const WORKLOADS: [&str; 5] = [
            "replicaset-controller",
            "replication-controller",
            "statefulset-controller",
            "daemon-set-controller",
            "job-controller",
        ];
        self.controller().is_some_and(|controller| WORKLOADS.contains(&controller))
    }
}

fn pod_facts(object: &Value) -> BTreeSet<PodFact> {
    let mut facts = BTreeSet::new();
    let list = |pointer: &str| object.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    for status in list("/status/containerStatuses").into_iter().chain(list("/status/initContainerStatuses")) {
        let restarts = status.get("restartCount").and_then(Value::as_u64).unwrap_or(0);
        let container = text(&status, "/name").to_owned();
        // The life before is told by `lastState`, which belongs to the restart before this one.
        for (state, life) in
            [("/state/terminated/reason", Some(restarts)), ("/lastState/terminated/reason", restarts.checked_sub(1))]
        {
            if let (Some(restarts), "OOMKilled") = (life, text(&status, state)) {
                facts.insert(PodFact::OomKilled { container: container.clone(), restarts });
            }
        }
    }
    let unschedulable = list("/status/conditions").iter().any(|condition| {
        text(condition, "/type") == "PodScheduled"
            && text(condition, "/status") == "False"
            && text(condition, "/reason") == "Unschedulable"
    });
    if unschedulable {
        facts.insert(PodFact::Unschedulable);
    }
    facts
}

/// Returns the part of a refusal that does not name the Pod that was not created.
fn refusal(message: &str) -> &str {
    message.split_once(" is forbidden: ").map_or(message, |(_, why)| why)
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
