//! The trial itself: a dry-run, a scale-out of copies, and the wait until every copy's fate is known.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{LimitRange, Pod, ResourceQuota};
use kube::api::{Api, ListParams, PostParams};
use kube::runtime::watcher;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::copy::{self, Stamp, TRIAL};
use super::refusal::{self, Answer, Refusal, RefusedBy};
use super::sweep::Objects;
use super::{Facts, Ground, MOST_REPLICAS, NAME_PREFIX, Source, Tally, Trial};
use crate::objects::unless_cancelled;
use crate::{Cluster, Error, RunId};

/// After this, anybody may remove what the trial left.
const LIFE: SignedDuration = SignedDuration::from_mins(5);

/// The first pause after which a silent cluster is asked whether it still admits Pods, and the longest.
const QUIET: (Duration, Duration) = (Duration::from_millis(40), Duration::from_secs(2));

/// Gathers what a Namespace does under pressure. Whatever it created is removed before it returns, in every case.
pub(super) async fn gather(
    cluster: &Cluster,
    trial: &Trial,
    run: &RunId,
    now: Timestamp,
    cancel: &CancellationToken,
) -> Result<Facts, Error> {
    let name = format!("{NAME_PREFIX}{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let run = label_value(&run.0);
    let deadline = (now + LIFE).to_string();
    let stamp = Stamp { name: &name, namespace: &trial.namespace, run: &run, deadline: &deadline };
    let pressure = Pressure { cluster, trial, stamp, started: now };

    let (mut facts, template) = match unless_cancelled(cancel, pressure.prepare()).await? {
        Prepared::Settled(facts) => return Ok(facts),
        Prepared::Ready(facts, template) => (facts, template),
    };
    let selector = format!("{TRIAL}={name}");
    let outcome = unless_cancelled(cancel, pressure.press(&mut facts, &template)).await;
    let objects = Objects { client: &cluster.client, namespace: &trial.namespace, selector: &selector };
    facts.left = objects.remove_all().await;
    outcome.map(|()| facts)
}

struct Pressure<'a> {
    cluster: &'a Cluster,
    trial: &'a Trial,
    stamp: Stamp<'a>,
    started: Timestamp,
}

enum Prepared {
    /// The facts are known without creating anything.
    Settled(Facts),
    /// The template that the copies are made after.
    Ready(Facts, Value),
}

