//! Objects over HTTP: get, list, create, update, patch, delete, in the form that the client asked for.

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use http::header::{ACCEPT, USER_AGENT};
use http::request::Parts;
use http::{Request, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::query::Query;
use super::route::Place;
use super::{Front, answer, body, scale, table};
use crate::admission::DryRun;
use crate::api::{
    Applied, Caller, Configuration, DeleteOptions, Deleted, Propagation, Status, Target, WriteOptions, Written, meta,
};
use crate::ownership::Conflicts;
use crate::patch::Patch;
use crate::resources::{self, Resource, Served};
use crate::schema::decode::conform;
use crate::schema::schema;
use crate::versions;

/// The patches that custom resources take.
const CUSTOM_PATCHES: [&str; 3] =
    ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

/// The form in which the client wants objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are.
    Whole,
    /// As rows for people.
    Table,
    /// Their metadata only.
    Metadata,
}

impl Form {
    /// Returns the first form that the client accepts and that there is.
    pub(super) fn of(request: &Request<Body>) -> Result<Form, Status> {
        let Some(accept) = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()) else {
            return Ok(Form::Whole);
        };
        for choice in accept.split(',') {
            let mut parts = choice.split(';').map(str::trim);
            if !matches!(parts.next(), Some("application/json" | "*/*" | "application/*")) {
                continue;
            }
            match parts.find_map(|part| part.strip_prefix("as=")) {
                None => return Ok(Form::Whole),
                Some("Table") => return Ok(Form::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => return Ok(Form::Metadata),
                Some(_) => {}
            }
        }
        Err(Status {
            code: 406,
            reason: "NotAcceptable",
            message: "only the following media types are accepted: application/json".to_owned(),
            details: None,
        })
    }

    /// Returns one object in this form.
    pub(super) fn render(self, front: &Front, resource: &'static Resource, object: &Value, query: &Query) -> Value {
        match self {
            Form::Whole => versions::from_hub(resource, object).into_owned(),
            Form::Table => {
                let version = meta(object, "resourceVersion");
                table::render(front, resource, &[object], json!({ "resourceVersion": version }), include(query))
            }
            Form::Metadata => metadata_only(object),
        }
    }
}

pub(super) fn metadata_only(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}

fn include(query: &Query) -> table::Include {
    match query.get("includeObject") {
        "Object" => table::Include::Object,
        "None" => table::Include::Nothing,
        _ => table::Include::Metadata,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListBody<'a> {
    kind: String,
    api_version: String,
    metadata: Value,
    items: Vec<Cow<'a, Value>>,
}

/// Answers a list.
pub(super) fn list(
    front: &Front,
    request: &Request<Body>,
    place: Place<'_>,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let resource = place.resource;
    let list = front.api.list(resource, place.namespace, &query.list(resource)?)?;
    let mut metadata = json!({ "resourceVersion": list.revision.to_string() });
    if let Some(next) = list.next {
        metadata["continue"] = next.into();
        metadata["remainingItemCount"] = list.remaining.into();
    }
    let items: Vec<&Value> = list.items.iter().map(|object| &**object).collect();
    Ok(match Form::of(request)? {
        Form::Table => answer::json(200, &table::render(front, resource, &items, metadata, include(query))),
        Form::Whole => answer::json(
            200,
            &ListBody {
                kind: format!("{}List", resource.kind),
                api_version: resource.api_version(),
                metadata,
                items: items.into_iter().map(|object| versions::from_hub(resource, object)).collect(),
            },
        ),
        Form::Metadata => {
            let items: Vec<Value> = items.into_iter().map(metadata_only).collect();
            let body = json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata, "items": items,
            });
            answer::json(200, &body)
        }
    })
}

/// Answers one object, its scale or a container's log.
pub(super) fn get(
    front: &Arc<Front>,
    request: &Request<Body>,
    place: Place<'_>,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let target = target(place)?;
    let object = front.api.get(target.resource, target.namespace, target.name)?;
    match place.subresource {
        Some("log") => super::log::answer(front, &object, query),
        Some("scale") => {
            let served = front.api.served();
            Ok(answer::json(200, &scale::Places::of(&served, place.resource).read(&object)))
        }
        Some(_) | None => Ok(answer::json(200, &Form::of(request)?.render(front, place.resource, &object, query))),
    }
}

/// A request that writes, read to its end.
struct Asked {
    form: Form,
    parts: Parts,
    options: WriteOptions,
    bytes: Bytes,
}

impl Asked {
    async fn read(request: Request<Body>, query: &Query) -> Result<Asked, Status> {
        let form = Form::of(&request)?;
        let (parts, content) = request.into_parts();
        let options = query.write(user_agent(&parts))?;
        let bytes = body::read(content).await?;
        Ok(Asked { form, parts, options, bytes })
    }
}

