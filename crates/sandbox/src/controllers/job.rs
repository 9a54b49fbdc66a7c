//! Jobs: Pods that come to an end, until enough of them did.
//!
//! Rules of `pkg/controller/job`; [`tracking`] counts what ended, [`outcome`] says what came of it. The controller
//! of finished Jobs (`ttlafterfinished`) is here as well.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::Version;
use crate::amounts::is_active;
use crate::api::{Api, Caller, DeleteOptions, Propagation, Status, Target, WriteOptions};
use crate::clock::rfc3339;
use crate::defaults::map_at_value;
use crate::events::Recorder;
use crate::fields::{is_deleted, is_true, list, map_at, name, namespace, number, text, uid};
use crate::resources::{JOBS, PODS};
use crate::store::{Change, Key, Object};

use super::pods::{Noted, Owned, OwnedPods, delete, from_template, slow_start};
use super::replica_set::{is_ready, is_terminating};
use super::{Controller, Next, Queue, queue_all};

mod outcome;
mod tracking;

use outcome::{Ending, condition};
pub(crate) use outcome::{is_complete, is_finished};
use tracking::{FINALIZER, Tally};

/// The pause after the first failure of a Pod; it doubles with each more.
const BACK_OFF: Duration = Duration::from_secs(10);
/// The longest pause after a failure.
const LONGEST: Duration = Duration::from_secs(600);
/// The annotation and label with a Pod's index.
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The controller.
pub(crate) struct Jobs {
    api: Api,
    caller: Caller,
    recorder: Recorder,
    pods: OwnedPods,
    /// How often in a row Pods of a Job failed, and when the last one did.
    failures: HashMap<String, (u32, Instant)>,
}

