//! ResourceQuotas: counts again what a Namespace uses, so that what was deleted is given back.

use serde_json::Value;

use crate::admission::quota::recount;
use crate::amounts;
use crate::api::{Api, Caller, Target};
use crate::resources::RESOURCE_QUOTAS;
use crate::store::{Change, ChangeKind, Key};

use super::{Controller, Next, Queue, queue_all};

/// The controller.
pub(crate) struct Quotas {
    api: Api,
    caller: Caller,
}

impl Quotas {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone(), caller: Caller::controller("resourcequota-controller") }
    }
}

impl Controller for Quotas {
    fn name(&self) -> &'static str {
        "resourcequota"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == RESOURCE_QUOTAS {
            queue.add(&change.key.namespace, &change.key.name);
        } else if change.kind != ChangeKind::Added && frees(change) {
            queue_all(&self.api.list_all(&RESOURCE_QUOTAS, Some(&change.key.namespace)), queue);
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&RESOURCE_QUOTAS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let target = Target::new(&RESOURCE_QUOTAS, &key.namespace, &key.name).part("status");
        // Admission counts at every creation, between this count and this write too: the write counts again
        // if the quota has changed meanwhile.
        let Ok(quota) = self.api.get(&RESOURCE_QUOTAS, &key.namespace, &key.name) else { return Next::Wait };
        let used = recount(&quota, |resource| self.api.list_all(resource, Some(&key.namespace)));
        let version = quota["metadata"]["resourceVersion"].clone();
        let mut stale = false;
        let written = self.api.update_with(&self.caller, target, |stored| {
            if stored["metadata"]["resourceVersion"] != version {
                stale = true;
                return;
            }
            let hard = stored["spec"]["hard"].clone();
            stored["status"] = serde_json::json!({"hard": hard, "used": Value::Object(amounts::to_json(&used))});
        });
        match written {
            Err(_) => Next::Wait,
            Ok(_) if stale => Next::After(std::time::Duration::ZERO),
            Ok(_) => Next::Wait,
        }
    }
}

/// Returns whether a change may give something back: a removal, or a Pod that ended or shrank.
fn frees(change: &Change) -> bool {
    change.kind == ChangeKind::Deleted
        || (change.resource.plural == "pods"
            && change
                .previous
                .as_deref()
                .is_some_and(|before| amounts::is_terminal(before) != amounts::is_terminal(&change.object)))
        || change.resource.plural == "services"
}
