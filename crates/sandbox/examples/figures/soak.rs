//! Churn for a while: watches, creations, changes and deletions, by TLS and without. Memory has to stay where it was
//! after the first tenth.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use hyper::body::Bytes;
use sandbox::{NODE_NAMES, Sandbox};
use tokio::task::JoinSet;

use crate::client::{Failure, Http1, Target};
use crate::{Figures, NAMESPACE, load, resident, start};

const JSON: &str = "application/json";
const WORKERS: u64 = 4;
/// How much more than after the first tenth counts as flat, in megabytes: what an allocator keeps back.
const SLACK: f64 = 8.0;

/// Churns for a span and returns how many operations that were, and the memory after a tenth and at most afterwards.
pub(crate) async fn run(span: Duration) -> Result<Figures, Failure> {
    let sandbox = start().await?;
    let operations = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + span;
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let (target, operations) = (target(&sandbox)?, Arc::clone(&operations));
        workers.spawn(async move {
            let mut connections = JoinSet::new();
            let mut connection = target.http1(&mut connections).await?;
            let mut round = 0;
            while Instant::now() < end {
                let done = turn(&mut connection, &target, number, round).await?;
                operations.fetch_add(done, Ordering::Relaxed);
                round += 1;
            }
            Ok::<_, Failure>(())
        });
    }
    tokio::time::sleep(span / 10).await;
    let tenth = resident()?;
    let mut most = tenth;
    while Instant::now() < end {
        tokio::time::sleep((span / 100).max(Duration::from_millis(100))).await;
        most = most.max(resident()?);
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    // The world settles; what the learners made is gone.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let target = target(&sandbox)?;
    let mut connections = JoinSet::new();
    let nodes: serde_json::Value =
        serde_json::from_slice(&target.http1(&mut connections).await?.get("/api/v1/nodes").await?.body)?;
    if nodes["items"].as_array().is_none_or(|items| items.len() != NODE_NAMES.len()) {
        return Err("the nodes are not what they were".into());
    }
    sandbox.stop().await;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let operations = operations.load(Ordering::Relaxed) as f64;
    let flat = if most <= tenth * 1.1 + SLACK { 1.0 } else { 0.0 };
    Ok(Figures::from([("operations", operations), ("tenth_mb", tenth), ("most_mb", most), ("flat", flat)]))
}

fn target(sandbox: &Sandbox) -> Result<Target, Failure> {
    Target::of(&sandbox.kubeconfig(), sandbox.address())
}

/// Makes something, watches, changes it, removes it; returns how many requests that took.
async fn turn(connection: &mut Http1, target: &Target, worker: u64, round: u64) -> Result<u64, Failure> {
    let name = format!("c-{worker}");
    let maps = format!("{NAMESPACE}/configmaps");
    let pods = format!("{NAMESPACE}/pods");
    let one = format!("{maps}/{name}");
    let patch = format!("{{\"data\":{{\"round\":\"{round}\"}}}}");
    let mut steps = vec![
        (Method::POST, maps.clone(), load::config_map(&name).to_string()),
        (Method::GET, one.clone(), String::new()),
        (Method::PUT, one.clone(), load::config_map(&name).to_string()),
        (Method::PATCH, one.clone(), patch),
        (Method::DELETE, one, String::new()),
    ];
    // Now and then a Pod that runs and goes at once, and a watch that is dropped while it is open.
    if round.is_multiple_of(16) {
        let pod = format!("{pods}/p-{worker}-{round}");
        steps.push((Method::POST, pods, load::pod(&format!("p-{worker}-{round}")).to_string()));
        steps.push((Method::DELETE, format!("{pod}?gracePeriodSeconds=0"), String::new()));
    }
    let count = steps.len() as u64;
    for (method, path, body) in steps {
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { JSON };
        let answer = connection.ask_with(method.clone(), &path, JSON, kind, Bytes::from(body)).await?;
        if answer.code >= 300 {
            return Err(format!("{method} {path}: {}", String::from_utf8_lossy(&answer.body)).into());
        }
    }
    if round.is_multiple_of(16) {
        let mut connections = JoinSet::new();
        let mut watch = target.http1(&mut connections).await?;
        let request = http::Request::get(format!("{maps}?watch=true")).header("host", "sandbox");
        drop(watch.send(request.body(axum::body::Body::empty())?).await?);
    }
    Ok(count)
}
