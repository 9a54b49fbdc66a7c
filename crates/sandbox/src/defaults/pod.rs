//! Defaults of Pods and of Pod templates.

use serde_json::{Map, Value, json};

use crate::fields::{as_map, default_to, list_mut, map_at, text};

use super::{canonical, map_at_value};

/// The lists of containers of a Pod's `spec`.
pub(crate) const CONTAINER_LISTS: [&str; 3] = ["/initContainers", "/containers", "/ephemeralContainers"];

/// Fills a Pod.
pub(crate) fn fill(pod: &mut Value) {
    let spec = map_at_value(pod, "spec");
    // Only a Pod copies limits to requests, not a template: `SetDefaults_Pod`.
    for list in &CONTAINER_LISTS[..2] {
        for container in list_mut(spec, list) {
            requests_from_limits(container);
        }
    }
    default_to(as_map(spec), "enableServiceLinks", true);
    fill_spec(spec);
    default_to(map_at(pod, "status"), "phase", "Pending");
}

/// Fills the `spec` of a Pod or of a template.
pub(crate) fn fill_spec(spec: &mut Value) {
    let map = as_map(spec);
    default_to(map, "dnsPolicy", "ClusterFirst");
    default_to(map, "restartPolicy", "Always");
    default_to(map, "schedulerName", "default-scheduler");
    default_to(map, "securityContext", Map::new());
    default_to(map, "terminationGracePeriodSeconds", 30);
    let account = ["serviceAccountName", "serviceAccount"]
        .iter()
        .find_map(|key| map.get(*key).and_then(Value::as_str).filter(|name| !name.is_empty()))
        .map(str::to_owned);
    if let Some(account) = account {
        map.insert("serviceAccountName".to_owned(), Value::from(account.clone()));
        map.insert("serviceAccount".to_owned(), Value::from(account));
    }
    if map.get("hostNetwork") == Some(&Value::Bool(false)) {
        map.remove("hostNetwork");
    }
    for list in CONTAINER_LISTS {
        for container in list_mut(spec, list) {
            fill_container(container);
        }
    }
    canonical(spec, "/overhead");
    for volume in list_mut(spec, "/volumes") {
        fill_volume(volume);
    }
}

/// Copies limits to the requests that are missing.
fn requests_from_limits(container: &mut Value) {
    let Some(Value::Object(limits)) = container.pointer("/resources/limits").cloned() else { return };
    let requests = map_at(map_at_value(container, "resources"), "requests");
    for (resource, amount) in limits {
        requests.entry(resource).or_insert(amount);
    }
    if requests.is_empty() {
        map_at(container, "resources").remove("requests");
    }
}

fn fill_container(container: &mut Value) {
    let policy = pull_policy(text(container, "/image"));
    let map = as_map(container);
    default_to(map, "imagePullPolicy", policy);
    default_to(map, "resources", Map::new());
    default_to(map, "terminationMessagePath", "/dev/termination-log");
    default_to(map, "terminationMessagePolicy", "File");
    canonical(container, "/resources/limits");
    canonical(container, "/resources/requests");
    for port in list_mut(container, "/ports") {
        default_to(as_map(port), "protocol", "TCP");
    }
    for variable in list_mut(container, "/env") {
        if let Some(reference) = variable.pointer_mut("/valueFrom/fieldRef") {
            default_to(as_map(reference), "apiVersion", "v1");
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) {
            let map = as_map(probe);
            for (key, value) in
                [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
            {
                if map.get(key).is_none_or(|value| value.as_i64() == Some(0)) {
                    map.insert(key.to_owned(), Value::from(value));
                }
            }
            fill_http(probe);
        }
    }
    for hook in ["/lifecycle/postStart", "/lifecycle/preStop"] {
        if let Some(hook) = container.pointer_mut(hook) {
            fill_http(hook);
        }
    }
}

fn fill_http(handler: &mut Value) {
    if let Some(get) = handler.get_mut("httpGet").filter(|get| get.is_object()) {
        let map = as_map(get);
        default_to(map, "path", "/");
        default_to(map, "scheme", "HTTP");
    }
}

fn fill_volume(volume: &mut Value) {
    let map = as_map(volume);
    if map.keys().all(|key| key == "name") {
        map.insert("emptyDir".to_owned(), json!({}));
    }
    for (source, key, value) in [
        ("secret", "defaultMode", json!(420)),
        ("configMap", "defaultMode", json!(420)),
        ("downwardAPI", "defaultMode", json!(420)),
        ("projected", "defaultMode", json!(420)),
        ("hostPath", "type", json!("")),
    ] {
        if let Some(source) = volume.get_mut(source).filter(|source| source.is_object()) {
            default_to(as_map(source), key, value);
        }
    }
    for source in list_mut(volume, "/projected/sources") {
        if let Some(token) = source.get_mut("serviceAccountToken") {
            default_to(as_map(token), "expirationSeconds", 3600);
        }
    }
}

/// Returns `Always` for an image that is tagged `latest` or not at all, as `SetDefaults_Container` does.
fn pull_policy(image: &str) -> &'static str {
    let last = image.rsplit('/').next().unwrap_or_default();
    if last.contains('@') {
        return "IfNotPresent";
    }
    match last.rsplit_once(':') {
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
}
