//! Disruption budgets, autoscalers, volumes, claims and classes, after their `pkg/apis/*/validation`.

use serde_json::{Value, json};

use crate::Version;
use crate::api::{Cause, subdomain_fault};
use crate::fields::{entries, list, number, text};
use crate::quantity::Quantity;

use super::{Faults, selector};

/// Checks a PodDisruptionBudget.
pub(super) fn budget(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let spec = &object["spec"];
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        let shown = match version {
            Version::V1_34 => spec.to_string(),
            Version::V1_20 | Version::V1_24 => "policy.PodDisruptionBudgetSpec{...}".to_owned(),
        };
        faults.invalid_shown("spec", &shown, "minAvailable and maxUnavailable cannot be both set");
    }
    for part in ["minAvailable", "maxUnavailable"] {
        let value = &spec[part];
        let field = format!("spec.{part}");
        let shown = |value: &Value| match (version, value) {
            (Version::V1_20 | Version::V1_24, Value::String(text)) => {
                format!("intstr.IntOrString{{Type:1, IntVal:0, StrVal:{text:?}}}")
            }
            _ => value.to_string(),
        };
        match value {
            Value::Number(count) if count.as_i64().is_some_and(|count| count < 0) => {
                faults.invalid(&field, value, "must be greater than or equal to 0");
            }
            Value::String(text) => {
                let percent = text.strip_suffix('%').and_then(|digits| digits.parse::<u32>().ok());
                let detail = match percent {
                    None => {
                        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', \
                         regex used for validation is '[0-9]+%')"
                    }
                    Some(percent) if percent > 100 => "must not be greater than 100%",
                    Some(_) => continue,
                };
                faults.invalid_shown(&field, &shown(value), detail);
            }
            _ => {}
        }
    }
    selector(&mut faults, &spec["selector"], "spec.selector");
    faults.causes
}

/// Checks a HorizontalPodAutoscaler in the form of `v2`.
pub(super) fn autoscaler(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let spec = &object["spec"];
    let least = number(spec, "/minReplicas").unwrap_or(1);
    let most = number(spec, "/maxReplicas").unwrap_or_default();
    if least < 1 {
        faults.invalid("spec.minReplicas", &json!(least), "must be greater than or equal to 1");
    }
    if most < 1 {
        faults.invalid("spec.maxReplicas", &json!(most), "must be greater than 0");
    }
    if most < least && least >= 1 {
        faults.invalid("spec.maxReplicas", &json!(most), "must be greater than or equal to `minReplicas`");
    }
    for field in ["kind", "name"] {
        let value = text(spec, &format!("/scaleTargetRef/{field}"));
        let field = format!("spec.scaleTargetRef.{field}");
        if value.is_empty() {
            faults.required(&field, "");
        } else if let Some(fault) = crate::api::segment_fault(value) {
            faults.invalid(&field, &json!(value), fault);
        }
    }
    let metrics = list(spec, "/metrics");
    let has_outer = metrics.iter().any(|metric| matches!(text(metric, "/type"), "Object" | "External"));
    for (index, metric) in metrics.iter().enumerate() {
        let kind = match text(metric, "/type") {
            "Resource" => "resource",
            "ContainerResource" => "containerResource",
            "Pods" => "pods",
            "Object" => "object",
            "External" => "external",
            other => {
                let supported = ["ContainerResource", "External", "Object", "Pods", "Resource"];
                faults.unsupported(&format!("spec.metrics[{index}].type"), &json!(other), &supported);
                continue;
            }
        };
        let path = format!("spec.metrics[{index}].{kind}");
        if !metric[kind].is_object() {
            faults.required(&path, "must populate information for the given metric source");
            continue;
        }
        if matches!(kind, "resource" | "containerResource") {
            let source = &metric[kind];
            if text(source, "/name").is_empty() {
                faults.required(&format!("{path}.name"), "must specify a resource name");
            }
            let target = &source["target"];
            match target["averageUtilization"].as_i64() {
                Some(percent) if percent < 1 => {
                    let field = format!("{path}.target.averageUtilization");
                    faults.invalid(&field, &json!(percent), "must be greater than 0");
                }
                None if target["averageValue"].is_null() => {
                    let detail = "must set either a target raw value or a target utilization";
                    faults.required(&format!("{path}.target.averageUtilization"), detail);
                }
                _ => {}
            }
        }
    }
    if least == 0 && !has_outer {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        faults.forbidden("spec.metrics", detail);
    }
    faults.causes
}

