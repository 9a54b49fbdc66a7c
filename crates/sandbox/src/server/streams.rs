//! `pods/exec`, `pods/attach` and `pods/portforward`: connections that leave HTTP and carry a process's streams or a
//! Pod's connections, over WebSockets or SPDY/3.1.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use hyper::upgrade::Upgraded;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use self::port_forward::{Destination, Framing, Ports};
use self::process::{Inside, Processes, Refusal, Refused};
use self::session::{Demand, Insides, Task};
use self::upgrade::{Transport, Upgrade};
use super::route::Place;
use super::{Front, answer, log, objects, query::Query};
use crate::Version;
use crate::api::{Status, meta};
use crate::fields::{list, name, namespace, text};
use crate::store::Object;

pub(crate) mod port_forward;
pub(crate) mod process;
mod session;
mod spdy;
mod spdy_process;
mod tunnel;
mod upgrade;
mod websocket;

/// How many connections are served at the same time.
const SEATS: usize = 512;

/// What the connections need.
pub(crate) struct Streams {
    processes: Arc<dyn Processes>,
    ports: Arc<dyn Ports>,
    tracker: TaskTracker,
    seats: Arc<Semaphore>,
}

impl Streams {
    /// Returns streams to and from these processes and ports; `tracker` holds the connections.
    pub(crate) fn new(processes: Arc<dyn Processes>, ports: Arc<dyn Ports>, tracker: TaskTracker) -> Streams {
        Streams { processes, ports, tracker, seats: Arc::new(Semaphore::new(SEATS)) }
    }
}

/// Tells whether a subresource of a Pod is a connection that leaves HTTP.
pub(super) fn answers(place: Place<'_>) -> bool {
    matches!(place.subresource, Some("exec" | "attach" | "portforward"))
}

/// Answers with a connection.
pub(super) async fn answer(
    front: &Arc<Front>,
    request: Request<Body>,
    place: Place<'_>,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let target = objects::target(place)?;
    let pod = front.api.get(target.resource, target.namespace, target.name)?;
    match place.subresource {
        Some("exec") => {
            let words = query.all("command").map(str::to_owned).collect();
            process(front, request, &pod, Task::Command(words), query)
        }
        Some("attach") => process(front, request, &pod, Task::Attach, query),
        _ => port_forward(front, request, &pod, query),
    }
}

fn process(
    front: &Arc<Front>,
    request: Request<Body>,
    pod: &Object,
    task: Task,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let inside = Inside { container: container(pod, query.get("container"))?, pod: Object::clone(pod) };
    let tty = query.is_set("tty");
    let demand = Demand {
        inside,
        task,
        stdin: query.is_set("stdin"),
        stdout: query.is_set("stdout"),
        // A terminal has one output.
        stderr: query.is_set("stderr") && !tty,
        tty,
        version: front.version,
    };
    reach_then_upgrade(front, request, pod, move |upgrade| {
        if let Some((code, words)) = objection(&demand, &upgrade.transport) {
            return Ok(Next::Refuse(code, words));
        }
        let insides = Insides {
            processes: match is_running(&demand.inside) {
                true => Arc::clone(&front.streams.processes),
                false => Arc::new(Refused(Refusal::NotRunning)),
            },
            consoles: front.api.consoles().clone(),
            logs: front.api.logs().clone(),
        };
        Ok(match &upgrade.transport {
            Transport::WebSocket { .. } => {
                let (protocol, dialect) = upgrade.choose(websocket::PROTOCOLS)?;
                Next::serve(protocol, move |connection| websocket::serve(insides, connection, demand, dialect))
            }
            Transport::Spdy => {
                let (protocol, ()) = upgrade.choose(spdy_process::PROTOCOLS)?;
                Next::serve(protocol, move |connection| spdy_process::serve(insides, connection, demand))
            }
        })
    })
}

fn port_forward(
    front: &Arc<Front>,
    request: Request<Body>,
    pod: &Object,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let ports = port_forward::ports(query.all("ports"));
    let destination = Destination {
        ports: Arc::clone(&front.streams.ports),
        pod: Object::clone(pod),
        clock: front.api.clock().clone(),
        version: front.version,
    };
    reach_then_upgrade(front, request, pod, move |upgrade| {
        if matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
            return Ok(Next::Refuse(500, format!("pod not found ({:?})", full_name(pod))));
        }
        Ok(match &upgrade.transport {
            Transport::Spdy => {
                let (protocol, ()) = upgrade.choose(port_forward::SPDY)?;
                Next::serve(protocol, move |connection| port_forward::serve(connection, destination))
            }
            Transport::WebSocket { .. } => match upgrade.choose(port_forward::WEBSOCKET)? {
                (protocol, Framing::Tunnel) => {
                    Next::serve(protocol, move |connection| port_forward::serve_tunnel(connection, destination))
                }
                (protocol, Framing::Channels) => match ports {
                    Ok(ports) => Next::serve(protocol, move |connection| {
                        port_forward::serve_channels(connection, destination, ports)
                    }),
                    Err(words) => Next::Refuse(400, words),
                },
            },
        })
    })
}