impl Jobs {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("job-controller");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller, "job-controller"),
            pods: OwnedPods::of_kind("Job"),
            failures: HashMap::new(),
        }
    }

    fn active(&self, job: &Value) -> Vec<Object> {
        let mut pods = self.pods.list(job);
        pods.retain(|pod| is_active(pod));
        pods
    }

    /// Returns how the Job ends, if it does now.
    fn ending(&self, job: &Value, tally: &Tally) -> Option<Ending> {
        let limit = number(job, "/spec/backoffLimit").unwrap_or(6);
        if let Some(target) = condition(job, "FailureTarget") {
            return Some(Ending::failed(text(target, "/reason"), text(target, "/message")));
        }
        let restarts = match text(job, "/spec/template/spec/restartPolicy") {
            "OnFailure" => self.pods.of(job).into_iter().flat_map(Owned::iter).map(|pod| restarts(pod)).sum(),
            _ => 0,
        };
        if tally.failed > limit || (restarts > 0 && restarts >= limit.max(1)) {
            return Some(Ending::failed("BackoffLimitExceeded", "Job has reached the specified backoff limit"));
        }
        if self.deadline_left(job).is_some_and(|left| left.is_zero()) {
            return Some(Ending::failed("DeadlineExceeded", "Job was active longer than specified deadline"));
        }
        let is_complete = match number(job, "/spec/completions") {
            Some(completions) => tally.succeeded >= completions,
            None => tally.succeeded > 0 && tally.active == 0,
        };
        is_complete.then_some(Ending::Complete)
    }

    fn deadline_left(&self, job: &Value) -> Option<Duration> {
        if is_true(job, "/spec/suspend") {
            return None;
        }
        let deadline = number(job, "/spec/activeDeadlineSeconds")?;
        let started = text(job, "/status/startTime").parse::<Timestamp>().ok()?;
        let left = started.as_second() + deadline - self.api.clock().now().as_second();
        Some(Duration::from_secs(u64::try_from(left).unwrap_or_default()))
    }

    /// Brings the number of running Pods to what is wanted; returns when to look again.
    fn manage(&mut self, job: &Value, tally: &Tally) -> Result<Option<Duration>, Status> {
        let parallelism = number(job, "/spec/parallelism").unwrap_or(1);
        let wanted = match number(job, "/spec/completions") {
            _ if is_true(job, "/spec/suspend") => 0,
            Some(completions) => parallelism.min(completions - tally.succeeded),
            None if tally.succeeded > 0 => tally.active,
            None => parallelism,
        };
        let mut active = self.active(job);
        if tally.active > wanted {
            let surplus = usize::try_from(tally.active - wanted.max(0)).unwrap_or_default();
            active.sort_by_key(|pod| (is_ready(pod), text(pod, "/status/phase") == "Running"));
            for pod in active.into_iter().take(surplus) {
                self.delete(job, &pod);
            }
            return Ok(None);
        }
        let missing = usize::try_from(wanted - tally.active).unwrap_or_default();
        if missing == 0 {
            return Ok(None);
        }
        if let Some((failures, last)) = self.failures.get(uid(job)) {
            // The first one is made up for at once where Pods are not held.
            let counted = if tracks(self.api.version()) { *failures } else { failures.saturating_sub(1) };
            let pause = match counted {
                0 => Duration::ZERO,
                counted => BACK_OFF.saturating_mul(1 << (counted - 1).min(10)).min(LONGEST),
            };
            let left = (*last + self.api.clock().scaled(pause)).saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Ok(Some(left));
            }
        }
        let mut indexes = tracking::free_indexes(job, &active).into_iter();
        slow_start(missing, || {
            let index = indexes.next();
            if is_indexed(job) && index.is_none() {
                return Ok(());
            }
            let pod = self.pod(job, index);
            match self.api.create(&self.caller, &PODS, namespace(job), pod, &WriteOptions::default()) {
                Ok(written) => {
                    let message = format!("Created pod: {}", name(&written.object));
                    self.recorder.normal(job, "SuccessfulCreate", message);
                    Ok(())
                }
                Err(status) => {
                    if !is_terminating(&status) {
                        self.recorder.warning(job, "FailedCreate", format!("Error creating: {status}"));
                    }
                    Err(status)
                }
            }
        })?;
        Ok(None)
    }

    fn pod(&self, job: &Value, index: Option<i64>) -> Value {
        let mut pod = from_template(job, &job["spec"]["template"]);
        if tracks(self.api.version()) {
            pod["metadata"]["finalizers"] = json!([FINALIZER]);
        }
        let Some(index) = index.filter(|_| is_indexed(job)) else { return pod };
        let metadata = map_at_value(&mut pod, "metadata");
        metadata["generateName"] = json!(format!("{}-{index}-", name(job)));
        map_at(metadata, "annotations").insert(INDEX.to_owned(), json!(index.to_string()));
        if self.api.version() == Version::V1_34 {
            map_at(metadata, "labels").insert(INDEX.to_owned(), json!(index.to_string()));
        }
        let source = match self.api.version() {
            Version::V1_34 => format!("metadata.labels['{INDEX}']"),
            Version::V1_20 | Version::V1_24 => format!("metadata.annotations['{INDEX}']"),
        };
        let spec = map_at_value(&mut pod, "spec");
        spec["hostname"] = json!(format!("{}-{index}", name(job)));
        for part in ["/initContainers", "/containers"] {
            for container in crate::fields::list_mut(spec, part) {
                let mut variables = list(container, "/env").to_vec();
                variables.push(json!({"name": "JOB_COMPLETION_INDEX", "valueFrom":
                    {"fieldRef": {"apiVersion": "v1", "fieldPath": source}}}));
                container["env"] = json!(variables);
            }
        }
        pod
    }

    fn delete(&mut self, job: &Value, pod: &Value) {
        if delete(&self.api, &self.caller, pod) {
            self.recorder.normal(job, "SuccessfulDelete", format!("Deleted pod: {}", name(pod)));
        }
    }

    /// Ends the Job: what still runs is deleted, and the status says why.
    fn finish(&mut self, job: &Value, tally: &Tally, ending: &Ending) {
        let running = self.active(job);
        for pod in &running {
            self.delete(job, pod);
        }
        let version = self.api.version();
        let waits = version == Version::V1_34 && (!running.is_empty() || tally.terminating > 0);
        if waits {
            // The last condition comes once all Pods are gone.
            let now = self.api.clock().now();
            self.write(job, |status| {
                tally.write(status, version);
                status["active"] = json!(0);
                outcome::announce(status, ending, now);
            });
            return;
        }
        let now = self.api.clock().now();
        self.write(job, |status| {
            let tally = Tally { active: 0, ready: 0, ..*tally };
            tally.write(status, version);
            outcome::conclude(status, ending, version, now);
        });
        self.failures.remove(uid(job));
        match ending {
            Ending::Complete => self.recorder.normal(job, "Completed", "Job completed"),
            Ending::Failed { reason, message } => self.recorder.warning(job, reason, message.clone()),
        }
    }

    /// Changes the status.
    fn write(&self, job: &Value, change: impl FnOnce(&mut Value)) {
        let mut status = job["status"].clone();
        if !status.is_object() {
            status = json!({});
        }
        change(&mut status);
        if status == job["status"] {
            return;
        }
        let target = Target::new(&JOBS, namespace(job), name(job)).part("status");
        // It may be gone by now, which is as good.
        let _ = self.api.update_with(&self.caller, target, |stored| {
            if uid(stored) == uid(job) {
                stored["status"] = status;
            }
        });
    }

    /// Removes a finished Job once its time has passed.
    fn expire(&self, job: &Value) -> Next {
        let Some(ttl) = number(job, "/spec/ttlSecondsAfterFinished") else { return Next::Wait };
        let ended = ["Complete", "Failed"]
            .iter()
            .find_map(|kind| condition(job, kind))
            .and_then(|condition| text(condition, "/lastTransitionTime").parse::<Timestamp>().ok());
        let Some(ended) = ended else { return Next::Wait };
        let left = ended.as_second() + ttl - self.api.clock().now().as_second();
        if left > 0 {
            return Next::After(Duration::from_secs(u64::try_from(left).unwrap_or_default()));
        }
        let options = DeleteOptions {
            propagation: Propagation::Foreground,
            uid: Some(uid(job).to_owned()),
            ..DeleteOptions::default()
        };
        let caller = Caller::controller("ttl-after-finished-controller");
        // Somebody else may have been faster.
        let _ = self.api.delete(&caller, Target::new(&JOBS, namespace(job), name(job)), &options);
        Next::Wait
    }

    /// Tells of a change of `spec.suspend`.
    fn suspend(&mut self, job: &Value, status: &mut Value) {
        let now = rfc3339(self.api.clock().now());
        let is_suspended = condition(job, "Suspended").is_some_and(|condition| condition["status"] == "True");
        match (is_true(job, "/spec/suspend"), is_suspended) {
            (true, false) => {
                outcome::set(status, ("Suspended", "True"), ("JobSuspended", "Job suspended"), &now);
                crate::fields::as_map(status).remove("startTime");
                self.recorder.normal(job, "Suspended", "Job suspended");
            }
            (false, true) => {
                outcome::set(status, ("Suspended", "False"), ("JobResumed", "Job resumed"), &now);
                status["startTime"] = json!(now);
                self.recorder.normal(job, "Resumed", "Job resumed");
            }
            (true, true) | (false, false) => {}
        }
    }
}

