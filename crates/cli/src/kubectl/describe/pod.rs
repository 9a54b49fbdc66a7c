//! A Pod, and the Pod template of what makes Pods.

use serde_json::Value;

use super::{Page, list, number};
use crate::kubectl::age;
use crate::kubectl::shape::text;

/// Describes a Pod.
pub(crate) fn describe(page: &mut Page, pod: &Value) {
    page.head(pod);
    if let Some(priority) = pod.pointer("/spec/priority") {
        page.line(format!("Priority:\t{priority}"));
    }
    if !text(pod, "/spec/priorityClassName").is_empty() {
        page.field("Priority Class Name", text(pod, "/spec/priorityClassName"));
    }
    page.field("Service Account", text(pod, "/spec/serviceAccountName"));
    match (text(pod, "/spec/nodeName"), text(pod, "/status/hostIP")) {
        ("", _) => page.field("Node", ""),
        (node, address) => page.line(format!("Node:\t{node}/{address}")),
    }
    if !text(pod, "/status/startTime").is_empty() {
        page.line(format!("Start Time:\t{}", age::date(Some(text(pod, "/status/startTime")))));
    }
    page.labels(pod);
    let deleted = text(pod, "/metadata/deletionTimestamp");
    if deleted.is_empty() {
        page.field("Status", text(pod, "/status/phase"));
    } else {
        page.line(format!("Status:\tTerminating (lasts {})", page.age(deleted)));
        page.line(format!("Termination Grace Period:\t{}s", number(pod, "/metadata/deletionGracePeriodSeconds")));
    }
    for (title, pointer) in [("Reason", "/status/reason"), ("Message", "/status/message")] {
        if !text(pod, pointer).is_empty() {
            page.field(title, text(pod, pointer));
        }
    }
    page.line(format!("IP:\t{}", text(pod, "/status/podIP")));
    let addresses = list(pod, "/status/podIPs");
    if addresses.is_empty() {
        page.line("IPs:\t<none>");
    } else {
        page.line("IPs:");
        for address in addresses {
            page.line(format!("  IP:\t{}", text(address, "/ip")));
        }
    }
    owner(page, pod);
    for (title, specs, statuses) in [
        ("Init Containers", "/spec/initContainers", "/status/initContainerStatuses"),
        ("Containers", "/spec/containers", "/status/containerStatuses"),
    ] {
        if list(pod, specs).is_empty() {
            continue;
        }
        page.line(format!("{title}:"));
        for container in list(pod, specs) {
            let name = text(container, "/name");
            let status = list(pod, statuses).iter().find(|status| text(status, "/name") == name);
            page.line(format!("  {name}:"));
            self::container(page, "    ", container, status);
        }
    }
    let conditions = list(pod, "/status/conditions");
    if !conditions.is_empty() {
        page.line("Conditions:");
        page.line("  Type\tStatus");
        for condition in conditions {
            // kubectl leaves a blank behind each.
            page.line(format!("  {} \t{} ", text(condition, "/type"), text(condition, "/status")));
        }
    }
    volumes(page, "", pod, "/spec/volumes");
    page.field("QoS Class", text(pod, "/status/qosClass"));
    page.pairs("", "Node-Selectors", pod.pointer("/spec/nodeSelector"), "=");
    tolerations(page, "", pod, "/spec/tolerations");
}

/// `Controlled By`, where there is a controller.
pub(crate) fn owner(page: &mut Page, object: &Value) {
    let owners = list(object, "/metadata/ownerReferences");
    if let Some(owner) = owners.iter().find(|owner| owner.get("controller") == Some(&Value::Bool(true))) {
        page.line(format!("Controlled By:\t{}/{}", text(owner, "/kind"), text(owner, "/name")));
    }
}

