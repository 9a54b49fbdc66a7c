//! Strategic merge patches: objects are merged field by field, some lists item by item, with directives
//! (kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch; the design proposal
//! "preserve-order-in-strategic-merge-patch" defines `$setElementOrder`).

use serde_json::{Map, Value};

use crate::schema::{Field, Kind, Type, schema};

const PATCH: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const REMOVE: &str = "$deleteFromPrimitiveList/";

/// Why a patch cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// An item lacks the field that names it.
    #[error("map: {item} does not contain declared merge key: {key}")]
    Key {
        /// The item.
        item: String,
        /// The field.
        key: String,
    },
    /// A directive is unknown.
    #[error("unknown patch type found: {0}")]
    Directive(String),
    /// A directive is not written as it must be.
    #[error("invalid format of {0}")]
    Format(String),
}

/// Lays a patch over an object of a type; without a type, lists are replaced.
pub(crate) fn merge(object: &mut Value, patch: &Value, found: Option<&Type>) -> Result<(), Error> {
    let (Some(patch), Some(object)) = (patch.as_object(), object.as_object_mut()) else {
        *object = patch.clone();
        return Ok(());
    };
    merge_map(object, patch, found)
}

fn merge_map(object: &mut Map<String, Value>, patch: &Map<String, Value>, found: Option<&Type>) -> Result<(), Error> {
    match patch.get(PATCH).map(|directive| directive.as_str().unwrap_or_default()) {
        None | Some("merge") => {}
        Some("replace") => {
            *object = stripped(patch);
            return Ok(());
        }
        Some("delete") => {
            object.clear();
            return Ok(());
        }
        Some(other) => return Err(Error::Directive(other.to_owned())),
    }
    if let Some(kept) = patch.get(RETAIN) {
        let kept = kept.as_array().ok_or_else(|| Error::Format(RETAIN.to_owned()))?;
        object.retain(|key, _| kept.iter().any(|name| name == key));
    }
    for (key, change) in patch {
        if key.starts_with('$') {
            continue;
        }
        if change.is_null() {
            object.remove(key);
            continue;
        }
        let field = found.and_then(|found| found.fields.get(key));
        let order = patch.get(&format!("{ORDER}{key}"));
        merge_field(object, key, change, field, order)?;
    }
    for (key, directive) in patch {
        let values = || directive.as_array().ok_or_else(|| Error::Format(key.clone()));
        if let Some(name) = key.strip_prefix(REMOVE) {
            let values = values()?;
            if let Some(list) = object.get_mut(name).and_then(Value::as_array_mut) {
                list.retain(|item| !values.contains(item));
            }
        }
    }
    // An order may come without changes of the list itself.
    for (key, order) in patch {
        if let Some(name) = key.strip_prefix(ORDER)
            && let Some(list) = object.get_mut(name).and_then(Value::as_array_mut)
        {
            let field = found.and_then(|found| found.fields.get(name));
            let before = list.clone();
            sort(list, &before, order, merge_key(field))?;
        }
    }
    Ok(())
}

fn merge_field(
    object: &mut Map<String, Value>,
    key: &str,
    change: &Value,
    field: Option<&Field>,
    order: Option<&Value>,
) -> Result<(), Error> {
    let Some(current) = object.get_mut(key).filter(|current| !current.is_null()) else {
        let fresh = match change {
            Value::Object(map) => {
                let mut fresh = Map::new();
                merge_map(&mut fresh, map, field.and_then(|field| schema().of(&field.kind)))?;
                Value::Object(fresh)
            }
            Value::Array(items) if field.is_some_and(|field| field.merge.is_merged) => {
                let mut list = Vec::new();
                merge_list(&mut list, items, field, None)?;
                Value::Array(list)
            }
            other => other.clone(),
        };
        object.insert(key.to_owned(), fresh);
        return Ok(());
    };
    match (current, change) {
        (Value::Object(current), Value::Object(change)) => {
            merge_map(current, change, field.and_then(|field| schema().of(&field.kind)))
        }
        (Value::Array(current), Value::Array(change)) if field.is_some_and(|field| field.merge.is_merged) => {
            merge_list(current, change, field, order)
        }
        (current, change) => {
            *current = change.clone();
            Ok(())
        }
    }
}

