//! Deployments and ReplicaSets.

use serde_json::{Value, json};

use crate::Version;
use crate::api::{Cause, Selector};
use crate::fields::{number, text};

use super::{Faults, is_empty, pod, selector, shown_map, shown_selector};

/// Checks a Deployment or a ReplicaSet.
pub(super) fn workload(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let is_deployment = object["kind"] == "Deployment";
    for (pointer, field) in [
        ("/spec/replicas", "spec.replicas"),
        ("/spec/minReadySeconds", "spec.minReadySeconds"),
        ("/spec/revisionHistoryLimit", "spec.revisionHistoryLimit"),
    ] {
        if let Some(count) = number(object, pointer).filter(|count| *count < 0) {
            faults.invalid(field, &json!(count), "must be greater than or equal to 0");
        }
    }
    let chosen = &object["spec"]["selector"];
    let mut matches = false;
    if chosen.is_null() {
        faults.required("spec.selector", "");
    } else {
        selector(&mut faults, chosen, "spec.selector");
        if is_empty(chosen, "/matchLabels") && crate::fields::list(chosen, "/matchExpressions").is_empty() {
            let shown = shown_selector(chosen, version);
            let kind = if is_deployment { "deployment" } else { "replicaset" };
            faults.invalid_shown("spec.selector", &shown, &format!("empty selector is invalid for {kind}"));
        }
        let labels = &object["spec"]["template"]["metadata"]["labels"];
        matches = Selector::from_object(chosen).is_some_and(|selector| selector.matches_map(labels));
    }
    if !matches {
        let labels = object["spec"]["template"]["metadata"]["labels"].as_object();
        let detail = "`selector` does not match template `labels`";
        faults.invalid_shown("spec.template.metadata.labels", &shown_map(labels, version), detail);
    }
    let template = &object["spec"]["template"];
    faults.labels(template, "/metadata/labels", "spec.template.labels");
    pod::spec(&mut faults, &template["spec"], "spec.template.spec");
    let policy = text(template, "/spec/restartPolicy");
    if matches!(policy, "OnFailure" | "Never") {
        faults.unsupported("spec.template.spec.restartPolicy", &json!(policy), &["Always"]);
    }
    if is_deployment {
        strategy(&mut faults, &object["spec"]["strategy"]);
        let (deadline, minimum) = (
            number(object, "/spec/progressDeadlineSeconds"),
            number(object, "/spec/minReadySeconds").unwrap_or_default(),
        );
        if let Some(deadline) = deadline.filter(|deadline| *deadline <= minimum) {
            let detail = "must be greater than minReadySeconds";
            faults.invalid("spec.progressDeadlineSeconds", &json!(deadline), detail);
        }
    }
    if old.is_some_and(|old| old["spec"]["selector"] != *chosen) {
        faults.invalid_shown("spec.selector", &shown_selector(chosen, version), "field is immutable");
    }
    faults.causes
}

fn strategy(faults: &mut Faults, strategy: &Value) {
    match text(strategy, "/type") {
        "RollingUpdate" => {
            for part in ["maxUnavailable", "maxSurge"] {
                let field = format!("spec.strategy.rollingUpdate.{part}");
                let value = &strategy["rollingUpdate"][part];
                match value {
                    Value::Number(count) if count.as_i64().is_some_and(|count| count < 0) => {
                        faults.invalid(&field, value, "must be greater than or equal to 0");
                    }
                    Value::String(text) => {
                        let percent = text.strip_suffix('%').and_then(|digits| digits.parse::<u32>().ok());
                        match percent {
                            None => faults.invalid(
                                &field,
                                value,
                                "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
                                 '93%', regex used for validation is '[0-9]+%')",
                            ),
                            Some(percent) if percent > 100 && part == "maxUnavailable" => {
                                faults.invalid(&field, value, "must not be greater than 100%");
                            }
                            Some(_) => {}
                        }
                    }
                    _ => {}
                }
            }
            let is_zero = |part: &str| matches!(&strategy["rollingUpdate"][part], value if *value == json!(0) || *value == json!("0%"));
            if is_zero("maxSurge") && is_zero("maxUnavailable") {
                let detail = "may not be 0 when `maxSurge` is 0";
                let value = &strategy["rollingUpdate"]["maxUnavailable"];
                faults.invalid("spec.strategy.rollingUpdate.maxUnavailable", value, detail);
            }
        }
        "Recreate" => {
            if strategy.get("rollingUpdate").is_some_and(|rolling| !rolling.is_null()) {
                let detail = "may not be specified when strategy `type` is 'Recreate'";
                faults.forbidden("spec.strategy.rollingUpdate", detail);
            }
        }
        other => faults.unsupported("spec.strategy.type", &json!(other), &["Recreate", "RollingUpdate"]),
    }
}
