//! What takes long and happens once at a time: the environment, preparations, resets, solutions, catch-ups.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use lab::{Happening, Step, StepId};
use tokio::task::JoinError;

use super::{Busy, Preparation, Session, Stage, Turn};
use crate::baseline::Baseline;
use crate::environment::docker::{Docker, docker};
use crate::environment::pinned::{Offer, Pin};
use crate::environment::sandboxed::{self, SandboxServer};
use crate::environment::{Choice, Confirmation, Environment, EnvironmentError, Kind};
use crate::ground::Ground;
use crate::observing::{Tracker, live};
use crate::replaying::{self, Note};
use crate::{Error, Notice, Verdict, Work, preparing, solving};

/// How a job ended.
pub(super) enum Ended {
    Environment(Result<Had, EnvironmentError>),
    Docker(Docker),
    Swept(u32),
    Prepared { step: StepId, result: Result<Baseline, Error> },
    Reset { step: StepId, result: Result<(Baseline, Vec<PathBuf>), Error> },
    Applied { step: StepId, result: Result<Vec<PathBuf>, Error> },
    CaughtUp { target: StepId, result: Result<(), Error> },
}

/// What became of the environment.
pub(crate) enum Had {
    Offered(Box<Offer>),
    Ready(Box<Environment>, Option<SandboxServer>),
}

impl Session {
    /// Starts, joins or reads the environment that was chosen.
    pub(super) fn start_environment(&mut self) {
        let (home, choice) = (self.home.clone(), self.choice.clone());
        self.jobs.spawn(async move { Ended::Environment(environment(&home, choice).await) });
    }

    /// Meets the real cluster that the learner has confirmed.
    pub(super) fn connect(&mut self, offer: Arc<Offer>) {
        let home = self.home.clone();
        self.jobs.spawn(async move {
            let met = offer.connect(&home, None).await;
            Ended::Environment(met.map(|environment| Had::Ready(Box::new(environment), None)))
        });
    }

    /// Asks whether a Docker Engine answers, where a step needs one.
    pub(super) fn ask_docker(&mut self) {
        let needed = self.catalog.steps().any(|step| step.needs.contains(&lab::Need::Docker));
        if needed {
            let variables = Arc::clone(&self.variables);
            self.jobs.spawn(async move {
                Ended::Docker(docker(|name| variables.get(name).map(std::ffi::OsString::from)).await)
            });
        }
    }

    fn sweep(&mut self, ground: Ground) {
        let mut namespaces: Vec<String> =
            self.catalog.steps().flat_map(|step| step.namespaces.iter().cloned()).collect();
        namespaces.sort();
        namespaces.dedup();
        self.jobs.spawn(async move { Ended::Swept(sweep(&ground, &namespaces).await) });
    }

    /// Prepares the open step, if all that it needs is there.
    pub(super) fn prepare(&mut self) {
        let Ok(ground) = self.may_run() else { return };
        if self.busy.is_some() || self.current.preparation == Preparation::Done {
            return;
        }
        let step = Arc::clone(&self.current.step);
        let cancel = self.begin(Work::Preparing);
        self.jobs.spawn(async move {
            let result = preparing::prepare(&ground, &step, Timestamp::now(), &cancel).await;
            Ended::Prepared { step: step.id.clone(), result }
        });
    }

    pub(super) fn reset(&mut self, ground: Ground) {
        let step = Arc::clone(&self.current.step);
        let cancel = self.begin(Work::Resetting);
        self.close_eyes();
        self.jobs.spawn(async move {
            let result = preparing::reset(&ground, &step, Timestamp::now(), &cancel).await;
            Ended::Reset { step: step.id.clone(), result }
        });
    }

    pub(super) fn apply(&mut self, ground: Ground) {
        let step = Arc::clone(&self.current.step);
        let cancel = self.begin(Work::Applying);
        self.jobs.spawn(async move {
            let result = solving::apply(&ground, &step, &cancel).await;
            Ended::Applied { step: step.id.clone(), result }
        });
    }

    pub(super) fn catch_up(&mut self, ground: Ground, target: StepId) {
        let Some(course) = self.catalog.course(&target.course) else { return };
        let before: Vec<Step> = replaying::before(course, &target).into_iter().cloned().collect();
        let last = course.step(&target.step).cloned();
        let total = u32::try_from(before.len()).unwrap_or(u32::MAX);
        let cancel = self.begin(Work::CatchingUp { step: target.clone(), done: 0, total });
        self.close_eyes();
        let (notes, docker) = (self.notes.0.clone(), self.docker);
        self.jobs.spawn(async move {
            let steps: Vec<&Step> = before.iter().collect();
            let fresh: Vec<&Step> = before.iter().chain(&last).collect();
            let work = async {
                replaying::make_fresh(&ground, &fresh, &cancel).await?;
                replaying::replay(&ground, &steps, docker, &notes, &cancel).await
            };
            let result = work.await;
            Ended::CaughtUp { target, result }
        });
    }

