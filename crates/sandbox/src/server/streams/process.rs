//! The seam between the wire and what runs inside containers: how a command is started in a container. Main
//! processes are attached to through [`crate::consoles`].

use std::future::Future;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::store::Object;

/// What comes in; its end is the end of the input.
pub(crate) type Input = Box<dyn AsyncRead + Send + Unpin>;
/// What goes out. Dropping it ends that output.
pub(crate) type Output = Box<dyn AsyncWrite + Send + Unpin>;
/// A run until its end. Dropping it kills what runs.
pub(crate) type Run = Pin<Box<dyn Future<Output = Result<i32, Refusal>> + Send>>;

/// A container of a Pod, which runs as far as the API says.
#[derive(Debug, Clone)]
pub(crate) struct Inside {
    /// The Pod, as stored when the request came.
    pub(crate) pod: Object,
    /// The container's name.
    pub(crate) container: String,
}

/// The three streams of a process, and its terminal. What the client did not ask for is empty or swallows all.
pub(crate) struct Streams {
    /// Standard input.
    pub(crate) stdin: Input,
    /// Standard output; with a terminal, both outputs.
    pub(crate) stdout: Output,
    /// Standard error.
    pub(crate) stderr: Output,
    /// The size of the terminal as it changes; `None` where there is no terminal.
    pub(crate) terminal: Option<watch::Receiver<Size>>,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Its columns.
    pub(crate) columns: u16,
    /// Its rows.
    pub(crate) rows: u16,
}

impl Default for Size {
    /// The size of a terminal that nobody has measured.
    fn default() -> Self {
        Size { columns: 80, rows: 24 }
    }
}

/// Why nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// A name without a slash is in no folder of the PATH.
    #[error("exec: {0:?}: executable file not found in $PATH")]
    NotInPath(String),
    /// A path leads nowhere.
    #[error("exec: {0:?}: stat {0}: no such file or directory")]
    NoSuchFile(String),
    /// A file may not be executed.
    #[error("exec: {0:?}: permission denied")]
    NotExecutable(String),
    /// The container has ended, or has not begun.
    #[error("the container does not run")]
    NotRunning,
    /// Nobody simulates what is inside.
    #[error("sandbox: commands inside this container are not simulated")]
    NotSimulated,
}

/// What runs inside containers.
pub(crate) trait Processes: Send + Sync {
    /// Runs a command in a container; gives its exit code. All its outputs are dropped at its end.
    fn exec(&self, inside: Inside, command: Vec<String>, streams: Streams) -> Run;
}

/// Stands for processes where none can be started, and says why.
pub(crate) struct Refused(pub(crate) Refusal);

impl Processes for Refused {
    fn exec(&self, _inside: Inside, _command: Vec<String>, _streams: Streams) -> Run {
        Box::pin(std::future::ready(Err(self.0.clone())))
    }
}
