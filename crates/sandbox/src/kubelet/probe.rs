//! Probes of a running container: when they are due, and what their answers mean. Rules of `pkg/kubelet/prober`.
//!
//! Whether a probe succeeds is decided by [`Answer`]; this is only the counting.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::fields::number;

/// How long after a container's start the first probe comes; the real one waits a random part of a period.
const FIRST: Duration = Duration::from_millis(300);
/// However fast the pace is, a probe that keeps failing comes no more often than this.
const FASTEST: Duration = Duration::from_millis(50);

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Whether the container has started; the others wait for it.
    Startup,
    /// Whether it still lives.
    Liveness,
    /// Whether it can be given work.
    Readiness,
}

impl Purpose {
    /// Returns the field of a container.
    pub(super) fn field(self) -> &'static str {
        match self {
            Purpose::Startup => "startupProbe",
            Purpose::Liveness => "livenessProbe",
            Purpose::Readiness => "readinessProbe",
        }
    }

    /// Returns the word that events begin with.
    pub(super) fn word(self) -> &'static str {
        match self {
            Purpose::Startup => "Startup",
            Purpose::Liveness => "Liveness",
            Purpose::Readiness => "Readiness",
        }
    }
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// All is well, and stays so until the container ends: it need not be asked again.
    Well,
    /// All is well now.
    WellNow,
    /// It is not, with what the kubelet says of it.
    Failing(String),
}

/// One probe of one run.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    /// What it is for.
    pub(super) purpose: Purpose,
    /// What the container's `spec` says of it.
    pub(super) spec: Value,
    /// When it is made next.
    pub(super) due: Option<Instant>,
    /// Whether enough of the last answers were good.
    pub(super) holds: bool,
    successes: i64,
    failures: i64,
}

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consequence {
    /// Nothing.
    None,
    /// It holds from now on, or no longer.
    Turned,
    /// The container is to be ended.
    Kill,
}

impl Probe {
    /// Returns the probes of a container that begins now.
    pub(super) fn all(container: &Value, now: Instant, clock: &Clock) -> Vec<Probe> {
        [Purpose::Startup, Purpose::Liveness, Purpose::Readiness]
            .into_iter()
            .filter_map(|purpose| {
                let spec = container.get(purpose.field()).filter(|spec| spec.is_object())?;
                let delay = Duration::from_secs(seconds(spec, "/initialDelaySeconds", 0));
                Some(Probe {
                    purpose,
                    spec: spec.clone(),
                    due: now.checked_add(clock.scaled(delay + FIRST)),
                    // What lives is not doubted before it was asked.
                    holds: purpose == Purpose::Liveness,
                    successes: 0,
                    failures: 0,
                })
            })
            .collect()
    }

    /// Takes an answer in.
    pub(super) fn take(&mut self, answer: &Answer, now: Instant, clock: &Clock) -> Consequence {
        let period = Duration::from_secs(seconds(&self.spec, "/periodSeconds", 10).max(1));
        let held = self.holds;
        match answer {
            Answer::Well | Answer::WellNow => {
                (self.successes, self.failures) = (self.successes + 1, 0);
                if self.successes >= number(&self.spec, "/successThreshold").unwrap_or(1) {
                    self.holds = true;
                }
            }
            Answer::Failing(_) => {
                (self.successes, self.failures) = (0, self.failures + 1);
                if self.failures >= number(&self.spec, "/failureThreshold").unwrap_or(3) {
                    self.holds = false;
                    if self.purpose != Purpose::Readiness {
                        self.due = None;
                        return Consequence::Kill;
                    }
                }
            }
        }
        let is_done = self.holds && (*answer == Answer::Well || self.purpose == Purpose::Startup);
        self.due = if is_done { None } else { now.checked_add(clock.scaled(period).max(FASTEST)) };
        if held == self.holds { Consequence::None } else { Consequence::Turned }
    }
}

fn seconds(spec: &Value, pointer: &str, default: i64) -> u64 {
    u64::try_from(number(spec, pointer).unwrap_or(default)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Pace;

    #[tokio::test(start_paused = true)]
    async fn three_failures_end_a_container_and_one_success_makes_it_ready() {
        let clock = Clock::starting_at(jiff::Timestamp::UNIX_EPOCH).at_pace(Pace::Lifelike);
        let now = Instant::now();
        let container = json!({"livenessProbe": {"initialDelaySeconds": 5}, "readinessProbe": {"periodSeconds": 2}});
        let [mut liveness, mut readiness] = <[Probe; 2]>::try_from(Probe::all(&container, now, &clock)).unwrap();
        assert_eq!(liveness.due, Some(now + Duration::from_millis(5300)));
        let failing = Answer::Failing("no".to_owned());
        assert_eq!(liveness.take(&failing, now, &clock), Consequence::None);
        assert_eq!(liveness.due, Some(now + Duration::from_secs(10)));
        assert_eq!(liveness.take(&Answer::WellNow, now, &clock), Consequence::None);
        let ends: Vec<_> = (0..3).map(|_| liveness.take(&failing, now, &clock)).collect();
        assert_eq!(ends, [Consequence::None, Consequence::None, Consequence::Kill]);
        assert_eq!(readiness.take(&Answer::WellNow, now, &clock), Consequence::Turned);
        assert_eq!(readiness.due, Some(now + Duration::from_secs(2)));
        assert_eq!(readiness.take(&Answer::Well, now, &clock), Consequence::None);
        assert_eq!(readiness.due, None);
        for _ in 0..2 {
            readiness.take(&failing, now, &clock);
        }
        assert!(readiness.holds);
        assert_eq!(readiness.take(&failing, now, &clock), Consequence::Turned);
    }
}
