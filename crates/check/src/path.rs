//! Paths into objects: `spec.limits[type=Container].default.memory`, `spec.containers[0].image`,
//! `metadata.labels["app.kubernetes.io/name"]`, `spec.containers[*].resources`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A path into a JSON value, read once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct FieldPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A key of an object.
    Key(String),
    /// An element of a list, from 0.
    Index(usize),
    /// The elements of a list whose field has this text.
    Where(String, String),
    /// Every element of a list.
    Each,
}

/// Why a text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not a path: {reason} at character {at}")]
pub struct BadPath {
    /// The text.
    pub path: String,
    /// What is wrong.
    pub reason: &'static str,
    /// Where, in characters from 1.
    pub at: usize,
}

impl FieldPath {
    /// Returns what the path leads to; several values where it names every element of a list.
    pub fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for step in &self.steps {
            found = found.into_iter().flat_map(|value| step.follow(value)).collect();
        }
        found
    }

    /// Returns whether the path leads below the top-level field of this name.
    pub fn starts_with(&self, key: &str) -> bool {
        matches!(self.steps.first(), Some(Step::Key(first)) if first == key)
    }

    /// Returns the path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Step {
    fn follow<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match self {
            Step::Key(key) => value.get(key.as_str()).into_iter().collect(),
            Step::Index(index) => value.get(*index).into_iter().collect(),
            Step::Where(key, wanted) => elements(value)
                .filter(|element| match element.get(key.as_str()) {
                    Some(Value::String(text)) => text == wanted,
                    Some(Value::Bool(truth)) => (if *truth { "true" } else { "false" }) == wanted,
                    Some(Value::Number(number)) => number.to_string().as_str() == wanted,
                    Some(Value::Null | Value::Array(_) | Value::Object(_)) => false,
                    None => false,
                })
                .collect(),
            Step::Each => elements(value).collect(),
        }
    }
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl TryFrom<String> for FieldPath {
    type Error = BadPath;

    fn try_from(text: String) -> Result<FieldPath, BadPath> {
        match parse(&text) {
            Ok(steps) => Ok(FieldPath { text, steps }),
            Err((reason, rest)) => {
                let at = text.chars().count() - rest.chars().count() + 1;
                Err(BadPath { path: text, reason, at })
            }
        }
    }
}

impl From<FieldPath> for String {
    fn from(path: FieldPath) -> String {
        path.text
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the steps, or what is wrong and the rest of the text from there.
fn parse(text: &str) -> Result<Vec<Step>, (&'static str, &str)> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        if let Some(inside) = rest.strip_prefix('[') {
            let (step, after) = bracket(inside)?;
            steps.push(step);
            rest = after;
        } else {
            let end = rest.find(['.', '[', ']', '"', '=']).unwrap_or(rest.len());
            if end == 0 {
                return Err(("a name is missing", rest));
            }
            steps.push(Step::Key(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        if rest.is_empty() {
            return Ok(steps);
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.starts_with('[') => {}
            None => return Err(("expected `.` or `[`", rest)),
        }
    }
}

fn bracket(inside: &str) -> Result<(Step, &str), (&'static str, &str)> {
    if let Some(quoted) = inside.strip_prefix('"') {
        let Some((key, after)) = quoted.split_once('"') else { return Err(("a quote is not closed", inside)) };
        let Some(after) = after.strip_prefix(']') else { return Err(("expected `]`", after)) };
        return Ok((Step::Key(key.to_owned()), after));
    }
    let Some((body, after)) = inside.split_once(']') else { return Err(("a bracket is not closed", inside)) };
    let step = match body.split_once('=') {
        Some((key, value)) if !key.is_empty() => Step::Where(key.to_owned(), value.trim_matches('"').to_owned()),
        Some(_) => return Err(("a name is missing", inside)),
        None if body == "*" => Step::Each,
        None => match body.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => return Err(("expected a number, `*`, `name=value` or a quoted key", inside)),
        },
    };
    Ok((step, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> FieldPath {
        FieldPath::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn paths_lead_to_values() {
        let object = json!({
            "metadata": { "labels": { "a.b/c": "x" } },
            "spec": {
                "limits": [{ "type": "Pod" }, { "type": "Container", "default": { "memory": "512Mi" } }],
                "containers": [{ "name": "a", "port": 80 }, { "name": "b", "port": 81 }],
            },
        });
        for (text, found) in [
            ("spec.limits[type=Container].default.memory", vec![json!("512Mi")]),
            ("metadata.labels[\"a.b/c\"]", vec![json!("x")]),
            ("spec.containers[1].name", vec![json!("b")]),
            ("spec.containers[*].name", vec![json!("a"), json!("b")]),
            ("spec.containers[port=81].name", vec![json!("b")]),
            ("spec[\"containers\"][0].name", vec![json!("a")]),
            ("spec.containers[7].name", vec![]),
            ("spec.nothing.at.all", vec![]),
            ("metadata.labels[*]", vec![]),
        ] {
            assert_eq!(path(text).find(&object), found.iter().collect::<Vec<_>>(), "{text}");
        }
    }

    #[test]
    fn bad_paths_say_where() {
        for (text, at) in [
            ("", 1),
            ("a..b", 3),
            (".a", 1),
            ("a.", 3),
            ("a[", 3),
            ("a[x]", 3),
            ("a[\"b]", 3),
            ("a]", 2),
            ("a[=x]", 3),
            ("a[0]b", 5),
        ] {
            assert_eq!(FieldPath::try_from(text.to_owned()).unwrap_err().at, at, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_path_or_is_refused(text in "[a-z.\\[\\]\"=*0-9 é]{0,24}") {
            match FieldPath::try_from(text.clone()) {
                Ok(path) => {
                    proptest::prop_assert_eq!(path.as_str(), text.as_str());
                    path.find(&json!({ "a": [{ "b": 1 }] }));
                }
                Err(bad) => proptest::prop_assert!(bad.at >= 1 && bad.at <= text.chars().count() + 1),
            }
        }
    }
}
