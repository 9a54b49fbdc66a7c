//! Why a check could not tell.

use check::{Error, Unobservable};

use crate::Explanation;
use crate::loader::say;
use crate::words::{duration, quoted};

/// Explains why a check could not tell. It is never held against the learner.
pub fn check_error(error: &Error) -> Explanation {
    let expected = say!("unknown-expected");
    let kubectl = |arguments: &str| Some(format!("kubectl {arguments}"));
    match error {
        Error::NoCluster => Explanation {
            brief: say!("error-no-cluster", "brief"),
            found: say!("error-no-cluster", "found"),
            expected,
            why: say!("error-no-cluster", "why"),
            advice: say!("error-no-cluster", "advice"),
            command: Some("atelier doctor".to_owned()),
        },
        Error::Cluster(source) => Explanation {
            brief: say!("error-cluster", "brief"),
            found: say!("error-cluster", "found", detail = quoted(&deepest(source))),
            expected,
            why: say!("error-cluster", "why"),
            advice: say!("error-cluster", "advice"),
            command: kubectl("get --raw /readyz"),
        },
        Error::UnknownKind { api_version, kind } => Explanation {
            brief: say!("error-unknown-kind", "brief"),
            found: say!("error-unknown-kind", "found", kind = quoted(kind), version = quoted(api_version)),
            expected,
            why: say!("error-unknown-kind", "why"),
            advice: say!("error-unknown-kind", "advice"),
            command: kubectl("api-resources"),
        },
        Error::Forbidden { message } => Explanation {
            brief: say!("error-forbidden", "brief"),
            found: say!("error-forbidden", "found", message = quoted(message)),
            expected,
            why: say!("error-forbidden", "why"),
            advice: say!("error-forbidden", "advice"),
            command: kubectl("auth can-i --list"),
        },
        Error::TimedOut(limit) => Explanation {
            brief: say!("error-timed-out", "brief", duration = duration(*limit)),
            found: say!("error-timed-out", "found", duration = duration(*limit)),
            expected,
            why: say!("error-timed-out", "why"),
            advice: say!("error-timed-out", "advice"),
            command: kubectl("get --raw /readyz"),
        },
        Error::Cancelled => Explanation {
            brief: say!("error-cancelled", "brief"),
            found: say!("error-cancelled", "found"),
            expected,
            why: say!("error-cancelled", "why"),
            advice: say!("error-cancelled", "advice"),
            command: None,
        },
        Error::Command { command, source } => Explanation {
            brief: say!("error-command", "brief"),
            found: say!("error-command", "found", command = quoted(command), detail = quoted(&source.to_string())),
            expected,
            why: say!("error-command", "why"),
            advice: say!("error-command", "advice"),
            command: Some("atelier doctor".to_owned()),
        },
        Error::NoProgram { program } => Explanation {
            brief: say!("error-no-program", "brief", program = quoted(program)),
            found: say!("error-no-program", "found", program = quoted(program)),
            expected,
            why: say!("error-no-program", "why"),
            advice: say!("error-no-program", "advice", program = quoted(program)),
            command: Some("atelier doctor".to_owned()),
        },
        Error::Http { url, source } => Explanation {
            brief: say!("error-http", "brief"),
            found: say!("error-http", "found", url = quoted(url), detail = quoted(&source.to_string())),
            expected,
            why: say!("error-http", "why"),
            advice: say!("error-http", "advice"),
            command: None,
        },
        Error::File { path, source } => Explanation {
            brief: say!("error-file", "brief"),
            found: say!("error-file", "found", path = quoted(path), detail = quoted(&source.to_string())),
            expected,
            why: say!("error-file", "why"),
            advice: say!("error-file", "advice"),
            command: Some("ls -l".to_owned()),
        },
        Error::NotObservable { what } => Explanation {
            brief: say!("error-not-observable", "brief"),
            found: say!("error-not-observable", "found", what = unobservable(*what)),
            expected,
            why: say!("error-not-observable", "why"),
            advice: say!("error-not-observable", "advice"),
            command: None,
        },
        Error::Unsupported { what } => Explanation {
            brief: say!("error-unsupported", "brief"),
            found: say!("error-unsupported", "found", what = quoted(what)),
            expected,
            why: say!("error-unsupported", "why"),
            advice: say!("error-unsupported", "advice"),
            command: None,
        },
        Error::UnexpectedAnswer(detail) => Explanation {
            brief: say!("error-unexpected-answer", "brief"),
            found: say!("error-unexpected-answer", "found", detail = quoted(detail)),
            expected,
            why: say!("error-unexpected-answer", "why"),
            advice: say!("error-unexpected-answer", "advice"),
            command: None,
        },
    }
}

fn unobservable(what: Unobservable) -> String {
    match what {
        Unobservable::Status => say!("unseen-status"),
        Unobservable::Node => say!("unseen-node"),
        Unobservable::ContainerEnd => say!("unseen-container-end"),
        Unobservable::Scheduling => say!("unseen-scheduling"),
        Unobservable::Refusal => say!("unseen-refusal"),
    }
}

/// Returns the last cause of an error: what the system itself said.
pub(crate) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
