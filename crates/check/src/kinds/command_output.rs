//! `command_output`: a command's output and exit code in the learner's environment.
//!
//! ```yaml
//! command_output:
//!   command: kubectl config current-context
//!   exit_code: 0                # default
//!   contains: [sandbox]         # each must appear
//!   excludes: []                # none may appear
//!   matches: "^v1\\.34"         # a regular expression, on the whole output
//! ```

use serde::{Deserialize, Serialize};

/// What the check runs and expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The command line, for `bash -c`.
    pub command: String,
    /// The expected exit code.
    #[serde(default)]
    pub exit_code: i32,
    /// Texts that must appear on standard output.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Texts that must not appear.
    #[serde(default)]
    pub excludes: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The command line.
    pub command: String,
}
