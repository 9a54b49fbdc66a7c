//! The semantics one by one, with their explanations.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use netpol::{
    Caveat, Cluster, End, Exemption, Flow, Match, Mismatch, Miss, Model, Namespace, Node, Path, Pod, Policy,
    PolicyName, Protocol, Side, Verdict,
};
use serde_json::{Value, json};

/// frontend, backend and redis in `app`, a stranger in `other`, a Pod on its node's network, a Pod that serves DNS.
fn model(policies: &[Value]) -> Model {
    let pod = |space: &str, name: &str, address: &str, node: &str| {
        json!({"metadata": {"namespace": space, "name": name, "labels": {"app": name}},
            "spec": {"nodeName": node, "containers": [{"ports": [{"name": "web", "containerPort": 80}]}]},
            "status": {"podIP": address}})
    };
    let mut host = pod("app", "host", "192.0.2.2", "node2");
    host["spec"]["hostNetwork"] = json!(true);
    let pods = [
        pod("app", "frontend", "10.244.0.2", "node1"),
        pod("app", "backend", "10.244.0.3", "node1"),
        pod("app", "redis", "10.244.1.2", "node2"),
        pod("other", "backend", "10.244.1.3", "node2"),
        host,
    ];
    let node = |name: &str, address: &str| json!({"metadata": {"name": name}, "status": {"addresses": [{"type": "InternalIP", "address": address}]}});
    let space = |name: &str| json!({"metadata": {"name": name}});
    Model::compile(Cluster {
        namespaces: [space("app"), space("other")].iter().map(Namespace::from_object).collect(),
        pods: pods.iter().map(Pod::from_object).collect(),
        nodes: [node("node1", "192.0.2.1"), node("node2", "192.0.2.2")].iter().map(Node::from_object).collect(),
        policies: policies.iter().map(|policy| Policy::from_object(policy).unwrap()).collect(),
    })
}

fn policy(name: &str, spec: Value) -> Value {
    json!({"metadata": {"namespace": "app", "name": name}, "spec": spec})
}

fn named(name: &str) -> PolicyName {
    PolicyName { namespace: "app".to_owned(), name: name.to_owned() }
}

fn end(model: &Model, end: &str) -> End {
    match end.split_once('/') {
        Some((space, name)) => model.pod(space, name).unwrap(),
        None => End::Address(end.parse().unwrap()),
    }
}

fn explain(model: &Model, source: &str, destination: &str, port: u16) -> Verdict {
    let (source, destination) = (end(model, source), end(model, destination));
    let flow = Flow { source, destination, protocol: Protocol::Tcp, port, path: Path::Direct };
    let verdict = model.explain(&flow);
    assert_eq!(model.allows(&flow), verdict.is_allowed);
    verdict
}

fn redis_from_backend() -> Value {
    policy(
        "redis-only",
        json!({"podSelector": {"matchLabels": {"app": "redis"}},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "backend"}}}], "ports": [{"port": 6379}]}]}),
    )
}

#[test]
fn without_policies_everything_is_open() {
    let model = model(&[]);
    let verdict = explain(&model, "other/backend", "app/redis", 6379);
    assert_eq!((verdict.egress, verdict.ingress, verdict.caveats), (Side::Open, Side::Open, vec![]));
    assert!(explain(&model, "203.0.113.9", "app/redis", 1).is_allowed);
}

#[test]
fn a_pod_selector_means_the_policys_own_namespace() {
    let model = model(&[redis_from_backend()]);
    let allowed = explain(&model, "app/backend", "app/redis", 6379);
    let expected = Match { policy: named("redis-only"), rule: 0, peer: Some(0), port: Some(0) };
    assert_eq!(allowed.ingress, Side::Allowed(vec![expected]));
    let denied = |source, port, why| {
        let verdict = explain(&model, source, "app/redis", port);
        let misses = vec![Miss { policy: named("redis-only"), rule: 0, why }];
        assert_eq!(verdict.ingress, Side::Denied { policies: vec![named("redis-only")], misses }, "{source} {port}");
        assert!(!verdict.is_allowed);
    };
    denied("app/frontend", 6379, Mismatch::Peer);
    denied("other/backend", 6379, Mismatch::Peer);
    denied("app/backend", 80, Mismatch::Port);
    denied("app/frontend", 80, Mismatch::Both);
    assert!(explain(&model, "app/redis", "app/frontend", 80).is_allowed, "the other direction stays open");
}

#[test]
fn rules_that_are_absent_deny_and_empty_ones_allow() {
    let all = json!({"podSelector": {}});
    let closed = model(&[policy("deny", all.clone())]);
    let verdict = explain(&closed, "app/frontend", "app/backend", 80);
    assert_eq!(verdict.ingress, Side::Denied { policies: vec![named("deny")], misses: vec![] });
    assert_eq!(verdict.egress, Side::Open);
    let mut open = all;
    open["ingress"] = json!([{}]);
    let opened = model(&[policy("deny", json!({"podSelector": {}})), policy("open", open)]);
    let verdict = explain(&opened, "203.0.113.9", "app/backend", 80);
    let expected = Match { policy: named("open"), rule: 0, peer: None, port: None };
    assert_eq!(verdict.ingress, Side::Allowed(vec![expected]));
}

