//! The rows of nodes and events.

use serde_json::Value;

use super::{Column, Context, age, name, or_none, text, wide};

pub(super) fn node_columns() -> Vec<Column> {
    vec![
        name(),
        text("Status"),
        text("Roles"),
        text("Age"),
        text("Version"),
        wide("Internal-IP"),
        wide("External-IP"),
        wide("OS-Image"),
        wide("Kernel-Version"),
        wide("Container-Runtime"),
    ]
}

pub(super) fn node_cells(context: Context, node: &Value) -> Vec<Value> {
    const ROLE: &str = "node-role.kubernetes.io/";
    let ready = node["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready")
        .map_or("Unknown", |condition| if condition["status"] == "True" { "Ready" } else { "NotReady" });
    let mut status = ready.to_owned();
    if node["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    let labels = node["metadata"]["labels"].as_object();
    let roles: Vec<&str> = labels.into_iter().flatten().filter_map(|(key, _)| key.strip_prefix(ROLE)).collect();
    let info = |field: &str| match node["status"]["nodeInfo"][field].as_str() {
        Some(text) if !text.is_empty() => Value::from(text),
        _ => Value::from("<unknown>"),
    };
    let address = |kind: &str| {
        let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
        let mut of_kind = addresses.filter(|address| address["type"] == kind);
        or_none(of_kind.next().and_then(|address| address["address"].as_str()).unwrap_or_default())
    };
    vec![
        node["metadata"]["name"].clone(),
        status.into(),
        or_none(&roles.join(",")),
        age::since(context.now, &node["metadata"]["creationTimestamp"]),
        node["status"]["nodeInfo"]["kubeletVersion"].clone(),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

pub(super) fn event_columns() -> Vec<Column> {
    vec![
        text("Last Seen"),
        text("Type"),
        text("Reason"),
        text("Object"),
        wide("Subobject"),
        wide("Source"),
        text("Message"),
        wide("First Seen"),
        wide("Count"),
        Column { priority: 1, ..name() },
    ]
}

pub(super) fn event_cells(context: Context, event: &Value) -> Vec<Value> {
    let either = |first: &str, second: &str| {
        if event[first].is_string() {
            age::since(context.now, &event[first])
        } else {
            age::since(context.now, &event[second])
        }
    };
    let count = event["count"].as_i64().unwrap_or_default();
    let series = event["series"]["count"].as_i64().unwrap_or_default();
    let object = &event["involvedObject"];
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let component = match event["source"]["component"].as_str() {
        Some(component) if !component.is_empty() => component,
        _ => event["reportingComponent"].as_str().unwrap_or_default(),
    };
    let source: Vec<&str> = [component, event["source"]["host"].as_str().unwrap_or_default()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    let last = if series > 0 {
        age::since(context.now, &event["series"]["lastObservedTime"])
    } else {
        either("lastTimestamp", "eventTime")
    };
    vec![
        last,
        event["type"].clone(),
        event["reason"].clone(),
        match object["name"].as_str().unwrap_or_default() {
            "" => kind.into(),
            name => format!("{kind}/{name}").into(),
        },
        object["fieldPath"].as_str().unwrap_or_default().into(),
        source.join(", ").into(),
        event["message"].as_str().unwrap_or_default().trim().into(),
        either("firstTimestamp", "eventTime"),
        if series > 0 { series } else { count.max(1) }.to_string().into(),
        event["metadata"]["name"].clone(),
    ]
}
