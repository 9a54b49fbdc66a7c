//! The files of a folder, read once and within limits, so that everything after is pure.
//!
//! Symbolic links are never followed, nothing outside the folder is read, and neither the number, the size nor the
//! depth of files is unbounded.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, DiagnosticKind, FolderLimit};

/// The largest Markdown or YAML file, in bytes.
pub const TEXT_LIMIT: u64 = 512 * 1024;
/// The largest other file, in bytes.
pub const FILE_LIMIT: u64 = 8 * 1024 * 1024;
/// The most bytes of one folder in all.
const FOLDER_LIMIT: u64 = 64 * 1024 * 1024;
/// The most files of one folder.
const FILES_LIMIT: u32 = 4_000;
/// The most folders inside each other.
const DEPTH_LIMIT: u32 = 12;

/// The files of a folder, by their path with `/` between names, relative to it.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// What stands before a path when a diagnostic names it, such as `labs`.
    pub(crate) label: String,
    pub(crate) files: BTreeMap<String, File>,
    /// What was refused while reading.
    pub(crate) refused: Vec<Diagnostic>,
}

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) content: Cow<'static, [u8]>,
    /// SHA-256 of the content.
    pub(crate) digest: [u8; 32],
}

/// The folder itself could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the folder {path}")]
pub struct Unreadable {
    /// The folder.
    pub path: String,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

impl Tree {
    /// Reads a folder. What cannot be read, or may not be, is kept as diagnostics; the rest is there.
    ///
    /// # Errors
    ///
    /// The folder itself is not there or cannot be listed.
    pub fn read(folder: &Path) -> Result<Tree, Unreadable> {
        Tree::read_below(folder, label(folder), "")
    }

    /// Reads one course (or the solutions of one) as the only one of its tree.
    ///
    /// # Errors
    ///
    /// The folder is not there, cannot be listed, or has no portable name.
    pub fn read_course(folder: &Path) -> Result<Tree, Unreadable> {
        let name = folder.file_name().and_then(|name| name.to_str()).filter(|name| portable_name(name));
        let Some(name) = name else {
            let source = std::io::Error::from(std::io::ErrorKind::InvalidFilename);
            return Err(Unreadable { path: folder.display().to_string(), source });
        };
        Tree::read_below(folder, folder.parent().map(label).unwrap_or_default(), &format!("{name}/"))
    }

    fn read_below(folder: &Path, label: String, prefix: &str) -> Result<Tree, Unreadable> {
        let entries =
            fs::read_dir(folder).map_err(|source| Unreadable { path: folder.display().to_string(), source })?;
        let mut reading = Reading { tree: Tree { label, ..Tree::default() }, bytes: 0 };
        reading.folder(entries, prefix, 1);
        Ok(reading.tree)
    }

    /// Builds a tree from files in memory; `label` stands before their paths in diagnostics.
    pub fn from_files<P, C>(label: &str, files: impl IntoIterator<Item = (P, C)>) -> Tree
    where
        P: Into<String>,
        C: Into<Cow<'static, [u8]>>,
    {
        let mut tree = Tree { label: label.to_owned(), ..Tree::default() };
        for (path, content) in files {
            let content = content.into();
            let digest = Sha256::digest(&content).into();
            tree.insert(path.into(), content, digest);
        }
        tree
    }

    /// Adds a file whose digest is known, applying the same limits as for a file on disk.
    pub(crate) fn insert(&mut self, path: String, content: Cow<'static, [u8]>, digest: [u8; 32]) {
        let limit = size_limit(&path);
        if content.len() as u64 > limit {
            self.refuse(&path, DiagnosticKind::FileTooLarge { size: content.len() as u64, limit });
            return;
        }
        self.files.insert(path, File { content, digest });
    }

    /// Returns the name by which diagnostics call `path`.
    pub(crate) fn name(&self, path: &str) -> String {
        match (self.label.is_empty(), path.is_empty()) {
            (true, _) => path.to_owned(),
            (false, true) => self.label.clone(),
            (false, false) => format!("{}/{path}", self.label),
        }
    }

    /// Returns the content of a file.
    pub(crate) fn content(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(|file| file.content.as_ref())
    }

