//! The table of what the sandbox serves: one entry a resource. Discovery, routing, admission and storage
//! read it; nothing else knows which kinds exist.

use std::fmt;

/// One kind of object that the API serves.
#[derive(Debug)]
pub(crate) struct Resource {
    /// The API group, empty for core.
    pub(crate) group: &'static str,
    /// The version within the group.
    pub(crate) version: &'static str,
    /// The kind, such as `Pod`.
    pub(crate) kind: &'static str,
    /// The name in URLs, such as `pods`.
    pub(crate) plural: &'static str,
    /// The singular that kubectl accepts, such as `pod`.
    pub(crate) singular: &'static str,
    /// Short forms that kubectl accepts, such as `po`.
    pub(crate) short_names: &'static [&'static str],
    /// Groups of resources that kubectl accepts, such as `all`.
    pub(crate) categories: &'static [&'static str],
    /// Whether objects live in a Namespace.
    pub(crate) scope: Scope,
    /// What can be done with it.
    pub(crate) verbs: &'static [&'static str],
    /// What lies below an object.
    pub(crate) subresources: &'static [Subresource],
    /// How `metadata.generation` is kept.
    pub(crate) generation: Generation,
}

/// Whether objects live in a Namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One per cluster and name.
    Cluster,
    /// One per Namespace and name.
    Namespaced,
}

/// How `metadata.generation` is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// The field is never set.
    Absent,
    /// 1 at creation, one more at each change of anything but metadata and status.
    Counted,
}

/// Something below an object's URL, such as `status`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subresource {
    /// Its last path segment.
    pub(crate) name: &'static str,
    /// The kind that it takes and gives.
    pub(crate) kind: &'static str,
    /// That kind's group, if not the parent's.
    pub(crate) group: Option<&'static str>,
    /// That kind's version, if not the parent's.
    pub(crate) version: Option<&'static str>,
    /// What can be done with it.
    pub(crate) verbs: &'static [&'static str],
}

impl Resource {
    /// Returns `v1` or `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Returns `pods` or `deployments.apps`, as error texts name resources.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Tells whether objects live in a Namespace.
    pub(crate) fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    /// Finds a subresource by its path segment.
    pub(crate) fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        self.subresources.iter().find(|candidate| candidate.name == name)
    }

    /// Tells whether objects have a separate `status`.
    pub(crate) fn has_status(&self) -> bool {
        self.subresource("status").is_some()
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.group == other.group && self.plural == other.plural
    }
}

impl Eq for Resource {}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.qualified())
    }
}

/// Finds a resource by what a URL says.
pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    ALL.iter()
        .copied()
        .find(|resource| resource.group == group && resource.version == version && resource.plural == plural)
}

/// Finds a resource by what an object says: its `apiVersion` and `kind`.
pub(crate) fn find_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ALL.iter().copied().find(|resource| resource.group == group && resource.version == version && resource.kind == kind)
}

const CRUD: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const STATUS: &[&str] = &["get", "patch", "update"];

const fn status(kind: &'static str) -> Subresource {
    Subresource { name: "status", kind, group: None, version: None, verbs: STATUS }
}

const SCALE: Subresource =
    Subresource { name: "scale", kind: "Scale", group: Some("autoscaling"), version: Some("v1"), verbs: STATUS };

const fn core(
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short_names: &'static [&'static str],
) -> Resource {
    Resource {
        group: "",
        version: "v1",
        kind,
        plural,
        singular,
        short_names,
        categories: &[],
        scope: Scope::Namespaced,
        verbs: CRUD,
        subresources: &[],
        generation: Generation::Absent,
    }
}

/// `pods`.
pub(crate) static PODS: Resource = Resource {
    categories: &["all"],
    subresources: &[
        Subresource { name: "binding", kind: "Binding", group: None, version: None, verbs: &["create"] },
        Subresource {
            name: "eviction",
            kind: "Eviction",
            group: Some("policy"),
            version: Some("v1"),
            verbs: &["create"],
        },
        Subresource { name: "log", kind: "Pod", group: None, version: None, verbs: &["get"] },
        status("Pod"),
    ],
    ..core("Pod", "pods", "pod", &["po"])
};
/// `namespaces`.
pub(crate) static NAMESPACES: Resource = Resource {
    scope: Scope::Cluster,
    verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
    subresources: &[
        Subresource { name: "finalize", kind: "Namespace", group: None, version: None, verbs: &["update"] },
        status("Namespace"),
    ],
    ..core("Namespace", "namespaces", "namespace", &["ns"])
};
/// `nodes`.
pub(crate) static NODES: Resource =
    Resource { scope: Scope::Cluster, subresources: &[status("Node")], ..core("Node", "nodes", "node", &["no"]) };
