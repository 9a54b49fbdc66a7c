//! Events: what controllers and kubelets tell the learner, counted and combined as client-go does.
//!
//! Rules of `k8s.io/client-go/tools/record` (`EventCorrelator`): the same event again raises a count; from the
//! tenth different message of the same kind about the same object on, they are combined into one; and a component
//! that says too much about one object is not heard (a bucket of 25, one more every five minutes).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{Api, Caller, Target, WriteOptions};
use crate::clock;
use crate::fields::{name, namespace, text};
use crate::resources::EVENTS;

/// From so many different messages on, events of a kind are combined.
const COMBINE_FROM: usize = 10;
/// How many kinds of events are remembered for counting.
const MEMORY: usize = 2048;
/// How many events a component may record about one object at once.
const BURST: f64 = 25.0;
/// How long it takes until it may record one more.
const REFILL: Duration = Duration::from_secs(300);

/// The severity of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// All is well.
    Normal,
    /// Something went wrong.
    Warning,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Severity::Normal => "Normal",
            Severity::Warning => "Warning",
        }
    }
}

/// Writes the events of one component.
pub(crate) struct Recorder {
    api: Api,
    caller: Caller,
    source: Value,
    seen: BTreeMap<String, Kind>,
    order: VecDeque<String>,
    /// What may still be said about each object, and since when.
    buckets: BTreeMap<String, (f64, Instant)>,
}

/// What was said so far about one object for one reason.
#[derive(Default)]
struct Kind {
    /// The messages, and where each of them is counted.
    messages: BTreeSet<String>,
    stored: BTreeMap<String, String>,
}

/// What an event says.
pub(crate) struct Said<'a> {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// The machine-readable reason.
    pub(crate) reason: &'a str,
    /// The sentence.
    pub(crate) message: String,
    /// The part of the object, such as `spec.containers{web}`; empty for the whole.
    pub(crate) part: &'a str,
}

impl Recorder {
    /// Returns the recorder of a component that runs nowhere in particular, such as `replicaset-controller`.
    pub(crate) fn component(api: &Api, caller: Caller, component: &str) -> Self {
        Self::new(api, caller, json!({"component": component}))
    }

    /// Returns the recorder of a kubelet.
    pub(crate) fn kubelet(api: &Api, node: &str) -> Self {
        Self::new(api, Caller::node(node), json!({"component": "kubelet", "host": node}))
    }

    fn new(api: &Api, caller: Caller, source: Value) -> Self {
        Self {
            api: api.clone(),
            caller,
            source,
            seen: BTreeMap::new(),
            order: VecDeque::new(),
            buckets: BTreeMap::new(),
        }
    }

    /// Records that all is well.
    pub(crate) fn normal(&mut self, object: &Value, reason: &str, message: impl Into<String>) {
        self.say(object, Said { severity: Severity::Normal, reason, message: message.into(), part: "" });
    }

    /// Records that something went wrong.
    pub(crate) fn warning(&mut self, object: &Value, reason: &str, message: impl Into<String>) {
        self.say(object, Said { severity: Severity::Warning, reason, message: message.into(), part: "" });
    }

