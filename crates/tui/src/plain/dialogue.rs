//! What the learner types and what the session says, as sentences and requests. Pure, like `update`.

use std::path::PathBuf;
use std::sync::Arc;

use lab::{BlockKind, Course, Step, StepId};
use runner::{CheckView, EnvironmentView, Event, Request, Snapshot, StepStateView, Verdict};

use super::page;
use crate::screens::step::need_in_short;
use crate::text::{fold, one_line};
use crate::update::write_command;
use crate::words::word;

/// What the loop does about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    /// Prints a text.
    Say(String),
    /// Asks the session.
    Request(Request),
    /// Runs a command with the program's own terminal, a shell where it is empty; waits for its end.
    Run { command: String, work: PathBuf, variables: Vec<(String, String)> },
    /// Ends.
    Quit,
}

/// A question that waits for yes or no.
#[derive(Debug, Clone, PartialEq)]
enum Pending {
    Hint,
    Solution,
    Apply,
    Reset,
    CatchUp(StepId),
    Cluster,
    Course(String),
}

/// Where the conversation stands.
#[derive(Default)]
pub(super) struct Dialogue {
    snapshot: Option<Arc<Snapshot>>,
    pending: Option<Pending>,
}

/// What the learner can say, by the first word, without accents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Read,
    Run,
    Check,
    Checks,
    Detail,
    Answer,
    Hint,
    Solution,
    Apply,
    Reset,
    Next,
    Previous,
    Map,
    Go,
    CatchUp,
    Search,
    Shell,
    Stop,
    Help,
    Quit,
}

/// The words, and the shorter ones that mean the same.
const WORDS: &[(Word, &[&str])] = &[
    (Word::Read, &["lire", "l"]),
    (Word::Run, &["lancer", "bloc"]),
    (Word::Check, &["verifier", "v"]),
    (Word::Checks, &["controles", "k"]),
    (Word::Detail, &["details", "detail", "d"]),
    (Word::Answer, &["repondre"]),
    (Word::Hint, &["indice", "i"]),
    (Word::Solution, &["solution"]),
    (Word::Apply, &["appliquer"]),
    (Word::Reset, &["refaire"]),
    (Word::Next, &["suite", "n"]),
    (Word::Previous, &["precedente", "p"]),
    (Word::Map, &["carte", "m"]),
    (Word::Go, &["aller"]),
    (Word::CatchUp, &["rattraper"]),
    (Word::Search, &["chercher"]),
    (Word::Shell, &["terminal", "t"]),
    (Word::Stop, &["arreter"]),
    (Word::Help, &["aide", "?"]),
    (Word::Quit, &["quitter", "q"]),
];

fn say(text: String) -> Vec<Act> {
    vec![Act::Say(text)]
}

impl Dialogue {
    /// Whether the learner may be asked now: not before there is something to talk about.
    pub(super) fn wants_line(&self) -> bool {
        self.snapshot.is_some()
    }

    fn course(&self) -> Option<&Course> {
        let snapshot = self.snapshot.as_ref()?;
        snapshot.courses.iter().find(|course| course.id == snapshot.current.course)
    }

    fn step(&self) -> Option<&Step> {
        let snapshot = self.snapshot.as_ref()?;
        self.course()?.steps.iter().find(|step| step.id == snapshot.current)
    }

    fn checks(&self) -> Vec<(&lab::Check, &CheckView)> {
        let (Some(snapshot), Some(step)) = (&self.snapshot, self.step()) else { return Vec::new() };
        let of = |view: &CheckView| step.checks.iter().find(|check| check.id == view.id);
        snapshot.checks.iter().filter_map(|view| Some((of(view)?, view))).collect()
    }

    /// Ctrl-C at the prompt: stops what the session does, else says how to quit.
    pub(super) fn interrupt(&mut self) -> Vec<Act> {
        self.pending = None;
        match self.snapshot.as_ref().is_some_and(|snapshot| snapshot.busy.is_some()) {
            true => vec![Act::Request(Request::Cancel)],
            false => say(word!("plain-how-to-quit")),
        }
    }

    /// What the session says.
    pub(super) fn event(&mut self, event: Event) -> Vec<Act> {
        match event {
            Event::Changed(snapshot) => self.changed(snapshot),
            Event::Turned { check, verdict } => {
                let checks = self.checks();
                let Some(index) = checks.iter().position(|(_, view)| view.id == check) else { return Vec::new() };
                match verdict {
                    Verdict::Pass | Verdict::Fail | Verdict::Unknown => {
                        let (check, view) = checks[index];
                        say(line_of(index, check, view, verdict))
                    }
                    Verdict::Todo | Verdict::Running => Vec::new(),
                }
            }
            Event::Passed { points, .. } => {
                let learnt = self.step().map(|step| one_line(&step.learnt)).unwrap_or_default();
                say(word!("plain-passed", points = points, learnt = learnt))
            }
            Event::Notice(notice) => say(messages::notice(&notice)),
            Event::Ended => vec![Act::Quit],
        }
    }

