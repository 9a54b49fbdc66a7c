//! Discovery: which groups, versions and resources there are, in the old form and in the aggregated one.

use axum::body::Body;
use http::header::ACCEPT;
use http::{Request, Response};
use serde_json::{Value, json};

use super::{Front, answer};
use crate::Version;
use crate::api::Status;
use crate::bootstrap;
use crate::resources::{Resource, Scope, Served, Subresource};

/// Answers `/version`.
pub(super) fn version(version: Version) -> Value {
    let (minor, go) = match version {
        Version::V1_20 => ("20", "go1.15.15"),
        Version::V1_24 => ("24", "go1.20.7"),
        Version::V1_34 => ("34", "go1.24.6"),
    };
    let git = bootstrap::release(version);
    json!({
        "major": "1", "minor": minor, "gitVersion": format!("{git}+sandbox"), "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": go, "compiler": "rustc",
        "platform": "linux/amd64",
    })
}

/// Answers `/`.
pub(super) fn paths(served: &Served) -> Vec<String> {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, versions) in groups_of(served).into_iter().filter(|(group, _)| !group.is_empty()) {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.extend(["/healthz", "/livez", "/openapi/v2", "/readyz", "/version"].map(str::to_owned));
    paths
}

/// Answers `/api`.
pub(super) fn core(front: &Front, request: &Request<Body>) -> Response<Body> {
    if let Some(form) = aggregated(front, request) {
        return form.answer(&front.api.served(), |group| group.is_empty());
    }
    let address = front.address.to_string();
    answer::json(
        200,
        &json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": address }],
        }),
    )
}

/// Answers `/apis`.
pub(super) fn groups(front: &Front, request: &Request<Body>) -> Response<Body> {
    if let Some(form) = aggregated(front, request) {
        return form.answer(&front.api.served(), |group| !group.is_empty());
    }
    let groups: Vec<Value> = groups_of(&front.api.served())
        .into_iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, versions)| legacy_group(group, &versions))
        .collect();
    answer::json(200, &json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }))
}

/// Answers `/apis/<group>`.
pub(super) fn group(served: &Served, name: &str) -> Result<Response<Body>, Status> {
    let (group, versions) = groups_of(served)
        .into_iter()
        .find(|(group, _)| *group == name && !group.is_empty())
        .ok_or_else(Status::no_such_path)?;
    let mut body = legacy_group(group, &versions);
    body["kind"] = "APIGroup".into();
    body["apiVersion"] = "v1".into();
    Ok(answer::json(200, &body))
}

/// Answers `/api/v1` and `/apis/<group>/<version>`.
pub(super) fn resources(served: &Served, group: &str, version: &str) -> Result<Response<Body>, Status> {
    let mut entries = Vec::new();
    let mut group_version = String::new();
    for resource in of(served, group, version) {
        group_version = resource.api_version();
        let mut entry = json!({
            "name": resource.plural, "singularName": resource.singular, "namespaced": resource.is_namespaced(),
            "kind": resource.kind, "verbs": resource.verbs,
        });
        if !resource.short_names.is_empty() {
            entry["shortNames"] = json!(resource.short_names);
        }
        if !resource.categories.is_empty() {
            entry["categories"] = json!(resource.categories);
        }
        entries.push(entry);
        for part in parts_of(served, resource) {
            let mut entry = json!({
                "name": format!("{}/{}", resource.plural, part.name), "singularName": "",
                "namespaced": resource.is_namespaced(), "kind": part.kind, "verbs": part.verbs,
            });
            if let (Some(group), Some(version)) = (part.group, part.version) {
                entry["group"] = group.into();
                entry["version"] = version.into();
            }
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        return Err(Status::no_such_path());
    }
    let body = json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries,
    });
    Ok(answer::json(200, &body))
}

/// One of the two aggregated forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregated {
    V2,
    V2Beta1,
}