/// Describes a Pod template.
pub(crate) fn template(page: &mut Page, template: &Value) {
    page.line("Pod Template:");
    page.pairs("  ", "Labels", template.pointer("/metadata/labels"), "=");
    if template.pointer("/metadata/annotations").is_some() {
        page.pairs("  ", "Annotations", template.pointer("/metadata/annotations"), ": ");
    }
    if !text(template, "/spec/serviceAccountName").is_empty() {
        page.line(format!("  Service Account:\t{}", text(template, "/spec/serviceAccountName")));
    }
    for (title, pointer) in [("Init Containers", "/spec/initContainers"), ("Containers", "/spec/containers")] {
        if list(template, pointer).is_empty() {
            continue;
        }
        page.line(format!("  {title}:"));
        for container in list(template, pointer) {
            page.line(format!("   {}:", text(container, "/name")));
            self::container(page, "    ", container, None);
        }
    }
    volumes(page, "  ", template, "/spec/volumes");
    page.pairs("  ", "Node-Selectors", template.pointer("/spec/nodeSelector"), "=");
    tolerations(page, "  ", template, "/spec/tolerations");
}

fn container(page: &mut Page, indent: &str, container: &Value, status: Option<&Value>) {
    if let Some(status) = status {
        page.line(format!("{indent}Container ID:\t{}", text(status, "/containerID")));
    }
    page.line(format!("{indent}Image:\t{}", text(container, "/image")));
    if let Some(status) = status {
        page.line(format!("{indent}Image ID:\t{}", text(status, "/imageID")));
    }
    let ports = |key: &str| {
        let ports: Vec<String> = list(container, "/ports")
            .iter()
            .map(|port| {
                let protocol = match text(port, "/protocol") {
                    "" => "TCP",
                    protocol => protocol,
                };
                format!("{}/{protocol}", number(port, key))
            })
            .collect();
        if ports.is_empty() { "<none>".to_owned() } else { ports.join(", ") }
    };
    let plural = if list(container, "/ports").len() > 1 { "s" } else { "" };
    page.line(format!("{indent}Port{plural}:\t{}", ports("/containerPort")));
    page.line(format!("{indent}Host Port{plural}:\t{}", ports("/hostPort")));
    for (title, pointer) in [("Command", "/command"), ("Args", "/args")] {
        if !list(container, pointer).is_empty() {
            page.line(format!("{indent}{title}:"));
            for word in list(container, pointer) {
                let word = word.as_str().unwrap_or_default();
                for line in word.split('\n') {
                    page.line(format!("{indent}  {line}"));
                }
            }
        }
    }
    if let Some(status) = status {
        state(page, indent, "State", status.get("state"));
        if status.get("lastState").and_then(Value::as_object).is_some_and(|state| !state.is_empty()) {
            state(page, indent, "Last State", status.get("lastState"));
        }
        let ready = status.get("ready") == Some(&Value::Bool(true));
        page.line(format!("{indent}Ready:\t{}", if ready { "True" } else { "False" }));
        page.line(format!("{indent}Restart Count:\t{}", number(status, "/restartCount")));
    }
    for (title, pointer) in [("Limits", "/resources/limits"), ("Requests", "/resources/requests")] {
        let amounts = container.pointer(pointer).and_then(Value::as_object);
        if amounts.is_none_or(serde_json::Map::is_empty) {
            continue;
        }
        page.line(format!("{indent}{title}:"));
        for (resource, amount) in amounts.into_iter().flatten() {
            page.line(format!("{indent}  {resource}:\t{}", amount.as_str().unwrap_or_default()));
        }
    }
    for (title, pointer) in
        [("Liveness", "/livenessProbe"), ("Readiness", "/readinessProbe"), ("Startup", "/startupProbe")]
    {
        if let Some(probe) = container.pointer(pointer) {
            page.line(format!("{indent}{title}:\t{}", self::probe(probe)));
        }
    }
    environment(page, indent, container);
    let mounts = list(container, "/volumeMounts");
    if mounts.is_empty() {
        page.line(format!("{indent}Mounts:\t<none>"));
    } else {
        page.line(format!("{indent}Mounts:"));
        for mount in mounts {
            let mode = if mount.get("readOnly") == Some(&Value::Bool(true)) { "ro" } else { "rw" };
            let path = match text(mount, "/subPath") {
                "" => String::new(),
                path => format!(",path=\"{path}\""),
            };
            page.line(format!("{indent}  {} from {} ({mode}{path})", text(mount, "/mountPath"), text(mount, "/name")));
        }
    }
}

