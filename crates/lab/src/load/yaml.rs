//! Reads YAML of unknown origin: within a budget, with every error located in the file it came from.

use serde::de::DeserializeOwned;
use serde_saphyr::options::AliasLimits;
use serde_saphyr::{Budget, DefaultMessageFormatter, Error, MessageFormatter as _, Options};

use crate::diagnostic::DiagnosticKind;

/// A place in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    pub(crate) const START: Place = Place { line: 1, column: 1 };
}

/// Something wrong, and where.
pub(crate) type Problem = (Place, DiagnosticKind);

/// A value and where it stands in the YAML text.
pub(crate) type Located<T> = serde_saphyr::Spanned<T>;

/// Returns where a value stands in its file, whose YAML begins after `lines_before` lines.
pub(crate) fn place<T>(value: &Located<T>, lines_before: u32) -> Place {
    convert(value.referenced, lines_before)
}

fn convert(location: serde_saphyr::Location, lines_before: u32) -> Place {
    let bound = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    Place { line: bound(location.line()).saturating_add(lines_before), column: bound(location.column()) }
}

/// Reads one YAML document.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, lines_before: u32) -> Result<T, Problem> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let place =
            error.location().map_or(Place { line: lines_before + 1, column: 1 }, |at| convert(at, lines_before));
        (place, kind(error.without_snippet()))
    })
}

/// Returns the limits: far above any honest lab, far below what would hurt.
fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_depth = 32;
    budget.flow_nesting_limit = 32;
    budget.max_events = 60_000;
    budget.max_nodes = 20_000;
    budget.max_anchors = 200;
    budget.max_aliases = 500;
    budget.max_documents = 1;
    budget.max_merge_keys = 100;
    budget.max_total_scalar_bytes = 1024 * 1024;
    budget.max_recorded_anchor_events = 20_000;
    budget.max_recorded_anchor_bytes = 1024 * 1024;
    let mut alias_limits = AliasLimits::default();
    alias_limits.max_total_replayed_events = 20_000;
    alias_limits.max_replay_stack_depth = 16;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits = alias_limits;
    options.emit_comments = false;
    options.with_snippet = false;
    options
}

/// Returns what an error of the parser means for a lab's author.
fn kind(error: &Error) -> DiagnosticKind {
    let owned = |words: &[&'static str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    match error {
        Error::SerdeUnknownField { field, expected, .. } => DiagnosticKind::UnknownField {
            field: field.clone(),
            expected: owned(expected),
            nearest: nearest(field, expected),
        },
        Error::SerdeMissingField { field, .. } => DiagnosticKind::MissingField { field: (*field).to_owned() },
        Error::SerdeUnknownVariant { variant, expected, .. } => DiagnosticKind::UnknownVariant {
            found: variant.clone(),
            expected: owned(expected),
            nearest: nearest(variant, expected),
        },
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            DiagnosticKind::WrongType { expected: expected.clone(), found: Some(unexpected.clone()) }
        }
        Error::InvalidScalar { ty, .. } => DiagnosticKind::WrongType { expected: (*ty).to_owned(), found: None },
        Error::Unexpected { expected, .. } => {
            DiagnosticKind::WrongType { expected: (*expected).to_owned(), found: None }
        }
        Error::NullIntoString { .. } => DiagnosticKind::WrongType { expected: "string".to_owned(), found: None },
        Error::DuplicateMappingKey { key, .. } => DiagnosticKind::DuplicateKey { key: key.clone().unwrap_or_default() },
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => DiagnosticKind::YamlTooComplex,
        Error::AliasError { error, .. } => kind(error.without_snippet()),
        // The parser's enum is open; whatever else it says is about syntax.
        other => DiagnosticKind::YamlSyntax { detail: DefaultMessageFormatter.format_message(other).into_owned() },
    }
}

/// Returns the word of `words` that `word` was probably meant to be.
pub(crate) fn nearest(word: &str, words: &[&str]) -> Option<String> {
    let allowed = match word.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        6..=40 => 3,
        _ => return None,
    };
    words
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Returns the edit distance of two words: insertions, deletions, substitutions, and neighbours that changed places
/// (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut next = vec![i];
        for j in 1..=right.len() {
            let substituted = row[j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut least = substituted.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_was_meant_is_found() {
        let words = ["title", "points", "objectives", "kubernetes_object"];
        for (typed, meant) in [
            ("titel", Some("title")),
            ("tilte", Some("title")),
            ("point", Some("points")),
            ("objectifs", Some("objectives")),
            ("kubernetes_objet", Some("kubernetes_object")),
            ("to", None),
            ("hints", None),
            ("minutes", None),
        ] {
            assert_eq!(nearest(typed, &words).as_deref(), meant, "{typed}");
        }
        assert_eq!(nearest(&"x".repeat(10_000), &words), None);
    }
}
