//! Control requests, below `/atelier/v1/`: what the runner asks of the sandbox that no Kubernetes API offers.
//!
//! ```text
//! GET  info                  {"version", "pace", "uptimeSeconds", "nodes", "apiServer": {"state", "problem"}}
//! GET  audit?since=<time>    {"entries": [...], "complete": bool}
//! GET  snapshot              every object, opaque
//! PUT  snapshot              brings that state back
//! GET  flow?<query>         {"name": what became of it, "flows": [...]}
//! POST reset                 a fresh cluster
//! POST nodes/<name>/repair   boots a node again
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use shell::{Protocol, ResolveError};

use super::query::Query;
use super::{Front, answer, body, discovery};
use crate::Pace;
use crate::api::{Caller, Status, meta};
use crate::audit;
use crate::manifest::State;
use crate::network::Source;
use crate::resources::{NODES, PODS};
use crate::snapshot::Snapshot;

/// How long a name may take, on the simulated clock.
const NAME: Duration = Duration::from_secs(10);

/// Answers a control request. The learner's own certificate is good for it, so what these requests do shows in
/// no grade: checks judge objects and the audit log, which they cannot write.
pub(super) async fn answer(
    front: &Arc<Front>,
    caller: &Caller,
    request: Request<Body>,
    segments: &[&str],
) -> Result<Response<Body>, Status> {
    if !caller.is_master() {
        return Err(Status {
            code: 403,
            reason: "Forbidden",
            message: format!("forbidden: User {:?} cannot control the sandbox", caller.user),
            details: None,
        });
    }
    match (request.method(), segments) {
        (&Method::GET, ["info"]) => Ok(answer::json(200, &info(front))),
        (&Method::GET, ["audit"]) => audit(front, &request),
        (&Method::GET, ["flow"]) => flow(front, Query::of(request.uri())?).await,
        (&Method::GET, ["snapshot"]) => Ok(answer::json(200, &front.api.snapshot())),
        (&Method::PUT, ["snapshot"]) => {
            let bytes = body::read_up_to(request.into_body(), body::SNAPSHOT_LIMIT).await?;
            let snapshot = Snapshot::parse(&body::json(&bytes)?).map_err(Status::bad_request)?;
            front.site.restore(&front.api, snapshot).await;
            Ok(answer::json(200, &done()))
        }
        (&Method::POST, ["reset"]) => {
            if let Some(manifest) = &front.manifest {
                manifest.reset(&front.api, &front.presence);
            }
            front.site.reset(&front.api).await;
            Ok(answer::json(200, &done()))
        }
        (&Method::POST, ["nodes", name, "repair"]) => {
            front.api.get(&NODES, "", name)?;
            front.site.repair(name).await.map_err(|_| Status::not_found(&NODES, name))?;
            Ok(answer::json(200, &done()))
        }
        _ => Err(Status::no_such_path()),
    }
}

fn info(front: &Front) -> Value {
    let clock = front.api.clock();
    let pace = match clock.pace() {
        Pace::Lifelike => "lifelike",
        Pace::Fast => "fast",
    };
    let nodes = front.api.list_all(&NODES, None);
    let nodes: Vec<&str> = nodes.iter().map(|node| meta(node, "name")).collect();
    let api_server = match front.presence.state() {
        State::Up => json!({ "state": "up" }),
        State::Starting => json!({ "state": "starting" }),
        State::Down(problem) => json!({ "state": "down", "problem": problem }),
    };
    let uptime = clock.now().duration_since(front.started).as_secs();
    json!({
        "version": discovery::version(front.version)["gitVersion"], "pace": pace, "uptimeSeconds": uptime,
        "nodes": nodes, "apiServer": api_server,
    })
}

fn audit(front: &Front, request: &Request<Body>) -> Result<Response<Body>, Status> {
    let query = Query::of(request.uri())?;
    let since = match query.get("since") {
        "" => Timestamp::MIN,
        text => text
            .parse()
            .map_err(|_| Status::bad_request(format!("since: Invalid value: {text:?}: must be an RFC 3339 time")))?,
    };
    let (entries, complete) = front.api.audit_since(since);
    let entries: Vec<Value> = entries.iter().map(audit::Entry::to_value).collect();
    Ok(answer::json(200, &json!({ "entries": entries, "complete": complete })))
}

/// Tells what would become of a flow from a Pod: `namespace`, `pod`, `to` (a name or an address, as a program in the
/// Pod would say it), `port`, and `protocol` (`TCP`, the default, or `UDP`).
async fn flow(front: &Front, query: Query) -> Result<Response<Body>, Status> {
    let pod = front.api.get(&PODS, query.get("namespace"), query.get("pod"))?;
    let port = query.number::<u16>("port")?.ok_or_else(|| Status::bad_request("port: Required value"))?;
    let protocol = match query.get("protocol") {
        "" | "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        other => return Err(Status::bad_request(format!("protocol: Unsupported value: {other:?}"))),
    };
    let network = front.site.network();
    let around = network.surroundings(meta(&pod, "uid"));
    let (named, addresses) = match around.resolve(query.get("to"), NAME).await {
        Ok(addresses) => ("known", addresses),
        Err(ResolveError::NoSuchName) => ("unknown", Vec::new()),
        Err(ResolveError::TimedOut) => ("timedOut", Vec::new()),
    };
    let flows = addresses.into_iter().filter_map(|address| {
        network.outlook(Source::Pod(meta(&pod, "uid")), SocketAddr::new(address, port), protocol)
    });
    let flows: Vec<Value> = flows.flat_map(|flows| flows.as_array().cloned().unwrap_or_default()).collect();
    Ok(answer::json(200, &json!({ "name": named, "flows": flows })))
}

fn done() -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" })
}
