//! Tests of the protobuf decoder: bodies that kubectl sent, and bytes that nobody should send.

//! Bodies in protobuf, as kubectl 1.32 and later send them, become the JSON they stand for; broken ones are refused.

use serde_json::json;

use super::*;

fn check(body: &str, expected: Value) {
    let bytes = BASE64_STANDARD.decode(body.replace(['\n', '\r'], "")).unwrap();
    assert_eq!(decode(&bytes, None).unwrap(), expected);
}

#[test]
fn a_namespace() {
    check(
        include_str!("bodies/namespace.b64"),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}, "spec": {}, "status": {}}),
    );
}

#[test]
fn a_quota() {
    check(
        include_str!("bodies/quota.b64"),
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "lab"},
            "spec": {"hard": {"pods": "2", "requests.cpu": "500m"}}, "status": {},
        }),
    );
}

#[test]
fn a_deployment_with_no_replicas() {
    check(
        include_str!("bodies/deployment.b64"),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "lab", "labels": {"app": "web"}},
            "spec": {
                "replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "strategy": {},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{
                        "name": "nginx", "image": "nginx:1.27", "resources": {},
                        "ports": [{"containerPort": 80}],
                    }]},
                },
            },
            "status": {"replicas": 0},
        }),
    );
}

#[test]
fn maps_bytes_and_lists() {
    check(
        include_str!("bodies/configmap.b64"),
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "lab"},
            "data": {"a": "b"},
        }),
    );
    check(
        include_str!("bodies/secret.b64"),
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"p": "dw=="},
        }),
    );
}

#[test]
fn a_question() {
    check(
        include_str!("bodies/review.b64"),
        json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": {},
            "spec": {"resourceAttributes": {"namespace": "default", "verb": "get", "resource": "pods"}},
            "status": {"allowed": false},
        }),
    );
}

#[test]
fn cut_bodies_are_refused_and_never_panic() {
    let bytes = BASE64_STANDARD.decode(include_str!("bodies/deployment.b64").replace('\n', "")).unwrap();
    for length in 0..bytes.len() {
        // Some cuts fall between fields: those decode.
        let _ = decode(&bytes[..length], None);
    }
    assert_eq!(decode(b"{}", None), Err(Error::Magic));
    assert_eq!(decode(b"k8s\0\x0a\xff", None), Err(Error::Cut));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
        let pod = schema().kind("", "v1", "Pod").unwrap();
        let _ = message(pod, &bytes, &mut Map::new(), 0);
        let _ = decode(&[MAGIC, &bytes].concat(), Some(pod));
    }
}
