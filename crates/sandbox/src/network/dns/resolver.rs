//! The client's side of names: what a C library does with `resolv.conf`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use shell::{Protocol, ResolveError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fields::{list, namespace, text};

use super::message::{self, Code, kind};
use super::{DOMAIN, internet};
use crate::network::topology::is_on_host;
use crate::network::{Network, Source};

/// The address of the cluster's name server.
const CLUSTER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 10));
/// How long one question may take (`options timeout`), and how often it is asked (`options attempts`).
const PATIENCE: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 2;
/// How long an answer that is under way may take in real time, on a busy machine.
const GRACE: Duration = Duration::from_secs(5);

/// What `/etc/resolv.conf` says in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::network) struct Configuration {
    servers: Vec<IpAddr>,
    search: Vec<String>,
    dots: usize,
}

impl Configuration {
    /// Returns what the kubelet writes for a Pod (`dnsPolicy`, `dnsConfig`).
    pub(in crate::network) fn of_pod(pod: &Value) -> Configuration {
        let policy = match text(pod, "/spec/dnsPolicy") {
            "ClusterFirst" | "" if is_on_host(pod) => "Default",
            policy => policy,
        };
        let mut configuration = match policy {
            "Default" => Configuration { servers: vec![IpAddr::V4(internet::RESOLVER)], search: Vec::new(), dots: 1 },
            "None" => Configuration { servers: Vec::new(), search: Vec::new(), dots: 1 },
            _ => Configuration {
                servers: vec![CLUSTER],
                search: vec![format!("{}.svc.{DOMAIN}", namespace(pod)), format!("svc.{DOMAIN}"), DOMAIN.to_owned()],
                dots: 5,
            },
        };
        let texts = |pointer| list(pod, pointer).iter().filter_map(Value::as_str);
        configuration
            .servers
            .extend(texts("/spec/dnsConfig/nameservers").filter_map(|server| server.parse::<IpAddr>().ok()));
        configuration.search.extend(texts("/spec/dnsConfig/searches").map(str::to_owned));
        for option in list(pod, "/spec/dnsConfig/options") {
            if text(option, "/name") == "ndots" {
                configuration.dots = text(option, "/value").parse().unwrap_or(configuration.dots);
            }
        }
        configuration
    }

    /// Returns the full names to try, in order.
    fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(full) = name.strip_suffix('.') {
            return vec![full.to_owned()];
        }
        let mut candidates: Vec<String> = self.search.iter().map(|domain| format!("{name}.{domain}")).collect();
        let place = if name.matches('.').count() >= self.dots { 0 } else { candidates.len() };
        candidates.insert(place, name.to_owned());
        candidates
    }
}

/// Resolves a name to its addresses.
pub(in crate::network) async fn resolve(
    network: &Network,
    source: Source<'_>,
    configuration: &Configuration,
    name: &str,
    within: Duration,
) -> Result<Vec<IpAddr>, ResolveError> {
    let mut left = within;
    for candidate in configuration.candidates(name) {
        if candidate.len() > 253 || candidate.split('.').any(|label| label.is_empty() || label.len() > 63) {
            continue;
        }
        let (code, addresses) = ask(network, source, configuration, &candidate, &mut left).await?;
        if code == Code::Ok && !addresses.is_empty() {
            return Ok(addresses);
        }
    }
    Err(ResolveError::NoSuchName)
}

/// Asks the servers in turn; `left` is what remains of the time allowed.
async fn ask(
    network: &Network,
    source: Source<'_>,
    configuration: &Configuration,
    name: &str,
    left: &mut Duration,
) -> Result<(Code, Vec<IpAddr>), ResolveError> {
    for _ in 0..ATTEMPTS {
        for server in &configuration.servers {
            let to = SocketAddr::new(*server, 53);
            let patience = PATIENCE.min(*left);
            match network.connect_from(source, to, Protocol::Udp, patience).await {
                Ok(mut stream) => {
                    let id = network.ephemeral_port();
                    let mut buffer = vec![0; 4096];
                    let exchange = async {
                        stream.write_all(&message::write_question(id, name, kind::A)).await.ok()?;
                        let length = stream.read(&mut buffer).await.ok()?;
                        message::read_answer(buffer.get(..length)?, id)
                    };
                    if let Ok(Some(answer)) = tokio::time::timeout(GRACE, exchange).await {
                        return Ok(answer);
                    }
                }
                // The next one at once: the network said that nobody is there.
                Err(shell::ConnectError::Refused | shell::ConnectError::Unreachable) => {}
                Err(shell::ConnectError::TimedOut | shell::ConnectError::NoRoute) => {
                    *left = left.saturating_sub(patience);
                    if left.is_zero() {
                        return Err(ResolveError::TimedOut);
                    }
                }
            }
        }
    }
    Err(ResolveError::TimedOut)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_searched_as_resolv_conf_says() {
        let pod = json!({"metadata": {"namespace": "app"}, "spec": {"dnsPolicy": "ClusterFirst"}});
        let configuration = Configuration::of_pod(&pod);
        assert_eq!(
            configuration.candidates("redis"),
            ["redis.app.svc.cluster.local", "redis.svc.cluster.local", "redis.cluster.local", "redis"]
        );
        assert_eq!(configuration.candidates("google.fr.")[..], ["google.fr"]);
        assert_eq!(configuration.candidates("a.b.c.d.e.f")[0], "a.b.c.d.e.f");
        let on_host = json!({"spec": {"hostNetwork": true, "dnsPolicy": "ClusterFirst"}});
        assert_eq!(Configuration::of_pod(&on_host).servers, [IpAddr::V4(internet::RESOLVER)]);
        let own = json!({"spec": {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["x"],
            "options": [{"name": "ndots", "value": "2"}]}}});
        let configuration = Configuration::of_pod(&own);
        assert_eq!(configuration.candidates("a.b"), ["a.b.x", "a.b"]);
        assert_eq!(configuration.candidates("a.b.c"), ["a.b.c", "a.b.c.x"]);
    }
}
