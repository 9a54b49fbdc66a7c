//! Defaults of rules about other objects: network, access, disruption, scaling, and of API extensions.

use serde_json::{Map, Value, json};

use crate::Version;
use crate::fields::{as_map, default_to, list, list_mut, map_at, text};

use super::map_at_value;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Fills a NetworkPolicy.
pub(crate) fn fill_network_policy(policy: &mut Value) {
    let spec = map_at_value(policy, "spec");
    default_to(as_map(spec), "podSelector", Map::new());
    if list(spec, "/policyTypes").is_empty() {
        let types = if list(spec, "/egress").is_empty() { json!(["Ingress"]) } else { json!(["Ingress", "Egress"]) };
        as_map(spec).insert("policyTypes".to_owned(), types);
    }
    for direction in ["/ingress", "/egress"] {
        for rule in list_mut(spec, direction) {
            for port in list_mut(rule, "/ports") {
                default_to(as_map(port), "protocol", "TCP");
            }
        }
    }
}

/// Fills an EndpointSlice.
pub(crate) fn fill_endpoint_slice(slice: &mut Value) {
    for port in list_mut(slice, "/ports") {
        let map = as_map(port);
        default_to(map, "name", "");
        default_to(map, "protocol", "TCP");
    }
    for endpoint in list_mut(slice, "/endpoints") {
        default_to(as_map(endpoint), "conditions", Map::new());
    }
}

/// Fills a RoleBinding or a ClusterRoleBinding.
pub(crate) fn fill_binding(binding: &mut Value) {
    if let Some(role) = binding.get_mut("roleRef").filter(|role| role.is_object()) {
        default_to(as_map(role), "apiGroup", RBAC);
    }
    for subject in list_mut(binding, "/subjects") {
        if matches!(text(subject, "/kind"), "User" | "Group") && text(subject, "/apiGroup").is_empty() {
            as_map(subject).insert("apiGroup".to_owned(), RBAC.into());
        }
    }
}

/// Fills a role: its list of rules may be null, but is there.
pub(crate) fn fill_role(role: &mut Value) {
    default_to(as_map(role), "rules", Value::Null);
}

/// Fills a PodDisruptionBudget.
pub(crate) fn fill_budget(budget: &mut Value) {
    map_at_value(budget, "spec");
    let status = map_at(budget, "status");
    for field in ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"] {
        default_to(status, field, 0);
    }
}

/// Fills a HorizontalPodAutoscaler in the form of `v2`.
pub(crate) fn fill_autoscaler(scaler: &mut Value, version: Version) {
    let spec = map_at_value(scaler, "spec");
    default_to(as_map(spec), "minReplicas", 1);
    if list(spec, "/metrics").is_empty() {
        let target = json!({ "averageUtilization": 80, "type": "Utilization" });
        as_map(spec).insert(
            "metrics".to_owned(),
            json!([{ "resource": { "name": "cpu", "target": target }, "type": "Resource" }]),
        );
    }
    if let Some(behavior) = spec.get_mut("behavior").filter(|behavior| behavior.is_object()) {
        for (direction, window, policies) in [
            (
                "scaleUp",
                json!(0),
                json!([
                    { "periodSeconds": 15, "type": "Pods", "value": 4 },
                    { "periodSeconds": 15, "type": "Percent", "value": 100 },
                ]),
            ),
            ("scaleDown", Value::Null, json!([{ "periodSeconds": 15, "type": "Percent", "value": 100 }])),
        ] {
            let rules = map_at(behavior, direction);
            default_to(rules, "selectPolicy", "Max");
            default_to(rules, "policies", policies);
            if !window.is_null() {
                default_to(rules, "stabilizationWindowSeconds", window);
            }
        }
    }
    let status = map_at(scaler, "status");
    if version < Version::V1_34 {
        default_to(status, "currentReplicas", 0);
    }
    default_to(status, "desiredReplicas", 0);
}

/// Fills a CustomResourceDefinition.
pub(crate) fn fill_definition(definition: &mut Value) {
    let spec = map_at_value(definition, "spec");
    default_to(map_at(spec, "conversion"), "strategy", "None");
    if let Some(names) = spec.get_mut("names").filter(|names| names.is_object()) {
        let kind = text(names, "/kind").to_owned();
        if !kind.is_empty() {
            default_to(as_map(names), "listKind", format!("{kind}List"));
            default_to(as_map(names), "singular", kind.to_lowercase());
        }
    }
    let stored: Vec<Value> = list(spec, "/versions")
        .iter()
        .filter(|version| version["storage"] == true)
        .map(|version| version["name"].clone())
        .collect();
    let status = map_at(definition, "status");
    if !status.contains_key("acceptedNames") {
        status.insert("acceptedNames".to_owned(), json!({ "kind": "", "plural": "" }));
        status.insert("conditions".to_owned(), Value::Null);
    }
    if status.get("storedVersions").is_none_or(Value::is_null) {
        status.insert("storedVersions".to_owned(), stored.into());
    }
}

/// Fills a PodSecurityPolicy.
pub(crate) fn fill_pod_security(policy: &mut Value) {
    default_to(as_map(map_at_value(policy, "spec")), "allowPrivilegeEscalation", true);
}

/// Fills a CertificateSigningRequest.
pub(crate) fn fill_signing_request(request: &mut Value) {
    map_at_value(request, "status");
    if list(request, "/spec/usages").is_empty() {
        let usages = json!(["digital signature", "key encipherment"]);
        as_map(map_at_value(request, "spec")).insert("usages".to_owned(), usages);
    }
}

/// Fills a webhook configuration.
pub(crate) fn fill_webhooks(configuration: &mut Value) {
    for webhook in list_mut(configuration, "/webhooks") {
        let map = as_map(webhook);
        for (key, value) in [
            ("failurePolicy", json!("Fail")),
            ("matchPolicy", json!("Equivalent")),
            ("namespaceSelector", json!({})),
            ("objectSelector", json!({})),
            ("timeoutSeconds", json!(10)),
        ] {
            default_to(map, key, value);
        }
        for rule in list_mut(webhook, "/rules") {
            default_to(as_map(rule), "scope", "*");
        }
        if let Some(service) = webhook.pointer_mut("/clientConfig/service") {
            default_to(as_map(service), "port", 443);
        }
    }
}
