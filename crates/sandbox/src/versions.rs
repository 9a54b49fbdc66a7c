//! One object in the several versions of its kind. It is stored in one of them, the hub; another version
//! is made of that when a client asks for it, and turned into it when a client brings it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::fields::{list_mut, text};
use crate::resources::Resource;

/// Turns an object of a resource's version into the version in which it is stored.
pub(crate) fn to_hub(resource: &'static Resource, object: &mut Value) {
    if resource.hub.is_none() {
        return;
    }
    match (resource.group, resource.version, resource.kind) {
        ("autoscaling", "v1", _) => autoscaler_to_hub(object),
        ("networking.k8s.io" | "extensions", "v1beta1", "Ingress") => ingress_to_hub(object),
        ("discovery.k8s.io", "v1beta1", _) => slice_to_hub(object),
        ("events.k8s.io", _, _) => rename(object, EVENT.iter().copied()),
        _ => {}
    }
    identify(resource.hub(), object);
}

/// Returns a stored object in a resource's version.
pub(crate) fn from_hub<'a>(resource: &'static Resource, object: &'a Value) -> Cow<'a, Value> {
    if resource.hub.is_none() {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    match (resource.group, resource.version, resource.kind) {
        ("autoscaling", "v1", _) => autoscaler_from_hub(&mut object),
        ("networking.k8s.io" | "extensions", "v1beta1", "Ingress") => ingress_from_hub(&mut object),
        ("discovery.k8s.io", "v1beta1", _) => slice_from_hub(&mut object),
        ("events.k8s.io", _, _) => rename(&mut object, EVENT.iter().map(|(new, old)| (*old, *new))),
        _ => {}
    }
    identify(resource, &mut object);
    Cow::Owned(object)
}

fn identify(resource: &Resource, object: &mut Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".to_owned(), resource.api_version().into());
        map.insert("kind".to_owned(), resource.kind.into());
    }
}

/// What `events.k8s.io` calls the fields of core events.
const EVENT: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
];

fn rename<'a>(object: &mut Value, names: impl Iterator<Item = (&'a str, &'a str)>) {
    let Some(map) = object.as_object_mut() else { return };
    for (from, to) in names {
        if let Some(value) = map.remove(from) {
            map.insert(to.to_owned(), value);
        }
    }
}

fn part<'a>(object: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    object.get_mut(key).and_then(Value::as_object_mut)
}

fn autoscaler_to_hub(object: &mut Value) {
    let resource =
        |target: Value, field: &str| json!([{ "type": "Resource", "resource": { "name": "cpu", field: target } }]);
    if let Some(spec) = part(object, "spec")
        && let Some(percentage) = spec.remove("targetCPUUtilizationPercentage")
    {
        let target = json!({ "type": "Utilization", "averageUtilization": percentage });
        spec.insert("metrics".to_owned(), resource(target, "target"));
    }
    if let Some(status) = part(object, "status")
        && let Some(percentage) = status.remove("currentCPUUtilizationPercentage")
    {
        status.insert("currentMetrics".to_owned(), resource(json!({ "averageUtilization": percentage }), "current"));
    }
}

fn autoscaler_from_hub(object: &mut Value) {
    let cpu = |metrics: Option<Value>, field: &str| {
        let metrics = metrics?;
        let found = metrics.as_array()?.iter().find(|metric| metric["resource"]["name"] == "cpu")?;
        let value = found["resource"][field]["averageUtilization"].clone();
        value.is_number().then_some(value)
    };
    if let Some(spec) = part(object, "spec") {
        spec.remove("behavior");
        if let Some(percentage) = cpu(spec.remove("metrics"), "target") {
            spec.insert("targetCPUUtilizationPercentage".to_owned(), percentage);
        }
    }
    if let Some(status) = part(object, "status") {
        status.remove("conditions");
        if let Some(percentage) = cpu(status.remove("currentMetrics"), "current") {
            status.insert("currentCPUUtilizationPercentage".to_owned(), percentage);
        }
    }
}

