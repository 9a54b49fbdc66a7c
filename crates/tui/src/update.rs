//! What happens changes the model and asks for effects. Pure: no I/O, no clock, nothing spawned.

use crossterm::event::{KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use lab::BlockKind;
use runner::Request;

use crate::keymap::{self, Command};
use crate::layout::Zoom;
use crate::model::{Focus, Model, Overlay, SAID, Screen, Tone, Waiting};
use crate::msg::{Effect, Msg, ShellStart};
use crate::screens::{answer, checks, confirm, help, hints, map, search, solution, step, tour};
use crate::shell::Life;
use crate::words::word;

pub(crate) mod session;

/// Lines that one turn of the mouse's wheel scrolls.
const WHEEL: usize = 3;

/// How long commands wait for the shell's prompt after Ctrl-C before the program gives up.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// The same where no command is in front, as while the shell starts.
const LONG_PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Changes `model` by `msg`; returns what to do about it.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Key(key) => {
            if key.kind != KeyEventKind::Release {
                on_key(model, key, &mut effects);
            }
        }
        Msg::Mouse(mouse) => on_mouse(model, mouse, &mut effects),
        Msg::Paste(text) => on_paste(model, &text, &mut effects),
        Msg::Resize(columns, rows) => model.size = (columns, rows),
        Msg::Tick(now) => on_tick(model, now),
        Msg::Shell(bytes) => {
            let replies = model.shell.feed(&bytes);
            if !replies.is_empty() {
                effects.push(Effect::ShellInput(replies));
            }
            send_waiting(model, &mut effects);
        }
        Msg::Foreground(foreground) => {
            model.shell.report(foreground, model.now);
            send_waiting(model, &mut effects);
        }
        Msg::ShellEnded(code) => {
            model.shell.life = Life::Ended(code);
            model.waiting = None;
            leave_prefix(model);
        }
        Msg::ShellFailed(why) => {
            model.shell.life = Life::Failed(crate::text::one_line(&why));
            model.waiting = None;
        }
        Msg::Runner(event) => session::on_event(model, event, &mut effects),
        Msg::Files(files) => solution::on_files(model, files),
        Msg::Terminate => quit(&mut effects),
    }
    model.lay_out(&mut effects);
    effects
}

fn on_key(model: &mut Model, key: KeyEvent, effects: &mut Vec<Effect>) {
    let in_terminal = matches!(model.screen, Screen::Step) && model.overlay.is_none();
    if in_terminal && model.focus == Focus::Terminal && model.areas().is_some() {
        if keymap::prefix(model.settings.prefix).is(key) {
            model.focus = Focus::Prefix;
            return;
        }
        if let Life::Running | Life::NotStarted = model.shell.life {
            let bytes = model.shell.key(key, model.now);
            type_in(model, bytes, effects);
            return;
        }
    }
    if in_terminal && model.focus == Focus::Prefix && keymap::prefix(model.settings.prefix).is(key) {
        on_command(model, Command::SendPrefix, effects);
        return;
    }
    let context = model.context();
    match context.command(key) {
        Some(command) => on_command(model, command, effects),
        None => match context {
            keymap::Context::Search => search::on_key(model, key),
            keymap::Context::Input => answer::on_key(model, key),
            keymap::Context::Prefix => model.focus = Focus::Terminal,
            _ => {}
        },
    }
}

fn on_command(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    match &model.overlay {
        Some(Overlay::Checks(_)) => return checks::update(model, command, effects),
        Some(Overlay::Answer(_)) => return answer::update(model, command, effects),
        Some(Overlay::Hints(_)) => return hints::update(model, command, effects),
        Some(Overlay::Confirm(_)) => return confirm::update(model, command, effects),
        None => {}
    }
    match &model.screen {
        Screen::Step => step::update(model, command, effects),
        Screen::Map(_) => map::update(model, command, effects),
        Screen::Solution(_) => solution::update(model, command, effects),
        Screen::Search(_) => search::update(model, command, effects),
        Screen::Help(_) => help::update(model, command),
        Screen::Tour(_) => tour::update(model, command, effects),
    }
}

