//! Names the place of a word in a file, from the place of the text that holds it.

use crate::load::text::Lines;
use crate::load::yaml::Place;

/// A French text of a file.
pub(super) struct Text<'a> {
    /// What it says.
    pub(super) says: &'a str,
    /// The whole file.
    pub(super) file: &'a Lines<'a>,
    /// Where in the file it begins.
    pub(super) from: Origin,
}

/// Where a text begins in its file.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// At this byte, and the file says it letter by letter.
    Byte(usize),
    /// At this place, in YAML, which may quote, fold and indent it.
    Yaml(Place),
}

impl Text<'_> {
    /// Returns the place of a byte of the text.
    pub(super) fn place(&self, byte: usize) -> Place {
        match self.from {
            Origin::Byte(start) => self.file.place(start + byte),
            Origin::Yaml(place) => self.search(place, byte).unwrap_or(place),
        }
    }

    /// Looks in the file for what surrounds a byte of the text: YAML changes only the line ends, mostly.
    fn search(&self, from: Place, byte: usize) -> Option<Place> {
        const AROUND: usize = 12;
        let start = self.file.start_of(from.line)?;
        let after: String = self.says.get(byte..)?.chars().take_while(|c| *c != '\n').take(AROUND).collect();
        let mut before: Vec<char> =
            self.says.get(..byte)?.chars().rev().take_while(|c| *c != '\n').take(AROUND).collect();
        before.reverse();
        let before: String = before.into_iter().collect();
        let rest = self.file.text().get(start..)?;
        // With what stands before it, or, where a line was folded there, without.
        let at = match rest.find(&format!("{before}{after}")) {
            Some(at) => at + before.len(),
            None => rest.find(&after).filter(|_| after.chars().count() > 3)?,
        };
        Some(self.file.place(start + at))
    }
}
