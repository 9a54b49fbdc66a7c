//! What a session tells: needs and observations.

use check::Observed;
use lab::Need;

use crate::loader::say;
use crate::words::quoted;

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
