//! NetworkPolicy semantics: the verdict for a flow between two ends, and why.
//!
//! Pure: no I/O, no clock, no cluster. What a policy means is defined by the documentation of
//! `networking.k8s.io/v1`; where network plug-ins differ, the verdict follows that documentation and says so by a
//! [`Caveat`].
//!
//! A [`Cluster`] (plain structs, or read from objects by `from_object`) is compiled once into a [`Model`], which then
//! answers [`Model::allows`] in a fraction of a microsecond and [`Model::explain`] with the policies and rules that
//! decided.

mod bits;
mod block;
mod cluster;
mod explain;
mod labels;
mod model;
mod policy;

pub use block::{Block, Cidr, CidrError};
pub use cluster::{Cluster, NamedPort, Namespace, Network, Node, Pod};
pub use explain::{Caveat, Exemption, Match, Mismatch, Miss, PolicyName, Side, Verdict};
pub use labels::{Labels, Operator, Requirement, Selector};
pub use model::{End, Flow, Model, Path};
pub use policy::{Peer, Policy, PolicyError, PortRule, Ports, Protocol, Rule};
