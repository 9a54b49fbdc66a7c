//! One task owns the session: requests, ends of jobs and checks, and sightings come in one order, and every turn
//! ends with one snapshot.
//!
//! ```text
//!   Request ─┐                        ┌─▶ jobs   (prepare, reset, apply, catch up: one at a time)
//!   Sighting ┼─▶ turn ─▶ Session ─────┼─▶ units  (one a check, all at once, each with its token)
//!   ends     ┘             │          └─▶ eyes   (watches of the cluster and of the work folder)
//!                          └─▶ Feed ─▶ every front end
//! ```

mod jobs;
mod requests;
mod rounds;
mod view;

pub(crate) use jobs::{Had, environment};
pub(crate) use view::shown;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lab::{Catalog, CheckId, Course, Happening, Step, StepId};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::environment::docker::Docker;
use crate::environment::pinned::Offer;
use crate::environment::sandboxed::SandboxServer;
use crate::environment::{Choice, Environment};
use crate::feed::{Events, Feed};
use crate::ground::Ground;
use crate::observing::live::Sighting;
use crate::replaying::Note;
use crate::{Error, Event, Home, Notice, Request, Store, Verdict, Work, atomic};

/// How many requests wait; a front end that sends more waits itself.
const REQUESTS: usize = 64;
/// How many requests wait for a job that is under way.
const QUEUED: usize = 8;
/// How often time on a step is recorded, and what other processes recorded is read.
const TICK: Duration = Duration::from_secs(60);
/// How often a session that joined another process's sandbox looks whether that process is still there.
const GLANCE: Duration = Duration::from_secs(2);
/// Time without any sign of the learner after which it is not time on the step.
const ABSENT: Duration = Duration::from_secs(15 * 60);
/// How long the end of a session waits for what it started.
const ENDING: Duration = Duration::from_secs(15);

/// How a session is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The learner's folders.
    pub home: Home,
    /// The courses.
    pub catalog: Catalog,
    /// Where to run.
    pub choice: Choice,
    /// The step to open; where the learner stopped, else the first one, where absent.
    pub step: Option<StepId>,
    /// The learner's account name, for a history that begins.
    pub learner: String,
    /// The program that answers to the name `kubectl`, where the learner has none.
    pub stand_in: Option<PathBuf>,
    /// The variables of the program's own environment; commands get a few of them.
    pub variables: BTreeMap<String, String>,
}