/// Creates an object, binds a Pod or evicts one.
pub(super) async fn create(
    front: &Front,
    caller: &Caller,
    request: Request<Body>,
    place: Place<'_>,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let Asked { form, parts, options, bytes } = Asked::read(request, query).await?;
    let resource = place.resource;
    let decoded = body::object(resource, place.part, &sent(&front.api.served(), &parts, &bytes), query)?;
    match place.subresource {
        None if place.name.is_some() => return Err(Status::method_not_allowed()),
        None => {}
        Some("binding") => {
            let target = target(place)?;
            let node = decoded.object["target"]["name"].as_str().unwrap_or_default();
            front.api.bind(caller, target.namespace, target.name, node)?;
            return Ok(answer::json(201, &success()));
        }
        Some("eviction") => {
            let target = target(place)?;
            let options = delete_options(&decoded.object["deleteOptions"], query)?;
            front.api.evict(caller, target.namespace, target.name, &options)?;
            return Ok(answer::json(201, &success()));
        }
        Some(_) => return Err(Status::method_not_allowed()),
    }
    let namespace = match (resource.is_namespaced(), place.namespace) {
        (true, Some(namespace)) => namespace,
        (true, None) => return Err(Status::bad_request("an empty namespace may not be set during creation")),
        (false, _) => "",
    };
    let mut written = front.api.create(caller, resource.hub(), namespace, decoded.object, &options)?;
    written.warnings.extend(decoded.warnings);
    Ok(written_answer(front, 201, form, resource, &written, query))
}

/// Replaces an object or a part of it.
pub(super) async fn update(
    front: &Front,
    caller: &Caller,
    request: Request<Body>,
    place: Place<'_>,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let Asked { form, parts, options, bytes } = Asked::read(request, query).await?;
    let decoded = body::object(place.resource, place.part, &sent(&front.api.served(), &parts, &bytes), query)?;
    let target = target(place)?;
    if place.subresource == Some("scale") {
        let places = scale::Places::of(&front.api.served(), place.resource);
        let written = front
            .api
            .change(caller, "update", target, &options, &mut |object| places.write(&decoded.object, object))?;
        return Ok(answer::json(200, &places.read(&written.object)));
    }
    let mut written = front.api.update(caller, target, decoded.object, &options)?;
    written.warnings.extend(decoded.warnings);
    Ok(written_answer(front, 200, form, place.resource, &written, query))
}

/// Changes an object by a patch.
pub(super) async fn patch(
    front: &Front,
    caller: &Caller,
    request: Request<Body>,
    place: Place<'_>,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let Asked { form, parts, options, bytes } = Asked::read(request, query).await?;
    let target = target(place)?;
    if body::content_type(&parts) == "application/apply-patch+yaml" {
        return apply(front, caller, place, query, form, &bytes);
    }
    let patch = Patch::decode(body::content_type(&parts), &bytes)?;
    if place.subresource == Some("scale") {
        let places = scale::Places::of(&front.api.served(), place.resource);
        let written = front.api.change(caller, "patch", target, &options, &mut |object| {
            let mut scale = places.read(object);
            patch.apply(place.resource, &mut scale)?;
            places.write(&scale, object)
        })?;
        return Ok(answer::json(200, &places.read(&written.object)));
    }
    let resource = place.resource;
    let found = schema().kind(resource.group, resource.version, resource.kind);
    let served = front.api.served();
    let definition = served.definition(resource);
    if definition.is_some() && matches!(patch, Patch::Strategic(_)) {
        return Err(Patch::unsupported(&CUSTOM_PATCHES));
    }
    let validation = body::FieldValidation::of(query)?;
    let mut warnings = Vec::new();
    let mut written = front.api.change(caller, "patch", target, &options, &mut |object| {
        if let Cow::Owned(other) = versions::from_hub(resource, object) {
            *object = other;
        }
        patch.apply(resource, object)?;
        let unknown = match (found, definition) {
            (Some(found), _) => conform(found, object),
            (None, Some(definition)) => body::conform_custom(definition, object),
            (None, None) => Ok(Vec::new()),
        };
        let unknown = unknown.map_err(Status::bad_request)?;
        versions::to_hub(resource, object);
        warnings = body::unknown_fields(unknown, validation).map_err(Status::bad_request)?;
        Ok(())
    })?;
    written.warnings.extend(warnings);
    Ok(written_answer(front, 200, form, resource, &written, query))
}

