//! The workshop's story through the API, on a paused clock: nothing here waits in real time.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::api::{Caller, DeleteOptions, Status, Target, WriteOptions};
use crate::clock::Clock;
use crate::fields::{list, number, text};
use crate::network::Network;
use crate::resources::{
    CONFIG_MAPS, DEPLOYMENTS, EVENTS, LIMIT_RANGES, NAMESPACES, PODS, REPLICA_SETS, RESOURCE_QUOTAS, Resource,
    SERVICE_ACCOUNTS, SERVICES,
};
use crate::store::Object;
use crate::{Pace, Version, admission, bootstrap};

/// A cluster on a paused clock.
struct Stage {
    api: Api,
    world: World,
}

impl Stage {
    async fn new(version: Version, pace: Pace) -> Stage {
        let start = "2026-01-05T08:00:00Z".parse().unwrap();
        let clock = Clock::starting_at(start).at_pace(pace);
        let api = Api::new(clock, version, admission::chain(version));
        bootstrap::fill(&api, IpAddr::V4(Ipv4Addr::new(127, 20, 30, 1)));
        let stage = Stage { world: World::start(&api, &Network::new(&api), "CA"), api };
        stage
            .until("system Pods run", |stage| {
                let pods = stage.pods("kube-system");
                pods.len() == 9 && pods.iter().all(|pod| text(pod, "/status/phase") == "Running")
            })
            .await;
        stage
    }

    async fn lifelike() -> Stage {
        Stage::new(Version::V1_34, Pace::Lifelike).await
    }

    /// Waits until something holds; panics after an hour of the paused clock, or twenty seconds at the fast pace.
    async fn until(&self, what: &str, mut holds: impl FnMut(&Stage) -> bool) {
        let mut changes = self.api.subscribe();
        let limit = Instant::now() + Duration::from_secs(if self.api.clock().pace() == Pace::Fast { 20 } else { 3600 });
        while !holds(self) {
            if tokio::time::timeout_at(limit, changes.recv()).await.is_err() {
                panic!(
                    "{what}: not in time\n{:#?}\n{:#?}",
                    self.pods("default"),
                    self.get(&NODES, "node3")["status"]["conditions"]
                );
            }
        }
    }

