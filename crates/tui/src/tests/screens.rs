//! Every screen, and what keys ask for.

use super::*;

#[test]
fn step() {
    check("step", "");
}

#[test]
fn step_scrolled_to_its_end() {
    check("step_scrolled_to_its_end", "G");
}

#[test]
fn step_zoomed_with_the_terminal() {
    check("step_zoomed_with_the_terminal", "tab ctrl-g z");
}

#[test]
fn prefix_key() {
    check("prefix_key", "tab ctrl-g");
}

#[test]
fn step_that_passed() {
    let mut snapshot = course::snapshot();
    snapshot.steps[2].state = StepStateView::Done;
    snapshot.steps[2].points = 6;
    for check in &mut snapshot.checks {
        check.verdict = Verdict::Pass;
    }
    check_of("step_that_passed", &snapshot, "");
}

#[test]
fn checks_that_run() {
    let mut snapshot = course::snapshot();
    snapshot.busy = Some(Work::Checking);
    for check in &mut snapshot.checks {
        check.verdict = Verdict::Running;
    }
    check_of("checks_that_run", &snapshot, "");
}

#[test]
fn detail_of_a_check() {
    check("detail_of_a_check", "d");
}

#[test]
fn checks_with_their_reasons() {
    check_of("checks_with_their_reasons", &course::snapshot_with_results(), "");
}

