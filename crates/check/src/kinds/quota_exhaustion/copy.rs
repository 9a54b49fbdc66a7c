//! The labelled copy of a Pod template. Pure.

use serde_json::{Map, Value, json};

use crate::RunId;

/// The label that tells one trial's objects from another's.
pub(super) const TRIAL: &str = "atelier.dev/trial";

/// What is stamped on everything that a trial creates.
#[derive(Debug, Clone)]
pub(super) struct Stamp<'a> {
    /// The name of the trial's Deployment, and the value of its label.
    pub(super) name: &'a str,
    /// The Namespace.
    pub(super) namespace: &'a str,
    /// The run's name, fit for a label.
    pub(super) run: &'a str,
    /// The deadline, in RFC 3339.
    pub(super) deadline: &'a str,
}

impl Stamp<'_> {
    fn labels(&self) -> Value {
        json!({ RunId::LABEL: self.run, TRIAL: self.name, "app.kubernetes.io/managed-by": "atelier" })
    }

    fn annotations(&self) -> Value {
        json!({ RunId::DEADLINE: self.deadline })
    }
}

/// Finds the Pod template of a manifest: the first document that has one, or is a Pod.
pub(super) fn template_of(documents: &[Value]) -> Option<Value> {
    documents.iter().find_map(|document| {
        if document.get("kind").and_then(Value::as_str) == Some("Pod") {
            return Some(json!({ "metadata": document.get("metadata"), "spec": document.get("spec")? }));
        }
        document.pointer("/spec/template").filter(|template| template.get("spec").is_some()).cloned()
    })
}

/// Returns the template of a Pod without requests, limits or anything else.
pub(super) fn plain() -> Value {
    json!({ "spec": { "containers": [{ "name": "pod", "image": "busybox:1.36", "command": ["sleep", "3600"] }] } })
}

/// Returns one Pod made after the template, for a dry-run.
pub(super) fn pod(template: &Value, stamp: &Stamp<'_>) -> Value {
    let mut pod = pod_template(template, stamp);
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!(stamp.name);
    pod["metadata"]["namespace"] = json!(stamp.namespace);
    pod
}

/// Returns a Deployment of copies of the template.
pub(super) fn deployment(template: &Value, stamp: &Stamp<'_>, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": stamp.name,
            "namespace": stamp.namespace,
            "labels": stamp.labels(),
            "annotations": stamp.annotations(),
        },
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "selector": { "matchLabels": { TRIAL: stamp.name } },
            "template": pod_template(template, stamp),
        },
    })
}

fn pod_template(template: &Value, stamp: &Stamp<'_>) -> Value {
    let mut spec = match template.get("spec") {
        Some(Value::Object(spec)) => spec.clone(),
        Some(_) | None => Map::new(),
    };
    // A copy has nothing to save: it goes at once.
    spec.insert("terminationGracePeriodSeconds".to_owned(), json!(0));
    spec.insert("restartPolicy".to_owned(), json!("Always"));
    spec.remove("readinessGates");
    spec.remove("activeDeadlineSeconds");
    idle(spec.get_mut("containers"), &["sleep", "3600"]);
    idle(spec.get_mut("initContainers"), &["true"]);
    let mut annotations = match template.pointer("/metadata/annotations") {
        Some(Value::Object(annotations)) => annotations.clone(),
        Some(_) | None => Map::new(),
    };
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    annotations.insert(RunId::DEADLINE.to_owned(), json!(stamp.deadline));
    json!({ "metadata": { "labels": stamp.labels(), "annotations": annotations }, "spec": spec })
}

/// Keeps what containers ask for and takes away what they do: admission and scheduling judge requests and limits,
/// and a copy must harm no node.
fn idle(containers: Option<&mut Value>, command: &[&str]) {
    let Some(Value::Array(containers)) = containers else { return };
    for container in containers.iter_mut().filter_map(Value::as_object_mut) {
        for field in ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] {
            container.remove(field);
        }
        let had_arguments = container.remove("args").is_some();
        if container.contains_key("command") || had_arguments {
            container.insert("command".to_owned(), json!(command));
        }
        // Two copies cannot share a port of the node.
        for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(port) = port.as_object_mut() {
                port.remove("hostPort");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp<'static> =
        Stamp { name: "atelier-quota-1", namespace: "default", run: "run-1", deadline: "2026-01-01T00:00:00Z" };

    #[test]
    fn a_copy_keeps_what_is_asked_for_and_loses_labels_and_work() {
        let template = json!({
            "metadata": { "labels": { "app": "exhauster" }, "annotations": { "keep": "me" } },
            "spec": {
                "nodeSelector": { "disk": "ssd" },
                "terminationGracePeriodSeconds": 30,
                "initContainers": [{ "name": "i", "image": "busybox:1.36", "args": ["x"] }],
                "containers": [{
                    "name": "c", "image": "busybox:1.36", "command": ["tail", "/dev/zero"],
                    "resources": { "limits": { "memory": "64Mi" } },
                    "ports": [{ "containerPort": 80, "hostPort": 80 }],
                    "livenessProbe": { "exec": { "command": ["false"] } },
                }],
            },
        });
        insta::assert_snapshot!(serde_json::to_string_pretty(&deployment(&template, &STAMP, 20)).unwrap());
    }

    #[test]
    fn an_image_without_command_keeps_its_own() {
        let template = json!({ "spec": { "containers": [{ "name": "c", "image": "nginx:1.27" }] } });
        let pod = pod(&template, &STAMP);
        assert_eq!(pod["spec"]["containers"], json!([{ "name": "c", "image": "nginx:1.27" }]));
        assert_eq!(pod["metadata"]["labels"][RunId::LABEL], json!("run-1"));
    }

    #[test]
    fn templates_are_found_in_manifests() {
        let service = json!({ "kind": "Service", "spec": {} });
        let deployment = json!({ "kind": "Deployment", "spec": { "template": { "spec": { "a": 1 } } } });
        let pod = json!({ "kind": "Pod", "metadata": {}, "spec": { "a": 2 } });
        assert_eq!(template_of(&[service.clone(), deployment]).unwrap()["spec"], json!({ "a": 1 }));
        assert_eq!(template_of(&[pod]).unwrap()["spec"], json!({ "a": 2 }));
        assert_eq!(template_of(&[service]), None);
        assert_eq!(template_of(&[]), None);
    }
}
