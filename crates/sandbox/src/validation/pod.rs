//! Pods and the `spec` of Pod templates.

use serde_json::{Value, json};

use crate::Version;
use crate::amounts::{self, Side};
use crate::api::Cause;
use crate::fields::{as_map, entries, list, list_mut, number, text};

use super::{Faults, NameOf, amount, dns_label, port_name, port_number, resource_name};

/// Checks a Pod; an update may change very little of it.
pub(super) fn pod(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let spec = object.get("spec").unwrap_or(&Value::Null);
    self::spec(&mut faults, spec, "spec");
    if let Some(old) = old.and_then(|old| old.get("spec")) {
        immutable(&mut faults, old, spec);
    }
    faults.causes
}

fn immutable(faults: &mut Faults, old: &Value, new: &Value) {
    let kept = |old: &[Value], new: &[Value]| old.iter().all(|toleration| new.contains(toleration));
    let tolerations_ok = kept(list(old, "/tolerations"), list(new, "/tolerations"));
    // Everything that may change is made equal; what still differs may not.
    let mut munged = new.clone();
    for pointer in ["/containers", "/initContainers"] {
        let images: Vec<Value> =
            list(old, pointer).iter().map(|container| container.get("image").cloned().unwrap_or_default()).collect();
        for (container, image) in list_mut(&mut munged, pointer).zip(images) {
            as_map(container).insert("image".to_owned(), image);
        }
    }
    let mut free = vec!["activeDeadlineSeconds", "ephemeralContainers", "terminationGracePeriodSeconds"];
    if tolerations_ok {
        free.push("tolerations");
    }
    if text(old, "/nodeName").is_empty() {
        // The binding gives it.
        free.push("nodeName");
    }
    let map = as_map(&mut munged);
    for key in free {
        match old.get(key) {
            Some(value) => map.insert(key.to_owned(), value.clone()),
            None => map.remove(key),
        };
    }
    if munged != *old {
        let detail = match faults.version {
            Version::V1_20 | Version::V1_24 => {
                "pod updates may not change fields other than `spec.containers[*].image`, \
                 `spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to \
                 existing tolerations)"
            }
            Version::V1_34 => {
                "pod updates may not change fields other than `spec.containers[*].image`,\
                 `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                 existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                 previously negative)"
            }
        };
        faults.forbidden("spec", detail);
    }
}

/// Checks the `spec` of a Pod or of a template at `path`.
pub(super) fn spec(faults: &mut Faults, spec: &Value, path: &str) {
    volumes(faults, spec, path);
    if list(spec, "/containers").is_empty() {
        faults.required(&format!("{path}.containers"), "");
    }
    let mut names: Vec<&str> = Vec::new();
    for part in ["containers", "initContainers"] {
        for (index, container) in list(spec, &format!("/{part}")).iter().enumerate() {
            let field = format!("{path}.{part}[{index}]");
            self::container(faults, container, spec, &field);
            let name = text(container, "/name");
            if !name.is_empty() && names.contains(&name) {
                faults.duplicate(&format!("{field}.name"), &json!(name));
            }
            names.push(name);
        }
    }
    faults.one_of(spec, "/restartPolicy", &format!("{path}.restartPolicy"), &["Always", "OnFailure", "Never"]);
    let policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    faults.one_of(spec, "/dnsPolicy", &format!("{path}.dnsPolicy"), &policies);
    faults.labels(spec, "/nodeSelector", &format!("{path}.nodeSelector"));
    for key in ["runAsUser", "runAsGroup", "fsGroup"] {
        user(faults, spec, key, path);
    }
    if let Some(seconds) = number(spec, "/activeDeadlineSeconds")
        && !(1..=2_147_483_647).contains(&seconds)
    {
        let detail = "must be between 1 and 2147483647, inclusive";
        faults.invalid(&format!("{path}.activeDeadlineSeconds"), &json!(seconds), detail);
    }
    tolerations(faults, spec, path);
}

fn user(faults: &mut Faults, object: &Value, key: &str, path: &str) {
    if let Some(id) = number(object, &format!("/securityContext/{key}"))
        && !(0..=2_147_483_647).contains(&id)
    {
        let detail = "must be between 0 and 2147483647, inclusive";
        faults.invalid(&format!("{path}.securityContext.{key}"), &json!(id), detail);
    }
}

