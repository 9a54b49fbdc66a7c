//! The solution: its reasons, then each file beside the learner's own, coloured by difference.
//!
//! ```text
//! ╭ Solution ───────────────────────────────────────────╮
//! │ the reasons …                                       │
//! │ limitrange.yaml                                     │
//! │ Votre fichier            │ Solution                 │
//! │   kind: LimitRange       │   kind: LimitRange       │
//! │ - memory: 256Mi          │ + memory: 512Mi          │
//! ╰─────────────────────────────────────────────────────╯
//! ```

use lab::StepId;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use similar::{ChangeTag, TextDiff};

use crate::keymap::Command;
use crate::markdown::wrap_code;
use crate::model::{Model, Overlay, Screen, Tone};
use crate::msg::Effect;
use crate::picture::{Gallery, Hanging};
use crate::screens::confirm::Confirm;
use crate::text::{Piece, clean, one_line, shorten, width};
use crate::words::word;
use crate::{page, screens, theme};

/// A learner's file: its path, and its content where it exists.
pub(crate) type Found = (String, Option<Vec<u8>>);

/// The solution, laid out.
pub(crate) struct Solution {
    step: StepId,
    columns: u16,
    lines: Vec<Line<'static>>,
    /// The lines where files begin.
    starts: Vec<usize>,
    pub(crate) offset: usize,
    /// The learner's files, once read.
    pub(crate) files: Vec<Found>,
    seen: bool,
}

/// Files longer than this are not compared line by line, in bytes.
const LARGEST: usize = 256 * 1024;

/// Opens the solution, or asks first where it was not revealed yet.
pub(crate) fn ask(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(snapshot) = &model.snapshot else { return };
    if snapshot.solution_seen {
        open(model, effects);
    } else if model.step().is_some_and(|step| step.solution.is_none()) {
        model.say(Tone::Plain, word!("said-no-solution"));
    } else {
        model.overlay = Some(Overlay::Confirm(Confirm::Solution));
    }
}

/// Opens the screen and asks for the learner's files.
pub(crate) fn open(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(snapshot) = &model.snapshot else { return };
    let paths: Vec<String> = model
        .step()
        .and_then(|step| step.solution.as_ref())
        .map(|solution| solution.files.iter().map(|file| file.path.clone()).collect())
        .unwrap_or_default();
    if !paths.is_empty() {
        effects.push(Effect::ReadFiles { work: snapshot.work.clone(), paths });
    }
    model.screen = Screen::Solution(Box::new(Solution::lay(model, Vec::new(), 0)));
}

/// The learner's files were read.
pub(crate) fn on_files(model: &mut Model, files: Vec<Found>) {
    if let Screen::Solution(solution) = &model.screen {
        let offset = solution.offset;
        model.screen = Screen::Solution(Box::new(Solution::lay(model, files, offset)));
    }
}

pub(crate) fn update(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    let page = usize::from(model.size.1.saturating_sub(4)).max(1);
    let Screen::Solution(solution) = &mut model.screen else { return };
    let last = solution.lines.len().saturating_sub(page);
    match command {
        Command::Down => solution.offset += 1,
        Command::Up => solution.offset = solution.offset.saturating_sub(1),
        Command::PageDown => solution.offset += page,
        Command::PageUp => solution.offset = solution.offset.saturating_sub(page),
        Command::Top => solution.offset = 0,
        Command::Bottom => solution.offset = last,
        Command::NextFile => {
            let next = solution.starts.iter().find(|start| **start > solution.offset);
            solution.offset = next.or(solution.starts.first()).copied().unwrap_or(0);
        }
        Command::ApplySolution => model.overlay = Some(Overlay::Confirm(Confirm::Apply)),
        Command::Back => {
            model.screen = Screen::Step;
            return;
        }
        _ => {}
    }
    let _ = effects;
    if let Screen::Solution(solution) = &mut model.screen {
        solution.offset = solution.offset.min(last);
    }
}