/// Server-side apply: kubectl asks for it by the patch's type.
fn apply(
    front: &Front,
    caller: &Caller,
    place: Place<'_>,
    query: &Query,
    form: Form,
    bytes: &[u8],
) -> Result<Response<Body>, Status> {
    let manager = query.get("fieldManager");
    if manager.is_empty() {
        return Err(Status::bad_request(
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is \
             required for apply patch",
        ));
    }
    let resource = place.resource;
    let target = target(place)?;
    let mut object = body::yaml(bytes)?;
    if !object.is_object() {
        return Err(Status::bad_request("the object provided is unrecognized (must be of type Object)"));
    }
    let found = schema().kind(resource.group, resource.version, resource.kind);
    let served = front.api.served();
    let unknown = match (found, served.definition(resource)) {
        (Some(found), _) => conform(found, &mut object),
        (None, Some(definition)) => body::conform_custom(definition, &mut object),
        (None, None) => Ok(Vec::new()),
    };
    let unknown = unknown.map_err(Status::bad_request)?;
    let warnings = body::unknown_fields(unknown, body::FieldValidation::of(query)?).map_err(Status::bad_request)?;
    versions::to_hub(resource, &mut object);
    let conflicts = if query.is_set("force") { Conflicts::Force } else { Conflicts::Refuse };
    let configuration = Configuration { object: &object, manager, conflicts };
    let (code, mut written) = match front.api.apply(caller, target, &configuration, query.dry_run()?)? {
        Applied::Created(written) => (201, written),
        Applied::Changed(written) => (200, written),
    };
    written.warnings.extend(warnings);
    Ok(written_answer(front, code, form, resource, &written, query))
}

/// Deletes an object or a collection.
pub(super) async fn delete(
    front: &Front,
    caller: &Caller,
    request: Request<Body>,
    place: Place<'_>,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let form = Form::of(&request)?;
    let (parts, content) = request.into_parts();
    let bytes = body::read(content).await?;
    let options = body::delete_options(body::content_type(&parts), &bytes)?;
    let options = delete_options(&options, query)?;
    let resource = place.resource;
    if place.name.is_none() {
        let list = query.list(resource)?;
        let deleted = front.api.delete_collection(caller, resource.hub(), place.namespace, &list, &options)?;
        let items = deleted.iter().map(|object| versions::from_hub(resource, object)).collect();
        let metadata = json!({ "resourceVersion": front.api.revision().to_string() });
        let kind = format!("{}List", resource.kind);
        return Ok(answer::json(200, &ListBody { kind, api_version: resource.api_version(), metadata, items }));
    }
    match front.api.delete(caller, target(place)?, &options)? {
        Deleted::Marked(object) => Ok(answer::json(200, &form.render(front, resource, &object, query))),
        // The real server gives a Pod back, and a Status for everything else.
        Deleted::Gone(object) if *resource == resources::PODS || *resource == resources::SERVICES => {
            Ok(answer::json(200, &form.render(front, resource, &object, query)))
        }
        Deleted::Gone(object) => {
            let mut status = success();
            let mut details =
                json!({ "name": meta(&object, "name"), "kind": resource.plural, "uid": meta(&object, "uid") });
            if !resource.group.is_empty() {
                details["group"] = resource.group.into();
            }
            status["details"] = details;
            Ok(answer::json(200, &status))
        }
    }
}

fn sent<'a>(served: &'a Served, parts: &'a Parts, bytes: &'a [u8]) -> body::Sent<'a> {
    body::Sent { served, parts, bytes }
}

/// Returns the object that a place names.
pub(super) fn target<'a>(place: Place<'a>) -> Result<Target<'a>, Status> {
    let name = place.name.ok_or_else(Status::method_not_allowed)?;
    let target = Target::new(place.resource.hub(), place.namespace.unwrap_or_default(), name);
    Ok(match place.subresource {
        Some(part) => target.part(part),
        None => target,
    })
}

/// Answers with a written object and its warnings.
pub(super) fn written_answer(
    front: &Front,
    code: u16,
    form: Form,
    resource: &'static Resource,
    written: &Written,
    query: &Query,
) -> Response<Body> {
    let mut response = answer::json(code, &form.render(front, resource, &written.object, query));
    answer::warn(&mut response, &written.warnings);
    response
}

/// Returns the client's name for itself.
pub(super) fn user_agent(parts: &Parts) -> &str {
    parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn success() -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" })
}

fn delete_options(body: &Value, query: &Query) -> Result<DeleteOptions, Status> {
    let grace = match body["gracePeriodSeconds"].as_i64() {
        Some(grace) => Some(grace),
        None => query.number("gracePeriodSeconds")?,
    };
    let policy = body["propagationPolicy"].as_str().unwrap_or_else(|| query.get("propagationPolicy"));
    let orphans = body["orphanDependents"].as_bool().unwrap_or_else(|| query.is_set("orphanDependents"));
    let propagation = match policy {
        "" if orphans => Propagation::Orphan,
        "" | "Background" => Propagation::Background,
        "Foreground" => Propagation::Foreground,
        "Orphan" => Propagation::Orphan,
        other => {
            return Err(Status::bad_request(format!(
                "invalid propagation policy {other:?}: it must be Foreground, Background or Orphan"
            )));
        }
    };
    let is_dry = body["dryRun"].as_array().is_some_and(|list| list.iter().any(|value| value == "All"));
    let text = |field: &str| body["preconditions"][field].as_str().map(str::to_owned);
    Ok(DeleteOptions {
        grace,
        propagation,
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        dry_run: if is_dry { DryRun::All } else { query.dry_run()? },
    })
}
