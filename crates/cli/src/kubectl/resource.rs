//! Resource types: how they are called on the command line and where they are on the server.

use std::borrow::Cow;

use serde_json::Value;

use super::api::Api;
use super::trouble::Trouble;

/// A resource type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    /// The API group; empty for core.
    pub(crate) group: Cow<'static, str>,
    /// The version.
    pub(crate) version: Cow<'static, str>,
    /// The kind.
    pub(crate) kind: Cow<'static, str>,
    /// The name in paths.
    pub(crate) plural: Cow<'static, str>,
    /// Short names.
    pub(crate) short: Vec<String>,
    /// Whether objects live in a Namespace.
    pub(crate) namespaced: bool,
}

/// Types that every server from 1.20 to 1.36 has at this version: no discovery request is spent on them.
/// Group, version, kind, plural, short names (comma-separated), namespaced.
const KNOWN: &[(&str, &str, &str, &str, &str, bool)] = &[
    ("", "v1", "Pod", "pods", "po", true),
    ("apps", "v1", "Deployment", "deployments", "deploy", true),
    ("apps", "v1", "ReplicaSet", "replicasets", "rs", true),
    ("apps", "v1", "DaemonSet", "daemonsets", "ds", true),
    ("apps", "v1", "StatefulSet", "statefulsets", "sts", true),
    ("", "v1", "Node", "nodes", "no", false),
    ("", "v1", "Namespace", "namespaces", "ns", false),
    ("", "v1", "Event", "events", "ev", true),
    ("", "v1", "LimitRange", "limitranges", "limits", true),
    ("", "v1", "ResourceQuota", "resourcequotas", "quota", true),
    ("", "v1", "Service", "services", "svc", true),
    ("", "v1", "Endpoints", "endpoints", "ep", true),
    ("", "v1", "ConfigMap", "configmaps", "cm", true),
    ("", "v1", "Secret", "secrets", "", true),
    ("", "v1", "ServiceAccount", "serviceaccounts", "sa", true),
    ("", "v1", "ReplicationController", "replicationcontrollers", "rc", true),
    ("", "v1", "PersistentVolume", "persistentvolumes", "pv", false),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", true),
    ("batch", "v1", "Job", "jobs", "", true),
    ("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", true),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", "netpol", true),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", "ing", true),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", "", true),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", "", true),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", "", false),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", "", false),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", "sc", false),
    ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", "pc", false),
];

/// What `get all` lists, in kubectl's order.
const ALL: &[&str] = &[
    "pods",
    "replicationcontrollers",
    "services",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "horizontalpodautoscalers",
    "jobs",
];

impl Resource {
    fn known(entry: &(&'static str, &'static str, &'static str, &'static str, &'static str, bool)) -> Resource {
        let (group, version, kind, plural, short, namespaced) = *entry;
        Resource {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            short: short.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            namespaced,
        }
    }

    /// The well-known type of this plural name.
    pub(crate) fn of(plural: &str) -> Resource {
        KNOWN
            .iter()
            .find(|entry| entry.3 == plural)
            .map(Resource::known)
            .expect("only plural names of the table are asked for")
    }

    /// `apiVersion` as objects write it.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The path of the collection, or of one object. `namespace` is `None` for all Namespaces.
    pub(crate) fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if let Some(namespace) = namespace.filter(|_| self.namespaced) {
            path.push_str("/namespaces/");
            path.push_str(&escape(namespace));
        }
        path.push('/');
        path.push_str(&self.plural);
        if let Some(name) = name {
            path.push('/');
            path.push_str(&escape(name));
        }
        path
    }

    /// The name as `pod` or `deployment.apps`, which kubectl puts before the slash.
    pub(crate) fn prefix(&self) -> String {
        let kind = self.kind.to_lowercase();
        if self.group.is_empty() { kind } else { format!("{kind}.{}", self.group) }
    }

    fn answers_to(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let (name, group) = match word.split_once('.') {
            Some((name, group)) => (name, Some(group)),
            None => (word.as_str(), None),
        };
        let named =
            name == self.plural || name == self.kind.to_lowercase() || self.short.iter().any(|short| short == name);
        let grouped = group.is_none_or(|group| {
            group == self.group || group == format!("{}.{}", self.version, self.group).trim_end_matches('.')
        });
        named && grouped
    }
}

/// Escapes a path segment (RFC 3986): names from the command line must not reach other paths.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    // `.` and `..` would be taken for folders.
    if escaped.chars().all(|c| c == '.') { escaped.replace('.', "%2E") } else { escaped }
}

/// Finds the type that a word of the command line names.
///
/// # Errors
///
/// The server has none of this name.
pub(crate) async fn resolve(api: &Api, word: &str) -> Result<Resource, Trouble> {
    if let Some(resource) = KNOWN.iter().map(Resource::known).find(|resource| resource.answers_to(word)) {
        return Ok(resource);
    }
    discover(api)
        .await?
        .into_iter()
        .find(|resource| resource.answers_to(word))
        .ok_or_else(|| Trouble::error(format!("the server doesn't have a resource type {word:?}")))
}

