//! `quota_exhaustion`: pressure on a Namespace until something refuses.
//!
//! ```yaml
//! quota_exhaustion:
//!   namespace: default
//!   deployment: exhauster       # whose Pod template is copied; the learner's own object is never scaled
//!   template: exhauster.yaml    # or a manifest of the work folder, where no Deployment is there
//!   replicas: 20
//!   admitted: { min: 1, max: 10 }   # default: at least 1, and fewer than asked for
//!   running: { min: 1 }             # default: at least 1, and none left without a node
//! ```
//!
//! With neither `deployment` nor `template` a plain Pod is copied, which takes the Namespace's defaults.
//!
//! First the server judges one more Pod (a dry-run, which consumes nothing and says nothing of the second one). Then
//! a Deployment of our own asks for the copies. Copies carry other labels, so that neither the learner's Deployment
//! nor a Service selects them; containers with a command of their own only sleep, since quotas count what is asked
//! for and not what is used. Everything carries the run's label and a deadline and is removed in the end.

mod copy;
mod pressure;
mod refusal;
mod sweep;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use refusal::{Refusal, RefusedBy};
pub use sweep::sweep;

use crate::workfile::{self, WorkFile};
use crate::{Cluster, Error, Outcome, RunId, World, manifest};

/// The beginning of the names of everything that a trial creates: what happens to such objects is not the
/// learner's doing.
pub const NAME_PREFIX: &str = "atelier-quota-";

/// What the test does and expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The Namespace; the session's one by default.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The Deployment whose Pod template is copied.
    #[serde(default)]
    pub deployment: Option<String>,
    /// The manifest below the work folder whose Pod template is copied where the Deployment is not there.
    #[serde(default)]
    pub template: Option<String>,
    /// How many Pods there should be in all.
    pub replicas: u32,
    /// How many the API may admit.
    #[serde(default)]
    pub admitted: Range,
    /// How many of them must run.
    #[serde(default)]
    pub running: Range,
}

/// Bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The least.
    #[serde(default)]
    pub min: Option<u32>,
    /// The most.
    #[serde(default)]
    pub max: Option<u32>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// How many Pods the API may admit.
    pub admitted: Range,
    /// How many of them must run.
    pub running: Range,
    /// What the test found.
    pub report: Report,
}

/// A trial of a Namespace: what is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The Namespace.
    pub namespace: String,
    /// What is copied.
    pub source: Source,
    /// How many Pods there should be in all, at most [`MOST_REPLICAS`].
    pub replicas: u32,
    /// How many the API may admit.
    pub admitted: Range,
    /// How many of them must run.
    pub running: Range,
}

/// The most Pods that a trial asks for.
pub const MOST_REPLICAS: u32 = 100;

/// Where the copied Pod template comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A Deployment of the Namespace.
    Deployment(String),
    /// A Deployment of the Namespace, or this manifest's documents where it is not there.
    DeploymentOr(String, Vec<Value>),
    /// The documents of a manifest.
    Manifest(Vec<Value>),
    /// A plain Pod without requests and limits.
    Plain,
}

/// What a trial found; also the document of `atelier quota test`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this document.
    pub format: u32,
    /// The Namespace.
    pub namespace: String,
    /// How many Pods were asked for in all.
    pub asked: u32,
    /// How many the API admitted, those of the learner's Deployment included.
    pub admitted: u32,
    /// How many of them run.
    pub running: u32,
    /// How many of them are the learner's own.
    pub own: u32,
    /// The verdict.
    #[serde(rename = "outcome")]
    pub verdict: Verdict,
    /// Who refused the next Pod.
    pub refused_by: Vec<Refusal>,
    /// The resource that ran out: a quota's (`limits.memory`, `pods`), or a node's (`memory`) where Pods stay Pending.
    pub resource: Option<String>,
    /// The ResourceQuotas of the Namespace.
    pub quotas: Vec<String>,
    /// The LimitRanges of the Namespace.
    pub limit_ranges: Vec<String>,
    /// How many admitted Pods found no node.
    pub pending: u32,
    /// Why admitted Pods do not start, in the cluster's words, for another reason than the lack of a node.
    pub stuck: Option<String>,
    /// How many objects of the trial could not be removed in time; they are swept later.
    pub left: u32,
}

/// The verdict of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The first Pods run, the next ones are refused.
    Right,
    /// Nothing limits the number of Pods.
    NoQuota,
    /// A quota is there and lets too much through.
    TooLoose,
    /// Not even the first Pods are let through.
    TooTight,
    /// Something else than a quota or a LimitRange refuses the Pods.
    OtherRefusal,
    /// The Pods are admitted and get a node, and do not start.
    NotStarting,
    /// There is no Pod template to copy.
    NothingToCopy,
    /// The Namespace is not there.
    NoNamespace,
}

