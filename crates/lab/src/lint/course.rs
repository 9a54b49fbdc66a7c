//! What is wrong with a course as a whole: files that no step uses, steps that no list names.

use super::place::{Origin, Text};
use super::step;
use crate::diagnostic::DiagnosticKind;
use crate::load::text::Lines;
use crate::load::yaml::Place;
use crate::load::{ParsedCourse, Problems};
use crate::tree::Tree;

pub(super) fn lint(parsed: &ParsedCourse, labs: &Tree, solutions: Option<&Tree>, problems: &mut Problems) {
    let folder = &parsed.course.id.0;
    for (path, _) in labs.below(folder) {
        if let Some(stem) = path.strip_suffix(".md")
            && !path.contains('/')
            && stem != "README"
            && !parsed.listed.iter().any(|step| step == stem)
        {
            problems.add(&labs.name(&format!("{folder}/{path}")), Place::START, DiagnosticKind::StepNotListed);
        }
        if let Some(path) = path.strip_prefix("files/")
            && !parsed.steps.iter().any(|marks| marks.files.iter().any(|used| used == path))
        {
            let name = labs.name(&format!("{folder}/files/{path}"));
            problems.add(&name, Place::START, DiagnosticKind::LabFileUnused);
        }
    }
    let file = labs.name(&format!("{folder}/course.yaml"));
    let content = labs.content(&format!("{folder}/course.yaml")).map(String::from_utf8_lossy).unwrap_or_default();
    let lines = Lines::new(&content);
    for (place, says) in &parsed.texts {
        let text = Text { says, file: &lines, from: Origin::Yaml(*place) };
        step::prose(&text, &file, problems);
    }
    for (step, marks) in parsed.course.steps.iter().zip(&parsed.steps) {
        step::lint(step, marks, &step::Surroundings { labs, solutions }, problems);
    }
}
