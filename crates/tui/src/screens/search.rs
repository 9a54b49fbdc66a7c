//! The search in the text of all steps.

use crossterm::event::KeyEvent;
use lab::{Segment, StepId};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use runner::Snapshot;

use crate::keymap::Command;
use crate::markdown::{self, Marks};
use crate::model::{Model, Screen};
use crate::msg::Effect;
use crate::screens::answer::{edit, paste};
use crate::text::{fold, one_line, shorten, width};
use crate::update::open_step;
use crate::words::word;
use crate::{screens, theme};

/// No more lines than this are listed.
const MOST: usize = 200;

/// What is looked for, and where it was found.
#[derive(Debug, Default)]
pub(crate) struct Search {
    input: String,
    found: Vec<Found>,
    selected: usize,
}

/// A line that contains what is looked for.
#[derive(Debug)]
pub(crate) struct Found {
    step: StepId,
    /// The step's title.
    pub(crate) title: String,
    /// The line.
    pub(crate) line: String,
}

/// What a line is written in.
#[derive(Clone, Copy)]
enum Form {
    Markdown,
    Plain,
}

impl Form {
    /// The line without its marks.
    fn shown(self, line: &str) -> String {
        match self {
            Form::Plain => one_line(line.trim()),
            Form::Markdown => {
                let mut marks = Marks::linear([line].into_iter());
                let lines = markdown::render(line.trim(), 10_000, &mut marks);
                lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

pub(crate) fn on_key(model: &mut Model, key: KeyEvent) {
    change(model, |input| edit(input, key));
}

pub(crate) fn on_paste(model: &mut Model, text: &str) {
    change(model, |input| paste(input, text));
}

fn change(model: &mut Model, act: impl FnOnce(&mut String)) {
    let Screen::Search(search) = &mut model.screen else { return };
    let mut input = std::mem::take(&mut search.input);
    act(&mut input);
    let found = model.snapshot.as_ref().map(|snapshot| find_in(snapshot, &input)).unwrap_or_default();
    model.screen = Screen::Search(Search { input, found, selected: 0 });
}

/// Finds the lines of all steps that contain every word of `input`, without minding case and accents.
pub(crate) fn find_in(snapshot: &Snapshot, input: &str) -> Vec<Found> {
    let words: Vec<String> = fold(input).split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let matches = |text: &str| {
        let folded = fold(text);
        words.iter().all(|word| folded.contains(word.as_str()))
    };
    let mut found = Vec::new();
    for step in snapshot.courses.iter().flat_map(|course| &course.steps) {
        let texts = step.page.segments.iter().map(|segment| match segment {
            Segment::Prose(text) => (text.as_str(), Form::Markdown),
            Segment::Block(block) => (block.text.as_str(), Form::Plain),
            Segment::Image { alt, .. } => (alt.as_str(), Form::Plain),
        });
        let lines = texts.flat_map(|(text, form)| text.lines().map(move |line| (line, form)));
        let lines = std::iter::once((step.title.as_str(), Form::Plain)).chain(lines);
        for (line, form) in lines.filter(|(line, _)| matches(line)) {
            let (step, title) = (step.id.clone(), one_line(&step.title));
            found.push(Found { step, title, line: form.shown(line) });
            if found.len() == MOST {
                return found;
            }
        }
    }
    found
}

pub(crate) fn update(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    let Screen::Search(search) = &mut model.screen else { return };
    match command {
        Command::Down => search.selected = (search.selected + 1).min(search.found.len().saturating_sub(1)),
        Command::Up => search.selected = search.selected.saturating_sub(1),
        Command::Back => model.screen = Screen::Step,
        Command::Activate => {
            let word = fold(&search.input).split_whitespace().next().map(str::to_owned);
            let Some(found) = search.found.get(search.selected) else { return };
            let step = found.step.clone();
            if let Some(word) = word {
                let open = model.snapshot.as_ref().is_some_and(|snapshot| snapshot.current == step);
                if open {
                    model.text.seek(&word);
                } else {
                    model.text.seek = Some(word);
                }
            }
            open_step(model, step, effects);
        }
        _ => {}
    }
}

pub(crate) fn view(search: &Search, frame: &mut Frame<'_>, area: Rect) {
    let cells = screens::inside(area);
    let mut lines = vec![
        Line::from(vec![
            Span::styled("/ ", theme::key()),
            Span::raw(one_line(&search.input)),
            Span::styled(" ", theme::selected()),
        ]),
        Line::default(),
    ];
    if search.found.is_empty() {
        let text = if search.input.trim().is_empty() { word!("search-intro") } else { word!("search-nothing") };
        lines.push(Line::styled(text, theme::subdued()));
    }
    for (index, found) in search.found.iter().enumerate() {
        let title = shorten(&found.title, cells / 3);
        let text = shorten(&found.line, cells.saturating_sub(width(&title) + 3));
        let line = Line::from(vec![
            Span::styled(title, theme::strong()),
            Span::styled(" › ", theme::subdued()),
            Span::raw(text),
        ]);
        lines.push(if index == search.selected { line.patch_style(theme::selected()) } else { line });
    }
    let height = usize::from(area.height.saturating_sub(2));
    let offset = (search.selected + 3).saturating_sub(height);
    screens::boxed(frame, area, &word!("title-search"), &lines, offset);
}
