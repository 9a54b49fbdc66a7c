//! Cuts a Markdown text (GitHub's dialect) into prose, fenced blocks and pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::text::{Lines, forbidden};
use super::yaml::Place;
use crate::diagnostic::DiagnosticKind;
use crate::model::{Block, BlockKind, Page, Segment};
use crate::tree::safe_path;

/// A Markdown text within its file.
pub(crate) struct Source<'a> {
    /// The text, already without control characters.
    text: &'a str,
    lines: Lines<'a>,
    /// How many lines of the file stand before it.
    lines_before: u32,
}

impl<'a> Source<'a> {
    /// Makes the source of a text that begins after `lines_before` lines of its file.
    pub(crate) fn new(text: &'a str, lines_before: u32) -> Source<'a> {
        Source { text, lines: Lines::new(text), lines_before }
    }

    /// Returns where a byte of the text stands in the file.
    fn place(&self, byte: usize) -> Place {
        let place = self.lines.place(byte);
        Place { line: place.line.saturating_add(self.lines_before), column: place.column }
    }
}

/// Returns the dialect: what GitHub shows.
pub(crate) fn dialect() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
}

/// Cuts a text. `picture` returns the bytes of a picture by its path relative to the text's file.
pub(crate) fn parse(
    source: &Source<'_>,
    picture: &dyn Fn(&str) -> Option<Vec<u8>>,
    report: &mut dyn FnMut(Place, DiagnosticKind),
) -> Page {
    let text = source.text;
    let mut events = Parser::new_ext(text, dialect()).into_offset_iter();
    let mut cutting = Cutting { source, cursor: 0, pieces: Vec::new(), references: Vec::new(), hidden: Vec::new() };
    let mut depth = 0_u32;
    while let Some((event, range)) = events.next() {
        cutting.note(&event, &range, picture, report);
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(opening))) => {
                let mut content = String::new();
                for (event, _) in events.by_ref() {
                    match event {
                        Event::Text(part) => content.push_str(&part),
                        Event::End(TagEnd::CodeBlock) => break,
                        _ => {}
                    }
                }
                cutting.block(&opening, content, &range, depth, report);
            }
            Event::Start(Tag::Paragraph) if depth == 0 => {
                cutting.paragraph(&mut events, &range, picture, report);
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Text(_)
            | Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::SoftBreak
            | Event::HardBreak
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }
    let definitions = events
        .reference_definitions()
        .iter()
        .map(|(label, definition)| (label.to_lowercase(), definition.span.clone()))
        .collect();
    cutting.finish(&Definitions::new(definitions))
}

/// A page in the making: the text up to `cursor` has been dealt with.
struct Cutting<'a> {
    source: &'a Source<'a>,
    cursor: usize,
    pieces: Vec<Piece>,
    /// Where links by reference stand, and the labels that they use.
    references: Vec<(usize, String)>,
    /// Character references (`&#27;`) that stand for control characters, to be left out.
    hidden: Vec<Range<usize>>,
}

enum Piece {
    Prose(Range<usize>),
    Whole(Segment),
}

impl<'a> Cutting<'a> {
    /// Ends the prose before `range` and skips what `range` covers.
    fn cut(&mut self, range: &Range<usize>, segment: Segment) {
        if self.cursor < range.start {
            self.pieces.push(Piece::Prose(self.cursor..range.start));
        }
        self.pieces.push(Piece::Whole(segment));
        self.cursor = range.end.max(self.cursor);
    }

