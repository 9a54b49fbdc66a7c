//! Text as a terminal may show it: valid UTF-8, one kind of line end, no control characters.

use std::borrow::Cow;
use std::cell::Cell;

use super::yaml::{Place, Problem};
use crate::diagnostic::DiagnosticKind;

/// Reads a text file's bytes. Control characters are removed and reported; `\r\n` becomes `\n`; line numbers stay
/// those of the file. A byte order mark goes unsaid.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Vec<Problem>), Problem> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            return Err((place_of(good, good.len()), DiagnosticKind::NotUtf8));
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.chars().any(|c| c == '\r' || forbidden(c)) {
        return Ok((Cow::Borrowed(text), Vec::new()));
    }
    let mut kept = String::with_capacity(text.len());
    let mut problems = Vec::new();
    let mut here = Place::START;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\r' && rest.peek() == Some(&'\n') {
            continue;
        }
        if forbidden(c) || c == '\r' {
            // One report for a run of them: an escape sequence is one mistake.
            let again = problems.last().is_some_and(|(last, _): &(Place, _)| last.line == here.line);
            if !again {
                problems.push((here, DiagnosticKind::ControlCharacter { code: u32::from(c) }));
            }
            here.column += 1;
            continue;
        }
        kept.push(c);
        if c == '\n' {
            here = Place { line: here.line + 1, column: 1 };
        } else {
            here.column += 1;
        }
    }
    Ok((Cow::Owned(kept), problems))
}

/// Returns whether a character may never reach a terminal from a lab: control characters, and those that reorder text
/// so that a command reads differently from what it does (Unicode Technical Report 36, §2.10).
pub(crate) fn forbidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Removes what [`forbidden`] names, and returns the first that was there.
pub(crate) fn scrub(text: &mut String) -> Option<char> {
    let first = text.chars().find(|c| forbidden(*c))?;
    text.retain(|c| !forbidden(c));
    Some(first)
}

/// Returns the place of a byte of a text.
fn place_of(text: &str, byte: usize) -> Place {
    let before = text.get(..byte).unwrap_or(text);
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
    let bound = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: bound(line), column: bound(column) }
}

/// Where the lines of a text begin, so that many places in a large text are named in little time.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// The place named last: line, byte, column. Places are asked for in order, mostly.
    last: Cell<(usize, usize, u32)>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Lines<'a> {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Lines { text, starts, last: Cell::new((0, 0, 1)) }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the byte at which a line, counted from 1, begins.
    pub(crate) fn start_of(&self, line: u32) -> Option<usize> {
        self.starts.get(usize::try_from(line).ok()?.checked_sub(1)?).copied()
    }

    /// Returns the place of a byte of the text.
    pub(crate) fn place(&self, byte: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= byte).saturating_sub(1);
        let (last_line, last_byte, last_column) = self.last.get();
        let (from, before) =
            if last_line == line && last_byte <= byte { (last_byte, last_column) } else { (self.starts[line], 1) };
        let between = self.text.get(from..byte).unwrap_or_default().chars().count();
        let column = before.saturating_add(u32::try_from(between).unwrap_or(u32::MAX));
        self.last.set((line, byte, column));
        Place { line: u32::try_from(line + 1).unwrap_or(u32::MAX), column }
    }
}
