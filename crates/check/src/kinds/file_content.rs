//! `file_content`: a file below the work folder has this content; YAML and JSON are compared as data.
//!
//! ```yaml
//! file_content:
//!   path: limitrange.yaml
//!   document: { kind: LimitRange }        # which YAML document of the file, by fields it has
//!   fields: { "spec.limits[type=Container].default.memory": 512Mi }
//! ```
//!
//! Without `fields` and `document` the file is any text: `contains: […]`, `excludes: […]`. A file of nothing but
//! white space counts as having no document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::expectation::{FieldFinding, Fields, differences, same};
use crate::manifest::{self, Unreadable};
use crate::objects::unless_cancelled;
use crate::workfile::{self, WorkFile};
use crate::{Error, Outcome, World};

/// What the check expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The path below the work folder.
    pub path: String,
    /// Picks the document of a multi-document file, by fields that it has.
    #[serde(default)]
    pub document: BTreeMap<String, Value>,
    /// Paths and their expected values, for YAML and JSON.
    #[serde(default)]
    pub fields: Fields,
    /// Texts that must appear, for any file.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Texts that must not appear, for any file.
    #[serde(default)]
    pub excludes: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The path below the work folder.
    pub path: String,
    /// The document that was wanted, by its fields.
    pub document: BTreeMap<String, Value>,
    /// What was found.
    pub finding: Finding,
}

/// What was found in the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The content is as expected.
    Holds,
    /// There is no such file.
    Missing,
    /// A folder, a pipe or the like.
    NotAFile,
    /// The path leads out of the work folder.
    Outside,
    /// It weighs too much.
    TooBig {
        /// Its size, in bytes.
        size: u64,
    },
    /// It is not a text in UTF-8.
    NotText,
    /// It is not YAML.
    Unreadable(Unreadable),
    /// No document is the wanted one.
    NoDocument {
        /// The kinds of those there are.
        kinds: Vec<String>,
    },
    /// Fields are not as expected.
    Differs {
        /// Which.
        fields: Vec<FieldFinding>,
    },
    /// Texts are missing, or should not be there.
    Text {
        /// Texts that should appear.
        missing: Vec<String>,
        /// Texts that should not appear.
        unwanted: Vec<String>,
    },
}

pub(crate) async fn run(spec: &Spec, world: &World, cancel: &CancellationToken) -> Result<Outcome, Error> {
    let (folder, path) = (world.work.clone(), spec.path.clone());
    let reading = async {
        match tokio::task::spawn_blocking(move || workfile::read(&folder, &path)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Cancelled),
        }
    };
    let finding = match unless_cancelled(cancel, reading).await? {
        WorkFile::Missing => Finding::Missing,
        WorkFile::NotAFile => Finding::NotAFile,
        WorkFile::Outside => Finding::Outside,
        WorkFile::TooBig(size) => Finding::TooBig { size },
        WorkFile::Content(content) => match String::from_utf8(content) {
            Ok(text) => judge(spec, &text),
            Err(_) => Finding::NotText,
        },
    };
    let holds = finding == Finding::Holds;
    let evidence =
        crate::Evidence::FileContent(Evidence { path: spec.path.clone(), document: spec.document.clone(), finding });
    Ok(if holds { Outcome::Pass(evidence) } else { Outcome::Fail(evidence) })
}

fn judge(spec: &Spec, text: &str) -> Finding {
    let missing: Vec<String> = spec.contains.iter().filter(|wanted| !text.contains(*wanted)).cloned().collect();
    let unwanted: Vec<String> = spec.excludes.iter().filter(|wanted| text.contains(*wanted)).cloned().collect();
    if !missing.is_empty() || !unwanted.is_empty() {
        return Finding::Text { missing, unwanted };
    }
    if spec.document.is_empty() && spec.fields.is_empty() {
        return Finding::Holds;
    }
    let documents = match manifest::documents(text) {
        Ok(documents) => documents,
        Err(unreadable) => return Finding::Unreadable(unreadable),
    };
    let wanted = Value::Object(spec.document.clone().into_iter().collect());
    // Several documents may be the wanted kind: the one that comes nearest is judged.
    let nearest = documents
        .iter()
        .filter(|document| document.is_object() && same(&wanted, document))
        .map(|document| differences(&spec.fields, document))
        .min_by_key(Vec::len);
    match nearest {
        Some(fields) if fields.is_empty() => Finding::Holds,
        Some(fields) => Finding::Differs { fields },
        None => Finding::NoDocument { kinds: documents.iter().filter_map(kind).take(10).collect() },
    }
}

fn kind(document: &Value) -> Option<String> {
    document.get("kind").and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests;
