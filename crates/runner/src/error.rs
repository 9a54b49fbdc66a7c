//! Why a session could not do what was asked.

use lab::{CheckId, Need, StepId};

use crate::{ClusterError, CommandError, EnvironmentError, HomeError, StoreError, WorkError};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such step in the catalogue.
    #[error("no step `{0}`")]
    NoSuchStep(StepId),
    /// The catalogue has no step at all.
    #[error("the catalogue is empty")]
    NoSteps,
    /// The open step has no such check.
    #[error("no check `{}` in the open step", .0.0)]
    NoSuchCheck(CheckId),
    /// The check asks no question.
    #[error("check `{}` asks no question", .0.0)]
    NoQuestion(CheckId),
    /// Every hint of the step was taken.
    #[error("no more hints")]
    NoMoreHints,
    /// This build has no solution for the step.
    #[error("no solution for `{0}` in this build")]
    NoSolution(StepId),
    /// The step cannot run here.
    #[error("step `{step}` needs what is not here")]
    Impossible {
        /// The step.
        step: StepId,
        /// What is missing.
        need: Need,
    },
    /// An instructor holds the step.
    #[error("step `{step}` is held by {by}")]
    Held {
        /// The step.
        step: StepId,
        /// Who holds it.
        by: String,
        /// Why, in the instructor's words. Untrusted.
        why: String,
    },
    /// The course did not come with the program, and its digest was not accepted.
    #[error("the course `{course}` was not accepted")]
    NotAccepted {
        /// The course's id.
        course: String,
        /// The digest to accept.
        digest: String,
    },
    /// The digest that was accepted is not the course's.
    #[error("the accepted digest is not the course's")]
    WrongDigest,
    /// The real cluster was not confirmed yet.
    #[error("the cluster of context `{context}` was not confirmed")]
    NotConfirmed {
        /// The kubeconfig context's name.
        context: String,
        /// The server's address.
        server: String,
    },
    /// The environment is not there (yet).
    #[error("the environment is not there")]
    NoEnvironment,
    /// Something else is under way; it can be stopped with [`crate::Request::Cancel`].
    #[error("something else is under way")]
    Busy,
    /// It was stopped.
    #[error("stopped")]
    Cancelled,
    /// A replayed solution did not make its step pass.
    #[error("the solution of `{step}` did not pass")]
    NotVerified {
        /// The step.
        step: StepId,
        /// The checks that did not pass.
        checks: Vec<CheckId>,
    },
    /// The learner's folders cannot be used.
    #[error("failed to use the learner's folders")]
    Home(#[from] HomeError),
    /// The learner's history cannot be read or written.
    #[error("failed to keep the learner's history")]
    Store(#[from] StoreError),
    /// A work folder cannot be filled.
    #[error("failed to fill the work folder")]
    Work(#[from] WorkError),
    /// The environment cannot be had.
    #[error("failed to prepare the environment")]
    Environment(#[from] EnvironmentError),
    /// Something failed in the cluster.
    #[error("failed in the cluster")]
    Cluster(#[from] ClusterError),
    /// A command of a setup, a reset or a solution failed.
    #[error("a command of the course failed")]
    Command(#[from] CommandError),
    /// The state of a step cannot be kept or read.
    #[error("failed to keep the step's starting state")]
    Baseline(#[source] std::io::Error),
    /// A part of the session broke: our own fault.
    #[error("a part of the session broke: {0}")]
    Broken(String),
}
