//! CronJobs: Jobs at certain times. Rules of `pkg/controller/cronjob`, version 2.
//!
//! Nothing ticks: after each look it waits until the next time that the schedule names.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::Version;
use crate::api::{Api, Caller, DeleteOptions, Propagation, Target, WriteOptions};
use crate::clock::rfc3339;
use crate::events::Recorder;
use crate::fields::{
    as_map, controller, is_controlled_by, is_deleted, is_true, list, map_at, name, namespace, number, text, uid,
};
use crate::resources::{CRON_JOBS, JOBS};
use crate::store::{Change, Key, Object};

use super::job::is_finished;
use super::replica_set::{is_terminating, owner_reference};
use super::{Controller, Next, Queue, queue_all};

pub(crate) mod schedule;

use schedule::Schedule;

/// The annotation of a Job with the time that it was meant for.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// From so many missed times on, the real controller warns of a wrong clock.
const MANY_MISSED: usize = 100;

/// The controller.
pub(crate) struct CronJobs {
    api: Api,
    caller: Caller,
    recorder: Recorder,
}

impl CronJobs {
    /// Returns the controller over an API.
    pub(crate) fn new(api: &Api) -> Self {
        let caller = Caller::controller("cronjob-controller");
        Self {
            api: api.clone(),
            caller: caller.clone(),
            recorder: Recorder::component(api, caller, "cronjob-controller"),
        }
    }

    fn jobs(&self, cron: &Value) -> Vec<Object> {
        let mut jobs = self.api.list_all(&JOBS, Some(namespace(cron)));
        jobs.retain(|job| is_controlled_by(job, uid(cron)));
        jobs
    }

    /// Takes Jobs that ended or went away out of the list of active ones.
    fn look_after(&mut self, cron: &Value, jobs: &[Object], status: &mut Value) {
        let mut active = list(status, "/active").to_vec();
        for job in jobs {
            let is_listed = active.iter().any(|reference| reference["uid"] == uid(job));
            if !is_finished(job) {
                if !is_listed && !is_deleted(job) {
                    let message = format!("Saw a job that the controller did not create or forgot: {}", name(job));
                    self.recorder.warning(cron, "UnexpectedJob", message);
                }
                continue;
            }
            if !is_listed {
                continue;
            }
            active.retain(|reference| reference["uid"] != uid(job));
            let kind = if super::job::is_complete(job) { "Complete" } else { "Failed" };
            let word = if self.api.version() == Version::V1_34 { "condition" } else { "status" };
            let message = format!("Saw completed job: {}, {word}: {kind}", name(job));
            self.recorder.normal(cron, "SawCompletedJob", message);
            let ended = text(job, "/status/completionTime");
            if kind == "Complete" && self.api.version() != Version::V1_20 && ended > text(status, "/lastSuccessfulTime")
            {
                status["lastSuccessfulTime"] = json!(ended);
            }
        }
        active.retain(|reference| {
            let is_there = jobs.iter().any(|job| reference["uid"] == uid(job));
            if !is_there {
                let message = format!("Active job went missing: {}", text(reference, "/name"));
                self.recorder.normal(cron, "MissingJob", message);
            }
            is_there
        });
        set_active(status, active);
    }

    /// Removes the oldest ended Jobs beyond the history that is kept.
    fn clean_up(&mut self, cron: &Value, jobs: &[Object]) {
        for (limit, default, complete) in
            [("successfulJobsHistoryLimit", 3, true), ("failedJobsHistoryLimit", 1, false)]
        {
            let limit = number(cron, &format!("/spec/{limit}")).unwrap_or(default);
            let mut ended: Vec<&Object> = jobs
                .iter()
                .filter(|job| is_finished(job) && super::job::is_complete(job) == complete && !is_deleted(job))
                .collect();
            ended.sort_by_key(|job| (text(job, "/status/startTime").to_owned(), name(job).to_owned()));
            let surplus = ended.len().saturating_sub(usize::try_from(limit).unwrap_or_default());
            for job in ended.into_iter().take(surplus) {
                self.delete(cron, job);
            }
        }
    }

