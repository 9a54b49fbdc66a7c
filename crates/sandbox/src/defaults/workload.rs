//! Defaults of what makes Pods out of a template.

use serde_json::{Map, Value, json};

use crate::Version;
use crate::fields::{as_map, default_to, map_at, text};

use super::{map_at_value, pod};

/// Fills a Deployment.
pub(crate) fn fill_deployment(deployment: &mut Value, version: Version) {
    let spec = map_at_value(deployment, "spec");
    let map = as_map(spec);
    default_to(map, "progressDeadlineSeconds", 600);
    default_to(map, "replicas", 1);
    default_to(map, "revisionHistoryLimit", 10);
    let strategy = map_at_value(spec, "strategy");
    if text(strategy, "/type").is_empty() {
        as_map(strategy).insert("type".to_owned(), json!("RollingUpdate"));
    }
    if text(strategy, "/type") == "RollingUpdate" {
        let rolling = map_at(strategy, "rollingUpdate");
        default_to(rolling, "maxSurge", "25%");
        default_to(rolling, "maxUnavailable", "25%");
    }
    fill_template(spec, version);
}

/// Fills a ReplicaSet.
pub(crate) fn fill_replica_set(set: &mut Value, version: Version) {
    let spec = map_at_value(set, "spec");
    default_to(as_map(spec), "replicas", 1);
    fill_template(spec, version);
}

/// Fills the template of Pods below a `spec`.
pub(crate) fn fill_template(spec: &mut Value, version: Version) {
    let template = map_at_value(spec, "template");
    stamp(map_at(template, "metadata"), version);
    pod::fill_spec(map_at_value(template, "spec"));
}

/// Writes the time of creation of what is not created yet: until 1.33 a zero time was printed as null.
pub(crate) fn stamp(metadata: &mut Map<String, Value>, version: Version) {
    match version {
        Version::V1_20 | Version::V1_24 => {
            metadata.insert("creationTimestamp".to_owned(), Value::Null);
        }
        Version::V1_34 => {
            metadata.remove("creationTimestamp");
        }
    }
}
