//! Defaults of Jobs and CronJobs.

use serde_json::Value;

use crate::Version;
use crate::fields::{as_map, default_to, is_true, map_at, text};

use super::{map_at_value, workload};

/// Fills a Job. One that does not choose its Pods itself chooses them by its uid.
pub(crate) fn fill_job(job: &mut Value, version: Version) {
    choose_pods(job, version);
    let spec = map_at_value(job, "spec");
    let map = as_map(spec);
    let is_set = |map: &serde_json::Map<String, Value>, key: &str| map.get(key).is_some_and(|value| !value.is_null());
    if !is_set(map, "completions") && !is_set(map, "parallelism") {
        map.insert("completions".to_owned(), 1.into());
    }
    default_to(map, "parallelism", 1);
    default_to(map, "backoffLimit", 6);
    if version >= Version::V1_24 {
        default_to(map, "completionMode", "NonIndexed");
        default_to(map, "suspend", false);
    }
    if version >= Version::V1_34 {
        let policy = if map.contains_key("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
        default_to(map, "podReplacementPolicy", policy);
        default_to(map, "manualSelector", false);
        if map["manualSelector"] == false {
            map.remove("manualSelector");
        }
    }
    workload::fill_template(spec, version);
    map_at(job, "status");
}

/// Writes the selector and the labels that a Job has from its uid: `generateSelector`.
fn choose_pods(job: &mut Value, version: Version) {
    if is_true(job, "/spec/manualSelector") || text(job, "/metadata/uid").is_empty() {
        return;
    }
    let (uid, name) = (text(job, "/metadata/uid").to_owned(), text(job, "/metadata/name").to_owned());
    let labels: &[(&str, &str)] = match version {
        Version::V1_20 | Version::V1_24 => &[("controller-uid", &uid), ("job-name", &name)],
        Version::V1_34 => &[
            ("batch.kubernetes.io/controller-uid", &uid),
            ("batch.kubernetes.io/job-name", &name),
            ("controller-uid", &uid),
            ("job-name", &name),
        ],
    };
    let spec = map_at_value(job, "spec");
    map_at(map_at_value(spec, "selector"), "matchLabels")
        .entry(labels[0].0)
        .or_insert_with(|| Value::from(uid.as_str()));
    let template = map_at_value(spec, "template");
    let own = map_at(map_at_value(template, "metadata"), "labels");
    for (key, value) in labels {
        own.entry(*key).or_insert_with(|| Value::from(*value));
    }
    let all = own.clone();
    let own = map_at(map_at_value(job, "metadata"), "labels");
    if own.is_empty() {
        *own = all;
    }
}

/// Fills a CronJob.
pub(crate) fn fill_cron_job(job: &mut Value, version: Version) {
    let spec = map_at_value(job, "spec");
    let map = as_map(spec);
    default_to(map, "concurrencyPolicy", "Allow");
    default_to(map, "failedJobsHistoryLimit", 1);
    default_to(map, "successfulJobsHistoryLimit", 3);
    default_to(map, "suspend", false);
    let template = map_at_value(spec, "jobTemplate");
    workload::stamp(map_at(template, "metadata"), version);
    workload::fill_template(map_at_value(template, "spec"), version);
    map_at(job, "status");
}
