//! `kubernetes_object`: an object is there with these fields, or is absent.
//!
//! ```yaml
//! kubernetes_object:
//!   api_version: v1
//!   kind: LimitRange
//!   namespace: default          # default: the session's Namespace
//!   name: bornes                # or `selector: app=exhauster`, or neither: any object of the kind
//!   fields:                     # JSONPath-like path → expected value, compared by value (512Mi = 536870912)
//!     spec.limits[type=Container].default.memory: 512Mi
//! ```

use serde::{Deserialize, Serialize};

/// What the check expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// `v1`, `apps/v1` …
    pub api_version: String,
    /// The kind, such as `LimitRange`.
    pub kind: String,
    /// The Namespace; the session's one by default.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The object's name; any object of the kind where absent.
    #[serde(default)]
    pub name: Option<String>,
    /// A label selector, instead of a name.
    #[serde(default)]
    pub selector: Option<String>,
    /// `true`: no such object may exist.
    #[serde(default)]
    pub absent: bool,
    /// Paths and their expected values.
    #[serde(default)]
    pub fields: std::collections::BTreeMap<String, serde_json::Value>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The kind that was looked for.
    pub kind: String,
}
