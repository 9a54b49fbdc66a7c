//! The figures of netpol: time to compile 5,000 Pods with 500 policies, of a row, of one verdict.
//!
//! `cargo run --release -p netpol --example bench`

use std::hint::black_box;
use std::time::Instant;

use netpol::{Cluster, End, Flow, Model, Namespace, Node, Path, Pod, Policy, Protocol};
use serde_json::{Value, json};

const PODS: usize = 5_000;
const POLICIES: usize = 500;
const NAMESPACES: usize = 50;

fn cluster() -> Cluster {
    let pod = |index: usize| {
        json!({
            "metadata": {"namespace": format!("n{}", index % NAMESPACES), "name": format!("p{index}"),
                "labels": {"app": format!("a{}", index / NAMESPACES % 10), "tier": format!("t{}", index % 3),
                    "pod-template-hash": format!("{:x}", index / 7)}},
            "spec": {"nodeName": format!("node{}", index % 20), "containers": [{"ports": [{"name": "web", "containerPort": 80}]}]},
            "status": {"podIP": format!("10.{}.{}.{}", 244 + index / 65_536, index / 256 % 256, index % 256)},
        })
    };
    let policy = |index: usize| -> Value {
        json!({
            "metadata": {"namespace": format!("n{}", index % NAMESPACES), "name": format!("np{index}")},
            "spec": {
                "podSelector": {"matchLabels": {"app": format!("a{}", index / NAMESPACES % 10)}},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [{"from": [{"podSelector": {"matchLabels": {"tier": format!("t{}", index % 3)}}},
                        {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": [format!("{}", index % 5)]}]}}],
                    "ports": [{"port": "web"}, {"port": 8000, "endPort": 9000}]}],
                "egress": [{"to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "a1"}}},
                        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]},
                    {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 80}]}],
            },
        })
    };
    let namespace =
        |index: usize| json!({"metadata": {"name": format!("n{index}"), "labels": {"team": format!("{}", index % 5)}}});
    let node = |index: usize| {
        json!({"metadata": {"name": format!("node{index}")},
            "status": {"addresses": [{"type": "InternalIP", "address": format!("192.0.2.{}", index + 1)}]}})
    };
    Cluster {
        namespaces: (0..NAMESPACES).map(|index| Namespace::from_object(&namespace(index))).collect(),
        pods: (0..PODS).map(|index| Pod::from_object(&pod(index))).collect(),
        nodes: (0..20).map(|index| Node::from_object(&node(index))).collect(),
        policies: (0..POLICIES).filter_map(|index| Policy::from_object(&policy(index)).ok()).collect(),
    }
}

#[expect(clippy::print_stdout, reason = "a developer's tool")]
fn main() {
    let cluster = cluster();
    let begin = Instant::now();
    let model = Model::compile(cluster);
    println!("compile {PODS} Pods, {POLICIES} policies: {:?}", begin.elapsed());
    let begin = Instant::now();
    let reached = model.row(End::Pod(17), Protocol::Tcp, 80).into_iter().filter(|allowed| *allowed).count();
    println!("one row: {:?} ({reached} reached)", begin.elapsed());
    let begin = Instant::now();
    let mut allowed = 0_usize;
    const VERDICTS: usize = 2_000_000;
    for index in 0..VERDICTS {
        let (source, destination) = (End::Pod(index * 31 % PODS), End::Pod(index * 17 % PODS));
        let flow = Flow { source, destination, protocol: Protocol::Tcp, port: 80, path: Path::Direct };
        allowed += usize::from(black_box(model.allows(black_box(&flow))));
    }
    let each = begin.elapsed().as_nanos() as f64 / VERDICTS as f64;
    println!("one verdict: {each:.0} ns ({allowed} of {VERDICTS} allowed)");
}
