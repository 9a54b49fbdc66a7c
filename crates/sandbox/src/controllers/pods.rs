//! Pods as their makers see them: by owner, from a template, in batches.
//!
//! A controller keeps its own picture of the Pods that it owns, out of the changes that it is told of, as client-go's
//! informers do: a reconciliation costs what the owner has, not what the cluster has.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::amounts::is_active;
use crate::api::{Api, Caller, DeleteOptions, Selector, Status, Target};
use crate::fields::{controller, entries, is_deleted, name, namespace, text, uid};
use crate::resources::PODS;
use crate::store::{Change, ChangeKind, Object};

use super::Queue;
use super::replica_set::{is_ready, owner_reference};

/// The Pods that owners of one kind have, and those that nobody has.
pub(crate) struct OwnedPods {
    kind: &'static str,
    owned: HashMap<String, Owned>,
    orphans: BTreeMap<String, BTreeMap<String, Object>>,
}

/// The Pods of one owner.
#[derive(Debug, Default)]
pub(crate) struct Owned {
    pods: BTreeMap<String, Object>,
    active: usize,
    ready: usize,
    labels: HashMap<String, (usize, Value)>,
}

/// What a change was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// Something else.
    Elsewhere,
    /// A Pod of an owner, which was queued.
    Owned,
    /// A Pod that has no owner, and that somebody may adopt.
    Orphan,
}

impl Owned {
    /// Returns the Pods, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Object> {
        self.pods.values()
    }

    /// Returns how many Pods neither ended nor are being deleted.
    pub(crate) fn active(&self) -> usize {
        self.active
    }

    /// Returns how many of the active Pods are ready.
    pub(crate) fn ready(&self) -> usize {
        self.ready
    }

    /// Returns how many of the active Pods have all of these labels.
    pub(crate) fn labelled(&self, labels: &Value) -> usize {
        let has_all = |own: &Value| entries(labels, "").all(|(key, value)| own.get(key) == Some(value));
        self.labels.values().filter(|(_, own)| has_all(own)).map(|(count, _)| count).sum()
    }

    /// Returns whether a selector matches all active Pods: one look for each set of labels, not for each Pod.
    fn is_selected(&self, selector: &Selector) -> bool {
        self.labels.values().all(|(_, labels)| selector.matches_map(labels))
    }

    fn insert(&mut self, pod: &Object) {
        if is_active(pod) {
            self.active += 1;
            self.ready += usize::from(is_ready(pod));
            let labels = &pod["metadata"]["labels"];
            self.labels.entry(labels.to_string()).or_insert_with(|| (0, labels.clone())).0 += 1;
        }
        if let Some(before) = self.pods.insert(name(pod).to_owned(), Object::clone(pod)) {
            self.uncount(&before);
        }
    }

    fn remove(&mut self, pod: &str) {
        if let Some(before) = self.pods.remove(pod) {
            self.uncount(&before);
        }
    }

    fn uncount(&mut self, pod: &Object) {
        if !is_active(pod) {
            return;
        }
        self.active = self.active.saturating_sub(1);
        self.ready = self.ready.saturating_sub(usize::from(is_ready(pod)));
        let labels = pod["metadata"]["labels"].to_string();
        if let Some((count, _)) = self.labels.get_mut(&labels) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.labels.remove(&labels);
            }
        }
    }
}

impl OwnedPods {
    /// Returns an empty picture of the Pods of owners of a kind.
    pub(crate) fn of_kind(kind: &'static str) -> Self {
        Self { kind, owned: HashMap::new(), orphans: BTreeMap::new() }
    }

    /// Looks at all Pods anew.
    pub(crate) fn rebuild(&mut self, api: &Api) {
        self.owned.clear();
        self.orphans.clear();
        for pod in api.list_all(&PODS, None) {
            self.insert(&pod);
        }
    }

