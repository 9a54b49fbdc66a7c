//! The body of a request: JSON, YAML or protobuf, at most 3 MiB as in the real server.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Bytes;
use serde_json::Value;

use super::query::Query;
use crate::api::Status;
use crate::resources::{Resource, Subresource};

const LIMIT: usize = 3 * 1024 * 1024;
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// Reads a body whole.
pub(super) async fn read(body: Body) -> Result<Bytes, Status> {
    match Limited::new(body, LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Status {
            code: 413,
            reason: "RequestEntityTooLarge",
            message: "Request entity too large: limit is 3145728".to_owned(),
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

/// Decodes the object of a write.
pub(super) fn object(
    resource: &Resource,
    _part: Option<&Subresource>,
    parts: &Parts,
    bytes: &[u8],
    _query: &Query,
) -> Result<Decoded, Status> {
    let object = decode(resource, content_type(parts), bytes)?;
    if !object.is_object() {
        return Err(Status::bad_request("the object provided is unrecognized (must be of type Object)"));
    }
    Ok(Decoded { object, warnings: Vec::new() })
}

/// Decodes `DeleteOptions`; null if there are none.
pub(super) fn delete_options(content_type: &str, bytes: &[u8]) -> Result<Value, Status> {
    match content_type {
        _ if bytes.is_empty() => Ok(Value::Null),
        "" | "application/json" => json(bytes),
        "application/yaml" => yaml(bytes),
        other => Err(unsupported(other)),
    }
}

/// Decodes an object. An empty body gives null.
pub(super) fn decode(_resource: &Resource, content_type: &str, bytes: &[u8]) -> Result<Value, Status> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    if content_type == PROTOBUF || bytes.starts_with(b"k8s\0") {
        return Err(unsupported(content_type));
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
