//! The screens and what stands before them. Each module has its state, what commands do to it, and its view.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Paragraph};

use crate::theme;

pub(crate) mod answer;
pub(crate) mod checks;
pub(crate) mod confirm;
pub(crate) mod help;
pub(crate) mod hints;
pub(crate) mod map;
pub(crate) mod search;
pub(crate) mod solution;
pub(crate) mod step;
pub(crate) mod tour;

/// A place in the middle of `area`, at most `columns` by `rows`.
pub(crate) fn middle(area: Rect, columns: u16, rows: u16) -> Rect {
    let (columns, rows) = (columns.min(area.width), rows.min(area.height));
    Rect::new(area.x + (area.width - columns) / 2, area.y + (area.height - rows) / 2, columns, rows)
}

/// Draws a box with `lines` from `offset` on; returns how many fit.
pub(crate) fn boxed(frame: &mut Frame<'_>, area: Rect, title: &str, lines: &[Line<'static>], offset: usize) -> usize {
    frame.render_widget(Clear, area);
    let mut block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme::key())
        .title(Line::styled(format!(" {title} "), theme::focused_title()));
    let height = usize::from(area.height.saturating_sub(2));
    let offset = offset.min(lines.len().saturating_sub(height));
    if lines.len() > height {
        let place = format!(" {}/{} ", (offset + height).min(lines.len()), lines.len());
        block = block.title(Line::styled(place, theme::subdued()).right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let shown: Vec<Line<'static>> = lines.iter().skip(offset).take(height).cloned().collect();
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(Paragraph::new(shown), inner);
    height
}

/// The cells that text has inside a box of this width.
pub(crate) fn inside(area: Rect) -> usize {
    usize::from(area.width.saturating_sub(4)).max(8)
}
