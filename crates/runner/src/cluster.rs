//! What the runner itself does in a cluster: applies manifests, lists and removes objects, asks the sandbox's
//! control requests. Every wait is bounded. Checks do their own asking, in crate `check`.

pub(crate) mod control;
pub(crate) mod manifest;
pub(crate) mod objects;

use std::future::Future;
use std::time::Duration;

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(15);

/// Why something could not be done in the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A request was refused, or met nobody.
    #[error("failed to {what}")]
    Request {
        /// What was being done, such as `list pods`.
        what: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The server did not answer in time.
    #[error("failed to {what}: no answer within {limit:?}")]
    TimedOut {
        /// What was being done.
        what: String,
        /// How long was waited.
        limit: Duration,
    },
    /// A manifest of the course is not among the step's files.
    #[error("no manifest `{0}` among the files of the step")]
    NoManifest(String),
    /// A manifest is not YAML, or has no kind or name.
    #[error("failed to read the manifest `{path}`: {problem}")]
    Manifest {
        /// The manifest.
        path: String,
        /// What is wrong, in the parser's words.
        problem: String,
    },
    /// A manifest would touch something outside the Namespaces that the step declares.
    #[error("{object} is outside the Namespaces of the step")]
    Outside {
        /// The object, as `kind/name`.
        object: String,
    },
    /// Objects of the step were there before the course came to this cluster: they are not ours to touch.
    #[error("objects of the step were there before it: {}", .0.join(", "))]
    AlreadyThere(Vec<String>),
    /// Objects that were deleted are still there.
    #[error("objects are still there {waited:?} after their deletion: {}", objects.join(", "))]
    Stuck {
        /// How long was waited.
        waited: Duration,
        /// Which, as `kind/name`.
        objects: Vec<String>,
    },
    /// The answer of the sandbox's control request makes no sense.
    #[error("unexpected answer to `{0}`")]
    Nonsense(String),
}

/// Awaits one request, for [`REQUEST`] at most.
pub(crate) async fn bounded<T>(what: &str, request: impl Future<Output = kube::Result<T>>) -> Result<T, ClusterError> {
    match tokio::time::timeout(REQUEST, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(source)) => Err(ClusterError::Request { what: what.to_owned(), source: Box::new(source) }),
        Err(_) => Err(ClusterError::TimedOut { what: what.to_owned(), limit: REQUEST }),
    }
}

/// Returns the HTTP status of a refusal.
fn refused_with(error: &ClusterError) -> Option<u16> {
    match error {
        ClusterError::Request { source, .. } => match source.as_ref() {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        },
        _ => None,
    }
}
