//! Nodes: a kubelet that falls silent makes its node Unknown and tainted; after their toleration its Pods go.
//!
//! Rules of `pkg/controller/nodelifecycle`. The grace period is shorter than the real 40 s: a learner waits.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Version;
use crate::api::{Api, Caller, DeleteOptions, Target, set_condition};
use crate::clock::rfc3339;
use crate::events::Recorder;
use crate::fields::{is_deleted, is_true, list, name, namespace, number, text, uid};
use crate::nodes::Nodes;
use crate::resources::{NODES, PODS};
use crate::scheduler::toleration;
use crate::store::{Change, Key};

use super::{Controller, Interest, Next, Queue, queue_all};

/// How long a kubelet may be silent.
const GRACE: Duration = Duration::from_secs(9);
/// The message of the conditions of a silent node.
const SILENT: &str = "Kubelet stopped posting node status.";

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The controller.
pub(crate) struct NodeLifecycle {
    api: Api,
    caller: Caller,
    recorder: Recorder,
    evictions: Recorder,
    nodes: Nodes,
    /// Since when Pods bear marks that do not say it themselves, by uid and mark.
    borne: BTreeMap<(String, String), Timestamp>,
}

impl NodeLifecycle {
    /// Returns the controller over an API and the kubelets' signs of life.
    pub(crate) fn new(api: &Api, nodes: &Nodes) -> Self {
        let caller = Caller::controller("node-controller");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller.clone(), "node-controller"),
            evictions: Recorder::component(api, caller, "taint-eviction-controller"),
            nodes: nodes.clone(),
            borne: BTreeMap::new(),
        }
    }

    fn mark_unknown(&mut self, node: &Value) {
        let now = rfc3339(self.api.clock().now());
        let target = Target::new(&NODES, "", name(node)).part("status");
        let written = self.api.update_with(&self.caller, target, |node| {
            for kind in ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"] {
                let heartbeat = list(node, "/status/conditions")
                    .iter()
                    .find(|condition| condition["type"] == kind)
                    .map_or(Value::Null, |condition| condition["lastHeartbeatTime"].clone());
                set_condition(
                    node,
                    json!({"type": kind, "status": "Unknown", "reason": "NodeStatusUnknown", "message": SILENT,
                        "lastHeartbeatTime": heartbeat, "lastTransitionTime": now}),
                );
            }
        });
        if written.is_ok() {
            let message = format!("Node {} status is now: NodeNotReady", name(node));
            self.recorder.normal(node, "NodeNotReady", message);
            self.mark_pods(node);
        }
    }

    /// Pods of a node that is not ready are not ready, whatever their containers did last.
    fn mark_pods(&mut self, node: &Value) {
        let now = rfc3339(self.api.clock().now());
        for pod in self.api.list_all(&PODS, None) {
            let ready = list(&pod, "/status/conditions")
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            if text(&pod, "/spec/nodeName") != name(node) || !ready {
                continue;
            }
            let target = Target::new(&PODS, namespace(&pod), name(&pod)).part("status");
            let written = self.api.update_with(&self.caller, target, |pod| {
                set_condition(
                    pod,
                    json!({"type": "Ready", "status": "False", "lastProbeTime": null, "lastTransitionTime": now}),
                );
            });
            if written.is_ok() {
                self.recorder.warning(&pod, "NodeNotReady", "Node is not ready");
            }
        }
    }

    /// Keeps the taints that follow from a node's state.
    fn write_taints(&self, node: &Value) {
        let ready = list(node, "/status/conditions").iter().find(|condition| condition["type"] == "Ready");
        let state = match ready.map(|condition| text(condition, "/status")) {
            Some("False") => Some(NOT_READY),
            Some("Unknown") => Some(UNREACHABLE),
            _ => None,
        };
        let mut wanted: Vec<(&str, &str)> = Vec::new();
        if is_true(node, "/spec/unschedulable") {
            wanted.push((UNSCHEDULABLE, "NoSchedule"));
        }
        if let Some(state) = state {
            wanted.extend([(state, "NoSchedule"), (state, "NoExecute")]);
        }
        let is_ours = |taint: &Value| [NOT_READY, UNREACHABLE, UNSCHEDULABLE].contains(&text(taint, "/key"));
        let is =
            |taint: &Value, (key, effect): (&str, &str)| text(taint, "/key") == key && text(taint, "/effect") == effect;
        let old = list(node, "/spec/taints");
        let mut taints: Vec<Value> =
            old.iter().filter(|taint| !is_ours(taint) || wanted.iter().any(|pair| is(taint, *pair))).cloned().collect();
        let now = rfc3339(self.api.clock().now());
        for pair in wanted {
            if !taints.iter().any(|taint| is(taint, pair)) {
                taints.push(json!({"key": pair.0, "effect": pair.1, "timeAdded": now}));
            }
        }
        if taints == old {
            return;
        }
        let target = Target::new(&NODES, "", name(node));
        // A node that is gone needs no taints.
        let _ = self.api.update_with(&self.caller, target, |node| {
            if taints.is_empty() {
                if let Some(spec) = node["spec"].as_object_mut() {
                    spec.remove("taints");
                }
            } else {
                node["spec"]["taints"] = json!(taints);
            }
        });
    }

    /// Deletes the Pods that no longer tolerate the node, and returns when the next one is due.
    fn evict(&mut self, key: &Key) -> Next {
        let Ok(node) = self.api.get(&NODES, "", &key.name) else { return Next::Wait };
        let taints: Vec<&Value> =
            list(&node, "/spec/taints").iter().filter(|taint| taint["effect"] == "NoExecute").collect();
        let now = self.api.clock().now();
        let mut soonest: Option<i64> = None;
        for pod in self.api.list_all(&PODS, None) {
            if text(&pod, "/spec/nodeName") != key.name || is_deleted(&pod) {
                continue;
            }
            let left = taints.iter().filter_map(|taint| self.time_left(&pod, taint, now)).min();
            if taints.is_empty() {
                let before = self.borne.len();
                self.borne.retain(|(known, _), _| known != uid(&pod));
                if self.borne.len() < before {
                    let message = format!("Cancelling deletion of Pod {}/{}", namespace(&pod), name(&pod));
                    self.evictions.normal(&pod, "TaintManagerEviction", message);
                }
            }
            match left {
                None => {}
                Some(left) if left > 0 => soonest = Some(soonest.map_or(left, |soonest| soonest.min(left))),
                Some(_) => {
                    let message = format!("Marking for deletion Pod {}/{}", namespace(&pod), name(&pod));
                    self.evictions.normal(&pod, "TaintManagerEviction", message);
                    self.borne.retain(|(known, _), _| known != uid(&pod));
                    self.condemn(&pod, now);
                    let target = Target::new(&PODS, namespace(&pod), name(&pod));
                    let _ = self.api.delete(&self.caller, target, &DeleteOptions::default());
                }
            }
        }
        soonest.map_or(Next::Wait, |left| Next::After(Duration::from_secs(u64::try_from(left).unwrap_or_default())))
    }
}

