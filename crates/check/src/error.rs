//! Why a check could not tell.

use std::time::Duration;

/// Why a check could not tell. Never a verdict on the learner's work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The check needs a cluster and the session has none.
    #[error("no cluster is at hand")]
    NoCluster,
    /// The cluster did not answer, or answered nonsense.
    #[error("failed to reach the cluster")]
    Cluster(#[source] Box<kube::Error>),
    /// The session's account may not do what the check needs; `message` is the server's own.
    #[error("the cluster refused the check's own request: {message}")]
    Forbidden {
        /// The server's message.
        message: String,
    },
    /// The server knows no such kind.
    #[error("the cluster does not know {kind} of {api_version}")]
    UnknownKind {
        /// The API version that the check names.
        api_version: String,
        /// The kind.
        kind: String,
    },
    /// The caller's time-out ran out.
    #[error("no verdict after {0:?}")]
    TimedOut(Duration),
    /// The caller cancelled the check.
    #[error("cancelled")]
    Cancelled,
    /// A command could not be started, or was killed.
    #[error("failed to run `{command}`")]
    Command {
        /// The command line.
        command: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An HTTP request could not be made, for a reason that does not tell whether something answers there.
    #[error("failed to ask {url}")]
    Http {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: Box<std::io::Error>,
    },
    /// A file exists but cannot be read.
    #[error("failed to read {path}")]
    File {
        /// The path below the work folder.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The evidence that would prove the check cannot be had in this environment (for example, a real
    /// cluster has no audit log that shows who wrote a status).
    #[error("this environment cannot show {what}")]
    NotObservable {
        /// What is missing.
        what: Unobservable,
    },
    /// The check asks for something that this program does not do, such as an `https` request.
    #[error("not supported: {what}")]
    Unsupported {
        /// What the check asks for.
        what: String,
    },
    /// The learner's environment has no such program.
    #[error("no program `{program}`")]
    NoProgram {
        /// The program.
        program: String,
    },
    /// The server answered with something that the check cannot interpret.
    #[error("unexpected answer: {0}")]
    UnexpectedAnswer(String),
}

/// What an environment without an audit log cannot show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unobservable {
    /// Who wrote an object's status.
    #[error("who wrote the status")]
    Status,
    /// Who changed a node's state.
    #[error("who changed the node's state")]
    Node,
    /// Who ended a container.
    #[error("who ended the container")]
    ContainerEnd,
    /// Who left a Pod without a node.
    #[error("who left the Pod without a node")]
    Scheduling,
    /// Who was refused the creation of a Pod.
    #[error("who was refused the Pod")]
    Refusal,
}
