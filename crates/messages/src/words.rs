//! Small words: durations, dates, points, amounts, lists, and texts of unknown origin made fit to show.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::loader::say;

/// The longest text of unknown origin that a sentence quotes, in characters.
const QUOTED: usize = 240;

/// Removes from a text of unknown origin what could act on a terminal or mislead a reader: escape sequences, control
/// characters, and marks that change the direction of writing. Line breaks stay; a tabulation becomes four spaces.
pub fn sanitize(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut rest),
            // The one-character forms of ESC [ and ESC ].
            '\u{9b}' => skip_parameters(&mut rest),
            '\u{9d}' | '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            '\n' => clean.push('\n'),
            '\t' => clean.push_str("    "),
            '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {}
            '\u{e0000}'..='\u{e007f}' => {}
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean
}

type Characters<'t> = std::iter::Peekable<std::str::Chars<'t>>;

/// Skips what follows ESC: ECMA-48's control sequences, strings, and two-character sequences.
fn skip_sequence(rest: &mut Characters<'_>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_parameters(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        Some(' '..='/') => {
            while rest.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            rest.next_if(|c| !c.is_control());
        }
        Some(c) if !c.is_control() && c.is_ascii() => {
            rest.next();
        }
        Some(_) | None => {}
    }
}

/// Skips up to the final character of a control sequence; a sequence that is none ends at once.
fn skip_parameters(rest: &mut Characters<'_>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

/// Skips up to the end of a string: BEL, ESC \, or the end of the line for one that is never closed.
fn skip_string(rest: &mut Characters<'_>) {
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                rest.next_if(|c| *c == '\\');
                return;
            }
            _ => {}
        }
    }
}

/// Makes a text of unknown origin fit for a sentence: clean, on one line, and not too long.
pub fn quoted(text: &str) -> String {
    shortened(&sanitize(text), QUOTED)
}

