//! LimitRanger: writes a LimitRange's defaults into new Pods and refuses those outside its bounds.
//!
//! Texts and order of `plugin/pkg/admission/limitranger`; where the original follows Go's random map order,
//! this one sorts by resource name.

use serde_json::{Value, json};

use crate::Version;
use crate::amounts::{self, Amounts, Side};
use crate::api::Status;
use crate::defaults::map_at_value;
use crate::fields::{list, list_mut, map_at, text};
use crate::quantity::{Form, Quantity};
use crate::resources::{LIMIT_RANGES, PERSISTENT_VOLUME_CLAIMS};
use crate::store::Object;

use super::{Operation, Plugin, Request, Transaction};

/// The plug-in.
pub(crate) struct LimitRanger(pub(crate) Version);

impl LimitRanger {
    fn ranges(request: &Request, transaction: &Transaction<'_>) -> Vec<Object> {
        let is_claim = *request.resource == PERSISTENT_VOLUME_CLAIMS
            && request.subresource.is_none()
            && request.operation != Operation::Delete;
        if is_claim || request.creates_pod() {
            transaction.list(&LIMIT_RANGES, Some(&request.namespace))
        } else {
            Vec::new()
        }
    }
}

impl Plugin for LimitRanger {
    fn name(&self) -> &'static str {
        "LimitRanger"
    }

    fn mutate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if !request.creates_pod() {
            return Ok(());
        }
        for range in Self::ranges(request, transaction) {
            apply_defaults(&mut request.object, &range);
        }
        Ok(())
    }

    fn validate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        for range in Self::ranges(request, transaction) {
            let refusal = if *request.resource == PERSISTENT_VOLUME_CLAIMS {
                refusal_of_claim(&request.object, &range)
            } else {
                refusal(&request.object, &range, self.0)
            };
            if let Some(refusal) = refusal {
                return Err(request.forbid(&refusal));
            }
        }
        Ok(())
    }
}

/// The annotation that says what was written.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Writes the defaults of one LimitRange into a Pod.
pub(crate) fn apply_defaults(pod: &mut Value, range: &Value) {
    let (mut requests, mut limits) = (Amounts::new(), Amounts::new());
    for item in list(range, "/spec/limits").iter().filter(|item| text(item, "/type") == "Container") {
        requests.extend(amounts::at(item, "/defaultRequest"));
        limits.extend(amounts::at(item, "/default"));
    }
    let mut notes = Vec::new();
    for (pointer, prefix) in [("/spec/containers", "container"), ("/spec/initContainers", "init container")] {
        for container in list_mut(pod, pointer) {
            let name = text(container, "/name").to_owned();
            for (key, word, defaults) in [("requests", "request", &requests), ("limits", "limit", &limits)] {
                let set = set_missing(container, key, defaults);
                if !set.is_empty() {
                    notes.push(format!("{} {word} for {prefix} {name}", set.join(", ")));
                }
            }
        }
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        map_at(map_at_value(pod, "metadata"), "annotations").insert(ANNOTATION.to_owned(), json!(note));
    }
}

/// Sets the amounts that a container leaves out and returns their names.
fn set_missing(container: &mut Value, key: &str, defaults: &Amounts) -> Vec<String> {
    if defaults.is_empty() {
        return Vec::new();
    }
    let target = map_at(map_at_value(container, "resources"), key);
    let mut set = Vec::new();
    for (name, amount) in defaults {
        if !target.contains_key(name) {
            target.insert(name.clone(), json!(amount.to_string()));
            set.push(name.clone());
        }
    }
    set
}

/// Returns the refusal of one LimitRange, without the resource and name in front; `None` where it has none.
pub(crate) fn refusal(pod: &Value, range: &Value, version: Version) -> Option<String> {
    let mut errors = Vec::new();
    for item in list(range, "/spec/limits") {
        match text(item, "/type") {
            "Container" => {
                let containers = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
                for container in containers {
                    let requests = amounts::of_container(container, Side::Requests);
                    let limits = amounts::of_container(container, Side::Limits);
                    check(item, "Container", &requests, &limits, &mut errors);
                }
            }
            "Pod" => {
                let sum = |side| -> Amounts {
                    let amounts = amounts::of_pod(pod.get("spec").unwrap_or(&Value::Null), side);
                    amounts.into_iter().map(|(name, amount)| (name, as_sum(amount, version))).collect()
                };
                check(item, "Pod", &sum(Side::Requests), &sum(Side::Limits), &mut errors);
            }
            _ => {}
        }
    }
    aggregate(errors)
}