    /// Remembers what matters of any event: links by reference, and text that hides control characters.
    fn note(
        &mut self,
        event: &Event<'_>,
        range: &Range<usize>,
        picture: &dyn Fn(&str) -> Option<Vec<u8>>,
        report: &mut dyn FnMut(Place, DiagnosticKind),
    ) {
        if let Event::Start(Tag::Image { dest_url, .. }) = event {
            let path = dest_url.as_ref();
            if path.contains("://") {
                report(self.source.place(range.start), DiagnosticKind::RemoteImage { url: path.to_owned() });
            } else if !safe_path(path) {
                report(self.source.place(range.start), DiagnosticKind::BadPath { path: path.to_owned() });
            } else if picture(path).is_none() {
                report(self.source.place(range.start), DiagnosticKind::ImageMissing { path: path.to_owned() });
            }
        }
        let hides = |text: &str| text.chars().find(|c| forbidden(*c));
        let hidden = match event {
            Event::Start(
                Tag::Link { link_type, dest_url, title, id } | Tag::Image { link_type, dest_url, title, id },
            ) => {
                match link_type {
                    LinkType::Reference | LinkType::Collapsed | LinkType::Shortcut => {
                        self.references.push((range.start, id.to_lowercase()));
                    }
                    LinkType::Inline
                    | LinkType::ReferenceUnknown
                    | LinkType::CollapsedUnknown
                    | LinkType::ShortcutUnknown
                    | LinkType::Autolink
                    | LinkType::Email
                    | LinkType::WikiLink { .. } => {}
                }
                hides(dest_url).or_else(|| hides(title))
            }
            Event::Text(text) => hides(text),
            _ => None,
        };
        if let Some(c) = hidden {
            report(self.source.place(range.start), DiagnosticKind::ControlCharacter { code: u32::from(c) });
            self.hidden.extend(character_references(self.source.text, range));
        }
    }

    /// Deals with a paragraph at the top: a picture that stands alone becomes a segment of its own.
    fn paragraph(
        &mut self,
        events: &mut pulldown_cmark::OffsetIter<'a>,
        range: &Range<usize>,
        picture: &dyn Fn(&str) -> Option<Vec<u8>>,
        report: &mut dyn FnMut(Place, DiagnosticKind),
    ) {
        let mut images: Vec<(String, String)> = Vec::new();
        let mut inside = false;
        let mut alone = true;
        for (event, at) in events {
            self.note(&event, &at, picture, report);
            match event {
                Event::End(TagEnd::Paragraph) => break,
                Event::Start(Tag::Image { dest_url, .. }) => {
                    images.push((dest_url.to_string(), String::new()));
                    inside = true;
                }
                Event::End(TagEnd::Image) => inside = false,
                Event::Text(text) | Event::Code(text) if inside => {
                    if let Some((_, alt)) = images.last_mut() {
                        alt.push_str(&text);
                    }
                }
                Event::SoftBreak | Event::HardBreak => {}
                Event::Text(text) if text.trim().is_empty() => {}
                _ if inside => {}
                _ => alone = false,
            }
        }
        if !alone || images.len() != 1 {
            return;
        }
        if let Some((mut path, mut alt)) = images.pop() {
            super::text::scrub(&mut path);
            super::text::scrub(&mut alt);
            let content = if safe_path(&path) { picture(&path) } else { None };
            self.cut(range, Segment::Image { path, alt, content });
        }
    }

    fn block(
        &mut self,
        opening: &str,
        content: String,
        range: &Range<usize>,
        depth: u32,
        report: &mut dyn FnMut(Place, DiagnosticKind),
    ) {
        let place = self.source.place(range.start);
        let (language, kind) = meaning(opening, &mut |kind| report(place, kind));
        if !closed(&self.source.text[range.clone()]) {
            report(place, DiagnosticKind::BlockUnclosed);
        }
        if depth > 0 {
            if kind != BlockKind::Read {
                report(place, DiagnosticKind::BlockNested);
            }
            return;
        }
        let mut text = content;
        super::text::scrub(&mut text);
        self.cut(range, Segment::Block(Block { kind, language, text, line: place.line }));
    }

    fn finish(mut self, definitions: &Definitions) -> Page {
        let text = self.source.text;
        if self.cursor < text.len() {
            self.pieces.push(Piece::Prose(self.cursor..text.len()));
        }
        self.hidden.sort_by_key(|range| range.start);
        self.references.sort();
        let mut segments = Vec::new();
        for piece in self.pieces {
            let range = match piece {
                Piece::Whole(segment) => {
                    segments.push(segment);
                    continue;
                }
                Piece::Prose(range) => range,
            };
            // A part that only defines links shows nothing.
            if without(text, &range, &definitions.spans).trim().is_empty() {
                continue;
            }
            let mut prose = without(text, &range, &self.hidden).trim_matches('\n').to_owned();
            // Each part is shown on its own, so it takes along the definitions that its links use.
            let first = self.references.partition_point(|(at, _)| *at < range.start);
            let used: BTreeSet<&String> =
                self.references[first..].iter().take_while(|(at, _)| *at < range.end).map(|(_, label)| label).collect();
            for label in used {
                let definition = definitions.by_label.get(label).filter(|at| !range.contains(&at.start));
                if let Some(at) = definition.filter(|at| at.len() <= DEFINITION_LIMIT) {
                    prose.push_str("\n\n");
                    prose.push_str(&without(text, at, &self.hidden));
                }
            }
            segments.push(Segment::Prose(prose));
        }
        Page { segments }
    }
}

