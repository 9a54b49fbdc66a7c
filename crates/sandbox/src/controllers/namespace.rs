//! Namespaces: each gets its default account and the cluster's CA, and one on its way out is emptied.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, Caller, DeleteOptions, Target, WriteOptions};
use crate::clock::rfc3339;
use crate::fields::{is_deleted, list, name, text};
use crate::resources::{CONFIG_MAPS, NAMESPACES, Resource, SERVICE_ACCOUNTS};
use crate::store::{Change, ChangeKind, Key, Object};

use super::{Controller, Next, Queue, queue_all};

/// The ConfigMap with the cluster's CA.
const ROOT_CA: &str = "kube-root-ca.crt";

/// The controller; three in the real thing, with three identities.
pub(crate) struct Namespaces {
    api: Api,
    authority: String,
}

impl Namespaces {
    /// Returns the controller over an API whose certificates are signed by `authority` (PEM).
    pub(crate) fn new(api: &Api, authority: &str) -> Self {
        Self { api: api.clone(), authority: authority.to_owned() }
    }

    fn furnish(&self, space: &str) {
        let account = Caller::controller("service-account-controller");
        if self.api.get(&SERVICE_ACCOUNTS, space, "default").is_err() {
            let object = json!({"metadata": {"name": "default"}});
            // Somebody else may have been faster.
            let _ = self.api.create(&account, &SERVICE_ACCOUNTS, space, object, &WriteOptions::default());
        }
        let publisher = Caller::controller("root-ca-cert-publisher");
        let content = json!({"ca.crt": self.authority});
        match self.api.get(&CONFIG_MAPS, space, ROOT_CA) {
            Err(_) => {
                let annotation = "Contains a CA bundle that can be used to verify the kube-apiserver when using \
                    internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is \
                    guaranteed across distributions of Kubernetes clusters.";
                let object = json!({
                    "metadata": {"name": ROOT_CA, "annotations": {"kubernetes.io/description": annotation}},
                    "data": content,
                });
                let _ = self.api.create(&publisher, &CONFIG_MAPS, space, object, &WriteOptions::default());
            }
            Ok(found) if found["data"] != content => {
                let target = Target::new(&CONFIG_MAPS, space, ROOT_CA);
                let _ = self.api.update_with(&publisher, target, |object| object["data"] = content);
            }
            Ok(_) => {}
        }
    }

    /// Deletes what is left in a Namespace and lets it go once nothing is.
    fn empty(&self, namespace: &Value) -> Next {
        let caller = Caller::controller("namespace-controller");
        let space = name(namespace);
        let mut left = Left::default();
        for resource in self.api.served().stored().filter(|resource| resource.is_namespaced()) {
            for object in self.api.list_all(resource, Some(space)) {
                if !is_deleted(&object) {
                    let target = Target::new(resource, space, name(&object));
                    let _ = self.api.delete(&caller, target, &DeleteOptions::default());
                }
            }
            left.count(resource, &self.api.list_all(resource, Some(space)));
        }
        if !left.resources.is_empty() {
            self.tell(&caller, namespace, &left);
            // Each deletion queues this Namespace again; the pause is for whatever was missed.
            return Next::After(Duration::from_secs(5));
        }
        let target = Target::new(&NAMESPACES, "", space).part("finalize");
        let _ = self.api.update_with(&caller, target, |namespace| {
            if let Some(spec) = namespace["spec"].as_object_mut() {
                spec.remove("finalizers");
            }
        });
        Next::Wait
    }

    /// Writes what a Namespace on its way out still waits for.
    fn tell(&self, caller: &Caller, namespace: &Value, left: &Left) {
        let told = list(namespace, "/status/conditions");
        let now = rfc3339(self.api.clock().now());
        let conditions: Vec<Value> = left
            .conditions()
            .into_iter()
            .map(|(kind, truth, reason, message)| {
                let before = told.iter().find(|condition| condition["type"] == kind);
                let since = before
                    .filter(|before| before["status"] == truth)
                    .map_or(now.as_str(), |before| text(before, "/lastTransitionTime"));
                json!({"type": kind, "status": truth, "reason": reason, "message": message,
                    "lastTransitionTime": since})
            })
            .collect();
        if told == conditions {
            return;
        }
        let target = Target::new(&NAMESPACES, "", name(namespace)).part("status");
        // It may be gone by now, which is as good.
        let _ = self.api.update_with(caller, target, |stored| stored["status"]["conditions"] = json!(conditions));
    }
}

/// What is left in a Namespace on its way out.
#[derive(Debug, Default)]
struct Left {
    resources: BTreeMap<String, usize>,
    finalizers: BTreeMap<String, usize>,
}

impl Left {
    fn count(&mut self, resource: &Resource, objects: &[Object]) {
        if !objects.is_empty() {
            *self.resources.entry(format!("{}.{}", resource.plural, resource.group)).or_default() += objects.len();
        }
        for finalizer in objects.iter().flat_map(|object| list(object, "/metadata/finalizers")) {
            *self.finalizers.entry(finalizer.as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
    }

    /// Returns the conditions: type, status, reason, message.
    fn conditions(&self) -> [(&'static str, &'static str, &'static str, String); 5] {
        let join = |counts: &BTreeMap<String, usize>, word: &str| {
            let parts: Vec<String> =
                counts.iter().map(|(what, count)| format!("{what} {word} {count} resource instances")).collect();
            parts.join(", ")
        };
        let finalizers = if self.finalizers.is_empty() {
            ("False", "ContentHasNoFinalizers", "All content-preserving finalizers finished".to_owned())
        } else {
            let message =
                format!("Some content in the namespace has finalizers remaining: {}", join(&self.finalizers, "in"));
            ("True", "SomeFinalizersRemain", message)
        };
        let remaining = format!("Some resources are remaining: {}", join(&self.resources, "has"));
        let fixed = |text: &str| text.to_owned();
        [
            (
                "NamespaceDeletionDiscoveryFailure",
                "False",
                "ResourcesDiscovered",
                fixed("All resources successfully discovered"),
            ),
            (
                "NamespaceDeletionGroupVersionParsingFailure",
                "False",
                "ParsedGroupVersions",
                fixed("All legacy kube types successfully parsed"),
            ),
            (
                "NamespaceDeletionContentFailure",
                "False",
                "ContentDeleted",
                fixed("All content successfully deleted, may be waiting on finalization"),
            ),
            ("NamespaceContentRemaining", "True", "SomeResourcesRemain", remaining),
            ("NamespaceFinalizersRemaining", finalizers.0, finalizers.1, finalizers.2),
        ]
    }
}

impl Controller for Namespaces {
    fn name(&self) -> &'static str {
        "namespace"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == NAMESPACES {
            queue.add("", &change.key.name);
        } else if (change.kind == ChangeKind::Deleted && change.resource.is_namespaced())
            || (*change.resource == CONFIG_MAPS && change.key.name == ROOT_CA)
        {
            queue.add("", &change.key.namespace);
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&NAMESPACES, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(namespace) = self.api.get(&NAMESPACES, "", &key.name) else { return Next::Wait };
        if is_deleted(&namespace) {
            return self.empty(&namespace);
        }
        self.furnish(&key.name);
        Next::Wait
    }
}
