//! `wait`: until a condition holds, a field has a value, or an object is gone.

use std::time::Duration;

use serde_json::Value;

use super::api::Api;
use super::change::{Picked, pick};
use super::describe::list;
use super::flags::{Flag, Given, switch, value};
use super::jsonpath::Template;
use super::shape::{name_of, text};
use super::trouble::Trouble;
use crate::output;

/// The flags of `wait`.
pub(crate) const FLAGS: &[Flag] = &[
    value("for", None),
    value("timeout", None),
    value("selector", Some('l')),
    value("field-selector", None),
    value("filename", Some('f')),
    value("output", Some('o')),
    switch("all", None),
    switch("all-namespaces", Some('A')),
];

/// What is waited for.
enum Goal {
    Gone,
    Created,
    Condition { kind: String, status: String },
    Field { template: Template, value: Option<String> },
}

/// Waits.
///
/// # Errors
///
/// Nothing is named, or the time runs out.
pub(crate) async fn run(api: &Api, given: &Given) -> Result<(), Trouble> {
    let goal = goal(given.value("for").unwrap_or_default())?;
    let limit = given.duration("timeout")?.unwrap_or(Duration::from_secs(30));
    // A week is «for ever» to kubectl too.
    let limit = limit.min(Duration::from_secs(7 * 24 * 3600));
    let deadline = tokio::time::Instant::now() + limit;
    let wanted = loop {
        match (pick(api, given, &given.words).await, &goal) {
            (Err(trouble), Goal::Gone) if trouble.is_not_found() => return Ok(()),
            (Ok(picked), Goal::Gone) if picked.is_empty() => return Ok(()),
            (Err(trouble), Goal::Created) if trouble.is_not_found() => {
                if tokio::time::Instant::now() >= deadline {
                    return Err(trouble);
                }
                tokio::time::sleep(PAUSE).await;
            }
            (Ok(picked), _) if picked.is_empty() => {
                return Err(Trouble::error("no matching resources found"));
            }
            (picked, _) => break picked?,
        }
    };
    let mut troubles = Vec::new();
    for picked in &wanted {
        match tokio::time::timeout_at(deadline, reach(api, picked, &goal)).await {
            Ok(done) => {
                done?;
                let word = if matches!(goal, Goal::Gone) { "deleted" } else { "condition met" };
                output::print(&format!("{} {word}\n", name_of(&picked.object)));
            }
            Err(_elapsed) => troubles.push(Trouble::error(format!(
                "timed out waiting for the condition on {}/{}",
                picked.resource.plural,
                text(&picked.object, "/metadata/name")
            ))),
        }
    }
    super::apply::several(troubles)
}

/// How long to wait between two looks. One object is looked at: a watch would save little.
const PAUSE: Duration = Duration::from_millis(200);

fn goal(text: &str) -> Result<Goal, Trouble> {
    let lower = text.to_lowercase();
    if lower == "delete" {
        return Ok(Goal::Gone);
    }
    if lower == "create" {
        return Ok(Goal::Created);
    }
    if lower.starts_with("condition=") {
        let condition = text.get("condition=".len()..).unwrap_or_default();
        let (kind, status) = condition.split_once('=').unwrap_or((condition, "true"));
        return Ok(Goal::Condition { kind: kind.to_owned(), status: status.to_owned() });
    }
    if let Some(rest) = text.strip_prefix("jsonpath=") {
        // `{.a}=b`: the sign behind the closing brace parts path and value.
        let rest = rest.trim_matches('\'');
        let (path, value) = match rest.rfind('}') {
            Some(end) => {
                let (path, tail) = rest.split_at(end + 1);
                (path, tail.strip_prefix('=').map(|value| value.trim_matches('"').to_owned()))
            }
            None => match rest.split_once('=') {
                Some((path, value)) => (path, Some(value.to_owned())),
                None => (rest, None),
            },
        };
        let template = Template::read(path).map_err(Trouble::error)?;
        return Ok(Goal::Field { template, value });
    }
    Err(Trouble::error(format!("unrecognized condition: {text:?}")))
}

async fn reach(api: &Api, picked: &Picked, goal: &Goal) -> Result<(), Trouble> {
    let mut seen = Some(picked.object.clone());
    loop {
        let reached = match (goal, &seen) {
            (Goal::Gone, None) => true,
            (Goal::Gone, Some(object)) => text(object, "/metadata/uid") != text(&picked.object, "/metadata/uid"),
            (Goal::Created, seen) => seen.is_some(),
            (Goal::Condition { .. } | Goal::Field { .. }, None) => {
                return Err(Trouble::error(format!(
                    "{} {:?} was deleted while it was waited for",
                    picked.resource.plural,
                    text(&picked.object, "/metadata/name")
                )));
            }
            (Goal::Condition { kind, status }, Some(object)) => holds(object, kind, status),
            (Goal::Field { template, value }, Some(object)) => {
                let found = template.values(object);
                match value {
                    None => !found.is_empty(),
                    Some(value) => found.iter().any(|found| super::jsonpath::text_of(found) == *value),
                }
            }
        };
        if reached {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
        seen = api.find(&picked.path).await?;
    }
}

fn holds(object: &Value, kind: &str, status: &str) -> bool {
    // A status that speaks of an older generation says nothing yet.
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
    let observed = object.pointer("/status/observedGeneration").and_then(Value::as_i64);
    if observed.is_some_and(|observed| observed < generation) {
        return false;
    }
    list(object, "/status/conditions").iter().any(|condition| {
        text(condition, "/type").eq_ignore_ascii_case(kind) && text(condition, "/status").eq_ignore_ascii_case(status)
    })
}
