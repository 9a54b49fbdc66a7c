//! CustomResourceDefinitions, after `pkg/apis/apiextensions/validation`: names, versions, and schemas that say the
//! type of everything.

use serde_json::{Value, json};

use crate::Version;
use crate::api::Cause;
use crate::custom::path::Path;
use crate::fields::{list, text};

use super::Faults;

/// How deep schemas are looked into.
const DEPTH: usize = 64;

/// Checks a CustomResourceDefinition.
pub(super) fn definition(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let spec = &object["spec"];
    let (group, plural) = (text(spec, "/group"), text(spec, "/names/plural"));
    let name = text(object, "/metadata/name");
    if name != format!("{plural}.{group}") {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        faults.invalid("metadata.name", &json!(name), detail);
    }
    let is_protected =
        ["k8s.io", "kubernetes.io"].iter().any(|domain| group == *domain || group.ends_with(&format!(".{domain}")));
    const APPROVED: &str = "api-approved.kubernetes.io";
    if is_protected && object["metadata"]["annotations"][APPROVED].is_null() {
        let field = format!("metadata.annotations[{APPROVED}]");
        let detail = format!(
            "protected groups must have approval annotation {APPROVED:?}, see https://github.com/kubernetes/enhancements/pull/1111"
        );
        faults.required(&field, &detail);
    }
    if group.is_empty() {
        faults.required("spec.group", "");
    } else if !group.contains('.') {
        faults.invalid("spec.group", &json!(group), "should be a domain with at least one dot");
    }
    let scope = text(spec, "/scope");
    if scope.is_empty() {
        faults.required("spec.scope", "");
    } else if !matches!(scope, "Cluster" | "Namespaced") {
        faults.unsupported("spec.scope", &json!(scope), &["Cluster", "Namespaced"]);
    }
    versions(&mut faults, spec);
    for (field, value) in [
        ("plural", plural),
        ("singular", text(spec, "/names/singular")),
        ("kind", text(spec, "/names/kind")),
        ("listKind", text(spec, "/names/listKind")),
    ] {
        let path = format!("spec.names.{field}");
        if value.is_empty() {
            faults.required(&path, "");
        } else if matches!(field, "kind" | "listKind") {
            let lower = value.to_lowercase();
            let mut found = Faults::new(version);
            super::dns_1035(&mut found, &path, &lower);
            if !found.causes.is_empty() {
                faults.invalid(
                    &path,
                    &json!(value),
                    "may have mixed case, but should otherwise match: a DNS-1035 label",
                );
            }
        } else {
            super::dns_1035(&mut faults, &path, value);
        }
    }
    schemas(&mut faults, list(spec, "/versions"));
    if let Some(old) = old {
        let was_established = list(old, "/status/conditions")
            .iter()
            .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
        for field in ["group", "scope"] {
            if old["spec"][field] != spec[field] && (was_established || field == "group") {
                faults.invalid(&format!("spec.{field}"), &spec[field], "field is immutable");
            }
        }
        for field in ["plural", "kind"] {
            if old["spec"]["names"][field] != spec["names"][field] && was_established {
                faults.invalid(&format!("spec.names.{field}"), &spec["names"][field], "field is immutable");
            }
        }
    }
    faults.causes
}