impl Solution {
    /// Lays out the open step's solution beside the learner's `files`.
    pub(crate) fn lay(model: &Model, files: Vec<Found>, offset: usize) -> Solution {
        let columns = model.size.0;
        let cells = usize::from(columns.saturating_sub(4)).max(20);
        let mut laid = Solution {
            step: model.snapshot.as_ref().map_or_else(none, |snapshot| snapshot.current.clone()),
            columns,
            lines: Vec::new(),
            starts: Vec::new(),
            offset,
            files,
            seen: model.snapshot.as_ref().is_some_and(|snapshot| snapshot.solution_seen),
        };
        let Some(solution) = model.step().and_then(|step| step.solution.as_ref()) else {
            laid.lines.push(Line::raw(word!("said-no-solution")));
            return laid;
        };
        if !laid.seen {
            laid.lines.push(Line::raw(word!("solution-coming")));
            return laid;
        }
        laid.lines = page::lay(
            Vec::new(),
            &solution.page,
            cells.min(100),
            page::Acts::None,
            Hanging { gallery: &mut Gallery::default(), pictures: model.pictures(), rows: usize::MAX },
        )
        .lines;
        for file in &solution.files {
            laid.lines.push(Line::default());
            laid.starts.push(laid.lines.len());
            let own = laid.files.iter().find(|(path, _)| *path == file.path).and_then(|(_, content)| content.clone());
            laid.lines.extend(compare(&file.path, own.as_deref(), &file.content, cells));
        }
        if !solution.answers.is_empty() {
            laid.lines.push(Line::default());
            laid.lines.push(Line::styled(word!("solution-answers"), theme::heading(2)));
            for (check, answer) in &solution.answers {
                let title = model
                    .step()
                    .and_then(|step| step.checks.iter().find(|known| known.id == *check))
                    .map_or_else(|| check.0.clone(), |check| check.title.clone());
                laid.lines.extend(crate::text::wrap_plain(&title, theme::text(), cells));
                laid.lines.push(Line::styled(format!("  {}", one_line(answer)), theme::code()));
            }
        }
        laid
    }

    /// Whether it must be laid out anew: another width, another step, or revealed since.
    pub(crate) fn is_stale(&self, model: &Model) -> bool {
        let current = model.snapshot.as_ref().map(|snapshot| (&snapshot.current, snapshot.solution_seen));
        self.columns != model.size.0 || current != Some((&self.step, self.seen))
    }
}

fn none() -> StepId {
    StepId { course: lab::CourseId(String::new()), step: String::new() }
}

/// Two files side by side; what only one has is marked by a sign as well as a colour.
fn compare(path: &str, own: Option<&[u8]>, solution: &[u8], cells: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::styled(shorten(&one_line(path), cells), theme::heading(2))];
    let (Ok(right), Ok(left)) = (std::str::from_utf8(solution), std::str::from_utf8(own.unwrap_or_default())) else {
        lines.push(Line::raw(word!("solution-binary")));
        return lines;
    };
    if right.len() > LARGEST || left.len() > LARGEST {
        lines.push(Line::raw(word!("solution-large")));
        return lines;
    }
    let half = (cells.saturating_sub(3) / 2).max(8);
    let heading = if own.is_some() { word!("solution-yours") } else { word!("solution-absent") };
    let mut head = side(Piece::new(heading, theme::strong()), half);
    lines.append(&mut join(&mut head, &mut side(Piece::new(word!("solution-theirs"), theme::strong()), half), half));
    lines.push(Line::styled(format!("{}─┼─{}", "─".repeat(half), "─".repeat(half)), theme::border()));
    let (left, right) = (clean(left), clean(right));
    let difference = TextDiff::from_lines(&left, &right);
    let (mut removed, mut added): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for change in difference.iter_all_changes() {
        let text = change.value().trim_end_matches('\n').to_owned();
        match change.tag() {
            ChangeTag::Delete => removed.push(text),
            ChangeTag::Insert => added.push(text),
            ChangeTag::Equal => {
                flush(&mut removed, &mut added, half, &mut lines);
                let piece = Piece::new(format!("  {text}"), theme::text());
                lines.append(&mut join(&mut side(piece.clone(), half), &mut side(piece, half), half));
            }
        }
    }
    flush(&mut removed, &mut added, half, &mut lines);
    lines
}

/// Puts lines that differ side by side.
fn flush(removed: &mut Vec<String>, added: &mut Vec<String>, half: usize, lines: &mut Vec<Line<'static>>) {
    let rows = removed.len().max(added.len());
    for row in 0..rows {
        let half_of = |texts: &[String], sign: &str, style: Style| {
            texts.get(row).map(|text| side(Piece::new(format!("{sign} {text}"), style), half)).unwrap_or_default()
        };
        let mut left = half_of(removed, "-", theme::removed());
        let mut right = half_of(added, "+", theme::added());
        lines.append(&mut join(&mut left, &mut right, half));
    }
    removed.clear();
    added.clear();
}

fn side(piece: Piece, half: usize) -> Vec<Line<'static>> {
    wrap_code(&[piece], half)
}

fn join(left: &mut [Line<'static>], right: &mut [Line<'static>], half: usize) -> Vec<Line<'static>> {
    (0..left.len().max(right.len()))
        .map(|row| {
            let left = left.get(row).cloned().unwrap_or_default();
            let fill = half.saturating_sub(width(&left.to_string()));
            let mut spans = left.spans;
            spans.push(Span::raw(" ".repeat(fill)));
            spans.push(Span::styled(" │ ", theme::border()));
            spans.extend(right.get(row).cloned().unwrap_or_default().spans);
            Line::from(spans)
        })
        .collect()
}

pub(crate) fn view(solution: &Solution, frame: &mut Frame<'_>, area: Rect) {
    screens::boxed(frame, area, &word!("title-solution"), &solution.lines, solution.offset);
}
