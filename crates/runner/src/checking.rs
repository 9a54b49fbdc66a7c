//! Runs one check within its time, whatever it does.

use std::time::Duration;

use jiff::Timestamp;
use lab::{Check, Step};
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
    let work = check::run_within(&check.spec, &world, check.timeout, cancel);
    // A check that does not even end its cleaning is dropped; what it left has a deadline and is swept.
    match tokio::time::timeout(check.timeout + CLEANING, work).await {
        Ok(found) => found,
        Err(_) => Err(check::Error::TimedOut(check.timeout)),
    }
}
