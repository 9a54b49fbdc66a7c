//! A snapshot: all objects and the tail of the audit log, as kept on disk and handed to the runner.

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeSeq, SerializeStruct, Serializer};
use serde_json::Value;
use std::sync::Arc;

use crate::Version;
use crate::api::{Api, meta};
use crate::audit;
use crate::custom::{self, Definition};
use crate::resources::{CUSTOM_RESOURCE_DEFINITIONS, Resource, Served};
use crate::store::{Key, Object};

/// The format of the JSON form.
const FORMAT: u64 = 1;
/// How far the counter of versions jumps between two lives.
const GAP: u64 = 1000;
/// How many audit entries a snapshot carries.
const AUDIT: usize = 1000;

/// All objects at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// The version of the store.
    pub(crate) revision: u64,
    /// The objects.
    pub(crate) objects: Vec<(&'static Resource, Key, Object)>,
    /// The tail of the audit log, oldest first.
    pub(crate) audit: Vec<audit::Entry>,
    /// The time of the youngest entry that the log had dropped.
    pub(crate) dropped: Option<Timestamp>,
}

impl Snapshot {
    /// Reads the JSON form; an error says what is wrong with it.
    pub(crate) fn parse(value: &Value) -> Result<Snapshot, String> {
        if value["format"] != FORMAT {
            return Err(format!("unknown snapshot format {}", value["format"]));
        }
        let revision = value["revision"].as_u64().ok_or("the snapshot has no revision")?;
        let mut objects = Vec::new();
        let listed = value["objects"].as_array().ok_or("the snapshot has no objects")?;
        // What custom objects are is said by their definitions, which are in the snapshot as well.
        let is_definition = |object: &&Value| object["kind"] == CUSTOM_RESOURCE_DEFINITIONS.kind;
        let custom: Vec<Definition> = listed.iter().filter(is_definition).flat_map(custom::definitions).collect();
        let served = Served { custom: custom.into(), ..Served::of(Version::V1_34) };
        for object in listed {
            let text = |field: &str| object[field].as_str().unwrap_or_default();
            let resource = served
                .find_kind(text("apiVersion"), text("kind"))
                .ok_or_else(|| format!("the snapshot holds an unknown kind {:?}", text("kind")))?;
            let name = meta(object, "name");
            if name.is_empty() {
                return Err("the snapshot holds an object without a name".to_owned());
            }
            objects.push((resource, Key::new(meta(object, "namespace"), name), Arc::new(object.clone())));
        }
        let audit = value["audit"].as_array().into_iter().flatten().filter_map(audit::Entry::parse).collect();
        let dropped = value["auditDropped"].as_str().and_then(|time| time.parse().ok());
        Ok(Snapshot { revision, objects, audit, dropped })
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Snapshot", 5)?;
        map.serialize_field("format", &FORMAT)?;
        map.serialize_field("revision", &self.revision)?;
        map.serialize_field("objects", &Objects(&self.objects))?;
        let tail = self.audit.len().saturating_sub(AUDIT);
        let audit: Vec<Value> = self.audit[tail..].iter().map(audit::Entry::to_value).collect();
        map.serialize_field("audit", &audit)?;
        let cut = tail.checked_sub(1).and_then(|last| self.audit.get(last)).map(|entry| entry.at);
        map.serialize_field("auditDropped", &cut.or(self.dropped))?;
        map.end()
    }
}

struct Objects<'a>(&'a [(&'static Resource, Key, Object)]);

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (_, _, object) in self.0 {
            list.serialize_element(&**object)?;
        }
        list.end()
    }
}

