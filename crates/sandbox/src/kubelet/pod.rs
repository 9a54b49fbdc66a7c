//! One Pod on a simulated node, from its sandbox to its last container's end. [`start`] begins containers.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::Version;
use crate::amounts::is_terminal;
use crate::api::{DeleteOptions, Target};
use crate::events::{Said, Severity};
use crate::fields::{is_deleted, is_true, list, name, namespace, number, text, uid};
use crate::logs::Instance;
use crate::resources::{CONFIG_MAPS, PODS, SECRETS};
use crate::store::Object;

use super::Kubelet;
use super::container::{Container, Phase, Progress, Role};

mod adopt;
mod check;
mod start;

pub(super) use start::digest;

/// How long it takes to set up a Pod's network and volumes.
const SANDBOX: Duration = Duration::from_millis(150);
/// How long a failed container is shown as such before it is shown as waiting.
const SHOWN: Duration = Duration::from_secs(2);
/// The pause before the first restart.
const FIRST_RESTART: Duration = Duration::from_secs(1);
/// The pause before something that is missing is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long a server takes to stop.
const STOP: Duration = Duration::from_millis(300);
/// How long a program that ignores SIGTERM may go on here; the real grace of 30 s is long for a workshop.
pub(super) const KILL: Duration = Duration::from_secs(5);

/// A Pod that the kubelet runs.
#[derive(Debug)]
pub(super) struct PodRun {
    /// The newest form of the object.
    pub(super) object: Object,
    /// The Pod's address, once it has one.
    pub(super) address: Option<String>,
    /// When the kubelet took it.
    pub(super) accepted: Option<Timestamp>,
    /// Init containers and sidecars first, as in the `spec`.
    pub(super) containers: Vec<Container>,
    /// Whether the status is to be written again.
    pub(super) status_is: Freshness,
    stage: Stage,
    /// When something comes by itself.
    due: Option<Instant>,
}

/// Whether the API shows what the kubelet knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It does.
    Current,
    /// Something changed since.
    Stale,
}

/// Where a Pod is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its network and volumes are set up.
    SettingUp {
        /// When that is done; `None` before it has begun.
        until: Option<Instant>,
    },
    /// Its containers may run.
    Active,
    /// Its containers are being stopped.
    Stopping {
        /// When they are killed.
        until: Instant,
    },
    /// It was removed from the API.
    Gone,
}

impl PodRun {
    /// Returns a Pod that was assigned to the node just now.
    pub(super) fn new(object: &Object) -> Self {
        let mut containers = Vec::new();
        for spec in list(object, "/spec/initContainers") {
            let role = if text(spec, "/restartPolicy") == "Always" { Role::Sidecar } else { Role::Init };
            containers.push(Container::new(spec, role));
        }
        containers.extend(list(object, "/spec/containers").iter().map(|spec| Container::new(spec, Role::Main)));
        let guests = list(object, "/spec/ephemeralContainers");
        containers.extend(guests.iter().map(|spec| Container::new(spec, Role::Ephemeral)));
        Self {
            object: Object::clone(object),
            address: None,
            accepted: None,
            containers,
            status_is: Freshness::Stale,
            stage: Stage::SettingUp { until: None },
            due: None,
        }
    }

    /// Takes the newest form of the object.
    pub(super) fn observe(&mut self, object: &Object) {
        // What somebody else wrote into the status is written over, and a deletion starts the end.
        if self.object["status"] != object["status"] || is_deleted(&self.object) != is_deleted(object) {
            self.status_is = Freshness::Stale;
        }
        self.object = Object::clone(object);
        for guest in list(object, "/spec/ephemeralContainers") {
            let is_known =
                |container: &Container| container.role == Role::Ephemeral && container.name() == text(guest, "/name");
            if !self.containers.iter().any(is_known) {
                self.containers.push(Container::new(guest, Role::Ephemeral));
                self.status_is = Freshness::Stale;
            }
        }
    }

    /// Returns whether nothing is to be done before this time.
    fn rests_until(&self, now: Instant) -> bool {
        self.status_is == Freshness::Current && self.due.is_none_or(|due| now < due)
    }

    /// Returns whether nothing is left of it.
    pub(super) fn is_gone(&self) -> bool {
        self.stage == Stage::Gone
    }

    /// Returns how many programs take more and more memory.
    pub(super) fn growing(&self) -> usize {
        self.containers.iter().filter(|container| container.is_growing()).count()
    }

