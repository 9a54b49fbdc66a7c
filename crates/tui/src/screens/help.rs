//! The help: every key, drawn from the keymap.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::keymap::{Command, Context};
use crate::model::{Model, Screen};
use crate::screens::tour::Tour;
use crate::text::{width, wrap_plain};
use crate::words::word;
use crate::{keymap, screens, theme};

/// How far down the help is.
#[derive(Debug, Default)]
pub(crate) struct Help {
    offset: usize,
}

pub(crate) fn update(model: &mut Model, command: Command) {
    let Screen::Help(help) = &mut model.screen else { return };
    match command {
        Command::Down => help.offset += 1,
        Command::Up => help.offset = help.offset.saturating_sub(1),
        Command::PageDown => help.offset += 10,
        Command::PageUp => help.offset = help.offset.saturating_sub(10),
        Command::Top => help.offset = 0,
        Command::Bottom => help.offset = 1000,
        Command::Back => model.screen = Screen::Step,
        Command::Tour => model.screen = Screen::Tour(Tour::default()),
        _ => {}
    }
    if let Screen::Help(help) = &mut model.screen {
        // As far as the longest help there is.
        help.offset = help.offset.min(lines(model.settings.prefix, usize::from(model.size.0.max(20))).len());
    }
}

pub(crate) fn view(model: &Model, help: &Help, frame: &mut Frame<'_>, area: Rect) {
    let lines = lines(model.settings.prefix, screens::inside(area));
    screens::boxed(frame, area, &word!("title-help"), &lines, help.offset);
}

fn lines(prefix: char, cells: usize) -> Vec<Line<'static>> {
    let prefix = keymap::prefix(prefix).word();
    let mut lines = wrap_plain(&word!("help-intro", prefix = prefix.clone()), theme::text(), cells);
    lines.push(Line::default());
    lines.push(Line::styled(word!("help-marks-title"), theme::heading(2)));
    lines.extend(wrap_plain(&word!("help-marks"), theme::text(), cells));
    lines.extend(wrap_plain(&word!("help-mouse"), theme::text(), cells));
    const SHOWN: [Context; 9] = [
        Context::Text,
        Context::Prefix,
        Context::Checks,
        Context::Hints,
        Context::Solution,
        Context::Map,
        Context::Search,
        Context::Confirm,
        Context::Tour,
    ];
    for context in SHOWN {
        lines.push(Line::default());
        lines.push(Line::styled(context.word(), theme::heading(2)));
        let mut named: Vec<Command> = Vec::new();
        let parts = match context {
            // After the prefix the step's own keys hold too: they are not listed twice.
            Context::Prefix => &context.bindings()[..1],
            _ => context.bindings(),
        };
        for binding in parts.iter().flat_map(|part| part.iter()) {
            if named.contains(&binding.command) {
                continue;
            }
            named.push(binding.command);
            let keys: Vec<String> = binding.keys.iter().map(|key| key.word()).collect();
            let mut keys = keys.join(", ");
            if context == Context::Prefix {
                keys = format!("{prefix} {keys}");
            }
            let fill = 22usize.saturating_sub(width(&keys));
            lines.push(Line::from(vec![
                Span::raw("  "),
                Span::styled(keys, theme::key()),
                Span::raw(" ".repeat(fill.max(1))),
                Span::raw(binding.command.word_in(context)),
            ]));
        }
    }
    lines
}
