//! Where objects are kept: in memory, by resource, Namespace and name, under one counter of versions, with
//! the latest changes for those who watch. It knows no rules; [`crate::api`] has them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::rbac::{self, Policy};
use crate::resources::Resource;

/// An object as it is stored and handed out.
pub(crate) type Object = Arc<Value>;

/// How many changes are remembered for watches that start in the past.
const HISTORY: usize = 1000;

/// All objects.
#[derive(Debug, Default)]
pub(crate) struct Store {
    tables: BTreeMap<(&'static str, &'static str), Table>,
    revision: u64,
    history: VecDeque<Arc<Change>>,
    forgotten: u64,
    /// Who may do what, as the stored roles and bindings say; compiled when it is asked for.
    policy: OnceLock<Arc<Policy>>,
}

/// The objects of one resource.
#[derive(Debug)]
struct Table {
    resource: &'static Resource,
    objects: BTreeMap<Key, Object>,
}

/// Names an object within its resource. Cluster-scoped objects have an empty Namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The Namespace, empty for cluster-scoped objects.
    pub(crate) namespace: String,
    /// The name.
    pub(crate) name: String,
}

impl Key {
    /// Returns the key of a name in a Namespace.
    pub(crate) fn new(namespace: &str, name: &str) -> Key {
        Key { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// One change of one object.
#[derive(Debug)]
pub(crate) struct Change {
    /// What happened.
    pub(crate) kind: ChangeKind,
    /// Of which resource.
    pub(crate) resource: &'static Resource,
    /// Which object.
    pub(crate) key: Key,
    /// The object after the change; the last state with the deletion's `resourceVersion` when it was deleted.
    pub(crate) object: Object,
    /// The object before the change.
    pub(crate) previous: Option<Object>,
    /// The version of the whole store after the change.
    pub(crate) revision: u64,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It was removed.
    Deleted,
}

impl Store {
    /// Returns the version of the whole store.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns who may do what.
    pub(crate) fn policy(&self) -> &Arc<Policy> {
        self.policy.get_or_init(|| Arc::new(Policy::compile(self)))
    }

    /// Returns one object.
    pub(crate) fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&Object> {
        self.tables.get(&(resource.group, resource.plural))?.objects.get(&Key::new(namespace, name))
    }

    /// Returns the objects of one Namespace, or of all of them, by key.
    pub(crate) fn list<'a>(
        &'a self,
        resource: &Resource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Object)> {
        let start = Key::new(namespace.unwrap_or_default(), "");
        self.tables
            .get(&(resource.group, resource.plural))
            .into_iter()
            .flat_map(move |table| table.objects.range(start.clone()..))
            .take_while(move |(key, _)| namespace.is_none_or(|wanted| key.namespace == wanted))
    }

    /// Stores an object under a new version, which is written into it, and returns the change.
    pub(crate) fn put(&mut self, resource: &'static Resource, key: Key, mut object: Value) -> Arc<Change> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = Value::from(self.revision.to_string());
        let object = Arc::new(object);
        let previous = self.table(resource).insert(key.clone(), Arc::clone(&object));
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.remember(Change { kind, resource, key, object, previous, revision: self.revision })
    }

    /// Removes an object and returns the change; `None` if it was not there.
    pub(crate) fn remove(&mut self, resource: &'static Resource, key: Key) -> Option<Arc<Change>> {
        let previous = self.tables.get_mut(&(resource.group, resource.plural))?.objects.remove(&key)?;
        self.revision += 1;
        let mut last = Value::clone(&previous);
        last["metadata"]["resourceVersion"] = Value::from(self.revision.to_string());
        Some(self.remember(Change {
            kind: ChangeKind::Deleted,
            resource,
            key,
            object: Arc::new(last),
            previous: Some(previous),
            revision: self.revision,
        }))
    }

    fn remember(&mut self, change: Change) -> Arc<Change> {
        if change.resource.group == rbac::GROUP {
            self.policy = OnceLock::new();
        }
        let change = Arc::new(change);
        self.history.push_back(Arc::clone(&change));
        if self.history.len() > HISTORY
            && let Some(oldest) = self.history.pop_front()
        {
            self.forgotten = oldest.revision;
        }
        change
    }

    /// Returns the changes after `revision`, oldest first; `None` where they are no longer remembered.
    pub(crate) fn changes_since(&self, revision: u64) -> Option<Vec<Arc<Change>>> {
        if revision < self.forgotten {
            return None;
        }
        let first = self.history.partition_point(|change| change.revision <= revision);
        Some(self.history.range(first..).cloned().collect())
    }

    /// Returns every object with its resource, by key.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static Resource, &Key, &Object)> {
        self.tables
            .values()
            .flat_map(|table| table.objects.iter().map(move |(key, object)| (table.resource, key, object)))
    }

    fn table(&mut self, resource: &'static Resource) -> &mut BTreeMap<Key, Object> {
        let new = || Table { resource: resource.hub(), objects: BTreeMap::new() };
        &mut self.tables.entry((resource.group, resource.plural)).or_insert_with(new).objects
    }

    /// Replaces everything by `objects`, which keep their versions, and counts on from `revision`. The
    /// past is forgotten: watches that began before must start again.
    pub(crate) fn replace(
        &mut self,
        objects: impl IntoIterator<Item = (&'static Resource, Key, Object)>,
        revision: u64,
    ) {
        self.tables.clear();
        self.history.clear();
        self.policy = OnceLock::new();
        for (resource, key, object) in objects {
            self.table(resource).insert(key, object);
        }
        self.revision = revision.max(self.revision) + 1;
        self.forgotten = self.revision;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::{NAMESPACES, PODS};

    #[test]
    fn one_counter_serves_all_resources() {
        let mut store = Store::default();
        store.put(&PODS, Key::new("a", "x"), json!({"metadata": {}}));
        store.put(&NAMESPACES, Key::new("", "a"), json!({"metadata": {}}));
        store.put(&PODS, Key::new("b", "x"), json!({"metadata": {}}));
        assert_eq!(store.get(&PODS, "b", "x").unwrap()["metadata"]["resourceVersion"], "3");
        assert_eq!(store.list(&PODS, Some("a")).count(), 1);
        assert_eq!(store.list(&PODS, None).count(), 2);
        let kinds: Vec<_> = store.changes_since(1).unwrap().iter().map(|change| change.revision).collect();
        assert_eq!(kinds, [2, 3]);
    }

    #[test]
    fn the_forgotten_past_is_told() {
        let mut store = Store::default();
        for _ in 0..HISTORY + 2 {
            store.put(&PODS, Key::new("a", "x"), json!({"metadata": {}}));
        }
        assert!(store.changes_since(1).is_none());
        assert_eq!(store.changes_since(2).unwrap().len(), HISTORY);
    }
}
