//! The definitions of types with their descriptions, as `/openapi/v2` shows them: one file a version, for
//! `kubectl explain` and for clients that validate. A line is a name, a tab and the definition as JSON, so that
//! the sandbox can take some without reading all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

/// The start of every reference.
const REFERENCE: &str = "#/definitions/";

/// What every version's document holds besides kinds.
const META: [&str; 6] = ["APIGroup", "APIResourceList", "DeleteOptions", "Patch", "Status", "WatchEvent"];

/// Writes the definitions of the kinds in `packages`, and all that they refer to.
pub(super) fn write(
    output: &Path,
    packages: &[&str],
    definitions: &Map<String, Value>,
    older: &Map<String, Value>,
) -> Result<()> {
    let mut waiting: BTreeSet<String> = definitions
        .keys()
        .filter(|name| {
            let (package, last) = name.rsplit_once('.').unwrap_or_default();
            let is_kind = !definitions[*name]["properties"]["kind"].is_null();
            (is_kind && packages.contains(&package))
                || (package == "io.k8s.apimachinery.pkg.apis.meta.v1" && META.contains(&last))
        })
        .cloned()
        .collect();
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    while let Some(name) = waiting.pop_first() {
        if found.contains_key(&name) {
            continue;
        }
        // The JSON schema says of these what values they take, and loses what they are called.
        let last = name.rsplit('.').next().unwrap_or_default();
        let of = if matches!(last, "Quantity" | "IntOrString" | "Patch") { older } else { definitions };
        let mut definition = of.get(&name).cloned().unwrap_or_else(|| json!({ "type": "object" }));
        plain(&mut definition, &mut waiting);
        found.insert(name, definition);
    }
    let lines: Vec<String> = found.iter().map(|(name, definition)| format!("{name}\t{definition}\n")).collect();
    super::pack(output, &lines.concat())
}

/// Turns JSON schema into OpenAPI, and collects what it refers to.
fn plain(value: &mut Value, waiting: &mut BTreeSet<String>) {
    let Value::Object(map) = value else { return };
    if let Some(reference) = map.get_mut("$ref") {
        let name = reference.as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default().to_owned();
        *reference = format!("{REFERENCE}{name}").into();
        waiting.insert(name);
    }
    if let Some(Value::Array(kinds)) = map.get("type") {
        let kind = kinds.iter().find(|kind| *kind != "null").cloned().unwrap_or_default();
        map.insert("type".to_owned(), kind);
    }
    for (key, inner) in map.iter_mut() {
        match key.as_str() {
            "properties" => {
                for (key, property) in inner.as_object_mut().into_iter().flatten() {
                    // Which words they take is the group's business, and known from where the definition is.
                    if matches!(key.as_str(), "apiVersion" | "kind")
                        && let Some(map) = property.as_object_mut()
                    {
                        map.remove("enum");
                    }
                    plain(property, waiting);
                }
            }
            "items" | "additionalProperties" => plain(inner, waiting),
            _ => {}
        }
    }
}
