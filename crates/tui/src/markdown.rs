//! Markdown prose as styled lines of a given width: headings, lists with hanging indents, tables, alerts, links.
//!
//! Each container (quotation, alert, list item) is laid out in a frame of its own, narrower one, and its parent
//! decorates the lines that come out. Links and footnotes are numbered; [`Marks`] keeps what stands at the page's end.

use pulldown_cmark::{Alignment, BlockQuoteKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::text::{Piece, clean, prefixed, width, wrap};
use crate::theme;
use crate::words::word;

mod table;

use table::Table;

/// How prose is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Flavour {
    /// With boxes and columns, to be seen.
    #[default]
    Drawn,
    /// As sentences, one after the other, to be heard: no drawing, a table row by row.
    Linear,
}

/// What the prose of a page refers to and what stands at its end.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    flavour: Flavour,
    /// Targets of links, in order of appearance.
    pub(crate) links: Vec<String>,
    /// Labels of footnotes, in order of appearance.
    notes: Vec<String>,
    /// Labels that some segment of the page defines.
    defined: Vec<String>,
    /// The footnotes' texts, by label.
    definitions: Vec<(String, Vec<Line<'static>>)>,
}

/// Deeper nesting than this is drawn flat: every level takes cells from the next.
const DEPTH: usize = 12;

impl Marks {
    /// Starts with the footnotes that the prose of a page defines, wherever they stand.
    pub(crate) fn of<'a>(prose: impl Iterator<Item = &'a str>) -> Marks {
        let mut marks = Marks::default();
        for text in prose {
            for line in text.lines() {
                if let Some((label, _)) = line.strip_prefix("[^").and_then(|rest| rest.split_once("]:")) {
                    marks.defined.push(label.to_owned());
                }
            }
        }
        marks
    }

    /// The same, laid out as sentences.
    pub(crate) fn linear<'a>(prose: impl Iterator<Item = &'a str>) -> Marks {
        Marks { flavour: Flavour::Linear, ..Marks::of(prose) }
    }

    /// Returns the lines that close a page: footnotes, then the targets of links.
    pub(crate) fn closing(&self, cells: usize) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        for (index, label) in self.notes.iter().enumerate() {
            let Some((_, definition)) = self.definitions.iter().find(|(known, _)| known == label) else { continue };
            let number = format!("{} ", superscript(index + 1));
            lines.extend(hang(definition.clone(), &number, theme::subdued()));
        }
        for (index, link) in self.links.iter().enumerate() {
            let number = format!("[{}] ", index + 1);
            let text = wrap(&[Piece::new(link.clone(), theme::link())], cells.saturating_sub(width(&number)));
            lines.extend(hang(text, &number, theme::subdued()));
        }
        if !lines.is_empty() && self.flavour == Flavour::Drawn {
            lines.insert(0, Line::styled("─".repeat(cells.min(12)), theme::subdued()));
        }
        lines
    }

    fn link(&mut self, target: &str) -> usize {
        let target = clean(target);
        match self.links.iter().position(|known| *known == target) {
            Some(index) => index + 1,
            None => {
                self.links.push(target);
                self.links.len()
            }
        }
    }

    fn note(&mut self, label: &str) -> usize {
        match self.notes.iter().position(|known| known == label) {
            Some(index) => index + 1,
            None => {
                self.notes.push(label.to_owned());
                self.notes.len()
            }
        }
    }
}

/// Lays out `text` at `cells` cells.
pub(crate) fn render(text: &str, cells: usize, marks: &mut Marks) -> Vec<Line<'static>> {
    let mut source = text.to_owned();
    // A footnote is only recognised where its definition is in the same text: stand-ins for those defined elsewhere.
    for label in &marks.defined {
        if !text.contains(&format!("[^{label}]:")) {
            source.push_str(&format!("\n\n[^{label}]: \n"));
        }
    }
    let mut writer = Writer::new(cells.max(8), marks);
    for event in Parser::new_ext(&source, options()) {
        writer.event(event);
    }
    writer.finish()
}

/// The flavour of Markdown that labs are written in.
fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
}

/// Puts `mark` before the first line and as many blanks before the others.
pub(crate) fn hang(lines: Vec<Line<'static>>, mark: &str, style: Style) -> Vec<Line<'static>> {
    let blanks = " ".repeat(width(mark));
    lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let prefix = if index == 0 { Span::styled(mark.to_owned(), style) } else { Span::raw(blanks.clone()) };
            prefixed(prefix, line)
        })
        .collect()
}