fn volumes(faults: &mut Faults, spec: &Value, path: &str) {
    let mut names: Vec<&str> = Vec::new();
    for (index, volume) in list(spec, "/volumes").iter().enumerate() {
        let field = format!("{path}.volumes[{index}]");
        let name = text(volume, "/name");
        dns_label(faults, &format!("{field}.name"), name);
        if names.contains(&name) {
            faults.duplicate(&format!("{field}.name"), &json!(name));
        }
        names.push(name);
        for (pointer, key) in [("/hostPath", "path"), ("/secret", "secretName"), ("/configMap", "name")] {
            if let Some(source) = volume.pointer(pointer)
                && text(source, &format!("/{key}")).is_empty()
            {
                faults.required(&format!("{field}.{}.{key}", &pointer[1..]), "");
            }
        }
        if entries(volume, "").filter(|(key, _)| *key != "name").count() > 1 {
            faults.forbidden(&field, "may not specify more than 1 volume type");
        }
    }
}

fn container(faults: &mut Faults, container: &Value, spec: &Value, field: &str) {
    dns_label(faults, &format!("{field}.name"), text(container, "/name"));
    let image = text(container, "/image");
    if image.is_empty() {
        faults.required(&format!("{field}.image"), "");
    } else if image.trim() != image {
        faults.invalid(&format!("{field}.image"), &json!(image), "must not have leading or trailing whitespace");
    }
    ports(faults, container, field);
    environment(faults, container, field);
    let mut paths: Vec<&str> = Vec::new();
    for (index, mount) in list(container, "/volumeMounts").iter().enumerate() {
        let field = format!("{field}.volumeMounts[{index}]");
        let (name, path) = (text(mount, "/name"), text(mount, "/mountPath"));
        if name.is_empty() {
            faults.required(&format!("{field}.name"), "");
        }
        if !list(spec, "/volumes").iter().any(|volume| text(volume, "/name") == name) {
            faults.not_found(&format!("{field}.name"), &json!(name));
        }
        if path.is_empty() {
            faults.required(&format!("{field}.mountPath"), "");
        } else if paths.contains(&path) {
            faults.invalid(&format!("{field}.mountPath"), &json!(path), "must be unique");
        }
        paths.push(path);
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe_value) = container.get(probe).filter(|probe| probe.is_object()) {
            self::probe(faults, probe_value, &format!("{field}.{probe}"));
        }
    }
    let policies = ["Always", "IfNotPresent", "Never"];
    faults.one_of(container, "/imagePullPolicy", &format!("{field}.imagePullPolicy"), &policies);
    resources(faults, container, &format!("{field}.resources"));
    user(faults, container, "runAsUser", field);
    let security = &container["securityContext"];
    if security["allowPrivilegeEscalation"] == false {
        let path = format!("{field}.securityContext");
        if security["privileged"] == true {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
            faults.invalid_shown(&path, &shown_security(security), detail);
        }
        let adds = list(security, "/capabilities/add");
        if adds.iter().any(|capability| capability == "CAP_SYS_ADMIN" || capability == "SYS_ADMIN") {
            let detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
            faults.invalid_shown(&path, &shown_security(security), detail);
        }
    }
}

fn shown_security(security: &Value) -> String {
    security.to_string()
}

fn ports(faults: &mut Faults, container: &Value, field: &str) {
    let mut names: Vec<&str> = Vec::new();
    for (index, port) in list(container, "/ports").iter().enumerate() {
        let field = format!("{field}.ports[{index}]");
        let name = text(port, "/name");
        if !name.is_empty() {
            port_name(faults, &format!("{field}.name"), name);
            if names.contains(&name) {
                faults.duplicate(&format!("{field}.name"), &json!(name));
            }
            names.push(name);
        }
        match port.get("containerPort").and_then(Value::as_i64) {
            None | Some(0) => faults.required(&format!("{field}.containerPort"), ""),
            Some(number) => port_number(faults, &format!("{field}.containerPort"), &json!(number)),
        }
        if let Some(host) = port.get("hostPort").and_then(Value::as_i64).filter(|port| *port != 0) {
            port_number(faults, &format!("{field}.hostPort"), &json!(host));
        }
        faults.one_of(port, "/protocol", &format!("{field}.protocol"), &["SCTP", "TCP", "UDP"]);
    }
}

