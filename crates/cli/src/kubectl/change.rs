//! Verbs that change one thing of an object: `scale`, `label`, `annotate`, `set image`, `edit`, `patch`.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Map, Value, json};

use super::api::{Api, JSON_PATCH, MERGE, STRATEGIC};
use super::apply::{DryRun, patch_kind, say_done, several};
use super::flags::{Flag, Given, optional, switch, value};
use super::get::{Query, fetch, join};
use super::manifest;
use super::patch::three_way;
use super::resource::{Resource, Target, targets};
use super::shape::{text, without_managed_fields};
use super::trouble::Trouble;
use super::yaml;
use crate::output;

/// The flags of `scale`.
pub(crate) const SCALE_FLAGS: &[Flag] = &[
    value("replicas", None),
    value("current-replicas", None),
    value("selector", Some('l')),
    value("filename", Some('f')),
    switch("all", None),
    value("timeout", None),
    value("output", Some('o')),
    optional("dry-run", "unchanged"),
];

/// The flags of `label` and `annotate`.
pub(crate) const LABEL_FLAGS: &[Flag] = &[
    switch("overwrite", None),
    switch("all", None),
    switch("all-namespaces", Some('A')),
    switch("list", None),
    value("selector", Some('l')),
    value("filename", Some('f')),
    value("output", Some('o')),
    optional("dry-run", "unchanged"),
];

/// The flags of `set`.
pub(crate) const SET_FLAGS: &[Flag] = &[
    switch("all", None),
    value("selector", Some('l')),
    value("filename", Some('f')),
    value("output", Some('o')),
    optional("dry-run", "unchanged"),
    value("limits", None),
    value("requests", None),
    value("containers", Some('c')),
];

/// The flags of `edit`.
pub(crate) const EDIT_FLAGS: &[Flag] =
    &[value("filename", Some('f')), value("output", Some('o')), optional("validate", "strict")];

/// The flags of `patch`.
pub(crate) const PATCH_FLAGS: &[Flag] = &[
    value("patch", Some('p')),
    value("patch-file", None),
    value("type", None),
    value("filename", Some('f')),
    value("output", Some('o')),
    optional("dry-run", "unchanged"),
];

/// An object that was picked on the command line.
pub(crate) struct Picked {
    /// Its type.
    pub(crate) resource: Resource,
    /// Its path.
    pub(crate) path: String,
    /// As it is.
    pub(crate) object: Value,
}

/// The objects that words, files, `-l` or `--all` name.
///
/// # Errors
///
/// Nothing is named, or something is not there.
pub(crate) async fn pick(api: &Api, given: &Given, words: &[String]) -> Result<Vec<Picked>, Trouble> {
    let mut wanted: Vec<(Target, Option<String>)> =
        targets(api, words).await?.into_iter().map(|target| (target, Some(api.namespace.clone()))).collect();
    for path in given.values("filename") {
        for document in manifest::read(&path)? {
            let (resource, namespace) = manifest::target(api, &document.object).await?;
            let name = Some(text(&document.object, "/metadata/name").to_owned());
            wanted.push((Target { resource, name }, namespace));
        }
    }
    if wanted.is_empty() {
        return Err(Trouble::error(
            "one or more resources must be specified as <resource> <name> or <resource>/<name>",
        ));
    }
    let label = given.value("selector").map(str::to_owned);
    let mut picked = Vec::new();
    for (target, namespace) in wanted {
        if target.name.is_none() && label.is_none() && !given.is_on("all") {
            return Err(Trouble::error(
                "resource(s) were provided, but no name was specified; specify a name, label selector, or --all flag",
            ));
        }
        let namespace = if given.is_on("all-namespaces") { None } else { namespace };
        let query = Query { namespace, label: label.clone(), field: None };
        for object in fetch(api, &target, &query).await? {
            let own = text(&object, "/metadata/namespace");
            let path = target.resource.path((!own.is_empty()).then_some(own), Some(text(&object, "/metadata/name")));
            picked.push(Picked { resource: target.resource.clone(), path, object });
        }
    }
    if picked.is_empty() {
        output::note("No resources found");
    }
    Ok(picked)
}

async fn send(api: &Api, dry_run: DryRun, path: &str, kind: &str, patch: &Value) -> Result<Option<Value>, Trouble> {
    match dry_run {
        DryRun::Client => Ok(None),
        DryRun::Server => api.patch(&join(path, &[("dryRun", "All")]), kind, patch).await.map(Some),
        DryRun::No => api.patch(path, kind, patch).await.map(Some),
    }
}

