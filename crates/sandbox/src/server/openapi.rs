//! The OpenAPI v2 document, as small as kubectl lets it be: no schemas (kubectl then leaves validation to the
//! server), but each kind's PATCH with its `dryRun` parameter, which kubectl 1.20 looks for.
//!
//! The wire format is gnostic's `openapiv2/OpenAPIv2.proto`.

use axum::body::Body;
use http::header::ACCEPT;
use http::{Request, Response};
use serde_json::{Value, json};

use super::answer;
use crate::Version;
use crate::resources::{self, Served};

const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// Answers `/openapi/v2` in the form that the client takes.
pub(super) fn v2(request: &Request<Body>, served: &Served) -> Response<Body> {
    let parameters = parameters(served.version);
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("proto-openapi.spec.v2") {
        return answer::typed(200, PROTOBUF, document(served, parameters));
    }
    let listed: Vec<Value> =
        parameters.iter().map(|name| json!({ "name": name, "in": "query", "type": "string" })).collect();
    let paths: serde_json::Map<String, Value> = served
        .all()
        .map(|resource| {
            let patch = json!({
                "parameters": listed,
                "x-kubernetes-group-version-kind":
                    { "group": resource.group, "version": resource.version, "kind": resource.kind },
            });
            (path_of(resource), json!({ "patch": patch }))
        })
        .collect();
    let info = json!({ "title": "Kubernetes", "version": "unversioned" });
    answer::json(200, &json!({ "swagger": "2.0", "info": info, "paths": paths }))
}

fn path_of(resource: &resources::Resource) -> String {
    let root = if resource.group.is_empty() { "/api" } else { "/apis" };
    format!("{root}/{}/{}/{{name}}", resource.api_version(), resource.plural)
}

/// Returns the parameters of a PATCH that kubectl looks for. Without `fieldValidation`, it would check fields
/// itself, which it cannot without schemas.
fn parameters(version: Version) -> &'static [&'static str] {
    match version {
        Version::V1_20 | Version::V1_24 => &["dryRun"],
        Version::V1_34 => &["dryRun", "fieldValidation"],
    }
}

fn document(served: &Served, parameters: &[&str]) -> Vec<u8> {
    let info = [text(1, "Kubernetes"), text(2, "unversioned")].concat();
    let paths: Vec<u8> = served.all().flat_map(|resource| message(2, &path_item(resource, parameters))).collect();
    [text(1, "2.0"), message(2, &info), message(8, &paths)].concat()
}

/// `NamedPathItem{name, value: PathItem{patch: Operation{parameters, vendor_extension}}}`.
fn path_item(resource: &resources::Resource, parameters: &[&str]) -> Vec<u8> {
    // ParametersItem{parameter: Parameter{non_body_parameter: {query_parameter_sub_schema: {in, name}}}}.
    let parameter = |name: &&str| {
        let query = [text(2, "query"), text(4, name)].concat();
        message(8, &message(1, &message(2, &message(3, &query))))
    };
    let parameter: Vec<u8> = parameters.iter().flat_map(parameter).collect();
    let kind = format!("group: {:?}\nkind: {:?}\nversion: {:?}\n", resource.group, resource.kind, resource.version);
    let extension = [text(1, "x-kubernetes-group-version-kind"), message(2, &text(2, &kind))].concat();
    let operation = [parameter, message(13, &extension)].concat();
    [text(1, &path_of(resource)), message(2, &message(8, &operation))].concat()
}

fn text(field: u8, value: &str) -> Vec<u8> {
    message(field, value.as_bytes())
}

/// Returns a length-delimited field.
fn message(field: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![field << 3 | 2];
    let mut length = value.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(value);
    bytes
}