    /// Returns whether one of them has no limit.
    pub(super) fn grows_without_limit(&self) -> bool {
        self.containers.iter().any(|container| container.is_growing() && container.memory_limit().is_none())
    }

    /// Returns the bytes that it uses.
    pub(super) fn memory(&self, growth: f64, now: Instant) -> f64 {
        self.containers.iter().map(|container| container.memory(growth, now)).sum()
    }

    /// The kernel kills what grows, since the node has no memory left.
    pub(super) fn kill_growing(&mut self, kubelet: &mut Kubelet, now: Instant) {
        for index in 0..self.containers.len() {
            if self.containers[index].is_growing() {
                self.end(kubelet, index, (137, "OOMKilled"), now);
            }
        }
        self.write_status(kubelet);
    }

    /// The node was switched off: nothing runs any more, and the network is set up anew.
    pub(super) fn lose_containers(&mut self, kubelet: &mut Kubelet) {
        if is_terminal(&self.object) {
            return;
        }
        let reason = if kubelet.api.version() == Version::V1_20 { "Error" } else { "Unknown" };
        let had_run = self.containers.iter().any(Container::has_run);
        for index in 0..self.containers.len() {
            self.end(kubelet, index, (255, reason), Instant::now());
            // A boot clears the pauses.
            self.containers[index].failures = 0;
        }
        if had_run && !is_deleted(&self.object) {
            let message = "Pod sandbox changed, it will be killed and re-created.";
            kubelet.recorder.normal(&self.object, "SandboxChanged", message);
        }
        self.stage = Stage::SettingUp { until: None };
        self.status_is = Freshness::Stale;
    }

    /// Does what is due and returns when the next thing is.
    pub(super) fn step(&mut self, kubelet: &mut Kubelet, now: Instant) -> Option<Instant> {
        if !self.rests_until(now) {
            self.due = self.work(kubelet, now);
        }
        self.due
    }

    fn work(&mut self, kubelet: &mut Kubelet, now: Instant) -> Option<Instant> {
        if is_deleted(&self.object) && !matches!(self.stage, Stage::Stopping { .. } | Stage::Gone) {
            self.stop(kubelet, now);
        }
        match self.stage {
            Stage::SettingUp { until: None } if is_terminal(&self.object) => {
                self.stage = Stage::Active;
                None
            }
            Stage::SettingUp { until: None } => {
                self.accepted.get_or_insert_with(|| kubelet.api.clock().now());
                let time = if is_system(&self.object) { Duration::ZERO } else { SANDBOX };
                let until = now + kubelet.api.clock().scaled(time);
                self.stage = Stage::SettingUp { until: Some(until) };
                self.write_status(kubelet);
                if until <= now { self.work(kubelet, now) } else { Some(until) }
            }
            Stage::SettingUp { until: Some(until) } if now < until => Some(until),
            Stage::SettingUp { .. } => {
                if let Some(missing) = self.missing_volume(kubelet) {
                    kubelet.recorder.warning(&self.object, "FailedMount", missing);
                    let until = now + LOOK_AGAIN;
                    self.stage = Stage::SettingUp { until: Some(until) };
                    return Some(until);
                }
                self.address = Some(match is_true(&self.object, "/spec/hostNetwork") {
                    true => text(&self.object, "/status/hostIP").to_owned(),
                    false => kubelet.new_address(),
                });
                if self.address.as_deref() == Some("") {
                    self.address = kubelet.host_address();
                }
                self.stage = Stage::Active;
                self.status_is = Freshness::Stale;
                self.work(kubelet, now)
            }
            Stage::Active => {
                if is_terminal(&self.object) {
                    self.status_is = Freshness::Current;
                    return None;
                }
                let due = self.advance(kubelet, now);
                self.write_status(kubelet);
                due
            }
            Stage::Stopping { until } if now < until => {
                // Limits hold to the end; nothing starts again.
                let growth = kubelet.growth();
                let mut due = until;
                for index in 0..self.containers.len() {
                    if self.containers[index].is_growing() {
                        if let Some(Progress::OutOfMemory) = self.containers[index].progress(growth, now, &|time| time)
                        {
                            self.end(kubelet, index, (137, "OOMKilled"), now);
                        }
                        due = due.min(self.containers[index].due(growth).unwrap_or(due));
                    }
                }
                if self.containers.iter().any(Container::is_running) {
                    return Some(due.max(now));
                }
                self.finish(kubelet, now);
                None
            }
            Stage::Stopping { .. } => {
                self.finish(kubelet, now);
                None
            }
            Stage::Gone => None,
        }
    }

