//! The answer to a question: a choice by its letter or with the arrows, or a line of text.

use check::kinds::question;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use lab::CheckId;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use runner::Request;

use crate::keymap::{Command, Context};
use crate::markdown::hang;
use crate::model::{Model, Overlay};
use crate::msg::Effect;
use crate::text::{clean, one_line, wrap_plain};
use crate::words::word;
use crate::{screens, theme};

/// The longest answer that can be typed, in bytes.
const LONGEST: usize = 1000;

/// A question that is being answered.
#[derive(Debug)]
pub(crate) struct Answer {
    check: CheckId,
    ask: String,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Letters with their texts, and the selected one.
    Choice { choices: Vec<(String, String)>, selected: usize },
    /// What was typed so far.
    Text(String),
}

impl Answer {
    pub(crate) fn of(check: CheckId, question: &question::Spec, given: Option<&str>) -> Answer {
        let form = if question.choices.is_empty() {
            Form::Text(given.unwrap_or_default().to_owned())
        } else {
            let choices: Vec<(String, String)> =
                question.choices.iter().map(|(letter, text)| (letter.clone(), text.clone())).collect();
            let selected = choices.iter().position(|(letter, _)| Some(letter.as_str()) == given).unwrap_or(0);
            Form::Choice { choices, selected }
        };
        Answer { check, ask: question.ask.clone(), form }
    }

    pub(crate) fn context(&self) -> Context {
        match self.form {
            Form::Choice { .. } => Context::Choice,
            Form::Text(_) => Context::Input,
        }
    }
}

pub(crate) fn update(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    let Some(Overlay::Answer(answer)) = &mut model.overlay else { return };
    match (command, &mut answer.form) {
        (Command::Down, Form::Choice { choices, selected }) => {
            *selected = (*selected + 1).min(choices.len().saturating_sub(1));
        }
        (Command::Up, Form::Choice { selected, .. }) => *selected = selected.saturating_sub(1),
        (Command::Activate, form) => {
            let given = match form {
                Form::Choice { choices, selected } => {
                    choices.get(*selected).map(|(letter, _)| letter.clone()).unwrap_or_default()
                }
                Form::Text(text) => text.trim().to_owned(),
            };
            if given.is_empty() {
                return;
            }
            let check = answer.check.clone();
            effects.push(Effect::Runner(Request::Answer { check: check.clone(), answer: given }));
            screens::checks::open_at(model, &check);
        }
        (Command::Back, _) => {
            let check = answer.check.clone();
            screens::checks::open_at(model, &check);
        }
        _ => {}
    }
}

/// A key that is text.
pub(crate) fn on_key(model: &mut Model, key: KeyEvent) {
    let Some(Overlay::Answer(Answer { form: Form::Text(text), .. })) = &mut model.overlay else { return };
    edit(text, key);
}

/// Changes a line of text by a key.
pub(crate) fn edit(text: &mut String, key: KeyEvent) {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('u') if control => text.clear(),
        KeyCode::Char('w') if control => {
            let kept = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            text.truncate(kept);
        }
        KeyCode::Char(character) if !control && !character.is_control() && text.len() < LONGEST => {
            text.push(character);
        }
        KeyCode::Backspace => {
            text.pop();
        }
        _ => {}
    }
}

pub(crate) fn on_paste(model: &mut Model, pasted: &str) {
    if let Some(Overlay::Answer(Answer { form: Form::Text(text), .. })) = &mut model.overlay {
        paste(text, pasted);
    }
}

/// Adds pasted text to a line.
pub(crate) fn paste(text: &mut String, pasted: &str) {
    for character in one_line(pasted).chars() {
        if text.len() >= LONGEST {
            break;
        }
        text.push(character);
    }
}

pub(crate) fn view(answer: &Answer, frame: &mut Frame<'_>, area: Rect) {
    let area = screens::middle(area, 80, area.height);
    let cells = screens::inside(area);
    let mut lines = wrap_plain(&answer.ask, theme::strong(), cells);
    lines.push(Line::default());
    match &answer.form {
        Form::Choice { choices, selected } => {
            for (index, (letter, text)) in choices.iter().enumerate() {
                let chosen = index == *selected;
                let mark = format!("{} {} ", if chosen { "▸" } else { " " }, one_line(letter));
                let style = if chosen { theme::selected() } else { theme::text() };
                lines.extend(hang(wrap_plain(text, style, cells.saturating_sub(5)), &mark, theme::key()));
            }
        }
        Form::Text(text) => {
            let shown = clean(text);
            lines.push(Line::from(vec![
                Span::styled("> ", theme::key()),
                Span::raw(shown),
                Span::styled(" ", theme::selected()),
            ]));
        }
    }
    let rows = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let place = screens::middle(area, area.width, rows);
    screens::boxed(frame, place, &word!("title-question"), &lines, 0);
}
