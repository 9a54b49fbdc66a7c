//! Probes, hooks, guests, and containers that may not be root.

use super::*;

fn ready(stage: &Stage, name: &str) -> bool {
    condition(&stage.get(&PODS, name), "Ready")["status"] == "True"
}

#[tokio::test(start_paused = true)]
async fn a_container_that_fails_its_liveness_probe_is_started_again() {
    let stage = Stage::lifelike().await;
    let probe = json!({"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 5});
    stage.apply(&PODS, pod("web", json!({"image": "nginx:1.27", "livenessProbe": probe}))).unwrap();
    stage
        .until("a restart", |s| number(&s.get(&PODS, "web"), "/status/containerStatuses/0/restartCount") == Some(1))
        .await;
    let address = text(&stage.get(&PODS, "web"), "/status/podIP").to_owned();
    let events = stage.events("web");
    let unhealthy = format!(
        "Unhealthy: Liveness probe failed: Get \"http://{address}:8080/\": dial tcp {address}:8080: connect: connection refused"
    );
    assert!(events.contains(&unhealthy), "{events:#?}");
    assert!(events.contains(&"Killing: Container c failed liveness probe, will be restarted".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn readiness_waits_for_the_startup_probe_and_for_the_right_page() {
    let stage = Stage::lifelike().await;
    let good = json!({"image": "nginx:1.27", "ports": [{"name": "http", "containerPort": 80}],
        "startupProbe": {"tcpSocket": {"port": "http"}, "initialDelaySeconds": 20},
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "initialDelaySeconds": 1}});
    stage.apply(&PODS, pod("good", good)).unwrap();
    let bad = json!({"image": "nginx:1.27", "readinessProbe": {"httpGet": {"path": "/health", "port": 80}}});
    stage.apply(&PODS, pod("bad", bad)).unwrap();
    stage.until("it runs", |s| s.get(&PODS, "good")["status"]["phase"] == "Running").await;
    let begun = Instant::now();
    assert_eq!(stage.get(&PODS, "good")["status"]["containerStatuses"][0]["started"], false);
    stage.until("it is ready", |s| ready(s, "good")).await;
    assert!(begun.elapsed() > Duration::from_secs(20));
    assert_eq!(stage.get(&PODS, "good")["status"]["containerStatuses"][0]["started"], true);
    assert!(!ready(&stage, "bad"));
    let events = stage.events("bad");
    assert!(
        events.contains(&"Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404".to_owned()),
        "{events:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_container_that_may_not_be_root_is_not_created() {
    let stage = Stage::new(Version::V1_20, Pace::Lifelike).await;
    let secure =
        |user: Value| json!({"image": "nginx:1.27", "securityContext": {"runAsNonRoot": true, "runAsUser": user}});
    stage.apply(&PODS, pod("root", secure(Value::Null))).unwrap();
    stage.apply(&PODS, pod("zero", secure(json!(0)))).unwrap();
    stage.apply(&PODS, pod("user", secure(json!(1000)))).unwrap();
    stage.until("the user runs", |s| s.get(&PODS, "user")["status"]["phase"] == "Running").await;
    stage.rest(Duration::from_secs(2)).await;
    let waiting = |name: &str| stage.get(&PODS, name)["status"]["containerStatuses"][0]["state"]["waiting"].clone();
    let place = |name: &str| {
        let pod = stage.get(&PODS, name);
        format!("(pod: \"{name}_default({})\", container: c)", text(&pod, "/metadata/uid"))
    };
    assert_eq!(
        waiting("root"),
        json!({"reason": "CreateContainerConfigError",
            "message": format!("container has runAsNonRoot and image will run as root {}", place("root"))})
    );
    assert_eq!(waiting("zero")["message"], format!("container's runAsUser breaks non-root policy {}", place("zero")));
}

#[tokio::test(start_paused = true)]
async fn a_guest_runs_beside_the_others_and_its_end_changes_nothing() {
    let stage = Stage::lifelike().await;
    stage.apply(&PODS, pod("web", json!({"image": "nginx:1.27"}))).unwrap();
    stage.until("it runs", |s| ready(s, "web")).await;
    let target = Target::new(&PODS, "default", "web").part("ephemeralcontainers");
    stage
        .api
        .update_with(&Caller::admin(), target, |pod| {
            pod["spec"]["ephemeralContainers"] =
                json!([{"name": "debugger", "image": "busybox:1.36", "command": ["sleep", "5"]}]);
        })
        .unwrap();
    let state = |s: &Stage| s.get(&PODS, "web")["status"]["ephemeralContainerStatuses"][0]["state"].clone();
    stage.until("the guest runs", |s| state(s)["running"].is_object()).await;
    stage.until("the guest ends", |s| state(s)["terminated"]["exitCode"] == 0).await;
    stage.rest(Duration::from_secs(60)).await;
    assert!(ready(&stage, "web"));
    assert!(state(&stage)["terminated"].is_object());
}

#[tokio::test(start_paused = true)]
async fn a_hook_before_the_end_takes_its_time() {
    let stage = Stage::lifelike().await;
    let hook = json!({"preStop": {"exec": {"command": ["sleep", "12"]}}});
    stage.apply(&PODS, pod("slow", json!({"image": "nginx:1.27", "lifecycle": hook}))).unwrap();
    stage.until("it runs", |s| ready(s, "slow")).await;
    let begun = Instant::now();
    stage.delete(&PODS, "slow");
    stage.until("it is gone", |s| s.pods("default").is_empty()).await;
    assert!((12..15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}
