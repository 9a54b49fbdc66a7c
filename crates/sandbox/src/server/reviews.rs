//! Questions about oneself: may I, and who am I. They are answered and never stored.

use axum::body::Body;
use http::{Request, Response};
use serde_json::{Value, json};

use super::{answer, body};
use crate::api::{Caller, Status};
use crate::resources::{Resource, SELF_SUBJECT_ACCESS_REVIEWS, SELF_SUBJECT_REVIEWS, SELF_SUBJECT_RULES_REVIEWS};
use crate::schema::schema;

/// Tells whether a resource is such a question.
pub(super) fn answers(resource: &Resource) -> bool {
    [&SELF_SUBJECT_ACCESS_REVIEWS, &SELF_SUBJECT_RULES_REVIEWS, &SELF_SUBJECT_REVIEWS].contains(&resource)
}

/// Answers a question.
pub(super) async fn answer(
    caller: &Caller,
    resource: &'static Resource,
    request: Request<Body>,
) -> Result<Response<Body>, Status> {
    let (parts, content) = request.into_parts();
    let found = schema().kind(resource.group, resource.version, resource.kind);
    let mut review = body::decode(body::content_type(&parts), &body::read(content).await?, found)?;
    if !review.is_object() {
        review = json!({});
    }
    review["apiVersion"] = resource.api_version().into();
    review["kind"] = resource.kind.into();
    if !review["metadata"].is_object() {
        review["metadata"] = json!({});
    }
    review["status"] = if *resource == SELF_SUBJECT_REVIEWS {
        json!({ "userInfo": { "username": caller.user, "groups": caller.groups } })
    } else if *resource == SELF_SUBJECT_RULES_REVIEWS {
        rules(caller)
    } else {
        access(caller)
    };
    Ok(answer::json(201, &review))
}

fn rules(caller: &Caller) -> Value {
    if !caller.is_master() {
        return json!({ "resourceRules": [], "nonResourceRules": [], "incomplete": false });
    }
    json!({
        "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
        "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
        "incomplete": false,
    })
}

fn access(caller: &Caller) -> Value {
    if caller.is_master() { json!({ "allowed": true }) } else { json!({ "allowed": false }) }
}