#[test]
fn one_item_with_both_selectors_is_narrower_than_two_items() {
    let from = |peers: Value| policy("p", json!({"podSelector": {}, "ingress": [{"from": peers}]}));
    let (space, pods) =
        (json!({"matchLabels": {"kubernetes.io/metadata.name": "other"}}), json!({"matchLabels": {"app": "frontend"}}));
    let both = model(&[from(json!([{"namespaceSelector": space, "podSelector": pods}]))]);
    assert!(!explain(&both, "app/frontend", "app/redis", 1).is_allowed);
    assert!(!explain(&both, "other/backend", "app/redis", 1).is_allowed);
    let either = model(&[from(json!([{"namespaceSelector": space}, {"podSelector": pods}]))]);
    assert!(explain(&either, "app/frontend", "app/redis", 1).is_allowed);
    assert!(explain(&either, "other/backend", "app/redis", 1).is_allowed);
    assert!(!explain(&either, "app/backend", "app/redis", 1).is_allowed);
}

#[test]
fn a_named_port_is_the_destinations() {
    let named_port = json!({"podSelector": {}, "ingress": [{"ports": [{"port": "web"}]}]});
    let model = model(&[policy("p", named_port)]);
    assert!(explain(&model, "app/frontend", "app/backend", 80).is_allowed);
    assert!(!explain(&model, "app/frontend", "app/backend", 81).is_allowed);
    let flow = Flow {
        source: end(&model, "app/frontend"),
        destination: end(&model, "app/backend"),
        protocol: Protocol::Udp,
        port: 80,
        path: Path::Direct,
    };
    assert!(!model.allows(&flow), "the name is a TCP port's");
}

#[test]
fn nodes_and_pods_on_their_network_stand_apart() {
    let model = model(&[policy("deny", json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}))]);
    let own = explain(&model, "192.0.2.2", "app/redis", 80);
    assert_eq!((own.is_allowed, own.ingress), (true, Side::Exempt(Exemption::OwnNode)));
    assert!(!explain(&model, "192.0.2.1", "app/redis", 80).is_allowed, "another node is not exempt");
    let host = explain(&model, "app/host", "app/redis", 80);
    assert_eq!((host.is_allowed, host.caveats), (true, vec![Caveat::HostNetwork]));
    let to_host = explain(&model, "203.0.113.9", "app/host", 80);
    assert_eq!((to_host.is_allowed, to_host.ingress), (true, Side::Exempt(Exemption::HostNetwork)));
    assert!(!explain(&model, "app/host", "app/backend", 80).is_allowed);
}

#[test]
fn a_pod_reaches_itself_but_by_a_service_it_is_subject() {
    let model = model(&[policy("deny", json!({"podSelector": {}}))]);
    let itself = explain(&model, "app/redis", "10.244.1.2", 80);
    assert_eq!((itself.is_allowed, itself.caveats), (true, vec![Caveat::SamePod]));
    let redis = end(&model, "app/redis");
    let flow = Flow { source: redis, destination: redis, protocol: Protocol::Tcp, port: 80, path: Path::Service };
    let verdict = model.explain(&flow);
    assert_eq!((verdict.is_allowed, model.allows(&flow), verdict.caveats), (false, false, vec![Caveat::Hairpin]));
}

#[test]
fn blocks_hold_addresses_without_their_exceptions() {
    let block = json!({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]});
    let egress = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": block}]}]});
    let model = model(&[policy("p", egress)]);
    let outside = explain(&model, "app/frontend", "203.0.113.9", 443);
    assert_eq!((outside.is_allowed, outside.caveats.as_slice()), (true, [].as_slice()));
    let inside = explain(&model, "app/frontend", "app/backend", 80);
    let misses = vec![Miss { policy: named("p"), rule: 0, why: Mismatch::Except }];
    assert_eq!(inside.egress, Side::Denied { policies: vec![named("p")], misses });
}

#[test]
fn a_block_of_pod_addresses_is_marked() {
    let rule = |peers: Value| policy("p", json!({"podSelector": {}, "ingress": [{"from": peers}]}));
    let (block, pods) = (json!({"ipBlock": {"cidr": "10.244.0.0/16"}}), json!({"podSelector": {}}));
    let by_block = explain(&model(&[rule(json!([block]))]), "app/frontend", "app/redis", 1);
    assert_eq!((by_block.is_allowed, by_block.caveats), (true, vec![Caveat::BlockOfPods]));
    let by_both = explain(&model(&[rule(json!([block, pods]))]), "app/frontend", "app/redis", 1);
    assert_eq!((by_both.is_allowed, by_both.caveats), (true, vec![]));
}

#[test]
fn egress_and_ingress_must_both_allow() {
    let out = json!({"podSelector": {"matchLabels": {"app": "frontend"}}, "policyTypes": ["Egress"],
        "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "backend"}}}]}]});
    let into = json!({"podSelector": {"matchLabels": {"app": "backend"}}, "ingress": []});
    let model = model(&[policy("out", out), policy("in", into)]);
    let verdict = explain(&model, "app/frontend", "app/backend", 80);
    assert!(!verdict.is_allowed);
    assert!(matches!(verdict.egress, Side::Allowed(_)) && matches!(verdict.ingress, Side::Denied { .. }));
    assert!(!explain(&model, "app/frontend", "203.0.113.9", 80).is_allowed);
    assert_eq!(model.row(end(&model, "app/frontend"), Protocol::Tcp, 80), [true, false, false, false, false]);
}
