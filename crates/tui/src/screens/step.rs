//! The step: its text, the learner's terminal, the checks. See [`crate::layout`] for a picture.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};
use runner::{EnvironmentView, Request, StepStateView, Verdict, Work};
use tui_term::widget::{Cursor, PseudoTerminal};

use crate::keymap::Command;
use crate::layout::Areas;
use crate::model::{Focus, Model, Overlay, Screen, Tone};
use crate::msg::Effect;
use crate::screens::{checks, confirm::Confirm, help::Help, hints::Hints, map::Map, search::Search, solution};
use crate::shell::Life;
use crate::text::{one_line, shorten, width};
use crate::update::{activate, ask_to_quit, leave_prefix, open_step, scroll_terminal, start_shell, toggle_zoom};
use crate::words::word;
use crate::{layout, theme};

pub(crate) fn update(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    if model.focus == Focus::Prefix {
        match command {
            Command::PageUp | Command::PageDown | Command::Up | Command::Down | Command::Bottom => {
                return scroll_terminal(model, command);
            }
            _ => leave_prefix(model),
        }
    }
    let height = model.areas().and_then(|areas| areas.text).map_or(1, |text| usize::from(text.height));
    match command {
        Command::Check => effects.push(Effect::Runner(Request::Check(None))),
        Command::Stop => effects.push(Effect::Runner(Request::Cancel)),
        Command::Hint => {
            if model.step().is_some() {
                model.overlay = Some(Overlay::Hints(Hints::default()));
            }
        }
        Command::Solution => solution::ask(model, effects),
        Command::Reset => model.overlay = Some(Overlay::Confirm(Confirm::Reset)),
        Command::Next => neighbour(model, 1, effects),
        Command::Previous => neighbour(model, -1, effects),
        Command::Map => model.screen = Screen::Map(Map::of(model)),
        Command::Search => model.screen = Screen::Search(Search::default()),
        Command::Help => model.screen = Screen::Help(Help::default()),
        Command::Zoom => toggle_zoom(model),
        Command::FocusTerminal => model.focus = Focus::Terminal,
        Command::FocusText => model.focus = Focus::Text,
        Command::Checks => checks::open(model),
        Command::Activate => match (model.focus, &model.shell.life) {
            (Focus::Text, _) => activate(model, effects),
            (Focus::Terminal | Focus::Prefix, Life::Ended(_) | Life::Failed(_)) => start_shell(model, effects),
            (Focus::Terminal | Focus::Prefix, Life::NotStarted | Life::Running) => {}
        },
        Command::Copy => {
            if let Some(item) = model.text.block.and_then(|block| model.text.laid.items.get(block)) {
                effects.push(Effect::Copy(item.block.text.clone()));
                model.say(Tone::Plain, word!("said-copied"));
            }
        }
        Command::NextBlock => {
            let next = model.text.block.map_or(0, |block| block + 1);
            model.text.go_to_block(next, height);
        }
        Command::PreviousBlock => {
            let before = model.text.block.unwrap_or(0).saturating_sub(1);
            model.text.go_to_block(before, height);
        }
        Command::Down => model.text.down(height),
        Command::Up => model.text.up(height),
        Command::PageDown => {
            model.text.offset += height.saturating_sub(1).max(1);
            model.text.clamp(height);
        }
        Command::PageUp => {
            model.text.offset = model.text.offset.saturating_sub(height.saturating_sub(1).max(1));
            model.text.clamp(height);
        }
        Command::Top => {
            model.text.offset = 0;
            model.text.clamp(height);
        }
        Command::Bottom => {
            model.text.offset = usize::MAX;
            model.text.clamp(height);
        }
        Command::SendPrefix => {
            let letter = model.settings.prefix.to_ascii_lowercase();
            if letter.is_ascii_lowercase() {
                effects.push(Effect::ShellInput(vec![letter as u8 - b'a' + 1]));
            }
        }
        Command::Quit => ask_to_quit(model, effects),
        Command::Back => model.said = None,
        Command::CheckOne
        | Command::ApplySolution
        | Command::Tour
        | Command::Yes
        | Command::No
        | Command::CatchUp
        | Command::NextFile => {}
    }
}

/// Opens the step before or after, in the order of the courses.
fn neighbour(model: &mut Model, by: isize, effects: &mut Vec<Effect>) {
    let Some(snapshot) = &model.snapshot else { return };
    let here = snapshot.steps.iter().position(|view| view.step == snapshot.current);
    let there = here.and_then(|here| here.checked_add_signed(by)).and_then(|there| snapshot.steps.get(there));
    match there.map(|view| view.step.clone()) {
        Some(step) => open_step(model, step, effects),
        None if by > 0 => model.say(Tone::Plain, word!("said-last-step")),
        None => model.say(Tone::Plain, word!("said-first-step")),
    }
}

