//! The shell pane: bytes to cells in any split, keys and the mouse to bytes, scrollback.

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEventKind};
use proptest::prelude::*;

use super::*;

fn pane() -> ShellPane {
    let mut pane = ShellPane::new(6, 20);
    pane.started(Duration::ZERO);
    pane
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Vec<u8> {
    pane().key(KeyEvent::new(code, modifiers), Duration::ZERO)
}

#[test]
fn keys_are_those_of_xterm() {
    let none = KeyModifiers::NONE;
    assert_eq!(key(KeyCode::Char('é'), none), "é".as_bytes());
    assert_eq!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), b"\x03");
    assert_eq!(key(KeyCode::Char('b'), KeyModifiers::ALT), b"\x1bb");
    assert_eq!(key(KeyCode::Up, none), b"\x1b[A");
    assert_eq!(key(KeyCode::Right, KeyModifiers::CONTROL), b"\x1b[1;5C");
    assert_eq!(key(KeyCode::F(5), none), b"\x1b[15~");
    assert_eq!(key(KeyCode::F(1), none), b"\x1bOP");
    assert_eq!(key(KeyCode::Backspace, none), b"\x7f");
    assert_eq!(key(KeyCode::BackTab, KeyModifiers::SHIFT), b"\x1b[Z");
    let mut pane = pane();
    pane.feed(b"\x1b[?1h");
    assert_eq!(pane.key(KeyEvent::new(KeyCode::Up, none), Duration::ZERO), b"\x1bOA");
}

#[test]
fn a_paste_cannot_leave_its_brackets() {
    let mut pane = pane();
    assert_eq!(pane.paste("a\nb\x1b[201~c"), b"a\rb[201~c");
    pane.feed(b"\x1b[?2004h");
    assert_eq!(pane.paste("a\r\nb\x1b[201~rm"), b"\x1b[200~a\nb[201~rm\x1b[201~");
}

#[test]
fn a_run_cuts_what_was_typed_and_waits_for_the_next_prompt() {
    let mut pane = pane();
    pane.feed(b"\x1b]133;A\x07$ ");
    assert!(pane.is_idle());
    assert_eq!(pane.run("kubectl get nodes\n", Duration::ZERO), b"kubectl get nodes\r");
    assert!(!pane.is_idle(), "nothing more is typed before the next prompt");
    pane.feed(b"\r\n\x1b]133;A\x07$ ");
    assert!(pane.is_idle());
    pane.key(KeyEvent::new(KeyCode::Char('l'), KeyModifiers::NONE), Duration::ZERO);
    assert_eq!(pane.run("ls", Duration::ZERO), b"\x05\x15ls\r");
}

#[test]
fn a_shell_without_marks_is_believed_after_a_while() {
    let mut pane = pane();
    pane.report(Foreground::Prompt, Duration::from_millis(100));
    assert!(!pane.is_idle());
    pane.report(Foreground::Prompt, Duration::from_secs(1));
    assert!(pane.is_idle());
}

#[test]
fn questions_of_applications_are_answered() {
    let mut pane = pane();
    assert_eq!(pane.feed(b"ab\x1b[6n\x1b[c\x1b[5n"), b"\x1b[1;3R\x1b[?62;22c\x1b[0n");
    pane.feed(b"\x1b[5 q");
    assert_eq!(pane.cursor_shape(), CursorShape::Bar);
    let many: Vec<u8> = b"\x1b[6n".repeat(100_000);
    assert!(pane.feed(&many).len() <= 4096);
}

#[test]
fn a_smaller_screen_keeps_its_last_lines() {
    let mut pane = pane();
    pane.feed(b"1\r\n2\r\n3\r\n4\r\n5\r\n6");
    pane.resize(3, 20);
    assert_eq!(pane.screen().contents(), "4\n5\n6");
    pane.scroll_up(2);
    assert_eq!(pane.screen().rows(0, 20).collect::<Vec<_>>(), ["2", "3", "4"]);
}

#[test]
fn the_mouse_reaches_applications_that_asked() {
    let click =
        MouseEvent { kind: MouseEventKind::Down(MouseButton::Left), column: 0, row: 0, modifiers: KeyModifiers::NONE };
    let mut pane = pane();
    assert!(!pane.wants_mouse());
    assert_eq!(pane.mouse(click, 1, 2), b"");
    pane.feed(b"\x1b[?1000h\x1b[?1006h");
    assert!(pane.wants_mouse());
    assert_eq!(pane.mouse(click, 1, 2), b"\x1b[<0;3;2M");
}

/// Bytes like those of terminal applications: text, controls, sequences whole and torn.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        "[ -~é日]{0,30}".prop_map(String::into_bytes),
        Just(b"\r\n".to_vec()),
        (0u16..80, 0u16..40, "[A-Za-z@`]").prop_map(|(a, b, last)| format!("\x1b[{a};{b}{last}").into_bytes()),
        (0u16..2100, "[hl]").prop_map(|(mode, last)| format!("\x1b[?{mode}{last}").into_bytes()),
        Just(b"\x1b[?1049h".to_vec()),
        Just(b"\x1b[?6h".to_vec()),
        "[78DEHMc=>]".prop_map(|last| format!("\x1b{last}").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_screen(
        bytes in stream(), cuts in proptest::collection::vec(0usize..600, 0..8),
    ) {
        let mut whole = pane();
        let answers = whole.feed(&bytes);
        let mut split = pane();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for cut in cuts {
            pieces.extend(split.feed(&bytes[from..cut]));
            from = cut;
        }
        pieces.extend(split.feed(&bytes[from..]));
        prop_assert_eq!(whole.screen().state_formatted(), split.screen().state_formatted());
        prop_assert_eq!(answers, pieces);
    }

    #[test]
    fn any_bytes_at_any_size_never_panic(
        bytes in stream(), more in stream(), rows in 0u16..30, columns in 0u16..30, scroll in 0usize..50,
    ) {
        let mut pane = pane();
        pane.feed(&bytes);
        pane.scroll_up(scroll);
        pane.resize(rows, columns);
        pane.feed(&more);
        pane.resize(6, 20);
        pane.feed(&bytes);
    }
}
