//! ReplicaSets: keeps the number of Pods, in batches that double, and tells why it cannot.
//!
//! Rules of `pkg/controller/replicaset`: slow start, deletion ranks, the ReplicaFailure condition.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::amounts::is_active;
use crate::api::{Api, Caller, DeleteOptions, Selector, Status, Target, WriteOptions, set_condition};
use crate::clock;
use crate::events::Recorder;
use crate::fields::{controller, entries, is_controlled_by, is_deleted, list, name, namespace, number, text, uid};
use crate::resources::{PODS, REPLICA_SETS};
use crate::store::{Change, Key, Object};

use super::{Controller, Next, Queue, queue_all};

/// The most Pods that one reconciliation creates or deletes.
const BURST: usize = 500;

/// The controller.
pub(crate) struct ReplicaSets {
    api: Api,
    caller: Caller,
    recorder: Recorder,
}

impl ReplicaSets {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("replicaset-controller");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller, "replicaset-controller"),
        }
    }

    fn owned_pods(&self, set: &Value) -> Vec<Object> {
        let mut pods = self.api.list_all(&PODS, Some(namespace(set)));
        pods.retain(|pod| is_controlled_by(pod, uid(set)));
        pods
    }

    /// Adopts Pods without a controller that the selector matches.
    fn adopt(&self, set: &Value) {
        let Some(selector) = Selector::from_object(&set["spec"]["selector"]) else { return };
        for pod in self.api.list_all(&PODS, Some(namespace(set))) {
            if controller(&pod).is_none() && is_active(&pod) && selector.matches_labels(&pod) {
                let owner = owner_reference(set);
                let target = Target::new(&PODS, namespace(&pod), name(&pod));
                // It may be gone by now, which is as good.
                let _ = self.api.update_with(&self.caller, target, |pod| {
                    match pod["metadata"]["ownerReferences"].as_array_mut() {
                        Some(owners) => owners.push(owner),
                        None => pod["metadata"]["ownerReferences"] = json!([owner]),
                    }
                });
            }
        }
    }

    /// Creates `missing` Pods: one, then two, then four …, until a batch fails.
    fn create(&mut self, set: &Value, missing: usize) -> Result<(), Status> {
        let (mut left, mut batch) = (missing.min(BURST), 1);
        while left > 0 {
            let mut failure = None;
            for _ in 0..batch.min(left) {
                match self.api.create(&self.caller, &PODS, namespace(set), self.pod(set), &WriteOptions::default()) {
                    Ok(written) => {
                        let message = format!("Created pod: {}", name(&written.object));
                        self.recorder.normal(set, "SuccessfulCreate", message);
                    }
                    Err(status) => {
                        if !is_terminating(&status) {
                            self.recorder.warning(set, "FailedCreate", format!("Error creating: {status}"));
                        }
                        failure = Some(status);
                    }
                }
            }
            if let Some(status) = failure {
                return Err(status);
            }
            left -= batch.min(left);
            batch *= 2;
        }
        Ok(())
    }

    fn pod(&self, set: &Value) -> Value {
        let template = &set["spec"]["template"];
        let mut pod = json!({
            "metadata": {
                "generateName": format!("{}-", name(set)),
                "ownerReferences": [owner_reference(set)],
            },
            "spec": template["spec"],
        });
        for part in ["labels", "annotations", "finalizers"] {
            if let Some(value) = template["metadata"].get(part) {
                pod["metadata"][part] = value.clone();
            }
        }
        pod
    }

    fn delete(&mut self, set: &Value, mut pods: Vec<Object>, surplus: usize) {
        pods.sort_by_key(deletion_rank);
        for pod in pods.into_iter().take(surplus.min(BURST)) {
            let target = Target::new(&PODS, namespace(&pod), name(&pod));
            if self.api.delete(&self.caller, target, &DeleteOptions::default()).is_ok() {
                self.recorder.normal(set, "SuccessfulDelete", format!("Deleted pod: {}", name(&pod)));
            }
        }
    }

    fn write_status(&self, set: &Value, failure: Option<&Status>) {
        let pods: Vec<Object> = self.owned_pods(set).into_iter().filter(|pod| is_active(pod)).collect();
        let now = self.api.clock().now();
        let minimum = number(set, "/spec/minReadySeconds").unwrap_or_default();
        let labels = &set["spec"]["template"]["metadata"]["labels"];
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        let available = pods.iter().filter(|pod| is_available(pod, minimum, now)).count();
        let labelled = pods
            .iter()
            .filter(|pod| entries(labels, "").all(|(key, value)| pod["metadata"]["labels"].get(key) == Some(value)))
            .count();
        let target = Target::new(&REPLICA_SETS, namespace(set), name(set)).part("status");
        // It may be gone by now, which is as good.
        let _ = self.api.update_with(&self.caller, target, |stored| {
            let mut status = json!({
                "replicas": pods.len(), "observedGeneration": set["metadata"]["generation"],
            });
            for (key, count) in
                [("fullyLabeledReplicas", labelled), ("readyReplicas", ready), ("availableReplicas", available)]
            {
                if count > 0 {
                    status[key] = json!(count);
                }
            }
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
        } else if *change.resource == PODS {
            match controller(&change.object) {
                Some(owner) if owner["kind"] == "ReplicaSet" => {
                    queue.add(&change.key.namespace, text(owner, "/name"));
                }
                Some(_) => {}
                None => queue_all(&self.api.list_all(&REPLICA_SETS, Some(&change.key.namespace)), queue),
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&REPLICA_SETS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(set) = self.api.get(&REPLICA_SETS, &key.namespace, &key.name) else { return Next::Wait };
        let mut failure = None;
        if !is_deleted(&set) {
            self.adopt(&set);
            let active: Vec<Object> = self.owned_pods(&set).into_iter().filter(|pod| is_active(pod)).collect();
            let wanted = wanted(&set);
            if active.len() < wanted {
                failure = self.create(&set, wanted - active.len()).err();
            } else if active.len() > wanted {
                let surplus = active.len() - wanted;
                self.delete(&set, active, surplus);
            }
        }
        self.write_status(&set, failure.as_ref());
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
        let waits = minimum > 0
            && self
                .owned_pods(set)
                .iter()
                .any(|pod| is_ready(pod) && !is_available(pod, minimum, self.api.clock().now()));
        if waits { Next::After(Duration::from_secs(1)) } else { Next::Wait }
    }
}

/// Returns the number of replicas that is asked for.
pub(crate) fn wanted(object: &Value) -> usize {
    usize::try_from(number(object, "/spec/replicas").unwrap_or(1)).unwrap_or_default()
}

/// Returns whether the refusal is that of a Namespace on its way out.
fn is_terminating(status: &Status) -> bool {
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

fn is_available(pod: &Value, minimum: i64, now: Timestamp) -> bool {
    let Some(since) = ready_since(pod) else { return false };
    minimum == 0 || since.parse::<Timestamp>().is_ok_and(|since| now.as_second() - since.as_second() >= minimum)
}

/// Sorts the Pods that go first to the front: unassigned, then pending, then not ready, then young.
fn deletion_rank(pod: &Object) -> (bool, bool, bool, std::cmp::Reverse<String>) {
    (
        !text(pod, "/spec/nodeName").is_empty(),
        text(pod, "/status/phase") == "Running",
        is_ready(pod),
        std::cmp::Reverse(text(pod, "/metadata/creationTimestamp").to_owned()),
    )
}
