//! A Deployment's `status`: counts and the conditions Progressing, Available and ReplicaFailure.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::{Status, Target};
use crate::clock::rfc3339;
use crate::controllers::Next;
use crate::controllers::replica_set::wanted;
use crate::fields::{list, name, namespace, number, text, uid};
use crate::resources::DEPLOYMENTS;
use crate::store::Object;

use super::{Deployments, slack};

/// The counts of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

impl Counts {
    fn of(status: &Value) -> Self {
        let count = |key: &str| status[key].as_i64().unwrap_or_default();
        Self {
            replicas: count("replicas"),
            updated: count("updatedReplicas"),
            ready: count("readyReplicas"),
            available: count("availableReplicas"),
        }
    }

    /// Tells whether a rollout came on since `before`.
    fn is_ahead_of(self, before: Self) -> bool {
        self.updated > before.updated
            || self.replicas - self.updated < before.replicas - before.updated
            || self.ready > before.ready
            || self.available > before.available
    }
}

impl Deployments {
    /// Writes the status and says when to look again. `failure` is why the new ReplicaSet could not be made.
    pub(super) fn write_status(
        &self,
        deployment: &Value,
        new_uid: Option<&str>,
        sets: &[Object],
        failure: Option<&Status>,
    ) -> Next {
        let status_of = |set: &Object, key: &str| number(set, &format!("/status/{key}")).unwrap_or_default();
        let new = sets.iter().find(|set| Some(uid(set)) == new_uid);
        let counts = Counts {
            replicas: sets.iter().map(|set| status_of(set, "replicas")).sum(),
            updated: new.map(|set| status_of(set, "replicas")).unwrap_or_default(),
            ready: sets.iter().map(|set| status_of(set, "readyReplicas")).sum(),
            available: sets.iter().map(|set| status_of(set, "availableReplicas")).sum(),
        };
        let total: i64 = sets.iter().map(|set| i64::try_from(wanted(set)).unwrap_or(i64::MAX)).sum();
        let now = self.api.clock().now();
        let refused = sets
            .iter()
            .rev()
            .find_map(|set| list(set, "/status/conditions").iter().find(|c| c["type"] == "ReplicaFailure").cloned());
        let mut next = Next::Wait;
        let target = Target::new(&DEPLOYMENTS, namespace(deployment), name(deployment)).part("status");
        let written = self.api.update_with(&self.caller, target, |stored| {
            let before = Counts::of(&stored["status"]);
            let mut conditions = Conditions { list: list(stored, "/status/conditions").to_vec(), now };
            let mut status = json!({"observedGeneration": deployment["metadata"]["generation"]});
            for (key, count) in [
                ("replicas", counts.replicas),
                ("updatedReplicas", counts.updated),
                ("readyReplicas", counts.ready),
                ("availableReplicas", counts.available),
                ("unavailableReplicas", (total - counts.available).max(0)),
            ] {
                if count > 0 {
                    status[key] = json!(count);
                }
            }
            let least = wanted(deployment).saturating_sub(slack(deployment).unavailable);
            if usize::try_from(counts.available).unwrap_or_default() >= least {
                conditions.set("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.");
            } else {
                let message = "Deployment does not have minimum availability.";
                conditions.set("Available", "False", "MinimumReplicasUnavailable", message);
            }
            next = progress(&mut conditions, deployment, new, (counts, before), failure);
            match &refused {
                Some(refused) => {
                    conditions.set("ReplicaFailure", "True", text(refused, "/reason"), text(refused, "/message"));
                }
                None => conditions.list.retain(|condition| condition["type"] != "ReplicaFailure"),
            }
            if !conditions.list.is_empty() {
                status["conditions"] = Value::Array(conditions.list);
            }
            stored["status"] = status;
        });
        // A Deployment that is gone needs nothing more.
        if written.is_err() { Next::Wait } else { next }
    }
}

/// Sets the condition Progressing and says when its deadline is to be looked at.
fn progress(
    conditions: &mut Conditions,
    deployment: &Value,
    new: Option<&Object>,
    (counts, before): (Counts, Counts),
    failure: Option<&Status>,
) -> Next {
    if let Some(failure) = failure {
        conditions.set("Progressing", "False", "ReplicaSetCreateError", &failure.message);
        return Next::Wait;
    }
    let Some(new) = new else { return Next::Wait };
    let reason = conditions.get("Progressing").map(|condition| text(condition, "/reason").to_owned());
    let replicas = i64::try_from(wanted(deployment)).unwrap_or(i64::MAX);
    if counts.replicas == counts.updated && reason.as_deref() == Some("NewReplicaSetAvailable") {
        return Next::Wait;
    }
    let set = name(new);
    if counts == (Counts { replicas, updated: replicas, ready: counts.ready, available: replicas }) {
        let message = format!("ReplicaSet {set:?} has successfully progressed.");
        conditions.set("Progressing", "True", "NewReplicaSetAvailable", &message);
        return Next::Wait;
    }
    let Some(reason) = reason else {
        conditions.set("Progressing", "True", "NewReplicaSetCreated", &format!("Created new replica set {set:?}"));
        return Next::After(Deployments::deadline(deployment));
    };
    if counts.is_ahead_of(before) || reason == "NewReplicaSetAvailable" {
        let message = format!("ReplicaSet {set:?} is progressing.");
        conditions.renew("Progressing", "True", "ReplicaSetUpdated", &message);
        return Next::After(Deployments::deadline(deployment));
    }
    let since = conditions
        .get("Progressing")
        .and_then(|condition| text(condition, "/lastUpdateTime").parse::<Timestamp>().ok())
        .unwrap_or(conditions.now);
    let deadline = Deployments::deadline(deployment);
    let waited = conditions.now.duration_since(since).try_into().unwrap_or_default();
    match deadline.checked_sub(waited).filter(|left| !left.is_zero()) {
        Some(left) => Next::After(left),
        None => {
            let message = format!("ReplicaSet {set:?} has timed out progressing.");
            conditions.set("Progressing", "False", "ProgressDeadlineExceeded", &message);
            Next::Wait
        }
    }
}

/// The conditions of a Deployment, which have two times.
struct Conditions {
    list: Vec<Value>,
    now: Timestamp,
}

impl Conditions {
    fn get(&self, kind: &str) -> Option<&Value> {
        self.list.iter().find(|condition| condition["type"] == kind)
    }

    /// Sets a condition; the same status and reason again change nothing.
    fn set(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        if !self.get(kind).is_some_and(|old| old["status"] == status && old["reason"] == reason) {
            self.renew(kind, status, reason, message);
        }
    }

    /// Sets a condition and its time of update.
    fn renew(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let now = rfc3339(self.now);
        let since = match self.get(kind) {
            Some(old) if old["status"] == status => text(old, "/lastTransitionTime").to_owned(),
            _ => now.clone(),
        };
        self.list.retain(|condition| condition["type"] != kind);
        self.list.push(json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastUpdateTime": now, "lastTransitionTime": since,
        }));
    }
}
