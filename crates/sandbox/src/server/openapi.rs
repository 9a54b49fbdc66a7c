//! The OpenAPI documents: v2 as JSON and in gnostic's protobuf, and v3 a group-version. kubectl explains kinds
//! and checks manifests by them, and finds out which parameters a server knows.
//!
//! The definitions are embedded, compressed; a document is made when somebody asks for it, and forgotten.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use axum::body::Body;
use flate2::read::GzDecoder;
use http::header::{ACCEPT, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{Request, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{answer, discovery};
use crate::Version;
use crate::api::Status;
use crate::resources::{Resource, Served};
use crate::schema::full_name;

mod gnostic;
mod paths;

const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
static DEFINITIONS_1_20: &[u8] = include_bytes!("../../../../assets/kubernetes/openapi-1.20.txt.gz");
static DEFINITIONS_1_34: &[u8] = include_bytes!("../../../../assets/kubernetes/openapi-1.34.txt.gz");

/// The start of every reference in v2, and in the embedded definitions.
const REFERENCE: &str = "#/definitions/";
/// The start of every reference in v3.
const COMPONENT: &str = "#/components/schemas/";

/// The definitions of one version: texts, of which only what is asked for is parsed.
struct Definitions {
    texts: Vec<String>,
}

impl Definitions {
    fn of(version: Version) -> Definitions {
        let packed: &[&[u8]] = match version {
            Version::V1_20 => &[DEFINITIONS_1_20],
            // What 1.34 has no more is as it was.
            Version::V1_24 => &[DEFINITIONS_1_34, DEFINITIONS_1_20],
            Version::V1_34 => &[DEFINITIONS_1_34],
        };
        let unpack = |packed: &&[u8]| {
            let mut text = String::new();
            GzDecoder::new(*packed)
                .read_to_string(&mut text)
                .expect("the embedded definitions are tested to be readable");
            text
        };
        Definitions { texts: packed.iter().map(unpack).collect() }
    }

    /// Returns names and JSON, sorted by name, the newer definition of each.
    fn all(&self) -> BTreeMap<&str, &str> {
        let lines = self.texts.iter().rev().flat_map(|text| text.lines());
        lines.filter_map(|line| line.split_once('\t')).collect()
    }
}

/// Returns the definitions that are served, by name: Kubernetes' own and those of custom resources.
fn definitions<'a>(served: &Served, own: &'a Definitions) -> BTreeMap<Cow<'a, str>, Cow<'a, str>> {
    let all = own.all();
    let roots: BTreeSet<&str> = match served.version {
        // The two files hold what other versions had.
        Version::V1_24 => {
            let names: BTreeSet<String> = served.all().flat_map(names_of).collect();
            let is_root = |name: &&str| names.contains(*name) || name.contains(".apis.meta.");
            all.keys().copied().filter(is_root).collect()
        }
        Version::V1_20 | Version::V1_34 => all.keys().copied().collect(),
    };
    let own = reachable(&all, roots).into_iter().map(|(name, text)| (Cow::Borrowed(name), Cow::Borrowed(text)));
    let custom =
        served.custom.iter().filter(|definition| definition.is_served).map(|definition| {
            (Cow::Owned(definition.published_name()), Cow::Owned(definition.published().to_string()))
        });
    own.chain(custom).collect()
}

/// Returns the names of a resource's definitions: the kind and its list.
fn names_of(resource: &Resource) -> [String; 2] {
    let name = full_name(resource.group, resource.version, resource.kind);
    [format!("{name}List"), name]
}

/// Returns definitions and all that they refer to.
fn reachable<'a>(all: &BTreeMap<&'a str, &'a str>, mut waiting: BTreeSet<&'a str>) -> BTreeMap<&'a str, &'a str> {
    let mut found = BTreeMap::new();
    while let Some(name) = waiting.pop_first() {
        let Some((name, text)) = all.get_key_value(name) else { continue };
        if found.insert(*name, *text).is_none() {
            let references = text.split(REFERENCE).skip(1).filter_map(|rest| rest.split('"').next());
            waiting.extend(references.filter(|reference| !found.contains_key(reference)));
        }
    }
    found
}

/// Answers `/openapi/v2` in the form that the client takes.
pub(super) fn v2(request: &Request<Body>, served: &Served) -> Response<Body> {
    let tag = digest(served, "v2");
    if let Some(unchanged) = unchanged(request, &tag) {
        return unchanged;
    }
    let own = Definitions::of(served.version);
    let found = definitions(served, &own);
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let response = if accept.contains("proto-openapi.spec.v2") {
        answer::typed(200, PROTOBUF, gnostic::document(served, &found))
    } else {
        let paths: serde_json::Map<String, Value> =
            served.all().flat_map(|resource| paths::v2(resource, served.version)).collect();
        let info = json!({ "title": "Kubernetes", "version": discovery::version(served.version)["gitVersion"] });
        // The definitions are text already.
        let mut body = String::with_capacity(found.values().map(|text| text.len() + 100).sum::<usize>());
        body.push_str(&format!("{{\"swagger\":\"2.0\",\"info\":{info},\"paths\":{},", Value::from(paths)));
        body.push_str("\"definitions\":{");
        for (index, (name, text)) in found.iter().enumerate() {
            if index > 0 {
                body.push(',');
            }
            body.push_str(&format!("{}:{text}", Value::from(name.as_ref())));
        }
        body.push_str("}}");
        answer::typed(200, "application/json", body)
    };
    tagged(response, &tag)
}