pub(crate) fn view(model: &Model, areas: Areas, frame: &mut Frame<'_>) {
    header(model, areas.header, frame);
    let buffer = frame.buffer_mut();
    borders(model, areas, buffer);
    if let Some(area) = areas.text {
        text(model, area, buffer);
    }
    if let Some(area) = areas.checks {
        checks::panel(model, area, buffer);
    }
    if let Some(area) = areas.terminal {
        terminal(model, area, frame);
    }
}

fn header(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let Some(snapshot) = &model.snapshot else {
        frame.render_widget(Line::styled(word!("app-name"), theme::strong()), area);
        return;
    };
    let wide = area.width >= layout::WIDE;
    let mut place = Vec::new();
    if let (Some(step), Some(course)) = (model.step(), model.course()) {
        let chapter: Vec<_> = course.steps.iter().filter(|other| other.chapter == step.chapter).collect();
        let number = chapter.iter().position(|other| other.id == step.id).map_or(0, |index| index + 1);
        place.push(Span::styled(one_line(&step.chapter), theme::subdued()));
        place.push(Span::styled(format!(" › {number}/{} ", chapter.len()), theme::subdued()));
        place.push(Span::styled(one_line(&step.title), theme::strong()));
    }
    let environment = match &snapshot.environment {
        EnvironmentView::Starting => word!("environment-starting"),
        EnvironmentView::Missing => word!("environment-missing"),
        EnvironmentView::Sandbox { nodes, .. } if wide => word!("environment-sandbox-nodes", nodes = *nodes),
        EnvironmentView::Sandbox { .. } => word!("environment-sandbox"),
        EnvironmentView::Unconfirmed { context, .. } => {
            word!("environment-unconfirmed", context = shorten(&one_line(context), 24))
        }
        EnvironmentView::Cluster { context, .. } => {
            word!("environment-cluster", context = shorten(&one_line(context), 24))
        }
    };
    let course = &snapshot.current.course;
    let steps = || snapshot.steps.iter().filter(|view| view.step.course == *course);
    let points: u32 = steps().map(|view| view.points).sum();
    let most: u32 = steps().map(|view| view.max).sum();
    let points = if wide { word!("points-of", points = points, most = most) } else { format!("{points}/{most}") };
    let right = Line::from(vec![
        Span::styled(environment, theme::text()),
        Span::raw("   "),
        Span::styled(points, theme::strong()),
        Span::raw(" "),
    ]);
    let room = usize::from(area.width).saturating_sub(right.width() + 1);
    // The step first; the program's and the course's names where there is room for them.
    let mut left = vec![Span::raw(" ")];
    let mut names = vec![Span::styled(word!("app-name"), theme::key()), Span::raw("   ")];
    if let Some(course) = model.course() {
        names.push(Span::styled(format!("{} › ", one_line(&course.title)), theme::subdued()));
    }
    let taken: usize = names.iter().chain(&place).map(Span::width).sum();
    if taken < room {
        left.append(&mut names);
    }
    left.append(&mut place);
    frame.render_widget(cut(Line::from(left), room), area);
    frame.render_widget(right.right_aligned(), area);
}

