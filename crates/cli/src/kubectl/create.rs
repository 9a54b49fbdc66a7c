//! `create` and `run`: objects from files, or made from flags.

use std::fs;

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::api::Api;
use super::apply::{DryRun, annotate, say_done, several, validation};
use super::flags::{Flag, Given, optional, switch, value};
use super::get::join;
use super::manifest;
use super::shape::text;
use super::trouble::Trouble;

/// The flags of `create`.
pub(crate) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("output", Some('o')),
    optional("dry-run", "unchanged"),
    optional("validate", "strict"),
    switch("save-config", None),
    value("image", None),
    value("replicas", Some('r')),
    value("port", None),
    value("hard", None),
    value("scopes", None),
    value("from-literal", None),
    value("from-file", None),
    switch("record", None),
];

/// The flags of `run`.
pub(crate) const RUN_FLAGS: &[Flag] = &[
    value("image", None),
    value("output", Some('o')),
    optional("dry-run", "unchanged"),
    value("restart", None),
    value("labels", Some('l')),
    value("env", None),
    value("port", None),
    value("image-pull-policy", None),
    switch("command", None),
    value("limits", None),
    value("requests", None),
];

/// Creates what the files or the words say.
///
/// # Errors
///
/// The words make no object, or the server refuses.
pub(crate) async fn run(api: &Api, given: &Given) -> Result<(), Trouble> {
    if !given.values("filename").is_empty() {
        let documents = manifest::read_all(&given.values("filename"))?;
        let mut troubles = Vec::new();
        for document in documents {
            let doing = format!("error when creating {:?}", document.source);
            if let Err(trouble) = create(api, given, document.object).await {
                troubles.push(trouble.while_doing(doing));
            }
        }
        return several(troubles);
    }
    let object = made(given)?;
    create(api, given, object).await.map_err(|trouble| match given.words.first() {
        Some(what) => trouble.while_doing(format!("failed to create {}", singular(what))),
        None => trouble,
    })
}

fn singular(word: &str) -> &str {
    match word {
        "deploy" | "deployments" => "deployment",
        "ns" | "namespaces" => "namespace",
        "resourcequota" => "quota",
        "cm" => "configmap",
        "sa" => "serviceaccount",
        other => other,
    }
}

async fn create(api: &Api, given: &Given, mut object: Value) -> Result<(), Trouble> {
    let dry_run = DryRun::read(given)?;
    manifest::same_namespace(&object, given.value("namespace"))?;
    if dry_run == DryRun::Client {
        // Nothing is asked of the server; the Namespace is written only where it was named and means something.
        if text(&object, "/kind") != "Namespace"
            && let (Some(namespace), Some(metadata)) =
                (given.value("namespace"), object.get_mut("metadata").and_then(Value::as_object_mut))
        {
            metadata.insert("namespace".to_owned(), json!(namespace));
        }
        return say_done(&object, given.value("output"), "created", dry_run);
    }
    let (resource, namespace) = manifest::target(api, &object).await?;
    if given.is_on("save-config") {
        annotate(&mut object);
    }
    let collection = resource.path(namespace.as_deref(), None);
    let path = join(&collection, &dry_run.parameters("kubectl-create", validation(given)));
    let created = api.post(&path, &object).await?;
    say_done(&created, given.value("output"), "created", dry_run)
}

fn made(given: &Given) -> Result<Value, Trouble> {
    let [what, rest @ ..] = given.words.as_slice() else {
        return Err(Trouble::error("must specify one of -f and -k"));
    };
    let name = match rest {
        [name] => name.as_str(),
        [] => {
            return Err(Trouble::error(
                "exactly one NAME is required, got 0\nSee 'kubectl create -h' for help and examples",
            ));
        }
        many => {
            // `create secret generic NAME` has a word more.
            if what == "secret" && many.len() == 2 && many.first().is_some_and(|kind| kind == "generic") {
                many.last().map(String::as_str).unwrap_or_default()
            } else {
                return Err(Trouble::error(format!(
                    "exactly one NAME is required, got {}\nSee 'kubectl create -h' for help and examples",
                    many.len()
                )));
            }
        }
    };
    match singular(what) {
        "namespace" => Ok(
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name }, "spec": {}, "status": {} }),
        ),
        "serviceaccount" => Ok(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } })),
        "deployment" => deployment(name, given),
        "quota" => {
            let mut spec = json!({});
            if let Some(hard) = given.value("hard") {
                spec["hard"] = Value::Object(pairs(hard, "resource name/value")?);
            }
            if let Some(scopes) = given.value("scopes") {
                spec["scopes"] = json!(scopes.split(',').collect::<Vec<_>>());
            }
            Ok(
                json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": name }, "spec": spec, "status": {} }),
            )
        }
        "configmap" => {
            let (text, binary) = contents(given)?;
            let mut object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
            if !text.is_empty() {
                object["data"] = Value::Object(text);
            }
            if !binary.is_empty() {
                object["binaryData"] = Value::Object(binary);
            }
            Ok(object)
        }
        "secret" if rest.len() == 2 => {
            let (text, mut all) = contents(given)?;
            let encode = |value: &Value| {
                json!(base64::engine::general_purpose::STANDARD.encode(value.as_str().unwrap_or_default()))
            };
            all.extend(text.iter().map(|(key, value)| (key.clone(), encode(value))));
            Ok(
                json!({ "apiVersion": "v1", "data": all, "kind": "Secret", "metadata": { "name": name }, "type": "Opaque" }),
            )
        }
        other => Err(Trouble::UnknownVerb(format!("create {other}"))),
    }
}

