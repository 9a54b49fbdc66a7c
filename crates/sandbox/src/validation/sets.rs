//! StatefulSets, DaemonSets, ReplicationControllers, Jobs and CronJobs, after `pkg/apis/{apps,batch}/validation`.

use serde_json::{Value, json};

use crate::Version;
use crate::api::{Cause, Selector};
use crate::controllers::cron_job::schedule::Schedule;
use crate::fields::{list, number, text};

use super::{Faults, is_empty, pod, selector, shown_map, shown_selector};

fn not_negative(faults: &mut Faults, object: &Value, pointer: &str) {
    if let Some(count) = number(object, pointer).filter(|count| *count < 0) {
        let field = pointer.trim_start_matches('/').replace('/', ".");
        faults.invalid(&field, &json!(count), "must be greater than or equal to 0");
    }
}

/// Checks that a selector is there, chooses something, and chooses the Pods of the template.
fn chooses(faults: &mut Faults, object: &Value, kind: &str) {
    let chosen = &object["spec"]["selector"];
    let labels = &object["spec"]["template"]["metadata"]["labels"];
    let mut matches = false;
    if chosen.is_null() {
        faults.required("spec.selector", "");
    } else {
        selector(faults, chosen, "spec.selector");
        matches = Selector::from_object(chosen).is_some_and(|selector| selector.matches_map(labels));
    }
    if !matches {
        mismatch(faults, labels);
    }
    if !chosen.is_null() && is_empty(chosen, "/matchLabels") && list(chosen, "/matchExpressions").is_empty() {
        let shown = shown_selector(chosen, faults.version);
        faults.invalid_shown("spec.selector", &shown, &format!("empty selector is invalid for {kind}"));
    }
}

fn mismatch(faults: &mut Faults, labels: &Value) {
    let shown = shown_map(labels.as_object(), faults.version);
    faults.invalid_shown("spec.template.metadata.labels", &shown, "`selector` does not match template `labels`");
}

fn template(faults: &mut Faults, object: &Value) {
    let template = &object["spec"]["template"];
    faults.labels(template, "/metadata/labels", "spec.template.labels");
    pod::spec(faults, &template["spec"], "spec.template.spec");
    let policy = text(template, "/spec/restartPolicy");
    if matches!(policy, "OnFailure" | "Never") {
        faults.unsupported("spec.template.spec.restartPolicy", &json!(policy), &["Always"]);
    }
}

/// Checks what is checked of a StatefulSet's template: its volumes are only made for each Pod.
fn set_template(faults: &mut Faults, object: &Value) {
    faults.labels(&object["spec"]["template"], "/metadata/labels", "spec.template.labels");
    let policy = text(object, "/spec/template/spec/restartPolicy");
    if matches!(policy, "OnFailure" | "Never") {
        faults.unsupported("spec.template.spec.restartPolicy", &json!(policy), &["Always"]);
    }
}

fn shown_strategy(faults: &Faults, strategy: &Value, go: &str, rolling: &str) -> String {
    match faults.version {
        Version::V1_34 => strategy.to_string(),
        Version::V1_20 | Version::V1_24 => {
            format!("apps.{go}{{Type:{:?}, RollingUpdate:(*apps.{rolling})(nil)}}", text(strategy, "/type"))
        }
    }
}

/// Checks a StatefulSet.
pub(super) fn stateful_set(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let spec = &object["spec"];
    if let Some(old) = old {
        return stateful_update(object, old, faults);
    }
    let policy = text(spec, "/podManagementPolicy");
    match policy {
        "" => faults.required("spec.podManagementPolicy", ""),
        "OrderedReady" | "Parallel" => {}
        other => {
            faults.invalid("spec.podManagementPolicy", &json!(other), "must be 'OrderedReady' or 'Parallel'");
        }
    }
    update_strategy(&mut faults, &spec["updateStrategy"]);
    not_negative(&mut faults, object, "/spec/replicas");
    not_negative(&mut faults, object, "/spec/minReadySeconds");
    chooses(&mut faults, object, "statefulset");
    set_template(&mut faults, object);
    faults.causes
}

fn update_strategy(faults: &mut Faults, strategy: &Value) {
    match text(strategy, "/type") {
        "" => faults.required("spec.updateStrategy", ""),
        "RollingUpdate" => {
            let pointer = "/rollingUpdate/partition";
            if let Some(count) = number(strategy, pointer).filter(|count| *count < 0) {
                let field = "spec.updateStrategy.rollingUpdate.partition";
                faults.invalid(field, &json!(count), "must be greater than or equal to 0");
            }
        }
        "OnDelete" => {}
        _ => {
            let shown =
                shown_strategy(faults, strategy, "StatefulSetUpdateStrategy", "RollingUpdateStatefulSetStrategy");
            faults.invalid_shown("spec.updateStrategy", &shown, "must be 'RollingUpdate' or 'OnDelete'");
        }
    }
}

