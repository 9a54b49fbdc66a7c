//! Reads courses: the files of `labs/` and `solutions/` in, a [`Catalog`] and everything that is wrong out. Pure, and
//! total: one broken step does not hide the others, and no input makes it fail.

mod course;
pub(crate) mod page;
pub(crate) mod solution;
pub(crate) mod step;
pub(crate) mod text;
pub(crate) mod yaml;

pub(crate) use course::listed_steps;

use std::path::Path;

use crate::catalog::Catalog;
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::model::Course;
use crate::tree::{Tree, Unreadable};
use yaml::Place;

/// The version of the lab format that this program reads and writes.
pub const FORMAT: u64 = 1;

/// Reads every course of `labs` (and what makes its steps pass, where `solutions` is given).
///
/// A step whose header cannot be read is left out of the catalogue; its diagnostics say why.
pub fn load(labs: &Tree, solutions: Option<&Tree>) -> (Catalog, Vec<Diagnostic>) {
    let mut problems = Problems::default();
    let courses = read(labs, solutions, &mut problems);
    (Catalog::new(courses.into_iter().map(|parsed| parsed.course).collect()), problems.sorted())
}

/// Reads the courses of a folder on disk: `labs`, and `solutions` where given.
///
/// # Errors
///
/// A folder that cannot be opened at all. Anything smaller is a diagnostic.
pub fn load_folder(labs: &Path, solutions: Option<&Path>) -> Result<(Catalog, Vec<Diagnostic>), Unreadable> {
    let labs = Tree::read(labs)?;
    let solutions = solutions.map(Tree::read).transpose()?;
    Ok(load(&labs, solutions.as_ref()))
}

/// A course with what the lint needs to name places.
pub(crate) struct ParsedCourse {
    pub(crate) course: Course,
    /// The stems that `course.yaml` lists, readable or not.
    pub(crate) listed: Vec<String>,
    /// For each step of the course, in the same order.
    pub(crate) steps: Vec<step::Marks>,
    /// The places of the course's own French texts.
    pub(crate) texts: Vec<(Place, String)>,
}

/// Reads the courses, with places.
pub(crate) fn read(labs: &Tree, solutions: Option<&Tree>, problems: &mut Problems) -> Vec<ParsedCourse> {
    problems.list.extend(labs.refused.iter().cloned());
    problems.list.extend(solutions.into_iter().flat_map(|tree| tree.refused.iter().cloned()));
    let mut courses = Vec::new();
    for folder in labs.folders() {
        if let Some(course) = course::read(folder, labs, solutions, problems) {
            courses.push(course);
        }
    }
    courses
}

/// What was found wrong so far.
#[derive(Default)]
pub(crate) struct Problems {
    list: Vec<Diagnostic>,
}

impl Problems {
    /// Adds one.
    pub(crate) fn add(&mut self, file: &str, place: Place, kind: DiagnosticKind) {
        self.list.push(Diagnostic { file: file.to_owned(), line: place.line, column: place.column, kind });
    }

    /// Returns them by file and place, each once.
    pub(crate) fn sorted(mut self) -> Vec<Diagnostic> {
        self.list.sort();
        self.list.dedup();
        self.list
    }
}

/// Returns whether an id of a course, a step or a check is made of `a-z`, `0-9` and `-`.
pub(crate) fn good_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 100
        && !id.starts_with('-')
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests;
