//! Questions: may I, may they, who am I, whose token is this. They are answered and never stored.

use axum::body::Body;
use http::{Request, Response};
use serde_json::{Value, json};

use super::query::Query;
use super::{answer, body};
use crate::api::{Api, Caller, Cause, Status};
use crate::fields::{list, text};
use crate::rbac::attributes::{Attributes, ResourceAttributes};
use crate::rbac::{Decision, rule::Rule};
use crate::resources::Resource;
use crate::tokens::claims;

/// One of the questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// `SelfSubjectReview`.
    WhoAmI,
    /// `SelfSubjectRulesReview`.
    WhatMayI,
    /// `SelfSubjectAccessReview`.
    MayI,
    /// `SubjectAccessReview`.
    MayThey,
    /// `LocalSubjectAccessReview`.
    MayTheyHere,
    /// `TokenReview`.
    WhoseToken,
}

impl Question {
    /// Returns the question that a resource stands for, if it stands for one.
    pub(super) fn of(resource: &Resource) -> Option<Question> {
        match (resource.group, resource.plural) {
            ("authentication.k8s.io", "selfsubjectreviews") => Some(Question::WhoAmI),
            ("authentication.k8s.io", "tokenreviews") => Some(Question::WhoseToken),
            ("authorization.k8s.io", "selfsubjectrulesreviews") => Some(Question::WhatMayI),
            ("authorization.k8s.io", "selfsubjectaccessreviews") => Some(Question::MayI),
            ("authorization.k8s.io", "subjectaccessreviews") => Some(Question::MayThey),
            ("authorization.k8s.io", "localsubjectaccessreviews") => Some(Question::MayTheyHere),
            _ => None,
        }
    }
}

/// Answers a question, asked in a Namespace or in none.
pub(super) async fn answer(
    api: &Api,
    caller: &Caller,
    (question, resource): (Question, &'static Resource),
    namespace: Option<&str>,
    request: Request<Body>,
) -> Result<Response<Body>, Status> {
    let query = Query::of(request.uri())?;
    let (parts, content) = request.into_parts();
    let decoded = {
        let bytes = body::read(content).await?;
        body::object(resource, None, &body::Sent { served: &api.served(), parts: &parts, bytes: &bytes }, &query)?
    };
    let mut review = decoded.object;
    review["apiVersion"] = resource.api_version().into();
    review["kind"] = resource.kind.into();
    let mut metadata = json!({ "creationTimestamp": null });
    if let (Some(given), Some(metadata)) = (review["metadata"].as_object(), metadata.as_object_mut()) {
        metadata.extend(given.clone());
    }
    review["metadata"] = metadata;
    review["status"] = match question {
        Question::WhoAmI => json!({ "userInfo": caller.to_user_info() }),
        Question::WhatMayI => rules(api, caller, &review)?,
        Question::MayI => {
            refuse(resource, faults(&review["spec"], Subject::Caller))?;
            access(api, caller, &review["spec"])
        }
        Question::MayThey => {
            refuse(resource, faults(&review["spec"], Subject::Given))?;
            access(api, &subject(&review["spec"]), &review["spec"])
        }
        Question::MayTheyHere => {
            let mut faults = faults(&review["spec"], Subject::Given);
            let here = text(&review, "/spec/resourceAttributes/namespace");
            if review["spec"].get("nonResourceAttributes").is_some_and(Value::is_object) {
                faults.push(Cause::invalid(
                    "spec.nonResourceAttributes",
                    &review["spec"]["nonResourceAttributes"],
                    "disallowed on this kind of request",
                ));
            }
            if namespace.is_some_and(|namespace| namespace != here) {
                let detail = "must match metadata.namespace";
                faults.push(Cause::invalid("spec.resourceAttributes.namespace", &here.into(), detail));
            }
            refuse(resource, faults)?;
            access(api, &subject(&review["spec"]), &review["spec"])
        }
        Question::WhoseToken => token(api, &review["spec"])?,
    };
    let mut response = answer::json(201, &review);
    answer::warn(&mut response, &decoded.warnings);
    Ok(response)
}

/// Whose rights are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// Those of whoever asks.
    Caller,
    /// Those of the user in the question.
    Given,
}