fn modes(faults: &mut Faults, spec: &Value) {
    let mut supported = vec!["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce"];
    if faults.version >= Version::V1_24 {
        supported.push("ReadWriteOncePod");
    }
    for mode in list(spec, "/accessModes") {
        if !mode.as_str().is_some_and(|mode| supported.contains(&mode)) {
            faults.unsupported("spec.accessModes", mode, &supported);
        }
    }
}

fn volume_mode(faults: &mut Faults, spec: &Value) {
    let mode = text(spec, "/volumeMode");
    if !matches!(mode, "" | "Block" | "Filesystem") {
        faults.unsupported("spec.volumeMode", &json!(mode), &["Block", "Filesystem"]);
    }
}

fn class_name(faults: &mut Faults, spec: &Value) {
    let class = text(spec, "/storageClassName");
    if !class.is_empty()
        && let Some(fault) = subdomain_fault(class)
    {
        faults.invalid("spec.storageClassName", &json!(class), fault);
    }
}

/// Checks a PersistentVolumeClaim.
pub(super) fn claim(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let spec = &object["spec"];
    if let Some(old) = old {
        return claim_update(spec, &old["spec"], faults);
    }
    if list(spec, "/accessModes").is_empty() {
        faults.required("spec.accessModes", "at least 1 access mode is required");
    }
    if spec["selector"].is_object() {
        selector(&mut faults, &spec["selector"], "spec.selector");
    }
    modes(&mut faults, spec);
    match Quantity::from_json(&spec["resources"]["requests"]["storage"]) {
        Ok(amount) if amount.is_negative() || amount.is_zero() => {
            let (value, detail) = (json!(amount.to_string()), "must be greater than zero");
            faults.invalid("spec.resources[storage]", &value, detail);
        }
        Ok(_) => {}
        Err(_) => faults.required("spec.resources[storage]", ""),
    }
    class_name(&mut faults, spec);
    volume_mode(&mut faults, spec);
    faults.causes
}

/// A claim may grow, and its volume may be written into it once; nothing else changes.
fn claim_update(spec: &Value, old: &Value, mut faults: Faults) -> Vec<Cause> {
    let storage = |spec: &Value| Quantity::from_json(&spec["resources"]["requests"]["storage"]).ok();
    let fixed = |spec: &Value| {
        let mut spec = spec.clone();
        spec["resources"] = Value::Null;
        spec["volumeName"] = Value::Null;
        spec["volumeAttributesClassName"] = Value::Null;
        // A claim that came before there was a default class may still get it.
        if old["storageClassName"].is_null() {
            spec["storageClassName"] = Value::Null;
        }
        spec
    };
    let renamed = !text(old, "/volumeName").is_empty() && old["volumeName"] != spec["volumeName"];
    if fixed(spec) != fixed(old) || renamed {
        let detail = match faults.version {
            Version::V1_20 | Version::V1_24 => {
                "spec is immutable after creation except resources.requests for bound claims"
            }
            Version::V1_34 => {
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound \
                 claims"
            }
        };
        faults.forbidden("spec", detail);
    }
    if let (Some(now), Some(before)) = (storage(spec), storage(old))
        && now.as_f64() < before.as_f64()
    {
        faults.forbidden("spec.resources.requests.storage", "field can not be less than previous value");
    }
    faults.causes
}

