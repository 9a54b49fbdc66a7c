//! Text as a terminal shows it: control characters taken out, widths in cells, wrapping with styles.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Returns `text` without anything that a terminal would obey: control characters (line feeds stay, tabs become
/// blanks) and the marks that reorder text (Unicode's bidirectional controls).
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            character if character.is_control() => {}
            character => out.push(character),
        }
    }
    out
}

/// Returns `text` on one line: what [`clean`] leaves, with line feeds turned into blanks.
pub(crate) fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

/// Returns how many cells `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Returns `text` cut to at most `cells` cells, with an ellipsis where something was cut.
pub(crate) fn shorten(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let next = width(grapheme);
        if used + next + 1 > cells {
            break;
        }
        out.push_str(grapheme);
        used += next;
    }
    if cells > 0 {
        out.push('…');
    }
    out
}

/// Returns `text` folded for comparison: lower case, without the accents of French.
pub(crate) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).fold(String::with_capacity(text.len()), |mut out, character| {
        match character {
            'à' | 'â' | 'ä' => out.push('a'),
            'ç' => out.push('c'),
            'é' | 'è' | 'ê' | 'ë' => out.push('e'),
            'î' | 'ï' => out.push('i'),
            'ô' | 'ö' => out.push('o'),
            'ù' | 'û' | 'ü' => out.push('u'),
            'ÿ' => out.push('y'),
            'œ' => out.push_str("oe"),
            'æ' => out.push_str("ae"),
            '’' => out.push('\''),
            '\u{a0}' | '\u{202f}' => out.push(' '),
            other => out.push(other),
        }
        out
    })
}

/// A run of text in one style, before wrapping. A line feed in it is a hard break.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) style: Style,
}

impl Piece {
    pub(crate) fn new(text: impl Into<String>, style: Style) -> Piece {
        Piece { text: text.into(), style }
    }
}

/// Wraps `pieces` at `cells` cells, at blanks where possible; a word that is longer than a line is cut. Unbreakable
/// blanks do not break. Returns at least one line.
pub(crate) fn wrap(pieces: &[Piece], cells: usize) -> Vec<Line<'static>> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    let mut line: Vec<Glyph<'_>> = Vec::new();
    let mut used = 0;
    // Where the line may be broken: the index just after the last blank.
    let mut chance: Option<usize> = None;
    for piece in pieces {
        for grapheme in piece.text.graphemes(true) {
            if grapheme == "\n" || grapheme == "\r\n" {
                lines.push(spans(&line));
                line.clear();
                (used, chance) = (0, None);
                continue;
            }
            let glyph = Glyph { text: grapheme, style: piece.style, cells: width(grapheme) };
            if used + glyph.cells > cells && !line.is_empty() {
                if grapheme == " " {
                    // The blank that does not fit is the break itself.
                    lines.push(spans(&line));
                    line.clear();
                    (used, chance) = (0, None);
                    continue;
                }
                let at = chance.filter(|at| *at < line.len() || *at == line.len()).unwrap_or(line.len());
                let rest = line.split_off(at);
                lines.push(spans(&line));
                line = rest;
                used = line.iter().map(|glyph| glyph.cells).sum();
                chance = None;
                // The word that moved down may leave no room for a wide character: it is cut before it.
                if used + glyph.cells > cells && !line.is_empty() {
                    lines.push(spans(&line));
                    line.clear();
                    used = 0;
                }
            }
            if grapheme == " " && line.is_empty() && !lines.is_empty() {
                continue;
            }
            used += glyph.cells;
            line.push(glyph);
            if grapheme == " " {
                chance = Some(line.len());
            }
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(spans(&line));
    }
    lines
}

struct Glyph<'a> {
    text: &'a str,
    style: Style,
    cells: usize,
}

/// Joins glyphs of one style into spans, without the blanks at the end.
fn spans(line: &[Glyph<'_>]) -> Line<'static> {
    let end = line.iter().rposition(|glyph| glyph.text != " ").map_or(0, |last| last + 1);
    let mut out: Vec<Span<'static>> = Vec::new();
    for glyph in &line[..end] {
        match out.last_mut() {
            Some(span) if span.style == glyph.style => span.content.to_mut().push_str(glyph.text),
            _ => out.push(Span::styled(glyph.text.to_owned(), glyph.style)),
        }
    }
    Line::from(out)
}

/// Wraps plain text in one style.
pub(crate) fn wrap_plain(text: &str, style: Style, cells: usize) -> Vec<Line<'static>> {
    wrap(&[Piece::new(clean(text), style)], cells)
}

/// Returns `line` with `prefix` before it.
pub(crate) fn prefixed(prefix: Span<'static>, line: Line<'static>) -> Line<'static> {
    let mut spans = Vec::with_capacity(line.spans.len() + 1);
    spans.push(prefix);
    spans.extend(line.spans);
    Line { spans, style: line.style, alignment: line.alignment }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, cells: usize, expected: &[&str]) {
        let lines: Vec<String> =
            wrap(&[Piece::new(text, Style::new())], cells).iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn wraps_at_blanks_and_never_at_unbreakable_ones() {
        check("un deux trois", 8, &["un deux", "trois"]);
        check("un deux\u{a0}: trois", 8, &["un", "deux\u{a0}:", "trois"]);
        check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
        check("a abcdefghij", 4, &["a", "abcd", "efgh", "ij"]);
        check("un\ndeux", 8, &["un", "deux"]);
        check("", 8, &[""]);
        check("exact mot", 5, &["exact", "mot"]);
    }

    #[test]
    fn a_wide_character_after_a_word_that_moved_down_does_not_stick_out() {
        check(" 0123456ㄱ", 8, &["", "0123456", "ㄱ"]);
    }

    #[test]
    fn control_characters_are_taken_out() {
        assert_eq!(clean("a\u{1b}[31mb\u{7}\u{9b}c\td\u{202e}e\r\nf"), "a[31mbc    de\nf");
    }

    #[test]
    fn shortens_by_cells() {
        assert_eq!(shorten("quota", 5), "quota");
        assert_eq!(shorten("quotas", 5), "quot…");
        assert_eq!(shorten("日本語", 5), "日本…");
    }

    proptest::proptest! {
        #[test]
        fn no_wrapped_line_is_too_wide(text in "\\PC{0,80}", cells in 2usize..40) {
            for line in wrap(&[Piece::new(text, Style::new())], cells) {
                // Cell by cell, as it is drawn; what cannot be cut stands alone.
                let line = line.to_string();
                let drawn: usize = line.graphemes(true).map(width).sum();
                proptest::prop_assert!(drawn <= cells || line.graphemes(true).count() == 1);
            }
        }
    }
}
