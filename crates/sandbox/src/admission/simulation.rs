//! Tells a client which fields of its Pods the sandbox takes but does not act on. The real server has no such
//! step; here nobody should believe in a probe that never runs.

use serde_json::Value;

use crate::api::Status;
use crate::fields::list;
use crate::resources::{DEPLOYMENTS, PODS, REPLICA_SETS};

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

/// Returns the fields of a Pod's `spec` that have no effect here.
fn unsimulated(spec: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    for field in ["/affinity/podAffinity", "/affinity/podAntiAffinity", "/topologySpreadConstraints", "/readinessGates"]
    {
        if spec.pointer(field).is_some_and(|value| !value.is_null()) {
            fields.push(field[1..].replace('/', "."));
        }
    }
    for (index, container) in list(spec, "/containers").iter().enumerate() {
        for field in ["livenessProbe", "startupProbe", "lifecycle"] {
            if container.get(field).is_some_and(|value| !value.is_null()) {
                fields.push(format!("containers[{index}].{field}"));
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_no_effect_is_named() {
        let container =
            json!({"name": "c", "image": "a", "livenessProbe": {"exec": {"command": ["true"]}}, "lifecycle": null});
        let spec = json!({"containers": [container], "affinity": {"podAffinity": {}}});
        assert_eq!(unsimulated(&spec), ["affinity.podAffinity", "containers[0].livenessProbe"]);
        assert!(unsimulated(&json!({"containers": [{"name": "c", "readinessProbe": {}}]})).is_empty());
    }
}