/// `services`.
pub(crate) static SERVICES: Resource = Resource {
    categories: &["all"],
    subresources: &[status("Service")],
    ..core("Service", "services", "service", &["svc"])
};
/// `endpoints`.
pub(crate) static ENDPOINTS: Resource = core("Endpoints", "endpoints", "endpoints", &["ep"]);
/// `configmaps`.
pub(crate) static CONFIG_MAPS: Resource = core("ConfigMap", "configmaps", "configmap", &["cm"]);
/// `secrets`.
pub(crate) static SECRETS: Resource = core("Secret", "secrets", "secret", &[]);
/// `serviceaccounts`.
pub(crate) static SERVICE_ACCOUNTS: Resource = core("ServiceAccount", "serviceaccounts", "serviceaccount", &["sa"]);
/// `events`, the core ones.
pub(crate) static EVENTS: Resource = core("Event", "events", "event", &["ev"]);
/// `limitranges`.
pub(crate) static LIMIT_RANGES: Resource = core("LimitRange", "limitranges", "limitrange", &["limits"]);
/// `resourcequotas`.
pub(crate) static RESOURCE_QUOTAS: Resource = Resource {
    subresources: &[status("ResourceQuota")],
    ..core("ResourceQuota", "resourcequotas", "resourcequota", &["quota"])
};
/// `deployments.apps`.
pub(crate) static DEPLOYMENTS: Resource = Resource {
    group: "apps",
    categories: &["all"],
    subresources: &[SCALE, status("Deployment")],
    generation: Generation::Counted,
    ..core("Deployment", "deployments", "deployment", &["deploy"])
};
/// `replicasets.apps`.
pub(crate) static REPLICA_SETS: Resource = Resource {
    group: "apps",
    categories: &["all"],
    subresources: &[SCALE, status("ReplicaSet")],
    generation: Generation::Counted,
    ..core("ReplicaSet", "replicasets", "replicaset", &["rs"])
};
/// `leases.coordination.k8s.io`.
pub(crate) static LEASES: Resource = Resource { group: "coordination.k8s.io", ..core("Lease", "leases", "lease", &[]) };
/// `priorityclasses.scheduling.k8s.io`.
pub(crate) static PRIORITY_CLASSES: Resource = Resource {
    group: "scheduling.k8s.io",
    scope: Scope::Cluster,
    generation: Generation::Counted,
    ..core("PriorityClass", "priorityclasses", "priorityclass", &["pc"])
};
/// `endpointslices.discovery.k8s.io`.
pub(crate) static ENDPOINT_SLICES: Resource = Resource {
    group: "discovery.k8s.io",
    generation: Generation::Counted,
    ..core("EndpointSlice", "endpointslices", "endpointslice", &[])
};
/// `selfsubjectaccessreviews.authorization.k8s.io`: answered, never stored.
pub(crate) static SELF_SUBJECT_ACCESS_REVIEWS: Resource = Resource {
    group: "authorization.k8s.io",
    scope: Scope::Cluster,
    verbs: &["create"],
    ..core("SelfSubjectAccessReview", "selfsubjectaccessreviews", "selfsubjectaccessreview", &[])
};
/// `selfsubjectrulesreviews.authorization.k8s.io`: answered, never stored.
pub(crate) static SELF_SUBJECT_RULES_REVIEWS: Resource = Resource {
    group: "authorization.k8s.io",
    scope: Scope::Cluster,
    verbs: &["create"],
    ..core("SelfSubjectRulesReview", "selfsubjectrulesreviews", "selfsubjectrulesreview", &[])
};
/// `selfsubjectreviews.authentication.k8s.io`: answered, never stored.
pub(crate) static SELF_SUBJECT_REVIEWS: Resource = Resource {
    group: "authentication.k8s.io",
    scope: Scope::Cluster,
    verbs: &["create"],
    ..core("SelfSubjectReview", "selfsubjectreviews", "selfsubjectreview", &[])
};

/// Everything that is served, in the order of discovery.
pub(crate) static ALL: &[&Resource] = &[
    &CONFIG_MAPS,
    &ENDPOINTS,
    &EVENTS,
    &LIMIT_RANGES,
    &NAMESPACES,
    &NODES,
    &PODS,
    &RESOURCE_QUOTAS,
    &SECRETS,
    &SERVICE_ACCOUNTS,
    &SERVICES,
    &DEPLOYMENTS,
    &REPLICA_SETS,
    &SELF_SUBJECT_REVIEWS,
    &SELF_SUBJECT_ACCESS_REVIEWS,
    &SELF_SUBJECT_RULES_REVIEWS,
    &LEASES,
    &ENDPOINT_SLICES,
    &PRIORITY_CLASSES,
];
