//! The same acts without a session, for commands that do one thing and end: check, hint, solution, reset, catch-up,
//! and the author's test.

mod lab_test;

pub use lab_test::{LabTest, Problem, Settings, lab_test};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use lab::{Catalog, CheckId, Happening, Need, Step, StepId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::baseline::Baseline;
use crate::environment::docker::{Docker, docker};
use crate::environment::identity;
use crate::environment::sandboxed::SandboxServer;
use crate::ground::{Ground, Seen};
use crate::observing::{Tracker, live};
use crate::replaying::{self, Note, passes, verdict};
use crate::session::{Had, Options, environment, read_accepted, shown};
use crate::{EnvironmentView, Error, Home, Store, preparing, solving, work};

/// A learner's home and environment, for commands that do not stay.
pub struct Headless {
    home: Home,
    catalog: Catalog,
    store: Store,
    ground: Ground,
    server: Option<SandboxServer>,
    docker: Docker,
    cancel: CancellationToken,
}

/// What checks found, for one or more steps.
#[derive(Debug)]
pub struct Report {
    /// Where they ran.
    pub environment: EnvironmentView,
    /// The learner's account name, as the history has it.
    pub learner: String,
    /// When.
    pub at: Timestamp,
    /// Each step, in the order asked for.
    pub steps: Vec<StepReport>,
}

/// What the checks of one step found.
#[derive(Debug)]
pub struct StepReport {
    /// The step.
    pub step: StepId,
    /// What it needs and is not here: its checks did not run.
    pub impossible: Option<Need>,
    /// The checks, in order, with what they found.
    pub checks: Vec<(CheckId, Result<check::Outcome, check::Error>)>,
    /// The points that the checks which pass bring, after what hints and the solution cost.
    pub points: u32,
    /// The step's points.
    pub max: u32,
    /// How many hints were taken.
    pub hints: u32,
    /// Whether the solution was seen.
    pub solution_seen: bool,
}

impl StepReport {
    /// Returns the step's verdict: it passes where all its checks do; one that fails makes it fail.
    pub fn outcome(&self) -> lab::Verdict {
        let verdicts: Vec<lab::Verdict> = self.checks.iter().map(|(_, found)| verdict(found)).collect();
        if verdicts.contains(&lab::Verdict::Fail) {
            lab::Verdict::Fail
        } else if self.impossible.is_some() || verdicts.is_empty() || verdicts.contains(&lab::Verdict::Unknown) {
            lab::Verdict::Unknown
        } else {
            lab::Verdict::Pass
        }
    }
}

/// A hint that was just taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenHint {
    /// Which, from 0.
    pub index: u32,
    /// How many the step has.
    pub total: u32,
    /// Markdown, in French.
    pub text: String,
}

impl Headless {
    /// Prepares the home and the environment.
    ///
    /// # Errors
    ///
    /// The home or the environment cannot be had; [`Error::NotConfirmed`] where a real cluster must be confirmed first.
    pub async fn start(options: Options, cancel: CancellationToken) -> Result<Headless, Error> {
        options.home.prepare()?;
        if let Some(program) = &options.stand_in {
            options.home.install_stand_in(program)?;
        }
        let store = Store::open(&options.home, &options.learner, Timestamp::now())?;
        let variables = Arc::new(options.variables);
        let had = tokio::select! {
            had = Box::pin(environment(&options.home, options.choice)) => had?,
            () = cancel.cancelled() => return Err(Error::Cancelled),
        };
        let (environment, server) = match had {
            Had::Ready(environment, server) => (Arc::new(*environment), server),
            Had::Offered(offer) => {
                return Err(Error::NotConfirmed { context: offer.context.clone(), server: offer.server.clone() });
            }
        };
        let engine = if options.catalog.steps().any(|step| step.needs.contains(&Need::Docker)) {
            docker(|name| variables.get(name).map(std::ffi::OsString::from)).await
        } else {
            Docker::Absent
        };
        let ground = Ground { home: options.home.clone(), environment, inherited: variables, quiet: Arc::default() };
        Ok(Headless { home: options.home, catalog: options.catalog, store, ground, server, docker: engine, cancel })
    }

    /// Ends what was started; a sandbox that this process served keeps its state.
    pub async fn close(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }

    /// Returns the history.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns where commands run.
    pub fn environment(&self) -> EnvironmentView {
        shown(&self.ground.environment)
    }

    /// Returns a client of the environment, with the learner's rights.
    pub fn client(&self) -> kube::Client {
        self.ground.environment.client.clone()
    }

    /// Returns the environment as checks see it, with the learner's rights, in this Namespace.
    pub fn cluster(&self, namespace: &str) -> check::Cluster {
        self.ground.cluster(namespace.to_owned())
    }

    /// Names a new run: what a check creates in it carries the name.
    pub fn fresh_run(&self) -> check::RunId {
        crate::ground::fresh_run()
    }

    /// Makes sure that a real cluster is still the confirmed one: to be called before writing with [`Headless::client`].
    ///
    /// # Errors
    ///
    /// It is another one, or does not answer.
    pub async fn verify(&self) -> Result<(), Error> {
        self.ground.environment.verify().await
    }

