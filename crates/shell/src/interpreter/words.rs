//! The pieces of a word: quotes, parameters, substitutions. Pure and linear; nesting is bounded.

/// How deep `${…${…}}` and quotes in them may be nested.
const NESTING: u32 = 16;

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text without quotes: patterns in it count.
    Text(String),
    /// Text that stands for itself.
    Quoted(String),
    /// What double quotes hold.
    Double(Vec<Piece>),
    /// A parameter.
    Parameter(Box<Parameter>),
    /// `$(…)` or backquotes.
    Command(String),
    /// `$((…))`.
    Arithmetic(Vec<Piece>),
    /// `~` or `~user` at the start.
    Tilde(String),
}

/// `$name` or `${name…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) act: Act,
}

/// What is done with a parameter's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing.
    Value,
    /// `${#x}`.
    Length,
    /// `${!x}`.
    Indirect,
    /// `${x:-w}`; the flag of emptiness tells whether the colon was there.
    Default(Emptiness, Vec<Piece>),
    /// `${x:=w}`.
    Assign(Emptiness, Vec<Piece>),
    /// `${x:?w}`.
    Refuse(Emptiness, Vec<Piece>),
    /// `${x:+w}`.
    Instead(Emptiness, Vec<Piece>),
    /// `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}`.
    Trim(End, Reach, Vec<Piece>),
    /// `${x:o:l}`.
    Slice(Vec<Piece>, Option<Vec<Piece>>),
    /// `${x/p/r}`, `${x//p/r}`.
    Replace(Reach, Vec<Piece>, Vec<Piece>),
    /// `${x^}`, `${x^^}`, `${x,}`, `${x,,}`.
    Case(Case, Reach),
}

/// Whether an empty value counts as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emptiness {
    CountsAsUnset,
    CountsAsSet,
}

/// Which end is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Start,
    Finish,
}

/// How much: the least or first, or the most or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Least,
    Most,
}

/// To which case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Upper,
    Lower,
}

/// Why a word has no pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadSubstitution;

/// Where a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On a command line.
    Plain,
    /// Between double quotes, or in an unquoted here-document, where quotes are text.
    Quoted,
    /// In a here-document.
    Document,
}

/// Splits a word.
pub(crate) fn split(word: &str, place: Place) -> Result<Vec<Piece>, BadSubstitution> {
    let letters: Vec<char> = word.chars().collect();
    let mut scanner = Scanner { letters: &letters, at: 0, depth: 0 };
    scanner.pieces(place, &[])
}

