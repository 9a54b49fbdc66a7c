//! Trials of a sandbox's Namespaces, and the judgement of what they saw.

use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::{Bench, judge, refusing, silent, spec, world_of};

fn facts(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = Facts { quotas: vec!["q".to_owned()], asked: 20, ..Facts::default() };
    (facts.copies.admitted, facts.copies.running) = (4, 4);
    facts.refusal = Some(Refusal {
        kind: RefusedBy::ResourceQuota,
        name: Some("q".to_owned()),
        message: "exceeded quota: q".to_owned(),
        resources: vec!["pods".to_owned()],
        unspecified: Vec::new(),
    });
    change(&mut facts);
    facts
}

#[test]
fn facts_are_judged() {
    let default = Range::default();
    let range = |min, max| Range { min, max };
    let cases: [(&str, Facts, Range, Range, Verdict); 15] = [
        ("four, then a refusal", facts(|_| {}), default, default, Verdict::Right),
        ("within the bounds", facts(|_| {}), range(Some(1), Some(4)), default, Verdict::Right),
        ("more than the author allows", facts(|_| {}), range(None, Some(3)), default, Verdict::TooLoose),
        ("fewer than the author wants", facts(|_| {}), range(Some(5), None), default, Verdict::TooTight),
        ("no refusal, no quota", facts(|f| (f.refusal, f.quotas) = (None, vec![])), default, default, Verdict::NoQuota),
        ("no refusal, a quota", facts(|f| f.refusal = None), default, default, Verdict::TooLoose),
        ("not even one", facts(|f| f.copies = Tally::default()), default, default, Verdict::TooTight),
        ("only the learner's own", facts(|f| f.own = std::mem::take(&mut f.copies)), default, default, Verdict::Right),
        (
            "one without a node",
            facts(|f| (f.copies.running, f.copies.unschedulable) = (3, 1)),
            default,
            default,
            Verdict::TooLoose,
        ),
        (
            "one without a node, and the author wants three",
            facts(|f| (f.copies.running, f.copies.unschedulable) = (3, 1)),
            default,
            range(Some(3), None),
            Verdict::Right,
        ),
        (
            "one without a node, and the author wants four",
            facts(|f| (f.copies.running, f.copies.unschedulable) = (3, 1)),
            default,
            range(Some(4), None),
            Verdict::TooLoose,
        ),
        (
            "none starts",
            facts(|f| (f.copies.running, f.copies.stuck) = (0, Some("ErrImagePull".to_owned()))),
            default,
            default,
            Verdict::NotStarting,
        ),
        ("nothing to copy", facts(|f| f.ground = Ground::NothingToCopy), default, default, Verdict::NothingToCopy),
        ("no Namespace", facts(|f| f.ground = Ground::NoNamespace), default, default, Verdict::NoNamespace),
        (
            "another refusal",
            facts(|f| f.refusal.as_mut().unwrap().kind = RefusedBy::Other),
            default,
            default,
            Verdict::OtherRefusal,
        ),
    ];
    for (title, facts, admitted, running, expected) in cases {
        let trial = Trial { namespace: "default".to_owned(), source: Source::Plain, replicas: 20, admitted, running };
        assert_eq!(facts.report(&trial).verdict, expected, "{title}");
    }
}

const MANIFEST: &str = "apiVersion: apps/v1
kind: Deployment
metadata: { name: exhauster }
spec:
  selector: { matchLabels: { app: exhauster } }
  template:
    metadata: { labels: { app: exhauster } }
    spec:
      containers:
      - { name: exhauster, image: 'busybox:1.36', command: [tail, /dev/zero] }
";

const TRIAL: &str = "quota_exhaustion: { template: exhauster.yaml, replicas: 20 }";

fn limit_range() -> Value {
    json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "bornes" },
        "spec": { "limits": [{ "type": "Container", "default": { "memory": "512Mi", "cpu": "10m" } }] },
    })
}

fn quota(hard: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "quota" }, "spec": { "hard": hard } })
}

async fn bench(objects: &[Value]) -> Bench {
    let bench = Bench::start().await;
    std::fs::write(bench.work.path().join("exhauster.yaml"), MANIFEST).unwrap();
    for object in objects {
        bench.create(object.clone()).await;
    }
    bench
}

async fn report(yaml: &str, world: &World) -> Report {
    let outcome = judge(yaml, world).await.unwrap();
    match outcome.evidence() {
        crate::Evidence::QuotaExhaustion(evidence) => {
            let holds = evidence.report.verdict == Verdict::Right;
            assert_eq!(matches!(outcome, Outcome::Pass(_)), holds);
            evidence.report.clone()
        }
        other => panic!("{other:?}"),
    }
}

/// Fails unless nothing of any trial is left.
async fn assert_clean(client: &kube::Client) {
    let marked = ListParams::default().labels(RunId::LABEL);
    let pods: Api<Pod> = Api::all(client.clone());
    let sets: Api<ReplicaSet> = Api::all(client.clone());
    let deployments: Api<Deployment> = Api::all(client.clone());
    let left = [
        pods.list(&marked).await.unwrap().items.len(),
        sets.list(&marked).await.unwrap().items.len(),
        deployments.list(&marked).await.unwrap().items.len(),
    ];
    assert_eq!(left, [0, 0, 0], "Pods, ReplicaSets, Deployments");
}

