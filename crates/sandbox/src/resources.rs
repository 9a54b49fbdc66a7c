//! The table of what the sandbox serves: one entry a resource. Discovery, routing, admission and storage
//! read it; nothing else knows which kinds exist.

use std::fmt;
use std::sync::Arc;

use crate::Version;
use crate::custom::Definition;

mod access;
mod cluster;
mod core;
pub(crate) mod deprecation;
mod network;
mod workloads;

pub(crate) use access::*;
pub(crate) use cluster::*;
pub(crate) use core::*;
pub(crate) use network::*;
pub(crate) use workloads::*;

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
    /// Which emulated versions serve it.
    pub(crate) lives: Lives,
    /// The resource as which objects are stored, if this one is another version of it.
    pub(crate) hub: Option<&'static Resource>,
}

/// Which emulated versions serve something; the named one is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lives {
    /// All of them.
    Always,
    /// That one and the earlier ones.
    Until(Version),
    /// That one and the later ones.
    Since(Version),
}

impl Lives {
    /// Tells whether a version serves it.
    pub(crate) fn includes(self, version: Version) -> bool {
        match self {
            Lives::Always => true,
            Lives::Until(last) => version <= last,
            Lives::Since(first) => version >= first,
        }
    }
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
    /// Counted by that version and the later ones.
    CountedSince(Version),
}

impl Generation {
    /// Tells whether a version counts.
    pub(crate) fn is_counted(self, version: Version) -> bool {
        match self {
            Generation::Absent => false,
            Generation::Counted => true,
            Generation::CountedSince(first) => version >= first,
        }
    }
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
    /// Which emulated versions serve it.
    pub(crate) lives: Lives,
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

    /// Returns the resource as which objects are stored: itself, or the one of which it is another version.
    pub(crate) fn hub(&'static self) -> &'static Resource {
        self.hub.unwrap_or(self)
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

/// What one API serves at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// The emulated version.
    pub(crate) version: Version,
    /// What CustomResourceDefinitions add, in all their versions.
    pub(crate) custom: Arc<[Definition]>,
}

impl Served {
    /// Returns what a version serves without any CustomResourceDefinition.
    pub(crate) fn of(version: Version) -> Served {
        Served { version, custom: Arc::new([]) }
    }

    /// Returns everything that is served, in all versions.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Resource> {
        let version = self.version;
        let own = ALL.iter().chain(OTHER_VERSIONS).filter(move |resource| resource.lives.includes(version));
        let custom = self.custom.iter().filter(|definition| definition.is_served).map(|definition| definition.resource);
        own.copied().chain(custom)
    }

    /// Returns every resource under which objects are stored.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &'static Resource> {
        let custom = self.custom.iter().map(|definition| definition.resource);
        ALL.iter().copied().chain(custom.filter(|resource| resource.hub.is_none()))
    }

    /// Finds a resource by what a URL says.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
        self.all().find(|resource| resource.group == group && resource.version == version && resource.plural == plural)
    }

    /// Finds the resource as which an object is stored, by what its references say: `apiVersion` and `kind`.
    pub(crate) fn find_kind(&self, api_version: &str, kind: &str) -> Option<&'static Resource> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let custom = self.custom.iter().map(|definition| definition.resource);
        let mut all = ALL.iter().chain(OTHER_VERSIONS).copied().chain(custom);
        all.find(|resource| resource.group == group && resource.version == version && resource.kind == kind)
            .map(|resource| resource.hub())
    }

    /// Finds what a CustomResourceDefinition says of a resource's version.
    pub(crate) fn definition(&self, resource: &Resource) -> Option<&Definition> {
        self.custom.iter().find(|definition| std::ptr::eq(definition.resource, resource))
    }

    /// Finds a subresource by its path segment.
    pub(crate) fn subresource(&self, resource: &Resource, name: &str) -> Option<&'static Subresource> {
        resource.subresources.iter().find(|part| part.name == name && part.lives.includes(self.version))
    }
}

const CRUD: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const STATUS: &[&str] = &["get", "patch", "update"];
const CREATE: &[&str] = &["create"];
const CONNECT: &[&str] = &["create", "get"];
/// What can be passed on to Pods, Services and nodes.
const PASS: &[&str] = &["create", "delete", "get", "patch", "update"];

/// Returns a subresource of the parent's group and version.
const fn part(name: &'static str, kind: &'static str, verbs: &'static [&'static str]) -> Subresource {
    Subresource { name, kind, group: None, version: None, verbs, lives: Lives::Always }
}

const fn status(kind: &'static str) -> Subresource {
    part("status", kind, STATUS)
}

const SCALE: Subresource = Subresource {
    name: "scale",
    kind: "Scale",
    group: Some("autoscaling"),
    version: Some("v1"),
    verbs: STATUS,
    lives: Lives::Always,
};

