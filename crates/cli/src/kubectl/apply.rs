//! `apply`: creates or patches, with the last applied configuration kept in an annotation (or server-side).

use serde_json::{Value, json};

use super::api::{Api, MERGE, STRATEGIC};
use super::flags::{Flag, Given, optional, switch, value};
use super::get::join;
use super::manifest::{self, Document};
use super::patch::{LAST_APPLIED, Lists, three_way};
use super::resource::Resource;
use super::shape::{One, Shape, name_of, text, without_managed_fields};
use super::trouble::Trouble;
use crate::output;

/// The flags of `apply`.
pub(crate) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("output", Some('o')),
    optional("dry-run", "unchanged"),
    optional("validate", "strict"),
    switch("server-side", None),
    switch("force-conflicts", None),
    value("field-manager", None),
    switch("record", None),
];

/// Whether anything is really done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DryRun {
    /// It is.
    No,
    /// Nothing is sent.
    Client,
    /// The server goes through it and keeps nothing.
    Server,
}

impl DryRun {
    /// Reads `--dry-run`.
    ///
    /// # Errors
    ///
    /// The value is none of kubectl's.
    pub(crate) fn read(given: &Given) -> Result<DryRun, Trouble> {
        match given.value("dry-run") {
            None | Some("none" | "false") => Ok(DryRun::No),
            Some("client" | "unchanged" | "true") => Ok(DryRun::Client),
            Some("server") => Ok(DryRun::Server),
            Some(other) => Err(Trouble::error(format!(
                "invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            ))),
        }
    }

    /// What follows the verb in messages.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            DryRun::No => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        }
    }

    /// The query parameters of a writing request.
    pub(crate) fn parameters<'a>(self, manager: &'a str, validation: &'a str) -> Vec<(&'static str, &'a str)> {
        let mut pairs = Vec::new();
        if self == DryRun::Server {
            pairs.push(("dryRun", "All"));
        }
        pairs.push(("fieldManager", manager));
        pairs.push(("fieldValidation", validation));
        pairs
    }
}

/// How the server treats unknown fields: `--validate`.
pub(crate) fn validation(given: &Given) -> &'static str {
    match given.value("validate") {
        Some("false" | "ignore") => "Ignore",
        Some("warn") => "Warn",
        Some(_) | None => "Strict",
    }
}

/// Says what was done to an object: a line, or the object in the shape that `-o` asks for.
pub(crate) fn say_done(object: &Value, output: Option<&str>, verb: &str, dry_run: DryRun) -> Result<(), Trouble> {
    match output {
        None => output::print(&format!("{} {verb}{}\n", name_of(object), dry_run.suffix())),
        Some(_) => {
            let shape = Shape::read(output)?;
            output::print(&shape.print(&[without_managed_fields(object.clone())], One::Object));
        }
    }
    Ok(())
}

/// Applies every object of the files; goes on after a refusal, as kubectl does.
///
/// # Errors
///
/// A file is no manifest, or the server refused an object.
pub(crate) async fn run(api: &Api, given: &Given) -> Result<(), Trouble> {
    let documents = manifest::read_all(&given.values("filename"))?;
    let mut troubles = Vec::new();
    for document in &documents {
        if let Err(trouble) = apply(api, given, document).await {
            troubles.push(trouble);
        }
    }
    several(troubles)
}

/// One failure is reported by the caller; of several, each is said here.
pub(crate) fn several(mut troubles: Vec<Trouble>) -> Result<(), Trouble> {
    match troubles.pop() {
        None => Ok(()),
        Some(only) if troubles.is_empty() => Err(only),
        Some(last) => {
            troubles.push(last);
            for trouble in troubles {
                super::say_trouble(&trouble);
            }
            Err(Trouble::AlreadySaid)
        }
    }
}

