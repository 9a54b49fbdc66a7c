//! The log against every kind of damage, and the algebra of merging.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::CourseId;

fn step(number: u8) -> StepId {
    StepId { course: CourseId("demo".to_owned()), step: format!("step-{number}") }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Writes a log, and returns it with its bytes.
fn written(id: &str, happenings: &[(i64, Happening)]) -> (Log, Vec<u8>) {
    let mut log = Log::default();
    let mut bytes = Vec::new();
    let began = Happening::Began { learner: "léa".to_owned(), log: id.to_owned() };
    for (second, what) in std::iter::once((0, began)).chain(happenings.iter().cloned()) {
        let line = log.line(at(second), what);
        bytes.extend_from_slice(line.text().as_bytes());
        bytes.push(b'\n');
        log.push(line);
    }
    (log, bytes)
}

fn happening() -> impl Strategy<Value = Happening> {
    let step = (0_u8..3).prop_map(step);
    (step, 0_u8..9, 0_u32..4, "[a-zé\"\\\\\n ]{0,8}").prop_map(|(step, which, number, text)| match which {
        0 => Happening::Opened { step },
        1 => Happening::Checked { step, verdicts: vec![(CheckId("a".to_owned()), Verdict::Fail)] },
        2 => Happening::Answered { step, check: CheckId("q".to_owned()), answer: text },
        3 => Happening::HintTaken { step, hint: number },
        4 => Happening::SolutionSeen { step },
        5 => Happening::Reset { step },
        6 => Happening::Passed { step, points: number },
        7 => Happening::Spent { step, seconds: number },
        _ => Happening::Seen {
            step,
            observation: check::Observation {
                at: at(i64::from(number)),
                what: check::Observed::NodeReady { node: text },
                proven: true,
            },
        },
    })
}

fn happenings() -> impl Strategy<Value = Vec<(i64, Happening)>> {
    prop::collection::vec((0_i64..50, happening()), 0..12)
}

/// A history of several logs, whose clocks may run backwards.
fn history() -> impl Strategy<Value = History> {
    prop::collection::vec((0_u8..3, happenings()), 0..3).prop_map(|logs| {
        logs.iter().fold(History::default(), |all, (id, happenings)| {
            merge(&all, written(&format!("log-{id}"), happenings).0.history())
        })
    })
}

proptest! {
    #[test]
    fn merging_is_commutative_associative_and_idempotent(a in history(), b in history(), c in history()) {
        prop_assert_eq!(merge(&a, &b), merge(&b, &a));
        prop_assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
        prop_assert_eq!(merge(&a, &a), a.clone());
        prop_assert_eq!(merge(&a, &History::default()), a.clone());
        prop_assert_eq!(merge(&a, &b).progress(), merge(&b, &a).progress());
    }

    #[test]
    fn merging_into_a_log_is_merging_histories(mine in happenings(), theirs in history()) {
        let (mut log, mut bytes) = written("mine", &mine);
        let expected = merge(log.history(), &theirs);
        for _ in 0..2 {
            for merged in theirs.missing_from(log.history()) {
                let line = log.line(at(99), merged);
                bytes.extend_from_slice(line.text().as_bytes());
                bytes.push(b'\n');
                log.push(line);
            }
        }
        prop_assert_eq!(log.history(), &expected);
        prop_assert_eq!(log.progress(), &expected.progress());
        prop_assert_eq!(Log::read(&bytes), log);
    }

    #[test]
    fn what_is_written_is_read_again(happenings in happenings()) {
        let (log, bytes) = written("one", &happenings);
        let again = Log::read(&bytes);
        prop_assert_eq!(again.flaws(), []);
        prop_assert_eq!(&again, &log);
        prop_assert_eq!(again.progress(), &again.history().progress());
    }

    #[test]
    fn a_cut_anywhere_keeps_the_lines_before_and_shows(happenings in happenings(), cut in any::<prop::sample::Index>()) {
        let (log, bytes) = written("one", &happenings);
        let cut = cut.index(bytes.len());
        let rest = Log::read(&bytes[..cut]);
        let lines = bytes[..cut].iter().filter(|byte| **byte == b'\n').count() as u64;
        prop_assert_eq!(rest.head().lines, lines);
        prop_assert!(!rest.reaches(&log.head()));
        let clean = cut == 0 || bytes[cut - 1] == b'\n';
        let expected = if clean { vec![] } else { vec![Flaw { line: lines + 1, kind: FlawKind::Torn }] };
        prop_assert_eq!(rest.flaws(), expected);
    }

    #[test]
    fn a_changed_byte_shows(
        happenings in happenings(), place in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let (log, mut bytes) = written("one", &happenings);
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        let changed = Log::read(&bytes);
        prop_assert!(!changed.flaws().is_empty() || !changed.reaches(&log.head()));
    }

    #[test]
    fn a_removed_or_moved_line_shows_where_it_was(
        happenings in prop::collection::vec((0_i64..50, happening()), 3..12), which in any::<prop::sample::Index>(),
    ) {
        let (_, bytes) = written("one", &happenings);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let which = which.index(lines.len() - 1);
        let mut removed = lines.clone();
        removed.remove(which);
        let found = Log::read(&removed.concat());
        let expected = Flaw { line: which as u64 + 1, kind: FlawKind::Missing { lines: 1 } };
        prop_assert_eq!(found.flaws(), [expected]);
        let mut moved = lines.clone();
        moved.swap(which, which + 1);
        let found = Log::read(&moved.concat());
        prop_assert_eq!(found.flaws().first().map(|flaw| flaw.line), Some(which as u64 + 1));
        prop_assert!(found.flaws().iter().any(|flaw| flaw.kind == FlawKind::Moved));
    }

    #[test]
    fn a_carried_file_arrives(happenings in happenings(), lost in 0_usize..3) {
        let (log, bytes) = written("one", &happenings);
        let file = carry(&log, &bytes, at(60));
        let arrived = read_carried(&file).unwrap();
        prop_assert_eq!(&arrived, &Carried { learner: "léa".to_owned(), exported: at(60), log, whole: true });
        let end = file[..file.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        prop_assert!(!read_carried(&file[..end - lost.min(1)]).is_ok_and(|arrived| arrived.whole));
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in any::<Vec<u8>>()) {
        let _ = Log::read(&bytes);
        let _ = read_carried(&bytes);
    }
}

#[test]
fn an_edited_line_is_named() {
    let happenings = [(1, Happening::Opened { step: step(1) }), (2, Happening::Passed { step: step(1), points: 1 })];
    let (_, bytes) = written("one", &[&happenings[..], &[(3, Happening::Opened { step: step(2) })]].concat());
    let text = String::from_utf8(bytes).unwrap().replace("\"points\":1", "\"points\":9");
    let log = Log::read(text.as_bytes());
    assert_eq!(log.flaws(), [Flaw { line: 3, kind: FlawKind::Changed }]);
    assert_eq!(log.progress().step(&step(1)).passed, Some(9), "a flaw hides nothing");
}

#[test]
fn an_unreadable_line_is_passed_over() {
    let (_, bytes) =
        written("one", &[(1, Happening::Opened { step: step(1) }), (2, Happening::Opened { step: step(2) })]);
    let text = String::from_utf8(bytes).unwrap().replacen("opened", "closed", 1);
    let log = Log::read(text.as_bytes());
    assert_eq!(log.flaws(), [Flaw { line: 2, kind: FlawKind::Unreadable }]);
    assert_eq!(log.progress().current, Some(step(2)));
}

#[test]
fn a_line_goes_on_after_a_crash_that_tore_one() {
    let (_, mut bytes) = written("one", &[(1, Happening::Opened { step: step(1) })]);
    let whole = bytes.len();
    bytes.extend_from_slice(b"{\"sequence\":2,\"at\":\"20");
    let torn = Log::read(&bytes);
    assert_eq!(torn.flaws(), [Flaw { line: 3, kind: FlawKind::Torn }]);
    bytes.truncate(whole);
    bytes.extend_from_slice(torn.line(at(5), Happening::Opened { step: step(2) }).text().as_bytes());
    bytes.push(b'\n');
    assert_eq!(Log::read(&bytes).flaws(), []);
}

#[test]
fn a_reset_forgets_the_attempt_but_not_what_was_won_or_cost() {
    let (check, q) = (CheckId("a".to_owned()), CheckId("q".to_owned()));
    let step = step(1);
    let (log, _) = written(
        "one",
        &[
            (1, Happening::Opened { step: step.clone() }),
            (2, Happening::HintTaken { step: step.clone(), hint: 1 }),
            (3, Happening::Answered { step: step.clone(), check: q, answer: "3".to_owned() }),
            (4, Happening::Checked { step: step.clone(), verdicts: vec![(check, Verdict::Pass)] }),
            (5, Happening::Passed { step: step.clone(), points: 4 }),
            (6, Happening::Reset { step: step.clone() }),
            (7, Happening::Passed { step: step.clone(), points: 2 }),
        ],
    );
    let expected = StepState { opened: true, passed: Some(4), tries: 1, hints: 2, ..StepState::default() };
    assert_eq!(log.progress().step(&step), expected);
}

#[test]
fn hints_and_the_solution_cost_what_the_course_says() {
    let (labs, _) = crate::fixture::trees(crate::fixture::GOOD);
    let (catalog, _) = crate::load(&labs, None);
    let mut course = catalog.courses()[0].clone();
    let mut step = course.steps[0].clone();
    let mut points = |worth, hints, hint_cost, solution_seen| {
        step.points = worth;
        course.hint_cost = hint_cost;
        course.after_solution = 20;
        StepState { hints, solution_seen, ..StepState::default() }.points_if_passed(&course, &step)
    };
    assert_eq!(points(10, 0, 10, false), 10);
    assert_eq!(points(10, 3, 10, false), 7);
    assert_eq!(points(5, 1, 10, false), 4);
    assert_eq!(points(1, 1, 10, false), 1);
    assert_eq!(points(10, 20, 10, false), 0);
    assert_eq!(points(10, 1, 0, false), 10);
    assert_eq!(points(10, 0, 10, true), 2);
    assert_eq!(points(u32::MAX, 0, 10, false), u32::MAX);
}

#[test]
fn a_file_of_something_else_is_refused() {
    let said = |file: &[u8]| read_carried(file).unwrap_err().to_string();
    assert_eq!(said(b"{\"format\":1}\n"), "not a progress file");
    assert_eq!(said(b""), "not a progress file");
    assert_eq!(
        said(b"{\"format\":2,\"kind\":\"atelier-progress\"}\n"),
        "progress file of format 2; this program reads 1"
    );
}
