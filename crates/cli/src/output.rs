//! Standard output and standard error: the only module that writes on them. Results go out, notes go to error;
//! a reader that went away is not a fault.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a result could not be written, for another reason than a reader that went away.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes a result on standard output, as it is.
pub(crate) fn print(text: &str) {
    print_bytes(text.as_bytes());
}

/// Writes bytes on standard output; tells whether somebody still reads.
pub(crate) fn print_bytes(bytes: &[u8]) -> bool {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => true,
        // A closed pipe ends the reader's interest, not the command: the exit code stays what it is.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => false,
        Err(_) => {
            LOST.store(true, Ordering::Relaxed);
            false
        }
    }
}

/// Whether something of the result was lost: a full disk, for example.
pub(crate) fn was_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes a JSON document on standard output, indented, with its final line end.
pub(crate) fn print_json(document: &serde_json::Value) {
    let mut text = serde_json::to_string_pretty(document).expect("a JSON value always serialises");
    text.push('\n');
    print(&text);
}

/// Writes a note, a progress line or an error on standard error.
pub(crate) fn note(text: &str) {
    let mut error = std::io::stderr().lock();
    let _closed_pipe = writeln!(error, "{text}");
}

/// Whether standard output may carry colours: a terminal that is not dumb, and no `NO_COLOR`.
pub(crate) fn colours_allowed() -> bool {
    allowed(std::io::stdout().is_terminal())
}

fn allowed(terminal: bool) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    terminal && !refused && !dumb
}

/// Whether both ends are terminals, as the TUI needs.
pub(crate) fn at_a_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Paints a title for standard error.
pub(crate) fn red(text: &str) -> String {
    if allowed(std::io::stderr().is_terminal()) { format!("\u{1b}[1;31m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// What a painted word of standard output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It holds.
    Good,
    /// It does not.
    Bad,
    /// Could not tell, or be careful.
    Doubtful,
    /// A heading.
    Strong,
    /// Beside the point.
    Faint,
}

/// Paints a word for standard output, where colours are allowed. A word always says the same thing too.
pub(crate) fn paint(tone: Tone, text: &str) -> String {
    if !colours_allowed() {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Doubtful => "33",
        Tone::Strong => "1",
        Tone::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