/// A running session. Dropping it ends the session at once; [`Handle::close`] ends it in order.
pub struct Handle {
    /// What front ends ask. A full channel makes the sender wait.
    pub requests: mpsc::Sender<Request>,
    feed: Arc<Feed>,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl Handle {
    /// Returns a stream of the session's events, which begins with the state as it is.
    pub fn subscribe(&self) -> Events {
        self.feed.subscribe()
    }

    /// Ends the session, and waits until everything that it started has ended.
    pub async fn close(mut self) {
        self.cancel.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Waits until the session has ended by itself, on [`Request::Quit`] or a signal.
    pub async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Where the session runs, as far as it is known.
enum Stage {
    Starting,
    Missing,
    Unconfirmed(Arc<Offer>),
    Ready { ground: Ground, server: Option<SandboxServer> },
}

/// The open step.
struct Current {
    step: Arc<Step>,
    /// Where its preparation is.
    preparation: Preparation,
    checks: Vec<Live>,
    /// All checks passed at once, and that was said.
    complete: bool,
    /// When the time that was not recorded yet began.
    entered: Instant,
    /// The latest sign of the learner.
    sign: Instant,
}

/// Where the preparation of the open step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preparation {
    /// Something is missing, or it failed: its text can be read, no more.
    Waiting,
    /// Its setup has run.
    Done,
}

/// A check of the open step, alive.
struct Live {
    id: CheckId,
    verdict: Verdict,
    result: Option<Arc<Result<check::Outcome, check::Error>>>,
    /// The unit that judges it now.
    unit: Option<Unit>,
    /// What it looks at changed while it ran.
    again: bool,
}

/// A check that is being judged.
struct Unit {
    task: tokio::task::Id,
    cancel: CancellationToken,
    /// The verdict to return to where it is stopped.
    before: Verdict,
}

/// Checks that the learner asked for.
struct Round {
    asked: Asked,
    left: BTreeSet<CheckId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The whole step: it may pass.
    All,
    /// One check.
    One,
}

/// Something long that is under way.
struct Busy {
    work: Work,
    cancel: CancellationToken,
}

/// A session of one learner.
pub struct Session {
    home: Home,
    catalog: Catalog,
    courses: Arc<Vec<Course>>,
    choice: Choice,
    variables: Arc<BTreeMap<String, String>>,
    store: Store,
    stage: Stage,
    docker: Docker,
    current: Current,
    held: BTreeMap<StepId, (String, String)>,
    accepted: BTreeSet<String>,
    busy: Option<Busy>,
    round: Option<Round>,
    queue: VecDeque<Request>,
    feed: Arc<Feed>,
    cancel: CancellationToken,
    jobs: JoinSet<jobs::Ended>,
    units: JoinSet<(CheckId, crate::checking::Found)>,
    of_unit: HashMap<tokio::task::Id, CheckId>,
    eyes: JoinSet<()>,
    closing_eyes: CancellationToken,
    sightings: (mpsc::Sender<Sighting>, mpsc::Receiver<Sighting>),
    notes: (mpsc::Sender<Note>, mpsc::Receiver<Note>),
}

/// Whether the session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    GoOn,
    Quit,
}

impl Session {
    /// Starts a session: its task owns everything else. The environment is started behind it.
    ///
    /// # Errors
    ///
    /// The learner's folders or history cannot be used, or there is no step to open.
    pub async fn start(options: Options) -> Result<Handle, Error> {
        let now = Timestamp::now();
        options.home.prepare()?;
        if let Some(program) = &options.stand_in {
            options.home.install_stand_in(program)?;
        }
        let mut store = Store::open(&options.home, &options.learner, now)?;
        let step = first_step(&options, &store)?;
        let signals = [SignalKind::hangup(), SignalKind::terminate()];
        let signals: Vec<Signal> = signals.into_iter().filter_map(|kind| signal(kind).ok()).collect();
        let courses = Arc::new(options.catalog.courses().to_vec());
        let accepted = read_accepted(&options.home);
        let torn = store.take_torn();
        let shorter = store.take_shorter();
        let flaws = store.flaws().to_vec();
        let problem = store.take_problem();
        let current = Current::of(&step, &store.progress().step(&step.id));
        let variables = Arc::new(options.variables);
        let first = view::first(&courses, &current, &options.home, &variables);
        let feed = Arc::new(Feed::new(Arc::new(first)));
        let cancel = CancellationToken::new();
        let mut session = Session {
            home: options.home,
            catalog: options.catalog,
            courses,
            choice: options.choice,
            variables,
            store,
            stage: Stage::Starting,
            docker: Docker::Absent,
            current,
            held: BTreeMap::new(),
            accepted,
            busy: None,
            round: None,
            queue: VecDeque::new(),
            feed: Arc::clone(&feed),
            cancel: cancel.clone(),
            jobs: JoinSet::new(),
            units: JoinSet::new(),
            of_unit: HashMap::new(),
            eyes: JoinSet::new(),
            closing_eyes: cancel.child_token(),
            sightings: mpsc::channel(REQUESTS),
            notes: mpsc::channel(REQUESTS),
        };
        let (requests, asked) = mpsc::channel(REQUESTS);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            if torn > 0 {
                session.say(Notice::Recovered(torn));
            }
            if let Some(had) = shorter {
                session.say(Notice::HistoryShorter(had));
            }
            if !flaws.is_empty() {
                session.say(Notice::HistoryChanged(flaws));
            }
            if let Some(problem) = problem {
                session.fail(problem.into());
            }
            session.start_environment();
            session.ask_docker();
            session.enter(step);
            session.publish();
            session.run(asked, signals).await;
        });
        Ok(Handle { requests, feed, cancel, tasks })
    }

    async fn run(mut self, mut asked: mpsc::Receiver<Request>, mut signals: Vec<Signal>) {
        let cancel = self.cancel.clone();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let mut glance = tokio::time::interval(GLANCE);
        glance.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let turn = tokio::select! {
                () = cancel.cancelled() => Turn::Quit,
                () = any(&mut signals) => Turn::Quit,
                request = asked.recv() => match request {
                    Some(request) => self.request(request),
                    None => Turn::Quit,
                },
                Some(ended) = self.jobs.join_next() => self.job_ended(ended),
                Some(ended) = self.units.join_next_with_id() => self.unit_ended(ended),
                Some(note) = self.notes.1.recv() => self.noted(note),
                Some(sighting) = self.sightings.1.recv() => self.sighted(sighting),
                _ = tick.tick() => self.tick(),
                _ = glance.tick(), if self.joined() => self.glance(),
            };
            if turn == Turn::Quit {
                break;
            }
            self.serve_queue();
            self.publish();
        }
        self.end().await;
    }

    /// Ends everything that was started, and waits for it.
    async fn end(mut self) {
        self.spend();
        self.cancel.cancel();
        let all = async {
            while self.units.join_next().await.is_some() {}
            while let Some(ended) = self.jobs.join_next().await {
                // A sandbox that was being started is ours to stop as well.
                if let Ok(jobs::Ended::Environment(Ok(jobs::Had::Ready(_, Some(server))))) = ended {
                    server.stop().await;
                }
            }
            while self.eyes.join_next().await.is_some() {}
        };
        if tokio::time::timeout(ENDING, all).await.is_err() {
            tracing::warn!("something did not end in time and is dropped");
        }
        if let Stage::Ready { server: Some(server), .. } = self.stage
            && tokio::time::timeout(ENDING, server.stop()).await.is_err()
        {
            tracing::warn!("the sandbox did not end in time and is dropped");
        }
        self.feed.tell(Event::Ended);
    }

    /// Records what happened. What cannot be written stays in memory, and is said.
    fn record(&mut self, what: Happening) {
        if let Err(error) = self.store.record(Timestamp::now(), what) {
            self.fail(error.into());
        }
    }

    fn say(&self, notice: Notice) {
        self.feed.tell(Event::Notice(notice));
    }

    fn fail(&self, error: Error) {
        tracing::warn!(error = %chain(&error), "a request failed");
        self.say(Notice::Failed(Arc::new(error)));
    }

    fn tick(&mut self) -> Turn {
        self.spend();
        if let Err(error) = self.store.flush(Timestamp::now()) {
            self.fail(error.into());
        }
        Turn::GoOn
    }

    /// Records the time on the open step since the last time.
    fn spend(&mut self) {
        let now = Instant::now();
        let end = now.min(self.current.sign + ABSENT);
        let seconds = end.saturating_duration_since(self.current.entered).as_secs();
        if let Ok(seconds @ 1..) = u32::try_from(seconds) {
            self.record(Happening::Spent { step: self.current.step.id.clone(), seconds });
        }
        self.current.entered = now;
    }

    /// Returns whether this session uses a sandbox that another process serves.
    fn joined(&self) -> bool {
        matches!(&self.stage, Stage::Ready { ground, server: None } if ground.environment.kind == crate::environment::Kind::Sandbox)
    }

    /// Takes the sandbox over where the process that served it has ended.
    fn glance(&mut self) -> Turn {
        if crate::environment::sandboxed::served(&self.home).is_none() && self.busy.is_none() {
            tracing::info!("the process that served the sandbox has ended; taking over");
            self.start_environment();
        }
        Turn::GoOn
    }

    fn environment(&self) -> Option<&Environment> {
        match &self.stage {
            Stage::Ready { ground, .. } => Some(&ground.environment),
            Stage::Starting | Stage::Missing | Stage::Unconfirmed(_) => None,
        }
    }
}

