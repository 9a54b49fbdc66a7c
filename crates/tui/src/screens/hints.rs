//! The hints, in tiers: those taken, and what the next one costs.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use runner::Request;

use crate::keymap::{Command, Context};
use crate::markdown::{self, Marks};
use crate::model::{Model, Overlay};
use crate::msg::Effect;
use crate::text::wrap_plain;
use crate::words::word;
use crate::{screens, theme};

/// How far down the hints are.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    offset: usize,
}

pub(crate) fn update(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    let taken = model.snapshot.as_ref().map_or(0, |snapshot| snapshot.hints as usize);
    let all = model.step().map_or(0, |step| step.hints.len());
    let Some(Overlay::Hints(hints)) = &mut model.overlay else { return };
    match command {
        Command::Hint if taken < all => effects.push(Effect::Runner(Request::TakeHint)),
        Command::Down => hints.offset += 1,
        Command::Up => hints.offset = hints.offset.saturating_sub(1),
        Command::PageDown => hints.offset += 5,
        Command::PageUp => hints.offset = hints.offset.saturating_sub(5),
        Command::Top => hints.offset = 0,
        Command::Back => model.overlay = None,
        _ => {}
    }
}

pub(crate) fn view(model: &Model, hints: &Hints, frame: &mut Frame<'_>, area: Rect) {
    let (Some(step), Some(snapshot)) = (model.step(), &model.snapshot) else { return };
    let area = screens::middle(area, 84, area.height);
    let cells = screens::inside(area);
    let taken = (snapshot.hints as usize).min(step.hints.len());
    let mut lines = Vec::new();
    for (index, hint) in step.hints.iter().take(taken).enumerate() {
        lines.push(Line::styled(word!("hint-number", number = index + 1, count = step.hints.len()), theme::heading(3)));
        let mut marks = Marks::of([hint.text.as_str()].into_iter());
        lines.extend(markdown::render(&hint.text, cells, &mut marks));
        lines.extend(marks.closing(cells));
        lines.push(Line::default());
    }
    let left = step.hints.len() - taken;
    let cost = model.course().map_or(0, |course| course.hint_cost);
    let key = Context::Hints.key(Command::Hint).unwrap_or_default();
    let text = match (step.hints.len(), left) {
        (0, _) => word!("hint-none"),
        (_, 0) => word!("hint-no-more"),
        (_, left) => word!("hint-next", left = left, cost = cost, key = key),
    };
    lines.extend(wrap_plain(&text, theme::notice(), cells));
    let rows = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let place = screens::middle(area, area.width, rows);
    screens::boxed(frame, place, &word!("title-hints"), &lines, hints.offset);
}