/// The fields of a StatefulSet that may change.
fn stateful_update(object: &Value, old: &Value, mut faults: Faults) -> Vec<Cause> {
    let mut free = vec!["replicas", "template", "updateStrategy"];
    let detail = match faults.version {
        Version::V1_20 => {
            "updates to statefulset spec for fields other than 'replicas', 'template', and 'updateStrategy' are forbidden"
        }
        Version::V1_24 => {
            free.push("minReadySeconds");
            "updates to statefulset spec for fields other than 'replicas', 'template', 'updateStrategy' and \
             'minReadySeconds' are forbidden"
        }
        Version::V1_34 => {
            free.extend([
                "minReadySeconds",
                "ordinals",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
            ]);
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
             'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        }
    };
    let fixed = |object: &Value| {
        let mut spec = object["spec"].clone();
        if let Some(map) = spec.as_object_mut() {
            map.retain(|key, _| !free.contains(&key.as_str()));
        }
        spec
    };
    if fixed(object) != fixed(old) {
        faults.forbidden("spec", detail);
    }
    update_strategy(&mut faults, &object["spec"]["updateStrategy"]);
    set_template(&mut faults, object);
    not_negative(&mut faults, object, "/spec/replicas");
    faults.causes
}

/// Checks a DaemonSet.
pub(super) fn daemon_set(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    chooses(&mut faults, object, "daemonset");
    template(&mut faults, object);
    if !object["spec"]["template"]["spec"]["activeDeadlineSeconds"].is_null() {
        let field = "spec.template.spec.activeDeadlineSeconds";
        faults.forbidden(field, "activeDeadlineSeconds in DaemonSet is not Supported");
    }
    not_negative(&mut faults, object, "/spec/minReadySeconds");
    let strategy = &object["spec"]["updateStrategy"];
    match text(strategy, "/type") {
        "OnDelete" => {}
        "RollingUpdate" => {
            let is_zero = |field: &str| {
                let value = &strategy["rollingUpdate"][field];
                *value == json!(0) || *value == json!("0%") || value.is_null()
            };
            if is_zero("maxUnavailable") && is_zero("maxSurge") {
                let field = "spec.updateStrategy.rollingUpdate.maxUnavailable";
                match version {
                    Version::V1_20 => {
                        let shown = "intstr.IntOrString{Type:0, IntVal:0, StrVal:\"\"}";
                        faults.invalid_shown(field, shown, "cannot be 0");
                    }
                    Version::V1_24 | Version::V1_34 => faults.required(field, "cannot be 0 when maxSurge is 0"),
                }
            }
        }
        _ => {
            let shown = shown_strategy(&faults, strategy, "DaemonSetUpdateStrategy", "RollingUpdateDaemonSet");
            faults.causes.push(Cause {
                reason: "FieldValueNotSupported",
                message: format!("Unsupported value: {shown}: supported values: \"RollingUpdate\", \"OnDelete\""),
                field: "spec.updateStrategy".to_owned(),
            });
        }
    }
    not_negative(&mut faults, object, "/spec/revisionHistoryLimit");
    immutable_selector(&mut faults, object, old);
    faults.causes
}

fn immutable_selector(faults: &mut Faults, object: &Value, old: Option<&Value>) {
    let chosen = &object["spec"]["selector"];
    if old.is_some_and(|old| old["spec"]["selector"] != *chosen) {
        let shown = shown_selector(chosen, faults.version);
        faults.invalid_shown("spec.selector", &shown, "field is immutable");
    }
}

/// Checks a ReplicationController.
pub(super) fn replication_controller(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    not_negative(&mut faults, object, "/spec/minReadySeconds");
    let chosen = &object["spec"]["selector"];
    if is_empty(object, "/spec/selector") {
        faults.required("spec.selector", "");
    }
    not_negative(&mut faults, object, "/spec/replicas");
    if object["spec"]["template"].is_null() {
        faults.required("spec.template", "");
        return faults.causes;
    }
    let labels = &object["spec"]["template"]["metadata"]["labels"];
    let matches = chosen.as_object().into_iter().flatten().all(|(key, value)| labels[key.as_str()] == *value);
    if !matches {
        mismatch(&mut faults, labels);
    }
    template(&mut faults, object);
    faults.causes
}

/// Checks a Job.
pub(super) fn job(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    for field in ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"] {
        // The first servers with the field kept it off, and dropped it.
        if field != "ttlSecondsAfterFinished" || version != Version::V1_20 {
            not_negative(&mut faults, object, &format!("/spec/{field}"));
        }
    }
    job_template(&mut faults, &object["spec"]["template"]["spec"], "spec.template.spec");
    let chosen = &object["spec"]["selector"];
    let labels = &object["spec"]["template"]["metadata"]["labels"];
    if object["spec"]["manualSelector"] != true {
        let prefix = if version == Version::V1_34 { "batch.kubernetes.io/" } else { "" };
        let key = format!("{prefix}controller-uid");
        let expected = json!({ "matchLabels": { key: text(object, "/metadata/uid") } });
        if *chosen != expected && old.is_none() {
            let shown = shown_selector(chosen, version);
            faults.invalid_shown("spec.selector", &shown, "`selector` not auto-generated");
        }
    } else if chosen.is_null() {
        faults.required("spec.selector", "");
    }
    if !chosen.is_null() && !Selector::from_object(chosen).is_some_and(|selector| selector.matches_map(labels)) {
        mismatch(&mut faults, labels);
    }
    if let Some(old) = old {
        for field in ["completions", "selector", "template", "completionMode"] {
            let (before, after) = (&old["spec"][field], &object["spec"][field]);
            // A suspended Job that never began may still choose where it runs.
            let is_free = field == "template" && old["spec"]["suspend"] == true;
            if before != after && !is_free {
                let shown = match version {
                    Version::V1_34 => after.to_string(),
                    Version::V1_20 | Version::V1_24 => go_shown(field, after, version),
                };
                faults.invalid_shown(&format!("spec.{field}"), &shown, "field is immutable");
            }
        }
    }
    faults.causes
}

