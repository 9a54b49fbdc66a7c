//! Counting a Job's Pods so that none is counted twice, nor lost when somebody deletes it.
//!
//! From 1.26 on a Pod has a finalizer until it is counted; what is being counted stands in
//! `status.uncountedTerminatedPods` meanwhile. Before, the Pods that are there were counted each time anew.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::Version;
use crate::amounts::is_active;
use crate::api::{Api, Caller, Target};
use crate::controllers::replica_set::is_ready;
use crate::fields::{as_map, is_deleted, list, name, namespace, number, text, uid};
use crate::resources::{JOBS, PODS};
use crate::store::Object;

use super::{INDEX, is_indexed};

/// What keeps a Pod until it is counted.
pub(super) const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

/// The counts of a Job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Pods that run or may run.
    pub(super) active: i64,
    /// Of these, those that are ready.
    pub(super) ready: i64,
    /// Pods on their way out.
    pub(super) terminating: i64,
    /// Pods, or indexes, that succeeded.
    pub(super) succeeded: i64,
    /// Pods that failed.
    pub(super) failed: i64,
}

/// A tally, and what is new in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    /// The counts.
    pub(super) tally: Tally,
    /// How many succeeded since the last time.
    pub(super) succeeded: u32,
    /// How many failed since the last time.
    pub(super) failed: u32,
}

impl Tally {
    fn of_living(pods: &[Object]) -> Tally {
        let count = |holds: &dyn Fn(&Object) -> bool| {
            i64::try_from(pods.iter().filter(|pod| holds(pod)).count()).unwrap_or(i64::MAX)
        };
        Tally {
            active: count(&|pod| is_active(pod)),
            ready: count(&|pod| is_active(pod) && is_ready(pod)),
            terminating: count(&|pod| is_deleted(pod) && !has_ended(pod)),
            ..Tally::default()
        }
    }

    /// Writes the counts into a status, as a version shows them.
    pub(super) fn write(&self, status: &mut Value, version: Version) {
        let map = as_map(status);
        for (key, count) in [("active", self.active), ("succeeded", self.succeeded), ("failed", self.failed)] {
            match count {
                0 => drop(map.remove(key)),
                count => drop(map.insert(key.to_owned(), json!(count))),
            }
        }
        if version != Version::V1_20 {
            map.insert("ready".to_owned(), json!(self.ready));
        }
        if version == Version::V1_34 {
            map.insert("terminating".to_owned(), json!(self.terminating));
            map.insert("uncountedTerminatedPods".to_owned(), json!({}));
        }
    }
}

