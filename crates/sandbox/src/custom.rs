//! Custom resources: what the CustomResourceDefinitions of a cluster add to its API.
//!
//! A definition that is established gives one resource a served version. Resources are handed around as
//! `&'static`, so those of definitions are made once for each distinct text and kept: a cluster that makes and
//! deletes the same definition again and again does not grow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::fields::{list, text};
use crate::resources::{Generation, Lives, Resource, Scope, Subresource};

pub(crate) mod path;
pub(crate) mod structural;

/// How many distinct resources definitions may make in the life of a process.
const MOST: usize = 4096;

/// One version of a custom resource.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// What is served.
    pub(crate) resource: &'static Resource,
    /// Whether clients can ask for this version; the one in which objects are stored may be hidden.
    pub(crate) is_served: bool,
    /// Its schema (`openAPIV3Schema`), null if there is none.
    pub(crate) schema: Arc<Value>,
    /// The columns of its tables, besides the name; `None` stands for its age.
    pub(crate) columns: Option<Vec<Column>>,
    /// Where its number of replicas is.
    pub(crate) scale: Option<Scale>,
    /// What clients are told when they use this version.
    pub(crate) warning: Option<String>,
}

/// A column of a custom resource's table.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) name: &'static str,
    /// The OpenAPI type of its cells.
    pub(crate) kind: &'static str,
    /// The OpenAPI format of its cells.
    pub(crate) format: &'static str,
    /// 0 is always shown, more with `-o wide`.
    pub(crate) priority: u8,
    /// Where its cells come from.
    pub(crate) path: path::Path,
}

/// Where the parts of a Scale are in a custom resource, as JSON pointers.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    /// The wanted number.
    pub(crate) wanted: String,
    /// The present number.
    pub(crate) present: String,
    /// The selector as text, if there is one.
    pub(crate) selector: Option<String>,
}

/// Returns what a CustomResourceDefinition makes the API serve; nothing before it is established.
pub(crate) fn definitions(definition: &Value) -> Vec<Definition> {
    let is_established = list(definition, "/status/conditions")
        .iter()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
    let versions = list(definition, "/spec/versions");
    let Some(stored) = versions.iter().find(|version| version["storage"] == true) else { return Vec::new() };
    if !is_established {
        return Vec::new();
    }
    let Some(hub) = resource(definition, stored, None) else { return Vec::new() };
    let make = |version: &Value| {
        let is_hub = version["name"] == stored["name"];
        let resource = if is_hub { hub } else { resource(definition, version, Some(hub))? };
        let deprecation = text(version, "/deprecationWarning");
        let warning = (version["deprecated"] == true).then(|| match deprecation {
            "" => format!("{} {} is deprecated", resource.api_version(), resource.kind),
            text => text.to_owned(),
        });
        Some(Definition {
            resource,
            is_served: version["served"] == true,
            schema: Arc::new(version["schema"]["openAPIV3Schema"].clone()),
            columns: columns(version),
            scale: scale(version),
            warning,
        })
    };
    versions.iter().filter(|version| version["served"] == true || version["storage"] == true).filter_map(make).collect()
}

/// Returns the resource of one version.
fn resource(definition: &Value, version: &Value, hub: Option<&'static Resource>) -> Option<&'static Resource> {
    static KNOWN: OnceLock<Mutex<HashMap<String, &'static Resource>>> = OnceLock::new();
    let spec = &definition["spec"];
    let parts = &version["subresources"];
    let name = text(version, "/name");
    let key = json!([
        spec["group"],
        name,
        spec["names"],
        spec["scope"],
        parts["status"].is_object(),
        parts["scale"].is_object(),
        hub.map(|hub| hub.version),
    ])
    .to_string();
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(&key) {
        return Some(found);
    }
    if known.len() >= MOST {
        tracing::warn!(name, "too many distinct custom resources");
        return None;
    }
    let names = &spec["names"];
    let kept = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let words = |pointer: &str| -> &'static [&'static str] {
        let words: Vec<&'static str> = list(names, pointer).iter().filter_map(Value::as_str).map(kept).collect();
        Box::leak(words.into_boxed_slice())
    };
    let kind = kept(text(names, "/kind"));
    const PART: &[&str] = &["get", "patch", "update"];
    let part = |name: &'static str, kind, group, version| Subresource {
        name,
        kind,
        group,
        version,
        verbs: PART,
        lives: Lives::Always,
    };
    let mut subresources = Vec::new();
    if parts["status"].is_object() {
        subresources.push(part("status", kind, None, None));
    }
    if parts["scale"].is_object() {
        subresources.push(part("scale", "Scale", Some("autoscaling"), Some("v1")));
    }
    let made: &'static Resource = Box::leak(Box::new(Resource {
        group: kept(text(spec, "/group")),
        version: kept(name),
        kind,
        plural: kept(text(names, "/plural")),
        singular: kept(text(names, "/singular")),
        short_names: words("/shortNames"),
        categories: words("/categories"),
        scope: if spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced },
        verbs: &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
        subresources: Box::leak(subresources.into_boxed_slice()),
        generation: Generation::Counted,
        lives: Lives::Always,
        hub,
    }));
    known.insert(key, made);
    Some(made)
}

