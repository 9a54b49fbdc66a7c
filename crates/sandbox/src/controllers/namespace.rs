//! Namespaces: each gets its default account and the cluster's CA, and one on its way out is emptied.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, Caller, DeleteOptions, Target, WriteOptions};
use crate::fields::{is_deleted, name};
use crate::resources::{CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS};
use crate::store::{Change, ChangeKind, Key};

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
        let mut left = 0;
        for resource in self.api.served().stored().filter(|resource| resource.is_namespaced()) {
            for object in self.api.list_all(resource, Some(space)) {
                if !is_deleted(&object) {
                    let target = Target::new(resource, space, name(&object));
                    let _ = self.api.delete(&caller, target, &DeleteOptions::default());
                }
            }
            left += self.api.list_all(resource, Some(space)).len();
        }
        if left > 0 {
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
