//! Expansion: tildes, parameters, substitutions, arithmetic, then fields and file names.

use crate::files::Walker;
use crate::limits;
use crate::pattern::Pattern;
use crate::stream::{Nature, OpenFile, pipe};
use crate::surroundings::Future;

use super::arithmetic::{self, BadArithmetic};
use super::words::{self, Act, Case, Emptiness, End, Parameter, Piece, Place, Reach};
use super::{Dialect, Exported, Jump, Setting, Shell, Variable, Writable};

use std::sync::Arc;

/// The most names that one pattern becomes.
const NAMES: usize = 10_000;
/// How deep expansion may enter itself by way of `${x:-$(…)}`.
const NESTING: u32 = 12;

/// A field in the making: its text, and the same as a pattern in which quoted characters are escaped.
#[derive(Debug, Clone, Default)]
struct Field {
    text: String,
    pattern: String,
    keeps: bool,
}

impl Field {
    fn add(&mut self, letter: char, quoted: bool) {
        self.text.push(letter);
        if quoted && "*?[]\\".contains(letter) {
            self.pattern.push('\\');
        }
        self.pattern.push(letter);
        self.keeps |= quoted;
    }
}

/// What an expansion has made so far.
#[derive(Debug, Default)]
struct Fields {
    done: Vec<Field>,
    current: Option<Field>,
    length: usize,
}

impl Fields {
    fn quoted(&mut self, text: &str) {
        let field = self.current.get_or_insert_default();
        field.keeps = true;
        for letter in text.chars() {
            field.add(letter, true);
        }
        self.length += text.len();
    }

    fn text(&mut self, text: &str) {
        let field = self.current.get_or_insert_default();
        for letter in text.chars() {
            field.add(letter, false);
        }
        self.length += text.len();
    }

    /// Adds a value outside quotes: it falls into fields at the characters of IFS.
    fn value(&mut self, text: &str, ifs: &str) {
        self.length += text.len();
        let mut after_white = false;
        for letter in text.chars() {
            if !ifs.contains(letter) {
                after_white = false;
                self.current.get_or_insert_default().add(letter, false);
                continue;
            }
            let is_white = letter.is_whitespace();
            if is_white {
                if let Some(field) = self.current.take() {
                    self.done.push(field);
                    after_white = true;
                }
            } else if after_white {
                // The separator after white space belongs to it.
                after_white = false;
            } else {
                let mut field = self.current.take().unwrap_or_default();
                field.keeps = true;
                self.done.push(field);
            }
        }
    }

    fn next(&mut self) {
        self.done.extend(self.current.take());
    }

    fn finish(mut self) -> Vec<Field> {
        self.next();
        self.done.retain(|field| field.keeps || !field.text.is_empty());
        self.done
    }
}

struct Scope<'a>(&'a mut Shell);

impl arithmetic::Variables for Scope<'_> {
    fn get(&self, name: &str) -> String {
        self.0.value(name)
    }

    fn set(&mut self, name: &str, value: i64) {
        if self.0.variables.get(name).is_none_or(|variable| variable.writable == Writable::Yes) {
            self.0.put(name, &value.to_string(), Exported::No);
        }
    }
}

impl Shell {
    /// Expands words of a command line into fields.
    pub(super) async fn fields(&mut self, words: &[&str]) -> Result<Vec<String>, Jump> {
        let mut all = Vec::new();
        for word in words {
            let alternatives = if self.dialect == Dialect::Bash { braces(word) } else { vec![(*word).to_owned()] };
            for word in alternatives {
                let mut fields = Fields::default();
                let pieces = self.split(&word, Place::Plain).await?;
                self.pieces(&pieces, Quotes::None, &mut fields).await?;
                for field in fields.finish() {
                    let pattern = Pattern::new(&field.pattern);
                    if pattern.is_wild() && !self.settings.contains(&Setting::Noglob) {
                        let names = self.names(&field.pattern).await?;
                        if !names.is_empty() {
                            all.extend(names);
                            continue;
                        }
                    }
                    all.push(field.text);
                }
            }
        }
        Ok(all)
    }

