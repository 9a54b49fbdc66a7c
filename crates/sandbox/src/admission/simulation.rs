//! Tells a client which fields of its Pods the sandbox takes but does not act on. The real server has no such
//! step; here nobody should believe in a probe that never runs.

use serde_json::Value;

use crate::api::Status;
use crate::fields::list;
use crate::resources::{DEPLOYMENTS, INGRESSES, PODS, REPLICA_SETS};

use super::{Operation, Plugin, Request, Transaction};

/// The step.
pub(crate) struct Simulation;

impl Plugin for Simulation {
    fn name(&self) -> &'static str {
        "Simulation"
    }

    fn mutate(&self, request: &mut Request, _transaction: &mut Transaction<'_>) -> Result<(), Status> {
        // Controllers read no warnings, and what an update leaves alone was told before.
        if request.operation == Operation::Delete || request.subresource.is_some() || request.caller.is_built_in() {
            return Ok(());
        }
        if *request.resource == INGRESSES && request.operation == Operation::Create {
            let warning = "sandbox: no ingress controller is simulated, the Ingress is accepted and leads nowhere";
            request.warnings.push(warning.to_owned());
        }
        let path = match request.resource {
            resource if *resource == PODS => "/spec",
            resource if *resource == DEPLOYMENTS || *resource == REPLICA_SETS => "/spec/template/spec",
            _ => return Ok(()),
        };
        let spec = |object: &Value| object.pointer(path).map(unsimulated).unwrap_or_default();
        let before = request.old.as_deref().map(spec).unwrap_or_default();
        for field in spec(&request.object) {
            if !before.contains(&field) {
                request
                    .warnings
                    .push(format!("sandbox: {}.{field} is accepted but not simulated", path[1..].replace('/', ".")));
            }
        }
        Ok(())
    }
}

/// Fields of a Pod's spec without an effect.
const POD: [&str; 8] = [
    "/dnsConfig",
    "/hostAliases",
    "/hostIPC",
    "/hostPID",
    "/readinessGates",
    "/runtimeClassName",
    "/securityContext",
    "/shareProcessNamespace",
];
/// Fields of a container without an effect.
const CONTAINER: [&str; 2] = ["securityContext", "volumeDevices"];
/// What a volume may say; any other source has nothing behind it.
const VOLUME: [&str; 7] =
    ["configMap", "downwardAPI", "emptyDir", "name", "persistentVolumeClaim", "projected", "secret"];

/// Returns the fields of a Pod's `spec` that have no effect here.
fn unsimulated(spec: &Value) -> Vec<String> {
    let mut fields: Vec<String> = POD
        .iter()
        .filter(|field| spec.pointer(field).is_some_and(says_something))
        .map(|field| field[1..].replace('/', "."))
        .collect();
    for containers in ["initContainers", "containers"] {
        for (index, container) in list(spec, &format!("/{containers}")).iter().enumerate() {
            for field in CONTAINER {
                if container.get(field).is_some_and(says_something) {
                    fields.push(format!("{containers}[{index}].{field}"));
                }
            }
        }
    }
    for (index, volume) in list(spec, "/volumes").iter().enumerate() {
        for (source, _) in volume.as_object().into_iter().flatten() {
            if !VOLUME.contains(&source.as_str()) {
                fields.push(format!("volumes[{index}].{source}"));
            }
        }
    }
    fields
}

/// Defaulting leaves empty objects behind.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_no_effect_is_named() {
        let container = json!({"name": "c", "image": "a", "volumeDevices": [{"name": "a"}], "lifecycle": null});
        let spec = json!({"containers": [container], "hostPID": true, "securityContext": {},
            "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]});
        assert_eq!(unsimulated(&spec), ["hostPID", "containers[0].volumeDevices", "volumes[1].hostPath"]);
        assert!(unsimulated(&json!({"containers": [{"name": "c", "readinessProbe": {}}]})).is_empty());
    }
}
