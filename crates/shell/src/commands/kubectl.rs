//! `kubectl` in a container, with the token of its account: `get`, `auth can-i`, `delete`, `version`, `api-resources`
//! of what the workshop asks for. It shows the server's own Tables.

use serde_json::{Value, json};

use crate::process::{Process, Ran};
use crate::{ApiAnswer, ApiRequest};

use super::Grammar;

/// Where the account of the Pod is.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Names of kinds, with the group's path and whether they live in Namespaces.
const KINDS: [(&[&str], &str, &str, Scope); 26] = [
    (&["pods", "pod", "po"], "/api/v1", "pods", Scope::Namespaced),
    (&["services", "service", "svc"], "/api/v1", "services", Scope::Namespaced),
    (&["secrets", "secret"], "/api/v1", "secrets", Scope::Namespaced),
    (&["configmaps", "configmap", "cm"], "/api/v1", "configmaps", Scope::Namespaced),
    (&["serviceaccounts", "serviceaccount", "sa"], "/api/v1", "serviceaccounts", Scope::Namespaced),
    (&["events", "event", "ev"], "/api/v1", "events", Scope::Namespaced),
    (&["endpoints", "ep"], "/api/v1", "endpoints", Scope::Namespaced),
    (&["resourcequotas", "resourcequota", "quota"], "/api/v1", "resourcequotas", Scope::Namespaced),
    (&["limitranges", "limitrange", "limits"], "/api/v1", "limitranges", Scope::Namespaced),
    (
        &["persistentvolumeclaims", "persistentvolumeclaim", "pvc"],
        "/api/v1",
        "persistentvolumeclaims",
        Scope::Namespaced,
    ),
    (&["nodes", "node", "no"], "/api/v1", "nodes", Scope::Cluster),
    (&["namespaces", "namespace", "ns"], "/api/v1", "namespaces", Scope::Cluster),
    (&["persistentvolumes", "persistentvolume", "pv"], "/api/v1", "persistentvolumes", Scope::Cluster),
    (&["deployments", "deployment", "deploy"], "/apis/apps/v1", "deployments", Scope::Namespaced),
    (&["replicasets", "replicaset", "rs"], "/apis/apps/v1", "replicasets", Scope::Namespaced),
    (&["daemonsets", "daemonset", "ds"], "/apis/apps/v1", "daemonsets", Scope::Namespaced),
    (&["statefulsets", "statefulset", "sts"], "/apis/apps/v1", "statefulsets", Scope::Namespaced),
    (&["jobs", "job"], "/apis/batch/v1", "jobs", Scope::Namespaced),
    (&["ingresses", "ingress", "ing"], "/apis/networking.k8s.io/v1", "ingresses", Scope::Namespaced),
    (
        &["networkpolicies", "networkpolicy", "netpol"],
        "/apis/networking.k8s.io/v1",
        "networkpolicies",
        Scope::Namespaced,
    ),
    (&["roles", "role"], "/apis/rbac.authorization.k8s.io/v1", "roles", Scope::Namespaced),
    (&["rolebindings", "rolebinding"], "/apis/rbac.authorization.k8s.io/v1", "rolebindings", Scope::Namespaced),
    (&["clusterroles", "clusterrole"], "/apis/rbac.authorization.k8s.io/v1", "clusterroles", Scope::Cluster),
    (
        &["clusterrolebindings", "clusterrolebinding"],
        "/apis/rbac.authorization.k8s.io/v1",
        "clusterrolebindings",
        Scope::Cluster,
    ),
    (
        &["poddisruptionbudgets", "poddisruptionbudget", "pdb"],
        "/apis/policy/v1",
        "poddisruptionbudgets",
        Scope::Namespaced,
    ),
    (&["replicationcontrollers", "rc"], "/api/v1", "replicationcontrollers", Scope::Namespaced),
];

/// Where objects of a kind live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Namespaced,
    Cluster,
}

fn kind(word: &str) -> Option<(&'static str, &'static str, Scope)> {
    let word = word.split('.').next().unwrap_or(word).to_ascii_lowercase();
    KINDS
        .iter()
        .find(|(names, ..)| names.contains(&word.as_str()))
        .map(|(_, group, plural, scope)| (*group, *plural, *scope))
}

struct Client {
    token: Option<String>,
    namespace: String,
}

impl Client {
    async fn ask(
        &self,
        process: &Process,
        method: &str,
        path: String,
        accept: &str,
        body: Option<&Value>,
    ) -> Option<ApiAnswer> {
        let cluster = process.kernel.cluster.clone()?;
        let request = ApiRequest {
            method: method.to_owned(),
            path,
            token: self.token.clone(),
            accept: accept.to_owned(),
            content_type: body.map(|_| "application/json".to_owned()),
            body: body.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
        };
        // The way to the API is that of any other connection: a policy may drop it.
        let dialled = super::net::dial(process, "kubernetes.default.svc", 443, crate::Protocol::Tcp, None).await;
        if dialled.is_err() {
            return None;
        }
        Some(cluster.request(request).await)
    }
}