    /// Records an event. What the API refuses (a Namespace on its way out) is dropped, as the real ones do.
    pub(crate) fn say(&mut self, object: &Value, said: Said<'_>) {
        let reference = reference(object, said.part);
        if !self.may_speak(text(&reference, "/uid")) {
            return;
        }
        let key = [text(&reference, "/uid"), said.part, said.reason, said.severity.word()].join("\u{0}");
        if !self.seen.contains_key(&key) {
            self.order.push_back(key.clone());
            if self.order.len() > MEMORY
                && let Some(oldest) = self.order.pop_front()
            {
                self.seen.remove(&oldest);
            }
        }
        let kind = self.seen.entry(key).or_default();
        if kind.messages.len() < COMBINE_FROM {
            kind.messages.insert(said.message.clone());
        }
        let combined = kind.messages.len() >= COMBINE_FROM;
        let message =
            if combined { format!("(combined from similar events): {}", said.message) } else { said.message.clone() };
        let slot = if combined { String::new() } else { said.message };
        let space = event_namespace(object);
        let now = clock::rfc3339(self.api.clock().now());
        if let Some(stored) = kind.stored.get(&slot) {
            let target = Target::new(&EVENTS, &space, stored);
            let raised = self.api.update_with(&self.caller, target, |event| {
                event["count"] = json!(event["count"].as_i64().unwrap_or_default() + 1);
                event["lastTimestamp"] = json!(now);
                event["message"] = json!(message);
            });
            if raised.is_ok() {
                return;
            }
        }
        let event_name = event_name(&self.api, object);
        let event = json!({
            "metadata": {"name": event_name, "namespace": space},
            "involvedObject": reference, "reason": said.reason, "message": message,
            "source": self.source, "type": said.severity.word(), "count": 1, "eventTime": null,
            "firstTimestamp": now, "lastTimestamp": now,
            "reportingComponent": self.source["component"], "reportingInstance": text(&self.source, "/host"),
        });
        if self.api.create(&self.caller, &EVENTS, &space, event, &WriteOptions::default()).is_ok() {
            kind.stored.insert(slot, event_name);
        }
    }
}

impl Recorder {
    /// Takes a token out of the bucket of an object (`EventSourceObjectSpamFilter`).
    fn may_speak(&mut self, object: &str) -> bool {
        let now = Instant::now();
        if self.buckets.len() > MEMORY {
            // A bucket that is full again need not be remembered.
            let full = self.api.clock().scaled(REFILL).mul_f64(BURST);
            self.buckets.retain(|_, (_, since)| now.saturating_duration_since(*since) < full);
        }
        let refill = self.api.clock().scaled(REFILL).as_secs_f64();
        let (left, since) = self.buckets.entry(object.to_owned()).or_insert((BURST, now));
        *left = (*left + now.saturating_duration_since(*since).as_secs_f64() / refill).min(BURST);
        *since = now;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }
}

/// Records an event of the scheduler, which uses the `events.k8s.io` form: a time, an action, no count.
pub(crate) fn scheduled(api: &Api, pod: &Value, severity: Severity, reason: &str, message: &str, action: &str) {
    let space = event_namespace(pod);
    let event = json!({
        "metadata": {"name": event_name(api, pod), "namespace": space},
        "involvedObject": reference(pod, ""), "reason": reason, "message": message, "source": {},
        "type": severity.word(), "eventTime": clock::micros(api.clock().now()), "firstTimestamp": null,
        "lastTimestamp": null, "action": action, "reportingComponent": "default-scheduler",
        "reportingInstance": "default-scheduler-node1",
    });
    // A Namespace on its way out takes no more events.
    let _ = api.create(&Caller::scheduler(), &EVENTS, &space, event, &WriteOptions::default());
}

/// Events about cluster-scoped objects live in `default`.
fn event_namespace(object: &Value) -> String {
    let space = namespace(object);
    if space.is_empty() { "default".to_owned() } else { space.to_owned() }
}

/// Returns `name.nanoseconds`, as client-go names events.
fn event_name(api: &Api, object: &Value) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    // Two events may fall into one instant of a paused clock.
    static SEQUENCE: AtomicU64 = AtomicU64::new(0);
    let nanos = u64::try_from(api.clock().now().as_nanosecond()).unwrap_or_default();
    format!("{}.{:x}", name(object), nanos.wrapping_add(SEQUENCE.fetch_add(1, Ordering::Relaxed)))
}

fn reference(object: &Value, part: &str) -> Value {
    let mut reference = json!({
        "kind": object["kind"], "name": name(object),
        "uid": if object["kind"] == "Node" { name(object) } else { text(object, "/metadata/uid") },
    });
    if object["kind"] != "Node" {
        reference["apiVersion"] = object["apiVersion"].clone();
        reference["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
        if !namespace(object).is_empty() {
            reference["namespace"] = json!(namespace(object));
        }
    }
    if !part.is_empty() {
        reference["fieldPath"] = json!(part);
    }
    reference
}