    fn delete(&mut self, cron: &Value, job: &Value) {
        let options = DeleteOptions { propagation: Propagation::Background, ..DeleteOptions::default() };
        if self.api.delete(&self.caller, Target::new(&JOBS, namespace(job), name(job)), &options).is_ok() {
            self.recorder.normal(cron, "SuccessfulDelete", format!("Deleted job {}", name(job)));
        }
    }

    /// Starts the Job of a time, and writes it into the status.
    fn start(&mut self, cron: &Value, time: Timestamp, status: &mut Value) -> Next {
        let version = self.api.version();
        let number = match version {
            Version::V1_20 => time.as_second(),
            Version::V1_24 | Version::V1_34 => time.as_second() / 60,
        };
        let template = &cron["spec"]["jobTemplate"];
        let mut job = json!({
            "metadata": {
                "name": format!("{}-{number}", name(cron)), "ownerReferences": [owner_reference(cron)],
            },
            "spec": template["spec"],
        });
        for part in ["labels", "annotations"] {
            if template["metadata"][part].is_object() {
                job["metadata"][part] = template["metadata"][part].clone();
            }
        }
        if version == Version::V1_34 {
            let annotations = map_at(crate::defaults::map_at_value(&mut job, "metadata"), "annotations");
            annotations.insert(SCHEDULED.to_owned(), json!(rfc3339(time)));
        }
        match self.api.create(&self.caller, &JOBS, namespace(cron), job, &WriteOptions::default()) {
            Ok(written) => {
                let job = &written.object;
                self.recorder.normal(cron, "SuccessfulCreate", format!("Created job {}", name(job)));
                let mut active = list(status, "/active").to_vec();
                active.push(json!({"apiVersion": "batch/v1", "kind": "Job", "name": name(job),
                    "namespace": namespace(job), "resourceVersion": job["metadata"]["resourceVersion"],
                    "uid": uid(job)}));
                set_active(status, active);
                status["lastScheduleTime"] = json!(rfc3339(time));
                Next::Wait
            }
            // Made before, and not written down.
            Err(refusal) if refusal.reason == "AlreadyExists" => {
                status["lastScheduleTime"] = json!(rfc3339(time));
                Next::Wait
            }
            Err(refusal) if is_terminating(&refusal) => Next::Wait,
            Err(refusal) => {
                self.recorder.warning(cron, "FailedCreate", format!("Error creating job: {refusal}"));
                Next::Retry
            }
        }
    }

    /// Starts what is due, as far as it may, and says when the next time is.
    fn tick(&mut self, cron: &Value, jobs: &[Object], status: &mut Value) -> Next {
        let now = self.api.clock().now();
        let zone = match text(cron, "/spec/timeZone") {
            "" => TimeZone::UTC,
            named => match TimeZone::get(named) {
                Ok(zone) => zone,
                Err(_) => {
                    let message = format!("invalid timeZone: {named:?}: unknown time zone {named}");
                    self.recorder.warning(cron, "UnknownTimeZone", message);
                    return Next::Wait;
                }
            },
        };
        let line = text(cron, "/spec/schedule");
        let schedule = match Schedule::parse(line) {
            Ok(schedule) => schedule,
            Err(error) => {
                self.recorder.warning(cron, "UnparseableSchedule", format!("unparseable schedule: {line:?} : {error}"));
                return Next::Wait;
            }
        };
        let wait = |from: Timestamp| match schedule.next(from, &zone) {
            Some(next) => {
                let left = Duration::try_from(next.duration_since(now)).unwrap_or_default();
                Next::After(left + Duration::from_millis(20))
            }
            None => Next::Wait,
        };
        let Some(due) = self.missed(cron, &schedule, &zone, now) else { return wait(now) };
        let deadline = number(cron, "/spec/startingDeadlineSeconds");
        if deadline.is_some_and(|deadline| due.as_second() + deadline < now.as_second()) {
            let time = due.strftime("%a, %d %b %Y %H:%M:%S +0000");
            self.recorder.warning(cron, "MissSchedule", format!("Missed scheduled time to start a job: {time}"));
            return wait(now);
        }
        let policy = text(cron, "/spec/concurrencyPolicy");
        let active = list(status, "/active").to_vec();
        if policy == "Forbid" && !active.is_empty() {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            self.recorder.normal(cron, "JobAlreadyActive", message);
            return wait(now);
        }
        if policy == "Replace" {
            for job in jobs.iter().filter(|job| active.iter().any(|reference| reference["uid"] == uid(job))) {
                self.delete(cron, job);
            }
            set_active(status, Vec::new());
        }
        match self.start(cron, due, status) {
            Next::Wait => wait(now),
            next => next,
        }
    }

