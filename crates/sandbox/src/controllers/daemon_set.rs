//! DaemonSets: one Pod on each node that suits.
//!
//! Rules of `pkg/controller/daemon`: Pods are bound by the scheduler, to the one node that their affinity names.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::amounts::is_terminal;
use crate::api::{Api, Caller, Status, Target, WriteOptions};
use crate::defaults::map_at_value;
use crate::events::Recorder;
use crate::fields::{as_map, is_deleted, is_true, list, map_at, name, namespace, number, text};
use crate::resources::{DAEMON_SETS, NODES, PODS};
use crate::scheduler::{matches_node, untolerated};
use crate::store::{Change, Key, Object};

use super::pods::{Noted, Owned, OwnedPods, delete, from_template, slow_start};
use super::replica_set::{is_available, is_ready, is_terminating, selects};
use super::revisions::{self, HASH_LABEL, Revisions};
use super::{Controller, Next, Queue, queue_all};

/// The annotation and label that came before revisions.
const GENERATION_ANNOTATION: &str = "deprecated.daemonset.template.generation";
const GENERATION_LABEL: &str = "pod-template-generation";
/// How long a failed Pod's place stays empty.
const FAILED_PAUSE: Duration = Duration::from_secs(1);

/// The controller.
pub(crate) struct DaemonSets {
    api: Api,
    caller: Caller,
    recorder: Recorder,
    pods: OwnedPods,
}

/// Whether a node suits a DaemonSet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Suits {
    /// A Pod is to run there.
    Yes,
    /// One that is there may stay; no new one is made.
    MayStay,
    /// None is to be there.
    No,
}