async fn refused(process: &Process, answer: &ApiAnswer) -> i32 {
    let status: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let message = status["message"].as_str().unwrap_or("unknown").to_owned();
    let reason = status["reason"].as_str().unwrap_or("InternalError").to_owned();
    if answer.status == 401 {
        process.say("error: You must be logged in to the server (Unauthorized)").await;
    } else {
        process.say(format!("Error from server ({reason}): {message}")).await;
    }
    1
}

async fn away(process: &Process) -> i32 {
    process
        .say("Unable to connect to the server: dial tcp: lookup kubernetes.default.svc or connect: i/o timeout")
        .await;
    1
}

pub(super) async fn kubectl(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "n:Ao:l:wfi:",
        &[
            ("namespace", 'n'),
            ("all-namespaces", 'A'),
            ("output", 'o'),
            ("selector", 'l'),
            ("watch", 'w'),
            ("as", 'i'),
            ("list", 'f'),
            ("client", 'f'),
            ("no-headers", 'f'),
        ],
    );
    let words = GRAMMAR.read(process, argv).await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
    let token = process.read_file(&format!("{ACCOUNT}/token")).await.ok().map(text);
    let own = process.read_file(&format!("{ACCOUNT}/namespace")).await.ok().map(text);
    if token.is_none() {
        process
            .say("The connection to the server localhost:8080 was refused - did you specify the right host or port?")
            .await;
        return Ok(1);
    }
    let namespace = words.value('n').map(str::to_owned).or(own).unwrap_or_else(|| "default".to_owned());
    let client = Client { token, namespace };
    let rest: Vec<&str> = words.rest.iter().map(String::as_str).collect();
    match rest.as_slice() {
        ["get", targets @ ..] if !targets.is_empty() => get(process, &words, &client, targets).await,
        ["delete", targets @ ..] if !targets.is_empty() => delete(process, &client, targets).await,
        ["auth", "can-i", verb, resource, ..] => can_i(process, &words, &client, verb, resource).await,
        ["version", ..] => {
            process.out("Client Version: v1.34.1 (sandbox: simulated)\n").await?;
            match client.ask(process, "GET", "/version".to_owned(), "application/json", None).await {
                Some(answer) => {
                    let version: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
                    process
                        .out(format!("Server Version: {}\n", version["gitVersion"].as_str().unwrap_or_default()))
                        .await?;
                    Ok(0)
                }
                None => Ok(away(process).await),
            }
        }
        [] => {
            process.out("kubectl controls the Kubernetes cluster manager (sandbox: get, delete, auth can-i and version are simulated in a Pod).\n").await?;
            Ok(0)
        }
        [verb, ..] => {
            process.say(format!("kubectl {verb}: sandbox: not simulated inside a Pod")).await;
            Ok(1)
        }
    }
}

fn path(client: &Client, target: (&str, &str, Scope), name: &str, everywhere: bool) -> String {
    let (group, plural, scope) = target;
    let name = if name.is_empty() { String::new() } else { format!("/{name}") };
    match scope {
        Scope::Cluster => format!("{group}/{plural}{name}"),
        Scope::Namespaced if everywhere => format!("{group}/{plural}{name}"),
        Scope::Namespaced => format!("{group}/namespaces/{}/{plural}{name}", client.namespace),
    }
}

fn targets<'a>(words: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    match words {
        [only] => match only.split_once('/') {
            Some((kind, name)) => vec![(kind, name)],
            None => only.split(',').map(|kind| (kind, "")).collect(),
        },
        [first, names @ ..] if !first.contains('/') => names.iter().map(|name| (*first, *name)).collect(),
        many => many.iter().filter_map(|word| word.split_once('/')).collect(),
    }
}

async fn unknown(process: &Process, word: &str) -> i32 {
    process.say(format!("error: the server doesn't have a resource type \"{word}\"")).await;
    1
}

