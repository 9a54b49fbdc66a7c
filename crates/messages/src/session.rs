//! What a session tells: needs, observations and notices.

use check::Observed;
use lab::Need;
use runner::Notice;

use crate::failure::failure;
use crate::loader::say;
use crate::words::{list_and, quoted};

/// Says what a step needs and does not have here.
pub fn need(need: &Need) -> String {
    match need {
        Need::Cluster => say!("need-cluster"),
        Need::Node(node) => say!("need-node", node = quoted(node)),
        Need::Sandbox => say!("need-sandbox"),
        Need::Docker => say!("need-docker"),
    }
}

/// Says what the session saw.
pub fn observation(what: &Observed) -> String {
    match what {
        Observed::NodeNotReady { node } => say!("seen-node-not-ready", node = quoted(node)),
        Observed::NodeReady { node } => say!("seen-node-ready", node = quoted(node)),
        Observed::OomKilled { namespace, pod, .. } => {
            say!("seen-oom-killed", pod = quoted(pod), namespace = quoted(namespace))
        }
        Observed::Unschedulable { namespace, pod, .. } => {
            say!("seen-unschedulable", pod = quoted(pod), namespace = quoted(namespace))
        }
        Observed::CreationRefused { namespace, owner, message } => {
            say!(
                "seen-creation-refused",
                owner = quoted(owner),
                namespace = quoted(namespace),
                message = quoted(message)
            )
        }
    }
}

/// Says a notice of the session.
pub fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Failed(error) => {
            let failure = failure(error);
            format!("{} {}", failure.what, failure.advice)
        }
        Notice::KeptAside(paths) => {
            let shown: Vec<String> = paths.iter().map(|path| quoted(&path.to_string_lossy())).collect();
            let count = paths.len();
            say!("notice-kept-aside", count = count, paths = list_and(&shown))
        }
        Notice::Swept(count) => {
            let count = *count;
            say!("notice-swept", count = count)
        }
        Notice::Recovered(count) => {
            let count = *count;
            say!("notice-recovered", count = count)
        }
        Notice::HistoryChanged(flaws) => {
            let shown: Vec<String> = flaws.iter().take(3).map(crate::flaw).collect();
            let count = flaws.len();
            say!("notice-history-changed", count = count, lines = shown.join(", "))
        }
        Notice::HistoryShorter(had) => say!("notice-history-shorter", had = had.to_string()),
        Notice::Observed(seen) => observation(&seen.what),
        Notice::WasReset(step) => say!("notice-was-reset", step = quoted(&step.to_string())),
        Notice::SolutionApplied(step) => say!("notice-solution-applied", step = quoted(&step.to_string())),
        Notice::CaughtUp(step) => say!("notice-caught-up", step = quoted(&step.to_string())),
    }
}
