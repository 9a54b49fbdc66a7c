//! `pods/log`: what a container wrote, whole or followed, as text.

use std::sync::Arc;

use axum::body::Body;
use futures::stream::{self, StreamExt as _};
use http::Response;
use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::streams::{container, container_status};
use super::{Front, answer, query::Query};
use crate::api::{Cause, Status, meta};
use crate::logs::{End, Instance, Line, Logs, Page};
use crate::resources::NODES;

/// Answers with a container's lines.
pub(super) fn answer(front: &Arc<Front>, pod: &Value, query: &Query) -> Result<Response<Body>, Status> {
    let wanted = Wanted::of(pod, query, front.api.clock().now())?;
    let container = container(pod, query.get("container"))?;
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
        // Nothing has begun: there is nothing to read.
        return Ok(answer::typed(200, "text/plain", ""));
    }
    reachable(front, pod, &container)?;
    let which = if query.is_set("previous") { Which::Previous } else { Which::Current };
    let instance = instance(pod, &container, which)?;
    let logs = front.api.logs().clone();
    let Page { mut lines, next, grown } = logs.read(&instance, 0);
    let mut shape = wanted.shape;
    lines.retain(|line| shape.shows(line));
    lines.drain(..lines.len().saturating_sub(wanted.tail.unwrap_or(usize::MAX)));
    let text = shape.render(&lines);
    if !query.is_set("follow") {
        return Ok(answer::typed(200, "text/plain", text));
    }
    let is_running = !state(pod, &container)["running"].is_null() && which == Which::Current;
    let first = stream::iter((!text.is_empty()).then(|| Ok::<_, std::io::Error>(Bytes::from(text))));
    if !is_running {
        return Ok(answer::typed(200, "text/plain", Body::from_stream(first)));
    }
    let stop = front.stop.clone();
    let follower = Follower { logs, instance, next, grown, shape };
    let rest = stream::unfold(follower, Follower::step).take_until(stop.cancelled_owned());
    Ok(answer::typed(200, "text/plain", Body::from_stream(first.chain(rest))))
}

/// Which of a container's runs is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// The one that runs, or ran last.
    Current,
    /// The one before.
    Previous,
}

/// What a query asks for.
struct Wanted {
    /// How many lines at most, from the end.
    tail: Option<usize>,
    shape: Shape,
}

impl Wanted {
    /// Reads a query; the refusals are those of the real server's validation.
    fn of(pod: &Value, query: &Query, now: Timestamp) -> Result<Wanted, Status> {
        let number = |key: &str| query.number::<i64>(key);
        let (tail, limit, seconds) = (number("tailLines")?, number("limitBytes")?, number("sinceSeconds")?);
        let time = match query.get("sinceTime") {
            "" => None,
            text => Some(text.parse::<Timestamp>().map_err(|_| {
                let layout = "2006-01-02T15:04:05Z07:00";
                Status::bad_request(format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\""))
            })?),
        };
        let mut causes = Vec::new();
        let mut least = |field: &str, value: Option<i64>, least: i64, words: &str| {
            if let Some(value) = value.filter(|value| *value < least) {
                causes.push(Cause::invalid(field, &value.into(), words));
            }
        };
        least("tailLines", tail, 0, "must be greater than or equal to 0");
        least("limitBytes", limit, 1, "must be greater than 0");
        match (seconds, time) {
            (Some(_), Some(_)) => {
                causes.push(Cause::forbidden("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
            }
            (seconds, _) => least("sinceSeconds", seconds, 1, "must be greater than 0"),
        }
        if !causes.is_empty() {
            return Err(Status::invalid_kind("", "PodLogOptions", meta(pod, "name"), causes));
        }
        let since = match seconds {
            Some(seconds) => now.checked_sub(SignedDuration::from_secs(seconds)).ok(),
            None => time,
        };
        let usize = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
        let shape = Shape { since, timestamps: query.is_set("timestamps"), left: limit.map(usize) };
        Ok(Wanted { tail: tail.map(usize), shape })
    }
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
        while self.shape.left != Some(0) {
            let end = *self.grown.borrow_and_update();
            let mut page = self.logs.read(&self.instance, self.next);
            self.next = page.next;
            page.lines.retain(|line| self.shape.shows(line));
            let text = self.shape.render(&page.lines);
            if !text.is_empty() {
                return Some((Ok(Bytes::from(text)), self));
            }
            // The sender goes when the Pod is forgotten.
            if end == End::Closed || self.grown.changed().await.is_err() {
                return None;
            }
        }
        None
    }
}

/// How lines are shown.
#[derive(Debug, Clone, Copy)]
struct Shape {
    since: Option<Timestamp>,
    timestamps: bool,
    /// How many bytes may still be shown.
    left: Option<usize>,
}

impl Shape {
    fn shows(&self, line: &Line) -> bool {
        self.since.is_none_or(|since| line.at >= since)
    }

    fn render(&mut self, lines: &[Line]) -> Vec<u8> {
        let mut text = String::new();
        for line in lines {
            if self.timestamps {
                text.push_str(&line.at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ ").to_string());
            }
            text.push_str(&line.text);
            text.push('\n');
        }
        let mut bytes = text.into_bytes();
        if let Some(left) = &mut self.left {
            // Bytes are counted, not letters.
            bytes.truncate(*left);
            *left -= bytes.len();
        }
        bytes
    }
}

fn state<'a>(pod: &'a Value, container: &str) -> &'a Value {
    &container_status(pod, container)["state"]
}

/// Finds the run whose lines are wanted, or says why there is none, as the kubelet does.
pub(super) fn instance(pod: &Value, container: &str, which: Which) -> Result<Instance, Status> {
    let name = meta(pod, "name");
    let refuse = |why: &str| Err(Status::bad_request(format!("container {container:?} in pod {name:?} {why}")));
    let status = container_status(pod, container);
    let restarts = u32::try_from(status["restartCount"].as_u64().unwrap_or_default()).unwrap_or(u32::MAX);
    let (state, had_run) = (&status["state"], !status["lastState"]["terminated"].is_null());
    let has_begun = !state["running"].is_null() || !state["terminated"].is_null();
    let restarts = match (which, state["waiting"]["reason"].as_str()) {
        _ if status.is_null() => return refuse("is not available"),
        (Which::Previous, _) if !had_run => {
            return Err(Status::bad_request(format!(
                "previous terminated container {container:?} in pod {name:?} not found"
            )));
        }
        // While the next run waits, the count still says how often it was restarted; the last run is
        // that one unless a new one has begun.
        (Which::Previous, _) if has_begun => restarts.saturating_sub(1),
        (Which::Previous, _) => restarts,
        (Which::Current, _) if has_begun || had_run => restarts,
        (Which::Current, Some("ErrImagePull")) => return refuse("is waiting to start: image can't be pulled"),
        (Which::Current, Some("ImagePullBackOff")) => {
            return refuse("is waiting to start: trying and failing to pull image");
        }
        (Which::Current, Some(reason)) => return refuse(&format!("is waiting to start: {reason}")),
        (Which::Current, None) => return refuse("is waiting to start - no logs yet"),
    };
    Ok(Instance { pod: meta(pod, "uid").to_owned(), container: container.to_owned(), restarts })
}
