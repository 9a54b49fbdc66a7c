//! What must hold whatever happens.

use ratatui::buffer::Buffer;

use super::*;

fn cells(model: &Model) -> Buffer {
    let (columns, rows) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns.max(1), rows.max(1))).unwrap();
    terminal.draw(|frame| view(model, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn check_cells(model: &Model) {
    for cell in &cells(model).content {
        let bad = cell
            .symbol()
            .chars()
            .find(|character| character.is_control() || ('\u{202a}'..='\u{202e}').contains(character));
        assert_eq!(bad, None, "{:?}", cell.symbol());
    }
}

#[test]
fn escape_sequences_of_labs_and_results_never_reach_cells() {
    const EVIL: &str = "a\u{1b}[31mb\u{1b}]52;c;AAAA\u{7}\u{9b}2J\u{202e}c\r\u{8}";
    let mut snapshot = course::snapshot_with_results();
    let mut course = course::course();
    for step in &mut course.steps {
        step.title = format!("{} {EVIL}", step.title);
        step.chapter = EVIL.to_owned();
        step.learnt = EVIL.to_owned();
        step.objectives = vec![EVIL.to_owned()];
        for check in &mut step.checks {
            check.title = EVIL.to_owned();
            if let check::Spec::Question(question) = &mut check.spec {
                question.ask = EVIL.to_owned();
                question.choices.values_mut().for_each(|choice| *choice = EVIL.to_owned());
            }
        }
        for hint in &mut step.hints {
            hint.text = EVIL.to_owned();
        }
        for segment in &mut step.page.segments {
            match segment {
                lab::Segment::Prose(text) => text.push_str(EVIL),
                lab::Segment::Block(block) => block.text.push_str(EVIL),
                lab::Segment::Image { alt, .. } => alt.push_str(EVIL),
            }
        }
        if let Some(solution) = &mut step.solution {
            solution.files[0].content.extend_from_slice(EVIL.as_bytes());
        }
    }
    course.title = EVIL.to_owned();
    snapshot.courses = Arc::new(vec![course]);
    snapshot.checks[3].answer = Some(EVIL.to_owned());
    snapshot.solution_seen = true;
    for (columns, rows) in [(80, 24), (120, 40)] {
        for keys in ["", "G", "d", "d j", "d j j enter", "i", "s", "m", "/ a", "n", "z"] {
            let mut model = model_of(snapshot.clone(), columns, rows);
            drive(&mut model, keys);
            check_cells(&model);
            update(&mut model, Msg::Files(vec![("limitrange.yaml".to_owned(), Some(EVIL.into()))]));
            check_cells(&model);
        }
    }
}

#[test]
fn a_block_cannot_smuggle_keys_into_the_shell() {
    let mut snapshot = course::snapshot();
    let mut course = course::course();
    for segment in course.steps.iter_mut().flat_map(|step| &mut step.page.segments) {
        if let lab::Segment::Block(block) = segment {
            block.text = "echo a\u{1b}[201~\u{3}\nreboot".to_owned();
        }
    }
    snapshot.courses = Arc::new(vec![course]);
    let mut model = model_of(snapshot, 80, 24);
    update(&mut model, Msg::Shell(b"\x1b[?2004h".to_vec()));
    let effects = drive(&mut model, "] enter");
    assert_eq!(effects, [Effect::ShellInput(b"\x1b[200~echo a[201~\nreboot\x1b[201~\r".to_vec())]);
}

fn message() -> impl Strategy<Value = Msg> {
    let names = prop_oneof![
        "[a-zA-Z/?\\[\\] 0-9]".prop_map(|letter| KeyCode::Char(letter.chars().next().unwrap_or('a'))),
        Just(KeyCode::Enter),
        Just(KeyCode::Tab),
        Just(KeyCode::Esc),
        Just(KeyCode::Up),
        Just(KeyCode::Down),
        Just(KeyCode::PageDown),
        Just(KeyCode::PageUp),
        Just(KeyCode::End),
        (1u8..13).prop_map(KeyCode::F),
    ];
    let modifiers = prop_oneof![4 => Just(KeyModifiers::NONE), 1 => Just(KeyModifiers::CONTROL)];
    let kinds = prop_oneof![
        Just(MouseEventKind::Down(MouseButton::Left)),
        Just(MouseEventKind::ScrollUp),
        Just(MouseEventKind::ScrollDown),
        Just(MouseEventKind::Moved),
    ];
    prop_oneof![
        8 => (names, modifiers).prop_map(|(code, modifiers)| Msg::Key(KeyEvent::new(code, modifiers))),
        1 => (kinds, 0u16..200, 0u16..60)
            .prop_map(|(kind, column, row)| Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })),
        1 => ".{0,20}".prop_map(Msg::Paste),
        2 => (0u16..200, 0u16..60).prop_map(|(columns, rows)| Msg::Resize(columns, rows)),
        1 => (0u64..100).prop_map(|seconds| Msg::Tick(Duration::from_secs(seconds))),
        2 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Msg::Shell),
        1 => Just(Msg::Foreground(Foreground::Command)),
        1 => Just(Msg::Foreground(Foreground::Prompt)),
        1 => Just(Msg::ShellEnded(Some(1))),
        1 => Just(Msg::ShellFailed("no\u{1b}".to_owned())),
        1 => (0usize..6).prop_map(|step| {
            let mut snapshot = course::snapshot();
            snapshot.current = snapshot.steps[step].step.clone();
            Msg::Runner(Event::Changed(Arc::new(snapshot)))
        }),
        1 => Just(Msg::Files(vec![("limitrange.yaml".to_owned(), Some(vec![0xff, 0x00]))])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_message_makes_it_panic_and_no_control_character_is_drawn(messages in proptest::collection::vec(message(), 0..60)) {
        let mut model = model(80, 24);
        for message in messages {
            update(&mut model, message);
            check_cells(&model);
        }
    }
}
