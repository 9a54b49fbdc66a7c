//! The screens, driven by keys and compared with snapshots, at the sizes that terminals have.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use runner::{EnvironmentView, Event, Request, Snapshot, StepStateView, Verdict, Work};

use crate::{Characters, Colours, Effect, Foreground, Look, Model, Msg, Settings, TourAtStart, update, view};

pub(crate) mod course;
mod safety;
mod screens;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (20, 5)];

/// A front end at the made-up course's third step, its shell at a prompt.
fn model(columns: u16, rows: u16) -> Model {
    model_of(course::snapshot(), columns, rows)
}

fn model_of(snapshot: Snapshot, columns: u16, rows: u16) -> Model {
    let mut model = Model::new(Settings::default(), columns, rows);
    update(&mut model, Msg::Runner(Event::Changed(Arc::new(snapshot))));
    update(&mut model, Msg::Shell(b"\x1b]133;A\x07~/atelier/\xe2\x80\xa6/02-1-3-borner $ ".to_vec()));
    model
}

/// Presses keys, given by name or as letters, separated by blanks; returns every effect.
fn drive(model: &mut Model, keys: &str) -> Vec<Effect> {
    keys.split_whitespace().flat_map(|name| update(model, Msg::Key(key(name)))).collect()
}

fn key(name: &str) -> KeyEvent {
    let (name, modifiers) = match name.strip_prefix("ctrl-") {
        Some(name) => (name, KeyModifiers::CONTROL),
        None => (name, KeyModifiers::NONE),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "tab" => KeyCode::Tab,
        "esc" => KeyCode::Esc,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "f5" => KeyCode::F(5),
        letter => KeyCode::Char(letter.chars().next().expect("a key has a name")),
    };
    KeyEvent::new(code, modifiers)
}

/// The cells as text.
fn drawn(model: &Model) -> String {
    let (columns, rows) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view(model, frame)).unwrap();
    let text = terminal.backend().to_string();
    text.lines()
        .map(|line| line.trim_start_matches('"').trim_end_matches('"').trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Presses `keys` at every size and compares with the snapshots of that name.
fn check(name: &str, keys: &str) {
    check_of(name, &course::snapshot(), keys);
}

fn check_of(name: &str, snapshot: &Snapshot, keys: &str) {
    for (columns, rows) in SIZES {
        let mut model = model_of(snapshot.clone(), columns, rows);
        drive(&mut model, keys);
        insta::assert_snapshot!(format!("{name}@{columns}x{rows}"), drawn(&model));
    }
}
