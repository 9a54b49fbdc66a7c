//! The paths of the documents: as much of them as clients look at, which is the kind behind a path, and the
//! parameters of its PATCH.

use serde_json::{Value, json};

use crate::Version;
use crate::resources::Resource;

/// Returns the parameters of a PATCH that kubectl looks for. Without `fieldValidation`, it checks fields itself.
pub(super) fn parameters(version: Version) -> &'static [&'static str] {
    match version {
        Version::V1_20 | Version::V1_24 => &["dryRun", "fieldManager", "force"],
        Version::V1_34 => &["dryRun", "fieldManager", "fieldValidation", "force"],
    }
}

/// Returns the path of the collection.
pub(super) fn collection(resource: &Resource) -> String {
    let root = if resource.group.is_empty() { "/api" } else { "/apis" };
    let space = if resource.is_namespaced() { "/namespaces/{namespace}" } else { "" };
    format!("{root}/{}{space}/{}", resource.api_version(), resource.plural)
}

/// Returns a resource's paths of v2.
pub(super) fn v2(resource: &Resource, version: Version) -> Vec<(String, Value)> {
    let listed = parameters(version).iter().map(|name| json!({ "name": name, "in": "query", "type": "string" }));
    items(resource, &listed.collect())
}

/// Returns a resource's paths of v3.
pub(super) fn v3(resource: &Resource, version: Version) -> Vec<(String, Value)> {
    let schema = json!({ "type": "string", "uniqueItems": true });
    let listed = parameters(version).iter().map(|name| json!({ "name": name, "in": "query", "schema": schema }));
    items(resource, &listed.collect())
}

fn items(resource: &Resource, parameters: &Value) -> Vec<(String, Value)> {
    let kind = json!({ "group": resource.group, "version": resource.version, "kind": resource.kind });
    let operation = |action: &str| {
        let mut operation = json!({
            "description": format!("{action} {}", resource.kind), "responses": { "200": { "description": "OK" } },
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind,
        });
        if action == "patch" {
            operation["parameters"] = parameters.clone();
        }
        operation
    };
    let path = collection(resource);
    let mut found = [json!({}), json!({})];
    for (verb, place, method) in [
        ("list", 0, "get"),
        ("create", 0, "post"),
        ("deletecollection", 0, "delete"),
        ("get", 1, "get"),
        ("update", 1, "put"),
        ("patch", 1, "patch"),
        ("delete", 1, "delete"),
    ] {
        if resource.verbs.contains(&verb) {
            let action = match verb {
                "create" => "post",
                "update" => "put",
                other => other,
            };
            found[place][method] = operation(action);
        }
    }
    let [all, one] = found;
    let named = format!("{path}/{{name}}");
    // kubectl 1.27 finds a kind by its list of the whole cluster.
    let everywhere = path.replace("/namespaces/{namespace}", "");
    let list = if everywhere == path { json!({}) } else { json!({ "get": all["get"] }) };
    [(everywhere, list), (path, all), (named, one)].into_iter().filter(|(_, item)| item != &json!({})).collect()
}
