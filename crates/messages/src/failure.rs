//! Why a session could not do what was asked.

use std::path::Path;

use runner::{ClusterError, CommandError, Difference, EnvironmentError, Error, HomeError, StoreError, WorkError};

use crate::error::deepest;
use crate::loader::say;
use crate::words::{all_clean, duration, list_and, quoted};

/// Whose turn it is to mend a failure: it picks the tone and the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The learner asked for what cannot be done, or can do otherwise.
    Learner,
    /// The course is at fault.
    Author,
    /// The machine or the cluster is.
    Environment,
    /// We are.
    Internal,
}

/// A failure in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whose turn it is.
    pub side: Side,
    /// What happened.
    pub what: String,
    /// What to do now.
    pub advice: String,
}

/// Makes a failure of a message's two attributes.
macro_rules! failure {
    ($side:expr, $id:literal $(, $name:ident = $value:expr)* $(,)?) => {
        Failure { side: $side, what: say!($id, "what" $(, $name = $value)*), advice: say!($id, "advice") }
    };
}

/// Says why a session could not do what was asked.
pub fn failure(error: &Error) -> Failure {
    match error {
        Error::NoSuchStep(step) => failure!(Side::Learner, "fail-no-such-step", step = quoted(&step.to_string())),
        Error::NoSteps => failure!(Side::Author, "fail-no-steps"),
        Error::NoSuchCheck(check) => failure!(Side::Learner, "fail-no-such-check", check = quoted(&check.0)),
        Error::NoQuestion(check) => failure!(Side::Learner, "fail-no-question", check = quoted(&check.0)),
        Error::NoMoreHints => failure!(Side::Learner, "fail-no-more-hints"),
        Error::NoSolution(step) => failure!(Side::Learner, "fail-no-solution", step = quoted(&step.to_string())),
        Error::Impossible { step, need } => {
            failure!(Side::Environment, "fail-impossible", step = quoted(&step.to_string()), need = crate::need(need))
        }
        Error::Held { step, by, why } => {
            failure!(Side::Learner, "fail-held", step = quoted(&step.to_string()), by = quoted(by), why = quoted(why))
        }
        Error::NotAccepted { course, digest } => Failure {
            side: Side::Learner,
            what: say!("fail-not-accepted", "what", course = quoted(course)),
            advice: say!("fail-not-accepted", "advice", digest = quoted(digest)),
        },
        Error::WrongDigest => failure!(Side::Learner, "fail-wrong-digest"),
        Error::NotConfirmed { context, server } => {
            failure!(Side::Learner, "fail-not-confirmed", context = quoted(context), server = quoted(server))
        }
        Error::NoEnvironment => failure!(Side::Environment, "fail-no-environment"),
        Error::Busy => failure!(Side::Learner, "fail-busy"),
        Error::Cancelled => failure!(Side::Learner, "fail-cancelled"),
        Error::NotVerified { step, checks } => {
            let names: Vec<String> = checks.iter().map(|check| quoted(&check.0)).collect();
            failure!(Side::Author, "fail-not-verified", step = quoted(&step.to_string()), checks = list_and(&names))
        }
        Error::Home(error) => home(error),
        Error::Store(error) => store(error),
        Error::Work(error) => work(error),
        Error::Environment(error) => environment(error),
        Error::Cluster(error) => cluster(error),
        Error::Command(error) => command(error),
        Error::Baseline(source) => {
            failure!(Side::Environment, "fail-baseline", detail = quoted(&source.to_string()))
        }
        Error::Broken(detail) => failure!(Side::Internal, "fail-broken", detail = quoted(detail)),
    }
}

fn home(error: &HomeError) -> Failure {
    match error {
        HomeError::NoHome => failure!(Side::Environment, "fail-no-home"),
        HomeError::Folder { path, source } => {
            failure!(Side::Environment, "fail-home-folder", path = shown(path), detail = quoted(&source.to_string()))
        }
        HomeError::Name(name) => failure!(Side::Author, "fail-home-name", name = quoted(name)),
    }
}

fn store(error: &StoreError) -> Failure {
    match error {
        StoreError::Full { path, .. } => failure!(Side::Environment, "fail-store-full", path = shown(path)),
        StoreError::Held { path } => failure!(Side::Environment, "fail-store-held", path = shown(path)),
        StoreError::File { path, source } => file(path, source),
        StoreError::Carry { path, source } => match source {
            lab::CarryError::NotProgress(_) => {
                failure!(Side::Learner, "fail-carry-not-progress", path = shown(path))
            }
            lab::CarryError::Format { found } => {
                let found = *found;
                failure!(Side::Learner, "fail-carry-format", path = shown(path), found = found)
            }
        },
    }
}

fn work(error: &WorkError) -> Failure {
    match error {
        WorkError::Escape(path) => failure!(Side::Author, "fail-work-escape", path = quoted(path)),
        WorkError::File { path, source } => file(path, source),
    }
}

