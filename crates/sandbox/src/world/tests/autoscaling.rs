//! Scaling: by the use of memory, in proportion while a rollout is under way, and the marks of nodes.

use super::*;
use crate::resources::HORIZONTAL_POD_AUTOSCALERS;

fn web(replicas: usize, image: &str, request: Value) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": image, "resources": {"requests": request}}]}}}})
}

fn scaler(target: &str) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        "minReplicas": 1, "maxReplicas": 4,
        "metrics": [{"type": "Resource", "resource": {"name": "memory",
            "target": {"type": "Utilization", "averageUtilization": 50}}}]}})
}

#[tokio::test(start_paused = true)]
async fn memory_above_its_target_asks_for_more_pods() {
    let stage = Stage::lifelike().await;
    // nginx uses 8 MiB of 8: twice what is asked for, however many there are.
    stage.apply(&DEPLOYMENTS, web(1, "nginx:1.27", json!({"memory": "8Mi"}))).unwrap();
    stage.until("it runs", |s| number(&s.get(&DEPLOYMENTS, "web"), "/status/readyReplicas") == Some(1)).await;
    stage.apply(&HORIZONTAL_POD_AUTOSCALERS, scaler("web")).unwrap();
    stage.until("four", |s| number(&s.get(&DEPLOYMENTS, "web"), "/spec/replicas") == Some(4)).await;
    let first = stage.events("web").into_iter().find(|event| event.starts_with("SuccessfulRescale")).unwrap();
    assert_eq!(
        first,
        "SuccessfulRescale: New size: 2; reason: memory resource utilization (percentage of request) above target"
    );
    stage.rest(Duration::from_secs(60)).await;
    let scaler = stage.get(&HORIZONTAL_POD_AUTOSCALERS, "web");
    assert_eq!(scaler["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"], 100);
    assert_eq!(condition(&scaler, "ScalingLimited")["reason"], "TooManyReplicas");
}

#[tokio::test(start_paused = true)]
async fn a_missing_request_and_a_missing_target_are_told() {
    let stage = Stage::lifelike().await;
    stage.apply(&DEPLOYMENTS, web(1, "nginx:1.27", json!({}))).unwrap();
    stage.until("it runs", |s| number(&s.get(&DEPLOYMENTS, "web"), "/status/readyReplicas") == Some(1)).await;
    stage.apply(&HORIZONTAL_POD_AUTOSCALERS, scaler("web")).unwrap();
    stage.rest(Duration::from_secs(20)).await;
    let active = condition(&stage.get(&HORIZONTAL_POD_AUTOSCALERS, "web"), "ScalingActive");
    assert_eq!(active["reason"], "FailedGetResourceMetric");
    assert!(
        text(&active, "/message").starts_with(
            "the HPA was unable to compute the replica count: failed to get memory utilization: missing request for memory in container c of Pod web-"
        ),
        "{active}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_scaled_while_it_rolls_keeps_the_proportion() {
    let stage = Stage::lifelike().await;
    stage.apply(&DEPLOYMENTS, web(10, "nginx:1.27", json!({}))).unwrap();
    stage.until("ten", |s| number(&s.get(&DEPLOYMENTS, "web"), "/status/readyReplicas") == Some(10)).await;
    let target = Target::new(&DEPLOYMENTS, "default", "web");
    let change =
        |change: &dyn Fn(&mut Value)| stage.api.update_with(&Caller::admin(), target, |web| change(web)).unwrap();
    // An image that cannot be had holds the rollout up: eight old Pods stay, five new ones wait.
    change(&|web| web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:no-such"));
    let sizes = |s: &Stage| {
        let mut sizes: Vec<i64> = s
            .api
            .list_all(&REPLICA_SETS, Some("default"))
            .iter()
            .filter_map(|set| number(set, "/spec/replicas"))
            .collect();
        sizes.sort_unstable();
        sizes
    };
    stage.until("it is held up", |s| sizes(s) == [5, 8]).await;
    change(&|web| web["spec"]["replicas"] = json!(15));
    // The example of the documentation: three more for the old one of eight, two and one for the new one of five.
    stage.until("both grow", |s| sizes(s) == [7, 12]).await;
    stage.rest(Duration::from_secs(30)).await;
    assert_eq!(sizes(&stage), [7, 12]);
}

#[tokio::test(start_paused = true)]
async fn a_mark_by_hand_drives_pods_away_when_their_time_is_over() {
    let stage = Stage::lifelike().await;
    let patient = |name: &str, tolerations: Value| {
        let mut pod = pod(name, json!({"image": "nginx:1.27"}));
        pod["spec"]["nodeName"] = json!("node2");
        pod["spec"]["tolerations"] = tolerations;
        pod
    };
    stage.apply(&PODS, patient("soon", json!([]))).unwrap();
    let later = json!([{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}]);
    stage.apply(&PODS, patient("later", later)).unwrap();
    stage.until("both run", |s| s.pods("default").iter().all(|p| text(p, "/status/phase") == "Running")).await;
    let target = Target::new(&NODES, "", "node2");
    stage
        .api
        .update_with(&Caller::admin(), target, |node| {
            node["spec"]["taints"] = json!([{"key": "a", "value": "b", "effect": "NoExecute"}]);
        })
        .unwrap();
    let begun = Instant::now();
    stage.until("one goes", |s| s.pods("default").len() == 1).await;
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(stage.events("soon").contains(&"TaintManagerEviction: Marking for deletion Pod default/soon".to_owned()));
    stage.until("the other one too", |s| s.pods("default").is_empty()).await;
    assert!((60..90).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}
