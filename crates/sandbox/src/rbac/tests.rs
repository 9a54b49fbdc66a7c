//! Who may do what, by stored roles and bindings.

use serde_json::json;

use super::attributes::ResourceAttributes;
use super::*;
use crate::resources::Resource;
use crate::store::Key;

fn put(store: &mut Store, resource: &'static Resource, space: &str, object: Value) {
    let key = Key::new(space, name(&object));
    store.put(resource, key, object);
}

fn binding(name: &str, space: &str, role: &str, subject: Value) -> Value {
    let (kind, role) = role.split_once('/').unwrap();
    json!({"metadata": {"name": name, "namespace": space}, "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
        "subjects": [subject]})
}

fn store() -> Store {
    let mut store = Store::default();
    let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    put(&mut store, &ROLES, "dev", json!({"metadata": {"name": "r", "namespace": "dev"}, "rules": rules}));
    put(&mut store, &CLUSTER_ROLES, "", json!({"metadata": {"name": "c"}, "rules": rules}));
    let app = json!({"kind": "ServiceAccount", "name": "app"});
    put(&mut store, &ROLE_BINDINGS, "dev", binding("rb", "dev", "Role/r", app));
    let bob = json!({"kind": "User", "name": "bob"});
    put(&mut store, &ROLE_BINDINGS, "dev", binding("to-cluster", "dev", "ClusterRole/c", bob));
    let team = json!({"kind": "Group", "name": "team"});
    put(&mut store, &CLUSTER_ROLE_BINDINGS, "", binding("all", "", "ClusterRole/c", team));
    store
}

fn get_pods(space: &str) -> Attributes {
    Attributes::Resource(ResourceAttributes {
        verb: "get".to_owned(),
        resource: "pods".to_owned(),
        namespace: space.to_owned(),
        ..ResourceAttributes::default()
    })
}

fn decide(store: &Store, caller: &Caller, space: &str) -> String {
    match store.policy().authorize(caller, &get_pods(space)) {
        Decision::Allowed { reason } => format!("yes {reason}"),
        Decision::Denied { reason } => format!("no {reason}"),
    }
}

#[test]
fn verdicts_name_the_binding() {
    let store = store();
    let app = Caller::account("dev", "app", "");
    assert_eq!(
        decide(&store, &app, "dev"),
        "yes RBAC: allowed by RoleBinding \"rb/dev\" of Role \"r\" to ServiceAccount \"app/dev\""
    );
    assert_eq!(decide(&store, &app, "prod"), "no ");
    assert_eq!(decide(&store, &Caller::account("prod", "app", ""), "dev"), "no ");
    let bob = Caller::user("bob", []);
    assert_eq!(
        decide(&store, &bob, "dev"),
        "yes RBAC: allowed by RoleBinding \"to-cluster/dev\" of ClusterRole \"c\" to User \"bob\""
    );
    assert_eq!(decide(&store, &bob, ""), "no ");
    let member = Caller::user("eve", ["team".to_owned()]);
    assert_eq!(
        decide(&store, &member, ""),
        "yes RBAC: allowed by ClusterRoleBinding \"all\" of ClusterRole \"c\" to Group \"team\""
    );
    assert_eq!(decide(&store, &Caller::admin(), "anywhere"), "yes ");
}

#[test]
fn a_binding_to_nothing_is_told() {
    let mut store = store();
    let bob = json!({"kind": "User", "name": "bob"});
    put(&mut store, &CLUSTER_ROLE_BINDINGS, "", binding("dangling", "", "ClusterRole/x", bob));
    let words = "no RBAC: clusterrole.rbac.authorization.k8s.io \"x\" not found";
    assert_eq!(decide(&store, &Caller::user("bob", []), ""), words);
    let (rules, error) = store.policy().rules_for(&Caller::user("bob", []), "dev");
    assert_eq!((rules.len(), error.as_deref()), (1, words.strip_prefix("no RBAC: ")));
}

#[test]
fn a_change_counts_at_once() {
    let mut store = store();
    let bob = Caller::user("bob", []);
    assert!(decide(&store, &bob, "dev").starts_with("yes"));
    store.remove(&ROLE_BINDINGS, Key::new("dev", "to-cluster"));
    assert!(decide(&store, &bob, "dev").starts_with("no"));
}
