//! Files below the learner's work folder: read whole, within a size, and never outside the folder.

use std::io::Read;
use std::path::{Component, Path};

use crate::Error;

/// The most that a file may weigh, in bytes.
pub(crate) const LIMIT: u64 = 1024 * 1024;

/// What reading a file of the work folder gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WorkFile {
    /// The content.
    Content(Vec<u8>),
    /// There is no such file.
    Missing,
    /// A folder, a pipe or the like.
    NotAFile,
    /// It weighs more than [`LIMIT`]; its size in bytes.
    TooBig(u64),
    /// The path leads out of the work folder.
    Outside,
}

/// Returns whether a path is relative and has no `..`.
pub(crate) fn stays_below(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Reads a file below `folder`. Symbolic links are followed as long as they stay below.
pub(crate) fn read(folder: &Path, path: &str) -> Result<WorkFile, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    if !stays_below(path) {
        return Ok(WorkFile::Outside);
    }
    let folder = match folder.canonicalize() {
        Ok(folder) => folder,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(WorkFile::Missing),
        Err(error) => return Err(failed(error)),
    };
    let real = match folder.join(path).canonicalize() {
        Ok(real) => real,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(WorkFile::Missing);
        }
        Err(error) => return Err(failed(error)),
    };
    if !real.starts_with(&folder) {
        return Ok(WorkFile::Outside);
    }
    // Looked at before it is opened: opening a pipe would wait for its other end.
    let metadata = real.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Ok(WorkFile::NotAFile);
    }
    if metadata.len() > LIMIT {
        return Ok(WorkFile::TooBig(metadata.len()));
    }
    let mut content = Vec::new();
    let file = std::fs::File::open(&real).map_err(failed)?;
    file.take(LIMIT + 1).read_to_end(&mut content).map_err(failed)?;
    match u64::try_from(content.len()) {
        Ok(size) if size > LIMIT => Ok(WorkFile::TooBig(size)),
        Ok(_) | Err(_) => Ok(WorkFile::Content(content)),
    }
}
