//! Who asks. Everybody, the controllers included, acts as somebody.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The identity behind a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Caller {
    /// The user's name.
    pub(crate) user: String,
    /// The user's uid, empty for people.
    pub(crate) uid: String,
    /// The user's groups.
    pub(crate) groups: Vec<String>,
    /// What else is known of the user, such as the Pod that a token is bound to.
    pub(crate) extra: BTreeMap<String, Vec<String>>,
    /// Who really asks, where somebody impersonates the user; empty otherwise.
    pub(crate) impersonator: String,
    /// Why the request was allowed, once it was; empty for members of `system:masters`.
    pub(crate) permission: String,
    /// Whether this is a component of the sandbox, or a client with whatever name.
    pub(crate) origin: Origin,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Origin {
    /// A client, over HTTP: its name was proven by a certificate or a token.
    #[default]
    Client,
    /// A component of the sandbox itself. No client ever has this, whatever token or name it brings.
    Component,
}

impl Caller {
    /// The group whose members may do everything.
    pub(crate) const MASTERS: &'static str = "system:masters";
    /// The user that nobody in particular is.
    pub(crate) const ANONYMOUS: &'static str = "system:anonymous";
    /// The group of everybody who showed who they are.
    pub(crate) const AUTHENTICATED: &'static str = "system:authenticated";
    /// The group of everybody else.
    pub(crate) const UNAUTHENTICATED: &'static str = "system:unauthenticated";

    /// Returns a user with groups, `system:authenticated` added.
    pub(crate) fn user(name: &str, groups: impl IntoIterator<Item = String>) -> Caller {
        let mut groups: Vec<String> = groups.into_iter().collect();
        groups.push(Caller::AUTHENTICATED.to_owned());
        Caller { user: name.to_owned(), groups, ..Caller::default() }
    }

    /// Returns the learner: `kubernetes-admin`, member of `system:masters`.
    pub(crate) fn admin() -> Caller {
        Caller::user("kubernetes-admin", [Caller::MASTERS.to_owned()])
    }

    /// Returns nobody in particular.
    pub(crate) fn anonymous() -> Caller {
        let groups = vec![Caller::UNAUTHENTICATED.to_owned()];
        Caller { user: Caller::ANONYMOUS.to_owned(), groups, ..Caller::default() }
    }

    /// Returns a service account.
    pub(crate) fn account(namespace: &str, name: &str, uid: &str) -> Caller {
        let groups = ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
        Caller { uid: uid.to_owned(), ..Caller::user(&format!("system:serviceaccount:{namespace}:{name}"), groups) }
    }

    /// Returns a controller's service account in kube-system, such as `deployment-controller`.
    pub(crate) fn controller(name: &str) -> Caller {
        Caller::account("kube-system", name, "").into_component()
    }

    /// Returns the controller manager itself, for what none of its controllers does under its own name.
    pub(crate) fn controller_manager() -> Caller {
        Caller::user("system:kube-controller-manager", []).into_component()
    }

    /// Returns a node's kubelet.
    pub(crate) fn node(name: &str) -> Caller {
        Caller::user(&format!("system:node:{name}"), ["system:nodes".to_owned()]).into_component()
    }

    /// Returns the scheduler.
    pub(crate) fn scheduler() -> Caller {
        Caller::user("system:kube-scheduler", []).into_component()
    }

    /// Returns the API server itself, for what it bootstraps.
    pub(crate) fn apiserver() -> Caller {
        Caller::user("system:apiserver", [Caller::MASTERS.to_owned()]).into_component()
    }

    fn into_component(self) -> Caller {
        Caller { origin: Origin::Component, ..self }
    }

    /// Tells whether the caller is somebody that a certificate names.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.groups.iter().any(|group| group == Caller::AUTHENTICATED)
    }

    /// Tells whether the caller is one of the cluster's own components, and not a client with its name.
    pub(crate) fn is_built_in(&self) -> bool {
        self.origin == Origin::Component
    }

    /// Tells whether the caller may do everything.
    pub(crate) fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == Caller::MASTERS)
    }

    /// Returns the JSON form, that of `authentication.k8s.io/v1` `UserInfo`.
    pub(crate) fn to_user_info(&self) -> Value {
        let mut value = json!({ "username": self.user, "groups": self.groups });
        if !self.uid.is_empty() {
            value["uid"] = self.uid.as_str().into();
        }
        if !self.extra.is_empty() {
            value["extra"] = json!(self.extra);
        }
        value
    }
}