    /// Lets everything come to rest: nothing happens for a while.
    async fn rest(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn apply(&self, resource: &'static Resource, object: Value) -> Result<Object, Status> {
        let space = if resource.is_namespaced() { "default" } else { "" };
        self.api
            .create(&Caller::admin(), resource, space, object, &WriteOptions::default())
            .map(|written| written.object)
    }

    fn get(&self, resource: &'static Resource, name: &str) -> Object {
        let space = if resource.is_namespaced() { "default" } else { "" };
        self.api.get(resource, space, name).unwrap()
    }

    fn delete(&self, resource: &'static Resource, name: &str) {
        let space = if resource.is_namespaced() { "default" } else { "" };
        self.api.delete(&Caller::admin(), Target::new(resource, space, name), &DeleteOptions::default()).unwrap();
    }

    fn scale(&self, name: &str, replicas: usize) {
        let target = Target::new(&DEPLOYMENTS, "default", name);
        self.api.update_with(&Caller::admin(), target, |object| object["spec"]["replicas"] = json!(replicas)).unwrap();
    }

    fn pods(&self, space: &str) -> Vec<Object> {
        self.api.list_all(&PODS, Some(space))
    }

    fn ready(&self, node: &str) -> String {
        condition(&self.get(&NODES, node), "Ready")["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns `reason: message` of the events about objects whose name begins so, each once, sorted by time.
    fn events(&self, about: &str) -> Vec<String> {
        let mut events = self.api.list_all(&EVENTS, None);
        events.sort_by_key(|event| event["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse::<u64>().ok()));
        events
            .iter()
            .filter(|event| text(event, "/involvedObject/name").starts_with(about))
            .map(|event| format!("{}: {}", text(event, "/reason"), text(event, "/message")))
            .collect()
    }

    fn reasons(&self, about: &str) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        for event in self.events(about) {
            let reason = event.split(':').next().unwrap_or_default().to_owned();
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }
}

fn condition(object: &Value, kind: &str) -> Value {
    list(object, "/status/conditions").iter().find(|condition| condition["type"] == kind).cloned().unwrap_or_default()
}

fn exhauster() -> Value {
    json!({
        "metadata": {"name": "exhauster", "labels": {"app": "exhauster"}},
        "spec": {
            "selector": {"matchLabels": {"app": "exhauster"}},
            "template": {
                "metadata": {"labels": {"app": "exhauster"}},
                "spec": {
                    "nodeSelector": {"kubernetes.io/hostname": "node3"},
                    "containers": [{"name": "exhauster", "image": "busybox:1.36", "command": ["tail", "/dev/zero"]}],
                },
            },
        },
    })
}

fn pod(name: &str, container: Value) -> Value {
    let mut container = container;
    container["name"] = json!("c");
    json!({"metadata": {"name": name}, "spec": {"containers": [container]}})
}

fn limits() -> Value {
    let default = json!({"memory": "512Mi", "cpu": "10m"});
    json!({"metadata": {"name": "limits"}, "spec": {"limits": [{"type": "Container", "default": default}]}})
}

#[tokio::test(start_paused = true)]
async fn an_unlimited_exhauster_takes_its_node_and_a_repair_brings_it_back() {
    let stage = Stage::lifelike().await;
    let begin = Instant::now();
    stage.apply(&DEPLOYMENTS, exhauster()).unwrap();
    stage.until("node3 is lost", |stage| stage.ready("node3") == "Unknown").await;
    let took = begin.elapsed();
    assert!((Duration::from_secs(15)..Duration::from_secs(30)).contains(&took), "{took:?}");
    let lost = condition(&stage.get(&NODES, "node3"), "Ready");
    assert_eq!(lost["reason"], "NodeStatusUnknown");
    assert_eq!(lost["message"], "Kubelet stopped posting node status.");
    assert_eq!(stage.ready("node2"), "True");
    stage.until("taints", |stage| list(&stage.get(&NODES, "node3"), "/spec/taints").len() == 2).await;
    assert_eq!(stage.events("node3"), ["NodeNotReady: Node node3 status is now: NodeNotReady"]);

    // On a lost node nothing ends: the Pod stays until the node is back.
    stage.delete(&DEPLOYMENTS, "exhauster");
    stage.rest(Duration::from_secs(60)).await;
    let left = stage.pods("default");
    assert_eq!(left.len(), 1);
    assert!(crate::fields::is_deleted(&left[0]));

    stage.world.repair("node3").unwrap();
    stage.until("node3 is back", |stage| stage.ready("node3") == "True").await;
    stage.until("the Pod is gone", |stage| stage.pods("default").is_empty()).await;
    stage.until("no taints", |stage| list(&stage.get(&NODES, "node3"), "/spec/taints").is_empty()).await;
    let reasons = stage.reasons("node3");
    for reason in ["Starting", "NodeHasSufficientMemory", "Rebooted", "NodeReady"] {
        assert!(reasons.iter().any(|found| found == reason), "{reason} in {reasons:?}");
    }
    assert!(stage.world.repair("node9").is_err());
}

#[tokio::test(start_paused = true)]
async fn an_exhauster_that_is_still_there_eats_the_repaired_node_again() {
    let stage = Stage::lifelike().await;
    stage.apply(&DEPLOYMENTS, exhauster()).unwrap();
    stage.until("node3 is lost", |stage| stage.ready("node3") == "Unknown").await;
    stage.world.repair("node3").unwrap();
    stage.until("node3 is back", |stage| stage.ready("node3") == "True").await;
    stage
        .until("it runs again", |stage| {
            number(&stage.pods("default")[0], "/status/containerStatuses/0/restartCount") == Some(1)
        })
        .await;
    let last = stage.pods("default")[0]["status"]["containerStatuses"][0]["lastState"]["terminated"].clone();
    assert_eq!((&last["exitCode"], &last["reason"]), (&json!(255), &json!("Unknown")));
    stage.until("node3 is lost again", |stage| stage.ready("node3") == "Unknown").await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_range_makes_the_exhauster_end_oom_killed() {
    let stage = Stage::lifelike().await;
    stage.apply(&LIMIT_RANGES, limits()).unwrap();
    stage.apply(&DEPLOYMENTS, exhauster()).unwrap();
    let waiting = |stage: &Stage| {
        let pods = stage.pods("default");
        pods.first().map(|pod| pod["status"]["containerStatuses"][0].clone()).unwrap_or_default()
    };
    stage.until("crash loop", |stage| waiting(stage)["state"]["waiting"]["reason"] == "CrashLoopBackOff").await;
    let pod = stage.pods("default")[0].clone();
    let status = waiting(&stage);
    let (name, uid) = (crate::fields::name(&pod), crate::fields::uid(&pod));
    assert_eq!(
        status["state"]["waiting"]["message"],
        format!("back-off 10s restarting failed container=exhauster pod={name}_default({uid})")
    );
    let last = &status["lastState"]["terminated"];
    assert_eq!((&last["reason"], &last["exitCode"]), (&json!("OOMKilled"), &json!(137)));
    assert_eq!(status["restartCount"], 1);
    let resources = json!({"memory": "512Mi", "cpu": "10m"});
    assert_eq!(pod["spec"]["containers"][0]["resources"], json!({"limits": resources, "requests": resources}));
    assert_eq!(
        pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu, memory request for container exhauster; cpu, memory limit for container exhauster"
    );
    assert_eq!(
        stage.events(name),
        [
            format!("Scheduled: Successfully assigned default/{name} to node3"),
            "Pulled: Container image \"busybox:1.36\" already present on machine".to_owned(),
            "Created: Created container: exhauster".to_owned(),
            "Started: Started container exhauster".to_owned(),
            format!("BackOff: Back-off restarting failed container exhauster in pod {name}_default({uid})"),
        ]
    );
    assert_eq!(stage.ready("node3"), "True");
}

#[tokio::test(start_paused = true)]
async fn twenty_limited_replicas_starve_the_cluster_and_a_quota_stops_them() {
    let stage = Stage::lifelike().await;
    stage.apply(&LIMIT_RANGES, limits()).unwrap();
    let mut anywhere = exhauster();
    anywhere["spec"]["template"]["spec"]["nodeSelector"] = json!({});
    anywhere["spec"]["replicas"] = json!(20);
    stage.apply(&DEPLOYMENTS, anywhere).unwrap();
    let scheduled = |stage: &Stage| {
        let pods = stage.pods("default");
        let assigned = pods.iter().filter(|pod| !text(pod, "/spec/nodeName").is_empty()).count();
        let refused = pods.iter().filter(|pod| condition(pod, "PodScheduled")["status"] == "False").count();
        (pods.len(), assigned, refused)
    };
    // 3584Mi of each of two nodes take seven Pods of 512Mi.
    stage.until("all are decided", |stage| scheduled(stage) == (20, 14, 6)).await;
    let refused = stage.pods("default").into_iter().find(|pod| text(pod, "/spec/nodeName").is_empty()).unwrap();
    assert_eq!(
        condition(&refused, "PodScheduled")["message"],
        "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, \
         2 Insufficient memory. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, \
         2 No preemption victims found for incoming pod."
    );
    assert_eq!(stage.reasons(crate::fields::name(&refused)), ["FailedScheduling"]);
    assert_eq!(refused["status"]["qosClass"], "Guaranteed");
    stage.rest(Duration::from_millis(1500)).await;
    stage.delete(&DEPLOYMENTS, "exhauster");
    stage.until("they are gone", |stage| stage.pods("default").is_empty()).await;
    assert_eq!(stage.events("node"), Vec::<String>::new(), "limits hold while Pods end");

    let hard = json!({"requests.memory": "1536Mi", "pods": "4"});
    stage.apply(&RESOURCE_QUOTAS, json!({"metadata": {"name": "quota"}, "spec": {"hard": hard}})).unwrap();
    stage.until("the quota counts", |stage| stage.get(&RESOURCE_QUOTAS, "quota")["status"]["used"].is_object()).await;
    let mut limited = exhauster();
    limited["spec"]["replicas"] = json!(20);
    stage.apply(&DEPLOYMENTS, limited).unwrap();
    stage
        .until("three Pods and no more", |stage| {
            !condition(&stage.get(&DEPLOYMENTS, "exhauster"), "ReplicaFailure").is_null()
        })
        .await;
    assert_eq!(stage.pods("default").len(), 3);
    let failure = condition(&stage.get(&DEPLOYMENTS, "exhauster"), "ReplicaFailure");
    assert_eq!((&failure["status"], &failure["reason"]), (&json!("True"), &json!("FailedCreate")));
    let ending = "is forbidden: exceeded quota: quota, requested: requests.memory=512Mi, used: requests.memory=1536Mi, \
                  limited: requests.memory=1536Mi";
    assert!(text(&failure, "/message").ends_with(ending), "{failure}");
    let set = stage.api.list_all(&REPLICA_SETS, Some("default")).remove(0);
    let set = crate::fields::name(&set).to_owned();
    stage.until("events", |stage| stage.reasons(&set).contains(&"FailedCreate".to_owned())).await;
    let events = stage.api.list_all(&EVENTS, Some("default"));
    let refusal = events.iter().find(|event| event["reason"] == "FailedCreate").unwrap();
    assert!(text(refusal, "/message").starts_with(&format!("Error creating: pods \"{set}-")));
    assert_eq!(refusal["source"], json!({"component": "replicaset-controller"}));
    assert_eq!(
        stage.get(&RESOURCE_QUOTAS, "quota")["status"]["used"],
        json!({"pods": "3", "requests.memory": "1536Mi"})
    );

    // What is deleted is given back, and the waiting ReplicaSet takes it.
    let victim = stage.pods("default")[0].clone();
    stage.delete(&PODS, crate::fields::name(&victim));
    stage
        .until("the Pod is replaced", |stage| {
            let pods = stage.pods("default");
            pods.len() == 3 && pods.iter().all(|pod| crate::fields::uid(pod) != crate::fields::uid(&victim))
        })
        .await;
    stage.scale("exhauster", 2);
    stage
        .until("usage follows", |stage| {
            stage.get(&RESOURCE_QUOTAS, "quota")["status"]["used"] == json!({"pods": "2", "requests.memory": "1Gi"})
        })
        .await;
    stage
        .until("no failure is left", |stage| {
            condition(&stage.get(&DEPLOYMENTS, "exhauster"), "ReplicaFailure").is_null()
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_events_of_version_1_20_are_its_own() {
    let stage = Stage::new(Version::V1_20, Pace::Lifelike).await;
    stage.apply(&LIMIT_RANGES, limits()).unwrap();
    let mut one = exhauster();
    one["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"memory": "3Gi"}, "limits": {"memory": "3Gi"}});
    one["spec"]["replicas"] = json!(2);
    one["spec"]["template"]["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "node3"});
    stage.apply(&DEPLOYMENTS, one).unwrap();
    stage
        .until("the second waits", |stage| {
            stage.pods("default").iter().any(|pod| condition(pod, "PodScheduled")["status"] == "False")
        })
        .await;
    let waiting = stage.pods("default").into_iter().find(|pod| text(pod, "/spec/nodeName").is_empty()).unwrap();
    assert_eq!(
        condition(&waiting, "PodScheduled")["message"],
        "0/3 nodes are available: 1 Insufficient memory, 1 node(s) didn't match Pod's node affinity, \
         1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate."
    );
    let running = stage.pods("default").into_iter().find(|pod| !text(pod, "/spec/nodeName").is_empty()).unwrap();
    let name = crate::fields::name(&running).to_owned();
    stage.until("back-off", |stage| stage.reasons(&name).contains(&"BackOff".to_owned())).await;
    let events = stage.events(&name);
    assert!(events.contains(&"Created: Created container exhauster".to_owned()), "{events:?}");
    assert!(events.contains(&"BackOff: Back-off restarting failed container".to_owned()), "{events:?}");
    assert!(
        stage
            .events("exhauster")
            .iter()
            .any(|event| event.starts_with("ScalingReplicaSet: Scaled up replica set exhauster-")
                && event.ends_with(" to 2"))
    );
}

#[tokio::test(start_paused = true)]
async fn limits_beyond_the_nodes_memory_end_in_a_kill_not_in_a_lost_node() {
    let stage = Stage::lifelike().await;
    let greedy = json!({"image": "busybox:1.36", "command": ["tail", "/dev/zero"],
        "resources": {"requests": {"memory": "64Mi"}, "limits": {"memory": "3Gi"}}});
    for name in ["one", "two"] {
        let mut pod = pod(name, greedy.clone());
        pod["spec"]["nodeName"] = json!("node3");
        stage.apply(&PODS, pod).unwrap();
    }
    stage.until("the kernel kills", |stage| stage.reasons("node3").contains(&"SystemOOM".to_owned())).await;
    assert_eq!(stage.ready("node3"), "True");
    let killed = stage.pods("default").iter().any(|pod| {
        let status = &pod["status"]["containerStatuses"][0];
        status["state"]["terminated"]["reason"] == "OOMKilled"
    });
    assert!(killed);
}

#[tokio::test(start_paused = true)]
async fn pods_end_as_their_programs_and_policies_say() {
    let stage = Stage::lifelike().await;
    let shell = |script: &str| json!({"image": "busybox:1.36", "command": ["sh", "-c", script]});
    let with_policy = |name: &str, policy: &str, script: &str| {
        let mut pod = pod(name, shell(script));
        pod["spec"]["restartPolicy"] = json!(policy);
        pod
    };
    stage.apply(&PODS, with_policy("done", "Never", "echo hi")).unwrap();
    stage.apply(&PODS, with_policy("never", "Never", "echo hi; exit 3")).unwrap();
    stage.apply(&PODS, with_policy("fail", "OnFailure", "exit 3")).unwrap();
    stage
        .apply(
            &PODS,
            with_policy("nocmd", "Never", "x").tap(|pod| pod["spec"]["containers"][0]["command"] = json!(["/nosuch"])),
        )
        .unwrap();
    let phase = |stage: &Stage, name: &str| text(&stage.get(&PODS, name), "/status/phase").to_owned();
    stage
        .until("all have come to their state", |stage| {
            (phase(stage, "done"), phase(stage, "never"), phase(stage, "nocmd"))
                == ("Succeeded".to_owned(), "Failed".to_owned(), "Failed".to_owned())
                && stage.get(&PODS, "fail")["status"]["containerStatuses"][0]["restartCount"] == 2
        })
        .await;
    assert_eq!(phase(&stage, "fail"), "Running");
    let done = stage.get(&PODS, "done");
    assert_eq!(condition(&done, "Ready")["reason"], "PodCompleted");
    assert_eq!(done["status"]["containerStatuses"][0]["state"]["terminated"]["reason"], "Completed");
    let never = stage.get(&PODS, "never");
    assert_eq!(never["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 3);
    let instance =
        crate::logs::Instance { pod: crate::fields::uid(&never).to_owned(), container: "c".to_owned(), restarts: 0 };
    let lines: Vec<String> = stage.api.logs().read(&instance, 0).lines.into_iter().map(|line| line.text).collect();
    assert_eq!(lines, ["hi"]);
    let nocmd = &stage.get(&PODS, "nocmd")["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!((&nocmd["reason"], &nocmd["exitCode"]), (&json!("StartError"), &json!(128)));
}

/// Changes a value in the middle of an expression.
trait Tap: Sized {
    fn tap(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl Tap for Value {}

#[tokio::test(start_paused = true)]
async fn images_that_cannot_be_had_say_so() {
    let stage = Stage::lifelike().await;
    for (name, image) in
        [("tag", "busybox:no-such"), ("name", "NOPE::"), ("typo", "ngnix:1.27"), ("other", "ghcr.io/x/y:1")]
    {
        stage.apply(&PODS, pod(name, json!({"image": image}))).unwrap();
    }
    let waiting = |stage: &Stage, name: &str| {
        stage.get(&PODS, name)["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    stage
        .until("each has its reason", |stage| {
            waiting(stage, "tag") == "ImagePullBackOff"
                && waiting(stage, "typo") == "ImagePullBackOff"
                && waiting(stage, "name") == "InvalidImageName"
                && text(&stage.get(&PODS, "other"), "/status/phase") == "Running"
        })
        .await;
    assert_eq!(stage.reasons("tag"), ["Scheduled", "Pulling", "Failed", "BackOff"]);
    let simulated = "Simulated: sandbox: \"ghcr.io/x/y:1\" is not simulated, a sleeping process stands in for it";
    assert!(stage.events("other").contains(&simulated.to_owned()), "{:?}", stage.events("other"));
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_needs_is_waited_for() {
    let stage = Stage::lifelike().await;
    let mut mounts = pod("mounts", json!({"image": "nginx:1.27"}));
    mounts["spec"]["volumes"] = json!([{"name": "v", "configMap": {"name": "settings"}}]);
    stage.apply(&PODS, mounts).unwrap();
    stage
        .apply(&PODS, pod("env", json!({"image": "nginx:1.27", "envFrom": [{"configMapRef": {"name": "settings"}}]})))
        .unwrap();
    stage
        .until("both wait", |stage| {
            stage.reasons("mounts").contains(&"FailedMount".to_owned())
                && stage.reasons("env").contains(&"Failed".to_owned())
        })
        .await;
    assert!(stage.events("mounts").contains(
        &"FailedMount: MountVolume.SetUp failed for volume \"v\" : configmap \"settings\" not found".to_owned()
    ));
    assert!(stage.events("env").contains(&"Failed: Error: configmap \"settings\" not found".to_owned()));
    stage.apply(&CONFIG_MAPS, json!({"metadata": {"name": "settings"}})).unwrap();
    stage
        .until("both run", |stage| {
            ["mounts", "env"].iter().all(|name| condition(&stage.get(&PODS, name), "Ready")["status"] == "True")
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_deployment_rolls_out_keeps_its_history_and_takes_its_pods_with_it() {
    let stage = Stage::lifelike().await;
    let web = json!({
        "metadata": {"name": "web"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]}}},
    });
    stage.apply(&DEPLOYMENTS, web).unwrap();
    stage
        .apply(
            &SERVICES,
            json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
        )
        .unwrap();
    let complete = |stage: &Stage, revision: &str| {
        let web = stage.get(&DEPLOYMENTS, "web");
        web["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == revision
            && web["status"]["observedGeneration"] == web["metadata"]["generation"]
            && web["status"]["updatedReplicas"] == 3
            && web["status"]["availableReplicas"] == 3
            && web["status"]["replicas"] == 3
            && condition(&web, "Progressing")["reason"] == "NewReplicaSetAvailable"
    };
    stage.until("the first rollout", |stage| complete(stage, "1")).await;
    let endpoints = |stage: &Stage| {
        stage
            .api
            .get(&crate::resources::ENDPOINTS, "default", "web")
            .map(|endpoints| list(&endpoints, "/subsets/0/addresses").len())
            .unwrap_or_default()
    };
    stage.until("its addresses", |stage| endpoints(stage) == 3).await;
    let target = Target::new(&DEPLOYMENTS, "default", "web");
    stage
        .api
        .update_with(&Caller::admin(), target, |web| {
            web["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "A", "value": "b"}]);
        })
        .unwrap();
    let mut fewest = 3;
    stage
        .until("the second rollout", |stage| {
            let ready = stage.pods("default").iter().filter(|pod| condition(pod, "Ready")["status"] == "True").count();
            fewest = fewest.min(ready);
            complete(stage, "2")
        })
        .await;
    assert_eq!(fewest, 3, "at most a quarter of three Pods may be missing, which is none");
    assert_eq!(stage.api.list_all(&REPLICA_SETS, Some("default")).len(), 2);
    let message = condition(&stage.get(&DEPLOYMENTS, "web"), "Available")["message"].clone();
    assert_eq!(message, "Deployment has minimum availability.");
    let scaled: Vec<String> = stage
        .events("web")
        .into_iter()
        .filter_map(|event| event.strip_prefix("ScalingReplicaSet: Scaled ").map(str::to_owned))
        .map(|event| event.split_whitespace().filter(|word| !word.starts_with("web-")).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        scaled,
        [
            "up replica set from 0 to 3",
            "up replica set from 0 to 1",
            "down replica set from 3 to 2",
            "up replica set from 1 to 2",
            "down replica set from 2 to 1",
            "up replica set from 2 to 3",
            "down replica set from 1 to 0",
        ]
    );
    stage.delete(&DEPLOYMENTS, "web");
    stage
        .until("nothing is left", |stage| {
            stage.pods("default").is_empty() && stage.api.list_all(&REPLICA_SETS, Some("default")).is_empty()
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn namespaces_are_furnished_and_emptied() {
    let stage = Stage::lifelike().await;
    stage.apply(&NAMESPACES, json!({"metadata": {"name": "lab"}})).unwrap();
    let has = |stage: &Stage, resource: &'static Resource, name: &str| stage.api.get(resource, "lab", name).is_ok();
    stage
        .until("it is furnished", |stage| {
            has(stage, &SERVICE_ACCOUNTS, "default") && has(stage, &CONFIG_MAPS, "kube-root-ca.crt")
        })
        .await;
    let sleeper = pod("sleeper", json!({"image": "busybox:1.36", "command": ["sleep", "3600"]}));
    let create = |object: Value| stage.api.create(&Caller::admin(), &PODS, "lab", object, &WriteOptions::default());
    create(sleeper.clone()).unwrap();
    stage
        .until("it runs", |stage| text(&stage.api.get(&PODS, "lab", "sleeper").unwrap(), "/status/phase") == "Running")
        .await;
    stage.delete(&NAMESPACES, "lab");
    let refused = create(pod("late", json!({"image": "a"}))).unwrap_err();
    assert_eq!(
        refused.message,
        "pods \"late\" is forbidden: unable to create new content in namespace lab because it is being terminated"
    );
    stage.until("it is gone", |stage| stage.api.get(&NAMESPACES, "", "lab").is_err()).await;
    assert_eq!(create(sleeper).unwrap_err().message, "namespaces \"lab\" not found");
    let kept =
        stage.api.delete(&Caller::admin(), Target::new(&NAMESPACES, "", "kube-system"), &DeleteOptions::default());
    assert_eq!(kept.unwrap_err().message, "namespaces \"kube-system\" is forbidden: this namespace may not be deleted");
}

#[tokio::test(start_paused = true)]
async fn a_new_world_takes_over_what_the_last_one_left() {
    let stage = Stage::lifelike().await;
    stage.apply(&LIMIT_RANGES, limits()).unwrap();
    stage.apply(&PODS, pod("server", json!({"image": "nginx:1.27"}))).unwrap();
    stage.apply(&PODS, pod("eater", json!({"image": "busybox:1.36", "command": ["tail", "/dev/zero"]}))).unwrap();
    let running = |stage: &Stage, name: &str| {
        stage.get(&PODS, name)["status"]["containerStatuses"][0]["state"]["running"].is_object()
    };
    stage.until("both run", |stage| running(stage, "server") && running(stage, "eater")).await;
    let server = stage.get(&PODS, "server");
    let Stage { api, world } = stage;
    world.stop().await;
    let stage = Stage { world: World::start(&api, &Network::new(&api), "CA"), api };
    stage
        .until("the eater starts over", |stage| {
            stage.get(&PODS, "eater")["status"]["containerStatuses"][0]["restartCount"] == 1
        })
        .await;
    assert_eq!(stage.get(&PODS, "server")["status"], server["status"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_node_stays_lost_over_a_restart_and_evicts_in_time() {
    let stage = Stage::lifelike().await;
    stage.apply(&DEPLOYMENTS, exhauster()).unwrap();
    stage.until("node3 is lost", |stage| stage.ready("node3") == "Unknown").await;
    let Stage { api, world } = stage;
    world.stop().await;
    let stage = Stage { world: World::start(&api, &Network::new(&api), "CA"), api };
    stage.rest(Duration::from_secs(120)).await;
    assert_eq!(stage.ready("node3"), "Unknown");
    assert!(!crate::fields::is_deleted(&stage.pods("default")[0]));
    stage.rest(Duration::from_secs(200)).await;
    let pods = stage.pods("default");
    assert!(pods.iter().any(|pod| crate::fields::is_deleted(pod)), "the toleration of 300 s is over");
    assert_eq!(pods.len(), 2, "a new Pod waits for the node");
}

#[tokio::test]
async fn at_the_fast_pace_twenty_replicas_meet_the_quota_within_300_milliseconds() {
    let stage = Stage::new(Version::V1_34, Pace::Fast).await;
    stage.apply(&LIMIT_RANGES, limits()).unwrap();
    let hard = json!({"requests.memory": "2Gi"});
    stage.apply(&RESOURCE_QUOTAS, json!({"metadata": {"name": "quota"}, "spec": {"hard": hard}})).unwrap();
    stage.until("the quota counts", |stage| stage.get(&RESOURCE_QUOTAS, "quota")["status"]["used"].is_object()).await;
    let begin = std::time::Instant::now();
    let mut twenty = exhauster();
    twenty["spec"]["replicas"] = json!(20);
    stage.apply(&DEPLOYMENTS, twenty).unwrap();
    stage
        .until("four Pods were killed at their limit", |stage| {
            let pods = stage.pods("default");
            pods.len() == 4
                && pods
                    .iter()
                    .all(|pod| number(pod, "/status/containerStatuses/0/restartCount").is_some_and(|count| count > 0))
                && !condition(&stage.get(&DEPLOYMENTS, "exhauster"), "ReplicaFailure").is_null()
        })
        .await;
    let took = begin.elapsed();
    // A debug build on a busy machine; the bench shows the figure itself.
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn pods_without_requests_are_spread_over_the_nodes() {
    let stage = Stage::lifelike().await;
    for name in ["a", "b", "c", "d"] {
        stage.apply(&PODS, pod(name, json!({"image": "nginx:1.27"}))).unwrap();
    }
    stage
        .until("all run", |stage| stage.pods("default").iter().all(|pod| text(pod, "/status/phase") == "Running"))
        .await;
    let on = |node: &str| stage.pods("default").iter().filter(|pod| text(pod, "/spec/nodeName") == node).count();
    assert_eq!((on("node1"), on("node2"), on("node3")), (0, 2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_repaired_node_stays_ready_whoever_looks_first() {
    let stage = Stage::new(Version::V1_34, Pace::Fast).await;
    for round in 0..20 {
        stage.apply(&DEPLOYMENTS, exhauster()).unwrap();
        stage.until("node3 is lost", |stage| stage.ready("node3") == "Unknown").await;
        stage.delete(&DEPLOYMENTS, "exhauster");
        // At this pace it would eat the node again before it is deleted.
        stage
            .until("the Pod is to go", |stage| stage.pods("default").iter().all(|pod| crate::fields::is_deleted(pod)))
            .await;
        stage.world.repair("node3").unwrap();
        stage.until("node3 is back", |stage| stage.ready("node3") == "True" && stage.pods("default").is_empty()).await;
        stage.until("no taints", |stage| list(&stage.get(&NODES, "node3"), "/spec/taints").is_empty()).await;
        stage.rest(Duration::from_millis(5)).await;
        assert_eq!(stage.ready("node3"), "True", "round {round}");
    }
}

mod autoscaling;
mod disruption;
mod placement;
mod probes;
mod volumes;
mod workloads;
