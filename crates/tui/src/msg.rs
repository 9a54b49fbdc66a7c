//! What happens to the front end, and what it asks of the world outside.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};

/// Everything that can happen. The order is total: one loop feeds them to [`crate::update`].
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// Time has passed since the start.
    Tick(Duration),
    /// The learner's shell printed bytes.
    Shell(Vec<u8>),
    /// Whether the shell waits at its prompt or runs a command.
    Foreground(Foreground),
    /// The shell has ended, with this exit code where it had one.
    ShellEnded(Option<u32>),
    /// The shell could not be started; the text is the system's own.
    ShellFailed(String),
    /// The session says something.
    Runner(runner::Event),
    /// The learner's files that [`Effect::ReadFiles`] asked for: paths below the work folder, with the content of
    /// those that exist.
    Files(Vec<(String, Option<Vec<u8>>)>),
    /// A signal asks the program to end.
    Terminate,
}

/// Who owns the learner's terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreground {
    /// The shell, at its prompt.
    Prompt,
    /// A command.
    Command,
}

/// What [`crate::update`] asks of the world outside.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A request to the session.
    Runner(runner::Request),
    /// Bytes for the shell, as if typed.
    ShellInput(Vec<u8>),
    /// Lets the shell, which waits at its prompt, follow the session to another step.
    ShellFollow {
        /// Bytes that first cut what the learner had begun to type.
        cut: Vec<u8>,
        /// Commands of the Bourne family: variables, and the step's folder.
        commands: String,
    },
    /// Starts the shell.
    ShellStart(ShellStart),
    /// The shell's pane has this many rows and columns.
    ShellResize {
        /// Rows.
        rows: u16,
        /// Columns.
        columns: u16,
    },
    /// Puts text on the clipboard (OSC 52).
    Copy(String),
    /// Reads the learner's files below a folder, for the comparison with the solution.
    ReadFiles {
        /// The work folder.
        work: PathBuf,
        /// Paths relative to it.
        paths: Vec<String>,
    },
    /// Remembers that the tour was seen.
    TourSeen,
    /// Ends the program.
    Quit,
}

/// How the learner's shell starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellStart {
    /// The folder.
    pub work: PathBuf,
    /// Variables on top of the learner's own.
    pub variables: Vec<(String, String)>,
    /// Rows of its terminal.
    pub rows: u16,
    /// Columns of its terminal.
    pub columns: u16,
}
