//! The linear mode, spoken with.

use std::sync::{Arc, Mutex};

use runner::{Notice, StepStateView, Verdict};

use super::*;
use crate::tests::course;

/// A writer that the test reads.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no test panics while it holds it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Says `lines` to a dialogue that begins with the made-up course; returns what was said and asked.
fn check(lines: &[&str]) -> Vec<Act> {
    let mut dialogue = Dialogue::default();
    dialogue.event(Event::Changed(Arc::new(course::snapshot_with_results())));
    lines.iter().flat_map(|line| dialogue.line(line)).collect()
}

fn text(acts: &[Act]) -> String {
    let said = acts.iter().map(|act| match act {
        Act::Say(text) => text.clone(),
        other => format!("<{other:?}>"),
    });
    said.collect::<Vec<_>>().join("\n")
}

#[test]
fn step_read_aloud() {
    insta::assert_snapshot!(text(&check(&["lire"])));
}

#[test]
fn words_of_the_prompt() {
    let lines =
        ["carte", "détails 2", "détails 3", "contrôles", "chercher mémoire", "aide", "n'importe quoi", "lancer 9"];
    insta::assert_snapshot!(text(&check(&lines)));
}

#[test]
fn what_is_asked_of_the_session() {
    let step = |name| course::id(name);
    let asked = |lines: &[&str]| -> Vec<Request> {
        check(lines)
            .into_iter()
            .filter_map(|act| if let Act::Request(request) = act { Some(request) } else { None })
            .collect()
    };
    assert_eq!(asked(&["vérifier"]), [Request::Check(None)]);
    assert_eq!(asked(&["VERIFIER 2"]), [Request::Check(Some(lab::CheckId("limite-512".to_owned())))]);
    let answer = Request::Answer { check: lab::CheckId("qui-refuse".to_owned()), answer: "b".to_owned() };
    assert_eq!(asked(&["répondre 3 b"]), [answer]);
    assert_eq!(asked(&["indice", "oui"]), [Request::TakeHint]);
    assert_eq!(asked(&["solution", "non"]), []);
    assert_eq!(asked(&["solution", "oui"]), [Request::RevealSolution]);
    assert_eq!(asked(&["refaire", "o"]), [Request::Reset]);
    assert_eq!(asked(&["suite"]), [Request::Open(step("02-1-4-saturer"))]);
    assert_eq!(asked(&["aller 1"]), [Request::Open(step("00-1-outil"))]);
    assert_eq!(asked(&["rattraper 4", "oui"]), [Request::CatchUp(step("02-1-4-saturer"))]);
}

#[test]
fn changes_are_announced() {
    let mut dialogue = Dialogue::default();
    let mut snapshot = course::snapshot();
    dialogue.event(Event::Changed(Arc::new(snapshot.clone())));
    snapshot.hints = 2;
    let mut said = dialogue.event(Event::Changed(Arc::new(snapshot.clone())));
    snapshot.solution_seen = true;
    snapshot.steps[2].state = StepStateView::Done;
    said.extend(dialogue.event(Event::Changed(Arc::new(snapshot))));
    let check = lab::CheckId("limite-512".to_owned());
    said.extend(dialogue.event(Event::Turned { check, verdict: Verdict::Pass }));
    said.extend(dialogue.event(Event::Passed { step: course::id("02-1-3-borner"), points: 1 }));
    said.extend(dialogue.event(Event::Notice(Notice::Swept(2))));
    insta::assert_snapshot!(text(&said));
}

#[tokio::test]
async fn a_whole_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let mut snapshot = course::snapshot();
    snapshot.work = folder.path().to_owned();
    let (requests, mut asked) = mpsc::channel(4);
    let (say, said) = mpsc::channel(4);
    say.send(Event::Changed(Arc::new(snapshot))).await.unwrap();
    let events = Box::pin(futures::stream::unfold(said, |mut said| async { Some((said.recv().await?, said)) }));
    let mut lines = ["lancer 2", "verifier", "quitter"].into_iter();
    let paper = Paper::default();
    let answering = async {
        let mut all = Vec::new();
        while let Some(request) = asked.recv().await {
            let last = request == Request::Quit;
            all.push(request);
            if last {
                say.send(Event::Ended).await.unwrap();
                break;
            }
        }
        all
    };
    let next_line = move || lines.next().map(str::to_owned);
    let (ended, all) =
        tokio::join!(plain(Session { requests, events }, next_line, paper.clone(), Characters::Ascii), answering);
    ended.unwrap();
    assert_eq!(all, [Request::Check(None), Request::Quit]);
    let written = std::fs::read_to_string(folder.path().join("limitrange.yaml")).unwrap();
    assert!(written.starts_with("apiVersion: v1\n") && written.ends_with("memory: 512Mi\n"), "{written}");
    let printed = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    assert!(printed.is_ascii() && printed.contains("> La commande est lancee.\nLa commande est finie.\n"), "{printed}");
}
