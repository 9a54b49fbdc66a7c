//! The audit log: who changed what, as the API server saw it. Nothing but the server writes it.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::store::Object;

/// How many entries are kept.
const CAPACITY: usize = 3000;

/// One request that would change something.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// When it was answered.
    pub(crate) at: Timestamp,
    /// Who asked.
    pub(crate) user: String,
    /// `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub(crate) verb: &'static str,
    /// The API group.
    pub(crate) group: String,
    /// The resource's plural.
    pub(crate) resource: String,
    /// The subresource.
    pub(crate) subresource: Option<String>,
    /// The Namespace, empty for cluster-scoped objects.
    pub(crate) namespace: String,
    /// The name.
    pub(crate) name: String,
    /// The HTTP code of the answer.
    pub(crate) code: u16,
    /// The object afterwards, where the request changed it.
    pub(crate) object: Option<Object>,
}

impl Entry {
    /// Reads the JSON form; an entry that is none is left out by the caller.
    pub(crate) fn parse(value: &Value) -> Option<Entry> {
        const VERBS: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
        let text = |field: &str| value[field].as_str().map(str::to_owned);
        Some(Entry {
            at: value["at"].as_str()?.parse().ok()?,
            user: text("user")?,
            verb: VERBS.into_iter().find(|verb| value["verb"] == *verb)?,
            group: text("group")?,
            resource: text("resource")?,
            subresource: text("subresource"),
            namespace: text("namespace")?,
            name: text("name")?,
            code: u16::try_from(value["code"].as_u64()?).ok()?,
            object: value["object"].is_object().then(|| Arc::new(value["object"].clone())),
        })
    }

    /// Returns the JSON form, the one of the control requests.
    pub(crate) fn to_value(&self) -> Value {
        json!({
            "at": self.at, "user": self.user, "verb": self.verb, "group": self.group,
            "resource": self.resource, "subresource": self.subresource, "namespace": self.namespace,
            "name": self.name, "code": self.code, "object": self.object.as_deref(),
        })
    }
}

/// The latest entries, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    /// The time of the youngest entry that was dropped.
    dropped: Option<Timestamp>,
}

impl Log {
    /// Adds an entry; the oldest ones give way.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        if self.entries.len() > CAPACITY {
            self.dropped = self.entries.pop_front().map(|entry| entry.at);
        }
    }

    /// Returns the entries since a time, and whether none of that time was dropped.
    pub(crate) fn since(&self, since: Timestamp) -> (Vec<Entry>, bool) {
        let entries = self.entries.iter().filter(|entry| entry.at >= since).cloned().collect();
        (entries, self.dropped.is_none_or(|dropped| dropped < since))
    }

    /// Returns all entries, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Returns the log of an earlier run, with the time of the youngest entry that it had dropped.
    pub(crate) fn kept(entries: Vec<Entry>, dropped: Option<Timestamp>) -> Log {
        Log { entries: entries.into(), dropped }
    }

    /// Returns the time of the youngest entry that was dropped.
    pub(crate) fn dropped(&self) -> Option<Timestamp> {
        self.dropped
    }
}
