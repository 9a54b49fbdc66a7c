//! DaemonSets, StatefulSets, Jobs and CronJobs, as kubectl would drive them.

use super::*;
use crate::resources::{CONTROLLER_REVISIONS, CRON_JOBS, DAEMON_SETS, JOBS, STATEFUL_SETS};

fn template(app: &str, container: Value) -> Value {
    let mut container = container;
    container["name"] = json!("c");
    json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [container]}})
}

fn set(name: &str, spec: Value) -> Value {
    let mut spec = spec;
    spec["selector"] = json!({"matchLabels": {"app": name}});
    if spec.get("template").is_none() {
        spec["template"] = template(name, json!({"image": "nginx:1.27"}));
    }
    json!({"metadata": {"name": name}, "spec": spec})
}

impl Stage {
    fn running(&self, app: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .pods("default")
            .iter()
            .filter(|pod| pod["metadata"]["labels"]["app"] == app && text(pod, "/status/phase") == "Running")
            .map(|pod| text(pod, "/metadata/name").to_owned())
            .collect();
        names.sort();
        names
    }

    fn change(&self, resource: &'static Resource, name: &str, change: impl FnOnce(&mut Value)) {
        self.api.update_with(&Caller::admin(), Target::new(resource, "default", name), change).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_runs_on_the_workers_and_rolls_one_by_one() {
    let stage = Stage::lifelike().await;
    stage.apply(&DAEMON_SETS, set("agent", json!({}))).unwrap();
    stage.until("two agents", |s| s.get(&DAEMON_SETS, "agent")["status"]["numberAvailable"] == 2).await;
    assert_eq!(
        stage.get(&DAEMON_SETS, "agent")["status"],
        json!({"currentNumberScheduled": 2, "desiredNumberScheduled": 2, "numberMisscheduled": 0, "numberReady": 2,
            "numberAvailable": 2, "updatedNumberScheduled": 2, "observedGeneration": 1})
    );
    let nodes: Vec<String> = stage.pods("default").iter().map(|p| text(p, "/spec/nodeName").to_owned()).collect();
    assert!(nodes.contains(&"node2".to_owned()) && nodes.contains(&"node3".to_owned()), "{nodes:?}");
    assert_eq!(stage.reasons("agent")[..1], ["SuccessfulCreate"]);
    stage.change(&DAEMON_SETS, "agent", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:1.28");
    });
    let mut fewest = 2;
    stage
        .until("all are new", |s| {
            fewest = fewest.min(s.running("agent").len());
            let set = s.get(&DAEMON_SETS, "agent");
            set["status"]["updatedNumberScheduled"] == 2
                && set["status"]["numberAvailable"] == 2
                && set["status"]["observedGeneration"] == 2
        })
        .await;
    assert_eq!(fewest, 1);
    assert_eq!(stage.api.list_all(&CONTROLLER_REVISIONS, Some("default")).len(), 2);
    // A cordoned node keeps its agent; one that is drained with --ignore-daemonsets too.
    let target = Target::new(&NODES, "", "node3");
    stage.api.update_with(&Caller::admin(), target, |node| node["spec"]["unschedulable"] = json!(true)).unwrap();
    stage.rest(Duration::from_secs(5)).await;
    assert_eq!(stage.running("agent").len(), 2);
    stage.delete(&DAEMON_SETS, "agent");
    stage.until("agents are gone", |s| s.pods("default").is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_starts_in_order_and_ends_in_reverse() {
    let stage = Stage::lifelike().await;
    stage.apply(&STATEFUL_SETS, set("web", json!({"serviceName": "web", "replicas": 3}))).unwrap();
    let mut seen = Vec::new();
    stage
        .until("three Pods", |s| {
            let running = s.running("web");
            if seen.last() != Some(&running) {
                seen.push(running);
            }
            s.get(&STATEFUL_SETS, "web")["status"]["readyReplicas"] == 3
        })
        .await;
    let names = |count: usize| (0..count).map(|index| format!("web-{index}")).collect::<Vec<_>>();
    assert_eq!(seen, [names(0), names(1), names(2), names(3)]);
    let events = stage.events("web");
    assert_eq!(events[0], "SuccessfulCreate: create Pod web-0 in StatefulSet web successful");
    stage.change(&STATEFUL_SETS, "web", |set| set["spec"]["replicas"] = json!(1));
    stage.until("one is left", |s| s.get(&STATEFUL_SETS, "web")["status"]["replicas"] == 1).await;
    let gone: Vec<String> = stage.events("web").into_iter().filter(|e| e.starts_with("SuccessfulDelete")).collect();
    assert_eq!(
        gone,
        [
            "SuccessfulDelete: delete Pod web-2 in StatefulSet web successful",
            "SuccessfulDelete: delete Pod web-1 in StatefulSet web successful"
        ]
    );
    stage.change(&STATEFUL_SETS, "web", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:1.28");
    });
    stage
        .until("the update is done", |s| {
            let status = s.get(&STATEFUL_SETS, "web")["status"].clone();
            status["observedGeneration"] == 3
                && status["readyReplicas"] == 1
                && status["currentRevision"] == status["updateRevision"]
                && status["updatedReplicas"] == 1
        })
        .await;
    let pod = stage.get(&PODS, "web-0");
    assert_eq!(pod["spec"]["containers"][0]["image"], "nginx:1.28");
    assert_eq!(pod["spec"]["hostname"], "web-0");
}

fn job(name: &str, command: &[&str], spec: Value) -> Value {
    let mut spec = spec;
    let mut template = template(name, json!({"image": "busybox:1.36", "command": command}));
    template["spec"]["restartPolicy"] = json!("Never");
    spec["template"] = template;
    json!({"metadata": {"name": name}, "spec": spec})
}

#[tokio::test(start_paused = true)]
async fn a_job_completes_and_its_counts_outlive_its_pods() {
    let stage = Stage::lifelike().await;
    stage.apply(&JOBS, job("sum", &["echo", "done"], json!({"completions": 4, "parallelism": 2}))).unwrap();
    let mut most = 0;
    stage
        .until("complete", |s| {
            let status = s.get(&JOBS, "sum")["status"].clone();
            most = most.max(status["active"].as_i64().unwrap_or_default());
            super::condition(&s.get(&JOBS, "sum"), "Complete")["status"] == "True"
        })
        .await;
    assert_eq!(most, 2);
    let status = stage.get(&JOBS, "sum")["status"].clone();
    assert_eq!(
        (&status["succeeded"], &status["ready"], &status["terminating"], &status["uncountedTerminatedPods"]),
        (&json!(4), &json!(0), &json!(0), &json!({}))
    );
    assert_eq!(super::condition(&stage.get(&JOBS, "sum"), "SuccessCriteriaMet")["reason"], "CompletionsReached");
    assert_eq!(stage.events("sum").iter().filter(|e| *e == "Completed: Job completed").count(), 1);
    assert!(stage.pods("default").iter().all(|pod| pod["metadata"].get("finalizers").is_none()));
    stage.delete(&JOBS, "sum");
    stage.until("Pods are gone", |s| s.pods("default").is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_is_given_up_after_its_limit() {
    let stage = Stage::lifelike().await;
    stage.apply(&JOBS, job("bad", &["sh", "-c", "exit 3"], json!({"backoffLimit": 2}))).unwrap();
    let begun = Instant::now();
    stage.until("failed", |s| super::condition(&s.get(&JOBS, "bad"), "Failed")["status"] == "True").await;
    // Three Pods, with pauses of ten and twenty seconds.
    assert_eq!(stage.pods("default").len(), 3);
    assert!(begun.elapsed() >= Duration::from_secs(30), "{:?}", begun.elapsed());
    let failed = super::condition(&stage.get(&JOBS, "bad"), "Failed");
    assert_eq!(failed["reason"], "BackoffLimitExceeded");
    assert_eq!(failed["message"], "Job has reached the specified backoff limit");
    assert_eq!(stage.get(&JOBS, "bad")["status"]["failed"], 3);
}

#[tokio::test(start_paused = true)]
async fn jobs_are_suspended_run_out_of_time_and_expire() {
    let stage = Stage::new(Version::V1_24, Pace::Lifelike).await;
    stage
        .apply(&JOBS, job("later", &["sleep", "30"], json!({"suspend": true, "ttlSecondsAfterFinished": 60})))
        .unwrap();
    stage.until("suspended", |s| super::condition(&s.get(&JOBS, "later"), "Suspended")["status"] == "True").await;
    assert!(stage.pods("default").is_empty());
    stage.change(&JOBS, "later", |job| job["spec"]["suspend"] = json!(false));
    stage.until("complete", |s| s.get(&JOBS, "later")["status"]["succeeded"] == 1).await;
    stage.until("it expires", |s| s.api.get(&JOBS, "default", "later").is_err()).await;
    stage.apply(&JOBS, job("long", &["sleep", "3600"], json!({"activeDeadlineSeconds": 20}))).unwrap();
    stage.until("failed", |s| super::condition(&s.get(&JOBS, "long"), "Failed")["status"] == "True").await;
    assert_eq!(super::condition(&stage.get(&JOBS, "long"), "Failed")["reason"], "DeadlineExceeded");
    assert_eq!(stage.get(&JOBS, "long")["status"].get("terminating"), None);
}

#[tokio::test(start_paused = true)]
async fn a_cron_job_starts_each_minute_and_keeps_three() {
    let stage = Stage::lifelike().await;
    let template = job("tick", &["echo", "x"], json!({}));
    let cron = json!({"metadata": {"name": "tick"}, "spec": {
        "schedule": "* * * * *", "concurrencyPolicy": "Allow", "jobTemplate": {"spec": template["spec"]}}});
    stage.apply(&CRON_JOBS, cron).unwrap();
    stage.until("the first", |s| s.get(&CRON_JOBS, "tick")["status"]["lastScheduleTime"].is_string()).await;
    assert_eq!(stage.get(&CRON_JOBS, "tick")["status"]["lastScheduleTime"], "2026-01-05T08:01:00Z");
    stage.rest(Duration::from_secs(360)).await;
    let jobs = stage.api.list_all(&JOBS, Some("default"));
    assert_eq!(jobs.len(), 3, "{:?}", stage.events("tick"));
    assert!(text(&jobs[0], "/metadata/name").starts_with("tick-"));
    let reasons = stage.reasons("tick");
    for reason in ["SuccessfulCreate", "SawCompletedJob", "SuccessfulDelete"] {
        assert!(reasons.contains(&reason.to_owned()), "{reasons:?}");
    }
}