fn merge_list(
    list: &mut Vec<Value>,
    changes: &[Value],
    field: Option<&Field>,
    order: Option<&Value>,
) -> Result<(), Error> {
    let before = list.clone();
    let Some(key) = merge_key(field) else {
        for change in changes {
            if !list.contains(change) {
                list.push(change.clone());
            }
        }
        return Ok(());
    };
    // `{$patch: replace}` as an item replaces the list by the other items.
    if changes.iter().any(|change| change[PATCH] == "replace" && change.as_object().is_some_and(|map| map.len() == 1)) {
        *list = changes
            .iter()
            .filter(|change| change[PATCH] != "replace")
            .map(|change| change.as_object().map_or_else(|| change.clone(), |map| Value::Object(stripped(map))))
            .collect();
        return Ok(());
    }
    let item_type = field.and_then(|field| match &field.kind {
        Kind::List(inner) => schema().of(inner),
        _ => None,
    });
    for change in changes {
        let map = change.as_object().ok_or_else(|| missing(change, key))?;
        let name = map.get(key).ok_or_else(|| missing(change, key))?;
        let at = list.iter().position(|item| item.get(key) == Some(name));
        match (map.get(PATCH).map(|directive| directive.as_str().unwrap_or_default()), at) {
            (Some("delete"), _) => list.retain(|item| item.get(key) != Some(name)),
            (Some("replace"), Some(at)) => list[at] = Value::Object(stripped(map)),
            (Some("replace"), None) => list.push(Value::Object(stripped(map))),
            (None | Some("merge"), Some(at)) => merge(&mut list[at], change, item_type)?,
            (None | Some("merge"), None) => {
                let mut fresh = Map::new();
                merge_map(&mut fresh, map, item_type)?;
                list.push(Value::Object(fresh));
            }
            (Some(other), _) => return Err(Error::Directive(other.to_owned())),
        }
    }
    match order {
        Some(order) => sort(list, &before, order, Some(key)),
        None => Ok(()),
    }
}

/// Puts the items that `order` names into its order; the others keep their place relative to those that were
/// there before.
fn sort(list: &mut Vec<Value>, before: &[Value], order: &Value, key: Option<&str>) -> Result<(), Error> {
    let order = order.as_array().ok_or_else(|| Error::Format(ORDER.to_owned()))?;
    let same = |one: &Value, other: &Value| match key {
        Some(key) => one.get(key).is_some() && one.get(key) == other.get(key),
        None => one == other,
    };
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        list.drain(..).partition(|item| order.iter().any(|wanted| same(wanted, item)));
    named.sort_by_key(|item| order.iter().position(|wanted| same(wanted, item)));
    let place = |item: &Value| before.iter().position(|old| same(old, item));
    named.reverse();
    others.reverse();
    loop {
        let take_other = match (others.last(), named.last()) {
            (None, None) => return Ok(()),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(named)) => place(other).zip(place(named)).is_some_and(|(other, named)| other < named),
        };
        list.extend(if take_other { others.pop() } else { named.pop() });
    }
}

fn merge_key(field: Option<&Field>) -> Option<&str> {
    field.and_then(|field| field.merge.key.as_deref())
}

fn missing(item: &Value, key: &str) -> Error {
    Error::Key { item: item.to_string(), key: key.to_owned() }
}

/// Returns a map without directives.
fn stripped(map: &Map<String, Value>) -> Map<String, Value> {
    map.iter().filter(|(key, _)| !key.starts_with('$')).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(object: Value, patch: Value, expected: Value) {
        let mut spec = json!({ "spec": object });
        merge(&mut spec, &json!({ "spec": patch }), schema().kind("", "v1", "Pod")).unwrap();
        assert_eq!(spec["spec"], expected);
    }

    #[test]
    fn lists_merge_by_their_key() {
        check(
            json!({"containers": [{"name": "a", "image": "x", "args": ["1"]}, {"name": "b"}]}),
            json!({"containers": [{"name": "a", "image": "y", "args": ["2"]}, {"name": "c"}]}),
            json!({"containers": [{"name": "a", "image": "y", "args": ["2"]}, {"name": "b"}, {"name": "c"}]}),
        );
    }

    #[test]
    fn directives_delete_replace_and_retain() {
        check(
            json!({"containers": [{"name": "a"}, {"name": "b"}]}),
            json!({"containers": [{"name": "a", "$patch": "delete"}]}),
            json!({"containers": [{"name": "b"}]}),
        );
        check(
            json!({"containers": [{"name": "a"}, {"name": "b"}]}),
            json!({"containers": [{"name": "c"}, {"$patch": "replace"}]}),
            json!({"containers": [{"name": "c"}]}),
        );
        check(
            json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
            json!({"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]}),
            json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
        );
        check(
            json!({"nodeSelector": {"a": "1"}, "hostNetwork": true}),
            json!({"nodeSelector": {"$patch": "replace", "b": "2"}, "hostNetwork": null}),
            json!({"nodeSelector": {"b": "2"}}),
        );
    }

    #[test]
    fn an_order_moves_what_it_names() {
        check(
            json!({"containers": [{"name": "s"}, {"name": "a"}, {"name": "b"}]}),
            json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                   "containers": [{"name": "a", "image": "x"}]}),
            json!({"containers": [{"name": "s"}, {"name": "b"}, {"name": "a", "image": "x"}]}),
        );
    }

    #[test]
    fn finalizers_merge_as_values() {
        let mut object = json!({"metadata": {"finalizers": ["a", "b"]}});
        let patch = json!({"metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]}});
        merge(&mut object, &patch, schema().kind("", "v1", "Pod")).unwrap();
        assert_eq!(object["metadata"]["finalizers"], json!(["b", "c"]));
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        let patch = json!({"spec": {"containers": [{"image": "x"}]}});
        let refused =
            merge(&mut json!({"spec": {"containers": [{"name": "a"}]}}), &patch, schema().kind("", "v1", "Pod"));
        assert!(refused.unwrap_err().to_string().ends_with("does not contain declared merge key: name"));
    }
}
