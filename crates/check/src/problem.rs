//! What is wrong with a spec before it ever runs, for the author's lint. Paths, operators and unknown fields are
//! refused earlier, where the file is read.

use serde::Serialize;

use crate::kinds::{Spec, command_output, condition, file_content, http_answer, question, quota_exhaustion};
use crate::objects::Sought;
use crate::{french, workfile};

/// What is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Two fields contradict each other.
    Contradiction {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A field is empty, and must not be.
    Empty {
        /// The field.
        field: &'static str,
    },
    /// The check expects nothing: it would always hold.
    ExpectsNothing,
    /// A path leaves the work folder.
    EscapingPath {
        /// The path.
        path: String,
    },
    /// A regular expression cannot be read.
    BadPattern {
        /// The expression.
        pattern: String,
        /// Why, in English.
        reason: String,
    },
    /// An address is not one that can be asked: `http` only.
    BadAddress {
        /// The address.
        url: String,
    },
    /// A question has no right answer.
    NoAnswer,
    /// The right answer is not one of the choices.
    AnswerNotAChoice {
        /// The answer.
        answer: String,
    },
    /// A number is out of bounds.
    OutOfBounds {
        /// The field.
        field: &'static str,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
}

impl Spec {
    /// Returns what is wrong with the spec.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        match self {
            Spec::KubernetesObject(spec) => picks(&spec.sought(), &mut problems),
            Spec::Condition(spec) => condition(spec, &mut problems),
            Spec::CommandOutput(spec) => command_output(spec, &mut problems),
            Spec::FileContent(spec) => file_content(spec, &mut problems),
            Spec::HttpAnswer(spec) => http_answer(spec, &mut problems),
            Spec::Question(spec) => question(spec, &mut problems),
            Spec::Observed(_) => {}
            Spec::QuotaExhaustion(spec) => quota_exhaustion(spec, &mut problems),
        }
        problems
    }
}

/// What is wrong with the fields that pick objects.
fn picks(picks: &Sought<'_>, problems: &mut Vec<Problem>) {
    for (field, text) in [
        ("api_version", Some(picks.api_version)),
        ("kind", Some(picks.kind)),
        ("name", picks.name),
        ("selector", picks.selector),
    ] {
        if text == Some("") {
            problems.push(Problem::Empty { field });
        }
    }
    if picks.name.is_some() && picks.selector.is_some() {
        problems.push(Problem::Contradiction { first: "name", second: "selector" });
    }
    if picks.demand.absent && picks.demand.count.is_some() {
        problems.push(Problem::Contradiction { first: "absent", second: "count" });
    }
}

fn condition(spec: &condition::Spec, problems: &mut Vec<Problem>) {
    picks(&spec.sought(), problems);
    bounds("within", spec.within, (1, 3600), problems);
}

fn command_output(spec: &command_output::Spec, problems: &mut Vec<Problem>) {
    if spec.command.trim().is_empty() {
        problems.push(Problem::Empty { field: "command" });
    }
    if let Some(pattern) = &spec.matches
        && let Err(error) = regex::Regex::new(pattern)
    {
        let reason = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
        problems.push(Problem::BadPattern { pattern: pattern.clone(), reason });
    }
    texts(&spec.contains, &spec.excludes, problems);
}

fn file_content(spec: &file_content::Spec, problems: &mut Vec<Problem>) {
    if !workfile::stays_below(&spec.path) {
        problems.push(Problem::EscapingPath { path: spec.path.clone() });
    }
    if spec.document.is_empty() && spec.fields.is_empty() && spec.contains.is_empty() && spec.excludes.is_empty() {
        problems.push(Problem::ExpectsNothing);
    }
    texts(&spec.contains, &spec.excludes, problems);
}

fn http_answer(spec: &http_answer::Spec, problems: &mut Vec<Problem>) {
    if http_answer::address(&spec.url).is_err() {
        problems.push(Problem::BadAddress { url: spec.url.clone() });
    }
    bounds("status", u64::from(spec.status), (100, 599), problems);
    texts(&spec.contains, &spec.excludes, problems);
}

fn question(spec: &question::Spec, problems: &mut Vec<Problem>) {
    if spec.ask.trim().is_empty() {
        problems.push(Problem::Empty { field: "ask" });
    }
    let forms = [
        ("choices", !spec.choices.is_empty()),
        ("number", spec.number.is_some()),
        ("accepted", !spec.accepted.is_empty()),
    ];
    let used: Vec<&'static str> = forms.iter().filter(|(_, is_used)| *is_used).map(|(name, _)| *name).collect();
    if let [first, second, ..] = used[..] {
        problems.push(Problem::Contradiction { first, second });
    }
    match &spec.answer {
        Some(answer) if !spec.choices.contains_key(answer) => {
            problems.push(Problem::AnswerNotAChoice { answer: answer.clone() });
        }
        None if used.is_empty() || !spec.choices.is_empty() => problems.push(Problem::NoAnswer),
        Some(_) | None => {}
    }
    if spec.choices.len() == 1 {
        problems.push(Problem::ExpectsNothing);
    }
    if spec.accepted.iter().any(|accepted| french::normalised(accepted).is_empty()) {
        problems.push(Problem::Empty { field: "accepted" });
    }
}

fn quota_exhaustion(spec: &quota_exhaustion::Spec, problems: &mut Vec<Problem>) {
    bounds("replicas", u64::from(spec.replicas), (2, u64::from(quota_exhaustion::MOST_REPLICAS)), problems);
    if let Some(path) = &spec.template
        && !workfile::stays_below(path)
    {
        problems.push(Problem::EscapingPath { path: path.clone() });
    }
    for (field, range) in [("admitted", spec.admitted), ("running", spec.running)] {
        if let (Some(min), Some(max)) = (range.min, range.max)
            && min > max
        {
            problems.push(Problem::Contradiction { first: "min", second: "max" });
        }
        if range.min.is_some_and(|min| min > spec.replicas) {
            problems.push(Problem::OutOfBounds { field, min: 0, max: u64::from(spec.replicas) });
        }
    }
}

fn texts(contains: &[String], excludes: &[String], problems: &mut Vec<Problem>) {
    for (field, texts) in [("contains", contains), ("excludes", excludes)] {
        if texts.iter().any(String::is_empty) {
            problems.push(Problem::Empty { field });
        }
    }
    if contains.iter().any(|text| excludes.iter().any(|other| text.contains(other.as_str()))) {
        problems.push(Problem::Contradiction { first: "contains", second: "excludes" });
    }
}

fn bounds(field: &'static str, value: u64, (min, max): (u64, u64), problems: &mut Vec<Problem>) {
    if value < min || value > max {
        problems.push(Problem::OutOfBounds { field, min, max });
    }
}

#[cfg(test)]
mod tests;
