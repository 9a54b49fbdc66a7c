//! `cordon`, `uncordon`, `drain`: a node without new Pods, or without Pods.

use serde_json::{Value, json};

use super::api::{Api, MERGE};
use super::change::{Picked, pick};
use super::delete::remove_pod;
use super::describe::list;
use super::flags::{Flag, Given, optional, switch, value};
use super::get::{Query, fetch};
use super::resource::{Resource, Target};
use super::shape::text;
use super::trouble::Trouble;
use crate::output;

/// The flags of the three verbs.
pub(crate) const FLAGS: &[Flag] = &[
    value("selector", Some('l')),
    switch("all", None),
    switch("ignore-daemonsets", None),
    switch("delete-emptydir-data", None),
    switch("force", None),
    value("grace-period", None),
    value("timeout", None),
    optional("dry-run", "unchanged"),
];

/// Whether a node takes new Pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schedulable {
    /// It does: `uncordon`.
    Yes,
    /// It does not: `cordon`.
    No,
}

async fn nodes(api: &Api, given: &Given) -> Result<Vec<Picked>, Trouble> {
    let mut words = vec!["nodes".to_owned()];
    words.extend(given.words.iter().map(|word| word.strip_prefix("node/").unwrap_or(word).to_owned()));
    if given.words.is_empty() && given.value("selector").is_none() && !given.is_on("all") {
        return Err(Trouble::error("USAGE: cordon NODE [flags]; see 'kubectl -h' for help and examples"));
    }
    pick(api, given, &words).await
}

/// Sets whether nodes take new Pods.
///
/// # Errors
///
/// A node is not there, or the server refuses.
pub(crate) async fn cordon(api: &Api, given: &Given, schedulable: Schedulable) -> Result<(), Trouble> {
    for node in nodes(api, given).await? {
        set(api, &node, schedulable).await?;
    }
    Ok(())
}

async fn set(api: &Api, node: &Picked, schedulable: Schedulable) -> Result<(), Trouble> {
    let name = text(&node.object, "/metadata/name");
    let cordoned = node.object.pointer("/spec/unschedulable") == Some(&Value::Bool(true));
    let (wanted, word) = match schedulable {
        Schedulable::Yes => (false, "uncordoned"),
        Schedulable::No => (true, "cordoned"),
    };
    if cordoned == wanted {
        output::print(&format!("node/{name} already {word}\n"));
        return Ok(());
    }
    let value = if wanted { json!(true) } else { Value::Null };
    api.patch(&node.path, MERGE, &json!({ "spec": { "unschedulable": value } })).await?;
    output::print(&format!("node/{name} {word}\n"));
    Ok(())
}

/// Cordons nodes and evicts their Pods.
///
/// # Errors
///
/// Pods would be lost and no flag allows it, or the server refuses.
pub(crate) async fn drain(api: &Api, given: &Given) -> Result<(), Trouble> {
    for node in nodes(api, given).await? {
        set(api, &node, Schedulable::No).await?;
        let name = text(&node.object, "/metadata/name");
        let query = Query { namespace: None, label: None, field: Some(format!("spec.nodeName={name}")) };
        let pods = fetch(api, &Target { resource: Resource::of("pods"), name: None }, &query).await?;
        let mut leaving = Vec::new();
        let mut kept = Vec::new();
        for pod in &pods {
            let full = format!("{}/{}", text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
            // Static Pods mirror files of the node: the API cannot remove them.
            if pod.pointer("/metadata/annotations/kubernetes.io~1config.mirror").is_some() {
                continue;
            }
            let owners = list(pod, "/metadata/ownerReferences");
            if owners.iter().any(|owner| text(owner, "/kind") == "DaemonSet") {
                if !given.is_on("ignore-daemonsets") {
                    kept.push(format!(
                        "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): {full}"
                    ));
                }
                continue;
            }
            let local = list(pod, "/spec/volumes").iter().any(|volume| volume.get("emptyDir").is_some());
            if local && !given.is_on("delete-emptydir-data") {
                kept.push(format!(
                    "cannot delete Pods with local storage (use --delete-emptydir-data to override): {full}"
                ));
                continue;
            }
            if owners.is_empty() && !given.is_on("force") {
                kept.push(format!("cannot delete Pods that declare no controller (use --force to override): {full}"));
                continue;
            }
            leaving.push(pod);
        }
        if !kept.is_empty() {
            return Err(Trouble::error(format!("unable to drain node {name:?}: [{}]", kept.join(", "))));
        }
        for pod in leaving {
            let (namespace, pod_name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
            output::print(&format!("evicting pod {namespace}/{pod_name}\n"));
            remove_pod(api, pod).await?;
            output::print(&format!("pod/{pod_name} evicted\n"));
        }
        output::print(&format!("node/{name} drained\n"));
    }
    Ok(())
}