impl Aggregated {
    fn answer(self, served: &Served, wanted: impl Fn(&str) -> bool) -> Response<Body> {
        let (version, content_type) = match self {
            Aggregated::V2 => ("v2", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
            Aggregated::V2Beta1 => {
                ("v2beta1", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")
            }
        };
        let items: Vec<Value> = groups_of(served)
            .into_iter()
            .filter(|(group, _)| wanted(group))
            .map(|(group, versions)| {
                let versions: Vec<Value> = versions
                    .into_iter()
                    .map(|version| {
                        let resources: Vec<Value> =
                            of(served, group, version).map(|resource| aggregated_resource(served, resource)).collect();
                        json!({ "version": version, "resources": resources, "freshness": "Current" })
                    })
                    .collect();
                json!({ "metadata": { "name": group, "creationTimestamp": null }, "versions": versions })
            })
            .collect();
        let body = json!({
            "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
            "metadata": {}, "items": items,
        });
        answer::typed(200, content_type, body.to_string())
    }
}

/// Returns the aggregated form that the client takes; versions before 1.26 have none.
fn aggregated(front: &Front, request: &Request<Body>) -> Option<Aggregated> {
    match front.version {
        Version::V1_20 | Version::V1_24 => return None,
        Version::V1_34 => {}
    }
    let accept = request.headers().get(ACCEPT)?.to_str().ok()?;
    accept.split(',').find_map(|choice| {
        let parts: Vec<&str> = choice.split(';').map(str::trim).collect();
        if !parts.contains(&"as=APIGroupDiscoveryList") || !parts.contains(&"application/json") {
            return None;
        }
        if parts.contains(&"v=v2") {
            Some(Aggregated::V2)
        } else {
            parts.contains(&"v=v2beta1").then_some(Aggregated::V2Beta1)
        }
    })
}

fn aggregated_resource(served: &Served, resource: &'static Resource) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({ "group": group, "version": version, "kind": kind });
    let scope = match resource.scope {
        Scope::Cluster => "Cluster",
        Scope::Namespaced => "Namespaced",
    };
    let mut entry = json!({
        "resource": resource.plural, "responseKind": kind(resource.group, resource.version, resource.kind),
        "scope": scope, "singularResource": resource.singular, "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        entry["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        entry["categories"] = json!(resource.categories);
    }
    if !resource.subresources.is_empty() {
        let parts = parts_of(served, resource).map(|part| {
            let group = part.group.unwrap_or(resource.group);
            let version = part.version.unwrap_or(resource.version);
            json!({ "subresource": part.name, "responseKind": kind(group, version, part.kind), "verbs": part.verbs })
        });
        entry["subresources"] = parts.collect();
    }
    entry
}

fn legacy_group(group: &str, versions: &[&str]) -> Value {
    let entries: Vec<Value> = versions
        .iter()
        .map(|version| json!({ "groupVersion": format!("{group}/{version}"), "version": version }))
        .collect();
    json!({ "name": group, "versions": entries, "preferredVersion": entries.first() })
}

fn of<'a>(served: &'a Served, group: &'a str, version: &'a str) -> impl Iterator<Item = &'static Resource> + 'a {
    served.all().filter(move |resource| resource.group == group && resource.version == version)
}

fn parts_of(served: &Served, resource: &Resource) -> impl Iterator<Item = &'static Subresource> {
    let version = served.version;
    resource.subresources.iter().filter(move |part| part.lives.includes(version))
}

/// The order of the groups: kubectl takes the first that knows a short name.
const GROUPS: [&str; 21] = [
    "",
    "apiregistration.k8s.io",
    "extensions",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

/// Returns the groups in the order of the real server, Kubernetes' own first, each with its versions, the
/// preferred one first.
pub(super) fn groups_of(served: &Served) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut found: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
    for resource in served.all() {
        match found.iter_mut().find(|(group, _)| *group == resource.group) {
            Some((_, versions)) if versions.contains(&resource.version) => {}
            Some((_, versions)) => versions.push(resource.version),
            None => found.push((resource.group, vec![resource.version])),
        }
    }
    found.sort_by_key(|(group, _)| (GROUPS.iter().position(|known| known == group).unwrap_or(GROUPS.len()), *group));
    for (_, versions) in &mut found {
        versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
    }
    found
}

/// Returns how Kubernetes ranks a version: `v2`, `v1`, `v1beta2`, `v1alpha1`, and others by name
/// (kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning, "Version
/// priority").
pub(crate) fn priority(version: &str) -> (u8, u64, u64) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let major: u64 = rest.get(..digits)?.parse().ok()?;
        let rest = rest.get(digits..)?;
        if rest.is_empty() {
            return Some((3, major, 0));
        }
        let (rank, minor) = match rest.strip_prefix("beta") {
            Some(minor) => (2, minor),
            None => (1, rest.strip_prefix("alpha")?),
        };
        Some((rank, major, minor.parse().ok()?))
    };
    parse().unwrap_or_default()
}
