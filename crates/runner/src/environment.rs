//! Where a session runs: the sandbox, or a real cluster that was asked for and confirmed. Chosen, never guessed.

pub(crate) mod docker;
pub(crate) mod pinned;
pub(crate) mod sandboxed;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::api::{Api, ListParams};
use lab::{Need, Step};

use crate::ClusterError;
use pinned::{Offer, Pin};

/// How long a cluster may take to answer for the first time.
pub(crate) const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// Which environment a session was asked for.
#[derive(Debug, Clone)]
pub enum Choice {
    /// The embedded cluster.
    Sandbox {
        /// The Kubernetes version it emulates.
        version: sandbox::Version,
        /// How fast simulated things take place.
        pace: sandbox::Pace,
    },
    /// A real cluster.
    Cluster {
        /// The learner's kubeconfig files, as `KUBECONFIG` lists them. They are read, never written.
        kubeconfigs: Vec<PathBuf>,
        /// The context; the current one where absent.
        context: Option<String>,
        /// Whether the learner has confirmed the context already, by a flag of the command line.
        confirmation: Confirmation,
    },
}

/// What can be told of a choice before anything is started or contacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// The sandbox.
    Sandbox,
    /// A real cluster that the kubeconfig names. Which nodes it has is not known before it is asked.
    Cluster,
    /// No cluster can be had.
    Nothing,
}

impl Outlook {
    /// Looks at what a choice leads to; reads kubeconfig files at the most.
    pub fn of(choice: &Choice) -> Outlook {
        match choice {
            Choice::Sandbox { .. } => Outlook::Sandbox,
            Choice::Cluster { kubeconfigs, context, .. } => match Offer::read(kubeconfigs, context.as_deref()) {
                Ok(_) => Outlook::Cluster,
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "no cluster to hope for");
                    Outlook::Nothing
                }
            },
        }
    }

    /// Returns the first thing that `step` needs and that will not be there.
    pub fn lacks(self, step: &Step, docker: docker::Docker) -> Option<Need> {
        let is_there = |need: &Need| match (need, self) {
            (Need::Docker, _) => docker == docker::Docker::Answers,
            (_, Outlook::Nothing) => false,
            (Need::Node(name), Outlook::Sandbox) => sandbox::NODE_NAMES.contains(&name.as_str()),
            (Need::Sandbox, Outlook::Cluster) => false,
            (Need::Cluster | Need::Sandbox, Outlook::Sandbox) | (Need::Cluster | Need::Node(_), Outlook::Cluster) => {
                true
            }
        };
        step.needs.iter().find(|need| !is_there(need)).cloned()
    }
}

/// Whether a real cluster was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// The session shows the context and waits for [`crate::Request::ConfirmCluster`], unless the learner
    /// confirmed this very cluster before.
    Asked,
    /// The learner confirmed on the command line.
    Given,
}

