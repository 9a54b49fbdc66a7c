//! Why a flow is allowed or not: worked out rule by rule, apart from [`Model::allows`], which it must agree with.

use std::net::IpAddr;

use crate::cluster::{Namespace, Network, Pod};
use crate::labels::Labels;
use crate::model::{self, End, Flow, Model, Path, Place};
use crate::policy::{Peer, Policy, Rule};

/// The answer about one flow, with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the flow is allowed, as [`Model::allows`] says.
    pub is_allowed: bool,
    /// What the policies of the source say.
    pub egress: Side,
    /// What the policies of the destination say.
    pub ingress: Side,
    /// Where network plug-ins differ about this flow.
    pub caveats: Vec<Caveat>,
}

/// What the policies say at one end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Side {
    /// Policies do not concern this end.
    Exempt(Exemption),
    /// No policy selects this Pod in this direction: everything is allowed.
    Open,
    /// These rules allow it.
    Allowed(Vec<Match>),
    /// Policies select the Pod and no rule of theirs allows it.
    Denied {
        /// The policies that select the Pod.
        policies: Vec<PolicyName>,
        /// Why each of their rules does not allow it; empty where they have no rules.
        misses: Vec<Miss>,
    },
}

/// Why policies do not concern an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exemption {
    /// It is no Pod.
    Outside,
    /// It is a Pod on its node's network.
    HostNetwork,
    /// Both ends are the same Pod.
    SamePod,
    /// The other end is the Pod's own node.
    OwnNode,
}

/// Names a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyName {
    /// Its Namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A rule that allows a flow. Numbers count from 0, as in field paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The policy.
    pub policy: PolicyName,
    /// The rule's place in `ingress` or `egress`.
    pub rule: usize,
    /// The peer's place in `from` or `to`; `None` where the rule names no peers.
    pub peer: Option<usize>,
    /// The port's place in `ports`; `None` where the rule names no ports.
    pub port: Option<usize>,
}

/// A rule that does not allow a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// The policy.
    pub policy: PolicyName,
    /// The rule's place in `ingress` or `egress`.
    pub rule: usize,
    /// What does not fit.
    pub why: Mismatch,
}

/// What of a rule does not fit a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// The other end is none of its peers.
    Peer,
    /// The other end is, but not on this port.
    Port,
    /// The port is, but not for this other end, of which the address is in a block's `except`.
    Except,
    /// Neither is.
    Both,
}

/// Where network plug-ins differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caveat {
    /// Only an `ipBlock` that holds a Pod's address allows it: some plug-ins apply blocks to the outside only.
    BlockOfPods,
    /// A Pod reaches itself: nobody should rely on a verdict here.
    SamePod,
    /// A Pod reaches itself through a Service: some plug-ins block it, others do not.
    Hairpin,
    /// One end is on its node's network: selectors do not find it, and what its address is depends on the plug-in.
    HostNetwork,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ingress,
    Egress,
}

impl Model {
    /// Explains the verdict about a flow.
    pub fn explain(&self, flow: &Flow) -> Verdict {
        let (source, destination) = (self.place(flow.source), self.place(flow.destination));
        let mut caveats = Vec::new();
        if source == destination && matches!(source, Place::Pod(_)) {
            caveats.push(if flow.path == Path::Direct { Caveat::SamePod } else { Caveat::Hairpin });
        }
        if self.is_on_host(flow.source) || self.is_on_host(flow.destination) {
            caveats.push(Caveat::HostNetwork);
        }
        let exempt = self.is_exempt(source, destination, flow.path);
        let mut side = |direction, subject: (End, Place), other: Place| {
            let Place::Pod(pod) = subject.1 else {
                let on_host = self.is_on_host(subject.0);
                return Side::Exempt(if on_host { Exemption::HostNetwork } else { Exemption::Outside });
            };
            if exempt {
                let same = matches!(other, Place::Pod(_));
                return Side::Exempt(if same { Exemption::SamePod } else { Exemption::OwnNode });
            }
            let (side, is_doubtful) = self.side(direction, pod, other, flow);
            if is_doubtful && !caveats.contains(&Caveat::BlockOfPods) {
                caveats.push(Caveat::BlockOfPods);
            }
            side
        };
        let egress = side(Direction::Egress, (flow.source, source), destination);
        let ingress = side(Direction::Ingress, (flow.destination, destination), source);
        let allows = |side: &Side| match side {
            Side::Exempt(_) | Side::Open | Side::Allowed(_) => true,
            Side::Denied { .. } => false,
        };
        Verdict { is_allowed: allows(&egress) && allows(&ingress), egress, ingress, caveats }
    }

