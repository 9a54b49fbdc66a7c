//! The patch of `apply`: from what was last applied, what is wanted now, and what is there.
//!
//! The result is a strategic merge patch: lists that have a merge key are compared element by element. The merge keys
//! are those of the Kubernetes API (`x-kubernetes-patch-merge-key`), by field name.

use serde_json::{Map, Value, json};

/// The annotation that keeps what was last applied.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Where lists are treated as wholes, or element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lists {
    /// Strategic merge: the API's own types.
    ByKey,
    /// JSON merge: custom resources.
    Whole,
}

/// Returns what must change; `None` when `current` already is as `modified` wants it.
pub(crate) fn three_way(original: &Value, modified: &Value, current: &Value, lists: Lists) -> Option<Value> {
    maps(original, modified, current, lists)
}

fn maps(original: &Value, modified: &Value, current: &Value, lists: Lists) -> Option<Value> {
    let mut patch = Map::new();
    for (key, wanted) in modified.as_object().into_iter().flatten() {
        let before = original.get(key).unwrap_or(&Value::Null);
        let Some(found) = current.get(key) else {
            // An empty map that the server leaves out is no difference.
            if !wanted.is_null() && *wanted != json!({}) {
                patch.insert(key.clone(), wanted.clone());
            }
            continue;
        };
        let change = match (wanted, found) {
            (Value::Object(_), Value::Object(_)) => maps(before, wanted, found, lists),
            (Value::Array(wanted_items), Value::Array(found_items)) => {
                list(key, before, wanted_items, found_items, lists)
            }
            (Value::Null, _) => Some(Value::Null),
            (wanted, found) => (wanted != found).then(|| wanted.clone()),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    for key in original.as_object().into_iter().flatten().map(|(key, _)| key) {
        if modified.get(key).is_none() && current.get(key).is_some() {
            patch.insert(key.clone(), Value::Null);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

fn list(key: &str, before: &Value, wanted: &[Value], found: &[Value], lists: Lists) -> Option<Value> {
    let merge_key = match lists {
        Lists::ByKey => merge_key(key, wanted),
        Lists::Whole => None,
    };
    let Some(merge_key) = merge_key else {
        let same_as_before = before.is_null() || before.as_array().is_some_and(|before| before == wanted);
        let covered =
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| covers(found, wanted));
        return (!(covered && same_as_before)).then(|| Value::Array(wanted.to_vec()));
    };
    let by_key = |items: &[Value], value: &Value| items.iter().find(|item| item.get(merge_key) == Some(value)).cloned();
    let before = before.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut changes = Vec::new();
    for item in wanted {
        let Some(name) = item.get(merge_key) else { return Some(Value::Array(wanted.to_vec())) };
        match by_key(found, name) {
            None => changes.push(item.clone()),
            Some(current) => {
                let original = by_key(before, name).unwrap_or_default();
                if let Some(mut change) = maps(&original, item, &current, lists) {
                    if let Some(change) = change.as_object_mut() {
                        change.insert(merge_key.to_owned(), name.clone());
                    }
                    changes.push(change);
                }
            }
        }
    }
    for name in before.iter().filter_map(|item| item.get(merge_key)) {
        if by_key(wanted, name).is_none() && by_key(found, name).is_some() {
            changes.push(json!({ "$patch": "delete", merge_key: name }));
        }
    }
    (!changes.is_empty()).then_some(Value::Array(changes))
}

/// Whether `found` has everything that `wanted` says; what the server added does not count.
fn covers(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| match found.get(key) {
            Some(found) => covers(found, wanted),
            None => wanted.is_null() || *wanted == json!({}),
        }),
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| covers(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

fn merge_key(field: &str, items: &[Value]) -> Option<&'static str> {
    let key = match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets" => "name",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "ports" if items.iter().any(|item| item.get("containerPort").is_some()) => "containerPort",
        "ports" => "port",
        "hostAliases" => "ip",
        "conditions" => "type",
        "ownerReferences" => "uid",
        "topologySpreadConstraints" => "topologyKey",
        _ => return None,
    };
    items.iter().all(|item| item.get(key).is_some()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(original: Value, modified: Value, current: Value, expected: Option<Value>) {
        assert_eq!(three_way(&original, &modified, &current, Lists::ByKey), expected);
    }

    #[test]
    fn server_defaults_are_no_difference() {
        let wanted =
            json!({ "spec": { "containers": [{ "name": "a", "image": "x" }], "limits": [{ "type": "Container" }] } });
        let current = json!({ "spec": { "restartPolicy": "Always", "containers": [{ "name": "a", "image": "x", "tty": false }], "limits": [{ "type": "Container", "default": {} }] }, "status": {} });
        check(wanted.clone(), wanted, current, None);
    }

    #[test]
    fn a_changed_field_of_a_container_names_the_container() {
        check(
            json!({}),
            json!({ "containers": [{ "name": "a", "image": "y" }] }),
            json!({ "containers": [{ "name": "a", "image": "x" }, { "name": "sidecar" }] }),
            Some(json!({ "containers": [{ "name": "a", "image": "y" }] })),
        );
    }

    #[test]
    fn what_was_applied_and_is_no_longer_wanted_goes() {
        check(
            json!({ "a": 1, "env": [{ "name": "X", "value": "1" }], "kept": 1 }),
            json!({ "env": [], "kept": 1 }),
            json!({ "a": 1, "b": 2, "env": [{ "name": "X", "value": "1" }, { "name": "Y" }], "kept": 1 }),
            Some(json!({ "a": null, "env": [{ "$patch": "delete", "name": "X" }] })),
        );
    }

    #[test]
    fn lists_without_a_key_are_replaced_whole() {
        check(
            json!({ "limits": [{ "type": "Container", "max": { "cpu": "1" } }] }),
            json!({ "limits": [{ "type": "Container" }] }),
            json!({ "limits": [{ "type": "Container", "max": { "cpu": "1" } }] }),
            Some(json!({ "limits": [{ "type": "Container" }] })),
        );
    }
}