/// Draws a box with a title around `lines`, `cells` wide.
pub(crate) fn boxed(lines: Vec<Line<'static>>, title: &str, style: Style, cells: usize) -> Vec<Line<'static>> {
    let inner = cells.saturating_sub(4).max(1);
    let head = format!("╭ {title} ");
    let rest = cells.saturating_sub(width(&head) + 1);
    let mut out = Vec::with_capacity(lines.len() + 2);
    out.push(Line::styled(format!("{head}{}╮", "─".repeat(rest)), style));
    for line in lines {
        let fill = inner.saturating_sub(line.width());
        let mut boxed = prefixed(Span::styled("│ ", style), line);
        boxed.spans.push(Span::raw(" ".repeat(fill)));
        boxed.spans.push(Span::styled(" │", style));
        out.push(boxed);
    }
    out.push(Line::styled(format!("╰{}╯", "─".repeat(cells.saturating_sub(2))), style));
    out
}

enum Kind {
    Root,
    Quote,
    Alert(BlockQuoteKind),
    Item { mark: String },
    Note(String),
}

struct Frame {
    kind: Kind,
    cells: usize,
    lines: Vec<Line<'static>>,
    /// A list item with blank lines between its parts.
    loose: bool,
}

struct Writer<'m> {
    marks: &'m mut Marks,
    frames: Vec<Frame>,
    pieces: Vec<Piece>,
    styles: Vec<Style>,
    /// The lists that are open: the next number, or none for bullets.
    lists: Vec<Option<u64>>,
    /// The targets of the links that are open.
    targets: Vec<String>,
    table: Option<Table>,
    code: Option<String>,
    hidden: usize,
}