/// The longest definition of a link that is repeated where it is used, in bytes. A long one in many places would make
/// much of little.
const DEFINITION_LIMIT: usize = 1_000;

/// Where links are defined.
struct Definitions {
    by_label: BTreeMap<String, Range<usize>>,
    /// All of them, by where they begin.
    spans: Vec<Range<usize>>,
}

impl Definitions {
    fn new(by_label: BTreeMap<String, Range<usize>>) -> Definitions {
        let mut spans: Vec<Range<usize>> = by_label.values().cloned().collect();
        spans.sort_by_key(|span| span.start);
        Definitions { by_label, spans }
    }
}

/// Returns a part of a text without the gaps, which are sorted by where they begin.
fn without(text: &str, range: &Range<usize>, gaps: &[Range<usize>]) -> String {
    let mut kept = String::with_capacity(range.len());
    let mut cursor = range.start;
    let first = gaps.partition_point(|gap| gap.start < range.start);
    for gap in gaps[first..].iter().take_while(|gap| gap.start < range.end).filter(|gap| gap.end <= range.end) {
        if cursor < gap.start {
            kept.push_str(&text[cursor..gap.start]);
        }
        cursor = cursor.max(gap.end);
    }
    kept.push_str(&text[cursor..range.end]);
    kept
}

/// Returns where numeric character references that stand for forbidden characters are.
fn character_references(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    let part = &text[range.clone()];
    part.match_indices("&#")
        .filter_map(|(start, _)| {
            // The longest one has seven digits (CommonMark, §2.5).
            let end = start + part.as_bytes()[start..].iter().take(12).position(|byte| *byte == b';')? + 1;
            let number = &part[start + 2..end - 1];
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| forbidden(*c))?;
            Some(range.start + start..range.start + end)
        })
        .collect()
}

/// Returns whether a fenced block has its closing fence (GitHub Flavored Markdown, §4.5).
fn closed(block: &str) -> bool {
    let mut lines = block.lines();
    let opening = lines.next().unwrap_or_default().trim_start_matches([' ', '>', '\t']);
    let Some(mark) = opening.chars().next() else { return false };
    let length = opening.chars().take_while(|c| *c == mark).count();
    lines.next_back().is_some_and(|line| {
        let line = line.trim_matches([' ', '>', '\t']);
        line.chars().count() >= length && line.chars().all(|c| c == mark)
    })
}

/// The languages of a shell.
const SHELLS: [&str; 5] = ["bash", "sh", "shell", "console", "zsh"];

/// Reads a block's opening: its language, then what the block is.
fn meaning(opening: &str, report: &mut dyn FnMut(DiagnosticKind)) -> (String, BlockKind) {
    let mut opening = opening.to_owned();
    super::text::scrub(&mut opening);
    let mut words = opening.split_whitespace();
    let language = words.next().unwrap_or_default().to_owned();
    let mut kind = BlockKind::Read;
    for word in words {
        let found = match word.split_once('=') {
            None if word == "run" => BlockKind::Run,
            None if word == "output" => BlockKind::Output,
            Some(("run-on", host)) if !host.is_empty() => BlockKind::RunElsewhere(host.to_owned()),
            Some(("file", path)) if safe_path(path) => BlockKind::File(path.to_owned()),
            Some(("file", path)) => {
                report(DiagnosticKind::BadPath { path: path.to_owned() });
                continue;
            }
            None | Some(_) => {
                report(DiagnosticKind::UnknownBlockWord { word: word.to_owned() });
                continue;
            }
        };
        if kind != BlockKind::Read {
            report(DiagnosticKind::BlockTwoKinds);
        }
        kind = found;
    }
    if matches!(kind, BlockKind::Run | BlockKind::RunElsewhere(_)) && !SHELLS.contains(&language.as_str()) {
        report(DiagnosticKind::BlockNotShell { language: language.clone() });
    }
    (language, kind)
}
