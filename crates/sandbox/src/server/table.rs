//! Tables: what `kubectl get` prints. The columns and cells are the real server's.

use serde_json::{Value, json};

use super::{Front, objects::metadata_only};
use crate::Version;
use crate::resources::Resource;

mod age;
mod cluster;
mod config;
mod pod;
mod workload;

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
    let resource = resource.hub();
    let context = Context { now: front.api.clock().now(), version: front.version };
    let columns: Vec<Value> = columns(context, resource)
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
            let mut row = json!({ "cells": cells(context, resource, object) });
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
        ("", "limitranges") => vec![name(), text("Created At")],
        ("", "resourcequotas") => config::quota_columns(context),
        _ => vec![name(), text("Created At")],
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
        _ => vec![name, object["metadata"]["creationTimestamp"].clone()],
    }
}

/// Returns a string, or `<none>`.
fn or_none(text: &str) -> Value {
    if text.is_empty() { "<none>".into() } else { text.into() }
}