/// Serves a connection that has left HTTP.
type Serve = Box<dyn FnOnce(Upgraded) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// What becomes of a request.
enum Next {
    /// The connection leaves HTTP, for a protocol.
    Serve(&'static str, Serve),
    /// The kubelet refuses, in words that are no `Status`.
    Refuse(u16, String),
}

impl Next {
    fn serve<F: Future<Output = ()> + Send + 'static>(
        protocol: &'static str,
        serve: impl FnOnce(Upgraded) -> F + Send + 'static,
    ) -> Next {
        Next::Serve(protocol, Box::new(move |connection| Box::pin(serve(connection))))
    }
}

/// Hands the connection over as `decide` says, once it is known that the kubelet is there.
fn reach_then_upgrade(
    front: &Front,
    mut request: Request<Body>,
    pod: &Object,
    decide: impl FnOnce(&Upgrade) -> Result<Next, Status>,
) -> Result<Response<Body>, Status> {
    if text(pod, "/spec/nodeName").is_empty() {
        return Err(Status::bad_request(format!("pod {} does not have a host assigned", name(pod))));
    }
    let upgrade = Upgrade::of(request.headers())?;
    log::reach(front, pod).map_err(|why| Status::unreachable(&format!("error dialing backend: {why}")))?;
    let (protocol, serve) = match decide(&upgrade)? {
        Next::Serve(protocol, serve) => (protocol, serve),
        Next::Refuse(code, words) => return Ok(answer::typed(code, "text/plain; charset=utf-8", words)),
    };
    let seats = Arc::clone(&front.streams.seats);
    let seat = seats.try_acquire_owned().map_err(|_| Status::too_many_requests())?;
    let (coming, stop) = (hyper::upgrade::on(&mut request), front.stop.clone());
    front.streams.tracker.spawn(async move {
        let _seat = seat;
        let Ok(connection) = coming.await else { return };
        tokio::select! {
            () = stop.cancelled() => {}
            () = serve(connection) => {}
        }
    });
    Ok(upgrade.accept(protocol))
}

/// Returns how the kubelet refuses before it takes the connection over: its words are no `Status`.
fn objection(demand: &Demand, transport: &Transport) -> Option<(u16, String)> {
    if !(demand.stdin || demand.stdout || demand.stderr) {
        return Some((400, "you must specify at least 1 of stdin, stdout, stderr".to_owned()));
    }
    match (transport, demand.version) {
        // The server speaks to the kubelet only once the WebSocket is open; its words come as the process's end.
        (Transport::WebSocket { .. }, Version::V1_34) => None,
        _ if is_running(&demand.inside) => None,
        _ => Some((500, session::missing(demand))),
    }
}

fn is_running(inside: &Inside) -> bool {
    !container_status(&inside.pod, &inside.container)["state"]["running"].is_null()
}

/// Returns the name by which the kubelet knows a Pod.
pub(super) fn full_name(pod: &Value) -> String {
    format!("{}_{}", name(pod), namespace(pod))
}

/// Returns the container that is meant, or the real server's refusal.
pub(super) fn container(pod: &Value, wanted: &str) -> Result<String, Status> {
    let lists = ["/spec/initContainers", "/spec/containers", "/spec/ephemeralContainers"];
    let names: Vec<&str> =
        lists.iter().flat_map(|pointer| list(pod, pointer)).map(|spec| text(spec, "/name")).collect();
    let pod_name = meta(pod, "name");
    if wanted.is_empty() {
        return match list(pod, "/spec/containers") {
            [only] => Ok(text(only, "/name").to_owned()),
            _ => Err(Status::bad_request(format!(
                "a container name must be specified for pod {pod_name}, choose one of: [{}]",
                names.join(" ")
            ))),
        };
    }
    match names.contains(&wanted) {
        true => Ok(wanted.to_owned()),
        false => Err(Status::bad_request(format!("container {wanted} is not valid for pod {pod_name}"))),
    }
}

/// Returns the status of a container of any kind, null if there is none.
pub(super) fn container_status<'a>(pod: &'a Value, container: &str) -> &'a Value {
    ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]
        .iter()
        .filter_map(|list| pod["status"][*list].as_array())
        .flatten()
        .find(|status| status["name"] == container)
        .unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests;
