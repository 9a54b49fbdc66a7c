//! The checks of the open step: rounds that the learner asks for, and looks that changes cause.
//!
//! A check that acts runs in rounds only, so that none wakes itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use check::{Trigger, Watch};
use jiff::Timestamp;
use lab::{CheckId, Happening};
use tokio::task::{Id, JoinError};

use super::{Asked, Busy, Preparation, Round, Session, Turn, Unit};
use crate::checking::{self, Found};
use crate::ground::Seen;
use crate::observing::live::Sighting;
use crate::replaying::passes;
use crate::{Event, Notice, Verdict, Work};

impl Session {
    /// Runs every check of the open step.
    pub(super) fn check_all(&mut self) {
        let all: Vec<CheckId> = self.current.checks.iter().map(|live| live.id.clone()).collect();
        self.check_some(Asked::All, &all);
    }

    /// Runs checks that the learner asked for.
    pub(super) fn check_some(&mut self, asked: Asked, checks: &[CheckId]) {
        if self.current.preparation == Preparation::Waiting {
            // Its preparation failed before; a key press tries again, and the checks follow.
            self.queue.push_back(match (asked, checks) {
                (Asked::One, [one]) => crate::Request::Check(Some(one.clone())),
                (Asked::One | Asked::All, _) => crate::Request::Check(None),
            });
            self.prepare();
            if self.busy.is_none() {
                self.queue.clear();
            }
            return;
        }
        let cancel = self.cancel.child_token();
        self.busy = Some(Busy { work: Work::Checking, cancel });
        self.round = Some(Round { asked, left: checks.iter().cloned().collect() });
        for check in checks {
            self.judge(check, Verdict::Running);
        }
        self.round_ended();
    }

    /// Looks again at what may be looked at without acting, where `concerned` says so.
    pub(super) fn look_again(&mut self, concerned: impl Fn(&check::Spec) -> bool) {
        if self.may_run().is_err() || self.current.preparation == Preparation::Waiting {
            return;
        }
        let step = Arc::clone(&self.current.step);
        for check in &step.checks {
            if check.spec.trigger() == Trigger::Watched && concerned(&check.spec) {
                let Some(live) = self.current.checks.iter_mut().find(|live| live.id == check.id) else { continue };
                if live.unit.is_some() {
                    live.again = true;
                } else {
                    // A look on the side does not show as running.
                    let shown = live.verdict;
                    self.judge(&check.id, shown);
                }
            }
        }
    }

    /// Starts the unit of one check; `shown` is its verdict meanwhile.
    fn judge(&mut self, id: &CheckId, shown: Verdict) {
        let Ok(ground) = self.may_run() else { return };
        let step = Arc::clone(&self.current.step);
        let state = self.store.progress().step(&step.id);
        let seen = Seen { answers: state.answers, observations: state.observations };
        let Some(live) = self.current.checks.iter_mut().find(|live| live.id == *id) else { return };
        if let Some(unit) = &live.unit {
            // A look on the side is overtaken by a round.
            unit.cancel.cancel();
        }
        let cancel = self.cancel.child_token();
        let (token, id) = (cancel.clone(), id.clone());
        let task = self.units.spawn(async move {
            let found = match step.checks.iter().find(|check| check.id == id) {
                Some(check) => checking::run(&ground, &step, check, &seen, Timestamp::now(), &token).await,
                None => Err(check::Error::Cancelled),
            };
            (id, found)
        });
        let before = live.unit.as_ref().map_or(live.verdict, |unit| unit.before);
        live.unit = Some(Unit { task: task.id(), cancel, before });
        live.again = false;
        live.verdict = shown;
        self.of_unit.insert(task.id(), live.id.clone());
    }

    /// Stops every check that runs; each returns to the verdict that it had.
    pub(super) fn stop_units(&mut self) {
        for live in &mut self.current.checks {
            if let Some(unit) = &live.unit {
                unit.cancel.cancel();
            }
        }
    }

    /// Takes in the end of a check.
    pub(super) fn unit_ended(&mut self, ended: Result<(Id, (CheckId, Found)), JoinError>) -> Turn {
        let (task, found) = match ended {
            Ok((task, (_, found))) => (task, found),
            Err(broken) => (broken.id(), Err(check::Error::UnexpectedAnswer(broken.to_string()))),
        };
        let Some(id) = self.of_unit.remove(&task) else { return Turn::GoOn };
        let ours = |unit: &Unit| unit.task == task;
        let Some(live) = self.current.checks.iter_mut().find(|live| live.unit.as_ref().is_some_and(ours)) else {
            // It was overtaken, or belongs to a step that was left.
            return Turn::GoOn;
        };
        let Some(unit) = live.unit.take() else { return Turn::GoOn };
        if matches!(found, Err(check::Error::Cancelled)) {
            live.verdict = unit.before;
        } else {
            live.verdict = match &found {
                Ok(check::Outcome::Pass(_)) => Verdict::Pass,
                Ok(check::Outcome::Fail(_)) => Verdict::Fail,
                Err(_) => Verdict::Unknown,
            };
            live.result = Some(Arc::new(found));
            if live.verdict != unit.before {
                self.feed.tell(Event::Turned { check: id.clone(), verdict: live.verdict });
            }
        }
        let again = std::mem::take(&mut live.again);
        if let Some(round) = &mut self.round {
            round.left.remove(&id);
        }
        if again {
            self.look_again_at(&id);
        }
        self.round_ended();
        self.pass_by_itself();
        Turn::GoOn
    }

