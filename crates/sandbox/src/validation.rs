//! Which objects the API server refuses as invalid. Paths, order and texts are those of `pkg/apis/*/validation`.

use serde_json::{Map, Value, json};

use crate::Version;
use crate::api::Cause;
use crate::fields::{entries, list, text};
use crate::quantity::{Form, Quantity};
use crate::resources::Resource;

mod config;
mod definition;
mod network;
mod pod;
mod policies;
mod quota;
mod rbac;
mod service;
mod sets;
mod workload;

/// Returns what is wrong with an object (`old` is the stored one, at an update). `metadata` is checked
/// elsewhere.
pub(crate) fn validate(resource: &Resource, object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    // What an update leaves alone was found good when it came.
    let same = |part: &str| old.is_some_and(|old| old.get(part) == object.get(part));
    match (resource.group, resource.kind) {
        ("", "ConfigMap") => config::config_map(object),
        ("", "Secret") => config::secret(object, old),
        (crate::rbac::GROUP, "Role") => rbac::role(object, rbac::Home::Namespace, version),
        (crate::rbac::GROUP, "ClusterRole") => rbac::role(object, rbac::Home::Cluster, version),
        (crate::rbac::GROUP, "RoleBinding") => rbac::binding(object, old, rbac::Home::Namespace, version),
        (crate::rbac::GROUP, "ClusterRoleBinding") => rbac::binding(object, old, rbac::Home::Cluster, version),
        ("discovery.k8s.io", "EndpointSlice") => network::slice(object, old, version),
        ("", "Endpoints") => network::endpoints(object, version),
        ("node.k8s.io", "RuntimeClass") => policies::runtime_class(object, old, version),
        ("storage.k8s.io", "StorageClass") => policies::storage_class(object, old, version),
        ("scheduling.k8s.io", "PriorityClass") => policies::priority_class(object, old, version),
        _ if same("spec") => Vec::new(),
        ("networking.k8s.io", "NetworkPolicy") => network::policy(object, version),
        ("networking.k8s.io", "Ingress") => network::ingress(object, version),
        ("apps", "StatefulSet") => sets::stateful_set(object, old, version),
        ("apps", "DaemonSet") => sets::daemon_set(object, old, version),
        ("", "ReplicationController") => sets::replication_controller(object, version),
        ("batch", "Job") => sets::job(object, old, version),
        ("batch", "CronJob") => sets::cron_job(object, old, version),
        ("policy", "PodDisruptionBudget") => policies::budget(object, version),
        ("policy", "PodSecurityPolicy") => policies::pod_security(object, version),
        ("autoscaling", "HorizontalPodAutoscaler") => policies::autoscaler(object, version),
        ("", "PersistentVolumeClaim") => policies::claim(object, old, version),
        ("", "PersistentVolume") => policies::volume(object, old, version),
        ("coordination.k8s.io", "Lease") => policies::lease(object, version),
        ("", "Pod") => pod::pod(object, old, version),
        ("", "LimitRange") => quota::limit_range(object, version),
        ("", "ResourceQuota") => quota::resource_quota(object, version),
        ("", "Service") => service::service(object, old),
        ("apiextensions.k8s.io", _) => definition::definition(object, old, version),
        ("apps", "Deployment" | "ReplicaSet") => workload::workload(object, old, version),
        _ => Vec::new(),
    }
}

/// Collects causes below a path.
struct Faults {
    version: Version,
    causes: Vec<Cause>,
}

impl Faults {
    fn new(version: Version) -> Self {
        Self { version, causes: Vec::new() }
    }

    fn required(&mut self, field: &str, detail: &str) {
        self.causes.push(Cause::required(field, detail));
    }

    fn invalid(&mut self, field: &str, value: &Value, detail: &str) {
        self.causes.push(Cause::invalid(field, value, detail));
    }

    fn unsupported(&mut self, field: &str, value: &Value, supported: &[&str]) {
        self.causes.push(Cause::not_supported(field, value, supported));
    }

    fn forbidden(&mut self, field: &str, detail: &str) {
        self.causes.push(Cause::forbidden(field, detail));
    }

