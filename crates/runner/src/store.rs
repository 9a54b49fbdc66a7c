//! The learner's history on disk: written through at every event, shared by several processes of the same home,
//! carried to another machine as one file. What it adds up to is the business of crate `lab`.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lab::{CarryError, Flaw, Happening, Head, Log, Progress};

use crate::journal::{Disk, Fresh, Journal, RealDisk};
use crate::{Home, atomic};

/// The largest file that is imported.
const LIMIT: u64 = 64 << 20;
/// How many events wait for a full disk to have room again; beyond, the oldest of the least worth (time spent) go.
const WAITING: usize = 1_000;

/// The history, and what could not be written yet.
pub struct Store {
    journal: Journal,
    path: PathBuf,
    /// Where the end of the log is noted.
    head: PathBuf,
    learner: String,
    log: Log,
    unsaved: VecDeque<(Timestamp, Happening)>,
    torn: u64,
    shorter: Option<u64>,
    problem: Option<StoreError>,
}

/// Why the history could not be kept. What was recorded before is untouched, and what could not be written stays in
/// memory and is written with the next event.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("no room left on the disk for {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process holds the file and does not let go.
    #[error("{} is held by another process", path.display())]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("failed to use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The imported file holds no progress.
    #[error("failed to read the progress in {}", path.display())]
    Carry {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: CarryError,
    },
}

/// What an import brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Whose progress it is.
    pub learner: String,
    /// How many events were new.
    pub events: usize,
    /// Whether the file is as long as when it was exported.
    pub whole: bool,
    /// How many of its lines are not as their writer left them.
    pub flaws: usize,
}

impl Store {
    /// Opens the history of a home, beginning it where there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be read. A full disk is no error here: see [`Store::take_problem`].
    pub fn open(home: &Home, learner: &str, now: Timestamp) -> Result<Store, StoreError> {
        Store::open_on(home, learner, now, Box::new(RealDisk))
    }

    fn open_on(home: &Home, learner: &str, now: Timestamp, disk: Box<dyn Disk>) -> Result<Store, StoreError> {
        let path = home.progress();
        let journal = Journal::open(&path, disk).map_err(|source| failed(&path, source))?;
        let mut store = Store {
            journal,
            path,
            head: home.progress_head(),
            learner: learner.to_owned(),
            log: Log::default(),
            unsaved: VecDeque::new(),
            torn: 0,
            shorter: None,
            problem: None,
        };
        match store.flush(now) {
            // The learner can go on; what happens is kept in memory until there is room.
            Err(full @ StoreError::Full { .. }) => store.problem = Some(full),
            other => other?,
        }
        Ok(store)
    }

    /// Returns what went wrong when the history was opened and did not prevent it: no room on the disk.
    pub fn take_problem(&mut self) -> Option<StoreError> {
        self.problem.take()
    }

    /// Records what happened, on disk.
    ///
    /// # Errors
    ///
    /// It could not be written; it will be with the next event.
    pub fn record(&mut self, at: Timestamp, what: Happening) -> Result<(), StoreError> {
        if self.unsaved.len() >= WAITING {
            let worth_least = self.unsaved.iter().position(|(_, what)| matches!(what, Happening::Spent { .. }));
            self.unsaved.remove(worth_least.unwrap_or(0));
        }
        self.unsaved.push_back((at, what));
        self.flush(at)
    }

    /// Reads what other processes recorded, and writes what could not be written before.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written.
    pub fn flush(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let Store { journal, path, head, learner, log, unsaved, torn, shorter, .. } = self;
        let mut locked = journal.lock().map_err(|source| failed(path, source))?;
        let fresh = locked.fresh().map_err(|source| failed(path, source))?;
        *torn += fresh.torn;
        // Only what was not read before can lack something.
        let begins_here = fresh.anew || log.head().lines == 0;
        let lost = absorb(log, fresh);
        // The file went away under us: what it held is still known here.
        if let Some(lost) = lost {
            let back = lost.history().missing_from(log.history());
            for what in back.into_iter().rev() {
                unsaved.push_front((now, what));
            }
        }
        if begins_here
            && let Some(noted) = noted(head)
            && !log.reaches(&noted)
        {
            *shorter = Some(noted.lines);
            unsaved.push_front((now, Happening::FoundShorter { had: noted.lines }));
        }
        let begins = matches!(unsaved.front(), Some((_, Happening::Began { .. })));
        if log.id().is_empty() && !begins {
            let id = uuid::Uuid::new_v4().simple().to_string();
            unsaved.push_front((now, Happening::Began { learner: learner.clone(), log: id }));
        }
        while let Some((at, what)) = unsaved.front() {
            let line = log.line(*at, what.clone());
            locked.append(line.text().as_bytes()).map_err(|source| failed(path, source))?;
            log.push(line);
            unsaved.pop_front();
        }
        note(head, log);
        Ok(())
    }

