//! The compiled model against a second evaluator, written apart from it on the raw JSON of the objects: the same
//! verdict for every pair of ends, and an explanation that agrees.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, Ipv4Addr};

use netpol::{Cluster, End, Flow, Model, Namespace, Node, Path, Pod, Policy, Protocol};
use proptest::prelude::*;
use serde_json::{Value, json};

// ---- The naive evaluator: straight from the documentation, one question at a time. ----

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

fn selected(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().is_none_or(|wanted| wanted.iter().all(|(k, v)| labels[k] == *v));
    equal
        && selector["matchExpressions"].as_array().is_none_or(|all| {
            all.iter().all(|one| {
                let label = &labels[text(one, "key")];
                let listed = one["values"].as_array().is_some_and(|values| values.contains(label));
                match text(one, "operator") {
                    "In" => listed,
                    "NotIn" => !listed,
                    "Exists" => !label.is_null(),
                    _ => label.is_null(),
                }
            })
        })
}

fn number(address: &str) -> u32 {
    address.parse::<Ipv4Addr>().unwrap().into()
}

fn in_range(cidr: &str, address: &str) -> bool {
    let (start, bits) = cidr.split_once('/').unwrap();
    let size = 1_u64 << (32 - bits.parse::<u32>().unwrap());
    let start = u64::from(number(start)) / size * size;
    (start..start + size).contains(&u64::from(number(address)))
}

/// One end: a Pod's object, or an address.
#[derive(Clone)]
enum Naive<'a> {
    Pod(&'a Value),
    Address(String),
}

impl Naive<'_> {
    fn address(&self) -> &str {
        match self {
            Naive::Pod(pod) => text(&pod["status"], "podIP"),
            Naive::Address(address) => address,
        }
    }
}

fn peer_matches(world: &World, policy: &Value, peer: &Value, other: &Naive<'_>) -> bool {
    if let Some(block) = peer.get("ipBlock") {
        let excepted = block["except"].as_array().into_iter().flatten();
        return in_range(text(block, "cidr"), other.address())
            && !excepted.into_iter().any(|range| in_range(range.as_str().unwrap(), other.address()));
    }
    let Naive::Pod(pod) = other else { return false };
    let space = text(&pod["metadata"], "namespace");
    let in_space = match peer.get("namespaceSelector") {
        None => space == text(&policy["metadata"], "namespace"),
        Some(selector) => {
            let space = world.namespaces.iter().find(|one| one["metadata"]["name"] == space).unwrap();
            selected(selector, &space["metadata"]["labels"])
        }
    };
    in_space && peer.get("podSelector").is_none_or(|selector| selected(selector, &pod["metadata"]["labels"]))
}

fn port_matches(rule: &Value, protocol: &str, port: u16, destination: &Naive<'_>) -> bool {
    if rule.get("protocol").and_then(Value::as_str).unwrap_or("TCP") != protocol {
        return false;
    }
    match rule.get("port") {
        None => true,
        Some(Value::String(name)) => match destination {
            Naive::Pod(pod) => pod["spec"]["containers"].as_array().unwrap().iter().any(|container| {
                container["ports"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|one| one["name"] == *name && one["containerPort"] == port && one["protocol"] == protocol)
            }),
            Naive::Address(_) => false,
        },
        Some(first) => {
            let first = first.as_u64().unwrap();
            let last = rule.get("endPort").and_then(Value::as_u64).unwrap_or(first);
            first <= u64::from(port) && u64::from(port) <= last
        }
    }
}

fn side_allows(
    world: &World,
    side: &str,
    subject: &Naive<'_>,
    other: &Naive<'_>,
    (protocol, port): (&str, u16),
) -> bool {
    let Naive::Pod(pod) = subject else { return true };
    let (rules, peers, kind) = if side == "in" { ("ingress", "from", "Ingress") } else { ("egress", "to", "Egress") };
    let destination = if side == "in" { subject } else { other };
    let mut isolated = false;
    for policy in &world.policies {
        let speaks = match policy["spec"].get("policyTypes") {
            Some(types) => types.as_array().unwrap().contains(&json!(kind)),
            None => kind == "Ingress" || policy["spec"]["egress"].as_array().is_some_and(|rules| !rules.is_empty()),
        };
        let concerns = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
            && selected(&policy["spec"]["podSelector"], &pod["metadata"]["labels"]);
        if !speaks || !concerns {
            continue;
        }
        isolated = true;
        for rule in policy["spec"][rules].as_array().into_iter().flatten() {
            let no = Vec::new();
            let who = rule[peers].as_array().unwrap_or(&no);
            let what = rule["ports"].as_array().unwrap_or(&no);
            if (who.is_empty() || who.iter().any(|peer| peer_matches(world, policy, peer, other)))
                && (what.is_empty() || what.iter().any(|rule| port_matches(rule, protocol, port, destination)))
            {
                return true;
            }
        }
    }
    !isolated
}