    fn changed(&mut self, snapshot: Arc<Snapshot>) -> Vec<Act> {
        let before = self.snapshot.replace(snapshot.clone());
        let before = before.as_deref();
        let mut acts = Vec::new();
        if before.is_none() {
            acts.extend(say(word!("plain-welcome")));
        }
        if before.is_none_or(|before| before.current != snapshot.current) {
            self.pending = None;
            acts.extend(say(self.text()));
        }
        if before.is_some_and(|before| before.hints < snapshot.hints && before.current == snapshot.current) {
            acts.extend(say(self.hint_text(snapshot.hints)));
        }
        if snapshot.solution_seen
            && before.is_some_and(|before| !before.solution_seen && before.current == snapshot.current)
        {
            acts.extend(say(self.solution_text()));
        }
        if before.is_none_or(|before| before.environment != snapshot.environment) {
            match &snapshot.environment {
                EnvironmentView::Unconfirmed { context, server } => {
                    let (context, server) = (one_line(context), one_line(server));
                    acts.extend(
                        self.ask(Pending::Cluster, word!("confirm-cluster", context = context, server = server)),
                    );
                }
                EnvironmentView::Sandbox { nodes, .. } => {
                    acts.extend(say(word!("environment-sandbox-nodes", nodes = *nodes)));
                }
                EnvironmentView::Cluster { context, .. } => {
                    acts.extend(say(word!("environment-cluster", context = one_line(context))));
                }
                EnvironmentView::Starting => acts.extend(say(word!("environment-starting"))),
                EnvironmentView::Missing => acts.extend(say(word!("environment-missing"))),
            }
        }
        if let Some(digest) = &snapshot.unaccepted
            && before.is_none_or(|before| before.unaccepted != snapshot.unaccepted)
        {
            let title = self.course().map(|course| one_line(&course.title)).unwrap_or_default();
            let text = word!("confirm-course", title = title, digest = one_line(digest));
            acts.extend(self.ask(Pending::Course(digest.clone()), text));
        }
        acts
    }

    fn ask(&mut self, pending: Pending, text: String) -> Vec<Act> {
        self.pending = Some(pending);
        say(format!("{text}\n{}", word!("plain-yes-or-no")))
    }

    /// What the learner typed.
    pub(super) fn line(&mut self, line: &str) -> Vec<Act> {
        let line = crate::text::clean(line);
        let line = line.trim();
        let folded = fold(line);
        if let Some(pending) = self.pending.take() {
            return match folded.as_str() {
                "oui" | "o" => agreed(pending),
                _ => say(word!("plain-left")),
            };
        }
        let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (first, rest) = (fold(first), rest.trim());
        if first.is_empty() {
            return Vec::new();
        }
        let known = WORDS.iter().find(|(_, forms)| forms.contains(&first.as_str()));
        match known {
            Some((word, _)) => self.act(*word, rest),
            None => say(word!("plain-unknown-word", word = one_line(line))),
        }
    }

    fn act(&mut self, word: Word, rest: &str) -> Vec<Act> {
        let Some(snapshot) = self.snapshot.clone() else { return Vec::new() };
        match word {
            Word::Read => say(self.text()),
            Word::Run => self.run(rest),
            Word::Check => match rest.is_empty() {
                true => vec![Act::Say(word!("work-checking")), Act::Request(Request::Check(None))],
                false => match self.check_at(rest) {
                    Some((_, view)) => vec![Act::Request(Request::Check(Some(view.id.clone())))],
                    None => say(word!("plain-which-check")),
                },
            },
            Word::Checks => say(self.checks_text()),
            Word::Detail => match self.check_at(rest) {
                Some((check, view)) => say(detail(check, view)),
                None => say(word!("plain-which-check")),
            },
            Word::Answer => self.answer(rest),
            Word::Hint => match self.step().map(|step| step.hints.len()) {
                Some(count) if (snapshot.hints as usize) < count => {
                    let cost = self.course().map_or(0, |course| course.hint_cost);
                    let left = count - snapshot.hints as usize;
                    self.ask(Pending::Hint, word!("plain-hint-next", left = left, cost = cost))
                }
                _ => say(word!("hint-no-more")),
            },
            Word::Solution if snapshot.solution_seen => say(self.solution_text()),
            Word::Solution => match self.step().map(|step| (step.points, step.solution.is_some())) {
                Some((most, true)) => {
                    let left = self.course().map_or(0, |course| u32::from(course.after_solution));
                    let text = word!("confirm-solution", points = most * left / 100, most = most);
                    self.ask(Pending::Solution, text)
                }
                _ => say(word!("said-no-solution")),
            },
            Word::Apply => self.ask(Pending::Apply, word!("confirm-apply")),
            Word::Reset => self.ask(Pending::Reset, word!("confirm-reset")),
            Word::Next => self.neighbour(1),
            Word::Previous => self.neighbour(-1),
            Word::Map => say(self.map_text()),
            Word::Go => match self.step_at(rest) {
                Some(step) => vec![Act::Request(Request::Open(step))],
                None => say(word!("plain-which-step")),
            },
            Word::CatchUp => match self.step_at(rest) {
                Some(step) => {
                    let title = title_of(&snapshot, &step);
                    self.ask(Pending::CatchUp(step), word!("confirm-catch-up", title = title))
                }
                None => say(word!("plain-which-step")),
            },
            Word::Search => say(self.search_text(rest)),
            Word::Shell => vec![
                Act::Say(word!("plain-shell")),
                Act::Run { command: String::new(), work: snapshot.work.clone(), variables: snapshot.variables.clone() },
            ],
            Word::Stop => vec![Act::Request(Request::Cancel)],
            Word::Help => say(word!("plain-help")),
            Word::Quit => vec![Act::Quit],
        }
    }

