//! A page of a lab, laid out once per width: its lines, and where its blocks are.

use std::ops::Range;

use lab::{Block, BlockKind, Page, Segment};
use ratatui::text::{Line, Span};

use crate::markdown::{self, Marks, boxed, code_lines, hang, highlight, wrap_code};
use crate::picture::{Hanging, Hung, Pictures, Reason};
use crate::text::{clean, one_line, prefixed, shorten, width, wrap_plain};
use crate::theme;
use crate::words::word;

/// A page at one width.
#[derive(Debug, Default)]
pub(crate) struct Laid {
    /// The width it was laid out for, in cells.
    pub(crate) cells: usize,
    /// The rows that its pictures had to fit into.
    pub(crate) rows: usize,
    /// Its lines.
    pub(crate) lines: Vec<Line<'static>>,
    /// The blocks that the learner may act on, in order.
    pub(crate) items: Vec<Item>,
    /// Its pictures, in order.
    pub(crate) pictures: Vec<Hung>,
}

/// A block that the learner may act on.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    /// The block.
    pub(crate) block: Block,
    /// Its lines on the laid page.
    pub(crate) lines: Range<usize>,
}

/// Whether blocks can be acted on where the page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acts {
    /// They can: what Enter does stands beside them.
    Offered,
    /// The page is only read.
    None,
}

/// Lays `page` out at `cells` cells, below the lines of `head`.
pub(crate) fn lay(head: Vec<Line<'static>>, page: &Page, cells: usize, acts: Acts, hanging: Hanging<'_>) -> Laid {
    let mut laid = Laid { cells, rows: hanging.rows, lines: head, ..Laid::default() };
    let prose = page.segments.iter().filter_map(|segment| match segment {
        Segment::Prose(text) => Some(text.as_str()),
        Segment::Block(_) | Segment::Image { .. } => None,
    });
    let mut marks = Marks::of(prose);
    for segment in &page.segments {
        let lines = match segment {
            Segment::Prose(text) => markdown::render(text, cells, &mut marks),
            Segment::Block(block) => {
                gap(&mut laid.lines);
                let lines = block_lines(block, cells, acts);
                if acts == Acts::Offered && can_act(&block.kind) {
                    let start = laid.lines.len();
                    laid.items.push(Item { block: block.clone(), lines: start..start + lines.len() });
                }
                laid.lines.extend(lines);
                continue;
            }
            Segment::Image { path, alt, content } => {
                let read = match (hanging.pictures, content) {
                    (Pictures::Words, _) | (_, None) => None,
                    (Pictures::Blocks | Pictures::Kitty | Pictures::Iterm, Some(content)) => {
                        Some(hanging.gallery.read(path, content))
                    }
                };
                match read {
                    Some(Ok(picture)) => {
                        gap(&mut laid.lines);
                        let (columns, rows) = picture.extent(cells, hanging.rows);
                        laid.pictures.push(Hung { picture: picture.clone(), line: laid.lines.len(), columns, rows });
                        laid.lines.extend(picture.blocks((columns, rows)));
                        laid.lines.extend(wrap_plain(
                            &word!("image-words", alt = title_of(path, alt)),
                            theme::subdued(),
                            cells,
                        ));
                        continue;
                    }
                    Some(Err(reason)) => image_lines(path, alt, Some(reason), cells),
                    None => image_lines(path, alt, None, cells),
                }
            }
        };
        if !lines.is_empty() {
            gap(&mut laid.lines);
            laid.lines.extend(lines);
        }
    }
    let closing = marks.closing(cells);
    if !closing.is_empty() {
        gap(&mut laid.lines);
        laid.lines.extend(closing);
    }
    laid
}

fn gap(lines: &mut Vec<Line<'static>>) {
    if lines.last().is_some_and(|line| line.width() > 0) {
        lines.push(Line::default());
    }
}

fn can_act(kind: &BlockKind) -> bool {
    match kind {
        BlockKind::Run | BlockKind::RunElsewhere(_) | BlockKind::File(_) => true,
        BlockKind::Output | BlockKind::Read => false,
    }
}

/// What Enter does on a block, in a word.
pub(crate) fn action(kind: &BlockKind) -> String {
    match kind {
        BlockKind::Run => word!("block-run"),
        BlockKind::File(_) => word!("block-write"),
        BlockKind::RunElsewhere(_) => word!("block-copy"),
        BlockKind::Output | BlockKind::Read => String::new(),
    }
}