    /// Runs the containers that may run now: init containers one after the other, then all the others.
    fn advance(&mut self, kubelet: &mut Kubelet, now: Instant) -> Option<Instant> {
        let mut due: Option<Instant> = None;
        for index in 0..self.containers.len() {
            let next = self.advance_container(kubelet, index, now);
            due = [due, next].into_iter().flatten().min();
            let container = &self.containers[index];
            let holds_back = match container.role {
                Role::Init => !matches!(&container.phase, Phase::Ended { end, .. } if end.exit == 0),
                Role::Sidecar => !container.has_started(),
                Role::Main | Role::Ephemeral => false,
            };
            if holds_back {
                break;
            }
        }
        if let Some(deadline) = number(&self.object, "/spec/activeDeadlineSeconds") {
            let since =
                self.accepted.map_or(0, |accepted| kubelet.api.clock().now().as_second() - accepted.as_second());
            let left = u64::try_from(deadline - since).unwrap_or_default();
            if left == 0 && !self.is_over() {
                let message = "Pod was active on the node longer than the specified deadline";
                kubelet.recorder.normal(&self.object, "DeadlineExceeded", message);
                for index in 0..self.containers.len() {
                    self.end(kubelet, index, (137, "Error"), now);
                }
                self.fail(kubelet, "DeadlineExceeded", message);
                return None;
            }
            due = [due, now.checked_add(Duration::from_secs(left))].into_iter().flatten().min();
        }
        due
    }

    fn advance_container(&mut self, kubelet: &mut Kubelet, index: usize, now: Instant) -> Option<Instant> {
        // Each turn moves to another phase or waits; the bound is a guard against a program that only exits.
        for _ in 0..16 {
            let growth = kubelet.growth();
            let container = &mut self.containers[index];
            match &container.phase {
                Phase::Idle => self.begin(kubelet, index, now),
                Phase::Pulling { until, .. } | Phase::Held { until, .. } if now < *until => return Some(*until),
                Phase::Pulling { .. } => self.pulled(kubelet, index, now),
                Phase::Held { .. } => self.begin(kubelet, index, now),
                Phase::Running(run) if run.ends.is_some_and(|ends| ends <= now) => {
                    self.end(kubelet, index, (137, "Error"), now);
                }
                Phase::Running(run) => {
                    let ends = run.ends;
                    let clock = kubelet.api.clock().clone();
                    // A long sleep is there to keep a Pod alive: it is taken at its word at every pace.
                    let scale = move |time: Duration| {
                        if time < Duration::from_secs(60) { clock.scaled(time) } else { time }
                    };
                    match container.progress(growth, now, &scale) {
                        None if ends.is_some() => {
                            return [container.due(growth), ends].into_iter().flatten().min();
                        }
                        None => {
                            let probed = self.probe(kubelet, index, now);
                            if !self.containers[index].is_running() {
                                continue;
                            }
                            return [self.containers[index].due(growth), probed].into_iter().flatten().min();
                        }
                        Some(Progress::On(lines)) => self.log(kubelet, index, &lines),
                        Some(Progress::Exit(lines, code)) => {
                            self.log(kubelet, index, &lines);
                            let reason = if code == 0 { "Completed" } else { "Error" };
                            self.end(kubelet, index, (code, reason), now);
                        }
                        Some(Progress::OutOfMemory) => self.end(kubelet, index, (137, "OOMKilled"), now),
                    }
                }
                Phase::Ended { end, at } => {
                    let (exit, at) = (end.exit, *at);
                    self.status_is = Freshness::Stale;
                    if !self.restarts(index, exit) {
                        return None;
                    }
                    if let Some(due) = self.restart(kubelet, index, at, now) {
                        return Some(due);
                    }
                }
            }
        }
        now.checked_add(Duration::from_millis(1))
    }

    /// Returns whether a container that ended so is started again.
    fn restarts(&self, index: usize, exit: i32) -> bool {
        let policy = text(&self.object, "/spec/restartPolicy");
        match (self.containers[index].role, policy) {
            (Role::Ephemeral, _) => false,
            (Role::Sidecar, _) => true,
            (Role::Init, "Always") => exit != 0,
            (_, "OnFailure") => exit != 0,
            (_, "Never") => false,
            (Role::Main | Role::Init, _) => true,
        }
    }

