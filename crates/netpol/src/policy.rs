//! Policies, as plain data with their defaults filled in.

use serde_json::Value;

use crate::block::Block;
use crate::labels::Selector;

/// A NetworkPolicy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its Namespace: it concerns Pods of this Namespace only.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which Pods it concerns.
    pub pods: Selector,
    /// What may enter them; `None` where the policy does not speak of ingress. No rule means nothing may.
    pub ingress: Option<Vec<Rule>>,
    /// What may leave them; `None` where the policy does not speak of egress. No rule means nothing may.
    pub egress: Option<Vec<Rule>>,
}

/// One rule: flows with one of the peers on one of the ports are allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// The peers; none means everybody, also outside of the cluster.
    pub peers: Vec<Peer>,
    /// The ports; none means all ports of all protocols.
    pub ports: Vec<PortRule>,
}

/// Who the other end may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Pods.
    Pods {
        /// Of which Namespaces; `None` means the policy's own.
        namespaces: Option<Selector>,
        /// Which of them; `None` means all.
        pods: Option<Selector>,
    },
    /// Addresses.
    Block(Block),
}

/// Which ports of one protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PortRule {
    /// The protocol.
    pub protocol: Protocol,
    /// The ports.
    pub ports: Ports,
}

/// Ports of the destination, as its containers have them (after Services).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ports {
    /// All of them.
    All,
    /// Those from the first to the last, both included.
    Range(u16, u16),
    /// The one that the destination Pod calls so.
    Named(String),
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// A part of a policy that cannot be understood. The API refuses such policies; files may have them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid value at {field}")]
pub struct PolicyError {
    /// The path of the field: `spec.ingress[0].from[1].ipBlock.cidr`.
    pub field: String,
}

impl PolicyError {
    pub(crate) fn at(field: impl Into<String>) -> PolicyError {
        PolicyError { field: field.into() }
    }
}

impl Protocol {
    /// Reads `TCP`, `UDP` or `SCTP`.
    pub(crate) fn read(value: &Value) -> Option<Protocol> {
        match value.as_str()? {
            "TCP" => Some(Protocol::Tcp),
            "UDP" => Some(Protocol::Udp),
            "SCTP" => Some(Protocol::Sctp),
            _ => None,
        }
    }
}

/// Returns the elements of a list; `null` and nothing are an empty one.
fn items<'a>(value: &'a Value, field: &str) -> Result<&'a [Value], PolicyError> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        _ => Err(PolicyError::at(field)),
    }
}

impl Policy {
    /// Reads a policy, defaulted or not: without `policyTypes` it speaks of ingress, and of egress if it has egress
    /// rules; `[]`, `null` and absent lists are the same.
    pub fn from_object(object: &Value) -> Result<Policy, PolicyError> {
        let spec = &object["spec"];
        let ingress = rules(&spec["ingress"], "spec.ingress", "from")?;
        let egress = rules(&spec["egress"], "spec.egress", "to")?;
        let (mut has_ingress, mut has_egress) = (true, !egress.is_empty());
        let types = items(&spec["policyTypes"], "spec.policyTypes")?;
        if !types.is_empty() {
            (has_ingress, has_egress) = (false, false);
            for (index, kind) in types.iter().enumerate() {
                match kind.as_str() {
                    Some("Ingress") => has_ingress = true,
                    Some("Egress") => has_egress = true,
                    Some(_) | None => return Err(PolicyError::at(format!("spec.policyTypes[{index}]"))),
                }
            }
        }
        Ok(Policy {
            namespace: object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned(),
            name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            pods: Selector::from_object(&spec["podSelector"], "spec.podSelector")?,
            ingress: has_ingress.then_some(ingress),
            egress: has_egress.then_some(egress),
        })
    }
}

fn rules(value: &Value, field: &str, side: &str) -> Result<Vec<Rule>, PolicyError> {
    let mut rules = Vec::new();
    for (index, rule) in items(value, field)?.iter().enumerate() {
        let mut read = Rule::default();
        let path = format!("{field}[{index}].{side}");
        for (index, peer) in items(&rule[side], &path)?.iter().enumerate() {
            read.peers.push(self::peer(peer, &format!("{path}[{index}]"))?);
        }
        let path = format!("{field}[{index}].ports");
        for (index, port) in items(&rule["ports"], &path)?.iter().enumerate() {
            read.ports.push(self::port(port, &format!("{path}[{index}]"))?);
        }
        rules.push(read);
    }
    Ok(rules)
}

fn peer(peer: &Value, field: &str) -> Result<Peer, PolicyError> {
    let selector = |key: &str| match &peer[key] {
        Value::Null => Ok(None),
        selector => Selector::from_object(selector, &format!("{field}.{key}")).map(Some),
    };
    let (namespaces, pods) = (selector("namespaceSelector")?, selector("podSelector")?);
    let block = &peer["ipBlock"];
    match (block.is_null(), namespaces.is_none() && pods.is_none()) {
        (true, false) => Ok(Peer::Pods { namespaces, pods }),
        (false, true) => {
            let path = format!("{field}.ipBlock.cidr");
            let cidr = block["cidr"].as_str().and_then(|cidr| cidr.parse().ok()).ok_or(PolicyError { field: path })?;
            let path = format!("{field}.ipBlock.except");
            let except = items(&block["except"], &path)?.iter().enumerate().map(|(index, except)| {
                let range = except.as_str().and_then(|except| except.parse().ok());
                range.ok_or_else(|| PolicyError::at(format!("{path}[{index}]")))
            });
            Ok(Peer::Block(Block { cidr, except: except.collect::<Result<_, _>>()? }))
        }
        (true, true) | (false, false) => Err(PolicyError::at(field)),
    }
}

