//! Who owns which fields (`metadata.managedFields`), and server-side apply by it
//! (kubernetes.io/docs/reference/using-api/server-side-apply).
//!
//! Only people's writes are tracked, since only they meet `kubectl apply --server-side`: what controllers
//! write into status belongs to nobody here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::api::{Cause, Status};
use crate::resources::Resource;
use crate::schema::{Kind, List, Type, schema};

mod merge;

/// How a write counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// Owners stay as they are.
    #[default]
    Untracked,
    /// The manager owns what it changes.
    Update(String),
    /// The object brings its owners along, as [`apply`] computed them.
    Applied,
}

/// A field: segments as `fieldsV1` writes them (`f:spec`, `k:{"name":"a"}`, `v:"x"`).
type Path = Vec<String>;
type Set = BTreeSet<Path>;

/// The metadata that nobody owns.
const SYSTEM: [&str; 10] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// An entry of `managedFields`.
#[derive(Debug, Clone)]
struct Entry {
    manager: String,
    operation: String,
    subresource: String,
    time: String,
    fields: Set,
}

/// Writes into `new` who owns what after a manager's update.
pub(crate) fn track(
    resource: &Resource,
    old: Option<&Value>,
    new: &mut Value,
    manager: &str,
    subresource: Option<&str>,
    now: &str,
) {
    let found = schema().kind(resource.group, resource.version, resource.kind);
    let before = old.map(|old| flatten(found, old)).unwrap_or_default();
    let after = flatten(found, new);
    let changed: Set =
        after.iter().filter(|(path, value)| before.get(*path) != Some(value)).map(|(path, _)| path.clone()).collect();
    let mut entries = entries(old.unwrap_or(&Value::Null));
    for entry in &mut entries {
        entry.fields.retain(|path| after.contains_key(path) && !changed.contains(path));
    }
    let subresource = subresource.unwrap_or_default();
    if !changed.is_empty() {
        let own = entries
            .iter_mut()
            .find(|entry| entry.manager == manager && entry.operation == "Update" && entry.subresource == subresource);
        match own {
            Some(entry) => {
                entry.fields.extend(changed);
                entry.time = now.to_owned();
            }
            None => entries.push(Entry {
                manager: manager.to_owned(),
                operation: "Update".to_owned(),
                subresource: subresource.to_owned(),
                time: now.to_owned(),
                fields: changed,
            }),
        }
    }
    write(resource, new, entries);
}

/// What a server-side apply asks for.
pub(crate) struct Application<'a> {
    /// The fields that the manager wants.
    pub(crate) config: &'a Value,
    /// Who wants them.
    pub(crate) manager: &'a str,
    /// What happens to the fields of others.
    pub(crate) conflicts: Conflicts,
    /// When.
    pub(crate) now: &'a str,
}

/// What happens when somebody else owns a field with another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflicts {
    /// The request is refused.
    Refuse,
    /// The field is taken over.
    Force,
}

/// Lays a configuration over an object (an empty one at creation), with its owners.
pub(crate) fn apply(resource: &Resource, object: &mut Value, application: &Application<'_>) -> Result<(), Status> {
    let found = schema().kind(resource.group, resource.version, resource.kind);
    let wanted = flatten(found, application.config);
    let live = flatten(found, object);
    let is_own = |entry: &Entry| {
        entry.manager == application.manager && entry.operation == "Apply" && entry.subresource.is_empty()
    };
    let mut entries = entries(object);
    let differs = |path: &Path| live.get(path) != wanted.get(path);
    let mut clashes: Vec<(String, Path)> = Vec::new();
    for entry in entries.iter().filter(|entry| !is_own(entry)) {
        for path in entry.fields.iter().filter(|path| wanted.contains_key(*path) && differs(path)) {
            clashes.push((described(entry, resource), path.clone()));
        }
    }
    if !clashes.is_empty() && application.conflicts == Conflicts::Refuse {
        return Err(conflict(&clashes));
    }
    merge::lay(object, application.config, found);

    let before: Set = entries.iter().filter(|entry| is_own(entry)).flat_map(|entry| entry.fields.clone()).collect();
    // Applying the same again changes nothing, not even the time.
    let is_same = before.iter().eq(wanted.keys());
    let last = entries.iter().find(|entry| is_own(entry)).map(|entry| entry.time.clone());
    let time = last.filter(|_| is_same).unwrap_or_else(|| application.now.to_owned());
    entries.retain(|entry| !is_own(entry));
    let others: Set = entries.iter().flat_map(|entry| entry.fields.clone()).collect();
    // Children first, so that what is left of a list's item goes last.
    for path in before.iter().rev().filter(|path| !wanted.contains_key(*path)) {
        let is_held = others.iter().chain(wanted.keys()).any(|other| other.starts_with(path));
        if !is_held {
            merge::remove(object, path);
        }
    }
    for entry in &mut entries {
        entry.fields.retain(|path| !clashes.iter().any(|(_, clash)| clash == path));
    }
    entries.push(Entry {
        manager: application.manager.to_owned(),
        operation: "Apply".to_owned(),
        subresource: String::new(),
        time,
        fields: wanted.into_keys().collect(),
    });
    write(resource, object, entries);
    Ok(())
}