    /// Expands a word that stays one: of an assignment, a redirection, a `case`.
    pub(super) async fn single(&mut self, word: &str) -> Result<String, Jump> {
        let pieces = self.split(word, Place::Plain).await?;
        self.joined(&pieces).await.map(|field| field.text)
    }

    /// Expands a word into a pattern.
    pub(super) async fn pattern(&mut self, word: &str) -> Result<Pattern, Jump> {
        let pieces = self.split(word, Place::Plain).await?;
        Ok(Pattern::new(&self.joined(&pieces).await?.pattern))
    }

    /// Expands the body of a here-document.
    pub(super) async fn document(&mut self, body: &str) -> Result<String, Jump> {
        let pieces = self.split(body, Place::Document).await?;
        let mut fields = Fields::default();
        self.pieces(&pieces, Quotes::Double, &mut fields).await?;
        Ok(fields.finish().into_iter().map(|field| field.text).collect::<Vec<_>>().join(" "))
    }

    /// Evaluates an arithmetic expression after expanding it.
    pub(super) async fn arithmetic(&mut self, text: &str) -> Result<i64, Jump> {
        let pieces = self.split(text, Place::Quoted).await?;
        self.arithmetic_of(&pieces).await
    }

    async fn arithmetic_of(&mut self, pieces: &[Piece]) -> Result<i64, Jump> {
        let mut fields = Fields::default();
        self.pieces(pieces, Quotes::Double, &mut fields).await?;
        let text: String = fields.finish().into_iter().map(|field| field.text).collect();
        match arithmetic::evaluate(&text, &mut Scope(self)) {
            Ok(value) => Ok(value),
            Err(error) => {
                let message = match (self.dialect, error) {
                    (Dialect::Ash, BadArithmetic::DivideByZero) => "divide by zero".to_owned(),
                    (Dialect::Dash, BadArithmetic::DivideByZero) => "division by zero".to_owned(),
                    (Dialect::Bash, BadArithmetic::DivideByZero) => format!("{text}: division by 0"),
                    (Dialect::Ash, BadArithmetic::Syntax) => "arithmetic syntax error".to_owned(),
                    (Dialect::Dash, BadArithmetic::Syntax) => {
                        format!("arithmetic expression: expecting primary: \"{text}\"")
                    }
                    (Dialect::Bash, BadArithmetic::Syntax) => format!("{text}: syntax error in expression"),
                    (_, BadArithmetic::TooDeep) => "expression recursion loop detected".to_owned(),
                };
                self.complain(message).await;
                Err(self.fatal(2))
            }
        }
    }

    /// What an expansion error does: it ends a script, and a line that was typed.
    fn fatal(&mut self, code: i32) -> Jump {
        self.status = code;
        if self.source == super::Source::Terminal { Jump::Return(code) } else { Jump::Exit(code) }
    }

    async fn split(&mut self, word: &str, place: Place) -> Result<Vec<Piece>, Jump> {
        if let Ok(pieces) = words::split(word, place) {
            return Ok(pieces);
        }
        self.complain(match self.dialect {
            Dialect::Ash => "syntax error: bad substitution".to_owned(),
            Dialect::Dash => "Bad substitution".to_owned(),
            Dialect::Bash => format!("{word}: bad substitution"),
        })
        .await;
        Err(self.fatal(2))
    }

    async fn joined(&mut self, pieces: &[Piece]) -> Result<Field, Jump> {
        let mut fields = Fields::default();
        self.pieces(pieces, Quotes::Single, &mut fields).await?;
        let mut all = fields.finish().into_iter();
        let mut first = all.next().unwrap_or_default();
        for field in all {
            first.add(' ', false);
            first.text.push_str(&field.text);
            first.pattern.push_str(&field.pattern);
        }
        Ok(first)
    }

