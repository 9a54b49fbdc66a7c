//! A terminal's line discipline: echo, erasing, Ctrl-C, Ctrl-D, and the arrows up and down for former lines.

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::process::Session;
use crate::stream::{Fd, Writer};

/// The longest line that can be typed.
const LONGEST: usize = 4095;
/// How many former lines are kept.
const HISTORY: usize = 100;

/// Returns whether a command reads lines itself and outlives Ctrl-C: a shell without a script.
pub(crate) fn reads_lines(argv: &[String]) -> bool {
    let name = argv.first().map_or("", |first| first.rsplit('/').next().unwrap_or(first));
    ["sh", "bash", "ash", "dash"].contains(&name) && argv[1..].iter().all(|word| word.starts_with('-') && word != "-c")
}

/// Turns `\n` into `\r\n`.
pub(crate) fn cooked_output(bytes: &[u8]) -> Vec<u8> {
    let mut cooked = Vec::with_capacity(bytes.len() + 16);
    for byte in bytes {
        if *byte == b'\n' {
            cooked.push(b'\r');
        }
        cooked.push(*byte);
    }
    cooked
}

/// Reads what is typed until there is no more; hands whole lines on.
pub(crate) async fn discipline(
    mut typed: Box<dyn AsyncRead + Send + Unpin>,
    lines: &Writer,
    echo: &Fd,
    session: &Session,
) {
    let mut editor = Editor::default();
    let mut buffer = vec![0; 4096];
    loop {
        let count = match typed.read(&mut buffer).await {
            Ok(0) | Err(_) => {
                lines.end_once();
                return;
            }
            Ok(count) => count,
        };
        for byte in &buffer[..count] {
            let done = editor.take(*byte);
            if !done.echo.is_empty() {
                echo.write(&done.echo, std::time::Duration::ZERO).await.ok();
            }
            match done.then {
                Then::Nothing => {}
                Then::Line(line) => {
                    if lines.write(&line).await.is_err() {
                        return;
                    }
                }
                Then::End => lines.end_once(),
                Then::Interrupt => session.interrupt.notify_waiters(),
            }
        }
    }
}

#[derive(Default)]
struct Editor {
    line: String,
    /// Bytes of a character that is not whole yet.
    partial: Vec<u8>,
    escape: Escape,
    former: Vec<String>,
    at: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Sequence,
}

struct Done {
    echo: Vec<u8>,
    then: Then,
}

#[derive(Debug, PartialEq, Eq)]
enum Then {
    Nothing,
    Line(Vec<u8>),
    End,
    Interrupt,
}

impl Editor {
    fn take(&mut self, byte: u8) -> Done {
        let only = |echo: &[u8]| Done { echo: echo.to_vec(), then: Then::Nothing };
        match (self.escape, byte) {
            (Escape::Begun, b'[' | b'O') => {
                self.escape = Escape::Sequence;
                return only(b"");
            }
            (Escape::Begun, _) => self.escape = Escape::None,
            (Escape::Sequence, b'0'..=b'?') => return only(b""),
            (Escape::Sequence, _) => {
                self.escape = Escape::None;
                return match byte {
                    b'A' if self.at > 0 => self.show(self.at - 1),
                    b'B' if self.at < self.former.len() => self.show(self.at + 1),
                    _ => only(b""),
                };
            }
            (Escape::None, _) => {}
        }
        match byte {
            0x1b => {
                self.escape = Escape::Begun;
                only(b"")
            }
            b'\r' | b'\n' => {
                let line = std::mem::take(&mut self.line);
                self.partial.clear();
                if !line.trim().is_empty() && self.former.last() != Some(&line) {
                    self.former.push(line.clone());
                    if self.former.len() > HISTORY {
                        self.former.remove(0);
                    }
                }
                self.at = self.former.len();
                Done { echo: b"\n".to_vec(), then: Then::Line((line + "\n").into_bytes()) }
            }
            0x03 => {
                self.line.clear();
                self.partial.clear();
                Done { echo: b"^C\n".to_vec(), then: Then::Interrupt }
            }
            0x04 if self.line.is_empty() => Done { echo: Vec::new(), then: Then::End },
            0x7f | 0x08 => match self.line.pop() {
                Some(_) => only(b"\x08 \x08"),
                None => only(b""),
            },
            0x15 => {
                let back = b"\x08 \x08".repeat(self.line.chars().count());
                self.line.clear();
                only(&back)
            }
            0x17 => {
                let kept = self.line.trim_end().rfind(' ').map_or(0, |at| at + 1);
                let back = b"\x08 \x08".repeat(self.line[kept..].chars().count());
                self.line.truncate(kept);
                only(&back)
            }
            0x0c => {
                let echo = [b"\x1b[H\x1b[2J".as_slice(), self.line.as_bytes()].concat();
                only(&echo)
            }
            byte if byte < 0x20 => only(b""),
            byte => {
                self.partial.push(byte);
                match std::str::from_utf8(&self.partial) {
                    Ok(text) if self.line.len() + text.len() <= LONGEST => {
                        self.line.push_str(text);
                        Done { echo: std::mem::take(&mut self.partial), then: Then::Nothing }
                    }
                    Ok(_) => {
                        self.partial.clear();
                        only(b"\x07")
                    }
                    Err(_) => {
                        if self.partial.len() >= 4 {
                            self.partial.clear();
                        }
                        only(b"")
                    }
                }
            }
        }
    }

    fn show(&mut self, at: usize) -> Done {
        let mut echo = b"\x08 \x08".repeat(self.line.chars().count());
        self.at = at;
        self.line = self.former.get(at).cloned().unwrap_or_default();
        echo.extend(self.line.as_bytes());
        Done { echo, then: Then::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(editor: &mut Editor, keys: &str) -> Vec<Then> {
        keys.bytes().map(|byte| editor.take(byte).then).filter(|then| *then != Then::Nothing).collect()
    }

    #[test]
    fn lines_are_edited_before_they_are_read() {
        let mut editor = Editor::default();
        let line = |text: &str| Then::Line(text.as_bytes().to_vec());
        assert_eq!(type_in(&mut editor, "lz\x7fs\r"), [line("ls\n")]);
        assert_eq!(type_in(&mut editor, "caf\u{e9}s\x7f\x7f\x7f\n"), [line("ca\n")]);
        assert_eq!(type_in(&mut editor, "no\x15echo a b\x17c\r"), [line("echo a c\n")]);
        assert_eq!(type_in(&mut editor, "\x1b[A\x1b[A\r"), [line("ca\n")]);
        assert_eq!(type_in(&mut editor, "abc\x03\x04"), [Then::Interrupt, Then::End]);
    }
}