fn described(entry: &Entry, resource: &Resource) -> String {
    if entry.operation == "Apply" {
        format!("{:?}", entry.manager)
    } else {
        format!("{:?} using {}", entry.manager, resource.api_version())
    }
}

/// 409, in the real server's words.
fn conflict(clashes: &[(String, Path)]) -> Status {
    let causes: Vec<Cause> = clashes
        .iter()
        .map(|(manager, path)| Cause {
            reason: "FieldManagerConflict",
            message: format!("conflict with {manager}"),
            field: shown(path),
        })
        .collect();
    let count = causes.len();
    let mut by_manager: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (manager, path) in clashes {
        by_manager.entry(manager).or_default().push(shown(path));
    }
    let text = if count == 1 {
        format!("conflict with {}: {}", clashes[0].0, shown(&clashes[0].1))
    } else {
        let parts =
            by_manager.iter().map(|(manager, fields)| format!("conflicts with {manager}:\n- {}", fields.join("\n- ")));
        parts.collect::<Vec<_>>().join("\n")
    };
    let plural = if count == 1 { "" } else { "s" };
    Status {
        code: 409,
        reason: "Conflict",
        message: format!("Apply failed with {count} conflict{plural}: {text}"),
        details: Some(Box::new(crate::api::Details { causes, ..crate::api::Details::default() })),
    }
}

/// `.spec.containers[name="a"].image`.
fn shown(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment.split_once(':') {
            Some(("f", field)) => {
                text.push('.');
                text.push_str(field);
            }
            Some(("k", keys)) => {
                let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                text.push_str(&format!("[{}]", keys.join(",")));
            }
            Some((_, value)) => text.push_str(&format!("[={value}]")),
            None => {}
        }
    }
    text
}

/// Returns every field with its value; maps and items of lists count as fields themselves, with null.
fn flatten(found: Option<&Type>, object: &Value) -> BTreeMap<Path, Value> {
    let mut fields = BTreeMap::new();
    let Some(map) = object.as_object() else { return fields };
    for (key, value) in map.iter().filter(|(key, _)| *key != "apiVersion" && *key != "kind") {
        let mut path = vec![format!("f:{key}")];
        let field = found.and_then(|found| found.fields.get(key));
        if key == "metadata" {
            let inner = field.and_then(|field| schema().of(&field.kind));
            for (key, value) in value.as_object().into_iter().flatten() {
                if !SYSTEM.contains(&key.as_str()) {
                    path.push(format!("f:{key}"));
                    let field = inner.and_then(|inner| inner.fields.get(key));
                    walk(value, field.map(|field| (&field.kind, &field.list)), &mut path, &mut fields);
                    path.pop();
                }
            }
        } else {
            walk(value, field.map(|field| (&field.kind, &field.list)), &mut path, &mut fields);
        }
    }
    fields
}

fn walk(value: &Value, known: Option<(&Kind, &List)>, path: &mut Path, fields: &mut BTreeMap<Path, Value>) {
    match (value, known) {
        (_, Some((_, List::Whole))) => {
            fields.insert(path.clone(), value.clone());
        }
        (Value::Object(map), Some((Kind::Message(name), _))) if !map.is_empty() => {
            let found = schema().get(name);
            for (key, value) in map {
                path.push(format!("f:{key}"));
                let field = found.and_then(|found| found.fields.get(key));
                walk(value, field.map(|field| (&field.kind, &field.list)), path, fields);
                path.pop();
            }
        }
        (Value::Object(map), Some((Kind::Map(inner), _))) => {
            fields.insert(path.clone(), Value::Null);
            for (key, value) in map {
                path.push(format!("f:{key}"));
                walk(value, Some((inner, &List::Atomic)), path, fields);
                path.pop();
            }
        }
        (Value::Array(items), Some((Kind::List(inner), List::Map(keys)))) => {
            for item in items {
                path.push(item_segment(item, keys));
                fields.insert(path.clone(), Value::Null);
                walk(item, Some((inner, &List::Atomic)), path, fields);
                path.pop();
            }
        }
        (Value::Array(items), Some((Kind::List(_), List::Set))) => {
            for item in items {
                path.push(format!("v:{item}"));
                fields.insert(path.clone(), item.clone());
                path.pop();
            }
        }
        (value, _) => {
            fields.insert(path.clone(), value.clone());
        }
    }
}

/// Returns an item's segment; a missing protocol is TCP, the only key that has a default.
fn item_segment(item: &Value, keys: &[String]) -> String {
    let mut named = Map::new();
    for key in keys {
        match item.get(key) {
            Some(value) => named.insert(key.clone(), value.clone()),
            None if key == "protocol" => named.insert(key.clone(), "TCP".into()),
            None => None,
        };
    }
    format!("k:{}", Value::Object(named))
}

