//! A learner's progress as one file, to carry to another machine: a header line, then the lines of the log as they
//! are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::log::{Head, Log};

/// The version of the file.
const FORMAT: u64 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    format: u64,
    /// What the file is, so that another JSON file is not taken for it.
    kind: Kind,
    learner: String,
    exported: Timestamp,
    head: Head,
}

#[derive(Serialize, Deserialize)]
enum Kind {
    #[serde(rename = "atelier-progress")]
    Progress,
}

/// Progress read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// Whose it is.
    pub learner: String,
    /// When it was written.
    pub exported: Timestamp,
    /// The log, with the flaws that it has.
    pub log: Log,
    /// Whether the log is as long as it was when it was written. Otherwise its end is missing or was changed.
    pub whole: bool,
}

/// Why a file holds no progress.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The file does not begin with the header.
    #[error("not a progress file")]
    NotProgress(#[source] Option<serde_json::Error>),
    /// The file was written by a later version.
    #[error("progress file of format {found}; this program reads {FORMAT}")]
    Format {
        /// What it says.
        found: u64,
    },
}

/// Returns the file that carries `log`, whose lines on disk are `lines` (with their line feeds).
pub fn carry(log: &Log, lines: &[u8], at: Timestamp) -> Vec<u8> {
    let header = Header {
        format: FORMAT,
        kind: Kind::Progress,
        learner: log.learner().to_owned(),
        exported: at,
        head: log.head(),
    };
    let mut file = serde_json::to_vec(&header).expect("the header has string keys only and no failing serializer");
    file.push(b'\n');
    file.extend_from_slice(lines);
    file
}

/// Reads a file made by [`carry`].
///
/// # Errors
///
/// The file is something else, or of a later version.
pub fn read_carried(file: &[u8]) -> Result<Carried, CarryError> {
    let end = file.iter().position(|byte| *byte == b'\n').ok_or(CarryError::NotProgress(None))?;
    let (header, lines) = (&file[..end], &file[end + 1..]);
    /// Only the version, which every later header has too.
    #[derive(Deserialize)]
    struct Version {
        format: u64,
        #[expect(dead_code, reason = "it must be there")]
        kind: Kind,
    }
    let not_progress = |error| CarryError::NotProgress(Some(error));
    let version: Version = serde_json::from_slice(header).map_err(not_progress)?;
    if version.format != FORMAT {
        return Err(CarryError::Format { found: version.format });
    }
    let header: Header = serde_json::from_slice(header).map_err(not_progress)?;
    let log = Log::read(lines);
    let whole = log.reaches(&header.head) && log.head().lines == header.head.lines;
    Ok(Carried { learner: header.learner, exported: header.exported, log, whole })
}
