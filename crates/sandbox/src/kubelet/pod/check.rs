//! Asking a container's probes and hooks, and what the kubelet says of the answers.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::events::Severity;
use crate::fields::{list, number, text};
use crate::kubelet::Kubelet;
use crate::kubelet::container::{Container, Phase};
use crate::kubelet::images::Step;
use crate::kubelet::probe::{Answer, Consequence, Probe, Purpose};
use crate::kubelet::shell;

use super::{Freshness, KILL, PodRun};

impl PodRun {
    /// Asks the probes of a running container that are due; returns when the next one is.
    pub(super) fn probe(&mut self, kubelet: &mut Kubelet, index: usize, now: Instant) -> Option<Instant> {
        let Phase::Running(run) = &mut self.containers[index].phase else { return None };
        if run.probes.is_empty() {
            return None;
        }
        let clock = kubelet.api.clock().clone();
        let mut probes = std::mem::take(&mut run.probes);
        let mut killed = None;
        let mut due: Option<Instant> = None;
        let has_started = probes.iter().all(|probe| probe.purpose != Purpose::Startup || probe.holds);
        for probe in &mut probes {
            if !has_started && probe.purpose != Purpose::Startup {
                continue;
            }
            if probe.due.is_some_and(|due| due <= now) {
                let answer = self.ask(index, &probe.spec);
                if let Answer::Failing(words) = &answer {
                    let message = format!("{} probe failed: {words}", probe.purpose.word());
                    self.say(kubelet, index, Severity::Warning, "Unhealthy", message);
                }
                match probe.take(&answer, now, &clock) {
                    Consequence::None => {}
                    Consequence::Turned => self.status_is = Freshness::Stale,
                    Consequence::Kill => killed = Some(probe.purpose),
                }
            }
            due = [due, probe.due].into_iter().flatten().min();
        }
        let starts_now = !has_started && probes.iter().all(|p| p.purpose != Purpose::Startup || p.holds);
        if let Phase::Running(run) = &mut self.containers[index].phase {
            run.probes = probes;
        }
        if starts_now {
            return self.probe(kubelet, index, now);
        }
        if let Some(purpose) = killed {
            let name = self.containers[index].name();
            let word = purpose.word().to_lowercase();
            let message = format!("Container {name} failed {word} probe, will be restarted");
            self.say(kubelet, index, Severity::Normal, "Killing", message);
            if self.containers[index].ignores_stop() {
                // It goes on until its grace is over.
                let grace = number(&self.object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
                let grace = Duration::from_secs(u64::try_from(grace).unwrap_or_default()).min(KILL);
                let ends = now.checked_add(clock.scaled(grace));
                if let Phase::Running(run) = &mut self.containers[index].phase {
                    run.ends = ends;
                }
                return ends;
            }
            self.end(kubelet, index, (0, "Completed"), now);
            return Some(now);
        }
        due
    }

    /// Asks a container what a probe or a hook asks.
    fn ask(&self, index: usize, handler: &Value) -> Answer {
        let container = &self.containers[index];
        let Phase::Running(run) = &container.phase else { return Answer::Failing("container not running".to_owned()) };
        if run.program.stand_in.is_some() {
            // Nobody knows what the program would have said.
            return Answer::Well;
        }
        let address = self.address.as_deref().unwrap_or_default();
        if let Some(exec) = handler.get("exec") {
            return execute(exec);
        }
        let (part, scheme) = match (handler.get("httpGet"), handler.get("tcpSocket"), handler.get("grpc")) {
            (Some(get), _, _) => (get, text(get, "/scheme").to_lowercase()),
            (None, Some(part), _) | (None, None, Some(part)) => (part, String::new()),
            (None, None, None) => return Answer::Well,
        };
        let host = match text(part, "/host") {
            "" => address,
            host => host,
        };
        let Some(port) = port_of(container, &part["port"]) else {
            return Answer::Failing(format!("couldn't find port: {}", part["port"]));
        };
        let listens = run.program.ports.iter().any(|own| i64::from(*own) == port);
        if host != address || !listens {
            let refused = format!("dial tcp {host}:{port}: connect: connection refused");
            return Answer::Failing(match scheme.as_str() {
                "" => refused,
                _ => format!("Get \"{scheme}://{host}:{port}{}\": {refused}", path_of(part)),
            });
        }
        match (scheme.as_str(), path_of(part).as_str()) {
            ("https", path) => Answer::Failing(format!(
                "Get \"https://{host}:{port}{path}\": http: server gave HTTP response to HTTPS client"
            )),
            // The simulated servers have one page.
            ("http", "/" | "/index.html") | ("", _) => Answer::Well,
            ("http", _) => Answer::Failing("HTTP probe failed with statuscode: 404".to_owned()),
            (_, _) => Answer::Well,
        }
    }

    /// Runs what comes right after a container's start; a failure ends it.
    pub(super) fn after_start(&mut self, kubelet: &mut Kubelet, index: usize, now: Instant) {
        let Some(hook) = self.containers[index].spec.pointer("/lifecycle/postStart").cloned() else { return };
        if let Answer::Failing(words) = self.ask(index, &hook) {
            let message = match kubelet.api.version() {
                crate::Version::V1_20 | crate::Version::V1_24 => format!("Exec lifecycle hook failed: {words}"),
                crate::Version::V1_34 => "PostStartHook failed".to_owned(),
            };
            self.say(kubelet, index, Severity::Warning, "FailedPostStartHook", message);
            let name = self.containers[index].name();
            let killing = match kubelet.api.version() {
                crate::Version::V1_20 | crate::Version::V1_24 => "FailedPostStartHook".to_owned(),
                crate::Version::V1_34 => format!("Container {name} failed PostStartHook"),
            };
            self.say(kubelet, index, Severity::Normal, "Killing", killing);
            let outcome = if self.containers[index].ignores_stop() { (137, "Error") } else { (0, "Completed") };
            self.end(kubelet, index, outcome, now);
        }
    }

    /// Returns how long what comes before a container's end takes.
    pub(super) fn before_stop(&self, index: usize) -> Duration {
        let Some(hook) = self.containers[index].spec.pointer("/lifecycle/preStop") else {
            return Duration::ZERO;
        };
        if let Some(seconds) = number(hook, "/sleep/seconds") {
            return Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        }
        let words: Vec<&str> = list(hook, "/exec/command").iter().filter_map(Value::as_str).collect();
        let steps = shell::run(&words).map(|program| program.steps).unwrap_or_default();
        steps
            .iter()
            .map(|step| match step {
                Step::Sleep(time) => *time,
                Step::Log(_) | Step::Exit(_) | Step::Forever | Step::Repeat(_) => Duration::ZERO,
            })
            .sum()
    }
}

/// Runs a command, as far as it is understood; what is not succeeds. The next time it may say something else.
fn execute(exec: &Value) -> Answer {
    let words: Vec<&str> = list(exec, "/command").iter().filter_map(Value::as_str).collect();
    let Some(program) = shell::run(&words) else { return Answer::WellNow };
    let mut said = Vec::new();
    for step in &program.steps {
        match step {
            Step::Log(line) => said.push(line.as_str()),
            Step::Exit(0) => return Answer::WellNow,
            Step::Exit(_) => return Answer::Failing(said.join("\n")),
            Step::Forever | Step::Repeat(_) => {
                return Answer::Failing(format!("command {:?} timed out", words.join(" ")));
            }
            Step::Sleep(_) => {}
        }
    }
    Answer::WellNow
}

/// Returns the number of a port that is given by number or name.
fn port_of(container: &Container, port: &Value) -> Option<i64> {
    match port.as_str() {
        Some(word) => list(&container.spec, "/ports")
            .iter()
            .find(|port| port["name"] == word)
            .and_then(|port| port["containerPort"].as_i64())
            .or_else(|| word.parse().ok()),
        None => port.as_i64(),
    }
}

fn path_of(part: &Value) -> String {
    match text(part, "/path") {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    }
}

impl Container {
    /// Returns whether it runs and its startup probe, if it has one, has succeeded.
    pub(in crate::kubelet) fn has_started(&self) -> bool {
        self.holds(Purpose::Startup)
    }

    /// Returns whether it runs, has started, and can be given work.
    pub(in crate::kubelet) fn is_ready(&self) -> bool {
        self.has_started() && self.holds(Purpose::Readiness)
    }

    fn holds(&self, purpose: Purpose) -> bool {
        let Phase::Running(run) = &self.phase else { return false };
        run.probes.iter().all(|probe: &Probe| probe.purpose != purpose || probe.holds)
    }
}