    /// Returns what the history adds up to.
    pub fn progress(&self) -> &Progress {
        self.log.progress()
    }

    /// Returns the history.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Returns the lines of the history that are not as their writer left them.
    pub fn flaws(&self) -> &[Flaw] {
        self.log.flaws()
    }

    /// Returns how many lines the history had when it was found to be shorter, since the last call.
    pub fn take_shorter(&mut self) -> Option<u64> {
        self.shorter.take()
    }

    /// Returns how many bytes of unfinished lines were dropped since the last call.
    pub fn take_torn(&mut self) -> u64 {
        std::mem::take(&mut self.torn)
    }

    /// Writes the history to one file, for another machine.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn export(&mut self, to: &Path, now: Timestamp) -> Result<(), StoreError> {
        self.flush(now)?;
        let lines = atomic::read(&self.path, LIMIT).map_err(|source| failed(&self.path, source))?.unwrap_or_default();
        // Another process may have added lines since: what is carried is what this log has read.
        let complete: usize = lines
            .split_inclusive(|byte| *byte == b'\n')
            .take(usize::try_from(self.log.head().lines).unwrap_or(usize::MAX))
            .map(<[u8]>::len)
            .sum();
        let to = std::path::absolute(to).map_err(|source| failed(to, source))?;
        atomic::write(&to, &lab::carry(&self.log, &lines[..complete], now)).map_err(|source| failed(&to, source))
    }

    /// Merges the history of a file made by [`Store::export`] into this one.
    ///
    /// # Errors
    ///
    /// The file holds no progress, or the merged history cannot be written.
    pub fn import(&mut self, from: &Path, now: Timestamp) -> Result<Imported, StoreError> {
        let content = atomic::read(from, LIMIT)
            .and_then(|content| content.ok_or_else(|| io::ErrorKind::NotFound.into()))
            .map_err(|source| failed(from, source))?;
        let carried =
            lab::read_carried(&content).map_err(|source| StoreError::Carry { path: from.to_owned(), source })?;
        self.flush(now)?;
        let before = self.log.history().len();
        for what in carried.log.history().missing_from(self.log.history()) {
            self.record(now, what)?;
        }
        let merges = carried.log.history().len().min(self.log.history().len() - before);
        Ok(Imported {
            learner: carried.learner,
            events: merges,
            whole: carried.whole,
            flaws: carried.log.flaws().len(),
        })
    }
}

/// Reads where the log ended; nothing where that was never noted, or the note itself is damaged.
fn noted(path: &Path) -> Option<Head> {
    let content = atomic::read(path, 4_096).ok()??;
    serde_json::from_slice(&content).ok()
}

/// Notes where the log ends. The note may fail or be lost: an older one is right as well, since the log only grows.
fn note(path: &Path, log: &Log) {
    let head = log.head();
    if noted(path).as_ref() != Some(&head)
        && let Ok(content) = serde_json::to_vec(&head)
        && let Err(error) = atomic::write_soon(path, &content)
    {
        tracing::debug!(%error, "the end of the history was not noted");
    }
}

/// Takes in fresh lines. Where the file starts anew, returns the log as it was.
fn absorb(log: &mut Log, fresh: Fresh) -> Option<Log> {
    let lost = fresh.anew.then(|| std::mem::take(log));
    for line in fresh.lines {
        log.absorb(&line);
    }
    lost
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreError::Full { path, source }
        }
        io::ErrorKind::ResourceBusy => StoreError::Held { path },
        _ => StoreError::File { path, source },
    }
}

#[cfg(test)]
mod tests;
