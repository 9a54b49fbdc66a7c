//! The checks: the panel below the step, and the detail of each before it.
//!
//! ```text
//! ╭ Contrôles ──────────────────────────────────────────╮
//! │ ✔ Le Namespace default a une LimitRange       2 pts │
//! │ ✘ La limite par défaut est de 512Mi         0/3 pts │
//! │                                                     │
//! │ Trouvé      256Mi                                   │
//! │ Attendu     512Mi                                   │
//! │ Pourquoi    …                                       │
//! │ À essayer   …                                       │
//! ╰─────────────────────────────────────────────────────╯
//! ```

use lab::Check;
use messages::Explanation;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use runner::{CheckView, Request, Verdict};

use crate::keymap::Command;
use crate::markdown::hang;
use crate::model::{Model, Overlay, Tone};
use crate::msg::Effect;
use crate::screens::answer::Answer;
use crate::text::{one_line, shorten, width, wrap_plain};
use crate::words::word;
use crate::{screens, theme};

/// Which check is looked at.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    selected: usize,
    /// Lines of the detail that were scrolled past.
    offset: usize,
}

/// Opens the detail at the first check that does not hold.
pub(crate) fn open(model: &mut Model) {
    if model.checks().is_empty() {
        model.say(Tone::Plain, word!("said-no-checks"));
        return;
    }
    let bad = |verdict| matches!(verdict, Verdict::Fail | Verdict::Unknown);
    let checks = model.checks();
    let selected = checks
        .iter()
        .position(|view| bad(view.verdict))
        .or_else(|| checks.iter().position(|view| view.verdict != Verdict::Pass))
        .unwrap_or(0);
    model.overlay = Some(Overlay::Checks(Checks { selected, offset: 0 }));
}

/// Opens the detail at a check.
pub(crate) fn open_at(model: &mut Model, check: &lab::CheckId) {
    open(model);
    let at = model.checks().iter().position(|view| view.id == *check);
    if let (Some(Overlay::Checks(checks)), Some(at)) = (&mut model.overlay, at) {
        checks.selected = at;
    }
}

pub(crate) fn update(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    let count = model.checks().len();
    let Some(Overlay::Checks(checks)) = &mut model.overlay else { return };
    match command {
        Command::Down => *checks = Checks { selected: (checks.selected + 1).min(count.saturating_sub(1)), offset: 0 },
        Command::Up => *checks = Checks { selected: checks.selected.saturating_sub(1), offset: 0 },
        Command::PageDown => checks.offset += 5,
        Command::PageUp => checks.offset = checks.offset.saturating_sub(5),
        Command::Top => *checks = Checks::default(),
        Command::Bottom => *checks = Checks { selected: count.saturating_sub(1), offset: 0 },
        Command::Back => model.overlay = None,
        Command::Stop => effects.push(Effect::Runner(Request::Cancel)),
        Command::CheckOne => {
            let selected = checks.selected;
            if let Some(view) = model.checks().get(selected) {
                effects.push(Effect::Runner(Request::Check(Some(view.id.clone()))));
            }
        }
        Command::Activate | Command::Copy => {
            let selected = checks.selected;
            act(model, selected, command, effects);
        }
        _ => {}
    }
}

/// Answers a question; of any other check, shows or copies the command that shows what it looks at.
fn act(model: &mut Model, selected: usize, command: Command, effects: &mut Vec<Effect>) {
    let Some((check, view)) = model.checks_of_step().into_iter().nth(selected) else { return };
    if let (check::Spec::Question(question), Command::Activate) = (&check.spec, command) {
        let answer = Answer::of(view.id.clone(), question, view.answer.as_deref());
        model.overlay = Some(Overlay::Answer(answer));
        return;
    }
    let Some(shown) = explained(check, view).and_then(|explanation| explanation.command) else {
        model.say(Tone::Plain, word!("said-nothing-to-show"));
        return;
    };
    if command == Command::Copy {
        effects.push(Effect::Copy(shown));
        model.say(Tone::Plain, word!("said-copied"));
    } else {
        model.overlay = None;
        crate::update::run(model, shown, effects);
    }
}

/// What `messages` says of a check's latest result.
fn explained(check: &Check, view: &CheckView) -> Option<Explanation> {
    view.result.as_ref().map(|result| messages::explain(check, result))
}

/// Draws the panel below the step.
pub(crate) fn panel(model: &Model, area: Rect, buffer: &mut Buffer) {
    let checks = model.checks_of_step();
    if checks.is_empty() {
        buffer.set_line(area.x + 1, area.y, &Line::styled(word!("no-checks"), theme::subdued()), area.width);
        return;
    }
    let room = usize::from(area.height);
    // Where not all fit, the first that does not hold is in view.
    let wanted = checks.iter().position(|(_, view)| view.verdict != Verdict::Pass).unwrap_or(0);
    let first = if checks.len() <= room { 0 } else { wanted.min(checks.len() - room) };
    for (row, (check, view)) in checks.iter().skip(first).take(room).enumerate() {
        let line = row_line(model, check, view, usize::from(area.width).saturating_sub(2));
        buffer.set_line(area.x + 1, area.y + u16::try_from(row).unwrap_or(0), &line, area.width);
    }
}