    /// Returns the files below a folder, with their paths relative to it.
    pub(crate) fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = (&'a str, &'a File)> + use<'a> {
        let prefix = format!("{folder}/");
        let start = std::ops::Bound::Included(prefix.clone());
        self.files
            .range((start, std::ops::Bound::Unbounded))
            .map_while(move |(path, file)| Some((path.strip_prefix(&prefix)?, file)))
    }

    /// Returns the names of the folders at the top.
    pub(crate) fn folders(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.files.keys().filter_map(|path| Some(path.split_once('/')?.0)).collect();
        names.dedup();
        names
    }

    fn refuse(&mut self, path: &str, kind: DiagnosticKind) {
        self.refused.push(Diagnostic { file: self.name(path), line: 1, column: 1, kind });
    }
}

/// Returns the SHA-256 over the files of a folder, in hexadecimal: that of the lines which
/// `find . -type f | LC_ALL=C sort | xargs sha256sum` prints in it, without the `./`.
pub(crate) fn digest<'a>(files: impl Iterator<Item = (&'a str, &'a File)>) -> String {
    let mut all = Sha256::new();
    for (path, file) in files {
        all.update(hexadecimal(&file.digest));
        all.update("  ");
        all.update(path);
        all.update("\n");
    }
    hexadecimal(&all.finalize())
}

/// Returns bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

/// Returns how diagnostics name a folder.
fn label(folder: &Path) -> String {
    let label = folder.to_string_lossy();
    label.trim_end_matches('/').trim_start_matches("./").to_owned()
}

/// Returns how large the file at `path` may be: what the loader parses is bounded more tightly.
fn size_limit(path: &str) -> u64 {
    if path.ends_with(".md") || path.ends_with("course.yaml") { TEXT_LIMIT } else { FILE_LIMIT }
}

/// A reading under way.
struct Reading {
    tree: Tree,
    bytes: u64,
}

impl Reading {
    fn folder(&mut self, entries: fs::ReadDir, prefix: &str, depth: u32) {
        if depth > DEPTH_LIMIT {
            self.tree.refuse(prefix, DiagnosticKind::FolderTooLarge { limit: FolderLimit::Depth(DEPTH_LIMIT) });
            return;
        }
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.tree.refuse(prefix, DiagnosticKind::FileUnreadable { reason: error.to_string() });
                    return;
                }
            };
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| portable_name(name)) else {
                let shown = format!("{prefix}{}", name.to_string_lossy().escape_debug());
                self.tree.refuse(&shown, DiagnosticKind::BadFileName);
                continue;
            };
            if is_litter(name) {
                continue;
            }
            let path = format!("{prefix}{name}");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => match fs::read_dir(entry.path()) {
                    Ok(entries) => self.folder(entries, &format!("{path}/"), depth + 1),
                    Err(error) => {
                        self.tree.refuse(&path, DiagnosticKind::FileUnreadable { reason: error.to_string() });
                    }
                },
                Ok(kind) if kind.is_file() => {
                    if self.tree.files.len() >= FILES_LIMIT as usize {
                        let limit = FolderLimit::Files(FILES_LIMIT);
                        self.tree.refuse("", DiagnosticKind::FolderTooLarge { limit });
                        return;
                    }
                    if let Err(kind) = self.file(&entry.path(), &path) {
                        self.tree.refuse(&path, kind);
                    }
                }
                Ok(_) => self.tree.refuse(&path, DiagnosticKind::NotARegularFile),
                Err(error) => self.tree.refuse(&path, DiagnosticKind::FileUnreadable { reason: error.to_string() }),
            }
        }
    }

    fn file(&mut self, on_disk: &Path, path: &str) -> Result<(), DiagnosticKind> {
        let unreadable = |error: std::io::Error| DiagnosticKind::FileUnreadable { reason: error.to_string() };
        let limit = size_limit(path);
        let size = fs::symlink_metadata(on_disk).map_err(unreadable)?.len();
        if size > limit {
            return Err(DiagnosticKind::FileTooLarge { size, limit });
        }
        let mut content = Vec::new();
        // The file may have grown since it was measured.
        fs::File::open(on_disk).and_then(|file| file.take(limit + 1).read_to_end(&mut content)).map_err(unreadable)?;
        let size = content.len() as u64;
        if size > limit {
            return Err(DiagnosticKind::FileTooLarge { size, limit });
        }
        if self.bytes + size > FOLDER_LIMIT {
            return Err(DiagnosticKind::FolderTooLarge { limit: FolderLimit::Bytes(FOLDER_LIMIT) });
        }
        self.bytes += size;
        let digest = Sha256::digest(&content).into();
        self.tree.files.insert(path.to_owned(), File { content: Cow::Owned(content), digest });
        Ok(())
    }
}