fn entries(object: &Value) -> Vec<Entry> {
    let list = object["metadata"]["managedFields"].as_array();
    list.into_iter()
        .flatten()
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
            let mut fields = Set::new();
            read(&entry["fieldsV1"], &mut Vec::new(), &mut fields);
            Entry {
                manager: text("manager"),
                operation: text("operation"),
                subresource: text("subresource"),
                time: text("time"),
                fields,
            }
        })
        .collect()
}

fn read(tree: &Value, path: &mut Path, fields: &mut Set) {
    let Some(map) = tree.as_object() else { return };
    if !path.is_empty() && (map.is_empty() || map.contains_key(".")) {
        fields.insert(path.clone());
    }
    for (key, below) in map.iter().filter(|(key, _)| *key != ".") {
        path.push(key.clone());
        read(below, path, fields);
        path.pop();
    }
}

fn write(resource: &Resource, object: &mut Value, entries: Vec<Entry>) {
    let list: Vec<Value> = entries
        .into_iter()
        .filter(|entry| !entry.fields.is_empty())
        .map(|entry| {
            let mut written = json!({
                "manager": entry.manager, "operation": entry.operation, "apiVersion": resource.api_version(),
                "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": tree(&entry.fields),
            });
            if !entry.subresource.is_empty() {
                written["subresource"] = entry.subresource.into();
            }
            written
        })
        .collect();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        if list.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), list.into());
        }
    }
}

fn tree(fields: &Set) -> Value {
    let mut root = Map::new();
    // A field comes before those below it, so an empty leaf that turns out to have some gets its dot then.
    for path in fields {
        let mut at = &mut root;
        for (depth, segment) in path.iter().enumerate() {
            let is_new = !at.contains_key(segment);
            let below = at.entry(segment.clone()).or_insert_with(|| json!({}));
            let Some(below) = below.as_object_mut() else { break };
            let is_leaf_so_far = !is_new && below.is_empty();
            if is_leaf_so_far && depth + 1 < path.len() {
                below.insert(".".to_owned(), json!({}));
            }
            at = below;
        }
    }
    Value::Object(root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{CONFIG_MAPS, DEPLOYMENTS};

    fn lay(object: &mut Value, config: &Value, manager: &str, conflicts: Conflicts) -> Result<(), Status> {
        apply(&DEPLOYMENTS, object, &Application { config, manager, conflicts, now: "t" })
    }

    fn deployment(replicas: Option<i64>, containers: Value) -> Value {
        let mut spec = json!({"template": {"spec": {"containers": containers}}});
        if let Some(replicas) = replicas {
            spec["replicas"] = replicas.into();
        }
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
    }

    #[test]
    fn what_a_manager_no_longer_wants_goes() {
        let mut object = json!({"metadata": {"name": "web"}});
        let both = json!([{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]);
        lay(&mut object, &deployment(Some(2), both), "me", Conflicts::Refuse).unwrap();
        lay(&mut object, &deployment(None, json!([{"name": "a", "image": "z"}])), "me", Conflicts::Refuse).unwrap();
        assert_eq!(object["spec"], json!({"template": {"spec": {"containers": [{"name": "a", "image": "z"}]}}}));
        assert_eq!(object["metadata"]["managedFields"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn another_owner_is_a_conflict_unless_forced() {
        let mut object = json!({"metadata": {"name": "web"}});
        lay(&mut object, &deployment(Some(2), json!([{"name": "a"}])), "me", Conflicts::Refuse).unwrap();
        let old = object.clone();
        object["spec"]["replicas"] = 5.into();
        track(&DEPLOYMENTS, Some(&old), &mut object, "kubectl-edit", None, "t");
        let refused = lay(&mut object.clone(), &deployment(Some(2), json!([{"name": "a"}])), "me", Conflicts::Refuse);
        assert_eq!(
            refused.unwrap_err().message,
            "Apply failed with 1 conflict: conflict with \"kubectl-edit\" using apps/v1: .spec.replicas"
        );
        lay(&mut object, &deployment(Some(2), json!([{"name": "a"}])), "me", Conflicts::Force).unwrap();
        assert_eq!(object["spec"]["replicas"], 2);
        let managers: Vec<_> =
            object["metadata"]["managedFields"].as_array().unwrap().iter().map(|one| &one["manager"]).collect();
        assert_eq!(managers, ["me"]);
    }

    #[test]
    fn owners_are_written_as_kubernetes_writes_them() {
        let mut object = json!({"metadata": {"name": "c", "labels": {"a": "b"}}, "data": {"k": "v"}});
        track(&CONFIG_MAPS, None, &mut object, "kubectl-create", None, "t");
        assert_eq!(
            object["metadata"]["managedFields"],
            json!([{
                "manager": "kubectl-create", "operation": "Update", "apiVersion": "v1", "time": "t",
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:data": {".": {}, "f:k": {}},
                    "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                },
            }])
        );
        let mut fields = Set::new();
        read(&object["metadata"]["managedFields"][0]["fieldsV1"], &mut Vec::new(), &mut fields);
        assert_eq!(fields.len(), 4);
    }
}