/// One check on a line: its mark, its title, what was found in short, its points.
fn row_line(model: &Model, check: &Check, view: &CheckView, cells: usize) -> Line<'static> {
    let points = match view.verdict {
        Verdict::Pass => word!("points", points = check.points),
        _ => word!("points-of", points = 0, most = check.points),
    };
    let points = if check.points == 0 { String::new() } else { points };
    let short = match view.verdict {
        Verdict::Todo if matches!(check.spec, check::Spec::Question(_)) => word!("check-question"),
        Verdict::Todo => word!("check-todo"),
        Verdict::Running => {
            let seconds = model.busy_since.map_or(0, |since| model.now.saturating_sub(since).as_secs());
            word!("check-running", seconds = seconds)
        }
        Verdict::Pass => word!("check-pass"),
        Verdict::Fail => found(check, view).unwrap_or_else(|| word!("check-fail")),
        Verdict::Unknown => found(check, view).unwrap_or_else(|| word!("check-unknown")),
    };
    let title = one_line(&check.title);
    let taken = 2 + width(&points) + 2;
    let title = shorten(&title, cells.saturating_sub(taken + 12));
    let room = cells.saturating_sub(taken + width(&title) + 3);
    let short = shorten(&short, room);
    let fill = cells.saturating_sub(2 + width(&title) + 3 + width(&short) + width(&points));
    Line::from(vec![
        Span::styled(format!("{} ", theme::mark(view.verdict)), theme::verdict(view.verdict)),
        Span::styled(title, theme::text()),
        Span::raw("   "),
        Span::styled(short, theme::subdued()),
        Span::raw(" ".repeat(fill)),
        Span::styled(points, theme::text()),
    ])
}

/// The check that does not hold, in one line.
pub(crate) fn summary(check: &Check, view: &CheckView) -> Line<'static> {
    let mut spans = vec![
        Span::styled(format!("{} ", theme::mark(view.verdict)), theme::verdict(view.verdict)),
        Span::styled(one_line(&check.title), theme::text()),
    ];
    if let Some(found) = found(check, view) {
        spans.push(Span::styled(word!("summary-found", found = found), theme::subdued()));
    }
    Line::from(spans)
}

/// How many checks stand where.
pub(crate) fn counts(model: &Model) -> Vec<Span<'static>> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::Running, Verdict::Todo] {
        let count = model.checks().iter().filter(|view| view.verdict == verdict).count();
        if count > 0 {
            let gap = if spans.is_empty() { "" } else { "  " };
            spans.push(Span::styled(format!("{gap}{} {count}", theme::mark(verdict)), theme::verdict(verdict)));
        }
    }
    spans
}

fn found(check: &Check, view: &CheckView) -> Option<String> {
    explained(check, view).map(|explanation| one_line(&explanation.brief)).filter(|brief| !brief.is_empty())
}

pub(crate) fn view(model: &Model, checks: &Checks, frame: &mut Frame<'_>, area: Rect) {
    let all = model.checks_of_step();
    let area = screens::middle(area, 96, area.height.saturating_sub(2));
    let cells = screens::inside(area);
    let mut lines = Vec::new();
    for (index, (check, view)) in all.iter().enumerate() {
        let line = row_line(model, check, view, cells);
        lines.push(if index == checks.selected { line.patch_style(theme::selected()) } else { line });
    }
    lines.push(Line::default());
    if let Some((check, view)) = all.get(checks.selected) {
        lines.extend(detail(check, view, cells));
    }
    // The selected row and the detail under it stay in view.
    let height = usize::from(area.height.saturating_sub(2));
    let first = if lines.len() <= height { 0 } else { checks.selected.saturating_sub(2) };
    screens::boxed(frame, area, &word!("pane-checks"), &lines, first + checks.offset);
}

/// What a check found and expects, why, and what to try.
fn detail(check: &Check, view: &CheckView, cells: usize) -> Vec<Line<'static>> {
    let mut lines = wrap_plain(&check.title, theme::strong(), cells);
    lines.push(Line::styled(verdict_word(view.verdict), theme::verdict(view.verdict)));
    if let check::Spec::Question(question) = &check.spec {
        lines.push(Line::default());
        lines.extend(wrap_plain(&question.ask, theme::text(), cells));
        for (letter, choice) in &question.choices {
            lines.extend(hang(
                wrap_plain(choice, theme::text(), cells.saturating_sub(3)),
                &format!("{} ", one_line(letter)),
                theme::key(),
            ));
        }
        if let Some(answer) = &view.answer {
            lines.push(Line::default());
            lines.extend(labelled(&word!("label-answer"), answer, cells));
        }
    }
    let Some(explanation) = explained(check, view) else { return lines };
    let parts = [
        (word!("label-found"), &explanation.found),
        (word!("label-expected"), &explanation.expected),
        (word!("label-why"), &explanation.why),
        (word!("label-try"), &explanation.advice),
    ];
    lines.push(Line::default());
    for (label, text) in parts.iter().filter(|(_, text)| !text.is_empty()) {
        lines.extend(labelled(label, text, cells));
    }
    if let Some(command) = &explanation.command {
        lines.extend(labelled(&word!("label-show"), &word!("show-command", command = one_line(command)), cells));
    }
    lines
}

/// A word on the left, its text hanging on the right.
pub(crate) fn labelled(label: &str, text: &str, cells: usize) -> Vec<Line<'static>> {
    const LABEL: usize = 12;
    let mark = format!("{label}{}", " ".repeat(LABEL.saturating_sub(width(label))));
    hang(wrap_plain(text, theme::text(), cells.saturating_sub(LABEL)), &mark, theme::strong())
}

pub(crate) fn verdict_word(verdict: Verdict) -> String {
    let word = match verdict {
        Verdict::Todo => word!("verdict-todo"),
        Verdict::Running => word!("verdict-running"),
        Verdict::Pass => word!("verdict-pass"),
        Verdict::Fail => word!("verdict-fail"),
        Verdict::Unknown => word!("verdict-unknown"),
    };
    format!("{} {word}", theme::mark(verdict))
}
