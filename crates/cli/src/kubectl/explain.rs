//! `explain`: a type or a field, from the OpenAPI schemas that the server publishes (version 3, else 2).

use serde_json::Value;

use super::api::{self, Api};
use super::flags::{Flag, Given, switch, value};
use super::resource::{Resource, resolve};
use super::shape::text;
use super::trouble::Trouble;
use crate::output;

/// The flags of `explain`.
pub(crate) const FLAGS: &[Flag] = &[switch("recursive", None), value("api-version", None)];

/// Explains a type or field from the server's schemas.
///
/// # Errors
///
/// The server publishes none, or has no such field.
pub(crate) async fn run(api: &Api, given: &Given) -> Result<(), Trouble> {
    let [path] = given.words.as_slice() else {
        return Err(Trouble::error(
            "You must specify the type of resource to explain. Use \"kubectl api-resources\" for a complete list of supported resources.",
        ));
    };
    let mut fields = path.split('.');
    let resource = resolve(api, fields.next().unwrap_or_default()).await?;
    let schemas = Schemas::read(api, &resource).await?;
    let mut here = schemas
        .of_kind(&resource)
        .ok_or_else(|| Trouble::error(format!("couldn't find resource for {:?}", resource.api_version())))?;
    let mut field_text = None;
    let mut last = String::new();
    for field in fields {
        let inner = schemas.resolve(here);
        let found = inner.pointer("/properties").and_then(|properties| properties.get(field));
        let found = found.ok_or_else(|| Trouble::error(format!("field {field:?} does not exist")))?;
        field_text = Some(found);
        last = field.to_owned();
        here = schemas.element(found);
    }
    let mut out = if resource.group.is_empty() {
        format!("KIND:       {}\nVERSION:    {}\n\n", resource.kind, resource.version)
    } else {
        format!("GROUP:      {}\nKIND:       {}\nVERSION:    {}\n\n", resource.group, resource.kind, resource.version)
    };
    let target = schemas.resolve(here);
    if let Some(field) = field_text {
        out.push_str(&format!("FIELD: {last} <{}>\n\n", schemas.type_of(field)));
    }
    out.push_str("DESCRIPTION:\n");
    let mut described = false;
    for text in
        [field_text.map(|field| text(field, "/description")), Some(text(target, "/description"))].into_iter().flatten()
    {
        if !text.is_empty() {
            wrap(text, "    ", &mut out);
            described = true;
        }
    }
    if !described {
        out.push_str("    <empty>\n");
    }
    let depth = if given.is_on("recursive") { DEEPEST_TREE } else { 0 };
    if target.pointer("/properties").is_some() {
        out.push_str("\nFIELDS:\n");
        schemas.fields(target, "  ", depth, &mut out);
    }
    output::print(&api::visible(&out).replace('\t', " "));
    Ok(())
}

/// How deep `explain --recursive` goes: types may hold themselves.
const DEEPEST_TREE: usize = 8;

struct Schemas {
    definitions: Value,
}

impl Schemas {
    async fn read(api: &Api, resource: &Resource) -> Result<Schemas, Trouble> {
        let group = if resource.group.is_empty() {
            format!("api/{}", resource.version)
        } else {
            format!("apis/{}/{}", resource.group, resource.version)
        };
        if let Some(document) = api.find(&format!("/openapi/v3/{group}")).await? {
            let definitions = document.pointer("/components/schemas").cloned().unwrap_or_default();
            return Ok(Schemas { definitions });
        }
        match api.find("/openapi/v2").await? {
            Some(document) => Ok(Schemas { definitions: document.get("definitions").cloned().unwrap_or_default() }),
            None => Err(Trouble::error("the server publishes no OpenAPI schemas: nothing can be explained")),
        }
    }

    fn of_kind(&self, resource: &Resource) -> Option<&Value> {
        let definitions = self.definitions.as_object()?;
        definitions.values().find(|schema| {
            super::describe::list(schema, "/x-kubernetes-group-version-kind").iter().any(|known| {
                text(known, "/kind") == resource.kind
                    && text(known, "/version") == resource.version
                    && text(known, "/group") == resource.group
            })
        })
    }

    /// Follows a reference (`$ref`, or the only member of `allOf`).
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let reference = match text(schema, "/$ref") {
            "" => text(schema, "/allOf/0/$ref"),
            reference => reference,
        };
        let name = reference.rsplit('/').next().unwrap_or_default();
        if name.is_empty() { schema } else { self.definitions.get(name).unwrap_or(schema) }
    }

    /// The schema below a list or map.
    fn element<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let inner = schema.get("items").or_else(|| schema.get("additionalProperties")).unwrap_or(schema);
        self.resolve(inner)
    }

    fn type_of(&self, schema: &Value) -> String {
        let resolved = self.resolve(schema);
        if let Some(items) = schema.get("items") {
            return format!("[]{}", self.type_of(items));
        }
        if let Some(values) = schema.get("additionalProperties") {
            return format!("map[string]{}", self.type_of(values));
        }
        if resolved.pointer("/properties").is_some() {
            let reference = match text(schema, "/$ref") {
                "" => text(schema, "/allOf/0/$ref"),
                reference => reference,
            };
            let name = reference.rsplit(['/', '.']).next().unwrap_or_default();
            return if name.is_empty() { "Object".to_owned() } else { name.to_owned() };
        }
        match text(resolved, "/type") {
            "" => "Object".to_owned(),
            kind => kind.to_owned(),
        }
    }

    fn fields(&self, schema: &Value, indent: &str, depth: usize, out: &mut String) {
        let required = super::describe::list(schema, "/required");
        for (name, field) in schema.pointer("/properties").and_then(Value::as_object).into_iter().flatten() {
            let must = if required.iter().any(|known| known == name) { " -required-" } else { "" };
            out.push_str(&format!("{indent}{name}\t<{}>{must}\n", self.type_of(field)));
            if depth == 0 {
                let own = text(field, "/description");
                let description = if own.is_empty() { text(self.resolve(field), "/description") } else { own };
                wrap(description, &format!("{indent}  "), out);
                out.push('\n');
            } else {
                let inner = self.element(self.resolve(field));
                let inner = if field.get("items").is_some() || field.get("additionalProperties").is_some() {
                    self.element(field)
                } else {
                    inner
                };
                if depth > 1 && inner.pointer("/properties").is_some() {
                    self.fields(inner, &format!("{indent}  "), depth - 1, out);
                }
            }
        }
    }
}

/// Wraps a text at kubectl's width.
fn wrap(text: &str, indent: &str, out: &mut String) {
    for paragraph in text.split("\n\n") {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > 80 {
                out.push_str(&format!("{indent}{line}\n"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            out.push_str(&format!("{indent}{line}\n"));
        }
    }
}