fn on_paste(model: &mut Model, text: &str, effects: &mut Vec<Effect>) {
    match (&model.overlay, &model.screen, model.focus) {
        (Some(Overlay::Answer(_)), _, _) => answer::on_paste(model, text),
        (None, Screen::Search(_), _) => search::on_paste(model, text),
        (None, Screen::Step, Focus::Terminal | Focus::Prefix)
            if matches!(model.shell.life, Life::Running | Life::NotStarted) =>
        {
            model.focus = Focus::Terminal;
            let bytes = model.shell.paste(text);
            type_in(model, bytes, effects);
        }
        _ => {}
    }
}

/// Gives the shell what the learner typed, or keeps it until the shell starts.
fn type_in(model: &mut Model, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
    match model.shell.life {
        _ if bytes.is_empty() => {}
        Life::Running => effects.push(Effect::ShellInput(bytes)),
        Life::NotStarted => model.shell.type_ahead(&bytes),
        Life::Ended(_) | Life::Failed(_) => {}
    }
}

fn on_tick(model: &mut Model, now: std::time::Duration) {
    model.now = now;
    let shown = |said: &crate::model::Said| if said.tone == Tone::Bad { SAID * 2 } else { SAID };
    if model.said.as_ref().is_some_and(|said| now.saturating_sub(said.at) > shown(said)) {
        model.said = None;
    }
    let patience = if model.shell.is_busy() { PATIENCE } else { LONG_PATIENCE };
    if model.waiting.as_ref().is_some_and(|waiting| now.saturating_sub(waiting.since) > patience) {
        model.waiting = None;
        model.say(Tone::Bad, word!("shell-still-busy"));
    }
}

fn on_mouse(model: &mut Model, mouse: MouseEvent, effects: &mut Vec<Effect>) {
    let wheel = match mouse.kind {
        MouseEventKind::ScrollUp => Some(Command::Up),
        MouseEventKind::ScrollDown => Some(Command::Down),
        _ => None,
    };
    let on_step = matches!(model.screen, Screen::Step) && model.overlay.is_none();
    if !on_step {
        // A choice does not follow the wheel by accident.
        if let Some(command) = wheel
            && !matches!(model.overlay, Some(Overlay::Confirm(_)))
        {
            on_command(model, command, effects);
        }
        return;
    }
    let Some(areas) = model.areas() else { return };
    let place = ratatui::layout::Position::new(mouse.column, mouse.row);
    if let Some(terminal) = areas.terminal.filter(|area| area.contains(place)) {
        if model.shell.wants_mouse() && model.shell.life == Life::Running {
            if let MouseEventKind::Down(_) = mouse.kind {
                model.focus = Focus::Terminal;
            }
            let bytes = model.shell.mouse(mouse, mouse.row - terminal.y, mouse.column - terminal.x);
            if !bytes.is_empty() {
                effects.push(Effect::ShellInput(bytes));
            }
            return;
        }
        match mouse.kind {
            MouseEventKind::ScrollUp => model.shell.scroll_up(WHEEL),
            MouseEventKind::ScrollDown => model.shell.scroll_down(WHEEL),
            MouseEventKind::Down(_) => model.focus = Focus::Terminal,
            _ => {}
        }
    } else if let Some(text) = areas.text.filter(|area| area.contains(place)) {
        let height = usize::from(text.height);
        match mouse.kind {
            MouseEventKind::ScrollUp => model.text.offset = model.text.offset.saturating_sub(WHEEL),
            MouseEventKind::ScrollDown => model.text.offset += WHEEL,
            MouseEventKind::Down(MouseButton::Left) => {
                model.focus = Focus::Text;
                let line = model.text.offset + usize::from(mouse.row - text.y);
                let hit = model.text.laid.items.iter().position(|item| item.lines.contains(&line));
                if let Some(block) = hit {
                    if model.text.block == Some(block) {
                        activate(model, effects);
                    } else {
                        model.text.block = Some(block);
                    }
                }
            }
            _ => {}
        }
        model.text.clamp(height);
    } else if areas.checks.is_some_and(|area| area.contains(place))
        && mouse.kind == MouseEventKind::Down(MouseButton::Left)
    {
        checks::open(model);
    }
}

