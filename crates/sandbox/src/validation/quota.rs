//! LimitRanges and ResourceQuotas.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::Version;
use crate::amounts::{self, Amounts};
use crate::api::Cause;
use crate::fields::{list, text};
use crate::quantity::Quantity;

use super::{Faults, NameOf, amount, resource_name, shown_quantity};

const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
    an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// Checks a LimitRange.
pub(super) fn limit_range(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let mut kinds: Vec<&str> = Vec::new();
    for (index, item) in list(object, "/spec/limits").iter().enumerate() {
        let field = format!("spec.limits[{index}]");
        let kind = text(item, "/type");
        match kind {
            "Container" | "Pod" | "PersistentVolumeClaim" => {}
            "" => {
                faults.invalid(&format!("{field}.type"), &json!(""), "name part must be non-empty");
                faults.invalid(&format!("{field}.type"), &json!(""), QUALIFIED);
            }
            other if other.contains('/') => {}
            other => faults.invalid(
                &format!("{field}.type"),
                &json!(other),
                "must be a standard limit type or fully qualified",
            ),
        }
        if kinds.contains(&kind) {
            faults.duplicate(&format!("{field}.type"), &json!(kind));
        }
        kinds.push(kind);
        limit(&mut faults, &field, item, kind);
    }
    faults.causes
}

fn limit(faults: &mut Faults, field: &str, item: &Value, kind: &str) {
    for part in ["max", "min"] {
        for (name, value) in amounts::at(item, &format!("/{part}")) {
            let field = format!("{field}.{part}[{name}]");
            names(faults, &field, &name, kind);
            amount(faults, &field, &name, value);
        }
    }
    if kind == "Pod" {
        for part in ["default", "defaultRequest"] {
            if !super::is_empty(item, &format!("/{part}")) {
                faults.forbidden(&format!("{field}.{part}"), "may not be specified when `type` is 'Pod'");
            }
        }
    } else {
        for part in ["default", "defaultRequest"] {
            for name in amounts::at(item, &format!("/{part}")).keys() {
                names(faults, &format!("{field}.{part}[{name}]"), name, kind);
            }
        }
    }
    let of = |part: &str| -> Amounts { amounts::at(item, &format!("/{part}")) };
    if kind == "PersistentVolumeClaim" && !of("min").contains_key("storage") && !of("max").contains_key("storage") {
        let detail = "either minimum or maximum storage value is required, but neither was provided";
        faults.required(&format!("{field}.limits"), detail);
    }
    let (max, min, default, request) = (of("max"), of("min"), of("default"), of("defaultRequest"));
    let ratio = of("maxLimitRequestRatio");
    let all: BTreeSet<&String> =
        [&max, &min, &default, &request, &ratio].into_iter().flat_map(|amounts| amounts.keys()).collect();
    for name in all {
        let [max, min, default, request, ratio] =
            [&max, &min, &default, &request, &ratio].map(|amounts| amounts.get(name).copied());
        let mut order = |low: Option<Quantity>,
                         high: Option<Quantity>,
                         part: &str,
                         shown: Option<Quantity>,
                         words: (&str, &str)| {
            if let (Some(low), Some(high), Some(shown)) = (low, high, shown)
                && low > high
            {
                let detail = format!("{} value {low} is greater than {} value {high}", words.0, words.1);
                let shown = shown_quantity(shown, faults.version);
                faults.invalid_shown(&format!("{field}.{part}[{name}]"), &shown, &detail);
            }
        };
        order(min, max, "min", min, ("min", "max"));
        order(min, request, "defaultRequest", request, ("min", "default request"));
        order(request, max, "defaultRequest", request, ("default request", "max"));
        order(request, default, "defaultRequest", request, ("default request", "default limit"));
        order(min, default, "default", min, ("min", "default"));
        order(default, max, "default", max, ("default", "max"));
        if let Some(ratio) = ratio {
            let field = format!("{field}.maxLimitRequestRatio[{name}]");
            let shown = shown_quantity(ratio, faults.version);
            if ratio < Quantity::whole(1) {
                faults.invalid_shown(&field, &shown, &format!("ratio {ratio} is less than 1"));
            }
            if let (Some(max), Some(min)) = (max, min)
                && !min.is_zero()
                && ratio.as_f64() > max.as_f64() / min.as_f64()
            {
                let most = max.as_f64() / min.as_f64();
                let detail = format!("ratio {ratio} is greater than max/min = {most:.6}");
                faults.invalid_shown(&field, &shown, &detail);
            }
        }
    }
}

fn names(faults: &mut Faults, field: &str, name: &str, kind: &str) {
    match kind {
        "Container" | "Pod" => resource_name(faults, field, name, NameOf::Container),
        _ => {}
    }
}

/// The scopes that exist.
const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

/// Checks a ResourceQuota.
pub(super) fn resource_quota(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let hard = amounts::at(object, "/spec/hard");
    for (name, value) in &hard {
        let field = format!("spec.hard[{name}]");
        if !name.starts_with("count/") {
            resource_name(&mut faults, &field, name, NameOf::Quota);
        }
        amount(&mut faults, &field, name, *value);
    }
    let scopes: Vec<&str> = list(object, "/spec/scopes").iter().filter_map(Value::as_str).collect();
    let shown = match version {
        Version::V1_34 => json!(scopes).to_string(),
        Version::V1_20 | Version::V1_24 => format!(
            "[]core.ResourceQuotaScope{{{}}}",
            scopes.iter().map(|scope| format!("{scope:?}")).collect::<Vec<_>>().join(", ")
        ),
    };
    for scope in &scopes {
        if !SCOPES.contains(scope) {
            faults.invalid_shown("spec.scopes", &shown, "unsupported scope");
        }
        let fits = |name: &String| match *scope {
            "BestEffort" => name == "pods",
            _ => matches!(
                name.as_str(),
                "pods"
                    | "cpu"
                    | "memory"
                    | "ephemeral-storage"
                    | "requests.cpu"
                    | "requests.memory"
                    | "limits.cpu"
                    | "limits.memory"
                    | "requests.ephemeral-storage"
                    | "limits.ephemeral-storage"
            ),
        };
        if SCOPES.contains(scope) && !hard.keys().all(fits) {
            faults.invalid_shown("spec.scopes", &shown, "unsupported scope applied to resource");
        }
    }
    for (one, other) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        if scopes.contains(&one) && scopes.contains(&other) {
            faults.invalid_shown("spec.scopes", &shown, "conflicting scopes");
        }
    }
    faults.causes
}