    /// Starts a container again once its pause is over; returns when to look again.
    fn restart(&mut self, kubelet: &mut Kubelet, index: usize, ended: Instant, now: Instant) -> Option<Instant> {
        let clock = kubelet.api.clock().clone();
        let container = &self.containers[index];
        let pause = container.pause();
        if pause.is_zero() {
            let due = ended + clock.scaled(FIRST_RESTART);
            if now < due {
                return Some(due);
            }
            self.again(index);
            return None;
        }
        // From the sixth failure on, the fast pace would only burn the processor.
        let wait = if container.failures > 5 { pause.min(Duration::from_secs(5)) } else { clock.scaled(pause) };
        let wait = if clock.pace() == crate::Pace::Lifelike { pause } else { wait };
        let shown = ended + clock.scaled(SHOWN).min(wait);
        if now < shown {
            return Some(shown);
        }
        let (name, seconds) = (container.name().to_owned(), pause.as_secs());
        let (pod, space, id) = (name_of(&self.object), namespace(&self.object), uid(&self.object));
        let pause = if seconds >= 300 { "5m0s".to_owned() } else { go_duration(seconds) };
        let held = format!("back-off {pause} restarting failed container={name} pod={pod}_{space}({id})");
        let message = match kubelet.api.version() {
            Version::V1_20 | Version::V1_24 => "Back-off restarting failed container".to_owned(),
            Version::V1_34 => format!("Back-off restarting failed container {name} in pod {pod}_{space}({id})"),
        };
        self.say(kubelet, index, Severity::Warning, "BackOff", message);
        let until = ended + wait;
        self.hold(index, "CrashLoopBackOff", held, until);
        Some(until)
    }

    /// Makes a container ready to begin again.
    fn again(&mut self, index: usize) {
        let container = &mut self.containers[index];
        if let Phase::Ended { end, .. } = &container.phase {
            container.last = Some(end.clone());
        }
        container.phase = Phase::Idle;
        self.status_is = Freshness::Stale;
    }

    /// Lets a container wait for a reason.
    fn hold(&mut self, index: usize, reason: &'static str, message: String, until: Instant) {
        let container = &mut self.containers[index];
        if let Phase::Ended { end, .. } = &container.phase {
            container.last = Some(end.clone());
        }
        container.phase = Phase::Held { reason, message, until };
        self.status_is = Freshness::Stale;
    }

    /// Ends a running container and its log.
    fn end(&mut self, kubelet: &mut Kubelet, index: usize, (exit, reason): (i32, &str), now: Instant) {
        if self.containers[index].is_running() {
            let at = kubelet.api.clock().now();
            let message = self.last_words(kubelet, index, exit);
            self.containers[index].end(exit, reason, &message, now, at);
            self.status_is = Freshness::Stale;
            kubelet.api.logs().close(&self.instance(index));
            kubelet.api.usages().end(uid(&self.object), self.containers[index].name());
            kubelet.network.quit(uid(&self.object), self.containers[index].name());
        }
    }

    /// Returns what a container that fails leaves as its message: the end of its log, where it asks for that.
    fn last_words(&self, kubelet: &Kubelet, index: usize, exit: i32) -> String {
        if exit == 0 || text(&self.containers[index].spec, "/terminationMessagePolicy") != "FallbackToLogsOnError" {
            return String::new();
        }
        let page = kubelet.api.logs().read(&self.instance(index), 0);
        let mut words = String::new();
        for line in page.lines.iter().skip(page.lines.len().saturating_sub(80)) {
            words.push_str(&line.text);
            words.push('\n');
        }
        let mut start = words.len().saturating_sub(2048);
        while !words.is_char_boundary(start) {
            start += 1;
        }
        words.split_off(start)
    }

    /// Tells what all its containers use that run already.
    pub(super) fn tell_uses(&self, kubelet: &Kubelet) {
        for index in 0..self.containers.len() {
            self.tell_use(kubelet, index);
        }
    }

    /// Tells what a container that runs now uses.
    pub(super) fn tell_use(&self, kubelet: &Kubelet, index: usize) {
        if let Some(demand) = self.containers[index].demand(kubelet.growth()) {
            kubelet.api.usages().begin(uid(&self.object), self.containers[index].name(), demand);
        }
    }

