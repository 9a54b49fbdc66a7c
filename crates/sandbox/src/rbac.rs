//! Role-based access control: who may do what, and by which binding.
//!
//! [`Policy`] is compiled from the stored roles and bindings once after each change of them. The semantics are
//! those of `plugin/pkg/auth/authorizer/rbac/rbac.go` and `pkg/registry/rbac/validation/rule.go`.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::api::Caller;
use crate::fields::{list, name, namespace, text};
use crate::resources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES};
use crate::store::Store;

pub(crate) mod attributes;
pub(crate) mod certificates;
pub(crate) mod defaults;
pub(crate) mod escalation;
pub(crate) mod node;
pub(crate) mod rule;

use attributes::Attributes;
use rule::Rule;

/// The API group of roles and bindings.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";

/// All bindings with the rules that they give.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    /// The cluster's bindings.
    cluster: Scope,
    /// The bindings of each Namespace.
    namespaces: HashMap<String, Scope>,
    /// The rules of each `ClusterRole`.
    cluster_roles: HashMap<String, Arc<[Rule]>>,
    /// The rules of each Role, by Namespace and name.
    roles: HashMap<(String, String), Arc<[Rule]>>,
}

/// The bindings of one scope, in the order of their names, findable by whom they are for.
#[derive(Debug, Default)]
struct Scope {
    grants: Vec<Grant>,
    users: HashMap<String, Vec<usize>>,
    groups: HashMap<String, Vec<usize>>,
}

/// One subject of one binding.
#[derive(Debug)]
struct Grant {
    /// `ClusterRoleBinding "x" of ClusterRole "y" to Group "z"`, for the reason of a verdict.
    description: String,
    /// The rules; the error of the real server if there is no such role.
    rules: Result<Arc<[Rule]>, String>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It may take place.
    Allowed {
        /// By which binding; empty for members of `system:masters`.
        reason: String,
    },
    /// Nothing allows it.
    Denied {
        /// What went wrong while looking, mostly empty.
        reason: String,
    },
}

impl Decision {
    /// Tells whether the request may take place.
    pub(crate) fn is_allowed(&self) -> bool {
        matches!(self, Decision::Allowed { .. })
    }
}

/// Names a role from a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoleRef<'a> {
    /// A `ClusterRole`.
    Cluster(&'a str),
    /// A Role of the binding's Namespace.
    Namespaced(&'a str, &'a str),
}

impl<'a> RoleRef<'a> {
    /// Reads the `roleRef` of a binding; `None` for a kind that does not exist.
    pub(crate) fn of(binding: &'a Value) -> Option<RoleRef<'a>> {
        let role = text(binding, "/roleRef/name");
        match text(binding, "/roleRef/kind") {
            "ClusterRole" => Some(RoleRef::Cluster(role)),
            "Role" => Some(RoleRef::Namespaced(namespace(binding), role)),
            _ => None,
        }
    }
}

impl Policy {
    /// Compiles what is stored.
    pub(crate) fn compile(store: &Store) -> Policy {
        let mut policy = Policy::default();
        for (key, role) in store.list(&CLUSTER_ROLES, None) {
            policy.cluster_roles.insert(key.name.clone(), Rule::all_of(role).into());
        }
        for (key, role) in store.list(&ROLES, None) {
            policy.roles.insert((key.namespace.clone(), key.name.clone()), Rule::all_of(role).into());
        }
        let mut cluster = Scope::default();
        for (_, binding) in store.list(&CLUSTER_ROLE_BINDINGS, None) {
            cluster.add(binding, &policy.role_of(binding));
        }
        policy.cluster = cluster;
        let mut namespaces: HashMap<String, Scope> = HashMap::new();
        for (key, binding) in store.list(&ROLE_BINDINGS, None) {
            namespaces.entry(key.namespace.clone()).or_default().add(binding, &policy.role_of(binding));
        }
        policy.namespaces = namespaces;
        policy
    }

    /// Decides on a request.
    pub(crate) fn authorize(&self, caller: &Caller, wanted: &Attributes) -> Decision {
        if caller.is_master() {
            return Decision::Allowed { reason: String::new() };
        }
        let mut errors = Vec::new();
        for grant in self.grants(caller, scope_of(wanted)) {
            match &grant.rules {
                Ok(rules) if rules.iter().any(|rule| rule.allows(wanted)) => {
                    return Decision::Allowed { reason: format!("RBAC: allowed by {}", grant.description) };
                }
                Ok(_) => {}
                Err(error) => errors.push(error.as_str()),
            }
        }
        Decision::Denied { reason: aggregate(&errors).map(|errors| format!("RBAC: {errors}")).unwrap_or_default() }
    }

