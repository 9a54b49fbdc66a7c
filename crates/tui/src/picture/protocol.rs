//! What is written to a terminal that shows pictures itself.
//!
//! kitty's graphics protocol (sw.kovidgoyal.net/kitty/graphics-protocol) and iTerm2's inline images
//! (iterm2.com/documentation-images.html). Both take a PNG file as it is. Answers are switched off: they would come in
//! with the keys.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ratatui::layout::Rect;

use super::{Picture, Pictures};

/// kitty takes at most this many characters of a picture at once.
const CHUNK: usize = 4096;

/// A picture that the terminal shows in full now.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) picture: Arc<Picture>,
    pub(crate) area: Rect,
}

impl PartialEq for Shown {
    fn eq(&self, other: &Shown) -> bool {
        Arc::ptr_eq(&self.picture, &other.picture) && self.area == other.area
    }
}

/// What the terminal shows beside the cells.
#[derive(Debug, Default)]
pub(crate) struct Wall {
    shown: Vec<Shown>,
    /// What kitty was sent and keeps; its numbers are the places here, from 1.
    sent: Vec<Arc<Picture>>,
}

/// What has to be done so that the terminal shows other pictures.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// These bytes are to be written after the frame.
    Write(String),
    /// The frame is to be drawn anew from nothing, then these bytes written: cells that a picture covered are unknown.
    Redraw(String),
}

impl Wall {
    /// Changes what is shown to `wanted`.
    pub(crate) fn change(&mut self, pictures: Pictures, wanted: Vec<Shown>) -> Change {
        if wanted == self.shown {
            return Change::None;
        }
        let gone = self.shown.iter().any(|old| !wanted.contains(old));
        self.shown = wanted;
        match pictures {
            Pictures::Words | Pictures::Blocks => Change::None,
            Pictures::Kitty => Change::Write(self.kitty()),
            Pictures::Iterm => {
                let bytes: String = self.shown.iter().map(iterm).collect();
                if gone { Change::Redraw(bytes) } else { Change::Write(bytes) }
            }
        }
    }

    /// Forgets what was shown: the terminal was given back, or cleared.
    pub(crate) fn forget(&mut self) {
        *self = Wall::default();
    }

    fn kitty(&mut self) -> String {
        // Everything that is placed goes; what was sent stays with the terminal.
        let mut out = "\x1b_Ga=d,d=a,q=2\x1b\\".to_owned();
        for shown in &self.shown {
            let known = self.sent.iter().position(|sent| Arc::ptr_eq(sent, &shown.picture));
            let number = known.unwrap_or(self.sent.len()) + 1;
            if known.is_none() {
                self.sent.push(Arc::clone(&shown.picture));
                let encoded = STANDARD.encode(&shown.picture.file);
                let mut rest = encoded.as_str();
                let mut keys = format!("a=t,f=100,i={number},q=2,");
                loop {
                    let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
                    let more = u8::from(!after.is_empty());
                    let _ = write!(out, "\x1b_G{keys}m={more};{chunk}\x1b\\");
                    if after.is_empty() {
                        break;
                    }
                    (rest, keys) = (after, String::new());
                }
            }
            out.push_str(&place(shown.area));
            let (columns, rows) = (shown.area.width, shown.area.height);
            let _ = write!(out, "\x1b_Ga=p,i={number},p=1,c={columns},r={rows},C=1,q=2\x1b\\");
        }
        out
    }
}

fn iterm(shown: &Shown) -> String {
    let file = &shown.picture.file;
    let (columns, rows) = (shown.area.width, shown.area.height);
    format!(
        "{}\x1b]1337;File=inline=1;size={};width={columns};height={rows};preserveAspectRatio=0;doNotMoveCursor=1:{}\x07",
        place(shown.area),
        file.len(),
        STANDARD.encode(file)
    )
}

/// Moves the cursor to the upper left corner of `area`.
fn place(area: Rect) -> String {
    format!("\x1b[{};{}H", area.y + 1, area.x + 1)
}
