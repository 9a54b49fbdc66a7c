//! What the session says.

use std::sync::Arc;

use runner::{EnvironmentView, Event, Notice, Snapshot, Verdict};

use crate::model::{Model, Overlay, Screen, Tone};
use crate::msg::Effect;
use crate::screens::confirm::Confirm;
use crate::shell::Life;
use crate::text::one_line;
use crate::theme;
use crate::words::word;

pub(super) fn on_event(model: &mut Model, event: Event, effects: &mut Vec<Effect>) {
    match event {
        Event::Changed(snapshot) => on_snapshot(model, snapshot, effects),
        Event::Turned { check, verdict } => {
            let title = model.step().and_then(|step| step.checks.iter().find(|known| known.id == check));
            let title = title.map_or_else(|| one_line(&check.0), |check| one_line(&check.title));
            let mark = theme::mark(verdict);
            match verdict {
                Verdict::Pass => model.announce(Tone::Good, format!("{mark} {title}")),
                Verdict::Fail => model.announce(Tone::Bad, format!("{mark} {title}")),
                Verdict::Unknown => model.announce(Tone::Bad, word!("said-unknown", title = format!("{mark} {title}"))),
                Verdict::Todo | Verdict::Running => {}
            }
        }
        // The status line says it for as long as the step is open.
        Event::Passed { .. } => model.said = None,
        Event::Notice(notice) => on_notice(model, &notice),
        Event::Ended => effects.push(Effect::Quit),
    }
}

fn on_snapshot(model: &mut Model, snapshot: Arc<Snapshot>, effects: &mut Vec<Effect>) {
    let before = model.snapshot.replace(snapshot.clone());
    let turned = before.as_ref().is_none_or(|before| before.current != snapshot.current);
    if before.as_ref().is_some_and(|before| !Arc::ptr_eq(&before.courses, &snapshot.courses)) {
        model.text.forget();
    }
    model.busy_since = match (&snapshot.busy, model.busy_since) {
        (None, _) => None,
        (Some(_), Some(since)) => Some(since),
        (Some(_), None) => Some(model.now),
    };
    let asked_anew = before
        .as_ref()
        .is_none_or(|before| before.environment != snapshot.environment || before.unaccepted != snapshot.unaccepted);
    if asked_anew {
        ask(model);
    }
    if turned {
        on_turn(model, before.as_deref());
    }
    follow(model, &snapshot, effects);
    if turned && model.shell.life == Life::Running && model.shell_step.as_ref() != Some(&snapshot.current) {
        model.say(Tone::Plain, word!("said-shell-stays"));
    }
}

/// Asks what the session waits for: whether this real cluster is the right one, then whether a course's commands may
/// run. The tour is read to its end first.
pub(crate) fn ask(model: &mut Model) {
    let (Some(snapshot), None) = (&model.snapshot, &model.overlay) else { return };
    if let Screen::Tour(_) = model.screen {
        return;
    }
    if let EnvironmentView::Unconfirmed { .. } = snapshot.environment {
        model.overlay = Some(Overlay::Confirm(Confirm::Cluster));
    } else if let Some(digest) = &snapshot.unaccepted {
        model.overlay = Some(Overlay::Confirm(Confirm::Course { digest: digest.clone() }));
    }
}

/// Another step is open.
fn on_turn(model: &mut Model, before: Option<&Snapshot>) {
    model.said = None;
    if before.is_none() {
        return;
    }
    if let Some(Overlay::Checks(_) | Overlay::Answer(_) | Overlay::Hints(_)) = model.overlay {
        model.overlay = None;
    }
    if let Screen::Solution(_) = model.screen {
        model.screen = Screen::Step;
    }
}

/// Lets the shell follow the session: started once there is an environment, sent to the step's folder and given new
/// variables while it waits at its prompt, and left alone while a command runs.
fn follow(model: &mut Model, snapshot: &Snapshot, effects: &mut Vec<Effect>) {
    match &model.shell.life {
        Life::NotStarted if snapshot.environment != EnvironmentView::Starting => super::start_shell(model, effects),
        Life::Running if model.shell.is_idle() => {
            let mut commands = String::new();
            for (name, value) in snapshot.variables.iter().filter(|known| !model.shell_variables.contains(known)) {
                commands.push_str(&format!("export {name}={}; ", quoted(value)));
            }
            if model.shell_step.as_ref() != Some(&snapshot.current) {
                commands.push_str(&format!("cd {}", quoted(&snapshot.work.to_string_lossy())));
            }
            if !commands.is_empty() {
                let commands = commands.trim_end_matches("; ").to_owned();
                effects.push(Effect::ShellFollow { cut: model.shell.cut(model.now), commands });
                model.shell_step = Some(snapshot.current.clone());
                model.shell_variables = snapshot.variables.clone();
            }
        }
        Life::NotStarted | Life::Running | Life::Ended(_) | Life::Failed(_) => {}
    }
}

fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:@%".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn on_notice(model: &mut Model, notice: &Notice) {
    let tone = match notice {
        Notice::Failed(_) => Tone::Bad,
        Notice::WasReset(_) | Notice::SolutionApplied(_) | Notice::CaughtUp(_) | Notice::Observed(_) => Tone::Good,
        Notice::KeptAside(_)
        | Notice::Swept(_)
        | Notice::Recovered(_)
        | Notice::HistoryChanged(_)
        | Notice::HistoryShorter(_) => Tone::Plain,
    };
    model.say(tone, one_line(&messages::notice(notice)));
}