    /// Takes a change in, and queues the owner of its Pod.
    pub(crate) fn note(&mut self, change: &Change, queue: &mut Queue) -> Noted {
        if *change.resource != PODS {
            return Noted::Elsewhere;
        }
        let mut noted = Noted::Elsewhere;
        let space = &change.key.namespace;
        if let Some(before) = &change.previous {
            match controller(before) {
                Some(owner) if owner["kind"] == self.kind => {
                    let stays = change.kind != ChangeKind::Deleted
                        && controller(&change.object).is_some_and(|now| now["uid"] == owner["uid"]);
                    if !stays {
                        self.drop_from(text(owner, "/uid"), name(before));
                    }
                    queue.add(space, text(owner, "/name"));
                    noted = Noted::Owned;
                }
                Some(_) => {}
                None => self.drop_orphan(space, name(before)),
            }
        }
        if change.kind == ChangeKind::Deleted {
            return noted;
        }
        self.insert(&change.object);
        match controller(&change.object) {
            Some(owner) if owner["kind"] == self.kind => {
                queue.add(space, text(owner, "/name"));
                Noted::Owned
            }
            Some(_) => noted,
            None => Noted::Orphan,
        }
    }

    fn insert(&mut self, pod: &Object) {
        match controller(pod) {
            Some(owner) if owner["kind"] == self.kind => {
                self.owned.entry(text(owner, "/uid").to_owned()).or_default().insert(pod);
            }
            Some(_) => {}
            None => {
                let space = self.orphans.entry(namespace(pod).to_owned()).or_default();
                space.insert(name(pod).to_owned(), Object::clone(pod));
            }
        }
    }

    fn drop_from(&mut self, owner: &str, pod: &str) {
        if let Some(owned) = self.owned.get_mut(owner) {
            owned.remove(pod);
            if owned.pods.is_empty() {
                self.owned.remove(owner);
            }
        }
    }

    fn drop_orphan(&mut self, space: &str, pod: &str) {
        if let Some(pods) = self.orphans.get_mut(space) {
            pods.remove(pod);
            if pods.is_empty() {
                self.orphans.remove(space);
            }
        }
    }

    /// Returns the Pods of an owner.
    pub(crate) fn of(&self, owner: &Value) -> Option<&Owned> {
        self.owned.get(uid(owner))
    }

    /// Returns all Pods of an owner, to work with them.
    pub(crate) fn list(&self, owner: &Value) -> Vec<Object> {
        self.of(owner).map(|owned| owned.iter().cloned().collect()).unwrap_or_default()
    }

    /// Returns the Pods of whatever owner has this name.
    pub(crate) fn named(&self, space: &str, owner: &str) -> Vec<Object> {
        let is_its = |pod: &&Object| {
            namespace(pod) == space && controller(pod).is_some_and(|reference| text(reference, "/name") == owner)
        };
        self.owned.values().flat_map(Owned::iter).filter(is_its).cloned().collect()
    }

    /// Returns the Namespaces and names of all owners.
    pub(crate) fn owners(&self) -> Vec<(String, String)> {
        let first = |owned: &Owned| {
            let pod = owned.iter().next()?;
            Some((namespace(pod).to_owned(), text(controller(pod)?, "/name").to_owned()))
        };
        self.owned.values().filter_map(first).collect()
    }

    /// Adopts the active Pods without an owner that a selector matches, and lets those go that it no longer does.
    pub(crate) fn claim(&mut self, api: &Api, caller: &Caller, owner: &Value) {
        let Some(selector) = Selector::from_object(&owner["spec"]["selector"]) else { return };
        if is_deleted(owner) {
            return;
        }
        let lost: Vec<Object> = self
            .of(owner)
            .filter(|owned| !owned.is_selected(&selector))
            .into_iter()
            .flat_map(Owned::iter)
            .filter(|pod| is_active(pod) && !selector.matches_labels(pod))
            .cloned()
            .collect();
        let found: Vec<Object> = self
            .orphans
            .get(namespace(owner))
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|pod| is_active(pod) && selector.matches_labels(pod))
            .cloned()
            .collect();
        for pod in lost {
            let target = Target::new(&PODS, namespace(&pod), name(&pod));
            let released = api.patch_with(caller, target, |pod| {
                if let Some(owners) = pod["metadata"]["ownerReferences"].as_array_mut() {
                    owners.retain(|reference| reference["uid"] != owner["metadata"]["uid"]);
                }
            });
            if let Ok(released) = released {
                self.drop_from(uid(owner), name(&released));
                self.insert(&released);
            }
        }
        for pod in found {
            let target = Target::new(&PODS, namespace(&pod), name(&pod));
            // It may be gone by now, which is as good.
            let adopted = api.patch_with(caller, target, |pod| {
                let reference = owner_reference(owner);
                match pod["metadata"]["ownerReferences"].as_array_mut() {
                    Some(owners) => owners.push(reference),
                    None => pod["metadata"]["ownerReferences"] = json!([reference]),
                }
            });
            if let Ok(adopted) = adopted {
                self.drop_orphan(namespace(&adopted), name(&adopted));
                self.insert(&adopted);
            }
        }
    }
}

