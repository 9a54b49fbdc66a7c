//! Measures one frame of a long step beside a long scrollback: `cargo run --release -p tui --example frame`.
//!
//! Prints a line of JSON: the median and the worst of 500 frames, in microseconds, each after a key that scrolls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use lab::Segment;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tui::{Model, Msg, Settings, update, view};

#[path = "../src/tests/course.rs"]
mod course;

const FRAMES: usize = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut snapshot = course::snapshot_with_results();
    let mut courses = snapshot.courses.as_ref().clone();
    let prose: String =
        (0..1000).map(|line| format!("Ligne {line} d’une consigne, avec du **gras** et du `code`.\n\n")).collect();
    for step in courses.iter_mut().flat_map(|course| &mut course.steps).filter(|step| step.id == snapshot.current) {
        step.page.segments = vec![Segment::Prose(prose.clone())];
    }
    snapshot.courses = Arc::new(courses);
    let mut model = Model::new(Settings::default(), 120, 40);
    update(&mut model, Msg::Runner(runner::Event::Changed(Arc::new(snapshot))));
    let output: String = (0..10_000)
        .map(|line| format!("\x1b[3{}mligne {line}\x1b[0m de la sortie d’une commande\r\n", line % 8))
        .collect();
    update(&mut model, Msg::Shell(output.into_bytes()));
    let mut terminal = Terminal::new(TestBackend::new(120, 40))?;
    terminal.draw(|frame| view(&model, frame))?;
    let mut times = Vec::with_capacity(FRAMES);
    for number in 0..FRAMES {
        let key = if number % 100 < 50 { KeyCode::PageDown } else { KeyCode::PageUp };
        let key = KeyEvent::new(key, KeyModifiers::NONE);
        let began = Instant::now();
        update(&mut model, Msg::Key(key));
        terminal.draw(|frame| view(&model, frame))?;
        times.push(began.elapsed());
    }
    times.sort();
    let micros = |time: Duration| time.as_micros();
    #[expect(clippy::print_stdout, reason = "the figure is the result")]
    {
        println!("{{\"median\":{},\"worst\":{}}}", micros(times[FRAMES / 2]), micros(times[FRAMES - 1]));
    }
    Ok(())
}
