//! `get` and `events`: tables from the server, or objects in another shape; `-w` follows.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::api::{self, Api};
use super::flags::{Flag, Given, switch, value};
use super::jsonpath::Template;
use super::resource::{Resource, Target, escape, targets};
use super::shape::{Columns, One, Shape, cell_text, text, without_managed_fields};
use super::tabular::Growing;
use super::trouble::Trouble;
use super::{age, manifest};
use crate::output;

/// The flags of `get`.
pub(crate) const FLAGS: &[Flag] = &[
    value("output", Some('o')),
    switch("all-namespaces", Some('A')),
    value("selector", Some('l')),
    value("field-selector", None),
    switch("watch", Some('w')),
    switch("watch-only", None),
    switch("show-labels", None),
    switch("show-kind", None),
    value("label-columns", Some('L')),
    value("sort-by", None),
    switch("no-headers", None),
    switch("ignore-not-found", None),
    switch("show-managed-fields", None),
    value("filename", Some('f')),
    value("chunk-size", None),
];

/// Prints what the words name.
///
/// # Errors
///
/// A type or object is not there, or the server refuses.
pub(crate) async fn run(api: &Api, given: &Given) -> Result<(), Trouble> {
    let shape = Shape::read(given.value("output"))?;
    let shape = if given.is_on("no-headers") { shape.without_headers() } else { shape };
    let mut wanted = targets(api, &given.words).await?;
    for path in given.values("filename") {
        for document in manifest::read(&path)? {
            let target = manifest::target(api, &document.object).await?;
            wanted.push(Target { resource: target.0, name: Some(text(&document.object, "/metadata/name").to_owned()) });
        }
    }
    if wanted.is_empty() {
        return Err(Trouble::error(
            "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples",
        ));
    }
    let everywhere = given.is_on("all-namespaces");
    if everywhere && wanted.iter().any(|target| target.name.is_some() && target.resource.namespaced) {
        return Err(Trouble::error("a resource cannot be retrieved by name across all namespaces"));
    }
    let query = Query {
        namespace: (!everywhere).then(|| api.namespace.clone()),
        label: given.value("selector").map(str::to_owned),
        field: given.value("field-selector").map(str::to_owned),
    };
    if wanted.iter().any(|target| target.name.is_some()) && (query.label.is_some() || query.field.is_some()) {
        return Err(Trouble::error("name cannot be provided when a selector is specified"));
    }
    match &shape {
        Shape::Table(columns) => tables(api, given, &wanted, &query, *columns).await,
        _ => objects(api, given, &wanted, &query, &shape).await,
    }
}

/// Which objects of a collection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// The Namespace; `None` for all.
    pub(crate) namespace: Option<String>,
    /// A label selector.
    pub(crate) label: Option<String>,
    /// A field selector.
    pub(crate) field: Option<String>,
}

impl Query {
    /// The path of a target's collection or object, with the selectors and `more` behind the question mark.
    pub(crate) fn path(&self, target: &Target, more: &[(&str, &str)]) -> String {
        let path = target.resource.path(self.namespace.as_deref(), target.name.as_deref());
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        if target.name.is_none() {
            pairs.extend(self.label.as_deref().map(|label| ("labelSelector", label)));
            pairs.extend(self.field.as_deref().map(|field| ("fieldSelector", field)));
        }
        pairs.extend(more);
        join(&path, &pairs)
    }
}

/// A path and its query.
pub(crate) fn join(path: &str, pairs: &[(&str, &str)]) -> String {
    let query: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={}", escape(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// Reads a target's objects, each with its `apiVersion` and `kind`.
///
/// # Errors
///
/// The server refuses.
pub(crate) async fn fetch(api: &Api, target: &Target, query: &Query) -> Result<Vec<Value>, Trouble> {
    let answer = api.get(&query.path(target, &[])).await?;
    if target.name.is_some() {
        return Ok(vec![answer]);
    }
    Ok(items(answer, &target.resource))
}

/// The items of a list, each with its `apiVersion` and `kind`, which lists leave out.
fn items(mut list: Value, resource: &Resource) -> Vec<Value> {
    let items = match list.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        Some(_) | None => Vec::new(),
    };
    items
        .into_iter()
        .map(|mut item| {
            if let Some(map) = item.as_object_mut() {
                map.entry("apiVersion").or_insert_with(|| Value::String(resource.api_version()));
                map.entry("kind").or_insert_with(|| Value::String(resource.kind.to_string()));
            }
            item
        })
        .collect()
}

