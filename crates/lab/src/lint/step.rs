//! What is wrong with one step: what proves it, what it is worth, its text and its words.

use super::markdown::{self, Reading};
use super::place::{Origin, Text};
use super::{hints, words};
use crate::diagnostic::DiagnosticKind;
use crate::load::Problems;
use crate::load::step::Marks;
use crate::load::text::{self, Lines};
use crate::load::yaml::Place;
use crate::model::{BlockKind, Page, Segment, Step};
use crate::tree::Tree;

/// The line of a front matter's first field.
const HEADER: Place = Place { line: 2, column: 1 };

/// The folders around a step.
pub(super) struct Surroundings<'a> {
    pub(super) labs: &'a Tree,
    pub(super) solutions: Option<&'a Tree>,
}

pub(super) fn lint(step: &Step, marks: &Marks, around: &Surroundings<'_>, problems: &mut Problems) {
    header(step, marks, problems);
    specs(step, marks, problems);
    if around.solutions.is_some() {
        solution(step, marks, problems);
    }
    let lines = Lines::new(&marks.text);
    for (place, says) in &marks.texts {
        prose(&Text { says, file: &lines, from: Origin::Yaml(*place) }, &marks.file, problems);
    }
    let body = &marks.text[marks.body..];
    let page = Text { says: body, file: &lines, from: Origin::Byte(marks.body) };
    let reading = prose(&page, &marks.file, problems);
    links(&reading, &page, &marks.file, &Linked { course: &step.id.course.0, labs: around.labs }, problems);
    if let Some(tree) = around.solutions {
        solution_text(step, tree, problems);
    }
}

fn header(step: &Step, marks: &Marks, problems: &mut Problems) {
    let mut add = |place, kind| problems.add(&marks.file, place, kind);
    let sum = step.checks.iter().map(|check| u64::from(check.points)).sum();
    if u64::from(step.points) != sum {
        add(marks.points, DiagnosticKind::PointsDoNotAddUp { stated: step.points, sum });
    }
    if step.checks.is_empty() {
        add(HEADER, DiagnosticKind::NoCheck);
    } else if step.checks.iter().all(|check| check.guard) {
        add(HEADER, DiagnosticKind::OnlyGuards);
    }
    if step.objectives.is_empty() {
        add(HEADER, DiagnosticKind::NoObjectives);
    }
    if step.minutes == 0 {
        add(HEADER, DiagnosticKind::NoMinutes);
    }
    if step.learnt.is_empty() {
        add(HEADER, DiagnosticKind::NoLearnt);
    }
    if step.hints.is_empty() && !step.checks.is_empty() {
        add(HEADER, DiagnosticKind::NoHints);
    }
}

/// Reports what the specs of the checks have wrong.
fn specs(step: &Step, marks: &Marks, problems: &mut Problems) {
    for (check, place) in step.checks.iter().zip(&marks.checks) {
        for problem in check.spec.problems() {
            let kind = DiagnosticKind::SpecProblem { check: check.id.0.clone(), problem };
            problems.add(&marks.file, *place, kind);
        }
    }
}

fn solution(step: &Step, marks: &Marks, problems: &mut Problems) {
    let Some(solution) = &step.solution else {
        if !step.checks.is_empty() {
            problems.add(&marks.file, HEADER, DiagnosticKind::NoSolution);
        }
        return;
    };
    for (index, words) in hints::copies(step) {
        let place = marks.hints.get(index).copied().unwrap_or(HEADER);
        problems.add(&marks.file, place, DiagnosticKind::HintCopiesSolution { words });
    }
    let there = |path: &str| {
        step.files.iter().chain(&solution.files).any(|file| file.path == path) || mentions(&solution.page, path)
    };
    for segment in &step.page.segments {
        if let Segment::Block(block) = segment
            && let BlockKind::File(path) = &block.kind
            && !there(path)
        {
            let place = Place { line: block.line, column: 1 };
            problems.add(&marks.file, place, DiagnosticKind::SolutionFileMissing { path: path.clone() });
        }
    }
    for (check, place) in step.checks.iter().zip(&marks.checks) {
        if let check::Spec::FileContent(spec) = &check.spec
            && !there(&spec.path)
        {
            let kind = DiagnosticKind::SolutionFileMissing { path: spec.path.clone() };
            problems.add(&marks.file, *place, kind);
        }
    }
}