/// Acts on the block that has the focus.
pub(crate) fn activate(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(item) = model.text.block.and_then(|block| model.text.laid.items.get(block)) else { return };
    let block = item.block.clone();
    match &block.kind {
        BlockKind::Run => run(model, block.text, effects),
        BlockKind::File(path) => run(model, write_command(path, &block.text), effects),
        BlockKind::RunElsewhere(host) => {
            let host = crate::text::one_line(host);
            effects.push(Effect::Copy(block.text));
            model.say(Tone::Plain, word!("said-copied-for", host = host));
        }
        BlockKind::Output | BlockKind::Read => {}
    }
}

/// A command that writes `text` to `path`, as a learner would type it.
pub(crate) fn write_command(path: &str, text: &str) -> String {
    let mut end = "FIN".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('_');
    }
    let quoted = path.replace('\'', r"'\''");
    format!("cat > '{quoted}' <<'{end}'\n{}\n{end}", text.trim_end_matches('\n'))
}

/// Runs commands in the learner's shell, once it waits at its prompt. A running command is never typed into: the
/// learner is asked whether to stop it.
pub(crate) fn run(model: &mut Model, text: String, effects: &mut Vec<Effect>) {
    match model.shell.life {
        Life::Running => {}
        Life::NotStarted | Life::Ended(_) | Life::Failed(_) => {
            model.waiting = Some(Waiting { text, since: model.now });
            start_shell(model, effects);
            return;
        }
    }
    if model.shell.is_busy() {
        model.overlay = Some(Overlay::Confirm(confirm::Confirm::Interrupt { text }));
        return;
    }
    model.waiting = Some(Waiting { text, since: model.now });
    send_waiting(model, effects);
}

fn send_waiting(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.shell.is_idle()
        && let Some(waiting) = model.waiting.take()
    {
        let bytes = model.shell.run(&waiting.text, model.now);
        effects.push(Effect::ShellInput(bytes));
    }
}

/// Starts the shell in the open step's folder.
pub(crate) fn start_shell(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(snapshot) = &model.snapshot else { return };
    let (rows, columns) = model.shell.screen().size();
    effects.push(Effect::ShellStart(ShellStart {
        work: snapshot.work.clone(),
        variables: snapshot.variables.clone(),
        rows,
        columns,
    }));
    model.shell_step = Some(snapshot.current.clone());
    model.shell_variables = snapshot.variables.clone();
    let ahead = model.shell.started(model.now);
    if !ahead.is_empty() {
        effects.push(Effect::ShellInput(ahead));
    }
}

/// Opens a step, and goes back to the step's screen.
pub(crate) fn open_step(model: &mut Model, step: lab::StepId, effects: &mut Vec<Effect>) {
    model.screen = Screen::Step;
    model.overlay = None;
    if model.snapshot.as_ref().is_some_and(|snapshot| snapshot.current == step) {
        return;
    }
    effects.push(Effect::Runner(Request::Open(step)));
}

/// Asks before quitting where something runs, else quits.
pub(crate) fn ask_to_quit(model: &mut Model, effects: &mut Vec<Effect>) {
    let busy = model.snapshot.as_ref().is_some_and(|snapshot| snapshot.busy.is_some());
    if busy || model.shell.is_busy() {
        model.overlay = Some(Overlay::Confirm(confirm::Confirm::Quit));
    } else {
        quit(effects);
    }
}

pub(crate) fn quit(effects: &mut Vec<Effect>) {
    effects.push(Effect::Runner(Request::Quit));
    effects.push(Effect::Quit);
}

pub(crate) fn leave_prefix(model: &mut Model) {
    if model.focus == Focus::Prefix {
        model.focus = Focus::Terminal;
    }
}

/// Scrolls the terminal from the prefix; the prefix stays on, so that the key can be repeated.
pub(crate) fn scroll_terminal(model: &mut Model, command: Command) {
    let page = usize::from(model.shell.screen().size().0).saturating_sub(1).max(1);
    match command {
        Command::PageUp => model.shell.scroll_up(page),
        Command::PageDown => model.shell.scroll_down(page),
        Command::Up => model.shell.scroll_up(1),
        Command::Down => model.shell.scroll_down(1),
        _ => model.shell.scroll_to(0),
    }
}

pub(crate) fn toggle_zoom(model: &mut Model) {
    model.zoom = match model.zoom {
        Zoom::Both => Zoom::One,
        Zoom::One => Zoom::Both,
    };
}
