//! Tries the screens by hand, with a made-up course and a session that only pretends.
//!
//! `cargo run -p tui --example demo`

use std::sync::Arc;
use std::time::Duration;

use runner::{Event, Request, Snapshot, StepStateView, Verdict, Work};
use tokio::sync::mpsc;

#[path = "../src/tests/course.rs"]
mod course;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (requests, mut asked) = mpsc::channel(16);
    let (events, said) = mpsc::channel(64);
    let folder = std::env::temp_dir().join(format!("atelier-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let state = folder.clone();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let mut snapshot = course::snapshot_with_results();
        place(&mut snapshot, &folder);
        let _ = events.send(Event::Changed(Arc::new(snapshot.clone()))).await;
        while let Some(request) = asked.recv().await {
            match request {
                Request::Quit => break,
                Request::Open(step) => {
                    snapshot.current = step;
                    place(&mut snapshot, &folder);
                }
                Request::TakeHint => snapshot.hints += 1,
                Request::RevealSolution => snapshot.solution_seen = true,
                Request::Answer { check, answer } => {
                    for view in snapshot.checks.iter_mut().filter(|view| view.id == check) {
                        view.verdict = if answer == "b" || answer == "5" { Verdict::Pass } else { Verdict::Fail };
                        view.answer = Some(answer.clone());
                    }
                }
                Request::Check(_) => {
                    snapshot.busy = Some(Work::Checking);
                    for view in &mut snapshot.checks {
                        view.verdict = Verdict::Running;
                    }
                    let _ = events.send(Event::Changed(Arc::new(snapshot.clone()))).await;
                    for index in 0..snapshot.checks.len() {
                        tokio::time::sleep(Duration::from_millis(700)).await;
                        let check = snapshot.checks[index].id.clone();
                        snapshot.checks[index].verdict = Verdict::Pass;
                        let _ = events.send(Event::Changed(Arc::new(snapshot.clone()))).await;
                        let _ = events.send(Event::Turned { check, verdict: Verdict::Pass }).await;
                    }
                    snapshot.busy = None;
                    for view in snapshot.steps.iter_mut().filter(|view| view.step == snapshot.current) {
                        view.state = StepStateView::Done;
                        view.points = view.max;
                    }
                    let step = snapshot.current.clone();
                    let _ = events.send(Event::Passed { step, points: 6 }).await;
                }
                _ => {}
            }
            let _ = events.send(Event::Changed(Arc::new(snapshot.clone()))).await;
        }
        let _ = events.send(Event::Ended).await;
    });
    let events = Box::pin(futures::stream::unfold(said, |mut said| async { Some((said.recv().await?, said)) }));
    tui::run(tui::Session { requests, events }, tui::Options { state, prefix: 'g' }).await?;
    Ok(())
}

fn place(snapshot: &mut Snapshot, folder: &std::path::Path) {
    snapshot.work = folder.join(&snapshot.current.course.0).join(&snapshot.current.step);
    let _ = std::fs::create_dir_all(&snapshot.work);
    snapshot.variables = Vec::new();
}
