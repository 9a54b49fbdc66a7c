//! What the API server writes into an object that leaves things out, as `kubectl get -o yaml` shows it.
//!
//! The rules are those of Kubernetes' `pkg/apis/*/v1/defaults.go`; one module a family of kinds.

use serde_json::{Map, Value, json};

use crate::Version;
use crate::api::Status;
use crate::fields::{as_map, default_to, entries, is_deleted, list, map_at, text};
use crate::quantity::{InvalidQuantity, Quantity};
use crate::resources::Resource;

pub(crate) mod batch;
pub(crate) mod limit_range;
pub(crate) mod pod;
pub(crate) mod policies;
pub(crate) mod service;
pub(crate) mod sets;
pub(crate) mod storage;
pub(crate) mod workload;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Fills in the defaults of a decoded object; refuses what cannot be decoded, which here is a quantity.
pub(crate) fn apply(resource: &Resource, object: &mut Value, version: Version) -> Result<(), Status> {
    if has_invalid_quantity(resource, object) {
        let (kind, of) = (resource.kind, resource.version);
        let message = format!("{kind} in version {of:?} cannot be handled as a {kind}: {InvalidQuantity}");
        return Err(Status::bad_request(message));
    }
    fill(resource, object, version);
    Ok(())
}

fn fill(resource: &Resource, object: &mut Value, version: Version) {
    match (resource.group, resource.kind) {
        ("", "Pod") => pod::fill(object),
        ("", "LimitRange") => limit_range::fill(object),
        ("", "ResourceQuota") => {
            for part in ["/spec/hard", "/status/hard", "/status/used"] {
                canonical(object, part);
            }
        }
        ("", "Namespace") => {
            // A Namespace on its way out loses its finalizer, and must not get it back.
            if !is_deleted(object) {
                default_to(map_at(object, "spec"), "finalizers", json!(["kubernetes"]));
            }
            default_to(map_at(object, "status"), "phase", "Active");
            let name = text(object, "/metadata/name").to_owned();
            if version != Version::V1_20 && !name.is_empty() {
                map_at(map_at_value(object, "metadata"), "labels")
                    .entry("kubernetes.io/metadata.name")
                    .or_insert(Value::from(name));
            }
        }
        ("", "Secret") => secret(object),
        ("", "Service") => service::fill(object, version),
        ("", "Node") => {
            for part in ["/status/capacity", "/status/allocatable"] {
                canonical(object, part);
            }
        }
        ("apps", "Deployment") => workload::fill_deployment(object, version),
        ("apps", "ReplicaSet") => workload::fill_replica_set(object, version),
        ("apps", "StatefulSet") => sets::fill_stateful_set(object, version),
        ("apps", "DaemonSet") => sets::fill_daemon_set(object, version),
        ("", "ReplicationController") => sets::fill_replication_controller(object, version),
        ("", "PodTemplate") => workload::fill_template(object, version),
        ("batch", "Job") => batch::fill_job(object, version),
        ("batch", "CronJob") => batch::fill_cron_job(object, version),
        ("", "PersistentVolumeClaim") => storage::fill_claim(object),
        ("", "PersistentVolume") => storage::fill_volume(object),
        ("storage.k8s.io", "StorageClass") => storage::fill_class(object),
        ("networking.k8s.io", "NetworkPolicy") => policies::fill_network_policy(object),
        ("networking.k8s.io", "Ingress") => {
            default_to(map_at(object, "status"), "loadBalancer", Map::new());
        }
        ("discovery.k8s.io", "EndpointSlice") => policies::fill_endpoint_slice(object),
        (RBAC, "RoleBinding" | "ClusterRoleBinding") => policies::fill_binding(object),
        (RBAC, "Role" | "ClusterRole") => policies::fill_role(object),
        ("policy", "PodDisruptionBudget") => policies::fill_budget(object),
        ("policy", "PodSecurityPolicy") => policies::fill_pod_security(object),
        ("autoscaling", "HorizontalPodAutoscaler") => policies::fill_autoscaler(object, version),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => policies::fill_definition(object),
        ("certificates.k8s.io", "CertificateSigningRequest") => policies::fill_signing_request(object),
        ("admissionregistration.k8s.io", _) => policies::fill_webhooks(object),
        ("scheduling.k8s.io", "PriorityClass") => {
            default_to(as_map(object), "preemptionPolicy", "PreemptLowerPriority");
        }
        _ => {}
    }
}

/// Rewrites the quantities of the map at a JSON pointer in canonical form. What is no quantity stays: decoding
/// has refused it before.
pub(crate) fn canonical(object: &mut Value, pointer: &str) {
    if let Some(Value::Object(amounts)) = object.pointer_mut(pointer) {
        for (_, amount) in amounts {
            if let Ok(quantity) = Quantity::from_json(amount) {
                *amount = Value::from(quantity.to_string());
            }
        }
    }
}

fn has_invalid_quantity(resource: &Resource, object: &Value) -> bool {
    let mut maps: Vec<String> = Vec::new();
    let containers = |prefix: &str, maps: &mut Vec<String>| {
        for part in ["containers", "initContainers", "ephemeralContainers"] {
            let pointer = format!("{prefix}/{part}");
            let count = list(object, &pointer).len();
            for index in 0..count {
                maps.push(format!("{pointer}/{index}/resources/limits"));
                maps.push(format!("{pointer}/{index}/resources/requests"));
            }
        }
        maps.push(format!("{prefix}/overhead"));
        maps.push(format!("{prefix}/resources/limits"));
        maps.push(format!("{prefix}/resources/requests"));
    };
    match (resource.group, resource.kind) {
        ("", "Pod") => containers("/spec", &mut maps),
        ("apps" | "batch", _) | ("", "ReplicationController") => {
            containers("/spec/template/spec", &mut maps);
            containers("/spec/jobTemplate/spec/template/spec", &mut maps);
            for index in 0..list(object, "/spec/volumeClaimTemplates").len() {
                maps.push(format!("/spec/volumeClaimTemplates/{index}/spec/resources/requests"));
            }
        }
        ("", "PersistentVolumeClaim") => maps.push("/spec/resources/requests".to_owned()),
        ("", "PersistentVolume") => maps.push("/spec/capacity".to_owned()),
        ("", "ResourceQuota") => maps.push("/spec/hard".to_owned()),
        ("", "LimitRange") => {
            for index in 0..list(object, "/spec/limits").len() {
                for part in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
                    maps.push(format!("/spec/limits/{index}/{part}"));
                }
            }
        }
        _ => {}
    }
    maps.iter().any(|pointer| entries(object, pointer).any(|(_, amount)| Quantity::from_json(amount).is_err()))
}

/// Returns the member `key`, made an object where it is not one.
pub(crate) fn map_at_value<'a>(object: &'a mut Value, key: &str) -> &'a mut Value {
    let member = as_map(object).entry(key).or_insert_with(|| Value::Object(Map::new()));
    as_map(member);
    member
}

fn secret(object: &mut Value) {
    use base64::Engine as _;
    let map = as_map(object);
    default_to(map, "type", "Opaque");
    if let Some(Value::Object(plain)) = map.remove("stringData") {
        let data = map_at(object, "data");
        for (key, value) in plain {
            if let Value::String(value) = value {
                data.insert(key, Value::from(base64::engine::general_purpose::STANDARD.encode(value)));
            }
        }
    }
}
