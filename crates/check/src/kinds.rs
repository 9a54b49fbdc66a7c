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

/// Whether a check bears others beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// It may run beside any other that shares.
    Shared,
    /// It takes what others need meanwhile: nothing else may run on the same cluster.
    Alone,
}

/// Something that a check looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Watch {
    /// Objects of a kind.
    Objects {
        /// `v1`, `apps/v1` …
        api_version: String,
        /// The kind.
        kind: String,
        /// The Namespace; the session's one where none is named, none at all for kinds that have none.
        namespace: Option<String>,
    },
    /// A file, by its path below the work folder.
    File(String),
    /// The learner's answer to this very check.
    Answer,
    /// What the runner observes.
    Observations,
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

    /// Returns whether the check may run beside others.
    pub fn company(&self) -> Company {
        match self {
            Spec::QuotaExhaustion(_) => Company::Alone,
            Spec::KubernetesObject(_)
            | Spec::Condition(_)
            | Spec::CommandOutput(_)
            | Spec::FileContent(_)
            | Spec::HttpAnswer(_)
            | Spec::Question(_)
            | Spec::Observed(_) => Company::Shared,
        }
    }

    /// Returns what the check looks at: when one of these changes, a [`Trigger::Watched`] check is worth running again.
    /// Nothing for checks that act.
    pub fn watches(&self) -> Vec<Watch> {
        match self {
            Spec::KubernetesObject(spec) => vec![Watch::Objects {
                api_version: spec.api_version.clone(),
                kind: spec.kind.clone(),
                namespace: spec.namespace.clone(),
            }],
            Spec::FileContent(spec) => vec![Watch::File(spec.path.clone())],
            Spec::Question(_) => vec![Watch::Answer],
            Spec::Observed(_) => vec![Watch::Observations],
            Spec::Condition(_) | Spec::CommandOutput(_) | Spec::HttpAnswer(_) | Spec::QuotaExhaustion(_) => Vec::new(),
        }
    }

    /// Returns the name of the kind, as lab files write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Spec::KubernetesObject(_) => "kubernetes_object",
            Spec::Condition(_) => "condition",
            Spec::CommandOutput(_) => "command_output",
            Spec::FileContent(_) => "file_content",
            Spec::HttpAnswer(_) => "http_answer",
            Spec::Question(_) => "question",
            Spec::Observed(_) => "observed",
            Spec::QuotaExhaustion(_) => "quota_exhaustion",
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
    match spec {
        Spec::KubernetesObject(spec) => kubernetes_object::run(spec, world, cancel).await,
        Spec::Condition(spec) => condition::run(spec, world, cancel).await,
        Spec::CommandOutput(spec) => command_output::run(spec, world, cancel).await,
        Spec::FileContent(spec) => file_content::run(spec, world, cancel).await,
        Spec::HttpAnswer(spec) => http_answer::run(spec, cancel).await,
        Spec::Question(spec) => question::run(spec, world),
        Spec::Observed(spec) => observed::run(spec, world),
        Spec::QuotaExhaustion(spec) => quota_exhaustion::run(spec, world, cancel).await,
    }
}
