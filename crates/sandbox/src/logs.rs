//! What containers wrote: the simulated kubelet appends lines, `kubectl logs` reads and follows them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

/// How many lines of one container instance are kept.
const LINES: usize = 2000;
/// How many container instances are kept; the oldest go first.
const INSTANCES: usize = 512;

/// The lines of all containers. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Logs {
    shared: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    instances: BTreeMap<Instance, Lines>,
    started: u64,
}

/// Names one run of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instance {
    /// The Pod's UID.
    pub(crate) pod: String,
    /// The container's name.
    pub(crate) container: String,
    /// How often it had been restarted before.
    pub(crate) restarts: u32,
}

struct Lines {
    lines: VecDeque<Line>,
    first: u64,
    order: u64,
    grown: watch::Sender<End>,
}

/// Whether more lines may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The container runs.
    Open,
    /// The container ended.
    Closed,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it was written.
    pub(crate) at: Timestamp,
    /// Its text, without the line feed.
    pub(crate) text: String,
}

/// A reader's view: the lines from a number on, the next number, and what tells of more.
pub(crate) struct Page {
    /// The lines.
    pub(crate) lines: Vec<Line>,
    /// The number of the next line.
    pub(crate) next: u64,
    /// Changes when lines are added or the container ends.
    pub(crate) grown: watch::Receiver<End>,
}

impl Logs {
    /// Adds a line; makes the instance if it is new.
    pub(crate) fn append(&self, instance: &Instance, at: Timestamp, text: impl Into<String>) {
        let mut state = self.lock();
        let lines = state.open(instance);
        lines.lines.push_back(Line { at, text: text.into() });
        if lines.lines.len() > LINES {
            lines.lines.pop_front();
            lines.first += 1;
        }
        lines.grown.send_replace(End::Open);
    }

    /// Notes that an instance has ended: those who follow it stop.
    pub(crate) fn close(&self, instance: &Instance) {
        self.lock().open(instance).grown.send_replace(End::Closed);
    }

    /// Drops what a Pod wrote.
    pub(crate) fn forget(&self, pod: &str) {
        self.lock().instances.retain(|instance, _| instance.pod != pod);
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        self.lock().instances.clear();
    }

    /// Returns the lines from number `from` on, or as many of them as are kept. An instance that has not
    /// written yet is made, so that it can be followed.
    pub(crate) fn read(&self, instance: &Instance, from: u64) -> Page {
        let mut state = self.lock();
        let lines = state.open(instance);
        let skip = usize::try_from(from.saturating_sub(lines.first)).unwrap_or(usize::MAX);
        Page {
            lines: lines.lines.iter().skip(skip).cloned().collect(),
            next: lines.first + lines.lines.len() as u64,
            grown: lines.grown.subscribe(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&mut self, instance: &Instance) -> &mut Lines {
        if self.instances.len() >= INSTANCES && !self.instances.contains_key(instance) {
            let oldest = self.instances.iter().min_by_key(|(_, lines)| lines.order).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.instances.remove(&oldest);
            }
        }
        let order = self.started;
        self.started += 1;
        self.instances.entry(instance.clone()).or_insert_with(|| Lines {
            lines: VecDeque::new(),
            first: 0,
            order,
            grown: watch::Sender::new(End::Open),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_give_way() {
        let logs = Logs::default();
        let instance = Instance { pod: "u".to_owned(), container: "c".to_owned(), restarts: 0 };
        for number in 0..LINES + 3 {
            logs.append(&instance, Timestamp::UNIX_EPOCH, number.to_string());
        }
        let page = logs.read(&instance, 0);
        assert_eq!((page.lines.len(), page.lines[0].text.as_str()), (LINES, "3"));
        assert!(logs.read(&instance, page.next).lines.is_empty());
        logs.close(&instance);
        assert_eq!(*page.grown.borrow(), End::Closed);
    }
}