impl Pressure<'_> {
    /// Looks at the Namespace, and has one more Pod judged.
    async fn prepare(&self) -> Result<Prepared, Error> {
        let mut facts = Facts { quotas: self.names::<ResourceQuota>().await?, ..Facts::default() };
        facts.limit_ranges = self.names::<LimitRange>().await?;
        let own = self.own_deployment().await?;
        let template = match (&self.trial.source, &own) {
            (_, Some(deployment)) => {
                serde_json::to_value(&deployment.spec).ok().and_then(|spec| spec.get("template").cloned())
            }
            (Source::DeploymentOr(_, documents) | Source::Manifest(documents), None) => copy::template_of(documents),
            (Source::Plain, None) => Some(copy::plain()),
            (Source::Deployment(_), None) => None,
        };
        let Some(template) = template else {
            facts.ground = Ground::NothingToCopy;
            return Ok(Prepared::Settled(facts));
        };
        facts.own = self.own_pods(own.as_ref()).await?;
        // The learner's Pods count as admitted; the copies make up the number, and there is always one to judge.
        let replicas = self.trial.replicas.min(MOST_REPLICAS);
        facts.asked = replicas.max(facts.own.admitted + 1);
        match self.next_pod(&template, &facts.limit_ranges).await? {
            Next::Admitted => Ok(Prepared::Ready(facts, template)),
            Next::Refused(refusal) => {
                facts.refusal = Some(refusal);
                Ok(Prepared::Settled(facts))
            }
            Next::NoNamespace => {
                facts.ground = Ground::NoNamespace;
                Ok(Prepared::Settled(facts))
            }
        }
    }

    /// Asks for the copies and waits until every one's fate is known.
    async fn press(&self, facts: &mut Facts, template: &Value) -> Result<(), Error> {
        let copies = facts.asked - facts.own.admitted;
        let deployments: Api<Deployment> = self.api();
        let wanted: Deployment = serde_json::from_value(copy::deployment(template, &self.stamp, copies))
            .map_err(|error| Error::UnexpectedAnswer(format!("the copy is no Deployment: {error}")))?;
        match deployments.create(&PostParams::default(), &wanted).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if (400..500).contains(&status.code) => {
                match refusal::read(status.code, &status.message, &facts.limit_ranges) {
                    Answer::Refused(refusal) if refusal.kind != RefusedBy::Other => {
                        facts.refusal = Some(refusal);
                        return Ok(());
                    }
                    Answer::Refused(_) | Answer::NotYet | Answer::NoRight => {
                        return Err(Error::Forbidden { message: status.message });
                    }
                }
            }
            Err(error) => return Err(Error::from_kube(error)),
        }
        self.settle(facts, template, copies).await
    }

    async fn settle(&self, facts: &mut Facts, template: &Value, copies: u32) -> Result<(), Error> {
        let selector = format!("{TRIAL}={}", self.stamp.name);
        let config = watcher::Config::default().labels(&selector);
        let pods = watcher::watcher(self.api::<Pod>(), config.clone())
            .map(|event| event.map(|event| Seen::Pod(Box::new(event))));
        let sets = watcher::watcher(self.api::<ReplicaSet>(), config).map(|event| event.map(|_| Seen::Set));
        let mut events = futures::stream::select(pods.boxed(), sets.boxed());
        let mut there: BTreeMap<String, Pod> = BTreeMap::new();
        let mut quiet = QUIET.0;
        loop {
            let silent = match tokio::time::timeout(quiet, events.next()).await {
                Ok(Some(Ok(seen))) => {
                    if seen.apply(&mut there) {
                        quiet = QUIET.0;
                    }
                    false
                }
                Ok(Some(Err(error))) => match read_watch_error(error) {
                    refusal @ Error::Forbidden { .. } => return Err(refusal),
                    // The watcher starts again by itself; the caller bounds the time.
                    _ => {
                        tokio::time::sleep(quiet).await;
                        true
                    }
                },
                Ok(None) => return Err(Error::UnexpectedAnswer("the watch ended".to_owned())),
                Err(_) => true,
            };
            let tally = tally(there.values(), Counted::Copies);
            let all_there = tally.admitted >= copies;
            if silent && !all_there && facts.refusal.is_none() {
                // The controller stopped short: the server itself says whether, and why.
                if let Next::Refused(refusal) = self.next_pod(template, &facts.limit_ranges).await? {
                    facts.refusal = Some(refusal);
                    quiet = QUIET.0;
                    continue;
                }
            }
            if (all_there || facts.refusal.is_some()) && tally.undecided == 0 {
                let forged = self.forged().await?;
                let honest =
                    there.values().filter(|pod| !forged.contains(&pod.metadata.name.clone().unwrap_or_default()));
                facts.copies = Tally { running: self::tally(honest, Counted::Copies).running, ..tally };
                return Ok(());
            }
            if silent {
                quiet = (quiet * 2).min(QUIET.1);
            }
        }
    }

    /// Has the server judge one more Pod, without creating it.
    async fn next_pod(&self, template: &Value, limit_ranges: &[String]) -> Result<Next, Error> {
        let pod: Pod = match serde_json::from_value(copy::pod(template, &self.stamp)) {
            Ok(pod) => pod,
            Err(error) => return Err(Error::UnexpectedAnswer(format!("the template is no Pod: {error}"))),
        };
        let params = PostParams { dry_run: true, ..PostParams::default() };
        let mut pause = Duration::from_millis(20);
        loop {
            match self.api::<Pod>().create(&params, &pod).await {
                Ok(_) => return Ok(Next::Admitted),
                Err(kube::Error::Api(status)) if status.code == 404 => return Ok(Next::NoNamespace),
                Err(kube::Error::Api(status)) if matches!(status.code, 400 | 401 | 403 | 422) => {
                    match refusal::read(status.code, &status.message, limit_ranges) {
                        Answer::Refused(refusal) => return Ok(Next::Refused(refusal)),
                        Answer::NoRight => return Err(Error::Forbidden { message: status.message }),
                        // The quota controller counts a new quota within moments.
                        Answer::NotYet => {
                            tokio::time::sleep(pause).await;
                            pause = (pause * 2).min(Duration::from_secs(1));
                        }
                    }
                }
                Err(error) => return Err(Error::from_kube(error)),
            }
        }
    }

    /// Returns the learner's Deployment, where the trial copies one and it is there.
    async fn own_deployment(&self) -> Result<Option<Deployment>, Error> {
        match &self.trial.source {
            Source::Deployment(name) | Source::DeploymentOr(name, _) => {
                self.api::<Deployment>().get_opt(name).await.map_err(Error::from_kube)
            }
            Source::Manifest(_) | Source::Plain => Ok(None),
        }
    }

    /// Counts the Pods of the learner's Deployment.
    async fn own_pods(&self, deployment: Option<&Deployment>) -> Result<Tally, Error> {
        let Some(labels) = deployment
            .and_then(|deployment| deployment.spec.selector.match_labels.as_ref())
            .filter(|labels| !labels.is_empty())
        else {
            return Ok(Tally::default());
        };
        let selector: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let params = ListParams::default().labels(&selector.join(","));
        let list = self.api::<Pod>().list(&params).await.map_err(Error::from_kube)?;
        Ok(tally(list.items.iter(), Counted::Own))
    }

    async fn names<K>(&self) -> Result<Vec<String>, Error>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let list = self.api::<K>().list(&ListParams::default()).await.map_err(Error::from_kube)?;
        Ok(list.items.into_iter().filter_map(|object| object.meta().name.clone()).collect())
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.cluster.client.clone(), &self.trial.namespace)
    }

    /// Returns the copies whose status another account than the cluster's own wrote, where an audit log tells.
    async fn forged(&self) -> Result<Vec<String>, Error> {
        let Some(audit) = &self.cluster.audit else { return Ok(Vec::new()) };
        // The trial began a moment ago: a log that does not reach back so far shows nothing to hold against it.
        let entries = audit.entries(self.started).await?.unwrap_or_default();
        let by_others = entries.into_iter().filter(|entry| {
            entry.resource == "pods"
                && entry.subresource.as_deref() == Some("status")
                && entry.namespace == self.trial.namespace
                && entry.name.starts_with(self.stamp.name)
                && entry.code < 300
                && !entry.component
        });
        Ok(by_others.map(|entry| entry.name).collect())
    }
}