/// Returns a Pod as a template says, owned by `owner`; its name is still to be generated.
pub(crate) fn from_template(owner: &Value, template: &Value) -> Value {
    let mut pod = json!({
        "metadata": {
            "generateName": format!("{}-", name(owner)),
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template["spec"],
    });
    for part in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template["metadata"].get(part).filter(|value| !value.is_null()) {
            pod["metadata"][part] = value.clone();
        }
    }
    pod
}

/// Creates so many things: one, then two, then four …, until one of a batch fails (`slowStartBatch`).
pub(crate) fn slow_start(count: usize, mut create: impl FnMut() -> Result<(), Status>) -> Result<(), Status> {
    let (mut left, mut batch) = (count, 1);
    while left > 0 {
        let mut failure = None;
        for _ in 0..batch.min(left) {
            if let Err(status) = create() {
                failure = Some(status);
            }
        }
        if let Some(status) = failure {
            return Err(status);
        }
        left -= batch.min(left);
        batch *= 2;
    }
    Ok(())
}

/// Deletes a Pod; `true` where it was there to be deleted.
pub(crate) fn delete(api: &Api, caller: &Caller, pod: &Value) -> bool {
    let target = Target::new(&PODS, namespace(pod), name(pod));
    let options = DeleteOptions { uid: Some(uid(pod).to_owned()), ..DeleteOptions::default() };
    api.delete(caller, target, &options).is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::Key;

    fn pod(name: &str, owner: Option<&str>, ready: &str) -> Object {
        let mut pod = json!({"metadata": {"name": name, "namespace": "a", "labels": {"app": "x"}},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        if let Some(owner) = owner {
            pod["metadata"]["ownerReferences"] =
                json!([{"kind": "ReplicaSet", "name": owner, "uid": owner, "controller": true}]);
        }
        Arc::new(pod)
    }

    fn change(kind: ChangeKind, before: Option<Object>, object: Object) -> Change {
        let key = Key::new("a", name(&object));
        Change { kind, resource: &PODS, key, object, previous: before, revision: 1 }
    }

    #[test]
    fn counts_follow_the_changes() {
        let (mut pods, mut queue) = (OwnedPods::of_kind("ReplicaSet"), Queue::default());
        let owner = json!({"metadata": {"uid": "rs"}});
        let count =
            |pods: &OwnedPods| pods.of(&owner).map(|o| (o.active(), o.ready(), o.labelled(&json!({"app": "x"}))));
        let (raw, ready) = (pod("p", Some("rs"), "False"), pod("p", Some("rs"), "True"));
        assert_eq!(pods.note(&change(ChangeKind::Added, None, raw.clone()), &mut queue), Noted::Owned);
        assert_eq!(count(&pods), Some((1, 0, 1)));
        pods.note(&change(ChangeKind::Modified, Some(raw), ready.clone()), &mut queue);
        assert_eq!(count(&pods), Some((1, 1, 1)));
        let free = pod("p", None, "True");
        let noted = pods.note(&change(ChangeKind::Modified, Some(ready), free.clone()), &mut queue);
        assert_eq!((noted, count(&pods)), (Noted::Orphan, None));
        pods.note(&change(ChangeKind::Deleted, Some(free.clone()), free), &mut queue);
        assert!(pods.orphans.is_empty());
    }

    #[test]
    fn batches_double_and_stop_at_a_failure() {
        let mut made = 0;
        let failed = slow_start(100, || {
            made += 1;
            if made == 5 { Err(Status::bad_request("full")) } else { Ok(()) }
        });
        assert!(failed.is_err());
        // One, two, and the four among which one failed.
        assert_eq!(made, 7);
    }
}
