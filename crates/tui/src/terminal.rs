//! The terminal itself: taken at the start, given back at the end, whatever the end is.

use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use crossterm::cursor::SetCursorStyle;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::picture::protocol::{Change, Wall};
use crate::shell::CursorShape;
use crate::{Model, view};

/// Whether the terminal is ours now.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Whether anything has panicked since the terminal was taken.
static PANICKED: AtomicBool = AtomicBool::new(false);

/// No more than this goes to the clipboard, in bytes: terminals drop longer sequences.
const CLIPBOARD: usize = 74_000;

/// The terminal while it is ours. Dropping it gives it back.
pub(crate) struct Taken {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    shape: CursorShape,
    wall: Wall,
    /// The size of the last frame.
    drawn: (u16, u16),
}

impl Taken {
    /// Takes the terminal: raw, alternate screen, mouse, pastes in brackets.
    pub(crate) fn take() -> io::Result<Taken> {
        install_hook();
        PANICKED.store(false, Ordering::Release);
        enter()?;
        let backend = CrosstermBackend::new(BufWriter::with_capacity(1 << 16, stdout()));
        let terminal = Terminal::new(backend).inspect_err(|_| give_back())?;
        Ok(Taken { terminal, shape: CursorShape::Default, wall: Wall::default(), drawn: (0, 0) })
    }

    pub(crate) fn draw(&mut self, model: &Model) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let size = self.size()?;
        if size != self.drawn {
            // Drawing at another size clears the terminal, and its pictures with it.
            self.drawn = size;
            self.wall.forget();
        }
        self.terminal.draw(|frame| view(model, frame))?;
        match self.wall.change(model.pictures(), model.shown_by_terminal()) {
            Change::None => {}
            Change::Write(bytes) => self.write_aside(&bytes)?,
            Change::Redraw(bytes) => {
                let size = self.terminal.size()?;
                self.terminal.resize(size.into())?;
                self.terminal.draw(|frame| view(model, frame))?;
                self.write_aside(&bytes)?;
            }
        }
        let shape = model.cursor_shape();
        if shape != self.shape {
            self.shape = shape;
            let style = match shape {
                CursorShape::Default => SetCursorStyle::DefaultUserShape,
                CursorShape::Block => SetCursorStyle::SteadyBlock,
                CursorShape::Underline => SetCursorStyle::SteadyUnderScore,
                CursorShape::Bar => SetCursorStyle::SteadyBar,
            };
            queue!(self.terminal.backend_mut(), style)?;
        }
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Writes what the cells do not hold, and leaves the cursor where the frame put it.
    fn write_aside(&mut self, bytes: &str) -> io::Result<()> {
        let writer = self.terminal.backend_mut();
        queue!(writer, cursor::SavePosition)?;
        writer.write_all(bytes.as_bytes())?;
        queue!(writer, cursor::RestorePosition)
    }

    /// Takes the terminal again after the program was stopped, and draws everything anew at the next frame.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        enter()?;
        self.shape = CursorShape::Default;
        self.wall.forget();
        // `Terminal::clear` would ask the terminal where its cursor is, and the answer would go to the stream of keys.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Puts text on the clipboard of the learner's own machine (OSC 52).
    pub(crate) fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut end = text.len().min(CLIPBOARD);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(&text[..end]);
        let writer = self.terminal.backend_mut();
        write!(writer, "\x1b]52;c;{encoded}\x07")?;
        writer.flush()
    }

    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::Release);
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, EnableMouseCapture)
}

/// Gives the terminal back as it was. Safe to call at any time, from a panic as well.
pub(crate) fn give_back() {
    if !TAKEN.swap(false, Ordering::AcqRel) {
        return;
    }
    // Nothing can be done about a terminal that is gone.
    let _ = execute!(
        stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        SetCursorStyle::DefaultUserShape,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

/// Whether anything has panicked: the loop ends then, since the terminal was given back for the report.
pub(crate) fn has_panicked() -> bool {
    PANICKED.load(Ordering::Acquire)
}

/// A panic gives the terminal back before it is reported, once for the whole program.
fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if crate::shell::is_guarded() {
            return;
        }
        if TAKEN.load(Ordering::Acquire) {
            PANICKED.store(true, Ordering::Release);
            give_back();
        }
        before(panic);
    }));
}
