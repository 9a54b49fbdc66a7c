//! What the containers of a Pod have around them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use shell::{ConnectError, Future, ListenError, Listener, Protocol, ResolveError, Stream, Surroundings};

use crate::fields::{list, name, text};

use super::dns::resolver::{self, Configuration};
use super::{Network, Source};

/// Waits at least this long are taken at their word at every pace: they are there to keep something alive.
const LONG: Duration = Duration::from_secs(60);

/// The surroundings of one Pod.
pub(super) struct Around {
    network: Network,
    pod: String,
}

impl Around {
    /// Returns the surroundings of the Pod with this uid.
    pub(super) fn new(network: Network, pod: &str) -> Around {
        Around { network, pod: pod.to_owned() }
    }

    /// Returns what `/etc/hosts` says of a name.
    fn in_hosts_file(&self, wanted: &str) -> Option<Vec<IpAddr>> {
        if wanted == "localhost" {
            return Some(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        }
        let topology = self.network.topology();
        let pod = topology.pods.get(topology.pod(&self.pod)?)?;
        let hostname = Some(text(pod, "/spec/hostname")).filter(|own| !own.is_empty()).unwrap_or_else(|| name(pod));
        if wanted == hostname {
            return Some(vec![self.address()?]);
        }
        let aliases = list(pod, "/spec/hostAliases").iter();
        let fitting = aliases.filter(|alias| list(alias, "/hostnames").iter().any(|name| name == wanted));
        let found: Vec<IpAddr> = fitting.filter_map(|alias| text(alias, "/ip").parse().ok()).collect();
        (!found.is_empty()).then_some(found)
    }
}

impl Surroundings for Around {
    fn now(&self) -> Duration {
        Duration::try_from(self.network.shared.api.clock().now().as_duration()).unwrap_or_default()
    }

    fn sleep(&self, time: Duration) -> Future<'_, ()> {
        let time = if time < LONG { self.network.shared.api.clock().scaled(time) } else { time };
        Box::pin(tokio::time::sleep(time))
    }

    fn address(&self) -> Option<IpAddr> {
        let topology = self.network.topology();
        text(topology.pods.get(topology.pod(&self.pod)?)?, "/status/podIP").parse().ok()
    }

    fn resolve<'a>(&'a self, name: &'a str, within: Duration) -> Future<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move {
            if let Ok(address) = name.parse() {
                return Ok(vec![address]);
            }
            let lower = name.to_ascii_lowercase();
            if let Some(found) = self.in_hosts_file(&lower) {
                return Ok(found);
            }
            let configuration = {
                let topology = self.network.topology();
                let pod = topology.pod(&self.pod).and_then(|pod| topology.pods.get(pod));
                pod.map(|pod| Configuration::of_pod(pod))
            };
            match configuration {
                Some(configuration) => {
                    resolver::resolve(&self.network, Source::Pod(&self.pod), &configuration, &lower, within).await
                }
                None => Err(ResolveError::TimedOut),
            }
        })
    }

    fn connect(
        &self,
        to: SocketAddr,
        protocol: Protocol,
        within: Duration,
    ) -> Future<'_, Result<Box<dyn Stream>, ConnectError>> {
        Box::pin(async move { self.network.connect_from(Source::Pod(&self.pod), to, protocol, within).await })
    }

    fn listen(&self, port: u16, protocol: Protocol) -> Result<Listener, ListenError> {
        self.network.listen(&self.pod, port, protocol)
    }
}
