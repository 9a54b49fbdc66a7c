//! Where Pods go: company, spreading, importance.

use super::*;
use crate::resources::PRIORITY_CLASSES;

fn labelled(name: &str, app: &str, spec: Value) -> Value {
    let mut pod = pod(name, json!({"image": "nginx:1.27"}));
    pod["metadata"]["labels"] = json!({"app": app});
    for (key, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][key] = value.clone();
    }
    pod
}

fn apart(app: &str) -> Value {
    json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": app}}}]}}})
}

fn node_of(stage: &Stage, name: &str) -> String {
    text(&stage.get(&PODS, name), "/spec/nodeName").to_owned()
}

#[tokio::test(start_paused = true)]
async fn pods_that_keep_apart_fill_the_nodes_and_the_next_one_waits() {
    let stage = Stage::lifelike().await;
    for name in ["w1", "w2", "w3"] {
        stage.apply(&PODS, labelled(name, "web", apart("web"))).unwrap();
        stage.rest(Duration::from_secs(1)).await;
    }
    let mut nodes = [node_of(&stage, "w1"), node_of(&stage, "w2")];
    nodes.sort();
    assert_eq!(nodes, ["node2", "node3"]);
    assert_eq!(
        stage.events("w3")[0],
        "FailedScheduling: 0/3 nodes are available: 1 node(s) had untolerated taint \
         {node-role.kubernetes.io/control-plane: }, 2 node(s) didn't match pod anti-affinity rules. preemption: 0/3 \
         nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming \
         pod."
    );
    // Those that are there keep others away too, whatever these think of it.
    stage.apply(&PODS, labelled("w4", "web", json!({}))).unwrap();
    stage.rest(Duration::from_secs(1)).await;
    assert!(stage.events("w4")[0].contains("2 node(s) didn't satisfy existing pods anti-affinity rules"));
    stage.delete(&PODS, "w1");
    stage.until("one of them takes its place", |s| !node_of(s, "w3").is_empty() || !node_of(s, "w4").is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn pods_that_seek_company_and_pods_that_spread() {
    let stage = Stage::lifelike().await;
    let near = json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}]}}});
    stage.apply(&PODS, labelled("web", "web", near)).unwrap();
    stage.rest(Duration::from_secs(1)).await;
    assert!(stage.events("web")[0].contains("2 node(s) didn't match pod affinity rules"), "{:?}", stage.events("web"));
    stage.apply(&PODS, labelled("db", "db", json!({"nodeSelector": {"kubernetes.io/hostname": "node3"}}))).unwrap();
    stage.until("it follows", |s| node_of(s, "web") == "node3").await;
    let spread = json!({
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "s"}}}],
    });
    for index in 0..6 {
        stage.apply(&PODS, labelled(&format!("s{index}"), "s", spread.clone())).unwrap();
    }
    stage.until("all have a node", |s| (0..6).all(|index| !node_of(s, &format!("s{index}")).is_empty())).await;
    for node in ["node1", "node2", "node3"] {
        assert_eq!((0..6).filter(|index| node_of(&stage, &format!("s{index}")) == node).count(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_important_pod_drives_others_away() {
    let stage = Stage::lifelike().await;
    stage.apply(&PRIORITY_CLASSES, json!({"metadata": {"name": "high"}, "value": 1000})).unwrap();
    let big = |priority: &str| {
        let mut pod = labelled("x", "x", json!({}));
        pod["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "3Gi"}});
        if !priority.is_empty() {
            pod["spec"]["priorityClassName"] = json!(priority);
        }
        pod
    };
    for name in ["one", "two"] {
        let mut pod = big("");
        pod["metadata"]["name"] = json!(name);
        stage.apply(&PODS, pod).unwrap();
    }
    stage.until("both run", |s| s.pods("default").iter().all(|p| text(p, "/status/phase") == "Running")).await;
    let mut third = big("");
    third["metadata"]["name"] = json!("third");
    stage.apply(&PODS, third).unwrap();
    let mut boss = big("high");
    boss["metadata"]["name"] = json!("boss");
    stage.apply(&PODS, boss).unwrap();
    stage.until("the boss runs", |s| s.get(&PODS, "boss")["status"]["phase"] == "Running").await;
    let events = stage.events("boss");
    assert!(
        events[0].ends_with(
            "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient memory."
        ),
        "{events:#?}"
    );
    assert_eq!(stage.get(&PODS, "third")["status"]["phase"], "Pending");
    assert_eq!(stage.pods("default").len(), 3);
    let gone: Vec<String> =
        ["one", "two"].iter().flat_map(|name| stage.events(name)).filter(|e| e.starts_with("Preempted")).collect();
    assert_eq!(gone.len(), 1);
}
