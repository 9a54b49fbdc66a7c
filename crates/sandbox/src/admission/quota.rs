//! What objects use of a ResourceQuota, and whether one more fits.
//!
//! Rules and texts of `k8s.io/apiserver/pkg/admission/plugin/resourcequota` and of `pkg/quota/v1/evaluator/core`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::Version;
use crate::amounts::{self, Amounts, Side};
use crate::api::Status;
use crate::defaults::map_at_value;
use crate::fields::{is_deleted, list, map_at, text};
use crate::quantity::Quantity;
use crate::resources::{self, EVENTS, PERSISTENT_VOLUME_CLAIMS, RESOURCE_QUOTAS, Resource, SERVICES};
use crate::store::Object;

use super::{Operation, Plugin, Request, Transaction};

/// The plug-in.
pub(crate) struct ResourceQuota(pub(crate) Version);

impl Plugin for ResourceQuota {
    fn name(&self) -> &'static str {
        "ResourceQuota"
    }

    fn validate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if request.subresource.is_some() || *request.resource == EVENTS {
            return Ok(());
        }
        let old = match (request.operation, &request.old) {
            (Operation::Create, _) => None,
            (Operation::Update, Some(old)) if grows(request.resource) => Some(&**old),
            (Operation::Update | Operation::Delete, _) => return Ok(()),
        };
        let quotas = transaction.list(&RESOURCE_QUOTAS, Some(&request.namespace));
        let mut charged = Vec::new();
        let mut refusals = Vec::new();
        for quota in quotas {
            let quota = counted(quota, transaction, &request.namespace);
            match charge_change(&quota, request.resource, &request.object, old, self.0) {
                Ok(used) if used.is_empty() => {}
                Ok(used) => charged.push((quota, used)),
                Err(refusal) => refusals.push(refusal),
            }
        }
        // What a Pod leaves out is told before anything is compared.
        let first = refusals.iter().find(|text| !text.starts_with("exceeded")).or(refusals.first());
        if let Some(refusal) = first {
            return Err(request.forbid(refusal));
        }
        for (quota, used) in charged {
            let mut quota = Value::clone(&quota);
            map_at(map_at_value(&mut quota, "status"), "used").extend(amounts::to_json(&used));
            let name = text(&quota, "/metadata/name").to_owned();
            transaction.put(&RESOURCE_QUOTAS, &request.namespace, &name, quota);
        }
        Ok(())
    }
}

/// Returns a quota that says what it allows and what is used, also where the controller has not counted yet since it was
/// made or changed: a real cluster leaves a gap there in which it refuses nothing.
fn counted(quota: Object, transaction: &Transaction<'_>, namespace: &str) -> Object {
    let hard = &quota["spec"]["hard"];
    if quota["status"]["hard"] == *hard {
        return quota;
    }
    let used = recount(&quota, |resource| transaction.list(resource, Some(namespace)));
    let status = serde_json::json!({ "hard": hard, "used": Value::Object(amounts::to_json(&used)) });
    let mut counted = Value::clone(&quota);
    counted["status"] = status;
    Object::new(counted)
}

/// Returns whether an object of this resource can come to use more after its creation.
fn grows(resource: &Resource) -> bool {
    *resource == SERVICES || *resource == PERSISTENT_VOLUME_CLAIMS
}

/// What a Pod must state where a quota counts it.
const MANDATORY: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// Returns what one object uses, whether or not a quota asks for it.
pub(crate) fn usage(resource: &Resource, object: &Value) -> Amounts {
    let mut usage = Amounts::from([(count_name(resource), Quantity::whole(1))]);
    match (resource.group, resource.plural) {
        ("", "pods") => pod_usage(object, &mut usage),
        ("", "services") => service_usage(object, &mut usage),
        ("", "persistentvolumeclaims") => claim_usage(object, &mut usage),
        ("", "configmaps" | "secrets" | "resourcequotas" | "replicationcontrollers") => {
            usage.insert(resource.plural.to_owned(), Quantity::whole(1));
        }
        _ => {}
    }
    usage
}

fn count_name(resource: &Resource) -> String {
    format!("count/{resource}")
}