/// Why an environment could not be had.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// None of the kubeconfig files exists.
    #[error("no kubeconfig at {}", .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    NoKubeconfig(Vec<PathBuf>),
    /// A kubeconfig file cannot be read.
    #[error("failed to read the kubeconfig")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),
    /// The kubeconfig has no such context, or the context names a cluster that is not there.
    #[error("no usable context `{0}` in the kubeconfig")]
    NoContext(String),
    /// The kubeconfig names no current context.
    #[error("the kubeconfig names no current context")]
    NoCurrentContext,
    /// The kubeconfig is the sandbox's own: it is not a real cluster.
    #[error("the kubeconfig is the sandbox's own")]
    OwnSandbox,
    /// The client cannot be made from the kubeconfig.
    #[error("failed to make a client for {server}")]
    Client {
        /// The server's address.
        server: String,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// The cluster does not answer.
    #[error("failed to reach {server}")]
    Unreachable {
        /// The server's address.
        server: String,
        /// Why.
        #[source]
        source: Box<ClusterError>,
    },
    /// The cluster is not the one that was confirmed.
    #[error("the cluster is not the confirmed one: {0}")]
    Changed(Difference),
    /// The sandbox could not be started.
    #[error("failed to start the sandbox")]
    Sandbox(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another process of this home serves the sandbox with another version.
    #[error("process {pid} serves the sandbox with version {version}")]
    OtherVersion {
        /// That process.
        pid: u32,
        /// The version that it serves.
        version: String,
    },
    /// Another process of this home holds the sandbox but does not answer.
    #[error("process {pid:?} holds the sandbox and does not answer")]
    SandboxHeld {
        /// That process, where it left its id.
        pid: Option<u32>,
    },
    /// A file of the home could not be read or written.
    #[error("failed to use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What differs between a cluster and the one that was confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// The server's address.
    #[error("another server")]
    Server,
    /// The certificate authority.
    #[error("another certificate authority")]
    Authority,
    /// The cluster behind the address.
    #[error("another cluster at the same address")]
    Cluster,
}

/// An environment that answers.
#[derive(Clone)]
pub(crate) struct Environment {
    /// A client with the learner's rights.
    pub(crate) client: kube::Client,
    /// The kubeconfig of the learner's shell: the sandbox's own, or the private copy.
    pub(crate) kubeconfig: PathBuf,
    /// The server's version, such as `v1.34.1`.
    pub(crate) version: String,
    /// The names of the nodes.
    pub(crate) nodes: BTreeSet<String>,
    /// What kind of cluster it is.
    pub(crate) kind: Kind,
}

/// What kind of cluster a session has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Sandbox,
    Cluster(Pin),
}

impl Environment {
    /// Asks a cluster what it is.
    pub(crate) async fn meet(
        client: kube::Client,
        kubeconfig: PathBuf,
        kind: Kind,
    ) -> Result<Environment, ClusterError> {
        let version = crate::cluster::bounded("ask for the version", client.apiserver_version()).await?;
        let nodes: Api<Node> = Api::all(client.clone());
        let listed = crate::cluster::bounded("list the nodes", nodes.list_metadata(&ListParams::default())).await?;
        let nodes = listed.items.into_iter().filter_map(|node| node.metadata.name).collect();
        Ok(Environment { client, kubeconfig, version: version.git_version, nodes, kind })
    }

    /// Returns which kind of environment this is, for checks.
    pub(crate) fn for_checks(&self) -> check::Environment {
        match self.kind {
            Kind::Sandbox => check::Environment::Sandbox,
            Kind::Cluster(_) => check::Environment::Cluster,
        }
    }

    /// Makes sure that the cluster is still the confirmed one. Called before everything that writes.
    pub(crate) async fn verify(&self) -> Result<(), crate::Error> {
        match &self.kind {
            Kind::Sandbox => Ok(()),
            Kind::Cluster(pin) => {
                pin.compare_file(&self.kubeconfig)?;
                let uid = identity(&self.client).await?;
                if uid == pin.cluster { Ok(()) } else { Err(EnvironmentError::Changed(Difference::Cluster).into()) }
            }
        }
    }

    /// Returns the first thing that `step` needs and that is not here.
    pub(crate) fn lacks(&self, step: &Step, docker: docker::Docker) -> Option<Need> {
        step.needs
            .iter()
            .find(|need| match need {
                Need::Cluster => false,
                Need::Node(name) => !self.nodes.contains(name),
                Need::Sandbox => self.kind != Kind::Sandbox,
                Need::Docker => docker != docker::Docker::Answers,
            })
            .cloned()
    }
}

/// Returns what tells one cluster from another: the uid of its Namespace kube-system.
pub(crate) async fn identity(client: &kube::Client) -> Result<String, ClusterError> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let system = crate::cluster::bounded("get the Namespace kube-system", namespaces.get("kube-system")).await?;
    system.metadata.uid.ok_or_else(|| ClusterError::Nonsense("a Namespace without uid".to_owned()))
}
