//! `describe`: an object in words, with its events. What has no description of its own is shown field by field.

mod cluster;
mod pod;
mod workload;

pub(crate) use self::workload::{replica_sets, revision};

use jiff::Timestamp;
use serde_json::Value;

use super::api::{Api, visible};
use super::flags::{Flag, Given, switch, value};
use super::get::{Query, fetch};
use super::resource::{Resource, Target, targets};
use super::shape::{cell_text, text};
use super::trouble::Trouble;
use super::{age, manifest, tabular};
use crate::output;

/// The flags of `describe`.
pub(crate) const FLAGS: &[Flag] = &[
    switch("all-namespaces", Some('A')),
    value("selector", Some('l')),
    value("filename", Some('f')),
    switch("show-events", None),
];

/// Describes what the words name.
///
/// # Errors
///
/// A type or object is not there, or the server refuses.
pub(crate) async fn run(api: &Api, given: &Given) -> Result<(), Trouble> {
    let mut wanted = targets(api, &given.words).await?;
    for path in given.values("filename") {
        for document in manifest::read(&path)? {
            let (resource, _) = manifest::target(api, &document.object).await?;
            wanted.push(Target { resource, name: Some(text(&document.object, "/metadata/name").to_owned()) });
        }
    }
    if wanted.is_empty() {
        return Err(Trouble::error(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.",
        ));
    }
    let query = Query {
        namespace: (!given.is_on("all-namespaces")).then(|| api.namespace.clone()),
        label: given.value("selector").map(str::to_owned),
        field: None,
    };
    let mut printed = 0;
    for target in &wanted {
        let objects = match fetch(api, target, &query).await {
            Err(trouble) if trouble.is_not_found() && target.name.is_some() => {
                by_prefix(api, target, &query, trouble).await?
            }
            other => other?,
        };
        for object in objects {
            if printed > 0 {
                output::print("\n\n");
            }
            printed += 1;
            let mut page = Page::new(api.clone());
            describe(&mut page, target, &object).await?;
            if !given.is_off("show-events") && has_events(&target.resource) {
                page.events(&target.resource, &object).await?;
            }
            output::print(&page.finish());
        }
    }
    if printed == 0 {
        match &query.namespace {
            Some(namespace) if wanted.iter().any(|target| target.resource.namespaced) => {
                output::note(&format!("No resources found in {namespace} namespace."));
            }
            Some(_) | None => output::note("No resources found"),
        }
    }
    Ok(())
}

/// kubectl takes a name that is not there for the beginning of one.
async fn by_prefix(api: &Api, target: &Target, query: &Query, trouble: Trouble) -> Result<Vec<Value>, Trouble> {
    let prefix = target.name.clone().unwrap_or_default();
    let all = fetch(api, &Target { resource: target.resource.clone(), name: None }, query).await?;
    let found: Vec<Value> =
        all.into_iter().filter(|object| text(object, "/metadata/name").starts_with(&prefix)).collect();
    if found.is_empty() { Err(trouble) } else { Ok(found) }
}

fn has_events(resource: &Resource) -> bool {
    !matches!(resource.plural.as_ref(), "namespaces" | "limitranges" | "resourcequotas" | "events" | "secrets")
}

async fn describe(page: &mut Page, target: &Target, object: &Value) -> Result<(), Trouble> {
    match (target.resource.group.as_ref(), target.resource.plural.as_ref()) {
        ("", "pods") => pod::describe(page, object),
        ("apps", "deployments") => workload::deployment(page, object).await?,
        ("apps", "replicasets") => workload::replica_set(page, object).await?,
        ("", "nodes") => cluster::node(page, object).await?,
        ("", "namespaces") => cluster::namespace(page, object).await?,
        ("", "limitranges") => cluster::limit_range(page, object),
        ("", "resourcequotas") => cluster::quota(page, object),
        ("", "services") => workload::service(page, object).await?,
        ("", "configmaps") => cluster::config_map(page, object),
        ("", "secrets") => cluster::secret(page, object),
        ("", "serviceaccounts") => cluster::service_account(page, object),
        _ => generic(page, object),
    }
    Ok(())
}