    /// Returns what the step needs and is not here.
    ///
    /// # Errors
    ///
    /// There is no such step.
    pub fn lacks(&self, step: &StepId) -> Result<Option<Need>, Error> {
        Ok(self.ground.environment.lacks(self.step(step)?, self.docker))
    }

    /// Runs the checks of steps, one step after the other, and records them. A step that was never opened is not
    /// prepared: its checks see the environment as it is.
    ///
    /// # Errors
    ///
    /// There is no such step, its course was not accepted, or its state cannot be read or written.
    pub async fn check(&mut self, steps: &[StepId]) -> Result<Report, Error> {
        let mut reports = Vec::new();
        for id in steps {
            let step = self.step(id)?.clone();
            self.accepted(id)?;
            reports.push(self.check_one(&step).await?);
        }
        Ok(Report {
            environment: self.environment(),
            learner: self.store.log().learner().to_owned(),
            at: Timestamp::now(),
            steps: reports,
        })
    }

    async fn check_one(&mut self, step: &Step) -> Result<StepReport, Error> {
        let state = self.store.progress().step(&step.id);
        let mut report = StepReport {
            step: step.id.clone(),
            impossible: self.ground.environment.lacks(step, self.docker),
            checks: Vec::new(),
            points: 0,
            max: step.points,
            hints: state.hints,
            solution_seen: state.solution_seen,
        };
        if report.impossible.is_some() {
            return Ok(report);
        }
        work::fill(&self.ground.work(&step.id)?, &step.files)?;
        let observations = self.observe(step).await?;
        let seen = Seen { answers: state.answers.clone(), observations };
        report.checks = replaying::all(&self.ground, step, &seen, &self.cancel).await;
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let verdicts = report.checks.iter().map(|(check, found)| (check.clone(), verdict(found))).collect();
        self.record(Happening::Checked { step: step.id.clone(), verdicts })?;
        let whole = self.catalog.course(&step.id.course).map_or(0, |course| state.points_if_passed(course, step));
        let earned: u32 = report
            .checks
            .iter()
            .zip(&step.checks)
            .filter(|((_, found), _)| passes(found))
            .map(|(_, check)| check.points)
            .sum();
        let share = u64::from(earned) * u64::from(whole) / u64::from(step.points.max(1));
        report.points = u32::try_from(share).unwrap_or(whole);
        if report.outcome() == lab::Verdict::Pass && state.passed.is_none_or(|before| before < whole) {
            report.points = whole;
            self.record(Happening::Passed { step: step.id.clone(), points: whole })?;
        }
        Ok(report)
    }

    /// Looks at what the audit log shows since the step was opened, and records what is new.
    async fn observe(&mut self, step: &Step) -> Result<Vec<check::Observation>, Error> {
        let told = self.store.progress().step(&step.id).observations;
        let cluster = identity(&self.ground.environment.client).await?;
        if let Some(baseline) = Baseline::read(&self.home, &step.id, &cluster)? {
            let tracker = Tracker::new(&baseline.nodes, &told);
            for observation in live::once(&self.ground, tracker, baseline.since).await {
                self.record(Happening::Seen { step: step.id.clone(), observation })?;
            }
        }
        Ok(self.store.progress().step(&step.id).observations)
    }

    /// Prepares a step as opening it in a session does.
    ///
    /// # Errors
    ///
    /// It cannot run here, or its setup fails.
    pub async fn open(&mut self, id: &StepId) -> Result<(), Error> {
        let step = self.may_run(id)?;
        self.record(Happening::Opened { step: id.clone() })?;
        Box::pin(preparing::prepare(&self.ground, &step, Timestamp::now(), &self.cancel)).await?;
        Ok(())
    }

    /// Reveals the solution of a step, puts it in place, and returns the learner's files that were kept aside.
    ///
    /// # Errors
    ///
    /// There is none, the step cannot run here, or a command of it fails.
    pub async fn apply_solution(&mut self, id: &StepId) -> Result<Vec<PathBuf>, Error> {
        let step = self.may_run(id)?;
        reveal_solution(&mut self.store, &self.catalog, id)?;
        Box::pin(preparing::prepare(&self.ground, &step, Timestamp::now(), &self.cancel)).await?;
        let kept = solving::apply(&self.ground, &step, &self.cancel).await?;
        self.record(Happening::SolutionApplied { step: id.clone() })?;
        for (check, answer) in solving::solution(&step)?.answers.clone() {
            self.record(Happening::Answered { step: id.clone(), check, answer })?;
        }
        Ok(kept)
    }

    /// Puts a step back to its starting state, and returns the learner's files that were kept aside.
    ///
    /// # Errors
    ///
    /// It cannot run here, or something of it cannot be put back.
    pub async fn reset(&mut self, id: &StepId) -> Result<Vec<PathBuf>, Error> {
        let step = self.may_run(id)?;
        let (_, kept) = Box::pin(preparing::reset(&self.ground, &step, Timestamp::now(), &self.cancel)).await?;
        self.record(Happening::Reset { step: id.clone() })?;
        Ok(kept)
    }