/// The fields of a PersistentVolume's `spec` that are no source.
const NO_SOURCE: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

/// Checks a PersistentVolume.
pub(super) fn volume(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let spec = &object["spec"];
    if list(spec, "/accessModes").is_empty() {
        faults.required("spec.accessModes", "");
    }
    modes(&mut faults, spec);
    let capacity: Vec<&String> = entries(spec, "/capacity").map(|(name, _)| name).collect();
    if capacity.is_empty() {
        faults.required("spec.capacity", "");
    }
    if capacity.len() != 1 || capacity.first().is_none_or(|name| *name != "storage") {
        let shown = match version {
            Version::V1_34 => spec["capacity"].to_string(),
            Version::V1_20 | Version::V1_24 if capacity.is_empty() => "core.ResourceList(nil)".to_owned(),
            Version::V1_20 | Version::V1_24 => {
                let parts: Vec<String> = entries(spec, "/capacity")
                    .filter_map(|(name, value)| {
                        let amount = Quantity::from_json(value).ok()?;
                        Some(format!("{name:?}:{}", super::shown_quantity(amount, version)))
                    })
                    .collect();
                format!("core.ResourceList{{{}}}", parts.join(", "))
            }
        };
        faults.causes.push(Cause {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {shown}: supported values: \"storage\""),
            field: "spec.capacity".to_owned(),
        });
    }
    for (name, value) in entries(spec, "/capacity") {
        if let Ok(amount) = Quantity::from_json(value)
            && (amount.is_negative() || amount.is_zero())
        {
            let field = format!("spec.capacity[{name}]");
            faults.invalid(&field, &json!(amount.to_string()), "must be greater than zero");
        }
    }
    let policy = text(spec, "/persistentVolumeReclaimPolicy");
    if !matches!(policy, "" | "Delete" | "Recycle" | "Retain") {
        faults.unsupported("spec.persistentVolumeReclaimPolicy", &json!(policy), &["Delete", "Recycle", "Retain"]);
    }
    let sources: Vec<&String> =
        entries(object, "/spec").map(|(name, _)| name).filter(|name| !NO_SOURCE.contains(&name.as_str())).collect();
    if sources.is_empty() {
        faults.required("spec", "must specify a volume type");
    }
    for (index, source) in sources.iter().enumerate() {
        if index > 0 {
            faults.forbidden(&format!("spec.{source}"), "may not specify more than 1 volume type");
        } else if *source == "hostPath" {
            let path = text(spec, "/hostPath/path");
            if path.is_empty() {
                faults.required("spec.hostPath.path", "");
            } else if path.split('/').any(|part| part == "..") {
                faults.invalid("spec.hostPath.path", &json!(path), "must not contain '..'");
            }
        }
    }
    class_name(&mut faults, spec);
    volume_mode(&mut faults, spec);
    if let Some(old) = old {
        let source = |object: &Value| {
            let mut spec = object["spec"].clone();
            if let Some(map) = spec.as_object_mut() {
                map.retain(|name, _| !NO_SOURCE.contains(&name.as_str()));
            }
            spec
        };
        if source(old) != source(object) {
            faults.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation");
        }
    }
    faults.causes
}

/// Checks a StorageClass.
pub(super) fn storage_class(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    if text(object, "/provisioner").is_empty() {
        faults.required("provisioner", "");
    }
    let policy = text(object, "/reclaimPolicy");
    if !matches!(policy, "Delete" | "Retain") {
        faults.unsupported("reclaimPolicy", &json!(policy), &["Delete", "Retain"]);
    }
    let mode = text(object, "/volumeBindingMode");
    if !matches!(mode, "Immediate" | "WaitForFirstConsumer") {
        faults.unsupported("volumeBindingMode", &json!(mode), &["Immediate", "WaitForFirstConsumer"]);
    }
    if let Some(old) = old {
        for (field, detail) in [
            ("parameters", "updates to parameters are forbidden."),
            ("provisioner", "updates to provisioner are forbidden."),
            ("reclaimPolicy", "updates to reclaimPolicy are forbidden."),
        ] {
            if old[field] != object[field] {
                faults.forbidden(field, detail);
            }
        }
        if old["volumeBindingMode"] != object["volumeBindingMode"] {
            faults.invalid("volumeBindingMode", &object["volumeBindingMode"], "field is immutable");
        }
    }
    faults.causes
}

