//! The v2 document in protobuf: gnostic's `openapiv2/OpenAPIv2.proto`. kubectl asks for this form first.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::paths;
use crate::resources::{Resource, Served};

/// Returns the whole document.
pub(super) fn document(served: &Served, definitions: &BTreeMap<Cow<'_, str>, Cow<'_, str>>) -> Vec<u8> {
    let info = [text(1, "Kubernetes"), text(2, "unversioned")].concat();
    let parameters = paths::parameters(served.version);
    let mut bytes = [text(1, "2.0"), message(2, &info)].concat();
    let paths: Vec<u8> = served.all().flat_map(|resource| message(2, &path_item(resource, parameters))).collect();
    bytes.extend(message(8, &paths));
    let mut all = Vec::new();
    for (name, definition) in definitions {
        // One after another: the whole document as values would take many times its size.
        let parsed: Value = serde_json::from_str(definition).unwrap_or_default();
        all.extend(message(1, &named(name, &schema(&parsed))));
    }
    bytes.extend(message(9, &all));
    bytes
}

/// `NamedPathItem{name, value: PathItem{patch: Operation{parameters, vendor_extension}}}`.
fn path_item(resource: &Resource, parameters: &[&str]) -> Vec<u8> {
    // ParametersItem{parameter: Parameter{non_body_parameter: {query_parameter_sub_schema: {in, name}}}}.
    let parameter = |name: &&str| {
        let query = [text(2, "query"), text(4, name)].concat();
        message(8, &message(1, &message(2, &message(3, &query))))
    };
    let parameter: Vec<u8> = parameters.iter().flat_map(parameter).collect();
    let kind = serde_json::json!({ "group": resource.group, "kind": resource.kind, "version": resource.version });
    let extension = named("x-kubernetes-group-version-kind", &text(2, &kind.to_string()));
    let operation = [parameter, message(13, &extension)].concat();
    named(&format!("{}/{{name}}", paths::collection(resource)), &message(8, &operation))
}

/// A name and a message.
fn named(name: &str, value: &[u8]) -> Vec<u8> {
    [text(1, name), message(2, value)].concat()
}

/// `Schema`. What v2 has no field for is left out, as the real server does.
fn schema(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Some(map) = value.as_object() else { return bytes };
    for (key, field) in [("$ref", 1), ("format", 2), ("title", 3), ("description", 4)] {
        if let Some(value) = map.get(key).and_then(Value::as_str) {
            bytes.extend(text(field, value));
        }
    }
    // Any{yaml}: JSON is YAML.
    if let Some(default) = map.get("default") {
        bytes.extend(message(5, &text(2, &default.to_string())));
    }
    numbers(map, &mut bytes);
    for required in map.get("required").and_then(Value::as_array).into_iter().flatten() {
        bytes.extend(text(19, required.as_str().unwrap_or_default()));
    }
    for value in map.get("enum").and_then(Value::as_array).into_iter().flatten() {
        bytes.extend(message(20, &text(2, &value.to_string())));
    }
    match map.get("additionalProperties") {
        Some(Value::Bool(value)) => bytes.extend(message(21, &varint(2, u64::from(*value)))),
        Some(inner) => bytes.extend(message(21, &message(1, &schema(inner)))),
        None => {}
    }
    if let Some(kind) = map.get("type").and_then(Value::as_str) {
        bytes.extend(message(22, &text(1, kind)));
    }
    if let Some(items) = map.get("items") {
        bytes.extend(message(23, &message(1, &schema(items))));
    }
    if let Some(properties) = map.get("properties").and_then(Value::as_object) {
        let all: Vec<u8> =
            properties.iter().flat_map(|(name, property)| message(1, &named(name, &schema(property)))).collect();
        bytes.extend(message(25, &all));
    }
    for (key, value) in map.iter().filter(|(key, _)| key.starts_with("x-")) {
        bytes.extend(message(31, &named(key, &text(2, &value.to_string()))));
    }
    bytes
}

/// The bounds, which only custom resources have.
fn numbers(map: &Map<String, Value>, bytes: &mut Vec<u8>) {
    for (key, field) in [("multipleOf", 6), ("maximum", 7), ("minimum", 9)] {
        if let Some(value) = map.get(key).and_then(Value::as_f64) {
            bytes.extend(key_of(field, 1));
            bytes.extend(value.to_le_bytes());
        }
    }
    for (key, field) in [("exclusiveMaximum", 8), ("exclusiveMinimum", 10), ("uniqueItems", 16)] {
        if let Some(value) = map.get(key).and_then(Value::as_bool) {
            bytes.extend(varint(field, u64::from(value)));
        }
    }
    for (key, field) in [
        ("maxLength", 11),
        ("minLength", 12),
        ("maxItems", 14),
        ("minItems", 15),
        ("maxProperties", 17),
        ("minProperties", 18),
    ] {
        if let Some(value) = map.get(key).and_then(Value::as_u64) {
            bytes.extend(varint(field, value));
        }
    }
    if let Some(pattern) = map.get("pattern").and_then(Value::as_str) {
        bytes.extend(text(13, pattern));
    }
}

fn text(field: u8, value: &str) -> Vec<u8> {
    message(field, value.as_bytes())
}

/// Returns a length-delimited field.
fn message(field: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = key_of(field, 2);
    bytes.extend(number(value.len() as u64));
    bytes.extend_from_slice(value);
    bytes
}

fn varint(field: u8, value: u64) -> Vec<u8> {
    [key_of(field, 0), number(value)].concat()
}

/// Returns a field's number and wire type.
fn key_of(field: u8, wire: u8) -> Vec<u8> {
    number(u64::from(field) << 3 | u64::from(wire))
}

fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_written_as_gnostic_does() {
        let found = schema(&json!({
            "type": "object", "required": ["a"], "properties": { "a": { "type": "integer", "format": "int32" } },
        }));
        let expected = b"\x9a\x01\x01a\xb2\x01\x08\x0a\x06object\xca\x01\x1a\x0a\x18\x0a\x01a\x12\x13\x12\x05int32\xb2\x01\x09\x0a\x07integer";
        assert_eq!(found, expected);
    }
}