fn pod_usage(pod: &Value, usage: &mut Amounts) {
    if amounts::is_terminal(pod) {
        return;
    }
    usage.insert("pods".to_owned(), Quantity::whole(1));
    let spec = pod.get("spec").unwrap_or(&Value::Null);
    for (name, amount) in amounts::of_pod(spec, Side::Requests) {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-") {
            usage.insert(name.clone(), amount);
        }
        usage.insert(format!("requests.{name}"), amount);
    }
    for (name, amount) in amounts::of_pod(spec, Side::Limits) {
        if matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") {
            usage.insert(format!("limits.{name}"), amount);
        }
    }
}

fn service_usage(service: &Value, usage: &mut Amounts) {
    let ports = i64::try_from(list(service, "/spec/ports").len()).unwrap_or(i64::MAX);
    usage.insert("services".to_owned(), Quantity::whole(1));
    let (node_ports, balancers) = match text(service, "/spec/type") {
        "NodePort" => (ports, 0),
        "LoadBalancer" => (ports, 1),
        _ => (0, 0),
    };
    usage.insert("services.nodeports".to_owned(), Quantity::whole(node_ports));
    usage.insert("services.loadbalancers".to_owned(), Quantity::whole(balancers));
}

/// What stands between the name of a class of storage and what is counted of it.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";

fn claim_usage(claim: &Value, usage: &mut Amounts) {
    let one = Quantity::whole(1);
    let storage = amounts::at(claim, "/spec/resources/requests").get("storage").copied();
    let annotated = claim["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"].as_str();
    let class = annotated.unwrap_or(text(claim, "/spec/storageClassName"));
    usage.insert("persistentvolumeclaims".to_owned(), one);
    if !class.is_empty() {
        usage.insert(format!("{class}{OF_CLASS}persistentvolumeclaims"), one);
    }
    if let Some(storage) = storage {
        usage.insert("requests.storage".to_owned(), storage);
        if !class.is_empty() {
            usage.insert(format!("{class}{OF_CLASS}requests.storage"), storage);
        }
    }
}

/// Returns whether a quota's name can be charged for objects of this resource.
fn concerns(resource: &Resource, name: &str) -> bool {
    if name == count_name(resource) {
        return true;
    }
    match (resource.group, resource.plural) {
        ("", "pods") => {
            matches!(name, "pods" | "cpu" | "memory" | "ephemeral-storage")
                || (name.starts_with("requests.")
                    && name != "requests.storage"
                    && !name.contains(".storageclass.storage.k8s.io/"))
                || matches!(name, "limits.cpu" | "limits.memory" | "limits.ephemeral-storage")
                || name.starts_with("hugepages-")
        }
        ("", "persistentvolumeclaims") => {
            matches!(name, "persistentvolumeclaims" | "requests.storage") || name.contains(OF_CLASS)
        }
        ("", "services") => matches!(name, "services" | "services.nodeports" | "services.loadbalancers"),
        ("", plural) => name == plural,
        _ => false,
    }
}

/// Returns whether an object lies in a quota's scopes.
pub(crate) fn matches_scopes(quota: &Value, resource: &Resource, object: &Value) -> bool {
    let scopes = list(quota, "/spec/scopes");
    let selectors = list(quota, "/spec/scopeSelector/matchExpressions");
    if (scopes.is_empty() && selectors.is_empty()) || (resource.group, resource.plural) != ("", "pods") {
        return scopes.is_empty() && selectors.is_empty();
    }
    scopes.iter().all(|scope| in_scope(scope.as_str().unwrap_or_default(), "Exists", &[], object))
        && selectors.iter().all(|selector| {
            let values: Vec<&str> = list(selector, "/values").iter().filter_map(Value::as_str).collect();
            in_scope(text(selector, "/scopeName"), text(selector, "/operator"), &values, object)
        })
}

