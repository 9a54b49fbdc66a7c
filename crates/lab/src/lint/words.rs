//! French as it is printed: accents, non-breaking spaces, guillemets, and the words of the house.

use super::french::{accented, instead_of};
use super::markdown::{OTHER, Passage};
use crate::diagnostic::DiagnosticKind;

/// Reports what is wrong in a passage, each with its byte.
pub(super) fn lint(passage: &Passage, report: &mut dyn FnMut(usize, DiagnosticKind)) {
    let chars = &passage.chars;
    spaces(chars, report);
    for (at, word) in words(chars) {
        if passage.is_foreign(at) {
            continue;
        }
        if let Some(expected) = accented(&word) {
            report(at, DiagnosticKind::MissingAccent { found: word, expected });
        } else if let Some(instead) = instead_of(&word) {
            report(at, DiagnosticKind::WordNotUsed { found: word, instead: instead.to_owned() });
        }
    }
}

/// Programs whose command lines may stand in a sentence.
const PROGRAMS: [&str; 4] = ["kubectl", "atelier", "docker", "helm"];
/// How many words after a program's name are taken to be its arguments.
const ARGUMENTS: usize = 4;

/// Returns the words of a passage, without those that are part of a name, a path, an address or a command.
fn words(chars: &[(usize, char)]) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    let mut arguments = 0_usize;
    for token in chars.split(|(_, c)| c.is_whitespace() || *c == OTHER).filter(|token| !token.is_empty()) {
        let text: String = token.iter().map(|(_, c)| *c).collect();
        if PROGRAMS.contains(&text.as_str()) {
            arguments = ARGUMENTS + 1;
        }
        arguments = arguments.saturating_sub(1);
        if arguments > 0 || is_technical(&text) {
            continue;
        }
        for word in token.split(|(_, c)| !c.is_alphabetic()) {
            if let Some((at, _)) = word.first() {
                words.push((*at, word.iter().map(|(_, c)| *c).collect()));
            }
        }
    }
    words
}

/// Returns whether a token is a name of a machine rather than a word: it has a slash, a digit, an inner full stop, an
/// underscore…
fn is_technical(token: &str) -> bool {
    let inner = token.trim_matches(|c: char| !c.is_alphanumeric());
    inner.contains(['/', '_', '=', '@', '\\', '$', '<', '>', '{', '}'])
        || inner.chars().any(|c| c.is_ascii_digit())
        || inner.contains('.') && inner.split('.').all(|part| !part.is_empty())
}

/// Reports marks without their space, straight quotes, exclamation marks and emoji.
fn spaces(chars: &[(usize, char)], report: &mut dyn FnMut(usize, DiagnosticKind)) {
    let at = |index: usize| chars.get(index).map(|(_, c)| *c);
    for (index, (byte, c)) in chars.iter().copied().enumerate() {
        let before = index.checked_sub(1).and_then(at);
        let after = at(index + 1);
        match c {
            '!' if ends(after) => report(byte, DiagnosticKind::Exclamation),
            ':' | ';' | '?'
                if ends(after)
                    && before.is_some_and(|c| !no_break(c) && !matches!(c, '?' | '!' | '(' | '…'))
                    && !in_address(chars, index) =>
            {
                report(byte, DiagnosticKind::NoBreakSpaceBefore { mark: c });
            }
            '»' if before.is_none_or(|before| !no_break(before)) => {
                report(byte, DiagnosticKind::NoBreakSpaceBefore { mark: c });
            }
            '%' if before.is_some_and(|before| before.is_ascii_digit())
                || before == Some(' ') && index.checked_sub(2).and_then(at).is_some_and(|c| c.is_ascii_digit()) =>
            {
                report(byte, DiagnosticKind::NoBreakSpaceBefore { mark: c });
            }
            '«' if after.is_none_or(|after| !no_break(after)) => {
                report(byte, DiagnosticKind::NoBreakSpaceAfter { mark: c });
            }
            '"' => report(byte, DiagnosticKind::StraightQuotes),
            c if is_emoji(c) => report(byte, DiagnosticKind::Emoji { found: c }),
            _ => {}
        }
    }
}

/// Returns whether what follows a mark shows that the mark is punctuation.
fn ends(after: Option<char>) -> bool {
    after.is_none_or(|c| c.is_whitespace() || matches!(c, ')' | '»' | '”' | '"' | '!' | '?' | '…' | ']'))
}

/// Returns whether a mark stands in an address written out in the text.
fn in_address(chars: &[(usize, char)], index: usize) -> bool {
    let start = chars[..index].iter().rposition(|(_, c)| c.is_whitespace()).map_or(0, |space| space + 1);
    let token: String = chars[start..index].iter().map(|(_, c)| *c).collect();
    token.contains("://")
}

fn no_break(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{202f}')
}

/// Returns whether a character is drawn as a picture. The marks of the program's own states are not.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}' | '\u{fe0f}')
        && !matches!(c, '✓' | '✔' | '✗' | '✘' | '❯' | '➜')
}
