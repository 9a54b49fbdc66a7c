//! The in-process Kubernetes: API, admission, controllers, simulated nodes and Pods.
//!
//! No kernel, no Docker, no root: it runs on Linux and macOS. Its clients meet TLS on loopback, or a
//! [`tower::Service`] with no socket at all. It never knows of labs or checks, and nobody reads its store
//! except through the API and the audit log.

mod admission;
mod amounts;
mod api;
mod audit;
mod bootstrap;
mod clock;
mod consoles;
mod controllers;
mod credentials;
mod custom;
mod defaults;
mod events;
mod fields;
mod insides;
mod kubeconfig;
mod kubelet;
mod logs;
mod manifest;
#[expect(dead_code, reason = "containers, streams and probes take it up one after the other")]
mod network;
mod nodes;
mod ownership;
mod patch;
mod persistence;
mod quantity;
mod rbac;
mod resources;
mod sandbox;
mod scheduler;
mod schema;
mod server;
mod site;
mod snapshot;
mod store;
mod tokens;
mod usage;
mod validation;
mod versions;
mod world;

pub use bootstrap::NODE_NAMES;
pub use credentials::CredentialsError;
pub use persistence::StateError;
pub use sandbox::{Error, Sandbox, Service};
pub use tokens::KeyError;

use std::net::SocketAddr;
use std::path::PathBuf;

/// How a sandbox is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The emulated Kubernetes version.
    pub version: Version,
    /// The folder that keeps certificates, kubeconfig and objects between two starts; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// Where to listen; `None` takes a free 127.x.y.z of its own (Linux) or 127.0.0.1 (elsewhere) and a free port.
    pub address: Option<SocketAddr>,
    /// How fast simulated things take place.
    pub pace: Pace,
}

/// The Kubernetes versions that the sandbox emulates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 1.20.
    V1_20,
    /// 1.24, the last one with PodSecurityPolicy.
    V1_24,
    /// 1.34, the default.
    V1_34,
}

impl Version {
    /// Returns the `x` of 1.x.
    pub(crate) fn minor(self) -> u32 {
        match self {
            Version::V1_20 => 20,
            Version::V1_24 => 24,
            Version::V1_34 => 34,
        }
    }
}

/// How fast simulated things take place (image pulls, memory growth, back-offs, node heartbeats).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As a learner should see it: seconds rather than minutes.
    Lifelike,
    /// As fast as events allow, for tests and checks.
    Fast,
}
