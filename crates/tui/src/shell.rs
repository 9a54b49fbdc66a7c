//! The learner's shell as a pane: the terminal emulator is inside the model and is fed in `update`, so a recorded
//! stream of bytes replays exactly. The threads that talk to the real shell are in `pty.rs`.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};
use vt100::{MouseProtocolEncoding, MouseProtocolMode};

use crate::msg::Foreground;

mod answers;
mod keys;
mod mouse;

use answers::Answers;
pub use answers::CursorShape;
use keys::Arrows;

/// Lines that the pane keeps above its screen.
pub const SCROLLBACK: usize = 10_000;

/// How long after a command was sent a shell without prompt marks is believed when it says that it waits.
const SETTLE: Duration = Duration::from_millis(600);

/// How many bytes typed before the shell starts are kept.
const TYPED_AHEAD: usize = 4096;

/// The life of the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Life {
    /// Not asked for yet.
    NotStarted,
    /// Running.
    Running,
    /// Ended, with this exit code.
    Ended(Option<u32>),
    /// Could not start: the system's words.
    Failed(String),
}

/// What waits for the shell's next prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prompt {
    /// A prompt is shown.
    Shown,
    /// Something was sent at this time; no prompt was seen since.
    AwaitedSince(Duration),
}

thread_local! {
    /// Whether this thread parses untrusted bytes now, so that a panic in the parser is not the program's end.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread now is caught by the pane.
pub(crate) fn is_guarded() -> bool {
    GUARDED.get()
}

/// The learner's shell.
pub(crate) struct ShellPane {
    parser: vt100::Parser<Answers>,
    /// The first bytes of a character whose rest has not come yet. The parser loses characters when it is given
    /// half a character (vte 0.15), so it never is.
    torn: Vec<u8>,
    pub(crate) life: Life,
    foreground: Foreground,
    prompt: Prompt,
    /// Whether the learner has typed on the prompt's line since it was shown.
    line: Typed,
    /// What was typed before the shell started.
    ahead: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typed {
    Nothing,
    Something,
}

impl ShellPane {
    pub(crate) fn new(rows: u16, columns: u16) -> ShellPane {
        let (rows, columns) = (rows.max(2), columns.max(2));
        ShellPane {
            parser: vt100::Parser::new_with_callbacks(rows, columns, SCROLLBACK, Answers::default()),
            torn: Vec::new(),
            life: Life::NotStarted,
            foreground: Foreground::Prompt,
            prompt: Prompt::Shown,
            line: Typed::Nothing,
            ahead: Vec::new(),
        }
    }

    /// Starts anew with an empty screen; returns what was typed meanwhile, for the shell to read first.
    pub(crate) fn started(&mut self, now: Duration) -> Vec<u8> {
        let (rows, columns) = self.parser.screen().size();
        let ahead = std::mem::take(&mut self.ahead);
        *self = ShellPane::new(rows, columns);
        self.life = Life::Running;
        self.prompt = Prompt::AwaitedSince(now);
        self.line = match ahead.last() {
            None | Some(b'\r') => Typed::Nothing,
            Some(_) => Typed::Something,
        };
        ahead
    }

    /// Keeps what is typed before the shell starts.
    pub(crate) fn type_ahead(&mut self, bytes: &[u8]) {
        match bytes {
            b"\x03" | b"\x15" => self.ahead.clear(),
            // As signals they would end the shell before it reads its first line.
            b"\x04" | b"\x1a" | b"\x1c" => {}
            _ if self.ahead.len() + bytes.len() > TYPED_AHEAD => {}
            _ => self.ahead.extend_from_slice(bytes),
        }
    }

    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    pub(crate) fn cursor_shape(&self) -> CursorShape {
        self.parser.callbacks().shape
    }

    /// Feeds what the shell printed; returns what the terminal answers.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut whole = std::mem::take(&mut self.torn);
        whole.extend_from_slice(bytes);
        self.torn = whole.split_off(whole.len() - torn(&whole));
        self.process(&whole);
        let answers = self.parser.callbacks_mut();
        if std::mem::take(&mut answers.prompts) > 0 {
            self.prompt = Prompt::Shown;
            self.line = Typed::Nothing;
        }
        std::mem::take(&mut answers.replies)
    }

    /// Parses bytes. The parser has sequences that make it panic (vt100 0.16: a wide character cut by a resize); the
    /// screen then starts empty, as after a reset, and the program goes on.
    fn process(&mut self, bytes: &[u8]) {
        let (rows, columns) = self.screen().size();
        let parser = &mut self.parser;
        GUARDED.set(true);
        let parsed = catch_unwind(AssertUnwindSafe(|| parser.process(bytes)));
        GUARDED.set(false);
        if parsed.is_err() {
            self.parser = vt100::Parser::new_with_callbacks(rows, columns, SCROLLBACK, Answers::default());
        }
    }

    /// Changes the size. Lines that a smaller screen cannot hold go to the scrollback, not away.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        let (rows, columns) = (rows.max(2), columns.max(2));
        if self.screen().size() == (rows, columns) {
            return;
        }
        let (cursor, _) = self.screen().cursor_position();
        if !self.screen().alternate_screen() && cursor >= rows {
            let lines = cursor + 1 - rows;
            self.process(format!("\u{1b}[{lines}S\u{1b}[{lines}A").as_bytes());
        }
        self.parser.screen_mut().set_size(rows, columns);
    }

    pub(crate) fn report(&mut self, foreground: Foreground, now: Duration) {
        self.foreground = foreground;
        if let Prompt::AwaitedSince(since) = self.prompt
            && foreground == Foreground::Prompt
            && self.parser.callbacks().marks_unknown()
            && now.saturating_sub(since) > SETTLE
        {
            self.prompt = Prompt::Shown;
        }
    }

    /// Whether the shell runs and waits at its prompt.
    pub(crate) fn is_idle(&self) -> bool {
        self.life == Life::Running && self.foreground == Foreground::Prompt && self.prompt == Prompt::Shown
    }

    /// Whether a command of the learner's runs in it.
    pub(crate) fn is_busy(&self) -> bool {
        self.life == Life::Running && self.foreground == Foreground::Command
    }

    /// Whether a prompt is being waited for.
    pub(crate) fn is_settling(&self) -> bool {
        self.life == Life::Running && self.prompt != Prompt::Shown
    }

    pub(crate) fn foreground(&self) -> Foreground {
        self.foreground
    }

    /// Returns the bytes of a key for the application in the terminal; the view returns to the newest line.
    pub(crate) fn key(&mut self, key: KeyEvent, now: Duration) -> Vec<u8> {
        let arrows = if self.screen().application_cursor() { Arrows::Application } else { Arrows::Normal };
        let bytes = keys::encode(key, arrows);
        if !bytes.is_empty() {
            self.scroll_to(0);
            self.line = match bytes.as_slice() {
                b"\r" | b"\x03" | b"\x04" | b"\x15" => Typed::Nothing,
                _ => Typed::Something,
            };
            if bytes == b"\r" {
                self.prompt = Prompt::AwaitedSince(now);
            }
        }
        bytes
    }

    /// Returns the byte of Ctrl-C; the next prompt is waited for.
    pub(crate) fn interrupt(&mut self, now: Duration) -> Vec<u8> {
        self.line = Typed::Nothing;
        self.prompt = Prompt::AwaitedSince(now);
        vec![3]
    }

    /// Returns the bytes of a paste: between marks where the application asked for them.
    pub(crate) fn paste(&mut self, text: &str) -> Vec<u8> {
        self.scroll_to(0);
        self.line = Typed::Something;
        let text = keys::paste_text(text);
        if self.screen().bracketed_paste() {
            format!("\u{1b}[200~{text}\u{1b}[201~").into_bytes()
        } else {
            text.replace('\n', "\r").into_bytes()
        }
    }

    /// Returns the bytes that run commands as if they were typed at the prompt. What the learner had begun to type
    /// is cut first; Ctrl-Y brings it back in bash.
    pub(crate) fn run(&mut self, text: &str, now: Duration) -> Vec<u8> {
        let mut bytes = self.cut(now);
        let text = text.trim_end_matches('\n');
        if text.contains('\n') {
            bytes.extend(self.paste(text));
        } else {
            bytes.extend(keys::paste_text(text).into_bytes());
        }
        bytes.push(b'\r');
        self.line = Typed::Nothing;
        bytes
    }

    /// Returns the bytes that cut what the learner had begun to type; something is sent next, and the prompt after
    /// it is waited for.
    pub(crate) fn cut(&mut self, now: Duration) -> Vec<u8> {
        let bytes = match self.line {
            Typed::Something => b"\x05\x15".to_vec(),
            Typed::Nothing => Vec::new(),
        };
        self.scroll_to(0);
        self.line = Typed::Nothing;
        self.prompt = Prompt::AwaitedSince(now);
        bytes
    }

    /// Whether the application in the terminal asked for the mouse.
    pub(crate) fn wants_mouse(&self) -> bool {
        self.screen().mouse_protocol_mode() != MouseProtocolMode::None
    }

    /// Returns the bytes of a mouse event at a cell of the pane, from 0, for an application that asked.
    pub(crate) fn mouse(&self, event: MouseEvent, row: u16, column: u16) -> Vec<u8> {
        let mode: MouseProtocolMode = self.screen().mouse_protocol_mode();
        let encoding: MouseProtocolEncoding = self.screen().mouse_protocol_encoding();
        mouse::encode(event, row, column, mode, encoding)
    }

    /// How many lines above the newest the view stands.
    pub(crate) fn scrolled(&self) -> usize {
        self.screen().scrollback()
    }

    pub(crate) fn scroll_to(&mut self, lines: usize) {
        self.parser.screen_mut().set_scrollback(lines.min(SCROLLBACK));
    }

    pub(crate) fn scroll_up(&mut self, lines: usize) {
        self.scroll_to(self.scrolled().saturating_add(lines));
    }

    pub(crate) fn scroll_down(&mut self, lines: usize) {
        self.scroll_to(self.scrolled().saturating_sub(lines));
    }
}

/// Returns how many bytes at the end of `bytes` begin a character of UTF-8 without ending it.
fn torn(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let needs = match bytes[bytes.len() - back] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if needs > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests;
