//! Reading: one object, a list, or the changes since a version.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Api, Changes, Selector, State, Status};
use crate::resources::Resource;
use crate::store::{Change, Key, Object};

/// Which objects of a resource are wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListOptions {
    /// By label.
    pub(crate) labels: Selector,
    /// By field.
    pub(crate) fields: Selector,
    /// At most so many; 0 means all.
    pub(crate) limit: usize,
    /// Where the last list stopped.
    pub(crate) after: Option<String>,
    /// As things were at this version; `None` means now.
    pub(crate) at: Option<u64>,
}

impl ListOptions {
    /// Tells whether an object is wanted.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.matches_labels(object) && self.fields.matches_fields(object)
    }
}

/// Some objects, at one moment.
#[derive(Debug)]
pub(crate) struct List {
    /// The objects, by Namespace and name.
    pub(crate) items: Vec<Object>,
    /// The version of the store.
    pub(crate) revision: u64,
    /// Where to go on, if the limit cut the list.
    pub(crate) next: Option<String>,
    /// How many are left.
    pub(crate) remaining: usize,
}

impl Api {
    /// Returns one object.
    pub(crate) fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Object, Status> {
        self.lock().store.get(resource, namespace, name).cloned().ok_or_else(|| Status::not_found(resource, name))
    }

    /// Returns the objects of a Namespace, or of all of them.
    pub(crate) fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<List, Status> {
        let (after, at) = match options.after.as_deref().map(decode_continue).transpose()? {
            Some((after, revision)) => (Some(after), Some(revision)),
            None => (None, options.at),
        };
        let state = self.lock();
        let current = state.store.revision();
        let at = at.filter(|at| *at != current);
        let mut list = List { items: Vec::new(), revision: at.unwrap_or(current), next: None, remaining: 0 };
        let mut last: Option<&Key> = None;
        let past = match at {
            Some(at) => Some(past(&state, resource, namespace, at).ok_or_else(|| too_old(after.as_ref()))?),
            None => None,
        };
        let objects: Box<dyn Iterator<Item = (&Key, &Object)>> = match &past {
            Some(past) => Box::new(past.iter()),
            None => Box::new(state.store.list(resource, namespace)),
        };
        for (key, object) in objects {
            if after.as_ref().is_some_and(|after| key <= after) || !options.matches(object) {
                continue;
            }
            if options.limit > 0 && list.items.len() == options.limit {
                list.remaining += 1;
                continue;
            }
            list.items.push(Arc::clone(object));
            last = Some(key);
        }
        if list.remaining > 0 {
            list.next = last.map(|key| encode_continue(list.revision, key));
        }
        Ok(list)
    }

    /// Returns all objects of a Namespace, or of all of them.
    pub(crate) fn list_all(&self, resource: &Resource, namespace: Option<&str>) -> Vec<Object> {
        self.lock().store.list(resource, namespace).map(|(_, object)| Arc::clone(object)).collect()
    }

    /// Returns the changes after `revision` and those to come, without a gap; 410 if the past is forgotten.
    pub(crate) fn changes_since(&self, revision: u64) -> Result<(Vec<Arc<Change>>, Changes), Status> {
        let state = self.lock();
        let current = state.store.revision();
        // A version from the future was given by a life whose last moments were lost.
        match state.store.changes_since(revision).filter(|_| revision <= current) {
            Some(changes) => Ok((changes, self.subscribe())),
            None => Err(Status::expired(format!("too old resource version: {revision} ({current})"))),
        }
    }

    /// Returns the objects there are and the changes to come, without a gap.
    pub(crate) fn list_and_subscribe(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        options: &ListOptions,
    ) -> Result<(List, Changes), Status> {
        // Subscribed first: a change in between arrives twice, and the reader drops what is not newer
        // than the list.
        let receiver = self.subscribe();
        Ok((self.list(resource, namespace, options)?, receiver))
    }

    /// Returns the version of the whole store.
    pub(crate) fn revision(&self) -> u64 {
        self.lock().store.revision()
    }
}

/// Returns the objects as they were at a version; `None` if the changes since are no longer remembered.
fn past(state: &State, resource: &Resource, namespace: Option<&str>, revision: u64) -> Option<BTreeMap<Key, Object>> {
    let changes = state.store.changes_since(revision).filter(|_| revision <= state.store.revision())?;
    let mut objects: BTreeMap<Key, Object> =
        state.store.list(resource, namespace).map(|(key, object)| (key.clone(), Arc::clone(object))).collect();
    // The newest change is undone first.
    for change in changes.iter().rev() {
        let concerns =
            *change.resource == *resource && namespace.is_none_or(|namespace| change.key.namespace == namespace);
        match &change.previous {
            _ if !concerns => {}
            Some(previous) => drop(objects.insert(change.key.clone(), Arc::clone(previous))),
            None => drop(objects.remove(&change.key)),
        }
    }
    Some(objects)
}

/// 410: the list is of a version that is no longer remembered.
fn too_old(after: Option<&Key>) -> Status {
    Status::expired(if after.is_some() {
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter."
    } else {
        "The resourceVersion for the provided list is too old."
    })
}

fn encode_continue(revision: u64, key: &Key) -> String {
    let token = json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": [key.namespace, key.name] });
    BASE64_URL_SAFE_NO_PAD.encode(token.to_string())
}

fn decode_continue(token: &str) -> Result<(Key, u64), Status> {
    let decode = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        Some((Key::new(value["start"][0].as_str()?, value["start"][1].as_str()?), value["rv"].as_u64()?))
    };
    decode().ok_or_else(|| Status::bad_request("continue key is not valid: the token cannot be read"))
}
