//! From JSON to an object of a known type: types are checked, unknown fields and nulls are taken out, as Go's
//! decoder does with structs.

use serde_json::{Map, Value};

use super::{Field, Kind, Schema, Type, schema};

/// Takes out what the type does not know, and returns its paths (`spec.containers[0].foo`). An error is Go's
/// text for a value of the wrong type.
pub(crate) fn conform(found: &Type, object: &mut Value) -> Result<Vec<String>, String> {
    let mut walk = Walk { schema: schema(), unknown: Vec::new() };
    let Some(map) = object.as_object_mut() else {
        return Err(wrong(object, &At::root(found), &found.go_name));
    };
    walk.message(found, map, "", &At::root(found))?;
    Ok(walk.unknown)
}

struct Walk {
    schema: &'static Schema,
    unknown: Vec<String>,
}

/// Where a value is, as Go's errors say it: the struct, and the path of fields without indices.
#[derive(Clone)]
struct At {
    owner: String,
    path: String,
}

impl At {
    fn root(found: &Type) -> At {
        At { owner: bare(&found.go_name).to_owned(), path: String::new() }
    }

    fn field(&self, owner: &Type, key: &str) -> At {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        At { owner: bare(&owner.go_name).to_owned(), path }
    }
}

impl Walk {
    fn message(&mut self, found: &Type, map: &mut Map<String, Value>, path: &str, at: &At) -> Result<(), String> {
        let mut gone = Vec::new();
        for (key, value) in map.iter_mut() {
            let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match found.fields.get(key) {
                // Keys that begin so are ours, for what Go inlines.
                Some(field) if !key.starts_with('~') => {
                    if value.is_null() {
                        gone.push(key.clone());
                    } else {
                        let Field { kind, .. } = field;
                        self.value(kind, value, &below, &at.field(found, key))?;
                    }
                }
                _ => {
                    self.unknown.push(below);
                    gone.push(key.clone());
                }
            }
        }
        for key in gone {
            map.remove(&key);
        }
        Ok(())
    }

    fn value(&mut self, kind: &Kind, value: &mut Value, path: &str, at: &At) -> Result<(), String> {
        let fits = match kind {
            Kind::String | Kind::Bytes | Kind::Time | Kind::MicroTime => value.is_string(),
            Kind::Integer(_) => value.is_i64(),
            Kind::Number => value.is_number(),
            Kind::Boolean => value.is_boolean(),
            Kind::Quantity | Kind::IntOrString => value.is_string() || value.is_number(),
            Kind::Object => true,
            Kind::Message(name) => {
                if let (Some(map), Some(found)) = (value.as_object_mut(), self.schema.get(name)) {
                    return self.message(found, map, path, at);
                }
                false
            }
            Kind::List(inner) => {
                if let Some(items) = value.as_array_mut() {
                    for (index, item) in items.iter_mut().enumerate() {
                        if !item.is_null() {
                            self.value(inner, item, &format!("{path}[{index}]"), at)?;
                        }
                    }
                    return Ok(());
                }
                false
            }
            Kind::Map(inner) => {
                if let Some(map) = value.as_object_mut() {
                    for (key, item) in map.iter_mut() {
                        if item.is_null() {
                            // Go makes the zero of the type.
                            *item = zero(inner);
                        }
                        self.value(inner, item, &format!("{path}.{key}"), at)?;
                    }
                    return Ok(());
                }
                false
            }
        };
        if fits { Ok(()) } else { Err(wrong(value, at, &go_type(self.schema, kind))) }
    }
}

fn zero(kind: &Kind) -> Value {
    match kind {
        Kind::Quantity => "0".into(),
        Kind::Integer(_) | Kind::Number | Kind::IntOrString => 0.into(),
        Kind::Boolean => false.into(),
        Kind::List(_) => Value::Array(Vec::new()),
        Kind::Map(_) | Kind::Message(_) => Value::Object(Map::new()),
        Kind::String | Kind::Bytes | Kind::Time | Kind::MicroTime | Kind::Object => "".into(),
    }
}

fn wrong(value: &Value, at: &At, wanted: &str) -> String {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match (value, wanted) {
        (Value::Number(number), "int32" | "int64") => {
            format!(
                "json: cannot unmarshal number {number} into Go struct field {}.{} of type {wanted}",
                at.owner, at.path
            )
        }
        _ if at.path.is_empty() => format!("json: cannot unmarshal {found} into Go value of type {wanted}"),
        _ => format!("json: cannot unmarshal {found} into Go struct field {}.{} of type {wanted}", at.owner, at.path),
    }
}

fn go_type(schema: &Schema, kind: &Kind) -> String {
    match kind {
        Kind::String => "string".to_owned(),
        Kind::Bytes => "[]uint8".to_owned(),
        Kind::Integer(name) => (*name).to_owned(),
        Kind::Number => "float64".to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Quantity => "resource.Quantity".to_owned(),
        Kind::IntOrString => "intstr.IntOrString".to_owned(),
        Kind::Time => "v1.Time".to_owned(),
        Kind::MicroTime => "v1.MicroTime".to_owned(),
        Kind::Object => "runtime.RawExtension".to_owned(),
        Kind::Message(name) => schema.get(name).map_or_else(|| name.clone(), |found| found.go_name.clone()),
        Kind::List(inner) => format!("[]{}", go_type(schema, inner)),
        Kind::Map(inner) => format!("map[string]{}", go_type(schema, inner)),
    }
}

fn bare(go_name: &str) -> &str {
    go_name.rsplit('.').next().unwrap_or(go_name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(mut object: Value) -> (Result<Vec<String>, String>, Value) {
        let outcome = conform(schema().kind("apps", "v1", "Deployment").unwrap(), &mut object);
        (outcome, object)
    }

    #[test]
    fn unknown_fields_are_named_and_taken_out() {
        let (outcome, object) = check(json!({"spec": {"replica": 1, "template": {"spec": {"containers": [
            {"name": "a", "imagePullPolicies": "Always", "args": null}]}}}}));
        assert_eq!(outcome.unwrap(), ["spec.replica", "spec.template.spec.containers[0].imagePullPolicies"]);
        assert_eq!(object, json!({"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}));
    }

    #[test]
    fn wrong_types_are_told_as_go_tells_them() {
        for (object, expected) in [
            (
                json!({"spec": {"replicas": "3"}}),
                "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                json!({"spec": {"template": {"spec": {"containers": {"name": "a"}}}}}),
                "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type \
                 []v1.Container",
            ),
            (
                json!({"spec": {"template": {"spec": {"containers": [{"env": [{"name": "A", "value": 1}]}]}}}}),
                "json: cannot unmarshal number into Go struct field \
                 EnvVar.spec.template.spec.containers.env.value of type string",
            ),
        ] {
            assert_eq!(check(object).0.unwrap_err(), expected);
        }
    }
}
