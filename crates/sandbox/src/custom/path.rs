//! The simple JSON paths of printer columns: fields, indices, `[*]` and one comparison, such as
//! `.status.conditions[?(@.type=="Ready")].status`.

use serde_json::Value;

/// How many steps a path may have.
const STEPS: usize = 64;

/// A parsed path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(i64),
    All,
    /// The items of a list whose field has a value.
    Where(String, Value),
}

impl Path {
    /// Parses a path; `None` if it is none, or not of these simple ones.
    pub(crate) fn parse(text: &str) -> Option<Path> {
        let mut steps = Vec::new();
        let mut rest = text.trim().trim_start_matches('$');
        while !rest.is_empty() {
            if steps.len() == STEPS {
                return None;
            }
            if let Some(after) = rest.strip_prefix('[') {
                let end = end_of_bracket(after)?;
                steps.push(bracket(after.get(..end)?.trim())?);
                rest = after.get(end + 1..)?;
            } else {
                let after = rest.strip_prefix('.')?;
                let (name, next) = field(after);
                rest = next;
                match name.as_str() {
                    "" => return None,
                    "*" => steps.push(Step::All),
                    _ => steps.push(Step::Field(name)),
                }
            }
        }
        Some(Path(steps))
    }

    /// Returns the first value that the path leads to.
    pub(crate) fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        walk(&self.0, value)
    }
}

/// Returns where a bracket ends: quoted text may hold brackets.
fn end_of_bracket(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, ']') => return Some(at),
            _ => {}
        }
    }
    None
}

/// Splits a field's name off; a backslash makes a dot part of it.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => name.extend(characters.next().map(|(_, escaped)| escaped)),
            '.' | '[' => return (name, &text[at..]),
            other => name.push(other),
        }
    }
    (name, "")
}

fn bracket(inner: &str) -> Option<Step> {
    if inner == "*" {
        return Some(Step::All);
    }
    if let Some(condition) = inner.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')) {
        let (left, right) = condition.split_once("==")?;
        let name = left.trim().strip_prefix("@.")?;
        let right = right.trim();
        let value = match unquoted(right) {
            Some(text) => Value::from(text),
            None => serde_json::from_str(right).ok()?,
        };
        return Some(Step::Where(name.to_owned(), value));
    }
    match unquoted(inner) {
        Some(name) => Some(Step::Field(name.to_owned())),
        None => inner.parse().ok().map(Step::Index),
    }
}

fn unquoted(text: &str) -> Option<&str> {
    ['\'', '"'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
}

fn walk<'a>(steps: &[Step], value: &'a Value) -> Option<&'a Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(value) };
    match step {
        Step::Field(name) => walk(rest, value.get(name)?),
        Step::Index(index) => {
            let items = value.as_array()?;
            let index = if *index < 0 { i64::try_from(items.len()).ok()? + index } else { *index };
            walk(rest, items.get(usize::try_from(index).ok()?)?)
        }
        Step::All => match value {
            Value::Array(items) => items.iter().find_map(|item| walk(rest, item)),
            Value::Object(map) => map.values().find_map(|item| walk(rest, item)),
            _ => None,
        },
        Step::Where(name, wanted) => {
            let fits = |item: &&Value| name.split('.').try_fold(*item, |at, part| at.get(part)) == Some(wanted);
            value.as_array()?.iter().filter(fits).find_map(|item| walk(rest, item))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let value = json!({"spec": {"list": ["a", "b"], "a.b": 1},
            "status": {"conditions": [{"type": "X", "status": "False"}, {"type": "Ready", "status": "True"}]}});
        for (path, expected) in [
            (".spec.list[0]", Some(json!("a"))),
            (".spec.list[-1]", Some(json!("b"))),
            (".spec.list[*]", Some(json!("a"))),
            (r".spec.a\.b", Some(json!(1))),
            (".spec['a.b']", Some(json!(1))),
            (r#".status.conditions[?(@.type=="Ready")].status"#, Some(json!("True"))),
            (".status.conditions[?(@.type=='Gone')].status", None),
            (".spec.absent.more", None),
        ] {
            assert_eq!(Path::parse(path).unwrap().first(&value), expected.as_ref(), "{path}");
        }
        for wrong in ["spec", ".spec[", ".spec[x]", "..a", ".a[?(b)]"] {
            assert_eq!(Path::parse(wrong), None, "{wrong}");
        }
    }
}