struct Scanner<'a> {
    letters: &'a [char],
    at: usize,
    depth: u32,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    /// Reads pieces up to one of these characters, which is not taken.
    fn pieces(&mut self, place: Place, stops: &[char]) -> Result<Vec<Piece>, BadSubstitution> {
        self.depth += 1;
        if self.depth > NESTING {
            return Err(BadSubstitution);
        }
        let mut pieces = Vec::new();
        let mut text = String::new();
        if place == Place::Plain
            && self.at == 0
            && self.peek(0) == Some('~')
            && let Some(tilde) = self.tilde()
        {
            pieces.push(tilde);
        }
        while let Some(letter) = self.peek(0) {
            if stops.contains(&letter) {
                break;
            }
            let piece = match letter {
                '\\' => {
                    self.at += 1;
                    match (place, self.peek(0)) {
                        (_, Some('\n')) => {
                            self.at += 1;
                            continue;
                        }
                        (Place::Plain, Some(next)) => {
                            self.at += 1;
                            Piece::Quoted(next.into())
                        }
                        (Place::Quoted, Some(next @ ('$' | '`' | '"' | '\\' | '}')))
                            if next != '}' || stops.contains(&'}') =>
                        {
                            self.at += 1;
                            Piece::Quoted(next.into())
                        }
                        (Place::Document, Some(next @ ('$' | '`' | '\\'))) => {
                            self.at += 1;
                            Piece::Quoted(next.into())
                        }
                        (Place::Plain | Place::Quoted | Place::Document, _) => Piece::Quoted("\\".to_owned()),
                    }
                }
                '\'' if place == Place::Plain => {
                    self.at += 1;
                    let start = self.at;
                    while self.peek(0).is_some_and(|letter| letter != '\'') {
                        self.at += 1;
                    }
                    let quoted = self.letters[start..self.at].iter().collect();
                    self.at += 1;
                    Piece::Quoted(quoted)
                }
                '"' if place == Place::Plain || (place == Place::Quoted && stops.contains(&'}')) => {
                    self.at += 1;
                    let inner = self.pieces(Place::Quoted, &['"'])?;
                    self.at += 1;
                    Piece::Double(inner)
                }
                '`' => {
                    self.at += 1;
                    Piece::Command(self.backquoted(place))
                }
                '$' => match self.dollar(place)? {
                    Some(piece) => piece,
                    None => {
                        text.push('$');
                        continue;
                    }
                },
                other => {
                    self.at += 1;
                    text.push(other);
                    continue;
                }
            };
            if !text.is_empty() {
                pieces.push(literal(std::mem::take(&mut text), place));
            }
            pieces.push(piece);
        }
        if !text.is_empty() {
            pieces.push(literal(text, place));
        }
        self.depth -= 1;
        Ok(pieces)
    }

    fn tilde(&mut self) -> Option<Piece> {
        let mut end = self.at + 1;
        while self.letters.get(end).is_some_and(|letter| letter.is_alphanumeric() || "._-+".contains(*letter)) {
            end += 1;
        }
        if self.letters.get(end).is_some_and(|letter| !['/', ':', '}'].contains(letter)) {
            return None;
        }
        let user = self.letters[self.at + 1..end].iter().collect();
        self.at = end;
        Some(Piece::Tilde(user))
    }

    fn backquoted(&mut self, place: Place) -> String {
        let mut command = String::new();
        while let Some(letter) = self.peek(0) {
            self.at += 1;
            match (letter, self.peek(0)) {
                ('`', _) => break,
                ('\\', Some(next @ ('$' | '`' | '\\'))) => {
                    self.at += 1;
                    command.push(next);
                }
                ('\\', Some('"')) if place == Place::Quoted => {
                    self.at += 1;
                    command.push('"');
                }
                (other, _) => command.push(other),
            }
        }
        command
    }

    /// Reads what a dollar sign begins; `None` where it is only a dollar sign, which is taken.
    fn dollar(&mut self, place: Place) -> Result<Option<Piece>, BadSubstitution> {
        self.at += 1;
        match self.peek(0) {
            Some('(') if self.peek(1) == Some('(') && self.arithmetic_end().is_some() => {
                let end = self.arithmetic_end().ok_or(BadSubstitution)?;
                let inner: String = self.letters[self.at + 2..end - 2].iter().collect();
                self.at = end;
                Ok(Some(Piece::Arithmetic(self.inner(&inner)?)))
            }
            Some('(') => {
                let end = closing(self.letters, self.at);
                let inner = self.letters[self.at + 1..end].iter().collect();
                self.at = (end + 1).min(self.letters.len());
                Ok(Some(Piece::Command(inner)))
            }
            Some('{') => {
                self.at += 1;
                let parameter = self.braced(if place == Place::Plain { Place::Plain } else { Place::Quoted })?;
                Ok(Some(Piece::Parameter(Box::new(parameter))))
            }
            Some('\'') if place == Place::Plain => {
                self.at += 1;
                Ok(Some(Piece::Quoted(self.c_quoted())))
            }
            Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => {
                let name = self.name();
                Ok(Some(Piece::Parameter(Box::new(Parameter { name, act: Act::Value }))))
            }
            Some(letter) if letter.is_ascii_digit() || "@*#?-$!".contains(letter) => {
                self.at += 1;
                Ok(Some(Piece::Parameter(Box::new(Parameter { name: letter.into(), act: Act::Value }))))
            }
            _ => Ok(None),
        }
    }

    fn inner(&self, text: &str) -> Result<Vec<Piece>, BadSubstitution> {
        let letters: Vec<char> = text.chars().collect();
        Scanner { letters: &letters, at: 0, depth: self.depth }.pieces(Place::Quoted, &[])
    }

    /// Returns the index after `))`, if the parentheses between balance.
    fn arithmetic_end(&self) -> Option<usize> {
        let mut open = 0_u32;
        for (index, letter) in self.letters.iter().enumerate().skip(self.at) {
            match letter {
                '(' => open += 1,
                ')' => {
                    open -= 1;
                    if open == 1 && self.letters.get(index + 1) == Some(&')') {
                        return Some(index + 2);
                    }
                    if open == 0 {
                        return None;
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn name(&mut self) -> String {
        let start = self.at;
        while self.peek(0).is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
            self.at += 1;
        }
        self.letters[start..self.at].iter().collect()
    }

    fn parameter_name(&mut self) -> Result<String, BadSubstitution> {
        match self.peek(0) {
            Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => Ok(self.name()),
            Some(letter) if letter.is_ascii_digit() => {
                let start = self.at;
                while self.peek(0).is_some_and(|letter| letter.is_ascii_digit()) {
                    self.at += 1;
                }
                Ok(self.letters[start..self.at].iter().collect())
            }
            Some(letter) if "@*#?-$!".contains(letter) => {
                self.at += 1;
                Ok(letter.into())
            }
            _ => Err(BadSubstitution),
        }
    }

    /// Reads `${…}` after its brace.
    fn braced(&mut self, place: Place) -> Result<Parameter, BadSubstitution> {
        if self.peek(0) == Some('#') && self.peek(1).is_some_and(|next| next != '}' && !"#%:-=?+".contains(next)) {
            self.at += 1;
            let name = self.parameter_name()?;
            return self.close(Parameter { name, act: Act::Length });
        }
        if self.peek(0) == Some('!') && self.peek(1).is_some_and(|next| next.is_ascii_alphabetic() || next == '_') {
            self.at += 1;
            let name = self.parameter_name()?;
            return self.close(Parameter { name, act: Act::Indirect });
        }
        let name = self.parameter_name()?;
        let Some(first) = self.peek(0) else { return Err(BadSubstitution) };
        if first == '}' {
            return self.close(Parameter { name, act: Act::Value });
        }
        self.at += 1;
        let emptiness = match (first, self.peek(0)) {
            (':', Some('-' | '=' | '?' | '+')) => Some((Emptiness::CountsAsUnset, self.peek(0))),
            ('-' | '=' | '?' | '+', _) => Some((Emptiness::CountsAsSet, Some(first))),
            _ => None,
        };
        if let Some((emptiness, sign)) = emptiness {
            if emptiness == Emptiness::CountsAsUnset {
                self.at += 1;
            }
            let word = self.pieces(place, &['}'])?;
            let act = match sign {
                Some('-') => Act::Default(emptiness, word),
                Some('=') => Act::Assign(emptiness, word),
                Some('?') => Act::Refuse(emptiness, word),
                _ => Act::Instead(emptiness, word),
            };
            return self.close(Parameter { name, act });
        }
        let doubled = self.peek(0) == Some(first);
        let reach = if doubled { Reach::Most } else { Reach::Least };
        let act = match first {
            '#' | '%' => {
                self.at += usize::from(doubled);
                let end = if first == '#' { End::Start } else { End::Finish };
                Act::Trim(end, reach, self.pieces(Place::Plain, &['}'])?)
            }
            '^' | ',' => {
                self.at += usize::from(doubled);
                Act::Case(if first == '^' { Case::Upper } else { Case::Lower }, reach)
            }
            '/' => {
                self.at += usize::from(doubled);
                let pattern = self.pieces(Place::Plain, &['/', '}'])?;
                let replacement = if self.peek(0) == Some('/') {
                    self.at += 1;
                    self.pieces(place, &['}'])?
                } else {
                    Vec::new()
                };
                Act::Replace(reach, pattern, replacement)
            }
            ':' => {
                let offset = self.pieces(Place::Quoted, &[':', '}'])?;
                let length = if self.peek(0) == Some(':') {
                    self.at += 1;
                    Some(self.pieces(Place::Quoted, &['}'])?)
                } else {
                    None
                };
                Act::Slice(offset, length)
            }
            _ => return Err(BadSubstitution),
        };
        self.close(Parameter { name, act })
    }

    fn close(&mut self, parameter: Parameter) -> Result<Parameter, BadSubstitution> {
        if self.peek(0) != Some('}') {
            return Err(BadSubstitution);
        }
        self.at += 1;
        Ok(parameter)
    }

    /// Reads `$'…'` after its quote.
    fn c_quoted(&mut self) -> String {
        let start = self.at;
        while let Some(letter) = self.peek(0) {
            match letter {
                '\\' => self.at += 2,
                '\'' => break,
                _ => self.at += 1,
            }
        }
        let end = self.at.min(self.letters.len());
        self.at = end + 1;
        let raw: String = self.letters[start..end].iter().collect();
        crate::commands::print::unescape(&raw, crate::commands::print::Escapes::Printf).0
    }
}

fn literal(text: String, place: Place) -> Piece {
    match place {
        Place::Plain => Piece::Text(text),
        Place::Quoted | Place::Document => Piece::Quoted(text),
    }
}

/// Returns the index of the `)` that closes the `(` here; the end if there is none.
fn closing(letters: &[char], open: usize) -> usize {
    let (mut depth, mut at) = (0_u32, open);
    let mut quotes: Vec<(char, u32)> = Vec::new();
    while let Some(letter) = letters.get(at) {
        match (quotes.last().copied(), *letter) {
            (Some(('\'', _)), '\'') => drop(quotes.pop()),
            (Some(('\'', _)), _) => {}
            (_, '\\') => at += 1,
            (Some(('"', level)), '"') if level == depth => drop(quotes.pop()),
            (Some(('"', level)), '(') if level == depth && letters.get(at.wrapping_sub(1)) == Some(&'$') => depth += 1,
            (Some(('"', level)), _) if level == depth => {}
            (_, quote @ ('\'' | '"')) => quotes.push((quote, depth)),
            (_, '(') => depth += 1,
            (_, ')') => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
        at += 1;
    }
    letters.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(word: &str) -> Vec<Piece> {
        split(word, Place::Plain).unwrap()
    }

    #[test]
    fn words_fall_into_pieces() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let quoted = |text: &str| Piece::Quoted(text.to_owned());
        let value = |name: &str| Piece::Parameter(Box::new(Parameter { name: name.to_owned(), act: Act::Value }));
        assert_eq!(plain("a'b c'\"d$x\""), [text("a"), quoted("b c"), Piece::Double(vec![quoted("d"), value("x")])]);
        assert_eq!(plain("$(echo \"a)\" $(b))c"), [Piece::Command("echo \"a)\" $(b)".to_owned()), text("c")]);
        assert_eq!(plain("`a \\`b\\``"), [Piece::Command("a `b`".to_owned())]);
        assert_eq!(plain("$((1+(2)))"), [Piece::Arithmetic(vec![quoted("1+(2)")])]);
        assert_eq!(plain("$1$@$"), [value("1"), value("@"), text("$")]);
        assert_eq!(plain("~/x"), [Piece::Tilde(String::new()), text("/x")]);
        let parameter = Parameter {
            name: "x".to_owned(),
            act: Act::Default(Emptiness::CountsAsUnset, vec![text("a"), value("y")]),
        };
        assert_eq!(plain("${x:-a$y}"), [Piece::Parameter(Box::new(parameter))]);
        assert_eq!(split("${x", Place::Plain), Err(BadSubstitution));
        assert_eq!(split("${}", Place::Plain), Err(BadSubstitution));
        assert_eq!(split(&"${x:-".repeat(3000), Place::Plain), Err(BadSubstitution));
    }
}