fn has_ended(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

fn is_tracked(pod: &Value) -> bool {
    list(pod, "/metadata/finalizers").iter().any(|finalizer| finalizer == FINALIZER)
}

/// Takes the finalizer off a Pod.
pub(super) fn release(api: &Api, caller: &Caller, pod: &Value) {
    if !is_tracked(pod) {
        return;
    }
    let target = Target::new(&PODS, namespace(pod), name(pod));
    // It may be gone by now, which is as good.
    let _ = api.update_with(caller, target, |stored| {
        if let Some(finalizers) = stored["metadata"]["finalizers"].as_array_mut() {
            finalizers.retain(|finalizer| finalizer != FINALIZER);
        }
        if list(stored, "/metadata/finalizers").is_empty() {
            as_map(&mut stored["metadata"]).remove("finalizers");
        }
    });
}

/// Counts the Pods that ended and are still held, and lets them go.
pub(super) fn count(api: &Api, caller: &Caller, job: &Value, pods: &[Object]) -> Counted {
    let status = &job["status"];
    let uids = |key: &str| -> BTreeSet<String> {
        list(status, &format!("/uncountedTerminatedPods/{key}"))
            .iter()
            .filter_map(|uid| uid.as_str().map(str::to_owned))
            .collect()
    };
    let (mut succeeded, mut failed) = (uids("succeeded"), uids("failed"));
    let mut indexes = indexes(text(job, "/status/completedIndexes"));
    let held: Vec<&Object> = pods.iter().filter(|pod| is_tracked(pod) && (has_ended(pod) || is_deleted(pod))).collect();
    let mut fresh = Counted::default();
    for pod in &held {
        if text(pod, "/status/phase") == "Succeeded" {
            if succeeded.insert(uid(pod).to_owned()) {
                fresh.succeeded += 1;
                indexes.extend(index_of(pod));
            }
        } else if failed.insert(uid(pod).to_owned()) {
            fresh.failed += 1;
        }
    }
    let completed = print_indexes(&indexes);
    let target = Target::new(&JOBS, namespace(job), name(job)).part("status");
    let total = |key: &str, new: &BTreeSet<String>| {
        number(job, &format!("/status/{key}")).unwrap_or_default() + i64::try_from(new.len()).unwrap_or_default()
    };
    let (all_succeeded, all_failed) = if is_indexed(job) {
        (i64::try_from(indexes.len()).unwrap_or(i64::MAX), total("failed", &failed))
    } else {
        (total("succeeded", &succeeded), total("failed", &failed))
    };
    if !held.is_empty() || !succeeded.is_empty() || !failed.is_empty() {
        // First it is written who is being counted, then they are let go, then they are counts.
        let _ = api.update_with(caller, target, |job| {
            job["status"]["uncountedTerminatedPods"] = json!({"succeeded": succeeded, "failed": failed});
        });
        for pod in held {
            release(api, caller, pod);
        }
        let _ = api.update_with(caller, target, |job| {
            job["status"]["uncountedTerminatedPods"] = json!({});
            for (key, count) in [("succeeded", all_succeeded), ("failed", all_failed)] {
                if count > 0 {
                    job["status"][key] = json!(count);
                }
            }
            if is_indexed(job) && !completed.is_empty() {
                job["status"]["completedIndexes"] = json!(completed);
            }
        });
    }
    fresh.tally = Tally { succeeded: all_succeeded, failed: all_failed, ..Tally::of_living(pods) };
    fresh
}

/// Counts the Pods that are there, as it was done before Pods were held.
pub(super) fn count_all(job: &Value, pods: &[Object]) -> Counted {
    let count = |phase: &str| {
        i64::try_from(pods.iter().filter(|pod| text(pod, "/status/phase") == phase).count()).unwrap_or(i64::MAX)
    };
    let tally = Tally { succeeded: count("Succeeded"), failed: count("Failed"), ..Tally::of_living(pods) };
    let more = |now: i64, key: &str| {
        u32::try_from(now - number(job, &format!("/status/{key}")).unwrap_or_default()).unwrap_or_default()
    };
    Counted { tally, succeeded: more(tally.succeeded, "succeeded"), failed: more(tally.failed, "failed") }
}

fn index_of(pod: &Value) -> Option<i64> {
    pod["metadata"]["annotations"][INDEX].as_str()?.parse().ok()
}

/// Returns the indexes of an Indexed Job that are neither done nor being worked on, lowest first.
pub(super) fn free_indexes(job: &Value, active: &[Object]) -> Vec<i64> {
    if !is_indexed(job) {
        return Vec::new();
    }
    let done = indexes(text(job, "/status/completedIndexes"));
    let busy: BTreeSet<i64> = active.iter().filter_map(|pod| index_of(pod)).collect();
    let wanted = number(job, "/spec/completions").unwrap_or_default().min(100_000);
    (0..wanted).filter(|index| !done.contains(index) && !busy.contains(index)).collect()
}

/// Reads `0-2,5`.
fn indexes(text: &str) -> BTreeSet<i64> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>())
            && last - first < 100_000
        {
            all.extend(first..=last);
        }
    }
    all
}

/// Writes `0-2,5`.
fn print_indexes(indexes: &BTreeSet<i64>) -> String {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => spans.push((*index, *index)),
        }
    }
    let print = |(first, last): (i64, i64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    spans.into_iter().map(print).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_printed_as_spans() {
        let check = |text: &str| assert_eq!(print_indexes(&indexes(text)), text);
        check("");
        check("0");
        check("0,1");
        check("0-2,5");
        check("1,3-7,9,10");
    }
}
