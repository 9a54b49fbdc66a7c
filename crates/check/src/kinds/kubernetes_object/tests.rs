//! Objects of a sandbox, looked at through its API.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::testing::{Bench, Log, Told, judge, refusing, silent, spec, told, world, world_of};
use crate::{AuditEntry, Error, Evidence, Finding};

fn limit_range(namespace: &str, name: &str, memory: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "LimitRange",
        "metadata": { "name": name, "namespace": namespace, "labels": { "atelier/x.y": "oui" } },
        "spec": { "limits": [
            { "type": "Pod", "max": { "memory": "4Gi" } },
            { "type": "Container", "default": { "memory": memory, "cpu": "10m" } },
        ]},
    })
}

fn finding(outcome: &crate::Outcome) -> Finding {
    match outcome.evidence() {
        Evidence::KubernetesObject(evidence) => evidence.finding.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn objects_are_judged_by_value() {
    let bench = Bench::start().await;
    bench.create(limit_range("default", "bornes", "536870912")).await;
    let world = bench.world();
    let memory = "spec.limits[type=Container].default.memory";
    for (body, expected) in [
        ("kind: LimitRange".to_owned(), Told::Pass),
        ("kind: LimitRange, name: bornes".to_owned(), Told::Pass),
        ("kind: LimitRange, name: autre".to_owned(), Told::Fail),
        ("kind: LimitRange, namespace: kube-system".to_owned(), Told::Fail),
        ("kind: LimitRange, selector: 'atelier/x.y=oui'".to_owned(), Told::Pass),
        ("kind: LimitRange, selector: 'atelier/x.y=non'".to_owned(), Told::Fail),
        (format!("kind: LimitRange, fields: {{ '{memory}': 512Mi }}"), Told::Pass),
        (format!("kind: LimitRange, fields: {{ '{memory}': 0.5Gi }}"), Told::Pass),
        (format!("kind: LimitRange, fields: {{ '{memory}': 256Mi }}"), Told::Fail),
        (format!("kind: LimitRange, fields: {{ '{memory}': {{ max: 1Gi }} }}"), Told::Pass),
        (format!("kind: LimitRange, fields: {{ '{memory}': {{ exists: false }} }}"), Told::Fail),
        ("kind: LimitRange, fields: { 'spec.limits[type=Container].default.cpu': 0.01 }".to_owned(), Told::Pass),
        ("kind: LimitRange, fields: { 'metadata.labels[\"atelier/x.y\"]': oui }".to_owned(), Told::Pass),
        ("kind: LimitRange, absent: true".to_owned(), Told::Fail),
        ("kind: LimitRange, name: autre, absent: true".to_owned(), Told::Pass),
        ("kind: LimitRange, count: 1".to_owned(), Told::Pass),
        ("kind: LimitRange, count: { min: 2 }".to_owned(), Told::Fail),
        ("kind: Namespace, name: default".to_owned(), Told::Pass),
        ("kind: Namespace, name: ailleurs".to_owned(), Told::Fail),
    ] {
        let yaml = format!("kubernetes_object: {{ api_version: v1, {body} }}");
        let outcome = judge(&yaml, &world).await.unwrap();
        assert_eq!(told(&outcome), expected, "{body}: {:?}", finding(&outcome));
    }
}

#[tokio::test]
async fn a_missing_object_shows_what_was_made_instead() {
    let bench = Bench::start().await;
    bench.create(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "app" } })).await;
    bench.create(limit_range("app", "bornes", "512Mi")).await;
    bench.create(limit_range("default", "limites", "512Mi")).await;
    let yaml = "kubernetes_object: { api_version: v1, kind: LimitRange, name: bornes }";
    let outcome = judge(yaml, &bench.world()).await.unwrap();
    let expected = Finding::Missing { others: vec!["limites".to_owned()], elsewhere: vec!["app".to_owned()] };
    assert_eq!(finding(&outcome), expected);
}

