//! Worlds for tests: a work folder, and a sandbox where the cluster matters.

use std::path::Path;
use std::sync::Mutex;

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{Audit, AuditEntry, Cluster, Environment, Error, Outcome, RunId, Spec, World};

/// Returns a world without a cluster.
pub(crate) fn world(work: &Path) -> World {
    World {
        cluster: None,
        work: work.to_owned(),
        variables: vec![("PATH".to_owned(), std::env::var("PATH").unwrap())],
        observations: Vec::new(),
        answer: None,
        now: Timestamp::now(),
        run: RunId("run-1".to_owned()),
    }
}

/// Returns a world whose cluster is behind this client.
pub(crate) fn world_of(client: kube::Client, work: &Path) -> World {
    let cluster = Cluster { client, namespace: "default".to_owned(), environment: Environment::Sandbox, audit: None };
    World { cluster: Some(cluster), ..world(work) }
}

/// Reads a spec as a lab file writes it.
pub(crate) fn spec(yaml: &str) -> Spec {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}"))
}

/// Judges a spec.
pub(crate) async fn judge(yaml: &str, world: &World) -> Result<Outcome, Error> {
    crate::run(&spec(yaml), world, &CancellationToken::new()).await
}

/// A verdict without its evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Pass,
    Fail,
}

pub(crate) fn told(outcome: &Outcome) -> Told {
    match outcome {
        Outcome::Pass(_) => Told::Pass,
        Outcome::Fail(_) => Told::Fail,
    }
}

/// A sandbox of a test's own.
pub(crate) struct Bench {
    pub(crate) client: kube::Client,
    pub(crate) work: tempfile::TempDir,
    _sandbox: sandbox::Sandbox,
}

impl Bench {
    pub(crate) async fn start() -> Bench {
        let options = sandbox::Options {
            version: sandbox::Version::V1_34,
            state: None,
            address: None,
            pace: sandbox::Pace::Fast,
        };
        let sandbox = sandbox::Sandbox::start(options).await.unwrap();
        let client = kube::Client::new(sandbox.service(), "default");
        Bench { client, work: tempfile::tempdir().unwrap(), _sandbox: sandbox }
    }

    pub(crate) fn world(&self) -> World {
        world_of(self.client.clone(), self.work.path())
    }

    /// Returns the world with the sandbox's own audit log.
    pub(crate) fn audited(&self) -> World {
        let mut world = self.world();
        if let Some(cluster) = &mut world.cluster {
            cluster.audit = Some(std::sync::Arc::new(SandboxAudit(self.client.clone())));
        }
        world
    }

    /// Creates an object as the learner would.
    pub(crate) async fn create(&self, object: Value) {
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        self.api(&object).await.create(&PostParams::default(), &object).await.unwrap();
    }

    /// Writes an object's status as a learner could.
    pub(crate) async fn write_status(&self, object: Value) {
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let name = object.metadata.name.clone().unwrap();
        let api = self.api(&object).await;
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&object)).await.unwrap();
    }

    async fn api(&self, object: &DynamicObject) -> Api<DynamicObject> {
        let types = object.types.as_ref().unwrap();
        let cluster = self.world().cluster.unwrap();
        let (resource, scope) = crate::objects::discover(&cluster, &types.api_version, &types.kind).await.unwrap();
        match scope {
            kube::core::discovery::Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            kube::core::discovery::Scope::Namespaced => {
                let namespace = object.metadata.namespace.as_deref().unwrap_or("default");
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
        }
    }
}

/// The sandbox's own audit log, as the runner reads it.
pub(crate) struct SandboxAudit(pub(crate) kube::Client);

impl Audit for SandboxAudit {
    fn entries(&self, since: Timestamp) -> BoxFuture<'_, Result<Option<Vec<AuditEntry>>, Error>> {
        #[derive(serde::Deserialize)]
        struct Page {
            entries: Vec<AuditEntry>,
            complete: bool,
        }
        Box::pin(async move {
            let request = http::Request::get(format!("/atelier/v1/audit?since={since}")).body(Vec::new()).unwrap();
            let page: Page = self.0.request(request).await.map_err(Error::from_kube)?;
            Ok(page.complete.then_some(page.entries))
        })
    }
}

/// An audit log with given entries.
pub(crate) struct Log(pub(crate) Mutex<Option<Vec<AuditEntry>>>);

impl Log {
    pub(crate) fn of(entries: Vec<AuditEntry>) -> Log {
        Log(Mutex::new(Some(entries)))
    }
}

impl Audit for Log {
    fn entries(&self, _since: Timestamp) -> BoxFuture<'_, Result<Option<Vec<AuditEntry>>, Error>> {
        let entries = self.0.lock().unwrap().clone();
        Box::pin(async move { Ok(entries) })
    }
}

/// A cluster that takes requests and never answers.
pub(crate) fn silent() -> kube::Client {
    let service = tower::service_fn(|_request: http::Request<kube::client::Body>| {
        std::future::pending::<Result<http::Response<kube::client::Body>, std::convert::Infallible>>()
    });
    kube::Client::new(service, "default")
}

/// A cluster that answers every request with this status.
pub(crate) fn refusing(code: u16, message: &str) -> kube::Client {
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": "x", "code": code,
    });
    let service = tower::service_fn(move |_request: http::Request<kube::client::Body>| {
        let answer = http::Response::builder()
            .status(code)
            .header("content-type", "application/json")
            .body(kube::client::Body::from(body.to_string().into_bytes()))
            .unwrap();
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    kube::Client::new(service, "default")
}
