//! `atelier` and `atelier run`: the application.

use std::io::BufRead as _;

use runner::{Confirmation, Session};

use crate::arguments::{Labs, Run};
use crate::exit::{Ended, Exit, Failure, runner_failure};
use crate::words::say;
use crate::{place, seat};

/// Opens the application at a step, or where the learner stopped.
pub(crate) fn run(arguments: &Run, labs: &Labs) -> Ended {
    if !arguments.plain {
        tui::suits(|name| std::env::var(name).ok()).map_err(unsuited)?;
    }
    let catalog = place::catalog(labs)?;
    let home = place::home()?;
    let step = arguments.at.as_deref().map(|name| place::find(&catalog, name)).transpose()?;
    let state = home.state().to_owned();
    let choice = seat::choice(&arguments.place, Confirmation::Asked, sandbox::Pace::Lifelike);
    let options = seat::options(home, catalog, choice, step);
    place::runtime()?.block_on(async {
        let handle = Session::start(options).await.map_err(runner_failure)?;
        let events = futures::stream::unfold(handle.subscribe(), |mut events| async move {
            events.next().await.map(|event| (event, events))
        });
        let session = tui::Session { requests: handle.requests.clone(), events: Box::pin(events) };
        let ended = if arguments.plain {
            let look = tui::Look::of(|name| std::env::var(name).ok());
            tui::plain(session, next_line, std::io::stdout(), look.characters).await
        } else {
            tui::run(session, tui::Options { state, prefix: 'g' }).await
        };
        handle.close().await;
        ended.map_err(unsuited)
    })?;
    Ok(Exit::Well)
}

/// The learner's next line; `None` once the input has ended.
fn next_line() -> Option<String> {
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line),
    }
}

fn unsuited(error: tui::Error) -> Failure {
    match error {
        tui::Error::NotATerminal => Failure::learner(say!("no-terminal")).hint(say!("no-terminal-hint")),
        tui::Error::DumbTerminal => Failure::learner(error.explain()),
        tui::Error::Terminal(_) => Failure::environment(error.explain()).source(error),
        tui::Error::SessionGone | tui::Error::Panicked => Failure::internal(error),
    }
}
