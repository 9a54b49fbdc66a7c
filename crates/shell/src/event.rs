//! What processes of a container do, for those who watch: programs that start, files that open, connections.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Protocol;

/// One thing that a process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, since 1970.
    pub at: Duration,
    /// Who did it.
    pub process: Process,
    /// Its parents, the nearest first.
    pub ancestors: Vec<Process>,
    /// What it did.
    pub action: Action,
}

/// A process, as a watcher sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number in the container.
    pub pid: u32,
    /// Its words, the program's name first.
    pub argv: Vec<String>,
    /// Its user.
    pub uid: u32,
    /// Whether it has a terminal.
    pub terminal: Terminal,
}

/// Whether a process has a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terminal {
    /// It has one, as in `kubectl exec -it`.
    Attached,
    /// It has none.
    None,
}

/// What a process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It started this program.
    Exec {
        /// The program's file.
        path: String,
    },
    /// It opened a file to read it.
    OpenRead {
        /// The file.
        path: String,
    },
    /// It opened a file to write it.
    OpenWrite {
        /// The file.
        path: String,
    },
    /// It tried to connect.
    Connect {
        /// Where to.
        address: SocketAddr,
        /// How.
        protocol: Protocol,
    },
    /// It ended.
    Exit {
        /// Its exit code.
        code: i32,
    },
}
