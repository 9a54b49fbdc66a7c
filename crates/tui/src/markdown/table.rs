//! A table: columns as wide as they need, narrowed by wrapping where they do not fit.

use ratatui::text::{Line, Span};

use crate::text::{Piece, width, wrap};
use crate::theme;
use crate::words::word;

const SEPARATOR: &str = " │ ";
const NARROWEST: usize = 4;

pub(super) struct Table {
    /// Whether each column is aligned to the right.
    right: Vec<bool>,
    /// Rows of cells of styled text; the first is the head.
    rows: Vec<Vec<Vec<Piece>>>,
}

impl Table {
    pub(super) fn new(right: Vec<bool>) -> Table {
        Table { right, rows: Vec::new() }
    }

    pub(super) fn row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub(super) fn cell(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.push(Vec::new());
        }
    }

    pub(super) fn push(&mut self, piece: Piece) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            cell.push(piece);
        }
    }

    pub(super) fn lines(self, cells: usize) -> Vec<Line<'static>> {
        let columns = self.columns(cells);
        let mut lines = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            let style = if index == 0 { theme::strong() } else { theme::text() };
            let texts: Vec<Vec<Line<'static>>> = columns
                .iter()
                .enumerate()
                .map(|(column, cells)| {
                    let pieces: Vec<Piece> = row.get(column).map(Vec::as_slice).unwrap_or_default().to_vec();
                    wrap(&pieces, *cells)
                })
                .collect();
            let height = texts.iter().map(Vec::len).max().unwrap_or(0);
            for part in 0..height {
                let mut spans = Vec::new();
                for (column, cells) in columns.iter().enumerate() {
                    if column > 0 {
                        spans.push(Span::styled(SEPARATOR, theme::border()));
                    }
                    let text = texts[column].get(part).cloned().unwrap_or_default();
                    let fill = Span::raw(" ".repeat(cells.saturating_sub(text.width())));
                    let right = self.right.get(column).copied().unwrap_or(false);
                    if right {
                        spans.push(fill);
                        spans.extend(text.spans);
                    } else {
                        spans.extend(text.spans);
                        spans.push(fill);
                    }
                }
                lines.push(Line::from(spans).patch_style(style));
            }
            if index == 0 {
                let rule: Vec<String> = columns.iter().map(|cells| "─".repeat(*cells)).collect();
                lines.push(Line::styled(rule.join("─┼─"), theme::border()));
            }
        }
        lines
    }

    /// Returns the rows as sentences: each cell after the name of its column.
    pub(super) fn sentences(self) -> Vec<Line<'static>> {
        let text = |cell: &Vec<Piece>| cell.iter().map(|piece| piece.text.as_str()).collect::<String>();
        let Some((head, rows)) = self.rows.split_first() else { return Vec::new() };
        let names: Vec<String> = head.iter().map(text).collect();
        let sentence = |row: &Vec<Vec<Piece>>| {
            let cells = row.iter().zip(&names).map(|(cell, name)| match (name.is_empty(), text(cell)) {
                (true, cell) => cell,
                (false, cell) => word!("plain-cell", name = name.clone(), cell = cell),
            });
            Line::raw(format!("- {}", cells.collect::<Vec<_>>().join(", ")))
        };
        rows.iter().map(sentence).collect()
    }

    /// Returns the columns' widths: what they need, or less for the widest until the table fits.
    fn columns(&self, cells: usize) -> Vec<usize> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths: Vec<usize> = (0..count)
            .map(|column| {
                let texts = self.rows.iter().filter_map(|row| row.get(column));
                texts.map(|cell| cell.iter().map(|piece| width(&piece.text)).sum()).max().unwrap_or(0).max(1)
            })
            .collect();
        let room = cells.saturating_sub(count.saturating_sub(1) * width(SEPARATOR));
        let mut excess = widths.iter().sum::<usize>().saturating_sub(room);
        while excess > 0 {
            let Some(widest) = widths.iter_mut().max() else { break };
            if *widest <= NARROWEST {
                break;
            }
            *widest -= 1;
            excess -= 1;
        }
        widths
    }
}