    fn begin(&mut self, work: Work) -> tokio_util::sync::CancellationToken {
        let cancel = self.cancel.child_token();
        self.busy = Some(Busy { work, cancel: cancel.clone() });
        cancel
    }

    /// Takes in what a catch-up tells while it runs.
    pub(super) fn noted(&mut self, note: Note) -> Turn {
        match note {
            Note::Replaying { step, done, total } => {
                if let Some(busy) = &mut self.busy {
                    busy.work = Work::CatchingUp { step, done, total };
                }
            }
            Note::Record(what) => self.record(what),
        }
        Turn::GoOn
    }

    /// Takes in the end of a job.
    pub(super) fn job_ended(&mut self, ended: Result<Ended, JoinError>) -> Turn {
        let ended = match ended {
            Ok(ended) => ended,
            Err(broken) => {
                self.busy = None;
                self.fail(Error::Broken(broken.to_string()));
                return Turn::GoOn;
            }
        };
        match ended {
            Ended::Environment(result) => self.environment_ended(result),
            Ended::Docker(found) => self.docker = found,
            Ended::Swept(0) => {}
            Ended::Swept(number) => self.say(Notice::Swept(number)),
            Ended::Prepared { step, result } => {
                self.busy = None;
                match result {
                    Ok(baseline) if step == self.current.step.id => self.prepared(&baseline),
                    Ok(_) => {}
                    Err(error) => self.job_failed(error),
                }
            }
            Ended::Reset { step, result } => self.reset_ended(step, result),
            Ended::Applied { step, result } => self.applied(step, result),
            Ended::CaughtUp { target, result } => {
                self.busy = None;
                // What was told before the end is recorded before the step is opened.
                while let Ok(note) = self.notes.1.try_recv() {
                    self.noted(note);
                }
                match result {
                    Ok(()) => {
                        if let Some(step) = self.catalog.step(&target).cloned() {
                            self.enter(Arc::new(step));
                            self.say(Notice::CaughtUp(target));
                        }
                    }
                    Err(error) => {
                        self.job_failed(error);
                        // The cluster is another one: the open step is prepared in it.
                        self.current.preparation = Preparation::Waiting;
                        self.prepare();
                    }
                }
            }
        }
        Turn::GoOn
    }

    /// Being stopped is what was asked for.
    fn job_failed(&self, error: Error) {
        let stopped = matches!(&error, Error::Cancelled | Error::Command(crate::CommandError::Cancelled { .. }));
        if !stopped {
            self.fail(error);
        }
    }

    fn environment_ended(&mut self, result: Result<Had, EnvironmentError>) {
        match result {
            Ok(Had::Offered(offer)) => self.stage = Stage::Unconfirmed(Arc::from(offer)),
            Ok(Had::Ready(environment, server)) => {
                let environment = Arc::new(*environment);
                let ground = Ground {
                    home: self.home.clone(),
                    environment,
                    inherited: Arc::clone(&self.variables),
                    quiet: Arc::default(),
                };
                self.stage = Stage::Ready { ground: ground.clone(), server };
                self.sweep(ground);
                // A sandbox that was taken over is the same one: what is open stays prepared.
                self.prepare();
            }
            Err(error) => {
                if !matches!(self.stage, Stage::Unconfirmed(_)) {
                    self.stage = Stage::Missing;
                }
                self.fail(error.into());
            }
        }
    }

    fn prepared(&mut self, baseline: &Baseline) {
        self.current.preparation = Preparation::Done;
        self.open_eyes(baseline);
        let resumed = self.current.checks.iter().any(|live| live.verdict != Verdict::Todo);
        if resumed {
            // What was true yesterday is looked at again; a fresh step is not told what it lacks before it was tried.
            self.look_again(|_| true);
        }
    }

    fn reset_ended(&mut self, step: StepId, result: Result<(Baseline, Vec<PathBuf>), Error>) {
        self.busy = None;
        match result {
            Ok((baseline, kept)) => {
                self.record(Happening::Reset { step: step.clone() });
                if step == self.current.step.id {
                    for live in &mut self.current.checks {
                        (live.verdict, live.result) = (Verdict::Todo, None);
                    }
                    self.current.complete = false;
                    self.prepared(&baseline);
                }
                if !kept.is_empty() {
                    self.say(Notice::KeptAside(kept));
                }
                self.say(Notice::WasReset(step));
            }
            Err(error) => {
                self.job_failed(error);
                self.current.preparation = Preparation::Waiting;
                self.prepare();
            }
        }
    }