async fn objects(api: &Api, given: &Given, wanted: &[Target], query: &Query, shape: &Shape) -> Result<(), Trouble> {
    let clean = |object: Value| {
        if given.is_on("show-managed-fields") { object } else { without_managed_fields(object) }
    };
    let mut found = Vec::new();
    let mut failed = false;
    for target in wanted {
        match fetch(api, target, query).await {
            Ok(objects) => found.extend(objects.into_iter().map(clean)),
            Err(trouble)
                if trouble.is_not_found()
                    && (given.is_on("ignore-not-found") || wanted.len() > ALONE && target.name.is_none()) => {}
            Err(trouble) if wanted.len() == ALONE => return Err(trouble),
            Err(trouble) => {
                output::note(&trouble.to_string());
                failed = true;
            }
        }
    }
    if let Some(by) = given.value("sort-by") {
        sort(&mut found, by, |object| object)?;
    }
    let one = match wanted {
        [Target { name: Some(_), .. }] => One::Object,
        _ => One::List,
    };
    if !(found.is_empty() && (one == One::Object || *shape == Shape::Name)) {
        output::print(&shape.print(&found, one));
    }
    if failed {
        return Err(Trouble::AlreadySaid);
    }
    if given.is_on("watch") {
        let Some(target) = wanted.first() else { return Ok(()) };
        let mut events = watch(api, target, query, api::JSON, None).await?;
        while let Some((_, object)) = events.event().await? {
            output::print(&shape.print(&[clean(object)], One::Object));
        }
    }
    Ok(())
}

/// One target: what is said about several does not apply.
const ALONE: usize = 1;

async fn tables(api: &Api, given: &Given, wanted: &[Target], query: &Query, columns: Columns) -> Result<(), Trouble> {
    // Names of one type come in one table.
    let mut groups: Vec<(Resource, Vec<&Target>)> = Vec::new();
    for target in wanted {
        match groups.iter_mut().find(|(resource, _)| *resource == target.resource) {
            Some((_, targets)) => targets.push(target),
            None => groups.push((target.resource.clone(), vec![target])),
        }
    }
    let several = groups.len() > 1 || given.words.first().is_some_and(|word| word == "all");
    let mut printed = 0;
    let mut failed = false;
    let mut lists = 0;
    for (resource, targets) in &groups {
        let style = Style {
            columns,
            namespace: query.namespace.is_none() && resource.namespaced,
            prefix: (several || given.is_on("show-kind")).then(|| resource.prefix()),
            show_labels: given.is_on("show-labels"),
            label_columns: given
                .values("label-columns")
                .iter()
                .flat_map(|value| value.split(','))
                .map(str::to_owned)
                .collect(),
        };
        let mut grid = Grid::default();
        let mut version = None;
        for target in targets {
            let include = if given.value("sort-by").is_some() { "Object" } else { "Metadata" };
            let path = query.path(target, &[("includeObject", include)]);
            match api.json(http::Method::GET, &path, api::TABLE).await {
                Ok(answer) => {
                    version = answer.pointer("/metadata/resourceVersion").and_then(Value::as_str).map(str::to_owned);
                    grid.add(&answer, &style);
                }
                // A type that this server lacks is no fault of `get all`, nor one of several names with the flag.
                Err(trouble)
                    if trouble.is_not_found()
                        && (given.is_on("ignore-not-found") || several && target.name.is_none()) => {}
                Err(trouble) if wanted.len() == ALONE => return Err(trouble),
                Err(trouble) => {
                    output::note(&trouble.to_string());
                    failed = true;
                }
            }
        }
        lists += usize::from(targets.iter().any(|target| target.name.is_none()));
        if let Some(by) = given.value("sort-by") {
            sort(&mut grid.rows, by, |row| &row.object)?;
        }
        let follow = given.is_on("watch") || given.is_on("watch-only");
        if grid.rows.is_empty() && !follow {
            continue;
        }
        if printed > 0 {
            output::print("\n");
        }
        printed += 1;
        let mut widths = Growing::default();
        let mut lines = Vec::new();
        if !given.is_on("no-headers") {
            lines.push(grid.headers.clone());
        }
        if !given.is_on("watch-only") {
            lines.extend(grid.rows.iter().map(|row| row.cells.clone()));
        }
        if !(follow && grid.rows.is_empty()) {
            output::print(&widths.rows(&lines));
        }
        if let (true, Some(target)) = (follow, targets.first()) {
            return follow_table(api, target, query, &style, grid, widths, version).await;
        }
    }
    if failed {
        return Err(Trouble::AlreadySaid);
    }
    if printed == 0 && lists > 0 {
        let namespaced = wanted.iter().any(|target| target.resource.namespaced);
        match &query.namespace {
            Some(namespace) if namespaced => output::note(&format!("No resources found in {namespace} namespace.")),
            Some(_) | None => output::note("No resources found"),
        }
    }
    Ok(())
}

async fn follow_table(
    api: &Api,
    target: &Target,
    query: &Query,
    style: &Style,
    first: Grid,
    mut widths: Growing,
    version: Option<String>,
) -> Result<(), Trouble> {
    let mut events = watch(api, target, query, api::TABLE, version.as_deref()).await?;
    let mut grid = Grid { headers: first.headers, ..Grid::default() };
    let mut headers_due = first.rows.is_empty();
    while let Some((_, table)) = events.event().await? {
        grid.rows.clear();
        grid.add(&table, style);
        let mut lines: Vec<Vec<String>> = grid.rows.iter().map(|row| row.cells.clone()).collect();
        if std::mem::take(&mut headers_due) {
            lines.insert(0, grid.headers.clone());
        }
        if !output::print_bytes(widths.rows(&lines).as_bytes()) {
            return Ok(());
        }
    }
    Ok(())
}