impl Api {
    /// Returns everything as it is now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        Snapshot {
            revision: state.store.revision(),
            objects: state
                .store
                .all()
                .map(|(resource, key, object)| (resource, key.clone(), Arc::clone(object)))
                .collect(),
            audit: state.audit.all().cloned().collect(),
            dropped: state.audit.dropped(),
        }
    }

    /// Starts with the objects of an earlier run: nobody watches yet.
    pub(crate) fn load(&self, snapshot: Snapshot) {
        let mut state = self.lock();
        // A crash may have lost the last changes: their versions are not given twice.
        state.store.replace(snapshot.objects, snapshot.revision + GAP);
        self.define(&state);
        // What a crash took away, it took from the log and from the objects alike: there is no gap.
        state.audit = audit::Log::kept(snapshot.audit, snapshot.dropped);
    }

    /// Brings all objects back to a snapshot, as changes that watchers and controllers see. Versions go on
    /// counting; everything else is as it was. The audit log goes on too.
    pub(crate) fn restore(&self, snapshot: Snapshot) {
        let mut state = self.lock();
        let gone: Vec<(&'static Resource, Key)> = state
            .store
            .all()
            .filter(|(resource, key, object)| {
                !snapshot.objects.iter().any(|(other, at, kept)| {
                    other == resource && at == *key && meta(kept, "uid") == meta(object, "uid")
                })
            })
            .map(|(resource, key, _)| (resource, key.clone()))
            .collect();
        for (resource, key) in gone {
            if let Some(change) = state.store.remove(resource, key) {
                self.publish(change);
            }
        }
        for (resource, key, object) in snapshot.objects {
            let is_same = state
                .store
                .get(resource, &key.namespace, &key.name)
                .is_some_and(|stored| without_version(stored) == without_version(&object));
            if !is_same {
                let change = state.store.put(resource, key, Value::clone(&object));
                self.publish(change);
            }
        }
    }
}

fn without_version(object: &Value) -> Value {
    let mut object = object.clone();
    object["metadata"]["resourceVersion"] = Value::Null;
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::{Caller, DeleteOptions, Target, WriteOptions};
    use crate::clock::Clock;
    use crate::resources::CONFIG_MAPS;

    fn api() -> Api {
        Api::new(Clock::starting_at(Timestamp::UNIX_EPOCH), crate::Version::V1_34, Vec::new())
    }

    fn put(api: &Api, name: &str) {
        let object = json!({"metadata": {"name": name}, "data": {"k": "v"}});
        api.create(&Caller::admin(), &CONFIG_MAPS, "default", object, &WriteOptions::default()).unwrap();
    }

    fn bare(snapshot: &Snapshot) -> Vec<Value> {
        snapshot.objects.iter().map(|(_, _, object)| without_version(object)).collect()
    }

    #[test]
    fn a_snapshot_comes_back_as_changes() {
        let api = api();
        put(&api, "a");
        put(&api, "b");
        let text = serde_json::to_value(api.snapshot()).unwrap();
        let before = Snapshot::parse(&text).unwrap();
        let admin = Caller::admin();
        api.delete(&admin, Target::new(&CONFIG_MAPS, "default", "a"), &DeleteOptions::default()).unwrap();
        api.update_with(&admin, Target::new(&CONFIG_MAPS, "default", "b"), |object| object["data"] = json!({}))
            .unwrap();
        put(&api, "c");
        let from = api.revision();
        api.restore(before.clone());
        assert_eq!(bare(&api.snapshot()), bare(&before));
        let (changes, _) = api.changes_since(from).unwrap();
        assert_eq!(changes.len(), 3);
    }

    #[test]
    fn a_second_life_goes_on_counting_and_remembers_who_did_what() {
        let first = api();
        put(&first, "a");
        let text = serde_json::to_value(first.snapshot()).unwrap();
        let second = api();
        second.load(Snapshot::parse(&text).unwrap());
        assert!(second.revision() > first.revision());
        let (entries, complete) = second.audit_since(Timestamp::UNIX_EPOCH);
        assert_eq!((entries.len(), complete), (1, true));
        assert!(second.changes_since(first.revision()).is_err());
        assert!(second.changes_since(second.revision() + 1).is_err());
        assert!(Snapshot::parse(&json!({"format": 2})).is_err());
    }
}
