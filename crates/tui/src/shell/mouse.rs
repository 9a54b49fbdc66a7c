//! Mouse events as bytes, for applications that asked (xterm ctlseqs, «Mouse Tracking»).

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use vt100::{MouseProtocolEncoding, MouseProtocolMode};

/// What happened, as the protocol tells it apart.
#[derive(PartialEq, Eq)]
enum Act {
    Press,
    Release,
    Drag,
    Move,
}

/// Returns the bytes of an event at a cell, from 0; none where the application did not ask for its kind.
pub(super) fn encode(
    event: MouseEvent,
    row: u16,
    column: u16,
    mode: MouseProtocolMode,
    encoding: MouseProtocolEncoding,
) -> Vec<u8> {
    let (act, number) = code(event.kind);
    let wanted = match mode {
        MouseProtocolMode::None => false,
        MouseProtocolMode::Press => act == Act::Press,
        MouseProtocolMode::PressRelease => matches!(act, Act::Press | Act::Release),
        MouseProtocolMode::ButtonMotion => act != Act::Move,
        MouseProtocolMode::AnyMotion => true,
    };
    if !wanted {
        return Vec::new();
    }
    let bit = |modifier, value| if event.modifiers.contains(modifier) { value } else { 0 };
    let number = number
        + if matches!(act, Act::Drag | Act::Move) { 32 } else { 0 }
        + bit(KeyModifiers::SHIFT, 4)
        + bit(KeyModifiers::ALT, 8)
        + bit(KeyModifiers::CONTROL, 16);
    let (x, y) = (u32::from(column) + 1, u32::from(row) + 1);
    match encoding {
        MouseProtocolEncoding::Sgr => {
            let last = if act == Act::Release { 'm' } else { 'M' };
            format!("\x1b[<{number};{x};{y}{last}").into_bytes()
        }
        MouseProtocolEncoding::Default | MouseProtocolEncoding::Utf8 => {
            let number = if act == Act::Release { 3 } else { number };
            let mut bytes = b"\x1b[M".to_vec();
            bytes.push(32 + number);
            for place in [x, y] {
                if encoding == MouseProtocolEncoding::Utf8 {
                    let character = char::from_u32(32 + place).unwrap_or(' ');
                    bytes.extend(character.to_string().as_bytes());
                } else {
                    // One byte holds no more than 223; further cells cannot be told.
                    bytes.push(u8::try_from(32 + place).unwrap_or(u8::MAX));
                }
            }
            bytes
        }
    }
}

fn code(kind: MouseEventKind) -> (Act, u8) {
    let button = |button| match button {
        MouseButton::Left => 0,
        MouseButton::Middle => 1,
        MouseButton::Right => 2,
    };
    match kind {
        MouseEventKind::Down(which) => (Act::Press, button(which)),
        MouseEventKind::Up(which) => (Act::Release, button(which)),
        MouseEventKind::Drag(which) => (Act::Drag, button(which)),
        MouseEventKind::Moved => (Act::Move, 3),
        MouseEventKind::ScrollUp => (Act::Press, 64),
        MouseEventKind::ScrollDown => (Act::Press, 65),
        MouseEventKind::ScrollLeft => (Act::Press, 66),
        MouseEventKind::ScrollRight => (Act::Press, 67),
    }
}
