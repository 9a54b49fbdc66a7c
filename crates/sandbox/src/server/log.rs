//! `pods/log`: what a container wrote, whole or followed, as text.

use std::sync::Arc;

use axum::body::Body;
use futures::stream::{self, StreamExt as _};
use http::Response;
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Front, answer, query::Query};
use crate::api::{Status, meta};
use crate::logs::{End, Instance, Line, Logs, Page};
use crate::resources::NODES;

/// Answers with a container's lines.
pub(super) fn answer(front: &Arc<Front>, pod: &Value, query: &Query) -> Result<Response<Body>, Status> {
    let container = container(pod, query.get("container"))?;
    let instance = instance(pod, &container, query.is_set("previous"))?;
    reachable(front, pod, &container)?;
    let since = match (query.number::<i64>("sinceSeconds")?, query.get("sinceTime")) {
        (Some(seconds), _) => front.api.clock().now().checked_sub(SignedDuration::from_secs(seconds)).ok(),
        (None, "") => None,
        (None, text) => Some(text.parse::<Timestamp>().map_err(|_| {
            Status::bad_request(format!("sinceTime: Invalid value: {text:?}: must be an RFC 3339 time"))
        })?),
    };
    let shape = Shape { since, timestamps: query.is_set("timestamps") };
    let logs = front.api.logs().clone();
    let Page { mut lines, next, grown } = logs.read(&instance, 0);
    if let Some(tail) = query.number::<usize>("tailLines")? {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let text = shape.render(&lines);
    if !query.is_set("follow") {
        return Ok(answer::typed(200, "text/plain", text));
    }
    let is_running = !state(pod, &container)["running"].is_null() && !query.is_set("previous");
    let first = stream::iter((!text.is_empty()).then(|| Ok::<_, std::io::Error>(Bytes::from(text))));
    if !is_running {
        return Ok(answer::typed(200, "text/plain", Body::from_stream(first)));
    }
    let stop = front.stop.clone();
    let follower = Follower { logs, instance, next, grown, shape };
    let rest = stream::unfold(follower, Follower::step).take_until(stop.cancelled_owned());
    Ok(answer::typed(200, "text/plain", Body::from_stream(first.chain(rest))))
}

/// Tells why the server does not reach the kubelet of a Pod's node, which has gone silent.
pub(super) fn reach(front: &Front, pod: &Value) -> Result<(), String> {
    let name = pod["spec"]["nodeName"].as_str().unwrap_or_default();
    let Ok(node) = front.api.get(&NODES, "", name) else { return Ok(()) };
    let is_gone = node["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "Unknown");
    let address = pod["status"]["hostIP"].as_str().unwrap_or(name);
    if is_gone { Err(format!("dial tcp {address}:10250: connect: no route to host")) } else { Ok(()) }
}

/// The server fetches lines from the node's kubelet.
fn reachable(front: &Front, pod: &Value, container: &str) -> Result<(), Status> {
    reach(front, pod).map_err(|why| {
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        let address = pod["status"]["hostIP"].as_str().unwrap_or(node);
        let (namespace, pod) = (meta(pod, "namespace"), meta(pod, "name"));
        Status::unreachable(&format!(
            "Get \"https://{address}:10250/containerLogs/{namespace}/{pod}/{container}\": {why}"
        ))
    })
}

struct Follower {
    logs: Logs,
    instance: Instance,
    next: u64,
    grown: tokio::sync::watch::Receiver<End>,
    shape: Shape,
}

impl Follower {
    async fn step(mut self) -> Option<(Result<Bytes, std::io::Error>, Follower)> {
        loop {
            let end = *self.grown.borrow_and_update();
            let page = self.logs.read(&self.instance, self.next);
            self.next = page.next;
            let text = self.shape.render(&page.lines);
            if !text.is_empty() {
                return Some((Ok(Bytes::from(text)), self));
            }
            // The sender goes when the Pod is forgotten.
            if end == End::Closed || self.grown.changed().await.is_err() {
                return None;
            }
        }
    }
}

/// How lines are shown.
#[derive(Debug, Clone, Copy)]
struct Shape {
    since: Option<Timestamp>,
    timestamps: bool,
}

impl Shape {
    fn render(self, lines: &[Line]) -> String {
        let mut text = String::new();
        for line in lines.iter().filter(|line| self.since.is_none_or(|since| line.at >= since)) {
            if self.timestamps {
                text.push_str(&line.at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string());
            }
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }
}

fn container(pod: &Value, wanted: &str) -> Result<String, Status> {
    let names = |list: &str| -> Vec<String> {
        let list = pod["spec"][list].as_array();
        list.into_iter().flatten().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
    };
    let containers = names("containers");
    let name = meta(pod, "name");
    if wanted.is_empty() {
        return match containers.as_slice() {
            [only] => Ok(only.clone()),
            _ => Err(Status::bad_request(format!(
                "a container name must be specified for pod {name}, choose one of: [{}]",
                containers.join(" ")
            ))),
        };
    }
    if containers.iter().chain(&names("initContainers")).any(|one| one == wanted) {
        return Ok(wanted.to_owned());
    }
    Err(Status::bad_request(format!("container {wanted} is not valid for pod {name}")))
}

fn container_status<'a>(pod: &'a Value, container: &str) -> &'a Value {
    ["containerStatuses", "initContainerStatuses"]
        .iter()
        .filter_map(|list| pod["status"][*list].as_array())
        .flatten()
        .find(|status| status["name"] == container)
        .unwrap_or(&Value::Null)
}

fn state<'a>(pod: &'a Value, container: &str) -> &'a Value {
    &container_status(pod, container)["state"]
}

/// Finds the run whose lines are wanted, or says why there is none, as the kubelet does.
fn instance(pod: &Value, container: &str, previous: bool) -> Result<Instance, Status> {
    let name = meta(pod, "name");
    let refuse = |why: String| Status::bad_request(format!("container {container:?} in pod {name:?} {why}"));
    let status = container_status(pod, container);
    let state = &status["state"];
    let restarts = u32::try_from(status["restartCount"].as_u64().unwrap_or_default()).unwrap_or(u32::MAX);
    let restarts = if previous {
        if status["lastState"]["terminated"].is_null() {
            return Err(Status::bad_request(format!(
                "previous terminated container {container:?} in pod {name:?} not found"
            )));
        }
        // While the next run waits, the count still says how often it was restarted; the last run is
        // that one unless a new one has begun.
        if state["running"].is_null() && state["terminated"].is_null() { restarts } else { restarts.saturating_sub(1) }
    } else {
        match state["waiting"]["reason"].as_str() {
            Some(_) if !status["lastState"]["terminated"].is_null() => restarts,
            Some(reason @ ("ContainerCreating" | "PodInitializing")) => {
                return Err(refuse(format!("is waiting to start: {reason}")));
            }
            Some("ErrImagePull" | "ImagePullBackOff") => {
                return Err(refuse("is waiting to start: trying and failing to pull image".to_owned()));
            }
            Some(reason) => return Err(refuse(format!("is waiting to start: {reason}"))),
            None => restarts,
        }
    };
    Ok(Instance { pod: meta(pod, "uid").to_owned(), container: container.to_owned(), restarts })
}