/// Answers `/openapi/v3`: where the documents are.
pub(super) fn v3_root(served: &Served) -> Result<Response<Body>, Status> {
    has_v3(served)?;
    let mut paths = serde_json::Map::new();
    for (group, versions) in discovery::groups_of(served) {
        for version in versions {
            let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
            let url = format!("/openapi/v3/{path}?hash={}", digest(served, &path));
            paths.insert(path, json!({ "serverRelativeURL": url }));
        }
    }
    Ok(answer::json(200, &json!({ "paths": paths })))
}

/// Answers `/openapi/v3/api/v1` and `/openapi/v3/apis/<group>/<version>`.
pub(super) fn v3(
    request: &Request<Body>,
    served: &Served,
    group: &str,
    version: &str,
) -> Result<Response<Body>, Status> {
    has_v3(served)?;
    let resources: Vec<&'static Resource> =
        served.all().filter(|resource| resource.group == group && resource.version == version).collect();
    if resources.is_empty() {
        return Err(Status::no_such_path());
    }
    let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
    let tag = digest(served, &path);
    if let Some(unchanged) = unchanged(request, &tag) {
        return Ok(unchanged);
    }
    let own = Definitions::of(served.version);
    let all = own.all();
    let mut wanted: BTreeSet<String> = resources.iter().flat_map(|resource| names_of(resource)).collect();
    for resource in &resources {
        for part in resource.subresources {
            let group = part.group.unwrap_or(resource.group);
            wanted.insert(full_name(group, part.version.unwrap_or(resource.version), part.kind));
        }
    }
    let is_wanted = |name: &&str| {
        wanted.contains(*name) || name.ends_with(".meta.v1.DeleteOptions") || name.ends_with(".meta.v1.ObjectMeta")
    };
    let roots = all.keys().copied().filter(is_wanted).collect();
    let mut schemas = serde_json::Map::new();
    for (name, text) in reachable(&all, roots) {
        let mut schema: Value = serde_json::from_str(text).unwrap_or_default();
        third(&mut schema);
        schemas.insert(name.to_owned(), schema);
    }
    for definition in resources.iter().filter_map(|resource| served.definition(resource)) {
        let mut schema = definition.published();
        third(&mut schema);
        schemas.insert(definition.published_name(), schema);
    }
    let paths: serde_json::Map<String, Value> =
        resources.iter().flat_map(|resource| paths::v3(resource, served.version)).collect();
    let info = json!({ "title": "Kubernetes", "version": discovery::version(served.version)["gitVersion"] });
    let body = json!({ "openapi": "3.0.0", "info": info, "paths": paths, "components": { "schemas": schemas } });
    Ok(tagged(answer::json(200, &body), &tag))
}

fn has_v3(served: &Served) -> Result<(), Status> {
    match served.version {
        Version::V1_20 => Err(Status::no_such_path()),
        Version::V1_24 | Version::V1_34 => Ok(()),
    }
}

/// Turns a definition of v2 into one of v3, in which a reference has nothing beside it.
fn third(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(reference) = map.remove("$ref") {
        let target = reference.as_str().unwrap_or_default().replace(REFERENCE, COMPONENT);
        if map.is_empty() {
            map.insert("$ref".to_owned(), target.into());
        } else {
            map.insert("allOf".to_owned(), json!([{ "$ref": target }]));
        }
    }
    for (key, inner) in map.iter_mut() {
        match key.as_str() {
            "properties" => inner.as_object_mut().into_iter().flatten().for_each(|(_, property)| third(property)),
            "items" | "additionalProperties" => third(inner),
            _ => {}
        }
    }
}

/// Returns a name for the content of a document.
fn digest(served: &Served, document: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{:?} {document} {}", served.version, env!("CARGO_PKG_VERSION")));
    for definition in &*served.custom {
        let resource = definition.resource;
        hash.update(format!(" {}/{} {}", resource.api_version(), resource.plural, definition.schema));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02X}")).collect()
}

fn unchanged(request: &Request<Body>, tag: &str) -> Option<Response<Body>> {
    let given = request.headers().get(IF_NONE_MATCH)?.to_str().ok()?;
    (given.trim_matches('"') == tag).then(|| tagged(answer::typed(304, "application/json", Body::empty()), tag))
}

fn tagged(mut response: Response<Body>, tag: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere_and_every_kind_is_described() {
        for version in [Version::V1_20, Version::V1_24, Version::V1_34] {
            let own = Definitions::of(version);
            let served = Served::of(version);
            let found = definitions(&served, &own);
            for (name, text) in &found {
                for reference in text.split(REFERENCE).skip(1).filter_map(|rest| rest.split('"').next()) {
                    assert!(found.contains_key(reference), "{version:?} {name} → {reference}");
                }
                assert!(serde_json::from_str::<Value>(text).is_ok(), "{name}");
            }
            for resource in served.all().filter(|resource| resource.group != "metrics.k8s.io") {
                let name = full_name(resource.group, resource.version, resource.kind);
                assert!(found.contains_key(name.as_str()), "{version:?} {name}");
            }
        }
    }

    #[test]
    fn a_reference_of_v3_stands_alone() {
        let mut schema = json!({ "properties": { "spec": { "$ref": "#/definitions/a", "description": "b" } } });
        third(&mut schema);
        let expected = json!({ "allOf": [{ "$ref": "#/components/schemas/a" }], "description": "b" });
        assert_eq!(schema["properties"]["spec"], expected);
    }
}
