//! CustomResourceDefinitions: their names are accepted if no other resource of the group has them, and they are
//! then established, which makes the API serve them. A deleted one takes its objects with it.

use serde_json::{Value, json};

use crate::api::{Api, Caller, DeleteOptions, Propagation, Target, set_condition};
use crate::clock::rfc3339;
use crate::fields::{is_deleted, list, name, namespace, text};
use crate::resources::CUSTOM_RESOURCE_DEFINITIONS;
use crate::store::{Change, ChangeKind, Key};

use super::{Controller, Next, Queue, queue_all};

/// What holds a definition until its objects are gone.
const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The controller. Its queue holds names of definitions.
pub(crate) struct Definitions {
    api: Api,
    caller: Caller,
}

impl Definitions {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone(), caller: Caller::apiserver() }
    }

    /// Returns why a definition's names cannot be accepted, if another resource of the group has one of them.
    fn conflict(&self, definition: &Value) -> Option<(&'static str, String)> {
        let (group, plural) = (text(definition, "/spec/group"), text(definition, "/spec/names/plural"));
        let served = self.api.served();
        let others: Vec<_> =
            served.all().filter(|resource| resource.group == group && resource.plural != plural).collect();
        let taken = |name: &str| {
            others
                .iter()
                .any(|other| other.plural == name || other.singular == name || other.short_names.contains(&name))
        };
        let names = &definition["spec"]["names"];
        if taken(plural) {
            return Some(("PluralConflict", format!("{plural:?} is already in use")));
        }
        let singular = text(names, "/singular");
        if taken(singular) {
            return Some(("SingularConflict", format!("{singular:?} is already in use")));
        }
        if let Some(short) = list(names, "/shortNames").iter().filter_map(Value::as_str).find(|short| taken(short)) {
            return Some(("ShortNamesConflict", format!("{short:?} is already in use")));
        }
        let kind = text(names, "/kind");
        others.iter().any(|other| other.kind == kind).then(|| ("KindConflict", format!("{kind:?} is already in use")))
    }

    fn establish(&self, definition: &Value) {
        let now = rfc3339(self.api.clock().now());
        let conflict = self.conflict(definition);
        let names = definition["spec"]["names"].clone();
        let set = |definition: &mut Value, kind: &str, status: &str, reason: &str, message: &str| {
            let found = list(definition, "/status/conditions").iter().find(|condition| condition["type"] == kind);
            // The time is that of the last change.
            let since = found
                .filter(|condition| condition["status"] == status)
                .map_or_else(|| Value::from(now.as_str()), |condition| condition["lastTransitionTime"].clone());
            set_condition(
                definition,
                json!({ "type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message }),
            );
        };
        let target = Target::new(&CUSTOM_RESOURCE_DEFINITIONS, "", name(definition));
        let _ = self.api.update_with(&self.caller, target.part("status"), |definition| match &conflict {
            Some((reason, message)) => {
                set(definition, "NamesAccepted", "False", reason, message);
                let is_established = list(definition, "/status/conditions")
                    .iter()
                    .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
                if !is_established {
                    let message = "not all names are accepted";
                    set(definition, "Established", "False", "NotAccepted", message);
                }
            }
            None => {
                definition["status"]["acceptedNames"] = names;
                set(definition, "NamesAccepted", "True", "NoConflicts", "no conflicts found");
                let message = "the initial names have been accepted";
                set(definition, "Established", "True", "InitialNamesAccepted", message);
            }
        });
    }

    /// Deletes the objects of a definition, and lets it go once there are none.
    fn empty(&self, definition: &Value) {
        let (group, plural) = (text(definition, "/spec/group"), text(definition, "/spec/names/plural"));
        let served = self.api.served();
        let hub =
            served.custom.iter().map(|one| one.resource.hub()).find(|one| (one.group, one.plural) == (group, plural));
        if let Some(resource) = hub {
            for object in self.api.list_all(resource, None) {
                if !is_deleted(&object) {
                    let target = Target::new(resource, namespace(&object), name(&object));
                    let options = DeleteOptions { propagation: Propagation::Background, ..DeleteOptions::default() };
                    let _ = self.api.delete(&self.caller, target, &options);
                }
            }
            if !self.api.list_all(resource, None).is_empty() {
                return;
            }
        }
        let target = Target::new(&CUSTOM_RESOURCE_DEFINITIONS, "", name(definition));
        let _ = self.api.update_with(&self.caller, target, |definition| {
            if let Some(finalizers) = definition["metadata"]["finalizers"].as_array_mut() {
                finalizers.retain(|finalizer| finalizer != FINALIZER);
            }
        });
    }
}

impl Controller for Definitions {
    fn name(&self) -> &'static str {
        "definitions"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == CUSTOM_RESOURCE_DEFINITIONS {
            queue.add("", &change.key.name);
            // Names that one gives back may be what another waits for.
            if change.kind == ChangeKind::Deleted {
                self.all(queue);
            }
        } else if change.kind == ChangeKind::Deleted {
            let name = change.resource.qualified();
            if self.api.get(&CUSTOM_RESOURCE_DEFINITIONS, "", &name).is_ok() {
                queue.add("", &name);
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&CUSTOM_RESOURCE_DEFINITIONS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(definition) = self.api.get(&CUSTOM_RESOURCE_DEFINITIONS, "", &key.name) else { return Next::Wait };
        let is_held = list(&definition, "/metadata/finalizers").iter().any(|finalizer| finalizer == FINALIZER);
        if is_deleted(&definition) {
            if is_held {
                self.empty(&definition);
            }
            return Next::Wait;
        }
        self.establish(&definition);
        if !is_held {
            let target = Target::new(&CUSTOM_RESOURCE_DEFINITIONS, "", &key.name);
            let _ = self.api.update_with(&self.caller, target, |definition| match definition["metadata"]["finalizers"]
                .as_array_mut()
            {
                Some(finalizers) => finalizers.push(FINALIZER.into()),
                None => definition["metadata"]["finalizers"] = json!([FINALIZER]),
            });
        }
        Next::Wait
    }
}
