//! `metadata`: what the server fills in, and which names, labels and annotations it takes.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Cause, Status, meta};
use crate::rbac;
use crate::resources::Resource;

const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
    '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation \
    is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const DNS_1035_RULE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
    alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
    validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex \
    used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const KEY_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
    alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// The letters and digits of generated names: no vowels, so that no words come out.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Returns `metadata` as a map; makes one where there is none, refuses anything else.
pub(super) fn of(object: &mut Value) -> Result<&mut Map<String, Value>, Status> {
    let refusal = || Status::bad_request("the object provided is unrecognized (must be of type Object)");
    let map = object.as_object_mut().ok_or_else(refusal)?;
    let entry = map.entry("metadata").or_insert_with(|| json!({}));
    if entry.is_null() {
        *entry = json!({});
    }
    entry.as_object_mut().ok_or_else(refusal)
}

/// Returns `length` random letters and digits.
pub(crate) fn random_suffix(length: usize) -> String {
    let bytes = Uuid::new_v4().into_bytes();
    bytes.iter().take(length).map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

/// Returns a generated name: at most 63 characters.
pub(super) fn generate_name(base: &str) -> String {
    let base: String = base.chars().take(58).collect();
    format!("{base}{}", random_suffix(5))
}

/// Returns what is wrong with an object's `metadata`.
pub(super) fn validate(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = meta(object, "name");
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else if let Some(rule) = name_fault(resource, name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), rule));
    }
    if let Some(labels) = object["metadata"]["labels"].as_object() {
        causes.extend(label_faults("metadata.labels", labels));
    }
    if let Some(annotations) = object["metadata"]["annotations"].as_object() {
        for key in annotations.keys() {
            causes.extend(key_fault("metadata.annotations", key));
        }
    }
    causes
}

/// Returns what is wrong with a map of labels.
pub(crate) fn label_faults(path: &str, labels: &Map<String, Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in labels {
        causes.extend(key_fault(path, key));
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(path, value, "must be no more than 63 bytes"));
        } else if !text.is_empty() && !is_word(text) {
            causes.push(Cause::invalid(path, value, VALUE_RULE));
        }
    }
    causes
}

fn key_fault(path: &str, key: &str) -> Option<Cause> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        return Some(Cause::invalid(path, &key.into(), &format!("prefix part {SUBDOMAIN_RULE}")));
    }
    if name.len() > 63 {
        return Some(Cause::invalid(path, &key.into(), "name part must be no more than 63 bytes"));
    }
    (!is_word(name)).then(|| Cause::invalid(path, &key.into(), KEY_RULE))
}

fn name_fault(resource: &Resource, name: &str) -> Option<&'static str> {
    match (resource.group, resource.plural) {
        ("", "namespaces") if name.len() > 63 => Some("must be no more than 63 characters"),
        ("", "namespaces") => (!is_label(name)).then_some(LABEL_RULE),
        ("", "services") => {
            let fits = is_label(name) && name.starts_with(|first: char| first.is_ascii_lowercase());
            (!fits).then_some(DNS_1035_RULE)
        }
        // Names such as `system:node`.
        (rbac::GROUP, _) => segment_fault(name),
        _ => subdomain_fault(name),
    }
}

/// Returns what is wrong with a name of which only the place in a path matters (`ValidatePathSegmentName`).
pub(crate) fn segment_fault(name: &str) -> Option<&'static str> {
    match name {
        "." => Some("may not be '.'"),
        ".." => Some("may not be '..'"),
        name if name.contains('/') => Some("may not contain '/'"),
        name if name.contains('%') => Some("may not contain '%'"),
        _ => None,
    }
}

/// Returns what is wrong with a name that most objects could have.
pub(crate) fn subdomain_fault(name: &str) -> Option<&'static str> {
    if name.len() > 253 {
        return Some("must be no more than 253 characters");
    }
    (!is_subdomain(name)).then_some(SUBDOMAIN_RULE)
}

fn is_label(text: &str) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(edge)
        && bytes.last().is_some_and(edge)
        && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{NAMESPACES, PODS, SERVICES};

    #[test]
    fn names_follow_the_rule_of_their_resource() {
        assert!(name_fault(&PODS, "a.b").is_none());
        assert!(name_fault(&PODS, "A").is_some());
        assert!(name_fault(&NAMESPACES, "a.b").is_some());
        assert!(name_fault(&SERVICES, "1a").is_some());
        assert_eq!(generate_name("web-").len(), 9);
    }

    #[test]
    fn labels_are_words() {
        let labels = json!({"app": "web", "a b": "x", "tier": "-"});
        assert_eq!(label_faults("metadata.labels", labels.as_object().unwrap()).len(), 2);
    }
}
