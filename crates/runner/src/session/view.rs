//! What front ends see of a session.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use lab::{Course, Need, Step, StepId};

use super::{Current, Session, Stage};
use crate::environment::{Environment, Kind, Outlook};
use crate::ground::variables;
use crate::{CheckView, EnvironmentView, Event, Home, Snapshot, StepStateView, StepView};

/// Returns the state before anything was read: the first frame.
pub(super) fn first(
    courses: &Arc<Vec<Course>>,
    current: &Current,
    home: &Home,
    inherited: &BTreeMap<String, String>,
) -> Snapshot {
    let steps = courses.iter().flat_map(|course| &course.steps);
    Snapshot {
        courses: Arc::clone(courses),
        steps: steps
            .map(|step| StepView { step: step.id.clone(), state: StepStateView::Todo, points: 0, max: step.points })
            .collect(),
        current: current.step.id.clone(),
        checks: Vec::new(),
        hints: 0,
        solution_seen: false,
        work: work(home, &current.step.id),
        variables: variables(home, inherited, &current.step.id, None),
        environment: EnvironmentView::Starting,
        busy: None,
        unaccepted: None,
    }
}

impl Session {
    /// Tells every front end the state as it is now.
    pub(super) fn publish(&self) {
        self.feed.tell(Event::Changed(Arc::new(self.snapshot())));
    }

    fn snapshot(&self) -> Snapshot {
        let current = &self.current.step.id;
        let state = self.store.progress().step(current);
        Snapshot {
            courses: Arc::clone(&self.courses),
            steps: self.courses.iter().flat_map(|course| &course.steps).map(|step| self.step_view(step)).collect(),
            current: current.clone(),
            checks: self
                .current
                .checks
                .iter()
                .map(|live| CheckView {
                    id: live.id.clone(),
                    verdict: live.verdict,
                    result: live.result.clone(),
                    answer: state.answers.get(&live.id).cloned(),
                })
                .collect(),
            hints: state.hints,
            solution_seen: state.solution_seen,
            work: work(&self.home, current),
            variables: variables(&self.home, &self.variables, current, self.environment()),
            environment: self.environment_view(),
            busy: self.busy.as_ref().map(|busy| busy.work.clone()),
            unaccepted: self.unaccepted(current),
        }
    }

    fn step_view(&self, step: &Step) -> StepView {
        let progress = self.store.progress();
        let known = progress.steps.get(&step.id);
        let passed = known.and_then(|state| state.passed);
        let state = match (self.held.get(&step.id), passed) {
            (Some((by, why)), _) => StepStateView::Held { by: by.clone(), why: why.clone() },
            (None, Some(_)) => StepStateView::Done,
            (None, None) => match self.lacks(step) {
                Some(need) => StepStateView::Impossible(need),
                None if known.is_some_and(|state| state.opened) => StepStateView::Tried,
                None => StepStateView::Todo,
            },
        };
        StepView { step: step.id.clone(), state, points: passed.unwrap_or(0), max: step.points }
    }

    /// Returns what `step` needs and is not here; nothing is said as long as the environment is not known.
    pub(super) fn lacks(&self, step: &Step) -> Option<Need> {
        match &self.stage {
            Stage::Ready { ground, .. } => ground.environment.lacks(step, self.docker),
            Stage::Missing => Outlook::Nothing.lacks(step, self.docker),
            Stage::Unconfirmed(_) => Outlook::Cluster.lacks(step, self.docker),
            Stage::Starting => None,
        }
    }

    /// Returns the digest to accept before anything of the step's course runs.
    pub(super) fn unaccepted(&self, step: &StepId) -> Option<String> {
        let course = self.catalog.course(&step.course)?;
        let digest = course.trust_digest();
        (!course.embedded && !self.accepted.contains(&digest)).then_some(digest)
    }

    fn environment_view(&self) -> EnvironmentView {
        match &self.stage {
            Stage::Starting => EnvironmentView::Starting,
            Stage::Missing => EnvironmentView::Missing,
            Stage::Unconfirmed(offer) => {
                EnvironmentView::Unconfirmed { context: offer.context.clone(), server: offer.server.clone() }
            }
            Stage::Ready { ground, .. } => shown(&ground.environment),
        }
    }
}

/// Returns an environment as a header shows it.
pub(crate) fn shown(environment: &Environment) -> EnvironmentView {
    let version = environment.version.clone();
    match &environment.kind {
        Kind::Sandbox => {
            EnvironmentView::Sandbox { nodes: u32::try_from(environment.nodes.len()).unwrap_or(u32::MAX), version }
        }
        Kind::Cluster(pin) => EnvironmentView::Cluster { context: pin.context.clone(), version },
    }
}

/// A step's id was checked when its course was read; one that cannot be a folder has no work folder.
fn work(home: &Home, step: &StepId) -> PathBuf {
    home.work(step).unwrap_or_else(|_| home.state().to_owned())
}