    fn pieces<'a>(
        &'a mut self,
        pieces: &'a [Piece],
        quotes: Quotes,
        fields: &'a mut Fields,
    ) -> Future<'a, Result<(), Jump>> {
        Box::pin(async move {
            self.depth += 1;
            if self.depth > NESTING {
                self.complain("expansion nested too deep (not simulated)").await;
                return Err(Jump::Exit(2));
            }
            for piece in pieces {
                self.process.step(1).await?;
                match piece {
                    Piece::Text(text) => fields.text(text),
                    Piece::Quoted(text) => fields.quoted(text),
                    Piece::Double(inner) => {
                        let is_only_arguments =
                            matches!(inner.as_slice(), [Piece::Parameter(parameter)] if parameter.name == "@");
                        if !is_only_arguments {
                            fields.quoted("");
                        }
                        self.pieces(inner, Quotes::Double, fields).await?;
                    }
                    Piece::Tilde(user) => {
                        let home = self.home(user);
                        fields.quoted(&home);
                    }
                    Piece::Command(text) => {
                        let output = self.substitute(text).await?;
                        self.add(&output, quotes, fields);
                    }
                    Piece::Arithmetic(inner) => {
                        let value = self.arithmetic_of(inner).await?.to_string();
                        self.add(&value, quotes, fields);
                    }
                    Piece::Parameter(parameter) => self.parameter(parameter, quotes, fields).await?,
                }
                if fields.length > limits::WORD {
                    self.complain("out of memory").await;
                    return Err(Jump::Exit(2));
                }
            }
            self.depth -= 1;
            Ok(())
        })
    }

    fn add(&self, text: &str, quotes: Quotes, fields: &mut Fields) {
        match quotes {
            Quotes::None => {
                let ifs = self.variables.get("IFS").map_or(" \t\n", |variable| variable.value.as_str());
                fields.value(text, ifs);
            }
            Quotes::Single => fields.text(text),
            Quotes::Double => fields.quoted(text),
        }
    }

    fn home(&self, user: &str) -> String {
        match user {
            "" => {
                let home = self.value("HOME");
                if home.is_empty() { "/".to_owned() } else { home }
            }
            "+" => self.process.cwd.clone(),
            "-" => self.directory_before.clone(),
            name => crate::commands::identity::home(&self.process, name).unwrap_or_else(|| format!("~{name}")),
        }
    }

    /// Returns a parameter's value; `None` if it is not set.
    fn look_up(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.status.to_string()),
            "$" => Some(self.main_pid.to_string()),
            "!" => self.last_background.map(|pid| pid.to_string()),
            "#" => Some(self.arguments.len().to_string()),
            "0" => Some(self.called.clone()),
            "-" => Some(self.settings.iter().filter_map(|setting| setting.letter()).collect()),
            "@" | "*" => (!self.arguments.is_empty()).then(|| self.arguments.join(" ")),
            "LINENO" => Some(self.line.to_string()),
            "RANDOM" if self.dialect != Dialect::Dash => {
                let bytes = crate::stream::noise(2);
                Some((u16::from_le_bytes([bytes[0], bytes[1]]) & 0x7fff).to_string())
            }
            "SECONDS" if self.dialect == Dialect::Bash => {
                Some(self.process.now().saturating_sub(self.process.place.entry.started).as_secs().to_string())
            }
            "UID" | "EUID" if self.dialect == Dialect::Bash => Some(self.process.who.uid.to_string()),
            _ => match name.parse::<usize>() {
                Ok(number) => self.arguments.get(number.wrapping_sub(1)).cloned(),
                Err(_) => self.variables.get(name).map(|variable: &Variable| variable.value.clone()),
            },
        }
    }

    async fn parameter(&mut self, parameter: &Parameter, quotes: Quotes, fields: &mut Fields) -> Result<(), Jump> {
        let name = parameter.name.as_str();
        let value = self.look_up(name);
        let is_missing = |emptiness: Emptiness| match (&value, emptiness) {
            (None, _) => true,
            (Some(text), Emptiness::CountsAsUnset) => text.is_empty(),
            (Some(_), Emptiness::CountsAsSet) => false,
        };
        let text = match &parameter.act {
            Act::Value if name == "@" || name == "*" => return self.arguments_into(name, quotes, fields),
            Act::Value => self.required(name, value).await?,
            Act::Length if name == "@" || name == "*" => self.arguments.len().to_string(),
            Act::Length => self.required(name, value).await?.chars().count().to_string(),
            Act::Indirect => {
                let other = value.unwrap_or_default();
                self.look_up(&other).unwrap_or_default()
            }
            Act::Default(emptiness, word) => {
                if is_missing(*emptiness) {
                    return self.pieces(word, quotes, fields).await;
                }
                if name == "@" || name == "*" {
                    return self.arguments_into(name, quotes, fields);
                }
                value.unwrap_or_default()
            }
            Act::Assign(emptiness, word) => {
                if is_missing(*emptiness) {
                    let text = self.joined(word).await?.text;
                    self.assign(name, &text).await?;
                    text
                } else {
                    value.unwrap_or_default()
                }
            }
            Act::Refuse(emptiness, word) => {
                if is_missing(*emptiness) {
                    let text = self.joined(word).await?.text;
                    let text = match (text.is_empty(), emptiness) {
                        (false, _) => text,
                        (true, Emptiness::CountsAsUnset) => "parameter null or not set".to_owned(),
                        (true, Emptiness::CountsAsSet) => "parameter not set".to_owned(),
                    };
                    self.complain(format!("{name}: {text}")).await;
                    let code = if self.dialect == Dialect::Bash { 127 } else { 2 };
                    return Err(self.fatal(code));
                }
                value.unwrap_or_default()
            }
            Act::Instead(emptiness, word) => {
                if !is_missing(*emptiness) {
                    return self.pieces(word, quotes, fields).await;
                }
                String::new()
            }
            Act::Trim(end, reach, word) => {
                let value = self.required(name, value).await?;
                let pattern = Pattern::new(&self.joined(word).await?.pattern);
                self.process.step(1 + u32::try_from(value.len() / 64).unwrap_or(1000)).await?;
                trim(&value, &pattern, *end, *reach)
            }
            Act::Slice(offset, length) => {
                let value: Vec<char> = self.required(name, value).await?.chars().collect();
                let from = self.arithmetic_of(offset).await?;
                let length = match length {
                    Some(length) => Some(self.arithmetic_of(length).await?),
                    None => None,
                };
                slice(&value, from, length)
            }
            Act::Replace(reach, pattern, replacement) => {
                let value = self.required(name, value).await?;
                let pattern = self.joined(pattern).await?.pattern;
                let replacement = self.joined(replacement).await?.text;
                self.process.step(1 + u32::try_from(value.len() / 16).unwrap_or(1000)).await?;
                replace(&value, &pattern, &replacement, *reach)
            }
            Act::Case(case, reach) => {
                let value = self.required(name, value).await?;
                let first = value.chars().next().map_or(0, char::len_utf8);
                let (head, tail) = if *reach == Reach::Most { (value.as_str(), "") } else { value.split_at(first) };
                let head = if *case == Case::Upper { head.to_uppercase() } else { head.to_lowercase() };
                head + tail
            }
        };
        self.add(&text, quotes, fields);
        Ok(())
    }

    async fn required(&mut self, name: &str, value: Option<String>) -> Result<String, Jump> {
        match value {
            Some(value) => Ok(value),
            None if self.settings.contains(&Setting::Nounset) && name != "@" && name != "*" => {
                self.complain(match self.dialect {
                    Dialect::Ash | Dialect::Dash => format!("{name}: parameter not set"),
                    Dialect::Bash => format!("{name}: unbound variable"),
                })
                .await;
                let code = if self.dialect == Dialect::Bash { 1 } else { 2 };
                Err(self.fatal(code))
            }
            None => Ok(String::new()),
        }
    }

    fn arguments_into(&self, name: &str, quotes: Quotes, fields: &mut Fields) -> Result<(), Jump> {
        let ifs = self.variables.get("IFS").map_or(" \t\n", |variable| variable.value.as_str());
        match (name, quotes) {
            ("@", Quotes::Double) => {
                for (index, argument) in self.arguments.iter().enumerate() {
                    if index > 0 {
                        fields.next();
                    }
                    fields.quoted(argument);
                }
            }
            ("*", Quotes::Double) => {
                let between = ifs.chars().next().map(String::from).unwrap_or_default();
                fields.quoted(&self.arguments.join(&between));
            }
            (_, Quotes::Single) => fields.text(&self.arguments.join(" ")),
            _ => {
                for (index, argument) in self.arguments.iter().enumerate() {
                    if index > 0 {
                        fields.next();
                    }
                    fields.value(argument, ifs);
                }
            }
        }
        Ok(())
    }

    /// Runs a command substitution and returns its output without the line feeds at its end.
    async fn substitute(&mut self, text: &str) -> Result<String, Jump> {
        let Ok(mut shell) = self.subshell() else {
            self.complain("can't fork: Resource temporarily unavailable").await;
            return Err(Jump::Exit(2));
        };
        let (reader, writer) = pipe(Nature::Pipe);
        shell.process.fds.insert(1, Arc::new(OpenFile::Writer(writer)));
        shell.depth = 0;
        let text = text.to_owned();
        let run = async move {
            let code = shell.whole(&text).await;
            shell.finish(code).await
        };
        let read = async {
            let mut all = Vec::new();
            loop {
                let bytes = reader.read(limits::PIPE).await;
                if bytes.is_empty() {
                    return all;
                }
                all.extend(bytes);
                all.truncate(limits::WORD);
            }
        };
        let run: Future<'_, i32> = Box::pin(run);
        let (code, bytes) = tokio::join!(run, read);
        self.status = code;
        let mut output = String::from_utf8_lossy(&bytes).replace('\0', "");
        output.truncate(output.trim_end_matches('\n').len());
        Ok(output)
    }

    /// Returns the names that match a pattern, sorted; none if there are none.
    async fn names(&mut self, pattern: &str) -> Result<Vec<String>, Jump> {
        let (mut found, rest) = match pattern.strip_prefix('/') {
            Some(rest) => (vec!["/".to_owned()], rest),
            None => (vec![String::new()], pattern),
        };
        let parts: Vec<&str> = rest.split('/').collect();
        for (index, part) in parts.iter().enumerate() {
            let matcher = Pattern::new(part);
            let is_last = index + 1 == parts.len();
            let mut next = Vec::new();
            for base in &found {
                self.process.step(2).await?;
                let walker: Walker<'_> = self.process.walker();
                let files = &self.process.kernel.files;
                if part.is_empty() {
                    next.push(if is_last { base.clone() } else { format!("{base}/") });
                    continue;
                }
                if !matcher.is_wild() {
                    let path = format!("{base}{}", matcher.plain());
                    if files.stat(walker, &path, crate::files::Follow::No).is_ok() {
                        next.push(path);
                    }
                } else {
                    let folder = if base.is_empty() { "." } else { base.as_str() };
                    for (name, _) in files.list(walker, folder).unwrap_or_default() {
                        if name.starts_with('.') && !matcher.begins_with_dot() {
                            continue;
                        }
                        if matcher.matches(&name) {
                            next.push(format!("{base}{name}"));
                        }
                    }
                }
                if next.len() > NAMES {
                    break;
                }
            }
            if !is_last {
                for path in &mut next {
                    if !path.ends_with('/') {
                        path.push('/');
                    }
                }
                let (process, walker_next) = (&self.process, std::mem::take(&mut next));
                next = walker_next
                    .into_iter()
                    .filter(|path| process.stat(path, crate::files::Follow::Yes).is_ok_and(|stat| stat.is_directory()))
                    .collect();
            }
            found = next;
        }
        found.retain(|name| !name.is_empty());
        found.sort();
        Ok(found)
    }
}

