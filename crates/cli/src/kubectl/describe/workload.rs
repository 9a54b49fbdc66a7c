//! What makes Pods and what leads to them: Deployments, ReplicaSets, Services.

use serde_json::Value;

use super::{Page, joined, list, number, pod};
use crate::kubectl::age;
use crate::kubectl::get::{Query, fetch};
use crate::kubectl::resource::{Resource, Target};
use crate::kubectl::shape::text;
use crate::kubectl::trouble::Trouble;

/// Describes a Deployment, with its ReplicaSets.
///
/// # Errors
///
/// The ReplicaSets cannot be read.
pub(crate) async fn deployment(page: &mut Page, object: &Value) -> Result<(), Trouble> {
    page.head(object);
    page.line(format!("CreationTimestamp:\t{}", age::date(Some(text(object, "/metadata/creationTimestamp")))));
    page.labels(object);
    page.field("Selector", &joined(object.pointer("/spec/selector/matchLabels")));
    page.line(format!(
        "Replicas:\t{} desired | {} updated | {} total | {} available | {} unavailable",
        number(object, "/spec/replicas"),
        number(object, "/status/updatedReplicas"),
        number(object, "/status/replicas"),
        number(object, "/status/availableReplicas"),
        number(object, "/status/unavailableReplicas"),
    ));
    page.field("StrategyType", text(object, "/spec/strategy/type"));
    page.line(format!("MinReadySeconds:\t{}", number(object, "/spec/minReadySeconds")));
    if let Some(rolling) = object.pointer("/spec/strategy/rollingUpdate") {
        let amount = |key: &str| rolling.get(key).map(crate::kubectl::jsonpath::text_of).unwrap_or_default();
        page.line(format!(
            "RollingUpdateStrategy:\t{} max unavailable, {} max surge",
            amount("maxUnavailable"),
            amount("maxSurge")
        ));
    }
    pod::template(page, object.pointer("/spec/template").unwrap_or(&Value::Null));
    conditions(page, object);
    let sets = replica_sets(&page.api, object).await?;
    let describe = |sets: &[&Value]| {
        let words: Vec<String> = sets
            .iter()
            .map(|set| {
                format!(
                    "{} ({}/{} replicas created)",
                    text(set, "/metadata/name"),
                    number(set, "/status/replicas"),
                    number(set, "/spec/replicas")
                )
            })
            .collect();
        if words.is_empty() { "<none>".to_owned() } else { words.join(", ") }
    };
    let (new, old): (Vec<&Value>, Vec<&Value>) = sets.iter().partition(|set| revision(set) == revision(object));
    page.line(format!("OldReplicaSets:\t{}", describe(&old)));
    page.line(format!("NewReplicaSet:\t{}", describe(&new)));
    Ok(())
}

