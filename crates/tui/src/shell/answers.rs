//! What the terminal answers to applications that ask, and what it notes besides the screen.

use vt100::{Callbacks, Screen};

/// The shape that the application wants for the cursor (DECSCUSR).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CursorShape {
    /// The terminal's own.
    #[default]
    Default,
    /// A block.
    Block,
    /// An underline.
    Underline,
    /// A bar.
    Bar,
}

/// How many bytes of answers are kept for one turn: a stream full of questions cannot make it grow.
const MOST: usize = 4096;

/// Answers gathered while bytes are parsed.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Bytes for the application.
    pub(super) replies: Vec<u8>,
    /// The cursor's shape.
    pub(super) shape: CursorShape,
    /// Prompts that the shell marked since they were last taken.
    pub(super) prompts: u32,
    /// Whether the shell marks its prompts at all.
    marks: Marks,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Marks {
    #[default]
    Unknown,
    Seen,
}

impl Answers {
    pub(super) fn marks_unknown(&self) -> bool {
        self.marks == Marks::Unknown
    }

    fn reply(&mut self, bytes: &[u8]) {
        if self.replies.len() + bytes.len() <= MOST {
            self.replies.extend_from_slice(bytes);
        }
    }
}

impl Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        _second: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        let parameter = parameters.first().and_then(|values| values.first()).copied().unwrap_or(0);
        match (first, last, parameter) {
            // Device status, cursor position (ECMA-48 DSR).
            (None, 'n', 5) => self.reply(b"\x1b[0n"),
            (None, 'n', 6) => {
                let (row, column) = screen.cursor_position();
                self.reply(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
            }
            // Device attributes: a VT220 with ANSI colours; secondary: nothing special.
            (None, 'c', 0) => self.reply(b"\x1b[?62;22c"),
            (Some(b'>'), 'c', 0) => self.reply(b"\x1b[>0;0;0c"),
            // DECSCUSR.
            (Some(b' '), 'q', shape) => {
                self.shape = match shape {
                    1 | 2 => CursorShape::Block,
                    3 | 4 => CursorShape::Underline,
                    5 | 6 => CursorShape::Bar,
                    _ => CursorShape::Default,
                }
            }
            _ => {}
        }
    }

    fn unhandled_osc(&mut self, _screen: &mut Screen, parameters: &[&[u8]]) {
        // Prompt marks (OSC 133, FinalTerm): `A` where a prompt begins.
        if let [b"133", b"A", ..] = parameters {
            self.prompts = self.prompts.saturating_add(1);
            self.marks = Marks::Seen;
        }
    }
}