async fn apply(api: &Api, given: &Given, document: &Document) -> Result<(), Trouble> {
    let dry_run = DryRun::read(given)?;
    let output = given.value("output");
    manifest::same_namespace(&document.object, given.value("namespace"))?;
    let (resource, namespace) = manifest::target(api, &document.object).await?;
    let name = text(&document.object, "/metadata/name").to_owned();
    if name.is_empty() {
        return Err(Trouble::error(format!(
            "error when retrieving current configuration of:\nResource: {:?}, from {:?}: resource name may not be empty",
            resource.plural, document.source
        )));
    }
    let mut wanted = document.object.clone();
    if let Some(namespace) = &namespace {
        set(&mut wanted, "namespace", json!(namespace));
    }
    let path = resource.path(namespace.as_deref(), Some(&name));
    if given.is_on("server-side") {
        return server_side(api, given, &path, &wanted, &document.source).await;
    }
    let doing = |what: &str| format!("error when {what} {:?}", document.source);
    let live =
        api.find(&path).await.map_err(|trouble| trouble.while_doing(doing("retrieving current configuration of")))?;
    annotate(&mut wanted);
    let Some(live) = live else {
        let created = if dry_run == DryRun::Client {
            wanted
        } else {
            let collection = resource.path(namespace.as_deref(), None);
            let parameters = dry_run.parameters("kubectl-client-side-apply", validation(given));
            let path = join(&collection, &parameters);
            api.post(&path, &wanted).await.map_err(|trouble| trouble.while_doing(doing("creating")))?
        };
        return say_done(&created, output, "created", dry_run);
    };
    let original = last_applied(&live);
    if original.is_none() {
        output::note(&format!(
            "Warning: resource {}/{name} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.",
            resource.plural
        ));
    }
    let (kind, lists) = patch_kind(&resource);
    let change = three_way(&original.unwrap_or_default(), &wanted, &live, lists);
    match change {
        None => say_done(&live, output, "unchanged", dry_run),
        Some(_) if dry_run == DryRun::Client => say_done(&live, output, "configured", dry_run),
        Some(change) => {
            let path = join(&path, &dry_run.parameters("kubectl-client-side-apply", validation(given)));
            let applied = api
                .patch(&path, kind, &change)
                .await
                .map_err(|trouble| trouble.while_doing(doing("applying patch to the object of")))?;
            // Other writers (status) move the version too, but never between a PATCH and its answer.
            let verb = if version(&applied) == version(&live) { "unchanged" } else { "configured" };
            say_done(&applied, output, verb, dry_run)
        }
    }
}

async fn server_side(api: &Api, given: &Given, path: &str, wanted: &Value, source: &str) -> Result<(), Trouble> {
    let dry_run = DryRun::read(given)?;
    let mut pairs = dry_run.parameters(given.value("field-manager").unwrap_or("kubectl"), validation(given));
    pairs.push(("force", if given.is_on("force-conflicts") { "true" } else { "false" }));
    let applied = api
        .patch(&join(path, &pairs), "application/apply-patch+yaml", wanted)
        .await
        .map_err(|trouble| trouble.while_doing(format!("error when patching {source:?}")))?;
    say_done(&applied, given.value("output"), "serverside-applied", dry_run)
}

fn version(object: &Value) -> &str {
    text(object, "/metadata/resourceVersion")
}

/// Which patch a type understands.
pub(crate) fn patch_kind(resource: &Resource) -> (&'static str, Lists) {
    let ours = !resource.group.contains('.') || resource.group.ends_with(".k8s.io");
    if ours { (STRATEGIC, Lists::ByKey) } else { (MERGE, Lists::Whole) }
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert(key.to_owned(), value);
    }
}

/// What was last applied, where the annotation is there and reads.
pub(crate) fn last_applied(live: &Value) -> Option<Value> {
    let text = live.pointer("/metadata/annotations")?.get(LAST_APPLIED)?.as_str()?;
    serde_json::from_str(text).ok()
}

/// Writes the object into its own annotation, as `kubectl apply` does: with an (empty) map of annotations inside.
pub(crate) fn annotate(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if !annotations.is_object() {
        *annotations = json!({});
    }
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.remove(LAST_APPLIED);
    }
    let text = format!("{object}\n");
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.insert(LAST_APPLIED.to_owned(), Value::String(text));
    }
}
