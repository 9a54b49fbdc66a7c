//! The table of Kubernetes' types, embedded (`assets/kubernetes`): what fields there are, how protobuf writes
//! them and how patches merge them. It is unpacked when first needed.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::sync::OnceLock;

use flate2::read::GzDecoder;
use serde::Deserialize;

pub(crate) mod decode;
pub(crate) mod protobuf;

static PACKED: &[u8] = include_bytes!("../../../assets/kubernetes/schema.json.gz");

/// All types, by full name (`io.k8s.api.core.v1.Pod`).
#[derive(Debug)]
pub(crate) struct Schema {
    types: HashMap<String, Type>,
}

/// One type.
#[derive(Debug)]
pub(crate) struct Type {
    /// Its name as Go writes it in errors, such as `v1.PodSpec`.
    pub(crate) go_name: String,
    /// Its fields, by JSON name.
    pub(crate) fields: BTreeMap<String, Field>,
    /// JSON names by protobuf tag.
    tags: HashMap<u64, String>,
}

/// One field of a type.
#[derive(Debug)]
pub(crate) struct Field {
    /// What it holds.
    pub(crate) kind: Kind,
    /// What a zero in protobuf means.
    pub(crate) zero: Zero,
    /// How a strategic merge patch treats it.
    pub(crate) merge: Merge,
    /// What names the items of a list, or whether a map is one value, for server-side apply.
    pub(crate) list: List,
}

/// What a zero in protobuf means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zero {
    /// Nobody set the field.
    Unset,
    /// Somebody wrote a zero.
    Set,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    String,
    /// Bytes, base64 in JSON.
    Bytes,
    /// A whole number; Go's name for it is `int32` or `int64`.
    Integer(&'static str),
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// An amount, text or number in JSON.
    Quantity,
    /// Text or a whole number.
    IntOrString,
    /// A time in seconds.
    Time,
    /// A time in microseconds.
    MicroTime,
    /// Anything.
    Object,
    /// A type of this table.
    Message(String),
    /// Any number of the same.
    List(Box<Kind>),
    /// The same by name.
    Map(Box<Kind>),
}

/// How a strategic merge patch treats a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Merge {
    /// The field that names the items of a list that is merged.
    pub(crate) key: Option<String>,
    /// Whether items are merged rather than replaced.
    pub(crate) is_merged: bool,
}

/// What names the items of a list, for server-side apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum List {
    /// The list is one value.
    #[default]
    Atomic,
    /// Each item is its own name.
    Set,
    /// Some fields name an item.
    Map(Vec<String>),
    /// The map or object is one value.
    Whole,
}

/// Returns the table.
pub(crate) fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| unpack().expect("the embedded table is tested to be readable"))
}

impl Schema {
    /// Finds the type of a kind.
    pub(crate) fn kind(&self, group: &str, version: &str, kind: &str) -> Option<&Type> {
        self.types.get(&full_name(group, version, kind))
    }

