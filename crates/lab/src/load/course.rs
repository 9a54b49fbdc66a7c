//! Reads `course.yaml` and, through it, the steps.

use serde::Deserialize;

use super::yaml::{self, Located, Place, Problem};
use super::{FORMAT, ParsedCourse, Problems, good_id, solution, step, text};
use crate::diagnostic::DiagnosticKind;
use crate::model::{Course, CourseId, StepId};
use crate::tree::{self, Tree};

/// `course.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CourseFile {
    format: Located<u64>,
    title: Located<String>,
    #[serde(default)]
    summary: Option<Located<String>>,
    #[serde(default)]
    hint_cost: Option<Located<u64>>,
    #[serde(default)]
    after_solution: Option<Located<u64>>,
    chapters: Vec<Chapter>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chapter {
    title: Located<String>,
    steps: Vec<Located<String>>,
}

/// What a hint costs where a course does not say, in percent of the step's points.
const HINT_COST: u8 = 10;

pub(super) fn read(
    folder: &str,
    labs: &Tree,
    solutions: Option<&Tree>,
    problems: &mut Problems,
) -> Option<ParsedCourse> {
    let path = format!("{folder}/course.yaml");
    let name = labs.name(&path);
    if !good_id(folder) {
        problems.add(&labs.name(folder), Place::START, DiagnosticKind::BadId { id: folder.to_owned() });
        return None;
    }
    let Some(content) = labs.content(&path) else {
        // A course file that was refused has its own diagnostic.
        if !labs.refused.iter().any(|refused| refused.file == name) {
            problems.add(&name, Place::START, DiagnosticKind::CourseFileMissing);
        }
        return None;
    };
    let file = match parse(content, &name, problems) {
        Ok(file) => file,
        Err((place, kind)) => {
            problems.add(&name, place, kind);
            return None;
        }
    };
    if file.format.value != FORMAT {
        let kind = DiagnosticKind::FormatUnsupported { found: file.format.value, supported: FORMAT };
        problems.add(&name, yaml::place(&file.format, 0), kind);
        return None;
    }
    let mut texts = Vec::new();
    let mut french = |value: Located<String>, problems: &mut Problems| {
        let place = yaml::place(&value, 0);
        let mut value = value.value;
        if let Some(c) = text::scrub(&mut value) {
            problems.add(&name, place, DiagnosticKind::ControlCharacter { code: u32::from(c) });
        }
        texts.push((place, value.clone()));
        value
    };
    let id = CourseId(folder.to_owned());
    let title = french(file.title, problems);
    let summary = file.summary.map(|summary| french(summary, problems)).unwrap_or_default();
    let hint_cost = percent(file.hint_cost, "hint_cost", HINT_COST, &name, problems);
    let after_solution = percent(file.after_solution, "after_solution", 0, &name, problems);

    let mut listed: Vec<String> = Vec::new();
    let mut steps = Vec::new();
    let mut marks = Vec::new();
    for chapter in file.chapters {
        let chapter_title = french(chapter.title, problems);
        for stem in chapter.steps {
            let place = yaml::place(&stem, 0);
            let stem = stem.value;
            if !good_id(&stem) {
                problems.add(&name, place, DiagnosticKind::BadId { id: stem.escape_debug().to_string() });
                continue;
            }
            if listed.contains(&stem) {
                problems.add(&name, place, DiagnosticKind::StepListedTwice { step: stem });
                continue;
            }
            listed.push(stem.clone());
            let step_path = format!("{folder}/{stem}.md");
            let Some(content) = labs.content(&step_path) else {
                let step_name = labs.name(&step_path);
                if !labs.refused.iter().any(|refused| refused.file == step_name) {
                    problems.add(&name, place, DiagnosticKind::StepMissing { step: stem });
                }
                continue;
            };
            let id = StepId { course: id.clone(), step: stem };
            let inputs = step::Inputs { id, chapter: &chapter_title, labs, content };
            if let Some((mut step, mark)) = step::read(&inputs, problems) {
                step.solution = solutions.and_then(|tree| solution::read(&step, tree, problems));
                steps.push(step);
                marks.push(mark);
            }
        }
    }
    if let Some(tree) = solutions {
        solution::strays(folder, &listed, tree, problems);
    }
    let digest = tree::digest(labs.below(folder));
    let solution_digest = solutions.map(|tree| tree::digest(tree.below(folder)));
    let course =
        Course { id, title, summary, steps, digest, solution_digest, embedded: false, hint_cost, after_solution };
    Some(ParsedCourse { course, listed, steps: marks, texts })
}

fn parse(content: &[u8], name: &str, problems: &mut Problems) -> Result<CourseFile, Problem> {
    let (text, found) = text::decode(content)?;
    for (place, kind) in found {
        problems.add(name, place, kind);
    }
    yaml::parse(&text, 0)
}

fn percent(value: Option<Located<u64>>, field: &'static str, default: u8, name: &str, problems: &mut Problems) -> u8 {
    let Some(value) = value else { return default };
    match u8::try_from(value.value) {
        Ok(percent) if percent <= 100 => percent,
        Ok(_) | Err(_) => {
            problems.add(name, yaml::place(&value, 0), DiagnosticKind::OutOfRange { field, min: 0, max: 100 });
            default
        }
    }
}

/// Returns the steps that a `course.yaml` lists, in order; none where it cannot be read.
pub(crate) fn listed_steps(text: &str) -> Option<Vec<String>> {
    let file: CourseFile = yaml::parse(text, 0).ok()?;
    Some(file.chapters.into_iter().flat_map(|chapter| chapter.steps).map(|step| step.value).collect())
}
