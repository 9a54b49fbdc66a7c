//! The core group. See [`super`].

use super::{
    CONNECT, CREATE, Generation, Lives, PASS, Resource, SCALE, STATUS, Subresource, cluster_wide, kind, part, status,
};
use crate::Version;

/// `configmaps`.
pub(crate) static CONFIG_MAPS: Resource = kind("", "ConfigMap", "configmaps", "configmap", &["cm"]);
/// `endpoints`.
pub(crate) static ENDPOINTS: Resource = kind("", "Endpoints", "endpoints", "endpoints", &["ep"]);
/// `events`, the core ones.
pub(crate) static EVENTS: Resource = kind("", "Event", "events", "event", &["ev"]);
/// `limitranges`.
pub(crate) static LIMIT_RANGES: Resource = kind("", "LimitRange", "limitranges", "limitrange", &["limits"]);
/// `namespaces`.
pub(crate) static NAMESPACES: Resource = Resource {
    subresources: &[part("finalize", "Namespace", &["update"]), status("Namespace")],
    verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
    ..cluster_wide(kind("", "Namespace", "namespaces", "namespace", &["ns"]))
};
/// `nodes`.
pub(crate) static NODES: Resource = Resource {
    subresources: &[part("proxy", "NodeProxyOptions", PASS), status("Node")],
    ..cluster_wide(kind("", "Node", "nodes", "node", &["no"]))
};
/// `persistentvolumeclaims`.
pub(crate) static PERSISTENT_VOLUME_CLAIMS: Resource = Resource {
    subresources: &[status("PersistentVolumeClaim")],
    ..kind("", "PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim", &["pvc"])
};
/// `persistentvolumes`.
pub(crate) static PERSISTENT_VOLUMES: Resource = Resource {
    subresources: &[status("PersistentVolume")],
    ..cluster_wide(kind("", "PersistentVolume", "persistentvolumes", "persistentvolume", &["pv"]))
};
/// `pods`.
pub(crate) static PODS: Resource = Resource {
    categories: &["all"],
    subresources: &[
        part("attach", "PodAttachOptions", CONNECT),
        part("binding", "Binding", CREATE),
        part("ephemeralcontainers", "Pod", STATUS).since(Version::V1_24),
        // The older form first: who looks for it takes the first that the version serves.
        eviction("v1beta1", Lives::Until(Version::V1_20)),
        eviction("v1", Lives::Since(Version::V1_24)),
        part("exec", "PodExecOptions", CONNECT),
        part("log", "Pod", &["get"]),
        part("portforward", "PodPortForwardOptions", CONNECT),
        part("proxy", "PodProxyOptions", PASS),
        part("resize", "Pod", STATUS).since(Version::V1_34),
        status("Pod"),
    ],
    generation: Generation::CountedSince(Version::V1_34),
    ..kind("", "Pod", "pods", "pod", &["po"])
};
/// `podtemplates`.
pub(crate) static POD_TEMPLATES: Resource = Resource {
    generation: Generation::CountedSince(Version::V1_24),
    ..kind("", "PodTemplate", "podtemplates", "podtemplate", &[])
};
/// `replicationcontrollers`.
pub(crate) static REPLICATION_CONTROLLERS: Resource = Resource {
    categories: &["all"],
    subresources: &[SCALE, status("ReplicationController")],
    generation: Generation::Counted,
    ..kind("", "ReplicationController", "replicationcontrollers", "replicationcontroller", &["rc"])
};
/// `resourcequotas`.
pub(crate) static RESOURCE_QUOTAS: Resource = Resource {
    subresources: &[status("ResourceQuota")],
    ..kind("", "ResourceQuota", "resourcequotas", "resourcequota", &["quota"])
};
/// `secrets`.
pub(crate) static SECRETS: Resource = kind("", "Secret", "secrets", "secret", &[]);
/// `serviceaccounts`.
pub(crate) static SERVICE_ACCOUNTS: Resource = Resource {
    subresources: &[Subresource {
        name: "token",
        kind: "TokenRequest",
        group: Some("authentication.k8s.io"),
        version: Some("v1"),
        verbs: CREATE,
        lives: Lives::Always,
    }],
    ..kind("", "ServiceAccount", "serviceaccounts", "serviceaccount", &["sa"])
};
/// `services`.
pub(crate) static SERVICES: Resource = Resource {
    categories: &["all"],
    subresources: &[part("proxy", "ServiceProxyOptions", PASS), status("Service")],
    ..kind("", "Service", "services", "service", &["svc"])
};
/// `events.events.k8s.io`: the core events in their newer form.
pub(crate) static EVENTS_V1: Resource =
    Resource { hub: Some(&EVENTS), ..kind("events.k8s.io", "Event", "events", "event", &["ev"]) };

impl Subresource {
    const fn since(self, version: Version) -> Subresource {
        Subresource { lives: Lives::Since(version), ..self }
    }
}

const fn eviction(version: &'static str, lives: Lives) -> Subresource {
    Subresource {
        name: "eviction",
        kind: "Eviction",
        group: Some("policy"),
        version: Some(version),
        verbs: CREATE,
        lives,
    }
}
