//! The rows of rules: access, security, network, disruption, scaling; and of what extends the API.

use serde_json::Value;

use super::workload::selector;
use super::{Column, Context, age, boolean, name, number, or_none, text, wide};
use crate::Version;
use crate::fields::{list, number as whole, text as string};

fn texts(object: &Value, pointer: &str) -> Vec<String> {
    list(object, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

pub(super) fn binding_columns() -> Vec<Column> {
    vec![name(), text("Role"), text("Age"), wide("Users"), wide("Groups"), wide("ServiceAccounts")]
}

pub(super) fn binding_cells(context: Context, binding: &Value) -> Vec<Value> {
    let subjects = |kind: &str| -> Value {
        let found: Vec<String> = list(binding, "/subjects")
            .iter()
            .filter(|subject| subject["kind"] == kind)
            .map(|subject| match kind {
                "ServiceAccount" => format!("{}/{}", string(subject, "/namespace"), string(subject, "/name")),
                _ => string(subject, "/name").to_owned(),
            })
            .collect();
        found.join(", ").into()
    };
    vec![
        binding["metadata"]["name"].clone(),
        format!("{}/{}", string(binding, "/roleRef/kind"), string(binding, "/roleRef/name")).into(),
        age::since(context.now, &binding["metadata"]["creationTimestamp"]),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

pub(super) fn pod_security_columns() -> Vec<Column> {
    let columns = ["Priv", "Caps", "SELinux", "RunAsUser", "FsGroup", "SupGroup", "ReadOnlyRootFs", "Volumes"];
    std::iter::once(name()).chain(columns.into_iter().map(text)).collect()
}

pub(super) fn pod_security_cells(policy: &Value) -> Vec<Value> {
    let spec = &policy["spec"];
    let flag = |field: &str| spec[field].as_bool().unwrap_or_default();
    vec![
        policy["metadata"]["name"].clone(),
        flag("privileged").to_string().into(),
        texts(spec, "/allowedCapabilities").join(",").into(),
        spec["seLinux"]["rule"].clone(),
        spec["runAsUser"]["rule"].clone(),
        spec["fsGroup"]["rule"].clone(),
        spec["supplementalGroups"]["rule"].clone(),
        flag("readOnlyRootFilesystem").into(),
        texts(spec, "/volumes").join(",").into(),
    ]
}

pub(super) fn signing_request_columns(context: Context) -> Vec<Column> {
    let mut columns = vec![name(), text("Age"), text("SignerName"), text("Requestor"), text("Condition")];
    if context.version >= Version::V1_24 {
        columns.insert(4, text("RequestedDuration"));
    }
    columns
}

pub(super) fn signing_request_cells(context: Context, request: &Value) -> Vec<Value> {
    let conditions = list(request, "/status/conditions");
    let has = |kind: &str| conditions.iter().any(|condition| condition["type"] == kind);
    let mut condition = match () {
        () if has("Denied") => "Denied".to_owned(),
        () if has("Approved") => "Approved".to_owned(),
        () => "Pending".to_owned(),
    };
    if has("Failed") {
        condition.push_str(",Failed");
    }
    if !string(request, "/status/certificate").is_empty() {
        condition.push_str(",Issued");
    }
    let mut cells = vec![
        request["metadata"]["name"].clone(),
        age::since(context.now, &request["metadata"]["creationTimestamp"]),
        or_none(string(request, "/spec/signerName")),
        string(request, "/spec/username").into(),
        condition.into(),
    ];
    if context.version >= Version::V1_24 {
        let duration = whole(request, "/spec/expirationSeconds").map(age::human).unwrap_or_default();
        cells.insert(4, or_none(&duration));
    }
    cells
}

pub(super) fn network_policy_cells(context: Context, policy: &Value) -> Vec<Value> {
    vec![
        policy["metadata"]["name"].clone(),
        selector(&policy["spec"]["podSelector"]),
        age::since(context.now, &policy["metadata"]["creationTimestamp"]),
    ]
}

pub(super) fn ingress_columns() -> Vec<Column> {
    vec![name(), text("Class"), text("Hosts"), text("Address"), text("Ports"), text("Age")]
}

pub(super) fn ingress_cells(context: Context, ingress: &Value) -> Vec<Value> {
    let class = match string(ingress, "/spec/ingressClassName") {
        "" => ingress["metadata"]["annotations"]["kubernetes.io/ingress.class"].as_str().unwrap_or_default(),
        class => class,
    };
    let mut hosts = Vec::new();
    for rule in list(ingress, "/spec/rules") {
        let host = string(rule, "/host");
        if !host.is_empty() {
            hosts.push(host);
        }
    }
    let hosts = match hosts.len() {
        0 => "*".to_owned(),
        1..=3 => hosts.join(","),
        count => format!("{} + {} more...", hosts[..3].join(","), count - 3),
    };
    let addresses: Vec<&str> = list(ingress, "/status/loadBalancer/ingress")
        .iter()
        .map(|address| match string(address, "/ip") {
            "" => string(address, "/hostname"),
            ip => ip,
        })
        .collect();
    let ports = if list(ingress, "/spec/tls").is_empty() { "80" } else { "80, 443" };
    vec![
        ingress["metadata"]["name"].clone(),
        or_none(class),
        hosts.into(),
        addresses.join(",").into(),
        ports.into(),
        age::since(context.now, &ingress["metadata"]["creationTimestamp"]),
    ]
}

pub(super) fn ingress_class_cells(context: Context, class: &Value) -> Vec<Value> {
    let parameters = &class["spec"]["parameters"];
    let shown = if parameters.is_object() {
        let group = string(parameters, "/apiGroup");
        let dot = if group.is_empty() { "" } else { "." };
        format!("{}{dot}{group}/{}", string(parameters, "/kind"), string(parameters, "/name"))
    } else {
        String::new()
    };
    vec![
        class["metadata"]["name"].clone(),
        class["spec"]["controller"].clone(),
        or_none(&shown),
        age::since(context.now, &class["metadata"]["creationTimestamp"]),
    ]
}

pub(super) fn budget_columns() -> Vec<Column> {
    vec![name(), text("Min Available"), text("Max Unavailable"), number("Allowed Disruptions"), text("Age")]
}

pub(super) fn budget_cells(context: Context, budget: &Value) -> Vec<Value> {
    let amount = |field: &str| match &budget["spec"][field] {
        Value::Null => Value::from("N/A"),
        Value::String(text) => text.as_str().into(),
        number => number.to_string().into(),
    };
    vec![
        budget["metadata"]["name"].clone(),
        amount("minAvailable"),
        amount("maxUnavailable"),
        whole(budget, "/status/disruptionsAllowed").unwrap_or_default().into(),
        age::since(context.now, &budget["metadata"]["creationTimestamp"]),
    ]
}

pub(super) fn autoscaler_columns() -> Vec<Column> {
    let columns = ["Reference", "Targets", "MinPods", "MaxPods", "Replicas", "Age"];
    std::iter::once(name()).chain(columns.into_iter().map(text)).collect()
}

pub(super) fn autoscaler_cells(context: Context, scaler: &Value) -> Vec<Value> {
    let target = &scaler["spec"]["scaleTargetRef"];
    vec![
        scaler["metadata"]["name"].clone(),
        format!("{}/{}", string(target, "/kind"), string(target, "/name")).into(),
        targets(context, scaler).into(),
        whole(scaler, "/spec/minReplicas").map_or_else(|| "<unset>".to_owned(), |count| count.to_string()).into(),
        scaler["spec"]["maxReplicas"].clone(),
        whole(scaler, "/status/currentReplicas").unwrap_or_default().into(),
        age::since(context.now, &scaler["metadata"]["creationTimestamp"]),
    ]
}

/// Writes what is wanted beside what is, two metrics at most: `formatHPAMetrics`.
fn targets(context: Context, scaler: &Value) -> String {
    let metrics = list(scaler, "/spec/metrics");
    if metrics.is_empty() {
        return "<none>".to_owned();
    }
    let amount = |value: &Value| match (&value["averageUtilization"], &value["averageValue"], &value["value"]) {
        (Value::Number(percentage), _, _) => Some(format!("{percentage}%")),
        (_, Value::String(amount), _) => Some(amount.clone()),
        (_, _, Value::String(amount)) => Some(amount.clone()),
        _ => None,
    };
    let shown: Vec<String> = metrics
        .iter()
        .take(2)
        .enumerate()
        .map(|(index, metric)| {
            let kind = match string(metric, "/type") {
                "Pods" => "pods",
                "Object" => "object",
                "External" => "external",
                "ContainerResource" => "containerResource",
                _ => "resource",
            };
            let current =
                &list(scaler, "/status/currentMetrics").get(index).map_or(&Value::Null, |one| &one[kind]["current"]);
            let current = amount(current).unwrap_or_else(|| "<unknown>".to_owned());
            let wanted = amount(&metric[kind]["target"]).unwrap_or_else(|| "<auto>".to_owned());
            let name = string(metric, &format!("/{kind}/name"));
            match (context.version, kind) {
                (Version::V1_34, "resource" | "containerResource") => format!("{name}: {current}/{wanted}"),
                _ => format!("{current}/{wanted}"),
            }
        })
        .collect();
    match metrics.len() {
        0..=2 => shown.join(", "),
        count => format!("{} + {} more...", shown.join(", "), count - 2),
    }
}

pub(super) fn api_service_cells(context: Context, service: &Value) -> Vec<Value> {
    let backend = &service["spec"]["service"];
    let shown = if backend.is_object() {
        format!("{}/{}", string(backend, "/namespace"), string(backend, "/name"))
    } else {
        "Local".to_owned()
    };
    let available = list(service, "/status/conditions").iter().find(|condition| condition["type"] == "Available");
    let available = match available {
        Some(condition) if condition["status"] == "True" => "True".to_owned(),
        Some(condition) => format!("{} ({})", string(condition, "/status"), string(condition, "/reason")),
        None => "Unknown".to_owned(),
    };
    vec![
        service["metadata"]["name"].clone(),
        shown.into(),
        available.into(),
        age::since(context.now, &service["metadata"]["creationTimestamp"]),
    ]
}

pub(super) fn volume_columns(context: Context) -> Vec<Column> {
    let mut columns = vec![
        name(),
        text("Capacity"),
        text("Access Modes"),
        text("Reclaim Policy"),
        text("Status"),
        text("Claim"),
        text("StorageClass"),
        text("Reason"),
        text("Age"),
        wide("VolumeMode"),
    ];
    if context.version >= Version::V1_34 {
        columns.insert(7, text("VolumeAttributesClass"));
    }
    columns
}

/// Writes access modes in short: `GetAccessModesAsString`.
fn modes(object: &Value, pointer: &str) -> String {
    let given = texts(object, pointer);
    let known =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let short: Vec<&str> =
        known.iter().filter(|(long, _)| given.iter().any(|one| one == long)).map(|(_, short)| *short).collect();
    short.join(",")
}

fn phase(object: &Value) -> Value {
    if object["metadata"]["deletionTimestamp"].is_string() {
        "Terminating".into()
    } else {
        string(object, "/status/phase").into()
    }
}

pub(super) fn volume_cells(context: Context, volume: &Value) -> Vec<Value> {
    let claim = &volume["spec"]["claimRef"];
    let claim = if claim.is_object() {
        format!("{}/{}", string(claim, "/namespace"), string(claim, "/name"))
    } else {
        String::new()
    };
    let mut cells = vec![
        volume["metadata"]["name"].clone(),
        string(volume, "/spec/capacity/storage").into(),
        modes(volume, "/spec/accessModes").into(),
        volume["spec"]["persistentVolumeReclaimPolicy"].clone(),
        phase(volume),
        claim.into(),
        string(volume, "/spec/storageClassName").into(),
        string(volume, "/status/reason").into(),
        age::since(context.now, &volume["metadata"]["creationTimestamp"]),
        volume["spec"]["volumeMode"].as_str().unwrap_or("<unset>").into(),
    ];
    if context.version >= Version::V1_34 {
        cells.insert(7, volume["spec"]["volumeAttributesClassName"].as_str().unwrap_or("<unset>").into());
    }
    cells
}

pub(super) fn claim_columns(context: Context) -> Vec<Column> {
    let mut columns = vec![
        name(),
        text("Status"),
        text("Volume"),
        text("Capacity"),
        text("Access Modes"),
        text("StorageClass"),
        text("Age"),
        wide("VolumeMode"),
    ];
    if context.version >= Version::V1_34 {
        columns.insert(6, text("VolumeAttributesClass"));
    }
    columns
}

pub(super) fn claim_cells(context: Context, claim: &Value) -> Vec<Value> {
    let volume = string(claim, "/spec/volumeName");
    let (capacity, access) = if volume.is_empty() {
        (String::new(), String::new())
    } else {
        (string(claim, "/status/capacity/storage").to_owned(), modes(claim, "/status/accessModes"))
    };
    let mut cells = vec![
        claim["metadata"]["name"].clone(),
        phase(claim),
        volume.into(),
        capacity.into(),
        access.into(),
        string(claim, "/spec/storageClassName").into(),
        age::since(context.now, &claim["metadata"]["creationTimestamp"]),
        claim["spec"]["volumeMode"].as_str().unwrap_or("<unset>").into(),
    ];
    if context.version >= Version::V1_34 {
        cells.insert(6, claim["spec"]["volumeAttributesClassName"].as_str().unwrap_or("<unset>").into());
    }
    cells
}

pub(super) fn storage_class_columns() -> Vec<Column> {
    vec![
        name(),
        text("Provisioner"),
        text("ReclaimPolicy"),
        text("VolumeBindingMode"),
        boolean("AllowVolumeExpansion"),
        text("Age"),
    ]
}

pub(super) fn storage_class_cells(context: Context, class: &Value) -> Vec<Value> {
    let mut title = string(class, "/metadata/name").to_owned();
    if class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true" {
        title.push_str(" (default)");
    }
    vec![
        title.into(),
        class["provisioner"].clone(),
        class["reclaimPolicy"].clone(),
        class["volumeBindingMode"].clone(),
        class["allowVolumeExpansion"].as_bool().unwrap_or_default().into(),
        age::since(context.now, &class["metadata"]["creationTimestamp"]),
    ]
}
