//! `metav1.Status`: how the API refuses. Texts are those of the real server.

use serde_json::{Value, json};

use crate::resources::Resource;

/// A refusal, as `metav1.Status` carries it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Status {
    /// The HTTP code.
    pub(crate) code: u16,
    /// The machine-readable reason, such as `NotFound`.
    pub(crate) reason: &'static str,
    /// The sentence.
    pub(crate) message: String,
    /// What it is about; boxed since most answers are no refusals.
    pub(crate) details: Option<Box<Details>>,
}

/// What a refusal is about.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Details {
    /// The object's name.
    pub(crate) name: String,
    /// The API group.
    pub(crate) group: String,
    /// The resource's plural, or the kind for 422.
    pub(crate) kind: String,
    /// The fields at fault.
    pub(crate) causes: Vec<Cause>,
    /// When to try again, in seconds.
    pub(crate) retry_after_seconds: Option<u32>,
}

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// The machine-readable reason, such as `FieldValueInvalid`.
    pub(crate) reason: &'static str,
    /// The sentence, such as `Required value`.
    pub(crate) message: String,
    /// The path, such as `spec.containers[0].image`.
    pub(crate) field: String,
}

impl Cause {
    /// A field is missing.
    pub(crate) fn required(field: &str, detail: &str) -> Cause {
        let message = if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        Cause { reason: "FieldValueRequired", message, field: field.to_owned() }
    }

    /// A field's value is wrong; `value` is shown as the real server does (strings quoted).
    pub(crate) fn invalid(field: &str, value: &Value, detail: &str) -> Cause {
        Cause {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value}: {detail}"),
            field: field.to_owned(),
        }
    }

    /// A field's value is none of those allowed.
    pub(crate) fn not_supported(field: &str, value: &Value, supported: &[&str]) -> Cause {
        let list = supported.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
        Cause {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {value}: supported values: {list}"),
            field: field.to_owned(),
        }
    }

    /// A field may not be set here.
    pub(crate) fn forbidden(field: &str, detail: &str) -> Cause {
        Cause { reason: "FieldValueForbidden", message: format!("Forbidden: {detail}"), field: field.to_owned() }
    }

    /// A value occurs twice.
    pub(crate) fn duplicate(field: &str, value: &Value) -> Cause {
        Cause { reason: "FieldValueDuplicate", message: format!("Duplicate value: {value}"), field: field.to_owned() }
    }

    /// A value names something that is not there.
    pub(crate) fn not_found(field: &str, value: &Value) -> Cause {
        Cause { reason: "FieldValueNotFound", message: format!("Not found: {value}"), field: field.to_owned() }
    }
}

impl Status {
    fn about(code: u16, reason: &'static str, message: String, resource: &Resource, name: &str) -> Status {
        let details = Details {
            name: name.to_owned(),
            group: resource.group.to_owned(),
            kind: resource.plural.to_owned(),
            ..Details::default()
        };
        Status { code, reason, message, details: Some(Box::new(details)) }
    }

    /// 404: the object is not there.
    pub(crate) fn not_found(resource: &Resource, name: &str) -> Status {
        Status::about(404, "NotFound", format!("{resource} {name:?} not found"), resource, name)
    }

    /// 404: nothing is served at this path.
    pub(crate) fn no_such_path() -> Status {
        Status {
            code: 404,
            reason: "NotFound",
            message: "the server could not find the requested resource".to_owned(),
            details: Some(Box::default()),
        }
    }

    /// 409: the name is taken.
    pub(crate) fn already_exists(resource: &Resource, name: &str) -> Status {
        Status::about(409, "AlreadyExists", format!("{resource} {name:?} already exists"), resource, name)
    }

    /// 409: somebody else changed the object.
    pub(crate) fn conflict(resource: &Resource, name: &str, detail: &str) -> Status {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {detail}");
        Status::about(409, "Conflict", message, resource, name)
    }