pub(crate) async fn run(spec: &Spec, world: &World, cancel: &CancellationToken) -> Result<Outcome, Error> {
    let cluster = world.cluster()?;
    let trial = Trial {
        namespace: spec.namespace.clone().unwrap_or_else(|| cluster.namespace.clone()),
        source: source(spec, world)?,
        replicas: spec.replicas,
        admitted: spec.admitted,
        running: spec.running,
    };
    let report = test(cluster, &trial, &world.run, world.now, cancel).await?;
    let holds = report.verdict == Verdict::Right;
    let evidence =
        crate::Evidence::QuotaExhaustion(Evidence { admitted: spec.admitted, running: spec.running, report });
    Ok(if holds { Outcome::Pass(evidence) } else { Outcome::Fail(evidence) })
}

fn source(spec: &Spec, world: &World) -> Result<Source, Error> {
    let documents = match &spec.template {
        None => None,
        Some(path) => match workfile::read(&world.work, path)? {
            // What cannot be read holds no template: the verdict will say that there is nothing to copy.
            WorkFile::Content(content) => {
                Some(manifest::documents(&String::from_utf8_lossy(&content)).unwrap_or_default())
            }
            WorkFile::Missing | WorkFile::NotAFile | WorkFile::TooBig(_) | WorkFile::Outside => Some(Vec::new()),
        },
    };
    Ok(match (&spec.deployment, documents) {
        (Some(name), Some(documents)) => Source::DeploymentOr(name.clone(), documents),
        (Some(name), None) => Source::Deployment(name.clone()),
        (None, Some(documents)) => Source::Manifest(documents),
        (None, None) => Source::Plain,
    })
}

/// Puts a Namespace under pressure and reports what gave way. What the trial creates is gone when this returns, save
/// what [`Report::left`] counts. The caller sees to it that one trial runs at a time ([`crate::Company::Alone`]): two
/// would take each other's quota.
///
/// The caller bounds the time by `cancel`, and must wait for the return: a future that is dropped leaves its objects
/// to [`sweep`].
///
/// # Errors
///
/// Where the trial could not tell: no answer, no right, cancelled.
pub async fn test(
    cluster: &Cluster,
    trial: &Trial,
    run: &RunId,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let facts = pressure::gather(cluster, trial, run, now, cancel).await?;
    Ok(facts.report(trial))
}

/// What a trial saw, before it is judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) ground: Ground,
    pub(crate) quotas: Vec<String>,
    pub(crate) limit_ranges: Vec<String>,
    pub(crate) own: Tally,
    pub(crate) copies: Tally,
    pub(crate) asked: u32,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) left: u32,
}

/// Whether there was anything to try, and anywhere to try it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Ground {
    #[default]
    Ready,
    NothingToCopy,
    NoNamespace,
}

/// Pods, counted by their state.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) admitted: u32,
    pub(crate) running: u32,
    pub(crate) unschedulable: u32,
    pub(crate) undecided: u32,
    pub(crate) lacking: Option<String>,
    pub(crate) stuck: Option<String>,
}

impl Facts {
    fn report(self, trial: &Trial) -> Report {
        let verdict = self.judge(trial);
        let exhausted = self.refusal.as_ref().and_then(|refusal| refusal.resources.first().cloned());
        let lacking = self.copies.lacking.clone().or_else(|| self.own.lacking.clone());
        let pending = self.own.unschedulable + self.copies.unschedulable;
        Report {
            format: 1,
            namespace: trial.namespace.clone(),
            asked: self.asked,
            admitted: self.own.admitted + self.copies.admitted,
            running: self.own.running + self.copies.running,
            own: self.own.admitted,
            verdict,
            // Where Pods wait for a node, the node ran out first, whatever the quota said in the end.
            resource: if pending > 0 { lacking.or(exhausted) } else { exhausted },
            refused_by: self.refusal.into_iter().collect(),
            quotas: self.quotas,
            limit_ranges: self.limit_ranges,
            pending,
            stuck: self.copies.stuck.or(self.own.stuck),
            left: self.left,
        }
    }

    fn judge(&self, trial: &Trial) -> Verdict {
        match self.ground {
            Ground::NothingToCopy => return Verdict::NothingToCopy,
            Ground::NoNamespace => return Verdict::NoNamespace,
            Ground::Ready => {}
        }
        let Some(refusal) = &self.refusal else {
            return if self.quotas.is_empty() { Verdict::NoQuota } else { Verdict::TooLoose };
        };
        if refusal.kind == RefusedBy::Other {
            return Verdict::OtherRefusal;
        }
        let admitted = self.own.admitted + self.copies.admitted;
        let running = self.own.running + self.copies.running;
        let unschedulable = self.own.unschedulable + self.copies.unschedulable;
        if admitted < trial.admitted.min.unwrap_or(1) {
            return Verdict::TooTight;
        }
        if admitted > trial.admitted.max.unwrap_or(u32::MAX) {
            return Verdict::TooLoose;
        }
        // An author who says how many must run has thought of the nodes; else a Pod without a node shows that the
        // quota grants more than there is.
        let author_counts = trial.running != Range::default();
        if unschedulable > 0 && !author_counts {
            return Verdict::TooLoose;
        }
        if running < trial.running.min.unwrap_or(1) {
            return if unschedulable > 0 { Verdict::TooLoose } else { Verdict::NotStarting };
        }
        if running > trial.running.max.unwrap_or(u32::MAX) {
            return Verdict::TooLoose;
        }
        Verdict::Right
    }
}

#[cfg(test)]
mod tests;
