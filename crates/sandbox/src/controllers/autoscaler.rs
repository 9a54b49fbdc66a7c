//! HorizontalPodAutoscalers: as many replicas as the use of CPU and memory asks for. Rules of
//! `pkg/controller/podautoscaler`, as far as resource metrics go.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::amounts::{self, Side, is_active};
use crate::api::{Api, Caller, Selector, Target};
use crate::clock::rfc3339;
use crate::events::Recorder;
use crate::fields::{is_deleted, list, name, namespace, number, text, uid};
use crate::quantity::Quantity;
use crate::resources::{HORIZONTAL_POD_AUTOSCALERS, PODS, Resource};
use crate::store::{Change, Key, Object};

use super::replica_set::{is_ready, wanted};
use super::{Controller, Next, Queue, queue_all};

/// How often the use is looked at.
const PERIOD: Duration = Duration::from_secs(15);
/// However fast the pace is, it is not looked at more often than this.
const FASTEST: Duration = Duration::from_millis(200);
/// A use that is so near to what is asked for changes nothing.
const TOLERANCE: f64 = 0.1;
/// For how long a lower number has to be enough before it is taken, where the object does not say.
const STABLE: i64 = 300;

/// The controller.
pub(crate) struct Autoscalers {
    api: Api,
    caller: Caller,
    recorder: Recorder,
    /// What was recommended lately, by uid, for going down slowly.
    recommended: HashMap<String, Vec<(Instant, i64)>>,
}

/// What one metric asks for.
struct Reading {
    replicas: i64,
    /// How `status.currentMetrics` shows it.
    status: Value,
    /// How an event names it.
    words: String,
}

/// Why a metric says nothing.
struct Silent {
    reason: &'static str,
    message: String,
}

impl Autoscalers {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("horizontal-pod-autoscaler");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller, "horizontal-pod-autoscaler"),
            recommended: HashMap::new(),
        }
    }

    fn target(&self, scaler: &Value) -> Option<(&'static Resource, Object)> {
        let reference = &scaler["spec"]["scaleTargetRef"];
        let served = self.api.served();
        let resource = served.find_kind(text(reference, "/apiVersion"), text(reference, "/kind"))?.hub();
        let object = self.api.get(resource, namespace(scaler), text(reference, "/name")).ok()?;
        Some((resource, object))
    }

    /// Returns the number of replicas that a metric asks for.
    fn read(&self, metric: &Value, pods: &[Object], replicas: i64) -> Result<Reading, Silent> {
        let kind = text(metric, "/type");
        let (part, container) = match kind {
            "Resource" => (&metric["resource"], None),
            "ContainerResource" => (&metric["containerResource"], Some(text(metric, "/containerResource/container"))),
            _ => {
                let message =
                    format!("unable to get metrics of type {kind}: no metrics returned from that metrics API");
                return Err(Silent { reason: "FailedGetExternalMetric", message });
            }
        };
        let resource = text(part, "/name");
        let fail = |message: String| {
            let form = if part["target"]["type"] == "Utilization" { "utilization" } else { "usage" };
            let message = format!("failed to get {resource} {form}: {message}");
            Err(Silent { reason: "FailedGetResourceMetric", message })
        };
        let now = Instant::now();
        let ready: Vec<&Object> = pods.iter().filter(|pod| is_ready(pod)).collect();
        let (mut used, mut requested, mut counted) = (0.0, 0.0, 0_i64);
        for pod in &ready {
            let usages = self.api.usages().of(uid(pod), now);
            if usages.is_empty() {
                continue;
            }
            counted += 1;
            for (own, use_now) in usages.iter().filter(|(own, _)| container.is_none_or(|wanted| wanted == own)) {
                used += if resource == "cpu" { use_now.cpu as f64 / 1000.0 } else { use_now.memory as f64 };
                let spec = list(pod, "/spec/containers").iter().find(|spec| text(spec, "/name") == own);
                let request = spec.and_then(|spec| amounts::of_container(spec, Side::Requests).get(resource).copied());
                match request {
                    Some(request) => requested += request.as_f64(),
                    None if part["target"]["type"] == "Utilization" => {
                        let place = match self.api.version() {
                            crate::Version::V1_20 => String::new(),
                            crate::Version::V1_24 | crate::Version::V1_34 => {
                                format!(" in container {own} of Pod {}", name(pod))
                            }
                        };
                        return fail(format!("missing request for {resource}{place}"));
                    }
                    None => {}
                }
            }
        }
        if counted == 0 {
            return fail(
                "unable to get metrics for resource ".to_owned()
                    + resource
                    + ": no metrics returned from resource metrics API",
            );
        }
        let average = used / counted as f64;
        let shown = |amount: f64| {
            if resource == "cpu" {
                json!(format!("{}m", (amount * 1000.0).round()))
            } else {
                json!(format!("{}", amount.round()))
            }
        };
        let (ratio, current, words) = match number(part, "/target/averageUtilization") {
            Some(goal) => {
                let percent = used / requested.max(f64::MIN_POSITIVE) * 100.0;
                let current = json!({"averageUtilization": percent.round() as i64, "averageValue": shown(average)});
                let words = format!("{resource} resource utilization (percentage of request)");
                (percent / goal.max(1) as f64, current, words)
            }
            None => {
                let goal = Quantity::from_json(&part["target"]["averageValue"]).map_or(0.0, Quantity::as_f64);
                let current = json!({"averageValue": shown(average)});
                (average / goal.max(f64::MIN_POSITIVE), current, format!("{resource} resource"))
            }
        };
        let proposed = if (ratio - 1.0).abs() <= TOLERANCE {
            replicas
        } else {
            (ratio * counted as f64).ceil().clamp(0.0, 1e6) as i64
        };
        let mut status = json!({"type": kind});
        let field = if kind == "Resource" { "resource" } else { "containerResource" };
        status[field] = json!({"name": resource, "current": current});
        if let Some(container) = container {
            status[field]["container"] = json!(container);
        }
        Ok(Reading { replicas: proposed, status, words })
    }

    /// Keeps a number from falling below what was recommended lately.
    fn settle(&mut self, scaler: &Value, proposed: i64, current: i64) -> i64 {
        let window = number(scaler, "/spec/behavior/scaleDown/stabilizationWindowSeconds").unwrap_or(STABLE);
        let window = self.api.clock().scaled(Duration::from_secs(u64::try_from(window).unwrap_or_default()));
        let now = Instant::now();
        let lately = self.recommended.entry(uid(scaler).to_owned()).or_default();
        lately.retain(|(at, _)| now.saturating_duration_since(*at) < window);
        let highest = lately.iter().map(|(_, count)| *count).max().unwrap_or(proposed);
        lately.push((now, proposed));
        if proposed < current { highest.clamp(proposed, current) } else { proposed }
    }
}