impl Current {
    fn of(step: &Arc<Step>, state: &lab::StepState) -> Current {
        let checks = step.checks.iter().map(|check| Live {
            id: check.id.clone(),
            verdict: match state.verdicts.get(&check.id) {
                None => Verdict::Todo,
                Some(lab::Verdict::Pass) => Verdict::Pass,
                Some(lab::Verdict::Fail) => Verdict::Fail,
                Some(lab::Verdict::Unknown) => Verdict::Unknown,
            },
            result: None,
            unit: None,
            again: false,
        });
        let now = Instant::now();
        Current {
            step: Arc::clone(step),
            preparation: Preparation::Waiting,
            checks: checks.collect(),
            complete: state.passed.is_some(),
            entered: now,
            sign: now,
        }
    }
}

/// Returns the step to begin with: the one asked for, else where the learner stopped, else the first.
fn first_step(options: &Options, store: &Store) -> Result<Arc<Step>, Error> {
    let asked = match &options.step {
        Some(id) => Some(options.catalog.step(id).ok_or_else(|| Error::NoSuchStep(id.clone()))?),
        None => None,
    };
    let stopped = || store.progress().current.as_ref().and_then(|id| options.catalog.step(id));
    let step = asked.or_else(stopped).or_else(|| options.catalog.steps().next());
    step.map(|step| Arc::new(step.clone())).ok_or(Error::NoSteps)
}

/// Reads which courses the learner accepted.
pub(crate) fn read_accepted(home: &Home) -> BTreeSet<String> {
    let content = atomic::read(&home.accepted(), 1 << 20).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&content).lines().map(str::to_owned).collect()
}

/// Waits for the first of some signals; for ever where there is none.
async fn any(signals: &mut [Signal]) {
    let waiting = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    let waiting: Vec<_> = waiting.collect();
    if waiting.is_empty() {
        std::future::pending::<()>().await;
    }
    futures::future::select_all(waiting).await;
}

/// Returns an error and its causes, for the log.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod sandbox_tests;
#[cfg(test)]
mod tests;
