//! ControllerRevisions: what DaemonSets and StatefulSets remember of their templates, so that `rollout history` and
//! `rollout undo` work.
//!
//! Rules of `pkg/controller/history`: the newest revision is that of the current template; an older one that is
//! wanted again becomes the newest.

use serde_json::{Value, json};

use crate::api::{Api, Caller, DeleteOptions, Status, Target, WriteOptions};
use crate::defaults::map_at_value;
use crate::fields::{is_controlled_by, map_at, name, namespace, number, text, uid};
use crate::resources::CONTROLLER_REVISIONS;
use crate::store::Object;

use super::deployment::template_hash;
use super::replica_set::owner_reference;

/// The label of a Pod that tells from which revision it was made.
pub(crate) const HASH_LABEL: &str = "controller-revision-hash";

/// The revisions of one owner.
pub(crate) struct Revisions {
    /// The one of the current template.
    pub(crate) current: Object,
    /// The others, oldest first.
    pub(crate) others: Vec<Object>,
}

/// Returns the revisions of an owner; that of the current template is made or renumbered where need be. `hash_label`
/// is the label under which a revision carries its hash.
pub(crate) fn of(api: &Api, caller: &Caller, owner: &Value, hash_label: &str) -> Result<Revisions, Status> {
    let mut known = api.list_all(&CONTROLLER_REVISIONS, Some(namespace(owner)));
    known.retain(|revision| is_controlled_by(revision, uid(owner)));
    known.sort_by_key(|revision| revision_number(revision));
    let data = data_of(owner);
    let newest = known.last().map_or(0, |revision| revision_number(revision));
    if let Some(index) = known.iter().rposition(|revision| revision["data"] == data) {
        let found = known.remove(index);
        if revision_number(&found) == newest {
            return Ok(Revisions { current: found, others: known });
        }
        let target = Target::new(&CONTROLLER_REVISIONS, namespace(owner), name(&found));
        let current = api.update_with(caller, target, |revision| revision["revision"] = json!(newest + 1))?;
        return Ok(Revisions { current, others: known });
    }
    let hash = template_hash(&owner["spec"]["template"]);
    let mut labels = owner["spec"]["template"]["metadata"]["labels"].clone();
    crate::fields::as_map(&mut labels).insert(hash_label.to_owned(), json!(hash));
    let mut object = json!({
        "metadata": {
            "name": format!("{}-{hash}", name(owner)), "labels": labels,
            "ownerReferences": [owner_reference(owner)],
        },
        "data": data, "revision": newest + 1,
    });
    let annotations = map_at(map_at_value(&mut object, "metadata"), "annotations");
    for (key, value) in crate::fields::entries(owner, "/metadata/annotations") {
        annotations.insert(key.clone(), value.clone());
    }
    let space = namespace(owner);
    let current = api.create(caller, &CONTROLLER_REVISIONS, space, object, &WriteOptions::default())?.object;
    Ok(Revisions { current, others: known })
}

/// Removes the oldest revisions beyond the history that is kept; those that `is_live` stay.
pub(crate) fn clean_up(api: &Api, caller: &Caller, owner: &Value, others: &[Object], is_live: impl Fn(&Value) -> bool) {
    let limit = number(owner, "/spec/revisionHistoryLimit").unwrap_or(10);
    let dead: Vec<&Object> = others.iter().filter(|revision| !is_live(revision)).collect();
    let surplus = dead.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
    for revision in dead.into_iter().take(surplus) {
        let target = Target::new(&CONTROLLER_REVISIONS, namespace(revision), name(revision));
        // Somebody else may have been faster.
        let _ = api.delete(caller, target, &DeleteOptions::default());
    }
}

/// Returns the hash that a revision's name ends with.
pub(crate) fn hash_of<'a>(owner: &Value, revision: &'a Value) -> &'a str {
    name(revision).strip_prefix(name(owner)).map_or("", |rest| rest.trim_start_matches('-'))
}

/// Returns the template that a revision holds.
pub(crate) fn template_of(revision: &Value) -> Value {
    let mut template = revision["data"]["spec"]["template"].clone();
    crate::fields::as_map(&mut template).remove("$patch");
    template
}

fn revision_number(revision: &Value) -> i64 {
    number(revision, "/revision").unwrap_or_default()
}

/// Returns the patch that brings an owner's template back.
fn data_of(owner: &Value) -> Value {
    let mut template = owner["spec"]["template"].clone();
    crate::fields::as_map(&mut template).insert("$patch".to_owned(), json!("replace"));
    json!({"spec": {"template": template}})
}

/// Returns whether a Pod was made from a revision, given the value of its label.
pub(crate) fn is_of(pod: &Value, label: &str) -> bool {
    pod["metadata"]["labels"][HASH_LABEL] == label && !text(pod, "/metadata/name").is_empty()
}
