//! Reads one step: its front matter, then its page.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::page::{self, Source};
use super::text;
use super::yaml::{self, Located, Place};
use super::{FORMAT, Problems, good_id};
use crate::diagnostic::DiagnosticKind;
use crate::model::{Action, Check, CheckId, Hint, LabFile, Need, Step, StepId};
use crate::tree::{Tree, safe_path};

/// How long a check may take where it does not say, in seconds.
const TIMEOUT: u64 = 30;
/// The longest that a check may take, in seconds.
const LONGEST: u64 = 1_800;

/// A step's front matter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: Located<u64>,
    title: Located<String>,
    #[serde(default)]
    objectives: Vec<Located<String>>,
    #[serde(default)]
    learnt: Option<Located<String>>,
    #[serde(default)]
    points: Option<Located<u32>>,
    #[serde(default)]
    minutes: Option<Located<u32>>,
    #[serde(default)]
    needs: Vec<Located<Need>>,
    #[serde(default)]
    namespaces: Vec<Located<String>>,
    #[serde(default)]
    files: BTreeMap<String, Located<String>>,
    #[serde(default)]
    setup: Vec<Located<Action>>,
    #[serde(default)]
    reset: Vec<Located<Action>>,
    #[serde(default)]
    checks: Vec<CheckHeader>,
    #[serde(default)]
    hints: Vec<Located<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckHeader {
    id: Located<String>,
    title: Located<String>,
    #[serde(default)]
    points: u32,
    #[serde(default)]
    timeout: Option<Located<u64>>,
    #[serde(default)]
    guard: bool,
    #[serde(default)]
    why: Option<Located<String>>,
    #[serde(default)]
    advice: Option<Located<String>>,
    expect: check::Spec,
}

/// Where the parts of a step stand in its file, for the lint.
pub(crate) struct Marks {
    /// The file's name in diagnostics.
    pub(crate) file: String,
    /// The whole text, without control characters.
    pub(crate) text: String,
    /// The byte at which the page begins.
    pub(crate) body: usize,
    /// The header's French texts.
    pub(crate) texts: Vec<(Place, String)>,
    pub(crate) points: Place,
    pub(crate) checks: Vec<Place>,
    pub(crate) hints: Vec<Place>,
    /// The `files/` paths that the step hands out.
    pub(crate) files: Vec<String>,
}

/// What a step is read from.
pub(super) struct Inputs<'a> {
    pub(super) id: StepId,
    pub(super) chapter: &'a str,
    pub(super) labs: &'a Tree,
    pub(super) content: &'a [u8],
}

pub(super) fn read(inputs: &Inputs<'_>, problems: &mut Problems) -> Option<(Step, Marks)> {
    let folder = &inputs.id.course.0;
    let file = inputs.labs.name(&format!("{folder}/{}.md", inputs.id.step));
    let text = match text::decode(inputs.content) {
        Ok((text, found)) => {
            for (place, kind) in found {
                problems.add(&file, place, kind);
            }
            text.into_owned()
        }
        Err((place, kind)) => {
            problems.add(&file, place, kind);
            return None;
        }
    };
    let (yaml_text, body) = match front_matter(&text) {
        FrontMatter::Found { yaml, body } => (yaml, body),
        FrontMatter::Missing => {
            problems.add(&file, Place::START, DiagnosticKind::FrontMatterMissing);
            return None;
        }
        FrontMatter::Unclosed => {
            problems.add(&file, Place::START, DiagnosticKind::FrontMatterUnclosed);
            return None;
        }
    };
    // The page is read even where the header is broken, so that the author sees everything at once.
    let source = Source::new(&text[body..], line_count(&text[..body]));
    let picture = |path: &str| inputs.labs.content(&format!("{folder}/{path}")).map(<[u8]>::to_vec);
    let page = page::parse(&source, &picture, &mut |place, kind| problems.add(&file, place, kind));

    let header: Header = match yaml::parse(yaml_text, 1) {
        Ok(header) => header,
        Err((place, kind)) => {
            problems.add(&file, place, kind);
            return None;
        }
    };
    if header.format.value != FORMAT {
        let kind = DiagnosticKind::FormatUnsupported { found: header.format.value, supported: FORMAT };
        problems.add(&file, yaml::place(&header.format, 1), kind);
        return None;
    }
    let mut reading = Reading {
        file: &file,
        problems,
        texts: Vec::new(),
        checks_at: Vec::new(),
        handed_out: header.files.keys().cloned().collect(),
    };
    let title = reading.french(header.title);
    let objectives = header.objectives.into_iter().map(|text| reading.french(text)).collect();
    let learnt = header.learnt.map(|text| reading.french(text)).unwrap_or_default();
    let checks = reading.checks(header.checks);
    let hints_at = header.hints.iter().map(|hint| yaml::place(hint, 1)).collect();
    let hints = header.hints.into_iter().map(|hint| Hint { text: reading.french(hint) }).collect();
    let files_at = header.files.values().map(|path| path.value.clone()).collect();
    let files = reading.files(header.files, inputs);
    let setup = reading.actions(header.setup);
    let reset = reading.actions(header.reset);
    let needs = reading.needs(header.needs);
    let namespaces = reading.namespaces(header.namespaces);
    let points_at = header.points.as_ref().map_or(Place { line: 2, column: 1 }, |points| yaml::place(points, 1));
    let sum = checks.iter().map(|check| check.points).fold(0, u32::saturating_add);
    let Reading { texts, checks_at, .. } = reading;
    let step = Step {
        id: inputs.id.clone(),
        title,
        chapter: inputs.chapter.to_owned(),
        objectives,
        learnt,
        points: header.points.map_or(sum, |points| points.value),
        minutes: header.minutes.map_or(0, |minutes| minutes.value),
        needs,
        namespaces,
        checks,
        hints,
        setup,
        reset,
        page,
        files,
        solution: None,
    };
    let marks =
        Marks { file, text, body, texts, points: points_at, checks: checks_at, hints: hints_at, files: files_at };
    Some((step, marks))
}

