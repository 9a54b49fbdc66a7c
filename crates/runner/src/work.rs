//! The learner's work folder of a step: files are copied into it, never over the learner's own; what a reset or a
//! solution would overwrite is kept aside first. No symbolic link is followed on the way.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use lab::LabFile;

/// The start of the name of the folder that keeps the learner's own files before a reset; a number follows. It is
/// the one word of French in this crate, since the learner meets it in `ls -a`.
const ASIDE: &str = ".avant-refaire-";
/// The largest file that is compared before it is kept aside.
const LIMIT: u64 = 8 << 20;

/// Why the work folder could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// A file's path would leave the folder, or passes through a symbolic link.
    #[error("`{0}` leaves the work folder")]
    Escape(String),
    /// A file could not be read, written or moved.
    #[error("failed to write {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Copies the files that are missing; the learner's own stay as they are.
pub(crate) fn fill(folder: &Path, files: &[LabFile]) -> Result<(), WorkError> {
    make_folder(folder)?;
    for file in files {
        let path = resolve(folder, &file.path)?;
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut handle) => handle.write_all(&file.content).map_err(|source| WorkError::File { path, source })?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(WorkError::File { path, source }),
        }
    }
    Ok(())
}

/// Writes `files` over whatever is there. What differs is moved to a fresh folder aside first; returns the paths
/// of what was moved, relative to the work folder.
pub(crate) fn overwrite(folder: &Path, files: &[LabFile]) -> Result<Vec<PathBuf>, WorkError> {
    make_folder(folder)?;
    let mut aside = Aside { folder, name: None, moved: Vec::new() };
    write_all(&mut aside, files)?;
    Ok(aside.moved)
}

fn write_all(aside: &mut Aside<'_>, files: &[LabFile]) -> Result<(), WorkError> {
    for file in files {
        let path = resolve(aside.folder, &file.path)?;
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.is_file() && same(&path, &file.content) => continue,
            Ok(_) => aside.keep(&file.path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(WorkError::File { path, source }),
        }
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        written
            .and_then(|mut handle| handle.write_all(&file.content))
            .map_err(|source| WorkError::File { path, source })?;
    }
    Ok(())
}

/// Puts the folder back to exactly `files`: what differs and what was added is moved aside. Returns the paths of
/// what was moved, relative to the work folder.
pub(crate) fn restore(folder: &Path, files: &[LabFile]) -> Result<Vec<PathBuf>, WorkError> {
    make_folder(folder)?;
    let mut aside = Aside { folder, name: None, moved: Vec::new() };
    for entry in list(folder)? {
        let expected = files.iter().any(|file| Path::new(&file.path).starts_with(&entry));
        if !expected && !entry.to_string_lossy().starts_with(ASIDE) {
            aside.keep(&entry.to_string_lossy())?;
        }
    }
    write_all(&mut aside, files)?;
    Ok(aside.moved)
}

/// Lists the names at the top of a folder, sorted.
fn list(folder: &Path) -> Result<Vec<PathBuf>, WorkError> {
    let failed = |source| WorkError::File { path: folder.to_owned(), source };
    let mut names = std::fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    names.sort();
    Ok(names)
}

/// The folder aside, made at the first file that needs it.
struct Aside<'a> {
    folder: &'a Path,
    name: Option<String>,
    moved: Vec<PathBuf>,
}

impl Aside<'_> {
    fn keep(&mut self, relative: &str) -> Result<(), WorkError> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => self.name.insert(make_aside(self.folder)?).clone(),
        };
        let target = resolve(&self.folder.join(&name), relative)?;
        let source_path = self.folder.join(relative);
        std::fs::rename(&source_path, &target).map_err(|source| WorkError::File { path: source_path, source })?;
        self.moved.push(Path::new(&name).join(relative));
        Ok(())
    }
}

fn make_aside(folder: &Path) -> Result<String, WorkError> {
    for number in 1..10_000_u32 {
        let name = format!("{ASIDE}{number}");
        match DirBuilder::new().mode(0o700).create(folder.join(&name)) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(WorkError::File { path: folder.join(name), source }),
        }
    }
    Err(WorkError::File { path: folder.join(ASIDE), source: io::ErrorKind::AlreadyExists.into() })
}