impl<'m> Writer<'m> {
    fn new(cells: usize, marks: &'m mut Marks) -> Writer<'m> {
        let root = Frame { kind: Kind::Root, cells, lines: Vec::new(), loose: false };
        Writer {
            marks,
            frames: vec![root],
            pieces: Vec::new(),
            styles: Vec::new(),
            lists: Vec::new(),
            targets: Vec::new(),
            table: None,
            code: None,
            hidden: 0,
        }
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the root frame is never popped")
    }

    fn cells(&self) -> usize {
        self.frames.last().map_or(8, |frame| frame.cells)
    }

    fn style(&self) -> Style {
        self.styles.iter().fold(theme::text(), |style, next| style.patch(*next))
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.push(&text, Style::new()),
            },
            Event::Code(text) => self.push(&text, theme::code()),
            Event::SoftBreak => self.push(" ", Style::new()),
            Event::HardBreak => self.push_raw("\n".to_owned(), Style::new()),
            Event::Rule => {
                self.flush();
                if self.marks.flavour == Flavour::Drawn {
                    let cells = self.cells();
                    self.block(vec![Line::styled("─".repeat(cells), theme::subdued())]);
                }
            }
            Event::FootnoteReference(label) => {
                let number = self.marks.note(&label);
                self.push_raw(superscript(number), theme::subdued());
            }
            Event::TaskListMarker(done) => self.push(if done { "[x] " } else { "[ ] " }, Style::new()),
            Event::InlineHtml(html) => {
                if html.starts_with("<br") {
                    self.push_raw("\n".to_owned(), Style::new());
                }
            }
            Event::Html(_) => {}
            Event::InlineMath(text) | Event::DisplayMath(text) => self.push(&text, theme::code()),
        }
    }

    fn push(&mut self, text: &str, style: Style) {
        self.push_raw(clean(text).replace('\n', " "), style);
    }

    fn push_raw(&mut self, text: String, style: Style) {
        if self.hidden > 0 {
            return;
        }
        let piece = Piece { text, style: self.style().patch(style) };
        match &mut self.table {
            Some(table) => table.push(piece),
            None => self.pieces.push(piece),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => {
                if let Kind::Item { .. } = self.frame().kind {
                    self.frame().loose = true;
                }
            }
            Tag::Heading { level, .. } => {
                self.flush();
                self.styles.push(theme::heading(number(level)));
            }
            Tag::BlockQuote(kind) => {
                self.flush();
                match kind {
                    Some(kind) => self.open(Kind::Alert(kind), 4),
                    None => self.open(Kind::Quote, 2),
                }
            }
            Tag::CodeBlock(_) => {
                self.flush();
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                self.flush();
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                let depth = self.lists.len();
                let mark = match self.lists.last_mut() {
                    Some(Some(next)) => {
                        *next += 1;
                        format!("{}. ", *next - 1)
                    }
                    _ => if depth % 2 == 1 { "• " } else { "◦ " }.to_owned(),
                };
                let taken = width(&mark);
                self.open(Kind::Item { mark }, taken);
            }
            Tag::FootnoteDefinition(label) => {
                self.flush();
                self.open(Kind::Note(label.to_string()), 3);
            }
            Tag::Table(columns) => {
                self.flush();
                self.table = Some(Table::new(columns.iter().map(|column| *column == Alignment::Right).collect()));
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.row();
                }
            }
            Tag::TableCell => {
                if let Some(table) = &mut self.table {
                    table.cell();
                }
            }
            Tag::Emphasis => self.styles.push(Style::new().add_modifier(Modifier::ITALIC)),
            Tag::Strong => self.styles.push(theme::strong()),
            Tag::Strikethrough => self.styles.push(Style::new().add_modifier(Modifier::CROSSED_OUT)),
            Tag::Link { dest_url, .. } => {
                self.styles.push(theme::link());
                self.targets.push(dest_url.to_string());
            }
            Tag::Image { .. } => {
                // An image inside a sentence shows as its alternative text.
                self.push_raw("[".to_owned(), theme::subdued());
            }
            Tag::HtmlBlock | Tag::MetadataBlock(_) => self.hidden += 1,
            Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.flush(),
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
            }
            TagEnd::BlockQuote(_) | TagEnd::Item | TagEnd::FootnoteDefinition => {
                self.flush();
                self.close();
            }
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                let cells = self.cells();
                let lines = match self.marks.flavour {
                    Flavour::Drawn => code_lines(&code, "", cells),
                    Flavour::Linear => {
                        clean(code.trim_end()).split('\n').map(|line| Line::raw(line.to_owned())).collect()
                    }
                };
                self.block(lines);
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    let cells = self.cells();
                    let lines = match self.marks.flavour {
                        Flavour::Drawn => table.lines(cells),
                        Flavour::Linear => table.sentences(),
                    };
                    self.block(lines);
                }
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            TagEnd::Link => {
                self.styles.pop();
                let target = self.targets.pop().unwrap_or_default();
                // A bare address is its own target.
                let shown = self.pieces.last().is_some_and(|piece| piece.text == target);
                if !target.is_empty() && !target.starts_with('#') && !shown {
                    let number = self.marks.link(&target);
                    self.push_raw(format!("\u{a0}[{number}]"), theme::subdued());
                }
            }
            TagEnd::Image => self.push_raw("]".to_owned(), theme::subdued()),
            TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => self.hidden = self.hidden.saturating_sub(1),
            TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::TableCell
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript => {}
        }
    }

    fn open(&mut self, kind: Kind, taken: usize) {
        let cells = self.cells();
        let cells = if self.frames.len() < DEPTH { cells.saturating_sub(taken).max(8) } else { cells };
        self.frames.push(Frame { kind, cells, lines: Vec::new(), loose: false });
    }

    fn close(&mut self) {
        if self.frames.len() < 2 {
            return;
        }
        let Some(frame) = self.frames.pop() else { return };
        match frame.kind {
            Kind::Root => {}
            Kind::Quote if self.marks.flavour == Flavour::Linear => self.block(frame.lines),
            Kind::Quote => {
                let lines = frame.lines.into_iter();
                let lines = lines.map(|line| prefixed(Span::styled("│ ", theme::subdued()), line)).collect();
                self.block(lines);
            }
            Kind::Alert(kind) => {
                let (title, style) = alert(kind);
                if self.marks.flavour == Flavour::Linear {
                    let mut lines = vec![Line::raw(word!("plain-alert", title = title))];
                    lines.extend(frame.lines);
                    return self.block(lines);
                }
                let cells = frame.cells + 4;
                self.block(boxed(frame.lines, &title, style, cells));
            }
            Kind::Item { mark } => {
                let lines = if frame.lines.is_empty() { vec![Line::default()] } else { frame.lines };
                let lines = hang(lines, &mark, theme::subdued());
                // The items of a tight list follow each other without a blank line; the first stands apart from
                // what comes before the list, save in a tight item.
                let first = self.lists.last().is_none_or(|next| next.is_none_or(|next| next == 2));
                let nested = matches!(self.frame().kind, Kind::Item { .. });
                let bullets = self.lists.last().is_some_and(Option::is_none);
                let after_item = self.frame().lines.last().is_some_and(|line| is_item(line));
                if frame.loose || (!nested && !after_item && (first || bullets)) {
                    self.block(lines);
                } else {
                    self.frame().lines.extend(lines);
                }
            }
            Kind::Note(label) => {
                if !frame.lines.is_empty() && !self.marks.definitions.iter().any(|(known, _)| *known == label) {
                    self.marks.definitions.push((label, frame.lines));
                }
            }
        }
    }

    /// Ends the paragraph that is being gathered.
    fn flush(&mut self) {
        if self.pieces.is_empty() {
            return;
        }
        let pieces = std::mem::take(&mut self.pieces);
        let lines = wrap(&pieces, self.cells());
        let tight = matches!(self.frame().kind, Kind::Item { .. }) && !self.frame().loose;
        if tight {
            self.frame().lines.extend(lines);
        } else {
            self.block(lines);
        }
    }

    /// Adds lines as a block of their own, with a blank line before.
    fn block(&mut self, lines: Vec<Line<'static>>) {
        let frame = self.frame();
        if frame.lines.last().is_some_and(|line| line.width() > 0) {
            frame.lines.push(Line::default());
        }
        frame.lines.extend(lines);
    }

    fn finish(mut self) -> Vec<Line<'static>> {
        self.flush();
        while self.frames.len() > 1 {
            self.close();
        }
        self.frames.pop().map(|frame| frame.lines).unwrap_or_default()
    }
}

