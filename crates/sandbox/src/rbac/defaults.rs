//! The roles and bindings that every cluster has: made at its birth, and mended at each later start.
//!
//! They are data (`assets/kubernetes/rbac`); how they are mended is that of
//! `component-helpers/auth/rbac/reconciliation`: what is missing is added, what was added by others stays, and
//! whoever sets the annotation `autoupdate` to `false` is left alone.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::Version;
use crate::api::{Api, Caller, DeleteOptions, Propagation, Selector, Target, WriteOptions};
use crate::fields::{list, map_at, name, namespace, text};
use crate::resources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Resource};
use crate::store::Object;

use super::rule::Rule;

const V1_20: &str = include_str!("../../../../assets/kubernetes/rbac/1.20.json");
const V1_34: &str = include_str!("../../../../assets/kubernetes/rbac/1.34.json");

/// Says whether a default may be mended.
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// Makes the default roles and bindings that are not there, and adds to the others what they lack.
pub(crate) fn reconcile(api: &Api) {
    let defaults = of(api.version());
    for resource in [&CLUSTER_ROLES, &CLUSTER_ROLE_BINDINGS, &ROLES, &ROLE_BINDINGS] {
        for object in defaults.get(resource.kind).into_iter().flatten() {
            mend(api, resource, object);
        }
    }
}

/// Returns what every kubelet may do: the rules of `system:node`, whatever became of that role.
pub(crate) fn node_rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(|| {
        let roles = parse(V1_20).remove("ClusterRole").unwrap_or_default();
        roles.iter().find(|role| name(role) == "system:node").map(Rule::all_of).unwrap_or_default()
    })
}

/// Returns the defaults of a version, by kind.
fn of(version: Version) -> BTreeMap<String, Vec<Value>> {
    let mut defaults = parse(V1_20);
    match version {
        Version::V1_20 => {}
        // Nothing that an exercise meets changed between the two.
        Version::V1_24 | Version::V1_34 => {
            for (kind, objects) in parse(V1_34) {
                let kept = defaults.entry(kind).or_default();
                for object in objects {
                    match kept.iter_mut().find(|other| name(other) == name(&object)) {
                        Some(other) => *other = object,
                        None => kept.push(object),
                    }
                }
            }
        }
    }
    for object in defaults.values_mut().flatten() {
        let metadata = map_at(object, "metadata");
        metadata.insert("annotations".to_owned(), json!({ AUTOUPDATE: "true" }));
        let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
        labels["kubernetes.io/bootstrapping"] = "rbac-defaults".into();
    }
    // The aggregated ones are complete from the first moment on.
    // `edit` has `view` in it, and `admin` has `edit`.
    for _ in 0..3 {
        let now: Vec<Object> = defaults.get("ClusterRole").into_iter().flatten().cloned().map(Into::into).collect();
        for role in defaults.get_mut("ClusterRole").into_iter().flatten() {
            if let Some(rules) = aggregated(role, &now) {
                role["rules"] = rules.into();
            }
        }
    }
    defaults
}

fn parse(text: &str) -> BTreeMap<String, Vec<Value>> {
    let whole: BTreeMap<String, Value> =
        serde_json::from_str(text).expect("the embedded roles are JSON: a test reads them");
    let lists = whole.into_iter().filter_map(|(kind, objects)| match objects {
        Value::Array(objects) => Some((kind, objects)),
        _ => None,
    });
    lists.collect()
}