    fn duplicate(&mut self, field: &str, value: &Value) {
        self.causes.push(Cause::duplicate(field, value));
    }

    fn not_found(&mut self, field: &str, value: &Value) {
        self.causes.push(Cause::not_found(field, value));
    }

    /// Adds a fault whose value is shown as `shown`: Go's own print of a structure, until 1.33 showed JSON.
    fn invalid_shown(&mut self, field: &str, shown: &str, detail: &str) {
        self.causes.push(Cause {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {shown}: {detail}"),
            field: field.to_owned(),
        });
    }

    /// Checks a value against a list of words; an empty one counts as missing where `default` fills it anyway.
    fn one_of(&mut self, object: &Value, pointer: &str, field: &str, supported: &[&str]) {
        let found = text(object, pointer);
        if !supported.contains(&found) {
            self.unsupported(field, &json!(found), supported);
        }
    }

    fn labels(&mut self, object: &Value, pointer: &str, field: &str) {
        if let Some(Value::Object(labels)) = object.pointer(pointer) {
            self.causes.extend(crate::api::label_faults(field, labels));
        }
    }
}

const DNS_LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/// Checks a DNS label, such as a container's name.
fn dns_label(faults: &mut Faults, field: &str, value: &str) {
    let edge = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = value.as_bytes();
    let fits = bytes.first().copied().is_some_and(edge)
        && bytes.last().copied().is_some_and(edge)
        && bytes.iter().all(|byte| edge(*byte) || *byte == b'-');
    if value.is_empty() {
        faults.required(field, "");
    } else if value.len() > 63 {
        faults.invalid(field, &json!(value), "must be no more than 63 characters");
    } else if !fits {
        faults.invalid(field, &json!(value), DNS_LABEL);
    }
}

/// Checks a DNS-1035 label, such as a Service's name.
fn dns_1035(faults: &mut Faults, field: &str, value: &str) {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = value.bytes().all(is_inner)
        && value.starts_with(|first: char| first.is_ascii_lowercase())
        && !value.ends_with('-');
    if value.len() > 63 {
        faults.invalid(field, &json!(value), "must be no more than 63 characters");
    } else if !fits {
        let detail = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
            alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used \
            for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
        faults.invalid(field, &json!(value), detail);
    }
}

/// Checks a name of a port: `IsValidPortName`.
fn port_name(faults: &mut Faults, field: &str, value: &str) {
    let shown = json!(value);
    let plain = value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if value.len() > 15 {
        faults.invalid(field, &shown, "must be no more than 15 characters");
    }
    if !plain {
        faults.invalid(field, &shown, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !value.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        faults.invalid(field, &shown, "must contain at least one letter (a-z)");
    }
    if value.contains("--") {
        faults.invalid(field, &shown, "must not contain consecutive hyphens");
    }
    if value.starts_with('-') || value.ends_with('-') {
        faults.invalid(field, &shown, "must not begin or end with a hyphen");
    }
}

/// Checks a number of a port.
fn port_number(faults: &mut Faults, field: &str, value: &Value) {
    if !value.as_i64().is_some_and(|port| (1..=65_535).contains(&port)) {
        faults.invalid(field, value, "must be between 1 and 65535, inclusive");
    }
}

/// Where the name of a resource is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameOf {
    Container,
    Quota,
}

/// Checks the name of a resource: a standard one, or one with a domain in front.
fn resource_name(faults: &mut Faults, field: &str, value: &str, of: NameOf) {
    const CONTAINER: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];
    const QUOTA: [&str; 22] = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.storage",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "services",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "storage",
        "services.nodeports",
        "services.loadbalancers",
        "bindings",
        "events",
    ];
    if value.contains('/') || value.starts_with("hugepages-") || value.starts_with("requests.hugepages-") {
        return;
    }
    let (known, what) = match of {
        NameOf::Container => (CONTAINER.contains(&value), "containers"),
        NameOf::Quota => (QUOTA.contains(&value), "quota"),
    };
    if !known {
        let shown = json!(value);
        if !QUOTA.contains(&value) {
            faults.invalid(field, &shown, "must be a standard resource type or fully qualified");
        }
        faults.invalid(field, &shown, &format!("must be a standard resource for {what}"));
    }
}

