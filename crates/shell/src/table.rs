//! The processes of a container: numbers, parents, signals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::errno::Errno;
use crate::event;
use crate::limits;

/// `SIGKILL`.
pub(crate) const SIGKILL: i32 = 9;
/// `SIGPIPE`.
pub(crate) const SIGPIPE: i32 = 13;
/// `SIGTERM`.
pub(crate) const SIGTERM: i32 = 15;

/// The signals by number, as `kill -l` names them.
pub(crate) const SIGNALS: [(i32, &str); 20] = [
    (1, "HUP"),
    (2, "INT"),
    (3, "QUIT"),
    (4, "ILL"),
    (5, "TRAP"),
    (6, "ABRT"),
    (7, "BUS"),
    (8, "FPE"),
    (9, "KILL"),
    (10, "USR1"),
    (11, "SEGV"),
    (12, "USR2"),
    (13, "PIPE"),
    (14, "ALRM"),
    (15, "TERM"),
    (17, "CHLD"),
    (18, "CONT"),
    (19, "STOP"),
    (20, "TSTP"),
    (28, "WINCH"),
];

/// Reads a signal: `9`, `KILL`, `SIGKILL`, `kill`.
pub(crate) fn signal(name: &str) -> Option<i32> {
    if let Ok(number) = name.parse::<i32>() {
        return (0..=64).contains(&number).then_some(number);
    }
    let name = name.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// One process.
pub(crate) struct Entry {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) started: Duration,
    pub(crate) terminal: event::Terminal,
    argv: Mutex<Vec<String>>,
    fate: AtomicI32,
    signalled: Notify,
    state: Mutex<Handling>,
    /// The bytes of memory that it is said to use, in KiB.
    pub(crate) memory: AtomicU32,
}

#[derive(Default)]
struct Handling {
    /// Signals that it handles or ignores itself.
    handled: BTreeSet<i32>,
    /// Those that came and wait to be handled.
    pending: Vec<i32>,
}

impl Entry {
    /// Returns its words.
    pub(crate) fn argv(&self) -> Vec<String> {
        self.argv.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives it other words, as `exec` does.
    pub(crate) fn rename(&self, argv: &[String]) {
        *self.argv.lock().unwrap_or_else(PoisonError::into_inner) = argv.to_vec();
    }

    fn handling(&self) -> MutexGuard<'_, Handling> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which signals it handles or ignores itself.
    pub(crate) fn handles(&self, signals: BTreeSet<i32>) {
        self.handling().handled = signals;
    }

    /// Returns a signal that waits to be handled.
    pub(crate) fn take_pending(&self) -> Option<i32> {
        let mut state = self.handling();
        if state.pending.is_empty() { None } else { Some(state.pending.remove(0)) }
    }

    /// Returns whether a signal waits.
    pub(crate) fn has_pending(&self) -> bool {
        !self.handling().pending.is_empty()
    }

    /// Waits until a signal ends it; returns the signal.
    pub(crate) async fn killed(&self) -> i32 {
        loop {
            let signalled = self.signalled.notified();
            tokio::pin!(signalled);
            signalled.as_mut().enable();
            let fate = self.fate.load(Ordering::Acquire);
            if fate != 0 {
                return fate;
            }
            signalled.await;
        }
    }

    /// Waits until a signal comes that it handles itself.
    pub(crate) async fn awaited(&self) {
        loop {
            let signalled = self.signalled.notified();
            tokio::pin!(signalled);
            signalled.as_mut().enable();
            if self.has_pending() {
                return;
            }
            signalled.await;
        }
    }

    /// Sends it a signal.
    pub(crate) fn send(&self, signal: i32) {
        {
            let mut state = self.handling();
            if state.handled.contains(&signal) && ![SIGKILL, 19].contains(&signal) {
                if state.pending.len() < 64 {
                    state.pending.push(signal);
                }
                drop(state);
                self.signalled.notify_waiters();
                return;
            }
        }
        // Those that do nothing by default; process 1 has no defaults at all.
        if [0, 17, 18, 28].contains(&signal) || self.pid == 1 {
            return;
        }
        self.end(signal);
    }

    /// Ends it by a signal, whatever it handles.
    pub(crate) fn end(&self, signal: i32) {
        self.fate.store(signal, Ordering::Release);
        self.signalled.notify_waiters();
    }

    pub(crate) fn seen(&self) -> event::Process {
        event::Process { pid: self.pid, argv: self.argv(), uid: self.uid, terminal: self.terminal }
    }
}

/// All processes of a container.
#[derive(Default)]
pub(crate) struct Table {
    entries: Mutex<(u32, BTreeMap<u32, Arc<Entry>>)>,
}

/// A process's place in the table, for as long as this is held.
pub(crate) struct Place {
    pub(crate) entry: Arc<Entry>,
    table: Arc<Table>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.lock().1.remove(&self.entry.pid);
    }
}

/// What a new process is born with.
pub(crate) struct Birth {
    pub(crate) parent: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) started: Duration,
    pub(crate) terminal: event::Terminal,
    pub(crate) argv: Vec<String>,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, (u32, BTreeMap<u32, Arc<Entry>>)> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a process, or says that there are too many.
    pub(crate) fn add(self: &Arc<Self>, birth: Birth) -> Result<Place, Errno> {
        let mut entries = self.lock();
        if entries.1.len() >= limits::PROCESSES {
            return Err(Errno::Again);
        }
        // Like the kernel's counter: numbers come again only after the last one, 1 never does.
        let mut pid = entries.0 + 1;
        while entries.1.contains_key(&pid) || pid > 32_768 {
            pid = if pid > 32_767 { 300 } else { pid + 1 };
        }
        entries.0 = pid;
        let entry = Arc::new(Entry {
            pid,
            parent: birth.parent,
            uid: birth.owner.0,
            gid: birth.owner.1,
            started: birth.started,
            terminal: birth.terminal,
            argv: Mutex::new(birth.argv),
            fate: AtomicI32::new(0),
            signalled: Notify::new(),
            state: Mutex::default(),
            memory: AtomicU32::new(1200),
        });
        entries.1.insert(pid, Arc::clone(&entry));
        Ok(Place { entry, table: Arc::clone(self) })
    }

    /// Keeps number 1 for the main process, which is not started through here.
    pub(crate) fn skip_to(&self, last: u32) {
        self.lock().0 = last;
    }

    /// Returns a process.
    pub(crate) fn get(&self, pid: u32) -> Option<Arc<Entry>> {
        self.lock().1.get(&pid).cloned()
    }

    /// Returns all, in order of their numbers.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.lock().1.values().cloned().collect()
    }

    /// Returns a process's parents, the nearest first.
    pub(crate) fn ancestors(&self, of: &Entry) -> Vec<event::Process> {
        let entries = self.lock();
        let mut found = Vec::new();
        let mut parent = of.parent;
        while let Some(entry) = entries.1.get(&parent) {
            found.push(entry.seen());
            if found.len() > 32 || entry.parent == parent {
                break;
            }
            parent = entry.parent;
        }
        found
    }
}
