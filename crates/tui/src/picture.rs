//! The pictures of a text: decoded under limits, drawn as half blocks, or by the terminal itself where it has a
//! protocol for that ([`protocol`]). Where neither serves, or the picture cannot be read, its alternative text stands.

use std::sync::Arc;

use ratatui::text::Line;

pub(crate) use decode::{Pixels, Reason};

mod blocks;
mod decode;
pub(crate) mod protocol;

/// No picture takes more rows than this, whatever its shape.
const MOST_ROWS: usize = 40;

/// How pictures are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pictures {
    /// By their alternative text.
    Words,
    /// As half blocks: two pixels a cell.
    Blocks,
    /// By the terminal, with kitty's protocol.
    Kitty,
    /// By the terminal, with iTerm2's protocol.
    Iterm,
}

impl Pictures {
    /// Reads how the terminal shows pictures from the environment variables, given as a lookup. Nothing is asked of
    /// the terminal: an answer that comes late would be taken for keys.
    ///
    /// `ATELIER_IMAGES` (`text`, `blocks`, `kitty`, `iterm2`) decides where it is set. A terminal multiplexer is
    /// between us and the terminal, whatever the variables say that it inherited: half blocks there.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<String>) -> Pictures {
        let value = |name: &str| variable(name).unwrap_or_default();
        match value("ATELIER_IMAGES").as_str() {
            "text" => return Pictures::Words,
            "blocks" => return Pictures::Blocks,
            "kitty" => return Pictures::Kitty,
            "iterm2" => return Pictures::Iterm,
            _ => {}
        }
        let (term, program) = (value("TERM"), value("TERM_PROGRAM"));
        let multiplexed = !value("TMUX").is_empty() || !value("STY").is_empty() || !value("ZELLIJ").is_empty();
        if multiplexed || term.starts_with("tmux") || term.starts_with("screen") {
            return Pictures::Blocks;
        }
        match (term.as_str(), program.as_str()) {
            ("xterm-kitty" | "xterm-ghostty", _) | (_, "ghostty") => Pictures::Kitty,
            (_, "iTerm.app" | "WezTerm" | "mintty") => Pictures::Iterm,
            _ if !value("KITTY_WINDOW_ID").is_empty() => Pictures::Kitty,
            _ => Pictures::Blocks,
        }
    }
}

/// A picture that was read.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) pixels: Pixels,
    /// The file, for terminals that read it themselves.
    pub(crate) file: Vec<u8>,
}

impl Picture {
    /// Returns how many columns and rows it takes where `cells` columns and `most` rows are free. A cell is taken for
    /// twice as high as it is wide; a small picture is not enlarged beyond a pixel a cell.
    pub(crate) fn extent(&self, cells: usize, most: usize) -> (usize, usize) {
        let most = most.clamp(1, MOST_ROWS);
        let (width, height) = (self.pixels.width.max(1), self.pixels.height.max(1));
        let mut columns = cells.min(width).max(1);
        let rows = |columns: usize| (columns * height).div_ceil(2 * width).max(1);
        if rows(columns) > most {
            columns = (2 * most * width / height).clamp(1, columns);
        }
        (columns, rows(columns).min(most))
    }

    /// Returns it as half blocks.
    pub(crate) fn blocks(&self, (columns, rows): (usize, usize)) -> Vec<Line<'static>> {
        blocks::lines(&self.pixels, columns, rows)
    }
}

/// How the pictures of a page are laid out.
pub(crate) struct Hanging<'a> {
    pub(crate) gallery: &'a mut Gallery,
    pub(crate) pictures: Pictures,
    /// A picture takes no more rows, so that it can be seen whole.
    pub(crate) rows: usize,
}

/// The pictures of the open step, read once.
#[derive(Debug, Default)]
pub(crate) struct Gallery {
    known: Vec<Read>,
}

#[derive(Debug)]
struct Read {
    path: String,
    content: Vec<u8>,
    found: Result<Arc<Picture>, Reason>,
}

impl Gallery {
    /// Returns the picture of a file's content.
    pub(crate) fn read(&mut self, path: &str, content: &[u8]) -> Result<Arc<Picture>, Reason> {
        if let Some(known) = self.known.iter().find(|known| known.path == path && known.content == content) {
            return known.found.clone();
        }
        let found = decode::decode(content).map(|pixels| Arc::new(Picture { pixels, file: content.to_vec() }));
        self.known.retain(|known| known.path != path);
        self.known.push(Read { path: path.to_owned(), content: content.to_vec(), found: found.clone() });
        found
    }

    /// Forgets the pictures of another step.
    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }
}

/// Where a picture stands on a laid page, below its title and above its words.
#[derive(Debug, Clone)]
pub(crate) struct Hung {
    pub(crate) picture: Arc<Picture>,
    /// The first of its lines.
    pub(crate) line: usize,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

#[cfg(test)]
mod tests;
