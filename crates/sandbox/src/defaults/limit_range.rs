//! Defaults of LimitRanges: `max` gives `default`, which gives `defaultRequest`; else `min` gives it
//! (`SetDefaults_LimitRangeItem`; only where the type is Container).

use serde_json::Value;

use crate::fields::{list_mut, map_at, text};

use super::canonical;

/// Fills a LimitRange.
pub(crate) fn fill(range: &mut Value) {
    for item in list_mut(range, "/spec/limits") {
        for part in ["/max", "/min", "/default", "/defaultRequest", "/maxLimitRequestRatio"] {
            canonical(item, part);
        }
        if text(item, "/type") == "Container" {
            for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
                copy_missing(item, from, to);
            }
        }
    }
}

fn copy_missing(item: &mut Value, from: &str, to: &str) {
    let Some(Value::Object(source)) = item.get(from).cloned() else { return };
    if source.is_empty() {
        return;
    }
    let target = map_at(item, to);
    for (resource, amount) in source {
        target.entry(resource).or_insert(amount);
    }
}