fn port(port: &Value, field: &str) -> Result<PortRule, PolicyError> {
    let protocol = match &port["protocol"] {
        Value::Null => Protocol::Tcp,
        protocol => Protocol::read(protocol).ok_or_else(|| PolicyError::at(format!("{field}.protocol")))?,
    };
    let number = |key: &str| -> Result<u16, PolicyError> {
        let number = port[key].as_u64().and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0);
        number.ok_or_else(|| PolicyError::at(format!("{field}.{key}")))
    };
    let last = (!port["endPort"].is_null()).then(|| number("endPort")).transpose()?;
    let ports = match (&port["port"], last) {
        (Value::Null, None) => Ports::All,
        (Value::String(name), None) if !name.is_empty() => Ports::Named(name.clone()),
        (Value::Number(_), last) => {
            let first = number("port")?;
            let last = last.unwrap_or(first);
            if last < first {
                return Err(PolicyError::at(format!("{field}.endPort")));
            }
            Ports::Range(first, last)
        }
        (_, Some(_)) => return Err(PolicyError::at(format!("{field}.endPort"))),
        (_, None) => return Err(PolicyError::at(format!("{field}.port"))),
    };
    Ok(PortRule { protocol, ports })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(spec: Value) -> Result<Policy, String> {
        let object = json!({"metadata": {"name": "p", "namespace": "app"}, "spec": spec});
        Policy::from_object(&object).map_err(|error| error.field)
    }

    fn directions(spec: Value) -> (Option<usize>, Option<usize>) {
        let policy = read(spec).unwrap();
        (policy.ingress.map(|rules| rules.len()), policy.egress.map(|rules| rules.len()))
    }

    #[test]
    fn policy_types_are_defaulted_as_the_api_does() {
        assert_eq!(directions(json!({"podSelector": {}})), (Some(0), None));
        assert_eq!(directions(json!({"podSelector": {}, "egress": [{}]})), (Some(0), Some(1)));
        assert_eq!(directions(json!({"podSelector": {}, "egress": []})), (Some(0), None));
        assert_eq!(directions(json!({"podSelector": {}, "egress": null, "policyTypes": []})), (Some(0), None));
        assert_eq!(directions(json!({"podSelector": {}, "policyTypes": ["Egress"]})), (None, Some(0)));
        assert_eq!(directions(json!({"ingress": [{}], "policyTypes": ["Egress"]})), (None, Some(0)));
        assert_eq!(directions(json!({"policyTypes": ["Ingress", "Egress"]})), (Some(0), Some(0)));
    }

    #[test]
    fn what_cannot_be_understood_is_named_by_its_path() {
        let check = |spec: Value, field: &str| assert_eq!(read(spec).unwrap_err(), field);
        check(json!({"policyTypes": ["ingress"]}), "spec.policyTypes[0]");
        check(json!({"ingress": [{"from": [{}]}]}), "spec.ingress[0].from[0]");
        check(
            json!({"ingress": [{"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}]}),
            "spec.ingress[0].from[0]",
        );
        check(
            json!({"egress": [{}, {"to": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]}),
            "spec.egress[1].to[0].ipBlock.cidr",
        );
        check(
            json!({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["x"]}}]}]}),
            "spec.egress[0].to[0].ipBlock.except[0]",
        );
        check(json!({"ingress": [{"ports": [{"port": 0}]}]}), "spec.ingress[0].ports[0].port");
        check(json!({"ingress": [{"ports": [{"port": 70000}]}]}), "spec.ingress[0].ports[0].port");
        check(json!({"ingress": [{"ports": [{"port": "http", "endPort": 90}]}]}), "spec.ingress[0].ports[0].endPort");
        check(json!({"ingress": [{"ports": [{"port": 80, "endPort": 79}]}]}), "spec.ingress[0].ports[0].endPort");
        check(json!({"ingress": [{"ports": [{"protocol": "tcp"}]}]}), "spec.ingress[0].ports[0].protocol");
        check(
            json!({"podSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}),
            "spec.podSelector.matchExpressions[0].operator",
        );
        check(
            json!({"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}}),
            "spec.podSelector.matchExpressions[0].values",
        );
        check(json!({"ingress": {}}), "spec.ingress");
    }

    #[test]
    fn rules_have_their_defaults() {
        let policy = read(json!({"ingress": [
            {"from": null, "ports": [{"port": 80}, {"protocol": "UDP"}, {"port": "dns", "protocol": "UDP"}, {"port": 1, "endPort": 9}]},
            {"from": [{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {}}]},
        ]}));
        let rules = policy.unwrap().ingress.unwrap();
        let tcp = |ports| PortRule { protocol: Protocol::Tcp, ports };
        let udp = |ports| PortRule { protocol: Protocol::Udp, ports };
        assert_eq!(rules[0].peers, []);
        assert_eq!(
            rules[0].ports,
            [tcp(Ports::Range(80, 80)), udp(Ports::All), udp(Ports::Named("dns".to_owned())), tcp(Ports::Range(1, 9))]
        );
        assert!(matches!(&rules[1].peers[0], Peer::Pods { namespaces: None, pods: Some(pods) } if pods.is_empty()));
        assert!(matches!(&rules[1].peers[1], Peer::Pods { namespaces: Some(some), pods: Some(_) } if !some.is_empty()));
    }
}