fn in_scope(scope: &str, operator: &str, values: &[&str], pod: &Value) -> bool {
    let best_effort = amounts::quality_of_service(pod.get("spec").unwrap_or(&Value::Null)) == "BestEffort";
    match scope {
        "Terminating" => amounts::has_deadline(pod),
        "NotTerminating" => !amounts::has_deadline(pod),
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "CrossNamespacePodAffinity" => reaches_other_namespaces(pod),
        "PriorityClass" => {
            let class = text(pod, "/spec/priorityClassName");
            match operator {
                "Exists" => !class.is_empty(),
                "DoesNotExist" => class.is_empty(),
                "In" => values.contains(&class),
                "NotIn" => !values.contains(&class),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Returns whether a Pod wants to be near, or far from, Pods of other Namespaces.
fn reaches_other_namespaces(pod: &Value) -> bool {
    ["podAffinity", "podAntiAffinity"].into_iter().any(|kind| {
        let of = |list_name: &str| list(pod, &format!("/spec/affinity/{kind}/{list_name}"));
        let required = of("requiredDuringSchedulingIgnoredDuringExecution").iter();
        let preferred = of("preferredDuringSchedulingIgnoredDuringExecution").iter();
        required.chain(preferred.map(|term| &term["podAffinityTerm"])).any(|term| {
            !list(term, "/namespaces").is_empty() || term.get("namespaceSelector").is_some_and(Value::is_object)
        })
    })
}

/// Returns the refusal of a quota for an object, or for its change from `old`, or the new `status.used` (the
/// amounts that change only).
fn charge_change(
    quota: &Value,
    resource: &Resource,
    object: &Value,
    old: Option<&Value>,
    version: Version,
) -> Result<Amounts, String> {
    let name = text(quota, "/metadata/name");
    let hard = amounts::at(quota, "/status/hard");
    let concerned: BTreeSet<&str> = hard.keys().map(String::as_str).filter(|key| concerns(resource, key)).collect();
    if concerned.is_empty() || !matches_scopes(quota, resource, object) {
        return Ok(Amounts::new());
    }
    if (resource.group, resource.plural) == ("", "pods")
        && let Some(missing) = unstated(object, &concerned, version)
    {
        return Err(format!("failed quota: {name}: must specify {missing}"));
    }
    let used = amounts::at(quota, "/status/used");
    let unknown: Vec<&str> = concerned.iter().copied().filter(|key| !used.contains_key(*key)).collect();
    if !unknown.is_empty() {
        return Err(format!("status unknown for quota: {name}, resources: {}", unknown.join(",")));
    }
    let mut requested = amounts::mask(&usage(resource, object), &concerned);
    if let Some(old) = old {
        for (key, before) in usage(resource, old) {
            requested.entry(key).and_modify(|amount| *amount = amount.minus(before));
        }
        // What shrinks is given back by the controller's next count.
        requested.retain(|_, amount| !amount.is_zero() && !amount.is_negative());
    }
    let mut total = used.clone();
    amounts::add(&mut total, &requested);
    let total = amounts::mask(&total, &requested.keys().map(String::as_str).collect());
    let exceeded: BTreeSet<&str> = total
        .iter()
        .filter(|(key, amount)| hard.get(*key).is_some_and(|hard| *amount > hard))
        .map(|(key, _)| key.as_str())
        .collect();
    if !exceeded.is_empty() {
        return Err(format!(
            "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
            print(&amounts::mask(&requested, &exceeded)),
            print(&amounts::mask(&used, &exceeded)),
            print(&amounts::mask(&hard, &exceeded)),
        ));
    }
    Ok(total)
}

/// Returns `a=1,b=2`.
fn print(amounts: &Amounts) -> String {
    amounts.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(",")
}

/// Returns what a Pod's containers leave out that a quota makes mandatory.
fn unstated(pod: &Value, concerned: &BTreeSet<&str>, version: Version) -> Option<String> {
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let containers = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
    for container in containers {
        let requests = amounts::of_container(container, Side::Requests);
        let limits = amounts::of_container(container, Side::Limits);
        for name in MANDATORY.into_iter().filter(|name| concerned.contains(name)) {
            let stated = match name.strip_prefix("limits.") {
                Some(name) => limits.contains_key(name),
                None => requests.contains_key(name.strip_prefix("requests.").unwrap_or(name)),
            };
            if !stated {
                missing.entry(name).or_default().insert(text(container, "/name"));
            }
        }
    }
    if missing.is_empty() {
        return None;
    }
    Some(match version {
        Version::V1_20 => missing.into_keys().collect::<Vec<_>>().join(","),
        Version::V1_24 | Version::V1_34 => missing
            .into_iter()
            .map(|(name, containers)| format!("{name} for: {}", containers.into_iter().collect::<Vec<_>>().join(",")))
            .collect::<Vec<_>>()
            .join("; "),
    })
}

/// Returns a quota's `status.used` as the controller counts it; `list_objects` gives the objects of its Namespace.
pub(crate) fn recount(quota: &Value, mut list_objects: impl FnMut(&'static Resource) -> Vec<Object>) -> Amounts {
    let hard = amounts::at(quota, "/spec/hard");
    let mut used: Amounts = hard.keys().map(|name| (name.clone(), Quantity::ZERO)).collect();
    for resource in resources::ALL.iter().copied().filter(|resource| resource.is_namespaced()) {
        let concerned: BTreeSet<&str> =
            hard.keys().map(String::as_str).filter(|name| concerns(resource, name)).collect();
        if concerned.is_empty() {
            continue;
        }
        for object in list_objects(resource) {
            if matches_scopes(quota, resource, &object) && !is_gone(resource, &object) {
                amounts::add(&mut used, &amounts::mask(&usage(resource, &object), &concerned));
            }
        }
    }
    used
}

/// A Pod past its deletion grace is not counted; grace 0 is the only one that is over at once.
fn is_gone(resource: &Resource, object: &Value) -> bool {
    (resource.group, resource.plural) == ("", "pods")
        && is_deleted(object)
        && crate::fields::number(object, "/metadata/deletionGracePeriodSeconds") == Some(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::{CONFIG_MAPS, PODS};

    fn quota(hard: Value, used: Value) -> Value {
        json!({"metadata": {"name": "q"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}})
    }

    fn charge(quota: &Value, resource: &Resource, object: &Value, version: Version) -> Result<Amounts, String> {
        charge_change(quota, resource, object, None, version)
    }

    fn pod(resources: &[Value]) -> Value {
        let containers: Vec<Value> = resources
            .iter()
            .zip(["c", "d"])
            .map(|(resources, name)| json!({"name": name, "image": "a", "resources": resources}))
            .collect();
        let mut pod = json!({"metadata": {}, "spec": {"containers": containers}});
        crate::defaults::pod::fill(&mut pod);
        pod
    }

    #[test]
    fn refusals_are_those_of_a_real_cluster() {
        let quota = quota(
            json!({"requests.memory": "1Gi", "limits.cpu": "1", "pods": "1"}),
            json!({"requests.memory": "0", "limits.cpu": "0", "pods": "2"}),
        );
        let silent = pod(&[json!({}), json!({"requests": {"memory": "1Mi"}})]);
        assert_eq!(
            charge(&quota, &PODS, &silent, Version::V1_20).unwrap_err(),
            "failed quota: q: must specify limits.cpu,requests.memory"
        );
        assert_eq!(
            charge(&quota, &PODS, &silent, Version::V1_34).unwrap_err(),
            "failed quota: q: must specify limits.cpu for: c,d; requests.memory for: c"
        );
        let big = pod(&[json!({"limits": {"memory": "3Gi", "cpu": 2}})]);
        assert_eq!(
            charge(&quota, &PODS, &big, Version::V1_34).unwrap_err(),
            "exceeded quota: q, requested: limits.cpu=2,pods=1,requests.memory=3Gi, \
             used: limits.cpu=0,pods=2,requests.memory=0, limited: limits.cpu=1,pods=1,requests.memory=1Gi"
        );
    }

    #[test]
    fn only_what_is_exceeded_is_told() {
        let quota = quota(
            json!({"pods": "2", "requests.memory": "1Gi", "requests.cpu": "1"}),
            json!({"pods": "2", "requests.memory": "128Mi", "requests.cpu": "1"}),
        );
        let next = pod(&[json!({"limits": {"memory": "64Mi", "cpu": "500m"}})]);
        assert_eq!(
            charge(&quota, &PODS, &next, Version::V1_34).unwrap_err(),
            "exceeded quota: q, requested: pods=1,requests.cpu=500m, used: pods=2,requests.cpu=1, \
             limited: pods=2,requests.cpu=1"
        );
    }

    #[test]
    fn a_fitting_object_raises_what_is_used() {
        let quota = quota(
            json!({"pods": "2", "requests.memory": "1Gi", "count/configmaps": "1"}),
            json!({"pods": "1", "requests.memory": "64Mi", "count/configmaps": "0"}),
        );
        let next = pod(&[json!({"limits": {"memory": "64Mi"}})]);
        let used = charge(&quota, &PODS, &next, Version::V1_34).unwrap();
        assert_eq!(print(&used), "pods=2,requests.memory=128Mi");
        let used = charge(&quota, &CONFIG_MAPS, &json!({}), Version::V1_34).unwrap();
        assert_eq!(print(&used), "count/configmaps=1");
        assert!(charge(&quota, &SERVICES, &json!({}), Version::V1_34).unwrap().is_empty());
    }

    #[test]
    fn a_quota_whose_usage_is_unknown_refuses() {
        let quota = quota(json!({"pods": "2"}), json!({}));
        assert_eq!(
            charge(&quota, &PODS, &pod(&[json!({})]), Version::V1_34).unwrap_err(),
            "status unknown for quota: q, resources: pods"
        );
    }

    #[test]
    fn scopes_choose_pods() {
        let mut quota = quota(json!({"pods": "0"}), json!({"pods": "0"}));
        quota["spec"]["scopes"] = json!(["BestEffort"]);
        let bound = pod(&[json!({"requests": {"cpu": "1"}})]);
        assert!(charge(&quota, &PODS, &bound, Version::V1_34).unwrap().is_empty());
        assert!(charge(&quota, &PODS, &pod(&[json!({})]), Version::V1_34).is_err());
    }

    #[test]
    fn storage_is_counted_by_class() {
        let quota = quota(
            json!({"requests.storage": "10Gi", "gold.storageclass.storage.k8s.io/requests.storage": "2Gi",
                "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "5"}),
            json!({"requests.storage": "1Gi", "gold.storageclass.storage.k8s.io/requests.storage": "1Gi",
                "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1"}),
        );
        let claim = |class: &str, size: &str| json!({"spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}}});
        let used = charge(&quota, &PERSISTENT_VOLUME_CLAIMS, &claim("tin", "4Gi"), Version::V1_34).unwrap();
        assert_eq!(print(&used), "requests.storage=5Gi");
        assert_eq!(
            charge(&quota, &PERSISTENT_VOLUME_CLAIMS, &claim("gold", "2Gi"), Version::V1_34).unwrap_err(),
            "exceeded quota: q, requested: gold.storageclass.storage.k8s.io/requests.storage=2Gi, used: \
             gold.storageclass.storage.k8s.io/requests.storage=1Gi, limited: \
             gold.storageclass.storage.k8s.io/requests.storage=2Gi"
        );
        let (old, new) = (claim("gold", "1Gi"), claim("gold", "2Gi"));
        let used = charge_change(&quota, &PERSISTENT_VOLUME_CLAIMS, &new, Some(&old), Version::V1_34).unwrap();
        assert_eq!(print(&used), "gold.storageclass.storage.k8s.io/requests.storage=2Gi,requests.storage=2Gi");
    }

    #[test]
    fn a_service_that_gets_node_ports_is_charged_for_them() {
        let quota = quota(
            json!({"services": "1", "services.nodeports": "1"}),
            json!({"services": "1", "services.nodeports": "0"}),
        );
        let service =
            |kind: &str, ports: usize| json!({"spec": {"type": kind, "ports": vec![json!({"port": 1}); ports]}});
        let change = |ports| {
            let old = service("ClusterIP", ports);
            charge_change(&quota, &SERVICES, &service("NodePort", ports), Some(&old), Version::V1_34)
        };
        assert_eq!(print(&change(1).unwrap()), "services.nodeports=1");
        assert_eq!(
            change(2).unwrap_err(),
            "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: \
             services.nodeports=1"
        );
    }
}
