//! `atelier list` and `atelier status`: the courses and their steps; the same document for machines, two views for
//! people.

use lab::{Catalog, Progress, Step};
use runner::{Confirmation, Docker, Outlook};
use serde_json::{Value, json};

use crate::arguments::{Labs, Listing, TextOrJson};
use crate::exit::{Ended, Exit};
use crate::output::{self, Tone, paint};
use crate::words::say;
use crate::{place, seat};

/// What people see of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// What there is: titles and times.
    Courses,
    /// How far the learner is.
    Progress,
}

/// Prints the courses. Whether a step can be done is judged without starting or contacting a cluster.
pub(crate) fn run(listing: &Listing, labs: &Labs, view: View) -> Ended {
    let catalog = place::catalog(labs)?;
    let home = place::home()?;
    let store = place::store(&home)?;
    let docker = place::runtime()?.block_on(runner::docker(|name| std::env::var_os(name)));
    let outlook = Outlook::of(&seat::choice(&listing.place, Confirmation::Asked, sandbox::Pace::Lifelike));
    let rows = rows(&catalog, store.progress(), outlook, docker);
    match listing.machine.format {
        TextOrJson::Json => output::print_json(&document(&catalog, &rows)),
        TextOrJson::Text => output::print(&text(&catalog, store.progress(), &rows, view)),
    }
    Ok(Exit::Well)
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Todo,
    Tried,
    Done,
    Impossible,
}

struct Row<'a> {
    step: &'a Step,
    state: State,
    why: Option<String>,
    points: u32,
}

fn rows<'a>(catalog: &'a Catalog, progress: &Progress, outlook: Outlook, docker: Docker) -> Vec<Row<'a>> {
    catalog
        .steps()
        .map(|step| {
            let known = progress.step(&step.id);
            let missing = outlook.lacks(step, docker);
            let state = match (known.passed, &missing) {
                (Some(_), _) => State::Done,
                (None, Some(_)) => State::Impossible,
                (None, None) if known.opened || known.tries > 0 => State::Tried,
                (None, None) => State::Todo,
            };
            let why = if state == State::Impossible { missing.as_ref().map(messages::need) } else { None };
            Row { step, state, why, points: known.passed.unwrap_or(0) }
        })
        .collect()
}

fn document(catalog: &Catalog, rows: &[Row<'_>]) -> Value {
    let courses: Vec<Value> = catalog
        .courses()
        .iter()
        .map(|course| {
            let steps: Vec<Value> = rows
                .iter()
                .filter(|row| row.step.id.course == course.id)
                .map(|row| {
                    let state = match row.state {
                        State::Todo => "todo",
                        State::Tried => "tried",
                        State::Done => "done",
                        State::Impossible => "impossible",
                    };
                    json!({
                        "step": row.step.id.to_string(),
                        "title": row.step.title,
                        "state": state,
                        "why": row.why,
                        "points": row.points,
                        "max": row.step.points,
                        "minutes": row.step.minutes,
                    })
                })
                .collect();
            json!({ "course": course.id.0, "title": course.title, "steps": steps })
        })
        .collect();
    json!({ "format": 1, "courses": courses })
}

fn text(catalog: &Catalog, progress: &Progress, rows: &[Row<'_>], view: View) -> String {
    let mut out = String::new();
    for course in catalog.courses() {
        let rows: Vec<&Row<'_>> = rows.iter().filter(|row| row.step.id.course == course.id).collect();
        let earned: u32 = rows.iter().map(|row| row.points).sum();
        let done = rows.iter().filter(|row| row.state == State::Done).count();
        if !out.is_empty() {
            out.push('\n');
        }
        let score = say!("list-points", points = earned, max = course.points());
        out.push_str(&format!("{}  ({})  {score}\n", paint(Tone::Strong, &course.title), course.id.0));
        if view == View::Progress {
            out.push_str(&format!("{}\n", say!("list-done", done = done, total = rows.len())));
        }
        let mut chapter = "";
        for row in rows {
            if row.step.chapter != chapter {
                chapter = &row.step.chapter;
                out.push_str(&format!("\n  {}\n", paint(Tone::Strong, chapter)));
            }
            out.push_str(&line(row, progress, view));
        }
    }
    out
}

fn line(row: &Row<'_>, progress: &Progress, view: View) -> String {
    let (mark, word, tone) = match row.state {
        State::Todo => ("·", say!("state-todo"), Tone::Faint),
        State::Tried => ("◌", say!("state-tried"), Tone::Doubtful),
        State::Done => ("✔", say!("state-done"), Tone::Good),
        State::Impossible => ("✘", say!("state-impossible"), Tone::Bad),
    };
    let name = &row.step.id.step;
    let here = if progress.current.as_ref() == Some(&row.step.id) { say!("list-current") } else { String::new() };
    let detail = match view {
        View::Courses => say!("list-minutes", minutes = row.step.minutes),
        View::Progress => word,
    };
    let points = say!("list-points", points = row.points, max = row.step.points);
    let mut line = format!("    {} {name:<34} {:<46} {detail}, {points}{here}\n", paint(tone, mark), row.step.title);
    if let Some(why) = &row.why {
        line.push_str(&format!("        {why}\n"));
    }
    line
}