impl Controller for Jobs {
    fn name(&self) -> &'static str {
        "job"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == JOBS {
            queue.add(&change.key.namespace, &change.key.name);
        } else if self.pods.note(change, queue) == Noted::Orphan {
            for job in self.api.list_all(&JOBS, Some(&change.key.namespace)) {
                if super::replica_set::selects(&job, &change.object) {
                    queue.add(namespace(&job), name(&job));
                }
            }
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        self.pods.rebuild(&self.api);
        queue_all(&self.api.list_all(&JOBS, None), queue);
        for (space, owner) in self.pods.owners() {
            queue.add(&space, &owner);
        }
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let job = match self.api.get(&JOBS, &key.namespace, &key.name) {
            Ok(job) if !is_deleted(&job) => job,
            // Nobody counts the Pods of a Job that is gone, or goes.
            _ => {
                for pod in self.pods.named(&key.namespace, &key.name) {
                    tracking::release(&self.api, &self.caller, &pod);
                }
                return Next::Wait;
            }
        };
        self.pods.claim(&self.api, &self.caller, &job);
        let pods = self.pods.list(&job);
        let counted = if tracks(self.api.version()) {
            tracking::count(&self.api, &self.caller, &job, &pods)
        } else {
            tracking::count_all(&job, &pods)
        };
        if is_finished(&job) {
            return self.expire(&job);
        }
        let tally = counted.tally;
        if counted.failed > 0 {
            let entry = self.failures.entry(uid(&job).to_owned()).or_insert((0, Instant::now()));
            *entry = (entry.0.saturating_add(counted.failed), Instant::now());
        }
        if counted.succeeded > 0 {
            self.failures.remove(uid(&job));
        }
        let Ok(job) = self.api.get(&JOBS, &key.namespace, &key.name) else { return Next::Wait };
        if let Some(ending) = self.ending(&job, &tally) {
            self.finish(&job, &tally, &ending);
            let Ok(job) = self.api.get(&JOBS, &key.namespace, &key.name) else { return Next::Wait };
            return if is_finished(&job) { self.expire(&job) } else { Next::Wait };
        }
        let managed = self.manage(&job, &tally);
        let version = self.api.version();
        let mut status = job["status"].clone();
        if !status.is_object() {
            status = json!({});
        }
        if status.get("startTime").is_none() && !is_true(&job, "/spec/suspend") {
            status["startTime"] = json!(rfc3339(self.api.clock().now()));
        }
        self.suspend(&job, &mut status);
        self.write(&job, |stored| {
            *stored = status;
            tally.write(stored, version);
        });
        match managed {
            Ok(pause) => {
                let pauses = [pause, self.deadline_left(&job)];
                pauses.into_iter().flatten().min().map_or(Next::Wait, Next::After)
            }
            Err(status) if is_terminating(&status) => Next::Wait,
            Err(_) => Next::Retry,
        }
    }
}

/// Returns whether a version keeps ended Pods until they are counted.
fn tracks(version: Version) -> bool {
    match version {
        Version::V1_20 | Version::V1_24 => false,
        Version::V1_34 => true,
    }
}

fn is_indexed(job: &Value) -> bool {
    text(job, "/spec/completionMode") == "Indexed"
}

fn restarts(pod: &Value) -> i64 {
    ["/status/containerStatuses", "/status/initContainerStatuses"]
        .iter()
        .flat_map(|part| list(pod, part))
        .filter_map(|status| number(status, "/restartCount"))
        .sum()
}
