//! What entries of an audit log prove, and what they do not.

use serde_json::json;

use super::*;

const NODE_CONTROLLER: &str = "system:serviceaccount:kube-system:node-controller";
const REPLICASETS: &str = "system:serviceaccount:kube-system:replicaset-controller";
const LEARNER: &str = "kubernetes-admin";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn entry(second: i64, user: &str, path: &str, object: Value) -> AuditEntry {
    let (resource, subresource) = path.split_once('/').map_or((path, None), |(one, two)| (one, Some(two)));
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    AuditEntry {
        at: at(second),
        user: user.to_owned(),
        component: user.starts_with("system:"),
        verb: "patch".to_owned(),
        group: String::new(),
        resource: resource.to_owned(),
        subresource: subresource.map(str::to_owned),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        code: 200,
        object: Some(object),
    }
}

fn node(ready: &str) -> Value {
    json!({"metadata": {"name": "node3"}, "status": {"conditions": [{"type": "Ready", "status": ready}]}})
}

fn oom(restarts: u64, state: Value, last: Value) -> Value {
    json!({
        "metadata": {"name": "p", "namespace": "default", "labels": {"app": "exhauster"}},
        "spec": {"nodeName": "node3"},
        "status": {"containerStatuses": [{"name": "c", "restartCount": restarts, "state": state, "lastState": last}]},
    })
}

fn killed() -> Value {
    json!({"terminated": {"reason": "OOMKilled", "exitCode": 137}})
}

/// Folds entries and says what was told: `kind proven`.
fn check(entries: &[AuditEntry], expected: &[&str]) {
    let nodes = BTreeMap::from([("node3".to_owned(), true)]);
    let mut tracker = Tracker::new(&nodes, &[]);
    let told: Vec<String> = entries
        .iter()
        .flat_map(|entry| tracker.take(entry))
        .map(|seen| {
            let what = serde_json::to_value(&seen.what).unwrap();
            let kind = what.as_object().unwrap().keys().next().unwrap().clone();
            format!("{kind} {}", if seen.proven { "proven" } else { "unproven" })
        })
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn a_node_that_its_controller_finds_silent_is_proven() {
    check(&[entry(1, NODE_CONTROLLER, "nodes/status", node("Unknown"))], &["node_not_ready proven"]);
    check(&[entry(1, "system:node:node3", "nodes/status", node("False"))], &["node_not_ready proven"]);
    let back = [
        entry(1, NODE_CONTROLLER, "nodes/status", node("Unknown")),
        entry(2, NODE_CONTROLLER, "nodes", node("Unknown")),
        entry(3, "system:node:node3", "nodes/status", node("True")),
    ];
    check(&back, &["node_not_ready proven", "node_ready proven"]);
}

#[test]
fn a_node_whose_status_the_learner_writes_is_not_proven() {
    check(&[entry(1, LEARNER, "nodes/status", node("False"))], &["node_not_ready unproven"]);
    check(&[entry(1, "system:node:node2", "nodes/status", node("False"))], &["node_not_ready unproven"]);
    check(&[entry(1, NODE_CONTROLLER, "nodes", node("False"))], &["node_not_ready unproven"]);
}

#[test]
fn a_controller_that_writes_the_learners_forgery_again_does_not_prove_it() {
    let laundered =
        [entry(1, LEARNER, "nodes/status", node("False")), entry(2, NODE_CONTROLLER, "nodes/status", node("Unknown"))];
    check(&laundered, &["node_not_ready unproven"]);
    let pods = [
        entry(1, LEARNER, "pods/status", oom(0, killed(), json!({}))),
        entry(2, "system:node:node3", "pods/status", oom(0, killed(), json!({}))),
    ];
    check(&pods, &["oom_killed unproven"]);
}

#[test]
fn an_out_of_memory_kill_counts_once_a_pod() {
    let entries = [
        entry(1, "system:node:node3", "pods/status", oom(0, json!({"running": {}}), json!({}))),
        entry(2, "system:node:node3", "pods/status", oom(0, killed(), json!({}))),
        entry(3, "system:node:node3", "pods/status", oom(1, json!({"running": {}}), killed())),
        entry(4, "system:node:node3", "pods/status", oom(1, killed(), killed())),
    ];
    check(&entries, &["oom_killed proven"]);
    let jumped = [entry(3, "system:node:node3", "pods/status", oom(1, json!({"running": {}}), killed()))];
    check(&jumped, &["oom_killed proven"]);
}

#[test]
fn a_forgery_does_not_hide_the_real_thing() {
    let entries = [
        entry(1, LEARNER, "pods/status", oom(0, killed(), json!({}))),
        entry(2, "system:node:node3", "pods/status", oom(1, json!({"running": {}}), killed())),
        entry(3, "system:node:node3", "pods/status", oom(1, killed(), killed())),
    ];
    check(&entries, &["oom_killed unproven", "oom_killed proven"]);
}

#[test]
fn only_the_scheduler_proves_that_there_was_no_room() {
    let pod = json!({
        "metadata": {"name": "p", "namespace": "default"},
        "status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
    });
    check(&[entry(1, "system:kube-scheduler", "pods/status", pod.clone())], &["unschedulable proven"]);
    check(&[entry(1, LEARNER, "pods/status", pod)], &["unschedulable unproven"]);
}

#[test]
fn only_a_workload_controller_proves_a_refused_creation() {
    let event = |pod: &str| {
        json!({
            "metadata": {"name": "e", "namespace": "default"},
            "involvedObject": {"kind": "ReplicaSet", "name": "web-1", "namespace": "default"},
            "reason": "FailedCreate",
            "message": format!("Error creating: pods \"{pod}\" is forbidden: exceeded quota: q"),
        })
    };
    let entries =
        [entry(1, REPLICASETS, "events", event("web-1-a")), entry(2, REPLICASETS, "events", event("web-1-b"))];
    check(&entries, &["creation_refused proven"]);
    check(&[entry(1, LEARNER, "events", event("a"))], &["creation_refused unproven"]);
    check(&[entry(1, NODE_CONTROLLER, "events", event("a"))], &["creation_refused unproven"]);
}

#[test]
fn a_refused_request_changes_nothing() {
    let mut refused = entry(1, NODE_CONTROLLER, "nodes/status", node("Unknown"));
    refused.code = 409;
    check(&[refused], &[]);
}

#[test]
fn what_was_recorded_is_not_told_again_after_a_restart() {
    let entries = [
        entry(1, NODE_CONTROLLER, "nodes/status", node("Unknown")),
        entry(2, "system:node:node3", "pods/status", oom(0, killed(), json!({}))),
    ];
    let nodes = BTreeMap::from([("node3".to_owned(), true)]);
    let mut before = Tracker::new(&nodes, &[]);
    let told: Vec<Observation> = entries.iter().flat_map(|entry| before.take(entry)).collect();
    assert_eq!(told.len(), 2);
    let mut after = Tracker::new(&nodes, &told);
    assert_eq!(entries.iter().flat_map(|entry| after.take(entry)).collect::<Vec<_>>(), []);
}

#[test]
fn a_watch_alone_proves_nothing() {
    let mut tracker = Tracker::new(&BTreeMap::from([("node3".to_owned(), true)]), &[]);
    let seen = tracker.see("Node", &node("False"), at(1));
    assert!(matches!(seen.as_slice(), [Observation { proven: false, .. }]));
}