fn naive<'a>(world: &World, source: Naive<'a>, destination: Naive<'a>, protocol: &str, port: u16) -> bool {
    // A Pod on its node's network is its node.
    let as_seen = |end: Naive<'a>| match end {
        Naive::Pod(pod) if pod["spec"]["hostNetwork"] == true => Naive::Address(end.address().to_owned()),
        other => other,
    };
    let (source, destination) = (as_seen(source), as_seen(destination));
    match (&source, &destination) {
        (Naive::Pod(one), Naive::Pod(two)) if one["metadata"] == two["metadata"] => return true,
        (Naive::Pod(pod), Naive::Address(address)) | (Naive::Address(address), Naive::Pod(pod)) => {
            let node = world.nodes.iter().find(|node| node["metadata"]["name"] == pod["spec"]["nodeName"]).unwrap();
            if node["status"]["addresses"][0]["address"] == *address {
                return true;
            }
        }
        _ => {}
    }
    side_allows(world, "out", &source, &destination, (protocol, port))
        && side_allows(world, "in", &destination, &source, (protocol, port))
}

// ---- Worlds. ----

#[derive(Debug, Clone)]
struct World {
    namespaces: Vec<Value>,
    pods: Vec<Value>,
    nodes: Vec<Value>,
    policies: Vec<Value>,
}

fn labels() -> impl Strategy<Value = Value> {
    (prop::option::of(0..3_u8), prop::option::of(0..2_u8)).prop_map(|(app, tier)| {
        let mut labels = json!({});
        if let Some(app) = app {
            labels["app"] = json!(format!("a{app}"));
        }
        if let Some(tier) = tier {
            labels["tier"] = json!(format!("t{tier}"));
        }
        labels
    })
}

fn selector() -> impl Strategy<Value = Value> {
    let operator = prop::sample::select(vec!["In", "NotIn", "Exists", "DoesNotExist"]);
    let expression = (operator, prop::sample::select(vec!["app", "tier"]), 0..3_u8, 0..2_u8);
    let expression = expression.prop_map(|(operator, key, app, tier)| match operator {
        "In" | "NotIn" => json!({"key": key, "operator": operator, "values": [format!("a{app}"), format!("t{tier}")]}),
        _ => json!({"key": key, "operator": operator}),
    });
    prop_oneof![
        2 => Just(json!({})),
        3 => labels().prop_map(|labels| json!({"matchLabels": labels})),
        2 => (labels(), prop::collection::vec(expression, 1..3))
            .prop_map(|(labels, all)| json!({"matchLabels": labels, "matchExpressions": all})),
    ]
}

fn peer() -> impl Strategy<Value = Value> {
    let block = prop::sample::select(vec![
        json!({"cidr": "0.0.0.0/0"}),
        json!({"cidr": "10.244.0.0/16", "except": ["10.244.1.0/24"]}),
        json!({"cidr": "10.244.1.3/32"}),
        json!({"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25", "192.0.2.7/32"]}),
    ]);
    prop_oneof![
        selector().prop_map(|pods| json!({"podSelector": pods})),
        selector().prop_map(|spaces| json!({"namespaceSelector": spaces})),
        (selector(), selector()).prop_map(|(spaces, pods)| json!({"namespaceSelector": spaces, "podSelector": pods})),
        block.prop_map(|block| json!({"ipBlock": block})),
    ]
}

fn port() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({"port": 80}),
        json!({"port": 80, "protocol": "TCP"}),
        json!({"port": 53, "protocol": "UDP"}),
        json!({"protocol": "UDP"}),
        json!({"port": "web"}),
        json!({"port": "web", "protocol": "UDP"}),
        json!({"port": 79, "endPort": 81}),
        json!({"port": 81, "endPort": 9000, "protocol": "SCTP"}),
    ])
}

fn rule(side: &'static str) -> impl Strategy<Value = Value> {
    (prop::collection::vec(peer(), 0..3), prop::collection::vec(port(), 0..3)).prop_map(move |(peers, ports)| {
        let mut rule = json!({});
        if !peers.is_empty() {
            rule[side] = json!(peers);
        }
        if !ports.is_empty() {
            rule["ports"] = json!(ports);
        }
        rule
    })
}

