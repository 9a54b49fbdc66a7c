//! POSIX regular expressions, basic and extended, as those of crate `regex`, which takes linear time.

use regex::bytes::{Regex, RegexBuilder};

/// Whether upper and lower case differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letters {
    /// They do.
    Exact,
    /// They do not.
    Alike,
}

/// Compiles a basic expression; `None` if it is none, or has what is not simulated (back-references).
pub(crate) fn basic(pattern: &str, letters: Letters) -> Option<Regex> {
    build(&translate(pattern, Kind::Basic)?, letters)
}

/// Compiles an extended expression.
pub(crate) fn extended(pattern: &str, letters: Letters) -> Option<Regex> {
    build(&translate(pattern, Kind::Extended)?, letters)
}

/// Compiles what is an expression of crate `regex` already.
pub(crate) fn build(pattern: &str, letters: Letters) -> Option<Regex> {
    RegexBuilder::new(pattern)
        .case_insensitive(letters == Letters::Alike)
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20)
        .nest_limit(50)
        .build()
        .ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Basic,
    Extended,
}

/// Writes a POSIX expression as one of crate `regex`.
pub(crate) fn translate(pattern: &str, kind: Kind) -> Option<String> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut done = String::new();
    let mut at = 0;
    // In a basic expression a star at the start stands for itself.
    let mut starts = true;
    while let Some(letter) = letters.get(at).copied() {
        at += 1;
        let began = starts;
        starts = false;
        match letter {
            '\\' => {
                let next = letters.get(at).copied()?;
                at += 1;
                match (kind, next) {
                    (Kind::Basic, '(' | ')' | '{' | '}' | '|' | '+' | '?') => {
                        done.push(next);
                        starts = next == '(' || next == '|';
                    }
                    (_, 'w' | 'W' | 's' | 'S' | 'b' | 'B') => {
                        done.push('\\');
                        done.push(next);
                    }
                    (_, '<') => done.push_str("\\b{start}"),
                    (_, '>') => done.push_str("\\b{end}"),
                    (_, 'n') => done.push_str("\\n"),
                    (_, 't') => done.push_str("\\t"),
                    (_, '1'..='9') => return None,
                    (_, other) => done.push_str(&regex::escape(&other.to_string())),
                }
            }
            '[' => at = class(&letters, at, &mut done)?,
            '(' | ')' | '{' | '}' | '|' | '+' | '?' if kind == Kind::Basic => {
                done.push_str(&regex::escape(&letter.to_string()));
            }
            '{' if began || !letters.get(at).is_some_and(char::is_ascii_digit) => done.push_str("\\{"),
            '(' | '|' => {
                done.push(letter);
                starts = true;
            }
            '*' if began => done.push_str("\\*"),
            '^' => {
                if kind == Kind::Extended || began {
                    done.push('^');
                    starts = true;
                } else {
                    done.push_str("\\^");
                }
            }
            '$' => {
                let ends = at == letters.len()
                    || kind == Kind::Extended
                    || (letters.get(at) == Some(&'\\') && matches!(letters.get(at + 1), Some(')' | '|')));
                done.push_str(if ends { "$" } else { "\\$" });
            }
            '*' | '+' | '?' | ')' | '{' | '}' | '.' => done.push(letter),
            other => done.push_str(&regex::escape(&other.to_string())),
        }
    }
    Some(done)
}

fn class(letters: &[char], mut at: usize, done: &mut String) -> Option<usize> {
    done.push('[');
    if letters.get(at) == Some(&'^') {
        done.push('^');
        at += 1;
    }
    let first = at;
    loop {
        let letter = *letters.get(at)?;
        match letter {
            ']' if at > first => {
                done.push(']');
                return Some(at + 1);
            }
            '[' if letters.get(at + 1) == Some(&':') => {
                let end = at + 2 + letters[at + 2..].iter().position(|letter| *letter == ':')?;
                done.push_str(&format!("[:{}:]", letters[at + 2..end].iter().collect::<String>()));
                at = end + 2;
                continue;
            }
            '[' | ']' | '&' | '~' | '\\' | '^' => {
                done.push('\\');
                done.push(letter);
            }
            '-' if at > first && letters.get(at + 1) != Some(&']') => done.push('-'),
            '-' => done.push_str("\\-"),
            other => done.push(other),
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posix_expressions_mean_the_same() {
        let matches = |pattern: &str, text: &str, kind: Kind| {
            let regex = match kind {
                Kind::Basic => basic(pattern, Letters::Exact),
                Kind::Extended => extended(pattern, Letters::Exact),
            };
            regex.map(|regex| regex.is_match(text.as_bytes()))
        };
        assert_eq!(matches("a\\(b\\)*c", "abbc", Kind::Basic), Some(true));
        assert_eq!(matches("a(b", "a(b", Kind::Basic), Some(true));
        assert_eq!(matches("a|b", "b", Kind::Basic), Some(false));
        assert_eq!(matches("a|b", "b", Kind::Extended), Some(true));
        assert_eq!(matches("^[^:]*:x", "root:x", Kind::Basic), Some(true));
        assert_eq!(matches("[]a]", "]", Kind::Basic), Some(true));
        assert_eq!(matches("[[:digit:]]{2}", "a12", Kind::Extended), Some(true));
        assert_eq!(matches("*a", "*a", Kind::Basic), Some(true));
        assert_eq!(matches("a$b", "a$b", Kind::Basic), Some(true));
        assert_eq!(matches("\\(a\\)\\1", "aa", Kind::Basic), None);
        assert_eq!(matches("(", "(", Kind::Extended), None);
        assert_eq!(matches("\\.x", ".x", Kind::Basic), Some(true));
        assert_eq!(matches("((((((((((a{99}){99}){99}){99})))))))", "a", Kind::Extended), None);
    }
}
