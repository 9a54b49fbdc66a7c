//! Tables: what `kubectl get` prints. The columns and cells are the real server's.

use serde_json::{Value, json};

use super::{Front, objects::metadata_only};
use crate::Version;
use crate::resources::Resource;

mod age;
mod cluster;
mod config;
mod custom;
mod pod;
mod policies;
mod sets;
mod workload;

const RBAC: &str = "rbac.authorization.k8s.io";

/// What a row carries of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Include {
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
    /// Nothing.
    Nothing,
}

/// A column.
struct Column {
    name: &'static str,
    kind: &'static str,
    format: &'static str,
    /// 0 is always shown, 1 with `-o wide`.
    priority: u8,
}

/// What the cells of all rows depend on.
#[derive(Clone, Copy)]
struct Context {
    now: jiff::Timestamp,
    version: Version,
}

const fn name() -> Column {
    Column { name: "Name", kind: "string", format: "name", priority: 0 }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: "string", format: "", priority: 0 }
}

const fn number(name: &'static str) -> Column {
    Column { name, kind: "integer", format: "", priority: 0 }
}

const fn boolean(name: &'static str) -> Column {
    Column { name, kind: "boolean", format: "", priority: 0 }
}

const fn date(name: &'static str) -> Column {
    Column { name, kind: "date", format: "", priority: 0 }
}

const fn wide(name: &'static str) -> Column {
    Column { name, kind: "string", format: "", priority: 1 }
}

/// Returns objects as a `meta.k8s.io/v1` Table.
pub(super) fn render(
    front: &Front,
    resource: &'static Resource,
    objects: &[&Value],
    metadata: Value,
    include: Include,
) -> Value {
    // Rows are made of the stored form.
    let asked = resource;
    let resource = resource.hub();
    let context = Context { now: front.api.clock().now(), version: front.version };
    let served = front.api.served();
    let definition = served.custom.iter().find(|definition| std::ptr::eq(definition.resource, asked));
    let columns: Vec<Value> = definition
        .map_or_else(|| columns(context, resource), custom::columns)
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": column.kind, "format": column.format, "description": "",
                "priority": column.priority,
            })
        })
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells = match definition {
                Some(definition) => custom::cells(context, definition, object),
                None => cells(context, resource, object),
            };
            let mut row = json!({ "cells": cells });
            match include {
                Include::Metadata => row["object"] = metadata_only(object),
                Include::Object => row["object"] = (*object).clone(),
                Include::Nothing => {}
            }
            let conditions = pod::row_conditions(resource, object);
            if !conditions.is_null() {
                row["conditions"] = conditions;
            }
            row
        })
        .collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns, "rows": rows,
    })
}

fn columns(context: Context, resource: &Resource) -> Vec<Column> {
    match (resource.group, resource.plural) {
        ("", "pods") => pod::columns(),
        ("apps", "deployments") => workload::deployment_columns(),
        ("apps", "replicasets") => workload::replica_set_columns(),
        ("", "services") => workload::service_columns(),
        ("", "endpoints") => vec![name(), text("Endpoints"), text("Age")],
        ("discovery.k8s.io", "endpointslices") => {
            vec![name(), text("AddressType"), text("Ports"), text("Endpoints"), text("Age")]
        }
        ("", "nodes") => cluster::node_columns(),
        ("", "namespaces") => vec![name(), text("Status"), text("Age")],
        ("", "events") => cluster::event_columns(),
        ("coordination.k8s.io", "leases") => vec![name(), text("Holder"), text("Age")],
        ("scheduling.k8s.io", "priorityclasses") => {
            vec![name(), number("Value"), text("Global-Default"), text("Age")]
        }
        ("", "configmaps") => vec![name(), text("Data"), text("Age")],
        ("", "secrets") => vec![name(), text("Type"), number("Data"), text("Age")],
        ("", "serviceaccounts") => vec![name(), number("Secrets"), text("Age")],
        ("", "resourcequotas") => config::quota_columns(context),
        ("apps", "daemonsets") => sets::daemon_set_columns(),
        ("apps", "statefulsets") => sets::stateful_set_columns(),
        ("apps", "controllerrevisions") => vec![name(), text("Controller"), text("Revision"), text("Age")],
        ("", "replicationcontrollers") => workload::replica_set_columns(),
        ("", "podtemplates") => vec![name(), text("Containers"), text("Images"), text("Pod Labels")],
        ("batch", "jobs") => sets::job_columns(context),
        ("batch", "cronjobs") => sets::cron_job_columns(context),
        (RBAC, "rolebindings" | "clusterrolebindings") => policies::binding_columns(),
        ("policy", "podsecuritypolicies") => policies::pod_security_columns(),
        ("policy", "poddisruptionbudgets") => policies::budget_columns(),
        ("autoscaling", "horizontalpodautoscalers") => policies::autoscaler_columns(),
        ("certificates.k8s.io", _) => policies::signing_request_columns(context),
        ("networking.k8s.io", "networkpolicies") => vec![name(), text("Pod-Selector"), text("Age")],
        ("networking.k8s.io", "ingresses") => policies::ingress_columns(),
        ("networking.k8s.io", "ingressclasses") => {
            vec![name(), text("Controller"), text("Parameters"), text("Age")]
        }
        ("apiregistration.k8s.io", _) => vec![name(), text("Service"), text("Available"), text("Age")],
        ("", "persistentvolumes") => policies::volume_columns(context),
        ("", "persistentvolumeclaims") => policies::claim_columns(context),
        ("storage.k8s.io", "storageclasses") => policies::storage_class_columns(),
        ("storage.k8s.io", "csinodes") => vec![name(), number("Drivers"), text("Age")],
        ("node.k8s.io", "runtimeclasses") => vec![name(), text("Handler"), text("Age")],
        ("admissionregistration.k8s.io", _) => vec![name(), number("Webhooks"), text("Age")],
        _ => vec![name(), date("Created At")],
    }
}