fn state(page: &mut Page, indent: &str, title: &str, state: Option<&Value>) {
    let Some((name, state)) = state.and_then(Value::as_object).and_then(|state| state.iter().next()) else {
        page.line(format!("{indent}{title}:\tWaiting"));
        return;
    };
    let word = match name.as_str() {
        "running" => "Running",
        "terminated" => "Terminated",
        _ => "Waiting",
    };
    page.line(format!("{indent}{title}:\t{word}"));
    for (title, pointer) in [("Reason", "/reason"), ("Message", "/message")] {
        if !text(state, pointer).is_empty() {
            page.line(format!("{indent}  {title}:\t{}", text(state, pointer)));
        }
    }
    if word == "Terminated" {
        page.line(format!("{indent}  Exit Code:\t{}", number(state, "/exitCode")));
    }
    for (title, pointer) in [("Started", "/startedAt"), ("Finished", "/finishedAt")] {
        if !text(state, pointer).is_empty() {
            page.line(format!("{indent}  {title}:\t{}", age::date(Some(text(state, pointer)))));
        }
    }
}

fn probe(probe: &Value) -> String {
    let what = if let Some(command) = probe.pointer("/exec/command").and_then(Value::as_array) {
        let words: Vec<&str> = command.iter().filter_map(Value::as_str).collect();
        format!("exec [{}]", words.join(" "))
    } else if let Some(get) = probe.get("httpGet") {
        let port = get.get("port").map(crate::kubectl::jsonpath::text_of).unwrap_or_default();
        let scheme = match text(get, "/scheme") {
            "" => "http".to_owned(),
            scheme => scheme.to_lowercase(),
        };
        format!("http-get {scheme}://{}:{port}{}", text(get, "/host"), text(get, "/path"))
    } else if let Some(port) = probe.pointer("/tcpSocket/port") {
        format!("tcp-socket :{}", crate::kubectl::jsonpath::text_of(port))
    } else {
        "unknown".to_owned()
    };
    format!(
        "{what} delay={}s timeout={}s period={}s #success={} #failure={}",
        number(probe, "/initialDelaySeconds"),
        number(probe, "/timeoutSeconds"),
        number(probe, "/periodSeconds"),
        number(probe, "/successThreshold"),
        number(probe, "/failureThreshold"),
    )
}

fn environment(page: &mut Page, indent: &str, container: &Value) {
    let variables = list(container, "/env");
    if variables.is_empty() {
        page.line(format!("{indent}Environment:\t<none>"));
        return;
    }
    page.line(format!("{indent}Environment:"));
    for variable in variables {
        let from = |pointer: &str, what: &str| {
            variable.pointer(pointer).map(|source| {
                format!("<set to the key '{}' in {what} '{}'>", text(source, "/key"), text(source, "/name"))
            })
        };
        let value = from("/valueFrom/configMapKeyRef", "of config map")
            .or_else(|| from("/valueFrom/secretKeyRef", "in secret"))
            .or_else(|| {
                variable.pointer("/valueFrom/fieldRef").map(|field| format!(" ({})", text(field, "/fieldPath")))
            })
            .unwrap_or_else(|| text(variable, "/value").to_owned());
        page.line(format!("{indent}  {}:\t{value}", text(variable, "/name")));
    }
}

