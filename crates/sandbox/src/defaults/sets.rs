//! Defaults of StatefulSets, DaemonSets and ReplicationControllers.

use serde_json::{Map, Value, json};

use crate::Version;
use crate::fields::{as_map, default_to, list_mut, map_at, text};

use super::{map_at_value, storage, workload};

/// Fills a StatefulSet.
pub(crate) fn fill_stateful_set(set: &mut Value, version: Version) {
    let spec = map_at_value(set, "spec");
    let map = as_map(spec);
    default_to(map, "podManagementPolicy", "OrderedReady");
    default_to(map, "replicas", 1);
    default_to(map, "revisionHistoryLimit", 10);
    if version >= Version::V1_34 {
        let policy = map_at(spec, "persistentVolumeClaimRetentionPolicy");
        default_to(policy, "whenDeleted", "Retain");
        default_to(policy, "whenScaled", "Retain");
    }
    let strategy = map_at_value(spec, "updateStrategy");
    default_to(as_map(strategy), "type", "RollingUpdate");
    if text(strategy, "/type") == "RollingUpdate" {
        default_to(map_at(strategy, "rollingUpdate"), "partition", 0);
    }
    for claim in list_mut(spec, "/volumeClaimTemplates") {
        let map = as_map(claim);
        default_to(map, "apiVersion", "v1");
        default_to(map, "kind", "PersistentVolumeClaim");
        workload::stamp(map_at(claim, "metadata"), version);
        storage::fill_claim(claim);
    }
    workload::fill_template(spec, version);
    let status = map_at(set, "status");
    default_to(status, "replicas", 0);
    if version >= Version::V1_24 {
        default_to(status, "availableReplicas", 0);
    }
}

/// Fills a DaemonSet.
pub(crate) fn fill_daemon_set(set: &mut Value, version: Version) {
    const GENERATION: &str = "deprecated.daemonset.template.generation";
    let metadata = map_at_value(set, "metadata");
    default_to(map_at(metadata, "annotations"), GENERATION, "1");
    let spec = map_at_value(set, "spec");
    default_to(as_map(spec), "revisionHistoryLimit", 10);
    let strategy = map_at_value(spec, "updateStrategy");
    default_to(as_map(strategy), "type", "RollingUpdate");
    if text(strategy, "/type") == "RollingUpdate" {
        let rolling = map_at(strategy, "rollingUpdate");
        if version >= Version::V1_24 {
            default_to(rolling, "maxSurge", 0);
        }
        default_to(rolling, "maxUnavailable", 1);
    }
    workload::fill_template(spec, version);
    let status = map_at(set, "status");
    for field in ["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"] {
        default_to(status, field, 0);
    }
}

/// Fills a ReplicationController: labels and selector are its template's labels.
pub(crate) fn fill_replication_controller(controller: &mut Value, version: Version) {
    let labels = controller.pointer("/spec/template/metadata/labels").and_then(Value::as_object).cloned();
    if let Some(labels) = labels.filter(|labels| !labels.is_empty()) {
        let spec = map_at(controller, "spec");
        if spec.get("selector").and_then(Value::as_object).is_none_or(Map::is_empty) {
            spec.insert("selector".to_owned(), json!(labels));
        }
        let own = map_at(map_at_value(controller, "metadata"), "labels");
        if own.is_empty() {
            *own = labels;
        }
    }
    let spec = map_at_value(controller, "spec");
    default_to(as_map(spec), "replicas", 1);
    if spec["template"].is_object() {
        workload::fill_template(spec, version);
    }
    default_to(map_at(controller, "status"), "replicas", 0);
}
