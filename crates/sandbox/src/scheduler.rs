//! The scheduler: gives each Pod the node with the most room, or says why there is none.
//!
//! Filters, their order and texts are those of `pkg/scheduler/framework/plugins`; the score is the share of CPU
//! and memory left (LeastAllocated). Preemption is not simulated: the message says as much as the real one does
//! where nothing can be evicted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Version;
use crate::amounts::{self, Amounts, Side, is_terminal};
use crate::api::{Api, Caller, Target, set_condition};
use crate::clock::rfc3339;
use crate::controllers::{Controller, Next, Queue};
use crate::events::{Severity, scheduled};
use crate::fields::{entries, is_deleted, is_true, list, name, namespace, text, uid};
use crate::quantity::Quantity;
use crate::resources::{NODES, PODS};
use crate::store::{Change, ChangeKind, Key, Object};

/// The scheduler's name in `spec.schedulerName`.
const NAME: &str = "default-scheduler";

/// The scheduler.
pub(crate) struct Scheduler {
    api: Api,
    assigned: BTreeMap<String, Assigned>,
}

/// A Pod that takes room on a node.
struct Assigned {
    node: String,
    requests: Amounts,
    weight: Weight,
}

/// What a Pod counts for when nodes are compared: a container that requests nothing counts as a small one
/// (`GetNonzeroRequests`), so that such Pods are spread too.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    cpu: f64,
    memory: f64,
}

impl Weight {
    fn of(spec: &Value) -> Self {
        list(spec, "/containers").iter().fold(Self::default(), |sum, container| {
            let requests = amounts::of_container(container, Side::Requests);
            let of = |name: &str, small: f64| requests.get(name).map_or(small, |amount| amount.as_f64());
            sum.plus(Self { cpu: of("cpu", 0.1), memory: of("memory", 200.0 * 1024.0 * 1024.0) })
        })
    }

    fn plus(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory }
    }
}

/// Why a node does not take a Pod, and whether evicting others could change that.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Misfit {
    /// Nothing that is evicted would help.
    Final(String),
    /// There is not enough room.
    Full(Vec<String>),
}

impl Scheduler {
    /// Returns the scheduler over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone(), assigned: BTreeMap::new() }
    }

    fn note(&mut self, pod: &Value) {
        let node = text(pod, "/spec/nodeName");
        if node.is_empty() || is_terminal(pod) {
            self.assigned.remove(uid(pod));
        } else {
            let requests = amounts::of_pod(&pod["spec"], Side::Requests);
            let weight = Weight::of(&pod["spec"]);
            self.assigned.insert(uid(pod).to_owned(), Assigned { node: node.to_owned(), requests, weight });
        }
    }

    fn queue_waiting(&self, queue: &mut Queue) {
        for pod in self.api.list_all(&PODS, None) {
            if waits(&pod) {
                queue.add(namespace(&pod), name(&pod));
            }
        }
    }

    /// Returns what the Pods of a node request, how many there are, and their weight.
    fn load(&self, node: &str) -> (Amounts, i64, Weight) {
        let (mut sum, mut count, mut weight) = (Amounts::new(), 0, Weight::default());
        for assigned in self.assigned.values().filter(|assigned| assigned.node == node) {
            amounts::add(&mut sum, &assigned.requests);
            count += 1;
            weight = weight.plus(assigned.weight);
        }
        (sum, count, weight)
    }

    /// Returns the node for a Pod, or the message that says why there is none.
    fn choose(&self, pod: &Value) -> Result<String, String> {
        let version = self.api.version();
        let nodes = self.api.list_all(&NODES, None);
        if nodes.is_empty() {
            return Err("no nodes available to schedule pods".to_owned());
        }
        let requests = amounts::of_pod(&pod["spec"], Side::Requests);
        let own = Weight::of(&pod["spec"]);
        let mut fitting: Vec<(i64, &Object)> = Vec::new();
        let mut misfits = Vec::new();
        for node in &nodes {
            let (load, count, weight) = self.load(name(node));
            match fit(pod, &requests, node, (&load, count), version) {
                None => fitting.push((room(node, weight.plus(own)), node)),
                Some(misfit) => misfits.push(misfit),
            }
        }
        let best = fitting.iter().max_by(|(left, left_node), (right, right_node)| {
            left.cmp(right).then_with(|| name(right_node).cmp(name(left_node)))
        });
        match best {
            Some((_, node)) => Ok(name(node).to_owned()),
            None => Err(explain(&misfits, version)),
        }
    }

    fn refuse(&self, pod: &Value, message: &str) {
        let known = list(pod, "/status/conditions")
            .iter()
            .any(|condition| condition["type"] == "PodScheduled" && condition["message"] == message);
        if known {
            return;
        }
        let now = rfc3339(self.api.clock().now());
        let target = Target::new(&PODS, namespace(pod), name(pod)).part("status");
        let written = self.api.update_with(&Caller::scheduler(), target, |pod| {
            let since = list(pod, "/status/conditions")
                .iter()
                .find(|condition| condition["type"] == "PodScheduled" && condition["status"] == "False")
                .map_or(now, |condition| text(condition, "/lastTransitionTime").to_owned());
            set_condition(
                pod,
                json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
                    "lastProbeTime": null, "lastTransitionTime": since}),
            );
        });
        if written.is_ok() {
            scheduled(&self.api, pod, Severity::Warning, "FailedScheduling", message, "Scheduling");
        }
    }
}