    /// Runs or writes a block by its number.
    fn run(&self, rest: &str) -> Vec<Act> {
        let (Some(snapshot), Some(step)) = (&self.snapshot, self.step()) else { return Vec::new() };
        let blocks = page::blocks(&step.page);
        let number = rest.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let Some(block) = number.and_then(|number| blocks.get(number)) else {
            return say(word!("plain-which-block", count = blocks.len()));
        };
        let command = match &block.kind {
            BlockKind::Run => block.text.clone(),
            BlockKind::File(path) => write_command(path, &block.text),
            BlockKind::RunElsewhere(host) => return say(word!("plain-elsewhere", host = one_line(host))),
            BlockKind::Output | BlockKind::Read => return Vec::new(),
        };
        vec![Act::Run { command, work: snapshot.work.clone(), variables: snapshot.variables.clone() }]
    }

    fn check_at(&self, rest: &str) -> Option<(&lab::Check, &CheckView)> {
        let index = rest.parse::<usize>().ok()?.checked_sub(1)?;
        self.checks().into_iter().nth(index)
    }

    fn answer(&self, rest: &str) -> Vec<Act> {
        let (number, answer) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        match self.check_at(number) {
            Some((check, view)) if matches!(check.spec, check::Spec::Question(_)) && !answer.trim().is_empty() => {
                vec![Act::Request(Request::Answer { check: view.id.clone(), answer: answer.trim().to_owned() })]
            }
            Some((check, view)) => say(detail(check, view)),
            None => say(word!("plain-which-question")),
        }
    }

    fn neighbour(&self, by: isize) -> Vec<Act> {
        let Some(snapshot) = &self.snapshot else { return Vec::new() };
        let here = snapshot.steps.iter().position(|view| view.step == snapshot.current);
        let there = here.and_then(|here| here.checked_add_signed(by)).and_then(|there| snapshot.steps.get(there));
        match there {
            Some(view) => vec![Act::Request(Request::Open(view.step.clone()))],
            None if by > 0 => say(word!("said-last-step")),
            None => say(word!("said-first-step")),
        }
    }

    fn step_at(&self, rest: &str) -> Option<StepId> {
        let index = rest.parse::<usize>().ok()?.checked_sub(1)?;
        self.snapshot.as_ref()?.steps.get(index).map(|view| view.step.clone())
    }

    /// The open step, from its title to its checks.
    fn text(&self) -> String {
        let (Some(course), Some(step)) = (self.course(), self.step()) else { return String::new() };
        let mut parts = vec![word!(
            "plain-step",
            course = one_line(&course.title),
            chapter = one_line(&step.chapter),
            title = one_line(&step.title)
        )];
        parts.push(word!("step-worth", minutes = step.minutes, points = step.points));
        if !step.objectives.is_empty() {
            let objectives: Vec<String> = step.objectives.iter().map(|text| format!("- {}", one_line(text))).collect();
            parts.push(format!("{}\n{}", word!("plain-objectives"), objectives.join("\n")));
        }
        parts.push(page::page(&crate::page::body(step)));
        parts.push(self.checks_text());
        parts.join("\n\n")
    }

