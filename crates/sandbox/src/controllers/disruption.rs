//! PodDisruptionBudgets: how many Pods may be evicted now. Rules of `pkg/controller/disruption`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::Version;
use crate::amounts::is_active;
use crate::api::{Api, Caller, Selector, Target};
use crate::clock::rfc3339;
use crate::events::Recorder;
use crate::fields::{controller, entries, is_deleted, list, name, namespace, text, uid};
use crate::resources::{POD_DISRUPTION_BUDGETS, PODS};
use crate::store::{Change, Key, Object};

use super::replica_set::{is_ready, wanted};
use super::{Controller, Next, Queue, queue_all};

/// How long an eviction that was granted is believed to take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The controller.
pub(crate) struct Disruptions {
    api: Api,
    caller: Caller,
    recorder: Recorder,
}

/// What a budget asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Needs {
    expected: i64,
    desired: i64,
}

impl Disruptions {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("disruption-controller");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller, "controllermanager"),
        }
    }

    /// Returns how many Pods there should be by what controls them; `Err` names a Pod that nothing controls.
    fn expected(&self, pods: &[Object]) -> Result<i64, String> {
        let mut scales: BTreeMap<String, i64> = BTreeMap::new();
        for pod in pods {
            let found = self.scale(pod).ok_or_else(|| name(pod).to_owned())?;
            scales.insert(found.0, found.1);
        }
        Ok(scales.values().sum())
    }

    /// Returns the uid and the number of replicas of what controls a Pod in the end.
    fn scale(&self, pod: &Value) -> Option<(String, i64)> {
        let mut object = self.owner(pod)?;
        if object["kind"] == "ReplicaSet"
            && let Some(deployment) = self.owner(&object)
        {
            object = deployment;
        }
        object["spec"].get("replicas")?;
        Some((uid(&object).to_owned(), i64::try_from(wanted(&object)).unwrap_or(i64::MAX)))
    }

    fn owner(&self, object: &Value) -> Option<Object> {
        let reference = controller(object)?;
        let resource = self.api.served().find_kind(text(reference, "/apiVersion"), text(reference, "/kind"))?;
        let owner = self.api.get(resource, namespace(object), text(reference, "/name")).ok()?;
        (uid(&owner) == text(reference, "/uid")).then_some(owner)
    }

    fn needs(&mut self, budget: &Value, pods: &[Object]) -> Result<Needs, String> {
        let count = i64::try_from(pods.len()).unwrap_or(i64::MAX);
        if let Some(most) = budget["spec"].get("maxUnavailable").filter(|most| !most.is_null()) {
            let expected = self.expected(pods)?;
            return Ok(Needs { expected, desired: (expected - share(most, expected)).max(0) });
        }
        let least = &budget["spec"]["minAvailable"];
        if least.is_string() {
            let expected = self.expected(pods)?;
            return Ok(Needs { expected, desired: share(least, expected) });
        }
        Ok(Needs { expected: count, desired: least.as_i64().unwrap_or_default() })
    }

    fn write(&self, budget: &Value, status: Value) {
        if status == budget["status"] {
            return;
        }
        let target = Target::new(&POD_DISRUPTION_BUDGETS, namespace(budget), name(budget)).part("status");
        let version = text(budget, "/metadata/resourceVersion");
        // It may be gone by now; one that an eviction has changed meanwhile is looked at again.
        let _ = self.api.update_with(&self.caller, target, |stored| {
            if text(stored, "/metadata/resourceVersion") == version {
                stored["status"] = status;
            }
        });
    }
}

