//! What the runner saw, and whether it counts.

use std::sync::Arc;

use super::Finding;
use crate::testing::{Log, judge, silent, world, world_of};
use crate::{Error, Evidence, Observation, Observed, World};

fn at(world: &mut World, what: Observed, proven: bool) {
    world.observations.push(Observation { at: "2026-11-22T10:00:00Z".parse().unwrap(), what, proven });
}

fn oom(namespace: &str, pod: &str, app: &str) -> Observed {
    Observed::OomKilled { namespace: namespace.to_owned(), pod: pod.to_owned(), app: Some(app.to_owned()) }
}

fn refused(owner: &str, message: &str) -> Observed {
    Observed::CreationRefused { namespace: "default".to_owned(), owner: owner.to_owned(), message: message.to_owned() }
}

fn down(node: &str) -> Observed {
    Observed::NodeNotReady { node: node.to_owned() }
}

#[tokio::test]
async fn only_what_a_controller_did_counts() {
    let quota = "creation_refused: { message: exceeded quota }";
    for (wanted, what, proven, expected) in [
        ("node_not_ready: { node: node3 }", down("node3"), true, "seen"),
        ("node_not_ready: {}", down("node3"), true, "seen"),
        ("node_not_ready: { node: node3 }", down("node3"), false, "unproven"),
        ("node_not_ready: { node: node3 }", down("node2"), true, "elsewhere"),
        ("node_ready: { node: node3 }", down("node3"), true, "not seen"),
        ("oom_killed: { app: exhauster }", oom("default", "e-1", "exhauster"), true, "seen"),
        ("oom_killed: { app: exhauster }", oom("default", "e-1", "autre"), true, "elsewhere"),
        ("oom_killed: { app: exhauster }", oom("app", "e-1", "exhauster"), true, "elsewhere"),
        ("oom_killed: { namespace: app }", oom("app", "e-1", "exhauster"), true, "seen"),
        ("oom_killed: {}", oom("default", "atelier-quota-1-x", "exhauster"), true, "not seen"),
        (quota, refused("e-5d4", "forbidden: exceeded quota: q"), true, "seen"),
        (quota, refused("e-5d4", "forbidden: minimum memory"), true, "elsewhere"),
        (quota, refused("atelier-quota-1-5d4", "exceeded quota: q"), true, "not seen"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut world = world_of(silent(), folder.path());
        world.cluster.as_mut().unwrap().audit = Some(Arc::new(Log::of(Vec::new())));
        at(&mut world, what.clone(), proven);
        let outcome = judge(&format!("observed: {{ {wanted} }}"), &world).await.unwrap();
        let Evidence::Observed(evidence) = outcome.evidence() else { panic!("{outcome:?}") };
        let found = match &evidence.finding {
            Finding::Seen(_) => "seen",
            Finding::Unproven(_) => "unproven",
            Finding::Elsewhere(_) => "elsewhere",
            Finding::NotSeen => "not seen",
        };
        assert_eq!(found, expected, "{wanted} and {what:?}");
        assert_eq!(matches!(outcome, crate::Outcome::Pass(_)), expected == "seen");
    }
}

#[tokio::test]
async fn without_an_audit_there_is_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let mut real = world_of(silent(), folder.path());
    at(&mut real, down("node3"), false);
    let yaml = "observed: { node_not_ready: { node: node3 } }";
    assert!(matches!(judge(yaml, &real).await, Err(Error::NotObservable { .. })));
    assert!(matches!(judge(yaml, &world(folder.path())).await, Err(Error::NoCluster)));
}
