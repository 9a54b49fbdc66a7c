//! The audit log: who changed what, as the API server saw it. Nothing but the server writes it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::Origin;
use crate::store::Object;

/// How many entries are kept.
const CAPACITY: usize = 3000;

/// One request that would change something, or one of any kind that authorization refused.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// When it was answered.
    pub(crate) at: Timestamp,
    /// Who really asked.
    pub(crate) user: String,
    /// As whom, where it was not as oneself; empty otherwise.
    pub(crate) impersonated: String,
    /// The groups of the one by whose rights the verdict came.
    pub(crate) groups: Vec<String>,
    /// Whether it was a component of the sandbox that asked, rather than a client with some name.
    pub(crate) origin: Origin,
    /// Why authorization allowed or refused it: `RBAC: allowed by …`, or the text of the 403.
    pub(crate) reason: String,
    /// `create`, `update`, `patch`, `delete`, `deletecollection`; `get`, `list` and `watch` only where refused.
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
    /// What admission wrote down, such as `pod-security.kubernetes.io/audit-violations`.
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Entry {
    /// Reads the JSON form; an entry that is none is left out by the caller.
    pub(crate) fn parse(value: &Value) -> Option<Entry> {
        let text = |field: &str| value[field].as_str().map(str::to_owned);
        Some(Entry {
            at: value["at"].as_str()?.parse().ok()?,
            user: text("user")?,
            groups: serde_json::from_value(value["groups"].clone()).unwrap_or_default(),
            impersonated: text("impersonatedUser").unwrap_or_default(),
            // Before this was written down, no client could have such a name.
            origin: match value["component"].as_bool() {
                Some(true) => Origin::Component,
                None if value["user"].as_str()?.starts_with("system:") => Origin::Component,
                Some(false) | None => Origin::Client,
            },
            reason: text("reason").unwrap_or_default(),
            verb: verb(value["verb"].as_str()?)?,
            group: text("group")?,
            resource: text("resource")?,
            subresource: text("subresource"),
            namespace: text("namespace")?,
            name: text("name")?,
            code: u16::try_from(value["code"].as_u64()?).ok()?,
            object: value["object"].is_object().then(|| Arc::new(value["object"].clone())),
            annotations: serde_json::from_value(value["annotations"].clone()).unwrap_or_default(),
        })
    }

    fn is_same_refusal(&self, other: &Entry) -> bool {
        let what = |entry: &Entry| (entry.code, entry.verb, entry.user.clone(), entry.reason.clone());
        what(self) == what(other)
    }

    /// Returns the JSON form, the one of the control requests.
    pub(crate) fn to_value(&self) -> Value {
        json!({
            "at": self.at, "user": self.user, "groups": self.groups, "impersonatedUser": self.impersonated,
            "component": self.origin == Origin::Component, "reason": self.reason, "verb": self.verb, "group": self.group,
            "resource": self.resource, "subresource": self.subresource, "namespace": self.namespace,
            "name": self.name, "code": self.code, "object": self.object.as_deref(),
            "annotations": self.annotations,
        })
    }
}

/// Returns a verb of the log by its text.
pub(crate) fn verb(text: &str) -> Option<&'static str> {
    const VERBS: [&str; 8] = ["create", "update", "patch", "delete", "deletecollection", "get", "list", "watch"];
    VERBS.into_iter().find(|verb| *verb == text)
}

/// The latest entries, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    /// The time of the youngest entry that was dropped.
    dropped: Option<Timestamp>,
}

impl Log {
    /// Adds an entry; the oldest ones give way. A refusal that only repeats the last one is left out, so that
    /// nobody drives the log out by asking again and again.
    pub(crate) fn push(&mut self, entry: Entry) {
        if entry.code == 403 && self.entries.back().is_some_and(|last| last.is_same_refusal(&entry)) {
            return;
        }
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
