//! The admission chain: what the API server asks before it stores an object, in the real server's order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::Version;
use crate::api::{Caller, Status};
use crate::rbac::Policy;
use crate::rbac::certificates::Certificates;
use crate::rbac::escalation::Escalation;
use crate::rbac::node::NodeRestriction;
use crate::resources::{PODS, Resource};
use crate::store::{Key, Object, Store};

mod lifecycle;
mod limit_ranger;
mod pod_security;
mod pod_security_policy;
mod prepare;
mod priority;
mod pull;
pub(crate) mod quota;
mod service_account;
mod simulation;
mod tolerations;

/// One question of the chain.
///
/// `mutate` is asked before a name is generated and before validation, `validate` after it. Both run while
/// the store is locked: they never wait, and what they read and write through the [`Transaction`] is atomic
/// with the request.
pub(crate) trait Plugin: Send + Sync {
    /// Returns the plug-in's name, such as `LimitRanger`.
    fn name(&self) -> &'static str;

    /// Changes or refuses the object.
    fn mutate(&self, _request: &mut Request, _transaction: &mut Transaction<'_>) -> Result<(), Status> {
        Ok(())
    }

    /// Refuses the object, or accounts for it.
    fn validate(&self, _request: &mut Request, _transaction: &mut Transaction<'_>) -> Result<(), Status> {
        Ok(())
    }
}

/// What is being asked for.
#[derive(Debug)]
pub(crate) struct Request {
    /// Who asks.
    pub(crate) caller: Caller,
    /// What is to be done.
    pub(crate) operation: Operation,
    /// With which resource.
    pub(crate) resource: &'static Resource,
    /// With which part of it, such as `status`.
    pub(crate) subresource: Option<String>,
    /// In which Namespace; empty for cluster-scoped objects.
    pub(crate) namespace: String,
    /// The object's name; empty while it is yet to be generated.
    pub(crate) name: String,
    /// The new object; null for a deletion.
    pub(crate) object: Value,
    /// The stored object, for an update or a deletion.
    pub(crate) old: Option<Object>,
    /// Warnings for the caller.
    pub(crate) warnings: Vec<String>,
    /// What the audit log should know, by name.
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Request {
    /// Returns the name to show in a refusal: the name, else the `generateName`.
    pub(crate) fn shown_name(&self) -> &str {
        if self.name.is_empty() {
            self.object["metadata"]["generateName"].as_str().unwrap_or_default()
        } else {
            &self.name
        }
    }

    /// Tells whether a whole Pod is to be created.
    pub(crate) fn creates_pod(&self) -> bool {
        self.operation == Operation::Create && *self.resource == PODS && self.subresource.is_none()
    }

    /// Returns a 403 about this request.
    pub(crate) fn forbid(&self, detail: &str) -> Status {
        Status::forbidden(self.resource, self.shown_name(), detail)
    }
}

/// What is to be done with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Store a new object.
    Create,
    /// Change a stored object.
    Update,
    /// Remove a stored object.
    Delete,
}

/// Whether anything will be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum DryRun {
    /// The request counts.
    #[default]
    No,
    /// Everything is done but the storing.
    All,
}

/// The store as the chain sees it. What it writes is stored with the request's own object, or not at all.
pub(crate) struct Transaction<'a> {
    store: &'a Store,
    writes: Vec<(&'static Resource, Key, Object)>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(store: &'a Store) -> Transaction<'a> {
        Transaction { store, writes: Vec::new() }
    }

    /// Returns an object, as written so far.
    pub(crate) fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Object> {
        let key = Key::new(namespace, name);
        self.writes
            .iter()
            .rev()
            .find(|(written, at, _)| *written == resource && *at == key)
            .map(|(_, _, object)| object)
            .or_else(|| self.store.get(resource, namespace, name))
            .cloned()
    }

    /// Returns who may do what, as stored before this request.
    pub(crate) fn policy(&self) -> &Policy {
        self.store.policy()
    }

    /// Returns the objects of a Namespace, or of all, as written so far.
    pub(crate) fn list(&self, resource: &Resource, namespace: Option<&str>) -> Vec<Object> {
        self.store
            .list(resource, namespace)
            .map(|(key, object)| self.get(resource, &key.namespace, &key.name).unwrap_or_else(|| Arc::clone(object)))
            .collect()
    }

    /// Writes an existing object, with the request's own one.
    pub(crate) fn put(&mut self, resource: &'static Resource, namespace: &str, name: &str, object: Value) {
        self.writes.push((resource, Key::new(namespace, name), Arc::new(object)));
    }

    /// Gives what is to be stored.
    pub(crate) fn into_writes(self) -> Vec<(&'static Resource, Key, Object)> {
        self.writes
    }
}