/// A front matter in a text.
pub(super) enum FrontMatter<'a> {
    /// The YAML, which begins on line 2, and the byte at which the page begins.
    Found { yaml: &'a str, body: usize },
    /// The text does not begin with `---`.
    Missing,
    /// There is no second `---`.
    Unclosed,
}

/// Finds the front matter of a text.
pub(super) fn front_matter(text: &str) -> FrontMatter<'_> {
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == "---") else { return FrontMatter::Missing };
    let mut at = first.len();
    for line in lines {
        if line.trim_end() == "---" {
            return FrontMatter::Found { yaml: &text[first.len()..at], body: at + line.len() };
        }
        at += line.len();
    }
    FrontMatter::Unclosed
}

/// Returns the byte at which a text's page begins, after its front matter if it has one.
pub(crate) fn body(text: &str) -> usize {
    match front_matter(text) {
        FrontMatter::Found { body, .. } => body,
        FrontMatter::Missing | FrontMatter::Unclosed => 0,
    }
}

/// Returns how many lines end in a text.
pub(super) fn line_count(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX)
}

/// A header under way.
struct Reading<'a> {
    file: &'a str,
    problems: &'a mut Problems,
    texts: Vec<(Place, String)>,
    /// Where the checks that were kept stand.
    checks_at: Vec<Place>,
    /// The work folder's paths that the step hands out.
    handed_out: Vec<String>,
}

