//! Deleting: at once, or by marking the object until whoever holds it lets go.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::write::may_go;
use super::{Api, Caller, ListOptions, State, Status, Target, meta, metadata};
use crate::admission::{DryRun, Operation, Request, Transaction};
use crate::clock::rfc3339;
use crate::resources::{self, Resource};
use crate::store::{Key, Object};

/// How a deletion is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    /// How long a Pod may take to end, in seconds; `None` leaves it to the Pod.
    pub(crate) grace: Option<i64>,
    /// What becomes of the objects that it owns.
    pub(crate) propagation: Propagation,
    /// Only this very object.
    pub(crate) uid: Option<String>,
    /// Only this very version.
    pub(crate) resource_version: Option<String>,
    /// Whether anything is removed.
    pub(crate) dry_run: DryRun,
}

/// What becomes of the objects that a deleted one owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Propagation {
    /// They are deleted after it.
    #[default]
    Background,
    /// They are deleted before it.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

/// What a deletion came to.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// The object is gone; this was its last state.
    Gone(Object),
    /// The object is marked and goes later.
    Marked(Object),
}

impl Deleted {
    /// Returns the object, in its last state.
    pub(crate) fn object(&self) -> &Object {
        match self {
            Deleted::Gone(object) | Deleted::Marked(object) => object,
        }
    }
}

impl Api {
    /// Deletes an object, or marks it as being deleted.
    pub(crate) fn delete(
        &self,
        caller: &Caller,
        target: Target<'_>,
        options: &DeleteOptions,
    ) -> Result<Deleted, Status> {
        let mut state = self.lock();
        let result = self.delete_locked(&mut state, caller, target, options);
        if options.dry_run == DryRun::No {
            let object = result.as_ref().ok().map(|deleted| Arc::clone(deleted.object()));
            self.record(&mut state, caller, "delete", target, result.as_ref().map(|_| (200, object)));
        }
        result
    }

    /// Deletes all objects of a Namespace, or of the cluster, that match, and returns their last states.
    pub(crate) fn delete_collection(
        &self,
        caller: &Caller,
        resource: &'static Resource,
        namespace: Option<&str>,
        list: &ListOptions,
        options: &DeleteOptions,
    ) -> Result<Vec<Object>, Status> {
        let mut deleted = Vec::new();
        for object in self.list(resource, namespace, list)?.items {
            let target = Target::new(resource, meta(&object, "namespace"), meta(&object, "name"));
            match self.delete(caller, target, options) {
                Ok(done) => deleted.push(Arc::clone(done.object())),
                // Somebody else was faster.
                Err(status) if status.is_not_found() => {}
                Err(status) => return Err(status),
            }
        }
        Ok(deleted)
    }

    fn delete_locked(
        &self,
        state: &mut State,
        caller: &Caller,
        target: Target<'_>,
        options: &DeleteOptions,
    ) -> Result<Deleted, Status> {
        let Target { resource, namespace, name, .. } = target;
        let old =
            state.store.get(resource, namespace, name).cloned().ok_or_else(|| Status::not_found(resource, name))?;
        preconditions(resource, name, &old, options)?;

        let now = self.shared.clock.now();
        let mut request = Request {
            caller: caller.clone(),
            operation: Operation::Delete,
            resource,
            subresource: None,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            object: Value::Null,
            old: Some(Arc::clone(&old)),
            warnings: Vec::new(),
            annotations: BTreeMap::new(),
        };
        let mut transaction = Transaction::new(&state.store);
        for plugin in self.chain().iter() {
            plugin.validate(&mut request, &mut transaction)?;
        }
        let writes = transaction.into_writes();

        let grace = grace(resource, &old, options);
        let mut object = Value::clone(&old);
        if options.propagation == Propagation::Foreground && has_dependents(state, &old) {
            add_finalizer(&mut object, "foregroundDeletion")?;
        }
        let marked_before = object["metadata"]["deletionTimestamp"].is_string();
        let left = object["metadata"]["deletionGracePeriodSeconds"].as_i64();
        if !marked_before || left.is_some_and(|left| grace < left) {
            let when = now.checked_add(jiff::SignedDuration::from_secs(grace)).unwrap_or(now);
            object["metadata"]["deletionTimestamp"] = rfc3339(when).into();
            // A Namespace waits for its content, not for a time.
            if *resource == resources::NAMESPACES {
                object["status"]["phase"] = "Terminating".into();
            } else {
                object["metadata"]["deletionGracePeriodSeconds"] = grace.into();
            }
            if !marked_before && let Some(generation) = object["metadata"]["generation"].as_i64() {
                object["metadata"]["generation"] = (generation + 1).into();
            }
        }
        if options.dry_run == DryRun::All {
            return Ok(Deleted::Gone(old));
        }
        self.commit(state, writes);
        if options.propagation == Propagation::Orphan {
            self.release_dependents(state, &old);
        }
        let key = Key::new(namespace, name);
        if may_go(&object) {
            let Some(change) = state.store.remove(resource, key) else {
                return Err(Status::not_found(resource, name));
            };
            self.publish(Arc::clone(&change));
            return Ok(Deleted::Gone(Arc::clone(&change.object)));
        }
        if object == *old {
            return Ok(Deleted::Marked(old));
        }
        let change = state.store.put(resource, key, object);
        self.publish(Arc::clone(&change));
        Ok(Deleted::Marked(Arc::clone(&change.object)))
    }

    /// Takes an owner's name out of the objects that it owns.
    fn release_dependents(&self, state: &mut State, owner: &Value) {
        let uid = meta(owner, "uid");
        let owned: Vec<_> = state
            .store
            .all()
            .filter(|(_, _, object)| owns(uid, object))
            .map(|(resource, key, object)| (resource, key.clone(), Value::clone(object)))
            .collect();
        for (resource, key, mut object) in owned {
            if let Some(owners) = object["metadata"]["ownerReferences"].as_array_mut() {
                owners.retain(|reference| reference["uid"] != uid);
            }
            let change = state.store.put(resource, key, object);
            self.publish(change);
        }
    }
}

fn owns(uid: &str, object: &Value) -> bool {
    object["metadata"]["ownerReferences"]
        .as_array()
        .is_some_and(|owners| owners.iter().any(|reference| reference["uid"] == uid))
}

fn has_dependents(state: &State, owner: &Value) -> bool {
    let uid = meta(owner, "uid");
    state.store.all().any(|(_, _, object)| owns(uid, object))
}

fn preconditions(resource: &Resource, name: &str, old: &Value, options: &DeleteOptions) -> Result<(), Status> {
    for (what, wanted, found) in [
        ("UID", &options.uid, meta(old, "uid")),
        ("ResourceVersion", &options.resource_version, meta(old, "resourceVersion")),
    ] {
        if let Some(wanted) = wanted
            && wanted != found
        {
            let detail =
                format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}");
            return Err(Status::conflict(resource, name, &detail));
        }
    }
    Ok(())
}

/// Returns the seconds that an object has to end: none, unless it is a Pod that a node holds.
fn grace(resource: &Resource, object: &Value, options: &DeleteOptions) -> i64 {
    if *resource != resources::PODS {
        return 0;
    }
    let ended = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if object["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() || ended {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap_or(30);
    options.grace.unwrap_or(own).max(0)
}

fn add_finalizer(object: &mut Value, finalizer: &str) -> Result<(), Status> {
    let map = metadata::of(object)?;
    let list = map.entry("finalizers").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut()
        && !list.iter().any(|other| other == finalizer)
    {
        list.push(finalizer.into());
    }
    Ok(())
}
