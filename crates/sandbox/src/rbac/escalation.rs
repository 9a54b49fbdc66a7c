//! Nobody gives rights that they do not have: asked for each role and binding that is made or changed.
//!
//! The order and the texts are those of `pkg/registry/rbac/*/policybased/storage.go`: after mutating admission,
//! before validation. Whoever may `escalate` a role, or `bind` one, is not asked.

use serde_json::Value;

use crate::admission::{Operation, Plugin, Request, Transaction};
use crate::api::Status;
use crate::fields::{list, name};

use super::attributes::{Attributes, ResourceAttributes};
use super::rule::{Rule, missing, quoted};
use super::{GROUP, Policy, RoleRef};

/// The step of the chain.
pub(crate) struct Escalation;

impl Plugin for Escalation {
    fn name(&self) -> &'static str {
        "RBACEscalation"
    }

    fn mutate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        let writes = matches!(request.operation, Operation::Create | Operation::Update);
        if request.resource.group != GROUP || !writes || request.caller.is_master() {
            return Ok(());
        }
        let policy = transaction.policy();
        match request.resource.plural {
            "roles" | "clusterroles" => role(request, policy),
            _ => binding(request, policy),
        }
    }
}

fn role(request: &Request, policy: &Policy) -> Result<(), Status> {
    let object = &request.object;
    let same = |part: &str| request.old.as_deref().is_some_and(|old| old.get(part) == object.get(part));
    if same("rules") && same("aggregationRule") {
        return Ok(());
    }
    let wanted = asks(request, "escalate", request.resource.plural, &request.name);
    if policy.authorize(&request.caller, &wanted).is_allowed() {
        return Ok(());
    }
    let aggregates = |object: &Value| !list(object, "/aggregationRule/clusterRoleSelectors").is_empty();
    if aggregates(object) || request.old.as_deref().is_some_and(aggregates) {
        let (held, _) = policy.rules_for(&request.caller, &request.namespace);
        if !missing(&held, &Rule::everything()).is_empty() {
            return Err(forbid(request, "must have cluster-admin privileges to use the aggregationRule"));
        }
    }
    confirm(request, policy, &Rule::all_of(object))
}

fn binding(request: &Request, policy: &Policy) -> Result<(), Status> {
    let object = &request.object;
    let same = |part: &str| request.old.as_deref().is_some_and(|old| old.get(part) == object.get(part));
    if same("roleRef") && same("subjects") {
        return Ok(());
    }
    let (plural, role) = match RoleRef::of(object) {
        Some(RoleRef::Cluster(role)) => ("clusterroles", role),
        Some(RoleRef::Namespaced(_, role)) => ("roles", role),
        // Validation has the words for it.
        None => return Ok(()),
    };
    if policy.authorize(&request.caller, &asks(request, "bind", plural, role)).is_allowed() {
        return Ok(());
    }
    let reference = match plural {
        "clusterroles" => RoleRef::Cluster(role),
        _ => RoleRef::Namespaced(&request.namespace, role),
    };
    let rules = policy.role(reference).map_err(|_| not_found(plural, role))?;
    confirm(request, policy, &rules)
}

fn not_found(plural: &str, role: &str) -> Status {
    let message = format!("{plural}.{GROUP} {role:?} not found");
    let details = crate::api::Details {
        name: role.to_owned(),
        group: GROUP.to_owned(),
        kind: plural.to_owned(),
        ..Default::default()
    };
    Status { code: 404, reason: "NotFound", message, details: Some(Box::new(details)) }
}

fn confirm(request: &Request, policy: &Policy, wanted: &[Rule]) -> Result<(), Status> {
    let caller = &request.caller;
    let (held, error) = policy.rules_for(caller, &request.namespace);
    let lines = missing(&held, wanted);
    if lines.is_empty() {
        return Ok(());
    }
    let mut detail = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        caller.user,
        quoted(&caller.groups),
        lines.join("\n")
    );
    if let Some(error) = error {
        detail = format!("{detail}; resolution errors: [{error}]");
    }
    Err(forbid(request, &detail))
}

fn forbid(request: &Request, detail: &str) -> Status {
    Status::forbidden(request.resource, name(&request.object), detail)
}

fn asks(request: &Request, verb: &str, plural: &str, role: &str) -> Attributes {
    Attributes::Resource(ResourceAttributes {
        verb: verb.to_owned(),
        group: GROUP.to_owned(),
        version: "*".to_owned(),
        namespace: request.namespace.clone(),
        resource: plural.to_owned(),
        subresource: String::new(),
        name: role.to_owned(),
    })
}