fn go_shown(field: &str, value: &Value, version: Version) -> String {
    match field {
        "selector" => shown_selector(value, version),
        "template" => "core.PodTemplateSpec{...}".to_owned(),
        _ => value.to_string(),
    }
}

fn job_template(faults: &mut Faults, spec: &Value, path: &str) {
    pod::spec(faults, spec, path);
    let field = format!("{path}.restartPolicy");
    match text(spec, "/restartPolicy") {
        "OnFailure" | "Never" => {}
        // What was left out has become the default of Pods.
        "Always" => faults.required(&field, "valid values: \"OnFailure\", \"Never\""),
        other => {
            let supported: &[&str] = match faults.version {
                Version::V1_20 => &["OnFailure", "Never"],
                Version::V1_24 | Version::V1_34 => &["Never", "OnFailure"],
            };
            faults.unsupported(&field, &json!(other), supported);
        }
    }
}

/// Checks a CronJob.
pub(super) fn cron_job(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let line = text(object, "/spec/schedule");
    if line.is_empty() {
        faults.required("spec.schedule", "");
    } else if let Err(error) = Schedule::parse(line) {
        let count = line.split_whitespace().count();
        let detail = match version {
            Version::V1_20 if count != 5 => format!("Expected exactly 5 fields, found {count}: {line}"),
            Version::V1_20 | Version::V1_24 | Version::V1_34 => error.to_string(),
        };
        faults.invalid("spec.schedule", &json!(line), &detail);
    }
    not_negative(&mut faults, object, "/spec/startingDeadlineSeconds");
    let policy = text(object, "/spec/concurrencyPolicy");
    if !matches!(policy, "Allow" | "Forbid" | "Replace") {
        faults.unsupported("spec.concurrencyPolicy", &json!(policy), &["Allow", "Forbid", "Replace"]);
    }
    let template = &object["spec"]["jobTemplate"]["spec"];
    job_template(&mut faults, &template["template"]["spec"], "spec.jobTemplate.spec.template.spec");
    if template["manualSelector"] == true {
        faults.unsupported("spec.jobTemplate.spec.manualSelector", &json!(true), &["nil", "false"]);
    }
    not_negative(&mut faults, object, "/spec/successfulJobsHistoryLimit");
    not_negative(&mut faults, object, "/spec/failedJobsHistoryLimit");
    let name = text(object, "/metadata/name");
    // Eleven characters are for the time that Jobs have in their names.
    if old.is_none() && name.len() > 52 {
        faults.invalid("metadata.name", &json!(name), "must be no more than 52 characters");
    }
    faults.causes
}