/// Which plug-ins run, beside those that always do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Plugins {
    /// What `--enable-admission-plugins` adds.
    pub(crate) enabled: BTreeSet<String>,
    /// What `--disable-admission-plugins` takes away.
    pub(crate) disabled: BTreeSet<String>,
}

/// The plug-ins that run only where a flag names them.
const OFF_BY_DEFAULT: [&str; 2] = ["AlwaysPullImages", "PodSecurityPolicy"];

/// Returns the chain of a fresh cluster, in the real server's order.
pub(crate) fn chain(version: Version) -> Vec<Box<dyn Plugin>> {
    chain_of(version, &Plugins::default())
}

/// Returns the chain with some plug-ins more and some less.
pub(crate) fn chain_of(version: Version, plugins: &Plugins) -> Vec<Box<dyn Plugin>> {
    let mut chain: Vec<Box<dyn Plugin>> = vec![
        Box::new(lifecycle::NamespaceLifecycle),
        Box::new(limit_ranger::LimitRanger(version)),
        Box::new(service_account::ServiceAccount(version)),
        Box::new(NodeRestriction),
        Box::new(pull::AlwaysPullImages),
        Box::new(pod_security::PodSecurity(version)),
        Box::new(pod_security_policy::PodSecurityPolicy),
        Box::new(Certificates),
        Box::new(priority::Priority),
        Box::new(tolerations::DefaultTolerationSeconds),
        Box::new(prepare::Prepare(version)),
        Box::new(simulation::Simulation),
        Box::new(Escalation),
        Box::new(quota::ResourceQuota(version)),
    ];
    chain.retain(|plugin| {
        let name = plugin.name();
        let lives = match name {
            "PodSecurity" => version.minor() >= 23,
            "PodSecurityPolicy" => version.minor() < 25,
            _ => true,
        };
        let is_on = !OFF_BY_DEFAULT.contains(&name) || plugins.enabled.contains(name);
        lives && is_on && !plugins.disabled.contains(name)
    });
    chain
}

/// Returns the plug-ins that the flags of a version's server may name; most have nothing to do here.
pub(crate) fn known_plugins(version: Version) -> Vec<&'static str> {
    const ALL: [&str; 30] = [
        "AlwaysAdmit",
        "AlwaysDeny",
        "AlwaysPullImages",
        "CertificateApproval",
        "CertificateSigning",
        "CertificateSubjectRestriction",
        "DefaultIngressClass",
        "DefaultStorageClass",
        "DefaultTolerationSeconds",
        "DenyEscalatingExec",
        "EventRateLimit",
        "ExtendedResourceToleration",
        "ImagePolicyWebhook",
        "LimitPodHardAntiAffinityTopology",
        "LimitRanger",
        "MutatingAdmissionWebhook",
        "NamespaceAutoProvision",
        "NamespaceExists",
        "NamespaceLifecycle",
        "NodeRestriction",
        "OwnerReferencesPermissionEnforcement",
        "PersistentVolumeClaimResize",
        "PodNodeSelector",
        "PodTolerationRestriction",
        "Priority",
        "ResourceQuota",
        "RuntimeClass",
        "ServiceAccount",
        "TaintNodesByCondition",
        "ValidatingAdmissionWebhook",
    ];
    let mut known: Vec<&str> =
        ALL.into_iter().filter(|name| version.minor() < 21 || *name != "DenyEscalatingExec").collect();
    known.push("StorageObjectInUseProtection");
    known.extend((version.minor() >= 22).then_some("PodSecurity"));
    known.extend((version.minor() < 25).then_some("PodSecurityPolicy"));
    known
}
