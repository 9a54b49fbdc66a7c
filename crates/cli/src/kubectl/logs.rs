//! `logs`: of a Pod, of what owns Pods, or of all Pods with a label.

use std::collections::BTreeMap;

use serde_json::Value;

use super::api::Api;
use super::flags::{Flag, Given, switch, value};
use super::get::{Query, fetch, join};
use super::resource::{Resource, Target, resolve};
use super::shape::text;
use super::trouble::Trouble;
use crate::output;

/// The flags of `logs`.
pub(crate) const FLAGS: &[Flag] = &[
    switch("follow", Some('f')),
    switch("previous", Some('p')),
    value("container", Some('c')),
    value("selector", Some('l')),
    value("tail", None),
    value("since", None),
    value("since-time", None),
    value("limit-bytes", None),
    value("max-log-requests", None),
    switch("timestamps", None),
    switch("prefix", None),
    switch("all-containers", None),
    switch("ignore-errors", None),
    value("pod-running-timeout", None),
];

/// How many Pods are followed at once unless `--max-log-requests` says more.
const MOST_FOLLOWED: usize = 5;

/// Prints logs.
///
/// # Errors
///
/// The Pod or container is not there, or has no log.
pub(crate) async fn run(api: &Api, given: &Given) -> Result<(), Trouble> {
    let pods = pods(api, given).await?;
    let mut streams = Vec::new();
    for pod in &pods {
        for container in containers(pod, given)? {
            streams.push((text(pod, "/metadata/name").to_owned(), container));
        }
    }
    let follow = given.is_on("follow");
    let most = given.number("max-log-requests")?.and_then(|most| usize::try_from(most).ok()).unwrap_or(MOST_FOLLOWED);
    if follow && streams.len() > most {
        return Err(Trouble::error(format!(
            "you are attempting to follow {} log streams, but maximum allowed concurrency is {most}, use --max-log-requests to increase the limit",
            streams.len()
        )));
    }
    if follow {
        let all = streams.iter().map(|(pod, container)| print(api, given, pod, container));
        futures::future::try_join_all(all).await?;
    } else {
        for (pod, container) in &streams {
            match print(api, given, pod, container).await {
                Err(trouble) if given.is_on("ignore-errors") => output::note(&trouble.to_string()),
                other => other?,
            }
        }
    }
    Ok(())
}

async fn print(api: &Api, given: &Given, pod: &str, container: &str) -> Result<(), Trouble> {
    let path = format!("{}/log", Resource::of("pods").path(Some(&api.namespace), Some(pod)));
    let mut pairs = vec![("container", container.to_owned())];
    for switch in ["follow", "previous", "timestamps"] {
        if given.is_on(switch) {
            pairs.push((switch, "true".to_owned()));
        }
    }
    let lines = given.number("tail")?.or(given.value("selector").map(|_| 10));
    if let Some(lines) = lines.filter(|lines| *lines >= 0) {
        pairs.push(("tailLines", lines.to_string()));
    }
    if let Some(bytes) = given.number("limit-bytes")? {
        pairs.push(("limitBytes", bytes.to_string()));
    }
    if let Some(since) = given.duration("since")? {
        pairs.push(("sinceSeconds", since.as_secs().max(1).to_string()));
    }
    if let Some(since) = given.value("since-time") {
        pairs.push(("sinceTime", since.to_owned()));
    }
    let borrowed: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let mut lines = api.stream(&join(&path, &borrowed), "*/*").await?;
    let prefix = if given.is_on("prefix") { format!("[pod/{pod}/{container}] ") } else { String::new() };
    while let Some(line) = lines.next().await? {
        if !prefix.is_empty() {
            output::print(&prefix);
        }
        if !output::print_bytes(&line) {
            break;
        }
    }
    Ok(())
}

async fn pods(api: &Api, given: &Given) -> Result<Vec<Value>, Trouble> {
    let pods = Target { resource: Resource::of("pods"), name: None };
    let query = |label: String| Query { namespace: Some(api.namespace.clone()), label: Some(label), field: None };
    if let Some(selector) = given.value("selector") {
        let found = fetch(api, &pods, &query(selector.to_owned())).await?;
        if found.is_empty() {
            output::note(&format!("No resources found in {} namespace.", api.namespace));
        }
        return Ok(found);
    }
    let Some(word) = given.words.first() else {
        return Err(Trouble::error(
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command\nSee 'kubectl logs -h' for help and examples",
        ));
    };
    let (resource, name) = match word.split_once('/') {
        Some((kind, name)) => (resolve(api, kind).await?, name.to_owned()),
        None => (Resource::of("pods"), word.clone()),
    };
    let object = api.get(&resource.path(Some(&api.namespace), Some(&name))).await?;
    if resource.plural == "pods" {
        return Ok(vec![object]);
    }
    let labels = object.pointer("/spec/selector/matchLabels").or_else(|| object.pointer("/spec/selector"));
    let labels: BTreeMap<String, String> =
        labels.and_then(|labels| serde_json::from_value(labels.clone()).ok()).unwrap_or_default();
    if labels.is_empty() {
        return Err(Trouble::error(format!("cannot get the logs from {}: selector is empty", resource.prefix())));
    }
    let selector: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut found = fetch(api, &pods, &query(selector.join(","))).await?;
    // The one that most likely has something to say comes first: running, then oldest.
    found.sort_by_key(|pod| {
        (text(pod, "/status/phase") != "Running", text(pod, "/metadata/creationTimestamp").to_owned())
    });
    let count = found.len();
    let Some(first) = found.into_iter().next() else {
        return Err(Trouble::error("timed out waiting for the condition"));
    };
    if count > 1 {
        output::note(&format!("Found {count} pods, using pod/{}", text(&first, "/metadata/name")));
    }
    Ok(vec![first])
}

fn containers(pod: &Value, given: &Given) -> Result<Vec<String>, Trouble> {
    let list = |pointer: &str| {
        let items = pod.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        items.map(|container| text(container, "/name").to_owned()).collect::<Vec<_>>()
    };
    let main = list("/spec/containers");
    let initial = list("/spec/initContainers");
    if given.is_on("all-containers") {
        return Ok(initial.into_iter().chain(main).collect());
    }
    let named = given.value("container").or(given.words.get(1).map(String::as_str));
    match (named, main.as_slice()) {
        (Some(name), _) if main.iter().chain(&initial).any(|container| container == name) => Ok(vec![name.to_owned()]),
        (Some(name), _) => {
            Err(Trouble::error(format!("container {name} is not valid for pod {}", text(pod, "/metadata/name"))))
        }
        (None, [only]) => Ok(vec![only.clone()]),
        (None, [first, ..]) => {
            output::note(&format!("Defaulted container {first:?} out of: {}", main.join(", ")));
            Ok(vec![first.clone()])
        }
        (None, []) => Err(Trouble::error(format!("pod {} has no containers", text(pod, "/metadata/name")))),
    }
}
