//! What a check found, what it expected, why, and what to try.

mod cluster;
mod command;
mod fields;
mod file;
mod http;
mod observed;
mod question;
mod quota;

use check::{Evidence, Outcome};

use crate::error;

/// A check's result in words. All texts are fit to show; a part may be empty where there is nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    /// A few words for the line of the check.
    pub brief: String,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// Why it is so, or why it matters.
    pub why: String,
    /// What to try.
    pub advice: String,
    /// A command line that shows the evidence, to run in the learner's terminal.
    pub command: Option<String>,
}

/// Explains a check's result. Where the check fails, the author's own words for «why» and «what to try» take the
/// place of the kind's; a check that could not tell keeps the program's words, since the author could not foresee it.
pub fn explain(check: &lab::Check, result: &Result<Outcome, check::Error>) -> Explanation {
    match result {
        Ok(Outcome::Pass(evidence)) => {
            // Nothing to mend: what was found is all there is to say.
            let Explanation { found, expected, command, .. } = of_evidence(evidence);
            Explanation { found, expected, command, ..Explanation::default() }
        }
        Ok(Outcome::Fail(evidence)) => {
            let mut explanation = of_evidence(evidence);
            if let Some(why) = &check.why {
                explanation.why = crate::sanitize(why);
            }
            if let Some(advice) = &check.advice {
                explanation.advice = crate::sanitize(advice);
            }
            explanation
        }
        Err(error) => error::check_error(error),
    }
}

fn of_evidence(evidence: &Evidence) -> Explanation {
    match evidence {
        Evidence::KubernetesObject(evidence) => cluster::object(evidence),
        Evidence::Condition(evidence) => cluster::condition(evidence),
        Evidence::CommandOutput(evidence) => command::explain(evidence),
        Evidence::FileContent(evidence) => file::explain(evidence),
        Evidence::HttpAnswer(evidence) => http::explain(evidence),
        Evidence::Question(evidence) => question::explain(evidence),
        Evidence::Observed(evidence) => observed::explain(evidence),
        Evidence::QuotaExhaustion(evidence) => quota::explain(evidence),
    }
}

/// Joins sentences, leaving out empty ones.
fn sentences(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
