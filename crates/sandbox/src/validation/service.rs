//! Services.

use serde_json::{Value, json};

use crate::Version;
use crate::api::Cause;
use crate::fields::{list, text};

use super::{Faults, dns_label, port_name, port_number};

/// Checks a Service.
pub(super) fn service(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let mut faults = Faults::new(Version::V1_34);
    let ports = list(object, "/spec/ports");
    let kind = text(object, "/spec/type");
    if ports.is_empty() && kind != "ExternalName" && text(object, "/spec/clusterIP") != "None" {
        faults.required("spec.ports", "");
    }
    let mut names: Vec<&str> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let field = format!("spec.ports[{index}]");
        let name = text(port, "/name");
        if name.is_empty() {
            if ports.len() > 1 {
                faults.required(&format!("{field}.name"), "");
            }
        } else {
            dns_label(&mut faults, &format!("{field}.name"), name);
            if names.contains(&name) {
                faults.duplicate(&format!("{field}.name"), &json!(name));
            }
            names.push(name);
        }
        port_number(&mut faults, &format!("{field}.port"), port.get("port").unwrap_or(&json!(0)));
        faults.one_of(port, "/protocol", &format!("{field}.protocol"), &["SCTP", "TCP", "UDP"]);
        let target = format!("{field}.targetPort");
        match port.get("targetPort") {
            Some(Value::String(word)) => port_name(&mut faults, &target, word),
            Some(number) => port_number(&mut faults, &target, number),
            None => {}
        }
        if let Some(node_port) = port.get("nodePort").and_then(Value::as_i64).filter(|port| *port != 0)
            && !(30_000..=32_767).contains(&node_port)
        {
            let detail = "provided port is not in the valid range. The range of valid ports is 30000-32767";
            faults.invalid(&format!("{field}.nodePort"), &json!(node_port), detail);
        }
    }
    faults.labels(object, "/spec/selector", "spec.selector");
    faults.one_of(object, "/spec/sessionAffinity", "spec.sessionAffinity", &["ClientIP", "None"]);
    faults.one_of(object, "/spec/type", "spec.type", &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    if kind == "ExternalName" && text(object, "/spec/externalName").is_empty() {
        faults.required("spec.externalName", "");
    }
    let (before, now) = (old.map_or("", |old| text(old, "/spec/clusterIP")), text(object, "/spec/clusterIP"));
    if !before.is_empty() && !now.is_empty() && before != now {
        faults.invalid("spec.clusterIPs[0]", &json!([now]), "may not change once set");
    }
    faults.causes
}
