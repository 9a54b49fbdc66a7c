//! `http_answer`: an HTTP request is answered so.
//!
//! ```yaml
//! http_answer:
//!   url: http://127.0.0.1:8080/
//!   status: 200
//!   contains: [Welcome]
//! ```

use serde::{Deserialize, Serialize};

/// What the check asks and expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The address; `http` only.
    pub url: String,
    /// Request headers.
    #[serde(default)]
    pub headers: std::collections::BTreeMap<String, String>,
    /// The expected status.
    pub status: u16,
    /// Texts that must appear in the body.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Texts that must not appear in the body.
    #[serde(default)]
    pub excludes: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The address.
    pub url: String,
}
