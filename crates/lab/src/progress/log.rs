//! The chained log: one JSON object a line, each with the SHA-256 of the line before.
//!
//! ```text
//! {"sequence":0,"at":"…","previous":"","what":{"began":{"learner":"lea","log":"5f…"}}}
//! {"sequence":1,"at":"…","previous":"9c…","what":{"opened":{"step":"atelier-kubernetes/00-1-…"}}}
//! ```
//!
//! Lines that were changed, removed or moved show, and so does a torn last line; an end that was cut off cleanly
//! shows against a [`Head`] kept elsewhere. Nothing readable is ever thrown away because of a flaw.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::history::History;
use super::{Entry, Happening, Progress};
use crate::tree::hexadecimal;

/// A log as far as it was read and written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    id: String,
    learner: String,
    /// The digest of each line.
    digests: Vec<[u8; 32]>,
    /// The sequence that the next line must have.
    expected: u64,
    /// The latest clock reading.
    latest: Option<Timestamp>,
    history: History,
    progress: Progress,
    flaws: Vec<Flaw>,
}

/// A line that is ready to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    text: String,
    entry: Entry,
}

impl Line {
    /// Returns what goes to disk, without a line feed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Where a log ends: kept elsewhere, it shows that the log was cut short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Head {
    /// The number of lines.
    pub lines: u64,
    /// SHA-256 of the last line, in hexadecimal; empty where there is none.
    pub digest: String,
}

/// Something about a log that its writer did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub kind: FlawKind,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlawKind {
    /// It is not an entry; it was passed over.
    Unreadable,
    /// It was cut off while it was written (a crash, a full disk); it was passed over.
    Torn,
    /// It is not as it was when the next line was written.
    Changed,
    /// Lines before it are missing.
    Missing {
        /// How many.
        lines: u64,
    },
    /// It stood elsewhere, or is there twice.
    Moved,
}

impl Log {
    /// Reads a whole log. What stands after the last line feed is a torn line.
    pub fn read(content: &[u8]) -> Log {
        let mut log = Log::default();
        let mut lines = content.split(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            if lines.peek().is_some() {
                log.absorb(line);
            } else if !line.is_empty() {
                log.flaw(log.lines() + 1, FlawKind::Torn);
            }
        }
        log
    }

    /// Takes in one line that stands on disk, without its line feed.
    pub fn absorb(&mut self, line: &[u8]) {
        let entry = serde_json::from_slice::<Entry>(line);
        let number = self.lines() + 1;
        if let Ok(entry) = &entry {
            if entry.sequence > self.expected {
                self.flaw(number, FlawKind::Missing { lines: entry.sequence - self.expected });
            } else if entry.sequence < self.expected {
                self.flaw(number, FlawKind::Moved);
            } else if entry.previous != self.head().digest {
                // The line before may be unreadable, which was said already.
                let said = self.flaws.last().is_some_and(|flaw| flaw.line == number - 1);
                if !said {
                    self.flaw((number - 1).max(1), FlawKind::Changed);
                }
            }
        }
        self.digests.push(Sha256::digest(line).into());
        match entry {
            Ok(entry) => {
                self.expected = entry.sequence.saturating_add(1);
                self.take(&entry);
            }
            Err(_) => {
                self.expected = self.expected.saturating_add(1);
                self.flaw(number, FlawKind::Unreadable);
            }
        }
    }

    /// Returns the line that says what happened next. The log is unchanged until [`Log::push`].
    pub fn line(&self, at: Timestamp, what: Happening) -> Line {
        let entry = Entry { sequence: self.expected, at, previous: self.head().digest, what };
        let text = serde_json::to_string(&entry).expect("an entry has string keys only and no failing serializer");
        Line { text, entry }
    }

    /// Takes in a line that is on disk now. It must have been made by [`Log::line`] of this very state.
    pub fn push(&mut self, line: Line) {
        debug_assert_eq!(line.entry.sequence, self.expected, "the line was made for another state of the log");
        self.digests.push(Sha256::digest(line.text.as_bytes()).into());
        self.expected = line.entry.sequence.saturating_add(1);
        self.take(&line.entry);
    }

    /// Returns the log's id; empty before it began.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the learner's name; empty before the log began.
    pub fn learner(&self) -> &str {
        &self.learner
    }

    /// Returns where the log ends.
    pub fn head(&self) -> Head {
        Head { lines: self.lines(), digest: self.digests.last().map(|digest| hexadecimal(digest)).unwrap_or_default() }
    }

    /// Returns whether the log still has the lines that it had when its head was `head`.
    pub fn reaches(&self, head: &Head) -> bool {
        let Ok(lines) = usize::try_from(head.lines) else { return false };
        match lines.checked_sub(1) {
            None => true,
            Some(last) => self.digests.get(last).is_some_and(|digest| hexadecimal(digest) == head.digest),
        }
    }

    /// Returns what is wrong with the log, in the order in which it was noticed.
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    /// Returns everything that happened, here and on the machines that were merged in.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Returns what it adds up to.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    fn lines(&self) -> u64 {
        self.digests.len() as u64
    }

    fn flaw(&mut self, line: u64, kind: FlawKind) {
        // A file that is no log at all is said to be so a few times, not a million.
        if self.flaws.len() < 1_000 {
            self.flaws.push(Flaw { line, kind });
        }
    }

    fn take(&mut self, entry: &Entry) {
        if let Happening::Began { learner, log } = &entry.what {
            self.id.clone_from(log);
            self.learner.clone_from(learner);
        }
        let in_order = self.latest.is_none_or(|latest| latest <= entry.at);
        let new = self.history.add(&self.id, entry);
        if matches!(entry.what, Happening::Merged { .. }) || !in_order {
            self.progress = self.history.progress();
        } else if new {
            self.progress.apply(&entry.what);
        }
        self.latest = self.latest.max(Some(entry.at));
    }
}
