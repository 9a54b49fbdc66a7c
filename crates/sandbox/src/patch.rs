//! The kinds of patch: JSON patch (RFC 6902), merge patch (RFC 7396) and strategic merge patch.

use serde_json::Value;

use crate::api::Status;
use crate::resources::Resource;
use crate::schema::schema;

mod strategic;

/// A decoded patch.
#[derive(Debug, Clone)]
pub(crate) enum Patch {
    /// A list of operations.
    Json(json_patch::Patch),
    /// An object laid over another.
    Merge(Value),
    /// An object laid over another, lists merged by their keys.
    Strategic(Value),
}

impl Patch {
    /// Decodes a patch by its content type.
    pub(crate) fn decode(content_type: &str, bytes: &[u8]) -> Result<Patch, Status> {
        let object = || -> Result<Value, Status> {
            let value: Value = serde_json::from_slice(bytes)
                .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
            if value.is_object() { Ok(value) } else { Err(Status::bad_request("the patch must be an object")) }
        };
        match content_type {
            "application/json-patch+json" => serde_json::from_slice(bytes)
                .map(Patch::Json)
                .map_err(|error| Status::bad_request(format!("error decoding patch: {error}"))),
            "application/merge-patch+json" => object().map(Patch::Merge),
            "application/strategic-merge-patch+json" => object().map(Patch::Strategic),
            _ => Err(Patch::unsupported(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ])),
        }
    }

    /// 415: the resource takes no patches of this type.
    pub(crate) fn unsupported(accepted: &[&str]) -> Status {
        Status {
            code: 415,
            reason: "UnsupportedMediaType",
            message: format!(
                "the body of the request was in an unknown format - accepted media types include: {}",
                accepted.join(", ")
            ),
            details: None,
        }
    }

    /// Changes an object.
    pub(crate) fn apply(&self, resource: &Resource, object: &mut Value) -> Result<(), Status> {
        match self {
            Patch::Json(patch) => json_patch::patch(object, patch).map_err(|error| Status {
                code: 422,
                reason: "Invalid",
                message: format!("the server rejected our request due to an error in our request: {error}"),
                details: None,
            }),
            Patch::Merge(patch) => {
                json_patch::merge(object, patch);
                Ok(())
            }
            Patch::Strategic(patch) => {
                let found = schema().kind(resource.group, resource.version, resource.kind);
                strategic::merge(object, patch, found).map_err(|error| Status::bad_request(error.to_string()))
            }
        }
    }
}