/// Sets the number of replicas through the `scale` subresource.
///
/// # Errors
///
/// No number is given, or the server refuses.
pub(crate) async fn scale(api: &Api, given: &Given) -> Result<(), Trouble> {
    let Some(replicas) = given.number("replicas")?.filter(|replicas| *replicas >= 0) else {
        return Err(Trouble::error(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
        ));
    };
    let dry_run = DryRun::read(given)?;
    let expected = given.number("current-replicas")?.filter(|current| *current >= 0);
    let mut troubles = Vec::new();
    for picked in pick(api, given, &given.words).await? {
        let current = super::describe::number(&picked.object, "/spec/replicas");
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            return Err(Trouble::error(format!("Expected replicas to be {expected}, was {current}")));
        }
        let path = format!("{}/scale", picked.path);
        match send(api, dry_run, &path, MERGE, &json!({ "spec": { "replicas": replicas } })).await {
            Ok(_) => say_done(&picked.object, given.value("output"), "scaled", dry_run)?,
            Err(trouble) => troubles.push(trouble),
        }
    }
    several(troubles)
}

/// Which map of the metadata a verb changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// `label`.
    Label,
    /// `annotate`.
    Annotation,
}

impl Mark {
    fn key(self) -> &'static str {
        match self {
            Mark::Label => "labels",
            Mark::Annotation => "annotations",
        }
    }

    fn verb(self, removes: bool) -> &'static str {
        match (self, removes) {
            (Mark::Label, true) => "unlabeled",
            (Mark::Label, false) => "labeled",
            (Mark::Annotation, _) => "annotated",
        }
    }
}

/// Adds, changes (`--overwrite`) and removes (`KEY-`) labels or annotations.
///
/// # Errors
///
/// A value is there already, or the server refuses.
pub(crate) async fn mark(api: &Api, given: &Given, mark: Mark) -> Result<(), Trouble> {
    let (changes, words): (Vec<String>, Vec<String>) = given.words.iter().cloned().partition(|word| is_change(word));
    if changes.is_empty() && !given.is_on("list") {
        return Err(Trouble::error(format!("at least one {} update is required", mark.key().trim_end_matches('s'))));
    }
    let mut patch = Map::new();
    for change in &changes {
        match change.split_once('=') {
            Some((key, value)) => patch.insert(key.to_owned(), json!(value)),
            None => patch.insert(change.trim_end_matches('-').to_owned(), Value::Null),
        };
    }
    let removes = !patch.is_empty() && patch.values().all(Value::is_null);
    let dry_run = DryRun::read(given)?;
    for picked in pick(api, given, &words).await? {
        let current = picked.object.get("metadata").and_then(|metadata| metadata.get(mark.key()));
        if given.is_on("list") {
            for (key, value) in current.and_then(Value::as_object).into_iter().flatten() {
                output::print(&format!("{key}={}\n", value.as_str().unwrap_or_default()));
            }
            continue;
        }
        let at = |key: &String| current.and_then(|current| current.get(key)).and_then(Value::as_str);
        let clash = patch.iter().find_map(|(key, value)| match (at(key), value.as_str()) {
            (Some(old), Some(new)) if old != new && !given.is_on("overwrite") => Some((key.clone(), old.to_owned())),
            _ => None,
        });
        if let Some((key, old)) = clash {
            return Err(Trouble::error(format!("'{key}' already has a value ({old}), and --overwrite is false")));
        }
        for (key, _) in patch.iter().filter(|(key, value)| value.is_null() && at(key).is_none()) {
            output::print(&format!("{} {key:?} not found.\n", mark.key().trim_end_matches('s')));
        }
        if patch.iter().all(|(key, value)| at(key) == value.as_str()) {
            let verb = format!("not {}", mark.verb(removes).trim_start_matches("un"));
            say_done(&picked.object, given.value("output"), &verb, dry_run)?;
            continue;
        }
        let body = json!({ "metadata": { mark.key(): patch } });
        let changed = send(api, dry_run, &picked.path, MERGE, &body).await?;
        say_done(changed.as_ref().unwrap_or(&picked.object), given.value("output"), mark.verb(removes), dry_run)?;
    }
    Ok(())
}

