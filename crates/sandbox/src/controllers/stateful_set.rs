//! StatefulSets: Pods with names, started in order, each with claims of its own.
//!
//! Rules of `pkg/controller/statefulset`: one step at a time where the order counts, from the first ordinal up when
//! starting, from the last one down when ending or updating.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, Caller, Status, Target, WriteOptions};
use crate::events::Recorder;
use crate::fields::{is_deleted, list, name, namespace, number, text};
use crate::resources::{PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS};
use crate::store::{Change, Key, Object};

use super::pods::{Noted, OwnedPods, delete};
use super::replica_set::{is_available, is_ready, is_terminating, selects, wanted};
use super::revisions::{self, Revisions};
use super::{Controller, Next, Queue, queue_all};

mod identity;

/// The label under which a revision of a StatefulSet carries its hash.
const REVISION_HASH: &str = "controller.kubernetes.io/hash";

/// The controller.
pub(crate) struct StatefulSets {
    api: Api,
    caller: Caller,
    recorder: Recorder,
    pods: OwnedPods,
}

/// What one reconciliation works with.
struct Plan {
    /// The Pods by ordinal.
    pods: BTreeMap<i64, Object>,
    /// The first ordinal.
    start: i64,
    /// How many Pods are wanted.
    count: i64,
    /// The revision that Pods had before the update.
    current: Object,
    /// The revision of the template.
    update: Object,
}

