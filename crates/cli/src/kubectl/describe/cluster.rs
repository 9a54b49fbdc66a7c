//! Nodes, Namespaces and what bounds them; ConfigMaps, Secrets, ServiceAccounts.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::Value;

use super::{Page, list};
use crate::kubectl::age;
use crate::kubectl::amount::Amount;
use crate::kubectl::get::{Query, fetch};
use crate::kubectl::resource::{Resource, Target};
use crate::kubectl::shape::text;
use crate::kubectl::trouble::Trouble;

/// Describes a node, with the Pods on it and what they reserve.
///
/// # Errors
///
/// The Pods cannot be read.
pub(crate) async fn node(page: &mut Page, node: &Value) -> Result<(), Trouble> {
    let name = text(node, "/metadata/name").to_owned();
    page.field("Name", &name);
    let roles: Vec<&str> = node
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    page.field("Roles", &roles.join(","));
    page.labels(node);
    page.line(format!("CreationTimestamp:\t{}", age::date(Some(text(node, "/metadata/creationTimestamp")))));
    let taints: Vec<String> = list(node, "/spec/taints")
        .iter()
        .map(|taint| {
            let value = match text(taint, "/value") {
                "" => String::new(),
                value => format!("={value}"),
            };
            format!("{}{value}:{}", text(taint, "/key"), text(taint, "/effect"))
        })
        .collect();
    if taints.is_empty() {
        page.line("Taints:\t<none>");
    }
    for (index, taint) in taints.iter().enumerate() {
        page.line(if index == 0 { format!("Taints:\t{taint}") } else { format!("\t{taint}") });
    }
    page.line(format!("Unschedulable:\t{}", node.pointer("/spec/unschedulable") == Some(&Value::Bool(true))));
    lease(page, &name).await?;
    page.line("Conditions:");
    page.line("  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    page.line("  ----\t------\t-----------------\t------------------\t------\t-------");
    for condition in list(node, "/status/conditions") {
        page.line(format!(
            "  {} \t{} \t{} \t{} \t{} \t{}",
            text(condition, "/type"),
            text(condition, "/status"),
            age::date(Some(text(condition, "/lastHeartbeatTime"))),
            age::date(Some(text(condition, "/lastTransitionTime"))),
            text(condition, "/reason"),
            text(condition, "/message"),
        ));
    }
    page.line("Addresses:");
    for address in list(node, "/status/addresses") {
        page.line(format!("  {}:\t{}", text(address, "/type"), text(address, "/address")));
    }
    for (title, pointer) in [("Capacity", "/status/capacity"), ("Allocatable", "/status/allocatable")] {
        page.line(format!("{title}:"));
        for (resource, amount) in node.pointer(pointer).and_then(Value::as_object).into_iter().flatten() {
            page.line(format!("  {resource}:\t{}", amount.as_str().unwrap_or_default()));
        }
    }
    page.line("System Info:");
    for (title, key) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ] {
        let value = text(node, &format!("/status/nodeInfo/{key}"));
        // Newer nodes name no kube-proxy.
        if !(value.is_empty() && key == "kubeProxyVersion") {
            page.line(format!("  {title}:\t{value}"));
        }
    }
    if !text(node, "/spec/podCIDR").is_empty() {
        page.field("PodCIDR", text(node, "/spec/podCIDR"));
        let all: Vec<&str> = list(node, "/spec/podCIDRs").iter().filter_map(Value::as_str).collect();
        page.field("PodCIDRs", &all.join(","));
    }
    pods_of(page, node, &name).await
}

async fn lease(page: &mut Page, name: &str) -> Result<(), Trouble> {
    let path = format!(
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{}",
        crate::kubectl::resource::escape(name)
    );
    let lease = match page.api.find(&path).await {
        Ok(lease) => lease,
        // The account may not read leases: kubectl says so in the description and goes on.
        Err(trouble) if trouble.code().is_some() => None,
        Err(trouble) => return Err(trouble),
    };
    let Some(lease) = lease else { return Ok(()) };
    let at = |pointer: &str| age::date(Some(text(&lease, pointer)).filter(|at| !at.is_empty()));
    page.line("Lease:");
    page.line(format!("  HolderIdentity:\t{}", text(&lease, "/spec/holderIdentity")));
    page.line(format!("  AcquireTime:\t{}", at("/spec/acquireTime")));
    page.line(format!("  RenewTime:\t{}", at("/spec/renewTime")));
    Ok(())
}