/// `KEY=VALUE` or `KEY-`; a type or name has neither form.
fn is_change(word: &str) -> bool {
    word.contains('=') || (word.ends_with('-') && word.len() > 1)
}

/// `set image` and `set resources`.
///
/// # Errors
///
/// A container is not there, or the server refuses.
pub(crate) async fn set(api: &Api, given: &Given) -> Result<(), Trouble> {
    let [what, rest @ ..] = given.words.as_slice() else {
        return Err(Trouble::UnknownVerb("set".to_owned()));
    };
    match what.as_str() {
        "image" | "images" => set_image(api, given, rest).await,
        "resources" => set_resources(api, given, rest).await,
        other => Err(Trouble::UnknownVerb(format!("set {other}"))),
    }
}

/// Where the Pod specification of an object stands.
fn pod_spec(resource: &Resource) -> &'static str {
    match resource.plural.as_ref() {
        "pods" => "/spec",
        "cronjobs" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    }
}

/// Wraps a change of the Pod specification as a patch of the whole object.
fn nested(pointer: &str, inner: Value) -> Value {
    pointer.split('/').filter(|part| !part.is_empty()).rev().fold(inner, |inner, part| json!({ part: inner }))
}

async fn set_image(api: &Api, given: &Given, words: &[String]) -> Result<(), Trouble> {
    let (images, words): (Vec<String>, Vec<String>) = words.iter().cloned().partition(|word| word.contains('='));
    if images.is_empty() {
        return Err(Trouble::error("at least one image update is required"));
    }
    let dry_run = DryRun::read(given)?;
    for picked in pick(api, given, &words).await? {
        let spec = pod_spec(&picked.resource);
        let mut containers = Vec::new();
        for pair in &images {
            let (name, image) = pair.split_once('=').unwrap_or((pair, ""));
            let known: Vec<&str> = super::describe::list(&picked.object, &format!("{spec}/containers"))
                .iter()
                .map(|container| text(container, "/name"))
                .filter(|known| name == "*" || *known == name)
                .collect();
            if known.is_empty() {
                return Err(Trouble::error(format!("unable to find container named {name:?}")));
            }
            containers.extend(known.into_iter().map(|known| json!({ "name": known, "image": image })));
        }
        let patch = nested(spec, json!({ "containers": containers }));
        let changed = send(api, dry_run, &picked.path, STRATEGIC, &patch).await?;
        if changed.as_ref().is_none_or(|changed| changed.get("spec") != picked.object.get("spec")) {
            say_done(&picked.object, given.value("output"), "image updated", dry_run)?;
        }
    }
    Ok(())
}

async fn set_resources(api: &Api, given: &Given, words: &[String]) -> Result<(), Trouble> {
    let mut resources = Map::new();
    for bound in ["limits", "requests"] {
        if let Some(text) = given.value(bound) {
            let amounts: Map<String, Value> = text
                .split(',')
                .filter_map(|pair| pair.split_once('='))
                .map(|(resource, amount)| (resource.to_owned(), json!(amount)))
                .collect();
            resources.insert(bound.to_owned(), Value::Object(amounts));
        }
    }
    if resources.is_empty() {
        return Err(Trouble::error(
            "you must specify an update to requests or limits (in the form of --requests/--limits)",
        ));
    }
    let dry_run = DryRun::read(given)?;
    let only = given.value("containers").filter(|only| *only != "*");
    for picked in pick(api, given, words).await? {
        let spec = pod_spec(&picked.resource);
        let containers: Vec<Value> = super::describe::list(&picked.object, &format!("{spec}/containers"))
            .iter()
            .map(|container| text(container, "/name"))
            .filter(|name| only.is_none_or(|only| only == *name))
            .map(|name| json!({ "name": name, "resources": resources }))
            .collect();
        let patch = nested(spec, json!({ "containers": containers }));
        let changed = send(api, dry_run, &picked.path, STRATEGIC, &patch).await?;
        say_done(
            changed.as_ref().unwrap_or(&picked.object),
            given.value("output"),
            "resource requirements updated",
            dry_run,
        )?;
    }
    Ok(())
}

