//! Colours and marks by meaning, and what becomes of them on a poor terminal.
//!
//! Views name meanings only, with the sixteen ANSI colours, which respect the learner's own theme. The last stroke
//! of a frame, [`Look::apply`], takes colours away where there are none and turns every character into ASCII where
//! the locale has nothing else.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use runner::Verdict;

use crate::picture::Pictures;

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// None (`NO_COLOR`).
    None,
    /// The eight of the oldest terminals.
    Eight,
    /// 256.
    Indexed,
    /// 24 bits.
    Full,
}

/// Which characters the locale can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Characters {
    /// Everything.
    Unicode,
    /// ASCII only: accents are dropped, boxes become `+`, `-` and `|`.
    Ascii,
}

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its colours.
    pub colours: Colours,
    /// Its characters.
    pub characters: Characters,
    /// How it shows pictures.
    pub pictures: Pictures,
}

impl Look {
    /// Everything that a modern terminal shows.
    pub const FULL: Look = Look { colours: Colours::Full, characters: Characters::Unicode, pictures: Pictures::Blocks };

    /// Reads what the terminal can show from the environment variables, given as a lookup.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Look {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        let characters =
            if locale.contains("utf-8") || locale.contains("utf8") { Characters::Unicode } else { Characters::Ascii };
        let term = set("TERM").unwrap_or_default();
        let colours = if set("NO_COLOR").is_some() || term.ends_with("-mono") || term.starts_with("vt1") {
            Colours::None
        } else if set("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit") {
            Colours::Full
        } else if term.contains("256") || term.contains("kitty") || term.contains("direct") {
            Colours::Indexed
        } else {
            Colours::Eight
        };
        // With eight colours or none, or in ASCII, a picture of blocks would be noise: its words say more.
        let pictures = match (Pictures::of(&variable), colours, characters) {
            (Pictures::Blocks, Colours::None | Colours::Eight, _) | (Pictures::Blocks, _, Characters::Ascii) => {
                Pictures::Words
            }
            (pictures, ..) => pictures,
        };
        Look { colours, characters, pictures }
    }

    /// Fits a drawn frame to what the terminal can show.
    pub(crate) fn apply(self, buffer: &mut Buffer) {
        if self.colours == Colours::Full && self.characters == Characters::Unicode {
            return;
        }
        for cell in &mut buffer.content {
            match self.colours {
                Colours::Full => {}
                Colours::None => (cell.fg, cell.bg) = (Color::Reset, Color::Reset),
                Colours::Indexed => {
                    cell.fg = indexed(cell.fg);
                    cell.bg = indexed(cell.bg);
                }
                Colours::Eight => {
                    let (fg, bright) = eight(cell.fg);
                    if bright {
                        cell.modifier |= Modifier::BOLD;
                    }
                    cell.fg = fg;
                    cell.bg = eight(cell.bg).0;
                }
            }
            if self.characters == Characters::Ascii && !cell.symbol().is_ascii() {
                let plain = ascii(cell.symbol().chars().next().unwrap_or(' '));
                cell.set_char(plain);
            }
        }
    }
}

/// Returns the nearest of the 256 indexed colours, by the 6×6×6 cube that they follow from 16 on.
fn indexed(colour: Color) -> Color {
    let Some((red, green, blue)) = components(colour) else { return colour };
    if let Color::Indexed(_) = colour {
        return colour;
    }
    let level = |value: u8| (u16::from(value) * 5 + 127) / 255;
    let index = 16 + 36 * level(red) + 6 * level(green) + level(blue);
    Color::Indexed(u8::try_from(index).unwrap_or(231))
}

/// Returns the red, green and blue of a colour beyond the sixteen named ones.
fn components(colour: Color) -> Option<(u8, u8, u8)> {
    match colour {
        Color::Rgb(red, green, blue) => Some((red, green, blue)),
        Color::Indexed(index @ 16..=231) => {
            let index = index - 16;
            let level = |value: u8| if value == 0 { 0 } else { 55 + 40 * value };
            Some((level(index / 36), level(index / 6 % 6), level(index % 6)))
        }
        Color::Indexed(index @ 232..=255) => {
            let grey = 8 + 10 * (index - 232);
            Some((grey, grey, grey))
        }
        _ => None,
    }
}

/// Returns the nearest of eight colours, and whether it stood for a bright one.
fn eight(colour: Color) -> (Color, bool) {
    const NAMES: [Color; 8] =
        [Color::Black, Color::Red, Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::Cyan, Color::Gray];
    if let Some((red, green, blue)) = components(colour) {
        let bit = |value: u8| usize::from(value > 110);
        return (NAMES[bit(red) | bit(green) << 1 | bit(blue) << 2], red.max(green).max(blue) > 200);
    }
    match colour {
        Color::Indexed(index @ 0..=7) => (NAMES[usize::from(index)], false),
        Color::Indexed(index @ 8..=15) => (NAMES[usize::from(index - 8)], true),
        Color::DarkGray => (Color::Gray, false),
        Color::LightRed => (Color::Red, true),
        Color::LightGreen => (Color::Green, true),
        Color::LightYellow => (Color::Yellow, true),
        Color::LightBlue => (Color::Blue, true),
        Color::LightMagenta => (Color::Magenta, true),
        Color::LightCyan => (Color::Cyan, true),
        Color::White => (Color::Gray, true),
        other => (other, false),
    }
}

