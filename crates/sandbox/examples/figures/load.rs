//! What a measured sandbox is made to hold and to do, asked of its service without a socket.

use std::time::{Duration, Instant};

use axum::body::Body;
use futures::StreamExt as _;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use sandbox::{NODE_NAMES, Sandbox, Service};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::client::Failure;

/// Nothing that is measured takes longer, even where much else runs.
const PATIENCE: Duration = Duration::from_secs(60);
const PODS: &str = "/api/v1/namespaces/default/pods";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

/// The API as a service: what it costs is the server's alone.
pub(crate) struct Direct {
    service: Service,
}

impl Direct {
    /// Speaks to this sandbox.
    pub(crate) fn to(sandbox: &Sandbox) -> Direct {
        Direct { service: sandbox.service() }
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Result<Body, Failure> {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let response = self.service.clone().oneshot(request.body(Body::from(body))?).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let said = response.into_body().collect().await?.to_bytes();
        Err(format!("{path}: {}", String::from_utf8_lossy(&said)).into())
    }

    async fn post(&self, path: &str, object: &Value) -> Result<Value, Failure> {
        let body = self.send(Method::POST, path, "application/json", object.to_string().into_bytes()).await?;
        Ok(serde_json::from_slice(&body.collect().await?.to_bytes())?)
    }

    async fn get(&self, path: &str) -> Result<Vec<u8>, Failure> {
        Ok(self.send(Method::GET, path, "application/json", Vec::new()).await?.collect().await?.to_bytes().to_vec())
    }

    /// Watches until `enough` says so of an object.
    async fn watch(&self, path: &str, mut enough: impl FnMut(&Value) -> bool) -> Result<(), Failure> {
        let body = self.send(Method::GET, path, "application/json", Vec::new()).await?;
        let mut stream = body.into_data_stream();
        let wait = async {
            let mut rest = Vec::new();
            while let Some(chunk) = stream.next().await {
                rest.extend_from_slice(&chunk?);
                let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { continue };
                for event in serde_json::Deserializer::from_slice(&rest[..end]).into_iter::<Value>() {
                    let event = event?;
                    if event["type"] == "ERROR" {
                        return Err(Failure::from(event.to_string()));
                    }
                    if enough(&event["object"]) {
                        return Ok(());
                    }
                }
                rest.drain(..=end);
            }
            Err("the watch ended".into())
        };
        tokio::time::timeout(PATIENCE, wait).await.map_err(|_| format!("{path}: waited too long"))?
    }
}

/// A Pod that sleeps, without requests: only their number fills a node.
pub(crate) fn pod(name: &str) -> Value {
    let container = json!({"name": "main", "image": "busybox:1.36", "command": ["sleep", "3600"]});
    json!({"metadata": {"name": name, "labels": {"app": "load"}}, "spec": {"containers": [container]}})
}

/// A small ConfigMap.
pub(crate) fn config_map(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"key": "value", "other": "words of an ordinary length"}})
}

/// Lets each node take more Pods than the 110 of a kubelet's default.
pub(crate) async fn make_room(direct: &Direct) -> Result<(), Failure> {
    let patch = json!({"status": {"capacity": {"pods": "2000"}, "allocatable": {"pods": "2000"}}}).to_string();
    for node in NODE_NAMES {
        let path = format!("/api/v1/nodes/{node}/status");
        let kind = "application/merge-patch+json";
        direct.send(Method::PATCH, &path, kind, patch.clone().into_bytes()).await?.collect().await?;
    }
    Ok(())
}

/// Makes Pods and Services, and waits until the Pods run.
pub(crate) async fn fill(direct: &Direct, pods: usize, services: usize) -> Result<(), Failure> {
    make_room(direct).await?;
    for index in 0..services {
        let spec = json!({"selector": {"app": format!("s{index}")}, "ports": [{"port": 80}]});
        direct.post(SERVICES, &json!({"metadata": {"name": format!("s-{index}")}, "spec": spec})).await?;
    }
    for index in 0..pods {
        direct.post(PODS, &pod(&format!("p-{index}"))).await?;
    }
    running(direct, "p-", pods).await
}

/// Waits until so many Pods whose names begin so run.
async fn running(direct: &Direct, prefix: &str, count: usize) -> Result<(), Failure> {
    let mut seen = std::collections::HashSet::new();
    direct
        .watch(&format!("{PODS}?watch=true"), |pod| {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            if name.starts_with(prefix) && pod["status"]["phase"] == "Running" {
                seen.insert(name.to_owned());
            }
            seen.len() == count
        })
        .await
}

/// How many Pods a second come from their creation to Running.
pub(crate) async fn pods_to_running(direct: &Direct, count: usize) -> Result<f64, Failure> {
    let began = Instant::now();
    for index in 0..count {
        direct.post(PODS, &pod(&format!("r-{index}"))).await?;
    }
    running(direct, "r-", count).await?;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// How long a Deployment of 10 takes until all its Pods are ready.
pub(crate) async fn deployment_of_ten(direct: &Direct) -> Result<Duration, Failure> {
    let template = json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}});
    let spec = json!({"replicas": 10, "selector": {"matchLabels": {"app": "web"}}, "template": template});
    let began = Instant::now();
    direct.post(DEPLOYMENTS, &json!({"metadata": {"name": "web"}, "spec": spec})).await?;
    direct.watch(&format!("{DEPLOYMENTS}?watch=true"), |object| object["status"]["readyReplicas"] == 10).await?;
    Ok(began.elapsed())
}

/// How long the whole state with 1,000 Pods takes to be brought back, in milliseconds (median of 5).
pub(crate) async fn restore(sandbox: &Sandbox) -> Result<f64, Failure> {
    let direct = Direct::to(sandbox);
    fill(&direct, 1_000, 200).await?;
    let snapshot = direct.get("/atelier/v1/snapshot").await?;
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let body = direct.send(Method::PUT, "/atelier/v1/snapshot", "application/json", snapshot.clone()).await?;
        body.collect().await?;
        times.push(began.elapsed());
        let pods: Value = serde_json::from_slice(&direct.get(&format!("{PODS}/p-999")).await?)?;
        if pods["metadata"]["name"] != "p-999" {
            return Err("the snapshot did not come back".into());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    times.sort();
    Ok(times[times.len() / 2].as_secs_f64() * 1e3)
}
