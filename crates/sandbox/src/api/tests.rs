//! What the API does with objects: verbs, selectors, patches, quotas, owners, and the words of its refusals.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::admission::{Request, Transaction};
use crate::resources::{CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS};
use crate::store::Object;

fn api() -> Api {
    Api::new(Clock::starting_at(Timestamp::UNIX_EPOCH), crate::Version::V1_34, Vec::new())
}

fn create(api: &Api, resource: &'static Resource, object: Value) -> Result<Object, Status> {
    let namespace = if resource.is_namespaced() { "default" } else { "" };
    api.create(&Caller::admin(), resource, namespace, object, &WriteOptions::default()).map(|written| written.object)
}

fn pod(metadata: Value) -> Value {
    json!({"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}})
}

#[test]
fn the_server_fills_in_its_metadata() {
    let api = api();
    let object = create(&api, &CONFIG_MAPS, json!({"metadata": {"generateName": "a-"}})).unwrap();
    assert_eq!(object["kind"], "ConfigMap");
    assert_eq!(object["metadata"]["namespace"], "default");
    assert_eq!(object["metadata"]["creationTimestamp"], "1970-01-01T00:00:00Z");
    assert_eq!(meta(&object, "name").len(), 7);
    let twice = create(&api, &CONFIG_MAPS, json!({"metadata": {"name": meta(&object, "name")}}));
    assert_eq!(twice.unwrap_err().code, 409);
}

#[test]
fn an_old_version_is_a_conflict_and_no_change_is_no_version() {
    let api = api();
    let first = create(&api, &CONFIG_MAPS, json!({"metadata": {"name": "a"}, "data": {"k": "1"}})).unwrap();
    let target = Target::new(&CONFIG_MAPS, "default", "a");
    let admin = Caller::admin();
    let second = api.update_with(&admin, target, |object| object["data"]["k"] = "2".into()).unwrap();
    let stale = api.update(&admin, target, Value::clone(&first), &WriteOptions::default()).unwrap_err();
    assert_eq!(
        stale.message,
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your \
         changes to the latest version and try again"
    );
    let same = api.update_with(&admin, target, |_| ()).unwrap();
    assert_eq!(meta(&same, "resourceVersion"), meta(&second, "resourceVersion"));
}

#[test]
fn status_and_the_rest_are_written_apart() {
    let api = api();
    let mut deployment = json!({"metadata": {"name": "web"}, "spec": {"replicas": 1}, "status": {"replicas": 9}});
    deployment["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
    deployment["spec"]["template"] = pod(json!({"labels": {"app": "web"}}));
    let created = create(&api, &DEPLOYMENTS, deployment).unwrap();
    assert_eq!(created.get("status"), None);
    let target = Target::new(&DEPLOYMENTS, "default", "web");
    let admin = Caller::admin();
    let changed = api
        .update_with(&admin, target, |object| {
            object["spec"]["replicas"] = 2.into();
            object["status"] = json!({"replicas": 5});
        })
        .unwrap();
    assert_eq!((&changed["metadata"]["generation"], changed.get("status")), (&json!(2), None));
    let changed = api
        .update_with(&admin, target.part("status"), |object| {
            object["spec"]["replicas"] = 7.into();
            object["status"] = json!({"replicas": 2});
        })
        .unwrap();
    assert_eq!(changed["spec"]["replicas"], 2);
    assert_eq!(changed["status"]["replicas"], 2);
    assert_eq!(changed["metadata"]["generation"], 2);
}

#[test]
fn a_pod_on_a_node_ends_with_grace_and_others_at_once() {
    let api = api();
    let admin = Caller::admin();
    create(&api, &PODS, pod(json!({"name": "a"}))).unwrap();
    create(&api, &PODS, pod(json!({"name": "b"}))).unwrap();
    api.bind(&Caller::scheduler(), "default", "b", "node2").unwrap();
    let options = DeleteOptions::default();
    let gone = api.delete(&admin, Target::new(&PODS, "default", "a"), &options).unwrap();
    assert!(matches!(gone, Deleted::Gone(_)));
    let marked = api.delete(&admin, Target::new(&PODS, "default", "b"), &options).unwrap();
    assert_eq!(marked.object()["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(marked.object()["metadata"]["deletionTimestamp"], "1970-01-01T00:00:30Z");
    let now = DeleteOptions { grace: Some(0), ..options };
    let gone = api.delete(&Caller::node("node2"), Target::new(&PODS, "default", "b"), &now).unwrap();
    assert!(matches!(gone, Deleted::Gone(_)));
    let (entries, complete) = api.audit_since(Timestamp::UNIX_EPOCH);
    let seen: Vec<_> = entries.iter().map(|entry| (entry.user.as_str(), entry.verb, entry.code)).collect();
    assert!(complete);
    assert_eq!(seen[2], ("system:kube-scheduler", "create", 200));
    assert_eq!(seen.last().unwrap(), &("system:node:node2", "delete", 200));
}

#[test]
fn finalizers_hold_an_object() {
    let api = api();
    let admin = Caller::admin();
    let namespace = json!({"metadata": {"name": "lab"}, "spec": {"finalizers": ["kubernetes"]}});
    create(&api, &NAMESPACES, namespace).unwrap();
    let target = Target::new(&NAMESPACES, "", "lab");
    let marked = api.delete(&admin, target, &DeleteOptions::default()).unwrap();
    assert_eq!(marked.object()["status"]["phase"], "Terminating");
    api.update_with(&admin, target.part("finalize"), |object| object["spec"]["finalizers"] = json!([])).unwrap();
    assert!(api.get(&NAMESPACES, "", "lab").unwrap_err().is_not_found());
}

struct Charge;

impl Plugin for Charge {
    fn name(&self) -> &'static str {
        "Charge"
    }

    fn validate(&self, request: &mut Request, transaction: &mut Transaction<'_>) -> Result<(), Status> {
        if *request.resource != PODS {
            return Ok(());
        }
        let Some(count) = transaction.get(&CONFIG_MAPS, "default", "count") else {
            return Err(request.forbid("no count"));
        };
        let mut count = Value::clone(&count);
        count["data"]["pods"] = (count["data"]["pods"].as_i64().unwrap_or_default() + 1).into();
        transaction.put(&CONFIG_MAPS, "default", "count", count);
        Ok(())
    }
}

#[test]
fn what_the_chain_writes_is_stored_with_the_object_or_not_at_all() {
    let api = Api::new(Clock::starting_at(Timestamp::UNIX_EPOCH), crate::Version::V1_34, vec![Box::new(Charge)]);
    let refused = create(&api, &PODS, pod(json!({"generateName": "web-"}))).unwrap_err();
    assert_eq!(refused.message.split(" is ").nth(1), Some("forbidden: no count"));
    create(&api, &CONFIG_MAPS, json!({"metadata": {"name": "count"}})).unwrap();
    create(&api, &PODS, pod(json!({"name": "a"}))).unwrap();
    create(&api, &PODS, pod(json!({"name": "a"}))).unwrap_err();
    let dry = WriteOptions { dry_run: DryRun::All, ..WriteOptions::default() };
    api.create(&Caller::admin(), &PODS, "default", pod(json!({"name": "b"})), &dry).unwrap();
    assert_eq!(api.get(&CONFIG_MAPS, "default", "count").unwrap()["data"]["pods"], 1);
}

#[test]
fn a_list_goes_on_where_it_stopped() {
    let api = api();
    for name in ["a", "b", "c"] {
        create(&api, &CONFIG_MAPS, json!({"metadata": {"name": name}})).unwrap();
    }
    let options = ListOptions { limit: 2, ..ListOptions::default() };
    let first = api.list(&CONFIG_MAPS, Some("default"), &options).unwrap();
    assert_eq!((first.items.len(), first.remaining), (2, 1));
    let rest = ListOptions { after: first.next, ..options };
    // What happens meanwhile is not part of the list that goes on.
    create(&api, &CONFIG_MAPS, json!({"metadata": {"name": "d"}})).unwrap();
    let target = Target::new(&CONFIG_MAPS, "default", "c");
    api.delete(&Caller::admin(), target, &DeleteOptions::default()).unwrap();
    let second = api.list(&CONFIG_MAPS, Some("default"), &rest).unwrap();
    assert_eq!((second.items.len(), meta(&second.items[0], "name")), (1, "c"));
    assert_eq!(second.revision, first.revision);
    assert!(second.next.is_none());
    for number in 0..1001 {
        create(&api, &CONFIG_MAPS, json!({"metadata": {"name": format!("m{number}")}})).unwrap();
    }
    assert_eq!(api.list(&CONFIG_MAPS, Some("default"), &rest).unwrap_err().code, 410);
    let exact = ListOptions { at: Some(first.revision), ..ListOptions::default() };
    assert_eq!(api.list(&CONFIG_MAPS, Some("default"), &exact).unwrap_err().code, 410);
}

#[test]
fn a_quota_holds_from_its_first_moment() {
    // No controller runs here: nobody has counted yet.
    let chain: Vec<Box<dyn crate::admission::Plugin>> =
        vec![Box::new(crate::admission::quota::ResourceQuota(crate::Version::V1_34))];
    let api = Api::new(Clock::starting_at(Timestamp::UNIX_EPOCH), crate::Version::V1_34, chain);
    create(&api, &PODS, pod(json!({"name": "first"}))).unwrap();
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "2"}}});
    create(&api, &crate::resources::RESOURCE_QUOTAS, quota).unwrap();
    create(&api, &PODS, pod(json!({"name": "second"}))).unwrap();
    let refusal = create(&api, &PODS, pod(json!({"name": "third"}))).unwrap_err();
    assert_eq!(
        refusal.message,
        "pods \"third\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
    );
}
