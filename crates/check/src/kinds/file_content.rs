//! `file_content`: a file below the work folder has this content; YAML and JSON are compared as data.
//!
//! ```yaml
//! file_content:
//!   path: limitrange.yaml
//!   document: { kind: LimitRange }        # which YAML document of the file, by fields it has
//!   fields: { "spec.limits[type=Container].default.memory": 512Mi }
//! ```

use serde::{Deserialize, Serialize};

/// What the check expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The path below the work folder.
    pub path: String,
    /// Picks the document of a multi-document file, by fields that it has.
    #[serde(default)]
    pub document: std::collections::BTreeMap<String, serde_json::Value>,
    /// Paths and their expected values, for YAML and JSON.
    #[serde(default)]
    pub fields: std::collections::BTreeMap<String, serde_json::Value>,
    /// Texts that must appear, for any other file.
    #[serde(default)]
    pub contains: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The path below the work folder.
    pub path: String,
}
