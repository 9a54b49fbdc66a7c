//! Specs that an author may write by mistake.

use super::Problem;
use crate::testing::spec;
use crate::{Spec, Trigger, Watch};

fn check(yaml: &str, expected: &[Problem]) {
    assert_eq!(spec(yaml).problems(), expected, "{yaml}");
}

#[test]
fn sound_specs_have_no_problem() {
    for yaml in [
        "kubernetes_object: { api_version: v1, kind: LimitRange, fields: { 'a[b=c].d': 512Mi } }",
        "condition: { api_version: v1, kind: Node, name: node3, within: 60 }",
        "command_output: { command: 'true', matches: '^a' }",
        "file_content: { path: sub/a.yaml, document: { kind: Pod } }",
        "http_answer: { url: 'http://127.0.0.1:8080/', status: 200 }",
        "question: { ask: Quoi ?, choices: { a: x, b: y }, answer: a }",
        "question: { ask: Quoi ?, number: 3 }",
        "question: { ask: Quoi ?, accepted: [a] }",
        "observed: { node_not_ready: {} }",
        "quota_exhaustion: { template: a.yaml, replicas: 20, admitted: { min: 1, max: 10 } }",
    ] {
        check(yaml, &[]);
    }
}

#[test]
fn mistakes_are_named() {
    let contradiction = |first, second| Problem::Contradiction { first, second };
    check(
        "kubernetes_object: { api_version: v1, kind: '', name: a, selector: b=c, absent: true, count: 2 }",
        &[Problem::Empty { field: "kind" }, contradiction("name", "selector"), contradiction("absent", "count")],
    );
    check(
        "condition: { api_version: v1, kind: Node, within: 0 }",
        &[Problem::OutOfBounds { field: "within", min: 1, max: 3600 }],
    );
    check("command_output: { command: ' ' }", &[Problem::Empty { field: "command" }]);
    check(
        "command_output: { command: a, contains: [ab, ''], excludes: [b] }",
        &[Problem::Empty { field: "contains" }, contradiction("contains", "excludes")],
    );
    assert!(matches!(
        spec("command_output: { command: a, matches: '(' }").problems()[..],
        [Problem::BadPattern { .. }]
    ));
    check("file_content: { path: a }", &[Problem::ExpectsNothing]);
    check("file_content: { path: ../a, contains: [x] }", &[Problem::EscapingPath { path: "../a".to_owned() }]);
    check(
        "http_answer: { url: 'https://a/', status: 20 }",
        &[
            Problem::BadAddress { url: "https://a/".to_owned() },
            Problem::OutOfBounds { field: "status", min: 100, max: 599 },
        ],
    );
    check("question: { ask: Quoi ? }", &[Problem::NoAnswer]);
    check("question: { ask: Quoi ?, choices: { a: x, b: y } }", &[Problem::NoAnswer]);
    check(
        "question: { ask: Quoi ?, choices: { a: x, b: y }, answer: c }",
        &[Problem::AnswerNotAChoice { answer: "c".to_owned() }],
    );
    check(
        "question: { ask: '', number: 1, accepted: [a] }",
        &[Problem::Empty { field: "ask" }, contradiction("number", "accepted")],
    );
    check("quota_exhaustion: { replicas: 1 }", &[Problem::OutOfBounds { field: "replicas", min: 2, max: 100 }]);
    check(
        "quota_exhaustion: { replicas: 5, admitted: { min: 6, max: 4 } }",
        &[contradiction("min", "max"), Problem::OutOfBounds { field: "admitted", min: 0, max: 5 }],
    );
}

#[test]
fn unknown_fields_and_bad_paths_are_refused_where_they_stand() {
    for (yaml, place) in [
        ("kubernetes_object:\n  api_version: v1\n  kind: Pod\n  colour: red\n", (4, 3)),
        ("kubernetes_object:\n  api_version: v1\n  kind: Pod\n  fields:\n    a..b: 1\n", (5, 5)),
        ("kubernetes_object:\n  api_version: v1\n  kind: Pod\n  fields:\n    a: { min: beaucoup }\n", (5, 8)),
    ] {
        let error = serde_saphyr::from_str::<Spec>(yaml).unwrap_err();
        let at = error.location().map(|location| (location.line(), location.column()));
        assert_eq!(at, Some(place), "{error}");
    }
}

#[test]
fn checks_that_act_never_wake_themselves() {
    for yaml in [
        "condition: { api_version: v1, kind: Node, within: 1 }",
        "command_output: { command: 'true' }",
        "http_answer: { url: 'http://a/', status: 200 }",
        "quota_exhaustion: { replicas: 20 }",
    ] {
        let spec = spec(yaml);
        assert_eq!((spec.trigger(), spec.watches()), (Trigger::OnDemand, vec![]), "{yaml}");
    }
    let spec = spec("file_content: { path: a, contains: [x] }");
    assert_eq!((spec.trigger(), spec.watches()), (Trigger::Watched, vec![Watch::File("a".to_owned())]));
}
