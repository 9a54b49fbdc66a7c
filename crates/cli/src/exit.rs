//! Exit codes and the one way in which a command fails: kinds, sentences, codes. Nothing else chooses a code.

use std::process::ExitCode;

use crate::output;
use crate::words::say;

/// How a command ended. The numbers are part of the contract (`atelier help codes-retour`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All well.
    Well,
    /// A check failed, or what was examined is not valid.
    Failed,
    /// Could not tell: no cluster, no right, a time-out.
    Unknown,
    /// Wrong usage, or no terminal where one is needed.
    Usage,
    /// Our own fault.
    Internal,
}

impl Exit {
    /// The number that the caller's shell sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Well => 0,
            Exit::Failed => 1,
            Exit::Unknown => 2,
            Exit::Usage => 64,
            Exit::Internal => 70,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Whose matter a failure is; it picks the tone, the hint and the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The person at the keyboard asked for something that cannot be.
    Learner,
    /// A lab's author left a fault in a lab.
    Author,
    /// The machine, the cluster or the disk lacks something.
    Environment,
    /// A fault of this program.
    Internal,
}

/// Why a command could not be carried out, in French, with what to do now.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Whose matter it is.
    pub(crate) kind: Kind,
    /// What happened and why.
    pub(crate) sentence: String,
    /// What to do now.
    pub(crate) hint: Option<String>,
    /// The chain of causes in English, for the log and for our own faults.
    pub(crate) source: Option<anyhow::Error>,
}

impl Failure {
    /// A failure of this kind, in this sentence.
    pub(crate) fn new(kind: Kind, sentence: impl Into<String>) -> Failure {
        Failure { kind, sentence: sentence.into(), hint: None, source: None }
    }

    /// Wrong usage, or a thing asked for that does not exist.
    pub(crate) fn learner(sentence: impl Into<String>) -> Failure {
        Failure::new(Kind::Learner, sentence)
    }

    /// Something that the machine lacks.
    pub(crate) fn environment(sentence: impl Into<String>) -> Failure {
        Failure::new(Kind::Environment, sentence)
    }

    /// A fault of ours.
    pub(crate) fn internal(source: impl Into<anyhow::Error>) -> Failure {
        Failure {
            kind: Kind::Internal,
            sentence: say!("failure-internal"),
            hint: Some(say!("failure-internal-hint")),
            source: Some(source.into()),
        }
    }

    /// Adds what to do now.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause, for the log.
    pub(crate) fn source(mut self, source: impl Into<anyhow::Error>) -> Failure {
        self.source = Some(source.into());
        self
    }

    /// Says the failure on standard error and logs its causes; returns how the command ends.
    pub(crate) fn report(&self) -> Exit {
        let title = match self.kind {
            Kind::Learner | Kind::Environment => say!("failure-title"),
            Kind::Author => say!("failure-title-author"),
            Kind::Internal => say!("failure-title-internal"),
        };
        output::note(&format!("{}{}", output::red(&title), self.sentence));
        if let Some(source) = &self.source {
            tracing::error!(error = format!("{source:#}"), "the command failed");
            if self.kind == Kind::Internal {
                output::note(&format!("  {source:#}"));
            }
        }
        if let Some(hint) = &self.hint {
            output::note(&format!("  {hint}"));
        }
        match self.kind {
            Kind::Learner => Exit::Usage,
            Kind::Author => Exit::Failed,
            Kind::Environment => Exit::Unknown,
            Kind::Internal => Exit::Internal,
        }
    }
}

/// A failure of a session or of a headless command: the sentences are those of `messages`.
pub(crate) fn runner_failure(error: runner::Error) -> Failure {
    let said = messages::failure(&error);
    let kind = match said.side {
        messages::Side::Learner => Kind::Learner,
        messages::Side::Author => Kind::Author,
        messages::Side::Environment => Kind::Environment,
        messages::Side::Internal => Kind::Internal,
    };
    Failure { kind, sentence: said.what, hint: Some(said.advice), source: Some(error.into()) }
}

/// What a command returns.
pub(crate) type Ended = Result<Exit, Failure>;
