//! Sessions on the sandbox of their own home: what is observed counts only where a controller did it, a reset
//! restores the very state, and everything survives the end of the app.

use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{Api, Patch, PatchParams, PostParams};
use sandbox::{Pace, Version};
use serde_json::json;

use super::tests::{Driven, state, verdict};
use super::*;
use crate::tests::{Origin, catalog, id, variables};
use crate::{EnvironmentView, Snapshot, StepStateView};

async fn start(home: &Home, step: &str) -> Driven {
    let options = Options {
        home: home.clone(),
        catalog: catalog(&Origin::Embedded),
        choice: Choice::Sandbox { version: Version::V1_34, pace: Pace::Fast },
        step: Some(id(step)),
        learner: "camille".to_owned(),
        stand_in: None,
        variables: variables(),
    };
    let handle = Session::start(options).await.unwrap();
    let events = handle.subscribe();
    let mut driven = Driven { handle, events, notices: Vec::new(), passed: Vec::new() };
    driven.until("prepared", prepared).await;
    driven
}

fn prepared(snapshot: &Snapshot) -> bool {
    matches!(snapshot.environment, EnvironmentView::Sandbox { nodes: 3, .. }) && snapshot.busy.is_none()
}

/// Returns the learner's own client, from the kubeconfig of their shell.
async fn client(driven: &Driven) -> kube::Client {
    let snapshot = driven.events.latest();
    let (_, kubeconfig) = snapshot.variables.iter().find(|(name, _)| name == "KUBECONFIG").unwrap();
    let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

/// Writes the status of node3 as whoever is cluster-admin can.
async fn forge(client: &kube::Client, impersonate: Option<&str>) {
    let body = json!({"status": {"conditions": [{
        "type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "forged",
        "lastHeartbeatTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]}});
    let mut request = http::Request::patch("/api/v1/nodes/node3/status")
        .header(http::header::CONTENT_TYPE, "application/strategic-merge-patch+json");
    if let Some(user) = impersonate {
        request = request.header("Impersonate-User", user).header("Impersonate-Group", "system:nodes");
    }
    let request = request.body(body.to_string().into_bytes()).unwrap();
    match client.request_text(request).await {
        // An impersonation that is refused forges nothing either.
        Ok(_) => {}
        Err(kube::Error::Api(status)) if impersonate.is_some() && status.code == 403 => {}
        Err(error) => panic!("{error}"),
    }
}

fn observations(driven: &Driven, proven: bool) -> usize {
    let seen = |notice: &&Notice| matches!(notice, Notice::Observed(seen) if seen.proven == proven);
    driven.notices.iter().filter(seen).count()
}

async fn exhaust(client: &kube::Client) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let pod = json!({
        "metadata": {"name": "exhauster"},
        "spec": {
            "nodeName": "node3",
            "containers": [{"name": "c", "image": "busybox:1.36", "command": ["tail", "/dev/zero"]}],
        },
    });
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
}

fn ready(node: &Node) -> String {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref()).unwrap();
    conditions.iter().find(|condition| condition.type_ == "Ready").unwrap().status.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_fell_counts_and_a_forged_status_does_not() {
    let root = tempfile::tempdir().unwrap();
    let home = Home::below(root.path());
    let mut driven = start(&home, "panne").await;
    let learner = client(&driven).await;
    for impersonate in [Some("system:node:node3"), None] {
        forge(&learner, impersonate).await;
        // Looking on the key takes in all that the audit log shows until then.
        tokio::time::sleep(Duration::from_millis(700)).await;
        driven.ask(Request::Check(None)).await;
        driven.until("running", |s| s.busy == Some(Work::Checking)).await;
        let snapshot = driven.until("checked", |s| s.busy.is_none()).await;
        assert_eq!(verdict(&snapshot, "panne"), Verdict::Fail, "{impersonate:?}: {:?}", driven.notices);
    }
    assert!(observations(&driven, false) > 0, "the forgery itself is noticed: {:?}", driven.notices);
    assert_eq!(observations(&driven, true), 0, "{:?}", driven.notices);
    // The node is Ready before it really falls.
    let nodes: Api<Node> = Api::all(learner.clone());
    let mend = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    nodes.patch_status("node3", &PatchParams::default(), &Patch::Strategic(&mend)).await.unwrap();
    exhaust(&learner).await;
    let snapshot = driven.until("passed", |s| state(s, "panne") == StepStateView::Done).await;
    assert_eq!(verdict(&snapshot, "panne"), Verdict::Pass);
    assert_ne!(ready(&nodes.get("node3").await.unwrap()), "True");
    driven.handle.close().await;

    // Another start of the app finds the cluster and what was seen.
    let mut driven = start(&home, "panne").await;
    let learner = client(&driven).await;
    driven.until("still passes", |s| s.checks[0].result.is_some() && verdict(s, "panne") == Verdict::Pass).await;
    assert_ne!(ready(&Api::<Node>::all(learner.clone()).get("node3").await.unwrap()), "True");

    // A reset brings back the very state in which the step was opened, and forgets what was seen.
    driven.ask(Request::Reset).await;
    driven.until("reset", |s| verdict(s, "panne") == Verdict::Todo && s.busy.is_none()).await;
    assert_eq!(ready(&Api::<Node>::all(learner.clone()).get("node3").await.unwrap()), "True");
    let pods: Api<Pod> = Api::namespaced(learner, "default");
    assert!(pods.get_opt("exhauster").await.unwrap().is_none());
    driven.ask(Request::Check(None)).await;
    driven.until("checked", |s| verdict(s, "panne") == Verdict::Fail && s.busy.is_none()).await;
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_no_app_ran_is_seen_afterwards() {
    let root = tempfile::tempdir().unwrap();
    let home = Home::below(root.path());
    let driven = start(&home, "panne").await;
    driven.handle.close().await;
    // Another process serves the sandbox meanwhile, such as `atelier sandbox up`.
    let serving = crate::serve_sandbox(&home, Version::V1_34, Pace::Fast, None).await.unwrap();
    let crate::Serving::Ours(server) = serving else { panic!("nobody else serves") };
    let kubeconfig = kube::config::Kubeconfig::read_from(server.kubeconfig()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    let learner = kube::Client::try_from(config).unwrap();
    exhaust(&learner).await;
    let nodes: Api<Node> = Api::all(learner);
    let fallen = async {
        while ready(&nodes.get("node3").await.unwrap()) == "True" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), fallen).await.unwrap();
    // The app joins that process's sandbox …
    let mut driven = start(&home, "panne").await;
    driven.until("passed", |s| state(s, "panne") == StepStateView::Done).await;
    // … and takes it over when it ends.
    server.stop().await;
    let taken = async {
        while crate::served(&home).is_none_or(|served| served.kubeconfig.is_none()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), taken).await.unwrap();
    driven.ask(Request::Check(None)).await;
    driven.until("running", |s| s.busy == Some(Work::Checking)).await;
    let snapshot = driven.until("checked", |s| s.busy.is_none()).await;
    assert_eq!(verdict(&snapshot, "panne"), Verdict::Pass);
    driven.handle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_the_sandbox_is_exact_and_the_setup_is_not_run_again() {
    let root = tempfile::tempdir().unwrap();
    let home = Home::below(root.path());
    let mut driven = start(&home, "un").await;
    let maps: Api<ConfigMap> = Api::namespaced(client(&driven).await, "default");
    let depart = maps.get("depart").await.unwrap();
    maps.delete("depart", &Default::default()).await.unwrap();
    let arrivee = serde_json::from_value(json!({"metadata": {"name": "arrivee"}})).unwrap();
    maps.create(&PostParams::default(), &arrivee).await.unwrap();
    driven.ask(Request::Check(None)).await;
    driven.until("checked", |s| verdict(s, "depart") == Verdict::Fail && s.busy.is_none()).await;
    driven.ask(Request::Reset).await;
    driven.until("reset", |s| verdict(s, "arrivee") == Verdict::Todo && s.busy.is_none()).await;
    assert_eq!(maps.get("depart").await.unwrap().metadata.uid, depart.metadata.uid, "the very same object");
    assert!(maps.get_opt("arrivee").await.unwrap().is_none());
    driven.handle.close().await;
}
