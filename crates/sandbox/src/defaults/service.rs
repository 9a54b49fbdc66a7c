//! Defaults of Services. Addresses and node ports are given by [`allocate`], which needs to know the others.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::Version;
use crate::fields::{as_map, default_to, list, list_mut, map_at, number, text};

use super::map_at_value;

/// Fills a Service.
pub(crate) fn fill(service: &mut Value, version: Version) {
    default_to(map_at(service, "status"), "loadBalancer", json!({}));
    let spec = map_at_value(service, "spec");
    let map = as_map(spec);
    default_to(map, "sessionAffinity", "None");
    default_to(map, "type", "ClusterIP");
    let kind = text(spec, "/type").to_owned();
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        default_to(as_map(spec), "externalTrafficPolicy", "Cluster");
    }
    if kind != "ExternalName" && version != Version::V1_20 {
        default_to(as_map(spec), "internalTrafficPolicy", "Cluster");
    }
    for port in list_mut(spec, "/ports") {
        let map = as_map(port);
        default_to(map, "protocol", "TCP");
        if let Some(number) = map.get("port").cloned() {
            default_to(map, "targetPort", number);
        }
    }
}

/// Gives addresses and node ports to a Service that has none; `others` are the Services that exist.
pub(crate) fn allocate<'a>(service: &mut Value, others: impl Iterator<Item = &'a Value>, version: Version) {
    let kind = text(service, "/spec/type").to_owned();
    if kind == "ExternalName" {
        return;
    }
    let (mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for other in others {
        addresses.insert(text(other, "/spec/clusterIP").to_owned());
        ports.extend(list(other, "/spec/ports").iter().filter_map(|port| number(port, "/nodePort")));
    }
    let spec = map_at_value(service, "spec");
    if text(spec, "/clusterIP").is_empty() {
        let free = (2..65_000_u32)
            .map(|index| format!("10.96.{}.{}", index / 250, index % 250 + 1))
            .find(|address| !addresses.contains(address));
        if let Some(address) = free {
            as_map(spec).insert("clusterIP".to_owned(), Value::from(address));
        }
    }
    let address = text(spec, "/clusterIP").to_owned();
    default_to(as_map(spec), "clusterIPs", json!([address]));
    if version != Version::V1_20 {
        default_to(as_map(spec), "ipFamilies", json!(["IPv4"]));
        default_to(as_map(spec), "ipFamilyPolicy", "SingleStack");
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        let mut candidates = (30_000..32_768_i64).filter(|port| !ports.contains(port));
        for port in list_mut(spec, "/ports") {
            if number(port, "/nodePort").unwrap_or_default() == 0
                && let Some(free) = candidates.next()
            {
                as_map(port).insert("nodePort".to_owned(), Value::from(free));
            }
        }
    }
}