async fn count_pods(client: &kube::Client, selector: &str) -> usize {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    pods.list(&ListParams::default().labels(selector)).await.unwrap().items.len()
}

#[tokio::test]
async fn a_quota_that_stops_the_fifth_pod_is_right() {
    let bench = bench(&[limit_range(), quota(json!({ "requests.memory": "2Gi", "limits.memory": "2Gi" }))]).await;
    let report = report(TRIAL, &bench.audited()).await;
    assert_eq!(report.verdict, Verdict::Right, "{report:?}");
    assert_eq!((report.asked, report.admitted, report.running, report.pending, report.left), (20, 4, 4, 0, 0));
    let refusal = &report.refused_by[0];
    assert_eq!((refusal.kind, refusal.name.as_deref()), (RefusedBy::ResourceQuota, Some("quota")));
    assert!(refusal.message.contains("exceeded quota: quota, requested: limits.memory=512Mi,requests.memory=512Mi"));
    assert_eq!(report.resource.as_deref(), Some("limits.memory"));
    assert_clean(&bench.client).await;
    let events: Api<Event> = Api::namespaced(bench.client.clone(), "default");
    let events = events.list(&ListParams::default()).await.unwrap();
    let ours = events
        .items
        .iter()
        .filter(|event| event.involved_object.name.as_deref().is_some_and(|name| name.starts_with(NAME_PREFIX)));
    assert_eq!(ours.count(), 0, "the learner reads their own events only");
}

#[tokio::test]
async fn without_a_quota_the_nodes_run_out() {
    let bench = bench(&[limit_range()]).await;
    let report = report(TRIAL, &bench.audited()).await;
    assert_eq!(report.verdict, Verdict::NoQuota, "{report:?}");
    assert_eq!(report.admitted, 20);
    assert!(report.pending > 0 && report.running > 0 && report.running + report.pending == 20, "{report:?}");
    assert_eq!(report.resource.as_deref(), Some("memory"));
    assert_clean(&bench.client).await;
}

#[tokio::test]
async fn a_quota_that_lets_all_through_is_too_loose() {
    let bench = bench(&[limit_range(), quota(json!({ "pods": "50" }))]).await;
    let report = report(TRIAL, &bench.audited()).await;
    assert_eq!((report.verdict, report.admitted), (Verdict::TooLoose, 20), "{report:?}");
    assert_clean(&bench.client).await;
}

#[tokio::test]
async fn a_quota_that_grants_more_than_the_nodes_have_is_too_loose() {
    let bench = bench(&[limit_range(), quota(json!({ "pods": "18" }))]).await;
    let report = report(TRIAL, &bench.audited()).await;
    assert_eq!((report.verdict, report.admitted), (Verdict::TooLoose, 18), "{report:?}");
    assert!(report.pending > 0, "{report:?}");
    assert_eq!(report.resource.as_deref(), Some("memory"));
}

#[tokio::test]
async fn a_quota_that_stops_the_first_pod_is_too_tight() {
    let bench = bench(&[limit_range(), quota(json!({ "limits.memory": "256Mi" }))]).await;
    let report = report(TRIAL, &bench.audited()).await;
    assert_eq!((report.verdict, report.admitted), (Verdict::TooTight, 0), "{report:?}");
    assert_clean(&bench.client).await;
}

#[tokio::test]
async fn a_quota_without_a_limit_range_names_what_pods_must_say() {
    let bench = bench(&[quota(json!({ "limits.memory": "2Gi" }))]).await;
    let report = report(TRIAL, &bench.audited()).await;
    assert_eq!(report.verdict, Verdict::TooTight, "{report:?}");
    assert_eq!(report.refused_by[0].unspecified, ["limits.memory"]);
}

#[tokio::test]
async fn a_limit_range_that_refuses_the_pod_is_named() {
    let limits = json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "bornes" },
        "spec": { "limits": [{ "type": "Container", "max": { "memory": "256Mi" } }] },
    });
    let bench = bench(&[limits]).await;
    let manifest = MANIFEST.replace("command:", "resources: { limits: { memory: 1Gi } }, command:");
    std::fs::write(bench.work.path().join("exhauster.yaml"), manifest).unwrap();
    let report = report(TRIAL, &bench.audited()).await;
    assert_eq!(report.verdict, Verdict::TooTight, "{report:?}");
    let refusal = &report.refused_by[0];
    assert_eq!((refusal.kind, refusal.name.as_deref()), (RefusedBy::LimitRange, Some("bornes")));
}

