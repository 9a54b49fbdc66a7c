//! What the server and the configuration are: `version`, `cluster-info`, `config`, `api-resources`, `top`, `events`.

use serde_json::{Value, json};

use super::api::{self, Api};
use super::describe::last_seen;
use super::flags::{Flag, Given, switch, value};
use super::get::{Query, fetch};
use super::resource::{Resource, Target, discover, resolve};
use super::shape::{cell_text, text};
use super::trouble::Trouble;
use super::{amount, tabular, yaml};
use crate::output;

/// The flags of `version`.
pub(crate) const VERSION_FLAGS: &[Flag] = &[switch("client", None), switch("short", None), value("output", Some('o'))];
/// The flags of `config`.
pub(crate) const CONFIG_FLAGS: &[Flag] = &[
    switch("minify", None),
    switch("raw", None),
    switch("flatten", None),
    value("output", Some('o')),
    switch("no-headers", None),
];
/// The flags of `api-resources`.
pub(crate) const RESOURCES_FLAGS: &[Flag] = &[
    value("api-group", None),
    value("namespaced", None),
    value("output", Some('o')),
    switch("no-headers", None),
    value("verbs", None),
    value("sort-by", None),
];
/// The flags of `top`.
pub(crate) const TOP_FLAGS: &[Flag] =
    &[switch("all-namespaces", Some('A')), value("selector", Some('l')), switch("no-headers", None)];
/// The flags of `events`.
pub(crate) const EVENTS_FLAGS: &[Flag] =
    &[switch("all-namespaces", Some('A')), value("for", None), value("types", None), switch("no-headers", None)];
/// The flags of `cluster-info`.
pub(crate) const NO_FLAGS: &[Flag] = &[];

/// Prints the versions; the stand-in says what it is.
///
/// # Errors
///
/// The server does not answer.
pub(crate) async fn version(given: &Given) -> Result<(), Trouble> {
    let ours = format!("v{}+atelier", env!("CARGO_PKG_VERSION"));
    let server = if given.is_on("client") { None } else { Some(Api::open(given).await?.get("/version").await?) };
    let document = || {
        let mut document = json!({ "clientVersion": { "gitVersion": ours } });
        if let Some(server) = &server {
            document["serverVersion"] = server.clone();
        }
        document
    };
    match given.value("output") {
        Some("json") => output::print(&super::shape::Shape::Json.print(&[document()], super::shape::One::Object)),
        Some("yaml") => output::print(&yaml::write(&document())),
        Some(other) => return Err(Trouble::error(format!("--output must be 'yaml' or 'json', not {other:?}"))),
        None => {
            output::print(&format!("Client Version: {ours}\n"));
            if let Some(server) = &server {
                output::print(&format!("Server Version: {}\n", api::visible(text(server, "/gitVersion"))));
            }
        }
    }
    Ok(())
}

/// Says where the control plane is.
///
/// # Errors
///
/// The server does not answer.
pub(crate) async fn cluster_info(api: &Api) -> Result<(), Trouble> {
    let query = Query {
        namespace: Some("kube-system".to_owned()),
        label: Some("kubernetes.io/cluster-service=true".to_owned()),
        field: None,
    };
    let services = fetch(api, &Target { resource: Resource::of("services"), name: None }, &query).await?;
    output::print(&format!("Kubernetes control plane is running at {}\n", api.server));
    for service in &services {
        let labels = service.pointer("/metadata/labels");
        let name = labels.and_then(|labels| labels.get("kubernetes.io/name")).and_then(Value::as_str);
        let own = text(service, "/metadata/name");
        let port = match text(service, "/spec/ports/0/name") {
            "" => String::new(),
            port => format!(":{port}"),
        };
        output::print(&api::visible(&format!(
            "{} is running at {}/api/v1/namespaces/kube-system/services/{own}{port}/proxy\n",
            name.unwrap_or(own),
            api.server
        )));
    }
    output::print("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n");
    Ok(())
}

