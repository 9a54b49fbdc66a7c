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
//! (compared without case, accents, leading article and outer blanks). A number is read as the French write it
//! (`1 024,5`), with or without a unit (`512 Mi`, `10 %`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::french::normalised;
use crate::quantity::Quantity;
use crate::{Error, Outcome, World};

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

/// What was found. Never the right answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What the learner answered, if anything.
    pub given: Option<String>,
    /// The form that an answer takes.
    pub form: Form,
    /// What was found.
    pub finding: Finding,
}

/// The form that an answer takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// One of these letters.
    Choice {
        /// The letters.
        letters: Vec<String>,
    },
    /// A number.
    Number,
    /// A text.
    Text,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The right answer.
    Right,
    /// No answer yet.
    Unanswered,
    /// Not one of the choices.
    NotAChoice,
    /// Not a number.
    NotANumber,
    /// Another answer.
    Wrong,
}

impl Spec {
    /// Returns the form that an answer takes.
    pub fn form(&self) -> Form {
        if !self.choices.is_empty() {
            Form::Choice { letters: self.choices.keys().cloned().collect() }
        } else if self.number.is_some() {
            Form::Number
        } else {
            Form::Text
        }
    }

    fn judge(&self, given: &str) -> Finding {
        match self.form() {
            Form::Choice { letters } => {
                let given = letter(given);
                match (letters.iter().find(|letter| normalised(letter) == given), &self.answer) {
                    (None, _) => Finding::NotAChoice,
                    (Some(_), Some(answer)) if normalised(answer) == given => Finding::Right,
                    (Some(_), _) => Finding::Wrong,
                }
            }
            Form::Number => match (self.number, read_number(given)) {
                (_, None) => Finding::NotANumber,
                (Some(wanted), Some(values)) => {
                    let near = |value: &f64| (value - wanted).abs() <= self.tolerance.abs() + wanted.abs() * 1e-9;
                    if values.iter().any(near) { Finding::Right } else { Finding::Wrong }
                }
                (None, Some(_)) => Finding::Wrong,
            },
            Form::Text => {
                let given = normalised(given);
                if self.accepted.iter().any(|accepted| normalised(accepted) == given) {
                    Finding::Right
                } else {
                    Finding::Wrong
                }
            }
        }
    }
}

/// Judges the learner's answer.
///
/// # Errors
///
/// None: an answer can always be judged.
pub(crate) fn run(spec: &Spec, world: &World) -> Result<Outcome, Error> {
    let given = world.answer.as_deref().map(str::trim).filter(|given| !given.is_empty());
    let finding = given.map_or(Finding::Unanswered, |given| spec.judge(given));
    let given = given.map(|given| given.chars().take(200).collect());
    let evidence = crate::Evidence::Question(Evidence { given, form: spec.form(), finding });
    Ok(if finding == Finding::Right { Outcome::Pass(evidence) } else { Outcome::Fail(evidence) })
}

/// Reads a choice: `b`, `B)`, `(b)`, `réponse b`.
fn letter(given: &str) -> String {
    let given = normalised(given);
    let given = given.strip_prefix("reponse ").unwrap_or(&given);
    given.trim_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

/// Reads a number as the French write it. Returns what it may mean: the number alone, and with its unit (`0,5 Gi`).
fn read_number(given: &str) -> Option<Vec<f64>> {
    let compact: String = given.chars().filter(|c| !c.is_whitespace() && *c != '\'' && *c != '’').collect();
    let compact = compact.replace(',', ".").replace('−', "-");
    let start = compact.find(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))?;
    if start != 0 && !compact[..start].chars().all(|c| matches!(c, '~' | '=' | '≈')) {
        return None;
    }
    let compact = &compact[start..];
    let end = compact
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && matches!(c, '-' | '+'))))
        .map_or(compact.len(), |(at, _)| at);
    let (number, unit) = compact.split_at(end);
    if unit.chars().any(|c| c.is_ascii_digit()) {
        return None;
    }
    let mut values = vec![number.parse::<f64>().ok().filter(|value| value.is_finite())?];
    let unit = unit.strip_suffix(['o', 'B']).unwrap_or(unit);
    if let Ok(quantity) = format!("{number}{unit}").parse::<Quantity>() {
        values.push(quantity.as_f64());
    }
    Some(values)
}

#[cfg(test)]
mod tests;
