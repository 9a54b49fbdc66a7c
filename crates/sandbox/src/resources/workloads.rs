//! What runs Pods, scales them and keeps them running. See [`super`].

use super::{Generation, Lives, Resource, SCALE, kind, other, status};
use crate::Version;

/// `controllerrevisions.apps`.
pub(crate) static CONTROLLER_REVISIONS: Resource =
    kind("apps", "ControllerRevision", "controllerrevisions", "controllerrevision", &[]);
/// `daemonsets.apps`.
pub(crate) static DAEMON_SETS: Resource = Resource {
    categories: &["all"],
    subresources: &[status("DaemonSet")],
    generation: Generation::Counted,
    ..kind("apps", "DaemonSet", "daemonsets", "daemonset", &["ds"])
};
/// `deployments.apps`.
pub(crate) static DEPLOYMENTS: Resource = Resource {
    categories: &["all"],
    subresources: &[SCALE, status("Deployment")],
    generation: Generation::Counted,
    ..kind("apps", "Deployment", "deployments", "deployment", &["deploy"])
};
/// `replicasets.apps`.
pub(crate) static REPLICA_SETS: Resource = Resource {
    categories: &["all"],
    subresources: &[SCALE, status("ReplicaSet")],
    generation: Generation::Counted,
    ..kind("apps", "ReplicaSet", "replicasets", "replicaset", &["rs"])
};
/// `statefulsets.apps`.
pub(crate) static STATEFUL_SETS: Resource = Resource {
    categories: &["all"],
    subresources: &[SCALE, status("StatefulSet")],
    generation: Generation::Counted,
    ..kind("apps", "StatefulSet", "statefulsets", "statefulset", &["sts"])
};
/// `horizontalpodautoscalers.autoscaling`, stored in the form of `v2`.
pub(crate) static HORIZONTAL_POD_AUTOSCALERS: Resource = Resource {
    version: "v2",
    categories: &["all"],
    subresources: &[status("HorizontalPodAutoscaler")],
    lives: Lives::Since(Version::V1_24),
    ..kind("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "horizontalpodautoscaler", &["hpa"])
};
/// Another version of [`HORIZONTAL_POD_AUTOSCALERS`].
pub(crate) static HORIZONTAL_POD_AUTOSCALERS_V1: Resource = other(&HORIZONTAL_POD_AUTOSCALERS, "v1", Lives::Always);
/// Another version of [`HORIZONTAL_POD_AUTOSCALERS`].
pub(crate) static HORIZONTAL_POD_AUTOSCALERS_V2BETA2: Resource =
    other(&HORIZONTAL_POD_AUTOSCALERS, "v2beta2", Lives::Until(Version::V1_24));
/// `cronjobs.batch`.
pub(crate) static CRON_JOBS: Resource = Resource {
    categories: &["all"],
    subresources: &[status("CronJob")],
    generation: Generation::CountedSince(Version::V1_24),
    lives: Lives::Since(Version::V1_24),
    ..kind("batch", "CronJob", "cronjobs", "cronjob", &["cj"])
};
/// Another version of [`CRON_JOBS`].
pub(crate) static CRON_JOBS_V1BETA1: Resource = other(&CRON_JOBS, "v1beta1", Lives::Until(Version::V1_24));
/// `jobs.batch`.
pub(crate) static JOBS: Resource = Resource {
    categories: &["all"],
    subresources: &[status("Job")],
    generation: Generation::CountedSince(Version::V1_24),
    ..kind("batch", "Job", "jobs", "job", &[])
};
/// `poddisruptionbudgets.policy`.
pub(crate) static POD_DISRUPTION_BUDGETS: Resource = Resource {
    subresources: &[status("PodDisruptionBudget")],
    generation: Generation::Counted,
    lives: Lives::Since(Version::V1_24),
    ..kind("policy", "PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget", &["pdb"])
};
/// Another version of [`POD_DISRUPTION_BUDGETS`].
pub(crate) static POD_DISRUPTION_BUDGETS_V1BETA1: Resource =
    other(&POD_DISRUPTION_BUDGETS, "v1beta1", Lives::Until(Version::V1_24));
