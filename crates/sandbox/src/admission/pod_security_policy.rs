//! PodSecurityPolicy: what Pods may ask for, by policies that their account or their creator may `use`. Gone
//! since 1.25, and off unless `--enable-admission-plugins` names it.
//!
//! Rules and texts of `plugin/pkg/admission/security/podsecuritypolicy` and `pkg/security/podsecuritypolicy`.

use serde_json::{Value, json};

use crate::api::{Caller, Status};
use crate::fields::{map_at, name, text};
use crate::rbac::Policy as Rights;
use crate::rbac::attributes::{Attributes, ResourceAttributes};
use crate::resources::{POD_SECURITY_POLICIES, PODS};
use crate::store::Object;

use super::{Operation, Plugin, Request, Transaction};
use provider::Provider;

mod fill;
mod judge;
mod provider;

/// The annotation that says by which policy a Pod was let in.
const ANNOTATION: &str = "kubernetes.io/psp";

/// The plug-in.
pub(crate) struct PodSecurityPolicy;

impl Plugin for PodSecurityPolicy {
    fn name(&self) -> &'static str {
        "PodSecurityPolicy"
    }

    fn mutate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if !request.creates_pod() {
            return Ok(());
        }
        match admit(request, transaction, Change::Allowed)? {
            Verdict::Admitted { mut pod, policy } => {
                map_at(&mut pod["metadata"], "annotations").insert(ANNOTATION.to_owned(), json!(policy));
                request.object = pod;
                Ok(())
            }
            Verdict::Refused(faults) => {
                Err(request.forbid(&format!("PodSecurityPolicy: unable to admit pod: [{}]", faults.join(" "))))
            }
        }
    }

    fn validate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        let is_concerned = *request.resource == PODS
            && matches!(request.subresource.as_deref(), None | Some("ephemeralcontainers"))
            && request.operation != Operation::Delete
            // What nobody touches stays allowed.
            && request.old.as_deref().is_none_or(|old| old["spec"] != request.object["spec"]);
        if !is_concerned {
            return Ok(());
        }
        match admit(request, transaction, Change::Forbidden)? {
            Verdict::Admitted { .. } => Ok(()),
            Verdict::Refused(faults) => {
                Err(request.forbid(&format!("PodSecurityPolicy: unable to validate pod: [{}]", faults.join(" "))))
            }
        }
    }
}

/// Whether a policy may change the Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Allowed,
    Forbidden,
}

enum Verdict {
    /// The Pod as the policy leaves it.
    Admitted { pod: Value, policy: String },
    /// What all the policies have against it.
    Refused(Vec<String>),
}

/// Looks for a policy: the first that leaves the Pod as it is, else the first that changes it, by name.
fn admit(request: &Request, transaction: &Transaction<'_>, change: Change) -> Result<Verdict, Status> {
    let mut policies: Vec<Object> = transaction.list(&POD_SECURITY_POLICIES, None);
    policies.sort_by(|one, other| name(one).cmp(name(other)));
    let providers: Vec<(&Object, Provider<'_>)> =
        policies.iter().filter_map(|policy| Some((policy, Provider::of(policy)?))).collect();
    if providers.is_empty() {
        return Err(request.forbid("PodSecurityPolicy: no providers available to validate pod request"));
    }
    let mut faults = Vec::new();
    let mut changed = None;
    for (policy, provider) in providers {
        let mut pod = request.object.clone();
        provider.fill(&mut pod);
        let found = provider.judge(&pod);
        if !found.is_empty() {
            faults.extend(found);
            continue;
        }
        let is_changed = pod != request.object;
        let is_usable = (!is_changed || (change == Change::Allowed && changed.is_none()))
            && may_use(transaction.policy(), request, name(policy));
        if !is_usable {
            continue;
        }
        let verdict = Verdict::Admitted { pod, policy: name(policy).to_owned() };
        if !is_changed {
            return Ok(verdict);
        }
        changed = Some(verdict);
    }
    Ok(changed.unwrap_or(Verdict::Refused(faults)))
}

/// Tells whether the Pod's account or whoever asks may use a policy.
fn may_use(rights: &Rights, request: &Request, policy: &str) -> bool {
    let account = text(&request.object, "/spec/serviceAccountName");
    let account = (!account.is_empty()).then(|| Caller::account(&request.namespace, account, ""));
    let wanted = Attributes::Resource(ResourceAttributes {
        verb: "use".to_owned(),
        group: "policy".to_owned(),
        namespace: request.namespace.clone(),
        resource: "podsecuritypolicies".to_owned(),
        name: policy.to_owned(),
        ..ResourceAttributes::default()
    });
    account.iter().chain([&request.caller]).any(|caller| rights.authorize(caller, &wanted).is_allowed())
}

#[cfg(test)]
mod tests;
