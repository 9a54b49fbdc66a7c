//! The sandbox's figures, as JSON: one process a mode, so that what one measures does not weigh on the other.
//!
//! `cargo run --release -p sandbox --example figures -- memory | speed | soak <seconds>`

mod client;
mod load;
mod soak;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::Method;
use hyper::body::Bytes;
use sandbox::{Options, Pace, Sandbox, Version};
use tokio::task::JoinSet;

use client::{Failure, Target};
use load::Direct;

/// The same Namespace for everything that is measured.
const NAMESPACE: &str = "/api/v1/namespaces/default";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
/// As many connections as a busy class of tools would keep.
const CONNECTIONS: usize = 8;

/// Name → value; the names carry the unit.
type Figures = BTreeMap<&'static str, f64>;

#[expect(clippy::print_stdout, reason = "the figures are the result")]
#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let figures = match std::env::args().nth(1).as_deref() {
        Some("memory") => memory().await?,
        Some("speed") => speed().await?,
        Some("soak") => {
            let seconds = std::env::args().nth(2).ok_or("how many seconds?")?.parse()?;
            soak::run(Duration::from_secs(seconds)).await?
        }
        _ => return Err("usage: figures memory | speed | soak <seconds>".into()),
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

async fn start() -> Result<Sandbox, Failure> {
    Ok(Sandbox::start(Options { version: Version::V1_34, state: None, address: None, pace: Pace::Fast }).await?)
}

/// The resident memory of this process, which is a sandbox and nothing else.
async fn memory() -> Result<Figures, Failure> {
    let mut figures = Figures::new();
    let began = Instant::now();
    let sandbox = start().await?;
    figures.insert("ready_ms", millis(began.elapsed()));
    // What the start left to do is done.
    tokio::time::sleep(Duration::from_secs(1)).await;
    figures.insert("empty_mb", resident()?);
    let direct = Direct::to(&sandbox);
    load::fill(&direct, 1_000, 200).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    figures.insert("full_mb", resident()?);
    sandbox.stop().await;
    Ok(figures)
}

async fn speed() -> Result<Figures, Failure> {
    let mut figures = Figures::new();
    let sandbox = start().await?;
    let direct = Direct::to(&sandbox);
    let target = Target::of(&sandbox.kubeconfig(), sandbox.address())?;

    load::make_room(&direct).await?;
    // Before anything else fills the cluster: as a learner's Deployment is.
    figures.insert("deployment_ready_ms", millis(load::deployment_of_ten(&direct).await?));
    figures.insert("pods_running_per_s", load::pods_to_running(&direct, 500).await?);
    load::fill(&direct, 100, 200).await?;

    let (half, most) = latency(&target, &format!("{NAMESPACE}/pods/p-0"), "application/json").await?;
    figures.insert("get_p50_us", half);
    figures.insert("get_p99_us", most);
    let (half, most) = latency(&target, &format!("{NAMESPACE}/pods?limit=100"), TABLE).await?;
    figures.insert("list_p50_us", half);
    figures.insert("list_p99_us", most);
    let span = Duration::from_secs(3);
    figures.insert("get_per_s", throughput(&target, span, Kind::Get).await?);
    figures.insert("post_per_s", throughput(&target, span, Kind::Post).await?);
    sandbox.stop().await;

    figures.insert("restore_ms", load::restore(&start().await?).await?);
    Ok(figures)
}

/// The median and the 99th percentile of one request after the other, in microseconds.
async fn latency(target: &Target, path: &str, accept: &str) -> Result<(f64, f64), Failure> {
    let mut tasks = JoinSet::new();
    let mut connection = target.http1(&mut tasks).await?;
    let mut times = Vec::new();
    for round in 0..2_200 {
        let began = Instant::now();
        let answer = connection.ask(Method::GET, path, accept, Bytes::new()).await?;
        let time = began.elapsed();
        if answer.code != 200 {
            return Err(format!("{path}: {}", String::from_utf8_lossy(&answer.body)).into());
        }
        // The first ones warm the caches up.
        if round >= 200 {
            times.push(time);
        }
    }
    times.sort();
    Ok((millis(times[times.len() / 2]) * 1e3, millis(times[times.len() * 99 / 100]) * 1e3))
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Get,
    Post,
}

/// How many requests a second all connections together get answered, client and server on the same cores.
async fn throughput(target: &Target, span: Duration, kind: Kind) -> Result<f64, Failure> {
    let (mut connections, mut workers) = (JoinSet::new(), JoinSet::new());
    let began = Instant::now();
    for worker in 0..CONNECTIONS {
        let mut connection = target.http1(&mut connections).await?;
        workers.spawn(async move {
            let mut done = 0_u64;
            while began.elapsed() < span {
                let answer = match kind {
                    Kind::Get => connection.get(&format!("{NAMESPACE}/pods/p-{}", done % 100)).await?,
                    Kind::Post => {
                        let body = load::config_map(&format!("c-{worker}-{done}")).to_string();
                        let path = format!("{NAMESPACE}/configmaps");
                        connection.ask(Method::POST, &path, "application/json", body.into()).await?
                    }
                };
                if answer.code >= 300 {
                    return Err(Failure::from(String::from_utf8_lossy(&answer.body).into_owned()));
                }
                done += 1;
            }
            Ok(done)
        });
    }
    let mut all = 0;
    while let Some(done) = workers.join_next().await {
        all += done??;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(all as f64 / began.elapsed().as_secs_f64())
}

/// A time as milliseconds.
fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The resident memory of this process in megabytes (proc(5)).
fn resident() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1e3)
}