/// Returns what is wrong with the question: `pkg/apis/authorization/validation`.
fn faults(spec: &Value, of: Subject) -> Vec<Cause> {
    let mut causes = Vec::new();
    let is_set = |field: &str| spec.get(field).is_some_and(Value::is_object);
    match (is_set("resourceAttributes"), is_set("nonResourceAttributes")) {
        (true, true) => causes.push(Cause::invalid(
            "spec.nonResourceAttributes",
            &spec["nonResourceAttributes"],
            "cannot be specified in combination with resourceAttributes",
        )),
        (false, false) => causes.push(Cause::invalid(
            "spec.resourceAttributes",
            &"null".into(),
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        (true, false) | (false, true) => {}
    }
    if of == Subject::Given && text(spec, "/user").is_empty() && list(spec, "/groups").is_empty() {
        causes.push(Cause::invalid("spec.user", &"".into(), "at least one of user or group must be specified"));
    }
    causes
}

fn refuse(resource: &Resource, causes: Vec<Cause>) -> Result<(), Status> {
    if causes.is_empty() {
        return Ok(());
    }
    // The real server names no kind here, and kubectl then says «The request is invalid».
    let mut status = Status::invalid(resource, "", causes);
    status.message = status.message.replacen(resource.kind, "", 1);
    if let Some(details) = &mut status.details {
        details.kind.clear();
    }
    Err(status)
}

fn subject(spec: &Value) -> Caller {
    let groups = list(spec, "/groups").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Caller { user: text(spec, "/user").to_owned(), groups, ..Caller::default() }
}

fn access(api: &Api, caller: &Caller, spec: &Value) -> Value {
    let wanted = match spec.get("resourceAttributes").filter(|attributes| attributes.is_object()) {
        Some(attributes) => {
            let field = |name: &str| text(attributes, name).to_owned();
            Attributes::Resource(ResourceAttributes {
                verb: field("/verb"),
                group: field("/group"),
                version: field("/version"),
                namespace: field("/namespace"),
                resource: field("/resource"),
                subresource: field("/subresource"),
                name: field("/name"),
            })
        }
        None => Attributes::Path {
            verb: text(spec, "/nonResourceAttributes/verb").to_owned(),
            path: text(spec, "/nonResourceAttributes/path").to_owned(),
        },
    };
    let (allowed, reason) = match api.authorize(caller, &wanted) {
        Decision::Allowed { reason } => (true, reason),
        Decision::Denied { reason } => (false, reason),
    };
    let mut status = json!({ "allowed": allowed });
    if !reason.is_empty() {
        status["reason"] = reason.into();
    }
    status
}

fn rules(api: &Api, caller: &Caller, review: &Value) -> Result<Value, Status> {
    let namespace = text(review, "/spec/namespace");
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let (found, error) = api.policy().rules_for(caller, namespace);
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for rule in found.iter().map(Rule::to_value) {
        let is_about_paths = rule.get("nonResourceURLs").is_some();
        let list = if is_about_paths { &mut paths } else { &mut resources };
        list.push(rule);
    }
    let mut status = json!({ "resourceRules": resources, "nonResourceRules": paths, "incomplete": false });
    if let Some(error) = error {
        status["evaluationError"] = error.into();
    }
    Ok(status)
}

fn token(api: &Api, spec: &Value) -> Result<Value, Status> {
    let token = text(spec, "/token");
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let audiences: Vec<String> = list(spec, "/audiences").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(match claims::bearer(api, token, &audiences) {
        Ok(bearer) => json!({
            "authenticated": true, "user": bearer.caller.to_user_info(), "audiences": bearer.audiences,
        }),
        Err(reason) if reason == claims::UNKNOWN => json!({ "user": {}, "error": reason }),
        Err(reason) => json!({ "user": {}, "error": format!("[invalid bearer token, {reason}]") }),
    })
}
