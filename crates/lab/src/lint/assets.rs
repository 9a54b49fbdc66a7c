//! The same reading for French that is no lab: the pages of the first start, and the program's own messages.

use super::place::{Origin, Text};
use super::step;
use crate::diagnostic::Diagnostic;
use crate::load::Problems;
use crate::load::text::Lines;

/// Returns what is wrong with the words of a page of Markdown.
pub fn lint_page(file: &str, text: &str) -> Vec<Diagnostic> {
    let mut problems = Problems::default();
    let lines = Lines::new(text);
    step::prose(&Text { says: text, file: &lines, from: Origin::Byte(0) }, file, &mut problems);
    problems.sorted()
}

/// Returns what is wrong with the words of a file of messages in Fluent's syntax.
pub fn lint_messages(file: &str, text: &str) -> Vec<Diagnostic> {
    let mut problems = Problems::default();
    let lines = Lines::new(text);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let value = value(line);
        let start = at + (line.len() - value.len());
        at += line.len();
        // What stands in braces is filled in later; a mark of the same length keeps the places right.
        let says = filled(value.trim_end());
        step::prose(&Text { says: &says, file: &lines, from: Origin::Byte(start) }, file, &mut problems);
    }
    problems.sorted()
}

/// Returns what a line of Fluent says: nothing for a comment; what follows `=`, or the variant's key, or the whole
/// line where a value goes on.
fn value(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with('#') || trimmed.starts_with('}') {
        return "";
    }
    if trimmed.starts_with(['[', '*']) {
        return trimmed.split_once("] ").map_or("", |(_, value)| value);
    }
    let is_start = !line.starts_with(' ') || trimmed.starts_with('.');
    if is_start { line.split_once("= ").map_or("", |(_, value)| value) } else { trimmed }
}

/// Returns a value with its placeables as names in code, which the words' reading passes over; what is quoted in one
/// (`{ " " }`) is kept. Every byte stays in its place.
fn filled(value: &str) -> String {
    let mut says = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, opened)) = rest.split_once('{') {
        let (inside, after) = opened.split_once('}').unwrap_or((opened, ""));
        let quoted = inside.trim_matches(' ').strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or("");
        // A space that tools like to lose may be written by its number.
        let literal = match quoted.get(quoted.len().saturating_sub(6)..) {
            Some("\\u00A0") => "\u{a0}",
            Some("\\u202F") => "\u{202f}",
            Some(_) | None => quoted,
        };
        let whole = rest.len() - before.len() - after.len();
        says.push_str(before);
        says.extend(std::iter::repeat_n('_', whole - literal.len()));
        says.push_str(literal);
        rest = after;
    }
    says.push_str(rest);
    says
}
