//! Discovery: which groups, versions and resources there are, in the old form and in the aggregated one.

use axum::body::Body;
use http::header::ACCEPT;
use http::{Request, Response};
use serde_json::{Value, json};

use super::{Front, answer};
use crate::Version;
use crate::api::Status;
use crate::bootstrap;
use crate::resources::{self, Resource, Scope};

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
pub(super) fn paths(_version: Version) -> Vec<String> {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, version) in group_versions().into_iter().filter(|(group, _)| !group.is_empty()) {
        paths.push(format!("/apis/{group}"));
        paths.push(format!("/apis/{group}/{version}"));
    }
    paths.extend(["/healthz", "/livez", "/openapi/v2", "/readyz", "/version"].map(str::to_owned));
    paths
}

/// Answers `/api`.
pub(super) fn core(front: &Front, request: &Request<Body>) -> Response<Body> {
    if let Some(form) = aggregated(front, request) {
        return form.answer(|group| group.is_empty());
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
        return form.answer(|group| !group.is_empty());
    }
    let groups: Vec<Value> = group_versions()
        .into_iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, version)| legacy_group(group, version))
        .collect();
    answer::json(200, &json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }))
}

/// Answers `/apis/<group>`.
pub(super) fn group(name: &str) -> Result<Response<Body>, Status> {
    let (group, version) = group_versions()
        .into_iter()
        .find(|(group, _)| *group == name && !group.is_empty())
        .ok_or_else(Status::no_such_path)?;
    let mut body = legacy_group(group, version);
    body["kind"] = "APIGroup".into();
    body["apiVersion"] = "v1".into();
    Ok(answer::json(200, &body))
}

/// Answers `/api/v1` and `/apis/<group>/<version>`.
pub(super) fn resources(group: &str, version: &str) -> Result<Response<Body>, Status> {
    let mut entries = Vec::new();
    let mut group_version = String::new();
    for resource in of(group, version) {
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
        for part in resource.subresources {
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
    fn answer(self, wanted: impl Fn(&str) -> bool) -> Response<Body> {
        let (version, content_type) = match self {
            Aggregated::V2 => ("v2", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"),
            Aggregated::V2Beta1 => {
                ("v2beta1", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")
            }
        };
        let items: Vec<Value> = group_versions()
            .into_iter()
            .filter(|(group, _)| wanted(group))
            .map(|(group, version)| {
                let resources: Vec<Value> = of(group, version).map(aggregated_resource).collect();
                json!({
                    "metadata": { "name": group, "creationTimestamp": null },
                    "versions": [{ "version": version, "resources": resources, "freshness": "Current" }],
                })
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

fn aggregated_resource(resource: &'static Resource) -> Value {
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
        let parts = resource.subresources.iter().map(|part| {
            let group = part.group.unwrap_or(resource.group);
            let version = part.version.unwrap_or(resource.version);
            json!({ "subresource": part.name, "responseKind": kind(group, version, part.kind), "verbs": part.verbs })
        });
        entry["subresources"] = parts.collect();
    }
    entry
}

fn legacy_group(group: &str, version: &str) -> Value {
    let entry = json!({ "groupVersion": format!("{group}/{version}"), "version": version });
    json!({ "name": group, "versions": [entry], "preferredVersion": entry })
}

fn of<'a>(group: &'a str, version: &'a str) -> impl Iterator<Item = &'static Resource> + 'a {
    resources::ALL.iter().copied().filter(move |resource| resource.group == group && resource.version == version)
}

/// Returns the groups with their versions, in the order of the table.
pub(super) fn group_versions() -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for resource in resources::ALL {
        let entry = (resource.group, resource.version);
        if !found.contains(&entry) {
            found.push(entry);
        }
    }
    found
}