    fn look_again_at(&mut self, id: &CheckId) {
        let spec = self.current.step.checks.iter().find(|check| check.id == *id).map(|check| check.spec.clone());
        if let Some(spec) = spec {
            self.look_again(|other| *other == spec);
        }
    }

    /// Records a round that has ended, and what follows from it.
    fn round_ended(&mut self) {
        if self.round.as_ref().is_none_or(|round| !round.left.is_empty()) {
            return;
        }
        let Some(round) = self.round.take() else { return };
        let stopped = self.busy.take().is_some_and(|busy| busy.cancel.is_cancelled());
        if stopped {
            return;
        }
        let verdicts = self.current.checks.iter().filter_map(|live| {
            let verdict = match live.verdict {
                Verdict::Pass => lab::Verdict::Pass,
                Verdict::Fail => lab::Verdict::Fail,
                Verdict::Unknown => lab::Verdict::Unknown,
                Verdict::Todo | Verdict::Running => return None,
            };
            Some((live.id.clone(), verdict))
        });
        let verdicts = verdicts.collect();
        self.record(Happening::Checked { step: self.current.step.id.clone(), verdicts });
        match (round.asked, self.all_pass()) {
            (Asked::All, true) => self.pass(),
            // The last one was asked for alone: that all hold at once is seen in a round of all.
            (Asked::One, true) if !self.current.complete => self.check_all(),
            (Asked::One, true) | (Asked::All | Asked::One, false) => {}
        }
    }

    /// A step whose checks all only look passes by itself.
    fn pass_by_itself(&mut self) {
        let looks_only = self.current.step.checks.iter().all(|check| check.spec.trigger() == Trigger::Watched);
        if looks_only && self.round.is_none() && self.all_pass() {
            self.pass();
        }
    }

    fn all_pass(&self) -> bool {
        let fresh = |live: &super::Live| live.result.as_ref().is_some_and(|found| passes(found));
        !self.current.checks.is_empty() && self.current.checks.iter().all(fresh)
    }

    fn pass(&mut self) {
        let step = Arc::clone(&self.current.step);
        let Some(course) = self.catalog.course(&step.id.course) else { return };
        let state = self.store.progress().step(&step.id);
        let points = state.points_if_passed(course, &step);
        if state.passed.is_none_or(|before| before < points) {
            self.record(Happening::Passed { step: step.id.clone(), points });
        }
        if !std::mem::replace(&mut self.current.complete, true) {
            let points = state.passed.unwrap_or(0).max(points);
            self.feed.tell(Event::Passed { step: step.id.clone(), points });
        }
    }

    /// Takes in what was noticed outside.
    pub(super) fn sighted(&mut self, sighting: Sighting) -> Turn {
        self.current.sign = tokio::time::Instant::now();
        match sighting {
            Sighting::Files => self.look_again(|spec| spec.watches().iter().any(|w| matches!(w, Watch::File(_)))),
            Sighting::Objects(kinds) => self.look_again(|spec| looks_at(spec, &kinds)),
            Sighting::Listed(kinds) => {
                // What was not judged yet is not judged before the learner tried.
                let judged: Vec<check::Spec> = self
                    .current
                    .checks
                    .iter()
                    .zip(&self.current.step.checks)
                    .filter(|(live, _)| live.result.is_some())
                    .map(|(_, check)| check.spec.clone())
                    .collect();
                self.look_again(|spec| judged.contains(spec) && looks_at(spec, &kinds));
            }
            Sighting::Observed(observations) => {
                let step = self.current.step.id.clone();
                for observation in observations {
                    self.record(Happening::Seen { step: step.clone(), observation: observation.clone() });
                    self.say(Notice::Observed(observation));
                }
                self.look_again(|spec| spec.watches().contains(&Watch::Observations));
            }
        }
        Turn::GoOn
    }
}

/// Tells whether a check looks at objects of one of these kinds.
fn looks_at(spec: &check::Spec, kinds: &BTreeSet<String>) -> bool {
    spec.watches().iter().any(|watch| matches!(watch, Watch::Objects { kind, .. } if kinds.contains(kind)))
}