/// Returns whether a file is one that editors, desktops and version control leave behind. Other hidden files may be
/// part of a lab (`.dockerignore`, `.github/`).
fn is_litter(name: &str) -> bool {
    name == ".git" || name == ".DS_Store" || name.ends_with('~') || (name.starts_with('.') && name.ends_with(".swp"))
}

/// Returns whether a file name is fit for every machine and terminal.
fn portable_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 200 && !name.contains(['\\', ':']) && !name.chars().any(char::is_control)
}

/// Returns whether `path` is a relative path that stays below its folder: no `..`, no `.`, no empty part, no
/// backslash, no control character.
pub(crate) fn safe_path(path: &str) -> bool {
    path.len() <= 500 && path.split('/').all(|part| part != "." && part != ".." && portable_name(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_stay_below_are_safe() {
        for path in ["a", "a/b.yaml", ".github/workflows/ci.yaml", "é"] {
            assert!(safe_path(path), "{path}");
        }
        let long = "a/".repeat(300) + "a";
        for path in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            "..",
            "../a",
            "a/../b",
            ".",
            "./a",
            "a\\b",
            "C:a",
            "a\n",
            "a\0",
            long.as_str(),
        ] {
            assert!(!safe_path(path), "{path:?}");
        }
    }

    #[test]
    fn a_folder_that_is_too_deep_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join(vec!["a"; DEPTH_LIMIT as usize + 3].join("/"));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("f"), "x").unwrap();
        std::fs::write(folder.path().join("f"), "x").unwrap();
        let tree = Tree::read(folder.path()).unwrap();
        assert_eq!(tree.files.keys().collect::<Vec<_>>(), ["f"]);
        let limit = FolderLimit::Depth(DEPTH_LIMIT);
        assert_eq!(
            tree.refused.iter().map(|found| &found.kind).collect::<Vec<_>>(),
            [&DiagnosticKind::FolderTooLarge { limit }]
        );
    }

    #[test]
    fn what_editors_leave_is_no_part_of_a_lab() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".DS_Store", "a.md~", ".a.md.swp", ".dockerignore", "a.md"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let tree = Tree::read(folder.path()).unwrap();
        assert_eq!(tree.files.keys().collect::<Vec<_>>(), [".dockerignore", "a.md"]);
    }

    #[cfg(unix)]
    #[test]
    fn names_and_files_that_cannot_be_used_are_reported_and_the_rest_is_read() {
        use std::os::unix::ffi::OsStrExt as _;
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &[u8]| folder.path().join(std::ffi::OsStr::from_bytes(name));
        for name in [&b"good"[..], b"esc\x1b[31m", b"\xff", b"back\\slash"] {
            std::fs::write(path(name), "x").unwrap();
        }
        std::fs::write(path(b"closed"), "x").unwrap();
        std::fs::set_permissions(path(b"closed"), std::fs::Permissions::from_mode(0o000)).unwrap();
        let tree = Tree::read(folder.path()).unwrap();
        let bad = tree.refused.iter().filter(|found| found.kind == DiagnosticKind::BadFileName).count();
        assert_eq!(bad, 3);
        assert!(tree.refused.iter().all(|found| !found.file.chars().any(char::is_control)));
        // Whoever may read everything reads it; anybody else is told.
        let closed = std::fs::read(path(b"closed")).is_ok();
        assert_eq!(tree.content("closed").is_some(), closed);
        assert_eq!(tree.refused.len(), if closed { 3 } else { 4 });
        assert!(tree.content("good").is_some());
    }
}
