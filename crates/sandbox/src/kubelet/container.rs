//! One container of a simulated Pod: its phases from the pull of its image to its end, and again.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use crate::amounts::{self, Side};
use crate::fields::text;
use crate::usage::Demand;

use super::images::{Memory, Program, Step, Stop};
use super::probe::Probe;

/// The pauses between restarts: the first at once, then this, twice this …
const BACK_OFF: Duration = Duration::from_secs(10);
/// The longest pause between restarts.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(300);
/// A container that ran so long has its pauses forgotten.
const HEALTHY: Duration = Duration::from_secs(600);
/// How long a loop of a script takes at least, so that no script floods the log.
const TURN: Duration = Duration::from_millis(100);

/// One container.
#[derive(Debug)]
pub(super) struct Container {
    /// Its part of the Pod's `spec`.
    pub(super) spec: Value,
    /// Whether it runs before the others.
    pub(super) role: Role,
    /// What it does now.
    pub(super) phase: Phase,
    /// How its run before ended.
    pub(super) last: Option<Ended>,
    /// How often it was started again.
    pub(super) restarts: u32,
    /// How often it failed lately, for the pauses.
    pub(super) failures: u32,
    /// How often its image could not be pulled, for those pauses.
    pub(super) failed_pulls: u32,
}

/// When a container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Before the others, to its end.
    Init,
    /// Before the others, and on beside them.
    Sidecar,
    /// As a part of the Pod.
    Main,
    /// Beside the others, once, to look at them.
    Ephemeral,
}

/// What a container does now.
#[derive(Debug)]
pub(super) enum Phase {
    /// It has not begun.
    Idle,
    /// Its image is being pulled.
    Pulling {
        /// When that is done.
        until: Instant,
        /// What is still shown if it failed before: reason and sentence.
        shown: Option<(&'static str, String)>,
    },
    /// It waits for something.
    Held {
        /// The machine-readable reason.
        reason: &'static str,
        /// The sentence.
        message: String,
        /// When it is tried again.
        until: Instant,
    },
    /// It runs.
    Running(Box<Run>),
    /// It has ended.
    Ended {
        /// How.
        end: Ended,
        /// When, for the pause before the next start.
        at: Instant,
    },
}

/// A run of a container.
#[derive(Debug)]
pub(super) struct Run {
    /// The runtime's name for it, without the scheme.
    pub(super) id: String,
    /// When it began, on the wall.
    pub(super) since: Timestamp,
    /// When it began.
    pub(super) began: Instant,
    /// What it does.
    pub(super) program: Program,
    /// Which step is next.
    pub(super) step: usize,
    /// When that step is due; `None` where nothing comes by itself.
    pub(super) due: Option<Instant>,
    /// What is asked of it from time to time.
    pub(super) probes: Vec<Probe>,
    /// When it is killed, if it was asked to stop since a probe failed.
    pub(super) ends: Option<Instant>,
    /// Its main process, where that is more than the steps of its program.
    pub(super) _main: Option<Kill>,
}

/// Ends a main process when it is dropped.
#[derive(Debug)]
pub(super) struct Kill(pub(super) tokio::task::AbortHandle);

impl Drop for Kill {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// The runtime's name for the run, without the scheme.
    pub(super) id: String,
    /// The exit code.
    pub(super) exit: i32,
    /// The machine-readable reason.
    pub(super) reason: String,
    /// The sentence, if there is one.
    pub(super) message: String,
    /// When it began.
    pub(super) since: Timestamp,
    /// When it ended.
    pub(super) at: Timestamp,
}

/// What became of a running container when its time came.
#[derive(Debug)]
pub(super) enum Progress {
    /// It wrote these lines and goes on.
    On(Vec<String>),
    /// It wrote these lines and ended with this code.
    Exit(Vec<String>, i32),
    /// It reached its memory limit.
    OutOfMemory,
}

impl Container {
    /// Returns a container that has not begun.
    pub(super) fn new(spec: &Value, role: Role) -> Self {
        Self { spec: spec.clone(), role, phase: Phase::Idle, last: None, restarts: 0, failures: 0, failed_pulls: 0 }
    }

    /// Returns its name.
    pub(super) fn name(&self) -> &str {
        text(&self.spec, "/name")
    }

    /// Returns the part of the Pod that its events name.
    pub(super) fn field_path(&self) -> String {
        let list = match self.role {
            Role::Init | Role::Sidecar => "initContainers",
            Role::Main => "containers",
            Role::Ephemeral => "ephemeralContainers",
        };
        format!("spec.{list}{{{}}}", self.name())
    }

    /// Returns whether it runs.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running(_))
    }

    /// Returns whether it has ever run.
    pub(super) fn has_run(&self) -> bool {
        self.last.is_some() || matches!(self.phase, Phase::Running(_) | Phase::Ended { .. })
    }

    /// Returns how its latest run ended, if it does not run.
    pub(super) fn latest_end(&self) -> Option<&Ended> {
        match &self.phase {
            Phase::Ended { end, .. } => Some(end),
            Phase::Running(_) => None,
            Phase::Idle | Phase::Pulling { .. } | Phase::Held { .. } => self.last.as_ref(),
        }
    }

    /// Returns its memory limit in bytes.
    pub(super) fn memory_limit(&self) -> Option<f64> {
        amounts::of_container(&self.spec, Side::Limits).get("memory").map(|limit| limit.as_f64())
    }