/// Cuts a line of several styles at `cells`.
fn cut(line: Line<'static>, cells: usize) -> Line<'static> {
    if line.width() <= cells {
        return line;
    }
    let mut left = cells;
    let mut spans = Vec::new();
    for span in line.spans {
        let shown = shorten(&span.content, left);
        left = left.saturating_sub(width(&shown));
        let done = shown.ends_with('…');
        spans.push(Span::styled(shown, span.style));
        if done || left == 0 {
            break;
        }
    }
    Line::from(spans)
}

/// Draws the lines between the panes, their titles, and the status on the lowest.
fn borders(model: &Model, areas: Areas, buffer: &mut Buffer) {
    let frame = areas.frame;
    let style = theme::border();
    let (left, right) = (frame.x, frame.right() - 1);
    let (top, bottom) = (frame.y, frame.bottom() - 1);
    rule(buffer, left, right, top, ('┌', '┐'));
    rule(buffer, left, right, bottom, ('└', '┘'));
    for y in top + 1..bottom {
        buffer[(left, y)].set_char('│').set_style(style);
        buffer[(right, y)].set_char('│').set_style(style);
    }
    let text_title = title(model, Pane::Text);
    let terminal_title = title(model, Pane::Terminal);
    match (areas.text, areas.terminal) {
        (Some(text), Some(terminal)) if text.y == terminal.y => {
            let middle = terminal.x - 1;
            buffer[(middle, top)].set_char('┬').set_style(style);
            for y in text.y..text.bottom() {
                buffer[(middle, y)].set_char('│').set_style(style);
            }
            put(buffer, left + 1, top, text.width, text_title);
            place(model, middle, top, buffer);
            put(buffer, middle + 1, top, terminal.width, terminal_title);
            if let Some(checks) = areas.checks {
                rule(buffer, left, right, checks.y - 1, ('├', '┤'));
                buffer[(middle, checks.y - 1)].set_char('┴').set_style(style);
                let name = Line::styled(word!("pane-checks"), theme::title());
                put(buffer, left + 1, checks.y - 1, checks.width, spaced(name));
            }
        }
        (Some(text), Some(terminal)) => {
            put(buffer, left + 1, top, text.width, text_title);
            place(model, right, top, buffer);
            rule(buffer, left, right, terminal.y - 1, ('├', '┤'));
            put(buffer, left + 1, terminal.y - 1, terminal.width, terminal_title);
        }
        (Some(text), None) => {
            put(buffer, left + 1, top, text.width, text_title);
            place(model, right, top, buffer);
        }
        (None, Some(terminal)) => put(buffer, left + 1, top, terminal.width, terminal_title),
        (None, None) => {}
    }
    let inner = frame.width.saturating_sub(2);
    let passed = model.step_view().is_some_and(|view| view.state == StepStateView::Done);
    let mut status = if areas.checks.is_none() && !passed { checks::counts(model) } else { Vec::new() };
    if let Some(line) = status_line(model) {
        if !status.is_empty() {
            status.push(Span::styled(" ─ ", style));
        }
        status.extend(line.spans);
    }
    if !status.is_empty() {
        put(buffer, left + 1, bottom, inner, spaced(cut(Line::from(status), usize::from(inner).saturating_sub(3))));
    }
}

fn rule(buffer: &mut Buffer, left: u16, right: u16, y: u16, ends: (char, char)) {
    for x in left + 1..right {
        buffer[(x, y)].set_char('─').set_style(theme::border());
    }
    buffer[(left, y)].set_char(ends.0).set_style(theme::border());
    buffer[(right, y)].set_char(ends.1).set_style(theme::border());
}

fn put(buffer: &mut Buffer, x: u16, y: u16, cells: u16, line: Line<'static>) {
    buffer.set_line(x, y, &line, cells);
}

fn spaced(line: Line<'static>) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    spans.extend(line.spans.into_iter().map(|span| span.patch_style(Style::new())));
    spans.push(Span::raw(" "));
    Line { spans, style: line.style, alignment: line.alignment }
}

/// Says how far down the text is, left of the column `right`, on the row of its title.
fn place(model: &Model, right: u16, y: u16, buffer: &mut Buffer) {
    let lines = model.text.laid.lines.len();
    let Some(height) = model.areas().and_then(|areas| areas.text).map(|text| usize::from(text.height)) else {
        return;
    };
    if lines <= height || height == 0 {
        return;
    }
    let pages = lines.div_ceil(height);
    let last = lines - height;
    let page = if model.text.offset >= last { pages } else { model.text.offset / height + 1 };
    let shown = format!(" {page}/{pages} ");
    let cells = u16::try_from(width(&shown)).unwrap_or(0);
    put(buffer, right.saturating_sub(cells), y, cells, Line::styled(shown, theme::subdued()));
}

enum Pane {
    Text,
    Terminal,
}

fn title(model: &Model, pane: Pane) -> Line<'static> {
    let (name, focused) = match pane {
        Pane::Text => (word!("pane-text"), model.focus == Focus::Text),
        Pane::Terminal => (word!("pane-terminal"), model.focus != Focus::Text),
    };
    let style = if focused { theme::focused_title() } else { theme::title() };
    let mut spans = vec![Span::styled(format!(" {name} "), style)];
    if let Pane::Terminal = pane {
        let scrolled = model.shell.scrolled();
        if scrolled > 0 {
            spans.push(Span::styled(format!(" {} ", word!("terminal-scrolled", lines = scrolled)), theme::notice()));
        }
    }
    Line::from(spans)
}

/// The style of something said.
pub(crate) fn tone(tone: Tone) -> Style {
    match tone {
        Tone::Plain => theme::notice(),
        Tone::Good => theme::success(),
        Tone::Bad => theme::failure(),
    }
}

