//! NetworkPolicies, Ingresses and EndpointSlices, after `pkg/apis/networking/validation` and
//! `pkg/apis/discovery/validation`.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::Version;
use crate::api::{Cause, subdomain_fault};
use crate::fields::{list, text};

use super::{Faults, dns_1035, port_name, port_number, selector};

/// Checks a NetworkPolicy.
pub(super) fn policy(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let spec = &object["spec"];
    selector(&mut faults, &spec["podSelector"], "spec.podSelector");
    for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        for (index, rule) in list(spec, &format!("/{direction}")).iter().enumerate() {
            let path = format!("spec.{direction}[{index}]");
            for (at, port) in list(rule, "/ports").iter().enumerate() {
                policy_port(&mut faults, port, &format!("{path}.ports[{at}]"));
            }
            for (at, peer) in list(rule, &format!("/{peers}")).iter().enumerate() {
                policy_peer(&mut faults, peer, &format!("{path}.{peers}[{at}]"));
            }
        }
    }
    let types = list(spec, "/policyTypes");
    if types.len() > 2 {
        let shown: Vec<String> = types.iter().map(Value::to_string).collect();
        let shown = match version {
            Version::V1_34 => json!(types).to_string(),
            Version::V1_20 | Version::V1_24 => format!("[]networking.PolicyType{{{}}}", shown.join(", ")),
        };
        faults.invalid_shown("spec.policyTypes", &shown, "may not specify more than two policyTypes");
        return faults.causes;
    }
    for (index, kind) in types.iter().enumerate() {
        if !matches!(kind.as_str(), Some("Ingress" | "Egress")) {
            faults.unsupported(&format!("spec.policyTypes[{index}]"), kind, &["Egress", "Ingress"]);
        }
    }
    faults.causes
}

fn policy_port(faults: &mut Faults, port: &Value, path: &str) {
    let protocol = text(port, "/protocol");
    if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
        let supported: &[&str] = match faults.version {
            Version::V1_34 => &["SCTP", "TCP", "UDP"],
            Version::V1_20 | Version::V1_24 => &["TCP", "UDP", "SCTP"],
        };
        faults.unsupported(&format!("{path}.protocol"), &json!(protocol), supported);
    }
    let field = format!("{path}.port");
    match &port["port"] {
        Value::Null => {}
        Value::String(name) => port_name(faults, &field, name),
        number => port_number(faults, &field, number),
    }
    let end = &port["endPort"];
    if let Some(last) = end.as_i64() {
        let field = format!("{path}.endPort");
        match port["port"].as_i64() {
            Some(first) if last < first => faults.invalid(&field, end, "must be greater than or equal to `port`"),
            Some(_) => port_number(faults, &field, end),
            None if port["port"].is_null() => {
                faults.required(&format!("{path}.port"), "must be specified when `endPort` is specified");
            }
            None => faults.invalid(&field, end, "may not be specified when `port` is non-numeric"),
        }
    }
}

fn policy_peer(faults: &mut Faults, peer: &Value, path: &str) {
    let mut peers = 0;
    for field in ["podSelector", "namespaceSelector"] {
        if peer[field].is_object() {
            peers += 1;
            selector(faults, &peer[field], &format!("{path}.{field}"));
        }
    }
    if peer["ipBlock"].is_object() {
        block(faults, &peer["ipBlock"], &format!("{path}.ipBlock"));
        if peers > 0 {
            faults.forbidden(path, "may not specify both ipBlock and another peer");
        }
        peers += 1;
    }
    if peers == 0 {
        faults.required(path, "must specify a peer");
    }
}

fn block(faults: &mut Faults, block: &Value, path: &str) {
    let field = format!("{path}.cidr");
    let cidr = text(block, "/cidr");
    if cidr.is_empty() {
        faults.required(&field, "");
        return;
    }
    let detail = match faults.version {
        Version::V1_20 | Version::V1_24 => "not a valid CIDR",
        Version::V1_34 => "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
    };
    let Some(whole) = parse(cidr) else {
        faults.invalid(&field, &json!(cidr), detail);
        return;
    };
    for (index, except) in list(block, "/except").iter().enumerate() {
        let field = format!("{path}.except[{index}]");
        match parse(except.as_str().unwrap_or_default()) {
            None => faults.invalid(&field, except, detail),
            Some(part) if !is_strict_part(part, whole) => {
                faults.invalid(&field, except, "must be a strict subset of `cidr`");
            }
            Some(_) => {}
        }
    }
}