/// Which quotes surround a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// None: values fall into fields.
    None,
    /// None, but the word stays one.
    Single,
    /// Double quotes.
    Double,
}

fn trim(value: &str, pattern: &Pattern, end: End, reach: Reach) -> String {
    let letters: Vec<char> = value.chars().collect();
    // What is tried first is what is taken: the shortest or the longest.
    let lengths: Box<dyn Iterator<Item = usize>> = match reach {
        Reach::Least => Box::new(0..=letters.len()),
        Reach::Most => Box::new((0..=letters.len()).rev()),
    };
    // Quadratic in the length: what is too long stays as it is.
    for length in lengths.take(4096) {
        let (part, rest) = match end {
            End::Start => letters.split_at(length),
            End::Finish => {
                let (rest, part) = letters.split_at(letters.len() - length);
                (part, rest)
            }
        };
        if pattern.matches_letters(part) {
            return rest.iter().collect();
        }
    }
    value.to_owned()
}

fn slice(value: &[char], from: i64, length: Option<i64>) -> String {
    let count = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let start = if from < 0 { count.saturating_add(from) } else { from };
    if start < 0 || start > count {
        return String::new();
    }
    let end = match length {
        None => count,
        Some(length) if length < 0 => count.saturating_add(length),
        Some(length) => start.saturating_add(length).min(count),
    };
    let index = |number: i64| usize::try_from(number).unwrap_or(0);
    if end <= start { String::new() } else { value[index(start)..index(end)].iter().collect() }
}