fn policy() -> impl Strategy<Value = Value> {
    let types = prop::sample::select(vec![
        None,
        Some(json!(["Ingress"])),
        Some(json!(["Egress"])),
        Some(json!(["Ingress", "Egress"])),
    ]);
    let rules = |side| prop::option::of(prop::collection::vec(rule(side), 0..3));
    (0..3_u8, selector(), types, rules("from"), rules("to")).prop_map(|(space, pods, types, ingress, egress)| {
        let mut spec = json!({"podSelector": pods});
        for (key, value) in [
            ("policyTypes", types),
            ("ingress", ingress.map(|all| json!(all))),
            ("egress", egress.map(|all| json!(all))),
        ] {
            if let Some(value) = value {
                spec[key] = value;
            }
        }
        json!({"metadata": {"namespace": format!("n{space}"), "name": "p"}, "spec": spec})
    })
}

fn world() -> impl Strategy<Value = World> {
    let pod = (0..3_u8, labels(), 0..2_u8, prop::bool::weighted(0.1), prop::sample::select(vec![80_u16, 53, 8080]));
    let pods = prop::collection::vec(pod, 1..8);
    let spaces = prop::collection::vec(labels(), 3);
    (spaces, pods, prop::collection::vec(policy(), 0..6)).prop_map(|(spaces, pods, policies)| {
        let namespaces = spaces.into_iter().enumerate().map(|(index, mut labels)| {
            let name = format!("n{index}");
            labels["kubernetes.io/metadata.name"] = json!(name);
            json!({"metadata": {"name": name, "labels": labels}})
        });
        let nodes = (0..2).map(|index| {
            json!({"metadata": {"name": format!("node{index}")},
                "status": {"addresses": [{"type": "InternalIP", "address": format!("192.0.2.{}", 7 + index * 100)}]}})
        });
        let nodes: Vec<Value> = nodes.collect();
        let pods = pods.into_iter().enumerate().map(|(index, (space, labels, node, host, port))| {
            let address = match host {
                true => nodes[usize::from(node)]["status"]["addresses"][0]["address"].as_str().unwrap().to_owned(),
                false => format!("10.244.{node}.{}", index + 2),
            };
            json!({
                "metadata": {"namespace": format!("n{space}"), "name": format!("x{index}"), "labels": labels},
                "spec": {"nodeName": format!("node{node}"), "hostNetwork": host, "containers": [{"ports": [
                    {"name": "web", "containerPort": port, "protocol": "TCP"},
                    {"name": "web", "containerPort": 53, "protocol": "UDP"},
                ]}]},
                "status": {"podIP": address},
            })
        });
        World { namespaces: namespaces.collect(), pods: pods.collect(), nodes, policies }
    })
}

fn compile(world: &World) -> Model {
    Model::compile(Cluster {
        namespaces: world.namespaces.iter().map(Namespace::from_object).collect(),
        pods: world.pods.iter().map(Pod::from_object).collect(),
        nodes: world.nodes.iter().map(Node::from_object).collect(),
        policies: world.policies.iter().map(|policy| Policy::from_object(policy).unwrap()).collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_model_says_what_the_naive_evaluator_says(world in world()) {
        let model = compile(&world);
        let outside = ["192.0.2.7", "192.0.2.107", "192.0.2.9", "203.0.113.5"];
        let mut ends: Vec<(End, Naive<'_>)> =
            world.pods.iter().enumerate().map(|(index, pod)| (End::Pod(index), Naive::Pod(pod))).collect();
        for address in outside {
            ends.push((End::Address(address.parse::<IpAddr>().unwrap()), Naive::Address(address.to_owned())));
        }
        for (source, naive_source) in &ends {
            for (destination, naive_destination) in &ends {
                for (protocol, word, port) in
                    [(Protocol::Tcp, "TCP", 80), (Protocol::Tcp, "TCP", 8080), (Protocol::Udp, "UDP", 53), (Protocol::Sctp, "SCTP", 81)]
                {
                    let flow =
                        Flow { source: *source, destination: *destination, protocol, port, path: Path::Direct };
                    let expected = naive(&world, naive_source.clone(), naive_destination.clone(), word, port);
                    prop_assert_eq!(model.allows(&flow), expected, "{:?}", flow);
                    prop_assert_eq!(model.explain(&flow).is_allowed, expected, "explained: {:?}", flow);
                }
            }
        }
    }
}
