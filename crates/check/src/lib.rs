//! What a check is, and how each kind decides.
//!
//! A check is a [`Spec`] judged against a [`World`]. The answer is one of three: [`Outcome::Pass`],
//! [`Outcome::Fail`], or an [`Error`], which means «could not tell» and is neither. Nothing here says a
//! sentence: evidence is data, and crate `messages` turns it into French. Nothing here knows that labs exist.

mod error;
pub mod kinds;
mod outcome;
mod world;

pub use error::Error;
pub use kinds::{Spec, Trigger};
pub use outcome::{Evidence, Outcome};
pub use world::{Audit, AuditEntry, Cluster, Environment, Observation, Observed, RunId, World};

use tokio_util::sync::CancellationToken;

/// Judges `spec` against `world`.
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
