//! Replays solutions: each step is prepared, solved and verified before the next.

use std::time::Duration;

use futures::stream::{FuturesOrdered, StreamExt};
use jiff::Timestamp;
use lab::{Course, Happening, Step, StepId};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::baseline::Baseline;
use crate::checking::{self, Found};
use crate::cluster::control;
use crate::environment::{Kind, docker::Docker, identity};
use crate::ground::{Ground, Seen};
use crate::observing::{Tracker, live};
use crate::{Error, preparing, solving};

/// How long the cluster may take to come to what a solution asked for, on top of the checks' own time-outs.
const SETTLING: Duration = Duration::from_secs(60);
/// How often checks that act are tried; those that only look are tried until the time is over.
const ACTING_TRIES: u32 = 3;

/// What a replay tells while it runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Note {
    /// A step's solution is being replayed.
    Replaying { step: StepId, done: u32, total: u32 },
    /// Something to record.
    Record(Happening),
}

/// Returns the steps whose solutions lead to `target`: those before it in its chapter.
pub(crate) fn before<'a>(course: &'a Course, target: &StepId) -> Vec<&'a Step> {
    let Some(position) = course.position(&target.step) else { return Vec::new() };
    let chapter = &course.steps[position].chapter;
    course.steps[..position].iter().filter(|step| step.chapter == *chapter).collect()
}

/// Makes the environment as it was before `steps`, the last first, and forgets their starting states: the sandbox
/// becomes a fresh cluster, in a real one goes what came after the steps were opened.
pub(crate) async fn make_fresh(ground: &Ground, steps: &[&Step], cancel: &CancellationToken) -> Result<(), Error> {
    match ground.environment.kind {
        Kind::Sandbox => control::reset(&ground.environment.client).await?,
        Kind::Cluster(_) => {
            for step in steps.iter().rev() {
                preparing::clean_up(ground, step, cancel).await?;
            }
        }
    }
    let cluster = identity(&ground.environment.client).await?;
    for step in steps {
        Baseline::forget(&ground.home, &step.id, &cluster)?;
    }
    Ok(())
}

/// Replays the solutions of `steps` in order. A step that cannot run here is left out.
pub(crate) async fn replay(
    ground: &Ground,
    steps: &[&Step],
    docker: Docker,
    notes: &mpsc::Sender<Note>,
    cancel: &CancellationToken,
) -> Result<(), Error> {
    let total = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    for (step, done) in steps.iter().zip(0..) {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        notes.send(Note::Replaying { step: step.id.clone(), done, total }).await.ok();
        if ground.environment.lacks(step, docker).is_some() {
            continue;
        }
        let baseline = Box::pin(preparing::prepare(ground, step, Timestamp::now(), cancel)).await?;
        Box::pin(solving::apply(ground, step, cancel)).await?;
        notes.send(Note::Record(Happening::SolutionApplied { step: step.id.clone() })).await.ok();
        let answers = solving::solution(step)?.answers.iter().cloned().collect();
        let found =
            Box::pin(verify(ground, step, &baseline, Seen { answers, observations: Vec::new() }, cancel)).await?;
        let verdicts = found.iter().map(|(check, found)| (check.clone(), verdict(found))).collect();
        notes.send(Note::Record(Happening::Checked { step: step.id.clone(), verdicts })).await.ok();
        let failed: Vec<_> = found.into_iter().filter(|(_, found)| !passes(found)).map(|(check, _)| check).collect();
        if !failed.is_empty() {
            return Err(Error::NotVerified { step: step.id.clone(), checks: failed });
        }
    }
    Ok(())
}

/// Runs the step's checks until all pass, or until there is no more hope. Returns the latest result of each.
pub(crate) async fn verify(
    ground: &Ground,
    step: &Step,
    baseline: &Baseline,
    mut seen: Seen,
    cancel: &CancellationToken,
) -> Result<Vec<(lab::CheckId, Found)>, Error> {
    let mut acting_tries = 0;
    let deadline = Instant::now() + SETTLING;
    loop {
        let tracker = Tracker::new(&baseline.nodes, &[]);
        seen.observations = live::once(ground, tracker, baseline.since).await;
        let found = all(ground, step, &seen, cancel).await;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let acting_failed = step
            .checks
            .iter()
            .zip(&found)
            .any(|(check, (_, found))| check.spec.trigger() == check::Trigger::OnDemand && !passes(found));
        acting_tries += u32::from(acting_failed);
        let hopeless = acting_tries >= ACTING_TRIES || Instant::now() >= deadline;
        if hopeless || found.iter().all(|(_, found)| passes(found)) {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Runs all checks of a step at once, and returns their results in order.
pub(crate) async fn all(
    ground: &Ground,
    step: &Step,
    seen: &Seen,
    cancel: &CancellationToken,
) -> Vec<(lab::CheckId, Found)> {
    let now = Timestamp::now();
    step.checks
        .iter()
        .map(|check| {
            Box::pin(async move { (check.id.clone(), checking::run(ground, step, check, seen, now, cancel).await) })
        })
        .collect::<FuturesOrdered<_>>()
        .collect()
        .await
}

/// Tells whether a check passed.
pub(crate) fn passes(found: &Found) -> bool {
    matches!(found, Ok(check::Outcome::Pass(_)))
}

/// Returns the verdict to record.
pub(crate) fn verdict(found: &Found) -> lab::Verdict {
    match found {
        Ok(check::Outcome::Pass(_)) => lab::Verdict::Pass,
        Ok(check::Outcome::Fail(_)) => lab::Verdict::Fail,
        Err(_) => lab::Verdict::Unknown,
    }
}