/// Checks that an amount is not negative, and whole where it counts things.
fn amount(faults: &mut Faults, field: &str, name: &str, value: Quantity) {
    const COUNTED: [&str; 10] = [
        "pods",
        "services",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
        "events",
    ];
    if value.is_negative() {
        faults.invalid(field, &json!(value.to_string()), "must be greater than or equal to 0");
    }
    if (COUNTED.contains(&name) || name.starts_with("count/")) && !value.is_whole() {
        let shown = shown_quantity(value, faults.version);
        faults.invalid_shown(field, &shown, "must be an integer");
    }
}

/// Prints a quantity as field errors show it.
fn shown_quantity(value: Quantity, version: Version) -> String {
    match version {
        Version::V1_34 => format!("{:?}", value.to_string()),
        Version::V1_20 | Version::V1_24 => {
            let (number, scale) = if value.is_whole() { (i128::from(value.value()), 0) } else { value.decimal() };
            let form = match value.form() {
                Form::BinarySi => "BinarySI",
                Form::DecimalSi => "DecimalSI",
                Form::DecimalExponent => "DecimalExponent",
            };
            format!(
                "resource.Quantity{{i:resource.int64Amount{{value:{number}, scale:{scale}}}, \
                 d:resource.infDecAmount{{Dec:(*inf.Dec)(nil)}}, s:\"{value}\", Format:\"{form}\"}}"
            )
        }
    }
}

/// Prints a map of strings as field errors show it.
fn shown_map(map: Option<&Map<String, Value>>, version: Version) -> String {
    let pairs =
        || map.into_iter().flatten().map(|(key, value)| format!("{key:?}:{value}")).collect::<Vec<_>>().join(", ");
    match (map, version) {
        (None, Version::V1_34) => "null".to_owned(),
        (None, _) => "map[string]string(nil)".to_owned(),
        (Some(_), Version::V1_34) => format!("{{{}}}", pairs().replace(", ", ",")),
        (Some(_), _) => format!("map[string]string{{{}}}", pairs()),
    }
}

/// Prints a label selector as field errors show it.
fn shown_selector(selector: &Value, version: Version) -> String {
    if version == Version::V1_34 {
        return selector.to_string();
    }
    let labels = shown_map(selector.get("matchLabels").and_then(Value::as_object), version);
    let expressions: Vec<String> = list(selector, "/matchExpressions")
        .iter()
        .map(|expression| {
            let values = list(expression, "/values");
            let values = if values.is_empty() {
                "[]string(nil)".to_owned()
            } else {
                format!("[]string{{{}}}", values.iter().map(Value::to_string).collect::<Vec<_>>().join(", "))
            };
            let (key, operator) = (text(expression, "/key"), text(expression, "/operator"));
            format!("v1.LabelSelectorRequirement{{Key:{key:?}, Operator:{operator:?}, Values:{values}}}")
        })
        .collect();
    let expressions = if expressions.is_empty() {
        "[]v1.LabelSelectorRequirement(nil)".to_owned()
    } else {
        format!("[]v1.LabelSelectorRequirement{{{}}}", expressions.join(", "))
    };
    format!("v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:{expressions}}}")
}

/// Checks a label selector.
fn selector(faults: &mut Faults, selector: &Value, field: &str) {
    faults.labels(selector, "/matchLabels", &format!("{field}.matchLabels"));
    for (index, expression) in list(selector, "/matchExpressions").iter().enumerate() {
        let field = format!("{field}.matchExpressions[{index}]");
        let values = list(expression, "/values");
        match text(expression, "/operator") {
            "In" | "NotIn" if values.is_empty() => {
                faults.required(&format!("{field}.values"), "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                faults.forbidden(&format!("{field}.values"), detail);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                faults.invalid(&format!("{field}.operator"), &json!(other), "not a valid selector operator");
            }
        }
    }
}

/// Returns whether a map at a pointer is absent or empty.
fn is_empty(object: &Value, pointer: &str) -> bool {
    entries(object, pointer).next().is_none()
}

#[cfg(test)]
mod tests;
