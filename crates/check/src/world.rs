//! The world a check may look at: plain handles given by the runner.

use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Everything that a check may use. Fakes are values of the same types: a `kube::Client` over the
/// in-process server, a folder, a list of observations.
#[derive(Clone)]
pub struct World {
    /// The cluster, if the session has one.
    pub cluster: Option<Cluster>,
    /// The learner's work folder of the step; files are named below it.
    pub work: PathBuf,
    /// Variables that commands of the learner's environment get on top of a cleaned environment
    /// (`PATH`, `HOME`, `KUBECONFIG` …).
    pub variables: Vec<(String, String)>,
    /// What the runner saw since the step was opened, oldest first.
    pub observations: Vec<Observation>,
    /// The learner's answer, where the spec judged is a question.
    pub answer: Option<String>,
    /// The time of the run; deadlines of what it creates are counted from here.
    pub now: Timestamp,
    /// Names everything that this run creates.
    pub run: RunId,
}

/// The cluster of the session.
#[derive(Clone)]
pub struct Cluster {
    /// A client with the learner's own rights.
    pub client: kube::Client,
    /// The Namespace used where a spec names none.
    pub namespace: String,
    /// Which kind of cluster this is.
    pub environment: Environment,
    /// The sandbox's audit log; a real cluster shows none.
    pub audit: Option<Arc<dyn Audit>>,
}

/// Where the session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The embedded cluster.
    Sandbox,
    /// A real cluster, chosen by the learner.
    Cluster,
}

/// The audit log of a cluster: who asked for what, as the API server saw it. The learner cannot write it.
pub trait Audit: Send + Sync {
    /// Returns the entries since `since`, oldest first. `Ok(None)` says that the log no longer reaches back
    /// that far: the caller could not tell.
    ///
    /// # Errors
    ///
    /// The server did not answer, or answered nonsense.
    fn entries(&self, since: Timestamp) -> BoxFuture<'_, Result<Option<Vec<AuditEntry>>, Error>>;
}

/// One request that changed something, as the API server saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// When the request was answered.
    pub at: Timestamp,
    /// The account that asked (`kubernetes-admin`, `system:node:node3`, `system:serviceaccount:kube-system:…`).
    pub user: String,
    /// Whether the cluster's own component asked, rather than a client with its name: somebody with a token of a
    /// controller's account is a client.
    #[serde(default)]
    pub component: bool,
    /// `create`, `update`, `patch`, `delete`; `get`, `list` and `watch` where they were refused.
    pub verb: String,
    /// The API group, empty for core.
    pub group: String,
    /// The plural resource name.
    pub resource: String,
    /// The subresource, such as `status`.
    pub subresource: Option<String>,
    /// The object's Namespace, empty for cluster-scoped ones.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u16,
    /// The object as it was after the request, where the request changed it.
    pub object: Option<serde_json::Value>,
}

/// Something that the runner saw happen while the step was open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// When it was seen.
    pub at: Timestamp,
    /// What was seen.
    pub what: Observed,
    /// Whether an audit log showed the controller's own identity behind it. Without, the learner could
    /// have written it.
    pub proven: bool,
}

/// The kinds of things that a session records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed {
    /// A node's Ready condition turned False or Unknown.
    NodeNotReady {
        /// The node.
        node: String,
    },
    /// A node's Ready condition turned True again.
    NodeReady {
        /// The node.
        node: String,
    },
    /// A container was ended by the kernel because it went over its memory limit.
    OomKilled {
        /// The Pod's Namespace.
        namespace: String,
        /// The Pod.
        pod: String,
        /// The value of the Pod's `app` label, if any.
        app: Option<String>,
    },
    /// A Pod could not be scheduled for lack of resources.
    Unschedulable {
        /// The Pod's Namespace.
        namespace: String,
        /// The Pod.
        pod: String,
        /// The value of the Pod's `app` label, if any.
        app: Option<String>,
    },
    /// A controller was refused the creation of a Pod (event `FailedCreate`).
    CreationRefused {
        /// The Namespace.
        namespace: String,
        /// The ReplicaSet or other owner.
        owner: String,
        /// The server's message.
        message: String,
    },
}

/// Names one run of a check: the value of the label that everything it creates carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(pub String);

impl RunId {
    /// The label that carries the run's name.
    pub const LABEL: &'static str = "atelier.dev/run";
    /// Names a run of the process with this id; `nonce` tells its runs apart.
    pub fn of_process(process: u32, nonce: &str) -> RunId {
        RunId(format!("p{process}-{nonce}"))
    }

    /// Returns the process that the run belongs to, where the name tells. It means something only on the machine
    /// that named the run.
    pub fn process(&self) -> Option<u32> {
        self.0.strip_prefix('p')?.split_once('-')?.0.parse().ok()
    }

    /// The annotation that carries the deadline (RFC 3339) after which anybody may sweep the object.
    pub const DEADLINE: &'static str = "atelier.dev/deadline";
}
