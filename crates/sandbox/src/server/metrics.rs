//! `metrics.k8s.io`: what nodes and Pods use, computed when somebody asks, and never stored.

use axum::body::Body;
use http::{Request, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::objects::Form;
use super::query::Query;
use super::route::Place;
use super::{Front, answer, table};
use crate::api::{Api, Status};
use crate::clock::rfc3339;
use crate::fields::{list, name, namespace, text, uid};
use crate::kubelet::SYSTEM;
use crate::resources::{NODE_METRICS, NODES, POD_METRICS, PODS, Resource};
use crate::usage::Used;

/// What the system of a node uses for itself, in thousandths of a processor.
const SYSTEM_CPU: u64 = 60;

/// Tells whether a resource is answered here.
pub(super) fn answers(resource: &Resource) -> bool {
    [&NODE_METRICS, &POD_METRICS].contains(&resource)
}

/// Answers a list or one object.
pub(super) fn answer(
    front: &Front,
    request: &Request<Body>,
    place: Place<'_>,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let api = &front.api;
    let options = query.list(place.resource)?;
    let all: Vec<Value> = if *place.resource == NODE_METRICS {
        api.list_all(&NODES, None).iter().filter_map(|node| of_node(api, node)).collect()
    } else {
        api.list_all(&PODS, place.namespace).iter().filter_map(|pod| of_pod(api, pod)).collect()
    };
    if let Some(wanted) = place.name {
        let found = all.iter().find(|object| name(object) == wanted);
        let found = found.ok_or_else(|| Status::not_found(place.resource, wanted))?;
        return Ok(answer::json(200, &Form::of(request)?.render(front, place.resource, found, query)));
    }
    let items: Vec<&Value> = all.iter().filter(|object| options.matches(object)).collect();
    let metadata = json!({});
    Ok(match Form::of(request)? {
        Form::Table => {
            answer::json(200, &table::render(front, place.resource, &items, metadata, table::Include::Metadata))
        }
        Form::Whole | Form::Metadata => answer::json(
            200,
            &json!({"kind": format!("{}List", place.resource.kind), "apiVersion": place.resource.api_version(),
                "metadata": metadata, "items": items}),
        ),
    })
}

fn head(api: &Api, resource: &Resource, object: &Value) -> Value {
    let now = rfc3339(api.clock().now());
    let mut metadata = json!({"name": name(object), "creationTimestamp": now});
    if !namespace(object).is_empty() {
        metadata["namespace"] = json!(namespace(object));
    }
    if object["metadata"]["labels"].is_object() {
        metadata["labels"] = object["metadata"]["labels"].clone();
    }
    json!({"kind": resource.kind, "apiVersion": resource.api_version(), "metadata": metadata, "timestamp": now,
        "window": "15s"})
}

fn print(used: Used) -> Value {
    json!({"cpu": format!("{}n", used.cpu * 1_000_000), "memory": format!("{}Ki", used.memory / 1024)})
}

fn of_pod(api: &Api, pod: &Value) -> Option<Value> {
    if text(pod, "/status/phase") != "Running" {
        return None;
    }
    let used = api.usages().of(uid(pod), Instant::now());
    if used.is_empty() {
        return None;
    }
    let mut metrics = head(api, &POD_METRICS, pod);
    metrics["containers"] =
        used.into_iter().map(|(container, used)| json!({"name": container, "usage": print(used)})).collect();
    Some(metrics)
}

/// A node that is not ready tells nothing.
fn of_node(api: &Api, node: &Value) -> Option<Value> {
    let ready = list(node, "/status/conditions")
        .iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    if !ready {
        return None;
    }
    let now = Instant::now();
    let own = Used { cpu: SYSTEM_CPU, memory: SYSTEM };
    let used = api
        .list_all(&PODS, None)
        .iter()
        .filter(|pod| text(pod, "/spec/nodeName") == name(node))
        .flat_map(|pod| api.usages().of(uid(pod), now))
        .fold(own, |sum, (_, used)| sum.plus(used));
    let mut metrics = head(api, &NODE_METRICS, node);
    metrics["usage"] = print(used);
    Some(metrics)
}