#[test]
fn detail_with_its_reasons() {
    check_of("detail_with_its_reasons", &course::snapshot_with_results(), "d j");
    let mut model = model_of(course::snapshot_with_results(), 80, 24);
    // Enter runs the command that shows the evidence.
    let effects = drive(&mut model, "d j enter");
    let [Effect::ShellInput(bytes)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(bytes.starts_with(b"kubectl "), "{:?}", String::from_utf8_lossy(bytes));
}

#[test]
fn a_long_message_is_shown_in_full() {
    let failed = runner::Notice::Failed(Arc::new(runner::Error::NoSuchStep(course::id("nulle-part"))));
    for (columns, rows) in SIZES {
        let mut model = model(columns, rows);
        update(&mut model, Msg::Runner(Event::Notice(failed.clone())));
        insta::assert_snapshot!(format!("a_long_message_is_shown_in_full@{columns}x{rows}"), drawn(&model));
        drive(&mut model, "esc");
        assert!(!drawn(&model).contains("Message"));
    }
}

#[test]
fn question_with_choices() {
    check("question_with_choices", "d down enter down");
}

#[test]
fn question_with_a_number() {
    check("question_with_a_number", "d G enter 4 2");
}

#[test]
fn hints() {
    check("hints", "i");
}

#[test]
fn solution_asks_first() {
    check("solution_asks_first", "s");
}

#[test]
fn solution_beside_the_learners_file() {
    let mut snapshot = course::snapshot();
    snapshot.solution_seen = true;
    let own = b"apiVersion: v1\nkind: LimitRange\nmetadata:\n  name: limites\nspec:\n  limits:\n    - type: Container\n      default:\n        memory: 256Mi\n";
    for (columns, rows) in SIZES {
        let mut model = model_of(snapshot.clone(), columns, rows);
        let effects = drive(&mut model, "s");
        assert_eq!(
            effects,
            [Effect::ReadFiles { work: snapshot.work.clone(), paths: vec!["limitrange.yaml".to_owned()] }]
        );
        update(&mut model, Msg::Files(vec![("limitrange.yaml".to_owned(), Some(own.to_vec()))]));
        insta::assert_snapshot!(format!("solution_beside_the_learners_file@{columns}x{rows}"), drawn(&model));
    }
}

#[test]
fn map() {
    check("map", "m j j");
}

#[test]
fn search() {
    check("search", "/ m e m o r y");
}

#[test]
fn help() {
    check("help", "?");
}

#[test]
fn help_to_its_end() {
    check("help_to_its_end", "? G");
}

#[test]
fn tour() {
    for (columns, rows) in SIZES {
        let settings = Settings { tour: TourAtStart::Shown, ..Settings::default() };
        let mut model = Model::new(settings, columns, rows);
        update(&mut model, Msg::Runner(Event::Changed(Arc::new(course::snapshot()))));
        insta::assert_snapshot!(format!("tour@{columns}x{rows}"), drawn(&model));
        let effects = drive(&mut model, "n n n n n");
        assert!(effects.contains(&Effect::TourSeen), "the last page leads to the step");
    }
}

#[test]
fn quit_while_a_command_runs() {
    let mut model = model(80, 24);
    update(&mut model, Msg::Foreground(Foreground::Command));
    assert_eq!(drive(&mut model, "q"), []);
    insta::assert_snapshot!("quit_while_a_command_runs", drawn(&model));
    assert_eq!(drive(&mut model, "o"), [Effect::Runner(Request::Quit), Effect::Quit]);
}

#[test]
fn real_cluster_is_confirmed_first() {
    let mut snapshot = course::snapshot();
    snapshot.environment =
        EnvironmentView::Unconfirmed { context: "production".to_owned(), server: "https://192.0.2.1:6443".to_owned() };
    check_of("real_cluster_is_confirmed_first", &snapshot, "");
    let mut model = model_of(snapshot, 80, 24);
    assert_eq!(drive(&mut model, "enter o"), [Effect::Runner(Request::ConfirmCluster)]);
}

#[test]
fn questions_wait_for_the_end_of_the_tour_and_for_one_another() {
    let mut snapshot = course::snapshot();
    snapshot.environment =
        EnvironmentView::Unconfirmed { context: "production".to_owned(), server: "https://192.0.2.1:6443".to_owned() };
    snapshot.unaccepted = Some("ab12".to_owned());
    let mut model = Model::new(Settings { tour: TourAtStart::Shown, ..Settings::default() }, 80, 24);
    update(&mut model, Msg::Runner(Event::Changed(Arc::new(snapshot.clone()))));
    assert_eq!(drive(&mut model, "o"), [], "the tour asks nothing");
    assert_eq!(drive(&mut model, "esc"), [Effect::TourSeen]);
    assert_eq!(drive(&mut model, "o"), [Effect::Runner(Request::ConfirmCluster)]);
    snapshot.environment = EnvironmentView::Cluster { context: "production".to_owned(), version: "v1.34.1".to_owned() };
    update(&mut model, Msg::Runner(Event::Changed(Arc::new(snapshot))));
    assert_eq!(drive(&mut model, "o"), [Effect::Runner(Request::AcceptCourse { digest: "ab12".to_owned() })]);
}

#[test]
fn foreign_course_is_accepted_first() {
    let mut snapshot = course::snapshot();
    snapshot.unaccepted = Some("ab12".to_owned());
    check_of("foreign_course_is_accepted_first", &snapshot, "");
    let mut model = model_of(snapshot, 80, 24);
    assert_eq!(drive(&mut model, "o"), [Effect::Runner(Request::AcceptCourse { digest: "ab12".to_owned() })]);
}

#[test]
fn ascii_locale_without_colours() {
    let look = Look { colours: Colours::None, characters: Characters::Ascii, pictures: crate::Pictures::Words };
    let mut model = Model::new(Settings { look, ..Settings::default() }, 80, 24);
    update(&mut model, Msg::Runner(Event::Changed(Arc::new(course::snapshot()))));
    update(&mut model, Msg::Shell("accentué 日本 ─\r\n".as_bytes().to_vec()));
    let text = drawn(&model);
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!("ascii_locale_without_colours", text);
}

#[test]
fn a_block_is_run_as_if_typed() {
    let mut model = model(120, 40);
    assert_eq!(drive(&mut model, "enter"), [Effect::ShellInput(b"kubectl get nodes\r".to_vec())]);
    // Nothing more is typed before the next prompt.
    assert_eq!(drive(&mut model, "j enter"), []);
    let effects = update(&mut model, Msg::Shell(b"\r\n\x1b]133;A\x07$ ".to_vec()));
    let [Effect::ShellInput(bytes)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(bytes.starts_with(b"cat > 'limitrange.yaml' <<'FIN'\r"), "{:?}", String::from_utf8_lossy(bytes));
}

#[test]
fn a_running_command_is_never_typed_into() {
    let mut model = model(80, 24);
    update(&mut model, Msg::Foreground(Foreground::Command));
    assert_eq!(drive(&mut model, "] enter"), []);
    insta::assert_snapshot!("a_running_command_is_never_typed_into", drawn(&model));
    assert_eq!(drive(&mut model, "o"), [Effect::ShellInput(vec![3])]);
    update(&mut model, Msg::Foreground(Foreground::Prompt));
    let effects = update(&mut model, Msg::Shell(b"^C\r\n\x1b]133;A\x07$ ".to_vec()));
    assert_eq!(effects, [Effect::ShellInput(b"kubectl get nodes\r".to_vec())]);
}

#[test]
fn a_command_that_does_not_stop_is_given_up_on() {
    let mut model = model(80, 24);
    update(&mut model, Msg::Foreground(Foreground::Command));
    drive(&mut model, "] enter o");
    update(&mut model, Msg::Tick(Duration::from_secs(6)));
    assert!(drawn(&model).contains("rien n’a été envoyé"), "{}", drawn(&model));
    update(&mut model, Msg::Foreground(Foreground::Prompt));
    assert_eq!(update(&mut model, Msg::Shell(b"\x1b]133;A\x07$ ".to_vec())), []);
}

#[test]
fn keys_go_to_the_shell_save_the_prefix() {
    let mut model = model(80, 24);
    drive(&mut model, "tab");
    assert_eq!(
        drive(&mut model, "c tab esc"),
        [Effect::ShellInput(b"c".to_vec()), Effect::ShellInput(b"\t".to_vec()), Effect::ShellInput(b"\x1b".to_vec())]
    );
    assert_eq!(drive(&mut model, "ctrl-g c"), [Effect::Runner(Request::Check(None))]);
    assert_eq!(drive(&mut model, "ctrl-g ctrl-g"), [Effect::ShellInput(vec![7])]);
    assert_eq!(drive(&mut model, "ctrl-g tab c"), [Effect::Runner(Request::Check(None))]);
}

#[test]
fn requests_of_the_text() {
    let mut model = model(80, 24);
    assert_eq!(drive(&mut model, "f5"), [Effect::Runner(Request::Check(None))]);
    assert_eq!(drive(&mut model, "n"), [Effect::Runner(Request::Open(course::id("02-1-4-saturer")))]);
    assert_eq!(drive(&mut model, "p"), [Effect::Runner(Request::Open(course::id("02-1-1-affamer")))]);
    assert_eq!(drive(&mut model, "i i esc"), [Effect::Runner(Request::TakeHint)]);
    assert_eq!(drive(&mut model, "r o"), [Effect::Runner(Request::Reset)]);
    assert_eq!(drive(&mut model, "s n"), []);
    let answer = Request::Answer { check: lab::CheckId("qui-refuse".to_owned()), answer: "b".to_owned() };
    assert_eq!(drive(&mut model, "d j enter j enter"), [Effect::Runner(answer)]);
    assert_eq!(drive(&mut model, "esc ] ] ] ] y"), [Effect::Copy("systemctl status kubelet\n".to_owned())]);
}

#[test]
fn the_shell_follows_the_step_while_it_waits() {
    let mut model = model(80, 24);
    let mut next = course::snapshot();
    next.current = course::id("02-1-4-saturer");
    next.work = "/home/eleve/atelier/l'autre".into();
    let effects = update(&mut model, Msg::Runner(Event::Changed(Arc::new(next.clone()))));
    let commands = "cd '/home/eleve/atelier/l'\\''autre'".to_owned();
    assert_eq!(effects, [Effect::ShellFollow { cut: Vec::new(), commands }]);
    // A command runs: the shell is left alone, and this is said.
    update(&mut model, Msg::Shell(b"\x1b]133;A\x07$ ".to_vec()));
    update(&mut model, Msg::Foreground(Foreground::Command));
    next.current = course::id("02-1-5-quota");
    assert_eq!(update(&mut model, Msg::Runner(Event::Changed(Arc::new(next)))), []);
    assert!(drawn(&model).contains("le terminal reste dans son dossier"));
}

#[test]
fn the_mouse_chooses_and_scrolls() {
    let mut model = model(120, 40);
    let mouse = |kind, column, row| Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    let click = MouseEventKind::Down(MouseButton::Left);
    update(&mut model, mouse(click, 80, 10));
    assert_eq!(drive(&mut model, "x"), [Effect::ShellInput(b"x".to_vec())]);
    let many: String = (0..100).map(|line| format!("{line}\r\n")).collect();
    update(&mut model, Msg::Shell(many.into_bytes()));
    update(&mut model, mouse(MouseEventKind::ScrollUp, 80, 10));
    assert!(drawn(&model).contains("↑ 3 lignes"));
}

#[test]
fn what_is_typed_before_the_shell_starts_reaches_it() {
    let starting = Snapshot { environment: EnvironmentView::Starting, ..course::snapshot() };
    let mut model = Model::new(Settings::default(), 80, 24);
    update(&mut model, Msg::Runner(Event::Changed(Arc::new(starting))));
    let early = drive(&mut model, "tab x ctrl-c l s space n enter p");
    assert!(early.iter().all(|effect| !matches!(effect, Effect::ShellInput(_) | Effect::Runner(_))), "{early:?}");
    update(&mut model, Msg::Paste("wd".to_owned()));
    let effects = update(&mut model, Msg::Runner(Event::Changed(Arc::new(course::snapshot()))));
    let typed: Vec<&[u8]> = effects
        .iter()
        .skip_while(|effect| !matches!(effect, Effect::ShellStart(_)))
        .filter_map(|effect| match effect {
            Effect::ShellInput(bytes) => Some(bytes.as_slice()),
            _ => None,
        })
        .collect();
    assert_eq!(typed, [b"ls n\rpwd".as_slice()], "once, after the start, without what Ctrl-C took back");
    assert_eq!(drive(&mut model, "x").len(), 1, "the next key goes straight to the shell");
}

#[test]
fn a_picture_in_full_view_is_left_to_a_terminal_that_shows_pictures() {
    let look = Look { pictures: crate::Pictures::Kitty, ..Look::FULL };
    let mut model = Model::new(Settings { look, ..Settings::default() }, 80, 24);
    update(&mut model, Msg::Runner(Event::Changed(Arc::new(course::snapshot()))));
    assert!(model.shown_by_terminal().is_empty(), "it is further down");
    model.text.offset = model.text.laid.pictures[0].line;
    let shown = model.shown_by_terminal();
    assert_eq!(shown.len(), 1, "the picture of the page");
    let text = drawn(&model);
    let row = usize::from(shown[0].area.y);
    assert!(!text.lines().nth(row).expect("its first row").contains('▀'), "{text}");
    // What stands before the page would be drawn over.
    drive(&mut model, "?");
    assert!(model.shown_by_terminal().is_empty());
}