    /// Returns whether it takes more and more memory.
    pub(super) fn is_growing(&self) -> bool {
        matches!(&self.phase, Phase::Running(run) if run.program.memory == Memory::Growing)
    }

    /// Returns the bytes that it uses, where growth is in bytes a second.
    pub(super) fn memory(&self, growth: f64, now: Instant) -> f64 {
        match &self.phase {
            Phase::Running(run) => run.memory(growth, now),
            Phase::Idle | Phase::Pulling { .. } | Phase::Held { .. } | Phase::Ended { .. } => 0.0,
        }
    }

    /// Returns how its use of CPU and memory goes on, if it runs. A program that takes memory keeps one processor
    /// busy, one that waits for nothing but time or clients none.
    pub(super) fn demand(&self, growth: f64) -> Option<Demand> {
        let Phase::Running(run) = &self.phase else { return None };
        let limits = amounts::of_container(&self.spec, Side::Limits);
        let most = |name: &str| limits.get(name).map_or(f64::INFINITY, |limit| limit.as_f64());
        let cpu = match run.program.memory {
            Memory::Growing => 1000,
            Memory::Steady(_) if run.program.steps.iter().any(|step| matches!(step, Step::Repeat(_))) => 5,
            Memory::Steady(_) if run.program.ports.is_empty() => 0,
            Memory::Steady(_) => 1,
        };
        let (memory, growth) = match run.program.memory {
            Memory::Steady(bytes) => (bytes as f64, 0.0),
            Memory::Growing => (0.0, growth),
        };
        Some(Demand {
            cpu: f64::from(cpu).min(most("cpu") * 1000.0) as u32,
            memory,
            growth,
            most: most("memory"),
            since: run.began,
        })
    }

    /// Returns the pause before the next start after a run that ended.
    pub(super) fn pause(&self) -> Duration {
        match self.failures {
            0 => Duration::ZERO,
            failures => BACK_OFF.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST_BACK_OFF),
        }
    }

    /// Ends its run.
    pub(super) fn end(&mut self, exit: i32, reason: &str, message: &str, now: Instant, at: Timestamp) {
        if let Phase::Running(run) = &self.phase {
            if now.saturating_duration_since(run.began) >= HEALTHY {
                self.failures = 0;
            }
            let end = Ended {
                id: run.id.clone(),
                exit,
                reason: reason.to_owned(),
                message: message.to_owned(),
                since: run.since,
                at,
            };
            self.phase = Phase::Ended { end, at: now };
        }
    }

    /// Lets a running program do what is due. The memory limit is looked at first.
    pub(super) fn progress(
        &mut self,
        growth: f64,
        now: Instant,
        scale: &dyn Fn(Duration) -> Duration,
    ) -> Option<Progress> {
        let limit = self.memory_limit();
        let Phase::Running(run) = &mut self.phase else { return None };
        if limit.is_some_and(|limit| run.memory(growth, now) >= limit) {
            return Some(Progress::OutOfMemory);
        }
        if run.program.bound.is_some_and(|bound| run.memory(growth, now) >= bound as f64) {
            // What busybox's `tail` says when it is given no more memory.
            return Some(Progress::Exit(vec!["tail: out of memory".to_owned()], 1));
        }
        let mut lines = Vec::new();
        while run.due.is_some_and(|due| due <= now) {
            let Some(step) = run.program.steps.get(run.step) else {
                return Some(Progress::Exit(lines, 0));
            };
            run.step += 1;
            match step {
                Step::Log(line) => lines.push(line.clone()),
                Step::Sleep(time) => run.due = now.checked_add(scale(*time)),
                Step::Exit(code) => return Some(Progress::Exit(lines, *code)),
                Step::Forever => run.due = None,
                Step::Repeat(start) => {
                    run.step = *start;
                    run.due = now.checked_add(TURN);
                }
            }
        }
        (!lines.is_empty()).then_some(Progress::On(lines))
    }

    /// Returns when something comes by itself: the next step, or the memory limit.
    pub(super) fn due(&self, growth: f64) -> Option<Instant> {
        match &self.phase {
            Phase::Pulling { until, .. } | Phase::Held { until, .. } => Some(*until),
            Phase::Running(run) => {
                let limit = match run.program.memory {
                    Memory::Growing => [self.memory_limit(), run.program.bound.map(|bound| bound as f64)]
                        .into_iter()
                        .flatten()
                        .min_by(f64::total_cmp)
                        .and_then(|most| run.began.checked_add(Duration::try_from_secs_f64(most / growth).ok()?)),
                    Memory::Steady(_) => None,
                };
                [run.due, limit].into_iter().flatten().min()
            }
            Phase::Idle | Phase::Ended { .. } => None,
        }
    }

    /// Returns whether it goes on when asked to stop.
    pub(super) fn ignores_stop(&self) -> bool {
        matches!(&self.phase, Phase::Running(run) if run.program.stop == Stop::Ignores)
    }
}

impl Run {
    fn memory(&self, growth: f64, now: Instant) -> f64 {
        match self.program.memory {
            Memory::Steady(bytes) => bytes as f64,
            Memory::Growing => growth * now.saturating_duration_since(self.began).as_secs_f64(),
        }
    }
}