    fn applied(&mut self, step: StepId, result: Result<Vec<PathBuf>, Error>) {
        self.busy = None;
        match result {
            Ok(kept) => {
                self.record(Happening::SolutionApplied { step: step.clone() });
                let solution = self.catalog.step(&step).and_then(|step| step.solution.clone());
                for (check, answer) in solution.map(|solution| solution.answers).unwrap_or_default() {
                    self.record(Happening::Answered { step: step.clone(), check, answer });
                }
                if !kept.is_empty() {
                    self.say(Notice::KeptAside(kept));
                }
                self.say(Notice::SolutionApplied(step));
                self.look_again(|_| true);
            }
            Err(error) => self.job_failed(error),
        }
    }

    /// Follows the cluster and the work folder for the open step.
    fn open_eyes(&mut self, baseline: &Baseline) {
        self.close_eyes();
        let Stage::Ready { ground, .. } = &self.stage else { return };
        let (ground, step) = (ground.clone(), Step::clone(&self.current.step));
        let told = self.store.progress().step(&step.id).observations;
        let tracker = Tracker::new(&baseline.nodes, &told);
        let (sender, cancel) = (self.sightings.0.clone(), self.closing_eyes.clone());
        if let Ok(folder) = ground.work(&step.id) {
            let (sender, cancel) = (sender.clone(), cancel.clone());
            self.eyes.spawn(async move { live::files(&folder, sender, cancel).await });
        }
        self.eyes.spawn(live::cluster(ground, step, tracker, baseline.since, sender, cancel));
    }

    /// Stops following. What was seen before and not yet taken in belongs to the step that was open.
    pub(super) fn close_eyes(&mut self) {
        self.closing_eyes.cancel();
        // They end by themselves now; those that have are joined here, the others with the session.
        while self.eyes.try_join_next().is_some() {}
        self.closing_eyes = self.cancel.child_token();
        while let Ok(sighting) = self.sightings.1.try_recv() {
            self.sighted(sighting);
        }
    }
}

/// Starts, joins or reads the environment that was chosen.
pub(crate) async fn environment(home: &crate::Home, choice: Choice) -> Result<Had, EnvironmentError> {
    match choice {
        Choice::Sandbox { version, pace } => {
            let (environment, server) = sandboxed::join(home, version, pace).await?;
            Ok(Had::Ready(Box::new(environment), server))
        }
        Choice::Cluster { kubeconfigs, context, confirmation } => {
            if kubeconfigs.iter().any(|path| path.starts_with(home.sandbox())) {
                return Err(EnvironmentError::OwnSandbox);
            }
            let offer = Offer::read(&kubeconfigs, context.as_deref())?;
            let known: Option<Pin> = offer.confirmed(home);
            match (confirmation, known) {
                (Confirmation::Asked, None) => Ok(Had::Offered(Box::new(offer))),
                (Confirmation::Given, _) => Ok(Had::Ready(Box::new(offer.connect(home, None).await?), None)),
                (Confirmation::Asked, Some(pin)) => {
                    Ok(Had::Ready(Box::new(offer.connect(home, Some(&pin)).await?), None))
                }
            }
        }
    }
}

/// Returns whether a process of this machine is alive; one that belongs to another user is.
fn is_alive(process: u32) -> bool {
    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;
    i32::try_from(process).is_ok_and(|process| kill(Pid::from_raw(process), None) != Err(Errno::ESRCH))
}

/// Removes what an earlier run left. A failure is not the learner's business: it is tried at the next start.
pub(crate) async fn sweep(ground: &Ground, namespaces: &[String]) -> u32 {
    if let Kind::Cluster(_) = ground.environment.kind
        && ground.environment.verify().await.is_err()
    {
        return 0;
    }
    // The processes that use a sandbox are on this machine: what one that is gone began has ended. On a real
    // cluster only the deadline tells.
    let is_sandbox = matches!(ground.environment.kind, Kind::Sandbox);
    let has_ended = |run: &check::RunId| is_sandbox && run.process().is_some_and(|process| !is_alive(process));
    let swept =
        check::kinds::quota_exhaustion::sweep(&ground.environment.client, namespaces, Timestamp::now(), has_ended);
    swept.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "what an earlier run left cannot be swept");
        0
    })
}
