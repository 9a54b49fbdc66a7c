//! The body of a request: JSON, YAML or protobuf, at most 3 MiB as in the real server.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use serde_json::Value;

use super::query::Query;
use crate::api::Status;
use crate::custom::{Definition, structural};
use crate::resources::{Resource, Served, Subresource};
use crate::schema::decode::conform;
use crate::schema::{Type, protobuf, schema};
use crate::versions;

const LIMIT: usize = 3 * 1024 * 1024;
/// A snapshot holds many objects.
pub(super) const SNAPSHOT_LIMIT: usize = 256 * 1024 * 1024;
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// Reads a body whole.
pub(super) async fn read(body: Body) -> Result<Bytes, Status> {
    read_up_to(body, LIMIT).await
}

/// Reads a body of at most `limit` bytes whole.
pub(super) async fn read_up_to(body: Body, limit: usize) -> Result<Bytes, Status> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Status {
            code: 413,
            reason: "RequestEntityTooLarge",
            message: format!("Request entity too large: limit is {limit}"),
            details: None,
        }),
        Err(_) => Err(Status::bad_request("the request's body broke off")),
    }
}

/// Returns the content type without parameters, empty if absent.
pub(super) fn content_type(parts: &Parts) -> &str {
    let value = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// A decoded object.
pub(super) struct Decoded {
    /// The object.
    pub(super) object: Value,
    /// What the client should know.
    pub(super) warnings: Vec<String>,
}

/// What is done about fields that the type does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldValidation {
    /// They are dropped in silence.
    Ignore,
    /// They are dropped with a warning.
    Warn,
    /// They are refused.
    Strict,
}

impl FieldValidation {
    /// Reads what the query asks for; a warning is the default.
    pub(super) fn of(query: &Query) -> Result<FieldValidation, Status> {
        match query.get("fieldValidation") {
            "" | "Warn" => Ok(FieldValidation::Warn),
            "Ignore" => Ok(FieldValidation::Ignore),
            "Strict" => Ok(FieldValidation::Strict),
            other => Err(Status::bad_request(format!(
                "fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \"Warn\", \"Strict\""
            ))),
        }
    }
}

/// What a client sent.
pub(super) struct Sent<'a> {
    /// What is served.
    pub(super) served: &'a Served,
    /// The head of the request.
    pub(super) parts: &'a Parts,
    /// The body.
    pub(super) bytes: &'a [u8],
}

/// Takes out of a custom object what its schema does not know, and returns the paths; an error is Go's for a
/// wrong type in what every object has.
pub(super) fn conform_custom(definition: &Definition, object: &mut Value) -> Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    let meta = schema().get("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    if let (Some(found), Some(metadata)) = (meta, object.get_mut("metadata")) {
        unknown.extend(conform(found, metadata)?.into_iter().map(|path| format!("metadata.{path}")));
    }
    unknown.extend(structural::prune(&definition.schema, object));
    Ok(unknown)
}

/// Decodes the object of a write.
pub(super) fn object(
    resource: &'static Resource,
    part: Option<&Subresource>,
    request: &Sent<'_>,
    query: &Query,
) -> Result<Decoded, Status> {
    let Sent { served, parts, bytes } = request;
    let group = part.and_then(|part| part.group).unwrap_or(resource.group);
    let version = part.and_then(|part| part.version).unwrap_or(resource.version);
    let kind = part.map_or(resource.kind, |part| part.kind);
    let found = schema().kind(group, version, kind);
    let mut object = decode(content_type(parts), bytes, found)?;
    let handled = |error: String| {
        Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {error}"))
    };
    if !object.is_object() {
        return Err(handled("the body is no object".to_owned()));
    }
    let expected = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let given = object["apiVersion"].as_str().unwrap_or_default();
    // Whoever asks for the newer form of an eviction gets along with the older one, and the other way round.
    let is_eviction = kind == "Eviction" && given.starts_with("policy/");
    if !given.is_empty() && given != expected && !is_eviction {
        return Err(Status::bad_request(format!(
            "the API version in the data ({given}) does not match the expected API version ({expected})"
        )));
    }
    let given = object["kind"].as_str().unwrap_or_default();
    if !given.is_empty() && given != kind {
        return Err(Status::bad_request(format!(
            "{given} in version {version:?} cannot be handled as a {kind}: converting to {kind} is not possible"
        )));
    }
    let unknown = match (found, served.definition(resource)) {
        (Some(found), _) => conform(found, &mut object).map_err(handled)?,
        (None, Some(definition)) => conform_custom(definition, &mut object).map_err(handled)?,
        (None, None) => Vec::new(),
    };
    let warnings = unknown_fields(unknown, FieldValidation::of(query)?).map_err(handled)?;
    if part.is_none_or(|part| part.kind == resource.kind) {
        versions::to_hub(resource, &mut object);
    }
    Ok(Decoded { object, warnings })
}

/// Turns unknown fields into warnings, or into Go's error.
pub(super) fn unknown_fields(paths: Vec<String>, validation: FieldValidation) -> Result<Vec<String>, String> {
    let texts: Vec<String> = paths.iter().map(|path| format!("unknown field {path:?}")).collect();
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(texts),
        FieldValidation::Strict if texts.is_empty() => Ok(texts),
        FieldValidation::Strict => Err(format!("strict decoding error: {}", texts.join(", "))),
    }
}

/// Decodes `DeleteOptions`; null if there are none.
pub(super) fn delete_options(content_type: &str, bytes: &[u8]) -> Result<Value, Status> {
    if bytes.is_empty() { Ok(Value::Null) } else { decode(content_type, bytes, schema().delete_options()) }
}

/// Decodes a body.
pub(super) fn decode(content_type: &str, bytes: &[u8], found: Option<&Type>) -> Result<Value, Status> {
    if content_type == PROTOBUF || bytes.starts_with(protobuf::MAGIC) {
        return protobuf::decode(bytes, found).map_err(|error| Status::bad_request(error.to_string()));
    }
    match content_type {
        "" | "application/json" => json(bytes),
        "application/yaml" => yaml(bytes),
        other => Err(unsupported(other)),
    }
}

/// Decodes JSON.
pub(super) fn json(bytes: &[u8]) -> Result<Value, Status> {
    serde_json::from_slice(bytes).map_err(|error| {
        Status::bad_request(format!("the object provided is unrecognized (must be of type Object): {error}"))
    })
}

/// Decodes YAML, of which JSON is a part.
pub(super) fn yaml(bytes: &[u8]) -> Result<Value, Status> {
    let text = std::str::from_utf8(bytes).map_err(|_| Status::bad_request("the body is not UTF-8"))?;
    serde_saphyr::from_str(text).map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))
}

/// 415: the body's type is not known.
pub(super) fn unsupported(content_type: &str) -> Status {
    Status {
        code: 415,
        reason: "UnsupportedMediaType",
        message: format!(
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml, {PROTOBUF} (got {content_type:?})"
        ),
        details: None,
    }
}
