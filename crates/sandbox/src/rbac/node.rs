//! What kubelets may do: read what their Pods use, write their Node and the statuses of their Pods.
//!
//! [`authorize`] is the Node authorizer (`plugin/pkg/auth/authorizer/node`), [`NodeRestriction`] the admission
//! plug-in of that name (`plugin/pkg/admission/noderestriction`).

use serde_json::Value;

use crate::admission::{Operation, Plugin, Request, Transaction};
use crate::api::{Caller, Status};
use crate::fields::{list, name, namespace, text};
use crate::resources::{PERSISTENT_VOLUME_CLAIMS, PODS};
use crate::store::{Object, Store};

use super::Decision;
use super::attributes::{Attributes, ResourceAttributes};
use super::rule::Rule;

/// Returns the node that a caller is the kubelet of.
fn node_of(caller: &Caller) -> Option<&str> {
    let is_node = caller.groups.iter().any(|group| group == "system:nodes");
    caller.user.strip_prefix("system:node:").filter(|node| is_node && !node.is_empty())
}

/// Decides on a kubelet's request by what its Pods use; `None` for callers that are no kubelets. `rules` are what all
/// of them may.
pub(crate) fn authorize(store: &Store, rules: &[Rule], caller: &Caller, wanted: &Attributes) -> Option<Decision> {
    let node = node_of(caller)?;
    let verdict = match wanted {
        Attributes::Resource(wanted) => refusal(store, node, wanted),
        Attributes::Path { .. } => None,
    };
    Some(match verdict {
        Some(reason) => Decision::Denied { reason },
        None if rules.iter().any(|rule| rule.allows(wanted)) => Decision::Allowed { reason: String::new() },
        None => Decision::Denied { reason: String::new() },
    })
}

/// Returns why a request goes beyond the node; `None` where the common rules decide.
fn refusal(store: &Store, node: &str, wanted: &ResourceAttributes) -> Option<String> {
    let refuse = |reason: &str| Some(reason.to_owned());
    let is_read = matches!(wanted.verb.as_str(), "get" | "list" | "watch");
    let is_its_own = wanted.name == node;
    match (wanted.group.as_str(), wanted.full_resource().as_str()) {
        ("", "secrets" | "configmaps" | "persistentvolumeclaims" | "persistentvolumes") if !is_read => {
            refuse("can only read resources of this type")
        }
        ("", "secrets" | "configmaps" | "persistentvolumeclaims" | "persistentvolumes") if wanted.name.is_empty() => {
            refuse("No Object name found")
        }
        ("", "secrets" | "configmaps" | "persistentvolumeclaims" | "persistentvolumes" | "serviceaccounts/token") => {
            let used = pods_of(store, node).any(|pod| uses(store, pod, wanted));
            (!used).then(|| format!("no relationship found between node '{node}' and this object"))
        }
        ("coordination.k8s.io", "leases") if wanted.namespace != "kube-node-lease" => {
            refuse("can only access leases in the \"kube-node-lease\" system namespace")
        }
        ("coordination.k8s.io", "leases") if wanted.verb != "create" && !is_its_own => {
            refuse("can only access node lease with the same name as the requesting node")
        }
        ("storage.k8s.io", "csinodes") if wanted.verb != "create" && !is_its_own => {
            refuse("can only access CSINode with the same name as the requesting node")
        }
        _ => None,
    }
}

fn pods_of<'a>(store: &'a Store, node: &'a str) -> impl Iterator<Item = &'a Object> {
    store.list(&PODS, None).map(|(_, pod)| pod).filter(move |pod| text(pod, "/spec/nodeName") == node)
}

/// Tells whether a Pod needs an object.
fn uses(store: &Store, pod: &Value, wanted: &ResourceAttributes) -> bool {
    let volumes = || list(pod, "/spec/volumes").iter().map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
    if wanted.resource == "persistentvolumes" {
        return volumes().filter(|claim| !claim.is_empty()).any(|claim| {
            let claim = store.get(&PERSISTENT_VOLUME_CLAIMS, namespace(pod), claim);
            claim.is_some_and(|claim| text(claim, "/spec/volumeName") == wanted.name)
        });
    }
    if namespace(pod) != wanted.namespace {
        return false;
    }
    match wanted.resource.as_str() {
        "serviceaccounts" => text(pod, "/spec/serviceAccountName") == wanted.name,
        "persistentvolumeclaims" => volumes().any(|claim| claim == wanted.name),
        "secrets" => names(&pod["spec"], &["secret", "secretRef", "secretKeyRef", "imagePullSecrets"], &wanted.name),
        _ => names(&pod["spec"], &["configMap", "configMapRef", "configMapKeyRef"], &wanted.name),
    }
}