impl StatefulSets {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("statefulset-controller");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller, "statefulset-controller"),
            pods: OwnedPods::of_kind("StatefulSet"),
        }
    }

    fn plan(&self, set: &Value, revisions: &Revisions) -> Plan {
        let pods = self
            .pods
            .list(set)
            .into_iter()
            .filter_map(|pod| Some((identity::ordinal(set, name(&pod))?, pod)))
            .collect();
        let named = text(set, "/status/currentRevision");
        let current = revisions.others.iter().find(|revision| name(revision) == named);
        Plan {
            pods,
            start: number(set, "/spec/ordinals/start").unwrap_or_default(),
            count: i64::try_from(wanted(set)).unwrap_or(i64::MAX),
            current: Object::clone(current.unwrap_or(&revisions.current)),
            update: Object::clone(&revisions.current),
        }
    }

    /// Does what may be done now.
    fn work(&mut self, set: &Value, plan: &Plan) -> Result<(), Status> {
        let in_order = text(set, "/spec/podManagementPolicy") != "Parallel";
        let minimum = number(set, "/spec/minReadySeconds").unwrap_or_default();
        let now = self.api.clock().now();
        let healthy = |pod: &Value| is_available(pod, minimum, now) && !is_deleted(pod);
        for ordinal in plan.start..plan.start.saturating_add(plan.count) {
            let Some(pod) = plan.pods.get(&ordinal) else {
                self.create(set, plan, ordinal)?;
                if in_order {
                    return Ok(());
                }
                continue;
            };
            let phase = text(pod, "/status/phase");
            if matches!(phase, "Failed" | "Succeeded") {
                if !is_deleted(pod) {
                    let (reason, word) = if phase == "Failed" {
                        ("RecreatingFailedPod", "failed")
                    } else {
                        ("RecreatingTerminatedPod", "terminated")
                    };
                    let message =
                        format!("StatefulSet {}/{} is recreating {word} Pod {}", namespace(set), name(set), name(pod));
                    self.recorder.warning(set, reason, message);
                    self.delete(set, pod);
                }
                if in_order {
                    return Ok(());
                }
                continue;
            }
            if in_order && !healthy(pod) {
                // Whoever made it unfit has to mend it: a Pod of an old revision is not replaced either.
                return if is_deleted(pod) { Ok(()) } else { self.claims(set, pod) };
            }
        }
        let end = plan.start.saturating_add(plan.count);
        let outside = |ordinal: i64| ordinal < plan.start || ordinal >= end;
        for (_, pod) in plan.pods.iter().rev().filter(|(ordinal, _)| outside(**ordinal)) {
            if !is_deleted(pod) {
                self.delete(set, pod);
            }
            if in_order {
                return Ok(());
            }
        }
        self.roll(set, plan, &healthy);
        Ok(())
    }

    /// Replaces the Pods of old revisions, from the last down to the partition.
    fn roll(&mut self, set: &Value, plan: &Plan, healthy: &dyn Fn(&Value) -> bool) {
        if text(set, "/spec/updateStrategy/type") == "OnDelete" {
            return;
        }
        let least = number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or_default();
        for (_, pod) in plan.pods.range(plan.start.saturating_add(least)..).rev() {
            if !revisions::is_of(pod, name(&plan.update)) && !is_deleted(pod) {
                self.delete(set, pod);
                return;
            }
            if !healthy(pod) {
                return;
            }
        }
    }

    fn create(&mut self, set: &Value, plan: &Plan, ordinal: i64) -> Result<(), Status> {
        let partition = number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or_default();
        let is_rolling = text(set, "/spec/updateStrategy/type") != "OnDelete";
        let is_old = name(&plan.current) != name(&plan.update) && {
            let before = if partition > 0 || !is_rolling {
                partition
            } else {
                number(set, "/status/currentReplicas").unwrap_or_default()
            };
            ordinal < plan.start.saturating_add(before)
        };
        let revision = if is_old { &plan.current } else { &plan.update };
        let pod = identity::pod(set, revision, ordinal, self.api.version());
        let what = text(&pod, "/metadata/name").to_owned();
        self.claims(set, &pod)?;
        match self.api.create(&self.caller, &PODS, namespace(set), pod, &WriteOptions::default()) {
            Ok(_) => {
                let message = format!("create Pod {what} in StatefulSet {} successful", name(set));
                self.recorder.normal(set, "SuccessfulCreate", message);
                Ok(())
            }
            Err(status) => {
                if !is_terminating(&status) {
                    let message = format!("create Pod {what} in StatefulSet {} failed error: {status}", name(set));
                    self.recorder.warning(set, "FailedCreate", message);
                }
                Err(status)
            }
        }
    }

    fn delete(&mut self, set: &Value, pod: &Value) {
        if delete(&self.api, &self.caller, pod) {
            let message = format!("delete Pod {} in StatefulSet {} successful", name(pod), name(set));
            self.recorder.normal(set, "SuccessfulDelete", message);
        }
    }

    /// Makes the claims of a Pod that are not there.
    fn claims(&mut self, set: &Value, pod: &Value) -> Result<(), Status> {
        for claim in identity::claims(set, name(pod)) {
            let what = text(&claim, "/metadata/name").to_owned();
            if self.api.get(&PERSISTENT_VOLUME_CLAIMS, namespace(set), &what).is_ok() {
                continue;
            }
            let space = namespace(set);
            match self.api.create(&self.caller, &PERSISTENT_VOLUME_CLAIMS, space, claim, &WriteOptions::default()) {
                Ok(_) => {
                    let message = format!("create Claim {what} Pod {} in StatefulSet {} success", name(pod), name(set));
                    self.recorder.normal(set, "SuccessfulCreate", message);
                }
                Err(status) => {
                    let message = format!(
                        "create Claim {what} for Pod {} in StatefulSet {} failed error: {status}",
                        name(pod),
                        name(set)
                    );
                    self.recorder.warning(set, "FailedCreate", message);
                    return Err(status);
                }
            }
        }
        Ok(())
    }

    /// Removes the claims of Pods that a smaller set no longer has, where it asks for that.
    fn drop_claims(&self, set: &Value, plan: &Plan) {
        if text(set, "/spec/persistentVolumeClaimRetentionPolicy/whenScaled") != "Delete" {
            return;
        }
        let templates: Vec<&str> = list(set, "/spec/volumeClaimTemplates").iter().map(name).collect();
        for claim in self.api.list_all(&PERSISTENT_VOLUME_CLAIMS, Some(namespace(set))) {
            let pod = templates
                .iter()
                .find_map(|template| name(&claim).strip_prefix(template).and_then(|rest| rest.strip_prefix('-')));
            let Some(ordinal) = pod.and_then(|pod| identity::ordinal(set, pod)) else { continue };
            let is_kept = (plan.start..plan.start.saturating_add(plan.count)).contains(&ordinal);
            if !is_kept && !plan.pods.contains_key(&ordinal) && !is_deleted(&claim) {
                let target = Target::new(&PERSISTENT_VOLUME_CLAIMS, namespace(&claim), name(&claim));
                // Somebody else may have been faster.
                let _ = self.api.delete(&self.caller, target, &Default::default());
            }
        }
    }

    fn write_status(&self, set: &Value, plan: &Plan) -> Next {
        let minimum = number(set, "/spec/minReadySeconds").unwrap_or_default();
        let now = self.api.clock().now();
        let (mut ready, mut available, mut current, mut updated) = (0, 0, 0, 0);
        let mut waits = false;
        for pod in plan.pods.values() {
            if is_ready(pod) {
                ready += 1;
                if is_available(pod, minimum, now) {
                    available += 1;
                } else {
                    waits = true;
                }
            }
            if !is_deleted(pod) {
                current += i64::from(revisions::is_of(pod, name(&plan.current)));
                updated += i64::from(revisions::is_of(pod, name(&plan.update)));
            }
        }
        let replicas = i64::try_from(plan.pods.len()).unwrap_or(i64::MAX);
        let mut named = name(&plan.current);
        let is_rolled = text(set, "/spec/updateStrategy/type") != "OnDelete"
            && updated == replicas
            && ready == replicas
            && replicas == plan.count;
        if is_rolled {
            (named, current) = (name(&plan.update), updated);
        }
        let mut status = json!({
            "collisionCount": 0, "currentRevision": named, "observedGeneration": set["metadata"]["generation"],
            "replicas": replicas, "updateRevision": name(&plan.update),
        });
        if self.api.version() != crate::Version::V1_20 {
            status["availableReplicas"] = json!(available);
        }
        for (key, count) in [("readyReplicas", ready), ("currentReplicas", current), ("updatedReplicas", updated)] {
            if count > 0 {
                status[key] = json!(count);
            }
        }
        if set["status"] != status {
            let target = Target::new(&STATEFUL_SETS, namespace(set), name(set)).part("status");
            // It may be gone by now, which is as good.
            let _ = self.api.update_with(&self.caller, target, |stored| stored["status"] = status);
        }
        if waits { Next::After(Duration::from_secs(1)) } else { Next::Wait }
    }
}

