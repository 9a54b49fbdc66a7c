//! The cluster's name server: what CoreDNS answers with the `kubernetes` and `forward` plug-ins. Its Pods serve it on
//! port 53, behind the Service `kube-dns`, so that policies which cut the way to them are felt.

mod message;
pub(super) mod resolver;

use std::net::{IpAddr, Ipv4Addr};

use super::internet;
use super::topology::{Backend, Service, Topology};
use message::{Code, Question, Record, Says, kind};

/// How long answers hold, in seconds.
const TTL: u32 = 30;
/// The domain of the cluster.
const DOMAIN: &str = "cluster.local";
/// How many aliases are followed.
const ALIASES: usize = 8;

/// What the server finds.
#[derive(Debug)]
struct Found {
    code: Code,
    records: Vec<Record>,
}

/// Whose names a server knows.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    /// The cluster's, and those outside.
    Cluster(&'a Topology),
    /// Those outside only.
    Outside,
}

/// Answers a message; `None` where nothing is to be said. `by` tells how long the answer may be.
pub(super) fn answer(scope: Scope<'_>, message: &[u8], by: Transport) -> Option<Vec<u8>> {
    let question = match message::read_question(message) {
        Ok(question) => question,
        Err(refusal) => return refusal.map(|(id, code)| message::write_refusal(id, code)),
    };
    let found = find(scope, &question);
    let is_inside = under(&question.name.to_ascii_lowercase(), DOMAIN).is_some();
    let start = Record { name: DOMAIN.to_owned(), ttl: TTL, says: Says::Start };
    let authority = if found.records.is_empty() && is_inside { vec![start] } else { Vec::new() };
    let most = match by {
        Transport::Datagram => question.most,
        Transport::Stream => usize::MAX,
    };
    Some(message::write_answer(&question, found.code, (&found.records, &authority), most))
}

/// Returns a question as a client sends it.
#[cfg(test)]
pub(super) fn question(name: &str, kind: u16) -> Vec<u8> {
    message::write_question(1, name, kind)
}

/// How a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// Over UDP.
    Datagram,
    /// Over TCP.
    Stream,
}

/// Returns what stands before a domain; empty for the domain itself.
fn under<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    match name.strip_suffix(domain)? {
        "" => Some(""),
        rest => rest.strip_suffix('.'),
    }
}

fn find(scope: Scope<'_>, question: &Question) -> Found {
    let mut name = question.name.to_ascii_lowercase();
    let mut records = Vec::new();
    for _ in 0..ALIASES {
        let Some(mut found) = look_up(scope, &name) else {
            // An alias to nowhere is still an answer.
            let code = if records.is_empty() { Code::NoSuchName } else { Code::Ok };
            return Found { code, records };
        };
        let alias = found.iter().find_map(|record| match &record.says {
            Says::Alias(target) => Some(target.clone()),
            Says::Address(_) | Says::Pointer(_) | Says::Place { .. } | Says::Start => None,
        });
        match alias {
            Some(target) if question.kind != kind::CNAME => {
                records.append(&mut found);
                name = target;
            }
            Some(_) | None => {
                found.retain(|record| question.kind == kind::ANY || record.says.kind() == question.kind);
                records.append(&mut found);
                break;
            }
        }
    }
    Found { code: Code::Ok, records }
}

/// Returns everything that is known of a name; `None` if it does not exist.
fn look_up(scope: Scope<'_>, name: &str) -> Option<Vec<Record>> {
    let record = |says| Record { name: name.to_owned(), ttl: TTL, says };
    if let Some(rest) = under(name, "in-addr.arpa") {
        return Some(vec![record(Says::Pointer(pointer(scope, rest)?))]);
    }
    if let (Some(rest), Scope::Cluster(topology)) = (under(name, DOMAIN), scope) {
        let labels: Vec<&str> = rest.split('.').filter(|label| !label.is_empty()).collect();
        return inside(topology, name, &labels);
    }
    let host = internet::by_name(name)?;
    Some(vec![record(Says::Address(host.address))])
}