fn columns(version: &Value) -> Option<Vec<Column>> {
    let given = list(version, "/additionalPrinterColumns");
    let word = |text: &str| -> &'static str {
        // Headings are few and repeat: they are kept as the resources are.
        static WORDS: OnceLock<Mutex<HashMap<String, &'static str>>> = OnceLock::new();
        let mut words = WORDS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(word) = words.get(text) {
            return word;
        }
        if words.len() >= MOST {
            return "";
        }
        let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
        words.insert(text.to_owned(), kept);
        kept
    };
    let make = |column: &Value| Column {
        name: word(text(column, "/name")),
        kind: word(text(column, "/type")),
        format: word(text(column, "/format")),
        priority: u8::try_from(column["priority"].as_u64().unwrap_or_default()).unwrap_or(u8::MAX),
        path: path::Path::parse(text(column, "/jsonPath")).unwrap_or_default(),
    };
    (!given.is_empty()).then(|| given.iter().map(make).collect())
}

fn scale(version: &Value) -> Option<Scale> {
    let scale = &version["subresources"]["scale"];
    let pointer = |field: &str| scale[field].as_str().map(|path| path.replace('.', "/"));
    Some(Scale {
        wanted: pointer("specReplicasPath")?,
        present: pointer("statusReplicasPath")?,
        selector: pointer("labelSelectorPath"),
    })
}

impl Definition {
    /// Returns the schema as documents show it: with what every object has.
    pub(crate) fn published(&self) -> Value {
        let mut schema = if self.schema.is_object() { Value::clone(&self.schema) } else { json!({ "type": "object" }) };
        let meta = "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
        let docs = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";
        if let Some(map) = schema.as_object_mut() {
            let properties = map.entry("properties").or_insert_with(|| json!({}));
            if let Some(properties) = properties.as_object_mut() {
                properties.insert("apiVersion".to_owned(), json!({
                    "description": format!("APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: {docs}#resources"),
                    "type": "string",
                }));
                properties.insert("kind".to_owned(), json!({
                    "description": format!("Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: {docs}#types-kinds"),
                    "type": "string",
                }));
                properties.insert(
                    "metadata".to_owned(),
                    json!({
                        "description": format!("Standard object's metadata. More info: {docs}#metadata"), "$ref": meta,
                    }),
                );
            }
        }
        let Resource { group, version, kind, .. } = self.resource;
        schema["x-kubernetes-group-version-kind"] = json!([{ "group": group, "version": version, "kind": kind }]);
        schema
    }

    /// Returns the name of its schema in documents: the group's parts backwards.
    pub(crate) fn published_name(&self) -> String {
        let mut group: Vec<&str> = self.resource.group.split('.').collect();
        group.reverse();
        format!("{}.{}.{}", group.join("."), self.resource.version, self.resource.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_counts_once_it_is_established() {
        let mut definition = json!({
            "spec": {"group": "a.example", "scope": "Namespaced", "names": {"kind": "Try", "plural": "tries"},
                "versions": [
                    {"name": "v1beta1", "served": true, "storage": false},
                    {"name": "v1", "served": true, "storage": true, "subresources": {"status": {}}},
                ]},
        });
        assert!(definitions(&definition).is_empty());
        definition["status"] = json!({"conditions": [{"type": "Established", "status": "True"}]});
        let found = definitions(&definition);
        assert_eq!(found.len(), 2);
        assert!(std::ptr::eq(found[0].resource.hub(), found[1].resource));
        assert!(found[1].resource.has_status() && !found[0].resource.has_status());
        assert!(std::ptr::eq(found[1].resource, definitions(&definition)[1].resource));
        assert_eq!(found[1].published_name(), "example.a.v1.Try");
    }
}