    fn checks_text(&self) -> String {
        let checks = self.checks();
        if checks.is_empty() {
            return word!("no-checks");
        }
        let lines = checks.iter().enumerate().map(|(index, (check, view))| line_of(index, check, view, view.verdict));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn hint_text(&self, taken: u32) -> String {
        let Some(step) = self.step() else { return String::new() };
        let number = taken as usize;
        let Some(hint) = number.checked_sub(1).and_then(|index| step.hints.get(index)) else { return String::new() };
        format!("{}\n{}", word!("hint-number", number = number, count = step.hints.len()), page::prose(&hint.text))
    }

    fn solution_text(&self) -> String {
        let Some(solution) = self.step().and_then(|step| step.solution.as_ref()) else {
            return word!("said-no-solution");
        };
        let mut parts = vec![word!("title-solution"), page::page(&solution.page)];
        for file in &solution.files {
            let text = match std::str::from_utf8(&file.content) {
                Ok(text) => text.trim_end().to_owned(),
                Err(_) => word!("solution-binary"),
            };
            parts.push(format!("{}\n{text}", word!("block-file", path = one_line(&file.path))));
        }
        for (check, answer) in &solution.answers {
            parts.push(word!("plain-solution-answer", check = one_line(&check.0), answer = one_line(answer)));
        }
        parts.push(word!("plain-apply"));
        parts.join("\n\n")
    }

    fn map_text(&self) -> String {
        let Some(snapshot) = &self.snapshot else { return String::new() };
        let mut lines = Vec::new();
        for (index, view) in snapshot.steps.iter().enumerate() {
            let state = match &view.state {
                StepStateView::Todo => word!("state-todo"),
                StepStateView::Tried => word!("state-tried"),
                StepStateView::Done => word!("state-done"),
                StepStateView::Held { by, why } => word!("state-held", by = one_line(by), why = one_line(why)),
                StepStateView::Impossible(need) => word!("state-impossible", need = need_in_short(need)),
            };
            let title = title_of(snapshot, &view.step);
            let (points, most) = (view.points, view.max);
            lines.push(word!(
                "plain-map-step",
                number = index + 1,
                title = title,
                state = state,
                points = points,
                most = most
            ));
        }
        lines.join("\n")
    }

    fn search_text(&self, rest: &str) -> String {
        let Some(snapshot) = &self.snapshot else { return String::new() };
        let found = crate::screens::search::find_in(snapshot, rest);
        if found.is_empty() {
            return word!("search-nothing");
        }
        found.iter().map(|found| format!("{} : {}", found.title, found.line)).collect::<Vec<_>>().join("\n")
    }
}

fn agreed(pending: Pending) -> Vec<Act> {
    vec![Act::Request(match pending {
        Pending::Hint => Request::TakeHint,
        Pending::Solution => Request::RevealSolution,
        Pending::Apply => Request::ApplySolution,
        Pending::Reset => Request::Reset,
        Pending::CatchUp(step) => Request::CatchUp(step),
        Pending::Cluster => Request::ConfirmCluster,
        Pending::Course(digest) => Request::AcceptCourse { digest },
    })]
}

fn title_of(snapshot: &Snapshot, id: &StepId) -> String {
    let mut steps = snapshot.courses.iter().flat_map(|course| &course.steps);
    steps.find(|step| step.id == *id).map_or_else(|| one_line(&id.to_string()), |step| one_line(&step.title))
}

/// A check in a sentence.
fn line_of(index: usize, check: &lab::Check, view: &CheckView, verdict: Verdict) -> String {
    let state = match verdict {
        Verdict::Todo => word!("verdict-todo"),
        Verdict::Running => word!("verdict-running"),
        Verdict::Pass => word!("verdict-pass"),
        Verdict::Fail => word!("verdict-fail"),
        Verdict::Unknown => word!("verdict-unknown"),
    };
    let brief =
        view.result.as_ref().map(|result| one_line(&messages::explain(check, result).brief)).unwrap_or_default();
    let state = if brief.is_empty() { state } else { format!("{state} ({brief})") };
    word!("plain-check", number = index + 1, title = one_line(&check.title), state = state)
}

/// All that there is to say of a check.
fn detail(check: &lab::Check, view: &CheckView) -> String {
    let mut lines = vec![one_line(&check.title)];
    if let check::Spec::Question(question) = &check.spec {
        lines.push(one_line(&question.ask));
        lines
            .extend(question.choices.iter().map(|(letter, text)| format!("{} : {}", one_line(letter), one_line(text))));
        lines.extend(view.answer.as_ref().map(|answer| word!("plain-answer", answer = one_line(answer))));
    }
    if let Some(result) = &view.result {
        let explanation = messages::explain(check, result);
        let parts = [
            (word!("label-found"), explanation.found),
            (word!("label-expected"), explanation.expected),
            (word!("label-why"), explanation.why),
            (word!("label-try"), explanation.advice),
            (word!("label-show"), explanation.command.unwrap_or_default()),
        ];
        let parts = parts.into_iter().filter(|(_, text)| !text.is_empty());
        lines.extend(parts.map(|(label, text)| word!("plain-labelled", label = label, text = text)));
    }
    lines.join("\n")
}
