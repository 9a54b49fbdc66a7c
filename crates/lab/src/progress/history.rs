//! What happened on every machine of a learner: a set of occurrences, so that histories merge in any order and any
//! number of times with the same result.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Entry, Happening, Progress};

/// One thing that happened, on one machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// The id of the log that recorded it.
    pub log: String,
    /// Its place in that log, from 0.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
    /// What tells it from others: the chain before it, and its own content.
    key: Key,
}

/// Orders the occurrences of one log; two with the same key are the same.
type Key = (String, u64, String, String);

impl PartialEq for Keyed {
    fn eq(&self, other: &Keyed) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Keyed {}

impl PartialOrd for Keyed {
    fn partial_cmp(&self, other: &Keyed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyed {
    fn cmp(&self, other: &Keyed) -> std::cmp::Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

#[derive(Debug, Clone)]
struct Keyed(Occurrence);

/// A set of occurrences.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    occurrences: BTreeSet<Keyed>,
}

impl History {
    /// Returns whether nothing happened.
    pub fn is_empty(&self) -> bool {
        self.occurrences.is_empty()
    }

    /// Returns how many things happened.
    pub fn len(&self) -> usize {
        self.occurrences.len()
    }

    /// Adds an entry of the log `log`, and what it merged in. Returns whether anything was new.
    pub(crate) fn add(&mut self, log: &str, entry: &Entry) -> bool {
        if let Happening::Merged { log, entries } = &entry.what {
            let mut log = log.clone();
            let mut new = false;
            for entry in entries {
                if let Happening::Began { log: own, .. } = &entry.what {
                    log.clone_from(own);
                }
                new |= self.add(&log, entry);
            }
            return new;
        }
        let content = serde_json::to_string(&(&entry.at, &entry.what)).unwrap_or_default();
        let key = (log.to_owned(), entry.sequence, entry.previous.clone(), content);
        let what = entry.what.clone();
        let occurrence = Occurrence { log: log.to_owned(), sequence: entry.sequence, at: entry.at, what, key };
        self.occurrences.insert(Keyed(occurrence))
    }

    /// Returns the occurrences in the order in which they are taken to have happened: each log in its own order, the
    /// logs woven together by their clocks.
    pub fn in_order(&self) -> Vec<&Occurrence> {
        let mut ordered: Vec<(Timestamp, &Occurrence)> = Vec::with_capacity(self.occurrences.len());
        let mut clock: Option<(&str, Timestamp)> = None;
        for Keyed(occurrence) in &self.occurrences {
            // A clock that was set back does not turn a log's own order around.
            let at = match clock {
                Some((log, at)) if log == occurrence.log => at.max(occurrence.at),
                Some(_) | None => occurrence.at,
            };
            clock = Some((&occurrence.log, at));
            ordered.push((at, occurrence));
        }
        // The sort is stable, and the set is ordered by log and sequence.
        ordered.sort_by_key(|(at, _)| *at);
        ordered.into_iter().map(|(_, occurrence)| occurrence).collect()
    }

    /// Returns what the history adds up to.
    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        for occurrence in self.in_order() {
            progress.apply(&occurrence.what);
        }
        progress
    }

    /// Returns the entries of each log that `other` does not have, for [`Happening::Merged`].
    pub fn missing_from(&self, other: &History) -> Vec<Happening> {
        let mut merged: Vec<(String, Vec<Entry>)> = Vec::new();
        for keyed in self.occurrences.difference(&other.occurrences) {
            let Occurrence { log, sequence, at, what, key } = &keyed.0;
            let entry = Entry { sequence: *sequence, at: *at, previous: key.2.clone(), what: what.clone() };
            match merged.last_mut() {
                Some((last, entries)) if last == log => entries.push(entry),
                Some(_) | None => merged.push((log.clone(), vec![entry])),
            }
        }
        merged.into_iter().map(|(log, entries)| Happening::Merged { log, entries }).collect()
    }
}

/// Returns everything that happened in either history. Commutative, associative and idempotent.
pub fn merge(one: &History, other: &History) -> History {
    History { occurrences: one.occurrences.union(&other.occurrences).cloned().collect() }
}
