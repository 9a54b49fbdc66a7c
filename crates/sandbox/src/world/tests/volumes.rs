//! Claims, volumes and the Pods that wait for them.

use super::*;
use crate::resources::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STATEFUL_SETS};

fn claim(name: &str, class: Value) -> Value {
    let mut claim = json!({"metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    if !class.is_null() {
        claim["spec"]["storageClassName"] = class;
    }
    claim
}

fn user(name: &str, claim: &str) -> Value {
    let mut pod = pod(name, json!({"image": "nginx:1.27"}));
    pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]);
    pod
}

fn phase(stage: &Stage, claim: &str) -> String {
    text(&stage.get(&PERSISTENT_VOLUME_CLAIMS, claim), "/status/phase").to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_claim_waits_for_its_first_consumer_and_goes_with_its_volume() {
    let stage = Stage::lifelike().await;
    stage.apply(&PODS, user("early", "data")).unwrap();
    stage.rest(Duration::from_secs(1)).await;
    assert_eq!(
        stage.events("early"),
        ["FailedScheduling: 0/3 nodes are available: persistentvolumeclaim \"data\" not found. preemption: 0/3 nodes \
          are available: 3 Preemption is not helpful for scheduling."]
    );
    stage.apply(&PERSISTENT_VOLUME_CLAIMS, claim("data", Value::Null)).unwrap();
    stage.until("it runs", |s| s.get(&PODS, "early")["status"]["phase"] == "Running").await;
    let data = stage.get(&PERSISTENT_VOLUME_CLAIMS, "data");
    assert_eq!((text(&data, "/status/phase"), text(&data, "/spec/storageClassName")), ("Bound", "standard"));
    assert_eq!(data["status"]["capacity"]["storage"], "1Gi");
    let reasons = stage.reasons("data");
    for reason in ["ExternalProvisioning", "Provisioning", "ProvisioningSucceeded"] {
        assert!(reasons.contains(&reason.to_owned()), "{reasons:?}");
    }
    // A claim in use stays until its Pod is gone, then it takes its volume along.
    stage.delete(&PERSISTENT_VOLUME_CLAIMS, "data");
    stage.rest(Duration::from_secs(5)).await;
    assert!(crate::fields::is_deleted(&stage.get(&PERSISTENT_VOLUME_CLAIMS, "data")));
    stage.delete(&PODS, "early");
    stage.until("both are gone", |s| s.api.list_all(&PERSISTENT_VOLUMES, None).is_empty()).await;
    assert!(stage.api.list_all(&PERSISTENT_VOLUME_CLAIMS, None).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_is_there_is_bound_and_retained() {
    let stage = Stage::lifelike().await;
    let volume = |name: &str, size: &str| {
        json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": size},
            "storageClassName": "manual", "hostPath": {"path": "/data"}}})
    };
    stage.apply(&PERSISTENT_VOLUMES, volume("big", "10Gi")).unwrap();
    stage.apply(&PERSISTENT_VOLUMES, volume("small", "2Gi")).unwrap();
    stage.apply(&PERSISTENT_VOLUMES, volume("tiny", "1Mi")).unwrap();
    stage.apply(&PERSISTENT_VOLUME_CLAIMS, claim("data", json!("manual"))).unwrap();
    stage.until("it is bound", |s| phase(s, "data") == "Bound").await;
    assert_eq!(stage.get(&PERSISTENT_VOLUME_CLAIMS, "data")["spec"]["volumeName"], "small");
    assert_eq!(stage.get(&PERSISTENT_VOLUMES, "big")["status"]["phase"], "Available");
    stage.delete(&PERSISTENT_VOLUME_CLAIMS, "data");
    stage.until("it is released", |s| s.get(&PERSISTENT_VOLUMES, "small")["status"]["phase"] == "Released").await;
    stage.apply(&PERSISTENT_VOLUME_CLAIMS, claim("lost", json!("nowhere"))).unwrap();
    stage.apply(&PODS, user("late", "lost")).unwrap();
    stage.rest(Duration::from_secs(1)).await;
    assert_eq!(stage.events("lost"), ["ProvisioningFailed: storageclass.storage.k8s.io \"nowhere\" not found"]);
    assert!(stage.events("late")[0].contains("pod has unbound immediate PersistentVolumeClaims"));
}

#[tokio::test(start_paused = true)]
async fn each_pod_of_a_stateful_set_has_its_own_claim() {
    let stage = Stage::lifelike().await;
    let set = json!({"metadata": {"name": "db"}, "spec": {"replicas": 2, "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [
            {"name": "c", "image": "nginx:1.27", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]}},
        "volumeClaimTemplates": [claim("data", Value::Null)]}});
    stage.apply(&STATEFUL_SETS, set).unwrap();
    stage.until("both are ready", |s| s.get(&STATEFUL_SETS, "db")["status"]["readyReplicas"] == 2).await;
    assert_eq!((phase(&stage, "data-db-0"), phase(&stage, "data-db-1")), ("Bound".to_owned(), "Bound".to_owned()));
    assert!(
        stage
            .events("db")
            .contains(&"SuccessfulCreate: create Claim data-db-0 Pod db-0 in StatefulSet db success".to_owned())
    );
    stage.delete(&STATEFUL_SETS, "db");
    stage.until("Pods are gone", |s| s.pods("default").is_empty()).await;
    assert_eq!(stage.api.list_all(&PERSISTENT_VOLUME_CLAIMS, None).len(), 2);
}
