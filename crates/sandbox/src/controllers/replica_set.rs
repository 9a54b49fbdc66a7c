//! ReplicaSets: keeps the number of Pods, in batches that double, and tells why it cannot.
//!
//! Rules of `pkg/controller/replicaset`: slow start, deletion ranks, the ReplicaFailure condition.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::amounts::is_active;
use crate::api::{Api, Caller, Selector, Status, Target, WriteOptions, set_condition};
use crate::clock;
use crate::events::Recorder;
use crate::fields::{as_map, controller, is_controlled_by, is_deleted, list, name, namespace, number, text, uid};
use crate::resources::{PODS, REPLICA_SETS};
use crate::store::{Change, Key, Object};

use super::pods::{Noted, Owned, OwnedPods, from_template, slow_start};
use super::{Controller, Next, Queue, queue_all};

/// The most Pods that one reconciliation creates or deletes.
const BURST: usize = 500;

/// The controller.
pub(crate) struct ReplicaSets {
    api: Api,
    caller: Caller,
    recorder: Recorder,
    pods: OwnedPods,
}

impl ReplicaSets {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("replicaset-controller");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller, "replicaset-controller"),
            pods: OwnedPods::of_kind("ReplicaSet"),
        }
    }

    /// Creates `missing` Pods: one, then two, then four …, until a batch fails.
    fn create(&mut self, set: &Value, missing: usize) -> Result<(), Status> {
        slow_start(missing.min(BURST), || {
            let pod = from_template(set, &set["spec"]["template"]);
            match self.api.create(&self.caller, &PODS, namespace(set), pod, &WriteOptions::default()) {
                Ok(written) => {
                    let message = format!("Created pod: {}", name(&written.object));
                    self.recorder.normal(set, "SuccessfulCreate", message);
                    Ok(())
                }
                Err(status) => {
                    if !is_terminating(&status) {
                        self.recorder.warning(set, "FailedCreate", format!("Error creating: {status}"));
                    }
                    Err(status)
                }
            }
        })
    }

    fn delete(&mut self, set: &Value, mut pods: Vec<Object>, surplus: usize) {
        let related = self.related(set);
        pods.sort_by_cached_key(|pod| deletion_rank(pod, &related));
        for pod in pods.into_iter().take(surplus.min(BURST)) {
            if super::pods::delete(&self.api, &self.caller, &pod) {
                self.recorder.normal(set, "SuccessfulDelete", format!("Deleted pod: {}", name(&pod)));
            }
        }
    }

    /// Returns how many active Pods each node has of all ReplicaSets with the same owner: where there are many, one
    /// goes first.
    fn related(&self, set: &Value) -> BTreeMap<String, usize> {
        let owner = controller(set).map(|owner| text(owner, "/uid").to_owned());
        let mut counts = BTreeMap::new();
        for other in self.api.list_all(&REPLICA_SETS, Some(namespace(set))) {
            let related =
                uid(&other) == uid(set) || owner.as_deref().is_some_and(|owner| is_controlled_by(&other, owner));
            if related {
                let pods = self.pods.of(&other).into_iter().flat_map(Owned::iter);
                for pod in pods.filter(|pod| is_active(pod)) {
                    *counts.entry(text(pod, "/spec/nodeName").to_owned()).or_default() += 1;
                }
            }
        }
        counts
    }

    fn write_status(&self, set: &Value, failure: Option<&Status>) {
        let now = self.api.clock().now();
        let minimum = number(set, "/spec/minReadySeconds").unwrap_or_default();
        let owned = self.pods.of(set);
        let (active, ready) = owned.map_or((0, 0), |owned| (owned.active(), owned.ready()));
        let available = match (owned, minimum) {
            (Some(owned), 1..) => owned.iter().filter(|pod| is_active(pod) && is_available(pod, minimum, now)).count(),
            _ => ready,
        };
        let labelled = owned.map_or(0, |owned| owned.labelled(&set["spec"]["template"]["metadata"]["labels"]));
        let mut counts = json!({"replicas": active, "observedGeneration": set["metadata"]["generation"]});
        for (key, count) in
            [("fullyLabeledReplicas", labelled), ("readyReplicas", ready), ("availableReplicas", available)]
        {
            if count > 0 {
                counts[key] = json!(count);
            }
        }
        let is_failing = list(set, "/status/conditions").iter().any(|c| c["type"] == "ReplicaFailure");
        let same = || {
            let mut old = set["status"].clone();
            as_map(&mut old).remove("conditions");
            old == counts
        };
        if is_failing == failure.is_some() && same() {
            return;
        }
        let target = Target::new(&REPLICA_SETS, namespace(set), name(set)).part("status");
        // It may be gone by now, which is as good.
        let _ = self.api.update_with(&self.caller, target, |stored| {
            let mut status = counts;
            if let Some(conditions) = stored["status"].get("conditions") {
                status["conditions"] = conditions.clone();
            }
            stored["status"] = status;
            match failure {
                Some(refusal) => {
                    let old = list(stored, "/status/conditions").iter().find(|c| c["type"] == "ReplicaFailure");
                    if old.is_none() {
                        set_condition(
                            stored,
                            json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                                "message": refusal.message, "lastTransitionTime": clock::rfc3339(now)}),
                        );
                    }
                }
                None => {
                    if let Some(conditions) = stored["status"]["conditions"].as_array_mut() {
                        conditions.retain(|condition| condition["type"] != "ReplicaFailure");
                    }
                    if list(stored, "/status/conditions").is_empty()
                        && let Some(status) = stored["status"].as_object_mut()
                    {
                        status.remove("conditions");
                    }
                }
            }
        });
    }
}

