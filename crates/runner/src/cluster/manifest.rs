//! Applies the manifests of a step's setup, within the Namespaces that the step declares.

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{ClusterError, bounded, refused_with};

/// The annotation in which `kubectl apply` looks for what was applied before.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The owner of the fields that a step's setup sets.
const MANAGER: &str = "atelier";
/// The largest manifest.
const LIMIT: usize = 1 << 20;

/// The bounds within which a step's manifests stay.
pub(crate) struct Bounds<'a> {
    /// The Namespaces of the step; the first is used where a manifest names none.
    pub(crate) namespaces: &'a [String],
    /// Whether objects that are in no Namespace may be touched as well.
    pub(crate) unscoped: Unscoped,
}

/// Whether a step may touch objects that are in no Namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unscoped {
    /// The sandbox is the learner's own.
    Allowed,
    /// A real cluster is not: only the step's Namespaces themselves.
    OwnNamespacesOnly,
}

/// Reads the objects of a manifest: YAML documents or JSON, lists taken apart.
pub(crate) fn read(path: &str, content: &[u8]) -> Result<Vec<Value>, ClusterError> {
    let failed = |problem: String| ClusterError::Manifest { path: path.to_owned(), problem };
    if content.len() > LIMIT {
        return Err(failed(format!("more than {LIMIT} bytes")));
    }
    let documents: Vec<Value> =
        serde_saphyr::from_slice_multiple(content).map_err(|error| failed(error.to_string()))?;
    let mut objects = Vec::new();
    for document in documents {
        match document {
            Value::Null => {}
            Value::Object(mut list) if list.get("kind").and_then(Value::as_str) == Some("List") => {
                let items = list.remove("items").unwrap_or_default();
                objects.extend(items.as_array().cloned().unwrap_or_default());
            }
            other => objects.push(other),
        }
    }
    for object in &objects {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        for pointer in ["/apiVersion", "/kind", "/metadata/name"] {
            if text(pointer).is_empty() {
                return Err(failed(format!("an object has no {}", &pointer[1..].replace('/', "."))));
            }
        }
    }
    Ok(objects)
}

/// Finds which of the objects are in the cluster already; returns their `kind/name` and uid.
pub(crate) async fn present(
    client: &Client,
    objects: &[Value],
    bounds: &Bounds<'_>,
) -> Result<Vec<(String, String)>, ClusterError> {
    let mut found = Vec::new();
    for object in objects {
        let target = Target::of(client, object, bounds).await?;
        let there = bounded(&format!("get {}", target.label), target.api.get_opt(&target.name)).await?;
        if let Some(uid) = there.and_then(|there| there.metadata.uid) {
            found.push((target.label, uid));
        }
    }
    Ok(found)
}

/// Applies the objects in order, whatever state they are in, and leaves the annotation by which a learner's
/// `kubectl apply` goes on from there. An object of which a field that cannot change differs is made anew.
pub(crate) async fn apply(
    client: &Client,
    objects: &[Value],
    bounds: &Bounds<'_>,
    cancel: &CancellationToken,
) -> Result<(), ClusterError> {
    for object in objects {
        let target = Target::of(client, object, bounds).await?;
        let object = annotated(object, target.namespace.as_deref());
        match target.apply(&object).await {
            Err(error) if target.namespace.is_some() && cannot_change(&error) => {
                tracing::info!(object = %target.label, "made anew: a field that cannot change differs");
                super::objects::remove_and_wait(&target.api, &target.name, &target.label, cancel).await?;
                target.apply(&object).await?;
            }
            other => other?,
        }
    }
    Ok(())
}

/// Tells whether the server refused a change because the object already exists with another value of a field that is
/// fixed at its creation (the words of Kubernetes' validation of updates, `apimachinery/pkg/api/validation`).
fn cannot_change(error: &ClusterError) -> bool {
    const WORDS: [&str; 3] = ["field is immutable", "may not change fields other than", "updates to statefulset spec"];
    match error {
        ClusterError::Request { source, .. } => match source.as_ref() {
            kube::Error::Api(status) => status.code == 422 && WORDS.iter().any(|words| status.message.contains(words)),
            _ => false,
        },
        _ => false,
    }
}

