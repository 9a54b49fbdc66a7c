//! What a check is, and how each kind decides.
//!
//! A check is a [`Spec`] judged against a [`World`]. The answer is one of three: [`Outcome::Pass`],
//! [`Outcome::Fail`], or an [`Error`], which means «could not tell» and is neither. Nothing here says a
//! sentence: evidence is data, and crate `messages` turns it into French. Nothing here knows that labs exist.

pub mod command;
mod error;
mod expectation;
mod french;
pub mod kinds;
mod manifest;
mod objects;
mod outcome;
mod path;
mod problem;
mod quantity;
#[cfg(test)]
mod testing;
mod workfile;
mod world;

pub use error::{Error, Unobservable};
pub use expectation::{BadExpectation, Expectation, FieldFinding, Fields, same};
pub use kinds::{Company, Spec, Trigger, Watch};
pub use manifest::Unreadable;
pub use objects::{Finding, Target};
pub use outcome::{Evidence, Outcome};
pub use path::{BadPath, FieldPath};
pub use problem::Problem;
pub use quantity::{NotAQuantity, Quantity};
pub use world::{Audit, AuditEntry, Cluster, Environment, Observation, Observed, RunId, World};

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Judges `spec` against `world`.
///
/// Checks may run side by side, save that a [`Spec::QuotaExhaustion`] takes a whole quota for a moment: whoever runs
/// it lets nothing run beside it that creates objects in that Namespace.
///
/// The caller sets the time-out; `cancel` stops the work early, and whatever the check created in the
/// cluster is removed before this returns.
///
/// # Errors
///
/// An [`Error`] means that the check could not tell. It is never a wrong answer of the learner.
pub async fn run(spec: &Spec, world: &World, cancel: &CancellationToken) -> Result<Outcome, Error> {
    kinds::run(spec, world, cancel).await
}

/// Judges `spec` against `world` within a time. What the check created is removed before this returns, which may take
/// longer than `limit`.
///
/// # Errors
///
/// As [`run`]; [`Error::TimedOut`] where the time ran out.
pub async fn run_within(
    spec: &Spec,
    world: &World,
    limit: Duration,
    cancel: &CancellationToken,
) -> Result<Outcome, Error> {
    let inner = cancel.child_token();
    let work = run(spec, world, &inner);
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => result,
        () = tokio::time::sleep(limit) => {
            inner.cancel();
            match work.await {
                Err(Error::Cancelled) if !cancel.is_cancelled() => Err(Error::TimedOut(limit)),
                result => result,
            }
        }
    }
}
