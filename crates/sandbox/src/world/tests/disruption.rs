//! Evictions and the budgets that refuse them.

use super::*;
use crate::resources::POD_DISRUPTION_BUDGETS;

fn web(replicas: usize) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}}})
}

fn budget(spec: Value) -> Value {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"app": "web"}});
    json!({"metadata": {"name": "web"}, "spec": spec})
}

fn evict(stage: &Stage, pod: &str) -> Result<(), Status> {
    stage.api.evict(&Caller::admin(), "default", pod, &DeleteOptions::default())
}

fn first(stage: &Stage) -> String {
    let pods = stage.pods("default");
    let pod = pods.iter().find(|pod| !crate::fields::is_deleted(pod) && text(pod, "/status/phase") == "Running");
    text(pod.unwrap(), "/metadata/name").to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_budget_lets_one_pod_go_at_a_time() {
    let stage = Stage::lifelike().await;
    stage.apply(&DEPLOYMENTS, web(3)).unwrap();
    stage.apply(&POD_DISRUPTION_BUDGETS, budget(json!({"minAvailable": "60%"}))).unwrap();
    let allowed = |s: &Stage| number(&s.get(&POD_DISRUPTION_BUDGETS, "web"), "/status/disruptionsAllowed");
    stage.until("one may go", |s| allowed(s) == Some(1)).await;
    let status = stage.get(&POD_DISRUPTION_BUDGETS, "web")["status"].clone();
    assert_eq!(
        (&status["desiredHealthy"], &status["currentHealthy"], &status["expectedPods"]),
        (&json!(2), &json!(3), &json!(3))
    );
    assert_eq!(evict(&stage, &first(&stage)), Ok(()));
    let refusal = evict(&stage, &first(&stage)).unwrap_err();
    assert_eq!(refusal.code, 429);
    assert_eq!(refusal.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    let causes = refusal.details.unwrap().causes;
    assert_eq!(causes[0].reason, "DisruptionBudget");
    assert!(causes[0].message.starts_with("The disruption budget web needs 2 healthy pods and has "));
    // Another Pod comes in its place: then the next may go.
    stage.until("one may go again", |s| allowed(s) == Some(1)).await;
    assert_eq!(evict(&stage, &first(&stage)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn bare_pods_and_pods_that_have_not_begun_are_let_go() {
    let stage = Stage::lifelike().await;
    let mut pending = pod("pending", json!({"image": "nginx:1.27"}));
    pending["spec"]["nodeSelector"] = json!({"no": "where"});
    pending["metadata"]["labels"] = json!({"app": "web"});
    stage.apply(&POD_DISRUPTION_BUDGETS, budget(json!({"minAvailable": 5}))).unwrap();
    stage.apply(&PODS, pending).unwrap();
    stage.apply(&PODS, pod("bare", json!({"image": "nginx:1.27"}))).unwrap();
    stage.until("it runs", |s| s.get(&PODS, "bare")["status"]["phase"] == "Running").await;
    assert_eq!(evict(&stage, "pending"), Ok(()));
    assert_eq!(evict(&stage, "bare"), Ok(()));
    stage.until("both are gone", |s| s.pods("default").is_empty()).await;
}