impl DaemonSets {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("daemon-set-controller");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller, "daemonset-controller"),
            pods: OwnedPods::of_kind("DaemonSet"),
        }
    }

    fn pods_by_node(&self, set: &Value) -> BTreeMap<String, Vec<Object>> {
        let mut by_node: BTreeMap<String, Vec<Object>> = BTreeMap::new();
        for pod in self.pods.of(set).into_iter().flat_map(Owned::iter) {
            by_node.entry(target_node(pod).to_owned()).or_default().push(Object::clone(pod));
        }
        by_node
    }

    /// Makes what is missing and removes what is too much; returns when a failed Pod's place is filled again.
    fn manage(&mut self, set: &Value, revisions: &Revisions, nodes: &[Object]) -> Result<Option<Duration>, Status> {
        let mut pause = None;
        let mut missing = Vec::new();
        let by_node = self.pods_by_node(set);
        let mut surplus: Vec<Object> = Vec::new();
        for node in nodes {
            let pods = by_node.get(name(node)).map_or(&[][..], Vec::as_slice);
            match suits(set, node) {
                Suits::No => surplus.extend(pods.iter().filter(|pod| !is_deleted(pod)).cloned()),
                Suits::MayStay => {}
                Suits::Yes if pods.is_empty() => missing.push(name(node).to_owned()),
                Suits::Yes => {
                    let (failed, mut living): (Vec<&Object>, Vec<&Object>) =
                        pods.iter().filter(|pod| !is_deleted(pod)).partition(|pod| is_terminal(pod));
                    for pod in failed {
                        let message = format!(
                            "Found failed daemon pod {}/{} on node {}, will try to kill it",
                            namespace(pod),
                            name(pod),
                            name(node)
                        );
                        self.recorder.warning(set, "FailedDaemonPod", message);
                        surplus.push(Object::clone(pod));
                        pause = Some(self.api.clock().scaled(FAILED_PAUSE));
                    }
                    living.sort_by_key(|pod| {
                        (!is_ready(pod), text(pod, "/metadata/creationTimestamp").to_owned(), name(pod).to_owned())
                    });
                    surplus.extend(living.into_iter().skip(1).cloned());
                }
            }
        }
        for (node, pods) in &by_node {
            if !nodes.iter().any(|known| name(known) == node) {
                surplus.extend(pods.iter().filter(|pod| !is_deleted(pod)).cloned());
            }
        }
        for pod in surplus {
            if delete(&self.api, &self.caller, &pod) {
                self.recorder.normal(set, "SuccessfulDelete", format!("Deleted pod: {}", name(&pod)));
            }
        }
        let mut missing = missing.into_iter();
        slow_start(missing.len(), || {
            let Some(node) = missing.next() else { return Ok(()) };
            let pod = daemon(set, &revisions.current, &node);
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
        })?;
        Ok(pause)
    }

    /// Replaces Pods of old revisions, as many at a time as may be missing.
    fn roll(&mut self, set: &Value, revisions: &Revisions, nodes: &[Object]) {
        if text(set, "/spec/updateStrategy/type") == "OnDelete" {
            return;
        }
        let hash = revisions::hash_of(set, &revisions.current);
        let now = self.api.clock().now();
        let minimum = number(set, "/spec/minReadySeconds").unwrap_or_default();
        let by_node = self.pods_by_node(set);
        let suitable: Vec<&Object> = nodes.iter().filter(|node| suits(set, node) == Suits::Yes).collect();
        let (mut unavailable, mut broken, mut working) = (0, Vec::new(), Vec::new());
        for node in &suitable {
            let pods = by_node.get(name(node)).map_or(&[][..], Vec::as_slice);
            let Some(pod) = pods.iter().find(|pod| !is_deleted(pod)) else {
                unavailable += 1;
                continue;
            };
            let available = is_available(pod, minimum, now);
            unavailable += usize::from(!available);
            if !revisions::is_of(pod, hash) {
                if available { working.push(Object::clone(pod)) } else { broken.push(Object::clone(pod)) }
            }
        }
        let most = max_unavailable(set, suitable.len());
        let left = most.saturating_sub(unavailable);
        for pod in broken.into_iter().chain(working.into_iter().take(left)) {
            if delete(&self.api, &self.caller, &pod) {
                self.recorder.normal(set, "SuccessfulDelete", format!("Deleted pod: {}", name(&pod)));
            }
        }
    }

    fn write_status(&self, set: &Value, hash: &str, nodes: &[Object]) -> Next {
        let now = self.api.clock().now();
        let minimum = number(set, "/spec/minReadySeconds").unwrap_or_default();
        let by_node = self.pods_by_node(set);
        let (mut desired, mut current, mut misplaced, mut ready, mut available, mut updated) = (0, 0, 0, 0, 0, 0);
        let mut waits = false;
        for node in nodes {
            let pods = by_node.get(name(node)).map_or(&[][..], Vec::as_slice);
            let first = pods.iter().min_by_key(|pod| text(pod, "/metadata/creationTimestamp").to_owned());
            if suits(set, node) != Suits::Yes {
                misplaced += usize::from(first.is_some());
                continue;
            }
            desired += 1;
            let Some(pod) = first else { continue };
            current += 1;
            if is_ready(pod) {
                ready += 1;
                if is_available(pod, minimum, now) {
                    available += 1;
                } else {
                    waits = true;
                }
            }
            updated += usize::from(revisions::is_of(pod, hash));
        }
        let mut status = json!({
            "currentNumberScheduled": current, "numberMisscheduled": misplaced, "desiredNumberScheduled": desired,
            "numberReady": ready, "observedGeneration": set["metadata"]["generation"],
        });
        for (key, count) in [
            ("updatedNumberScheduled", updated),
            ("numberAvailable", available),
            ("numberUnavailable", desired - available),
        ] {
            if count > 0 {
                status[key] = json!(count);
            }
        }
        if set["status"] != status {
            let target = Target::new(&DAEMON_SETS, namespace(set), name(set)).part("status");
            // It may be gone by now, which is as good.
            let _ = self.api.update_with(&self.caller, target, |stored| stored["status"] = status);
        }
        if waits { Next::After(Duration::from_secs(1)) } else { Next::Wait }
    }
}

