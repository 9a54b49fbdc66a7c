//! The JSONPath templates of `-o jsonpath`, `--for=jsonpath` and `--sort-by`: fields, indexes, slices, wildcards,
//! recursion, unions, filters, `range … end`, quoted text. Missing fields give nothing, as in `kubectl get`.

use serde_json::Value;

/// A template, read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Path(Vec<Hop>),
    Range { over: Vec<Hop>, body: Vec<Part> },
}

#[derive(Debug, Clone, PartialEq)]
enum Hop {
    Field(String),
    Every,
    Deep,
    At(i64),
    Slice(Option<i64>, Option<i64>),
    Union(Vec<Hop>),
    Filter { path: Vec<Hop>, test: Option<(Comparison, Value)> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Different,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// The deepest nesting of ranges and filters that is read.
const DEEPEST: usize = 16;

impl Template {
    /// Reads a template. A bare path (`.metadata.name`, `metadata.name`) stands for the same in braces.
    ///
    /// # Errors
    ///
    /// What is wrong, in words of our own.
    pub(crate) fn read(text: &str) -> Result<Template, String> {
        let braced;
        let text = if text.contains('{') {
            text
        } else {
            let dotted = if text.starts_with(['.', '[', '$', '@']) { text.to_owned() } else { format!(".{text}") };
            braced = format!("{{{dotted}}}");
            &braced
        };
        let mut reader = Reader { rest: text };
        let parts = reader.parts(0)?;
        if !reader.rest.is_empty() {
            return Err("not in range, nothing to end".to_owned());
        }
        Ok(Template { parts })
    }

    /// Fills the template in.
    pub(crate) fn print(&self, root: &Value) -> String {
        let mut out = String::new();
        print_parts(&self.parts, root, &mut out);
        out
    }

    /// The values that the template's paths reach, in order.
    pub(crate) fn values<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Path(path) | Part::Range { over: path, .. } => walk(path, vec![root]),
                Part::Text(_) => Vec::new(),
            })
            .collect()
    }
}

fn print_parts(parts: &[Part], here: &Value, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(path) => {
                let found: Vec<String> = walk(path, vec![here]).into_iter().map(text_of).collect();
                out.push_str(&found.join(" "));
            }
            Part::Range { over, body } => {
                for item in walk(over, vec![here]) {
                    print_parts(body, item, out);
                }
            }
        }
    }
}

/// A value as the template prints it: text bare, the rest as JSON.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn walk<'a>(path: &[Hop], mut here: Vec<&'a Value>) -> Vec<&'a Value> {
    for hop in path {
        here = here.into_iter().flat_map(|value| hop_from(hop, value)).collect();
    }
    here
}

fn hop_from<'a>(hop: &Hop, value: &'a Value) -> Vec<&'a Value> {
    match hop {
        Hop::Field(name) => value.get(name.as_str()).into_iter().collect(),
        Hop::Every => children(value),
        Hop::Deep => {
            let mut found = vec![value];
            let mut next = 0;
            while let Some(value) = found.get(next).copied() {
                found.extend(children(value));
                next += 1;
            }
            found
        }
        Hop::At(index) => {
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            position(*index, list.len()).and_then(|index| list.get(index)).into_iter().collect()
        }
        Hop::Slice(from, to) => {
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let bound = |index: i64| position(index, list.len()).unwrap_or(list.len()).min(list.len());
            let from = from.map_or(0, bound);
            let to = to.map_or(list.len(), bound);
            list.get(from..to.max(from)).unwrap_or_default().iter().collect()
        }
        Hop::Union(hops) => hops.iter().flat_map(|hop| hop_from(hop, value)).collect(),
        Hop::Filter { path, test } => children(value)
            .into_iter()
            .filter(|item| {
                let found = walk(path, vec![item]);
                match test {
                    None => !found.is_empty(),
                    Some((comparison, expected)) => found.iter().any(|value| holds(*comparison, value, expected)),
                }
            })
            .collect(),
    }
}

fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn holds(comparison: Comparison, left: &Value, right: &Value) -> bool {
    let order = match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ => Some(text_of(left).cmp(&text_of(right))),
    };
    order.is_some_and(|order| match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Different => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::More => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    })
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Reads up to the end of the text, or up to the `{end}` that closes a range.
    fn parts(&mut self, depth: usize) -> Result<Vec<Part>, String> {
        if depth > DEEPEST {
            return Err("the template is nested too deeply".to_owned());
        }
        let mut parts = Vec::new();
        while !self.rest.is_empty() {
            let Some(open) = self.rest.find('{') else {
                parts.push(Part::Text(std::mem::take(&mut self.rest).to_owned()));
                break;
            };
            if open > 0 {
                parts.push(Part::Text(self.take(open).to_owned()));
            }
            if depth > 0 && self.starts("{end}") {
                return Ok(parts);
            }
            self.take(1);
            self.blanks();
            if self.eat("range ") {
                self.blanks();
                let over = self.path(depth)?;
                self.close()?;
                let body = self.parts(depth + 1)?;
                if !self.eat("{end}") {
                    return Err("unterminated range".to_owned());
                }
                parts.push(Part::Range { over, body });
            } else if self.rest.starts_with(['"', '\'']) {
                parts.push(Part::Text(self.quoted()?));
                self.close()?;
            } else if self.starts("end}") {
                return Err("not in range, nothing to end".to_owned());
            } else {
                let path = self.path(depth)?;
                parts.push(Part::Path(path));
                self.close()?;
            }
        }
        Ok(parts)
    }

    fn path(&mut self, depth: usize) -> Result<Vec<Hop>, String> {
        if depth > DEEPEST {
            return Err("the template is nested too deeply".to_owned());
        }
        let mut hops = Vec::new();
        if !self.eat("$") {
            self.eat("@");
        }
        loop {
            if self.eat("..") {
                hops.push(Hop::Deep);
                if !self.rest.starts_with(['[', '*']) {
                    hops.push(Hop::Field(self.field()?));
                } else if self.eat("*") {
                    hops.push(Hop::Every);
                }
            } else if self.eat(".") {
                if self.eat("*") {
                    hops.push(Hop::Every);
                } else if !self.rest.starts_with('[') && !self.rest.starts_with(['}', ' ']) {
                    hops.push(Hop::Field(self.field()?));
                }
            } else if self.eat("[") {
                hops.push(self.bracket(depth)?);
            } else {
                return Ok(hops);
            }
        }
    }

    fn field(&mut self) -> Result<String, String> {
        let mut name = String::new();
        let mut characters = self.rest.char_indices();
        let mut end = self.rest.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
                '.' | '[' | '}' | ' ' | ')' | '=' | '!' | '<' | '>' | ',' | ']' => {
                    end = at;
                    break;
                }
                other => name.push(other),
            }
        }
        self.take(end);
        if name.is_empty() { Err(format!("expected a field name before {:?}", self.rest)) } else { Ok(name) }
    }

    fn bracket(&mut self, depth: usize) -> Result<Hop, String> {
        if self.eat("?(") {
            self.blanks();
            let path = self.path(depth + 1)?;
            self.blanks();
            let comparisons = [
                ("==", Comparison::Equal),
                ("!=", Comparison::Different),
                ("<=", Comparison::AtMost),
                (">=", Comparison::AtLeast),
                ("<", Comparison::Less),
                (">", Comparison::More),
            ];
            let comparison = comparisons.into_iter().find(|(sign, _)| self.eat(sign)).map(|(_, comparison)| comparison);
            let test = match comparison {
                Some(comparison) => {
                    self.blanks();
                    Some((comparison, self.literal()?))
                }
                None => None,
            };
            self.blanks();
            if !self.eat(")]") {
                return Err("unterminated filter".to_owned());
            }
            return Ok(Hop::Filter { path, test });
        }
        let mut hops = Vec::new();
        loop {
            self.blanks();
            let hop = if self.eat("*") {
                Hop::Every
            } else if self.rest.starts_with(['"', '\'']) {
                Hop::Field(self.quoted()?)
            } else {
                self.index()?
            };
            hops.push(hop);
            self.blanks();
            if self.eat("]") {
                break;
            }
            if !self.eat(",") {
                return Err("unterminated array".to_owned());
            }
        }
        let only = if hops.len() == 1 { hops.pop() } else { None };
        Ok(only.unwrap_or(Hop::Union(hops)))
    }

    fn index(&mut self) -> Result<Hop, String> {
        let from = self.integer()?;
        if self.eat(":") {
            let to = self.integer()?;
            return Ok(Hop::Slice(from, to));
        }
        from.map(Hop::At).ok_or_else(|| format!("invalid array index before {:?}", self.rest))
    }

    fn integer(&mut self) -> Result<Option<i64>, String> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(self.rest.len());
        let digits = self.take(end);
        if digits.is_empty() {
            return Ok(None);
        }
        digits.parse().map(Some).map_err(|_not_a_number| format!("invalid array index {digits}"))
    }

    fn literal(&mut self) -> Result<Value, String> {
        if self.rest.starts_with(['"', '\'']) {
            return Ok(Value::String(self.quoted()?));
        }
        let end = self.rest.find([')', ' ']).unwrap_or(self.rest.len());
        let word = self.take(end);
        Ok(serde_json::from_str(word).unwrap_or_else(|_bare_word| Value::String(word.to_owned())))
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut characters = self.rest.char_indices();
        let Some((_, quote)) = characters.next() else { return Err("expected a quoted text".to_owned()) };
        let mut text = String::new();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.extend(characters.next().map(|(_, escaped)| match escaped {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                })),
                found if found == quote => {
                    self.take(at + quote.len_utf8());
                    return Ok(text);
                }
                other => text.push(other),
            }
        }
        Err("unterminated quoted string".to_owned())
    }

    fn close(&mut self) -> Result<(), String> {
        self.blanks();
        if self.eat("}") {
            Ok(())
        } else if self.rest.is_empty() {
            Err("unclosed action".to_owned())
        } else {
            Err(format!("unrecognized character in action before {:?}", self.rest))
        }
    }

    fn starts(&self, text: &str) -> bool {
        self.rest.starts_with(text)
    }

    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn take(&mut self, length: usize) -> &str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list() -> Value {
        json!({ "items": [
            { "metadata": { "name": "a", "labels": { "app.io/x": "1" } }, "status": { "n": 1, "conditions": [{ "type": "Ready", "status": "True" }, { "type": "Other", "status": "False" }] } },
            { "metadata": { "name": "b" }, "status": { "n": 12, "conditions": [] } },
        ] })
    }

    #[test]
    fn templates_print_what_kubectl_prints() {
        for (template, expected) in [
            ("{.items[*].metadata.name}", "a b"),
            (".items[*].metadata.name", "a b"),
            ("items[0].metadata.name", "a"),
            ("{.items[-1].metadata.name}", "b"),
            ("{.items[0:1].metadata.name}", "a"),
            ("{range .items[*]}{.metadata.name}{\"\\n\"}{end}", "a\nb\n"),
            ("{.items[0].metadata.labels.app\\.io/x}", "1"),
            ("{.items[0].metadata.labels['app.io/x']}", "1"),
            ("{.items[*].status.conditions[?(@.type==\"Ready\")].status}", "True"),
            ("{.items[?(@.status.n>2)].metadata.name}", "b"),
            ("{..name}", "a b"),
            ("{.items[0]['metadata', 'none'].name}", "a"),
            ("{.items[1].metadata.labels}", ""),
            ("{.items[0].metadata}", "{\"labels\":{\"app.io/x\":\"1\"},\"name\":\"a\"}"),
            ("name: {.items[0].status.n}.", "name: 1."),
        ] {
            assert_eq!(Template::read(template).unwrap().print(&list()), expected, "{template}");
        }
    }

    #[test]
    fn broken_templates_are_refused() {
        for template in ["{", "{.a", "{range .a}", "{end}", "{.a[}", "{.a[?(@.b}", "{'a}", "{.a}}{", "{.a b}"] {
            assert!(Template::read(template).is_err(), "{template}");
        }
        let deep = "{range .a}".repeat(1000);
        assert!(Template::read(&deep).is_err());
    }
}