/// Opens a watch on a target from a version on; a name becomes a field selector.
///
/// # Errors
///
/// The server refuses.
pub(crate) async fn watch(
    api: &Api,
    target: &Target,
    query: &Query,
    accept: &str,
    version: Option<&str>,
) -> Result<api::Lines, Trouble> {
    let collection = Target { resource: target.resource.clone(), name: None };
    let mut query = query.clone();
    if let Some(name) = &target.name {
        query.field = Some(format!("metadata.name={name}"));
    }
    let mut more = vec![("watch", "true")];
    more.extend(version.map(|version| ("resourceVersion", version)));
    api.stream(&query.path(&collection, &more), accept).await
}

struct Style {
    columns: Columns,
    namespace: bool,
    prefix: Option<String>,
    show_labels: bool,
    label_columns: Vec<String>,
}

#[derive(Default)]
struct Grid {
    headers: Vec<String>,
    rows: Vec<Row>,
    shown: Vec<usize>,
}

struct Row {
    cells: Vec<String>,
    object: Value,
}

impl Grid {
    /// Adds the rows of a server-side table; a server without tables gives objects, of which name and age are shown.
    fn add(&mut self, answer: &Value, style: &Style) {
        let table;
        let answer = if text(answer, "/kind") == "Table" {
            answer
        } else {
            table = plain_table(answer);
            &table
        };
        let definitions =
            answer.get("columnDefinitions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        // Events of a watch repeat no column definitions (since 1.16); the first table's hold.
        if !definitions.is_empty() {
            self.shown = definitions
                .iter()
                .enumerate()
                .filter(|(_, column)| {
                    style.columns == Columns::Wide || column.get("priority").and_then(Value::as_i64).unwrap_or(0) == 0
                })
                .map(|(index, _)| index)
                .collect();
            let mut headers: Vec<String> = Vec::new();
            if style.namespace {
                headers.push("NAMESPACE".to_owned());
            }
            headers.extend(
                self.shown
                    .iter()
                    .filter_map(|index| definitions.get(*index))
                    .map(|column| cell_text(text(column, "/name")).to_uppercase()),
            );
            headers.extend(
                style.label_columns.iter().map(|label| label.rsplit('/').next().unwrap_or(label).to_uppercase()),
            );
            if style.show_labels {
                headers.push("LABELS".to_owned());
            }
            self.headers = headers;
        }
        for row in answer.get("rows").and_then(Value::as_array).into_iter().flatten() {
            let object = row.get("object").cloned().unwrap_or_default();
            let cells = row.get("cells").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let mut line: Vec<String> = Vec::new();
            if style.namespace {
                line.push(cell_text(text(&object, "/metadata/namespace")));
            }
            for (position, index) in self.shown.iter().enumerate() {
                let cell = cells.get(*index).map(|cell| cell_text(&super::jsonpath::text_of(cell))).unwrap_or_default();
                line.push(match &style.prefix {
                    Some(prefix) if position == 0 => format!("{prefix}/{cell}"),
                    Some(_) | None => cell,
                });
            }
            let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
            line.extend(style.label_columns.iter().map(|label| {
                labels.and_then(|labels| labels.get(label)).and_then(Value::as_str).map(cell_text).unwrap_or_default()
            }));
            if style.show_labels {
                let pairs: Vec<String> = labels
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
                    .collect();
                line.push(if pairs.is_empty() { "<none>".to_owned() } else { cell_text(&pairs.join(",")) });
            }
            self.rows.push(Row { cells: line, object });
        }
    }
}

fn plain_table(answer: &Value) -> Value {
    let objects = match answer.get("items").and_then(Value::as_array) {
        Some(items) => items.clone(),
        None => vec![answer.clone()],
    };
    let now = Timestamp::now();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let born = object.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
            json!({ "cells": [text(object, "/metadata/name"), age::since(born, now)], "object": object })
        })
        .collect();
    json!({ "columnDefinitions": [{ "name": "Name" }, { "name": "Age" }], "rows": rows })
}

fn sort<T>(things: &mut [T], by: &str, object: impl Fn(&T) -> &Value) -> Result<(), Trouble> {
    let template = Template::read(by).map_err(|why| Trouble::error(format!("error parsing jsonpath {by}, {why}")))?;
    let key = |thing: &T| template.values(object(thing)).first().map(|value| (*value).clone());
    things.sort_by(|left, right| match (key(left), key(right)) {
        (Some(left), Some(right)) => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            _ => super::jsonpath::text_of(&left).cmp(&super::jsonpath::text_of(&right)),
        },
        (left, right) => left.is_some().cmp(&right.is_some()),
    });
    Ok(())
}
