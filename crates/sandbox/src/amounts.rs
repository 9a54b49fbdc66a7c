//! Amounts by resource name: what Pods request and are limited to, and sums of it.
//!
//! The rule for a whole Pod is that of `k8s.io/component-helpers/resource`: the sum of its containers and
//! sidecars, or the greatest init container beside the sidecars before it, whichever is more, plus overhead.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::fields::{entries, is_deleted, list, number, text};
use crate::quantity::Quantity;

/// Amounts by resource name.
pub(crate) type Amounts = BTreeMap<String, Quantity>;

/// Which side of a container's resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// `resources.requests`.
    Requests,
    /// `resources.limits`.
    Limits,
}

impl Side {
    fn key(self) -> &'static str {
        match self {
            Side::Requests => "requests",
            Side::Limits => "limits",
        }
    }
}

/// Returns the amounts of the map at a JSON pointer; what is no quantity is left out.
pub(crate) fn at(object: &Value, pointer: &str) -> Amounts {
    entries(object, pointer).filter_map(|(key, value)| Some((key.clone(), Quantity::from_json(value).ok()?))).collect()
}

/// Returns one side of a container's resources.
pub(crate) fn of_container(container: &Value, side: Side) -> Amounts {
    at(container, &format!("/resources/{}", side.key()))
}

/// Returns one side of a whole Pod's resources, given its `spec`.
pub(crate) fn of_pod(spec: &Value, side: Side) -> Amounts {
    let mut sum = Amounts::new();
    for container in list(spec, "/containers") {
        add(&mut sum, &of_container(container, side));
    }
    let (mut sidecars, mut peak) = (Amounts::new(), Amounts::new());
    for container in list(spec, "/initContainers") {
        let mut own = of_container(container, side);
        if text(container, "/restartPolicy") == "Always" {
            add(&mut sum, &own);
            add(&mut sidecars, &own);
            own = sidecars.clone();
        } else {
            add(&mut own, &sidecars);
        }
        raise(&mut peak, &own);
    }
    raise(&mut sum, &peak);
    for (name, amount) in at(spec, &format!("/resources/{}", side.key())) {
        sum.insert(name, amount);
    }
    let overhead = at(spec, "/overhead");
    match side {
        Side::Requests => add(&mut sum, &overhead),
        Side::Limits => {
            for (name, amount) in overhead {
                sum.entry(name).and_modify(|total| *total = total.plus(amount));
            }
        }
    }
    sum
}

/// Adds `other` to `sum`.
pub(crate) fn add(sum: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        sum.entry(name.clone()).and_modify(|total| *total = total.plus(*amount)).or_insert(*amount);
    }
}

/// Raises each amount of `sum` to that of `other` where it is more.
fn raise(sum: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        let entry = sum.entry(name.clone()).or_insert(*amount);
        if *entry < *amount {
            *entry = *amount;
        }
    }
}

/// Returns the amounts whose names are in `names`.
pub(crate) fn mask(amounts: &Amounts, names: &BTreeSet<&str>) -> Amounts {
    amounts
        .iter()
        .filter(|(name, _)| names.contains(name.as_str()))
        .map(|(name, amount)| (name.clone(), *amount))
        .collect()
}

/// Returns the JSON form, canonical quantities.
pub(crate) fn to_json(amounts: &Amounts) -> Map<String, Value> {
    amounts.iter().map(|(name, amount)| (name.clone(), Value::from(amount.to_string()))).collect()
}

/// Returns the quality of service that the kubelet gives a Pod: Guaranteed where every container's CPU and
/// memory have limits and equal requests, BestEffort where there is nothing, else Burstable.
pub(crate) fn quality_of_service(spec: &Value) -> &'static str {
    let containers = || list(spec, "/containers").iter().chain(list(spec, "/initContainers"));
    let relevant = |amounts: Amounts| -> Amounts {
        amounts
            .into_iter()
            .filter(|(name, amount)| matches!(name.as_str(), "cpu" | "memory") && !amount.is_zero())
            .collect()
    };
    let mut empty = true;
    let mut guaranteed = true;
    for container in containers() {
        let requests = relevant(of_container(container, Side::Requests));
        let limits = relevant(of_container(container, Side::Limits));
        empty &= requests.is_empty() && limits.is_empty();
        guaranteed &= limits.len() == 2
            && limits.iter().all(|(name, limit)| requests.get(name).is_none_or(|request| request == limit));
    }
    if empty {
        "BestEffort"
    } else if guaranteed {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// Returns whether a Pod has come to its end.
pub(crate) fn is_terminal(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Returns whether a Pod runs or may run: neither ended nor being deleted.
pub(crate) fn is_active(pod: &Value) -> bool {
    !is_terminal(pod) && !is_deleted(pod)
}

/// Returns whether a Pod has a bounded life.
pub(crate) fn has_deadline(pod: &Value) -> bool {
    number(pod, "/spec/activeDeadlineSeconds").is_some_and(|seconds| seconds >= 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn requests(spec: &Value) -> Vec<String> {
        of_pod(spec, Side::Requests).iter().map(|(name, amount)| format!("{name}={amount}")).collect()
    }

    #[test]
    fn the_greatest_init_container_counts_beside_sidecars() {
        let container = |memory: &str| json!({"resources": {"requests": {"memory": memory}}});
        let mut sidecar = container("10Mi");
        sidecar["restartPolicy"] = json!("Always");
        let spec = json!({
            "initContainers": [container("100Mi"), sidecar, container("90Mi")],
            "containers": [container("50Mi"), container("20Mi")],
        });
        assert_eq!(requests(&spec), ["memory=100Mi"]);
        let spec = json!({"initContainers": [], "containers": [container("50Mi"), container("20Mi")]});
        assert_eq!(requests(&spec), ["memory=70Mi"]);
    }

    #[test]
    fn quality_of_service_is_the_kubelets() {
        let pod = |requests: Value, limits: Value| json!({"containers": [{"resources": {"requests": requests, "limits": limits}}]});
        let both = json!({"cpu": "1", "memory": "1Gi"});
        assert_eq!(quality_of_service(&pod(json!({}), json!({}))), "BestEffort");
        assert_eq!(quality_of_service(&pod(both.clone(), both.clone())), "Guaranteed");
        assert_eq!(quality_of_service(&pod(both.clone(), json!({}))), "Burstable");
        assert_eq!(quality_of_service(&pod(json!({"cpu": "1"}), json!({"cpu": "1"}))), "Burstable");
    }
}
