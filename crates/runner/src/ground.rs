//! What the acts on a step share: the learner's folders, the environment, the variables of commands.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use check::{AuditEntry, Observation, RunId, World};
use futures::future::BoxFuture;
use jiff::Timestamp;
use lab::{CheckId, Step, StepId};
use tokio::sync::RwLock;

use crate::cluster::manifest::{Bounds, Unscoped};
use crate::cluster::{ClusterError, control};
use crate::environment::{Environment, Kind};
use crate::{Error, Home};

/// The variables of the program's own environment that a learner's commands get as they are.
const PASSED_ON: [&str; 18] = [
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "TZ",
    "TERM",
    "COLORTERM",
    "TMPDIR",
    "DOCKER_HOST",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "EDITOR",
    "KUBE_EDITOR",
];

/// What the acts on a step share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) home: Home,
    pub(crate) environment: Arc<Environment>,
    /// The variables of the program's own environment.
    pub(crate) inherited: Arc<BTreeMap<String, String>>,
    /// Shared by checks that look, held alone by one that fills a Namespace: under its pressure the others would
    /// see another world than the learner's.
    pub(crate) quiet: Arc<RwLock<()>>,
}

impl Ground {
    /// Returns the Namespace that is meant where none is named.
    pub(crate) fn namespace(step: &Step) -> String {
        step.namespaces.first().cloned().unwrap_or_else(|| "default".to_owned())
    }

    /// Returns what a step's manifests may touch.
    pub(crate) fn bounds<'a>(&self, step: &'a Step) -> Bounds<'a> {
        let unscoped = match self.environment.kind {
            Kind::Sandbox => Unscoped::Allowed,
            Kind::Cluster(_) => Unscoped::OwnNamespacesOnly,
        };
        Bounds { namespaces: &step.namespaces, unscoped }
    }

    /// Returns the step's work folder.
    pub(crate) fn work(&self, step: &StepId) -> Result<PathBuf, Error> {
        Ok(self.home.work(step)?)
    }

    /// Returns the variables of commands in this environment.
    pub(crate) fn variables(&self, step: &StepId) -> Vec<(String, String)> {
        variables(&self.home, &self.inherited, step, Some(&self.environment))
    }

    /// Returns the world in which a check of the step is judged.
    pub(crate) fn world(&self, step: &Step, seen: &Seen, check: &CheckId, now: Timestamp) -> Result<World, Error> {
        Ok(World {
            cluster: Some(self.cluster(Ground::namespace(step))),
            work: self.work(&step.id)?,
            variables: self.variables(&step.id),
            observations: seen.observations.clone(),
            answer: seen.answers.get(check).cloned(),
            now,
            run: fresh_run(),
        })
    }

    /// Returns the environment as checks see it, with the learner's rights, in this Namespace.
    pub(crate) fn cluster(&self, namespace: String) -> check::Cluster {
        let client = self.environment.client.clone();
        let audit: Option<Arc<dyn check::Audit>> = match self.environment.kind {
            Kind::Sandbox => Some(Arc::new(SandboxAudit(client.clone()))),
            Kind::Cluster(_) => None,
        };
        check::Cluster { client, namespace, environment: self.environment.for_checks(), audit }
    }
}

/// Names a new run of this process.
pub(crate) fn fresh_run() -> RunId {
    RunId::of_process(std::process::id(), &uuid::Uuid::new_v4().simple().to_string())
}

/// What checks rest on that is not in the cluster or in files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The learner's answers.
    pub(crate) answers: BTreeMap<CheckId, String>,
    /// What was seen since the step was opened or reset.
    pub(crate) observations: Vec<Observation>,
}

/// Returns the variables of commands: a few of the program's own, the kubeconfig, and the stand-in for kubectl at
/// the end of `PATH`, where any real one wins.
pub(crate) fn variables(
    home: &Home,
    inherited: &BTreeMap<String, String>,
    step: &StepId,
    environment: Option<&Environment>,
) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> =
        PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), inherited.get(*name)?.clone()))).collect();
    let path = inherited.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", String::as_str);
    let bin = home.bin().display().to_string();
    let path = path.split(':').filter(|folder| !folder.is_empty() && *folder != bin).collect::<Vec<_>>().join(":");
    variables.push(("PATH".to_owned(), format!("{path}:{bin}")));
    if let Some(root) = inherited.get("ATELIER_HOME").filter(|root| !root.is_empty()) {
        // The learner's commands run elsewhere: a relative folder would be another one there.
        let root = std::path::absolute(root).map_or_else(|_| root.clone(), |root| root.display().to_string());
        variables.push(("ATELIER_HOME".to_owned(), root));
    }
    variables.push(("ATELIER_STEP".to_owned(), step.to_string()));
    if let Some(environment) = environment {
        variables.push(("KUBECONFIG".to_owned(), environment.kubeconfig.display().to_string()));
    }
    variables
}

/// The sandbox's audit log, asked over its control requests.
struct SandboxAudit(kube::Client);

impl check::Audit for SandboxAudit {
    fn entries(&self, since: Timestamp) -> BoxFuture<'_, Result<Option<Vec<AuditEntry>>, check::Error>> {
        Box::pin(async move {
            match control::audit(&self.0, since).await {
                Ok(page) => Ok(page.complete.then_some(page.entries)),
                Err(ClusterError::Request { source, .. }) => Err(check::Error::Cluster(source)),
                Err(ClusterError::TimedOut { limit, .. }) => Err(check::Error::TimedOut(limit)),
                Err(other) => Err(check::Error::UnexpectedAnswer(other.to_string())),
            }
        })
    }
}

/// How long a command of a setup, a reset or a solution may take. Long, since a container that is held to a hundredth of a
/// core takes minutes on a slow real cluster; such commands bound themselves with `timeout`, and all can be cancelled.
pub(crate) const COMMAND: Duration = Duration::from_secs(660);

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(String, String)], name: &str) -> Option<String> {
        variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn a_real_kubectl_wins_and_secrets_stay_out() {
        let home = Home::below(std::path::Path::new("/srv/a"));
        let step = StepId::try_from("c/s".to_owned()).unwrap();
        let inherited = [("PATH", "/usr/bin:/srv/a/state/bin:/bin"), ("TOKEN", "secret"), ("LANG", "fr_FR.UTF-8")];
        let inherited = inherited.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let variables = variables(&home, &inherited, &step, None);
        assert_eq!(find(&variables, "PATH").unwrap(), "/usr/bin:/bin:/srv/a/state/bin");
        assert_eq!(find(&variables, "LANG").unwrap(), "fr_FR.UTF-8");
        assert_eq!(find(&variables, "TOKEN"), None);
        assert_eq!(find(&variables, "KUBECONFIG"), None);
    }
}
