//! Taking over a Pod that ran before the sandbox was stopped, from what its `status` says.

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::Version;
use crate::amounts::is_terminal;
use crate::clock::Clock;
use crate::fields::{is_true, list, number, text};
use crate::kubelet::container::{Container, Ended, Phase, Role, Run};
use crate::kubelet::images::{self, Memory, Step};
use crate::kubelet::probe::{Probe, Purpose};
use crate::network::Server;
use crate::store::Object;

use super::{PodRun, Stage};

impl PodRun {
    /// Returns the Pod as it was left. Servers and sleepers go on; what has a course of its own (a script, a
    /// program that takes memory) cannot be resumed in its middle and starts over, which counts as a restart.
    pub(in crate::kubelet) fn adopt(object: &Object, version: Version, clock: &Clock) -> Self {
        let mut run = Self::new(object);
        let Ok(accepted) = text(object, "/status/startTime").parse::<Timestamp>() else { return run };
        run.accepted = Some(accepted);
        let address = text(object, "/status/podIP");
        if !address.is_empty() {
            run.address = Some(address.to_owned());
            run.stage = Stage::Active;
        }
        if is_terminal(object) {
            run.stage = Stage::Active;
        }
        for container in &mut run.containers {
            let statuses = match container.role {
                Role::Init | Role::Sidecar => "/status/initContainerStatuses",
                Role::Main => "/status/containerStatuses",
                Role::Ephemeral => "/status/ephemeralContainerStatuses",
            };
            let status = list(object, statuses).iter().find(|status| text(status, "/name") == container.name());
            if let Some(status) = status {
                restore(container, status, version, clock);
            }
        }
        run
    }
}

fn restore(container: &mut Container, status: &Value, version: Version, clock: &Clock) {
    let restarts = number(status, "/restartCount").unwrap_or_default();
    container.restarts = u32::try_from(restarts).unwrap_or_default();
    container.failures = container.restarts.min(5);
    container.last = status.pointer("/lastState/terminated").and_then(ended);
    let now = Instant::now();
    if let Some(end) = status.pointer("/state/terminated").and_then(ended) {
        container.phase = Phase::Ended { end, at: now };
        return;
    }
    let Some(since) = status.pointer("/state/running/startedAt").and_then(Value::as_str) else { return };
    let since = since.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let id = bare_id(text(status, "/containerID"));
    let image = images::find(text(&container.spec, "/image"));
    let program = image.ok().and_then(|image| {
        let server = Server::of(&image.name, &container.spec);
        images::program(image.family, &container.spec).ok().map(|program| program.serving(server.as_ref()))
    });
    let goes_on = program.as_ref().is_some_and(|program| {
        program.memory != Memory::Growing
            && program.steps.iter().all(|step| matches!(step, Step::Log(_) | Step::Forever | Step::Sleep(_)))
            && matches!(program.steps.last(), Some(Step::Forever | Step::Sleep(_)))
    });
    container.phase = match program {
        Some(program) if goes_on => {
            // It was found well before: what may have changed shows at the next probe.
            let is_ready = is_true(status, "/ready");
            let mut probes = Probe::all(&container.spec, now, clock);
            for probe in &mut probes {
                probe.holds = match probe.purpose {
                    Purpose::Startup => is_true(status, "/started"),
                    Purpose::Liveness => true,
                    Purpose::Readiness => is_ready,
                };
            }
            Phase::Running(Box::new(Run {
                id,
                since,
                began: now,
                program,
                step: 0,
                due: Some(now),
                probes,
                _main: None,
                ends: None,
            }))
        }
        Some(_) | None => {
            let reason = if version == Version::V1_20 { "Error" } else { "Unknown" };
            let end = Ended { id, exit: 255, reason: reason.to_owned(), message: String::new(), since, at: since };
            container.failures = 0;
            Phase::Ended { end, at: now }
        }
    };
}

fn ended(state: &Value) -> Option<Ended> {
    let time = |pointer| text(state, pointer).parse::<Timestamp>();
    Some(Ended {
        id: bare_id(text(state, "/containerID")),
        exit: i32::try_from(number(state, "/exitCode")?).unwrap_or(255),
        reason: text(state, "/reason").to_owned(),
        message: text(state, "/message").to_owned(),
        since: time("/startedAt").unwrap_or(Timestamp::UNIX_EPOCH),
        at: time("/finishedAt").unwrap_or(Timestamp::UNIX_EPOCH),
    })
}

fn bare_id(id: &str) -> String {
    id.split_once("://").map_or(id, |(_, bare)| bare).to_owned()
}
