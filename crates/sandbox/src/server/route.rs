//! From a path to what it means.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, Response};
use serde_json::json;

use super::proxy::{self, Passage};
use super::reviews::{self, Question};
use super::{
    Front, answer, authentication, control, discovery, metrics, objects, openapi, query::Query, streams, token, watch,
};
use crate::api::{Caller, Status};
use crate::rbac::Decision;
use crate::rbac::attributes::{Attributes, Wish};
use crate::resources::{Resource, Served, Subresource, deprecation};
use crate::tokens;

/// What a path below a group-version names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The resource.
    pub(super) resource: &'static Resource,
    /// The Namespace; `None` means all of them, or none for cluster-scoped resources.
    pub(super) namespace: Option<&'a str>,
    /// The object.
    pub(super) name: Option<&'a str>,
    /// The part of the object.
    pub(super) subresource: Option<&'a str>,
    /// That part's table entry.
    pub(super) part: Option<&'static Subresource>,
}

/// Answers a request of whom the connection's certificate names.
pub(super) async fn answer(
    front: &Arc<Front>,
    certified: &Caller,
    request: Request<Body>,
) -> Result<Response<Body>, Status> {
    let path = request.uri().path().to_owned();
    let decoded: Vec<String> = path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let caller = authentication::authenticate(&front.api, certified, request.headers())?;
    let caller = authentication::impersonate(&front.api, caller, request.headers())?;
    let caller = &authorize(front, caller, &request, &segments)?;
    if let Some((passage, rest)) = Passage::of(&segments) {
        return proxy::answer(front, request, passage, rest).await;
    }
    match segments.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => Ok(answer::typed(200, "text/plain; charset=utf-8", "ok")),
        ["version"] => Ok(answer::json(200, &discovery::version(front.version))),
        [] => Ok(answer::json(200, &json!({ "paths": discovery::paths(&front.api.served()) }))),
        ["atelier", "v1", rest @ ..] => control::answer(front, caller, request, rest).await,
        [".well-known", "openid-configuration"] => Ok(answer::json(200, &tokens::configuration(front.address))),
        ["openid", "v1", "jwks"] => Ok(token::key_set(&front.api)),
        ["openapi", "v2"] => Ok(openapi::v2(&request, &front.api.served())),
        ["openapi", "v3"] => openapi::v3_root(&front.api.served()),
        ["openapi", "v3", "api", version] => openapi::v3(&request, &front.api.served(), "", version),
        ["openapi", "v3", "apis", group, version] => openapi::v3(&request, &front.api.served(), group, version),
        ["api"] => Ok(discovery::core(front, &request)),
        ["apis"] => Ok(discovery::groups(front, &request)),
        ["apis", group] => discovery::group(&front.api.served(), group),
        ["api", "v1"] => discovery::resources(&front.api.served(), "", "v1"),
        ["apis", group, version] => discovery::resources(&front.api.served(), group, version),
        ["api", "v1", rest @ ..] => {
            let place = place(&front.api.served(), "", "v1", rest)?;
            object(front, caller, request, place).await
        }
        ["apis", group, version, rest @ ..] => {
            let place = place(&front.api.served(), group, version, rest)?;
            object(front, caller, request, place).await
        }
        _ => Err(Status::no_such_path()),
    }
}