/// What the program has to say now, the most pressing first.
pub(crate) fn status_line(model: &Model) -> Option<Line<'static>> {
    let snapshot = model.snapshot.as_ref()?;
    if let Some(said) = &model.said {
        return Some(Line::styled(said.text.clone(), tone(said.tone)));
    }
    if model.waiting.is_some() {
        return Some(Line::styled(word!("status-waiting"), theme::notice()));
    }
    if let Some(work) = &snapshot.busy {
        let what = match work {
            Work::Preparing => word!("work-preparing"),
            Work::Checking => word!("work-checking"),
            Work::Resetting => word!("work-resetting"),
            Work::Applying => word!("work-applying"),
            Work::CatchingUp { step, done, total } => {
                let title = model.step_of(step).map_or_else(|| step.to_string(), |step| one_line(&step.title));
                word!("work-catching-up", title = title, done = *done, total = *total)
            }
        };
        let seconds = model.busy_since.map_or(0, |since| model.now.saturating_sub(since).as_secs());
        let key = model.context().key(Command::Stop).unwrap_or_else(|| "x".to_owned());
        return Some(Line::styled(word!("status-busy", what = what, seconds = seconds, key = key), theme::notice()));
    }
    if let Some(view) = model.step_view() {
        match &view.state {
            StepStateView::Done => {
                let learnt = model.step().map(|step| one_line(&step.learnt)).unwrap_or_default();
                return Some(Line::styled(
                    word!("status-passed", points = view.points, learnt = learnt),
                    theme::success(),
                ));
            }
            StepStateView::Held { by, why } => {
                let (by, why) = (one_line(by), one_line(why));
                return Some(Line::styled(word!("status-held", by = by, why = why), theme::notice()));
            }
            StepStateView::Impossible(need) => {
                return Some(Line::styled(word!("status-impossible", need = messages::need(need)), theme::notice()));
            }
            StepStateView::Todo | StepStateView::Tried => {}
        }
    }
    let narrow = model.areas().is_some_and(|areas| areas.checks.is_none());
    let failed = model.checks_of_step().into_iter().find(|(_, view)| view.verdict == Verdict::Fail);
    failed.filter(|_| narrow).map(|(check, view)| checks::summary(check, view))
}

/// What a step needs, in two or three words.
pub(crate) fn need_in_short(need: &lab::Need) -> String {
    match need {
        lab::Need::Cluster => word!("need-cluster"),
        lab::Need::Node(node) => word!("need-node", node = one_line(node)),
        lab::Need::Sandbox => word!("need-sandbox"),
        lab::Need::Docker => word!("need-docker"),
    }
}

fn text(model: &Model, area: Rect, buffer: &mut Buffer) {
    let laid = &model.text.laid;
    if model.snapshot.is_none() {
        Paragraph::new(word!("status-starting")).render(Rect { x: area.x + 1, ..area }, buffer);
        return;
    }
    let focused = model.text.block.and_then(|block| laid.items.get(block)).map(|item| item.lines.clone());
    let cells = area.width.saturating_sub(2);
    for (row, index) in (model.text.offset..laid.lines.len()).take(usize::from(area.height)).enumerate() {
        let y = area.y + u16::try_from(row).unwrap_or(0);
        buffer.set_line(area.x + 1, y, &laid.lines[index], cells);
        if model.focus == Focus::Text && focused.as_ref().is_some_and(|lines| lines.contains(&index)) {
            // The block that has the focus: marked in the margin, its first line reversed.
            buffer[(area.x, y)].set_char('▸').set_style(theme::key());
            if focused.as_ref().is_some_and(|lines| lines.start == index) {
                buffer.set_style(Rect::new(area.x + 1, y, cells, 1), theme::selected());
            }
        }
    }
}

fn terminal(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let screen = model.shell.screen();
    match &model.shell.life {
        Life::NotStarted => return,
        Life::Failed(why) => {
            let lines =
                crate::text::wrap_plain(&word!("shell-failed", why = why.clone()), theme::failure(), area.width.into());
            frame.render_widget(Paragraph::new(lines), area);
            return;
        }
        Life::Running | Life::Ended(_) => {}
    }
    let pane = PseudoTerminal::new(screen).cursor(Cursor::default().visibility(false));
    frame.render_widget(pane, area);
    if let Life::Ended(code) = &model.shell.life {
        let text = match code {
            Some(code) => word!("shell-ended-code", code = *code),
            None => word!("shell-ended"),
        };
        let row = Rect { y: area.bottom() - 1, height: 1, ..area };
        frame.render_widget(ratatui::widgets::Clear, row);
        frame.render_widget(Line::styled(shorten(&text, row.width.into()), theme::notice()), row);
        return;
    }
    let (row, column) = screen.cursor_position();
    let here = model.focus == Focus::Terminal && model.overlay.is_none();
    if here && !screen.hide_cursor() && screen.scrollback() == 0 && row < area.height && column <= area.width {
        frame.set_cursor_position((area.x + column.min(area.width - 1), area.y + row));
    }
}
