//! Whether a node takes a Pod, looked at by itself: marks, labels, ports, room. And the sentence when none does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::Version;
use crate::amounts::{self, Amounts};
use crate::fields::{entries, is_true, list, name, text};
use crate::quantity::Quantity;

use super::load::{Load, host_ports};

/// Why a node does not take a Pod, and whether evicting others could change that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Nothing that is evicted would help.
    Final(Vec<String>),
    /// Others are in the way.
    Full(Vec<String>),
}

impl Misfit {
    /// Returns a reason that no eviction changes.
    pub(super) fn final_because(reason: &str) -> Misfit {
        Misfit::Final(vec![reason.to_owned()])
    }

    fn reasons(&self) -> &[String] {
        match self {
            Misfit::Final(reasons) | Misfit::Full(reasons) => reasons,
        }
    }
}

/// Returns why a node does not take a Pod: the first filter that refuses, with all its reasons.
pub(super) fn fit(pod: &Value, requests: &Amounts, node: &Value, load: &Load, version: Version) -> Option<Misfit> {
    if is_true(node, "/spec/unschedulable") && !tolerates_key(pod, "node.kubernetes.io/unschedulable") {
        return Some(Misfit::final_because("node(s) were unschedulable"));
    }
    if let Some(taint) = untolerated(pod, node, &["NoSchedule", "NoExecute"]) {
        let (key, value) = (text(taint, "/key"), text(taint, "/value"));
        return Some(Misfit::Final(vec![match version {
            Version::V1_20 => format!("node(s) had taint {{{key}: {value}}}, that the pod didn't tolerate"),
            Version::V1_24 | Version::V1_34 => format!("node(s) had untolerated taint {{{key}: {value}}}"),
        }]));
    }
    if !matches_node(pod, node) {
        return Some(Misfit::final_because(match version {
            Version::V1_20 => "node(s) didn't match Pod's node affinity",
            Version::V1_24 | Version::V1_34 => "node(s) didn't match Pod's node affinity/selector",
        }));
    }
    if host_ports(pod).iter().any(|port| load.ports.contains(port)) {
        return Some(Misfit::Full(vec!["node(s) didn't have free ports for the requested pod ports".to_owned()]));
    }
    let allocatable = amounts::at(node, "/status/allocatable");
    let room = |name: &str| allocatable.get(name).copied().unwrap_or(Quantity::ZERO);
    let mut lacks = Vec::new();
    if room("pods").value() < load.count + 1 {
        lacks.push("Too many pods".to_owned());
    }
    for (name, request) in requests {
        let used = load.requests.get(name).copied().unwrap_or(Quantity::ZERO);
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
    selected && (pod.pointer(terms).is_none() || list(pod, terms).iter().any(|term| matches_term(term, node)))
}

/// Returns whether a node is one that a term selects; an empty term selects none.
pub(super) fn matches_term(term: &Value, node: &Value) -> bool {
    let label = |key: &str| node["metadata"]["labels"].get(key).and_then(Value::as_str);
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
    let (by_label, by_field) = (list(term, "/matchExpressions"), list(term, "/matchFields"));
    !(by_label.is_empty() && by_field.is_empty())
        && by_label.iter().all(|requirement| holds(requirement, label(text(requirement, "/key"))))
        && by_field.iter().all(|requirement| holds(requirement, Some(name(node))))
}

/// What begins the second half of the sentence, since 1.24.
const PREEMPTION: &str = " preemption: ";

/// Returns the message of a Pod that no node takes.
pub(super) fn explain(misfits: &[Misfit], version: Version) -> String {
    let count = misfits.len();
    let tally = |reasons: Vec<&str>| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in reasons {
            *counts.entry(reason).or_default() += 1;
        }
        let lines: BTreeSet<String> = counts.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        lines.into_iter().collect::<Vec<_>>().join(", ")
    };
    let reasons = misfits.iter().flat_map(Misfit::reasons).map(String::as_str).collect();
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
    format!("{message}{PREEMPTION}0/{count} nodes are available: {}.", tally(preemption))
}

/// Returns the message of a Pod whose claims cannot be met on any node.
pub(super) fn explain_claims(reason: &str, nodes: usize, version: Version) -> String {
    let helpless =
        format!("{PREEMPTION}0/{nodes} nodes are available: {nodes} Preemption is not helpful for scheduling.");
    match version {
        Version::V1_20 => format!("0/{nodes} nodes are available: {nodes} {reason}."),
        Version::V1_24 => format!("0/{nodes} nodes are available: {nodes} {reason}.{helpless}"),
        Version::V1_34 => format!("0/{nodes} nodes are available: {reason}.{helpless}"),
    }
}

/// Returns the message without its second half where room is being made on a node.
pub(super) fn without_preemption<'a>(message: &'a str, nominated: Option<&str>) -> &'a str {
    match nominated {
        Some(_) => message.split(PREEMPTION).next().unwrap_or(message),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amounts::Side;

    fn node(taints: Value, memory: &str) -> Value {
        json!({"metadata": {"name": "n", "labels": {"kubernetes.io/hostname": "n", "size": "3"}}, "spec": {"taints": taints},
            "status": {"allocatable": {"cpu": "2", "memory": memory, "pods": "110"}}})
    }

    fn misfits(pod: &Value, version: Version) -> String {
        let requests = amounts::of_pod(&pod["spec"], Side::Requests);
        let control = json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
        let nodes = [node(control, "4Gi"), node(json!([]), "1Gi"), node(json!([]), "1Gi")];
        let found: Vec<Misfit> =
            nodes.iter().filter_map(|node| fit(pod, &requests, node, &Load::default(), version)).collect();
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