/// Looks a name of the cluster up, by the labels before its domain.
fn inside(topology: &Topology, name: &str, labels: &[&str]) -> Option<Vec<Record>> {
    let record = |says| Record { name: name.to_owned(), ttl: TTL, says };
    let service = |service: &str, space: &str| topology.services.get(&(space.to_owned(), service.to_owned()));
    let exists = |space: &str| topology.model.cluster().namespaces.iter().any(|one| one.name == space);
    match labels {
        [] | ["svc" | "pod"] => Some(Vec::new()),
        [space, "svc" | "pod"] => exists(space).then(Vec::new),
        [dashed, space, "pod"] => {
            let address: Ipv4Addr = dashed.replace('-', ".").parse().ok()?;
            exists(space).then(|| vec![record(Says::Address(address))])
        }
        [own, space, "svc"] => {
            let service = service(own, space)?;
            if let Some(target) = &service.external_name {
                let target = target.trim_end_matches('.').to_ascii_lowercase();
                return Some(vec![record(Says::Alias(target))]);
            }
            let mut found: Vec<Record> = match service.address {
                Some(IpAddr::V4(address)) => vec![record(Says::Address(address))],
                Some(IpAddr::V6(_)) => Vec::new(),
                None => {
                    let mut addresses: Vec<Ipv4Addr> = every(service).filter_map(|backend| v4(&backend)).collect();
                    addresses.dedup();
                    addresses.into_iter().map(|address| record(Says::Address(address))).collect()
                }
            };
            if found.is_empty() && service.is_headless() {
                return None;
            }
            found.extend(service.ports.iter().flat_map(|port| places(service, port, name)));
            Some(found)
        }
        [port, protocol, own, space, "svc"] if port.starts_with('_') && protocol.starts_with('_') => {
            let service = service(own, space)?;
            let wanted = match *protocol {
                "_tcp" => shell::Protocol::Tcp,
                "_udp" => shell::Protocol::Udp,
                _ => return None,
            };
            let port = service.ports.iter().find(|one| format!("_{}", one.name) == *port && one.protocol == wanted)?;
            Some(places(service, port, name))
        }
        [host, own, space, "svc"] => {
            let service = service(own, space)?;
            let backend = every(service).find(|backend| host_of(backend) == *host && service.is_headless())?;
            Some(vec![record(Says::Address(v4(&backend)?))])
        }
        _ => None,
    }
}

/// Returns the places of a Service's port, for SRV.
fn places(service: &Service, port: &super::topology::ServicePort, name: &str) -> Vec<Record> {
    let domain = format!("{}.{}.svc.{DOMAIN}", service.name, service.namespace);
    let record = |port, host| Record { name: name.to_owned(), ttl: TTL, says: Says::Place { port, host } };
    match service.address {
        Some(_) => vec![record(port.port, domain)],
        None => port.backends.iter().map(|one| record(one.port, format!("{}.{domain}", host_of(one)))).collect(),
    }
}

/// Returns what is behind a Service, by the port with the most.
fn every(service: &Service) -> impl Iterator<Item = Backend> + '_ {
    let fullest = service.ports.iter().max_by_key(|port| port.backends.len());
    fullest.into_iter().flat_map(|port| port.backends.iter().cloned())
}

fn v4(backend: &Backend) -> Option<Ipv4Addr> {
    match backend.address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

/// Returns the name that a Pod has within a headless Service.
fn host_of(backend: &Backend) -> String {
    if backend.hostname.is_empty() {
        backend.address.to_string().replace(['.', ':'], "-")
    } else {
        backend.hostname.clone()
    }
}

/// Returns the name of an address, given its numbers the other way round, as `in-addr.arpa` has them.
fn pointer(scope: Scope<'_>, reversed: &str) -> Option<String> {
    let mut numbers: Vec<&str> = reversed.split('.').collect();
    numbers.reverse();
    let address: IpAddr = IpAddr::V4(numbers.join(".").parse().ok()?);
    let outside = || internet::by_address(address)?.names.first().map(|name| (*name).to_owned());
    let Scope::Cluster(topology) = scope else { return outside() };
    if let Some(service) = topology.service_at(address) {
        return Some(format!("{}.{}.svc.{DOMAIN}", service.name, service.namespace));
    }
    let mut services: Vec<&Service> = topology.services.values().collect();
    services.sort_unstable_by_key(|service| (&service.namespace, &service.name));
    services
        .into_iter()
        .find_map(|service| {
            let backend = every(service).find(|backend| backend.address == address)?;
            Some(format!("{}.{}.{}.svc.{DOMAIN}", host_of(&backend), service.name, service.namespace))
        })
        .or_else(outside)
}

impl Says {
    fn kind(&self) -> u16 {
        match self {
            Says::Address(_) => kind::A,
            Says::Alias(_) => kind::CNAME,
            Says::Pointer(_) => kind::PTR,
            Says::Place { .. } => kind::SRV,
            Says::Start => kind::SOA,
        }
    }
}
