//! YAML and JSON documents of the learner's files, as data. The only module of this crate that names the YAML library.

use serde::Serialize;
use serde_json::Value;

/// Why a text is not YAML or JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct Unreadable {
    /// The line, from 1; 0 where the reader cannot tell.
    pub line: u64,
    /// The column, from 1; 0 where the reader cannot tell.
    pub column: u64,
    /// The reader's words, in English.
    pub reason: String,
}

/// Returns the documents of a YAML (or JSON) text; empty documents are left out.
///
/// # Errors
///
/// Where the text cannot be read, or is built to exhaust the reader (nested aliases).
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, Unreadable> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
        let location = error.location();
        let shown = error.without_snippet().to_string();
        Unreadable {
            line: location.map_or(0, |location| location.line()),
            column: location.map_or(0, |location| location.column()),
            reason: shown.lines().next().unwrap_or_default().to_owned(),
        }
    })?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}
