//! Who may do what, whose tokens are good, and what is written down of both.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Api, Caller, State, Status, Target};
use crate::audit;
use crate::credentials::Credentials;
use crate::manifest::flags::Authorization;
use crate::rbac::attributes::Attributes;
use crate::rbac::{Decision, Policy, defaults, node};
use crate::store::Object;
use crate::tokens::Issuer;

impl Api {
    /// Returns who may do what at the moment.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(self.lock().store.policy())
    }

    /// Decides on a request.
    pub(crate) fn authorize(&self, caller: &Caller, wanted: &Attributes) -> Decision {
        match self.access().authorization {
            Authorization::Roles => {}
            Authorization::AlwaysAllow => return Decision::Allowed { reason: String::new() },
            Authorization::AlwaysDeny if caller.is_master() => return Decision::Allowed { reason: String::new() },
            Authorization::AlwaysDeny => return Decision::Denied { reason: "Everything is forbidden.".to_owned() },
        }
        let state = self.lock();
        let by_role = state.store.policy().authorize(caller, wanted);
        if by_role.is_allowed() {
            return by_role;
        }
        // The real server asks the Node authorizer first; what either allows is allowed.
        node::authorize(&state.store, defaults::node_rules(), caller, wanted).unwrap_or(by_role)
    }

    /// Sets who issues tokens; only the first time counts.
    pub(crate) fn issue_tokens_by(&self, issuer: Issuer) {
        let _ = self.shared.tokens.set(Some(issuer));
    }

    /// Returns who issues tokens. Where nobody was set, a key is made for as long as the API lives; `None` if
    /// none can be made.
    pub(crate) fn tokens(&self) -> Option<&Issuer> {
        let make = || {
            let key = rcgen::KeyPair::generate().ok()?;
            Issuer::from_pem(&key.serialize_pem()).ok()
        };
        self.shared.tokens.get_or_init(make).as_ref()
    }

    /// Sets whose authority signs certificates; only the first time counts.
    pub(crate) fn sign_certificates_by(&self, credentials: Credentials) {
        let _ = self.shared.credentials.set(credentials);
    }

    /// Returns whose authority signs certificates, if anybody does.
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.shared.credentials.get()
    }

    /// Writes down that authorization refused a request.
    pub(crate) fn record_refusal(&self, caller: &Caller, wanted: &Attributes, status: &Status) {
        let Attributes::Resource(wanted) = wanted else { return };
        // Impersonation is no verb of an object; what it refused has no object either.
        let Some(verb) = audit::verb(&wanted.verb) else { return };
        let entry = audit::Entry {
            group: wanted.group.clone(),
            resource: wanted.resource.clone(),
            subresource: (!wanted.subresource.is_empty()).then(|| wanted.subresource.clone()),
            namespace: wanted.namespace.clone(),
            name: wanted.name.clone(),
            code: status.code,
            reason: status.message.clone(),
            ..self.entry(caller, verb)
        };
        self.lock().audit.push(entry);
    }

    /// Writes down that something was made that is not stored, such as a token.
    pub(crate) fn record_creation(&self, caller: &Caller, target: Target<'_>) {
        let mut state = self.lock();
        self.record(&mut state, caller, "create", target, Ok((201, None)));
    }

    pub(super) fn record(
        &self,
        state: &mut State,
        caller: &Caller,
        verb: &'static str,
        target: Target<'_>,
        outcome: Result<(u16, Option<Object>), &Status>,
    ) {
        let annotations = std::mem::take(&mut state.annotations);
        let (code, object) = match outcome {
            Ok(done) => done,
            Err(status) => (status.code, None),
        };
        // Heartbeats would drive everything else out of the log.
        if target.resource.plural == "leases" && caller.is_built_in() {
            return;
        }
        state.audit.push(audit::Entry {
            group: target.resource.group.to_owned(),
            resource: target.resource.plural.to_owned(),
            subresource: target.subresource.map(str::to_owned),
            namespace: target.namespace.to_owned(),
            name: target.name.to_owned(),
            code,
            object,
            annotations,
            ..self.entry(caller, verb)
        });
        self.shared.changed.notify_one();
    }

    fn entry(&self, caller: &Caller, verb: &'static str) -> audit::Entry {
        let (user, impersonated) = if caller.impersonator.is_empty() {
            (caller.user.clone(), String::new())
        } else {
            (caller.impersonator.clone(), caller.user.clone())
        };
        audit::Entry {
            at: self.shared.clock.now(),
            user,
            impersonated,
            groups: caller.groups.clone(),
            origin: caller.origin,
            reason: caller.permission.clone(),
            verb,
            group: String::new(),
            resource: String::new(),
            subresource: None,
            namespace: String::new(),
            name: String::new(),
            code: 0,
            object: None,
            annotations: BTreeMap::new(),
        }
    }
}
