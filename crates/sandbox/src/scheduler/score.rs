//! How much a node suits a Pod, among those that take it.

use serde_json::Value;

use crate::amounts;
use crate::fields::{list, number};

use super::filter::{matches_term, toleration};
use super::load::Weight;

/// What one unit of a preference's weight (1 to 100) is worth beside the room, which gives up to 2000.
const PREFERENCE: i64 = 20;
/// What a mark that asks Pods to stay away costs.
const UNLOVED: i64 = 1000;

/// Returns the points of a node under a weight.
pub(super) fn points(pod: &Value, node: &Value, weight: Weight) -> i64 {
    let preferred = "/spec/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution";
    let liked: i64 = list(pod, preferred)
        .iter()
        .filter(|term| matches_term(&term["preference"], node))
        .filter_map(|term| number(term, "/weight"))
        .sum();
    let marks = list(node, "/spec/taints")
        .iter()
        .filter(|taint| taint["effect"] == "PreferNoSchedule" && toleration(pod, taint).is_none())
        .count();
    room(node, weight) + liked.saturating_mul(PREFERENCE) - i64::try_from(marks).unwrap_or_default() * UNLOVED
}

/// Returns the share of a node that stays free under a weight, in thousandths, over CPU and memory.
fn room(node: &Value, weight: Weight) -> i64 {
    let allocatable = amounts::at(node, "/status/allocatable");
    [("cpu", weight.cpu), ("memory", weight.memory)]
        .into_iter()
        .map(|(name, used)| {
            let total = allocatable.get(name).map_or(0.0, |amount| amount.as_f64());
            if total > 0.0 { ((total - used) / total * 1000.0) as i64 } else { 0 }
        })
        .sum()
}