/// A description under way: lines whose cells are parted by tabs.
pub(crate) struct Page {
    api: Api,
    now: Timestamp,
    lines: String,
}

impl Page {
    /// An empty page.
    pub(crate) fn new(api: Api) -> Page {
        Page { api, now: Timestamp::now(), lines: String::new() }
    }

    /// Adds a line. Cells are parted by tabs; control characters from the server are taken out.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.lines.push_str(&visible(line.as_ref()).replace('\n', " "));
        self.lines.push('\n');
    }

    /// Adds text as it is, over several lines.
    pub(crate) fn verbatim(&mut self, text: &str) {
        self.lines.push_str(&visible(text).replace('\t', "    "));
        self.lines.push('\n');
    }

    /// Adds `Title:` and a value; `<none>` where it is empty.
    pub(crate) fn field(&mut self, title: &str, value: &str) {
        let value = if value.is_empty() { "<none>" } else { value };
        self.line(format!("{title}:\t{value}"));
    }

    /// Adds a map of labels or annotations, one pair a line, indented.
    pub(crate) fn pairs(&mut self, indent: &str, title: &str, map: Option<&Value>, between: &str) {
        let map = map.and_then(Value::as_object);
        let pairs: Vec<String> = map
            .into_iter()
            .flatten()
            .filter(|(key, _)| *key != super::patch::LAST_APPLIED)
            .map(|(key, value)| {
                let value = value.as_str().unwrap_or_default();
                let short: String = value.chars().take(LONGEST_ANNOTATION).collect();
                format!("{key}{between}{}", if short.len() < value.len() { format!("{short}...") } else { short })
            })
            .collect();
        if pairs.is_empty() {
            self.line(format!("{indent}{title}:\t<none>"));
        }
        for (index, pair) in pairs.iter().enumerate() {
            if index == 0 {
                self.line(format!("{indent}{title}:\t{pair}"));
            } else {
                self.line(format!("{indent}\t{pair}"));
            }
        }
    }

    /// The head that most objects share.
    pub(crate) fn head(&mut self, object: &Value) {
        self.field("Name", text(object, "/metadata/name"));
        let namespace = text(object, "/metadata/namespace");
        if !namespace.is_empty() {
            self.field("Namespace", namespace);
        }
    }

    /// Labels and annotations.
    pub(crate) fn labels(&mut self, object: &Value) {
        self.pairs("", "Labels", object.pointer("/metadata/labels"), "=");
        self.pairs("", "Annotations", object.pointer("/metadata/annotations"), ": ");
    }

    /// The age of an instant.
    pub(crate) fn age(&self, at: &str) -> String {
        age::since(Some(at).filter(|at| !at.is_empty()), self.now)
    }

    /// Events about an object, oldest first.
    async fn events(&mut self, resource: &Resource, object: &Value) -> Result<(), Trouble> {
        let name = text(object, "/metadata/name");
        let uid = text(object, "/metadata/uid");
        // A node's events name the node as their UID too.
        let by = if resource.plural == "nodes" {
            format!("involvedObject.kind=Node,involvedObject.name={name}")
        } else {
            format!("involvedObject.name={name},involvedObject.uid={uid}")
        };
        let namespace = match text(object, "/metadata/namespace") {
            "" => None,
            namespace => Some(namespace.to_owned()),
        };
        let query = Query { namespace, label: None, field: Some(by) };
        let mut events = fetch(&self.api, &Target { resource: Resource::of("events"), name: None }, &query).await?;
        if events.is_empty() {
            self.line("Events:\t<none>");
            return Ok(());
        }
        events.sort_by_key(|event| last_seen(event).to_owned());
        self.line("Events:\n".trim_end());
        self.line("  Type\tReason\tAge\tFrom\tMessage");
        self.line("  ----\t------\t----\t----\t-------");
        for event in &events {
            let line = format!(
                "  {}\t{}\t{}\t{}\t{}",
                text(event, "/type"),
                text(event, "/reason"),
                self.event_age(event),
                source(event),
                cell_text(text(event, "/message").trim()),
            );
            self.line(line);
        }
        Ok(())
    }

    /// `3m`, or `3m (x4 over 10m)` for a repeated event.
    pub(crate) fn event_age(&self, event: &Value) -> String {
        let first = match text(event, "/firstTimestamp") {
            "" => text(event, "/eventTime"),
            first => first,
        };
        let count = event.pointer("/series/count").or_else(|| event.get("count")).and_then(Value::as_i64).unwrap_or(1);
        if count > 1 {
            format!("{} (x{count} over {})", self.age(last_seen(event)), self.age(first))
        } else {
            self.age(if first.is_empty() { last_seen(event) } else { first })
        }
    }

    fn finish(self) -> String {
        tabular::lay_out(&self.lines, tabular::DESCRIPTION)
    }
}

