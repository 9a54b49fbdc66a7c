//! How a Job ends, as its conditions tell.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Version;
use crate::clock::rfc3339;
use crate::fields::list;

/// How a Job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// Enough Pods succeeded.
    Complete,
    /// It is given up.
    Failed {
        /// The machine-readable reason.
        reason: String,
        /// The sentence.
        message: String,
    },
}

impl Ending {
    /// Returns a failure.
    pub(super) fn failed(reason: &str, message: &str) -> Ending {
        Ending::Failed { reason: reason.to_owned(), message: message.to_owned() }
    }

    /// Returns the conditions that announce and state it, with reason and sentence.
    fn words(&self) -> (&'static str, &'static str, &str, &str) {
        match self {
            Ending::Complete => {
                ("SuccessCriteriaMet", "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
            }
            Ending::Failed { reason, message } => ("FailureTarget", "Failed", reason, message),
        }
    }
}

/// Returns a Job's condition of a type, whatever its status.
pub(super) fn condition<'a>(job: &'a Value, kind: &str) -> Option<&'a Value> {
    list(job, "/status/conditions").iter().find(|condition| condition["type"] == kind)
}

/// Returns whether a Job is over.
pub(crate) fn is_finished(job: &Value) -> bool {
    ["Complete", "Failed"]
        .iter()
        .any(|kind| condition(job, kind).is_some_and(|condition| condition["status"] == "True"))
}

/// Returns whether a Job is over and did what it was to do.
pub(crate) fn is_complete(job: &Value) -> bool {
    condition(job, "Complete").is_some_and(|condition| condition["status"] == "True")
}

/// Sets a condition of a status; its time changes with its truth only.
pub(super) fn set(status: &mut Value, (kind, truth): (&str, &str), (reason, message): (&str, &str), now: &str) {
    let mut condition = json!({"type": kind, "status": truth, "lastProbeTime": now, "lastTransitionTime": now});
    if !reason.is_empty() {
        condition["reason"] = json!(reason);
        condition["message"] = json!(message);
    }
    let mut conditions = list(status, "/conditions").to_vec();
    match conditions.iter_mut().find(|other| other["type"] == kind) {
        Some(other) if other["status"] == truth => {}
        Some(other) => *other = condition,
        None => conditions.push(condition),
    }
    status["conditions"] = json!(conditions);
}

/// Writes what a Job waits for its Pods to go with (since 1.31).
pub(super) fn announce(status: &mut Value, ending: &Ending, now: Timestamp) {
    let (announced, _, reason, message) = ending.words();
    set(status, (announced, "True"), (reason, message), &rfc3339(now));
}

/// Writes the end of a Job, as a version words it.
pub(super) fn conclude(status: &mut Value, ending: &Ending, version: Version, now: Timestamp) {
    let time = rfc3339(now);
    let (announced, kind, reason, message) = ending.words();
    let with_reason = match (version, ending) {
        (Version::V1_34, _) => {
            set(status, (announced, "True"), (reason, message), &time);
            true
        }
        (Version::V1_20 | Version::V1_24, Ending::Failed { .. }) => true,
        (Version::V1_20 | Version::V1_24, Ending::Complete) => false,
    };
    let words = if with_reason { (reason, message) } else { ("", "") };
    set(status, (kind, "True"), words, &time);
    if *ending == Ending::Complete {
        status["completionTime"] = json!(time);
    }
}