fn versions(faults: &mut Faults, spec: &Value) {
    let versions = list(spec, "/versions");
    let mut names: Vec<&str> = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        let path = format!("spec.versions[{index}]");
        let name = text(version, "/name");
        let own = format!("{path}.name");
        super::dns_label(faults, &own, name);
        if names.contains(&name) {
            faults.invalid("spec.versions", &json!(name), "must contain unique version names");
        }
        names.push(name);
        if !version["schema"]["openAPIV3Schema"].is_object() {
            faults.required(&format!("{path}.schema.openAPIV3Schema"), "schemas are required");
        }
        for (at, column) in list(version, "/additionalPrinterColumns").iter().enumerate() {
            let path = format!("spec.versions[{index}].additionalPrinterColumns[{at}]");
            if text(column, "/name").is_empty() {
                faults.required(&format!("{path}.name"), "");
            }
            let kind = text(column, "/type");
            if kind.is_empty() {
                faults.required(&format!("{path}.type"), "");
            } else if !matches!(kind, "integer" | "number" | "string" | "boolean" | "date") {
                let detail = "must be one of boolean,date,integer,number,string";
                faults.invalid(&format!("{path}.type"), &column["type"], detail);
            }
            let from = text(column, "/jsonPath");
            if from.is_empty() {
                faults.required(&format!("{path}.JSONPath"), "");
            } else if Path::parse(from).is_none() {
                let detail = "is an invalid path";
                faults.invalid(&format!("{path}.JSONPath"), &column["jsonPath"], detail);
            }
        }
    }
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        let shown = "[]apiextensions.CustomResourceDefinitionVersion{...}";
        let shown = if faults.version == Version::V1_34 { json!(versions).to_string() } else { shown.to_owned() };
        faults.invalid_shown("spec.versions", &shown, "must have exactly one version marked as storage version");
    }
}

/// Checks the schemas. One that all versions share is named as the API server keeps it: once, above them.
fn schemas(faults: &mut Faults, versions: &[Value]) {
    let all: Vec<&Value> = versions.iter().map(|version| &version["schema"]["openAPIV3Schema"]).collect();
    let is_shared = all.windows(2).all(|pair| pair[0] == pair[1]);
    for (index, schema) in all.iter().enumerate().filter(|(_, schema)| schema.is_object()) {
        if is_shared {
            structural(faults, schema, "spec.validation.openAPIV3Schema", Place::Root, 0);
            return;
        }
        structural(faults, schema, &format!("spec.versions[{index}].schema.openAPIV3Schema"), Place::Root, 0);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Field,
    Item,
}

/// Checks that a schema says the type of everything: `NewStructural` and `ValidateStructural`.
fn structural(faults: &mut Faults, schema: &Value, path: &str, place: Place, depth: usize) {
    if depth > DEPTH {
        return;
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        if place == Place::Root && matches!(key.as_str(), "metadata" | "apiVersion" | "kind") {
            continue;
        }
        structural(faults, inner, &format!("{path}.properties[{key}]"), Place::Field, depth + 1);
    }
    if schema["additionalProperties"].is_object() {
        let path = format!("{path}.additionalProperties");
        structural(faults, &schema["additionalProperties"], &path, Place::Field, depth + 1);
    }
    if schema["items"].is_object() {
        structural(faults, &schema["items"], &format!("{path}.items"), Place::Item, depth + 1);
    }
    let kind = text(schema, "/type");
    let may_lack = schema["x-kubernetes-int-or-string"] == true
        || (schema["x-kubernetes-preserve-unknown-fields"] == true && place != Place::Root);
    match (kind, place) {
        ("", Place::Root) => faults.required(&format!("{path}.type"), "must not be empty at the root"),
        ("", Place::Field) if !may_lack => {
            faults.required(&format!("{path}.type"), "must not be empty for specified object fields");
        }
        ("", Place::Item) if !may_lack => {
            faults.required(&format!("{path}.type"), "must not be empty for specified array items");
        }
        ("object", _) => {}
        (other, Place::Root) => {
            faults.invalid(&format!("{path}.type"), &json!(other), "must be object at the root");
        }
        (kind, _) if !kind.is_empty() && !["array", "boolean", "integer", "number", "string"].contains(&kind) => {
            let supported = ["array", "boolean", "integer", "number", "object", "string"];
            faults.unsupported(&format!("{path}.type"), &json!(kind), &supported);
        }
        _ => {}
    }
    if kind == "array" && !schema["items"].is_object() {
        faults.required(&format!("{path}.items"), "must be specified");
    }
    if schema["properties"].is_object() && schema["additionalProperties"].is_object() {
        faults.forbidden(
            &format!("{path}.additionalProperties"),
            "additionalProperties and properties are mutual exclusive",
        );
    }
    if schema.get("$ref").is_some_and(|reference| !reference.is_null()) {
        faults.forbidden(&format!("{path}.$ref"), "$ref is not supported");
    }
}
