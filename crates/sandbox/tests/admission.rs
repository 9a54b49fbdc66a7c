//! Admission as clients meet it: Pod security by labels and by policies, and the API server's manifest.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use sandbox::{Options, Pace, Sandbox, Version};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Nothing here takes long; a hang is a failure.
const LONG: Duration = Duration::from_secs(20);

async fn start(version: Version, state: Option<&Path>) -> Sandbox {
    let state = state.map(Path::to_owned);
    Sandbox::start(Options { version, state, address: None, pace: Pace::Fast }).await.unwrap()
}

/// Asks, and returns the code, the warnings and the body.
async fn ask(sandbox: &Sandbox, method: Method, path: &str, body: &Value) -> (u16, Vec<String>, Value) {
    let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder().method(method).uri(path).header("content-type", kind);
    let response = sandbox.service().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let warnings = parts.headers.get_all("warning").iter().map(|text| text.to_str().unwrap().to_owned()).collect();
    let body = tokio::time::timeout(LONG, body.collect()).await.unwrap().unwrap().to_bytes();
    (parts.status.as_u16(), warnings, serde_json::from_slice(&body).unwrap_or_default())
}

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> (u16, Vec<String>, Value) {
    ask(sandbox, Method::POST, path, &body).await
}

fn pod(name: &str, container: Value) -> Value {
    let mut pod = json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "busybox:1.36"}]}});
    pod["spec"]["containers"][0].as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
    pod
}

#[tokio::test]
async fn labels_of_a_namespace_refuse_warn_and_are_checked() {
    let sandbox = start(Version::V1_34, None).await;
    let space = |labels: Value| json!({"metadata": {"name": "lab", "labels": labels}});
    let (code, _, body) =
        post(&sandbox, "/api/v1/namespaces", space(json!({"pod-security.kubernetes.io/enforce": "high"}))).await;
    assert_eq!(
        (code, body["message"].as_str().unwrap()),
        (
            422,
            "Namespace \"lab\" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"high\": \
             must be one of privileged, baseline, restricted"
        )
    );
    let labels = json!({"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/audit-version": "v1.24"});
    assert_eq!(post(&sandbox, "/api/v1/namespaces", space(labels)).await.0, 201);

    let pods = "/api/v1/namespaces/lab/pods";
    let (code, _, body) = post(&sandbox, pods, pod("p", json!({"securityContext": {"privileged": true}}))).await;
    assert_eq!(
        (code, body["message"].as_str().unwrap()),
        (
            403,
            "pods \"p\" is forbidden: violates PodSecurity \"baseline:latest\": privileged (container \"c\" must not set \
             securityContext.privileged=true)"
        )
    );
    assert_eq!(post(&sandbox, pods, pod("q", json!({}))).await.0, 201);
    let (_, _, audit) = ask(&sandbox, Method::GET, "/atelier/v1/audit", &Value::Null).await;
    let entry = audit["entries"].as_array().unwrap().iter().find(|entry| entry["name"] == "q").unwrap();
    let noted = entry["annotations"]["pod-security.kubernetes.io/audit-violations"].as_str().unwrap();
    assert!(noted.starts_with("would violate PodSecurity \"restricted:v1.24\": allowPrivilegeEscalation"), "{noted}");

    let stricter = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted"}}});
    let (code, warnings, _) = ask(&sandbox, Method::PATCH, "/api/v1/namespaces/lab", &stricter).await;
    assert_eq!(code, 200);
    assert_eq!(
        warnings,
        [
            "299 - \"existing pods in namespace \\\"lab\\\" violate the new PodSecurity enforce level \
             \\\"restricted:latest\\\"\"",
            "299 - \"q: allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, \
             seccompProfile\"",
        ]
    );
    let deployment = json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}}});
    let (code, warnings, _) = post(&sandbox, "/apis/apps/v1/namespaces/lab/deployments", deployment).await;
    assert_eq!(code, 201);
    assert!(warnings[0].contains("would violate PodSecurity \\\"restricted:latest\\\""), "{warnings:?}");
    sandbox.stop().await;
}

async fn api_server_is(sandbox: &Sandbox, state: &str) -> Value {
    let wait = async {
        loop {
            let (_, _, info) = ask(sandbox, Method::GET, "/atelier/v1/info", &Value::Null).await;
            if info["apiServer"]["state"] == state {
                return info["apiServer"].clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("the API server is never {state}"))
}

async fn connects(sandbox: &Sandbox) -> bool {
    tokio::net::TcpStream::connect(sandbox.address()).await.is_ok()
}

#[tokio::test]
async fn the_manifest_restarts_the_api_server_with_its_plugins() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = start(Version::V1_20, Some(folder.path())).await;
    let path = sandbox.manifest_path().unwrap().to_owned();
    let fresh = std::fs::read_to_string(&path).unwrap();
    assert!(connects(&sandbox).await);

    // A broken file: no API server, and the reason is told.
    std::fs::write(&path, fresh.replace("--secure-port", "--sekure-port")).unwrap();
    let told = api_server_is(&sandbox, "down").await;
    assert_eq!(told["problem"], "kube-apiserver: Error: unknown flag: --sekure-port");
    let refused = async {
        while connects(&sandbox).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, refused).await.unwrap();
    assert_eq!(post(&sandbox, "/api/v1/namespaces/default/pods", pod("p", json!({}))).await.0, 503);
    let log = std::fs::read_to_string(folder.path().join("kubelet.log")).unwrap();
    assert!(log.contains("unknown flag: --sekure-port"), "{log}");

    // Mended, and with one plug-in more.
    std::fs::write(&path, fresh.replace("=NodeRestriction", "=NodeRestriction,PodSecurityPolicy")).unwrap();
    api_server_is(&sandbox, "up").await;
    let reached = async {
        while !connects(&sandbox).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, reached).await.unwrap();
    let pods = "/api/v1/namespaces/default/pods";
    let (code, _, body) = post(&sandbox, pods, pod("p", json!({}))).await;
    let message = "pods \"p\" is forbidden: PodSecurityPolicy: no providers available to validate pod request";
    assert_eq!((code, body["message"].as_str().unwrap()), (403, message));

    let rule = json!({"rule": "RunAsAny"});
    let policy = json!({"metadata": {"name": "careful"}, "spec": {"volumes": ["*"], "runAsUser": {"rule": "MustRunAsNonRoot"},
        "seLinux": rule, "supplementalGroups": rule, "fsGroup": rule}});
    assert_eq!(post(&sandbox, "/apis/policy/v1beta1/podsecuritypolicies", policy).await.0, 201);
    let (code, _, body) = post(&sandbox, pods, pod("p", json!({"securityContext": {"privileged": true}}))).await;
    let message = "pods \"p\" is forbidden: PodSecurityPolicy: unable to admit pod: \
                   [spec.containers[0].securityContext.privileged: Invalid value: true: Privileged containers are not \
                   allowed]";
    assert_eq!((code, body["message"].as_str().unwrap()), (403, message));
    let (code, _, body) = post(&sandbox, pods, pod("p", json!({}))).await;
    assert_eq!((code, &body["metadata"]["annotations"]["kubernetes.io/psp"]), (201, &json!("careful")));
    assert_eq!(body["spec"]["containers"][0]["securityContext"], json!({"runAsNonRoot": true}));

    // A reset brings the first manifest back, with no time away.
    assert_eq!(post(&sandbox, "/atelier/v1/reset", Value::Null).await.0, 200);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), fresh);
    assert_eq!(post(&sandbox, pods, pod("r", json!({"securityContext": {"privileged": true}}))).await.0, 201);
    sandbox.stop().await;
}
