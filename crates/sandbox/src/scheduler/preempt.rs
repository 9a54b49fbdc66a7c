//! Making room for a Pod by ending less important ones. Rules of the plugin `defaultpreemption`, as far as requests,
//! the number of Pods and host ports go.

use serde_json::{Value, json};

use crate::Version;
use crate::amounts::{self, Amounts, Side};
use crate::api::{Api, Caller, DeleteOptions, Target, set_condition};
use crate::clock::rfc3339;
use crate::events::{Severity, scheduled};
use crate::fields::{is_deleted, name, namespace, text, uid};
use crate::quantity::Quantity;
use crate::resources::PODS;
use crate::store::Object;

use super::filter::Misfit;
use super::load::{Cluster, Placed, host_ports, priority};

/// Whom a Pod would have to drive away, and from where.
#[derive(Debug, Clone)]
pub(super) struct Victims {
    /// The node.
    pub(super) node: String,
    /// The Pods.
    pub(super) pods: Vec<Object>,
}

/// Returns the node where the least important, and fewest, Pods would have to go.
pub(super) fn find(pod: &Value, misfits: &[(Object, Misfit)], cluster: &Cluster) -> Option<Victims> {
    if text(pod, "/spec/preemptionPolicy") == "Never" {
        return None;
    }
    // Whoever is on its way out already makes room.
    let promised = text(pod, "/status/nominatedNodeName");
    if cluster.pods(promised).any(|placed| is_deleted(&placed.pod) && placed.priority() < priority(pod)) {
        return None;
    }
    let requests = amounts::of_pod(&pod["spec"], Side::Requests);
    misfits
        .iter()
        .filter(|(_, misfit)| is_about_room(misfit))
        .filter_map(|(node, _)| {
            let victims = victims(pod, &requests, node, cluster)?;
            let highest = victims.iter().map(|pod| priority(pod)).max()?;
            Some(((highest, victims.len()), Victims { node: name(node).to_owned(), pods: victims }))
        })
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, victims)| victims)
}

fn is_about_room(misfit: &Misfit) -> bool {
    match misfit {
        Misfit::Final(_) => false,
        Misfit::Full(reasons) => reasons.iter().all(|reason| {
            reason.starts_with("Insufficient ") || reason == "Too many pods" || reason.contains("free ports")
        }),
    }
}

/// Returns the Pods of a node that have to go, or nothing if that does not help.
fn victims(pod: &Value, requests: &Amounts, node: &Value, cluster: &Cluster) -> Option<Vec<Object>> {
    let (mut lower, mut staying): (Vec<&Placed>, Vec<&Placed>) =
        cluster.pods(name(node)).partition(|placed| placed.priority() < priority(pod));
    if lower.is_empty() || !fits(pod, requests, node, &staying) {
        return None;
    }
    // The most important of them are let stay first.
    lower.sort_by_key(|placed| std::cmp::Reverse((placed.priority(), std::cmp::Reverse(started(&placed.pod)))));
    let mut victims = Vec::new();
    for placed in lower {
        staying.push(placed);
        if !fits(pod, requests, node, &staying) {
            staying.pop();
            victims.push(Object::clone(&placed.pod));
        }
    }
    (!victims.is_empty()).then_some(victims)
}

fn started(pod: &Value) -> String {
    text(pod, "/status/startTime").to_owned()
}

fn fits(pod: &Value, requests: &Amounts, node: &Value, staying: &[&Placed]) -> bool {
    let allocatable = amounts::at(node, "/status/allocatable");
    let mut used = requests.clone();
    for placed in staying {
        amounts::add(&mut used, &placed.requests);
    }
    let room = |name: &str| allocatable.get(name).copied().unwrap_or(Quantity::ZERO);
    let count = i64::try_from(staying.len()).unwrap_or(i64::MAX);
    let wanted = host_ports(pod);
    requests.iter().all(|(name, request)| request.is_zero() || used.get(name).is_none_or(|used| *used <= room(name)))
        && room("pods").value() > count
        && (wanted.is_empty()
            || !staying.iter().flat_map(|placed| host_ports(&placed.pod)).any(|port| wanted.contains(&port)))
}

/// Ends the Pods that have to go.
pub(super) fn evict(api: &Api, pod: &Value, victims: &Victims) {
    let caller = Caller::scheduler();
    for victim in &victims.pods {
        let target = Target::new(&PODS, namespace(victim), name(victim));
        if api.version() == Version::V1_34 {
            let now = rfc3339(api.clock().now());
            // It may be gone by now, which is as good.
            let _ = api.update_with(&caller, target.part("status"), |stored| {
                set_condition(
                    stored,
                    json!({"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                        "message": "default-scheduler: preempting to accommodate a higher priority pod",
                        "lastProbeTime": null, "lastTransitionTime": now}),
                );
            });
        }
        let options = DeleteOptions { uid: Some(uid(victim).to_owned()), ..DeleteOptions::default() };
        if api.delete(&caller, target, &options).is_ok() {
            let message = match api.version() {
                Version::V1_20 | Version::V1_24 => {
                    format!("Preempted by {}/{} on node {}", namespace(pod), name(pod), victims.node)
                }
                Version::V1_34 => format!("Preempted by pod {} on node {}", uid(pod), victims.node),
            };
            scheduled(api, victim, Severity::Normal, "Preempted", &message, "Preempting");
        }
    }
}