fn volumes(page: &mut Page, indent: &str, object: &Value, pointer: &str) {
    let volumes = list(object, pointer);
    if volumes.is_empty() {
        page.line(format!("{indent}Volumes:\t<none>"));
        return;
    }
    page.line(format!("{indent}Volumes:"));
    for volume in volumes {
        let mark = if indent.is_empty() { "  " } else { "   " };
        page.line(format!("{mark}{}:", text(volume, "/name")));
        for (kind, source) in volume.as_object().into_iter().flatten().filter(|(key, _)| *key != "name") {
            let word = match kind.as_str() {
                "emptyDir" => "EmptyDir (a temporary directory that shares a pod's lifetime)",
                "hostPath" => "HostPath (bare host directory volume)",
                "secret" => "Secret (a volume populated by a Secret)",
                "configMap" => "ConfigMap (a volume populated by a ConfigMap)",
                "projected" => "Projected (a volume that contains injected data from multiple sources)",
                "persistentVolumeClaim" => {
                    "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"
                }
                other => other,
            };
            page.line(format!("    Type:\t{word}"));
            let optional = source.get("optional") == Some(&Value::Bool(true));
            match kind.as_str() {
                "secret" => {
                    page.line(format!("    SecretName:\t{}", text(source, "/secretName")));
                    page.line(format!("    Optional:\t{optional}"));
                }
                "configMap" => {
                    page.line(format!("    Name:\t{}", text(source, "/name")));
                    page.line(format!("    Optional:\t{optional}"));
                }
                "hostPath" => {
                    page.line(format!("    Path:\t{}", text(source, "/path")));
                    page.line(format!("    HostPathType:\t{}", text(source, "/type")));
                }
                "emptyDir" => {
                    page.line(format!("    Medium:\t{}", text(source, "/medium")));
                    let limit = match text(source, "/sizeLimit") {
                        "" => "<unset>",
                        limit => limit,
                    };
                    page.line(format!("    SizeLimit:\t{limit}"));
                }
                "persistentVolumeClaim" => {
                    page.line(format!("    ClaimName:\t{}", text(source, "/claimName")));
                }
                "projected" => projected(page, source),
                _ => {}
            }
        }
    }
}

fn projected(page: &mut Page, source: &Value) {
    for part in list(source, "/sources") {
        if let Some(token) = part.get("serviceAccountToken") {
            page.line(format!("    TokenExpirationSeconds:\t{}", number(token, "/expirationSeconds")));
        }
        if let Some(map) = part.get("configMap") {
            page.line(format!("    ConfigMapName:\t{}", text(map, "/name")));
            page.line(format!("    Optional:\t{}", map.get("optional") == Some(&Value::Bool(true))));
        }
        if part.get("downwardAPI").is_some() {
            page.line("    DownwardAPI:\ttrue");
        }
    }
}

fn tolerations(page: &mut Page, indent: &str, object: &Value, pointer: &str) {
    let lines: Vec<String> = list(object, pointer)
        .iter()
        .map(|toleration| {
            let mut line = text(toleration, "/key").to_owned();
            if !text(toleration, "/value").is_empty() {
                line.push_str(&format!("={}", text(toleration, "/value")));
            }
            if !text(toleration, "/effect").is_empty() {
                line.push_str(&format!(":{}", text(toleration, "/effect")));
            }
            if text(toleration, "/operator") == "Exists" && text(toleration, "/value").is_empty() {
                line.push_str(if line.is_empty() { "op=Exists" } else { " op=Exists" });
            }
            if let Some(seconds) = toleration.get("tolerationSeconds") {
                line.push_str(&format!(" for {seconds}s"));
            }
            line
        })
        .collect();
    if lines.is_empty() {
        page.line(format!("{indent}Tolerations:\t<none>"));
    }
    for (index, line) in lines.iter().enumerate() {
        page.line(if index == 0 { format!("{indent}Tolerations:\t{line}") } else { format!("{indent}\t{line}") });
    }
}
