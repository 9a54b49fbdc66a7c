//! Fields that are not as expected; shared by objects and files.

use check::{Expectation, FieldFinding, Fields};
use serde_json::Value;

use crate::loader::say;
use crate::words::{self, amount, list_or, quoted};

/// Says what a value is expected to be.
pub(super) fn expectation(expected: &Expectation) -> String {
    match expected {
        Expectation::Equal(value) => words::value(value),
        Expectation::Between { min: Some(min), max: Some(max) } => {
            say!("expect-between", min = words::value(min), max = words::value(max))
        }
        Expectation::Between { min: Some(min), max: None } => say!("expect-at-least", min = words::value(min)),
        Expectation::Between { min: None, max: Some(max) } => say!("expect-at-most", max = words::value(max)),
        Expectation::Between { min: None, max: None } => say!("expect-any-amount"),
        Expectation::AnyOf(values) => list_or(&values.iter().map(words::value).collect::<Vec<_>>()),
        Expectation::Present => say!("expect-present"),
        Expectation::Absent => say!("expect-absent"),
        Expectation::Contains(text) => say!("expect-contains", text = quoted(text)),
        Expectation::Not(value) => say!("expect-not", value = words::value(value)),
    }
}

/// Says all the expected fields of an object.
pub(super) fn all(fields: &Fields) -> String {
    let said = fields.iter().map(|(path, expected)| expected_field(path.as_str(), expected));
    said.collect::<Vec<_>>().join(SEMICOLON)
}

/// Says what was found.
pub(super) fn found(fields: &[FieldFinding]) -> String {
    let said = fields.iter().map(|field| match values(&field.found) {
        Some(value) => say!("field-is", path = quoted(field.path.as_str()), value = value),
        None => say!("field-absent", path = quoted(field.path.as_str())),
    });
    said.collect::<Vec<_>>().join(SEMICOLON)
}

/// Says what was expected of them.
pub(super) fn expected(fields: &[FieldFinding]) -> String {
    let said = fields.iter().map(|field| expected_field(field.path.as_str(), &field.expected));
    said.collect::<Vec<_>>().join(SEMICOLON)
}

/// Says the same in a few words.
pub(super) fn brief(fields: &[FieldFinding]) -> String {
    match fields {
        [only] => say!(
            "fields-brief",
            found = values(&only.found).unwrap_or_else(|| say!("nothing")),
            expected = expectation(&only.expected)
        ),
        [first, ..] => say!("fields-brief-more", count = fields.len(), path = quoted(first.path.as_str())),
        [] => String::new(),
    }
}

/// Says why fields differ that are not part of a status.
pub(super) fn why(fields: &[FieldFinding]) -> String {
    if fields.iter().all(|field| field.found.is_empty()) {
        say!("object-differs", "why-absent")
    } else if expects_amount(fields) {
        say!("object-differs", "why-amount")
    } else {
        say!("object-differs", "why")
    }
}

/// Returns whether a quantity with a unit is expected.
fn expects_amount(fields: &[FieldFinding]) -> bool {
    fields.iter().any(|field| match &field.expected {
        Expectation::Equal(Value::String(text)) => {
            text.parse::<check::Quantity>().is_ok() && !text.ends_with(|c: char| c.is_ascii_digit())
        }
        Expectation::Equal(_)
        | Expectation::Between { .. }
        | Expectation::AnyOf(_)
        | Expectation::Present
        | Expectation::Absent
        | Expectation::Contains(_)
        | Expectation::Not(_) => false,
    })
}

/// Between two fields of a list. French wants a non-breaking space before a semicolon.
const SEMICOLON: &str = "\u{a0}; ";

fn expected_field(path: &str, expected: &Expectation) -> String {
    match expected {
        Expectation::Equal(value) => say!("field-is", path = quoted(path), value = words::value(value)),
        other => say!("field-expected", path = quoted(path), expected = expectation(other)),
    }
}

fn values(found: &[Value]) -> Option<String> {
    match found {
        [] => None,
        [Value::String(text)] if !text.is_empty() => Some(amount(text)),
        values => Some(values.iter().map(words::value).collect::<Vec<_>>().join(", ")),
    }
}
