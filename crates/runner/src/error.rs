//! Why a session could not do what was asked.

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such step in the catalogue.
    #[error("no step `{0}`")]
    NoSuchStep(lab::StepId),
}