async fn pods_of(page: &mut Page, node: &Value, name: &str) -> Result<(), Trouble> {
    let field = format!("spec.nodeName={name},status.phase!=Failed,status.phase!=Succeeded");
    let query = Query { namespace: None, label: None, field: Some(field) };
    let pods = fetch(&page.api, &Target { resource: Resource::of("pods"), name: None }, &query).await?;
    page.line(format!("Non-terminated Pods:\t({} in total)", pods.len()));
    page.line("  Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    page.line("  ---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    let room = |resource: &str| Amount::of(node.pointer("/status/allocatable"), resource);
    let mut totals: BTreeMap<(&str, &str), Amount> = BTreeMap::new();
    let allocatable = node.pointer("/status/allocatable").and_then(Value::as_object);
    let huge =
        allocatable.into_iter().flatten().map(|(key, _)| key.as_str()).filter(|key| key.starts_with("hugepages-"));
    let others: Vec<&str> = std::iter::once("ephemeral-storage").chain(huge).collect();
    for pod in &pods {
        let mut cells = vec![
            format!("  {}", text(pod, "/metadata/namespace")),
            text(pod, "/metadata/name").to_owned(),
            // kubectl keeps an empty column here.
            String::new(),
        ];
        for resource in ["cpu", "memory"] {
            for bound in ["requests", "limits"] {
                let amount = of_pod(pod, bound, resource);
                cells.push(amount.with_share(room(resource)));
                let total = totals.entry((resource, bound)).or_default();
                *total = total.plus(amount);
            }
        }
        for resource in &others {
            for bound in ["requests", "limits"] {
                let total = totals.entry((resource, bound)).or_default();
                *total = total.plus(of_pod(pod, bound, resource));
            }
        }
        cells.push(page.age(text(pod, "/metadata/creationTimestamp")));
        page.line(cells.join("\t"));
    }
    page.line("Allocated resources:");
    page.line("  (Total limits may be over 100 percent, i.e., overcommitted.)");
    page.line("  Resource\tRequests\tLimits");
    page.line("  --------\t--------\t------");
    for resource in ["cpu", "memory"].into_iter().chain(others) {
        let total = |bound| totals.get(&(resource, bound)).copied().unwrap_or_default().with_share(room(resource));
        page.line(format!("  {resource}\t{}\t{}", total("requests"), total("limits")));
    }
    Ok(())
}

/// What a Pod reserves or may use: the sum of its containers, or its greediest init container.
fn of_pod(pod: &Value, bound: &str, resource: &str) -> Amount {
    let of = |container: &Value| Amount::of(container.pointer(&format!("/resources/{bound}")), resource);
    let sum = list(pod, "/spec/containers").iter().fold(Amount::default(), |sum, container| sum.plus(of(container)));
    list(pod, "/spec/initContainers").iter().map(of).fold(sum, Amount::max)
}

/// Describes a Namespace, with its quotas and limits.
///
/// # Errors
///
/// They cannot be read.
pub(crate) async fn namespace(page: &mut Page, namespace: &Value) -> Result<(), Trouble> {
    page.field("Name", text(namespace, "/metadata/name"));
    page.labels(namespace);
    page.field("Status", text(namespace, "/status/phase"));
    let query = Query { namespace: Some(text(namespace, "/metadata/name").to_owned()), label: None, field: None };
    let quotas = fetch(&page.api, &Target { resource: Resource::of("resourcequotas"), name: None }, &query).await?;
    page.line("");
    if quotas.is_empty() {
        page.line("No resource quota.");
    } else {
        page.line("Resource Quotas");
        for quota in &quotas {
            page.line(format!("  Name:\t{}", text(quota, "/metadata/name")));
            page.line("  Resource\tUsed\tHard");
            page.line("  --------\t---\t---");
            for (resource, used, hard) in quota_rows(quota) {
                page.line(format!("  {resource}\t{used}\t{hard}"));
            }
        }
    }
    let ranges = fetch(&page.api, &Target { resource: Resource::of("limitranges"), name: None }, &query).await?;
    page.line("");
    if ranges.is_empty() {
        page.line("No LimitRange resource.");
    } else {
        page.line("Resource Limits");
        page.line(" Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
        page.line(" ----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
        for range in &ranges {
            limit_rows(page, " ", range);
        }
    }
    Ok(())
}

fn quota_rows(quota: &Value) -> Vec<(String, String, String)> {
    let hard = quota.pointer("/status/hard").or_else(|| quota.pointer("/spec/hard")).and_then(Value::as_object);
    hard.into_iter()
        .flatten()
        .map(|(resource, hard)| {
            let used = quota.pointer("/status/used").and_then(|used| used.get(resource));
            let word =
                |value: Option<&Value>| value.map(crate::kubectl::jsonpath::text_of).unwrap_or_else(|| "0".to_owned());
            (resource.clone(), word(used), word(Some(hard)))
        })
        .collect()
}

/// Describes a ResourceQuota.
pub(crate) fn quota(page: &mut Page, quota: &Value) {
    page.head(quota);
    let scopes: Vec<&str> = list(quota, "/spec/scopes").iter().filter_map(Value::as_str).collect();
    if !scopes.is_empty() {
        page.line(format!("Scopes:\t{}", scopes.join(", ")));
    }
    page.line("Resource\tUsed\tHard");
    page.line("--------\t----\t----");
    for (resource, used, hard) in quota_rows(quota) {
        page.line(format!("{resource}\t{used}\t{hard}"));
    }
}

/// Describes a LimitRange.
pub(crate) fn limit_range(page: &mut Page, range: &Value) {
    page.head(range);
    page.line("Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
    page.line("----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
    limit_rows(page, "", range);
}

fn limit_rows(page: &mut Page, indent: &str, range: &Value) {
    for limit in list(range, "/spec/limits") {
        let columns = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"];
        let mut resources: Vec<&String> = columns
            .iter()
            .filter_map(|column| limit.get(column).and_then(Value::as_object))
            .flat_map(serde_json::Map::keys)
            .collect();
        resources.sort();
        resources.dedup();
        for resource in resources {
            let cells: Vec<String> = columns
                .iter()
                .map(|column| match limit.get(column).and_then(|amounts| amounts.get(resource)) {
                    Some(amount) => crate::kubectl::jsonpath::text_of(amount),
                    None => "-".to_owned(),
                })
                .collect();
            page.line(format!("{indent}{}\t{resource}\t{}", text(limit, "/type"), cells.join("\t")));
        }
    }
}

/// Describes a ConfigMap: its entries in full.
pub(crate) fn config_map(page: &mut Page, map: &Value) {
    page.head(map);
    page.labels(map);
    page.verbatim("\nData\n====");
    for (key, value) in map.get("data").and_then(Value::as_object).into_iter().flatten() {
        page.verbatim(&format!("{key}:\n----\n{}\n", value.as_str().unwrap_or_default()));
    }
    page.verbatim("\nBinaryData\n====");
    for (key, value) in map.get("binaryData").and_then(Value::as_object).into_iter().flatten() {
        page.verbatim(&format!("{key}: {} bytes", decoded_length(value)));
    }
    page.line("");
}

/// Describes a Secret: sizes only.
pub(crate) fn secret(page: &mut Page, secret: &Value) {
    page.head(secret);
    page.labels(secret);
    page.line("");
    page.field("Type", text(secret, "/type"));
    page.verbatim("\nData\n====");
    for (key, value) in secret.get("data").and_then(Value::as_object).into_iter().flatten() {
        page.line(format!("{key}:\t{} bytes", decoded_length(value)));
    }
}

fn decoded_length(value: &Value) -> usize {
    let text = value.as_str().unwrap_or_default();
    base64::engine::general_purpose::STANDARD.decode(text).map_or(0, |bytes| bytes.len())
}

/// Describes a ServiceAccount.
pub(crate) fn service_account(page: &mut Page, account: &Value) {
    page.head(account);
    page.labels(account);
    for (title, pointer) in [("Image pull secrets", "/imagePullSecrets"), ("Mountable secrets", "/secrets")] {
        let names: Vec<&str> = list(account, pointer).iter().map(|secret| text(secret, "/name")).collect();
        page.field(title, &names.join(", "));
    }
    let tokens: Vec<&str> = list(account, "/secrets").iter().map(|secret| text(secret, "/name")).collect();
    page.field("Tokens", &tokens.join(", "));
}