fn replace(value: &str, pattern: &str, replacement: &str, reach: Reach) -> String {
    let letters: Vec<char> = value.chars().collect();
    let (anchored, pattern) = match pattern.chars().next() {
        Some('#') if reach == Reach::Least => (Some(End::Start), &pattern[1..]),
        Some('%') if reach == Reach::Least => (Some(End::Finish), &pattern[1..]),
        _ => (None, pattern),
    };
    let matcher = Pattern::new(pattern);
    if pattern.is_empty() || letters.len() > 8192 {
        return value.to_owned();
    }
    let mut result = String::new();
    let mut at = 0;
    let is_fixed = !matcher.is_wild();
    let length = matcher.plain().chars().count();
    while at < letters.len() {
        let longest = |from: usize| {
            if is_fixed {
                let end = from + length;
                return (end <= letters.len() && matcher.matches_letters(&letters[from..end])).then_some(end);
            }
            // Bounded: a match of more than 256 characters is not looked for.
            (from + 1..=letters.len().min(from + 256)).rev().find(|end| matcher.matches_letters(&letters[from..*end]))
        };
        let end = match anchored {
            Some(End::Start) if at > 0 => None,
            Some(End::Finish) => longest(at).filter(|end| *end == letters.len()),
            Some(End::Start) | None => longest(at),
        };
        match end {
            Some(end) => {
                result.push_str(replacement);
                at = end;
                if reach == Reach::Least {
                    break;
                }
            }
            None => {
                result.push(letters[at]);
                at += 1;
            }
        }
    }
    result.extend(&letters[at..]);
    result
}

