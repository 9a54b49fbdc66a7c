//! `condition`: a state of the cluster is reached within a time.
//!
//! ```yaml
//! condition:
//!   api_version: v1
//!   kind: Node
//!   name: node3
//!   fields: { "status.conditions[type=Ready].status": "True" }
//!   within: 60                  # seconds
//! ```

use serde::{Deserialize, Serialize};

/// What the check waits for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// `v1`, `apps/v1` …
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The Namespace; the session's one by default.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The object's name.
    #[serde(default)]
    pub name: Option<String>,
    /// A label selector, instead of a name.
    #[serde(default)]
    pub selector: Option<String>,
    /// Paths and their expected values.
    #[serde(default)]
    pub fields: std::collections::BTreeMap<String, serde_json::Value>,
    /// Seconds to wait at most.
    pub within: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The kind that was looked for.
    pub kind: String,
}
