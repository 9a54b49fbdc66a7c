//! Garbage collection: what has lost all its owners goes, and an owner that wants its dependents gone first
//! waits for them. Orphaning is done by the API when the owner is deleted.
//!
//! It keeps who depends on whom, by uid, out of the changes that it is told of (`pkg/controller/garbagecollector`
//! calls this its graph): the arrival of a dependent costs one look at its owner, not one at everything.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::api::{Api, Caller, DeleteOptions, Propagation, Target};
use crate::fields::{is_deleted, is_true, list, name, namespace, text, uid};
use crate::resources::Resource;
use crate::store::{Change, ChangeKind, Key, Object};

use super::{Controller, Next, Queue};

/// The finalizer of an owner that waits for its dependents.
const FOREGROUND: &str = "foregroundDeletion";

/// Where an object is.
type Place = (&'static Resource, Key);

/// The controller. Its queue holds uids of owners.
pub(crate) struct Garbage {
    api: Api,
    caller: Caller,
    /// The dependents of each owner, both by uid.
    dependents: HashMap<String, BTreeMap<String, Place>>,
    /// The owners that wait for their dependents.
    waiting: HashMap<String, Place>,
}

/// What there is of an owner.
enum Owner {
    /// It is there.
    Lives,
    /// It is not there any more.
    Gone,
    /// Nobody here can tell: its kind is not served.
    Unknown,
}

impl Garbage {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self {
            api: api.clone(),
            caller: Caller::controller("generic-garbage-collector"),
            dependents: HashMap::new(),
            waiting: HashMap::new(),
        }
    }

    fn link(&mut self, place: &Place, object: &Value) {
        for owner in list(object, "/metadata/ownerReferences") {
            let dependents = self.dependents.entry(text(owner, "/uid").to_owned()).or_default();
            dependents.insert(uid(object).to_owned(), place.clone());
        }
        if is_deleted(object) && waits(object) {
            self.waiting.insert(uid(object).to_owned(), place.clone());
        }
    }

    fn unlink(&mut self, object: &Value) {
        for owner in list(object, "/metadata/ownerReferences") {
            let owner = text(owner, "/uid");
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(uid(object));
                if dependents.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
    }

    /// Returns the objects that depend on an owner.
    fn dependents_of(&self, owner: &str) -> Vec<(&'static Resource, Object)> {
        self.dependents
            .get(owner)
            .into_iter()
            .flatten()
            .filter_map(|(dependent, (resource, key))| {
                let object = self.api.get(resource, &key.namespace, &key.name).ok()?;
                (uid(&object) == dependent).then_some((*resource, object))
            })
            .collect()
    }

    /// Looks for the owner that a reference of a dependent names.
    fn owner(&self, dependent: &Value, reference: &Value) -> Owner {
        let found = self.api.served().find_kind(text(reference, "/apiVersion"), text(reference, "/kind"));
        let Some(resource) = found else { return Owner::Unknown };
        let space = match (resource.is_namespaced(), namespace(dependent)) {
            (false, _) => "",
            // An owner in a Namespace cannot own what is in none.
            (true, "") => return Owner::Unknown,
            (true, space) => space,
        };
        match self.api.get(resource, space, text(reference, "/name")) {
            Ok(owner) if uid(&owner) == text(reference, "/uid") => Owner::Lives,
            Ok(_) | Err(_) => Owner::Gone,
        }
    }

    fn delete(&self, resource: &'static Resource, object: &Value, propagation: Propagation) {
        if is_deleted(object) {
            return;
        }
        let target = Target::new(resource, namespace(object), name(object));
        let options = DeleteOptions { propagation, uid: Some(uid(object).to_owned()), ..DeleteOptions::default() };
        // Somebody else may have been faster.
        let _ = self.api.delete(&self.caller, target, &options);
    }

    /// Deletes the dependents of an owner that waits for them, or lets it go where none blocks it.
    fn foreground(&self, owner: &str, (resource, key): &Place, dependents: &[(&'static Resource, Object)]) {
        if !dependents.iter().any(|(_, object)| blocks(object, owner)) {
            let target = Target::new(resource, &key.namespace, &key.name);
            let _ = self.api.update_with(&self.caller, target, |object| {
                if uid(object) == owner
                    && let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut()
                {
                    finalizers.retain(|finalizer| finalizer != FOREGROUND);
                }
            });
            return;
        }
        for (resource, object) in dependents {
            self.delete(resource, object, Propagation::Foreground);
        }
    }

    /// An owner is gone: its dependents go, save those that others own too.
    fn collect(&self, owner: &str, dependents: Vec<(&'static Resource, Object)>) {
        for (resource, object) in dependents {
            let is_owned = list(&object, "/metadata/ownerReferences").iter().any(|reference| {
                text(reference, "/uid") != owner && !matches!(self.owner(&object, reference), Owner::Gone)
            });
            if !is_owned {
                self.delete(resource, &object, Propagation::Background);
                continue;
            }
            let target = Target::new(resource, namespace(&object), name(&object));
            let _ = self.api.update_with(&self.caller, target, |object| {
                if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
                    owners.retain(|reference| text(reference, "/uid") != owner);
                }
            });
        }
    }
}

impl Controller for Garbage {
    fn name(&self) -> &'static str {
        "garbage"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        let owners = |object: &Value| object["metadata"]["ownerReferences"].clone();
        let place: Place = (change.resource, change.key.clone());
        match change.kind {
            ChangeKind::Deleted => {
                let object = change.previous.as_ref().unwrap_or(&change.object);
                self.unlink(object);
                self.waiting.remove(uid(object));
                if self.dependents.contains_key(uid(object)) {
                    queue.add("", uid(object));
                }
                for owner in list(object, "/metadata/ownerReferences") {
                    if self.waiting.contains_key(text(owner, "/uid")) {
                        queue.add("", text(owner, "/uid"));
                    }
                }
                return;
            }
            ChangeKind::Added => self.link(&place, &change.object),
            ChangeKind::Modified => {
                let previous = change.previous.as_deref();
                if previous.is_some_and(|before| owners(before) != owners(&change.object))
                    || (is_deleted(&change.object) && waits(&change.object))
                {
                    if let Some(before) = previous {
                        self.unlink(before);
                    }
                    self.link(&place, &change.object);
                } else {
                    return;
                }
            }
        }
        // A dependent may come after its owner has gone.
        for owner in list(&change.object, "/metadata/ownerReferences") {
            queue.add("", text(owner, "/uid"));
        }
        if self.waiting.contains_key(uid(&change.object)) {
            queue.add("", uid(&change.object));
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        self.dependents.clear();
        self.waiting.clear();
        let everything: Vec<(&'static Resource, Key, Object)> = {
            let state = self.api.lock();
            let owned = |object: &Object| {
                !list(object, "/metadata/ownerReferences").is_empty() || (is_deleted(object) && waits(object))
            };
            state
                .store
                .all()
                .filter(|(_, _, object)| owned(object))
                .map(|(resource, key, object)| (resource, key.clone(), Object::clone(object)))
                .collect()
        };
        for (resource, key, object) in everything {
            self.link(&(resource, key), &object);
        }
        for owner in self.dependents.keys().chain(self.waiting.keys()) {
            queue.add("", owner);
        }
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let owner = key.name.as_str();
        if let Some(place) = self.waiting.get(owner) {
            self.foreground(owner, place, &self.dependents_of(owner));
            return Next::Wait;
        }
        let first = self.dependents.get(owner).and_then(|dependents| dependents.values().next());
        let Some((resource, place)) = first else { return Next::Wait };
        let Ok(dependent) = self.api.get(resource, &place.namespace, &place.name) else { return Next::Wait };
        let reference =
            list(&dependent, "/metadata/ownerReferences").iter().find(|reference| text(reference, "/uid") == owner);
        if reference.is_some_and(|reference| matches!(self.owner(&dependent, reference), Owner::Gone)) {
            self.collect(owner, self.dependents_of(owner));
        }
        Next::Wait
    }
}

fn waits(object: &Value) -> bool {
    list(object, "/metadata/finalizers").iter().any(|finalizer| finalizer == FOREGROUND)
}

fn blocks(object: &Value, owner: &str) -> bool {
    list(object, "/metadata/ownerReferences")
        .iter()
        .any(|reference| text(reference, "/uid") == owner && is_true(reference, "/blockOwnerDeletion"))
}