/// Parses a CIDR into its bits, left-aligned, and the length of its prefix.
fn parse(cidr: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = cidr.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let length: u8 = length.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    (length <= most).then_some((address, length))
}

fn is_strict_part((part, longer): (IpAddr, u8), (whole, shorter): (IpAddr, u8)) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(shorter)).unwrap_or_default();
    part.is_ipv4() == whole.is_ipv4() && longer > shorter && bits(part) & mask == bits(whole) & mask
}

/// Checks an Ingress.
pub(super) fn ingress(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let spec = &object["spec"];
    if list(spec, "/rules").is_empty() && spec["defaultBackend"].is_null() {
        let shown = match version {
            Version::V1_20 | Version::V1_24 => "[]networking.IngressRule(nil)",
            Version::V1_34 => "null",
        };
        faults.invalid_shown("spec", shown, "either `defaultBackend` or `rules` must be specified");
    }
    if !spec["defaultBackend"].is_null() {
        backend(&mut faults, &spec["defaultBackend"], "spec.defaultBackend");
    }
    for (index, rule) in list(spec, "/rules").iter().enumerate() {
        let path = format!("spec.rules[{index}]");
        let host = text(rule, "/host");
        if !host.is_empty() {
            host_name(&mut faults, host, &format!("{path}.host"));
        }
        if !rule["http"].is_object() {
            continue;
        }
        let paths = list(rule, "/http/paths");
        if paths.is_empty() {
            faults.required(&format!("{path}.http.paths"), "");
        }
        for (at, one) in paths.iter().enumerate() {
            http_path(&mut faults, one, &format!("{path}.http.paths[{at}]"));
        }
    }
    for (index, tls) in list(spec, "/tls").iter().enumerate() {
        for (at, host) in list(tls, "/hosts").iter().enumerate() {
            let field = format!("spec.tls[{index}].hosts[{at}]");
            let host = host.as_str().unwrap_or_default();
            let plain = host.strip_prefix("*.").unwrap_or(host);
            if let Some(fault) = subdomain_fault(plain) {
                faults.invalid(&field, &json!(host), fault);
            }
        }
    }
    let class = text(spec, "/ingressClassName");
    if !class.is_empty()
        && let Some(fault) = subdomain_fault(class)
    {
        faults.invalid("spec.ingressClassName", &json!(class), fault);
    }
    faults.causes
}

fn host_name(faults: &mut Faults, host: &str, field: &str) {
    if host.parse::<IpAddr>().is_ok() {
        faults.invalid(field, &json!(host), "must be a DNS name, not an IP address");
        return;
    }
    let plain = host.strip_prefix("*.").unwrap_or(host);
    if let Some(fault) = subdomain_fault(plain) {
        faults.invalid(field, &json!(host), fault);
    }
}

fn http_path(faults: &mut Faults, path: &Value, at: &str) {
    let value = text(path, "/path");
    let field = format!("{at}.path");
    match text(path, "/pathType") {
        "" => {
            faults.required(&format!("{at}.pathType"), "pathType must be specified");
            return;
        }
        "Exact" | "Prefix" => {
            if !value.starts_with('/') {
                faults.invalid(&field, &json!(value), "must be an absolute path");
            }
            for wrong in ["//", "/./", "/../", "%2f", "%2F"] {
                if value.contains(wrong) {
                    faults.invalid(&field, &json!(value), &format!("must not contain '{wrong}'"));
                }
            }
        }
        "ImplementationSpecific" => {
            if !value.is_empty() && !value.starts_with('/') {
                faults.invalid(&field, &json!(value), "must be an absolute path");
            }
        }
        other => {
            let supported = ["Exact", "ImplementationSpecific", "Prefix"];
            faults.unsupported(&format!("{at}.pathType"), &json!(other), &supported);
        }
    }
    backend(faults, &path["backend"], &format!("{at}.backend"));
}