/// Returns whether a solution's commands name a path: they may well create it.
fn mentions(page: &Page, path: &str) -> bool {
    page.segments.iter().any(|segment| match segment {
        Segment::Block(block) => block.text.contains(path),
        Segment::Prose(_) | Segment::Image { .. } => false,
    })
}

fn solution_text(step: &Step, tree: &Tree, problems: &mut Problems) {
    let path = format!("{}/{}/solution.md", step.id.course.0, step.id.step);
    let Some(Ok((content, _))) = tree.content(&path).map(text::decode) else { return };
    let body = crate::load::step::body(&content);
    let lines = Lines::new(&content);
    let page = Text { says: &content[body..], file: &lines, from: Origin::Byte(body) };
    prose(&page, &tree.name(&path), problems);
}

/// How many findings of one text are reported; past it the text is no French, and the author knows.
const FINDINGS_LIMIT: u32 = 300;

/// Reads a French text in Markdown and reports its words, its headings and what a terminal cannot show.
pub(super) fn prose(text: &Text<'_>, file: &str, problems: &mut Problems) -> Reading {
    let reading = markdown::read(text.says);
    let mut found = 0_u32;
    let mut add = |byte: usize, kind| {
        found += 1;
        if found <= FINDINGS_LIMIT {
            problems.add(file, text.place(byte), kind);
        }
    };
    for passage in &reading.passages {
        words::lint(passage, &mut add);
    }
    for (byte, path) in &reading.mute_pictures {
        add(*byte, DiagnosticKind::ImageWithoutAlt { path: path.clone() });
    }
    for byte in &reading.html {
        add(*byte, DiagnosticKind::Html);
    }
    for (byte, target) in &reading.undefined {
        add(*byte, DiagnosticKind::DeadLink { target: target.clone() });
    }
    let mut from = 0;
    for (byte, to, _) in &reading.headings {
        // A page may begin at the second level: its title stands in the header.
        if *to > from + 1 && !(from == 0 && *to == 2) {
            add(*byte, DiagnosticKind::HeadingSkips { from, to: *to });
        }
        from = *to;
    }
    reading
}

/// Where links lead.
struct Linked<'a> {
    course: &'a str,
    labs: &'a Tree,
}

fn links(reading: &Reading, text: &Text<'_>, file: &str, linked: &Linked<'_>, problems: &mut Problems) {
    for (byte, target) in &reading.links {
        let kind = if let Some(anchor) = target.strip_prefix('#') {
            let known = reading.headings.iter().any(|(.., heading)| markdown::anchor(heading) == anchor);
            (!known).then(|| DiagnosticKind::DeadLink { target: target.clone() })
        } else if target.starts_with("https://") || target.starts_with("mailto:") {
            None
        } else if target.contains("://") {
            (!local(target)).then(|| DiagnosticKind::InsecureLink { target: target.clone() })
        } else {
            let path = target.split(['#', '?']).next().unwrap_or_default();
            let known = inside(linked.course, path).is_some_and(|path| {
                linked.labs.content(&path).is_some() || linked.labs.below(path.trim_end_matches('/')).next().is_some()
            });
            (!known).then(|| DiagnosticKind::DeadLink { target: target.clone() })
        };
        if let Some(kind) = kind {
            problems.add(file, text.place(*byte), kind);
        }
    }
}

/// Returns whether an address is on the learner's own machine.
fn local(address: &str) -> bool {
    ["http://127.", "http://localhost"].iter().any(|start| address.starts_with(start))
}

/// Returns the path in `labs/` of a link in a course; none where it leads outside.
fn inside(course: &str, path: &str) -> Option<String> {
    let mut parts = vec![course];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
