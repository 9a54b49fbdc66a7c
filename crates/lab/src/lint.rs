//! The author's gate: everything that the loader finds, and what only a reader would: points that do not add up, dead
//! links, hints that give the solution away, French without its accents or its non-breaking spaces. Pure.

mod assets;
mod course;
mod french;
mod hints;
mod markdown;
mod place;
mod step;
mod words;

pub use assets::{lint_messages, lint_page};

use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::load::{Problems, read};
use crate::tree::{Tree, Unreadable};

/// Returns everything that is wrong with the courses of `labs` and with their solutions, by file and place.
///
/// Where no solutions are given, what is asked of them is left out.
pub fn lint(labs: &Tree, solutions: Option<&Tree>) -> Vec<Diagnostic> {
    let mut problems = Problems::default();
    for parsed in read(labs, solutions, &mut problems) {
        course::lint(&parsed, labs, solutions, &mut problems);
    }
    problems.sorted()
}

/// Returns what is wrong with the labs that `path` names: a folder that holds `labs/`, a folder of courses, one course,
/// or one step. Solutions are looked for in `solutions/` beside the folder of courses.
///
/// # Errors
///
/// A folder that cannot be opened at all.
pub fn lint_path(path: &Path) -> Result<Vec<Diagnostic>, Unreadable> {
    let target = Target::of(path);
    let (labs, solutions) = match &target {
        Target::Courses { labs, solutions } => (Tree::read(labs)?, solutions.as_deref().map(Tree::read).transpose()?),
        Target::Course { folder, solutions, .. } => {
            (Tree::read_course(folder)?, solutions.as_deref().map(Tree::read_course).transpose()?)
        }
    };
    let mut problems = lint(&labs, solutions.as_ref());
    if let Target::Course { step: Some(step), .. } = &target {
        problems.retain(|problem| {
            let path = Path::new(&problem.file);
            path.file_stem().is_some_and(|stem| stem == step.as_str())
                || path.components().any(|part| part.as_os_str() == step.as_str())
        });
    }
    Ok(problems)
}

/// What a path given by an author means.
#[derive(Debug, PartialEq)]
enum Target {
    /// A folder of courses.
    Courses { labs: PathBuf, solutions: Option<PathBuf> },
    /// One course, or one step of it.
    Course { folder: PathBuf, solutions: Option<PathBuf>, step: Option<String> },
}

impl Target {
    fn of(path: &Path) -> Target {
        // `.` and `..` have no name of their own.
        let path = match path.file_name() {
            Some(_) => path.to_owned(),
            None => path.canonicalize().unwrap_or_else(|_| path.to_owned()),
        };
        let beside = |folder: &Path| {
            let solutions = folder.parent()?.join("solutions");
            solutions.is_dir().then_some(solutions)
        };
        let course = |folder: &Path, step: Option<String>| {
            let solutions = folder.parent().and_then(beside).and_then(|all| {
                let own = all.join(folder.file_name()?);
                own.is_dir().then_some(own)
            });
            Target::Course { folder: folder.to_owned(), solutions, step }
        };
        if path.is_file()
            && let Some(folder) = path.parent().filter(|folder| folder.join("course.yaml").is_file())
        {
            let stem = path.file_stem().filter(|_| path.extension().is_some_and(|ending| ending == "md"));
            let folder = match folder.file_name() {
                Some(_) => folder.to_owned(),
                None => folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
            };
            return course(&folder, stem.map(|stem| stem.to_string_lossy().into_owned()));
        }
        if path.join("course.yaml").is_file() {
            return course(&path, None);
        }
        let inside = path.join("labs");
        let labs = if inside.is_dir() { inside } else { path };
        let solutions = beside(&labs);
        Target::Courses { labs, solutions }
    }
}

#[cfg(test)]
mod tests;
