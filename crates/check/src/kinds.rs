//! The kinds of check. One file a kind: its documentation, its spec, how it decides, its tests.

pub mod command_output;
pub mod condition;
pub mod file_content;
pub mod http_answer;
pub mod kubernetes_object;
pub mod observed;
pub mod question;
pub mod quota_exhaustion;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::{Error, Outcome, World};

/// What a check expects, as lab files write it: one key that names the kind, and its fields below.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spec {
    /// A Kubernetes object is there with these fields, or is absent.
    KubernetesObject(kubernetes_object::Spec),
    /// A condition of the cluster is reached within a time.
    Condition(condition::Spec),
    /// A command's output in the learner's environment.
    CommandOutput(command_output::Spec),
    /// A file's content below the work folder.
    FileContent(file_content::Spec),
    /// An HTTP answer.
    HttpAnswer(http_answer::Spec),
    /// A question that the learner answers.
    Question(question::Spec),
    /// Something seen since the step was opened.
    Observed(observed::Spec),
    /// Pressure on a Namespace until something refuses.
    QuotaExhaustion(quota_exhaustion::Spec),
}

/// When a check may run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// It only looks: it runs again whenever what it looks at changes.
    Watched,
    /// It acts on the world (exhaustion, commands): it runs on the learner's key or from `check` only.
    OnDemand,
}

impl Spec {
    /// Returns whether the check may run again by itself.
    pub fn trigger(&self) -> Trigger {
        match self {
            Spec::KubernetesObject(_) | Spec::FileContent(_) | Spec::Question(_) | Spec::Observed(_) => {
                Trigger::Watched
            }
            Spec::Condition(_) | Spec::CommandOutput(_) | Spec::HttpAnswer(_) | Spec::QuotaExhaustion(_) => {
                Trigger::OnDemand
            }
        }
    }

    /// Returns whether the check talks to a cluster.
    pub fn needs_cluster(&self) -> bool {
        match self {
            Spec::KubernetesObject(_) | Spec::Condition(_) | Spec::Observed(_) | Spec::QuotaExhaustion(_) => true,
            Spec::CommandOutput(_) | Spec::FileContent(_) | Spec::HttpAnswer(_) | Spec::Question(_) => false,
        }
    }
}

pub(crate) async fn run(spec: &Spec, world: &World, cancel: &CancellationToken) -> Result<Outcome, Error> {
    let _ = (spec, world, cancel);
    Err(Error::NoCluster)
}
