//! The author's test of a step, in a fresh environment and a temporary home: as it starts, every check fails save
//! the guards; with the solution all pass; a reset brings back the start; the clean-up leaves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lab::{Catalog, CheckId, Need, Step, StepId};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checking::Found;
use crate::cluster::objects::{self, Inventory};
use crate::environment::Kind;
use crate::environment::docker::docker;
use crate::ground::{Ground, Seen};
use crate::replaying::{self, passes};
use crate::session::{Had, environment};
use crate::{Choice, Error, Home, preparing, solving};

/// How long the guards may take to hold at the start.
const SETTLING: Duration = Duration::from_secs(60);

/// What is tested where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The courses.
    pub catalog: Catalog,
    /// Where to run.
    pub choice: Choice,
    /// The program that answers to the name `kubectl`, where there is none.
    pub stand_in: Option<PathBuf>,
    /// The variables of the program's own environment.
    pub variables: BTreeMap<String, String>,
}

/// What the author's test of a step found.
#[derive(Debug)]
pub struct LabTest {
    /// The step.
    pub step: StepId,
    /// What it needs and is not here: nothing was tested.
    pub impossible: Option<Need>,
    /// What is wrong; nothing where the step is right.
    pub problems: Vec<Problem>,
    /// How long it took.
    pub took: Duration,
}

/// One thing that is wrong with a step.
#[derive(Debug)]
pub enum Problem {
    /// The check passes before anything was done.
    PassesUntouched(CheckId),
    /// The check cannot tell before anything was done.
    UnknownUntouched(CheckId, check::Error),
    /// The guard does not hold before anything was done.
    GuardFails(CheckId, Result<check::Outcome, check::Error>),
    /// The check does not pass with the solution.
    SolutionFails(CheckId, Result<check::Outcome, check::Error>),
    /// The check passes after a reset.
    PassesAfterReset(CheckId),
    /// Objects that a reset left, or did not bring back, as `kind/name`.
    ResetDiffers(Vec<String>),
    /// Objects that are there after the clean-up and were not before, as `kind/name`.
    Left(Vec<String>),
    /// Something failed on the way.
    Failed(Error),
}

