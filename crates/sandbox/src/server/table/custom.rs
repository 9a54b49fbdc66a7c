//! The rows of custom resources: the columns that their definitions ask for.

use serde_json::Value;

use super::{Column, Context, age, name};
use crate::custom::Definition;

pub(super) fn columns(definition: &Definition) -> Vec<Column> {
    let Some(given) = &definition.columns else {
        return vec![name(), Column { name: "Age", kind: "date", format: "", priority: 0 }];
    };
    let columns = given.iter().map(|column| Column {
        name: column.name,
        kind: column.kind,
        format: column.format,
        priority: column.priority,
    });
    std::iter::once(name()).chain(columns).collect()
}

pub(super) fn cells(context: Context, definition: &Definition, object: &Value) -> Vec<Value> {
    let name = object["metadata"]["name"].clone();
    let Some(given) = &definition.columns else {
        return vec![name, age::since(context.now, &object["metadata"]["creationTimestamp"])];
    };
    let cells = given.iter().map(|column| match column.path.first(object) {
        Some(found) => cell(context, column.kind, found),
        None => Value::Null,
    });
    std::iter::once(name).chain(cells).collect()
}

/// Writes a value as its column's type: what does not fit is not shown.
fn cell(context: Context, kind: &str, found: &Value) -> Value {
    match (kind, found) {
        ("integer", Value::Number(number)) => number.as_i64().map_or(Value::Null, Value::from),
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) | ("string", Value::String(_)) => found.clone(),
        ("string", other) => other.to_string().into(),
        ("date", found) => age::since(context.now, found),
        _ => Value::Null,
    }
}
