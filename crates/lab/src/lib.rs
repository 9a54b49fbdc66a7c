//! The lab format: catalogue, steps, pages, hints, progress, lint.
//!
//! Opening, listing and linting labs is pure: the only I/O is reading files. A course is a folder
//! `labs/<course>/` with `course.yaml`, one Markdown file a step and the learner's files under `files/`;
//! what makes each step pass is mirrored under `solutions/<course>/`.

mod model;
mod progress;

pub use model::{
    Action, Block, BlockKind, Check, CheckId, Course, CourseId, Hint, LabFile, Need, Page, Segment, Solution, Step,
    StepId,
};
pub use progress::{Entry, Happening, Progress, StepState, Verdict};