/// Returns the path of `relative` below `folder`, making the folders between. Refuses `..`, absolute paths, and
/// folders that are symbolic links.
fn resolve(folder: &Path, relative: &str) -> Result<PathBuf, WorkError> {
    let escape = || WorkError::Escape(relative.to_owned());
    let mut parts = Vec::new();
    for part in Path::new(relative).components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(escape()),
        }
    }
    let last = parts.pop().ok_or_else(escape)?;
    let mut path = folder.to_owned();
    for part in parts {
        path.push(part);
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => {}
            Ok(_) => return Err(escape()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_folder(&path)?,
            Err(source) => return Err(WorkError::File { path, source }),
        }
    }
    Ok(path.join(last))
}

fn make_folder(path: &Path) -> Result<(), WorkError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| WorkError::File { path: path.to_owned(), source })
}

fn same(path: &Path, content: &[u8]) -> bool {
    crate::atomic::read(path, LIMIT).is_ok_and(|there| there.as_deref() == Some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &str) -> LabFile {
        LabFile { path: path.to_owned(), content: content.into() }
    }

    /// Every file below a folder, with its content.
    fn tree(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for name in list(folder).unwrap() {
            let path = folder.join(&name);
            if path.is_dir() {
                found.extend(tree(&path).into_iter().map(|below| format!("{}/{below}", name.display())));
            } else {
                found.push(format!("{}={}", name.display(), std::fs::read_to_string(&path).unwrap()));
            }
        }
        found
    }

    #[test]
    fn the_learners_own_file_is_never_overwritten_by_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let files = [file("a.yaml", "start"), file("sub/b.yaml", "start")];
        fill(folder.path(), &files).unwrap();
        std::fs::write(folder.path().join("a.yaml"), "mine").unwrap();
        fill(folder.path(), &files).unwrap();
        assert_eq!(tree(folder.path()), ["a.yaml=mine", "sub/b.yaml=start"]);
    }

    #[test]
    fn a_reset_restores_every_file_and_keeps_changed_and_added_ones_aside() {
        let folder = tempfile::tempdir().unwrap();
        let files = [file("a.yaml", "start"), file("sub/b.yaml", "start")];
        for number in 1..=2 {
            fill(folder.path(), &files).unwrap();
            std::fs::write(folder.path().join("a.yaml"), "mine").unwrap();
            std::fs::write(folder.path().join("extra"), "mine").unwrap();
            let moved = restore(folder.path(), &files).unwrap();
            assert_eq!(moved.len(), 2, "{moved:?}");
            assert!(folder.path().join(format!("{ASIDE}{number}/extra")).exists());
        }
        let expected = [
            ".avant-refaire-1/a.yaml=mine",
            ".avant-refaire-1/extra=mine",
            ".avant-refaire-2/a.yaml=mine",
            ".avant-refaire-2/extra=mine",
            "a.yaml=start",
            "sub/b.yaml=start",
        ];
        assert_eq!(tree(folder.path()), expected);
    }

    #[test]
    fn a_reset_of_an_untouched_folder_keeps_nothing_aside() {
        let folder = tempfile::tempdir().unwrap();
        let files = [file("a.yaml", "start")];
        fill(folder.path(), &files).unwrap();
        assert_eq!(restore(folder.path(), &files).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(tree(folder.path()), ["a.yaml=start"]);
    }

    #[test]
    fn a_solution_keeps_only_the_files_it_overwrites_aside() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), &[file("a.yaml", "mine"), file("notes", "mine"), file("same", "s")]).unwrap();
        let moved = overwrite(folder.path(), &[file("a.yaml", "right"), file("same", "s")]).unwrap();
        assert_eq!(moved, [Path::new(".avant-refaire-1/a.yaml")]);
        assert_eq!(tree(folder.path()), [".avant-refaire-1/a.yaml=mine", "a.yaml=right", "notes=mine", "same=s"]);
    }

    #[test]
    fn no_path_leaves_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("target"), folder.path().join("dangling")).unwrap();
        for path in ["../x", "/tmp/x", "a/../../x", "", ".", "link/x"] {
            let result = fill(folder.path(), &[file(path, "x")]);
            assert!(matches!(result, Err(WorkError::Escape(_))), "{path}: {result:?}");
            assert!(matches!(overwrite(folder.path(), &[file(path, "x")]), Err(WorkError::Escape(_))), "{path}");
        }
        // A link in the file's own place is left alone by a copy, and moved aside by a solution.
        fill(folder.path(), &[file("dangling", "x")]).unwrap();
        overwrite(folder.path(), &[file("dangling", "x")]).unwrap();
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        assert_eq!(std::fs::read_to_string(folder.path().join("dangling")).unwrap(), "x");
    }
}