fn deployment(name: &str, given: &Given) -> Result<Value, Trouble> {
    let images = given.values("image");
    if images.is_empty() {
        return Err(Trouble::error("required flag(s) \"image\" not set"));
    }
    let replicas = given.number("replicas")?.unwrap_or(1);
    let port = given.number("port")?;
    let containers: Vec<Value> = images
        .iter()
        .map(|image| {
            // The name of a container is the image's last part, without tag or digest.
            let base = image.rsplit('/').next().unwrap_or(image);
            let base = base.split(['@', ':']).next().unwrap_or(base).replace(['_', '.'], "-");
            let mut container = json!({ "image": image, "name": base, "resources": {} });
            if let Some(port) = port {
                container["ports"] = json!([{ "containerPort": port }]);
            }
            if !given.after_dashes.is_empty() {
                container["command"] = json!(given.after_dashes);
            }
            container
        })
        .collect();
    Ok(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "labels": { "app": name }, "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "strategy": {},
            "template": { "metadata": { "labels": { "app": name } }, "spec": { "containers": containers } },
        },
        "status": {},
    }))
}

fn pairs(text: &str, what: &str) -> Result<Map<String, Value>, Trouble> {
    text.split(',')
        .map(|pair| match pair.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok((key.to_owned(), json!(value))),
            Some(_) | None => Err(Trouble::error(format!("Invalid argument syntax {pair}, expected <{what}>"))),
        })
        .collect()
}

/// Entries of a ConfigMap or a Secret.
type Entries = Map<String, Value>;

/// The text and binary entries of `--from-literal` and `--from-file`.
fn contents(given: &Given) -> Result<(Entries, Entries), Trouble> {
    let mut text = Map::new();
    let mut binary = Map::new();
    for literal in given.values("from-literal") {
        let Some((key, value)) = literal.split_once('=') else {
            return Err(Trouble::error(format!("invalid literal source {literal}, expected key=value")));
        };
        text.insert(key.to_owned(), json!(value));
    }
    for source in given.values("from-file") {
        let (key, path) = match source.split_once('=') {
            Some((key, path)) => (key.to_owned(), path),
            None => (source.rsplit('/').next().unwrap_or(&source).to_owned(), source.as_str()),
        };
        let bytes = fs::read(path).map_err(|error| Trouble::error(format!("error reading {path}: {error}")))?;
        match String::from_utf8(bytes) {
            Ok(content) => text.insert(key, json!(content)),
            Err(raw) => binary.insert(key, json!(base64::engine::general_purpose::STANDARD.encode(raw.as_bytes()))),
        };
    }
    Ok((text, binary))
}

/// Runs one image in a Pod of its own.
///
/// # Errors
///
/// The words make no Pod, or the server refuses.
pub(crate) async fn run_image(api: &Api, given: &Given) -> Result<(), Trouble> {
    let [name] = given.words.as_slice() else {
        return Err(Trouble::error("NAME is required for run"));
    };
    let Some(image) = given.value("image") else {
        return Err(Trouble::error("required flag(s) \"image\" not set"));
    };
    let restart = given.value("restart").unwrap_or("Always");
    if !["Always", "OnFailure", "Never"].contains(&restart) {
        return Err(Trouble::error(format!("invalid restart policy: {restart}")));
    }
    let mut container = json!({ "image": image, "name": name, "resources": {} });
    if !given.after_dashes.is_empty() {
        let key = if given.is_on("command") { "command" } else { "args" };
        container[key] = json!(given.after_dashes);
    }
    if let Some(policy) = given.value("image-pull-policy") {
        container["imagePullPolicy"] = json!(policy);
    }
    if let Some(port) = given.number("port")? {
        container["ports"] = json!([{ "containerPort": port }]);
    }
    let mut environment = Vec::new();
    for pair in given.values("env") {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Trouble::error(format!("invalid env: {pair}")));
        };
        environment.push(json!({ "name": key, "value": value }));
    }
    if !environment.is_empty() {
        container["env"] = Value::Array(environment);
    }
    for kind in ["limits", "requests"] {
        if let Some(text) = given.value(kind) {
            container["resources"][kind] = Value::Object(pairs(text, "resource=value")?);
        }
    }
    let labels = match given.value("labels") {
        Some(text) => Value::Object(pairs(text, "key=value")?),
        None => json!({ "run": name }),
    };
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "labels": labels, "name": name },
        "spec": { "containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart },
        "status": {},
    });
    create(api, given, pod).await
}