impl Controller for ReplicaSets {
    fn name(&self) -> &'static str {
        "replicaset"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == REPLICA_SETS {
            queue.add(&change.key.namespace, &change.key.name);
        } else if self.pods.note(change, queue) == Noted::Orphan {
            for set in self.api.list_all(&REPLICA_SETS, Some(&change.key.namespace)) {
                if selects(&set, &change.object) {
                    queue.add(namespace(&set), name(&set));
                }
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        self.pods.rebuild(&self.api);
        queue_all(&self.api.list_all(&REPLICA_SETS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(set) = self.api.get(&REPLICA_SETS, &key.namespace, &key.name) else { return Next::Wait };
        let mut failure = None;
        let mut is_settled = true;
        if !is_deleted(&set) {
            self.pods.claim(&self.api, &self.caller, &set);
            let active = self.pods.of(&set).map_or(0, Owned::active);
            let wanted = wanted(&set);
            if active < wanted {
                is_settled = false;
                failure = self.create(&set, wanted - active).err();
            } else if active > wanted {
                is_settled = false;
                let mut pods = self.pods.list(&set);
                pods.retain(|pod| is_active(pod));
                self.delete(&set, pods, active - wanted);
            }
        }
        // What was created or deleted just now comes back as a change, and the counts with it.
        if is_settled || failure.is_some() {
            self.write_status(&set, failure.as_ref());
        }
        match failure {
            // Nothing is to be done in a Namespace on its way out.
            Some(status) if is_terminating(&status) => Next::Wait,
            Some(_) => Next::Retry,
            None => self.next_available(&set),
        }
    }
}

impl ReplicaSets {
    /// Returns when the next ready Pod becomes available, where `minReadySeconds` is set.
    fn next_available(&self, set: &Value) -> Next {
        let minimum = number(set, "/spec/minReadySeconds").unwrap_or_default();
        let now = self.api.clock().now();
        let waits = minimum > 0
            && self
                .pods
                .of(set)
                .into_iter()
                .flat_map(Owned::iter)
                .any(|pod| is_ready(pod) && !is_available(pod, minimum, now));
        if waits { Next::After(Duration::from_secs(1)) } else { Next::Wait }
    }
}

/// Returns the number of replicas that is asked for.
pub(crate) fn wanted(object: &Value) -> usize {
    usize::try_from(number(object, "/spec/replicas").unwrap_or(1)).unwrap_or_default()
}

/// Returns whether the refusal is that of a Namespace on its way out.
pub(crate) fn is_terminating(status: &Status) -> bool {
    status
        .details
        .as_ref()
        .is_some_and(|details| details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"))
}

/// Returns the reference that makes `owner` the controller of an object.
pub(crate) fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// Returns whether a Pod is ready.
pub(crate) fn is_ready(pod: &Value) -> bool {
    ready_since(pod).is_some()
}

fn ready_since(pod: &Value) -> Option<&str> {
    list(pod, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        .map(|condition| text(condition, "/lastTransitionTime"))
}

pub(crate) fn is_available(pod: &Value, minimum: i64, now: Timestamp) -> bool {
    let Some(since) = ready_since(pod) else { return false };
    minimum == 0 || since.parse::<Timestamp>().is_ok_and(|since| now.as_second() - since.as_second() >= minimum)
}

/// Returns whether an object's selector matches a Pod.
pub(crate) fn selects(object: &Value, pod: &Value) -> bool {
    Selector::from_object(&object["spec"]["selector"]).is_some_and(|selector| selector.matches_labels(pod))
}

type Rank = (bool, u8, bool, i64, Reverse<usize>, Reverse<i64>, Reverse<String>);

/// Sorts the Pods that go first to the front (`ActivePodsWithRanks`): unassigned, then pending, then not ready, then
/// of a low deletion cost, then where there are many, then those with many restarts, then young.
fn deletion_rank(pod: &Object, related: &BTreeMap<String, usize>) -> Rank {
    let phase = match text(pod, "/status/phase") {
        "Pending" => 0,
        "Running" => 2,
        _ => 1,
    };
    let cost = pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"].as_str();
    let restarts = list(pod, "/status/containerStatuses")
        .iter()
        .filter_map(|status| number(status, "/restartCount"))
        .max()
        .unwrap_or_default();
    (
        !text(pod, "/spec/nodeName").is_empty(),
        phase,
        is_ready(pod),
        cost.and_then(|cost| cost.parse().ok()).unwrap_or_default(),
        Reverse(related.get(text(pod, "/spec/nodeName")).copied().unwrap_or_default()),
        Reverse(restarts),
        Reverse(text(pod, "/metadata/creationTimestamp").to_owned()),
    )
}