    /// Replays and verifies the solutions before a step in its chapter, then prepares it. In the sandbox it starts
    /// from a fresh cluster. `tell` hears of each step as it begins, with how many are done and how many there are.
    ///
    /// # Errors
    ///
    /// A solution is missing, fails, or does not make its step pass.
    pub async fn catch_up(&mut self, id: &StepId, mut tell: impl FnMut(&StepId, u32, u32)) -> Result<(), Error> {
        let target = self.may_run(id)?;
        let course = self.catalog.course(&id.course).ok_or_else(|| Error::NoSuchStep(id.clone()))?;
        let before: Vec<Step> = replaying::before(course, id).into_iter().cloned().collect();
        let steps: Vec<&Step> = before.iter().collect();
        let fresh: Vec<&Step> = before.iter().chain([&target]).collect();
        replaying::make_fresh(&self.ground, &fresh, &self.cancel).await?;
        let (sender, mut notes) = mpsc::channel(16);
        let replay = async {
            let result = Box::pin(replaying::replay(&self.ground, &steps, self.docker, &sender, &self.cancel)).await;
            drop(sender);
            result
        };
        let mut happenings = Vec::new();
        let listen = async {
            while let Some(note) = notes.recv().await {
                match note {
                    Note::Replaying { step, done, total } => tell(&step, done, total),
                    Note::Record(what) => happenings.push(what),
                }
            }
        };
        let (result, ()) = tokio::join!(replay, listen);
        for what in happenings {
            self.record(what)?;
        }
        result?;
        self.open(id).await
    }

    fn record(&mut self, what: Happening) -> Result<(), Error> {
        Ok(self.store.record(Timestamp::now(), what)?)
    }

    fn step(&self, id: &StepId) -> Result<&Step, Error> {
        self.catalog.step(id).ok_or_else(|| Error::NoSuchStep(id.clone()))
    }

    /// Refuses what is of a course that was not accepted.
    fn accepted(&self, id: &StepId) -> Result<(), Error> {
        let course = self.catalog.course(&id.course).ok_or_else(|| Error::NoSuchStep(id.clone()))?;
        let digest = course.trust_digest();
        if course.embedded || read_accepted(&self.home).contains(&digest) {
            return Ok(());
        }
        Err(Error::NotAccepted { course: id.course.0.clone(), digest })
    }

    fn may_run(&self, id: &StepId) -> Result<Step, Error> {
        let step = self.step(id)?.clone();
        self.accepted(id)?;
        match self.ground.environment.lacks(&step, self.docker) {
            Some(need) => Err(Error::Impossible { step: id.clone(), need }),
            None => Ok(step),
        }
    }
}

/// Takes the next hint of a step. Needs no environment.
///
/// # Errors
///
/// There is no such step, no hint is left, or the history cannot be written.
pub fn take_hint(store: &mut Store, catalog: &Catalog, id: &StepId) -> Result<TakenHint, Error> {
    let step = catalog.step(id).ok_or_else(|| Error::NoSuchStep(id.clone()))?;
    let index = store.progress().step(id).hints;
    let hint = usize::try_from(index).ok().and_then(|index| step.hints.get(index)).ok_or(Error::NoMoreHints)?;
    store.record(Timestamp::now(), Happening::HintTaken { step: id.clone(), hint: index })?;
    let total = u32::try_from(step.hints.len()).unwrap_or(u32::MAX);
    Ok(TakenHint { index, total, text: hint.text.clone() })
}

/// Reveals the solution of a step. Needs no environment.
///
/// # Errors
///
/// There is no such step, it has no solution in this build, or the history cannot be written.
pub fn reveal_solution(store: &mut Store, catalog: &Catalog, id: &StepId) -> Result<lab::Solution, Error> {
    let step = catalog.step(id).ok_or_else(|| Error::NoSuchStep(id.clone()))?;
    let solution = solving::solution(step)?.clone();
    if !store.progress().step(id).solution_seen {
        store.record(Timestamp::now(), Happening::SolutionSeen { step: id.clone() })?;
    }
    Ok(solution)
}

/// Whether the commands of a course may run: it came with the program, or its digest was accepted.
pub fn is_accepted(home: &Home, course: &lab::Course) -> bool {
    course.embedded || read_accepted(home).contains(&course.trust_digest())
}

/// Accepts the commands of a course that did not come with the program.
///
/// # Errors
///
/// `digest` is not the course's, or the acceptance cannot be written.
pub fn accept_course(home: &Home, course: &lab::Course, digest: &str) -> Result<(), Error> {
    if course.trust_digest() != digest {
        return Err(Error::WrongDigest);
    }
    let mut accepted = read_accepted(home);
    accepted.insert(digest.to_owned());
    let lines: String = accepted.iter().map(|digest| format!("{digest}\n")).collect();
    crate::atomic::write(&home.accepted(), lines.as_bytes()).map_err(Error::Baseline)
}

/// Returns the variables of the program's own environment that are text.
pub fn own_variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