impl Reading<'_> {
    fn add(&mut self, place: Place, kind: DiagnosticKind) {
        self.problems.add(self.file, place, kind);
    }

    /// Takes a text that a learner reads.
    fn french(&mut self, value: Located<String>) -> String {
        let place = yaml::place(&value, 1);
        let value = self.clean(place, value.value);
        self.texts.push((place, value.clone()));
        value
    }

    /// Removes control characters that YAML escapes bring in.
    fn clean(&mut self, place: Place, mut value: String) -> String {
        if let Some(c) = text::scrub(&mut value) {
            self.add(place, DiagnosticKind::ControlCharacter { code: u32::from(c) });
        }
        value
    }

    fn checks(&mut self, headers: Vec<CheckHeader>) -> Vec<Check> {
        let mut checks: Vec<Check> = Vec::with_capacity(headers.len());
        for header in headers {
            let place = yaml::place(&header.id, 1);
            let id = header.id.value;
            if !good_id(&id) {
                self.add(place, DiagnosticKind::BadId { id: id.escape_debug().to_string() });
                continue;
            }
            if checks.iter().any(|check| check.id.0 == id) {
                self.add(place, DiagnosticKind::DuplicateCheck { id });
                continue;
            }
            let seconds = match header.timeout {
                None => TIMEOUT,
                Some(timeout) if (1..=LONGEST).contains(&timeout.value) => timeout.value,
                Some(timeout) => {
                    let kind = DiagnosticKind::OutOfRange { field: "timeout", min: 1, max: LONGEST };
                    self.add(yaml::place(&timeout, 1), kind);
                    TIMEOUT
                }
            };
            let mut spec = header.expect;
            self.question(place, &mut spec);
            self.checks_at.push(place);
            checks.push(Check {
                id: CheckId(id),
                title: self.french(header.title),
                points: header.points,
                guard: header.guard,
                why: header.why.map(|text| self.french(text)),
                advice: header.advice.map(|text| self.french(text)),
                timeout: Duration::from_secs(seconds),
                spec,
            });
        }
        checks
    }

    /// Takes the words of a question, which are in the spec. (Whatever else a spec holds is shown as evidence, which
    /// is cleaned where it is shown.)
    fn question(&mut self, place: Place, spec: &mut check::Spec) {
        if let check::Spec::Question(question) = spec {
            question.ask = self.clean(place, std::mem::take(&mut question.ask));
            self.texts.push((place, question.ask.clone()));
            let choices = std::mem::take(&mut question.choices);
            for (letter, choice) in choices {
                let choice = self.clean(place, choice);
                self.texts.push((place, choice.clone()));
                question.choices.insert(self.clean(place, letter), choice);
            }
        }
    }

    fn needs(&mut self, needs: Vec<Located<Need>>) -> Vec<Need> {
        let mut kept = Vec::with_capacity(needs.len());
        for need in needs {
            match &need.value {
                // A node's name is a DNS subdomain (RFC 1123).
                Need::Node(name) if !name.split('.').all(good_id) => {
                    let kind = DiagnosticKind::BadId { id: name.escape_debug().to_string() };
                    self.add(yaml::place(&need, 1), kind);
                    continue;
                }
                Need::Node(_) | Need::Cluster | Need::Sandbox | Need::Docker => {}
            }
            kept.push(need.value);
        }
        kept
    }

    fn files(&mut self, files: BTreeMap<String, Located<String>>, inputs: &Inputs<'_>) -> Vec<LabFile> {
        let mut found = Vec::with_capacity(files.len());
        for (path, source) in files {
            let place = yaml::place(&source, 1);
            let bad = [&path, &source.value].into_iter().find(|path| !safe_path(path)).cloned();
            if let Some(path) = bad {
                self.add(place, DiagnosticKind::BadPath { path: path.escape_debug().to_string() });
                continue;
            }
            match inputs.labs.content(&format!("{}/files/{}", inputs.id.course.0, source.value)) {
                Some(content) => found.push(LabFile { path, content: content.to_vec() }),
                None => self.add(place, DiagnosticKind::LabFileMissing { path: source.value }),
            }
        }
        found
    }

    fn actions(&mut self, actions: Vec<Located<Action>>) -> Vec<Action> {
        let mut kept = Vec::with_capacity(actions.len());
        for action in actions {
            let place = yaml::place(&action, 1);
            let action = match action.value {
                Action::Run(command) => Action::Run(self.clean(place, command)),
                Action::RepairNode(node) => Action::RepairNode(self.clean(place, node)),
                Action::Apply(path) => Action::Apply(path),
            };
            match &action {
                Action::Apply(path) if !self.handed_out.contains(path) => {
                    self.add(place, DiagnosticKind::ActionFileMissing { path: path.escape_debug().to_string() });
                    continue;
                }
                Action::Apply(_) | Action::Run(_) | Action::RepairNode(_) => {}
            }
            kept.push(action);
        }
        kept
    }

    fn namespaces(&mut self, names: Vec<Located<String>>) -> Vec<String> {
        let mut kept: Vec<String> = Vec::with_capacity(names.len());
        for name in names {
            // A Namespace's name is a DNS label (RFC 1123).
            if !good_id(&name.value) || name.value.len() > 63 || name.value.ends_with('-') {
                let kind = DiagnosticKind::BadId { id: name.value.escape_debug().to_string() };
                self.add(yaml::place(&name, 1), kind);
            } else if !kept.contains(&name.value) {
                kept.push(name.value);
            }
        }
        kept
    }
}