impl NodeLifecycle {
    /// Returns how many seconds a Pod may still stay on a node with a taint; `None` means for ever.
    fn time_left(&mut self, pod: &Value, taint: &Value, now: Timestamp) -> Option<i64> {
        let Some(toleration) = toleration(pod, taint) else { return Some(0) };
        let seconds = number(toleration, "/tolerationSeconds")?;
        // A taint that somebody put by hand does not say when.
        let since = text(taint, "/timeAdded").parse::<Timestamp>().unwrap_or_else(|_| {
            let mark = format!("{}={}", text(taint, "/key"), text(taint, "/value"));
            *self.borne.entry((uid(pod).to_owned(), mark)).or_insert(now)
        });
        Some(since.as_second() + seconds - now.as_second())
    }

    /// Says in a Pod's status why it goes, as it is done since 1.26.
    fn condemn(&self, pod: &Value, now: Timestamp) {
        if self.api.version() != Version::V1_34 {
            return;
        }
        let target = Target::new(&PODS, namespace(pod), name(pod)).part("status");
        // It may be gone by now, which is as good.
        let _ = self.api.update_with(&self.caller, target, |pod| {
            set_condition(
                pod,
                json!({"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
                    "message": "Taint manager: deleting due to NoExecute taint", "lastProbeTime": null,
                    "lastTransitionTime": rfc3339(now)}),
            );
        });
    }
}

impl Controller for NodeLifecycle {
    fn name(&self) -> &'static str {
        "node-lifecycle"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == NODES {
            queue.add("", &change.key.name);
        } else if *change.resource == PODS
            && change
                .previous
                .as_deref()
                .is_none_or(|before| before["spec"]["nodeName"] != change.object["spec"]["nodeName"])
            && !text(&change.object, "/spec/nodeName").is_empty()
        {
            queue.add("", text(&change.object, "/spec/nodeName"));
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&NODES, None), queue);
    }

    fn interest(&self) -> Interest {
        Interest::Heartbeats
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(node) = self.api.get(&NODES, "", &key.name) else { return Next::Wait };
        let mut wait = None;
        if let Some(since) = self.nodes.silent_since(&key.name) {
            let grace = self.api.clock().scaled(GRACE);
            let silent = Instant::now().saturating_duration_since(since);
            let ready = list(&node, "/status/conditions").iter().find(|condition| condition["type"] == "Ready");
            let known = ready.is_none_or(|condition| condition["status"] != "Unknown");
            if known && silent >= grace {
                self.mark_unknown(&node);
            } else if known {
                wait = Some(grace - silent);
            }
        }
        if let Ok(node) = self.api.get(&NODES, "", &key.name) {
            self.write_taints(&node);
        }
        match (self.evict(key), wait) {
            (Next::After(eviction), Some(wait)) => Next::After(eviction.min(wait)),
            (_, Some(wait)) => Next::After(wait),
            (next, None) => next,
        }
    }
}
