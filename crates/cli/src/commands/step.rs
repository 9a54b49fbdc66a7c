//! `atelier hint`, `solution`, `reset`, `catch-up`: what the TUI does with one step, as commands.

use std::path::PathBuf;

use lab::{BlockKind, Page, Segment};

use crate::arguments::{Labs, OneStep, Solution};
use crate::exit::{Ended, Exit, Failure, runner_failure};
use crate::output;
use crate::words::say;
use crate::{place, seat};

/// Takes and prints the next hint. What it costs is said on standard error.
pub(crate) fn hint(arguments: &OneStep, labs: &Labs) -> Ended {
    let catalog = place::catalog(labs)?;
    let home = place::home()?;
    let id = place::find(&catalog, &arguments.step)?;
    let mut store = place::store(&home)?;
    let hint = runner::take_hint(&mut store, &catalog, &id).map_err(runner_failure)?;
    let cost = catalog.course(&id.course).map_or(0, |course| course.hint_cost);
    let number = hint.index.saturating_add(1);
    output::note(&say!("hint-taken", number = number, total = hint.total, cost = cost.to_string()));
    output::print(&format!("{}\n", messages::sanitize(hint.text.trim_end())));
    Ok(Exit::Well)
}

/// Prints the solution, and applies it where that was asked for.
pub(crate) fn solution(arguments: &Solution, labs: &Labs) -> Ended {
    let catalog = place::catalog(labs)?;
    let home = place::home()?;
    let id = place::find(&catalog, &arguments.step)?;
    let solution = {
        let mut store = place::store(&home)?;
        runner::reveal_solution(&mut store, &catalog, &id).map_err(runner_failure)?
    };
    output::note(&say!("solution-noted"));
    output::print(&page(&solution.page));
    for file in &solution.files {
        let content = String::from_utf8_lossy(&file.content);
        output::print(&format!("--- {}\n{}\n", file.path, messages::sanitize(content.trim_end())));
    }
    if !arguments.apply {
        return Ok(Exit::Well);
    }
    let course = catalog.course(&id.course).ok_or_else(|| Failure::learner(say!("no-current-step")))?;
    seat::accept(&home, course, labs)?;
    let kept = place::runtime()?.block_on(async {
        let (cancel, _listeners) = seat::cancelled_by_signals()?;
        let mut headless = seat::headless(&home, &catalog, &arguments.place, &cancel).await?;
        let kept = headless.apply_solution(&id).await;
        headless.close().await;
        kept.map_err(runner_failure)
    })?;
    say_kept(&kept);
    output::note(&say!("solution-applied", step = id.to_string()));
    Ok(Exit::Well)
}

/// Puts a step back to its starting state.
pub(crate) fn reset(arguments: &OneStep, labs: &Labs) -> Ended {
    let catalog = place::catalog(labs)?;
    let home = place::home()?;
    let id = place::find(&catalog, &arguments.step)?;
    let course = catalog.course(&id.course).ok_or_else(|| Failure::learner(say!("no-current-step")))?;
    seat::accept(&home, course, labs)?;
    let kept = place::runtime()?.block_on(async {
        let (cancel, _listeners) = seat::cancelled_by_signals()?;
        let mut headless = seat::headless(&home, &catalog, &arguments.place, &cancel).await?;
        let kept = headless.reset(&id).await;
        headless.close().await;
        kept.map_err(runner_failure)
    })?;
    say_kept(&kept);
    output::note(&say!("step-was-reset", step = id.to_string()));
    Ok(Exit::Well)
}

/// Replays and verifies the solutions before a step.
pub(crate) fn catch_up(arguments: &OneStep, labs: &Labs) -> Ended {
    let catalog = place::catalog(labs)?;
    let home = place::home()?;
    let id = place::find(&catalog, &arguments.step)?;
    let course = catalog.course(&id.course).ok_or_else(|| Failure::learner(say!("no-current-step")))?;
    seat::accept(&home, course, labs)?;
    place::runtime()?.block_on(async {
        let (cancel, _listeners) = seat::cancelled_by_signals()?;
        let mut headless = seat::headless(&home, &catalog, &arguments.place, &cancel).await?;
        let tell = |step: &lab::StepId, done: u32, total: u32| {
            output::note(&say!("catching-up", step = step.to_string(), done = done, total = total));
        };
        let caught = headless.catch_up(&id, tell).await;
        headless.close().await;
        caught.map_err(runner_failure)
    })?;
    output::note(&say!("caught-up", step = id.to_string()));
    Ok(Exit::Well)
}

fn say_kept(kept: &[PathBuf]) {
    for path in kept {
        output::note(&say!("kept-aside", path = path.display().to_string()));
    }
}

/// A page as Markdown again.
fn page(page: &Page) -> String {
    let mut out = String::new();
    for segment in &page.segments {
        match segment {
            Segment::Prose(text) => out.push_str(&messages::sanitize(text.trim_end())),
            Segment::Block(block) => {
                let kind = match &block.kind {
                    BlockKind::Run => " run".to_owned(),
                    BlockKind::RunElsewhere(host) => format!(" run-on={host}"),
                    BlockKind::File(path) => format!(" file={path}"),
                    BlockKind::Output => " output".to_owned(),
                    BlockKind::Read => String::new(),
                };
                let text = messages::sanitize(block.text.trim_end());
                out.push_str(&format!("```{}{kind}\n{text}\n```", block.language));
            }
            Segment::Image { alt, .. } => out.push_str(&format!("[{}]", messages::sanitize(alt))),
        }
        out.push_str("\n\n");
    }
    out
}