impl Controller for Disruptions {
    fn name(&self) -> &'static str {
        "disruption"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == POD_DISRUPTION_BUDGETS {
            queue.add(&change.key.namespace, &change.key.name);
        } else if *change.resource == PODS {
            for budget in self.api.list_all(&POD_DISRUPTION_BUDGETS, Some(&change.key.namespace)) {
                let matches = |pod: &Value| super::replica_set::selects(&budget, pod);
                if matches(&change.object) || change.previous.as_deref().is_some_and(matches) {
                    queue.add(namespace(&budget), name(&budget));
                }
            }
        } else if matches!(change.resource.kind, "Deployment" | "StatefulSet" | "ReplicaSet")
            && change.previous.as_deref().is_some_and(|before| wanted(before) != wanted(&change.object))
        {
            queue_all(&self.api.list_all(&POD_DISRUPTION_BUDGETS, Some(&change.key.namespace)), queue);
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&POD_DISRUPTION_BUDGETS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(budget) = self.api.get(&POD_DISRUPTION_BUDGETS, &key.namespace, &key.name) else { return Next::Wait };
        if is_deleted(&budget) {
            return Next::Wait;
        }
        let selector = Selector::from_object(&budget["spec"]["selector"]);
        let mut pods = self.api.list_all(&PODS, Some(&key.namespace));
        pods.retain(|pod| {
            selector.as_ref().is_some_and(|selector| selector.matches_labels(pod)) && !crate::amounts::is_terminal(pod)
        });
        if pods.is_empty() {
            self.recorder.normal(&budget, "NoPods", "No matching pods found");
        }
        let now = self.api.clock().now();
        let version = self.api.version();
        let needs = match self.needs(&budget, &pods) {
            Ok(needs) => needs,
            Err(pod) => {
                let message =
                    format!("Failed to calculate the number of expected pods: found no controllers for pod {pod:?}");
                self.recorder.warning(&budget, "CalculateExpectedPodCountFailed", message.clone());
                // Where nothing is known, nothing may be disturbed.
                let mut status = budget["status"].clone();
                crate::fields::as_map(&mut status).insert("disruptionsAllowed".to_owned(), json!(0));
                let fault = message.replace("Failed to calculate the number of expected pods: ", "");
                conditions(&mut status, &budget, version, ("False", "SyncFailed", &fault), now);
                self.write(&budget, status);
                return Next::Wait;
            }
        };
        let (disrupted, wait) = still_disrupted(&budget, &pods, now);
        let healthy =
            pods.iter().filter(|pod| is_active(pod) && is_ready(pod) && !disrupted.contains_key(name(pod))).count();
        let healthy = i64::try_from(healthy).unwrap_or(i64::MAX);
        let allowed = if needs.expected <= 0 { 0 } else { (healthy - needs.desired).max(0) };
        let mut status = json!({
            "currentHealthy": healthy, "desiredHealthy": needs.desired, "disruptionsAllowed": allowed,
            "expectedPods": needs.expected, "observedGeneration": budget["metadata"]["generation"],
        });
        if budget["status"]["conditions"].is_array() {
            status["conditions"] = budget["status"]["conditions"].clone();
        }
        if !disrupted.is_empty() {
            status["disruptedPods"] = Value::Object(disrupted);
        }
        let verdict = if allowed > 0 { ("True", "SufficientPods", "") } else { ("False", "InsufficientPods", "") };
        conditions(&mut status, &budget, version, verdict, now);
        self.write(&budget, status);
        wait.map_or(Next::Wait, Next::After)
    }
}

/// Returns the evictions that were granted and have not taken place, and when the first of them is given up.
fn still_disrupted(budget: &Value, pods: &[Object], now: Timestamp) -> (Map<String, Value>, Option<Duration>) {
    let (mut left, mut wait) = (Map::new(), None);
    for (pod, since) in entries(budget, "/status/disruptedPods") {
        let is_there = pods.iter().any(|other| name(other) == pod && !is_deleted(other));
        let Ok(since) = since.as_str().unwrap_or_default().parse::<Timestamp>() else { continue };
        let passed = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        if is_there && passed < PATIENCE {
            left.insert(pod.clone(), json!(rfc3339(since)));
            let rest = PATIENCE - passed;
            wait = Some(wait.map_or(rest, |wait: Duration| wait.min(rest)));
        }
    }
    (left, wait)
}

/// Writes the condition DisruptionAllowed, which versions have since 1.22.
fn conditions(
    status: &mut Value,
    budget: &Value,
    version: Version,
    (truth, reason, message): (&str, &str, &str),
    now: Timestamp,
) {
    if version == Version::V1_20 {
        return;
    }
    let old = list(budget, "/status/conditions").iter().find(|condition| condition["type"] == "DisruptionAllowed");
    let since = old
        .filter(|old| old["status"] == truth)
        .map_or_else(|| rfc3339(now), |old| text(old, "/lastTransitionTime").to_owned());
    status["conditions"] = json!([{"type": "DisruptionAllowed", "status": truth, "reason": reason, "message": message,
        "lastTransitionTime": since, "observedGeneration": budget["metadata"]["generation"]}]);
}

/// Returns a number, or a percentage of the whole rounded up.
fn share(part: &Value, whole: i64) -> i64 {
    match part {
        Value::String(text) => {
            let percent = text.strip_suffix('%').and_then(|digits| digits.parse::<i64>().ok()).unwrap_or_default();
            let product = whole.saturating_mul(percent.max(0));
            product.saturating_add(99) / 100
        }
        other => other.as_i64().unwrap_or_default(),
    }
}