/// Returns a namespaced resource of a group's `v1` with all verbs.
const fn kind(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short_names: &'static [&'static str],
) -> Resource {
    Resource {
        group,
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
        lives: Lives::Always,
        hub: None,
    }
}

/// Returns the same resource for the whole cluster.
const fn cluster_wide(resource: Resource) -> Resource {
    Resource { scope: Scope::Cluster, ..resource }
}

/// Returns a question: answered, never stored.
const fn question(resource: Resource) -> Resource {
    Resource { verbs: CREATE, ..resource }
}

/// Returns another version of a stored resource.
const fn other(hub: &'static Resource, version: &'static str, lives: Lives) -> Resource {
    Resource {
        group: hub.group,
        version,
        kind: hub.kind,
        plural: hub.plural,
        singular: hub.singular,
        short_names: hub.short_names,
        categories: hub.categories,
        scope: hub.scope,
        verbs: hub.verbs,
        subresources: hub.subresources,
        generation: hub.generation,
        lives,
        hub: Some(hub),
    }
}

/// Everything that is stored or answered, in the order of discovery, each in the version in which it is stored.
pub(crate) static ALL: &[&Resource] = &[
    &CONFIG_MAPS,
    &ENDPOINTS,
    &EVENTS,
    &LIMIT_RANGES,
    &NAMESPACES,
    &NODES,
    &PERSISTENT_VOLUME_CLAIMS,
    &PERSISTENT_VOLUMES,
    &PODS,
    &POD_TEMPLATES,
    &REPLICATION_CONTROLLERS,
    &RESOURCE_QUOTAS,
    &SECRETS,
    &SERVICE_ACCOUNTS,
    &SERVICES,
    &API_SERVICES,
    &CONTROLLER_REVISIONS,
    &DAEMON_SETS,
    &DEPLOYMENTS,
    &REPLICA_SETS,
    &STATEFUL_SETS,
    &SELF_SUBJECT_REVIEWS,
    &TOKEN_REVIEWS,
    &LOCAL_SUBJECT_ACCESS_REVIEWS,
    &SELF_SUBJECT_ACCESS_REVIEWS,
    &SELF_SUBJECT_RULES_REVIEWS,
    &SUBJECT_ACCESS_REVIEWS,
    &HORIZONTAL_POD_AUTOSCALERS,
    &CRON_JOBS,
    &JOBS,
    &CERTIFICATE_SIGNING_REQUESTS,
    &INGRESS_CLASSES,
    &INGRESSES,
    &NETWORK_POLICIES,
    &POD_DISRUPTION_BUDGETS,
    &POD_SECURITY_POLICIES,
    &CLUSTER_ROLE_BINDINGS,
    &CLUSTER_ROLES,
    &ROLE_BINDINGS,
    &ROLES,
    &CSI_DRIVERS,
    &CSI_NODES,
    &STORAGE_CLASSES,
    &VOLUME_ATTACHMENTS,
    &MUTATING_WEBHOOK_CONFIGURATIONS,
    &VALIDATING_WEBHOOK_CONFIGURATIONS,
    &CUSTOM_RESOURCE_DEFINITIONS,
    &PRIORITY_CLASSES,
    &LEASES,
    &RUNTIME_CLASSES,
    &ENDPOINT_SLICES,
    &NODE_METRICS,
    &POD_METRICS,
];

/// The other versions in which stored resources are served.
pub(crate) static OTHER_VERSIONS: &[&Resource] = &[
    &EVENTS_V1,
    &HORIZONTAL_POD_AUTOSCALERS_V1,
    &HORIZONTAL_POD_AUTOSCALERS_V2BETA2,
    &CRON_JOBS_V1BETA1,
    &INGRESSES_V1BETA1,
    &INGRESSES_EXTENSIONS,
    &POD_DISRUPTION_BUDGETS_V1BETA1,
    &CLUSTER_ROLE_BINDINGS_V1BETA1,
    &CLUSTER_ROLES_V1BETA1,
    &ROLE_BINDINGS_V1BETA1,
    &ROLES_V1BETA1,
    &STORAGE_CLASSES_V1BETA1,
    &PRIORITY_CLASSES_V1BETA1,
    &LEASES_V1BETA1,
    &RUNTIME_CLASSES_V1BETA1,
    &ENDPOINT_SLICES_V1BETA1,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_serves_a_kind_once_per_group_and_version() {
        for version in [Version::V1_20, Version::V1_24, Version::V1_34] {
            let mut seen = std::collections::BTreeSet::new();
            for resource in Served::of(version).all() {
                assert!(seen.insert((resource.api_version(), resource.plural)), "{resource} {version:?}");
            }
        }
        let lives = |version| Served::of(version).all().any(|resource| *resource == POD_SECURITY_POLICIES);
        assert!(lives(Version::V1_24) && !lives(Version::V1_34));
    }
}
