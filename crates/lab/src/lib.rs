//! The lab format: catalogue, steps, pages, hints, progress, lint.
//!
//! Opening, listing and linting labs is pure: the only I/O is reading files. A course is a folder
//! `labs/<course>/` with `course.yaml`, one Markdown file a step and the learner's files under `files/`;
//! what makes each step pass is mirrored under `solutions/<course>/`.

mod catalog;
mod diagnostic;
mod embedded;
#[cfg(test)]
mod fixture;
mod lint;
mod load;
mod model;
mod progress;
mod scaffold;
mod tree;

pub use catalog::{Catalog, FindError};
pub use diagnostic::{Diagnostic, DiagnosticKind, FolderLimit, Severity};
pub use embedded::{embedded, embedded_with_diagnostics, labs, solutions};
pub use lint::{lint, lint_messages, lint_page, lint_path};
pub use load::{FORMAT, load, load_folder};
pub use model::{
    Action, Block, BlockKind, Check, CheckId, Course, CourseId, Hint, LabFile, Need, Page, Segment, Solution, Step,
    StepId,
};
pub use progress::{
    Carried, CarryError, Entry, Flaw, FlawKind, Happening, Head, History, Line, Log, Occurrence, Progress, StepState,
    Verdict, carry, merge, read_carried,
};
pub use scaffold::{Scaffold, ScaffoldError, scaffold};
pub use tree::{FILE_LIMIT, TEXT_LIMIT, Tree, Unreadable};
