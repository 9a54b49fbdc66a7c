//! `serviceaccounts/<name>/token`: a new token for an account, and the key that others verify tokens with.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use serde_json::{Value, json};

use super::query::Query;
use super::route::Place;
use super::{Front, answer, body, objects};
use crate::Version;
use crate::admission::DryRun;
use crate::api::{Api, Caller, Cause, Details, Status};
use crate::clock::rfc3339;
use crate::fields::{list, name, namespace, number, text, uid};
use crate::resources::{PODS, Resource, SECRETS};
use crate::store::Object;
use crate::tokens::ISSUER;
use crate::tokens::claims::{self, Wanted};

/// How long a token is good if nobody says, in seconds.
const LIFETIME: i64 = 3600;
/// The shortest and the longest life, in seconds.
const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;

/// Answers with a new token. It is told to whoever asks, and kept nowhere.
pub(super) async fn answer(
    front: &Arc<Front>,
    caller: &Caller,
    request: Request<Body>,
    place: Place<'_>,
) -> Result<Response<Body>, Status> {
    let api = &front.api;
    let query = Query::of(request.uri())?;
    let target = objects::target(place)?;
    let (parts, content) = request.into_parts();
    let bytes = body::read(content).await?;
    let mut decoded = {
        let sent = body::Sent { served: &api.served(), parts: &parts, bytes: &bytes };
        body::object(place.resource, place.part, &sent, &query)?
    };
    let review = &mut decoded.object;
    let account = api.get(target.resource, target.namespace, target.name)?;

    let seconds = number(review, "/spec/expirationSeconds").unwrap_or(LIFETIME);
    let field = "spec.expirationSeconds";
    let fault = match seconds {
        ..SHORTEST => Some("may not specify a duration less than 10 minutes"),
        LONGEST.. => Some("may not specify a duration larger than 2^32 seconds"),
        _ => None,
    };
    if let Some(fault) = fault {
        let cause = Cause::invalid(field, &seconds.into(), fault);
        return Err(invalid(vec![cause]));
    }
    let bound = match review["spec"].get("boundObjectRef").filter(|reference| reference.is_object()) {
        Some(reference) => Some(bound(api, &account, reference)?),
        None => None,
    };
    let audiences: Vec<String> =
        list(review, "/spec/audiences").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let token = claims::issue(api, &account, &Wanted { audiences: audiences.clone(), seconds, bound })
        .ok_or_else(|| Status::internal("the token cannot be signed"))?;
    review["apiVersion"] = "authentication.k8s.io/v1".into();
    review["kind"] = "TokenRequest".into();
    review["metadata"] = json!({ "creationTimestamp": null });
    if api.version() != Version::V1_20 {
        review["metadata"] = json!({
            "name": name(&account), "namespace": namespace(&account),
            "creationTimestamp": rfc3339(api.clock().now()),
        });
    }
    review["spec"]["audiences"] = if audiences.is_empty() { json!([ISSUER]) } else { json!(audiences) };
    review["spec"]["expirationSeconds"] = seconds.into();
    if review["spec"].get("boundObjectRef").is_none() {
        review["spec"]["boundObjectRef"] = Value::Null;
    }
    review["status"] = json!({ "token": token.text, "expirationTimestamp": rfc3339(token.expires) });
    if query.dry_run()? == DryRun::No {
        api.record_creation(caller, target);
    }
    let mut response = answer::json(201, review);
    answer::warn(&mut response, &decoded.warnings);
    Ok(response)
}

/// Returns the object whose end is to be the token's end.
fn bound(api: &Api, account: &Value, reference: &Value) -> Result<Object, Status> {
    let (kind, bound_name) = (text(reference, "/kind"), text(reference, "/name"));
    let version = text(reference, "/apiVersion");
    let resource: &'static Resource = match (version, kind) {
        ("v1", "Pod") => &PODS,
        ("v1", "Secret") => &SECRETS,
        _ => {
            let of = if version.contains('/') { version.to_owned() } else { format!("/{version}") };
            return Err(Status::bad_request(format!("cannot bind token to object of type {of}, Kind={kind}")));
        }
    };
    let object = api.get(resource, namespace(account), bound_name)?;
    if *resource == PODS && text(&object, "/spec/serviceAccountName") != name(account) {
        return Err(Status::bad_request(format!(
            "cannot bind token for serviceaccount {:?} to pod running with different serviceaccount name.",
            name(account)
        )));
    }
    let wanted = text(reference, "/uid");
    if !wanted.is_empty() && wanted != uid(&object) {
        let detail = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have \
             been deleted and then recreated"
        );
        return Err(Status::conflict(resource, bound_name, &detail));
    }
    Ok(object)
}

fn invalid(causes: Vec<Cause>) -> Status {
    let texts: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    let details = Details {
        group: "authentication.k8s.io".to_owned(),
        kind: "TokenRequest".to_owned(),
        causes,
        ..Details::default()
    };
    Status {
        code: 422,
        reason: "Invalid",
        message: format!("TokenRequest.authentication.k8s.io \"\" is invalid: {}", texts.join(", ")),
        details: Some(Box::new(details)),
    }
}

/// Answers `/openid/v1/jwks`.
pub(super) fn key_set(api: &Api) -> Response<Body> {
    let set = api.tokens().map_or_else(|| json!({ "keys": [] }), crate::tokens::Issuer::key_set);
    answer::typed(200, "application/jwk-set+json", set.to_string())
}