impl Controller for Scheduler {
    fn name(&self) -> &'static str {
        "scheduler"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == PODS {
            if change.kind == ChangeKind::Deleted {
                self.assigned.remove(uid(&change.object));
                self.queue_waiting(queue);
                return;
            }
            let before = self.assigned.len();
            self.note(&change.object);
            if self.assigned.len() < before {
                self.queue_waiting(queue);
            }
            if waits(&change.object) {
                queue.add(&change.key.namespace, &change.key.name);
            }
        } else if *change.resource == NODES {
            let fields = |node: &Value| {
                (node["spec"].clone(), node["status"]["allocatable"].clone(), node["metadata"]["labels"].clone())
            };
            if change.previous.as_deref().is_none_or(|before| fields(before) != fields(&change.object)) {
                self.queue_waiting(queue);
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        self.assigned.clear();
        for pod in self.api.list_all(&PODS, None) {
            self.note(&pod);
        }
        self.queue_waiting(queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(pod) = self.api.get(&PODS, &key.namespace, &key.name) else { return Next::Wait };
        if !waits(&pod) {
            return Next::Wait;
        }
        match self.choose(&pod) {
            Ok(node) => match self.api.bind(&Caller::scheduler(), &key.namespace, &key.name, &node) {
                Ok(bound) => {
                    self.note(&bound);
                    let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
                    scheduled(&self.api, &bound, Severity::Normal, "Scheduled", &message, "Binding");
                    Next::Wait
                }
                Err(_) => Next::Retry,
            },
            Err(message) => {
                self.refuse(&pod, &message);
                Next::Wait
            }
        }
    }
}

fn waits(pod: &Value) -> bool {
    text(pod, "/spec/nodeName").is_empty()
        && text(pod, "/spec/schedulerName") == NAME
        && !is_deleted(pod)
        && !is_terminal(pod)
}

/// Returns why a node does not take a Pod: the first filter that refuses, with all its reasons.
fn fit(pod: &Value, requests: &Amounts, node: &Value, load: (&Amounts, i64), version: Version) -> Option<Misfit> {
    if is_true(node, "/spec/unschedulable") && !tolerates_key(pod, "node.kubernetes.io/unschedulable") {
        return Some(Misfit::Final("node(s) were unschedulable".to_owned()));
    }
    if let Some(taint) = untolerated(pod, node, &["NoSchedule", "NoExecute"]) {
        let (key, value) = (text(taint, "/key"), text(taint, "/value"));
        return Some(Misfit::Final(match version {
            Version::V1_20 => format!("node(s) had taint {{{key}: {value}}}, that the pod didn't tolerate"),
            Version::V1_24 | Version::V1_34 => format!("node(s) had untolerated taint {{{key}: {value}}}"),
        }));
    }
    if !matches_node(pod, node) {
        return Some(Misfit::Final(match version {
            Version::V1_20 => "node(s) didn't match Pod's node affinity".to_owned(),
            Version::V1_24 | Version::V1_34 => "node(s) didn't match Pod's node affinity/selector".to_owned(),
        }));
    }
    let (load, count) = load;
    let allocatable = amounts::at(node, "/status/allocatable");
    let room = |name: &str| allocatable.get(name).copied().unwrap_or(Quantity::ZERO);
    let mut lacks = Vec::new();
    if room("pods").value() < count + 1 {
        lacks.push("Too many pods".to_owned());
    }
    for (name, request) in requests {
        let used = load.get(name).copied().unwrap_or(Quantity::ZERO);
        if !request.is_zero() && used.plus(*request) > room(name) {
            lacks.push(format!("Insufficient {name}"));
        }
    }
    (!lacks.is_empty()).then_some(Misfit::Full(lacks))
}

/// Returns the first taint with one of these effects that a Pod does not tolerate.
pub(crate) fn untolerated<'a>(pod: &Value, node: &'a Value, effects: &[&str]) -> Option<&'a Value> {
    list(node, "/spec/taints")
        .iter()
        .find(|taint| effects.contains(&text(taint, "/effect")) && toleration(pod, taint).is_none())
}

