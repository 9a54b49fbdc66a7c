//! Label and field selectors, as queries write them.

use serde_json::Value;

use crate::api::Status;
use crate::resources::Resource;

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Condition {
    fn holds(&self, found: Option<&str>) -> bool {
        match &self.test {
            Test::In(values) => found.is_some_and(|found| values.iter().any(|value| value == found)),
            Test::NotIn(values) => found.is_none_or(|found| values.iter().all(|value| value != found)),
            Test::Exists => found.is_some(),
            Test::Absent => found.is_none(),
        }
    }
}

impl Selector {
    /// Parses a label selector: `a=b,c!=d,e in (f,g),h,!i`.
    pub(crate) fn parse_labels(text: &str) -> Result<Selector, Status> {
        let mut conditions = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            conditions.push(label_condition(part).ok_or_else(|| {
                Status::bad_request(format!("unable to parse requirement: found {part:?}, expected: a label selector"))
            })?);
        }
        Ok(Selector { conditions })
    }

    /// Parses a field selector: `metadata.name=a,status.phase!=Running`.
    pub(crate) fn parse_fields(text: &str, resource: &Resource) -> Result<Selector, Status> {
        let mut conditions = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (key, test) = if let Some((key, value)) = part.split_once("!=") {
                (key, Test::NotIn(vec![value.to_owned()]))
            } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (key, Test::In(vec![value.to_owned()]))
            } else {
                return Err(Status::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'")));
            };
            let key = key.trim();
            if !selectable(resource, key) {
                return Err(Status::bad_request(format!(
                    "Unable to find {:?} that match label selector \"\", field selector {text:?}: \
                     field label not supported: {key}",
                    gvk(resource)
                )));
            }
            conditions.push(Condition { key: key.to_owned(), test });
        }
        Ok(Selector { conditions })
    }

    /// Parses a `LabelSelector` object (`matchLabels`, `matchExpressions`). An empty one matches everything, an
    /// absent one (null) nothing.
    pub(crate) fn from_object(selector: &Value) -> Option<Selector> {
        let map = selector.as_object()?;
        let mut conditions = Vec::new();
        if let Some(labels) = map.get("matchLabels").and_then(Value::as_object) {
            for (key, value) in labels {
                let value = value.as_str().unwrap_or_default().to_owned();
                conditions.push(Condition { key: key.clone(), test: Test::In(vec![value]) });
            }
        }
        for expression in map.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let values: Vec<String> = expression["values"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect();
            let test = match expression["operator"].as_str()? {
                "In" => Test::In(values),
                "NotIn" => Test::NotIn(values),
                "Exists" => Test::Exists,
                "DoesNotExist" => Test::Absent,
                _ => return None,
            };
            conditions.push(Condition { key: expression["key"].as_str()?.to_owned(), test });
        }
        Some(Selector { conditions })
    }

    /// Tells whether an object's labels match.
    pub(crate) fn matches_labels(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.matches_map(labels)
    }

    /// Tells whether a map of labels matches.
    pub(crate) fn matches_map(&self, labels: &Value) -> bool {
        self.conditions.iter().all(|condition| condition.holds(labels.get(&condition.key).and_then(Value::as_str)))
    }

    /// Tells whether an object's fields match.
    pub(crate) fn matches_fields(&self, object: &Value) -> bool {
        self.conditions.iter().all(|condition| condition.holds(Some(&field(object, &condition.key))))
    }
}

fn gvk(resource: &Resource) -> String {
    format!("{}, Kind={}", resource.api_version(), resource.kind)
}

fn label_condition(part: &str) -> Option<Condition> {
    let condition = |key: &str, test| {
        let key = key.trim();
        let fits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        fits.then(|| Condition { key: key.to_owned(), test })
    };
    if let Some((head, values)) = part.strip_suffix(')').and_then(|part| part.split_once('(')) {
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let head = head.trim_end();
        return match head.strip_suffix(" notin") {
            Some(key) => condition(key, Test::NotIn(values)),
            None => condition(head.strip_suffix(" in")?, Test::In(values)),
        };
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((key, value)) = part.split_once("!=") {
        condition(key, Test::NotIn(one(value)))
    } else if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        condition(key, Test::In(one(value)))
    } else if let Some(key) = part.strip_prefix('!') {
        condition(key, Test::Absent)
    } else {
        condition(part, Test::Exists)
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn selectable(resource: &Resource, field: &str) -> bool {
    const EVENT: &[&str] = &[
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ];
    const POD: &[&str] = &[
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ];
    if field == "metadata.name" || (field == "metadata.namespace" && resource.is_namespaced()) {
        return true;
    }
    match (resource.group, resource.plural) {
        ("", "events") => EVENT.contains(&field),
        ("", "pods") => POD.contains(&field),
        ("", "namespaces") => field == "status.phase",
        ("", "nodes") => field == "spec.unschedulable",
        ("", "secrets") => field == "type",
        ("", "services") => field == "spec.clusterIP" || field == "spec.type",
        ("apps", "replicasets") => field == "status.replicas",
        _ => false,
    }
}

fn field(object: &Value, path: &str) -> String {
    // An event's `source` is the component's name.
    let path = if path == "source" { "source.component" } else { path };
    let mut value = object;
    for segment in path.split('.') {
        value = &value[segment];
    }
    match value {
        Value::String(text) => text.clone(),
        Value::Null if path == "spec.unschedulable" || path == "spec.hostNetwork" => "false".to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::{EVENTS, PODS};

    #[test]
    fn label_selectors_read_as_kubectl_writes_them() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        for (text, expected) in [
            ("app=web", true),
            ("app==web,tier!=back", true),
            ("app in (web, api),!gone", true),
            ("app notin (web)", false),
            ("gone", false),
            ("", true),
        ] {
            assert_eq!(Selector::parse_labels(text).unwrap().matches_labels(&object), expected, "{text}");
        }
        assert!(Selector::parse_labels("a b").is_err());
    }

    #[test]
    fn field_selectors_know_their_resource() {
        let pod = json!({"metadata": {"name": "web"}, "spec": {"nodeName": "node2"}, "status": {"phase": "Running"}});
        let selector = Selector::parse_fields("spec.nodeName=node2,status.phase!=Failed", &PODS).unwrap();
        assert!(selector.matches_fields(&pod));
        assert!(Selector::parse_fields("spec.nodeName=node2", &EVENTS).is_err());
    }

    #[test]
    fn a_selector_object_without_conditions_matches_all_and_an_absent_one_none() {
        assert!(Selector::from_object(&json!({})).unwrap().matches_labels(&json!({})));
        assert!(Selector::from_object(&Value::Null).is_none());
    }
}
