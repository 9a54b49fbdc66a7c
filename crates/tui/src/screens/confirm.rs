//! A question of the program's own, answered by yes or no.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use runner::{EnvironmentView, Request};

use crate::keymap::{Command, Context};
use crate::model::{Model, Overlay, Waiting};
use crate::msg::Effect;
use crate::text::{one_line, wrap_plain};
use crate::words::word;
use crate::{screens, theme};

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Confirm {
    /// To quit although something runs.
    Quit,
    /// To put the step back to its start.
    Reset,
    /// To show the solution.
    Solution,
    /// To write the solution's files and run its commands.
    Apply,
    /// To replay the solutions before a step.
    CatchUp(lab::StepId),
    /// To work on the real cluster that is shown.
    Cluster,
    /// To run the commands of a course that did not come with the program.
    Course {
        /// Its digest.
        digest: String,
    },
    /// To stop the running command, then run these.
    Interrupt {
        /// The commands.
        text: String,
    },
}

pub(crate) fn update(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    let Some(Overlay::Confirm(confirm)) = &model.overlay else { return };
    let confirm = confirm.clone();
    match command {
        Command::Yes => {
            model.overlay = None;
            agreed(model, confirm, effects);
        }
        Command::No => model.overlay = None,
        _ => {}
    }
}

fn agreed(model: &mut Model, confirm: Confirm, effects: &mut Vec<Effect>) {
    match confirm {
        Confirm::Quit => crate::update::quit(effects),
        Confirm::Reset => effects.push(Effect::Runner(Request::Reset)),
        Confirm::Solution => {
            effects.push(Effect::Runner(Request::RevealSolution));
            screens::solution::open(model, effects);
        }
        Confirm::Apply => effects.push(Effect::Runner(Request::ApplySolution)),
        Confirm::CatchUp(step) => {
            model.screen = crate::model::Screen::Step;
            effects.push(Effect::Runner(Request::CatchUp(step)));
        }
        Confirm::Cluster => effects.push(Effect::Runner(Request::ConfirmCluster)),
        Confirm::Course { digest } => effects.push(Effect::Runner(Request::AcceptCourse { digest })),
        Confirm::Interrupt { text } => {
            effects.push(Effect::ShellInput(model.shell.interrupt(model.now)));
            model.waiting = Some(Waiting { text, since: model.now });
        }
    }
}

pub(crate) fn view(model: &Model, confirm: &Confirm, frame: &mut Frame<'_>, area: Rect) {
    let area = screens::middle(area, 72, area.height);
    let cells = screens::inside(area);
    let course = model.course();
    let mut lines = Vec::new();
    let (title, text) = match confirm {
        Confirm::Quit => (word!("confirm-quit-title"), word!("confirm-quit")),
        Confirm::Reset => (word!("confirm-reset-title"), word!("confirm-reset")),
        Confirm::Solution => {
            let left = course.map_or(0, |course| course.after_solution);
            let points = model.step().map_or(0, |step| step.points * u32::from(left) / 100);
            let most = model.step().map_or(0, |step| step.points);
            (word!("confirm-solution-title"), word!("confirm-solution", points = points, most = most))
        }
        Confirm::Apply => (word!("confirm-apply-title"), word!("confirm-apply")),
        Confirm::CatchUp(step) => {
            let title = model.step_of(step).map_or_else(|| step.to_string(), |step| one_line(&step.title));
            (word!("confirm-catch-up-title"), word!("confirm-catch-up", title = title))
        }
        Confirm::Cluster => {
            let (context, server) = match model.snapshot.as_ref().map(|snapshot| &snapshot.environment) {
                Some(EnvironmentView::Unconfirmed { context, server }) => (one_line(context), one_line(server)),
                Some(EnvironmentView::Cluster { context, .. }) => (one_line(context), String::new()),
                Some(EnvironmentView::Starting | EnvironmentView::Missing | EnvironmentView::Sandbox { .. }) | None => {
                    (String::new(), String::new())
                }
            };
            (word!("confirm-cluster-title"), word!("confirm-cluster", context = context, server = server))
        }
        Confirm::Course { digest } => {
            let title = course.map(|course| one_line(&course.title)).unwrap_or_default();
            (word!("confirm-course-title"), word!("confirm-course", title = title, digest = one_line(digest)))
        }
        Confirm::Interrupt { .. } => (word!("confirm-interrupt-title"), word!("confirm-interrupt")),
    };
    for paragraph in text.split('\n') {
        lines.extend(wrap_plain(paragraph, theme::text(), cells));
    }
    if let Confirm::Interrupt { text } = confirm {
        lines.push(Line::default());
        for line in text.lines().take(4) {
            lines.push(Line::styled(crate::text::shorten(&one_line(line), cells), theme::code()));
        }
    }
    lines.push(Line::default());
    let key = |command| Context::Confirm.key(command).unwrap_or_default();
    lines.push(Line::from(vec![
        Span::styled(key(Command::Yes), theme::key()),
        Span::raw(format!(" {}    ", Command::Yes.word())),
        Span::styled(key(Command::No), theme::key()),
        Span::raw(format!(" {}", Command::No.word())),
    ]));
    let rows = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let place = screens::middle(area, area.width, rows);
    screens::boxed(frame, place, &title, &lines, 0);
}
