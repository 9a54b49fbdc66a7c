//! What a field is expected to be, compared by value: `512Mi` equals `536870912`, `0.01` equals `10m`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::path::FieldPath;
use crate::quantity::Quantity;

/// The expected values by path, as lab files write them.
pub type Fields = BTreeMap<FieldPath, Expectation>;

/// What one value is expected to be.
///
/// A lab file writes the value itself (`512Mi`; a map means «has at least these keys»), or one operator:
/// `{ min: 1, max: 5 }`, `{ any_of: [a, b] }`, `{ exists: false }`, `{ contains: text }`, `{ not: x }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Value", try_from = "Value")]
pub enum Expectation {
    /// This value.
    Equal(Value),
    /// A quantity or number between the two, bounds included.
    Between {
        /// The least.
        min: Option<Value>,
        /// The most.
        max: Option<Value>,
    },
    /// One of these values.
    AnyOf(Vec<Value>),
    /// Any value at all.
    Present,
    /// No value.
    Absent,
    /// A text that contains this one, or a list that has this element.
    Contains(String),
    /// Anything but this value (no value at all counts as well).
    Not(Value),
}

/// Why an operator cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadExpectation {
    /// `min` or `max` is neither a number nor a quantity.
    #[error("`{0}` is neither a number nor a quantity such as 512Mi")]
    NotAnAmount(String),
    /// An operator's argument has the wrong type.
    #[error("`{operator}` takes {wanted}")]
    WrongArgument {
        /// The operator.
        operator: &'static str,
        /// What it takes.
        wanted: &'static str,
    },
    /// Operators that do not go together.
    #[error("only `min` and `max` can be written together")]
    Mixed,
}

impl Expectation {
    /// Returns whether the values that a path leads to are as expected. Every one must be, and there must be one,
    /// unless none is wanted.
    pub fn holds(&self, found: &[&Value]) -> bool {
        let there: Vec<&Value> = found.iter().copied().filter(|value| !value.is_null()).collect();
        match self {
            Expectation::Absent => there.is_empty(),
            Expectation::Not(value) => !there.iter().any(|found| same(value, found)),
            Expectation::Equal(Value::Null) => there.is_empty(),
            Expectation::Equal(_)
            | Expectation::Between { .. }
            | Expectation::AnyOf(_)
            | Expectation::Present
            | Expectation::Contains(_) => !there.is_empty() && there.iter().all(|value| self.accepts(value)),
        }
    }

    fn accepts(&self, found: &Value) -> bool {
        match self {
            Expectation::Equal(value) => same(value, found),
            Expectation::Between { min, max } => amount(found).is_some_and(|found| {
                min.as_ref().and_then(amount).is_none_or(|min| min <= found)
                    && max.as_ref().and_then(amount).is_none_or(|max| found <= max)
            }),
            Expectation::AnyOf(values) => values.iter().any(|value| same(value, found)),
            Expectation::Present => true,
            Expectation::Absent => false,
            Expectation::Contains(text) => match found {
                Value::String(found) => found.contains(text.as_str()),
                Value::Array(elements) => elements.iter().any(|element| same(&Value::String(text.clone()), element)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
            },
            Expectation::Not(value) => !same(value, found),
        }
    }
}

/// Returns whether two values mean the same: quantities by amount, numbers as numeric texts, booleans as their text,
/// maps as «has at least these keys», lists element by element.
pub fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected.iter().all(|(key, value)| match found.get(key) {
            Some(found) => same(value, found),
            None => value.is_null(),
        }),
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(expected, found)| same(expected, found))
        }
        (Value::Bool(truth), Value::String(text)) | (Value::String(text), Value::Bool(truth)) => {
            text.eq_ignore_ascii_case(if *truth { "true" } else { "false" })
        }
        // Two plain texts are compared as texts: as a version, `1.10` is not `1.1`.
        (Value::String(expected), Value::String(found)) if plain(expected) && plain(found) => expected == found,
        (Value::String(_) | Value::Number(_), Value::String(_) | Value::Number(_)) => {
            expected == found
                || match (amount(expected), amount(found)) {
                    (Some(expected), Some(found)) => expected == found,
                    _ => false,
                }
        }
        _ => expected == found,
    }
}

/// Returns whether a text has no unit.
fn plain(text: &str) -> bool {
    text.bytes().last().is_none_or(|last| last.is_ascii_digit()) || amount(&Value::String(text.to_owned())).is_none()
}

