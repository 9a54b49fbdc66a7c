//! Fields that are accepted and kept, but change nothing here: the answer says so in a warning, so that nobody
//! takes the sandbox's silence for an effect.

use serde_json::Value;

use crate::resources::{DEPLOYMENTS, PODS, REPLICA_SETS, Resource};

/// Fields of a Pod's spec.
const POD: [&str; 11] = [
    "dnsConfig",
    "ephemeralContainers",
    "hostAliases",
    "hostIPC",
    "hostPID",
    "overhead",
    "readinessGates",
    "runtimeClassName",
    "securityContext",
    "shareProcessNamespace",
    "topologySpreadConstraints",
];
/// Fields of `affinity`.
const AFFINITY: [&str; 2] = ["podAffinity", "podAntiAffinity"];
/// Fields of a container.
const CONTAINER: [&str; 5] = ["lifecycle", "livenessProbe", "securityContext", "startupProbe", "volumeDevices"];
/// Sources of a volume that have something behind them, or nothing to fetch.
const VOLUMES: [&str; 6] = ["configMap", "downwardAPI", "emptyDir", "name", "projected", "secret"];

/// Returns the warnings about what a client wrote, before defaults are filled in.
pub(super) fn warnings(resource: &Resource, object: &Value) -> Vec<String> {
    let (path, spec) = if *resource == PODS {
        ("spec", &object["spec"])
    } else if *resource == DEPLOYMENTS || *resource == REPLICA_SETS {
        ("spec.template.spec", &object["spec"]["template"]["spec"])
    } else {
        return Vec::new();
    };
    let mut found = Vec::new();
    present(spec, &POD, path, &mut found);
    present(&spec["affinity"], &AFFINITY, &format!("{path}.affinity"), &mut found);
    for list in ["initContainers", "containers"] {
        for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            present(container, &CONTAINER, &format!("{path}.{list}[{index}]"), &mut found);
        }
    }
    for (index, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        for (source, _) in volume.as_object().into_iter().flatten() {
            if !VOLUMES.contains(&source.as_str()) {
                found.push(format!("{path}.volumes[{index}].{source}"));
            }
        }
    }
    found.iter().map(|field| format!("sandbox: field {field:?} is accepted but not simulated")).collect()
}

fn present(object: &Value, fields: &[&str], path: &str, found: &mut Vec<String>) {
    for field in fields {
        let is_empty = match &object[*field] {
            Value::Null | Value::Bool(false) => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
        };
        if !is_empty {
            found.push(format!("{path}.{field}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changes_nothing_is_told() {
        let object = json!({"spec": {"template": {"spec": {
            "securityContext": {}, "hostPID": true,
            "containers": [{"livenessProbe": {"httpGet": {"port": 80}}}],
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/"}}],
        }}}});
        assert_eq!(
            warnings(&DEPLOYMENTS, &object),
            [
                "sandbox: field \"spec.template.spec.hostPID\" is accepted but not simulated",
                "sandbox: field \"spec.template.spec.containers[0].livenessProbe\" is accepted but not simulated",
                "sandbox: field \"spec.template.spec.volumes[1].hostPath\" is accepted but not simulated",
            ]
        );
    }
}
