//! `question`: the learner answers a question: a choice, a number, or a text with accepted forms.
//!
//! ```yaml
//! question:
//!   ask: Quel objet refuse le 6e Pod ?
//!   choices: { a: LimitRange, b: ResourceQuota, c: le planificateur }
//!   answer: b
//! ```
//!
//! Instead of `choices`: `number: 3` (with `tolerance: 0`), or `accepted: [ResourceQuota, resourcequotas, quota]`
//! (compared without case, accents and outer blanks).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The question and what answers it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The question, in French.
    pub ask: String,
    /// The choices by letter, for a choice.
    #[serde(default)]
    pub choices: BTreeMap<String, String>,
    /// The right letter, for a choice.
    #[serde(default)]
    pub answer: Option<String>,
    /// The right number.
    #[serde(default)]
    pub number: Option<f64>,
    /// How far from the number an answer may be.
    #[serde(default)]
    pub tolerance: f64,
    /// The accepted forms of a text.
    #[serde(default)]
    pub accepted: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What the learner answered, if anything.
    pub given: Option<String>,
}
