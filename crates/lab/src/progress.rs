//! A learner's history: an append-only chained log, and what it adds up to. Pure: the runner reads and writes it.

mod carry;
mod history;
mod log;
#[cfg(test)]
mod tests;

pub use carry::{Carried, CarryError, carry, read_carried};
pub use history::{History, Occurrence, merge};
pub use log::{Flaw, FlawKind, Head, Line, Log};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CheckId, Course, Step, StepId};

/// One line of the log. Each carries the digest of the line before it, so that truncation and casual edits show.
/// It proves nothing against its owner, who can rewrite the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Position in its own machine's log, from 0.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// SHA-256 of the line before, in hexadecimal; empty for the first.
    pub previous: String,
    /// What happened.
    pub what: Happening,
}

/// What a history records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// A log begins: who, where.
    Began {
        /// The learner's account name.
        learner: String,
        /// A random id of this log.
        log: String,
    },
    /// A step was opened (or resumed).
    Opened {
        /// Which.
        step: StepId,
    },
    /// Checks were run.
    Checked {
        /// The step.
        step: StepId,
        /// The verdicts, by check.
        verdicts: Vec<(CheckId, Verdict)>,
    },
    /// A question was answered.
    Answered {
        /// The step.
        step: StepId,
        /// The check that asks.
        check: CheckId,
        /// The answer.
        answer: String,
    },
    /// A hint was taken.
    HintTaken {
        /// The step.
        step: StepId,
        /// Which hint, from 0.
        hint: u32,
    },
    /// The solution was revealed.
    SolutionSeen {
        /// The step.
        step: StepId,
    },
    /// The solution was applied by the program.
    SolutionApplied {
        /// The step.
        step: StepId,
    },
    /// The step was put back to its starting state.
    Reset {
        /// The step.
        step: StepId,
    },
    /// All checks of the step passed at once.
    Passed {
        /// The step.
        step: StepId,
        /// The points, after what hints and the solution cost.
        points: u32,
    },
    /// Time was spent with the step on screen.
    Spent {
        /// The step.
        step: StepId,
        /// How long, in seconds.
        seconds: u32,
    },
    /// Something was seen in the cluster (kept so that it counts after a dropped line).
    Seen {
        /// The step.
        step: StepId,
        /// What.
        observation: check::Observation,
    },
    /// The log was found to lack lines that it had: its end was cut off, or it was replaced.
    FoundShorter {
        /// How many lines it had.
        had: u64,
    },
    /// Another log was merged in.
    Merged {
        /// The other log's id.
        log: String,
        /// Its entries.
        entries: Vec<Entry>,
    },
}

/// The verdict of one check, as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// Could not tell.
    Unknown,
}

/// What a log adds up to for one step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepState {
    /// Whether it was ever opened.
    pub opened: bool,
    /// Whether it passed, and with how many points at best.
    pub passed: Option<u32>,
    /// How often its checks were run.
    pub tries: u32,
    /// How many hints were taken.
    pub hints: u32,
    /// Whether the solution was revealed or applied.
    pub solution_seen: bool,
    /// Time on the step, in seconds.
    pub seconds: u64,
    /// The latest answers, by check.
    pub answers: std::collections::BTreeMap<CheckId, String>,
    /// The latest verdicts, by check.
    pub verdicts: std::collections::BTreeMap<CheckId, Verdict>,
    /// What was seen since the step was last opened afresh or reset.
    pub observations: Vec<check::Observation>,
}

/// What a log adds up to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// By step.
    pub steps: std::collections::BTreeMap<StepId, StepState>,
    /// The step that was opened last.
    pub current: Option<StepId>,
}

impl Progress {
    /// Returns what is known of a step; nothing has happened to one that is not there.
    pub fn step(&self, id: &StepId) -> StepState {
        self.steps.get(id).cloned().unwrap_or_default()
    }

    /// Returns the points that the steps of a course brought in.
    pub fn points(&self, course: &Course) -> u32 {
        course.steps.iter().filter_map(|step| self.steps.get(&step.id)?.passed).fold(0, u32::saturating_add)
    }

    /// Adds what happened next.
    pub(crate) fn apply(&mut self, what: &Happening) {
        match what {
            Happening::Began { .. } | Happening::FoundShorter { .. } | Happening::Merged { .. } => {}
            Happening::Opened { step } => {
                self.state(step).opened = true;
                self.current = Some(step.clone());
            }
            Happening::Checked { step, verdicts } => {
                let state = self.state(step);
                state.tries = state.tries.saturating_add(1);
                state.verdicts.extend(verdicts.iter().cloned());
            }
            Happening::Answered { step, check, answer } => {
                self.state(step).answers.insert(check.clone(), answer.clone());
            }
            Happening::HintTaken { step, hint } => {
                let state = self.state(step);
                // Hints are taken in order, and the same one taken on two machines is one hint.
                state.hints = state.hints.max(hint.saturating_add(1));
            }
            Happening::SolutionSeen { step } | Happening::SolutionApplied { step } => {
                self.state(step).solution_seen = true;
            }
            Happening::Reset { step } => {
                let state = self.state(step);
                state.answers.clear();
                state.verdicts.clear();
                state.observations.clear();
            }
            Happening::Passed { step, points } => {
                let state = self.state(step);
                state.passed = state.passed.max(Some(*points));
            }
            Happening::Spent { step, seconds } => {
                let state = self.state(step);
                state.seconds = state.seconds.saturating_add(u64::from(*seconds));
            }
            Happening::Seen { step, observation } => {
                let observations = &mut self.state(step).observations;
                // A log of unknown origin must not grow the memory without bound.
                if observations.len() < OBSERVATIONS_LIMIT {
                    observations.push(observation.clone());
                }
            }
        }
    }

    fn state(&mut self, step: &StepId) -> &mut StepState {
        self.steps.entry(step.clone()).or_default()
    }
}

/// How many observations of one step are kept.
const OBSERVATIONS_LIMIT: usize = 10_000;

impl StepState {
    /// Returns the points that passing the step brings now: its points, less what the hints cost, or what is left
    /// once the solution was seen. Rounded to the nearest point, a half down.
    pub fn points_if_passed(&self, course: &Course, step: &Step) -> u32 {
        let percent = if self.solution_seen {
            u64::from(course.after_solution)
        } else {
            100_u64.saturating_sub(u64::from(self.hints) * u64::from(course.hint_cost))
        };
        let hundredths = u64::from(step.points) * percent.min(100);
        u32::try_from((hundredths + 49) / 100).unwrap_or(step.points)
    }
}