    /// Returns the latest time that has come and for which nothing was started.
    fn missed(&mut self, cron: &Value, schedule: &Schedule, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let time = |pointer| text(cron, pointer).parse::<Timestamp>().ok();
        let mut from = time("/status/lastScheduleTime").or_else(|| time("/metadata/creationTimestamp"))?;
        if let Some(deadline) = number(cron, "/spec/startingDeadlineSeconds") {
            let earliest = Timestamp::from_second(now.as_second() - deadline - 1).unwrap_or(from);
            from = from.max(earliest);
        }
        let (mut latest, mut count) = (None, 0);
        let mut next = schedule.next(from, zone);
        while let Some(time) = next.filter(|time| *time <= now) {
            latest = Some(time);
            count += 1;
            if count == MANY_MISSED {
                let message = "too many missed start times: 100. Set or decrease .spec.startingDeadlineSeconds or \
                    check clock skew";
                self.recorder.warning(cron, "TooManyMissedTimes", message);
                // What is long past is not looked at one by one.
                let near = Timestamp::from_second(now.as_second() - 3600).unwrap_or(time);
                next = schedule.next(near.max(time), zone);
                continue;
            }
            next = schedule.next(time, zone);
        }
        latest
    }
}

impl Controller for CronJobs {
    fn name(&self) -> &'static str {
        "cronjob"
    }

    fn affected(&mut self, change: &Change, queue: &mut Queue) {
        if *change.resource == CRON_JOBS {
            queue.add(&change.key.namespace, &change.key.name);
        } else if *change.resource == JOBS
            && let Some(owner) = controller(&change.object).filter(|owner| owner["kind"] == "CronJob")
        {
            queue.add(&change.key.namespace, text(owner, "/name"));
        }
    }

    fn all(&mut self, queue: &mut Queue) {
        queue_all(&self.api.list_all(&CRON_JOBS, None), queue);
    }

    fn reconcile(&mut self, key: &Key) -> Next {
        let Ok(cron) = self.api.get(&CRON_JOBS, &key.namespace, &key.name) else { return Next::Wait };
        if is_deleted(&cron) {
            return Next::Wait;
        }
        let jobs = self.jobs(&cron);
        let mut status = cron["status"].clone();
        if !status.is_object() {
            status = json!({});
        }
        self.look_after(&cron, &jobs, &mut status);
        self.clean_up(&cron, &jobs);
        let next = if is_true(&cron, "/spec/suspend") { Next::Wait } else { self.tick(&cron, &jobs, &mut status) };
        if status != cron["status"] {
            let target = Target::new(&CRON_JOBS, &key.namespace, &key.name).part("status");
            // It may be gone by now, which is as good.
            let _ = self.api.update_with(&self.caller, target, |stored| stored["status"] = status);
        }
        next
    }
}

fn set_active(status: &mut Value, active: Vec<Value>) {
    if active.is_empty() {
        as_map(status).remove("active");
    } else {
        status["active"] = json!(active);
    }
}