/// Tells whether a member with one of the keys, at any depth, is a reference to `name`.
fn names(value: &Value, keys: &[&str], name: &str) -> bool {
    let refers = |value: &Value| text(value, "/name") == name || text(value, "/secretName") == name;
    match value {
        Value::Object(map) => map.iter().any(|(key, member)| {
            let is_reference = keys.contains(&key.as_str())
                && match member {
                    Value::Array(items) => items.iter().any(refers),
                    other => refers(other),
                };
            is_reference || names(member, keys, name)
        }),
        Value::Array(items) => items.iter().any(|item| names(item, keys, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Keeps a kubelet to its own Node and its own Pods.
pub(crate) struct NodeRestriction;

impl Plugin for NodeRestriction {
    fn name(&self) -> &'static str {
        "NodeRestriction"
    }

    fn mutate(&self, request: &mut Request, _transaction: &mut Transaction<'_>) -> Result<(), Status> {
        let Some(node) = node_of(&request.caller) else { return Ok(()) };
        if request.resource.group.is_empty() {
            match request.resource.plural {
                "pods" => return self.pod(request, node),
                "nodes" => return self.node(request, node),
                _ => {}
            }
        }
        Ok(())
    }
}

impl NodeRestriction {
    #[expect(clippy::unused_self, reason = "the plug-in has no settings")]
    fn pod(&self, request: &Request, node: &str) -> Result<(), Status> {
        let home = |pod: Option<&Value>| pod.is_some_and(|pod| text(pod, "/spec/nodeName") == node);
        let old = request.old.as_deref();
        match (request.operation, request.subresource.as_deref()) {
            (Operation::Create, None) => {
                let is_mirror = request.object["metadata"]["annotations"].get("kubernetes.io/config.mirror").is_some();
                if !is_mirror {
                    return Err(request.forbid(&format!("pod does not have \"kubernetes.io/config.mirror\" annotation, node {node:?} can only create mirror pods")));
                }
                if home(Some(&request.object)) {
                    return Ok(());
                }
                Err(request.forbid(&format!("node {node:?} can only create pods with spec.nodeName set to itself")))
            }
            (Operation::Delete, _) if !home(old) => {
                Err(request.forbid(&format!("node {node:?} can only delete pods with spec.nodeName set to itself")))
            }
            (Operation::Update, Some("status")) if !home(old) => Err(request.forbid(&format!(
                "node {node:?} can only update pod status for pods with spec.nodeName set to itself"
            ))),
            (Operation::Update, None) => Err(request.forbid(&format!(
                "unexpected operation \"UPDATE\", node {node:?} can only create and delete mirror pods"
            ))),
            (Operation::Create | Operation::Update | Operation::Delete, _) => Ok(()),
        }
    }

    #[expect(clippy::unused_self, reason = "the plug-in has no settings")]
    fn node(&self, request: &Request, node: &str) -> Result<(), Status> {
        let other = if request.name.is_empty() { name(&request.object) } else { request.name.as_str() };
        if request.operation != Operation::Create && other != node {
            return Err(request.forbid(&format!("node {node:?} is not allowed to modify node {other:?}")));
        }
        if request.operation == Operation::Update && request.subresource.is_none() {
            let taints = |node: Option<&Value>| node.map(|node| node["spec"]["taints"].clone()).unwrap_or_default();
            if taints(request.old.as_deref()) != taints(Some(&request.object)) {
                return Err(request.forbid(&format!("node {node:?} is not allowed to modify taints")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Key;

    fn decide(user: &str, verb: &str, resource: &str, name: &str) -> String {
        let mut store = Store::default();
        let pod = json!({"metadata": {"name": "p", "namespace": "a"}, "spec": {
            "nodeName": "node1", "serviceAccountName": "default",
            "volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "ca"}}]}},
                {"name": "s", "secret": {"secretName": "volume"}}],
            "containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "key"}}}]}],
            "imagePullSecrets": [{"name": "pull"}],
        }});
        store.put(&PODS, Key::new("a", "p"), pod);
        let (resource, part) = resource.split_once('/').unwrap_or((resource, ""));
        let wanted = Attributes::Resource(ResourceAttributes {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            subresource: part.to_owned(),
            namespace: "a".to_owned(),
            name: name.to_owned(),
            ..ResourceAttributes::default()
        });
        let rules = super::super::defaults::node_rules();
        let caller = Caller::user(user, ["system:nodes".to_owned()]);
        match authorize(&store, rules, &caller, &wanted) {
            Some(Decision::Allowed { .. }) => "yes".to_owned(),
            Some(Decision::Denied { reason }) => format!("no {reason}"),
            None => "no opinion".to_owned(),
        }
    }

    #[test]
    fn a_node_reads_what_its_pods_use() {
        for secret in ["volume", "key", "pull"] {
            assert_eq!(decide("system:node:node1", "get", "secrets", secret), "yes", "{secret}");
        }
        assert_eq!(decide("system:node:node1", "get", "configmaps", "ca"), "yes");
        assert_eq!(decide("system:node:node1", "create", "serviceaccounts/token", "default"), "yes");
        let strange = "no no relationship found between node 'node1' and this object";
        assert_eq!(decide("system:node:node1", "get", "secrets", "other"), strange);
        assert_eq!(decide("system:node:node1", "create", "serviceaccounts/token", "other"), strange);
        assert_eq!(decide("system:node:node1", "list", "secrets", ""), "no No Object name found");
        assert!(decide("system:node:node2", "get", "secrets", "key").starts_with("no no relationship"));
        assert_eq!(decide("bob", "get", "secrets", "key"), "no opinion");
        assert_eq!(decide("system:node:node2", "update", "pods/status", "p"), "yes");
        assert_eq!(decide("system:node:node2", "create", "deployments", ""), "no ");
    }
}
