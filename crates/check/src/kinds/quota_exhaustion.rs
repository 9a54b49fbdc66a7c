//! `quota_exhaustion`: pressure on a Namespace until something refuses.
//!
//! ```yaml
//! quota_exhaustion:
//!   namespace: default
//!   deployment: exhauster       # whose Pod template is copied; the learner's own object is never scaled
//!   template: exhauster.yaml    # or a manifest of the step's files, where no Deployment is there
//!   replicas: 20
//!   admitted: { min: 1, max: 10 }
//! ```

use serde::{Deserialize, Serialize};

/// What the test does and expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The Namespace; the session's one by default.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The Deployment whose Pod template is copied.
    #[serde(default)]
    pub deployment: Option<String>,
    /// How many copies to ask for.
    pub replicas: u32,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// How many Pods were asked for.
    pub asked: u32,
    /// How many the API admitted.
    pub admitted: u32,
}