pub(crate) fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let mut short: String = line.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Says a duration: `3 s`, `2 min 05 s`, `1 h 10 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration.subsec_millis() > 0 => say!("duration-milliseconds", n = duration.subsec_millis()),
        0..60 => say!("duration-seconds", n = seconds),
        60..3600 if seconds.is_multiple_of(60) => {
            let minutes = seconds / 60;
            say!("duration-whole-minutes", minutes = minutes)
        }
        60..3600 => {
            let (minutes, rest) = (seconds / 60, format!("{:02}", seconds % 60));
            say!("duration-minutes", minutes = minutes, seconds = rest)
        }
        _ => {
            let (hours, rest) = (seconds / 3600, format!("{:02}", seconds % 3600 / 60));
            say!("duration-hours", hours = hours, minutes = rest)
        }
    }
}

/// Says a moment, in the reader's time zone: `22 novembre 2026 à 10 h 44`.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    let month = match at.month() {
        1 => say!("month-1"),
        2 => say!("month-2"),
        3 => say!("month-3"),
        4 => say!("month-4"),
        5 => say!("month-5"),
        6 => say!("month-6"),
        7 => say!("month-7"),
        8 => say!("month-8"),
        9 => say!("month-9"),
        10 => say!("month-10"),
        11 => say!("month-11"),
        _ => say!("month-12"),
    };
    let day = if at.day() == 1 { say!("first-of-month") } else { at.day().to_string() };
    say!(
        "moment",
        day = day,
        month = month,
        year = at.year().to_string(),
        hour = at.hour(),
        minute = format!("{:02}", at.minute())
    )
}

/// Says a number of points: `1 pt`, `2 pts`.
pub fn points(points: u32) -> String {
    say!("points", n = points)
}

/// Says an amount as people read it: `536870912` becomes `512Mi`; what is no amount stays as it is.
pub fn amount(text: &str) -> String {
    match text.parse::<check::Quantity>() {
        // Only what is hard to read is written anew: a port or a number of replicas is no amount of bytes.
        Ok(quantity) if text.len() > 6 => quantity.to_string(),
        Ok(_) | Err(_) => quoted(text),
    }
}

/// Says a value of an object's field.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Null => say!("value-none"),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => amount(&number.to_string()),
        Value::String(text) if text.is_empty() => say!("value-empty"),
        Value::String(text) => amount(text),
        Value::Array(_) | Value::Object(_) => quoted(&value.to_string()),
    }
}

/// Says an enumeration: `a, b et c`.
pub fn list_and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => say!("list-and", before = before.join(", "), last = last.clone()),
    }
}

/// Says a choice: `a, b ou c`.
pub fn list_or(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => say!("list-or", before = before.join(", "), last = last.clone()),
    }
}

pub(crate) fn all_quoted(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| say!("in-quotes", text = quoted(text))).collect()
}

pub(crate) fn all_clean(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| quoted(text)).collect()
}

/// Makes a word of a command line safe to type.
pub(crate) fn shell_word(text: &str) -> String {
    let clean = quoted(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=' | ':' | ',');
    if !clean.is_empty() && clean.chars().all(is_plain) { clean } else { format!("'{}'", clean.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_terminal() {
        for (dirty, clean) in [
            ("plain é 漢", "plain é 漢"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]52;c;aGVsbG8=\u{1b}\\after", "after"),
            ("\u{1b}]0;never closed\nnext", "\nnext"),
            ("\u{9b}31mx", "x"),
            ("a\u{1b}", "a"),
            ("a\u{1b}é", "aé"),
            ("a\u{1b}(Bb", "ab"),
            ("\r\u{8}\u{0}x\u{7f}\u{85}", "x"),
            ("a\tb\nc", "a    b\nc"),
            ("x\u{202e}y\u{2066}z\u{200b}", "xyz"),
            ("\u{1b}P+q\u{1b}\\done", "done"),
            ("\u{1b}[\u{1b}[31mx", "x"),
        ] {
            assert_eq!(sanitize(dirty), clean, "{dirty:?}");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(quoted(&"é".repeat(500)).chars().count(), QUOTED);
        assert_eq!(quoted("a\n  b"), "a b");
    }

    #[test]
    fn small_words_are_french() {
        assert_eq!(points(0), "0\u{a0}pt");
        assert_eq!(points(1), "1\u{a0}pt");
        assert_eq!(points(2), "2\u{a0}pts");
        assert_eq!(duration(Duration::from_secs(3)), "3\u{a0}s");
        assert_eq!(duration(Duration::from_millis(20)), "20\u{a0}ms");
        assert_eq!(duration(Duration::from_secs(125)), "2\u{a0}min\u{a0}05\u{a0}s");
        assert_eq!(duration(Duration::from_secs(120)), "2\u{a0}min");
        assert_eq!(duration(Duration::from_secs(4200)), "1\u{a0}h\u{a0}10\u{a0}min");
        let at: Timestamp = "2026-11-01T10:04:00Z".parse().unwrap();
        assert_eq!(moment(at, &TimeZone::UTC), "1er novembre 2026 à 10\u{a0}h\u{a0}04");
        assert_eq!(list_and(&["a".into(), "b".into(), "c".into()]), "a, b et c");
        assert_eq!(list_or(&["a".into(), "b".into()]), "a ou b");
        assert_eq!(amount("536870912"), "512Mi");
        assert_eq!(amount("30080"), "30080");
    }

    #[test]
    fn commands_are_safe_to_type() {
        assert_eq!(shell_word("exhauster"), "exhauster");
        assert_eq!(shell_word("a; rm -rf ~"), "'a; rm -rf ~'");
        assert_eq!(shell_word("it's"), "'it'\\''s'");
        assert_eq!(shell_word(""), "''");
    }

    proptest::proptest! {
        #[test]
        fn nothing_but_line_breaks_controls(text in "(\\PC|[\u{1b}\u{9b}\u{9d}\u{7}\r\n\t\\[\\];0-9A-Za-z\\\\]){0,60}") {
            let clean = sanitize(&text);
            proptest::prop_assert!(!clean.chars().any(|c| c.is_control() && c != '\n'));
            proptest::prop_assert_eq!(sanitize(&clean), clean);
        }
    }
}