#[tokio::test]
async fn the_learners_deployment_is_counted_and_never_touched() {
    let bench = bench(&[limit_range(), quota(json!({ "limits.memory": "2Gi" }))]).await;
    let mut deployment: Value = manifest::documents(MANIFEST).unwrap().remove(0);
    deployment["spec"]["replicas"] = json!(2);
    deployment["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["sleep", "3600"]);
    bench.create(deployment).await;
    let ready = "condition: { api_version: v1, kind: Pod, selector: app=exhauster, count: 2, fields: { status.phase: Running }, within: 20 }";
    assert!(matches!(judge(ready, &bench.world()).await.unwrap(), Outcome::Pass(_)));
    let deployments: Api<Deployment> = Api::namespaced(bench.client.clone(), "default");
    let before = deployments.get("exhauster").await.unwrap();

    let report = report("quota_exhaustion: { deployment: exhauster, replicas: 20 }", &bench.audited()).await;
    assert_eq!(report.verdict, Verdict::Right, "{report:?}");
    assert_eq!((report.asked, report.admitted, report.own, report.running), (20, 4, 2, 4));
    let after = deployments.get("exhauster").await.unwrap();
    assert_eq!((before.metadata.generation, before.spec), (after.metadata.generation, after.spec));
    assert_eq!(count_pods(&bench.client, "app=exhauster").await, 2);
    assert_clean(&bench.client).await;
}

#[tokio::test]
async fn nothing_to_copy_and_nowhere_to_copy_it_fail() {
    let bench = bench(&[]).await;
    for (body, expected) in [
        ("deployment: absent, replicas: 5", Verdict::NothingToCopy),
        ("template: absent.yaml, replicas: 5", Verdict::NothingToCopy),
        ("namespace: nulle-part, replicas: 5", Verdict::NoNamespace),
        ("template: ../exhauster.yaml, replicas: 5", Verdict::NothingToCopy),
    ] {
        let report = report(&format!("quota_exhaustion: {{ {body} }}"), &bench.audited()).await;
        assert_eq!(report.verdict, expected, "{body}");
    }
}

#[tokio::test]
async fn a_cancelled_trial_leaves_nothing() {
    let bench = bench(&[limit_range()]).await;
    let (world, spec) = (bench.audited(), spec(TRIAL));
    let cancel = CancellationToken::new();
    let stop = async {
        // Once the first copy is there, the trial is under way.
        while count_pods(&bench.client, RunId::LABEL).await == 0 {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (result, ()) = tokio::join!(crate::run(&spec, &world, &cancel), stop);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_clean(&bench.client).await;
}

#[tokio::test]
async fn what_a_killed_run_left_is_swept_after_its_deadline_or_by_its_owner() {
    let bench = bench(&[]).await;
    let now = Timestamp::now();
    let namespaces = ["default".to_owned()];
    let left = |name: &str, run: &str, deadline: &str| {
        let stamp = copy::Stamp { name, namespace: "default", run, deadline };
        copy::deployment(&copy::plain(), &stamp, 2)
    };
    bench.create(left("atelier-quota-a", "killed", "2020-01-01T00:00:00Z")).await;
    bench.create(left("atelier-quota-b", "mine", "2099-01-01T00:00:00Z")).await;
    bench.create(left("atelier-quota-c", "other", "2099-01-01T00:00:00Z")).await;
    assert!(sweep(&bench.client, &namespaces, now, |run| run.0 == "mine").await.unwrap() >= 2);
    let deployments: Api<Deployment> = Api::namespaced(bench.client.clone(), "default");
    let names: Vec<String> = deployments
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .filter_map(|d| d.metadata.name)
        .collect();
    assert_eq!(names, ["atelier-quota-c"], "a run that may still be under way stays");
    sweep(&bench.client, &namespaces, now, |_| true).await.unwrap();
    assert_clean(&bench.client).await;
    assert_eq!(sweep(&bench.client, &namespaces, now, |_| true).await.unwrap(), 0);
}

#[tokio::test]
async fn no_right_and_no_answer_are_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "quota_exhaustion: { replicas: 5 }";
    let forbidden = judge(yaml, &world_of(refusing(403, "resourcequotas is forbidden"), folder.path())).await;
    assert!(matches!(forbidden, Err(Error::Forbidden { .. })), "{forbidden:?}");
    let silent = world_of(silent(), folder.path());
    let late = crate::run_within(&spec(yaml), &silent, Duration::from_millis(50), &CancellationToken::new()).await;
    assert!(matches!(late, Err(Error::TimedOut(_))), "{late:?}");
}

#[tokio::test]
async fn checks_that_look_overlook_the_copies() {
    let bench = bench(&[limit_range(), quota(json!({ "limits.memory": "2Gi" }))]).await;
    let (world, trial) = (bench.audited(), spec(TRIAL));
    let none = spec("kubernetes_object: { api_version: v1, kind: Pod, absent: true }");
    let cancel = CancellationToken::new();
    let beside = async {
        while count_pods(&bench.client, RunId::LABEL).await == 0 {
            tokio::task::yield_now().await;
        }
        crate::run(&none, &world, &cancel).await.unwrap()
    };
    let (tried, looked) = tokio::join!(crate::run(&trial, &world, &cancel), beside);
    assert!(matches!(tried.unwrap(), Outcome::Pass(_)));
    assert!(matches!(looked, Outcome::Pass(_)), "{looked:?}");
}