fn ingress_to_hub(object: &mut Value) {
    fn backend(old: &Value) -> Value {
        let mut new = json!({});
        if old["serviceName"].is_string() {
            let port = match &old["servicePort"] {
                Value::String(name) => json!({ "name": name }),
                number => json!({ "number": number }),
            };
            new["service"] = json!({ "name": old["serviceName"], "port": port });
        }
        if !old["resource"].is_null() {
            new["resource"] = old["resource"].clone();
        }
        new
    }
    if let Some(spec) = part(object, "spec")
        && let Some(old) = spec.remove("backend")
    {
        spec.insert("defaultBackend".to_owned(), backend(&old));
    }
    for rule in list_mut(object, "/spec/rules") {
        for path in list_mut(rule, "/http/paths") {
            path["backend"] = backend(&path["backend"]);
            if text(path, "/pathType").is_empty() {
                path["pathType"] = "ImplementationSpecific".into();
            }
        }
    }
}

fn ingress_from_hub(object: &mut Value) {
    fn backend(new: &Value) -> Value {
        let mut old = json!({});
        if new["service"].is_object() {
            old["serviceName"] = new["service"]["name"].clone();
            let port = &new["service"]["port"];
            old["servicePort"] = if port["name"].is_string() { port["name"].clone() } else { port["number"].clone() };
        }
        if !new["resource"].is_null() {
            old["resource"] = new["resource"].clone();
        }
        old
    }
    if let Some(spec) = part(object, "spec")
        && let Some(new) = spec.remove("defaultBackend")
    {
        spec.insert("backend".to_owned(), backend(&new));
    }
    for rule in list_mut(object, "/spec/rules") {
        for path in list_mut(rule, "/http/paths") {
            path["backend"] = backend(&path["backend"]);
        }
    }
}

fn slice_to_hub(object: &mut Value) {
    for endpoint in list_mut(object, "/endpoints") {
        let Some(map) = endpoint.as_object_mut() else { continue };
        if let Some(mut topology) = map.remove("topology") {
            for (label, field) in [("kubernetes.io/hostname", "nodeName"), ("topology.kubernetes.io/zone", "zone")] {
                if let Some(value) = topology.as_object_mut().and_then(|topology| topology.remove(label)) {
                    map.insert(field.to_owned(), value);
                }
            }
        }
    }
}

fn slice_from_hub(object: &mut Value) {
    for endpoint in list_mut(object, "/endpoints") {
        let Some(map) = endpoint.as_object_mut() else { continue };
        let mut topology = Map::new();
        for (label, field) in [("kubernetes.io/hostname", "nodeName"), ("topology.kubernetes.io/zone", "zone")] {
            if let Some(value) = map.remove(field) {
                topology.insert(label.to_owned(), value);
            }
        }
        if !topology.is_empty() {
            map.insert("topology".to_owned(), topology.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{EVENTS_V1, HORIZONTAL_POD_AUTOSCALERS_V1, INGRESSES, INGRESSES_V1BETA1};

    fn there_and_back(resource: &'static Resource, given: Value, stored: &Value) {
        let mut object = given.clone();
        to_hub(resource, &mut object);
        assert_eq!(object, *stored);
        assert_eq!(*from_hub(resource, &object), given);
    }

    #[test]
    fn a_version_comes_back_as_it_went() {
        there_and_back(
            &HORIZONTAL_POD_AUTOSCALERS_V1,
            json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
                "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 80}}),
            &json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
                "spec": {"maxReplicas": 3, "metrics": [{"type": "Resource", "resource":
                    {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}}),
        );
        let path =
            |backend: Value| json!([{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]);
        there_and_back(
            &INGRESSES_V1BETA1,
            json!({"apiVersion": "networking.k8s.io/v1beta1", "kind": "Ingress",
                "spec": {"rules": path(json!({"serviceName": "web", "servicePort": 80}))}}),
            &json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "spec": {"rules": path(json!({"service": {"name": "web", "port": {"number": 80}}}))}}),
        );
        there_and_back(
            &EVENTS_V1,
            json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "note": "hello", "regarding": {"name": "a"}}),
            &json!({"apiVersion": "v1", "kind": "Event", "message": "hello", "involvedObject": {"name": "a"}}),
        );
        let object = json!({"kind": "Ingress"});
        assert!(matches!(from_hub(&INGRESSES, &object), Cow::Borrowed(_)));
    }
}
