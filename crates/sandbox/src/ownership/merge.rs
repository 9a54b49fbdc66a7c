//! Laying a configuration over an object, and taking fields out again.

use serde_json::{Map, Value};

use super::item_segment;
use crate::schema::{Kind, List, Type, schema};

/// Lays a configuration over an object of a type.
pub(super) fn lay(object: &mut Value, config: &Value, found: Option<&Type>) {
    let (Some(object), Some(config)) = (object.as_object_mut(), config.as_object()) else { return };
    for (key, value) in config {
        let field = found.and_then(|found| found.fields.get(key));
        lay_value(object, key, value, field.map(|field| (&field.kind, &field.list)));
    }
}

fn lay_value(object: &mut Map<String, Value>, key: &str, value: &Value, known: Option<(&Kind, &List)>) {
    let Some(current) = object.get_mut(key) else {
        object.insert(key.to_owned(), value.clone());
        return;
    };
    match (current, value, known) {
        (current, value, Some((_, List::Whole))) => *current = value.clone(),
        (current @ Value::Object(_), Value::Object(_), Some((Kind::Message(name), _))) => {
            lay(current, value, schema().get(name));
        }
        (Value::Object(current), Value::Object(map), Some((Kind::Map(inner), _))) => {
            for (key, value) in map {
                lay_value(current, key, value, Some((inner, &List::Atomic)));
            }
        }
        (Value::Array(current), Value::Array(items), Some((Kind::List(inner), List::Map(keys)))) => {
            for item in items {
                let name = item_segment(item, keys);
                match current.iter_mut().find(|other| item_segment(other, keys) == name) {
                    Some(other) => lay(other, item, schema().of(inner)),
                    None => current.push(item.clone()),
                }
            }
        }
        (Value::Array(current), Value::Array(items), Some((Kind::List(_), List::Set))) => {
            for item in items {
                if !current.contains(item) {
                    current.push(item.clone());
                }
            }
        }
        (current, value, _) => *current = value.clone(),
    }
}

/// Takes a field out.
pub(super) fn remove(object: &mut Value, path: &[String]) {
    let Some((segment, rest)) = path.split_first() else { return };
    let (kind, name) = segment.split_once(':').unwrap_or_default();
    match (kind, object) {
        ("f", Value::Object(map)) => {
            if rest.is_empty() {
                map.remove(name);
            } else if let Some(below) = map.get_mut(name) {
                remove(below, rest);
            }
        }
        ("k", Value::Array(items)) => {
            let keys: Map<String, Value> = serde_json::from_str(name).unwrap_or_default();
            let is_meant = |item: &Value| {
                keys.iter()
                    .all(|(key, value)| item.get(key) == Some(value) || (item.get(key).is_none() && key == "protocol"))
            };
            if rest.is_empty() {
                items.retain(|item| !is_meant(item));
            } else if let Some(item) = items.iter_mut().find(|item| is_meant(item)) {
                // The fields that name an item go with the item only.
                let is_key =
                    matches!(rest, [last] if last.strip_prefix("f:").is_some_and(|last| keys.contains_key(last)));
                if !is_key {
                    remove(item, rest);
                }
            }
        }
        ("v", Value::Array(items)) => {
            let value: Value = serde_json::from_str(name).unwrap_or_default();
            items.retain(|item| *item != value);
        }
        _ => {}
    }
}