/// Shows the configuration; never writes it.
///
/// # Errors
///
/// The word is unknown or would write, or the file does not read.
pub(crate) fn config(given: &Given) -> Result<(), Trouble> {
    let config = api::kubeconfig(given)?;
    let mut document = serde_json::to_value(&config)
        .map_err(|error| Trouble::error(format!("the kubeconfig cannot be shown: {error}")))?;
    let current = given.value("context").map(str::to_owned).or(config.current_context.clone()).unwrap_or_default();
    match given.words.first().map(String::as_str) {
        Some("view") => {
            if given.is_on("minify") {
                minify(&mut document, &current);
            }
            if !given.is_on("raw") {
                omit(&mut document);
            }
            drop_nulls(&mut document);
            document["apiVersion"] = json!("v1");
            document["kind"] = json!("Config");
            let shape = super::shape::Shape::read(given.value("output").or(Some("yaml")))?;
            output::print(&shape.print(&[document], super::shape::One::Object));
        }
        Some("current-context") if current.is_empty() => return Err(Trouble::error("current-context is not set")),
        Some("current-context") => output::print(&format!("{current}\n")),
        Some("get-contexts") => {
            let mut table = String::new();
            if given.value("output") != Some("name") && !given.is_on("no-headers") {
                table.push_str("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
            }
            for named in super::describe::list(&document, "/contexts") {
                let name = text(named, "/name");
                if given.value("output") == Some("name") {
                    table.push_str(&format!("{name}\n"));
                    continue;
                }
                let mark = if name == current { "*" } else { "" };
                let cells = ["/context/cluster", "/context/user", "/context/namespace"].map(|at| text(named, at));
                table.push_str(&format!("{mark}\t{name}\t{}\n", cells.join("\t")));
            }
            output::print(&tabular::lay_out(&table, tabular::TABLE));
        }
        Some("get-clusters") => {
            let names: Vec<&str> =
                super::describe::list(&document, "/clusters").iter().map(|c| text(c, "/name")).collect();
            output::print(&format!("NAME\n{}\n", names.join("\n")));
        }
        Some(word) => return Err(Trouble::UnknownVerb(format!("config {word}"))),
        None => return Err(Trouble::UnknownVerb("config".to_owned())),
    }
    Ok(())
}

fn minify(document: &mut Value, current: &str) {
    let contexts = super::describe::list(document, "/contexts");
    let context = contexts.iter().find(|named| text(named, "/name") == current).cloned().unwrap_or_default();
    let keep = [
        ("contexts", current.to_owned()),
        ("clusters", text(&context, "/context/cluster").to_owned()),
        ("users", text(&context, "/context/user").to_owned()),
    ];
    for (key, name) in keep {
        if let Some(list) = document.get_mut(key).and_then(Value::as_array_mut) {
            list.retain(|named| text(named, "/name") == name);
        }
    }
}

/// Takes secrets out, as kubectl does.
fn omit(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match key.as_str() {
                    _ if value.is_null() => {}
                    "certificate-authority-data" | "client-certificate-data" | "client-key-data" => {
                        *value = json!("DATA+OMITTED");
                    }
                    "token" | "password" => *value = json!("REDACTED"),
                    _ => omit(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(omit),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Lists the server's types.
///
/// # Errors
///
/// The server does not answer.
pub(crate) async fn api_resources(api: &Api, given: &Given) -> Result<(), Trouble> {
    let mut all = discover(api).await?;
    if let Some(group) = given.value("api-group") {
        all.retain(|resource| resource.group == group);
    }
    if let Some(namespaced) = given.value("namespaced") {
        all.retain(|resource| resource.namespaced.to_string() == namespaced);
    }
    all.sort_by(|left, right| (&left.group, &left.plural).cmp(&(&right.group, &right.plural)));
    if given.value("output") == Some("name") {
        for resource in &all {
            let dot = if resource.group.is_empty() { "" } else { "." };
            output::print(&format!("{}{dot}{}\n", resource.plural, resource.group));
        }
        return Ok(());
    }
    let mut table = String::new();
    if !given.is_on("no-headers") {
        table.push_str("NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND\n");
    }
    for resource in &all {
        table.push_str(&format!(
            "{}\t{}\t{}\t{}\t{}\n",
            resource.plural,
            resource.short.join(","),
            resource.api_version(),
            resource.namespaced,
            resource.kind
        ));
    }
    output::print(&tabular::lay_out(&table, tabular::TABLE));
    Ok(())
}

/// Says what usage metrics show, where the server has them.
///
/// # Errors
///
/// There are no metrics.
pub(crate) async fn top(api: &Api, given: &Given) -> Result<(), Trouble> {
    let (kind, name) = match given.words.as_slice() {
        [kind] => (kind.as_str(), None),
        [kind, name] => (kind.as_str(), Some(name.as_str())),
        _ => return Err(Trouble::UnknownVerb("top".to_owned())),
    };
    let base = "/apis/metrics.k8s.io/v1beta1";
    let path = match kind {
        "node" | "nodes" | "no" => format!("{base}/nodes"),
        "pod" | "pods" | "po" if given.is_on("all-namespaces") => format!("{base}/pods"),
        "pod" | "pods" | "po" => {
            format!("{base}/namespaces/{}/pods", super::resource::escape(&api.namespace))
        }
        other => return Err(Trouble::UnknownVerb(format!("top {other}"))),
    };
    let Some(list) = api.find(&path).await? else {
        return Err(Trouble::error("Metrics API not available"));
    };
    let mut table = String::from("NAME\tCPU(cores)\tMEMORY(bytes)\n");
    for item in super::describe::list(&list, "/items") {
        if name.is_some_and(|name| name != text(item, "/metadata/name")) {
            continue;
        }
        let containers = super::describe::list(item, "/containers");
        let total = |resource: &str| {
            let own = amount::Amount::of(item.get("usage"), resource);
            containers.iter().fold(own, |sum, container| sum.plus(amount::Amount::of(container.get("usage"), resource)))
        };
        table.push_str(&format!("{}\t{}\t{}\n", text(item, "/metadata/name"), total("cpu"), total("memory")));
    }
    output::print(&tabular::lay_out(&table, tabular::TABLE));
    Ok(())
}

/// Lists events, oldest first.
///
/// # Errors
///
/// The server refuses.
pub(crate) async fn events(api: &Api, given: &Given) -> Result<(), Trouble> {
    let everywhere = given.is_on("all-namespaces");
    let field = match given.value("for") {
        None => None,
        Some(object) => {
            let Some((kind, name)) = object.split_once('/') else {
                return Err(Trouble::error("--for must be in resource/name form"));
            };
            let resource = resolve(api, kind).await?;
            Some(format!("involvedObject.kind={},involvedObject.name={name}", resource.kind))
        }
    };
    let query = Query { namespace: (!everywhere).then(|| api.namespace.clone()), label: None, field };
    let mut events = fetch(api, &Target { resource: Resource::of("events"), name: None }, &query).await?;
    if let Some(types) = given.value("types") {
        events.retain(|event| types.split(',').any(|kind| kind.eq_ignore_ascii_case(text(event, "/type"))));
    }
    if events.is_empty() {
        output::note(&match &query.namespace {
            Some(namespace) => format!("No events found in {namespace} namespace."),
            None => "No events found.".to_owned(),
        });
        return Ok(());
    }
    events.sort_by_key(|event| last_seen(event).to_owned());
    let first = if everywhere { "NAMESPACE\t" } else { "" };
    let mut table = String::new();
    if !given.is_on("no-headers") {
        table.push_str(&format!("{first}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n"));
    }
    let page = super::describe::Page::new(api.clone());
    for event in &events {
        if everywhere {
            table.push_str(&format!("{}\t", text(event, "/metadata/namespace")));
        }
        table.push_str(&format!(
            "{}\t{}\t{}\t{}/{}\t{}\n",
            page.event_age(event),
            text(event, "/type"),
            text(event, "/reason"),
            text(event, "/involvedObject/kind"),
            text(event, "/involvedObject/name"),
            cell_text(text(event, "/message").trim()).replace('\t', " "),
        ));
    }
    output::print(&api::visible(&tabular::lay_out(&table, tabular::TABLE)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_a_kubeconfig_are_not_shown() {
        let mut document =
            json!({ "users": [{ "user": { "token": "abc", "client-key-data": "k", "username": null } }] });
        omit(&mut document);
        drop_nulls(&mut document);
        assert_eq!(
            document,
            json!({ "users": [{ "user": { "token": "REDACTED", "client-key-data": "DATA+OMITTED" } }] })
        );
    }
}
