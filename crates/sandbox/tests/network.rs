//! The simulated network from outside: ports of nodes on real loopback, and what the API server passes on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use sandbox::{Options, Pace, Sandbox, Version};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Nothing here takes long; a hang is a failure.
const LONG: Duration = Duration::from_secs(20);

async fn start() -> Sandbox {
    Sandbox::start(Options { version: Version::V1_34, state: None, address: None, pace: Pace::Fast }).await.unwrap()
}

async fn ask(sandbox: &Sandbox, method: Method, path: &str, body: Option<Value>) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let answered = sandbox.service().oneshot(request.body(body).unwrap());
    let (parts, body) = tokio::time::timeout(LONG, answered).await.unwrap().unwrap().into_parts();
    let bytes = tokio::time::timeout(LONG, body.collect()).await.unwrap().unwrap().to_bytes();
    (parts.status, String::from_utf8_lossy(&bytes).into_owned())
}

async fn create(sandbox: &Sandbox, plural: &str, object: Value) -> Value {
    let (status, body) =
        ask(sandbox, Method::POST, &format!("/api/v1/namespaces/default/{plural}"), Some(object)).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// nginx in a Pod `web`, with a Service of some type; returns the Service once it leads somewhere.
async fn web(sandbox: &Sandbox, kind: &str) -> Value {
    let labels = json!({"app": "web"});
    let container = json!({"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]});
    create(
        sandbox,
        "pods",
        json!({"metadata": {"name": "web", "labels": labels}, "spec": {"containers": [container]}}),
    )
    .await;
    let spec = json!({"type": kind, "selector": labels, "ports": [{"name": "http", "port": 8080, "targetPort": 80}]});
    let service = create(sandbox, "services", json!({"metadata": {"name": "web"}, "spec": spec})).await;
    for _ in 0..400 {
        let (_, endpoints) = ask(sandbox, Method::GET, "/api/v1/namespaces/default/endpoints/web", None).await;
        if endpoints.contains("\"addresses\"") {
            return service;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the Service leads nowhere");
}

#[tokio::test]
async fn the_api_server_passes_requests_on() {
    let sandbox = start().await;
    web(&sandbox, "ClusterIP").await;
    let get = async |path: &str| ask(&sandbox, Method::GET, &format!("/api/v1/namespaces/default/{path}"), None).await;
    for path in [
        "services/web/proxy/",
        "services/web:http/proxy/",
        "services/web:8080/proxy/",
        "pods/web/proxy/",
        "pods/http:web:80/proxy/index.html",
    ] {
        let (status, body) = get(path).await;
        assert_eq!((status, body.contains("Welcome to nginx!")), (StatusCode::OK, true), "{path}: {body}");
    }
    assert_eq!(get("services/web/proxy").await.0, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(get("services/web/proxy/none").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get("services/none/proxy/").await.0, StatusCode::NOT_FOUND);
    let (status, body) = get("services/web:9/proxy/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("no service port \\\"9\\\" found for service \\\"web\\\""), "{body}");
    let (status, body) = get("pods/web:81/proxy/").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("error trying to reach service: dial tcp 10.244."), "{body}");
    assert!(body.contains(":81: connect: connection refused"), "{body}");
    let (status, body) = ask(&sandbox, Method::GET, "/api/v1/nodes/node1/proxy/healthz", None).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "ok"));
    let (_, log) = get("pods/web/log").await;
    assert!(log.contains("\"GET / HTTP/1.1\" 200"), "{log}");
    sandbox.stop().await;
}

/// Elsewhere loopback has one address, and the nodes have none of their own.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_node_port_is_a_real_port_of_each_node_until_the_service_goes() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    let sandbox = start().await;
    let service = web(&sandbox, "NodePort").await;
    let port = service["spec"]["ports"][0]["nodePort"].as_u64().unwrap();
    let (_, nodes) = ask(&sandbox, Method::GET, "/api/v1/nodes", None).await;
    let nodes: Value = serde_json::from_str(&nodes).unwrap();
    let mut addresses = Vec::new();
    for node in nodes["items"].as_array().unwrap() {
        addresses.push(format!("{}:{port}", node["status"]["addresses"][0]["address"].as_str().unwrap()));
    }
    assert_eq!(addresses.len(), 3);
    for address in &addresses {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut page = String::new();
        tokio::time::timeout(LONG, stream.read_to_string(&mut page)).await.unwrap().unwrap();
        assert!(page.starts_with("HTTP/1.1 200 OK\r\nServer: nginx/1.27.5\r\n"), "{page}");
    }
    ask(&sandbox, Method::DELETE, "/api/v1/namespaces/default/services/web", None).await;
    for _ in 0..400 {
        if TcpStream::connect(&addresses[1]).await.is_err() {
            sandbox.stop().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the port is still open");
}

#[tokio::test]
async fn a_flow_is_foretold_with_the_policies_that_decide() {
    let sandbox = start().await;
    web(&sandbox, "ClusterIP").await;
    let container = json!({"name": "main", "image": "busybox:1.36", "command": ["sleep", "36000"]});
    create(&sandbox, "pods", json!({"metadata": {"name": "client"}, "spec": {"containers": [container]}})).await;
    let foretell = async || {
        let path = "/atelier/v1/flow?namespace=default&pod=client&to=web&port=8080";
        let (_, told) = ask(&sandbox, Method::GET, path, None).await;
        serde_json::from_str::<Value>(&told).unwrap()
    };
    let mut told = Value::Null;
    for _ in 0..400 {
        told = foretell().await;
        if told["name"] == "known" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let flow = &told["flows"][0];
    assert_eq!(
        (&flow["outcome"], &flow["pod"], &flow["byService"]),
        (&json!("open"), &json!("default/web"), &json!(true))
    );
    assert_eq!(flow["ingress"], json!({"is": "open"}));
    let spec = json!({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}]});
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "others"}, "spec": spec});
    let path = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";
    assert_eq!(ask(&sandbox, Method::POST, path, Some(policy)).await.0, StatusCode::CREATED);
    let flow = &foretell().await["flows"][0];
    assert_eq!(flow["outcome"], "dropped");
    let miss = json!({"policy": "default/others", "rule": 0, "why": "peer"});
    assert_eq!(flow["ingress"], json!({"is": "denied", "policies": ["default/others"], "misses": [miss]}));
    assert_eq!(flow["egress"], json!({"is": "open"}));
    sandbox.stop().await;
}
