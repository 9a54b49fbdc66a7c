//! The scheduler: gives each Pod the node with the most room, or says why there is none.
//!
//! Filters, their order and texts are those of `pkg/scheduler/framework/plugins` ([`filter`], [`neighbours`]); the
//! score is the share of CPU and memory left (LeastAllocated) with preferences on top ([`score`]). Where nothing fits,
//! Pods of lower priority may have to go ([`preempt`]).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::amounts::{self, Side, is_terminal};
use crate::api::{Api, Caller, Target, set_condition};
use crate::clock::rfc3339;
use crate::controllers::{Controller, Next, Queue};
use crate::events::{Severity, scheduled};
use crate::fields::{is_deleted, list, name, namespace, text};
use crate::resources::{NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS};
use crate::store::{Change, ChangeKind, Key, Object};

mod filter;
mod load;
mod neighbours;
mod preempt;
mod score;
mod volumes;

pub(crate) use filter::{matches_node, toleration, untolerated};

use filter::Misfit;
use load::{Cluster, Weight};
use volumes::Claims;
pub(crate) use volumes::SELECTED;

/// The scheduler's name in `spec.schedulerName`.
const NAME: &str = "default-scheduler";
/// How long a claim that waits for a volume is given before the Pod is looked at again.
const PROVISIONING: Duration = Duration::from_secs(1);

/// The scheduler.
pub(crate) struct Scheduler {
    api: Api,
    cluster: Cluster,
    /// The Pods without a node, and whether they look for the company of others.
    waiting: BTreeMap<Key, Company>,
}

/// Whether a Pod's place depends on other Pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Company {
    /// It does.
    Sought,
    /// It does not.
    Indifferent,
}

/// Where a Pod may go.
enum Choice {
    /// To this node.
    Node(String),
    /// To no node: the message, and what each node had against it.
    Nowhere(String, Vec<(Object, Misfit)>),
}

impl Scheduler {
    /// Returns the scheduler over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone(), cluster: Cluster::default(), waiting: BTreeMap::new() }
    }

    fn note(&mut self, pod: &Object) {
        self.cluster.note(pod);
        let key = Key::new(namespace(pod), name(pod));
        if waits(pod) {
            let sought = pod.pointer("/spec/affinity/podAffinity").is_some_and(Value::is_object);
            self.waiting.insert(key, if sought { Company::Sought } else { Company::Indifferent });
        } else {
            self.waiting.remove(&key);
        }
    }

    fn queue_waiting(&self, queue: &mut Queue) {
        for key in self.waiting.keys() {
            queue.add(&key.namespace, &key.name);
        }
    }

    /// Returns the node for a Pod, or the message that says why there is none.
    fn choose(&self, pod: &Value, claims: &Claims) -> Choice {
        let version = self.api.version();
        let nodes = self.api.list_all(&NODES, None);
        if nodes.is_empty() {
            return Choice::Nowhere("no nodes available to schedule pods".to_owned(), Vec::new());
        }
        if let Claims::Missing(reason) = claims {
            return Choice::Nowhere(filter::explain_claims(reason, nodes.len(), version), Vec::new());
        }
        let requests = amounts::of_pod(&pod["spec"], Side::Requests);
        let own = Weight::of(&pod["spec"]);
        let company = neighbours::Rules::of(&self.api, pod, &self.cluster, &nodes, version);
        let mut best: Option<(i64, &Object)> = None;
        let mut misfits = Vec::new();
        for node in &nodes {
            let load = self.cluster.load_for(name(node), pod);
            let misfit = filter::fit(pod, &requests, node, &load, version)
                .or_else(|| claims.refuse(node))
                .or_else(|| company.refuse(node));
            if let Some(misfit) = misfit {
                misfits.push((Object::clone(node), misfit));
                continue;
            }
            let points = score::points(pod, node, load.weight.plus(own)) + company.points(node);
            // Of equals the first one is taken.
            if best.is_none_or(|(most, _)| points > most) {
                best = Some((points, node));
            }
        }
        match best {
            Some((_, node)) => Choice::Node(name(node).to_owned()),
            None => {
                let reasons: Vec<Misfit> = misfits.iter().map(|(_, misfit)| misfit.clone()).collect();
                Choice::Nowhere(filter::explain(&reasons, version), misfits)
            }
        }
    }

    fn refuse(&self, pod: &Value, message: &str, nominated: Option<&str>) {
        let is_known = list(pod, "/status/conditions")
            .iter()
            .any(|condition| condition["type"] == "PodScheduled" && condition["message"] == message);
        let is_nominated = nominated.is_none_or(|node| text(pod, "/status/nominatedNodeName") == node);
        if is_known && is_nominated {
            return;
        }
        let now = rfc3339(self.api.clock().now());
        let target = Target::new(&PODS, namespace(pod), name(pod)).part("status");
        let written = self.api.update_with(&Caller::scheduler(), target, |pod| {
            let since = list(pod, "/status/conditions")
                .iter()
                .find(|condition| condition["type"] == "PodScheduled" && condition["status"] == "False")
                .map_or(now, |condition| text(condition, "/lastTransitionTime").to_owned());
            set_condition(
                pod,
                json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
                    "lastProbeTime": null, "lastTransitionTime": since}),
            );
            if let Some(node) = nominated {
                pod["status"]["nominatedNodeName"] = json!(node);
            }
        });
        if written.is_ok() && !is_known {
            scheduled(&self.api, pod, Severity::Warning, "FailedScheduling", message, "Scheduling");
        }
    }
}

