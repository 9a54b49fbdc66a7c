//! `observed`: the runner saw this happen since the step was opened.
//!
//! ```yaml
//! observed:
//!   node_not_ready: { node: node3 }
//! ```
//!
//! Counts only where an audit log shows the controller's own identity; elsewhere the check could not tell.

use serde::{Deserialize, Serialize};

/// What must have been seen.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spec {
    /// A node turned NotReady.
    NodeNotReady {
        /// The node; any where absent.
        #[serde(default)]
        node: Option<String>,
    },
    /// A container was killed over its memory limit.
    OomKilled {
        /// The Pod's Namespace; the session's one by default.
        #[serde(default)]
        namespace: Option<String>,
        /// The value of the Pod's `app` label.
        #[serde(default)]
        app: Option<String>,
    },
    /// A Pod could not be scheduled.
    Unschedulable {
        /// The Pod's Namespace; the session's one by default.
        #[serde(default)]
        namespace: Option<String>,
        /// The value of the Pod's `app` label.
        #[serde(default)]
        app: Option<String>,
    },
    /// A controller was refused the creation of a Pod.
    CreationRefused {
        /// The Namespace; the session's one by default.
        #[serde(default)]
        namespace: Option<String>,
        /// A text that the refusal contains, such as `exceeded quota`.
        message: String,
    },
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The observation that holds, if any.
    pub seen: Option<crate::Observation>,
}