/// Finds the type of an object by its `apiVersion` and `kind`.
///
/// # Errors
///
/// The server has none; the sentence is kubectl's.
pub(crate) async fn resolve_kind(api: &Api, api_version: &str, kind: &str) -> Result<Resource, Trouble> {
    let known = KNOWN.iter().map(Resource::known);
    if let Some(resource) = known.into_iter().find(|known| known.kind == kind && known.api_version() == api_version) {
        return Ok(resource);
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let found = group_version(api, group, version).await?;
    found
        .into_iter()
        .find(|resource| resource.kind == kind)
        .ok_or_else(|| Trouble::error(format!("no matches for kind {kind:?} in version {api_version:?}")))
}

/// Every type that the server offers, in the order of its groups.
///
/// # Errors
///
/// The server cannot be reached or refuses.
pub(crate) async fn discover(api: &Api) -> Result<Vec<Resource>, Trouble> {
    let mut all = group_version(api, "", "v1").await?;
    let groups = api.find("/apis").await?.unwrap_or_default();
    for group in groups.get("groups").and_then(Value::as_array).into_iter().flatten() {
        let name = group.get("name").and_then(Value::as_str).unwrap_or_default();
        let version = group.pointer("/preferredVersion/version").and_then(Value::as_str).unwrap_or_default();
        all.extend(group_version(api, name, version).await?);
    }
    Ok(all)
}

async fn group_version(api: &Api, group: &str, version: &str) -> Result<Vec<Resource>, Trouble> {
    let path = if group.is_empty() {
        format!("/api/{}", escape(version))
    } else {
        format!("/apis/{}/{}", escape(group), escape(version))
    };
    let Some(list) = api.find(&path).await? else { return Ok(Vec::new()) };
    let text = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let entries = list.get("resources").and_then(Value::as_array).into_iter().flatten();
    Ok(entries
        .filter(|entry| !text(entry, "name").contains('/'))
        .map(|entry| Resource {
            group: group.to_owned().into(),
            version: version.to_owned().into(),
            kind: text(entry, "kind").into(),
            plural: text(entry, "name").into(),
            short: entry
                .get("shortNames")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            namespaced: entry.get("namespaced").and_then(Value::as_bool).unwrap_or_default(),
        })
        .collect())
}

/// What a command line points at: a whole collection, or named objects.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The type.
    pub(crate) resource: Resource,
    /// The object; `None` for the collection.
    pub(crate) name: Option<String>,
}

/// Reads `TYPE[,TYPE…] [NAME…]` or `TYPE/NAME…`.
///
/// # Errors
///
/// Both forms are mixed, or a type does not exist.
pub(crate) async fn targets(api: &Api, words: &[String]) -> Result<Vec<Target>, Trouble> {
    let Some(first) = words.first() else { return Ok(Vec::new()) };
    if first.contains('/') {
        let mut targets = Vec::new();
        for word in words {
            let Some((kind, name)) = word.split_once('/') else {
                return Err(Trouble::error(
                    "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
                ));
            };
            if kind.is_empty() || name.is_empty() || name.contains('/') {
                return Err(Trouble::error(format!(
                    "arguments in resource/name form may not have more than one slash: {word:?}"
                )));
            }
            targets.push(Target { resource: resolve(api, kind).await?, name: Some(name.to_owned()) });
        }
        return Ok(targets);
    }
    let mut resources = Vec::new();
    for word in first.split(',').filter(|word| !word.is_empty()) {
        if word == "all" {
            resources.extend(ALL.iter().map(|plural| Resource::of(plural)));
        } else {
            resources.push(resolve(api, word).await?);
        }
    }
    let names = words.get(1..).unwrap_or_default();
    if let Some(mixed) = names.iter().find(|name| name.contains('/')) {
        return Err(Trouble::error(format!(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>': {mixed}"
        )));
    }
    let mut targets = Vec::new();
    for resource in resources {
        if names.is_empty() {
            targets.push(Target { resource, name: None });
        } else {
            targets.extend(names.iter().map(|name| Target { resource: resource.clone(), name: Some(name.clone()) }));
        }
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_answers_to_all_its_names() {
        let deployments = Resource::of("deployments");
        for word in ["deploy", "deployment", "deployments", "Deployment", "deployments.apps", "deployment.v1.apps"] {
            assert!(deployments.answers_to(word), "{word}");
        }
        assert!(!deployments.answers_to("deployments.extensions"));
        assert_eq!(deployments.prefix(), "deployment.apps");
        assert_eq!(Resource::of("pods").prefix(), "pod");
    }

    #[test]
    fn names_cannot_leave_their_path() {
        assert_eq!(Resource::of("pods").path(Some("a/b"), Some("..")), "/api/v1/namespaces/a%2Fb/pods/%2E%2E");
        assert_eq!(Resource::of("nodes").path(Some("default"), Some("node1")), "/api/v1/nodes/node1");
    }
}