/// Returns the refusal of one LimitRange for a claim of storage: only what it requests counts.
fn refusal_of_claim(claim: &Value, range: &Value) -> Option<String> {
    let requests = amounts::at(claim, "/spec/resources/requests");
    let mut errors = Vec::new();
    for item in list(range, "/spec/limits").iter().filter(|item| text(item, "/type") == "PersistentVolumeClaim") {
        for (bound_name, word) in [("/min", "minimum"), ("/max", "maximum")] {
            for (name, bound) in amounts::at(item, bound_name) {
                let text = format!("{word} {name} usage per PersistentVolumeClaim is {bound}");
                match requests.get(&name) {
                    None => errors.push(format!("{text}.  No request is specified")),
                    Some(request)
                        if (word == "minimum" && *request < bound) || (word == "maximum" && *request > bound) =>
                    {
                        errors.push(format!("{text}, but request is {request}"));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    aggregate(errors)
}

/// Up to 1.27 the sum of a Pod lost its binary suffix.
fn as_sum(amount: Quantity, version: Version) -> Quantity {
    match version {
        Version::V1_20 | Version::V1_24 => amount.in_form(Form::DecimalSi),
        Version::V1_34 => amount,
    }
}

/// Joins errors as `utilerrors.Aggregate` prints them: one plain, several in brackets, each once.
pub(crate) fn aggregate(errors: Vec<String>) -> Option<String> {
    let mut unique: Vec<String> = Vec::new();
    for error in errors {
        if !unique.contains(&error) {
            unique.push(error);
        }
    }
    match unique.len() {
        0 => None,
        1 => unique.pop(),
        _ => Some(format!("[{}]", unique.join(", "))),
    }
}

fn check(item: &Value, kind: &str, requests: &Amounts, limits: &Amounts, errors: &mut Vec<String>) {
    for (name, bound) in amounts::at(item, "/min") {
        let text = format!("minimum {name} usage per {kind} is {bound}");
        match (requests.get(&name), limits.get(&name)) {
            (None, _) => errors.push(format!("{text}.  No request is specified")),
            (Some(request), _) if *request < bound => errors.push(format!("{text}, but request is {request}")),
            (_, Some(limit)) if *limit < bound => errors.push(format!("{text}, but limit is {limit}")),
            (Some(_), _) => {}
        }
    }
    for (name, bound) in amounts::at(item, "/max") {
        let text = format!("maximum {name} usage per {kind} is {bound}");
        match (limits.get(&name), requests.get(&name)) {
            (None, _) => errors.push(format!("{text}.  No limit is specified")),
            (Some(limit), _) if *limit > bound => errors.push(format!("{text}, but limit is {limit}")),
            (_, Some(request)) if *request > bound => errors.push(format!("{text}, but request is {request}")),
            (Some(_), _) => {}
        }
    }
    for (name, bound) in amounts::at(item, "/maxLimitRequestRatio") {
        let text = format!("{name} max limit to request ratio per {kind} is {bound}");
        let given = |amounts: &Amounts| amounts.get(&name).copied().filter(|amount| !amount.is_zero());
        match (given(requests), given(limits)) {
            (None, _) => errors.push(format!("{text}, but no request is specified or request is 0")),
            (_, None) => errors.push(format!("{text}, but no limit is specified or limit is 0")),
            (Some(request), Some(limit)) => {
                let ratio = limit.as_f64() / request.as_f64();
                if ratio > bound.as_f64() {
                    errors.push(format!("{text}, but provided ratio is {ratio:.6}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(items: Value) -> Value {
        let mut range = json!({"spec": {"limits": items}});
        crate::defaults::limit_range::fill(&mut range);
        range
    }

    fn pod(resources: &[Value]) -> Value {
        let names = ["c", "d", "e"];
        let containers: Vec<Value> = resources
            .iter()
            .zip(names)
            .map(|(resources, name)| json!({"name": name, "image": "a", "resources": resources}))
            .collect();
        let mut pod = json!({"metadata": {}, "spec": {"containers": containers}});
        crate::defaults::pod::fill(&mut pod);
        pod
    }

    #[test]
    fn defaults_are_those_of_a_real_cluster() {
        let range = range(
            json!([{"type": "Container", "default": {"memory": "64Mi", "cpu": "500m"}, "max": {"memory": "1Gi"}}]),
        );
        assert_eq!(
            range["spec"]["limits"][0],
            json!({"type": "Container", "default": {"memory": "64Mi", "cpu": "500m"},
                "defaultRequest": {"memory": "64Mi", "cpu": "500m"}, "max": {"memory": "1Gi"}})
        );
        let mut pod = pod(&[json!({}), json!({"limits": {"memory": "1000Mi"}})]);
        apply_defaults(&mut pod, &range);
        let both = json!({"memory": "64Mi", "cpu": "500m"});
        assert_eq!(pod["spec"]["containers"][0]["resources"], json!({"limits": both, "requests": both}));
        assert_eq!(
            pod["metadata"]["annotations"][ANNOTATION],
            "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c; \
             cpu request for container d; cpu limit for container d"
        );
        assert_eq!(refusal(&pod, &range, Version::V1_34), None);
    }

    #[test]
    fn refusals_are_those_of_a_real_cluster() {
        let range = range(json!([
            {"type": "Container", "min": {"memory": "100Mi", "cpu": "100m"}, "max": {"memory": "512Mi", "cpu": 1},
             "maxLimitRequestRatio": {"memory": 2}},
            {"type": "Pod", "max": {"memory": "600Mi"}},
        ]));
        let check = |resources: &[Value], version, expected: &str| {
            let mut pod = pod(resources);
            apply_defaults(&mut pod, &range);
            assert_eq!(refusal(&pod, &range, version).as_deref(), Some(expected));
        };
        check(
            &[json!({"limits": {"memory": "1Gi", "cpu": 2}, "requests": {"memory": "50Mi", "cpu": "10m"}})],
            Version::V1_20,
            "[minimum cpu usage per Container is 100m, but request is 10m, minimum memory usage per Container is \
             100Mi, but request is 50Mi, maximum cpu usage per Container is 1, but limit is 2, maximum memory usage \
             per Container is 512Mi, but limit is 1Gi, memory max limit to request ratio per Container is 2, but \
             provided ratio is 20.480000, maximum memory usage per Pod is 600Mi, but limit is 1073741824]",
        );
        check(
            &[json!({"limits": {"memory": "512Mi", "cpu": 1}, "requests": {"memory": "120Mi"}})],
            Version::V1_34,
            "memory max limit to request ratio per Container is 2, but provided ratio is 4.266667",
        );
        let two = [json!({"limits": {"memory": "400Mi"}}), json!({"limits": {"memory": "400Mi"}})];
        check(&two, Version::V1_20, "maximum memory usage per Pod is 600Mi, but limit is 838860800");
        check(&two, Version::V1_34, "maximum memory usage per Pod is 600Mi, but limit is 800Mi");
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        let range = json!({"spec": {"limits": [{"type": "Container", "min": {"cpu": "1"}, "max": {"memory": "1Gi"}}]}});
        assert_eq!(
            refusal(&pod(&[json!({})]), &range, Version::V1_34).as_deref(),
            Some(
                "[minimum cpu usage per Container is 1.  No request is specified, \
                 maximum memory usage per Container is 1Gi.  No limit is specified]"
            )
        );
    }

    #[test]
    fn claims_of_storage_have_bounds() {
        let range = json!({"spec": {"limits": [
            {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}]}});
        let claim = |size: &str| json!({"spec": {"resources": {"requests": {"storage": size}}}});
        assert_eq!(refusal_of_claim(&claim("2Gi"), &range), None);
        assert_eq!(
            refusal_of_claim(&claim("500Mi"), &range).unwrap(),
            "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"
        );
        assert_eq!(
            refusal_of_claim(&claim("3Gi"), &range).unwrap(),
            "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
        );
    }
}
