//! The courses that come with the program.

use rust_embed::RustEmbed;

use crate::catalog::Catalog;
use crate::diagnostic::Diagnostic;
use crate::load::{Problems, read};
use crate::tree::Tree;

#[derive(RustEmbed)]
#[folder = "../../labs"]
struct Labs;

#[cfg(feature = "solutions")]
#[derive(RustEmbed)]
#[folder = "../../solutions"]
#[allow_missing = true]
struct Solutions;

/// Returns the courses that come with the program. A build without the feature `solutions` has none of these.
pub fn embedded() -> Catalog {
    embedded_with_diagnostics().0
}

/// Returns the courses that come with the program, and what is wrong with them (nothing, in a released one).
pub fn embedded_with_diagnostics() -> (Catalog, Vec<Diagnostic>) {
    let mut problems = Problems::default();
    let courses = read(&labs(), solutions().as_ref(), &mut problems);
    let courses = courses.into_iter().map(|mut parsed| {
        parsed.course.embedded = true;
        parsed.course
    });
    (Catalog::new(courses.collect()), problems.sorted())
}

/// Returns the embedded `labs/`.
pub fn labs() -> Tree {
    tree::<Labs>("labs")
}

/// Returns the embedded `solutions/`, in a build that has them.
#[cfg(feature = "solutions")]
pub fn solutions() -> Option<Tree> {
    Some(tree::<Solutions>("solutions"))
}

/// Returns the embedded `solutions/`: this build leaves them out.
#[cfg(not(feature = "solutions"))]
pub fn solutions() -> Option<Tree> {
    None
}

fn tree<E: RustEmbed>(label: &str) -> Tree {
    let mut tree = Tree::from_files::<String, Vec<u8>>(label, []);
    for path in E::iter() {
        if let Some(file) = E::get(&path) {
            // The digest was computed when the program was built.
            tree.insert(path.into_owned(), file.data, file.metadata.sha256_hash());
        }
    }
    tree
}