/// Decodes `%3A` and the like (RFC 3986, section 2.1); anything else stays as it is.
pub(super) fn decode(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

async fn object(
    front: &Arc<Front>,
    caller: &Caller,
    request: Request<Body>,
    place: Place<'_>,
) -> Result<Response<Body>, Status> {
    let query = Query::of(request.uri())?;
    let method = request.method().clone();
    let is_watch = method == Method::GET && place.name.is_none() && query.is_set("watch");
    let verb = match (&method, place.name) {
        (&Method::GET, None) if is_watch => "watch",
        (&Method::GET, None) => "list",
        (&Method::GET, Some(_)) => "get",
        (&Method::POST, _) => "create",
        (&Method::PUT, Some(_)) => "update",
        (&Method::PATCH, Some(_)) => "patch",
        (&Method::DELETE, Some(_)) => "delete",
        (&Method::DELETE, None) => "deletecollection",
        _ => return Err(Status::method_not_allowed()),
    };
    let verbs = match place.subresource {
        Some(_) => place.part.ok_or_else(Status::no_such_path)?.verbs,
        None => place.resource.verbs,
    };
    if !verbs.contains(&verb) {
        return Err(Status::method_not_allowed());
    }
    if let Some(question) = Question::of(place.resource) {
        return reviews::answer(&front.api, caller, (question, place.resource), place.namespace, request).await;
    }
    if place.subresource == Some("token") {
        return token::answer(front, caller, request, place).await;
    }
    if streams::answers(place) {
        return streams::answer(front, request, place, &query).await;
    }
    if metrics::answers(place.resource) {
        return metrics::answer(front, &request, place, &query);
    }
    let answered = match verb {
        "watch" => watch::answer(front, &request, place, &query),
        "list" => objects::list(front, &request, place, &query),
        "get" => objects::get(front, &request, place, &query),
        "create" => objects::create(front, caller, request, place, &query).await,
        "update" => objects::update(front, caller, request, place, &query).await,
        "patch" => objects::patch(front, caller, request, place, &query).await,
        _ => objects::delete(front, caller, request, place, &query).await,
    };
    // A refusal warns as well.
    let answered = answered.or_else(|status| Ok(answer::refusal(&status)));
    answered.map(|mut response| {
        let served = front.api.served();
        let custom = served.definition(place.resource).and_then(|definition| definition.warning.clone());
        answer::warn(&mut response, custom.or_else(|| deprecation::warning(place.resource, front.version)).as_slice());
        response
    })
}

/// Returns the caller with the reason why the request may take place, or the 403.
fn authorize(front: &Front, caller: Caller, request: &Request<Body>, segments: &[&str]) -> Result<Caller, Status> {
    if caller.is_master() {
        return Ok(caller);
    }
    // A query that cannot be decoded is refused later, to whoever may ask at all.
    let query = Query::of(request.uri()).unwrap_or_default();
    let wish = Wish { watch: query.is_set("watch"), field_selector: query.get("fieldSelector") };
    let wanted = Attributes::of(request.method(), request.uri().path(), segments, wish);
    match front.api.authorize(&caller, &wanted) {
        Decision::Allowed { reason } => Ok(Caller { permission: reason, ..caller }),
        Decision::Denied { reason } => {
            let status = wanted.forbidden(&caller.user, &reason);
            front.api.record_refusal(&caller, &wanted, &status);
            Err(status)
        }
    }
}

/// Parses what follows a group-version.
fn place<'a>(served: &Served, group: &str, version: &str, rest: &[&'a str]) -> Result<Place<'a>, Status> {
    let (namespace, rest) = match rest {
        // `namespaces/x/status` is a part of the Namespace, not a resource in it.
        ["namespaces", _, "status" | "finalize"] => (None, rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(*namespace), rest),
        _ => (None, rest),
    };
    let (plural, name, subresource) = match rest {
        [plural] => (plural, None, None),
        [plural, name] => (plural, Some(*name), None),
        [plural, name, subresource] => (plural, Some(*name), Some(*subresource)),
        _ => return Err(Status::no_such_path()),
    };
    let resource = served.find(group, version, plural).ok_or_else(Status::no_such_path)?;
    let fits = match namespace {
        Some(_) => resource.is_namespaced(),
        None => name.is_none() || !resource.is_namespaced(),
    };
    let part = subresource.and_then(|name| served.subresource(resource, name));
    if !fits || part.is_some() != subresource.is_some() {
        return Err(Status::no_such_path());
    }
    Ok(Place { resource, namespace, name, subresource, part })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{DEPLOYMENTS, NAMESPACES, PODS};

    #[test]
    fn segments_are_decoded() {
        assert_eq!(decode("system%3Anode%zz%"), "system:node%zz%");
    }

    #[test]
    fn paths_name_objects() {
        let parse = |group: &str, path: &'static str| {
            let segments: Vec<&'static str> = path.split('/').collect();
            place(&Served::of(crate::Version::V1_20), group, "v1", &segments)
                .map(|place| (place.resource, place.namespace, place.name, place.subresource))
                .map_err(|status| status.code)
        };
        assert_eq!(parse("", "pods"), Ok((&PODS, None, None, None)));
        assert_eq!(parse("", "namespaces/a/pods/b/log"), Ok((&PODS, Some("a"), Some("b"), Some("log"))));
        assert_eq!(parse("", "namespaces/a"), Ok((&NAMESPACES, None, Some("a"), None)));
        assert_eq!(parse("", "namespaces/a/finalize"), Ok((&NAMESPACES, None, Some("a"), Some("finalize"))));
        assert_eq!(
            parse("apps", "namespaces/a/deployments/b/scale"),
            Ok((&DEPLOYMENTS, Some("a"), Some("b"), Some("scale")))
        );
        assert_eq!(parse("", "pods/b"), Err(404));
        assert_eq!(parse("", "namespaces/a/nodes"), Err(404));
        assert_eq!(parse("", "namespaces/a/pods/b/ephemeralcontainers"), Err(404));
    }
}