    fn is_on_host(&self, end: End) -> bool {
        matches!(end, End::Pod(pod) if self.cluster.pods.get(pod).is_some_and(|pod| pod.network == Network::Host))
    }

    /// Returns what the policies of one Pod say, and whether that rests on blocks of Pod addresses alone.
    fn side(&self, direction: Direction, subject: usize, other: Place, flow: &Flow) -> (Side, bool) {
        let class = match direction {
            Direction::Ingress => self.ingress.class(subject),
            Direction::Egress => self.egress.class(subject),
        };
        let (mut matches, mut misses, mut names) = (Vec::new(), Vec::new(), Vec::new());
        let mut by_block_only = true;
        for policy in class.policies.iter().filter_map(|policy| self.cluster.policies.get(*policy as usize)) {
            let name = PolicyName { namespace: policy.namespace.clone(), name: policy.name.clone() };
            let rules = match direction {
                Direction::Ingress => &policy.ingress,
                Direction::Egress => &policy.egress,
            };
            for (number, rule) in rules.iter().flatten().enumerate() {
                let ports = self.port_names(flow);
                let port = rule.ports.iter().position(|rule| model::fits(rule, flow.protocol, flow.port, ports));
                let fits_port = rule.ports.is_empty() || port.is_some();
                let peer = rule.peers.iter().position(|peer| self.is_peer(policy, peer, other));
                let fits_peer = rule.peers.is_empty() || peer.is_some();
                let miss = |why| Miss { policy: name.clone(), rule: number, why };
                match (fits_peer, fits_port) {
                    (true, true) => {
                        // Another peer of the same rule may match without a block.
                        let firm = |peer: &Peer| matches!(peer, Peer::Pods { .. }) && self.is_peer(policy, peer, other);
                        by_block_only &= !rule.peers.is_empty() && !rule.peers.iter().any(firm);
                        matches.push(Match { policy: name.clone(), rule: number, peer, port });
                    }
                    (true, false) => misses.push(miss(Mismatch::Port)),
                    (false, true) if self.is_excepted(rule, other) => misses.push(miss(Mismatch::Except)),
                    (false, true) => misses.push(miss(Mismatch::Peer)),
                    (false, false) => misses.push(miss(Mismatch::Both)),
                }
            }
            names.push(name);
        }
        if names.is_empty() {
            return (Side::Open, false);
        }
        if matches.is_empty() {
            return (Side::Denied { policies: names, misses }, false);
        }
        (Side::Allowed(matches), by_block_only && matches!(other, Place::Pod(_)))
    }

    fn is_peer(&self, policy: &Policy, peer: &Peer, other: Place) -> bool {
        match (peer, other) {
            (Peer::Pods { namespaces, pods }, Place::Pod(pod)) => {
                let Some(pod) = self.cluster.pods.get(pod) else { return false };
                let in_namespace = match namespaces {
                    None => pod.namespace == policy.namespace,
                    Some(selector) => match self.namespace(pod) {
                        Some(namespace) => selector.matches(&namespace.labels),
                        None => selector.matches(&Labels::new()),
                    },
                };
                in_namespace && pods.as_ref().is_none_or(|selector| selector.matches(&pod.labels))
            }
            (Peer::Pods { .. }, Place::Address(_)) => false,
            (Peer::Block(block), other) => self.address(other).is_some_and(|address| block.contains(address)),
        }
    }

    fn is_excepted(&self, rule: &Rule, other: Place) -> bool {
        let Some(address) = self.address(other) else { return false };
        rule.peers.iter().any(|peer| match peer {
            Peer::Block(block) => block.cidr.contains(address),
            Peer::Pods { .. } => false,
        })
    }

    fn address(&self, place: Place) -> Option<IpAddr> {
        match place {
            Place::Pod(pod) => self.cluster.pods.get(pod)?.address,
            Place::Address(address) => address,
        }
    }

    fn namespace(&self, pod: &Pod) -> Option<&Namespace> {
        self.cluster.namespaces.iter().find(|namespace| namespace.name == pod.namespace)
    }
}