async fn get(process: &Process, words: &super::Words, client: &Client, wanted: &[&str]) -> Ran {
    let everywhere = words.has('A');
    let mut code = 0;
    for (word, name) in targets(wanted) {
        if word.contains(['?', '#', ' ', '%']) || name.contains(['?', '#', '/', ' ', '%']) {
            return Ok(unknown(process, word).await);
        }
        let Some(target) = kind(word) else { return Ok(unknown(process, word).await) };
        let mut url = path(client, target, name, everywhere);
        if let Some(selector) = words.value('l') {
            let escaped: String = selector
                .bytes()
                .map(|byte| {
                    if byte.is_ascii_alphanumeric() || b"-_./".contains(&byte) {
                        char::from(byte).to_string()
                    } else {
                        format!("%{byte:02X}")
                    }
                })
                .collect();
            url.push_str(&format!("?labelSelector={escaped}"));
        }
        let output = words.value('o').unwrap_or_default();
        let accept = match output {
            "" | "wide" => "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            _ => "application/json",
        };
        let Some(answer) = client.ask(process, "GET", url, accept, None).await else { return Ok(away(process).await) };
        if answer.status >= 400 {
            code = refused(process, &answer).await;
            continue;
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        match output {
            "" | "wide" => {
                let rows = body["rows"].as_array().map_or(0, Vec::len);
                if rows == 0 {
                    process
                        .say(match (target.2, everywhere) {
                            (Scope::Namespaced, false) => {
                                format!("No resources found in {} namespace.", client.namespace)
                            }
                            _ => "No resources found".to_owned(),
                        })
                        .await;
                    continue;
                }
                process.out(table(&body, output == "wide", everywhere && target.2 == Scope::Namespaced)).await?;
            }
            "json" => process.out(serde_json::to_string_pretty(&body).unwrap_or_default() + "\n").await?,
            "name" => {
                let items = body["items"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
                for item in items {
                    let short = target.1.strip_suffix('s').unwrap_or(target.1);
                    process.out(format!("{short}/{}\n", item["metadata"]["name"].as_str().unwrap_or_default())).await?;
                }
            }
            other => {
                process.say(format!("error: output format {other:?}: sandbox: not simulated inside a Pod")).await;
                return Ok(1);
            }
        }
    }
    Ok(code)
}

/// Lays a Table out as kubectl prints it.
fn table(body: &Value, wide: bool, with_namespace: bool) -> String {
    let shown = |value: &Value| match value {
        Value::String(text) => text.replace(|letter: char| letter.is_control(), " "),
        Value::Null => "<none>".to_owned(),
        other => other.to_string(),
    };
    let columns: Vec<usize> = body["columnDefinitions"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, column)| wide || column["priority"].as_i64().unwrap_or(0) == 0)
        .map(|(index, _)| index)
        .collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut head: Vec<String> =
        columns.iter().map(|index| shown(&body["columnDefinitions"][index]["name"]).to_uppercase()).collect();
    if with_namespace {
        head.insert(0, "NAMESPACE".to_owned());
    }
    rows.push(head);
    for row in body["rows"].as_array().into_iter().flatten() {
        let mut cells: Vec<String> = columns.iter().map(|index| shown(&row["cells"][index])).collect();
        if with_namespace {
            cells.insert(0, shown(&row["object"]["metadata"]["namespace"]));
        }
        rows.push(cells);
    }
    let count = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..count).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            cells.join("   ").trim_end().to_owned() + "\n"
        })
        .collect()
}

async fn delete(process: &Process, client: &Client, wanted: &[&str]) -> Ran {
    let mut code = 0;
    for (word, name) in targets(wanted) {
        let Some(target) = kind(word) else { return Ok(unknown(process, word).await) };
        if name.is_empty() || name.contains(['?', '#', '/', ' ', '%']) {
            process.say("error: resource(s) were provided, but no name was specified").await;
            return Ok(1);
        }
        let url = path(client, target, name, false);
        let Some(answer) = client.ask(process, "DELETE", url, "application/json", None).await else {
            return Ok(away(process).await);
        };
        if answer.status >= 400 {
            code = refused(process, &answer).await;
            continue;
        }
        let short = target.1.strip_suffix('s').unwrap_or(target.1);
        process.out(format!("{short} \"{name}\" deleted\n")).await?;
    }
    Ok(code)
}

async fn can_i(process: &Process, words: &super::Words, client: &Client, verb: &str, resource: &str) -> Ran {
    let (group, plural) = match kind(resource) {
        Some((path, plural, _)) => {
            let group = path.strip_prefix("/apis/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
            (group, plural)
        }
        None => ("", resource),
    };
    let namespace = if words.has('A') { "" } else { &client.namespace };
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": { "verb": verb, "resource": plural, "group": group, "namespace": namespace } },
    });
    let url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned();
    let Some(answer) = client.ask(process, "POST", url, "application/json", Some(&review)).await else {
        return Ok(away(process).await);
    };
    if answer.status >= 400 {
        return Ok(refused(process, &answer).await);
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let allowed = body["status"]["allowed"].as_bool().unwrap_or(false);
    process.out(if allowed { "yes\n" } else { "no\n" }).await?;
    Ok(i32::from(!allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_tables() {
        assert_eq!(targets(&["pods", "a", "b"]), [("pods", "a"), ("pods", "b")]);
        assert_eq!(targets(&["pod/a"]), [("pod", "a")]);
        assert_eq!(targets(&["pods,svc"]), [("pods", ""), ("svc", "")]);
        let body = json!({"columnDefinitions": [{"name": "Name", "priority": 0}, {"name": "IP", "priority": 1}],
            "rows": [{"cells": ["a", "1"], "object": {"metadata": {"namespace": "n"}}}]});
        assert_eq!(table(&body, true, true), "NAMESPACE   NAME   IP\nn           a      1\n");
        assert_eq!(table(&body, false, false), "NAME\na\n");
    }
}
