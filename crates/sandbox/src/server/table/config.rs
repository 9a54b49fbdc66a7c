//! The rows of quotas and of objects that only hold data.

use serde_json::Value;

use super::{Column, Context, age, name, text};
use crate::Version;

/// Returns how many entries a map has.
pub(super) fn count(map: &Value) -> usize {
    map.as_object().map_or(0, serde_json::Map::len)
}

pub(super) fn quota_columns(context: Context) -> Vec<Column> {
    match context.version {
        Version::V1_20 | Version::V1_24 => vec![name(), text("Age"), text("Request"), text("Limit")],
        Version::V1_34 => vec![name(), text("Request"), text("Limit"), text("Age")],
    }
}

pub(super) fn quota_cells(context: Context, quota: &Value) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (resource, hard) in quota["status"]["hard"].as_object().into_iter().flatten() {
        let used = quota["status"]["used"][resource].as_str().unwrap_or("0");
        let text = format!("{resource}: {used}/{}", hard.as_str().unwrap_or_default());
        if resource.starts_with("limits") { limits.push(text) } else { requests.push(text) }
    }
    let name = quota["metadata"]["name"].clone();
    let age = age::since(context.now, &quota["metadata"]["creationTimestamp"]);
    let (requests, limits) = (requests.join(", ").into(), limits.join(", ").into());
    match context.version {
        Version::V1_20 | Version::V1_24 => vec![name, age, requests, limits],
        Version::V1_34 => vec![name, requests, limits, age],
    }
}
