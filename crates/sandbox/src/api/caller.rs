//! Who asks. Everybody, the controllers included, acts as somebody.

/// The identity behind a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The user's name.
    pub(crate) user: String,
    /// The user's groups.
    pub(crate) groups: Vec<String>,
}

impl Caller {
    /// The group whose members may do everything.
    pub(crate) const MASTERS: &'static str = "system:masters";

    /// Returns a user with groups, `system:authenticated` added.
    pub(crate) fn user(name: &str, groups: impl IntoIterator<Item = String>) -> Caller {
        let mut groups: Vec<String> = groups.into_iter().collect();
        groups.push("system:authenticated".to_owned());
        Caller { user: name.to_owned(), groups }
    }

    /// Returns the learner: `kubernetes-admin`, member of `system:masters`.
    pub(crate) fn admin() -> Caller {
        Caller::user("kubernetes-admin", [Caller::MASTERS.to_owned()])
    }

    /// Returns nobody in particular.
    pub(crate) fn anonymous() -> Caller {
        Caller { user: "system:anonymous".to_owned(), groups: vec!["system:unauthenticated".to_owned()] }
    }

    /// Returns a controller's service account in kube-system, such as `deployment-controller`.
    pub(crate) fn controller(name: &str) -> Caller {
        Caller::user(
            &format!("system:serviceaccount:kube-system:{name}"),
            ["system:serviceaccounts".to_owned(), "system:serviceaccounts:kube-system".to_owned()],
        )
    }

    /// Returns a node's kubelet.
    pub(crate) fn node(name: &str) -> Caller {
        Caller::user(&format!("system:node:{name}"), ["system:nodes".to_owned()])
    }

    /// Returns the scheduler.
    pub(crate) fn scheduler() -> Caller {
        Caller::user("system:kube-scheduler", [])
    }

    /// Returns the API server itself, for what it bootstraps.
    pub(crate) fn apiserver() -> Caller {
        Caller::user("system:apiserver", [Caller::MASTERS.to_owned()])
    }

    /// Tells whether the caller is somebody that a certificate names.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.groups.iter().any(|group| group == "system:authenticated")
    }

    /// Tells whether the caller is one of the cluster's own components.
    pub(crate) fn is_built_in(&self) -> bool {
        self.user == "system:apiserver"
            || self.user == "system:kube-scheduler"
            || self.user.starts_with("system:node:")
            || self.user.starts_with("system:serviceaccount:kube-system:")
    }

    /// Tells whether the caller may do everything.
    pub(crate) fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == Caller::MASTERS)
    }
}