/// Annotations beyond this many characters are cut.
const LONGEST_ANNOTATION: usize = 140;

/// When an event was seen last.
pub(crate) fn last_seen(event: &Value) -> &str {
    ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"]
        .into_iter()
        .map(|pointer| text(event, pointer))
        .find(|at| !at.is_empty())
        .unwrap_or_default()
}

fn source(event: &Value) -> &str {
    match text(event, "/source/component") {
        "" => text(event, "/reportingComponent"),
        component => component,
    }
}

/// An object without a description of its own, field by field, as kubectl shows custom resources.
fn generic(page: &mut Page, object: &Value) {
    page.head(object);
    page.labels(object);
    page.field("API Version", text(object, "/apiVersion"));
    page.field("Kind", text(object, "/kind"));
    let hidden = ["apiVersion", "kind", "metadata"];
    for (key, value) in object.as_object().into_iter().flatten().filter(|(key, _)| !hidden.contains(&key.as_str())) {
        tree(page, "", &title(key), value);
    }
}

fn tree(page: &mut Page, indent: &str, name: &str, value: &Value) {
    let deeper = format!("{indent}  ");
    match value {
        Value::Object(map) => {
            page.line(format!("{indent}{name}:"));
            for (key, value) in map {
                tree(page, &deeper, &title(key), value);
            }
        }
        Value::Array(items) => {
            page.line(format!("{indent}{name}:"));
            for item in items {
                match item {
                    Value::Object(map) => {
                        for (key, value) in map {
                            tree(page, &deeper, &title(key), value);
                        }
                    }
                    other => page.line(format!("{deeper}{}", super::jsonpath::text_of(other))),
                }
            }
        }
        other => page.line(format!("{indent}{name}:\t{}", super::jsonpath::text_of(other))),
    }
}

/// `lastTransitionTime` → `Last Transition Time`.
fn title(key: &str) -> String {
    let mut out = String::new();
    for (index, character) in key.chars().enumerate() {
        if index == 0 {
            out.extend(character.to_uppercase());
        } else {
            if character.is_uppercase() {
                out.push(' ');
            }
            out.push(character);
        }
    }
    out
}

/// Labels on one line: `a=b,c=d`.
pub(crate) fn joined(map: Option<&Value>) -> String {
    let pairs: Vec<String> = map
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.join(",")
}

/// The list at a pointer; empty where there is none.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A whole number at a pointer; 0 where there is none.
pub(crate) fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// A Pod template in words, for `rollout history --revision`.
pub(crate) fn template_text(api: &Api, template: &Value) -> String {
    let mut page = Page::new(api.clone());
    pod::template(&mut page, template);
    page.finish()
}