fn environment(faults: &mut Faults, container: &Value, field: &str) {
    for (index, variable) in list(container, "/env").iter().enumerate() {
        let field = format!("{field}.env[{index}]");
        let name = text(variable, "/name");
        if name.is_empty() {
            faults.required(&format!("{field}.name"), "");
        } else if faults.version == Version::V1_34 {
            if !name.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'=') {
                let detail =
                    "a valid environment variable name must consist only of printable ASCII characters other than '='";
                faults.invalid(&format!("{field}.name"), &json!(name), detail);
            }
        } else if name.starts_with(|c: char| c.is_ascii_digit())
            || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        {
            let detail = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or \
                '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used \
                for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";
            faults.invalid(&format!("{field}.name"), &json!(name), detail);
        }
        if let Some(source) = variable.get("valueFrom").filter(|source| source.is_object()) {
            if !text(variable, "/value").is_empty() {
                let detail = "may not be specified when `value` is not empty";
                faults.invalid(&format!("{field}.valueFrom"), &json!(""), detail);
            }
            if entries(source, "").count() > 1 {
                let detail = "may not have more than one field specified at a time";
                faults.invalid(&format!("{field}.valueFrom"), &json!(""), detail);
            }
        }
    }
}

fn probe(faults: &mut Faults, probe: &Value, field: &str) {
    let mut handlers = 0;
    for kind in ["exec", "httpGet", "tcpSocket", "grpc"] {
        let Some(handler) = probe.get(kind).filter(|handler| handler.is_object()) else { continue };
        handlers += 1;
        let field = format!("{field}.{kind}");
        if handlers > 1 {
            faults.forbidden(&field, "may not specify more than 1 handler type");
            continue;
        }
        match kind {
            "exec" if list(handler, "/command").is_empty() => faults.required(&format!("{field}.command"), ""),
            "httpGet" | "tcpSocket" => match handler.get("port") {
                Some(Value::String(word)) => port_name(faults, &format!("{field}.port"), word),
                Some(number) => port_number(faults, &format!("{field}.port"), number),
                None => port_number(faults, &format!("{field}.port"), &json!(0)),
            },
            _ => {}
        }
    }
    if handlers == 0 {
        faults.required(field, "must specify a handler type");
    }
    for key in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        if let Some(count) = number(probe, &format!("/{key}")).filter(|count| *count < 0) {
            faults.invalid(&format!("{field}.{key}"), &json!(count), "must be greater than or equal to 0");
        }
    }
}

fn resources(faults: &mut Faults, container: &Value, field: &str) {
    let limits = amounts::of_container(container, Side::Limits);
    let requests = amounts::of_container(container, Side::Requests);
    for (part, amounts) in [("limits", &limits), ("requests", &requests)] {
        for (name, value) in amounts {
            let field = format!("{field}.{part}[{name}]");
            resource_name(faults, &field, name, NameOf::Container);
            amount(faults, &field, name, *value);
        }
    }
    for (name, request) in &requests {
        if let Some(limit) = limits.get(name)
            && request > limit
        {
            let shown = json!(request.to_string());
            let detail = match faults.version {
                Version::V1_20 | Version::V1_24 => format!("must be less than or equal to {name} limit"),
                Version::V1_34 => format!("must be less than or equal to {name} limit of {limit}"),
            };
            faults.invalid(&format!("{field}.requests"), &shown, &detail);
        }
    }
}

fn tolerations(faults: &mut Faults, spec: &Value, path: &str) {
    for (index, toleration) in list(spec, "/tolerations").iter().enumerate() {
        let field = format!("{path}.tolerations[{index}]");
        let (key, operator) = (text(toleration, "/key"), text(toleration, "/operator"));
        if key.is_empty() && operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            faults.invalid(&format!("{field}.operator"), &json!(operator), detail);
        }
        if toleration.get("tolerationSeconds").is_some_and(|seconds| !seconds.is_null())
            && text(toleration, "/effect") != "NoExecute"
        {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            faults.invalid(&format!("{field}.effect"), &toleration["effect"], detail);
        }
        match operator {
            "" | "Equal" => {}
            "Exists" => {
                if !text(toleration, "/value").is_empty() {
                    let shown = shown_toleration(toleration, faults.version);
                    let detail = "value must be empty when `operator` is 'Exists'";
                    faults.invalid_shown(&format!("{field}.operator"), &shown, detail);
                }
            }
            other => faults.unsupported(&format!("{field}.operator"), &json!(other), &["Equal", "Exists"]),
        }
        let effect = text(toleration, "/effect");
        if !matches!(effect, "" | "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            let supported = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
            faults.unsupported(&format!("{field}.effect"), &json!(effect), &supported);
        }
    }
}

fn shown_toleration(toleration: &Value, version: Version) -> String {
    match version {
        Version::V1_34 => toleration.to_string(),
        Version::V1_20 | Version::V1_24 => format!(
            "core.Toleration{{Key:{:?}, Operator:{:?}, Value:{:?}, Effect:{:?}, TolerationSeconds:(*int64)(nil)}}",
            text(toleration, "/key"),
            text(toleration, "/operator"),
            text(toleration, "/value"),
            text(toleration, "/effect"),
        ),
    }
}
