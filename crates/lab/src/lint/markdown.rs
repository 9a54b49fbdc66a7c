//! Reads a Markdown text as a reader does: passages of prose, links, headings.

use std::ops::Range;

use pulldown_cmark::{BrokenLink, CowStr, Event, LinkType, Parser, Tag, TagEnd};

use crate::load::page::dialect;

/// Stands in a passage for what is not prose: code, a picture, a footnote's mark.
pub(super) const OTHER: char = '\u{fffc}';

/// What a text consists of, for the lint.
#[derive(Default)]
pub(super) struct Reading {
    /// The passages of prose: a paragraph, a heading, a cell.
    pub(super) passages: Vec<Passage>,
    /// The links, with the byte at which each stands.
    pub(super) links: Vec<(usize, String)>,
    /// References and footnotes that are defined nowhere.
    pub(super) undefined: Vec<(usize, String)>,
    /// The headings: byte, level, text.
    pub(super) headings: Vec<(usize, u8, String)>,
    /// Pictures without alternative text.
    pub(super) mute_pictures: Vec<(usize, String)>,
    /// HTML.
    pub(super) html: Vec<usize>,
}

/// Characters that belong together, each with its byte in the text.
#[derive(Default)]
pub(super) struct Passage {
    pub(super) chars: Vec<(usize, char)>,
    /// The bytes of what may be in another language: emphasis, and links to the network. In order, none in another.
    foreign: Vec<Range<usize>>,
}

impl Passage {
    fn mark_foreign(&mut self, range: Range<usize>) {
        if self.foreign.last().is_none_or(|last| last.end <= range.start) {
            self.foreign.push(range);
        }
    }

    /// Returns whether a byte may be in another language.
    pub(super) fn is_foreign(&self, byte: usize) -> bool {
        let after = self.foreign.partition_point(|range| range.start <= byte);
        after.checked_sub(1).is_some_and(|at| self.foreign[at].contains(&byte))
    }
}

/// Reads a text.
pub(super) fn read(text: &str) -> Reading {
    let mut undefined = Vec::new();
    let mut reading = Reading::default();
    {
        let callback = |link: BrokenLink<'_>| {
            // `[mot]` alone is prose; two brackets, or a caret, mean a link or a footnote.
            let meant = matches!(
                link.link_type,
                LinkType::ReferenceUnknown | LinkType::CollapsedUnknown | LinkType::Reference | LinkType::Collapsed
            ) || link.reference.starts_with('^');
            if meant {
                undefined.push((link.span.start, link.reference.to_string()));
            }
            None::<(CowStr<'_>, CowStr<'_>)>
        };
        let parser = Parser::new_with_broken_link_callback(text, dialect(), Some(callback));
        let mut state =
            State { reading: &mut reading, passage: Passage::default(), unread: 0, picture: None, heading: None };
        for (event, range) in parser.into_offset_iter() {
            state.take(event, range);
        }
        state.end();
    }
    reading.undefined = undefined;
    reading
}

struct State<'a> {
    reading: &'a mut Reading,
    passage: Passage,
    /// How many enclosing elements hold text that is not prose.
    unread: u32,
    /// The picture that is open: where, its path, whether it has words.
    picture: Option<(usize, String, bool)>,
    /// The heading that is open.
    heading: Option<(usize, u8, String)>,
}

impl State<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        let at = range.start;
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.finish(tag),
            Event::Text(text) => {
                if let Some((_, _, has_words)) = &mut self.picture {
                    *has_words = true;
                }
                if let Some((.., heading)) = &mut self.heading {
                    heading.push_str(&text);
                }
                if self.unread > 0 {
                    return;
                }
                // An entity is one event of its own, so that offsets inside it do not matter.
                self.passage.chars.extend(text.char_indices().map(|(offset, c)| (at + offset, c)));
            }
            Event::Code(text) => {
                if let Some((.., heading)) = &mut self.heading {
                    heading.push_str(&text);
                }
                self.other(at);
            }
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {
                self.other(at);
            }
            Event::Html(text) | Event::InlineHtml(text) => {
                // Comments show nowhere, and an element is one mistake.
                let text = text.trim_start();
                if !text.starts_with("<!--") && !text.starts_with("</") {
                    self.reading.html.push(at);
                }
                self.other(at);
            }
            Event::SoftBreak | Event::HardBreak => self.passage.chars.push((at, '\n')),
            Event::Rule => self.end(),
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let at = range.start;
        match tag {
            Tag::Heading { level, .. } => {
                self.end();
                self.heading = Some((at, level as u8, String::new()));
            }
            Tag::Paragraph
            | Tag::BlockQuote(_)
            | Tag::HtmlBlock
            | Tag::List(_)
            | Tag::Item
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Table(_)
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell => self.end(),
            Tag::CodeBlock(_) | Tag::MetadataBlock(_) => {
                self.end();
                self.unread += 1;
            }
            Tag::Link { link_type, dest_url, .. } => {
                self.reading.links.push((at, dest_url.to_string()));
                if dest_url.contains("://") {
                    self.passage.mark_foreign(range);
                }
                // The words of an automatic link are its address.
                if matches!(link_type, LinkType::Autolink | LinkType::Email) {
                    self.other(at);
                    self.unread += 1;
                }
            }
            Tag::Image { dest_url, .. } => {
                self.picture = Some((at, dest_url.to_string(), false));
                self.other(at);
            }
            Tag::Emphasis => self.passage.mark_foreign(range),
            Tag::Strong | Tag::Strikethrough | Tag::Superscript | Tag::Subscript => {}
        }
    }

    fn finish(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                self.end();
                self.reading.headings.extend(self.heading.take());
            }
            TagEnd::CodeBlock | TagEnd::MetadataBlock(_) => self.unread = self.unread.saturating_sub(1),
            TagEnd::Image => {
                if let Some((at, path, false)) = self.picture.take() {
                    self.reading.mute_pictures.push((at, path));
                }
            }
            TagEnd::Link => self.unread = self.unread.saturating_sub(1),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Superscript | TagEnd::Subscript => {}
            TagEnd::Paragraph
            | TagEnd::BlockQuote(_)
            | TagEnd::HtmlBlock
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Table
            | TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::TableCell => self.end(),
        }
    }

    fn other(&mut self, at: usize) {
        if self.unread == 0 {
            self.passage.chars.push((at, OTHER));
        }
    }

    /// Ends the passage.
    fn end(&mut self) {
        let passage = std::mem::take(&mut self.passage);
        if !passage.chars.is_empty() {
            self.reading.passages.push(passage);
        }
    }
}

/// Returns the anchor that GitHub gives to a heading: lower case, blanks as hyphens, without punctuation.
pub(super) fn anchor(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}
