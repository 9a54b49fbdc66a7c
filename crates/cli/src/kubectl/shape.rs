//! `-o`: how results are printed. Tables come from the server (`as=Table`); the rest is made here from objects.

use serde_json::{Value, json};

use super::api::visible;
use super::jsonpath::Template;
use super::tabular;
use super::trouble::Trouble;
use super::yaml;

/// An output format.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// A table, with all columns where wide.
    Table(Columns),
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// `kind/name`.
    Name,
    /// A JSONPath template.
    JsonPath(Template),
    /// Columns of one's own: header and path.
    Custom(Vec<(String, Template)>, Heading),
}

/// Which columns of the server's table are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// Those of priority 0.
    Usual,
    /// All.
    Wide,
}

impl Shape {
    /// Reads the value of `-o`.
    ///
    /// # Errors
    ///
    /// The format is unknown or its template is broken.
    pub(crate) fn read(output: Option<&str>) -> Result<Shape, Trouble> {
        let Some(output) = output.filter(|output| !output.is_empty()) else { return Ok(Shape::Table(Columns::Usual)) };
        let (name, argument) = output.split_once('=').unwrap_or((output, ""));
        let template = |text: &str| {
            Template::read(text).map_err(|why| Trouble::error(format!("error parsing jsonpath {text}, {why}")))
        };
        match name {
            "wide" => Ok(Shape::Table(Columns::Wide)),
            "json" => Ok(Shape::Json),
            "yaml" => Ok(Shape::Yaml),
            "name" => Ok(Shape::Name),
            "jsonpath" if argument.is_empty() => Err(Trouble::error("template format specified but no template given")),
            "jsonpath" => Ok(Shape::JsonPath(template(argument)?)),
            "custom-columns" if argument.is_empty() => {
                Err(Trouble::error("custom-columns format specified but no custom columns given"))
            }
            "custom-columns" => argument
                .split(',')
                .map(|column| match column.split_once(':') {
                    Some((header, path)) => Ok((header.to_owned(), template(path)?)),
                    None => Err(Trouble::error(format!(
                        "unexpected custom-columns spec: {column}, expected <header>:<json-path-expr>"
                    ))),
                })
                .collect::<Result<Vec<_>, _>>()
                .map(|columns| Shape::Custom(columns, Heading::Shown)),
            other => Err(Trouble::error(format!(
                "unable to match a printer suitable for the output format {other:?}, allowed formats are: custom-columns,json,jsonpath,name,wide,yaml"
            ))),
        }
    }

    /// The same without a line of headers (`--no-headers`).
    pub(crate) fn without_headers(self) -> Shape {
        match self {
            Shape::Custom(columns, _) => Shape::Custom(columns, Heading::Hidden),
            Shape::Table(_) | Shape::Json | Shape::Yaml | Shape::Name | Shape::JsonPath(_) => self,
        }
    }

    /// Prints one object, or a list of them; everything but tables.
    pub(crate) fn print(&self, objects: &[Value], one: One) -> String {
        let whole = || match (one, objects) {
            (One::Object, [object]) => object.clone(),
            _ => json!({ "apiVersion": "v1", "items": objects, "kind": "List", "metadata": { "resourceVersion": "" } }),
        };
        match self {
            Shape::Table(_) => String::new(),
            Shape::Json => {
                let mut text = serde_json::to_string_pretty(&whole()).expect("a JSON value always serialises");
                // serde indents by two blanks; kubectl by four.
                text = text.lines().map(widen).collect();
                text
            }
            Shape::Yaml => yaml::write(&whole()),
            Shape::Name => objects.iter().map(|object| format!("{}\n", name_of(object))).collect(),
            Shape::JsonPath(template) => visible(&template.print(&whole())),
            Shape::Custom(columns, heading) => {
                let headers: Vec<&str> = columns.iter().map(|(header, _)| header.as_str()).collect();
                let mut text = match heading {
                    Heading::Shown => format!("{}\n", headers.join("\t")),
                    Heading::Hidden => String::new(),
                };
                for object in objects {
                    let cells: Vec<String> = columns
                        .iter()
                        .map(|(_, template)| {
                            let found: Vec<String> =
                                template.values(object).into_iter().map(super::jsonpath::text_of).collect();
                            if found.is_empty() { "<none>".to_owned() } else { cell_text(&found.join(",")) }
                        })
                        .collect();
                    text.push_str(&cells.join("\t"));
                    text.push('\n');
                }
                tabular::lay_out(&text, tabular::TABLE)
            }
        }
    }
}

/// Whether custom columns begin with a line of headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heading {
    /// They do.
    Shown,
    /// They do not.
    Hidden,
}

/// Whether the command line asked for one object, or for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum One {
    /// One, by its name.
    Object,
    /// A collection, or several names.
    List,
}

fn widen(line: &str) -> String {
    let body = line.trim_start_matches(' ');
    format!("{}{body}\n", " ".repeat((line.len() - body.len()) * 2))
}

/// `pod/web`, `deployment.apps/web`.
pub(crate) fn name_of(object: &Value) -> String {
    let kind = text(object, "/kind").to_lowercase();
    let api_version = text(object, "/apiVersion");
    let name = visible(text(object, "/metadata/name"));
    match api_version.split_once('/') {
        Some((group, _)) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

/// A text field by its JSON pointer; empty where there is none.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A cell's text on one line, without what would upset the terminal or the columns.
pub(crate) fn cell_text(text: &str) -> String {
    let line = match text.split_once(['\n', '\r']) {
        Some((first, _)) => format!("{first}..."),
        None => text.to_owned(),
    };
    line.chars().filter(|c| !c.is_control()).collect()
}

/// Takes what kubectl does not show out of an object.
pub(crate) fn without_managed_fields(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}
