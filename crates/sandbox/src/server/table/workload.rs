//! The rows of Deployments, ReplicaSets, Services and their endpoints.

use serde_json::Value;

use super::{Column, Context, age, name, number, or_none, text, wide};

pub(super) fn deployment_columns() -> Vec<Column> {
    vec![
        name(),
        text("Ready"),
        text("Up-to-date"),
        text("Available"),
        text("Age"),
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ]
}

pub(super) fn deployment_cells(context: Context, object: &Value) -> Vec<Value> {
    let status = |field: &str| object["status"][field].as_i64().unwrap_or_default();
    let desired = object["spec"]["replicas"].as_i64().unwrap_or_default();
    let mut cells = vec![
        object["metadata"]["name"].clone(),
        format!("{}/{desired}", status("readyReplicas")).into(),
        status("updatedReplicas").into(),
        status("availableReplicas").into(),
        age::since(context.now, &object["metadata"]["creationTimestamp"]),
    ];
    cells.extend(template_cells(object));
    cells
}

pub(super) fn replica_set_columns() -> Vec<Column> {
    vec![
        name(),
        number("Desired"),
        number("Current"),
        number("Ready"),
        text("Age"),
        wide("Containers"),
        wide("Images"),
        wide("Selector"),
    ]
}

pub(super) fn replica_set_cells(context: Context, object: &Value) -> Vec<Value> {
    let status = |field: &str| object["status"][field].as_i64().unwrap_or_default();
    let mut cells = vec![
        object["metadata"]["name"].clone(),
        object["spec"]["replicas"].as_i64().unwrap_or_default().into(),
        status("replicas").into(),
        status("readyReplicas").into(),
        age::since(context.now, &object["metadata"]["creationTimestamp"]),
    ];
    cells.extend(template_cells(object));
    cells
}

pub(super) fn template_cells(object: &Value) -> [Value; 3] {
    let containers = object["spec"]["template"]["spec"]["containers"].as_array();
    let join = |field: &str| {
        let texts: Vec<&str> = containers.into_iter().flatten().filter_map(|one| one[field].as_str()).collect();
        Value::from(texts.join(","))
    };
    [join("name"), join("image"), selector(&object["spec"]["selector"])]
}

/// Writes a LabelSelector on one line.
pub(super) fn selector(selector: &Value) -> Value {
    let mut parts: Vec<String> = pairs(&selector["matchLabels"]);
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> =
            expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let values = values.join(",");
        parts.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    or_none(&parts.join(","))
}

pub(super) fn pairs(map: &Value) -> Vec<String> {
    let map = map.as_object();
    map.into_iter().flatten().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
}

pub(super) fn service_columns() -> Vec<Column> {
    vec![name(), text("Type"), text("Cluster-IP"), text("External-IP"), text("Port(s)"), text("Age"), wide("Selector")]
}

pub(super) fn service_cells(context: Context, object: &Value) -> Vec<Value> {
    let spec = &object["spec"];
    let ports: Vec<String> = spec["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|port| {
            let protocol = port["protocol"].as_str().unwrap_or("TCP");
            match port["nodePort"].as_i64() {
                Some(node) if node > 0 => format!("{}:{node}/{protocol}", port["port"]),
                _ => format!("{}/{protocol}", port["port"]),
            }
        })
        .collect();
    let external: Vec<&str> = spec["externalIPs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let external = match spec["type"].as_str() {
        Some("ExternalName") => or_none(spec["externalName"].as_str().unwrap_or_default()),
        Some("LoadBalancer") if external.is_empty() => "<pending>".into(),
        _ => or_none(&external.join(",")),
    };
    vec![
        object["metadata"]["name"].clone(),
        spec["type"].clone(),
        or_none(spec["clusterIP"].as_str().unwrap_or_default()),
        external,
        or_none(&ports.join(",")),
        age::since(context.now, &object["metadata"]["creationTimestamp"]),
        or_none(&pairs(&spec["selector"]).join(",")),
    ]
}

pub(super) fn endpoints_cell(object: &Value) -> Value {
    let mut found = Vec::new();
    for subset in object["subsets"].as_array().into_iter().flatten() {
        for port in subset["ports"].as_array().into_iter().flatten() {
            for address in subset["addresses"].as_array().into_iter().flatten() {
                found.push(format!("{}:{}", address["ip"].as_str().unwrap_or_default(), port["port"]));
            }
        }
    }
    cut(&found)
}

pub(super) fn slice_cells(context: Context, object: &Value) -> Vec<Value> {
    let list = |field: &str| object[field].as_array().into_iter().flatten();
    let ports: Vec<String> = list("ports").map(|port| port["port"].to_string()).collect();
    let addresses: Vec<String> = list("endpoints")
        .flat_map(|endpoint| endpoint["addresses"].as_array().into_iter().flatten())
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect();
    vec![
        object["metadata"]["name"].clone(),
        object["addressType"].clone(),
        if ports.is_empty() { "<unset>".into() } else { cut(&ports) },
        if addresses.is_empty() { "<unset>".into() } else { cut(&addresses) },
        age::since(context.now, &object["metadata"]["creationTimestamp"]),
    ]
}

/// Three entries and the number of the others.
fn cut(found: &[String]) -> Value {
    match found.len() {
        0..=3 => or_none(&found.join(",")),
        count => format!("{} + {} more...", found[..3].join(","), count - 3).into(),
    }
}
