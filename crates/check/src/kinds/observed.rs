//! `observed`: the runner saw this happen since the step was opened.
//!
//! ```yaml
//! observed:
//!   node_not_ready: { node: node3 }
//! ```
//!
//! Others: `node_ready: { node: node3 }`, `oom_killed: { app: exhauster }`, `unschedulable: { app: exhauster }`,
//! `creation_refused: { message: exceeded quota }`.
//!
//! Counts only where an audit log shows the controller's own identity; elsewhere the check could not tell.

use serde::{Deserialize, Serialize};

use super::quota_exhaustion::NAME_PREFIX;
use crate::{Cluster, Error, Observation, Observed, Outcome, Unobservable, World};

/// What must have been seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// A node turned NotReady.
    NodeNotReady {
        /// The node; any where absent.
        #[serde(default)]
        node: Option<String>,
    },
    /// A node turned Ready again.
    NodeReady {
        /// The node; any where absent.
        #[serde(default)]
        node: Option<String>,
    },
    /// A container was killed over its memory limit.
    OomKilled {
        /// The Pod's Namespace; the session's one by default.
        #[serde(default)]
        namespace: Option<String>,
        /// The value of the Pod's `app` label.
        #[serde(default)]
        app: Option<String>,
    },
    /// A Pod could not be scheduled.
    Unschedulable {
        /// The Pod's Namespace; the session's one by default.
        #[serde(default)]
        namespace: Option<String>,
        /// The value of the Pod's `app` label.
        #[serde(default)]
        app: Option<String>,
    },
    /// A controller was refused the creation of a Pod.
    CreationRefused {
        /// The Namespace; the session's one by default.
        #[serde(default)]
        namespace: Option<String>,
        /// A text that the refusal contains, such as `exceeded quota`.
        message: String,
    },
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What must have been seen.
    pub wanted: Spec,
    /// The Namespace that was meant.
    pub namespace: String,
    /// What was found.
    pub finding: Finding,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// It was seen, and a controller was behind it.
    Seen(Observation),
    /// It was seen, but any account could have written it.
    Unproven(Observation),
    /// It was seen elsewhere: another node, another Namespace, another application.
    Elsewhere(Observation),
    /// It was not seen.
    NotSeen,
}

/// Judges what the runner saw.
///
/// # Errors
///
/// [`Error::NotObservable`] where no audit log tells who wrote what.
pub(crate) fn run(spec: &Spec, world: &World) -> Result<Outcome, Error> {
    let cluster = world.cluster()?;
    let finding = judge(spec, cluster, &world.observations);
    if cluster.audit.is_none() && !matches!(finding, Finding::Seen(_)) {
        return Err(Error::NotObservable { what: spec.subject() });
    }
    let holds = matches!(finding, Finding::Seen(_));
    let namespace = spec.namespace().unwrap_or(&cluster.namespace).to_owned();
    let evidence = crate::Evidence::Observed(Evidence { wanted: spec.clone(), namespace, finding });
    Ok(if holds { Outcome::Pass(evidence) } else { Outcome::Fail(evidence) })
}

fn judge(spec: &Spec, cluster: &Cluster, observations: &[Observation]) -> Finding {
    let matching = |observation: &&Observation| spec.is_met_by(&observation.what, &cluster.namespace);
    if let Some(seen) = observations.iter().rev().filter(matching).find(|observation| observation.proven) {
        return Finding::Seen(seen.clone());
    }
    if let Some(unproven) = observations.iter().rev().find(matching) {
        return Finding::Unproven(unproven.clone());
    }
    let elsewhere = observations.iter().rev().find(|observation| spec.is_of_kind(&observation.what));
    elsewhere.map_or(Finding::NotSeen, |observation| Finding::Elsewhere(observation.clone()))
}

impl Spec {
    /// Returns the Namespace that the spec names.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Spec::NodeNotReady { .. } | Spec::NodeReady { .. } => None,
            Spec::OomKilled { namespace, .. }
            | Spec::Unschedulable { namespace, .. }
            | Spec::CreationRefused { namespace, .. } => namespace.as_deref(),
        }
    }

    fn subject(&self) -> Unobservable {
        match self {
            Spec::NodeNotReady { .. } | Spec::NodeReady { .. } => Unobservable::Node,
            Spec::OomKilled { .. } => Unobservable::ContainerEnd,
            Spec::Unschedulable { .. } => Unobservable::Scheduling,
            Spec::CreationRefused { .. } => Unobservable::Refusal,
        }
    }

    fn is_of_kind(&self, what: &Observed) -> bool {
        if is_ours(what) {
            return false;
        }
        match self {
            Spec::NodeNotReady { .. } => matches!(what, Observed::NodeNotReady { .. }),
            Spec::NodeReady { .. } => matches!(what, Observed::NodeReady { .. }),
            Spec::OomKilled { .. } => matches!(what, Observed::OomKilled { .. }),
            Spec::Unschedulable { .. } => matches!(what, Observed::Unschedulable { .. }),
            Spec::CreationRefused { .. } => matches!(what, Observed::CreationRefused { .. }),
        }
    }

    fn is_met_by(&self, what: &Observed, session: &str) -> bool {
        if is_ours(what) {
            return false;
        }
        let wants = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let in_namespace = |found: &str| self.namespace().unwrap_or(session) == found;
        match (self, what) {
            (Spec::NodeNotReady { node: wanted }, Observed::NodeNotReady { node })
            | (Spec::NodeReady { node: wanted }, Observed::NodeReady { node }) => wants(wanted, node),
            (Spec::OomKilled { app: wanted, .. }, Observed::OomKilled { namespace, app, .. })
            | (Spec::Unschedulable { app: wanted, .. }, Observed::Unschedulable { namespace, app, .. }) => {
                in_namespace(namespace) && (wanted.is_none() || wanted == app)
            }
            (Spec::CreationRefused { message: wanted, .. }, Observed::CreationRefused { namespace, message, .. }) => {
                in_namespace(namespace) && message.contains(wanted.as_str())
            }
            (
                Spec::NodeNotReady { .. }
                | Spec::NodeReady { .. }
                | Spec::OomKilled { .. }
                | Spec::Unschedulable { .. }
                | Spec::CreationRefused { .. },
                _,
            ) => false,
        }
    }
}

/// Returns whether a trial of our own caused this, rather than the learner.
fn is_ours(what: &Observed) -> bool {
    match what {
        Observed::NodeNotReady { .. } | Observed::NodeReady { .. } => false,
        Observed::OomKilled { pod: name, .. }
        | Observed::Unschedulable { pod: name, .. }
        | Observed::CreationRefused { owner: name, .. } => name.starts_with(NAME_PREFIX),
    }
}

#[cfg(test)]
mod tests;
