//! Courses and steps, as plain data.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A course's id: the name of its folder, such as `atelier-kubernetes`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CourseId(pub String);

/// A step's id: its course and the stem of its file, written `COURSE/STEP`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct StepId {
    /// The course.
    pub course: CourseId,
    /// The stem of the step's file, such as `02-1-3-borner-la-memoire`.
    pub step: String,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.course.0, self.step)
    }
}

impl From<StepId> for String {
    fn from(id: StepId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for StepId {
    type Error = String;

    fn try_from(text: String) -> Result<StepId, String> {
        match text.split_once('/') {
            Some((course, step)) if is_name(course) && is_name(step) => {
                Ok(StepId { course: CourseId(course.to_owned()), step: step.to_owned() })
            }
            _ => Err(format!("expected COURSE/STEP, found `{text}`")),
        }
    }
}

/// Returns whether a text may be part of a step's id. Such an id becomes part of a path and may come from a file that
/// somebody carried over.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 100
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// A check's id, unique in its step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CheckId(pub String);

/// A course, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The folder's name.
    pub id: CourseId,
    /// The title, in French.
    pub title: String,
    /// What the course is about, in French, one or two sentences.
    pub summary: String,
    /// The steps, in order. Each names its chapter.
    pub steps: Vec<Step>,
    /// SHA-256 over every file of the course, in hexadecimal.
    pub digest: String,
    /// SHA-256 over the course's solutions, in hexadecimal, where they were given.
    pub solution_digest: Option<String>,
    /// Whether the course comes with the program. Commands of any other run only once its digest was accepted.
    pub embedded: bool,
    /// What one hint costs, in percent of the step's points.
    pub hint_cost: u8,
    /// Points left once the solution was revealed before the step passed, in percent.
    pub after_solution: u8,
}

/// A step: what the learner reads, does and proves.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// Its title, in French.
    pub title: String,
    /// The chapter's title, such as `02.1 Quotas`.
    pub chapter: String,
    /// The learning objectives, in French.
    pub objectives: Vec<String>,
    /// What was learnt, in one line, said when the step passes.
    pub learnt: String,
    /// The sum of the checks' points.
    pub points: u32,
    /// How long it takes.
    pub minutes: u32,
    /// What it needs to run.
    pub needs: Vec<Need>,
    /// The Namespaces that it may touch: setup, checks and reset stay inside them. The first is the session's.
    pub namespaces: Vec<String>,
    /// What proves it, in order.
    pub checks: Vec<Check>,
    /// Hints, from the lightest to the most precise.
    pub hints: Vec<Hint>,
    /// What prepares the step's starting state.
    pub setup: Vec<Action>,
    /// What a reset does on top of removing what was not there.
    pub reset: Vec<Action>,
    /// The text.
    pub page: Page,
    /// The learner's files, copied to the work folder.
    pub files: Vec<LabFile>,
    /// What makes the step pass; absent in a build without solutions.
    pub solution: Option<Solution>,
}

/// What a step needs from its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// A Kubernetes cluster (the sandbox is one).
    Cluster,
    /// A node of this name.
    Node(String),
    /// Only the sandbox will do (the step would harm a real node).
    Sandbox,
    /// A Docker Engine.
    Docker,
}

/// One check of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its id.
    pub id: CheckId,
    /// What it proves, in French: a statement that is true once the check passes.
    pub title: String,
    /// Its points.
    pub points: u32,
    /// Whether it must hold before as well as after («the application still works»).
    pub guard: bool,
    /// The author's own words for «why», in French, on top of the kind's.
    pub why: Option<String>,
    /// The author's own words for «what to try», in French.
    pub advice: Option<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// What it expects.
    pub spec: check::Spec,
}

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Markdown, in French.
    pub text: String,
}

/// One act of a step's setup or reset.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Applies a manifest of the step's files.
    Apply(String),
    /// Runs a command line with `bash -c` in the work folder.
    Run(String),
    /// Repairs a node of the sandbox.
    RepairNode(String),
}

/// A file of the learner's, by its path relative to the work folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabFile {
    /// A relative path without `..`.
    pub path: String,
    /// The content.
    pub content: Vec<u8>,
}

/// What makes a step pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// The reasons, and the commands as runnable blocks, in order.
    pub page: Page,
    /// The files, same relative paths as in the work folder.
    pub files: Vec<LabFile>,
    /// The answers to the step's questions, by check id.
    pub answers: Vec<(CheckId, String)>,
}

/// A Markdown text, cut into what the program treats apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The parts, in order.
    pub segments: Vec<Segment>,
}

/// One part of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Markdown prose: headings, paragraphs, lists, tables, alerts, footnotes.
    Prose(String),
    /// A fenced block.
    Block(Block),
    /// An image that stands alone.
    Image {
        /// The path relative to the course's folder.
        path: String,
        /// The alternative text.
        alt: String,
        /// The bytes, where the file is there.
        content: Option<Vec<u8>>,
    },
}

/// A fenced block and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What the learner does with it.
    pub kind: BlockKind,
    /// The language, such as `bash` or `yaml`; empty where none is named.
    pub language: String,
    /// The text, without the fences.
    pub text: String,
    /// The line of the opening fence in the step's file, from 1.
    pub line: u32,
}

/// What a fenced block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockKind {
    /// Commands to run in the learner's terminal.
    Run,
    /// Commands to run on another host, named.
    RunElsewhere(String),
    /// A file to write, at this path of the work folder.
    File(String),
    /// Output to compare with.
    Output,
    /// Only to read.
    Read,
}
