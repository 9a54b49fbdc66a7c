//! What the tests of several modules share.

use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::api::{Api, PostParams};
use serde_json::json;

/// Makes what every cluster has, where it is missing.
pub(crate) async fn bootstrap(client: &kube::Client) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in ["default", "kube-system"] {
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        ignore_conflict(namespaces.create(&PostParams::default(), &namespace).await);
    }
    let nodes: Api<Node> = Api::all(client.clone());
    for name in ["node1", "node2", "node3"] {
        let node = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        ignore_conflict(nodes.create(&PostParams::default(), &node).await);
    }
}

fn ignore_conflict<T: std::fmt::Debug>(result: kube::Result<T>) {
    match result {
        Err(kube::Error::Api(status)) if status.code == 409 => {}
        other => {
            other.unwrap();
        }
    }
}