/// Patches with the words' own patch.
///
/// # Errors
///
/// The patch does not read, or the server refuses.
pub(crate) async fn patch(api: &Api, given: &Given) -> Result<(), Trouble> {
    let text = match (given.value("patch"), given.value("patch-file")) {
        (Some(text), None) => text.to_owned(),
        (None, Some(file)) => {
            std::fs::read_to_string(file).map_err(|error| Trouble::error(format!("error reading {file}: {error}")))?
        }
        _ => return Err(Trouble::error("must specify --patch or --patch-file containing the contents of the patch")),
    };
    let body: Value = serde_saphyr::from_str(&text).map_err(|error| {
        Trouble::error(format!("unable to parse {text:?}: {}", super::api::visible(&error.to_string())))
    })?;
    let dry_run = DryRun::read(given)?;
    for picked in pick(api, given, &given.words).await? {
        let kind = match given.value("type") {
            None | Some("strategic") => patch_kind(&picked.resource).0,
            Some("merge") => MERGE,
            Some("json") => JSON_PATCH,
            Some(other) => {
                return Err(Trouble::error(format!("--type must be one of [json merge strategic], not {other:?}")));
            }
        };
        let changed = send(api, dry_run, &picked.path, kind, &body).await?;
        let same = changed.as_ref().is_some_and(|changed| text_of_version(changed) == text_of_version(&picked.object));
        let verb = if same { "patched (no change)" } else { "patched" };
        say_done(changed.as_ref().unwrap_or(&picked.object), given.value("output"), verb, dry_run)?;
    }
    Ok(())
}

fn text_of_version(object: &Value) -> &str {
    text(object, "/metadata/resourceVersion")
}

/// Opens objects in `$KUBE_EDITOR`, `$EDITOR` or vi, and sends what was changed.
///
/// # Errors
///
/// The editor fails, the text is no object, or the server refuses.
pub(crate) async fn edit(api: &Api, given: &Given) -> Result<(), Trouble> {
    for picked in pick(api, given, &given.words).await? {
        let before = without_managed_fields(picked.object.clone());
        let header = "# Please edit the object below. Lines beginning with a '#' will be ignored,\n# and an empty file will abort the edit. If an error occurs while saving this file will be\n# reopened with the relevant failures.\n#\n";
        let original = format!("{header}{}", yaml::write(&before));
        let edited = in_editor(&original, text(&before, "/metadata/name")).await?;
        let empty = edited.lines().all(|line| line.trim().is_empty() || line.starts_with('#'));
        if edited == original || empty {
            output::note("Edit cancelled, no changes made.");
            continue;
        }
        let mut documents = manifest::parse(edited.as_bytes(), "the edited file")?;
        let after = documents.pop().map(|document| document.object).unwrap_or_default();
        let (kind, lists) = patch_kind(&picked.resource);
        let Some(mut change) = three_way(&before, &after, &before, lists) else {
            output::note("Edit cancelled, no changes made.");
            continue;
        };
        // Whoever edits an old version must be told, not overwrite.
        if let (Some(change), Some(version)) = (change.as_object_mut(), before.pointer("/metadata/resourceVersion")) {
            let metadata = change.entry("metadata").or_insert_with(|| json!({}));
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.entry("resourceVersion").or_insert_with(|| version.clone());
            }
        }
        let path = join(
            &picked.path,
            &[("fieldManager", "kubectl-edit"), ("fieldValidation", super::apply::validation(given))],
        );
        let changed = api.patch(&path, kind, &change).await?;
        say_done(&changed, given.value("output"), "edited", DryRun::No)?;
    }
    Ok(())
}

async fn in_editor(content: &str, name: &str) -> Result<String, Trouble> {
    let editor = ["KUBE_EDITOR", "EDITOR"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|editor| !editor.is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    let failed = |what: &str, error: std::io::Error| Trouble::error(format!("unable to {what}: {error}"));
    let folder = std::env::temp_dir();
    let safe: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let path = folder.join(format!("kubectl-edit-{}-{safe}.yaml", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&path).and_then(|mut file| file.write_all(content.as_bytes()));
    written.map_err(|error| failed("write the temporary file", error))?;
    // The variable may hold arguments (`code -w`): a shell takes it apart, as kubectl has it done.
    let status = tokio::process::Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(&path)
        .stdin(Stdio::inherit())
        .status()
        .await;
    let edited = std::fs::read_to_string(&path);
    let _already_gone = std::fs::remove_file(&path);
    match status {
        Ok(status) if status.success() => edited.map_err(|error| failed("read the edited file", error)),
        Ok(status) => Err(Trouble::error(format!("there was a problem with the editor {editor:?}: {status}"))),
        Err(error) => Err(failed("launch the editor", error)),
    }
}