/// Expands the braces of bash: `{a,b}` and `{1..5}`, outside quotes.
fn braces(word: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![word.to_owned()];
    while let Some(word) = open.pop() {
        match first_brace(&word) {
            Some(alternatives) if done.len() + open.len() + alternatives.len() < 4096 => {
                open.extend(alternatives.into_iter().rev());
            }
            _ => done.push(word),
        }
    }
    done
}

fn first_brace(word: &str) -> Option<Vec<String>> {
    if !word.contains('{') || word.len() > 4096 {
        return None;
    }
    let letters: Vec<char> = word.chars().collect();
    let mut quote = None;
    let mut at = 0;
    while at < letters.len() {
        match (quote, letters[at]) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\\') => at += 1,
            (None, letter @ ('\'' | '"' | '`')) => quote = Some(letter),
            (None, '$') if matches!(letters.get(at + 1), Some('{' | '(')) => return None,
            (None, '{') => {
                if let Some(found) = alternatives(&letters, at) {
                    return Some(found);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn alternatives(letters: &[char], open: usize) -> Option<Vec<String>> {
    let (mut depth, mut parts, mut start) = (0_u32, Vec::new(), open + 1);
    let mut at = open;
    let end = loop {
        match letters.get(at)? {
            '\\' => at += 1,
            '\'' | '"' | '$' | ' ' => return None,
            '{' => depth += 1,
            ',' if depth == 1 => {
                parts.push(letters[start..at].iter().collect::<String>());
                start = at + 1;
            }
            '}' => {
                depth -= 1;
                if depth == 0 {
                    break at;
                }
            }
            _ => {}
        }
        at += 1;
    };
    let last: String = letters[start..end].iter().collect();
    if parts.is_empty() {
        let (low, high) = last.split_once("..")?;
        let (high, by) = high.split_once("..").unwrap_or((high, "1"));
        let by = by.parse::<i64>().ok()?.unsigned_abs().max(1);
        let range = |low: i64, high: i64| -> Vec<i64> {
            let count = low.abs_diff(high) / by;
            (0..=count.min(4000))
                .filter_map(|turn| i64::try_from(turn * by).ok())
                .map(|step| if low <= high { low + step } else { low - step })
                .collect()
        };
        parts = match (low.parse::<i64>(), high.parse::<i64>()) {
            (Ok(low), Ok(high)) if low.unsigned_abs() < 1 << 40 && high.unsigned_abs() < 1 << 40 => {
                range(low, high).into_iter().map(|number| number.to_string()).collect()
            }
            _ => {
                let one = |text: &str| {
                    let mut letters = text.chars();
                    letters.next().filter(|letter| letter.is_ascii_alphabetic() && letters.next().is_none())
                };
                let (low, high) = (one(low)? as u32, one(high)? as u32);
                range(low.into(), high.into())
                    .into_iter()
                    .filter_map(|code| char::from_u32(u32::try_from(code).ok()?))
                    .map(String::from)
                    .collect()
            }
        };
    } else {
        parts.push(last);
    }
    let (before, after): (String, String) = (letters[..open].iter().collect(), letters[end + 1..].iter().collect());
    Some(parts.into_iter().map(|part| format!("{before}{part}{after}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_and_slices_and_replacements() {
        assert_eq!(braces("a{b,c{1..3}}d"), ["abd", "ac1d", "ac2d", "ac3d"]);
        assert_eq!(braces("'{a,b}' {} {a}"), ["'{a,b}' {} {a}"]);
        assert_eq!(braces("{99999999999999999999..2}"), ["{99999999999999999999..2}"]);
        let value: Vec<char> = "abcdef".chars().collect();
        assert_eq!(slice(&value, 1, Some(2)), "bc");
        assert_eq!(slice(&value, -2, None), "ef");
        assert_eq!(slice(&value, 1, Some(-1)), "bcde");
        assert_eq!(replace("banana", "a", "o", Reach::Most), "bonono");
        assert_eq!(replace("banana", "a*n", "x", Reach::Least), "bxa");
        assert_eq!(replace("banana", "%a", "!", Reach::Least), "banan!");
        assert_eq!(trim("a/b/c", &Pattern::new("*/"), End::Start, Reach::Most), "c");
        assert_eq!(trim("a/b/c", &Pattern::new("/*"), End::Finish, Reach::Least), "a/b");
    }
}