/// Whether a line belongs to a list item: it starts with its mark or with the blanks below it.
fn is_item(line: &Line<'_>) -> bool {
    line.spans.first().is_some_and(|span| {
        let text = span.content.as_ref();
        text == "• " || text == "◦ " || text.ends_with(". ") || (!text.is_empty() && text.trim().is_empty())
    })
}

/// Returns the lines of a block of code: a bar on the left, long lines continued on the next.
pub(crate) fn code_lines(code: &str, language: &str, cells: usize) -> Vec<Line<'static>> {
    let inner = cells.saturating_sub(2).max(4);
    let mut lines = Vec::new();
    for source in clean(code.trim_end_matches('\n')).split('\n') {
        let wrapped = wrap_code(&highlight(source, language), inner);
        lines.extend(wrapped.into_iter().map(|line| prefixed(Span::styled("│ ", theme::border()), line)));
    }
    lines
}

/// Cuts a line of code at `cells`, with a mark where it goes on: blanks matter, so nothing is moved or dropped.
pub(crate) fn wrap_code(pieces: &[Piece], cells: usize) -> Vec<Line<'static>> {
    use unicode_segmentation::UnicodeSegmentation;
    let mut lines: Vec<Vec<Span<'static>>> = vec![Vec::new()];
    let mut used = 0;
    for piece in pieces {
        for grapheme in piece.text.graphemes(true) {
            let taken = width(grapheme);
            if used + taken > cells && used > 0 {
                lines.push(vec![Span::styled("↪ ", theme::subdued())]);
                used = 2;
            }
            used += taken;
            let line = lines.last_mut().expect("there is always a line");
            match line.last_mut() {
                Some(span) if span.style == piece.style => span.content.to_mut().push_str(grapheme),
                _ => line.push(Span::styled(grapheme.to_owned(), piece.style)),
            }
        }
    }
    lines.into_iter().map(Line::from).collect()
}

/// A little colour: comments and YAML keys. The text itself is never changed.
pub(crate) fn highlight(line: &str, language: &str) -> Vec<Piece> {
    let trimmed = line.trim_start();
    let known = matches!(language, "bash" | "sh" | "shell" | "yaml" | "yml" | "dockerfile" | "toml");
    if known && trimmed.starts_with('#') {
        return vec![Piece::new(line, theme::comment())];
    }
    if matches!(language, "yaml" | "yml") {
        let (body, comment) = match line.find(" #") {
            Some(at) => line.split_at(at),
            None => (line, ""),
        };
        let mut pieces = match body.find(':') {
            Some(at) if body[at + 1..].is_empty() || body[at + 1..].starts_with(' ') => {
                vec![Piece::new(&body[..at], theme::code_key()), Piece::new(&body[at..], theme::text())]
            }
            _ => vec![Piece::new(body, theme::text())],
        };
        if !comment.is_empty() {
            pieces.push(Piece::new(comment, theme::comment()));
        }
        return pieces;
    }
    vec![Piece::new(line, theme::text())]
}

fn alert(kind: BlockQuoteKind) -> (String, Style) {
    match kind {
        BlockQuoteKind::Note => (word!("alert-note"), theme::advice()),
        BlockQuoteKind::Tip => (word!("alert-tip"), theme::advice()),
        BlockQuoteKind::Important => (word!("alert-important"), theme::warning()),
        BlockQuoteKind::Warning => (word!("alert-warning"), theme::warning()),
        BlockQuoteKind::Caution => (word!("alert-caution"), theme::warning()),
    }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

fn superscript(number: usize) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    number.to_string().bytes().map(|digit| DIGITS[usize::from(digit - b'0')]).collect()
}

#[cfg(test)]
mod tests;
