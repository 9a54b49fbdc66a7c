//! The sandbox's figures: its example `figures` measures in processes of its own, as does netpol's `bench`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Figure;

/// Measures everything that the sandbox promises.
pub(super) fn figures() -> Result<Vec<Figure>> {
    let memory = example("sandbox", "figures", &["memory"])?;
    let speed = example("sandbox", "figures", &["speed"])?;
    let (memory, speed): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&memory)?, serde_json::from_str(&speed)?);
    let of = |values: &serde_json::Value, name: &str| {
        values[name].as_f64().with_context(|| format!("no `{name}` in {values}"))
    };
    let at_most = |what, value: f64, unit: &str, limit: f64, said| Figure {
        what,
        measured: format!("{value:.2} {unit}"),
        limit: said,
        holds: value <= limit,
    };
    let at_least = |what, value: f64, limit: f64, said| Figure {
        what,
        measured: format!("{value:.0}/s"),
        limit: said,
        holds: value >= limit,
    };
    let get = of(&speed, "get_p99_us")? / 1e3;
    let list = of(&speed, "list_p99_us")? / 1e3;
    Ok(vec![
        at_most("sandbox in the process: up to /readyz", of(&memory, "ready_ms")?, "ms", 50.0, "50 ms"),
        at_most("sandbox alone, empty (RSS)", of(&memory, "empty_mb")?, "MB", 30.0, "30 MB"),
        at_most("sandbox with 1,000 Pods and 200 Services (RSS)", of(&memory, "full_mb")?, "MB", 80.0, "80 MB"),
        at_most("GET of a Pod over TLS, p99", get, "ms", 1.0, "1 ms"),
        at_most("LIST of 100 Pods as Table over TLS, p99", list, "ms", 5.0, "5 ms"),
        at_least("GET over TLS, client on the same cores", of(&speed, "get_per_s")?, 20_000.0, "20,000/s"),
        at_least("POST through admission over TLS, the same", of(&speed, "post_per_s")?, 5_000.0, "5,000/s"),
        at_least("Pods, created to Running, fast clock", of(&speed, "pods_running_per_s")?, 2_000.0, "2,000/s"),
        at_most("a Deployment of 10, created to Ready", of(&speed, "deployment_ready_ms")?, "ms", 150.0, "150 ms"),
        at_most("restore of a snapshot with 1,000 Pods", of(&speed, "restore_ms")?, "ms", 20.0, "20 ms"),
        verdict()?,
    ])
}

/// The example of crate netpol prints its figures as text.
fn verdict() -> Result<Figure> {
    let said = example("netpol", "bench", &[])?;
    let rest = said.lines().find_map(|line| line.strip_prefix("one verdict: "));
    let nanos = rest.and_then(|rest| rest.split(' ').next()).with_context(|| format!("no verdict in {said}"))?;
    let nanos: f64 = nanos.parse()?;
    Ok(Figure {
        what: "NetworkPolicy verdict, 5,000 Pods and 500 policies",
        measured: format!("{:.3} µs", nanos / 1e3),
        limit: "0.4 µs",
        holds: nanos <= 400.0,
    })
}

/// Churns a sandbox for a while; fails where its memory does not stay flat.
#[expect(clippy::print_stdout, reason = "the figures are the result")]
pub(crate) fn soak(span: Duration) -> Result<()> {
    let said = example("sandbox", "figures", &["soak", &span.as_secs().to_string()])?;
    let values: serde_json::Value = serde_json::from_str(&said)?;
    println!(
        "soak: {} operations in {} s, {} MB after the first tenth, {} MB at most afterwards",
        values["operations"],
        span.as_secs(),
        values["tenth_mb"],
        values["most_mb"]
    );
    ensure!(values["flat"] == 1.0, "the memory is not flat");
    Ok(())
}

/// Runs an example in release and returns what it prints.
fn example(package: &str, name: &str, arguments: &[&str]) -> Result<String> {
    #[expect(clippy::disallowed_methods, reason = "no learner's environment here")]
    let output = std::process::Command::new(env!("CARGO"))
        .args(["run", "--release", "--locked", "--quiet", "--package", package, "--example", name, "--"])
        .args(arguments)
        .current_dir(crate::top()?)
        .output()
        .context("failed to start cargo")?;
    ensure!(output.status.success(), "{package}'s {name} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
