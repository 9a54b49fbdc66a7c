//! Watches: changes as JSON lines, from a version on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures::StreamExt as _;
use futures::stream;
use http::{Request, Response};
use hyper::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, sleep_until};

use super::objects::Form;
use super::query::Query;
use super::route::Place;
use super::{Front, answer};
use crate::api::{ListOptions, Status};
use crate::resources::Resource;
use crate::store::{Change, ChangeKind};

/// How long a watch lasts if the client does not say, in seconds.
const LENGTH: u64 = 3600;
/// How often a quiet watch says how far it is.
const BOOKMARK: Duration = Duration::from_secs(60);
/// The annotation of the bookmark that ends the initial events.
const INITIAL_END: &str = "k8s.io/initial-events-end";

struct Watch {
    front: Arc<Front>,
    resource: &'static Resource,
    namespace: Option<String>,
    options: ListOptions,
    form: Form,
    query: Query,
    /// Lines ready to go.
    ready: VecDeque<Bytes>,
    changes: broadcast::Receiver<Arc<Change>>,
    /// The version up to which changes have been sent.
    revision: u64,
    bookmarks: Bookmarks,
    next_bookmark: Instant,
    end: Instant,
    state: Life,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bookmarks {
    Wanted,
    Unwanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    Ending,
}

/// Answers a watch.
pub(super) fn answer(
    front: &Arc<Front>,
    request: &Request<Body>,
    place: Place<'_>,
    query: &Query,
) -> Result<Response<Body>, Status> {
    let resource = place.resource;
    let mut options = query.list(resource)?;
    options.limit = 0;
    options.after = None;
    let seconds = query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0).unwrap_or(LENGTH).min(24 * LENGTH);
    let wants_initial = query.is_set("sendInitialEvents");
    let version = query.get("resourceVersion");
    let bookmarks = if query.is_set("allowWatchBookmarks") { Bookmarks::Wanted } else { Bookmarks::Unwanted };
    if wants_initial && (query.get("resourceVersionMatch") != "NotOlderThan" || bookmarks == Bookmarks::Unwanted) {
        return Err(Status {
            code: 422,
            reason: "Invalid",
            message: "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents \
                      requires setting resourceVersionMatch to NotOlderThan and allowWatchBookmarks"
                .to_owned(),
            details: None,
        });
    }
    let now = Instant::now();
    let mut watch = Watch {
        front: Arc::clone(front),
        resource,
        namespace: place.namespace.map(str::to_owned),
        options,
        form: Form::of(request)?,
        query: Query::of(request.uri())?,
        ready: VecDeque::new(),
        changes: front.api.subscribe(),
        revision: 0,
        bookmarks,
        next_bookmark: now + BOOKMARK,
        end: now + Duration::from_secs(seconds),
        state: Life::Open,
    };
    if wants_initial || matches!(version, "" | "0") {
        let (list, changes) = front.api.list_and_subscribe(resource, place.namespace, &watch.options)?;
        (watch.changes, watch.revision) = (changes, list.revision);
        for object in &list.items {
            watch.push("ADDED", object);
        }
        if wants_initial {
            watch.push_bookmark(json!({ INITIAL_END: "true" }));
        }
    } else {
        let revision: u64 = version.parse().map_err(|_| {
            Status::bad_request(format!(
                "resourceVersion: Invalid value: {version:?}: strconv.ParseUint: invalid syntax"
            ))
        })?;
        watch.revision = revision;
        match front.api.changes_since(revision) {
            Ok((past, changes)) => {
                watch.changes = changes;
                for change in past {
                    watch.take(&change);
                }
            }
            // As the real server does: the refusal is an event of a watch that began well.
            Err(status) => watch.fail(&status),
        }
    }
    let stop = front.stop.clone();
    let lines = stream::unfold(watch, Watch::step).take_until(stop.cancelled_owned());
    Ok(answer::typed(200, "application/json", Body::from_stream(lines)))
}

impl Watch {
    async fn step(mut self) -> Option<(Result<Bytes, std::io::Error>, Watch)> {
        loop {
            if !self.ready.is_empty() {
                // What is ready goes out together.
                let chunk: Vec<u8> = self.ready.drain(..).flatten().collect();
                return Some((Ok(Bytes::from(chunk)), self));
            }
            if self.state == Life::Ending {
                return None;
            }
            tokio::select! {
                () = sleep_until(self.end) => return None,
                () = sleep_until(self.next_bookmark) => {
                    self.next_bookmark = Instant::now() + BOOKMARK;
                    if self.bookmarks == Bookmarks::Wanted {
                        self.push_bookmark(Value::Null);
                    }
                }
                change = self.changes.recv() => match change {
                    Ok(change) => self.take(&change),
                    Err(RecvError::Lagged(_)) => {
                        let text = format!("too old resource version: {} ({})", self.revision, self.front.api.revision());
                        self.fail(&Status::expired(text));
                    }
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// Sends a change, if it concerns this watch.
    fn take(&mut self, change: &Change) {
        if change.revision <= self.revision {
            return;
        }
        self.revision = change.revision;
        let concerns = *change.resource == *self.resource
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == change.key.namespace);
        if !concerns {
            return;
        }
        let matched = change.previous.as_ref().is_some_and(|object| self.options.matches(object));
        let matches = change.kind != ChangeKind::Deleted && self.options.matches(&change.object);
        match (matched, matches) {
            (false, true) => self.push("ADDED", &change.object),
            (true, true) => self.push("MODIFIED", &change.object),
            (true, false) => self.push("DELETED", &change.object),
            (false, false) => {}
        }
    }

    fn push(&mut self, kind: &str, object: &Value) {
        let object = self.form.render(&self.front, self.resource, object, &self.query);
        self.push_event(kind, object);
    }

    fn push_event(&mut self, kind: &str, object: Value) {
        let mut line = json!({ "type": kind, "object": object }).to_string();
        line.push('\n');
        self.ready.push_back(Bytes::from(line));
    }

    fn push_bookmark(&mut self, annotations: Value) {
        let mut metadata = json!({ "resourceVersion": self.revision.to_string(), "creationTimestamp": null });
        if !annotations.is_null() {
            metadata["annotations"] = annotations;
        }
        let (api_version, kind) = match self.form {
            Form::Metadata => ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadata"),
            Form::Whole | Form::Table => (self.resource.api_version(), self.resource.kind),
        };
        self.push_event("BOOKMARK", json!({ "kind": kind, "apiVersion": api_version, "metadata": metadata }));
    }

    fn fail(&mut self, status: &Status) {
        self.push_event("ERROR", status.to_value());
        self.state = Life::Ending;
    }
}
