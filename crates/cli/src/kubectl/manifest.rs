//! Manifests from files, folders and standard input: YAML or JSON, several documents, lists taken apart.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::api::Api;
use super::resource::{Resource, resolve_kind};
use super::shape::text;
use super::trouble::Trouble;

/// The largest manifest that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// One object of a manifest, and where it stood.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// The object.
    pub(crate) object: Value,
    /// The file, or `STDIN`.
    pub(crate) source: String,
}

/// Reads what `-f` names: a file, the manifests of a folder, or `-` for standard input.
///
/// # Errors
///
/// Nothing is there, it is too large, or it is no manifest.
pub(crate) fn read(path: &str) -> Result<Vec<Document>, Trouble> {
    if path == "-" {
        let bytes = limited(std::io::stdin().lock(), "STDIN")?;
        return parse(&bytes, "STDIN");
    }
    if path.starts_with("http://") || path.starts_with("https://") {
        return Err(Trouble::error(format!("unable to read URL {path:?}: only local files are read")));
    }
    let metadata =
        fs::metadata(path).map_err(|_missing| Trouble::error(format!("the path {path:?} does not exist")))?;
    if !metadata.is_dir() {
        return read_file(Path::new(path));
    }
    let failed = |error: std::io::Error| Trouble::error(format!("error reading {path:?}: {error}"));
    let mut files: Vec<PathBuf> = fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    files.retain(|file| {
        file.is_file() && file.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json")
    });
    files.sort();
    if files.is_empty() {
        return Err(Trouble::error(format!(
            "error reading [{path}]: recognized file extensions are [.json .yaml .yml]"
        )));
    }
    let mut documents = Vec::new();
    for file in files {
        documents.extend(read_file(&file)?);
    }
    Ok(documents)
}

fn read_file(path: &Path) -> Result<Vec<Document>, Trouble> {
    let name = path.display().to_string();
    let file = fs::File::open(path).map_err(|error| Trouble::error(format!("error reading {name:?}: {error}")))?;
    parse(&limited(file, &name)?, &name)
}

fn limited(reader: impl std::io::Read, name: &str) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    reader
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Trouble::error(format!("error reading {name:?}: {error}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Trouble::error(format!("{name:?} is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(bytes)
}

/// Reads the documents of a text.
///
/// # Errors
///
/// The text is no YAML, or a document has no kind.
pub(crate) fn parse(bytes: &[u8], source: &str) -> Result<Vec<Document>, Trouble> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_not_text| Trouble::error(format!("error parsing {source}: the file is not UTF-8 text")))?;
    let values: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
        let sentence = super::api::visible(&error.to_string());
        let first = sentence.lines().next().unwrap_or_default().to_owned();
        Trouble::error(format!("error parsing {source}: error converting YAML to JSON: yaml: {first}"))
    })?;
    let mut documents = Vec::new();
    for value in values {
        flatten(value, source, &mut documents)?;
    }
    if documents.is_empty() {
        return Err(Trouble::error("no objects passed to apply".to_owned()));
    }
    Ok(documents)
}

fn flatten(value: Value, source: &str, documents: &mut Vec<Document>) -> Result<(), Trouble> {
    if value.is_null() {
        return Ok(());
    }
    let kind = text(&value, "/kind");
    if kind.is_empty() || text(&value, "/apiVersion").is_empty() {
        let missing = if kind.is_empty() { "kind" } else { "apiVersion" };
        return Err(Trouble::error(format!(
            "error validating {source:?}: error validating data: {missing} not set; if you choose to ignore these errors, turn validation off with --validate=false"
        )));
    }
    match value.get("items") {
        Some(Value::Array(items)) if kind.ends_with("List") => {
            for item in items.clone() {
                flatten(item, source, documents)?;
            }
        }
        Some(_) | None => documents.push(Document { object: value, source: source.to_owned() }),
    }
    Ok(())
}

/// Reads all files that `-f` names.
///
/// # Errors
///
/// As [`read`]; also when none is named.
pub(crate) fn read_all(paths: &[String]) -> Result<Vec<Document>, Trouble> {
    if paths.is_empty() {
        return Err(Trouble::error("must specify one of -f and -k"));
    }
    let mut documents = Vec::new();
    for path in paths.iter().flat_map(|paths| paths.split(',')) {
        documents.extend(read(path)?);
    }
    Ok(documents)
}

/// The type of an object, and the Namespace it goes to.
///
/// # Errors
///
/// The server has no such type.
pub(crate) async fn target(api: &Api, object: &Value) -> Result<(Resource, Option<String>), Trouble> {
    let resource = resolve_kind(api, text(object, "/apiVersion"), text(object, "/kind")).await?;
    let namespace = resource.namespaced.then(|| match text(object, "/metadata/namespace") {
        "" => api.namespace.clone(),
        own => own.to_owned(),
    });
    Ok((resource, namespace))
}

/// Refuses an object whose own Namespace is not the one that `-n` names.
///
/// # Errors
///
/// The two differ.
pub(crate) fn same_namespace(object: &Value, flag: Option<&str>) -> Result<(), Trouble> {
    let own = text(object, "/metadata/namespace");
    match flag {
        Some(flag) if !own.is_empty() && own != flag => Err(Trouble::error(format!(
            "the namespace from the provided object {own:?} does not match the namespace {flag:?}. You must pass '--namespace={own}' to perform this operation."
        ))),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_lists_are_taken_apart() {
        let text = "---\nkind: List\napiVersion: v1\nitems:\n- {kind: Pod, apiVersion: v1}\n- {kind: Service, apiVersion: v1}\n---\n# rien\n---\nkind: Namespace\napiVersion: v1\n";
        let kinds: Vec<String> = parse(text.as_bytes(), "a.yaml")
            .unwrap()
            .iter()
            .map(|d| super::text(&d.object, "/kind").to_owned())
            .collect();
        assert_eq!(kinds, ["Pod", "Service", "Namespace"]);
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        for bytes in [&b"a: [b"[..], b"a: b", b"\xff\xfe", b"", b"kind: Pod"] {
            assert!(parse(bytes, "a.yaml").is_err(), "{bytes:?}");
        }
        assert_eq!(read("/n'existe/pas").unwrap_err().to_string(), "error: the path \"/n'existe/pas\" does not exist");
    }
}