impl Controller for DaemonSets {
    fn name(&self) -> &'static str {
        "daemonset"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == DAEMON_SETS {
            queue.add(&change.key.namespace, &change.key.name);
        } else if *change.resource == NODES {
            let fields = |node: &Value| (node["spec"].clone(), node["metadata"]["labels"].clone());
            if change.previous.as_deref().is_none_or(|before| fields(before) != fields(&change.object)) {
                queue_all(&self.api.list_all(&DAEMON_SETS, None), queue);
            }
        } else if self.pods.note(change, queue) == Noted::Orphan {
            for set in self.api.list_all(&DAEMON_SETS, Some(&change.key.namespace)) {
                if selects(&set, &change.object) {
                    queue.add(namespace(&set), name(&set));
                }
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        self.pods.rebuild(&self.api);
        queue_all(&self.api.list_all(&DAEMON_SETS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(set) = self.api.get(&DAEMON_SETS, &key.namespace, &key.name) else { return Next::Wait };
        if is_deleted(&set) {
            return Next::Wait;
        }
        self.pods.claim(&self.api, &self.caller, &set);
        let nodes = self.api.list_all(&NODES, None);
        let revisions = match revisions::of(&self.api, &self.caller, &set, HASH_LABEL) {
            Ok(revisions) => revisions,
            Err(status) if is_terminating(&status) => return Next::Wait,
            Err(_) => return Next::Retry,
        };
        let hash = revisions::hash_of(&set, &revisions.current).to_owned();
        let managed = self.manage(&set, &revisions, &nodes);
        if managed.is_ok() {
            self.roll(&set, &revisions, &nodes);
            let pods = self.pods.list(&set);
            revisions::clean_up(&self.api, &self.caller, &set, &revisions.others, |revision| {
                pods.iter().any(|pod| revisions::is_of(pod, revisions::hash_of(&set, revision)))
            });
        }
        let next = self.write_status(&set, &hash, &nodes);
        match (managed, next) {
            (Ok(Some(pause)), Next::Wait) => Next::After(pause),
            (Ok(_), next) => next,
            (Err(status), next) if is_terminating(&status) => next,
            (Err(_), _) => Next::Retry,
        }
    }
}

/// Returns the node that a Pod runs on, or that its affinity names.
fn target_node(pod: &Value) -> &str {
    let assigned = text(pod, "/spec/nodeName");
    if !assigned.is_empty() {
        return assigned;
    }
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    list(pod, terms)
        .iter()
        .flat_map(|term| list(term, "/matchFields"))
        .find(|field| field["key"] == "metadata.name")
        .map_or("", |field| text(field, "/values/0"))
}

/// Returns the Pod for a node.
fn daemon(set: &Value, revision: &Value, node: &str) -> Value {
    let mut pod = from_template(set, &set["spec"]["template"]);
    let labels = map_at(map_at_value(&mut pod, "metadata"), "labels");
    labels.insert(HASH_LABEL.to_owned(), json!(revisions::hash_of(set, revision)));
    if let Some(generation) = set["metadata"]["annotations"].get(GENERATION_ANNOTATION) {
        labels.insert(GENERATION_LABEL.to_owned(), generation.clone());
    }
    let spec = map_at_value(&mut pod, "spec");
    tolerate(spec);
    let affinity = map_at_value(map_at_value(spec, "affinity"), "nodeAffinity");
    let required = map_at_value(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
    let field = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
    // `ReplaceDaemonSetPodNodeNameNodeAffinity`: the terms that were there are met by the node already.
    as_map(required).insert("nodeSelectorTerms".to_owned(), json!([{"matchFields": field}]));
    pod
}

/// Adds what daemons tolerate (`AddOrUpdateDaemonPodTolerations`).
fn tolerate(spec: &mut Value) {
    let host = is_true(spec, "/hostNetwork");
    let mut own = list(spec, "/tolerations").to_vec();
    for (key, effect) in [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
        ("network-unavailable", "NoSchedule"),
    ] {
        if key == "network-unavailable" && !host {
            continue;
        }
        let toleration = json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": effect});
        if !own.contains(&toleration) {
            own.push(toleration);
        }
    }
    as_map(spec).insert("tolerations".to_owned(), json!(own));
}

fn suits(set: &Value, node: &Value) -> Suits {
    let mut pod = json!({"spec": set["spec"]["template"]["spec"]});
    tolerate(&mut pod["spec"]);
    let wanted = text(&pod, "/spec/nodeName");
    let is_elsewhere = (!wanted.is_empty() && wanted != name(node)) || !matches_node(&pod, node);
    if is_elsewhere || untolerated(&pod, node, &["NoExecute"]).is_some() {
        Suits::No
    } else if untolerated(&pod, node, &["NoSchedule"]).is_some() {
        Suits::MayStay
    } else {
        Suits::Yes
    }
}

fn max_unavailable(set: &Value, nodes: usize) -> usize {
    let most = match &set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] {
        Value::Number(number) => number.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(1),
        Value::String(text) => {
            let percent = text.strip_suffix('%').and_then(|digits| digits.parse::<usize>().ok()).unwrap_or_default();
            // Rounded up.
            nodes.saturating_mul(percent).div_ceil(100)
        }
        _ => 1,
    };
    most.max(1)
}
