//! The map: courses, chapters and steps, each with its state in a mark and a word.

use lab::StepId;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use runner::StepStateView;

use crate::keymap::Command;
use crate::model::{Model, Overlay, Screen};
use crate::msg::Effect;
use crate::screens::{confirm::Confirm, search::Search, step::need_in_short};
use crate::text::{one_line, shorten, width};
use crate::update::open_step;
use crate::words::word;
use crate::{screens, theme};

/// Which step is looked at.
#[derive(Debug)]
pub(crate) struct Map {
    selected: usize,
}

impl Map {
    pub(crate) fn of(model: &Model) -> Map {
        let here = |snapshot: &std::sync::Arc<runner::Snapshot>| {
            snapshot.steps.iter().position(|view| view.step == snapshot.current)
        };
        Map { selected: model.snapshot.as_ref().and_then(here).unwrap_or(0) }
    }
}

pub(crate) fn update(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    let steps: Vec<StepId> = model
        .snapshot
        .as_ref()
        .map(|snapshot| snapshot.steps.iter().map(|view| view.step.clone()).collect())
        .unwrap_or_default();
    let Screen::Map(map) = &mut model.screen else { return };
    let last = steps.len().saturating_sub(1);
    match command {
        Command::Down => map.selected = (map.selected + 1).min(last),
        Command::Up => map.selected = map.selected.saturating_sub(1),
        Command::PageDown => map.selected = (map.selected + 8).min(last),
        Command::PageUp => map.selected = map.selected.saturating_sub(8),
        Command::Top => map.selected = 0,
        Command::Bottom => map.selected = last,
        Command::Activate => {
            if let Some(step) = steps.get(map.selected) {
                open_step(model, step.clone(), effects);
            }
        }
        Command::CatchUp => {
            if let Some(step) = steps.get(map.selected) {
                model.overlay = Some(Overlay::Confirm(Confirm::CatchUp(step.clone())));
            }
        }
        Command::Search => model.screen = Screen::Search(Search::default()),
        Command::Back => model.screen = Screen::Step,
        _ => {}
    }
}

pub(crate) fn view(model: &Model, map: &Map, frame: &mut Frame<'_>, area: Rect) {
    let Some(snapshot) = &model.snapshot else { return };
    let cells = screens::inside(area);
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut selected_line = 0;
    let (mut course, mut chapter) = (None, None);
    for (index, view) in snapshot.steps.iter().enumerate() {
        let Some(step) = model.step_of(&view.step) else { continue };
        if course != Some(&view.step.course) {
            course = Some(&view.step.course);
            chapter = None;
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            let title = snapshot
                .courses
                .iter()
                .find(|course| course.id == view.step.course)
                .map_or_else(|| view.step.course.0.clone(), |course| course.title.clone());
            let of_course = || snapshot.steps.iter().filter(|other| other.step.course == view.step.course);
            let (points, most) =
                (of_course().map(|other| other.points).sum::<u32>(), of_course().map(|other| other.max).sum::<u32>());
            let points = word!("points-of", points = points, most = most);
            lines.push(row(&one_line(&title), &points, theme::heading(1), cells));
        }
        if chapter != Some(&step.chapter) {
            chapter = Some(&step.chapter);
            lines.push(Line::styled(format!("  {}", shorten(&one_line(&step.chapter), cells)), theme::strong()));
        }
        let (mark, state, style) = state(&view.state);
        let points =
            if view.max > 0 { word!("points-of", points = view.points, most = view.max) } else { String::new() };
        let state = shorten(&state, cells / 2);
        let right = format!("{state}  {points:>9}");
        let here = if view.step == snapshot.current { "▸" } else { " " };
        let left = format!("  {here} {mark} {}", one_line(&step.title));
        let line = row(&left, &right, style, cells);
        if index == map.selected {
            selected_line = lines.len();
            lines.push(line.patch_style(theme::selected()));
        } else {
            lines.push(line);
        }
    }
    let height = usize::from(area.height.saturating_sub(2));
    let offset = if lines.len() <= height { 0 } else { selected_line.saturating_sub(height / 2) };
    screens::boxed(frame, area, &word!("title-map"), &lines, offset);
}

fn row(left: &str, right: &str, style: Style, cells: usize) -> Line<'static> {
    let right = shorten(right, cells);
    let left = shorten(left, cells.saturating_sub(width(&right) + 1));
    let fill = cells.saturating_sub(width(&left) + width(&right));
    Line::from(vec![Span::styled(left, style), Span::raw(" ".repeat(fill)), Span::raw(right)])
}

fn state(state: &StepStateView) -> (&'static str, String, Style) {
    match state {
        StepStateView::Todo => ("·", word!("state-todo"), theme::text()),
        StepStateView::Tried => ("◌", word!("state-tried"), theme::text()),
        StepStateView::Done => ("✔", word!("state-done"), theme::success()),
        StepStateView::Held { by, why } => {
            ("‖", word!("state-held", by = one_line(by), why = one_line(why)), theme::notice())
        }
        StepStateView::Impossible(need) => {
            ("–", word!("state-impossible", need = need_in_short(need)), theme::subdued())
        }
    }
}