fn cells(context: Context, resource: &Resource, object: &Value) -> Vec<Value> {
    let name = object["metadata"]["name"].clone();
    let age = || age::since(context.now, &object["metadata"]["creationTimestamp"]);
    match (resource.group, resource.plural) {
        ("", "pods") => pod::cells(context, object),
        ("apps", "deployments") => workload::deployment_cells(context, object),
        ("apps", "replicasets") => workload::replica_set_cells(context, object),
        ("", "services") => workload::service_cells(context, object),
        ("", "endpoints") => vec![name, workload::endpoints_cell(object), age()],
        ("discovery.k8s.io", "endpointslices") => workload::slice_cells(context, object),
        ("", "nodes") => cluster::node_cells(context, object),
        ("", "namespaces") => vec![name, object["status"]["phase"].clone(), age()],
        ("", "events") => cluster::event_cells(context, object),
        ("coordination.k8s.io", "leases") => vec![name, object["spec"]["holderIdentity"].clone(), age()],
        ("scheduling.k8s.io", "priorityclasses") => {
            let is_default = object["globalDefault"].as_bool().unwrap_or_default();
            vec![name, object["value"].clone(), is_default.to_string().into(), age()]
        }
        ("", "configmaps") => {
            vec![name, (config::count(&object["data"]) + config::count(&object["binaryData"])).into(), age()]
        }
        ("", "secrets") => vec![name, object["type"].clone(), config::count(&object["data"]).into(), age()],
        ("", "serviceaccounts") => {
            vec![name, object["secrets"].as_array().map_or(0, Vec::len).into(), age()]
        }
        ("", "resourcequotas") => config::quota_cells(context, object),
        ("apps", "daemonsets") => sets::daemon_set_cells(context, object),
        ("apps", "statefulsets") => sets::stateful_set_cells(context, object),
        ("apps", "controllerrevisions") => sets::revision_cells(context, object),
        ("", "replicationcontrollers") => sets::replication_controller_cells(context, object),
        ("", "podtemplates") => sets::pod_template_cells(object),
        ("batch", "jobs") => sets::job_cells(context, object),
        ("batch", "cronjobs") => sets::cron_job_cells(context, object),
        (RBAC, "rolebindings" | "clusterrolebindings") => policies::binding_cells(context, object),
        ("policy", "podsecuritypolicies") => policies::pod_security_cells(object),
        ("policy", "poddisruptionbudgets") => policies::budget_cells(context, object),
        ("autoscaling", "horizontalpodautoscalers") => policies::autoscaler_cells(context, object),
        ("certificates.k8s.io", _) => policies::signing_request_cells(context, object),
        ("networking.k8s.io", "networkpolicies") => policies::network_policy_cells(context, object),
        ("networking.k8s.io", "ingresses") => policies::ingress_cells(context, object),
        ("networking.k8s.io", "ingressclasses") => policies::ingress_class_cells(context, object),
        ("apiregistration.k8s.io", _) => policies::api_service_cells(context, object),
        ("", "persistentvolumes") => policies::volume_cells(context, object),
        ("", "persistentvolumeclaims") => policies::claim_cells(context, object),
        ("storage.k8s.io", "storageclasses") => policies::storage_class_cells(context, object),
        ("storage.k8s.io", "csinodes") => {
            vec![name, object["spec"]["drivers"].as_array().map_or(0, Vec::len).into(), age()]
        }
        ("node.k8s.io", "runtimeclasses") => vec![name, object["handler"].clone(), age()],
        ("admissionregistration.k8s.io", _) => {
            vec![name, object["webhooks"].as_array().map_or(0, Vec::len).into(), age()]
        }
        _ => vec![name, object["metadata"]["creationTimestamp"].clone()],
    }
}

/// Returns a string, or `<none>`.
fn or_none(text: &str) -> Value {
    if text.is_empty() { "<none>".into() } else { text.into() }
}
