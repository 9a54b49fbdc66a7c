//! Keys and pastes as the bytes that a terminal of the xterm family sends (ctlseqs, «PC-Style Function Keys»).

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What the arrow keys send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrows {
    /// Their usual sequences.
    Normal,
    /// Those of DECCKM, which full-screen applications ask for.
    Application,
}

/// Returns the bytes of a key; none for keys that a terminal does not send.
pub(super) fn encode(key: KeyEvent, arrows: Arrows) -> Vec<u8> {
    let modifiers = key.modifiers;
    let alt = modifiers.contains(KeyModifiers::ALT);
    let control = modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char(character) => {
            let mut bytes = if alt { vec![0x1b] } else { Vec::new() };
            match control.then(|| control_byte(character)).flatten() {
                Some(byte) => bytes.push(byte),
                None => bytes.extend(character.to_string().as_bytes()),
            }
            bytes
        }
        KeyCode::Enter if alt => b"\x1b\r".to_vec(),
        KeyCode::Enter => b"\r".to_vec(),
        KeyCode::Tab => b"\t".to_vec(),
        KeyCode::BackTab => b"\x1b[Z".to_vec(),
        KeyCode::Backspace if alt => b"\x1b\x7f".to_vec(),
        KeyCode::Backspace if control => b"\x08".to_vec(),
        KeyCode::Backspace => b"\x7f".to_vec(),
        KeyCode::Esc => b"\x1b".to_vec(),
        KeyCode::Up => arrow('A', modifiers, arrows),
        KeyCode::Down => arrow('B', modifiers, arrows),
        KeyCode::Right => arrow('C', modifiers, arrows),
        KeyCode::Left => arrow('D', modifiers, arrows),
        KeyCode::Home => tilde(1, modifiers),
        KeyCode::Insert => tilde(2, modifiers),
        KeyCode::Delete => tilde(3, modifiers),
        KeyCode::End => tilde(4, modifiers),
        KeyCode::PageUp => tilde(5, modifiers),
        KeyCode::PageDown => tilde(6, modifiers),
        KeyCode::F(number) => function(number, modifiers),
        KeyCode::Null => vec![0],
        _ => Vec::new(),
    }
}

/// Returns `text` without what could end a bracketed paste early or act on its own: every control character but
/// line feeds and tabs.
pub(super) fn paste_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|character| matches!(character, '\n' | '\t') || !character.is_control()).collect()
}

fn control_byte(character: char) -> Option<u8> {
    match character.to_ascii_lowercase() {
        letter @ 'a'..='z' => Some(letter as u8 - b'a' + 1),
        ' ' | '2' | '@' => Some(0),
        '3' | '[' => Some(0x1b),
        '4' | '\\' => Some(0x1c),
        '5' | ']' => Some(0x1d),
        '6' | '^' => Some(0x1e),
        '7' | '/' | '_' => Some(0x1f),
        '8' | '?' => Some(0x7f),
        _ => None,
    }
}

/// The modifier parameter of xterm: 1 + shift + 2 × alt + 4 × control.
fn parameter(modifiers: KeyModifiers) -> u8 {
    let bit = |modifier, value| if modifiers.contains(modifier) { value } else { 0 };
    1 + bit(KeyModifiers::SHIFT, 1) + bit(KeyModifiers::ALT, 2) + bit(KeyModifiers::CONTROL, 4)
}

fn arrow(letter: char, modifiers: KeyModifiers, arrows: Arrows) -> Vec<u8> {
    match (parameter(modifiers), arrows) {
        (1, Arrows::Application) => format!("\x1bO{letter}"),
        (1, Arrows::Normal) => format!("\x1b[{letter}"),
        (parameter, _) => format!("\x1b[1;{parameter}{letter}"),
    }
    .into_bytes()
}

fn tilde(number: u8, modifiers: KeyModifiers) -> Vec<u8> {
    match parameter(modifiers) {
        1 => format!("\x1b[{number}~"),
        parameter => format!("\x1b[{number};{parameter}~"),
    }
    .into_bytes()
}

fn function(number: u8, modifiers: KeyModifiers) -> Vec<u8> {
    const LETTERS: [char; 4] = ['P', 'Q', 'R', 'S'];
    const NUMBERS: [u8; 8] = [15, 17, 18, 19, 20, 21, 23, 24];
    match number {
        1..=4 => {
            let letter = LETTERS[usize::from(number - 1)];
            match parameter(modifiers) {
                1 => format!("\x1bO{letter}").into_bytes(),
                parameter => format!("\x1b[1;{parameter}{letter}").into_bytes(),
            }
        }
        5..=12 => tilde(NUMBERS[usize::from(number - 5)], modifiers),
        _ => Vec::new(),
    }
}
