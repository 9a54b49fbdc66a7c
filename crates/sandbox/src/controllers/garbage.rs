//! Garbage collection: what has lost all its owners goes, and an owner that wants its dependents gone first
//! waits for them. Orphaning is done by the API when the owner is deleted.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::{Api, Caller, DeleteOptions, Propagation, Target};
use crate::fields::{is_deleted, is_true, list, name, namespace, text, uid};
use crate::resources::{self, Resource};
use crate::store::{Change, ChangeKind, Key, Object};

use super::{Controller, Next, Queue};

/// The finalizer of an owner that waits for its dependents.
const FOREGROUND: &str = "foregroundDeletion";

/// The controller. Its queue holds uids of owners.
pub(crate) struct Garbage {
    api: Api,
    caller: Caller,
}

impl Garbage {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone(), caller: Caller::controller("generic-garbage-collector") }
    }

    fn everything(&self) -> impl Iterator<Item = (&'static Resource, Object)> {
        let api = self.api.clone();
        resources::ALL
            .iter()
            .copied()
            .flat_map(move |resource| api.list_all(resource, None).into_iter().map(move |object| (resource, object)))
    }
}

impl Controller for Garbage {
    fn name(&self) -> &'static str {
        "garbage"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        let owners = || list(&change.object, "/metadata/ownerReferences").iter().map(|owner| text(owner, "/uid"));
        match change.kind {
            ChangeKind::Deleted => {
                queue.add("", uid(&change.object));
                owners().for_each(|owner| queue.add("", owner));
            }
            // A dependent may come after its owner has gone.
            ChangeKind::Added => owners().for_each(|owner| queue.add("", owner)),
            ChangeKind::Modified => {
                if is_deleted(&change.object) && waits(&change.object) {
                    queue.add("", uid(&change.object));
                }
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        for (_, object) in self.everything() {
            for owner in list(&object, "/metadata/ownerReferences") {
                queue.add("", text(owner, "/uid"));
            }
            if waits(&object) {
                queue.add("", uid(&object));
            }
        }
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let owner_uid = key.name.as_str();
        let all: Vec<(&'static Resource, Object)> = self.everything().collect();
        let owner = all.iter().find(|(_, object)| uid(object) == owner_uid);
        let dependents: Vec<&(&'static Resource, Object)> =
            all.iter().filter(|(_, object)| has_owner(object, owner_uid)).collect();
        match owner {
            Some((resource, owner)) if is_deleted(owner) && waits(owner) => {
                let blocking = dependents.iter().any(|(_, object)| blocks(object, owner_uid));
                if !blocking {
                    let target = Target::new(resource, namespace(owner), name(owner));
                    let _ = self.api.update_with(&self.caller, target, |owner| {
                        if let Some(finalizers) = owner["metadata"]["finalizers"].as_array_mut() {
                            finalizers.retain(|finalizer| finalizer != FOREGROUND);
                        }
                    });
                    return Next::Wait;
                }
                for (resource, object) in dependents {
                    self.delete(resource, object, Propagation::Foreground);
                }
            }
            Some(_) => {}
            None => {
                let living: BTreeSet<&str> = all.iter().map(|(_, object)| uid(object)).collect();
                for (resource, object) in dependents {
                    let owned = list(object, "/metadata/ownerReferences")
                        .iter()
                        .any(|owner| living.contains(text(owner, "/uid")));
                    if !owned {
                        self.delete(resource, object, Propagation::Background);
                    }
                }
            }
        }
        Next::Wait
    }
}

impl Garbage {
    fn delete(&self, resource: &'static Resource, object: &Value, propagation: Propagation) {
        if is_deleted(object) {
            return;
        }
        let target = Target::new(resource, namespace(object), name(object));
        let options = DeleteOptions { propagation, uid: Some(uid(object).to_owned()), ..DeleteOptions::default() };
        // Somebody else may have been faster.
        let _ = self.api.delete(&self.caller, target, &options);
    }
}

fn waits(object: &Value) -> bool {
    list(object, "/metadata/finalizers").iter().any(|finalizer| finalizer == FOREGROUND)
}

fn has_owner(object: &Value, owner: &str) -> bool {
    list(object, "/metadata/ownerReferences").iter().any(|reference| text(reference, "/uid") == owner)
}

fn blocks(object: &Value, owner: &str) -> bool {
    list(object, "/metadata/ownerReferences")
        .iter()
        .any(|reference| text(reference, "/uid") == owner && is_true(reference, "/blockOwnerDeletion"))
}
