//! A page as sentences: prose without drawing, and blocks that are numbered, so that they can be named.

use lab::{Block, BlockKind, Page, Segment};

use crate::markdown::{self, Marks};
use crate::text::{clean, one_line};
use crate::words::word;

/// No line is wrapped: the terminal or the reader does.
const ENDLESS: usize = 100_000;

/// Markdown as sentences.
pub(super) fn prose(text: &str) -> String {
    let mut marks = Marks::linear([text].into_iter());
    let mut lines = markdown::render(text, ENDLESS, &mut marks);
    lines.extend(marks.closing(ENDLESS));
    joined(&lines)
}

fn joined(lines: &[ratatui::text::Line<'_>]) -> String {
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A page as sentences.
pub(super) fn page(page: &Page) -> String {
    let texts = page.segments.iter().filter_map(|segment| match segment {
        Segment::Prose(text) => Some(text.as_str()),
        Segment::Block(_) | Segment::Image { .. } => None,
    });
    let mut marks = Marks::linear(texts);
    let mut parts = Vec::new();
    let mut number = 0;
    for segment in &page.segments {
        match segment {
            Segment::Prose(text) => parts.push(joined(&markdown::render(text, ENDLESS, &mut marks))),
            Segment::Block(block) => {
                let heading = if is_numbered(&block.kind) {
                    number += 1;
                    heading(&block.kind, number)
                } else {
                    unnumbered(&block.kind)
                };
                parts.push(format!("{heading}\n{}", clean(block.text.trim_end())));
            }
            Segment::Image { path, alt, .. } => {
                let alt = one_line(if alt.is_empty() { path } else { alt });
                parts.push(word!("plain-image", alt = alt));
            }
        }
    }
    parts.push(joined(&marks.closing(ENDLESS)));
    parts.retain(|part| !part.trim().is_empty());
    parts.join("\n\n")
}

/// The blocks that can be run or written, in order: the first is number 1.
pub(super) fn blocks(page: &Page) -> Vec<&Block> {
    page.segments
        .iter()
        .filter_map(|segment| match segment {
            Segment::Block(block) if is_numbered(&block.kind) => Some(block),
            Segment::Block(_) | Segment::Prose(_) | Segment::Image { .. } => None,
        })
        .collect()
}

fn is_numbered(kind: &BlockKind) -> bool {
    match kind {
        BlockKind::Run | BlockKind::RunElsewhere(_) | BlockKind::File(_) => true,
        BlockKind::Output | BlockKind::Read => false,
    }
}

fn heading(kind: &BlockKind, number: usize) -> String {
    match kind {
        BlockKind::Run => word!("plain-block-run", number = number),
        BlockKind::RunElsewhere(host) => word!("plain-block-elsewhere", number = number, host = one_line(host)),
        BlockKind::File(path) => word!("plain-block-file", number = number, path = one_line(path)),
        BlockKind::Output | BlockKind::Read => String::new(),
    }
}

fn unnumbered(kind: &BlockKind) -> String {
    match kind {
        BlockKind::Output => word!("plain-block-output"),
        _ => word!("plain-block-read"),
    }
}