impl Controller for StatefulSets {
    fn name(&self) -> &'static str {
        "statefulset"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == STATEFUL_SETS {
            queue.add(&change.key.namespace, &change.key.name);
        } else if self.pods.note(change, queue) == Noted::Orphan {
            for set in self.api.list_all(&STATEFUL_SETS, Some(&change.key.namespace)) {
                if selects(&set, &change.object) {
                    queue.add(namespace(&set), name(&set));
                }
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        self.pods.rebuild(&self.api);
        queue_all(&self.api.list_all(&STATEFUL_SETS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(set) = self.api.get(&STATEFUL_SETS, &key.namespace, &key.name) else { return Next::Wait };
        if is_deleted(&set) {
            return Next::Wait;
        }
        self.pods.claim(&self.api, &self.caller, &set);
        let revisions = match revisions::of(&self.api, &self.caller, &set, REVISION_HASH) {
            Ok(revisions) => revisions,
            Err(status) if is_terminating(&status) => return Next::Wait,
            Err(_) => return Next::Retry,
        };
        let plan = self.plan(&set, &revisions);
        let worked = self.work(&set, &plan);
        self.drop_claims(&set, &plan);
        let next = self.write_status(&set, &plan);
        let live = |revision: &Value| {
            name(revision) == name(&plan.current) || plan.pods.values().any(|pod| revisions::is_of(pod, name(revision)))
        };
        revisions::clean_up(&self.api, &self.caller, &set, &revisions.others, live);
        match worked {
            Ok(()) => next,
            Err(status) if is_terminating(&status) => next,
            Err(_) => Next::Retry,
        }
    }
}
