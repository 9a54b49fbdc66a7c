//! `delete`: by name, by file, by label or all of a Namespace; waits until things are gone.

use std::time::Duration;

use serde_json::{Value, json};

use super::api::Api;
use super::apply::{DryRun, several};
use super::flags::{Flag, Given, optional, switch, value};
use super::get::{Query, fetch, join};
use super::manifest;
use super::resource::{Resource, targets};
use super::shape::text;
use super::trouble::Trouble;
use crate::output;

/// The flags of `delete`.
pub(crate) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("selector", Some('l')),
    value("field-selector", None),
    switch("all", None),
    switch("all-namespaces", Some('A')),
    switch("wait", None),
    switch("now", None),
    switch("force", None),
    switch("ignore-not-found", None),
    value("grace-period", None),
    value("timeout", None),
    optional("cascade", "background"),
    value("output", Some('o')),
    optional("dry-run", "unchanged"),
];

/// One object to delete.
struct Doomed {
    resource: Resource,
    namespace: Option<String>,
    name: String,
    uid: Option<String>,
}

/// Deletes what the words or files name.
///
/// # Errors
///
/// Nothing is named, something is not there, or the server refuses.
pub(crate) async fn run(api: &Api, given: &Given) -> Result<(), Trouble> {
    let dry_run = DryRun::read(given)?;
    let grace = given.number("grace-period")?.or(given.is_on("now").then_some(1));
    let forced = given.is_on("force");
    let grace = if forced && grace.is_none() { Some(0) } else { grace };
    if grace == Some(0) && !forced {
        // kubectl turns it into 1 as well: an immediate deletion must be forced.
        output::note("warning: --grace-period=0 without --force: the grace period is 1 second");
    }
    if forced && grace == Some(0) {
        output::note(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.",
        );
    }
    let grace = if grace == Some(0) && !forced { Some(1) } else { grace };
    let mut doomed = Vec::new();
    let mut troubles = Vec::new();
    for document in files(given)? {
        let (resource, namespace) = manifest::target(api, &document.object).await?;
        let name = text(&document.object, "/metadata/name").to_owned();
        doomed.push((Doomed { resource, namespace, name, uid: None }, Some(document.source)));
    }
    doomed.extend(named(api, given).await?.into_iter().map(|doomed| (doomed, None)));
    if doomed.is_empty() && !given.is_on("ignore-not-found") {
        output::note("No resources found");
        return Ok(());
    }
    let mut going = Vec::new();
    for (mut target, source) in doomed {
        match delete(api, given, &mut target, grace, dry_run).await {
            Ok(()) => {
                let verb = if forced && grace == Some(0) { "force deleted" } else { "deleted" };
                let name = super::api::visible(&target.name);
                match given.value("output") {
                    Some("name") => output::print(&format!("{}/{name}\n", target.resource.prefix())),
                    Some(_) | None => {
                        output::print(&format!("{} {name:?} {verb}{}\n", target.resource.prefix(), dry_run.suffix()));
                    }
                }
                going.push(target);
            }
            Err(trouble) if trouble.is_not_found() && given.is_on("ignore-not-found") => {}
            Err(trouble) => troubles.push(match source {
                Some(source) => trouble.while_doing(format!("error when deleting {source:?}")),
                None => trouble,
            }),
        }
    }
    if dry_run == DryRun::No && !given.is_off("wait") {
        let limit = given.duration("timeout")?.filter(|limit| !limit.is_zero());
        for target in &going {
            if let Err(trouble) = until_gone(api, target, limit).await {
                troubles.push(trouble);
            }
        }
    }
    several(troubles)
}

fn files(given: &Given) -> Result<Vec<manifest::Document>, Trouble> {
    let paths = given.values("filename");
    if paths.is_empty() { Ok(Vec::new()) } else { manifest::read_all(&paths) }
}