    /// 409: the `resourceVersion` given is not the stored one.
    pub(crate) fn modified(resource: &Resource, name: &str) -> Status {
        Status::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 403: admission or authorization refuses. `name` may be a `generateName` or empty.
    pub(crate) fn forbidden(resource: &Resource, name: &str, detail: &str) -> Status {
        let message = if name.is_empty() {
            format!("{resource} is forbidden: {detail}")
        } else {
            format!("{resource} {name:?} is forbidden: {detail}")
        };
        Status::about(403, "Forbidden", message, resource, name)
    }

    /// 422: fields are wrong.
    pub(crate) fn invalid(resource: &Resource, name: &str, causes: Vec<Cause>) -> Status {
        Status::invalid_kind(resource.group, resource.kind, name, causes)
    }

    /// 422: fields of something that is no resource, such as a request's options, are wrong.
    pub(crate) fn invalid_kind(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Status {
        let full = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut texts: Vec<String> = Vec::new();
        for cause in &causes {
            let text = format!("{}: {}", cause.field, cause.message);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let all = if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) };
        Status {
            code: 422,
            reason: "Invalid",
            message: format!("{full} {name:?} is invalid: {all}"),
            details: Some(Box::new(Details {
                name: name.to_owned(),
                group: group.to_owned(),
                kind: kind.to_owned(),
                causes,
                retry_after_seconds: None,
            })),
        }
    }

    /// 400: the request makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Status {
        Status { code: 400, reason: "BadRequest", message: message.into(), details: None }
    }

    /// 405: the resource has no such verb.
    pub(crate) fn method_not_allowed() -> Status {
        Status {
            code: 405,
            reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource".to_owned(),
            details: Some(Box::default()),
        }
    }

    /// 401: the credentials are not good.
    pub(crate) fn unauthorized() -> Status {
        Status { code: 401, reason: "Unauthorized", message: "Unauthorized".to_owned(), details: None }
    }

    /// 410: a `resourceVersion` or `continue` token is too old.
    pub(crate) fn expired(message: impl Into<String>) -> Status {
        Status { code: 410, reason: "Expired", message: message.into(), details: None }
    }

    /// 503: there is nobody to answer at the moment.
    pub(crate) fn unavailable(message: &str) -> Status {
        Status { code: 503, reason: "ServiceUnavailable", message: message.to_owned(), details: None }
    }

    /// 500: a fault of ours.
    pub(crate) fn internal(message: &str) -> Status {
        Status {
            code: 500,
            reason: "InternalError",
            message: format!("Internal error occurred: {message}"),
            details: None,
        }
    }

    /// 500: what is behind the server does not answer.
    pub(crate) fn unreachable(message: &str) -> Status {
        Status { code: 500, reason: "", message: message.to_owned(), details: None }
    }

    /// 429: too much at a time.
    pub(crate) fn too_many_requests() -> Status {
        Status {
            code: 429,
            reason: "TooManyRequests",
            message: "the server has received too many requests and has asked us to try again later".to_owned(),
            details: None,
        }
    }

    /// Tells whether the object was not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.reason == "NotFound"
    }

    /// Returns the JSON form.
    pub(crate) fn to_value(&self) -> Value {
        let mut value = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let Some(details) = &self.details {
            let mut map = serde_json::Map::new();
            for (key, text) in [("name", &details.name), ("group", &details.group), ("kind", &details.kind)] {
                if !text.is_empty() {
                    map.insert(key.to_owned(), Value::from(text.as_str()));
                }
            }
            if !details.causes.is_empty() {
                let causes = details
                    .causes
                    .iter()
                    .map(|cause| json!({ "reason": cause.reason, "message": cause.message, "field": cause.field }));
                map.insert("causes".to_owned(), causes.collect());
            }
            if let Some(seconds) = details.retry_after_seconds {
                map.insert("retryAfterSeconds".to_owned(), seconds.into());
            }
            value["details"] = Value::Object(map);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{DEPLOYMENTS, PODS};

    #[test]
    fn texts_are_those_of_the_real_server() {
        assert_eq!(Status::not_found(&DEPLOYMENTS, "web").message, "deployments.apps \"web\" not found");
        assert_eq!(Status::forbidden(&PODS, "web", "no").message, "pods \"web\" is forbidden: no");
        let invalid = Status::invalid(
            &DEPLOYMENTS,
            "web",
            vec![Cause::required("spec.selector", ""), Cause::invalid("spec.replicas", &json!(-1), "bad")],
        );
        assert_eq!(
            invalid.message,
            "Deployment.apps \"web\" is invalid: [spec.selector: Required value, \
             spec.replicas: Invalid value: -1: bad]"
        );
        assert_eq!(invalid.to_value()["details"]["causes"][1]["field"], "spec.replicas");
    }
}
