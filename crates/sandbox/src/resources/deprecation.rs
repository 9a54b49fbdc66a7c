//! What a server says, as a warning, about versions of kinds that are on their way out.

use super::Resource;
use crate::Version;

/// A deprecation of a group-version: since which minor version of Kubernetes 1, until which, and what replaces it.
struct Entry {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    since: u8,
    gone: Option<u8>,
    instead: &'static str,
}

const fn entry(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    since: u8,
    gone: u8,
    instead: &'static str,
) -> Entry {
    Entry { group, version, kind, since, gone: Some(gone), instead }
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// As 1.24 and later know them.
const ENTRIES: [Entry; 17] = [
    entry("batch", "v1beta1", "CronJob", 21, 25, "batch/v1"),
    entry("policy", "v1beta1", "PodDisruptionBudget", 21, 25, "policy/v1"),
    entry("policy", "v1beta1", "PodSecurityPolicy", 21, 25, ""),
    entry("discovery.k8s.io", "v1beta1", "EndpointSlice", 21, 25, "discovery.k8s.io/v1"),
    entry("autoscaling", "v2beta2", "HorizontalPodAutoscaler", 23, 26, "autoscaling/v2"),
    entry("networking.k8s.io", "v1beta1", "Ingress", 19, 22, "networking.k8s.io/v1"),
    entry("extensions", "v1beta1", "Ingress", 14, 22, "networking.k8s.io/v1"),
    entry(RBAC, "v1beta1", "ClusterRole", 17, 22, RBAC_V1),
    entry(RBAC, "v1beta1", "ClusterRoleBinding", 17, 22, RBAC_V1),
    entry(RBAC, "v1beta1", "Role", 17, 22, RBAC_V1),
    entry(RBAC, "v1beta1", "RoleBinding", 17, 22, RBAC_V1),
    entry("scheduling.k8s.io", "v1beta1", "PriorityClass", 14, 22, "scheduling.k8s.io/v1"),
    entry("coordination.k8s.io", "v1beta1", "Lease", 19, 22, "coordination.k8s.io/v1"),
    entry("storage.k8s.io", "v1beta1", "StorageClass", 19, 22, "storage.k8s.io/v1"),
    entry("node.k8s.io", "v1beta1", "RuntimeClass", 22, 25, "node.k8s.io/v1"),
    Entry {
        group: "",
        version: "v1",
        kind: "Endpoints",
        since: 33,
        gone: None,
        instead: "discovery.k8s.io/v1 EndpointSlice",
    },
    Entry { group: "", version: "v1", kind: "ComponentStatus", since: 19, gone: None, instead: "" },
];
const RBAC_V1: &str = "rbac.authorization.k8s.io/v1";

/// Returns what a version says about a resource on its way out.
pub(crate) fn warning(resource: &Resource, version: Version) -> Option<String> {
    let found = ENTRIES
        .iter()
        .find(|entry| (entry.group, entry.version, entry.kind) == (resource.group, resource.version, resource.kind))?;
    let minor = match version {
        Version::V1_20 => 20,
        Version::V1_24 => 24,
        Version::V1_34 => 34,
    };
    // 1.20 announced what came true a version earlier, and names what it has not got yet as a replacement of nothing.
    let (since, instead) = match (version, found.since) {
        (Version::V1_20, 21..=24) if found.gone == Some(25) => (22, ""),
        (_, since) => (since, found.instead),
    };
    let is_announced = version == Version::V1_20 && since == 22;
    if since > minor && !is_announced {
        return None;
    }
    let mut text = format!("{} {} is deprecated in v1.{since}+", resource.api_version(), found.kind);
    if let Some(gone) = found.gone {
        text.push_str(&format!(", unavailable in v1.{gone}+"));
    }
    match instead {
        "" => {}
        other if other.contains(' ') => text.push_str(&format!("; use {other}")),
        group_version => text.push_str(&format!("; use {group_version} {}", found.kind)),
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{CRON_JOBS, CRON_JOBS_V1BETA1, ENDPOINTS, INGRESSES_EXTENSIONS};

    #[test]
    fn what_goes_is_announced() {
        for (resource, version, expected) in [
            (
                &CRON_JOBS_V1BETA1,
                Version::V1_20,
                Some("batch/v1beta1 CronJob is deprecated in v1.22+, unavailable in v1.25+"),
            ),
            (
                &CRON_JOBS_V1BETA1,
                Version::V1_24,
                Some("batch/v1beta1 CronJob is deprecated in v1.21+, unavailable in v1.25+; use batch/v1 CronJob"),
            ),
            (
                &INGRESSES_EXTENSIONS,
                Version::V1_20,
                Some(
                    "extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress",
                ),
            ),
            (
                &ENDPOINTS,
                Version::V1_34,
                Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"),
            ),
            (&ENDPOINTS, Version::V1_24, None),
            (&CRON_JOBS, Version::V1_24, None),
        ] {
            assert_eq!(warning(resource, version).as_deref(), expected);
        }
    }
}
