//! The servers that images are: what a client meets on the ports of their containers.

mod application;
pub(super) mod http;
mod names;
mod nginx;
mod redis;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};

use serde_json::Value;
use shell::{Peer, Protocol};

use crate::fields::{list, text};
use crate::logs::Instance;

use super::{Network, Shared, internet};

/// A server that the sandbox simulates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Server {
    /// The web server nginx, with its release.
    Nginx(String),
    /// The store Redis, with the password that it asks for.
    Redis(Option<String>),
    /// The workshop's `frontend`: a page that calls the backend with this address.
    Frontend(String),
    /// The workshop's `backend`: a count of visits in the Redis with this address.
    Backend(String),
    /// A web server that says what it was asked, on this port.
    Whoami(u16),
    /// A web server that says always the same, on this port.
    Echo(u16, String),
    /// CoreDNS.
    Names,
}

/// Where a server runs.
#[derive(Clone)]
pub(crate) struct Place {
    /// The run of the container, for its log: its `pod` is the Pod's uid.
    pub(crate) log: Instance,
    /// The Pod's name, which is its host name.
    pub(crate) hostname: String,
}

/// The files of containers, as their servers see them.
pub(crate) trait Files: Send + Sync {
    /// Looks for a regular file of a container of the Pod with this uid.
    fn read(&self, pod: &str, container: &str, path: &str) -> Found;
}

/// What there is at a path of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A file, with its content.
    File(Vec<u8>),
    /// No file that the server may read.
    Nothing,
    /// Nobody simulates the files of this container: what the image has is what there is.
    Unknown,
}

/// A server at work.
pub(super) struct Running {
    server: Server,
    place: Place,
    // Weak: the network holds its servers.
    network: Weak<Shared>,
    store: Mutex<redis::Store>,
}

impl Server {
    /// Returns the server that an image runs, if its container starts the image's own program: `image` is the full
    /// name of [`crate::kubelet::images`], such as `docker.io/library/nginx:1.27`.
    pub(crate) fn of(image: &str, container: &Value) -> Option<Server> {
        let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
        let words = |pointer: &str| -> Vec<String> {
            list(container, pointer).iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (command, arguments) = (words("/command"), words("/args"));
        let line: Vec<&str> = command.iter().chain(&arguments).map(String::as_str).collect();
        // The entrypoints of these images run what they are given; options they pass on to their own program.
        let is_own = |program: &str| match line.first() {
            None => true,
            Some(first) => first.starts_with('-') && command.is_empty() || first.rsplit('/').next() == Some(program),
        };
        let variable = |wanted: &str, otherwise: &str| {
            let set = list(container, "/env").iter().find(|variable| text(variable, "/name") == wanted);
            set.map(|set| text(set, "/value")).filter(|value| !value.is_empty()).unwrap_or(otherwise).to_owned()
        };
        let option = |wanted: &str| {
            let place = line.iter().position(|word| *word == wanted)?;
            line.get(place + 1).map(|value| (*value).to_owned())
        };
        match repository {
            "docker.io/library/nginx" if is_own("nginx") => Some(Server::Nginx(nginx::release(tag))),
            "docker.io/library/redis" if is_own("redis-server") => Some(Server::Redis(option("--requirepass"))),
            "docker.io/library/frontend" if line.is_empty() => {
                Some(Server::Frontend(variable("BACKEND", "backend:80")))
            }
            "docker.io/library/backend" if line.is_empty() => Some(Server::Backend(variable("REDIS", "redis:6379"))),
            "traefik/whoami" | "docker.io/traefik/whoami" | "docker.io/containous/whoami" if line.is_empty() => {
                Some(Server::Whoami(80))
            }
            "docker.io/hashicorp/http-echo" if command.is_empty() => {
                let value = |name: &str| {
                    let with = format!("-{name}=");
                    arguments.iter().find_map(|word| word.trim_start_matches("-").strip_prefix(&with[1..]))
                };
                let listen = value("listen").and_then(|at| at.rsplit(':').next()?.parse().ok());
                Some(Server::Echo(listen.unwrap_or(5678), value("text").unwrap_or("hello-world").to_owned()))
            }
            "registry.k8s.io/coredns/coredns" | "k8s.gcr.io/coredns" => Some(Server::Names),
            _ => None,
        }
    }

    /// Returns the ports that it opens.
    pub(crate) fn ports(&self) -> Vec<(u16, Protocol)> {
        match self {
            Server::Nginx(_) | Server::Frontend(_) | Server::Backend(_) => vec![(80, Protocol::Tcp)],
            Server::Redis(_) => vec![(6379, Protocol::Tcp)],
            Server::Whoami(port) | Server::Echo(port, _) => vec![(*port, Protocol::Tcp)],
            Server::Names => vec![(53, Protocol::Udp), (53, Protocol::Tcp)],
        }
    }

    /// Starts it. Its data is new: a restarted container has none of the old.
    pub(super) fn start(self, network: &Arc<Shared>, place: &Place) -> Running {
        Running { server: self, place: place.clone(), network: Arc::downgrade(network), store: Mutex::default() }
    }
}

impl Running {
    /// Returns the ports that it opens.
    pub(super) fn ports(&self) -> Vec<(u16, Protocol)> {
        self.server.ports()
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(&self, peer: Peer, (_, protocol): (u16, Protocol)) {
        match &self.server {
            Server::Nginx(release) => nginx::serve(self, release, peer).await,
            Server::Redis(password) => redis::serve(&self.store, password.as_deref(), peer).await,
            Server::Frontend(backend) => application::frontend(self, backend, peer).await,
            Server::Backend(store) => application::backend(self, store, peer).await,
            Server::Whoami(_) => application::whoami(self, peer).await,
            Server::Echo(_, text) => application::echo(text, peer).await,
            Server::Names => names::serve(self, peer, protocol).await,
        }
    }

    /// Returns the network, unless the sandbox has ended.
    fn network(&self) -> Option<Network> {
        self.network.upgrade().map(|shared| Network { shared })
    }

    /// Looks for a file of the server's container.
    fn read(&self, path: &str) -> Found {
        let files = self.network().and_then(|network| network.lock().files.clone()).and_then(|files| files.upgrade());
        files.map_or(Found::Unknown, |files| files.read(&self.place.log.pod, &self.place.log.container, path))
    }

    /// Writes a line to the container's log.
    fn log(&self, line: String) {
        if let Some(shared) = self.network.upgrade() {
            shared.api.logs().append(&self.place.log, shared.api.clock().now(), line);
        }
    }
}

/// Serves a connection to a host of the «internet».
pub(super) async fn outside(host: &'static internet::Host, peer: Peer, (port, protocol): (u16, Protocol)) {
    match port {
        53 => names::outside(peer, protocol).await,
        _ => application::outside(host, peer, port).await,
    }
}

/// Returns who connected, for logs.
fn client(address: SocketAddr) -> String {
    address.ip().to_string()
}
