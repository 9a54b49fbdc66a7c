//! `observed`.

use check::kinds::observed::{Evidence, Finding, Spec};

use super::Explanation;
use crate::loader::say;
use crate::session::observation;
use crate::words::{quoted, shell_word};

pub(super) fn explain(evidence: &Evidence) -> Explanation {
    let expected = wanted(&evidence.wanted, &evidence.namespace);
    let command = Some(command(&evidence.wanted, &evidence.namespace));
    match &evidence.finding {
        Finding::Seen(seen) => {
            Explanation { found: observation(&seen.what), expected, command, ..Explanation::default() }
        }
        Finding::NotSeen => Explanation {
            brief: say!("observed-not-seen", "brief"),
            found: say!("observed-not-seen", "found"),
            expected,
            why: why(&evidence.wanted),
            advice: advice(&evidence.wanted),
            command,
        },
        Finding::Elsewhere(seen) => Explanation {
            brief: say!("observed-elsewhere", "brief"),
            found: say!("observed-elsewhere", "found", seen = observation(&seen.what)),
            expected,
            why: say!("observed-elsewhere", "why"),
            advice: say!("observed-elsewhere", "advice"),
            command,
        },
        Finding::Unproven(seen) => Explanation {
            brief: say!("observed-unproven", "brief"),
            found: say!("observed-unproven", "found", seen = observation(&seen.what)),
            expected,
            why: say!("observed-unproven", "why"),
            advice: say!("observed-unproven", "advice"),
            command,
        },
    }
}

fn wanted(spec: &Spec, namespace: &str) -> String {
    let namespace = quoted(namespace);
    match spec {
        Spec::NodeNotReady { node: Some(node) } => say!("want-node-not-ready", node = quoted(node)),
        Spec::NodeNotReady { node: None } => say!("want-any-node-not-ready"),
        Spec::NodeReady { node: Some(node) } => say!("want-node-ready", node = quoted(node)),
        Spec::NodeReady { node: None } => say!("want-any-node-ready"),
        Spec::OomKilled { app: Some(app), .. } => say!("want-oom-killed", app = quoted(app), namespace = namespace),
        Spec::OomKilled { app: None, .. } => say!("want-any-oom-killed", namespace = namespace),
        Spec::Unschedulable { app: Some(app), .. } => {
            say!("want-unschedulable", app = quoted(app), namespace = namespace)
        }
        Spec::Unschedulable { app: None, .. } => say!("want-any-unschedulable", namespace = namespace),
        Spec::CreationRefused { message, .. } => {
            say!("want-creation-refused", message = quoted(message), namespace = namespace)
        }
    }
}

fn why(spec: &Spec) -> String {
    match spec {
        Spec::NodeNotReady { .. } => say!("observed-not-seen", "why-node-not-ready"),
        Spec::NodeReady { .. } => say!("observed-not-seen", "why-node-ready"),
        Spec::OomKilled { .. } => say!("observed-not-seen", "why-oom-killed"),
        Spec::Unschedulable { .. } => say!("observed-not-seen", "why-unschedulable"),
        Spec::CreationRefused { .. } => say!("observed-not-seen", "why-creation-refused"),
    }
}

fn advice(spec: &Spec) -> String {
    match spec {
        Spec::NodeNotReady { .. } => say!("observed-not-seen", "advice-node-not-ready"),
        Spec::NodeReady { .. } => say!("observed-not-seen", "advice-node-ready"),
        Spec::OomKilled { .. } => say!("observed-not-seen", "advice-oom-killed"),
        Spec::Unschedulable { .. } => say!("observed-not-seen", "advice-unschedulable"),
        Spec::CreationRefused { .. } => say!("observed-not-seen", "advice-creation-refused"),
    }
}

fn command(spec: &Spec, namespace: &str) -> String {
    let namespace = shell_word(namespace);
    let labelled =
        |app: &Option<String>| app.as_deref().map(|app| format!(" -l app={}", shell_word(app))).unwrap_or_default();
    match spec {
        Spec::NodeNotReady { .. } | Spec::NodeReady { .. } => "kubectl get nodes".to_owned(),
        Spec::OomKilled { app, .. } | Spec::Unschedulable { app, .. } => {
            format!("kubectl get pods -n {namespace}{}", labelled(app))
        }
        Spec::CreationRefused { .. } => {
            format!("kubectl get events -n {namespace} --field-selector reason=FailedCreate")
        }
    }
}