/// Where one object of a manifest goes.
struct Target {
    api: Api<DynamicObject>,
    name: String,
    namespace: Option<String>,
    label: String,
}

impl Target {
    async fn of(client: &Client, object: &Value, bounds: &Bounds<'_>) -> Result<Target, ClusterError> {
        let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
        let (api_version, kind) = (text("/apiVersion").unwrap_or_default(), text("/kind").unwrap_or_default());
        let name = text("/metadata/name").unwrap_or_default().to_owned();
        let label = format!("{}/{name}", kind.to_lowercase());
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let found = bounded(&format!("find the kind {api_version} {kind}"), pinned_kind(client, &gvk)).await?;
        let (resource, capabilities) = found;
        let outside = || ClusterError::Outside { object: label.clone() };
        match capabilities.scope {
            Scope::Namespaced => {
                let first = bounds.namespaces.first().map(String::as_str);
                let namespace = text("/metadata/namespace").or(first).ok_or_else(outside)?;
                if !bounds.namespaces.iter().any(|allowed| allowed == namespace) {
                    return Err(outside());
                }
                let api = Api::namespaced_with(client.clone(), namespace, &resource);
                Ok(Target { api, name, namespace: Some(namespace.to_owned()), label })
            }
            Scope::Cluster => {
                let own = kind == "Namespace" && bounds.namespaces.contains(&name);
                match bounds.unscoped {
                    Unscoped::OwnNamespacesOnly if !own => return Err(outside()),
                    Unscoped::OwnNamespacesOnly | Unscoped::Allowed => {}
                }
                Ok(Target { api: Api::all_with(client.clone(), &resource), name, namespace: None, label })
            }
        }
    }
}

impl Target {
    /// Applies the object on the server's side, as the owner of its fields. A server that does not offer that (415),
    /// or that cannot do it with this object (400, 500: Kubernetes 1.20 knows neither unknown fields nor twice the
    /// same key in a list), gets it as `kubectl apply` without `--server-side` sends it.
    async fn apply(&self, object: &Value) -> Result<(), ClusterError> {
        let what = format!("apply {}", self.label);
        let parameters = PatchParams::apply(MANAGER).force();
        match bounded(&what, self.api.patch(&self.name, &parameters, &Patch::Apply(object))).await {
            Err(error) if matches!(refused_with(&error), Some(400 | 415 | 500)) => {
                tracing::debug!(object = %self.label, "not applied on the server's side: {error:?}");
                self.create_or_patch(object).await
            }
            other => other.map(drop),
        }
    }

    /// Creates the object, or patches it by the keys of lists where the server knows them, else (custom resources)
    /// list by list.
    async fn create_or_patch(&self, object: &Value) -> Result<(), ClusterError> {
        let what = format!("create {}", self.label);
        let fresh: DynamicObject = serde_json::from_value(object.clone())
            .map_err(|error| ClusterError::Manifest { path: self.label.clone(), problem: error.to_string() })?;
        let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        match bounded(&what, self.api.create(&parameters, &fresh)).await {
            Err(error) if refused_with(&error) == Some(409) => {}
            other => return other.map(drop),
        }
        let what = format!("patch {}", self.label);
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        match bounded(&what, self.api.patch(&self.name, &parameters, &Patch::Strategic(object))).await {
            Err(error) if refused_with(&error) == Some(415) => {
                bounded(&what, self.api.patch(&self.name, &parameters, &Patch::Merge(object))).await.map(drop)
            }
            other => other.map(drop),
        }
    }
}

/// Returns the object with its Namespace and with the annotation of `kubectl apply`.
fn annotated(object: &Value, namespace: Option<&str>) -> Value {
    let mut object = object.clone();
    let metadata = entry(&mut object, "metadata");
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    let applied = format!("{object}\n");
    let metadata = entry(&mut object, "metadata");
    let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(LAST_APPLIED.to_owned(), applied.into());
    }
    object
}

fn entry<'a>(object: &'a mut Value, name: &str) -> &'a mut Map<String, Value> {
    if !object[name].is_object() {
        object[name] = Value::Object(Map::new());
    }
    object[name].as_object_mut().expect("it was made an object just above")
}

#[cfg(test)]
mod tests;