fn block_lines(block: &Block, cells: usize, acts: Acts) -> Vec<Line<'static>> {
    match &block.kind {
        BlockKind::Run => commands(block, cells, acts),
        BlockKind::RunElsewhere(host) => {
            let mut lines = vec![caption(&word!("block-elsewhere", host = one_line(host)), cells)];
            lines.extend(commands(block, cells, acts));
            lines
        }
        BlockKind::File(path) => {
            let label = word!("block-file", path = one_line(path));
            let label_of = |acts| match acts {
                Acts::Offered => format!("⏎ {}", word!("block-write")),
                Acts::None => String::new(),
            };
            let action = label_of(acts);
            let room = cells.saturating_sub(width(&action) + 1);
            let label = shorten(&label, room);
            let fill = cells.saturating_sub(width(&label) + width(&action));
            let mut lines = vec![Line::from(vec![
                Span::styled(label, theme::strong()),
                Span::raw(" ".repeat(fill)),
                Span::styled(action, theme::subdued()),
            ])];
            lines.extend(code_lines(&block.text, &block.language, cells));
            lines
        }
        BlockKind::Output => {
            let mut lines = vec![caption(&word!("block-output"), cells)];
            lines.extend(code_lines(&block.text, "", cells));
            lines
        }
        BlockKind::Read => code_lines(&block.text, &block.language, cells),
    }
}

fn caption(text: &str, cells: usize) -> Line<'static> {
    Line::styled(shorten(text, cells), theme::subdued())
}

/// Commands: a thick bar, and what Enter does at the right of the first line.
fn commands(block: &Block, cells: usize, acts: Acts) -> Vec<Line<'static>> {
    let label = format!("⏎ {}", action(&block.kind));
    let inner = cells.saturating_sub(1).max(4);
    let mut lines: Vec<Line<'static>> = Vec::new();
    for source in clean(block.text.trim_end_matches('\n')).split('\n') {
        for line in wrap_code(&highlight(source, &block.language), inner) {
            lines.push(prefixed(Span::styled("▌", theme::key()), line.patch_style(theme::strong())));
        }
    }
    if let Some(first) = lines.first_mut() {
        let used = first.width();
        if acts == Acts::Offered && used + width(&label) + 2 <= cells {
            first.spans.push(Span::raw(" ".repeat(cells - used - width(&label))));
            first.spans.push(Span::styled(label, theme::subdued()));
        }
    }
    lines
}

fn title_of<'a>(path: &'a str, alt: &'a str) -> &'a str {
    if alt.is_empty() { path } else { alt }
}

/// The words of an image that is not shown, and why where that is the image's fault.
fn image_lines(path: &str, alt: &str, reason: Option<Reason>, cells: usize) -> Vec<Line<'static>> {
    let inner = cells.saturating_sub(4);
    let mut text = wrap_plain(title_of(path, alt), theme::text(), inner);
    let why = match reason {
        None => None,
        Some(Reason::NotPng) => Some(word!("image-not-png")),
        Some(Reason::TooLarge) => Some(word!("image-too-large")),
        Some(Reason::Damaged) => Some(word!("image-damaged")),
    };
    if let Some(why) = why {
        text.extend(wrap_plain(&why, theme::subdued(), inner));
    }
    boxed(text, &word!("image"), theme::border(), cells)
}

/// Returns the step's page without its first heading where it only repeats the title.
pub(crate) fn body(step: &lab::Step) -> Page {
    let mut page = step.page.clone();
    if let Some(Segment::Prose(text)) = page.segments.first_mut()
        && let Some((heading, rest)) =
            text.trim_start().strip_prefix("# ").map(|text| text.split_once('\n').unwrap_or((text, "")))
        && crate::text::fold(heading.trim()) == crate::text::fold(step.title.trim())
    {
        *text = rest.to_owned();
    }
    page
}

/// The head of a step's page: its title, its objectives, what it brings.
pub(crate) fn head(step: &lab::Step, cells: usize) -> Vec<Line<'static>> {
    let mut lines = wrap_plain(&step.title, theme::heading(1), cells);
    let minutes = step.minutes;
    let points = step.points;
    lines.extend(wrap_plain(&word!("step-worth", minutes = minutes, points = points), theme::subdued(), cells));
    if !step.objectives.is_empty() {
        lines.push(Line::default());
        for objective in &step.objectives {
            let text = wrap_plain(objective, theme::text(), cells.saturating_sub(2));
            lines.extend(hang(text, "▸ ", theme::key()));
        }
    }
    lines
}
