//! The verdict of a check and what it rests on.

use serde::Serialize;

/// The verdict of a check that could tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What the check expects holds.
    Pass(Evidence),
    /// It does not hold.
    Fail(Evidence),
}

impl Outcome {
    /// Returns what the verdict rests on.
    pub fn evidence(&self) -> &Evidence {
        match self {
            Outcome::Pass(evidence) | Outcome::Fail(evidence) => evidence,
        }
    }
}

/// What a check found and what it expected, as data. One variant a kind of check, named after it.
///
/// Text inside comes from the world (files, cluster answers, commands) and is untrusted: whoever shows it
/// removes control characters first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// See [`crate::kinds::kubernetes_object`].
    KubernetesObject(crate::kinds::kubernetes_object::Evidence),
    /// See [`crate::kinds::condition`].
    Condition(crate::kinds::condition::Evidence),
    /// See [`crate::kinds::command_output`].
    CommandOutput(crate::kinds::command_output::Evidence),
    /// See [`crate::kinds::file_content`].
    FileContent(crate::kinds::file_content::Evidence),
    /// See [`crate::kinds::http_answer`].
    HttpAnswer(crate::kinds::http_answer::Evidence),
    /// See [`crate::kinds::question`].
    Question(crate::kinds::question::Evidence),
    /// See [`crate::kinds::observed`].
    Observed(crate::kinds::observed::Evidence),
    /// See [`crate::kinds::quota_exhaustion`].
    QuotaExhaustion(crate::kinds::quota_exhaustion::Evidence),
}