impl Controller for Scheduler {
    fn name(&self) -> &'static str {
        "scheduler"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == PODS {
            if change.kind == ChangeKind::Deleted {
                self.waiting.remove(&change.key);
                if self.cluster.forget(&change.object) {
                    self.queue_waiting(queue);
                }
                return;
            }
            let before = self.cluster.len();
            self.note(&change.object);
            if self.cluster.len() < before {
                self.queue_waiting(queue);
            } else if is_placed_now(change) {
                for (key, _) in self.waiting.iter().filter(|(_, company)| **company == Company::Sought) {
                    queue.add(&key.namespace, &key.name);
                }
            }
            if self.waiting.contains_key(&change.key) {
                queue.add(&change.key.namespace, &change.key.name);
            }
        } else if *change.resource == NODES {
            let fields = |node: &Value| {
                (node["spec"].clone(), node["status"]["allocatable"].clone(), node["metadata"]["labels"].clone())
            };
            if change.previous.as_deref().is_none_or(|before| fields(before) != fields(&change.object)) {
                self.queue_waiting(queue);
            }
        } else if *change.resource == PERSISTENT_VOLUME_CLAIMS || *change.resource == PERSISTENT_VOLUMES {
            self.queue_waiting(queue);
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        self.cluster = Cluster::default();
        self.waiting.clear();
        for pod in self.api.list_all(&PODS, None) {
            self.note(&pod);
        }
        self.queue_waiting(queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(pod) = self.api.get(&PODS, &key.namespace, &key.name) else { return Next::Wait };
        if !waits(&pod) {
            return Next::Wait;
        }
        let claims = Claims::of(&self.api, &pod);
        match self.choose(&pod, &claims) {
            Choice::Node(node) => {
                if claims.select(&self.api, &node) {
                    // Whoever makes the volume writes the claim, which wakes the Pod again.
                    return Next::After(PROVISIONING);
                }
                match self.api.bind(&Caller::scheduler(), &key.namespace, &key.name, &node) {
                    Ok(bound) => {
                        self.note(&bound);
                        let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
                        scheduled(&self.api, &bound, Severity::Normal, "Scheduled", &message, "Binding");
                        Next::Wait
                    }
                    Err(_) => Next::Retry,
                }
            }
            Choice::Nowhere(message, misfits) => {
                let victims = preempt::find(&pod, &misfits, &self.cluster);
                let nominated = victims.as_ref().map(|victims| victims.node.as_str());
                self.refuse(&pod, filter::without_preemption(&message, nominated), nominated);
                if let Some(victims) = victims {
                    preempt::evict(&self.api, &pod, &victims);
                }
                Next::Wait
            }
        }
    }
}

/// Returns whether a Pod has got its node by this change.
fn is_placed_now(change: &Change) -> bool {
    let has_node = |pod: &Value| !text(pod, "/spec/nodeName").is_empty();
    has_node(&change.object) && !change.previous.as_deref().is_some_and(has_node)
}

fn waits(pod: &Value) -> bool {
    text(pod, "/spec/nodeName").is_empty()
        && text(pod, "/spec/schedulerName") == NAME
        && list(pod, "/spec/schedulingGates").is_empty()
        && !is_deleted(pod)
        && !is_terminal(pod)
}