/// Checks a Lease.
pub(super) fn lease(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    if let Some(seconds) = number(object, "/spec/leaseDurationSeconds").filter(|seconds| *seconds < 1) {
        faults.invalid("spec.leaseDurationSeconds", &json!(seconds), "must be greater than 0");
    }
    if let Some(count) = number(object, "/spec/leaseTransitions").filter(|count| *count < 0) {
        let detail = match version {
            Version::V1_20 | Version::V1_24 => "must to greater or equal than 0",
            Version::V1_34 => "must be greater than or equal to 0",
        };
        faults.invalid("spec.leaseTransitions", &json!(count), detail);
    }
    faults.causes
}

/// Checks a RuntimeClass.
pub(super) fn runtime_class(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    super::dns_label(&mut faults, "handler", text(object, "/handler"));
    if old.is_some_and(|old| old["handler"] != object["handler"]) {
        faults.invalid("handler", &object["handler"], "field is immutable");
    }
    faults.causes
}

/// Checks a PriorityClass.
pub(super) fn priority_class(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    const SYSTEM: [&str; 2] = ["system-cluster-critical", "system-node-critical"];
    const HIGHEST: i64 = 1_000_000_000;
    let mut faults = Faults::new(version);
    let (name, value) = (text(object, "/metadata/name"), number(object, "/value").unwrap_or_default());
    if name.starts_with("system-") {
        if !SYSTEM.contains(&name) {
            let detail = format!(
                "priority class names with 'system-' prefix are reserved for system use only. error: {name} is not a \
                 known system priority class"
            );
            faults.forbidden("metadata.name", &detail);
        }
    } else if value > HIGHEST {
        let detail = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        faults.forbidden("value", &detail);
    }
    let policy = text(object, "/preemptionPolicy");
    if !matches!(policy, "" | "Never" | "PreemptLowerPriority") {
        faults.unsupported("preemptionPolicy", &json!(policy), &["PreemptLowerPriority", "Never"]);
    }
    if let Some(old) = old {
        for field in ["value", "preemptionPolicy"] {
            if old[field] != object[field] {
                faults.forbidden(field, "may not be changed in an update.");
            }
        }
    }
    faults.causes
}

/// Checks a PodSecurityPolicy.
pub(super) fn pod_security(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    for (part, supported) in [
        ("runAsUser", &["MustRunAs", "MustRunAsNonRoot", "RunAsAny"][..]),
        ("seLinux", &["MustRunAs", "RunAsAny"]),
        ("supplementalGroups", &["MayRunAs", "MustRunAs", "RunAsAny"]),
        ("fsGroup", &["MayRunAs", "MustRunAs", "RunAsAny"]),
    ] {
        let rule = text(object, &format!("/spec/{part}/rule"));
        if !supported.contains(&rule) {
            faults.unsupported(&format!("spec.{part}.rule"), &json!(rule), supported);
        }
    }
    let dropped = list(object, "/spec/requiredDropCapabilities");
    for (part, field) in
        [("defaultAddCapabilities", "defaultAddCapabilities"), ("allowedCapabilities", "allowedCapabilities")]
    {
        for capability in list(object, &format!("/spec/{part}")).iter().filter(|one| dropped.contains(one)) {
            let detail = format!("capability is listed in {part} and requiredDropCapabilities");
            faults.invalid(field, capability, &detail);
        }
    }
    faults.causes
}
