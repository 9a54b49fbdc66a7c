//! Runs one check within its time, whatever it does.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lab::{Check, Step};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
use tokio_util::sync::CancellationToken;

use crate::ground::{Ground, Seen};

/// How long a check may take to clean up once its time is over: deleted Pods have a grace period of 30 s.
const CLEANING: Duration = Duration::from_secs(60);

/// What a check found, or why it could not tell.
pub(crate) type Found = Result<check::Outcome, check::Error>;

/// Runs a check of `step`. A check that acts first makes sure that the cluster is still the confirmed one.
pub(crate) async fn run(
    ground: &Ground,
    step: &Step,
    check: &Check,
    seen: &Seen,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Found {
    let broken = |error: crate::Error| check::Error::UnexpectedAnswer(error.to_string());
    let acts = match check.spec.trigger() {
        check::Trigger::Watched => false,
        check::Trigger::OnDemand => true,
    };
    if acts {
        tokio::select! {
            verified = ground.environment.verify() => verified.map_err(broken)?,
            () = cancel.cancelled() => return Err(check::Error::Cancelled),
        }
    }
    let world = ground.world(step, seen, &check.id, now).map_err(broken)?;
    let Some(_turn) = cancel.run_until_cancelled(turn(ground, &check.spec)).await else {
        return Err(check::Error::Cancelled);
    };
    bounded(check, &world, cancel).await
}

/// Waits until the check may run beside those that run now.
async fn turn(ground: &Ground, spec: &check::Spec) -> Turn {
    match spec.company() {
        check::Company::Alone => Turn::Alone { _guard: Arc::clone(&ground.quiet).write_owned().await },
        check::Company::Shared => Turn::Shared { _guard: Arc::clone(&ground.quiet).read_owned().await },
    }
}

/// The right to run, until it is dropped.
enum Turn {
    Shared { _guard: OwnedRwLockReadGuard<()> },
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

async fn bounded(check: &Check, world: &check::World, cancel: &CancellationToken) -> Found {
    // On the heap: with every kind of check inside, the future is too large to be part of its caller's.
    let work = Box::pin(check::run_within(&check.spec, world, check.timeout, cancel));
    // A check that does not even end its cleaning is dropped; what it left has a deadline and is swept.
    match tokio::time::timeout(check.timeout + CLEANING, work).await {
        Ok(found) => found,
        Err(_) => Err(check::Error::TimedOut(check.timeout)),
    }
}
