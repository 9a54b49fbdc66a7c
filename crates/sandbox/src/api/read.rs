//! Reading: one object, a list, or the changes since a version.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Api, Changes, Selector, Status};
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
        let after = options.after.as_deref().map(decode_continue).transpose()?;
        let state = self.lock();
        let mut list = List { items: Vec::new(), revision: state.store.revision(), next: None, remaining: 0 };
        let mut last: Option<&Key> = None;
        for (key, object) in state.store.list(resource, namespace) {
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

fn encode_continue(revision: u64, key: &Key) -> String {
    let token = json!({ "v": "meta.k8s.io/v1", "rv": revision, "start": [key.namespace, key.name] });
    BASE64_URL_SAFE_NO_PAD.encode(token.to_string())
}

fn decode_continue(token: &str) -> Result<Key, Status> {
    let decode = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).ok()?;
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        Some(Key::new(value["start"][0].as_str()?, value["start"][1].as_str()?))
    };
    decode().ok_or_else(|| Status::bad_request("continue key is not valid: the token cannot be read"))
}