/// Returns the ASCII character that stands for `character`; exactly one cell, so that the layout holds.
pub(crate) fn ascii(character: char) -> char {
    match character {
        'à' | 'â' | 'ä' | 'á' => 'a',
        'À' | 'Â' | 'Ä' => 'A',
        'ç' => 'c',
        'Ç' => 'C',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'É' | 'È' | 'Ê' | 'Ë' => 'E',
        'î' | 'ï' => 'i',
        'Î' | 'Ï' => 'I',
        'ô' | 'ö' => 'o',
        'Ô' | 'Ö' => 'O',
        'ù' | 'û' | 'ü' => 'u',
        'Ù' | 'Û' | 'Ü' => 'U',
        'œ' => 'o',
        'Œ' => 'O',
        'æ' => 'a',
        '’' | '‘' => '\'',
        '«' | '»' | '“' | '”' => '"',
        '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
        '…' | '·' => '.',
        '–' | '—' | '─' | '━' | '╌' => '-',
        '│' | '┃' | '▌' | '▐' | '║' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '╭' | '╮' | '╰' | '╯' => '+',
        '▀' | '▄' | '█' | '▁' => '#',
        '•' | '◦' => '*',
        '×' => 'x',
        '‖' => '=',
        '✔' => 'V',
        '✘' => 'X',
        '◌' => '~',
        '⏎' => '>',
        '▸' | '›' | '→' | '▶' => '>',
        '◂' | '‹' | '←' => '<',
        '↑' => '^',
        '↓' => 'v',
        '↪' => '\\',
        '⚠' => '!',
        '≤' => '<',
        '≥' => '>',
        '€' => 'E',
        '°' => 'o',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        character if character.is_ascii() => character,
        _ => '?',
    }
}

/// The mark of a verdict; a word goes with it wherever there is room.
pub(crate) fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Todo => "·",
        Verdict::Running => "◌",
        Verdict::Pass => "✔",
        Verdict::Fail => "✘",
        Verdict::Unknown => "?",
    }
}

/// The style of a verdict's mark.
pub(crate) fn verdict(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Todo => subdued(),
        Verdict::Running => Style::new().fg(Color::Cyan),
        Verdict::Pass => success(),
        Verdict::Fail => failure(),
        Verdict::Unknown => Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD),
    }
}

/// Ordinary text.
pub(crate) fn text() -> Style {
    Style::new()
}

/// What matters less.
pub(crate) fn subdued() -> Style {
    Style::new().fg(Color::DarkGray)
}

/// What matters more.
pub(crate) fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// A success.
pub(crate) fn success() -> Style {
    Style::new().fg(Color::Green).add_modifier(Modifier::BOLD)
}

/// A failure.
pub(crate) fn failure() -> Style {
    Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)
}

/// A heading of the text, by level from 1.
pub(crate) fn heading(level: u8) -> Style {
    match level {
        1 => Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD),
        2 => Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        _ => Style::new().add_modifier(Modifier::BOLD),
    }
}

/// Code, inline or in a block.
pub(crate) fn code() -> Style {
    Style::new().fg(Color::Cyan)
}

/// A comment in code.
pub(crate) fn comment() -> Style {
    Style::new().fg(Color::DarkGray).add_modifier(Modifier::ITALIC)
}

/// A key of a YAML document.
pub(crate) fn code_key() -> Style {
    Style::new().fg(Color::Blue)
}

/// A link.
pub(crate) fn link() -> Style {
    Style::new().fg(Color::Blue).add_modifier(Modifier::UNDERLINED)
}

/// Borders of what does not have the focus.
pub(crate) fn border() -> Style {
    Style::new().fg(Color::DarkGray)
}

/// The title of the pane that has the focus; reversed, so that it shows without colours.
pub(crate) fn focused_title() -> Style {
    Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD | Modifier::REVERSED)
}

/// The title of a pane without the focus.
pub(crate) fn title() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

/// The selected row of a list, the focused block of a text.
pub(crate) fn selected() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}

/// A key in the footer or the help.
pub(crate) fn key() -> Style {
    Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD)
}

/// Something to say.
pub(crate) fn notice() -> Style {
    Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD)
}

/// A line that only the first file has.
pub(crate) fn removed() -> Style {
    Style::new().fg(Color::Red)
}

/// A line that only the second file has.
pub(crate) fn added() -> Style {
    Style::new().fg(Color::Green)
}

/// The frame of an alert that informs.
pub(crate) fn advice() -> Style {
    Style::new().fg(Color::Cyan)
}

/// The frame of an alert that warns.
pub(crate) fn warning() -> Style {
    Style::new().fg(Color::Yellow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], colours: Colours, characters: Characters) {
        let look =
            Look::of(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()));
        assert_eq!((look.colours, look.characters), (colours, characters), "{variables:?}");
    }

    #[test]
    fn the_environment_says_what_the_terminal_shows() {
        check(&[("LANG", "fr_FR.UTF-8"), ("TERM", "xterm-256color")], Colours::Indexed, Characters::Unicode);
        check(&[("LC_ALL", "C"), ("LANG", "fr_FR.UTF-8"), ("TERM", "xterm")], Colours::Eight, Characters::Ascii);
        check(&[("LC_CTYPE", "C.utf8"), ("NO_COLOR", "1"), ("TERM", "xterm")], Colours::None, Characters::Unicode);
        check(&[("LANG", "C.UTF-8"), ("COLORTERM", "truecolor")], Colours::Full, Characters::Unicode);
        check(&[], Colours::Eight, Characters::Ascii);
    }

    #[test]
    fn far_colours_become_near_ones() {
        assert_eq!(eight(Color::Indexed(196)), (Color::Red, true));
        assert_eq!(eight(Color::Indexed(21)), (Color::Blue, true));
        assert_eq!(eight(Color::Indexed(250)), (Color::Gray, false));
        assert_eq!(eight(Color::Reset), (Color::Reset, false));
    }
}
