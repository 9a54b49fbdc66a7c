//! What goes into a session and what comes out of it.

use std::path::PathBuf;
use std::sync::Arc;

use lab::{CheckId, Course, StepId};

/// What a front end, or an instructor through one, asks of a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Opens a step: its files are copied, its setup is run.
    Open(StepId),
    /// Runs the open step's checks, all or one.
    Check(Option<CheckId>),
    /// Stops whatever runs.
    Cancel,
    /// Answers a question of the open step.
    Answer {
        /// The check that asks.
        check: CheckId,
        /// What the learner says.
        answer: String,
    },
    /// Takes the next hint of the open step.
    TakeHint,
    /// Reveals the open step's solution; the front end has asked and said what it costs.
    RevealSolution,
    /// Writes the solution's files and runs its commands.
    ApplySolution,
    /// Puts the open step back to its starting state. Files that the learner changed are kept aside.
    Reset,
    /// Replays and verifies the solutions before a step, then opens it.
    CatchUp(StepId),
    /// An instructor holds a step: it stays readable, its checks wait.
    Hold {
        /// Which.
        step: StepId,
        /// Who holds it.
        by: String,
        /// Why, in the instructor's words.
        why: String,
    },
    /// An instructor releases a step.
    Release(StepId),
    /// The learner accepts the digest of a course that did not come with the program.
    AcceptCourse {
        /// The digest that was shown.
        digest: String,
    },
    /// The learner confirms the real cluster whose context was shown.
    ConfirmCluster,
    /// Ends the session; everything it started ends with it.
    Quit,
}

/// What a session tells its front ends. The order is total.
#[derive(Debug, Clone)]
pub enum Event {
    /// Something changed: here is everything, anew. Cheap to clone.
    Changed(Arc<Snapshot>),
    /// A check turned (pass, fail or could not tell), for an announcement.
    Turned {
        /// The check.
        check: CheckId,
        /// Its verdict now.
        verdict: Verdict,
    },
    /// The open step passed.
    Passed {
        /// The step.
        step: StepId,
        /// The points it brings.
        points: u32,
    },
    /// Something to say.
    Notice(Notice),
    /// The session has ended.
    Ended,
}

/// Everything that a front end shows.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// All courses.
    pub courses: Arc<Vec<Course>>,
    /// State and points of every step, in the order of the courses.
    pub steps: Vec<StepView>,
    /// The open step.
    pub current: StepId,
    /// The checks of the open step, in order.
    pub checks: Vec<CheckView>,
    /// How many hints of the open step were taken.
    pub hints: u32,
    /// Whether its solution was revealed.
    pub solution_seen: bool,
    /// The learner's work folder of the open step.
    pub work: PathBuf,
    /// Variables of the learner's shell.
    pub variables: Vec<(String, String)>,
    /// Where the session runs.
    pub environment: EnvironmentView,
    /// What runs now, if anything.
    pub busy: Option<Work>,
    /// The digest of the open step's course, where it did not come with the program and was not accepted yet:
    /// nothing of it runs before [`Request::AcceptCourse`].
    pub unaccepted: Option<String>,
}

/// One step, as the map shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct StepView {
    /// Which.
    pub step: StepId,
    /// Its state.
    pub state: StepStateView,
    /// Points earned so far.
    pub points: u32,
    /// Points to earn.
    pub max: u32,
}

/// The state of a step on the map.
#[derive(Debug, Clone, PartialEq)]
pub enum StepStateView {
    /// Not opened yet.
    Todo,
    /// Opened or tried, not passed.
    Tried,
    /// Passed.
    Done,
    /// Held by an instructor.
    Held {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// Not possible here: what is missing.
    Impossible(lab::Need),
}

/// One check of the open step.
#[derive(Debug, Clone)]
pub struct CheckView {
    /// Its id.
    pub id: CheckId,
    /// Its verdict.
    pub verdict: Verdict,
    /// What it found, for `messages`; absent before the first run.
    pub result: Option<Arc<Result<check::Outcome, check::Error>>>,
    /// The learner's answer, for a question.
    pub answer: Option<String>,
}

/// The verdict of a check, as shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not run yet.
    Todo,
    /// Running.
    Running,
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// Could not tell.
    Unknown,
}

/// Where the session runs, as the header shows it.
#[derive(Debug, Clone, PartialEq)]
pub enum EnvironmentView {
    /// Being started: the text can be read, commands and checks wait.
    Starting,
    /// It could not be had; a [`Notice::Failed`] said why. Opening a step again tries again.
    Missing,
    /// The sandbox.
    Sandbox {
        /// How many nodes it has.
        nodes: u32,
        /// The emulated version, such as `v1.34.1`.
        version: String,
    },
    /// A real cluster that the learner has not confirmed yet.
    Unconfirmed {
        /// The kubeconfig context's name.
        context: String,
        /// The server's address.
        server: String,
    },
    /// A real cluster.
    Cluster {
        /// The kubeconfig context's name.
        context: String,
        /// The server's version.
        version: String,
    },
}

/// Long work, and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// A step is being prepared.
    Preparing,
    /// Checks are running.
    Checking,
    /// A step is being reset.
    Resetting,
    /// A solution is being applied.
    Applying,
    /// Solutions are being replayed.
    CatchingUp {
        /// The step whose solution is replayed.
        step: StepId,
        /// Steps done.
        done: u32,
        /// Steps in all.
        total: u32,
    },
}

/// Something to say; `messages` makes the sentence.
#[derive(Debug, Clone)]
pub enum Notice {
    /// A request failed.
    Failed(Arc<crate::Error>),
    /// Files of the learner's were kept aside before they were overwritten.
    KeptAside(Vec<PathBuf>),
    /// What an earlier run left in the cluster was removed.
    Swept(u32),
    /// The end of the progress file was torn by a crash: this many bytes of an unfinished line were dropped.
    Recovered(u64),
    /// Lines of the progress file are not as the program wrote them.
    HistoryChanged(Vec<lab::Flaw>),
    /// The progress file is shorter than it was: it had this many lines.
    HistoryShorter(u64),
    /// Something was seen in the cluster that a check may need.
    Observed(check::Observation),
    /// The open step is back to its starting state.
    WasReset(StepId),
    /// The solution of the open step is in place.
    SolutionApplied(StepId),
    /// The solutions before this step are in place, and the step is open.
    CaughtUp(StepId),
}