    fn log(&self, kubelet: &Kubelet, index: usize, lines: &[String]) {
        let at = kubelet.api.clock().now();
        for line in lines {
            kubelet.api.logs().append(&self.instance(index), at, line.as_str());
        }
    }

    pub(super) fn instance(&self, index: usize) -> Instance {
        let container = &self.containers[index];
        Instance {
            pod: uid(&self.object).to_owned(),
            container: container.name().to_owned(),
            restarts: container.restarts,
        }
    }

    /// Asks the containers to stop.
    fn stop(&mut self, kubelet: &mut Kubelet, now: Instant) {
        let mut wait = Duration::ZERO;
        for index in 0..self.containers.len() {
            if self.containers[index].is_running() {
                let hook = self.before_stop(index);
                wait = wait.max(hook + if self.containers[index].ignores_stop() { KILL } else { STOP });
                let message = format!("Stopping container {}", self.containers[index].name());
                self.say(kubelet, index, Severity::Normal, "Killing", message);
            }
        }
        let grace = number(&self.object, "/metadata/deletionGracePeriodSeconds").unwrap_or_default();
        let grace = Duration::from_secs(u64::try_from(grace).unwrap_or_default());
        self.stage = Stage::Stopping { until: now + kubelet.api.clock().scaled(wait.min(grace)) };
    }

    /// Kills what still runs and lets the Pod go from the API.
    fn finish(&mut self, kubelet: &mut Kubelet, now: Instant) {
        for index in 0..self.containers.len() {
            let outcome = if self.containers[index].ignores_stop() { (137, "Error") } else { (0, "Completed") };
            self.end(kubelet, index, outcome, now);
        }
        self.write_status(kubelet);
        let target = Target::new(&PODS, namespace(&self.object), name(&self.object));
        let options =
            DeleteOptions { grace: Some(0), uid: Some(uid(&self.object).to_owned()), ..DeleteOptions::default() };
        // Somebody may have forced it already.
        let _ = kubelet.api.delete(&kubelet.caller, target, &options);
        kubelet.api.logs().forget(uid(&self.object));
        kubelet.api.usages().forget(uid(&self.object));
        kubelet.network.forget(uid(&self.object));
        self.stage = Stage::Gone;
    }

    /// Returns the message about a volume whose ConfigMap or Secret is not there.
    fn missing_volume(&self, kubelet: &Kubelet) -> Option<String> {
        let space = namespace(&self.object);
        for volume in list(&self.object, "/spec/volumes") {
            for (source, key, resource, word) in
                [("configMap", "/name", &CONFIG_MAPS, "configmap"), ("secret", "/secretName", &SECRETS, "secret")]
            {
                let Some(source) = volume.get(source) else { continue };
                let wanted = text(source, key);
                if !is_true(source, "/optional") && kubelet.api.get(resource, space, wanted).is_err() {
                    return Some(format!(
                        "MountVolume.SetUp failed for volume {:?} : {word} {wanted:?} not found",
                        text(volume, "/name")
                    ));
                }
            }
        }
        None
    }

    /// Records an event about one container.
    fn say(&self, kubelet: &mut Kubelet, index: usize, severity: Severity, reason: &str, message: String) {
        let part = self.containers[index].field_path();
        kubelet.recorder.say(&self.object, Said { severity, reason, message, part: &part });
    }

    /// Returns whether all has ended that may end, and nothing starts again.
    pub(super) fn is_over(&self) -> bool {
        let over = |index: usize, container: &Container| matches!(&container.phase, Phase::Ended { end, .. } if !self.restarts(index, end.exit));
        let failed_init = self.containers.iter().enumerate().any(|(index, container)| {
            container.role == Role::Init
                && over(index, container)
                && container.latest_end().is_some_and(|end| end.exit != 0)
        });
        failed_init
            || self
                .containers
                .iter()
                .enumerate()
                .all(|(index, container)| container.role != Role::Main || over(index, container))
    }
}

/// Returns whether a Pod is a part of the cluster, whose images every node has and which is there at once.
fn is_system(pod: &Value) -> bool {
    namespace(pod) == "kube-system"
        && list(pod, "/spec/containers")
            .iter()
            .all(|container| text(container, "/image").starts_with("registry.k8s.io/"))
}

fn name_of(pod: &Value) -> &str {
    name(pod)
}

/// Prints seconds as Go prints a duration: `40s`, `1m20s`.
fn go_duration(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) }
}