/// Returns the rules of a `ClusterRole` that is made of others, which is told by its `aggregationRule`; `None` for
/// a role that is not.
pub(crate) fn aggregated(role: &Value, all: &[Object]) -> Option<Vec<Value>> {
    role.get("aggregationRule")?;
    let mut rules: Vec<Value> = Vec::new();
    for selector in list(role, "/aggregationRule/clusterRoleSelectors") {
        for other in all {
            if name(other) == name(role)
                || !Selector::from_object(selector).is_some_and(|selector| selector.matches_labels(other))
            {
                continue;
            }
            for rule in list(other, "/rules") {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    Some(rules)
}

fn mend(api: &Api, resource: &'static Resource, wanted: &Value) {
    let caller = Caller::apiserver();
    let (space, name) = (namespace(wanted), name(wanted));
    let target = Target::new(resource, space, name);
    let create = || {
        if let Err(status) = api.create(&caller, resource, space, wanted.clone(), &WriteOptions::default()) {
            tracing::error!(resource = resource.plural, name, %status, "a default of access control is missing");
        }
    };
    let Ok(found) = api.get(resource, space, name) else { return create() };
    if found["metadata"]["annotations"][AUTOUPDATE] == "false" {
        return;
    }
    if found.get("roleRef") != wanted.get("roleRef") {
        // A binding's role cannot be changed.
        let options = DeleteOptions { propagation: Propagation::Background, ..DeleteOptions::default() };
        if let Err(status) = api.delete(&caller, target, &options) {
            tracing::error!(name, %status, "a default binding points elsewhere");
        }
        return create();
    }
    let fill = |object: &mut Value| {
        for part in ["labels", "annotations"] {
            for (key, value) in wanted["metadata"][part].as_object().into_iter().flatten() {
                let metadata = map_at(object, "metadata");
                let texts = metadata.entry(part).or_insert_with(|| Value::Object(Map::new()));
                texts[key.as_str()] = value.clone();
            }
        }
        // The rules of an aggregated role are its controller's.
        let parts: &[&str] = if wanted.get("aggregationRule").is_some() { &[] } else { &["rules", "subjects"] };
        for part in parts {
            add_missing(object, wanted, part);
        }
    };
    let mut whole = Value::clone(&found);
    fill(&mut whole);
    if whole == *found {
        // As at nearly every start: nothing is written, and nothing stands in the audit log.
        return;
    }
    let mended = api.update_with(&caller, target, fill);
    if let Err(status) = mended {
        tracing::error!(resource = resource.plural, name, %status, "a default of access control cannot be mended");
    }
}

/// Adds the items of a list that the object lacks.
fn add_missing(object: &mut Value, wanted: &Value, part: &str) {
    let same = |one: &Value, other: &Value| match part {
        "subjects" => ["/kind", "/name", "/namespace"].iter().all(|field| text(one, field) == text(other, field)),
        _ => one == other,
    };
    let found = list(object, &format!("/{part}")).to_vec();
    let missing: Vec<Value> = list(wanted, &format!("/{part}"))
        .iter()
        .filter(|item| !found.iter().any(|other| same(item, other)))
        .cloned()
        .collect();
    if !missing.is_empty() {
        object[part] = found.into_iter().chain(missing).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_whole() {
        let old = of(Version::V1_20);
        let count = |kind: &str| old.get(kind).map_or(0, Vec::len);
        // Counted on a real 1.20.2.
        let kinds = ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"].map(count);
        assert_eq!(kinds, [60, 41, 7, 7]);
        let new = of(Version::V1_34);
        for (kind, objects) in [old, new].iter().flatten() {
            for object in objects {
                let is_binding = kind.ends_with("Binding");
                assert_eq!(object.get("roleRef").is_some(), is_binding, "{object}");
                assert!(is_binding || !list(object, "/rules").is_empty(), "{object}");
            }
        }
    }

    #[test]
    fn admin_is_made_of_edit_and_view() {
        let new = of(Version::V1_34);
        let rules = |role: &str| {
            let found = new["ClusterRole"].iter().find(|object| name(object) == role).unwrap();
            list(found, "/rules").to_vec()
        };
        let (admin, edit, view) = (rules("admin"), rules("edit"), rules("view"));
        assert!(edit.iter().chain(&view).all(|rule| admin.contains(rule)));
        assert!(view.iter().all(|rule| edit.contains(rule)) && admin.len() > edit.len());
    }

    #[test]
    fn a_start_over_whole_defaults_writes_nothing() {
        let api = Api::new(crate::clock::Clock::starting_at(jiff::Timestamp::UNIX_EPOCH), Version::V1_34, Vec::new());
        reconcile(&api);
        let seen = || (api.snapshot().revision, api.snapshot().audit.len());
        let before = seen();
        assert!(before.1 > 100, "all were made: {before:?}");
        reconcile(&api);
        assert_eq!(seen(), before);
        // One that lost a rule gets it back.
        let target = Target::new(&CLUSTER_ROLES, "", "view");
        api.update_with(&Caller::admin(), target, |role| role["metadata"]["labels"] = json!({})).unwrap();
        reconcile(&api);
        assert_eq!(seen().1, before.1 + 2);
    }
}