/// The conditions of a status, with what they were.
struct Conditions<'a> {
    before: &'a [Value],
    list: Vec<Value>,
    now: String,
}

impl Conditions<'_> {
    fn set(&mut self, kind: &str, truth: &str, reason: &str, message: &str) {
        let since = self
            .before
            .iter()
            .find(|condition| condition["type"] == kind && condition["status"] == truth)
            .map_or(self.now.as_str(), |condition| text(condition, "/lastTransitionTime"));
        let condition = json!({"type": kind, "status": truth, "reason": reason, "message": message,
            "lastTransitionTime": since});
        self.list.retain(|condition| condition["type"] != kind);
        self.list.push(condition);
    }
}

impl Controller for Autoscalers {
    fn name(&self) -> &'static str {
        "autoscaler"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == HORIZONTAL_POD_AUTOSCALERS {
            let is_spec = change.previous.as_deref().is_none_or(|before| before["spec"] != change.object["spec"]);
            if is_spec {
                queue.add(&change.key.namespace, &change.key.name);
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&HORIZONTAL_POD_AUTOSCALERS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(scaler) = self.api.get(&HORIZONTAL_POD_AUTOSCALERS, &key.namespace, &key.name) else {
            return Next::Wait;
        };
        if is_deleted(&scaler) {
            self.recommended.remove(uid(&scaler));
            return Next::Wait;
        }
        let again = Next::After(self.api.clock().scaled(PERIOD).max(FASTEST));
        let now = rfc3339(self.api.clock().now());
        let mut conditions =
            Conditions { before: list(&scaler, "/status/conditions"), list: Vec::new(), now: now.clone() };
        let mut status = scaler["status"].clone();
        if !status.is_object() {
            status = json!({"currentMetrics": null, "desiredReplicas": 0});
        }
        match self.target(&scaler) {
            None => {
                let reference = &scaler["spec"]["scaleTargetRef"];
                let group = text(reference, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
                let plural = format!("{}s", text(reference, "/kind").to_lowercase());
                let qualified = if group.is_empty() { plural } else { format!("{plural}.{group}") };
                let message = format!("{qualified} {:?} not found", text(reference, "/name"));
                self.recorder.warning(&scaler, "FailedGetScale", message.clone());
                let message = format!("the HPA controller was unable to get the target's current scale: {message}");
                conditions.set("AbleToScale", "False", "FailedGetScale", &message);
            }
            Some((resource, object)) => {
                self.scale(&scaler, (resource, &object), &mut status, &mut conditions);
            }
        }
        status["conditions"] = json!(conditions.list);
        if status != scaler["status"] {
            let target = Target::new(&HORIZONTAL_POD_AUTOSCALERS, &key.namespace, &key.name).part("status");
            // It may be gone by now, which is as good.
            let _ = self.api.update_with(&self.caller, target, |stored| stored["status"] = status);
        }
        again
    }
}

impl Autoscalers {
    fn scale(
        &mut self,
        scaler: &Value,
        (resource, object): (&'static Resource, &Object),
        status: &mut Value,
        conditions: &mut Conditions<'_>,
    ) {
        let current = i64::try_from(wanted(object)).unwrap_or(i64::MAX);
        status["currentReplicas"] = json!(number(object, "/status/replicas").unwrap_or_default());
        conditions.set(
            "AbleToScale",
            "True",
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        );
        if current == 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            conditions.set("ScalingActive", "False", "ScalingDisabled", message);
            status["desiredReplicas"] = json!(0);
            return;
        }
        let selector = Selector::from_object(&object["spec"]["selector"]);
        let mut pods = self.api.list_all(&PODS, Some(namespace(scaler)));
        pods.retain(|pod| is_active(pod) && selector.as_ref().is_some_and(|selector| selector.matches_labels(pod)));
        let mut readings = Vec::new();
        for metric in list(scaler, "/spec/metrics") {
            match self.read(metric, &pods, current) {
                Ok(reading) => readings.push(reading),
                Err(silent) => {
                    self.recorder.warning(scaler, silent.reason, silent.message.clone());
                    let message = format!("invalid metrics (1 invalid out of 1), first error is: {}", silent.message);
                    self.recorder.warning(scaler, "FailedComputeMetricsReplicas", message);
                    let message = format!("the HPA was unable to compute the replica count: {}", silent.message);
                    conditions.set("ScalingActive", "False", silent.reason, &message);
                    return;
                }
            }
        }
        let Some(most) = readings.iter().max_by_key(|reading| reading.replicas) else { return };
        let words = most.words.clone();
        let message = format!("the HPA was able to successfully calculate a replica count from {words}");
        conditions.set("ScalingActive", "True", "ValidMetricFound", &message);
        let settled = self.settle(scaler, most.replicas, current);
        let least = number(scaler, "/spec/minReplicas").unwrap_or(1);
        let greatest = number(scaler, "/spec/maxReplicas").unwrap_or(1);
        // At most twice as many at once, or four, whichever is more.
        let limit = (2 * current).max(current + 4).min(greatest);
        let desired = settled.clamp(least.min(limit), limit);
        if settled > greatest {
            let message = "the desired replica count is more than the maximum replica count";
            conditions.set("ScalingLimited", "True", "TooManyReplicas", message);
        } else if settled < least {
            let message = "the desired replica count is less than the minimum replica count";
            conditions.set("ScalingLimited", "True", "TooFewReplicas", message);
        } else {
            let message = "the desired count is within the acceptable range";
            conditions.set("ScalingLimited", "False", "DesiredWithinRange", message);
        }
        status["currentMetrics"] = readings.iter().map(|reading| reading.status.clone()).collect();
        status["desiredReplicas"] = json!(desired);
        if desired == current {
            conditions.set("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size");
            return;
        }
        let target = Target::new(resource, namespace(object), name(object)).part("scale");
        if self.api.update_with(&self.caller, target, |object| object["spec"]["replicas"] = json!(desired)).is_ok() {
            let reason = if desired > current && current < least {
                "Current number of replicas below Spec.MinReplicas".to_owned()
            } else if desired > current {
                format!("{words} above target")
            } else {
                "All metrics below target".to_owned()
            };
            self.recorder.normal(scaler, "SuccessfulRescale", format!("New size: {desired}; reason: {reason}"));
            let message = format!("the HPA controller was able to update the target scale to {desired}");
            conditions.set("AbleToScale", "True", "SucceededRescale", &message);
            status["lastScaleTime"] = json!(conditions.now);
        }
    }
}
