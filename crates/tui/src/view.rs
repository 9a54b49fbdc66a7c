//! The model as cells. Pure: it reads the model and draws; nothing else.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use crate::keymap::{self, Command, Context};
use crate::layout::SMALLEST;
use crate::model::{Focus, Model, Overlay, Screen, Source};
use crate::screens::{answer, checks, confirm, help, hints, map, search, solution, step, tour};
use crate::shell::Life;
use crate::text::{width, wrap_plain};
use crate::words::word;
use crate::{screens, theme};

/// Draws `model`.
///
/// ```text
///  header
/// ┌──────────────────┐
/// │ the screen, and  │
/// │ what is before it│
/// └──────────────────┘
///  footer: what keys do here
/// ```
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    match model.areas() {
        // The terminal may have changed since the model was told: what it was laid out for must fit.
        Some(areas) if areas.footer.bottom() <= area.height && areas.footer.width <= area.width => {
            step::view(model, areas, frame);
            let body = areas.frame;
            match &model.screen {
                Screen::Step => {}
                Screen::Map(state) => map::view(model, state, frame, body),
                Screen::Solution(state) => solution::view(state, frame, body),
                Screen::Search(state) => search::view(state, frame, body),
                Screen::Help(state) => help::view(model, state, frame, body),
                Screen::Tour(state) => tour::view(state, frame, body),
            }
            match &model.overlay {
                None => {}
                Some(Overlay::Checks(state)) => checks::view(model, state, frame, body),
                Some(Overlay::Answer(state)) => answer::view(state, frame, body),
                Some(Overlay::Hints(state)) => hints::view(model, state, frame, body),
                Some(Overlay::Confirm(state)) => confirm::view(model, state, frame, body),
            }
            toast(model, body, frame);
            footer(model, areas.footer, frame);
        }
        Some(_) | None => too_small(frame, area),
    }
    for shown in model.shown_by_terminal() {
        // The terminal draws it after the frame; what is under it is blank, for what it leaves transparent.
        frame.render_widget(ratatui::widgets::Clear, shown.area.intersection(area));
    }
    model.settings.look.apply(frame.buffer_mut());
}

/// Whether something said has no other place than a box before the screen.
pub(crate) fn needs_toast(model: &Model, columns: u16) -> bool {
    let Some(said) = &model.said else { return false };
    let room = usize::from(columns).saturating_sub(16);
    let on_step = matches!(model.screen, Screen::Step) && model.overlay.is_none();
    match said.source {
        Source::Check => false,
        Source::Program => !on_step || width(&said.text) > room,
    }
}

/// Something said that is longer than the status line, in full above it. It takes no key.
fn toast(model: &Model, body: Rect, frame: &mut Frame<'_>) {
    let Some(said) = model.said.as_ref().filter(|_| needs_toast(model, body.width)) else { return };
    let cells = screens::inside(body);
    let lines = wrap_plain(&said.text, step::tone(said.tone), cells);
    let rows = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(body.height);
    let area = Rect::new(body.x, body.bottom() - rows, body.width, rows);
    screens::boxed(frame, area, &word!("title-notice"), &lines, 0);
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let text = word!("too-small", columns = SMALLEST.0, rows = SMALLEST.1);
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
}

/// What keys do here: as many as fit, the most useful first; how to get help or out comes last and always fits.
fn footer(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let context = model.context();
    let prefix = keymap::prefix(model.settings.prefix).word();
    let in_shell = context == Context::ShellEnded && model.shell.life == Life::Running;
    if in_shell && model.focus == Focus::Terminal {
        let line = Line::from(vec![
            Span::styled(format!(" {prefix}"), theme::key()),
            Span::raw(format!(" {}", word!("footer-terminal"))),
        ]);
        frame.render_widget(line, area);
        return;
    }
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    if context == Context::Prefix {
        spans.push(Span::styled(format!("{prefix} "), theme::selected()));
        spans.push(Span::raw(" "));
        used += width(&prefix) + 2;
    }
    let last = [Command::Help, Command::Back].into_iter().find(|command| match context {
        Context::Prefix => *command == Command::Back,
        _ => true,
    } && context.key(*command).is_some());
    let help = last.and_then(|command| Some((context.key(command)?, command.word_in(context))));
    let kept = help.as_ref().map_or(0, |(key, word)| width(key) + width(word) + 3);
    for command in context.footer().iter().filter(|command| Some(**command) != last) {
        let Some(key) = context.key(*command) else { continue };
        let word = label(model, *command, context);
        let taken = width(&key) + 1 + width(&word) + 2;
        if used + taken + kept > usize::from(area.width) {
            continue;
        }
        used += taken;
        spans.push(Span::styled(key, theme::key()));
        spans.push(Span::raw(format!(" {word}  ")));
    }
    if let Some((key, word)) = help {
        spans.push(Span::styled(key, theme::key()));
        spans.push(Span::raw(format!(" {word}")));
    }
    frame.render_widget(Line::from(spans), area);
}

/// The word of a command, with what the step adds to it.
fn label(model: &Model, command: Command, context: Context) -> String {
    match (command, &model.snapshot) {
        (Command::Hint, Some(snapshot)) if context != Context::Hints => {
            let count = model.step().map_or(0, |step| step.hints.len());
            if count == 0 { command.word() } else { format!("{} ({}/{count})", command.word(), snapshot.hints) }
        }
        _ => command.word_in(context),
    }
}