    /// Finds a type by its full name.
    pub(crate) fn get(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// Returns the type of `DeleteOptions`.
    pub(crate) fn delete_options(&self) -> Option<&Type> {
        self.types.get("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions")
    }

    /// Returns the type that a kind refers to, if it does.
    pub(crate) fn of(&self, kind: &Kind) -> Option<&Type> {
        match kind {
            Kind::Message(name) => self.get(name),
            Kind::String
            | Kind::Bytes
            | Kind::Integer(_)
            | Kind::Number
            | Kind::Boolean
            | Kind::Quantity
            | Kind::IntOrString
            | Kind::Time
            | Kind::MicroTime
            | Kind::Object
            | Kind::List(_)
            | Kind::Map(_) => None,
        }
    }
}

impl Type {
    /// Finds a field by its protobuf tag.
    fn by_tag(&self, tag: u64) -> Option<(&str, &Field)> {
        let name = self.tags.get(&tag)?;
        Some((name, self.fields.get(name)?))
    }
}

#[derive(Deserialize)]
struct Packed {
    types: HashMap<String, BTreeMap<String, PackedField>>,
}

#[derive(Deserialize)]
struct PackedField {
    r#type: String,
    tag: Option<u64>,
    #[serde(default)]
    zero: bool,
    key: Option<String>,
    #[serde(default)]
    strategy: String,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    list: String,
    #[serde(default)]
    map: String,
}

fn unpack() -> std::io::Result<Schema> {
    let mut text = String::new();
    GzDecoder::new(PACKED).read_to_string(&mut text)?;
    let packed: Packed = serde_json::from_str(&text)?;
    let types = packed
        .types
        .into_iter()
        .map(|(name, packed)| {
            let mut found = Type { go_name: go_name(&name), fields: BTreeMap::new(), tags: HashMap::new() };
            for (key, field) in packed {
                if let Some(tag) = field.tag {
                    found.tags.insert(tag, key.clone());
                }
                found.fields.insert(key, field.unpack());
            }
            (name, found)
        })
        .collect();
    Ok(Schema { types })
}

impl PackedField {
    fn unpack(self) -> Field {
        let strategies: Vec<&str> = self.strategy.split(',').collect();
        Field {
            kind: kind(&self.r#type),
            zero: if self.zero { Zero::Set } else { Zero::Unset },
            merge: Merge { key: self.key, is_merged: strategies.contains(&"merge") },
            list: match (self.list.as_str(), self.map.as_str()) {
                ("map", _) => List::Map(self.keys),
                ("set", _) => List::Set,
                (_, "atomic") => List::Whole,
                _ => List::Atomic,
            },
        }
    }
}

fn kind(text: &str) -> Kind {
    if let Some(inner) = text.strip_prefix("list:") {
        return Kind::List(Box::new(kind(inner)));
    }
    if let Some(inner) = text.strip_prefix("map:") {
        return Kind::Map(Box::new(kind(inner)));
    }
    if let Some(name) = text.strip_prefix("ref:") {
        return Kind::Message(name.to_owned());
    }
    match text {
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        "int32" => Kind::Integer("int32"),
        "int64" => Kind::Integer("int64"),
        "number" => Kind::Number,
        "boolean" => Kind::Boolean,
        "quantity" => Kind::Quantity,
        "int-or-string" => Kind::IntOrString,
        "time" => Kind::Time,
        "micro-time" => Kind::MicroTime,
        _ => Kind::Object,
    }
}

/// Returns the full name of a kind's type.
pub(crate) fn full_name(group: &str, version: &str, kind: &str) -> String {
    let package = match group {
        "" => "api.core",
        "apiextensions.k8s.io" => "apiextensions-apiserver.pkg.apis.apiextensions",
        "apiregistration.k8s.io" => "kube-aggregator.pkg.apis.apiregistration",
        other => return format!("io.k8s.api.{}.{version}.{kind}", other.split('.').next().unwrap_or_default()),
    };
    format!("io.k8s.{package}.{version}.{kind}")
}

/// `io.k8s.api.core.v1.PodSpec` is `v1.PodSpec` to Go.
fn go_name(name: &str) -> String {
    let mut parts = name.rsplit('.');
    let last = parts.next().unwrap_or_default();
    format!("{}.{last}", parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources;

    #[test]
    fn every_served_kind_is_in_the_table() {
        let is_own = |resource: &&&resources::Resource| resource.group != "metrics.k8s.io";
        for resource in resources::ALL.iter().chain(resources::OTHER_VERSIONS).filter(is_own) {
            let found = schema().kind(resource.group, resource.version, resource.kind);
            assert!(found.is_some_and(|found| found.fields.contains_key("metadata")), "{resource}");
        }
        assert!(schema().delete_options().is_some());
    }

    #[test]
    fn merge_keys_are_those_of_kubernetes() {
        let container = schema().get("io.k8s.api.core.v1.Container").unwrap();
        assert_eq!(container.fields["ports"].merge, Merge { key: Some("containerPort".to_owned()), is_merged: true });
        assert_eq!(container.fields["args"].list, List::Atomic);
        assert_eq!(container.fields["ports"].list, List::Map(vec!["containerPort".to_owned(), "protocol".to_owned()]));
        assert_eq!(container.go_name, "v1.Container");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn target(kind: &Kind) -> Option<&str> {
            match kind {
                Kind::Message(name) => Some(name),
                Kind::List(inner) | Kind::Map(inner) => target(inner),
                _ => None,
            }
        }
        for (name, found) in &schema().types {
            for (key, field) in &found.fields {
                if let Some(target) = target(&field.kind) {
                    assert!(schema().get(target).is_some(), "{name}.{key} → {target}");
                }
            }
        }
    }
}
