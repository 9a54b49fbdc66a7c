//! `condition`: a state of the cluster is reached within a time.
//!
//! ```yaml
//! condition:
//!   api_version: v1
//!   kind: Node
//!   name: node3
//!   fields: { "status.conditions[type=Ready].status": "True" }
//!   within: 60                  # seconds
//! ```
//!
//! `selector`, `absent` and `count` as in `kubernetes_object`. The cluster is watched, not polled. In the sandbox a
//! field below `status` counts only where a controller wrote it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use kube::api::DynamicObject;
use kube::runtime::watcher;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::expectation::{Expectation, Fields};
use crate::objects::{Demand, Finding, Lookup, Sought, Target, judge, unless_cancelled};
use crate::{Error, Outcome, World};

/// What the check waits for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// `v1`, `apps/v1` …
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The Namespace; the session's one by default.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The object's name.
    #[serde(default)]
    pub name: Option<String>,
    /// A label selector, instead of a name.
    #[serde(default)]
    pub selector: Option<String>,
    /// `true`: waits until no such object exists.
    #[serde(default)]
    pub absent: bool,
    /// How many such objects must exist; at least one by default.
    #[serde(default)]
    pub count: Option<Expectation>,
    /// Paths and their expected values.
    #[serde(default)]
    pub fields: Fields,
    /// Seconds to wait at most.
    pub within: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What was looked for.
    pub target: Target,
    /// Whether none may exist.
    pub absent: bool,
    /// The expected fields.
    pub fields: Fields,
    /// Seconds that were allowed.
    pub within: u64,
    /// What was found in the end.
    pub finding: Finding,
}

/// How long the last look may take once the wait is over: a server that no longer answers leaves the verdict open.
const LAST_LOOK: Duration = Duration::from_secs(5);

impl Spec {
    pub(crate) fn sought(&self) -> Sought<'_> {
        Sought {
            api_version: &self.api_version,
            kind: &self.kind,
            namespace: self.namespace.as_deref(),
            name: self.name.as_deref(),
            selector: self.selector.as_deref(),
            demand: Demand { absent: self.absent, count: self.count.as_ref(), fields: &self.fields },
        }
    }
}

pub(crate) async fn run(spec: &Spec, world: &World, cancel: &CancellationToken) -> Result<Outcome, Error> {
    let evidence = unless_cancelled(cancel, wait(spec, world)).await?;
    Ok(if evidence.finding.holds() {
        Outcome::Pass(crate::Evidence::Condition(evidence))
    } else {
        Outcome::Fail(crate::Evidence::Condition(evidence))
    })
}

async fn wait(spec: &Spec, world: &World) -> Result<Evidence, Error> {
    let allowed = Duration::from_secs(spec.within);
    let deadline = Instant::now() + allowed;
    let sought = spec.sought();
    let late = |_| Error::TimedOut(allowed + LAST_LOOK);
    let lookup = tokio::time::timeout_at(deadline + LAST_LOOK, Lookup::new(world, sought)).await.map_err(late)??;
    // Whether the wait ended by the watch or by the clock, the verdict rests on a look of its own: a watch that
    // fell silent with its server proves nothing.
    let watched = tokio::time::timeout_at(deadline, watch(&lookup, sought.demand)).await;
    if let Ok(Err(error)) = watched {
        return Err(error);
    }
    let last_look = tokio::time::timeout_at(Instant::now() + LAST_LOOK, lookup.find(sought.demand));
    let finding = last_look.await.map_err(late)??;
    Ok(Evidence {
        target: lookup.target,
        absent: spec.absent,
        fields: spec.fields.clone(),
        within: spec.within,
        finding,
    })
}

/// Returns once the objects are as demanded.
async fn watch(lookup: &Lookup<'_>, demand: Demand<'_>) -> Result<(), Error> {
    let params = lookup.params();
    let config = watcher::Config {
        label_selector: params.label_selector,
        field_selector: params.field_selector,
        ..watcher::Config::default()
    };
    let mut events = watcher::watcher(lookup.api.clone(), config).boxed();
    let mut objects: BTreeMap<(Option<String>, Option<String>), DynamicObject> = BTreeMap::new();
    let mut listed = BTreeMap::new();
    let key = |object: &DynamicObject| (object.metadata.namespace.clone(), object.metadata.name.clone());
    let mut ready = false;
    loop {
        match events.next().await {
            Some(Ok(watcher::Event::Init)) => listed.clear(),
            Some(Ok(watcher::Event::InitApply(object))) => {
                listed.insert(key(&object), object);
            }
            Some(Ok(watcher::Event::InitDone)) => {
                objects = std::mem::take(&mut listed);
                ready = true;
            }
            Some(Ok(watcher::Event::Apply(object))) => {
                objects.insert(key(&object), object);
            }
            Some(Ok(watcher::Event::Delete(object))) => {
                objects.remove(&key(&object));
            }
            // The watcher starts again by itself; a refusal will not turn into an answer.
            Some(Err(watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error))) => {
                match Error::from_kube(error) {
                    refusal @ Error::Forbidden { .. } => return Err(refusal),
                    _ => tokio::time::sleep(Duration::from_millis(500)).await,
                }
            }
            Some(Err(_)) => tokio::time::sleep(Duration::from_millis(500)).await,
            None => return Err(Error::UnexpectedAnswer("the watch ended".to_owned())),
        }
        if ready {
            let present: Vec<DynamicObject> =
                objects.values().filter(|object| lookup.is_wanted(object)).cloned().collect();
            if judge(&present, demand).holds() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