fn backend(faults: &mut Faults, backend: &Value, path: &str) {
    let service = &backend["service"];
    match (service.is_object(), backend["resource"].is_object()) {
        (true, true) => faults.invalid(path, &json!(""), "cannot set both resource and service backends"),
        (false, true) => {}
        (false, false) => faults.invalid(path, &json!(""), "resource or service backend is required"),
        (true, false) => {
            let name = text(service, "/name");
            if name.is_empty() {
                faults.required(&format!("{path}.service.name"), "");
            } else {
                dns_1035(faults, &format!("{path}.service.name"), name);
            }
            let port = &service["port"];
            let number = port["number"].as_i64().unwrap_or_default();
            let field = format!("{path}.service.port");
            match (text(port, "/name"), number) {
                ("", 0) => faults.required(path, "port name or number is required"),
                ("", _) => port_number(faults, &format!("{field}.number"), &port["number"]),
                (name, 0) => port_name(faults, &format!("{field}.name"), name),
                _ => faults.invalid(path, &json!(""), "cannot set both port name & port number"),
            }
        }
    }
}

/// Checks Endpoints.
pub(super) fn endpoints(object: &Value, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    for (index, subset) in list(object, "/subsets").iter().enumerate() {
        let path = format!("subsets[{index}]");
        if list(subset, "/addresses").is_empty() && list(subset, "/notReadyAddresses").is_empty() {
            faults.required(&path, "must specify `addresses` or `notReadyAddresses`");
        }
        for kind in ["addresses", "notReadyAddresses"] {
            for (at, address) in list(subset, &format!("/{kind}")).iter().enumerate() {
                // The sandbox itself listens on loopback.
                if text(object, "/metadata/name") == "kubernetes" {
                    continue;
                }
                endpoint_address(&mut faults, text(address, "/ip"), &format!("{path}.{kind}[{at}].ip"));
            }
        }
        let ports = list(subset, "/ports");
        for (at, port) in ports.iter().enumerate() {
            let path = format!("{path}.ports[{at}]");
            let name = text(port, "/name");
            if name.is_empty() && ports.len() > 1 {
                faults.required(&format!("{path}.name"), "");
            } else if !name.is_empty() {
                super::dns_label(&mut faults, &format!("{path}.name"), name);
            }
            port_number(&mut faults, &format!("{path}.port"), &port["port"]);
        }
    }
    faults.causes
}

fn endpoint_address(faults: &mut Faults, address: &str, field: &str) {
    let value = json!(address);
    let Ok(parsed) = address.parse::<IpAddr>() else {
        faults.invalid(field, &value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        if faults.version == Version::V1_20 {
            faults.invalid(field, &value, "must be a valid IP address");
        }
        return;
    };
    if parsed.is_unspecified() {
        faults.invalid(field, &value, "may not be unspecified (0.0.0.0 or ::)");
    }
    if parsed.is_loopback() {
        let detail = match faults.version {
            Version::V1_20 => "may not be in the loopback range (127.0.0.0/8)",
            Version::V1_24 | Version::V1_34 => "may not be in the loopback range (127.0.0.0/8, ::1/128)",
        };
        faults.invalid(field, &value, detail);
    }
}

/// Checks an EndpointSlice.
pub(super) fn slice(object: &Value, old: Option<&Value>, version: Version) -> Vec<Cause> {
    let mut faults = Faults::new(version);
    let kind = text(object, "/addressType");
    if kind.is_empty() {
        faults.required("addressType", "");
    } else if !matches!(kind, "FQDN" | "IPv4" | "IPv6") {
        faults.unsupported("addressType", &json!(kind), &["FQDN", "IPv4", "IPv6"]);
    }
    for (index, endpoint) in list(object, "/endpoints").iter().enumerate() {
        let addresses = list(endpoint, "/addresses");
        let field = format!("endpoints[{index}].addresses");
        if addresses.is_empty() {
            faults.required(&field, "must contain at least 1 address");
        }
        for (at, address) in addresses.iter().enumerate() {
            let given = address.as_str().unwrap_or_default();
            let fits = match kind {
                "IPv4" => given.parse::<std::net::Ipv4Addr>().is_ok(),
                "IPv6" => given.parse::<std::net::Ipv6Addr>().is_ok(),
                _ => true,
            };
            if !fits {
                let detail = format!("must be a valid {kind} address");
                faults.invalid(&format!("{field}[{at}]"), address, &detail);
            }
        }
    }
    if old.is_some_and(|old| old["addressType"] != object["addressType"]) {
        faults.invalid("addressType", &object["addressType"], "field is immutable");
    }
    faults.causes
}