/// The revision that the Deployment controller wrote.
pub(crate) fn revision(object: &Value) -> i64 {
    let annotations = object.pointer("/metadata/annotations");
    let text = annotations.and_then(|map| map.get("deployment.kubernetes.io/revision")).and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The ReplicaSets that a Deployment owns, by revision.
///
/// # Errors
///
/// They cannot be read.
pub(crate) async fn replica_sets(api: &crate::kubectl::api::Api, deployment: &Value) -> Result<Vec<Value>, Trouble> {
    let query = Query {
        namespace: Some(text(deployment, "/metadata/namespace").to_owned()),
        label: Some(joined(deployment.pointer("/spec/selector/matchLabels"))),
        field: None,
    };
    let mut sets = fetch(api, &Target { resource: Resource::of("replicasets"), name: None }, &query).await?;
    let uid = text(deployment, "/metadata/uid");
    sets.retain(|set| list(set, "/metadata/ownerReferences").iter().any(|owner| text(owner, "/uid") == uid));
    sets.sort_by_key(revision);
    Ok(sets)
}

/// Describes a ReplicaSet, with the states of its Pods.
///
/// # Errors
///
/// The Pods cannot be read.
pub(crate) async fn replica_set(page: &mut Page, object: &Value) -> Result<(), Trouble> {
    page.head(object);
    page.field("Selector", &joined(object.pointer("/spec/selector/matchLabels")));
    page.labels(object);
    pod::owner(page, object);
    page.line(format!(
        "Replicas:\t{} current / {} desired",
        number(object, "/status/replicas"),
        number(object, "/spec/replicas")
    ));
    let query = Query {
        namespace: Some(text(object, "/metadata/namespace").to_owned()),
        label: Some(joined(object.pointer("/spec/selector/matchLabels"))),
        field: None,
    };
    let pods = fetch(&page.api, &Target { resource: Resource::of("pods"), name: None }, &query).await?;
    let count = |phase: &str| pods.iter().filter(|pod| text(pod, "/status/phase") == phase).count();
    page.line(format!(
        "Pods Status:\t{} Running / {} Waiting / {} Succeeded / {} Failed",
        count("Running"),
        count("Pending"),
        count("Succeeded"),
        count("Failed")
    ));
    pod::template(page, object.pointer("/spec/template").unwrap_or(&Value::Null));
    conditions(page, object);
    Ok(())
}

/// Writes the conditions, where there are any.
fn conditions(page: &mut Page, object: &Value) {
    let conditions = list(object, "/status/conditions");
    if !conditions.is_empty() {
        page.line("Conditions:");
        page.line("  Type\tStatus\tReason");
        page.line("  ----\t------\t------");
        for condition in conditions {
            page.line(format!(
                "  {} \t{}\t{}",
                text(condition, "/type"),
                text(condition, "/status"),
                text(condition, "/reason")
            ));
        }
    }
}

/// Describes a Service, with its endpoints.
///
/// # Errors
///
/// The endpoints cannot be read.
pub(crate) async fn service(page: &mut Page, object: &Value) -> Result<(), Trouble> {
    page.head(object);
    page.labels(object);
    page.field("Selector", &joined(object.pointer("/spec/selector")));
    page.field("Type", text(object, "/spec/type"));
    let words = |pointer: &str| {
        let words: Vec<&str> = list(object, pointer).iter().filter_map(Value::as_str).collect();
        words.join(",")
    };
    if !text(object, "/spec/ipFamilyPolicy").is_empty() {
        page.field("IP Family Policy", text(object, "/spec/ipFamilyPolicy"));
    }
    page.field("IP Families", &words("/spec/ipFamilies"));
    page.field("IP", text(object, "/spec/clusterIP"));
    page.field("IPs", &words("/spec/clusterIPs"));
    let resource = Resource::of("endpoints");
    let path = resource.path(Some(text(object, "/metadata/namespace")), Some(text(object, "/metadata/name")));
    let endpoints = page.api.find(&path).await?.unwrap_or_default();
    for port in list(object, "/spec/ports") {
        let name = match text(port, "/name") {
            "" => "<unset>",
            name => name,
        };
        let protocol = match text(port, "/protocol") {
            "" => "TCP",
            protocol => protocol,
        };
        page.line(format!("Port:\t{name}  {}/{protocol}", number(port, "/port")));
        let target = port.get("targetPort").map(crate::kubectl::jsonpath::text_of).unwrap_or_default();
        page.line(format!("TargetPort:\t{target}/{protocol}"));
        if number(port, "/nodePort") > 0 {
            page.line(format!("NodePort:\t{name}  {}/{protocol}", number(port, "/nodePort")));
        }
        let mut addresses = Vec::new();
        for subset in list(&endpoints, "/subsets") {
            for known in list(subset, "/ports").iter().filter(|known| text(known, "/name") == text(port, "/name")) {
                addresses.extend(
                    list(subset, "/addresses")
                        .iter()
                        .map(|address| format!("{}:{}", text(address, "/ip"), number(known, "/port"))),
                );
            }
        }
        let more = addresses.len().saturating_sub(SHOWN_ENDPOINTS);
        addresses.truncate(SHOWN_ENDPOINTS);
        let mut line = addresses.join(",");
        if more > 0 {
            line.push_str(&format!(" + {more} more..."));
        }
        page.field("Endpoints", &line);
    }
    page.field("Session Affinity", text(object, "/spec/sessionAffinity"));
    Ok(())
}

/// How many endpoints are spelt out.
const SHOWN_ENDPOINTS: usize = 3;