#[tokio::test]
async fn the_nearest_object_is_shown() {
    let bench = Bench::start().await;
    bench.create(limit_range("default", "a", "1Gi")).await;
    let yaml = "kubernetes_object: { api_version: v1, kind: LimitRange, fields: { 'spec.limits[type=Container].default': { memory: 512Mi, cpu: 10m } } }";
    let outcome = judge(yaml, &bench.world()).await.unwrap();
    match finding(&outcome) {
        Finding::Differs { name, fields } => {
            assert_eq!(name, "a");
            assert_eq!(fields[0].found[0]["memory"], "1Gi");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unknown_kind_is_no_verdict() {
    let bench = Bench::start().await;
    for body in ["api_version: policy/v1beta1, kind: PodSecurityPolicy", "api_version: v1, kind: Grappe"] {
        let result = judge(&format!("kubernetes_object: {{ {body}, absent: true }}"), &bench.world()).await;
        assert!(matches!(result, Err(Error::UnknownKind { .. })), "{result:?}");
    }
}

const POD: &str = "kubernetes_object: { api_version: v1, kind: Pod, fields: { status.phase: Failed } }";

fn status_entry(user: &str) -> AuditEntry {
    AuditEntry {
        at: jiff::Timestamp::now(),
        user: user.to_owned(),
        component: user.starts_with("system:"),
        verb: "patch".to_owned(),
        group: String::new(),
        resource: "pods".to_owned(),
        subresource: Some("status".to_owned()),
        namespace: "default".to_owned(),
        name: "p".to_owned(),
        code: 200,
        object: None,
    }
}

#[tokio::test]
async fn a_status_written_by_the_learner_proves_nothing_where_an_audit_tells() {
    let bench = Bench::start().await;
    // No node takes it, so that nobody but the learner writes its status.
    let spec = json!({
        "nodeSelector": { "nowhere": "x" }, "containers": [{ "name": "c", "image": "busybox:1.36" }],
    });
    bench.create(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "spec": spec })).await;
    bench
        .write_status(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p" }, "status": { "phase": "Failed" },
        }))
        .await;
    let mut world = bench.world();
    assert_eq!(told(&judge(POD, &world).await.unwrap()), Told::Pass, "a real cluster has no audit");
    for (entries, expected) in [
        (vec![status_entry("system:node:node3")], Told::Pass),
        (vec![status_entry("system:node:node3"), status_entry("kubernetes-admin")], Told::Fail),
        (vec![status_entry("kubernetes-admin"), status_entry("system:node:node3")], Told::Pass),
    ] {
        world.cluster.as_mut().unwrap().audit = Some(Arc::new(Log::of(entries)));
        let outcome = judge(POD, &world).await.unwrap();
        assert_eq!(told(&outcome), expected, "{:?}", finding(&outcome));
    }
    world.cluster.as_mut().unwrap().audit = Some(Arc::new(Log(None.into())));
    assert!(matches!(judge(POD, &world).await, Err(Error::NotObservable { .. })));
}

#[tokio::test]
async fn no_cluster_no_right_and_no_answer_are_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "kubernetes_object: { api_version: v1, kind: Pod, absent: true }";
    assert!(matches!(judge(yaml, &world(folder.path())).await, Err(Error::NoCluster)));
    let forbidden = world_of(refusing(403, "pods is forbidden"), folder.path());
    assert!(matches!(judge(yaml, &forbidden).await, Err(Error::Forbidden { .. })));
    let broken = world_of(refusing(500, "etcd is away"), folder.path());
    assert!(matches!(judge(yaml, &broken).await, Err(Error::Cluster(_))));

    let silent = world_of(silent(), folder.path());
    let limit = Duration::from_millis(50);
    let late = crate::run_within(&spec(yaml), &silent, limit, &CancellationToken::new()).await;
    assert!(matches!(late, Err(Error::TimedOut(after)) if after == limit), "{late:?}");
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert!(matches!(crate::run(&spec(yaml), &silent, &cancel).await, Err(Error::Cancelled)));
}
