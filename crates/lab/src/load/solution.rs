//! Reads what makes a step pass: `solutions/<course>/<step>/`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::page::{self, Source};
use super::step::{FrontMatter, front_matter, line_count};
use super::text;
use super::yaml::{self, Located, Place};
use super::{FORMAT, Problems};
use crate::diagnostic::DiagnosticKind;
use crate::model::{CheckId, LabFile, Solution, Step};
use crate::tree::Tree;

/// The front matter of `solution.md`; it may be left out where the step asks nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: Located<u64>,
    #[serde(default)]
    answers: BTreeMap<String, Located<String>>,
}

/// Reads the solution of a step, if there is one.
pub(super) fn read(step: &Step, tree: &Tree, problems: &mut Problems) -> Option<Solution> {
    let folder = format!("{}/{}", step.id.course.0, step.id.step);
    let path = format!("{folder}/solution.md");
    let name = tree.name(&path);
    let content = tree.content(&path)?;
    let text = match text::decode(content) {
        Ok((text, found)) => {
            for (place, kind) in found {
                problems.add(&name, place, kind);
            }
            text
        }
        Err((place, kind)) => {
            problems.add(&name, place, kind);
            return None;
        }
    };
    let (header, body) = match front_matter(&text) {
        FrontMatter::Missing => (None, 0),
        FrontMatter::Unclosed => {
            problems.add(&name, Place::START, DiagnosticKind::FrontMatterUnclosed);
            return None;
        }
        FrontMatter::Found { yaml, body } => match yaml::parse::<Header>(yaml, 1) {
            Ok(header) => (Some(header), body),
            Err((place, kind)) => {
                problems.add(&name, place, kind);
                return None;
            }
        },
    };
    if let Some(header) = &header
        && header.format.value != FORMAT
    {
        let kind = DiagnosticKind::FormatUnsupported { found: header.format.value, supported: FORMAT };
        problems.add(&name, yaml::place(&header.format, 1), kind);
        return None;
    }
    let source = Source::new(&text[body..], line_count(&text[..body]));
    let picture = |path: &str| tree.content(&format!("{folder}/{path}")).map(<[u8]>::to_vec);
    let page = page::parse(&source, &picture, &mut |place, kind| problems.add(&name, place, kind));
    let answers = answers(step, header.map(|header| header.answers).unwrap_or_default(), &name, problems);
    let files = tree
        .below(&folder)
        .filter(|(path, _)| *path != "solution.md")
        .map(|(path, file)| LabFile { path: path.to_owned(), content: file.content.to_vec() })
        .collect();
    Some(Solution { page, files, answers })
}

fn answers(
    step: &Step,
    answers: BTreeMap<String, Located<String>>,
    name: &str,
    problems: &mut Problems,
) -> Vec<(CheckId, String)> {
    let asks = |check: &&crate::model::Check| matches!(check.spec, check::Spec::Question(_));
    for check in step.checks.iter().filter(asks) {
        if !answers.contains_key(&check.id.0) {
            let kind = DiagnosticKind::QuestionWithoutAnswer { check: check.id.0.clone() };
            problems.add(name, Place::START, kind);
        }
    }
    let mut kept = Vec::with_capacity(answers.len());
    for (id, answer) in answers {
        let place = yaml::place(&answer, 1);
        if !step.checks.iter().filter(asks).any(|check| check.id.0 == id) {
            problems.add(name, place, DiagnosticKind::AnswerWithoutQuestion { check: id.escape_debug().to_string() });
            continue;
        }
        let mut answer = answer.value;
        if let Some(c) = text::scrub(&mut answer) {
            problems.add(name, place, DiagnosticKind::ControlCharacter { code: u32::from(c) });
        }
        kept.push((CheckId(id), answer));
    }
    kept
}

/// Reports folders of solutions that answer to no step of the course.
pub(super) fn strays(course: &str, listed: &[String], tree: &Tree, problems: &mut Problems) {
    let mut folders: Vec<&str> = tree.below(course).filter_map(|(path, _)| Some(path.split_once('/')?.0)).collect();
    folders.dedup();
    for folder in folders {
        if !listed.iter().any(|step| step == folder) {
            let kind = DiagnosticKind::SolutionWithoutStep { step: folder.to_owned() };
            problems.add(&tree.name(&format!("{course}/{folder}")), Place::START, kind);
        }
    }
}
