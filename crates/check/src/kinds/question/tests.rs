//! Answers as learners type them.

use super::{Finding, read_number};
use crate::Evidence;
use crate::testing::{judge, world};

async fn check(body: &str, answer: &str) -> Finding {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(folder.path());
    world.answer = Some(answer.to_owned());
    let outcome = judge(&format!("question: {{ ask: Quoi ?, {body} }}"), &world).await.unwrap();
    match outcome.evidence() {
        Evidence::Question(evidence) => evidence.finding,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn choices() {
    let body = "choices: { a: LimitRange, b: ResourceQuota, c: le planificateur }, answer: b";
    for (answer, expected) in [
        ("b", Finding::Right),
        (" B ", Finding::Right),
        ("b)", Finding::Right),
        ("(b)", Finding::Right),
        ("Réponse b", Finding::Right),
        ("a", Finding::Wrong),
        ("d", Finding::NotAChoice),
        ("ResourceQuota", Finding::NotAChoice),
        ("", Finding::Unanswered),
        ("   ", Finding::Unanswered),
    ] {
        assert_eq!(check(body, answer).await, expected, "{answer}");
    }
}

#[tokio::test]
async fn numbers() {
    for (body, answer, expected) in [
        ("number: 3", "3", Finding::Right),
        ("number: 3", " 3 Pods", Finding::Right),
        ("number: 3", "trois", Finding::NotANumber),
        ("number: 3", "4", Finding::Wrong),
        ("number: 3", "-3", Finding::Wrong),
        ("number: 1024.5", "1 024,5", Finding::Right),
        ("number: 1024.5", "1\u{202f}024,5", Finding::Right),
        ("number: 512", "512 Mi", Finding::Right),
        ("number: 512", "512Mio", Finding::Right),
        ("number: 536870912", "512Mi", Finding::Right),
        ("number: 10", "10 %", Finding::Right),
        ("number: 10", "~10", Finding::Right),
        ("number: 0.5", ",5", Finding::Right),
        ("number: 3.14, tolerance: 0.01", "3,15", Finding::Right),
        ("number: 3.14, tolerance: 0.01", "3,2", Finding::Wrong),
        ("number: 3", "3 ou 4", Finding::NotANumber),
        ("number: 3", "environ 3", Finding::NotANumber),
        ("number: 3", "1e999", Finding::NotANumber),
    ] {
        assert_eq!(check(body, answer).await, expected, "{body} and {answer}");
    }
    assert_eq!(read_number("-"), None);
}

#[tokio::test]
async fn texts() {
    let body = "accepted: [ResourceQuota, la mémoire, nœud]";
    for (answer, expected) in [
        ("resourcequota", Finding::Right),
        ("Une ResourceQuota.", Finding::Right),
        ("« ResourceQuota »", Finding::Right),
        ("`ResourceQuota`", Finding::Right),
        ("memoire", Finding::Right),
        ("LA  MÉMOIRE", Finding::Right),
        ("me\u{301}moire", Finding::Right),
        ("noeud", Finding::Right),
        ("LimitRange", Finding::Wrong),
        ("la", Finding::Wrong),
        ("?", Finding::Wrong),
    ] {
        assert_eq!(check(body, answer).await, expected, "{answer}");
    }
}

#[tokio::test]
async fn the_evidence_never_tells_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = world(folder.path());
    world.answer = Some("non".to_owned());
    let outcome = judge("question: { ask: Quoi ?, accepted: [kubelet-secret] }", &world).await.unwrap();
    assert!(!serde_json::to_string(&outcome).unwrap().contains("kubelet-secret"));
}
