//! `ClusterRoles` that are made of others: their rules follow those that their selectors find.

use serde_json::Value;

use crate::api::{Api, Caller, Target};
use crate::rbac::defaults::aggregated;
use crate::resources::CLUSTER_ROLES;
use crate::store::{Change, Key};

use super::{Controller, Next, Queue};

/// The controller.
pub(crate) struct ClusterRoleAggregation {
    api: Api,
    caller: Caller,
}

impl ClusterRoleAggregation {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        Self { api: api.clone(), caller: Caller::controller("clusterrole-aggregation-controller") }
    }
}

impl Controller for ClusterRoleAggregation {
    fn name(&self) -> &'static str {
        "clusterrole-aggregation"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        // Any role may be part of any other.
        if *change.resource == CLUSTER_ROLES {
            self.all(queue);
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        for role in self.api.list_all(&CLUSTER_ROLES, None) {
            if role.get("aggregationRule").is_some_and(Value::is_object) {
                queue.add("", crate::fields::name(&role));
            }
        }
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(role) = self.api.get(&CLUSTER_ROLES, "", &key.name) else { return Next::Wait };
        let all = self.api.list_all(&CLUSTER_ROLES, None);
        let Some(rules) = aggregated(&role, &all) else { return Next::Wait };
        if role["rules"] == Value::from(rules.as_slice()) || (role["rules"].is_null() && rules.is_empty()) {
            return Next::Wait;
        }
        let target = Target::new(&CLUSTER_ROLES, "", &key.name);
        match self.api.update_with(&self.caller, target, |role| role["rules"] = rules.into()) {
            Ok(_) => Next::Wait,
            Err(_) => Next::Retry,
        }
    }
}