async fn named(api: &Api, given: &Given) -> Result<Vec<Doomed>, Trouble> {
    let everywhere = given.is_on("all-namespaces");
    let query = Query {
        namespace: (!everywhere).then(|| api.namespace.clone()),
        label: given.value("selector").map(str::to_owned),
        field: given.value("field-selector").map(str::to_owned),
    };
    let wanted = targets(api, &given.words).await?;
    if wanted.is_empty() && given.values("filename").is_empty() {
        return Err(Trouble::error(
            "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
        ));
    }
    let picked = query.label.is_some() || query.field.is_some() || given.is_on("all");
    let mut doomed = Vec::new();
    for target in wanted {
        match &target.name {
            Some(name) => doomed.push(Doomed {
                namespace: query.namespace.clone(),
                name: name.clone(),
                uid: None,
                resource: target.resource,
            }),
            None if !picked => {
                return Err(Trouble::error(
                    "resource(s) were provided, but no name was specified; specify a name, label selector, or --all flag",
                ));
            }
            None => match fetch(api, &target, &query).await {
                Ok(objects) => doomed.extend(objects.iter().map(|object| Doomed {
                    resource: target.resource.clone(),
                    namespace: Some(text(object, "/metadata/namespace").to_owned()),
                    name: text(object, "/metadata/name").to_owned(),
                    uid: Some(text(object, "/metadata/uid").to_owned()),
                })),
                // `delete all` meets types that a server does not have.
                Err(trouble) if trouble.is_not_found() => {}
                Err(trouble) => return Err(trouble),
            },
        }
    }
    Ok(doomed)
}

async fn delete(
    api: &Api,
    given: &Given,
    target: &mut Doomed,
    grace: Option<i64>,
    dry_run: DryRun,
) -> Result<(), Trouble> {
    let path = target.resource.path(target.namespace.as_deref(), Some(&target.name));
    if dry_run == DryRun::Client {
        return api.get(&path).await.map(|_there| ());
    }
    let policy = match given.value("cascade") {
        Some("orphan" | "false") => "Orphan",
        Some("foreground") => "Foreground",
        Some(_) | None => "Background",
    };
    let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy });
    if let Some(seconds) = grace.filter(|seconds| *seconds >= 0) {
        options["gracePeriodSeconds"] = json!(seconds);
    }
    let parameters: &[(&str, &str)] = if dry_run == DryRun::Server { &[("dryRun", "All")] } else { &[] };
    let answer = api.delete(&join(&path, parameters), &options).await?;
    let uid = [text(&answer, "/metadata/uid"), text(&answer, "/details/uid")].into_iter().find(|uid| !uid.is_empty());
    target.uid = uid.map(str::to_owned).or(target.uid.take());
    Ok(())
}

/// Waits until the object is gone, or another of its name has taken its place.
async fn until_gone(api: &Api, target: &Doomed, limit: Option<Duration>) -> Result<(), Trouble> {
    let path = target.resource.path(target.namespace.as_deref(), Some(&target.name));
    let gone = async {
        let mut pause = Duration::from_millis(20);
        loop {
            match api.find(&path).await? {
                None => return Ok(()),
                Some(object) => {
                    let uid = Some(text(&object, "/metadata/uid"));
                    if target.uid.is_some() && target.uid.as_deref() != uid {
                        return Ok(());
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    };
    match limit {
        None => gone.await,
        Some(limit) => tokio::time::timeout(limit, gone).await.unwrap_or_else(|_elapsed| {
            Err(Trouble::error(format!(
                "timed out waiting for the condition on {}/{}",
                target.resource.plural, target.name
            )))
        }),
    }
}

/// Deletes one Pod, for `drain`.
///
/// # Errors
///
/// The server refuses.
pub(crate) async fn remove_pod(api: &Api, pod: &Value) -> Result<(), Trouble> {
    let resource = Resource::of("pods");
    let path = resource.path(Some(text(pod, "/metadata/namespace")), Some(text(pod, "/metadata/name")));
    let eviction = json!({
        "apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": { "name": text(pod, "/metadata/name"), "namespace": text(pod, "/metadata/namespace") },
    });
    match api.post(&format!("{path}/eviction"), &eviction).await {
        Ok(_) => {}
        // A server without evictions (or with an older version of them) still deletes.
        Err(trouble) if matches!(trouble.code(), Some(404 | 405 | 400)) => {
            api.delete(&path, &json!({ "apiVersion": "v1", "kind": "DeleteOptions" })).await?;
        }
        Err(trouble) => return Err(trouble),
    }
    let doomed = Doomed {
        resource,
        namespace: Some(text(pod, "/metadata/namespace").to_owned()),
        name: text(pod, "/metadata/name").to_owned(),
        uid: Some(text(pod, "/metadata/uid").to_owned()),
    };
    until_gone(api, &doomed, None).await
}