/// Returns the toleration of a Pod that covers a taint.
pub(crate) fn toleration<'a>(pod: &'a Value, taint: &Value) -> Option<&'a Value> {
    list(pod, "/spec/tolerations").iter().find(|toleration| {
        let (key, effect) = (text(toleration, "/key"), text(toleration, "/effect"));
        (effect.is_empty() || effect == text(taint, "/effect"))
            && (key.is_empty() || key == text(taint, "/key"))
            && match text(toleration, "/operator") {
                "Exists" => true,
                "" | "Equal" => !key.is_empty() && text(toleration, "/value") == text(taint, "/value"),
                _ => false,
            }
    })
}

fn tolerates_key(pod: &Value, key: &str) -> bool {
    toleration(pod, &json!({"key": key, "effect": "NoSchedule"})).is_some()
}

/// Returns whether `nodeSelector` and the required node affinity match.
pub(crate) fn matches_node(pod: &Value, node: &Value) -> bool {
    let label = |key: &str| node["metadata"]["labels"].get(key).and_then(Value::as_str);
    let selected = entries(pod, "/spec/nodeSelector").all(|(key, value)| label(key) == value.as_str());
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let holds = |requirement: &Value, found: Option<&str>| {
        let values: Vec<&str> = list(requirement, "/values").iter().filter_map(Value::as_str).collect();
        let number = |text: &str| text.parse::<i64>().ok();
        let bound = values.first().copied().and_then(number);
        match text(requirement, "/operator") {
            "In" => found.is_some_and(|found| values.contains(&found)),
            "NotIn" => found.is_none_or(|found| !values.contains(&found)),
            "Exists" => found.is_some(),
            "DoesNotExist" => found.is_none(),
            "Gt" => found.and_then(number).zip(bound).is_some_and(|(found, bound)| found > bound),
            "Lt" => found.and_then(number).zip(bound).is_some_and(|(found, bound)| found < bound),
            _ => false,
        }
    };
    let affine = pod.pointer(terms).is_none()
        || list(pod, terms).iter().any(|term| {
            let by_label = list(term, "/matchExpressions");
            let by_field = list(term, "/matchFields");
            !(by_label.is_empty() && by_field.is_empty())
                && by_label.iter().all(|requirement| holds(requirement, label(text(requirement, "/key"))))
                && by_field.iter().all(|requirement| holds(requirement, Some(name(node))))
        });
    selected && affine
}

/// Returns the share of a node that stays free under a weight, in thousandths, over CPU and memory.
fn room(node: &Value, weight: Weight) -> i64 {
    let allocatable = amounts::at(node, "/status/allocatable");
    [("cpu", weight.cpu), ("memory", weight.memory)]
        .into_iter()
        .map(|(name, used)| {
            let total = allocatable.get(name).map_or(0.0, |amount| amount.as_f64());
            if total > 0.0 { ((total - used) / total * 1000.0) as i64 } else { 0 }
        })
        .sum()
}