/// Tests a step. Nothing of the learner's own home is touched.
///
/// # Errors
///
/// There is no such step, or the environment cannot be had. What is wrong with the step itself is in the result.
pub async fn lab_test(settings: &Settings, id: &StepId, cancel: &CancellationToken) -> Result<LabTest, Error> {
    let begun = Instant::now();
    let step = settings.catalog.step(id).ok_or_else(|| Error::NoSuchStep(id.clone()))?;
    let course = settings.catalog.course(&id.course).ok_or_else(|| Error::NoSuchStep(id.clone()))?;
    let temporary = Temporary::make()?;
    let home = Home::below(&temporary.0);
    home.prepare()?;
    if let Some(program) = &settings.stand_in {
        home.install_stand_in(program)?;
    }
    let (met, server) = match Box::pin(environment(&home, settings.choice.clone())).await? {
        Had::Ready(met, server) => (Arc::new(*met), server),
        Had::Offered(offer) => {
            return Err(Error::NotConfirmed { context: offer.context.clone(), server: offer.server.clone() });
        }
    };
    let inherited: BTreeMap<String, String> = settings
        .variables
        .iter()
        .filter(|(name, _)| *name != "ATELIER_HOME")
        .map(|(name, value)| (name.clone(), value.clone()))
        .chain([("ATELIER_HOME".to_owned(), temporary.0.display().to_string())])
        .collect();
    let engine = docker(|name| inherited.get(name).map(std::ffi::OsString::from)).await;
    let ground = Ground { home, environment: met, inherited: Arc::new(inherited), quiet: Arc::default() };
    let before = replaying::before(course, id);
    let mut test = LabTest { step: id.clone(), impossible: None, problems: Vec::new(), took: Duration::ZERO };
    test.impossible = ground.environment.lacks(step, engine);
    if test.impossible.is_none() {
        let (notes, told) = mpsc::channel(1);
        // Nobody keeps a history of a test.
        drop(told);
        let result = match Box::pin(replaying::replay(&ground, &before, engine, &notes, cancel)).await {
            Ok(()) => Box::pin(matrix(&ground, step, &mut test.problems, cancel)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            test.problems.push(Problem::Failed(error));
        }
        if let Kind::Cluster(_) = ground.environment.kind {
            // The steps before leave nothing either, whatever happened. A fresh sandbox goes as a whole.
            for earlier in before.iter().rev() {
                let quiet = CancellationToken::new();
                if let Err(error) = preparing::clean_up(&ground, earlier, &quiet).await {
                    test.problems.push(Problem::Failed(error));
                }
            }
        }
    }
    if let Some(server) = server {
        server.stop().await;
    }
    test.took = begun.elapsed();
    Ok(test)
}

/// Tests the step itself, in an environment where the steps before were solved.
async fn matrix(
    ground: &Ground,
    step: &Step,
    problems: &mut Vec<Problem>,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let client = &ground.environment.client;
    let empty = objects::list(client, &step.namespaces).await?;
    let result = Box::pin(stages(ground, step, problems, cancel)).await;
    // What a failed test made goes as well, even where it was stopped.
    let quiet = CancellationToken::new();
    preparing::clean_up(ground, step, &quiet).await?;
    let after = objects::list(client, &step.namespaces).await?;
    let left = labels(&after.since(&empty));
    if !left.is_empty() {
        problems.push(Problem::Left(left));
    }
    result
}

async fn stages(
    ground: &Ground,
    step: &Step,
    problems: &mut Vec<Problem>,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let client = &ground.environment.client;
    let baseline = Box::pin(preparing::prepare(ground, step, Timestamp::now(), cancel)).await?;
    let prepared = objects::list(client, &step.namespaces).await?;
    for (check, found) in step.checks.iter().zip(untouched(ground, step, cancel).await?) {
        problems.extend(match (check.guard, found) {
            (true, found) if !passes(&found) => Some(Problem::GuardFails(check.id.clone(), found)),
            (false, Ok(check::Outcome::Pass(_))) => Some(Problem::PassesUntouched(check.id.clone())),
            (false, Err(error)) => Some(Problem::UnknownUntouched(check.id.clone(), error)),
            (true | false, _) => None,
        });
    }
    solving::apply(ground, step, cancel).await?;
    let answers = solving::solution(step)?.answers.iter().cloned().collect();
    let seen = Seen { answers, observations: Vec::new() };
    let solved = Box::pin(replaying::verify(ground, step, &baseline, seen, cancel)).await?;
    let failed = solved.into_iter().filter(|(_, found)| !passes(found));
    problems.extend(failed.map(|(check, found)| Problem::SolutionFails(check, found)));

    Box::pin(preparing::reset(ground, step, Timestamp::now(), cancel)).await?;
    let back = objects::list(client, &step.namespaces).await?;
    let differs = differences(&prepared, &back);
    if !differs.is_empty() {
        problems.push(Problem::ResetDiffers(differs));
    }
    let seen = Seen::default();
    for (check, (id, found)) in step.checks.iter().zip(replaying::all(ground, step, &seen, cancel).await) {
        if !check.guard && passes(&found) {
            problems.push(Problem::PassesAfterReset(id));
        }
    }
    Ok(())
}

/// Runs the checks as the step starts; guards are given time to hold.
async fn untouched(ground: &Ground, step: &Step, cancel: &CancellationToken) -> Result<Vec<Found>, Error> {
    let deadline = Instant::now() + SETTLING;
    loop {
        let found = replaying::all(ground, step, &Seen::default(), cancel).await;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let unsettled = step.checks.iter().zip(&found).any(|(check, (_, found))| check.guard && !passes(found));
        if !unsettled || Instant::now() > deadline {
            return Ok(found.into_iter().map(|(_, found)| found).collect());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Returns the objects that are in one inventory only. What a controller makes anew has another name each time, so
/// only objects without an owner are compared.
fn differences(one: &Inventory, other: &Inventory) -> Vec<String> {
    let own = |inventory: &Inventory| -> BTreeSet<String> {
        let unowned = inventory.objects.values().filter(|object| object.owners.is_empty());
        unowned.map(|object| format!("{}/{}", object.namespace, object.label())).collect()
    };
    own(one).symmetric_difference(&own(other)).cloned().collect()
}

fn labels(objects: &BTreeMap<String, objects::Object>) -> Vec<String> {
    objects.values().map(objects::Object::label).collect()
}

/// A folder that goes with this value.
struct Temporary(PathBuf);

impl Temporary {
    fn make() -> Result<Temporary, Error> {
        let path: &Path = &std::env::temp_dir().join(format!("atelier-{}", uuid::Uuid::new_v4().simple()));
        crate::home::make_private(path)?;
        Ok(Temporary(path.to_owned()))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "a temporary home is left");
        }
    }
}