/// Counts Pods by their state.
fn tally<'p>(pods: impl Iterator<Item = &'p Pod>, counted: Counted) -> Tally {
    let mut tally = Tally::default();
    for pod in pods {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let gone = matches!(phase, Some("Succeeded" | "Failed")) || pod.metadata.deletion_timestamp.is_some();
        if counted == Counted::Own && gone {
            continue;
        }
        tally.admitted += 1;
        match fate(pod) {
            Fate::Runs => tally.running += 1,
            Fate::NoNode(lacking) => {
                tally.unschedulable += 1;
                tally.lacking = tally.lacking.or(lacking);
            }
            Fate::Stuck(reason) => tally.stuck = tally.stuck.or(Some(reason)),
            Fate::Undecided => tally.undecided += 1,
        }
    }
    tally
}

/// Whose Pods are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Own,
    Copies,
}

/// The server's judgement of one more Pod.
enum Next {
    Admitted,
    Refused(Refusal),
    NoNamespace,
}

enum Seen {
    Pod(Box<watcher::Event<Pod>>),
    Set,
}

impl Seen {
    /// Takes an event in; returns whether the Pods changed.
    fn apply(self, there: &mut BTreeMap<String, Pod>) -> bool {
        let Seen::Pod(event) = self else { return false };
        match *event {
            watcher::Event::InitDone => return false,
            watcher::Event::Init => there.clear(),
            watcher::Event::InitApply(pod) | watcher::Event::Apply(pod) => {
                there.insert(pod.metadata.name.clone().unwrap_or_default(), pod);
            }
            watcher::Event::Delete(pod) => {
                there.remove(pod.metadata.name.as_deref().unwrap_or_default());
            }
        }
        true
    }
}

