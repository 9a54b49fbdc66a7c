//! Where things are on the step's screen.
//!
//! ```text
//! wide (100 columns and more)              narrow, or one pane zoomed
//!  header                                   header
//! ┌ Consigne ──┬ Terminal ─┐               ┌ Consigne ───────────────┐
//! │            │           │               │                         │
//! ├ Contrôles ─┴───────────┤               ├ Terminal ───────────────┤
//! │                        │               │                         │
//! └ status ────────────────┘               └ ✔ 1 ✘ 1 ── status ──────┘
//!  footer                                   footer
//! ```

use ratatui::layout::Rect;

use crate::model::Focus;

/// Which panes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zoom {
    /// Text and terminal.
    Both,
    /// Only the one that has the focus.
    One,
}

/// The smallest terminal that the screens are drawn in.
pub(crate) const SMALLEST: (u16, u16) = (60, 16);

/// From this width on, text and terminal stand side by side.
pub(crate) const WIDE: u16 = 100;

/// The places of the step's screen, without the borders between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Areas {
    pub(crate) header: Rect,
    /// The frame around the panes: its first and last rows and columns are borders.
    pub(crate) frame: Rect,
    pub(crate) text: Option<Rect>,
    pub(crate) terminal: Option<Rect>,
    pub(crate) checks: Option<Rect>,
    pub(crate) footer: Rect,
}

impl Areas {
    /// Lays out a terminal of `size` (columns, rows); none where it is too small.
    pub(crate) fn of(size: (u16, u16), zoom: Zoom, focus: Focus, checks: usize) -> Option<Areas> {
        let (columns, rows) = size;
        if columns < SMALLEST.0 || rows < SMALLEST.1 {
            return None;
        }
        let header = Rect::new(0, 0, columns, 1);
        let footer = Rect::new(0, rows - 1, columns, 1);
        let frame = Rect::new(0, 1, columns, rows - 2);
        let inner = Rect::new(1, 2, columns - 2, rows - 4);
        let mut areas = Areas { header, frame, text: None, terminal: None, checks: None, footer };
        match (zoom, focus) {
            (Zoom::One, Focus::Text) => areas.text = Some(inner),
            (Zoom::One, Focus::Terminal | Focus::Prefix) => areas.terminal = Some(inner),
            (Zoom::Both, _) if columns >= WIDE => {
                let most = (rows / 4).max(3);
                let lines = u16::try_from(checks).unwrap_or(most).clamp(1, most);
                let height = inner.height - lines - 1;
                let left = (inner.width - 1) * 45 / 100;
                areas.text = Some(Rect::new(inner.x, inner.y, left, height));
                areas.terminal = Some(Rect::new(inner.x + left + 1, inner.y, inner.width - left - 1, height));
                areas.checks = Some(Rect::new(inner.x, inner.y + height + 1, inner.width, lines));
            }
            (Zoom::Both, _) => {
                let upper = (inner.height - 1) / 2;
                let lower = inner.height - 1 - upper;
                areas.text = Some(Rect::new(inner.x, inner.y, inner.width, upper));
                areas.terminal = Some(Rect::new(inner.x, inner.y + upper + 1, inner.width, lower));
            }
        }
        Some(areas)
    }
}