/// Returns the message of a Pod that no node takes.
fn explain(misfits: &[Misfit], version: Version) -> String {
    let count = misfits.len();
    let tally = |reasons: Vec<&str>| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in reasons {
            *counts.entry(reason).or_default() += 1;
        }
        let lines: BTreeSet<String> = counts.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        lines.into_iter().collect::<Vec<_>>().join(", ")
    };
    let reasons = misfits
        .iter()
        .flat_map(|misfit| match misfit {
            Misfit::Final(reason) => std::slice::from_ref(reason),
            Misfit::Full(reasons) => reasons.as_slice(),
        })
        .map(String::as_str)
        .collect();
    let message = format!("0/{count} nodes are available: {}.", tally(reasons));
    if version == Version::V1_20 {
        return message;
    }
    let preemption = misfits
        .iter()
        .map(|misfit| match misfit {
            Misfit::Final(_) => "Preemption is not helpful for scheduling",
            Misfit::Full(_) => "No preemption victims found for incoming pod",
        })
        .collect();
    format!("{message} preemption: 0/{count} nodes are available: {}.", tally(preemption))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(taints: Value, memory: &str) -> Value {
        json!({"metadata": {"name": "n", "labels": {"kubernetes.io/hostname": "n", "size": "3"}}, "spec": {"taints": taints},
            "status": {"allocatable": {"cpu": "2", "memory": memory, "pods": "110"}}})
    }

    fn misfits(pod: &Value, version: Version) -> String {
        let requests = amounts::of_pod(&pod["spec"], Side::Requests);
        let control = json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
        let nodes = [node(control, "4Gi"), node(json!([]), "1Gi"), node(json!([]), "1Gi")];
        let found: Vec<Misfit> =
            nodes.iter().filter_map(|node| fit(pod, &requests, node, (&Amounts::new(), 0), version)).collect();
        assert_eq!(found.len(), 3);
        explain(&found, version)
    }

    #[test]
    fn the_message_counts_reasons_by_node() {
        let pod = json!({"spec": {"containers": [{"resources": {"requests": {"memory": "2Gi"}}}]}});
        assert_eq!(
            misfits(&pod, Version::V1_34),
            "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, \
             2 Insufficient memory. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, \
             2 No preemption victims found for incoming pod."
        );
        assert_eq!(
            misfits(&pod, Version::V1_20),
            "0/3 nodes are available: 1 node(s) had taint {node-role.kubernetes.io/control-plane: }, that the pod \
             didn't tolerate, 2 Insufficient memory."
        );
        let pod = json!({"spec": {"containers": [{"resources": {"requests": {"memory": "900Gi", "cpu": "10"}}}],
            "tolerations": [{"operator": "Exists"}]}});
        assert_eq!(
            misfits(&pod, Version::V1_20),
            "0/3 nodes are available: 3 Insufficient cpu, 3 Insufficient memory."
        );
    }

    #[test]
    fn selectors_and_affinity_choose_nodes() {
        let node = node(json!([]), "4Gi");
        let affinity = |requirement: Value| {
            json!({"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}}}}})
        };
        assert!(matches_node(&json!({"spec": {"nodeSelector": {"kubernetes.io/hostname": "n"}}}), &node));
        assert!(!matches_node(&json!({"spec": {"nodeSelector": {"kubernetes.io/hostname": "m"}}}), &node));
        assert!(matches_node(&affinity(json!({"key": "size", "operator": "Gt", "values": ["2"]})), &node));
        assert!(!matches_node(&affinity(json!({"key": "size", "operator": "DoesNotExist"})), &node));
    }

    #[test]
    fn tolerations_cover_taints_as_the_real_ones_do() {
        let taint = json!({"key": "a", "value": "b", "effect": "NoSchedule"});
        let covers =
            |toleration: Value| super::toleration(&json!({"spec": {"tolerations": [toleration]}}), &taint).is_some();
        assert!(covers(json!({"operator": "Exists"})));
        assert!(covers(json!({"key": "a", "value": "b"})));
        assert!(!covers(json!({"key": "a", "value": "c"})));
        assert!(!covers(json!({"key": "a", "operator": "Exists", "effect": "NoExecute"})));
    }
}
