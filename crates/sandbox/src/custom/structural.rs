//! Structural schemas: which fields of a custom resource are kept, what is filled in, and what is refused.
//!
//! Rules in CEL (`x-kubernetes-validations`) are stored and not evaluated.

use regex::RegexBuilder;
use serde_json::{Map, Value, json};

use crate::Version;
use crate::api::Cause;

/// How deep objects are looked into; bodies nest no deeper.
const DEPTH: usize = 128;
/// How large a compiled pattern may be, in bytes.
const PATTERN: usize = 1 << 20;

/// Takes out the fields that a schema does not know and returns their paths.
pub(crate) fn prune(schema: &Value, object: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    if !schema.is_object() {
        return unknown;
    }
    let Some(map) = object.as_object_mut() else { return unknown };
    // What every object has is not the schema's to say.
    let own: Vec<(String, Value)> =
        ["apiVersion", "kind", "metadata"].iter().filter_map(|key| map.remove_entry(*key)).collect();
    prune_value(schema, object, "", &mut unknown, 0);
    if let Some(map) = object.as_object_mut() {
        map.extend(own);
    }
    unknown
}

fn preserves(schema: &Value) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == true
}

fn prune_value(schema: &Value, value: &mut Value, path: &str, unknown: &mut Vec<String>, depth: usize) {
    if depth > DEPTH {
        return;
    }
    match value {
        // A wrong type is said as such, later.
        Value::Object(_) if schema["type"].as_str().is_some_and(|kind| kind != "object") => {}
        Value::Object(map) => {
            if schema["x-kubernetes-embedded-resource"] == true {
                let own: Vec<(String, Value)> =
                    ["apiVersion", "kind", "metadata"].iter().filter_map(|key| map.remove_entry(*key)).collect();
                prune_map(schema, map, path, unknown, depth);
                map.extend(own);
            } else {
                prune_map(schema, map, path, unknown, depth);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                prune_value(&schema["items"], item, &format!("{path}[{index}]"), unknown, depth + 1);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn prune_map(schema: &Value, map: &mut Map<String, Value>, path: &str, unknown: &mut Vec<String>, depth: usize) {
    let additional = &schema["additionalProperties"];
    map.retain(|key, value| {
        let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let inner = &schema["properties"][key.as_str()];
        if inner.is_object() {
            prune_value(inner, value, &below, unknown, depth + 1);
        } else if additional.is_object() {
            prune_value(additional, value, &below, unknown, depth + 1);
        } else if *additional != true && !preserves(schema) {
            unknown.push(below);
            return false;
        }
        true
    });
}

/// Fills in what a schema gives for absent fields, and for null where null is not allowed.
pub(crate) fn fill(schema: &Value, value: &mut Value) {
    fill_value(schema, value, 0);
}

fn fill_value(schema: &Value, value: &mut Value, depth: usize) {
    if depth > DEPTH {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
                let is_nullable = inner["nullable"] == true;
                let is_absent = map.get(key).is_none_or(|value| value.is_null() && !is_nullable);
                match inner.get("default") {
                    Some(default) if is_absent => {
                        map.insert(key.clone(), default.clone());
                    }
                    // Null for what may not be null is as if it were not there.
                    _ if is_absent => {
                        map.remove(key);
                    }
                    _ => {}
                }
                if let Some(value) = map.get_mut(key) {
                    fill_value(inner, value, depth + 1);
                }
            }
            if schema["additionalProperties"].is_object() {
                let known = &schema["properties"];
                for (_, value) in map.iter_mut().filter(|(key, _)| known.get(key.as_str()).is_none()) {
                    fill_value(&schema["additionalProperties"], value, depth + 1);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_value(&schema["items"], item, depth + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns what a schema finds wrong with an object.
pub(crate) fn validate(schema: &Value, object: &Value, version: Version) -> Vec<Cause> {
    let mut check = Check { version, causes: Vec::new() };
    if schema.is_object() {
        check.value(schema, object, "", 0);
    }
    check.causes
}

struct Check {
    version: Version,
    causes: Vec<Cause>,
}

impl Check {
    fn invalid(&mut self, path: &str, value: &Value, detail: &str) {
        let body = if path.is_empty() { "" } else { path };
        let field = if path.is_empty() { "<nil>" } else { path };
        self.causes.push(Cause::invalid(field, value, &format!("{body} in body {detail}")));
    }

    fn value(&mut self, schema: &Value, value: &Value, path: &str, depth: usize) {
        if depth > DEPTH || (value.is_null() && schema["nullable"] == true) {
            return;
        }
        if !self.has_type(schema, value, path) {
            return;
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            let words: Vec<String> =
                allowed.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.causes.push(Cause::not_supported(path, value, &words));
        }
        match value {
            Value::String(text) => self.text(schema, text, path),
            Value::Number(_) => self.number(schema, value, path),
            Value::Array(items) => self.items(schema, items, path, depth),
            Value::Object(map) => self.map(schema, map, path, depth),
            Value::Null | Value::Bool(_) => {}
        }
        for inner in schema["allOf"].as_array().into_iter().flatten() {
            self.value(inner, value, path, depth + 1);
        }
        self.choices(schema, value, path, depth);
    }

    fn holds(&self, schema: &Value, value: &Value, depth: usize) -> bool {
        let mut check = Check { version: self.version, causes: Vec::new() };
        check.value(schema, value, "", depth + 1);
        check.causes.is_empty()
    }

    fn choices(&mut self, schema: &Value, value: &Value, path: &str, depth: usize) {
        let count = |key: &str| {
            let choices = schema[key].as_array()?;
            Some(choices.iter().filter(|choice| self.holds(choice, value, depth)).count())
        };
        let (any, one) = (count("anyOf"), count("oneOf"));
        let is_denied = schema["not"].is_object() && self.holds(&schema["not"], value, depth);
        if any == Some(0) {
            self.invalid(path, value, "must validate at least one schema (anyOf)");
        }
        if one.is_some_and(|count| count != 1) {
            let found = if one == Some(0) { "Found none valid" } else { "Found more than one valid" };
            self.invalid(path, value, &format!("must validate one and only one schema (oneOf). {found} alternatives"));
        }
        if is_denied {
            self.invalid(path, value, "must not validate the schema (not)");
        }
    }

    fn has_type(&mut self, schema: &Value, value: &Value, path: &str) -> bool {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let is_either = schema["x-kubernetes-int-or-string"] == true;
        let wanted = match schema["type"].as_str() {
            _ if is_either => "integer,string",
            Some(wanted) => wanted,
            None => return true,
        };
        let fits = match wanted {
            "integer,string" => matches!(found, "integer" | "string"),
            "number" => matches!(found, "integer" | "number"),
            "integer" => found == "integer" || value.as_f64().is_some_and(|number| number.fract() == 0.0),
            other => found == other,
        };
        if !fits {
            let shown = json!(found);
            self.invalid(path, &shown, &format!("must be of type {wanted}: {shown}"));
        }
        fits
    }

    fn text(&mut self, schema: &Value, text: &str, path: &str) {
        let value = json!(text);
        let length = text.chars().count() as u64;
        if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
            let message = match self.version {
                Version::V1_20 | Version::V1_24 => format!("Too long: must have at most {most} bytes"),
                Version::V1_34 => format!("Too long: may not be more than {most} bytes"),
            };
            self.causes.push(Cause { reason: "FieldValueTooLong", message, field: path.to_owned() });
        }
        if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
            self.invalid(path, &value, &format!("should be at least {least} chars long"));
        }
        if let Some(pattern) = schema["pattern"].as_str()
            && RegexBuilder::new(pattern).size_limit(PATTERN).build().is_ok_and(|regex| !regex.is_match(text))
        {
            self.invalid(path, &value, &format!("should match '{pattern}'"));
        }
        let fits = match schema["format"].as_str() {
            Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
            Some("date") => text.parse::<jiff::civil::Date>().is_ok(),
            Some("ipv4") => text.parse::<std::net::Ipv4Addr>().is_ok(),
            Some("ipv6") => text.parse::<std::net::Ipv6Addr>().is_ok(),
            Some("uuid") => uuid::Uuid::parse_str(text).is_ok(),
            Some(_) | None => true,
        };
        if !fits {
            let format = schema["format"].as_str().unwrap_or_default();
            self.invalid(path, &value, &format!("must be of type {format}: {value}"));
        }
    }

    fn number(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(number) = value.as_f64() else { return };
        if let Some(most) = schema["maximum"].as_f64() {
            let is_open = schema["exclusiveMaximum"] == true;
            if number > most || (is_open && number >= most) {
                let than = if is_open { "less than" } else { "less than or equal to" };
                self.invalid(path, value, &format!("should be {than} {most}"));
            }
        }
        if let Some(least) = schema["minimum"].as_f64() {
            let is_open = schema["exclusiveMinimum"] == true;
            if number < least || (is_open && number <= least) {
                let than = if is_open { "greater than" } else { "greater than or equal to" };
                self.invalid(path, value, &format!("should be {than} {least}"));
            }
        }
        if let Some(factor) = schema["multipleOf"].as_f64().filter(|factor| *factor > 0.0)
            && (number / factor).fract() != 0.0
        {
            self.invalid(path, value, &format!("should be a multiple of {factor}"));
        }
    }

    fn items(&mut self, schema: &Value, items: &[Value], path: &str, depth: usize) {
        let count = items.len() as u64;
        if let Some(most) = schema["maxItems"].as_u64().filter(|most| count > *most) {
            let message = format!("Too many: {count}: must have at most {most} items");
            self.causes.push(Cause { reason: "FieldValueTooMany", message, field: path.to_owned() });
        }
        if let Some(least) = schema["minItems"].as_u64().filter(|least| count < *least) {
            self.invalid(path, &json!(count), &format!("should have at least {least} items"));
        }
        for (index, item) in items.iter().enumerate() {
            self.value(&schema["items"], item, &format!("{path}[{index}]"), depth + 1);
        }
        let is_repeated = |index: usize, item: &Value| match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => items[..index].contains(item),
            Some("map") => {
                let keys = schema["x-kubernetes-list-map-keys"].as_array();
                let mut keys = keys.into_iter().flatten().filter_map(Value::as_str).peekable();
                keys.peek().is_some() && {
                    let keys: Vec<&str> = keys.collect();
                    items[..index].iter().any(|other| keys.iter().all(|key| other[*key] == item[*key]))
                }
            }
            Some(_) | None => false,
        };
        for (index, item) in items.iter().enumerate().take(1000) {
            if is_repeated(index, item) {
                self.causes.push(Cause::duplicate(&format!("{path}[{index}]"), item));
            }
        }
    }

    fn map(&mut self, schema: &Value, map: &Map<String, Value>, path: &str, depth: usize) {
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !map.contains_key(required) {
                self.causes.push(Cause::required(&below(required), ""));
            }
        }
        let count = map.len() as u64;
        if let Some(most) = schema["maxProperties"].as_u64().filter(|most| count > *most) {
            let message = format!("Too many: {count}: must have at most {most} items");
            self.causes.push(Cause { reason: "FieldValueTooMany", message, field: path.to_owned() });
        }
        if let Some(least) = schema["minProperties"].as_u64().filter(|least| count < *least) {
            self.invalid(path, &json!(count), &format!("should have at least {least} properties"));
        }
        for (key, value) in map {
            let inner = &schema["properties"][key.as_str()];
            // `metadata` has rules of its own.
            if path.is_empty() && key == "metadata" {
                continue;
            }
            if inner.is_object() {
                self.value(inner, value, &below(key), depth + 1);
            } else if schema["additionalProperties"].is_object() {
                self.value(&schema["additionalProperties"], value, &below(key), depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "required": ["spec"], "properties": {"spec": {"type": "object", "required": ["cron"],
        "properties": {
            "cron": {"type": "string", "pattern": "^a+$"},
            "replicas": {"type": "integer", "minimum": 1, "maximum": 5, "default": 2},
            "mode": {"type": "string", "enum": ["a", "b"]},
            "short": {"type": "string", "maxLength": 3, "minLength": 2},
            "list": {"type": "array", "maxItems": 2, "minItems": 1, "items": {"type": "string"}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "any": {"x-kubernetes-int-or-string": true},
            "inner": {"type": "object", "properties": {"d": {"type": "integer", "default": 3}}},
        }}}})
    }

    #[test]
    fn unknown_fields_go_and_defaults_come() {
        let mut object = json!({"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "x"}, "extra": 1,
            "spec": {"cron": "a", "zzz": 1, "free": {"x": 1}, "inner": {"e": 1}, "replicas": null}});
        let mut unknown = prune(&schema(), &mut object);
        unknown.sort();
        assert_eq!(unknown, ["extra", "spec.inner.e", "spec.zzz"]);
        fill(&schema(), &mut object);
        assert_eq!(object["spec"], json!({"cron": "a", "free": {"x": 1}, "inner": {"d": 3}, "replicas": 2}));
        assert_eq!(object["metadata"]["name"], "x");
    }

    #[test]
    fn refusals_are_worded_as_the_api_servers() {
        let check = |object: Value| -> Vec<String> {
            let causes = validate(&schema(), &object, Version::V1_34);
            causes.into_iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect()
        };
        assert_eq!(check(json!({})), ["spec: Required value"]);
        assert_eq!(check(json!({"spec": {"cron": "a", "replicas": 3, "any": "x"}})), Vec::<String>::new());
        assert_eq!(
            check(json!({"spec": {"cron": "b", "replicas": 9, "mode": "c", "short": "abcd", "list": []}})),
            [
                r#"spec.cron: Invalid value: "b": spec.cron in body should match '^a+$'"#,
                "spec.list: Invalid value: 0: spec.list in body should have at least 1 items",
                r#"spec.mode: Unsupported value: "c": supported values: "a", "b""#,
                "spec.replicas: Invalid value: 9: spec.replicas in body should be less than or equal to 5",
                "spec.short: Too long: may not be more than 3 bytes",
            ]
        );
        assert_eq!(
            check(json!({"spec": {"cron": 3, "any": [], "list": [1]}})),
            [
                r#"spec.any: Invalid value: "array": spec.any in body must be of type integer,string: "array""#,
                r#"spec.cron: Invalid value: "integer": spec.cron in body must be of type string: "integer""#,
                r#"spec.list[0]: Invalid value: "integer": spec.list[0] in body must be of type string: "integer""#,
            ]
        );
    }
}