fn environment(error: &EnvironmentError) -> Failure {
    match error {
        EnvironmentError::NoKubeconfig(paths) => {
            let paths: Vec<String> = paths.iter().map(|path| shown(path)).collect();
            failure!(Side::Environment, "fail-no-kubeconfig", paths = list_and(&paths))
        }
        EnvironmentError::Kubeconfig(source) => {
            failure!(Side::Environment, "fail-kubeconfig", detail = quoted(&deepest(source)))
        }
        EnvironmentError::NoContext(context) => {
            failure!(Side::Learner, "fail-no-context", context = quoted(context))
        }
        EnvironmentError::NoCurrentContext => failure!(Side::Learner, "fail-no-current-context"),
        EnvironmentError::OwnSandbox => failure!(Side::Learner, "fail-own-sandbox"),
        EnvironmentError::Client { server, source } => {
            failure!(Side::Environment, "fail-client", server = quoted(server), detail = quoted(&deepest(source)))
        }
        EnvironmentError::Unreachable { server, source } => match source.as_ref() {
            ClusterError::TimedOut { limit, .. } => failure!(
                Side::Environment,
                "fail-unreachable-late",
                server = quoted(server),
                duration = duration(*limit)
            ),
            other => failure!(
                Side::Environment,
                "fail-unreachable",
                server = quoted(server),
                detail = quoted(&deepest(other))
            ),
        },
        EnvironmentError::Changed(Difference::Server) => failure!(Side::Environment, "fail-changed-server"),
        EnvironmentError::Changed(Difference::Authority) => failure!(Side::Environment, "fail-changed-authority"),
        EnvironmentError::Changed(Difference::Cluster) => failure!(Side::Environment, "fail-changed-cluster"),
        EnvironmentError::Sandbox(source) => {
            failure!(Side::Environment, "fail-sandbox", detail = quoted(&deepest(source.as_ref())))
        }
        EnvironmentError::OtherVersion { pid, version } => {
            failure!(Side::Environment, "fail-other-version", pid = pid.to_string(), version = quoted(version))
        }
        EnvironmentError::SandboxHeld { pid } => Failure {
            side: Side::Environment,
            what: match pid {
                Some(pid) => say!("fail-sandbox-held", "what-pid", pid = pid.to_string()),
                None => say!("fail-sandbox-held", "what"),
            },
            advice: say!("fail-sandbox-held", "advice"),
        },
        EnvironmentError::File { path, source } => file(path, source),
    }
}

fn cluster(error: &ClusterError) -> Failure {
    match error {
        ClusterError::Request { what, source } => failure!(
            Side::Environment,
            "fail-cluster-request",
            request = quoted(what),
            detail = quoted(&deepest(source))
        ),
        ClusterError::TimedOut { what, limit } => {
            failure!(Side::Environment, "fail-cluster-late", duration = duration(*limit), request = quoted(what))
        }
        ClusterError::NoManifest(path) => failure!(Side::Author, "fail-no-manifest", path = quoted(path)),
        ClusterError::Manifest { path, problem } => {
            failure!(Side::Author, "fail-manifest", path = quoted(path), detail = quoted(problem))
        }
        ClusterError::Outside { object } => failure!(Side::Author, "fail-outside", object = quoted(object)),
        ClusterError::AlreadyThere(objects) => {
            failure!(Side::Learner, "fail-already-there", objects = list_and(&all_clean(objects)))
        }
        ClusterError::Stuck { waited, objects } => failure!(
            Side::Environment,
            "fail-stuck",
            duration = duration(*waited),
            objects = list_and(&all_clean(objects))
        ),
        ClusterError::Nonsense(request) => failure!(Side::Internal, "fail-nonsense", request = quoted(request)),
    }
}

fn command(error: &CommandError) -> Failure {
    match error {
        CommandError::Start { line, .. } => {
            failure!(Side::Environment, "fail-command-start", line = quoted(line))
        }
        CommandError::TimedOut { line, limit } => {
            failure!(Side::Environment, "fail-command-late", line = quoted(line), duration = duration(*limit))
        }
        CommandError::Failed { line, code, output } => Failure {
            side: Side::Environment,
            what: match code {
                Some(code) => {
                    let code = *code;
                    say!("fail-command-failed", "what", line = quoted(line), code = code, output = quoted(output))
                }
                None => say!("fail-command-failed", "what-no-code", line = quoted(line)),
            },
            advice: say!("fail-command-failed", "advice"),
        },
        CommandError::Cancelled { .. } => failure!(Side::Learner, "fail-cancelled"),
    }
}

fn file(path: &Path, source: &std::io::Error) -> Failure {
    failure!(Side::Environment, "fail-file", path = shown(path), detail = quoted(&source.to_string()))
}

fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

#[cfg(test)]
mod tests;