fn amount(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

impl TryFrom<Value> for Expectation {
    type Error = BadExpectation;

    fn try_from(value: Value) -> Result<Expectation, BadExpectation> {
        const OPERATORS: [&str; 6] = ["min", "max", "any_of", "exists", "contains", "not"];
        match value {
            Value::Object(map) if !map.is_empty() && map.keys().all(|key| OPERATORS.contains(&key.as_str())) => {
                operator(map)
            }
            other => Ok(Expectation::Equal(other)),
        }
    }
}

fn operator(mut map: Map<String, Value>) -> Result<Expectation, BadExpectation> {
    if map.keys().all(|key| key == "min" || key == "max") {
        let (min, max) = (map.remove("min"), map.remove("max"));
        for bound in [&min, &max].into_iter().flatten() {
            if amount(bound).is_none() {
                return Err(BadExpectation::NotAnAmount(bound.to_string()));
            }
        }
        return Ok(Expectation::Between { min, max });
    }
    if map.len() > 1 {
        return Err(BadExpectation::Mixed);
    }
    match map.into_iter().next() {
        Some((key, Value::Array(values))) if key == "any_of" => Ok(Expectation::AnyOf(values)),
        Some((key, _)) if key == "any_of" => {
            Err(BadExpectation::WrongArgument { operator: "any_of", wanted: "a list of values" })
        }
        Some((key, Value::Bool(true))) if key == "exists" => Ok(Expectation::Present),
        Some((key, Value::Bool(false))) if key == "exists" => Ok(Expectation::Absent),
        Some((key, _)) if key == "exists" => {
            Err(BadExpectation::WrongArgument { operator: "exists", wanted: "true or false" })
        }
        Some((key, Value::String(text))) if key == "contains" => Ok(Expectation::Contains(text)),
        Some((key, _)) if key == "contains" => {
            Err(BadExpectation::WrongArgument { operator: "contains", wanted: "a text" })
        }
        Some((_, value)) => Ok(Expectation::Not(value)),
        None => Err(BadExpectation::Mixed),
    }
}

impl From<Expectation> for Value {
    fn from(expectation: Expectation) -> Value {
        let one = |key: &str, value: Value| Value::Object(Map::from_iter([(key.to_owned(), value)]));
        match expectation {
            Expectation::Equal(value) => value,
            Expectation::Between { min, max } => Value::Object(
                [("min", min), ("max", max)]
                    .into_iter()
                    .filter_map(|(key, bound)| Some((key.to_owned(), bound?)))
                    .collect(),
            ),
            Expectation::AnyOf(values) => one("any_of", Value::Array(values)),
            Expectation::Present => one("exists", Value::Bool(true)),
            Expectation::Absent => one("exists", Value::Bool(false)),
            Expectation::Contains(text) => one("contains", Value::String(text)),
            Expectation::Not(value) => one("not", value),
        }
    }
}

/// One field that is not as expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldFinding {
    /// The path.
    pub path: FieldPath,
    /// What was expected.
    pub expected: Expectation,
    /// What is there; nothing where the path leads nowhere.
    pub found: Vec<Value>,
}

/// Returns the fields of `object` that are not as expected.
pub(crate) fn differences(fields: &Fields, object: &Value) -> Vec<FieldFinding> {
    fields
        .iter()
        .filter_map(|(path, expected)| {
            let found = path.find(object);
            (!expected.holds(&found)).then(|| FieldFinding {
                path: path.clone(),
                expected: expected.clone(),
                found: found.into_iter().cloned().collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_compared_by_what_they_mean() {
        for (expected, found, equal) in [
            (json!("512Mi"), json!("536870912"), true),
            (json!("512Mi"), json!(536_870_912), true),
            (json!("512Mi"), json!("512M"), false),
            (json!("0.01"), json!("10m"), true),
            (json!(0.01), json!("10m"), true),
            (json!(80), json!("80"), true),
            (json!("True"), json!("True"), true),
            (json!(true), json!("True"), true),
            (json!("1.10"), json!("1.1"), false),
            (json!("nginx:1.27"), json!("nginx:1.27"), true),
            (json!({ "a": 1 }), json!({ "a": 1, "b": 2 }), true),
            (json!({ "a": 1, "b": 2 }), json!({ "a": 1 }), false),
            (json!(["a"]), json!(["a", "b"]), false),
            (json!({}), json!("x"), false),
            (json!("1e3"), json!("1k"), true),
        ] {
            assert_eq!(same(&expected, &found), equal, "{expected} and {found}");
        }
    }

    fn check(written: Value, found: &[Value], holds: bool) {
        let expectation = Expectation::try_from(written.clone()).unwrap();
        assert_eq!(expectation.holds(&found.iter().collect::<Vec<_>>()), holds, "{written} on {found:?}");
        assert_eq!(Value::from(expectation), written, "round trip");
    }

    #[test]
    fn operators_hold_or_not() {
        check(json!({ "min": 1, "max": 5 }), &[json!(5)], true);
        check(json!({ "min": 1, "max": 5 }), &[json!(6)], false);
        check(json!({ "max": "2Gi" }), &[json!("2048Mi")], true);
        check(json!({ "min": 1 }), &[], false);
        check(json!({ "min": 1 }), &[json!("abc")], false);
        check(json!({ "any_of": ["a", "512Mi"] }), &[json!(536_870_912)], true);
        check(json!({ "any_of": ["a"] }), &[json!("b")], false);
        check(json!({ "exists": true }), &[json!(0)], true);
        check(json!({ "exists": true }), &[Value::Null], false);
        check(json!({ "exists": false }), &[], true);
        check(json!({ "exists": false }), &[json!("x")], false);
        check(json!({ "contains": "exceeded quota" }), &[json!("x exceeded quota: y")], true);
        check(json!({ "contains": "NET_RAW" }), &[json!(["ALL", "NET_RAW"])], true);
        check(json!({ "contains": "a" }), &[json!("a"), json!("b")], false);
        check(json!({ "not": "root" }), &[], true);
        check(json!({ "not": "root" }), &[json!("root")], false);
        check(Value::Null, &[], true);
        check(json!({ "max": 3, "other": 1 }), &[json!({ "max": 3, "other": 1 })], true);
    }

    #[test]
    fn bad_operators_are_refused() {
        for written in [
            json!({ "min": "much" }),
            json!({ "any_of": 3 }),
            json!({ "exists": "yes" }),
            json!({ "min": 1, "not": 2 }),
        ] {
            assert!(Expectation::try_from(written.clone()).is_err(), "{written}");
        }
    }
}