fn read_watch_error(error: watcher::Error) -> Error {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => Error::from_kube(error),
        other => Error::UnexpectedAnswer(other.to_string()),
    }
}

/// What became of a Pod.
#[derive(Debug, PartialEq)]
enum Fate {
    Runs,
    /// No node takes it; the resource that lacks.
    NoNode(Option<String>),
    /// It does not start; the cluster's reason.
    Stuck(String),
    Undecided,
}

fn fate(pod: &Pod) -> Fate {
    let Some(status) = &pod.status else { return Fate::Undecided };
    match status.phase.as_deref() {
        Some("Running" | "Succeeded") => return Fate::Runs,
        Some("Failed") => {
            let reason = status.reason.clone().unwrap_or_else(|| "Failed".to_owned());
            // A kubelet that lacks room says so by `OutOfmemory`, `OutOfcpu`.
            return match reason.strip_prefix("OutOf") {
                Some(resource) => Fate::NoNode(Some(resource.to_owned())),
                None => Fate::Stuck(reason),
            };
        }
        Some(_) | None => {}
    }
    let scheduled = status.conditions.iter().flatten().find(|condition| condition.type_ == "PodScheduled");
    if let Some(condition) = scheduled
        && condition.status == "False"
        && condition.reason.as_deref() == Some("Unschedulable")
    {
        return Fate::NoNode(refusal::lacking(condition.message.as_deref().unwrap_or_default()));
    }
    let containers = status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    for container in containers {
        if let Some(waiting) = container.state.as_ref().and_then(|state| state.waiting.as_ref())
            && let Some(reason) = &waiting.reason
            && !matches!(reason.as_str(), "ContainerCreating" | "PodInitializing")
        {
            let message = waiting.message.as_deref().unwrap_or_default();
            return Fate::Stuck(format!("{reason} {message}").trim().to_owned());
        }
    }
    Fate::Undecided
}

/// Makes a text fit for a label's value.
fn label_value(text: &str) -> String {
    let fit: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    fit.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(status: Value, expected: Fate) {
        let pod: Pod = serde_json::from_value(json!({ "metadata": { "name": "p" }, "status": status })).unwrap();
        assert_eq!(fate(&pod), expected);
    }

    #[test]
    fn the_fate_of_a_pod_is_read_from_its_status() {
        check(json!({ "phase": "Running" }), Fate::Runs);
        check(json!({ "phase": "Pending" }), Fate::Undecided);
        check(json!({}), Fate::Undecided);
        let unschedulable = json!({ "phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient memory.",
        }]});
        check(unschedulable, Fate::NoNode(Some("memory".to_owned())));
        check(json!({ "phase": "Failed", "reason": "OutOfmemory" }), Fate::NoNode(Some("memory".to_owned())));
        let waiting = |reason: &str| {
            json!({ "phase": "Pending", "containerStatuses": [{
                "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "waiting": { "reason": reason } },
            }]})
        };
        check(waiting("ContainerCreating"), Fate::Undecided);
        check(waiting("ErrImagePull"), Fate::Stuck("ErrImagePull".to_owned()));
    }

    #[test]
    fn run_names_fit_a_label() {
        assert_eq!(label_value("Été 1/2!"), "t--1-2");
        assert_eq!(label_value("run-1"), "run-1");
    }
}
