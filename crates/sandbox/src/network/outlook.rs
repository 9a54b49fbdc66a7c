//! What would become of a flow, and why, without opening it: for whoever explains a network to a learner.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use netpol::{Caveat, End, Exemption, Match, Mismatch, Miss, Path, PolicyName, Side, Verdict};
use serde_json::{Value, json};
use shell::Protocol;

use crate::bootstrap::NODE_NAMES;
use crate::fields::{name, namespace, uid};

use super::route::{self, Origin, Target};
use super::{API_PORT, Fate, Network, Source};

impl Network {
    /// Tells, for each place behind an address, what would become of a flow and which policies decide:
    ///
    /// ```text
    /// [{"to": "10.244.1.3:80", "pod": "app/backend", "outcome": "open" | "refused" | "dropped" | "noRoute",
    ///   "egress": <side>, "ingress": <side>, "caveats": ["hairpin", …]}]
    /// <side> = {"is": "exempt", "why": …} | {"is": "open"} | {"is": "allowed", "by": [<rule>]}
    ///        | {"is": "denied", "policies": ["app/p"], "misses": [<rule with "why">]}
    /// ```
    ///
    /// `None` where the source has no network.
    pub(crate) fn outlook(&self, source: Source<'_>, to: SocketAddr, protocol: Protocol) -> Option<Value> {
        let mut state = self.lock();
        let topology = state.topology(&self.shared.api);
        let origin = Origin::find(&topology, source)?;
        let turn = self.shared.turns.load(Ordering::Relaxed);
        // As many turns as there are places behind the address show each of them once.
        let places = topology.service_at(to.ip()).map_or(1, |service| {
            let port = service.ports.iter().find(|port| (port.port, port.protocol) == (to.port(), protocol));
            port.map_or(1, |port| port.backends.len().max(1))
        });
        let flows = (0..places.min(100)).zip(turn..).map(|(_, turn)| {
            let outcome = match route::find(&topology, &origin, to, protocol, turn) {
                Err(fate) => word(fate),
                Ok((target, _)) if route::node_of(&topology, &target).is_some_and(|node| state.lost.contains(node)) => {
                    word(Fate::Dropped)
                }
                Ok((target, _)) => {
                    let listens = |pod: usize, port| {
                        let pod = topology.pods.get(pod).map_or("", |pod| uid(pod));
                        state.listeners.has(pod, port, protocol)
                    };
                    let is_open = match &target {
                        Target::Pod { pod, port } => listens(*pod, *port),
                        Target::Host { node, port } => {
                            (*port, node.as_str()) == (API_PORT, NODE_NAMES[0])
                                || route::host_pods(&topology, node).any(|pod| listens(pod, *port))
                        }
                        Target::Outside { .. } => true,
                    };
                    if is_open { "open" } else { word(Fate::Refused) }
                }
            };
            let flow = route::flow_to(&topology, &origin, to, protocol, turn);
            let verdict = topology.model.explain(&flow);
            let End::Address(address) = flow.destination else { return Value::Null };
            let pod = topology.pod_at(address).and_then(|pod| topology.pods.get(pod));
            let mut told = explained(&verdict);
            told["to"] = json!(SocketAddr::new(address, flow.port).to_string());
            told["pod"] = json!(pod.map(|pod| format!("{}/{}", namespace(pod), name(pod))));
            told["outcome"] = json!(outcome);
            told["byService"] = json!(flow.path == Path::Service);
            told
        });
        Some(flows.collect())
    }
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Refused => "refused",
        Fate::Dropped => "dropped",
        Fate::NoRoute => "noRoute",
        Fate::Unreachable => "unreachable",
    }
}

fn explained(verdict: &Verdict) -> Value {
    let caveats = verdict.caveats.iter().map(|caveat| match caveat {
        Caveat::BlockOfPods => "blockOfPods",
        Caveat::SamePod => "samePod",
        Caveat::Hairpin => "hairpin",
        Caveat::HostNetwork => "hostNetwork",
    });
    json!({"egress": side(&verdict.egress), "ingress": side(&verdict.ingress), "caveats": caveats.collect::<Vec<_>>()})
}

fn side(side: &Side) -> Value {
    let full = |policy: &PolicyName| format!("{}/{}", policy.namespace, policy.name);
    match side {
        Side::Exempt(why) => {
            let why = match why {
                Exemption::Outside => "outside",
                Exemption::HostNetwork => "hostNetwork",
                Exemption::SamePod => "samePod",
                Exemption::OwnNode => "ownNode",
            };
            json!({"is": "exempt", "why": why})
        }
        Side::Open => json!({"is": "open"}),
        Side::Allowed(matches) => {
            let by = matches.iter().map(|Match { policy, rule, peer, port }| {
                json!({"policy": full(policy), "rule": rule, "peer": peer, "port": port})
            });
            json!({"is": "allowed", "by": by.collect::<Vec<_>>()})
        }
        Side::Denied { policies, misses } => {
            let misses = misses.iter().map(|Miss { policy, rule, why }| {
                let why = match why {
                    Mismatch::Peer => "peer",
                    Mismatch::Port => "port",
                    Mismatch::Except => "except",
                    Mismatch::Both => "peerAndPort",
                };
                json!({"policy": full(policy), "rule": rule, "why": why})
            });
            json!({"is": "denied", "policies": policies.iter().map(full).collect::<Vec<_>>(),
                "misses": misses.collect::<Vec<_>>()})
        }
    }
}
