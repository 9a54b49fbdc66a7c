//! `rollout`: status, history, undo, restart, pause and resume of Deployments.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::api::{Api, JSON_PATCH, STRATEGIC};
use super::apply::{DryRun, say_done};
use super::change::{Picked, pick};
use super::describe::{list, number, replica_sets, revision};
use super::flags::{Flag, Given, optional, switch, value};
use super::shape::{name_of, text};
use super::tabular;
use super::trouble::Trouble;
use crate::output;

/// The flags of `rollout`.
pub(crate) const FLAGS: &[Flag] = &[
    switch("watch", Some('w')),
    value("timeout", None),
    value("revision", None),
    value("to-revision", None),
    value("selector", Some('l')),
    value("filename", Some('f')),
    value("output", Some('o')),
    optional("dry-run", "unchanged"),
];

/// Does what the second word says.
///
/// # Errors
///
/// The word is unknown, the object is no Deployment, or the server refuses.
pub(crate) async fn run(api: &Api, given: &Given) -> Result<(), Trouble> {
    let [what, words @ ..] = given.words.as_slice() else {
        return Err(Trouble::UnknownVerb("rollout".to_owned()));
    };
    if !["status", "history", "undo", "restart", "pause", "resume"].contains(&what.as_str()) {
        return Err(Trouble::UnknownVerb(format!("rollout {what}")));
    }
    let picked = pick(api, given, words).await?;
    for deployment in &picked {
        if deployment.resource.plural != "deployments" && what != "restart" {
            return Err(Trouble::UnknownVerb(format!("rollout {what} {}", deployment.resource.plural)));
        }
        match what.as_str() {
            "status" => status(api, given, deployment).await?,
            "history" => history(api, given, deployment).await?,
            "undo" => undo(api, given, deployment).await?,
            "restart" => restart(api, given, deployment).await?,
            "pause" => pause(api, deployment, true).await?,
            _ => pause(api, deployment, false).await?,
        }
    }
    Ok(())
}

async fn status(api: &Api, given: &Given, deployment: &Picked) -> Result<(), Trouble> {
    let limit = given.duration("timeout")?.filter(|limit| !limit.is_zero()).unwrap_or(Duration::MAX);
    let follow = async {
        let mut said = String::new();
        loop {
            let object = api.get(&deployment.path).await?;
            let (sentence, done) = progress(&object)?;
            if sentence != said {
                output::print(&sentence);
                said = sentence;
            }
            if done || given.is_off("watch") {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    // A limit beyond a week overflows the timer, and means «for ever» anyway.
    match tokio::time::timeout(limit.min(Duration::from_secs(7 * 24 * 3600)), follow).await {
        Ok(result) => result,
        Err(_elapsed) => Err(Trouble::error("timed out waiting for the condition")),
    }
}

/// Where a rollout stands, in kubectl's words, and whether it is over.
fn progress(object: &Value) -> Result<(String, bool), Trouble> {
    let name = text(object, "/metadata/name");
    if number(object, "/status/observedGeneration") < number(object, "/metadata/generation") {
        return Ok(("Waiting for deployment spec update to be observed...\n".to_owned(), false));
    }
    let failed = list(object, "/status/conditions").iter().any(|condition| {
        text(condition, "/type") == "Progressing" && text(condition, "/reason") == "ProgressDeadlineExceeded"
    });
    if failed {
        return Err(Trouble::error(format!("deployment {name:?} exceeded its progress deadline")));
    }
    let wanted = number(object, "/spec/replicas");
    let updated = number(object, "/status/updatedReplicas");
    let total = number(object, "/status/replicas");
    let available = number(object, "/status/availableReplicas");
    let head = format!("Waiting for deployment {name:?} rollout to finish: ");
    Ok(if updated < wanted {
        (format!("{head}{updated} out of {wanted} new replicas have been updated...\n"), false)
    } else if total > updated {
        (format!("{head}{} old replicas are pending termination...\n", total - updated), false)
    } else if available < updated {
        (format!("{head}{available} of {updated} updated replicas are available...\n"), false)
    } else {
        (format!("deployment {name:?} successfully rolled out\n"), true)
    })
}

async fn history(api: &Api, given: &Given, deployment: &Picked) -> Result<(), Trouble> {
    let sets = replica_sets(api, &deployment.object).await?;
    if let Some(wanted) = given.number("revision")? {
        let set = sets.iter().find(|set| revision(set) == wanted);
        let set = set.ok_or_else(|| Trouble::error("unable to find the specified revision"))?;
        output::print(&format!("{} with revision #{wanted}\n", name_of(&deployment.object)));
        output::print(&super::describe::template_text(api, set.pointer("/spec/template").unwrap_or(&Value::Null)));
        return Ok(());
    }
    let mut text = String::from("REVISION\tCHANGE-CAUSE\n");
    for set in &sets {
        let cause = set
            .pointer("/metadata/annotations/kubernetes.io~1change-cause")
            .and_then(Value::as_str)
            .unwrap_or("<none>");
        text.push_str(&format!("{}\t{}\n", revision(set), super::shape::cell_text(cause)));
    }
    output::print(&format!("{} \n{}\n", name_of(&deployment.object), tabular::lay_out(&text, tabular::DESCRIPTION)));
    Ok(())
}

async fn undo(api: &Api, given: &Given, deployment: &Picked) -> Result<(), Trouble> {
    let dry_run = DryRun::read(given)?;
    let sets = replica_sets(api, &deployment.object).await?;
    let current = revision(&deployment.object);
    let wanted = given.number("to-revision")?.filter(|wanted| *wanted != 0);
    let target = match wanted {
        Some(wanted) => sets.iter().find(|set| revision(set) == wanted),
        None => sets.iter().rev().find(|set| revision(set) < current),
    };
    let Some(target) = target else {
        return Err(Trouble::error(match wanted {
            Some(wanted) => format!("unable to find specified revision {wanted} in history"),
            None => format!("no rollout history found for deployment {:?}", text(&deployment.object, "/metadata/name")),
        }));
    };
    let mut template = target.pointer("/spec/template").cloned().unwrap_or_default();
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove("pod-template-hash");
    }
    if Some(&template) == deployment.object.pointer("/spec/template") {
        let verb = format!("skipped rollback (current template already matches revision {})", revision(target));
        return say_done(&deployment.object, None, &verb, dry_run);
    }
    let patch = json!([{ "op": "replace", "path": "/spec/template", "value": template }]);
    if dry_run == DryRun::No {
        api.patch(&deployment.path, JSON_PATCH, &patch).await?;
    }
    say_done(&deployment.object, given.value("output"), "rolled back", dry_run)
}

async fn restart(api: &Api, given: &Given, deployment: &Picked) -> Result<(), Trouble> {
    let at = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let annotations = json!({ "kubectl.kubernetes.io/restartedAt": at });
    let patch = json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } });
    api.patch(&deployment.path, STRATEGIC, &patch).await?;
    say_done(&deployment.object, given.value("output"), "restarted", DryRun::No)
}

async fn pause(api: &Api, deployment: &Picked, paused: bool) -> Result<(), Trouble> {
    let is_paused = deployment.object.pointer("/spec/paused") == Some(&Value::Bool(true));
    let word = if paused { "paused" } else { "resumed" };
    if is_paused == paused {
        return Err(Trouble::error(format!("{} is already {word}", name_of(&deployment.object))));
    }
    api.patch(&deployment.path, STRATEGIC, &json!({ "spec": { "paused": paused } })).await?;
    say_done(&deployment.object, None, word, DryRun::No)
}
