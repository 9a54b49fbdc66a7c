//! Patterns of the shell (`*`, `?`, `[a-z]`), matched without backtracking over more than one star.

/// One element.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Element {
    Letter(char),
    Any,
    Star,
    Class(Vec<(char, char)>, Sense),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sense {
    In,
    Out,
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Element>);

impl Pattern {
    /// Reads a pattern; a backslash takes the next character as it is.
    pub(crate) fn new(text: &str) -> Pattern {
        let letters: Vec<char> = text.chars().collect();
        let mut elements = Vec::new();
        let mut at = 0;
        while let Some(letter) = letters.get(at) {
            at += 1;
            elements.push(match letter {
                '\\' => {
                    let letter = letters.get(at).copied().unwrap_or('\\');
                    at += 1;
                    Element::Letter(letter)
                }
                '?' => Element::Any,
                '*' if elements.last() == Some(&Element::Star) => continue,
                '*' => Element::Star,
                '[' => match class(&letters, at) {
                    Some((element, end)) => {
                        at = end;
                        element
                    }
                    None => Element::Letter('['),
                },
                other => Element::Letter(*other),
            });
        }
        Pattern(elements)
    }

    /// Returns whether a pattern is more than plain text.
    pub(crate) fn is_wild(&self) -> bool {
        self.0.iter().any(|element| !matches!(element, Element::Letter(_)))
    }

    /// Returns whether it begins with a dot as such.
    pub(crate) fn begins_with_dot(&self) -> bool {
        self.0.first() == Some(&Element::Letter('.'))
    }

    /// Returns the text that it stands for if it is not wild.
    pub(crate) fn plain(&self) -> String {
        self.0
            .iter()
            .filter_map(|element| match element {
                Element::Letter(letter) => Some(*letter),
                Element::Any | Element::Star | Element::Class(..) => None,
            })
            .collect()
    }

    /// Returns whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let letters: Vec<char> = text.chars().collect();
        self.matches_letters(&letters)
    }

    /// Returns whether these letters match as a whole.
    pub(crate) fn matches_letters(&self, letters: &[char]) -> bool {
        let (mut at, mut of) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while at < letters.len() {
            match self.0.get(of) {
                Some(Element::Star) => {
                    star = Some((of, at));
                    of += 1;
                }
                Some(element) if element.takes(letters[at]) => {
                    of += 1;
                    at += 1;
                }
                _ => match star {
                    Some((back, from)) => {
                        star = Some((back, from + 1));
                        of = back + 1;
                        at = from + 1;
                    }
                    None => return false,
                },
            }
        }
        self.0[of.min(self.0.len())..].iter().all(|element| *element == Element::Star)
    }
}

impl Element {
    fn takes(&self, letter: char) -> bool {
        match self {
            Element::Letter(own) => *own == letter,
            Element::Any => true,
            Element::Star => false,
            Element::Class(ranges, sense) => {
                let inside = ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter));
                inside == (*sense == Sense::In)
            }
        }
    }
}

fn class(letters: &[char], mut at: usize) -> Option<(Element, usize)> {
    let mut sense = Sense::In;
    if matches!(letters.get(at), Some('!' | '^')) {
        sense = Sense::Out;
        at += 1;
    }
    let first = at;
    let mut ranges = Vec::new();
    loop {
        let letter = *letters.get(at)?;
        match letter {
            ']' if at > first => return Some((Element::Class(ranges, sense), at + 1)),
            '[' if letters.get(at + 1) == Some(&':') => {
                let end = at + 2 + letters[at + 2..].iter().position(|letter| *letter == ':')?;
                let name: String = letters[at + 2..end].iter().collect();
                ranges.extend(named(&name));
                at = end + 2;
                continue;
            }
            '\\' => at += 1,
            _ => {}
        }
        let low = *letters.get(at)?;
        if letters.get(at + 1) == Some(&'-') && letters.get(at + 2).is_some_and(|high| *high != ']') {
            ranges.push((low, letters[at + 2]));
            at += 3;
        } else {
            ranges.push((low, low));
            at += 1;
        }
    }
}

/// Returns the ranges of a named class.
pub(crate) fn named(name: &str) -> Vec<(char, char)> {
    match name {
        "alpha" => vec![('a', 'z'), ('A', 'Z')],
        "digit" => vec![('0', '9')],
        "alnum" => vec![('0', '9'), ('A', 'Z'), ('a', 'z')],
        "upper" => vec![('A', 'Z')],
        "lower" => vec![('a', 'z')],
        "space" => vec![('\t', '\r'), (' ', ' ')],
        "blank" => vec![('\t', '\t'), (' ', ' ')],
        "punct" => vec![('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "xdigit" => vec![('0', '9'), ('a', 'f'), ('A', 'F')],
        "print" => vec![(' ', '~')],
        "graph" => vec![('!', '~')],
        "cntrl" => vec![('\0', '\x1f'), ('\x7f', '\x7f')],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("*.rs", "a.rs", true),
            ("*.rs", "a.rs.txt", false),
            ("a?c", "abc", true),
            ("[a-c]*[!x]", "bxy", true),
            ("[a-c]*[!x]", "byx", false),
            ("[[:digit:]]", "7", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("[", "[", true),
            ("[]]", "]", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
        let many = "*a".repeat(500) + "b";
        assert!(!Pattern::new(&many).matches(&"a".repeat(5000)));
    }
}