    /// Returns what somebody may do in a Namespace (or in none: at the cluster's scope), and what went wrong
    /// while looking.
    pub(crate) fn rules_for(&self, caller: &Caller, namespace: &str) -> (Vec<Rule>, Option<String>) {
        let mut rules = Vec::new();
        let mut errors = Vec::new();
        if caller.is_master() {
            rules.extend(Rule::everything());
        }
        for grant in self.grants(caller, namespace) {
            match &grant.rules {
                Ok(found) => rules.extend(found.iter().cloned()),
                Err(error) => errors.push(error.as_str()),
            }
        }
        (rules, aggregate(&errors))
    }

    /// Returns the rules of a role, or the real server's words for its absence.
    pub(crate) fn role(&self, role: RoleRef<'_>) -> Result<Arc<[Rule]>, String> {
        let (found, kind, name) = match role {
            RoleRef::Cluster(name) => (self.cluster_roles.get(name), "clusterrole", name),
            RoleRef::Namespaced(space, name) => (self.roles.get(&(space.to_owned(), name.to_owned())), "role", name),
        };
        found.cloned().ok_or_else(|| format!("{kind}.{GROUP} {name:?} not found"))
    }

    fn role_of(&self, binding: &Value) -> Result<Arc<[Rule]>, String> {
        match RoleRef::of(binding) {
            Some(role) => self.role(role),
            None => Err(format!("unsupported role reference kind: {:?}", text(binding, "/roleRef/kind"))),
        }
    }

    /// Returns the grants that are for the caller, the cluster's first.
    fn grants(&self, caller: &Caller, namespace: &str) -> impl Iterator<Item = &Grant> {
        let space = if namespace.is_empty() { None } else { self.namespaces.get(namespace) };
        [Some(&self.cluster), space].into_iter().flatten().flat_map(|scope| scope.grants_for(caller))
    }
}

impl Scope {
    fn add(&mut self, binding: &Value, rules: &Result<Arc<[Rule]>, String>) {
        let space = namespace(binding);
        let (kind, shown) = if space.is_empty() {
            ("ClusterRoleBinding", name(binding).to_owned())
        } else {
            ("RoleBinding", format!("{}/{space}", name(binding)))
        };
        let (role_kind, role) = (text(binding, "/roleRef/kind"), text(binding, "/roleRef/name"));
        for subject in list(binding, "/subjects") {
            let who = name_of(subject);
            let index = self.grants.len();
            let described = match text(subject, "/kind") {
                "User" => {
                    self.users.entry(who.to_owned()).or_default().push(index);
                    format!("User {who:?}")
                }
                "Group" => {
                    self.groups.entry(who.to_owned()).or_default().push(index);
                    format!("Group {who:?}")
                }
                "ServiceAccount" => {
                    let given = text(subject, "/namespace");
                    let home = if given.is_empty() { space } else { given };
                    if home.is_empty() {
                        continue;
                    }
                    let user = format!("system:serviceaccount:{home}:{who}");
                    self.users.entry(user).or_default().push(index);
                    format!("ServiceAccount {:?}", format!("{who}/{home}"))
                }
                _ => continue,
            };
            let description = format!("{kind} {shown:?} of {role_kind} {role:?} to {described}");
            self.grants.push(Grant { description, rules: rules.clone() });
        }
    }

    fn grants_for(&self, caller: &Caller) -> impl Iterator<Item = &Grant> {
        let mut found: Vec<usize> = self.users.get(&caller.user).into_iter().flatten().copied().collect();
        for group in &caller.groups {
            found.extend(self.groups.get(group).into_iter().flatten());
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|index| self.grants.get(index))
    }
}

fn name_of(subject: &Value) -> &str {
    text(subject, "/name")
}

fn scope_of(wanted: &Attributes) -> &str {
    match wanted {
        Attributes::Resource(wanted) => &wanted.namespace,
        Attributes::Path { .. } => "",
    }
}

/// Joins errors as Go's aggregate does: one plainly, several in brackets, each once.
fn aggregate(errors: &[&str]) -> Option<String> {
    let mut once: Vec<&str> = Vec::new();
    for error in errors {
        if !once.contains(error) {
            once.push(error);
        }
    }
    match once.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        several => Some(format!("[{}]", several.join(", "))),
    }
}

#[cfg(test)]
mod tests;
