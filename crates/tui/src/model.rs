//! Everything that is on screen, as plain state.

use std::sync::Arc;
use std::time::Duration;

use lab::{Course, Step, StepId};
use ratatui::layout::Rect;
use runner::{CheckView, Snapshot, StepView};

use crate::layout::{Areas, Zoom};
use crate::page::{self, Acts, Laid};
use crate::picture::protocol::Shown;
use crate::picture::{Gallery, Hanging, Pictures};
use crate::screens::checks::Checks;
use crate::screens::confirm::Confirm;
use crate::screens::hints::Hints;
use crate::screens::map::Map;
use crate::screens::search::Search;
use crate::screens::solution::Solution;
use crate::screens::tour::Tour;
use crate::screens::{answer::Answer, help::Help};
use crate::shell::{CursorShape, ShellPane};
use crate::theme::{Colours, Look};
use crate::{Effect, Foreground, keymap};

/// What the front end is told at its start.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What the terminal can show.
    pub look: Look,
    /// The letter that, with Ctrl, leaves the terminal pane.
    pub prefix: char,
    /// Whether the tour is shown first.
    pub tour: TourAtStart,
}

/// Whether the tour is shown first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TourAtStart {
    /// It is.
    Shown,
    /// It is not: it was seen.
    Skipped,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { look: Look::FULL, prefix: 'g', tour: TourAtStart::Skipped }
    }
}

/// The state of the front end.
pub struct Model {
    pub(crate) settings: Settings,
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) screen: Screen,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) focus: Focus,
    pub(crate) text: TextPane,
    pub(crate) shell: ShellPane,
    pub(crate) size: (u16, u16),
    pub(crate) zoom: Zoom,
    pub(crate) now: Duration,
    /// Since when the session has been busy.
    pub(crate) busy_since: Option<Duration>,
    pub(crate) said: Option<Said>,
    /// Commands that wait for the shell's prompt.
    pub(crate) waiting: Option<Waiting>,
    /// The step whose folder the shell was last sent to.
    pub(crate) shell_step: Option<StepId>,
    /// The variables that the shell was last given.
    pub(crate) shell_variables: Vec<(String, String)>,
}

/// What fills the terminal.
pub(crate) enum Screen {
    Step,
    Map(Map),
    Solution(Box<Solution>),
    Search(Search),
    Help(Help),
    Tour(Tour),
}

/// What stands before the step.
pub(crate) enum Overlay {
    Checks(Checks),
    Answer(Answer),
    Hints(Hints),
    Confirm(Confirm),
}

/// Where keys go on the step's screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Focus {
    Text,
    Terminal,
    /// The terminal, after the prefix key.
    Prefix,
}

/// The step's text.
#[derive(Default)]
pub(crate) struct TextPane {
    pub(crate) laid: Laid,
    pub(crate) gallery: Gallery,
    step: Option<StepId>,
    /// The first line shown.
    pub(crate) offset: usize,
    /// The block that has the focus.
    pub(crate) block: Option<usize>,
    /// Folded text to scroll to once the step is laid out.
    pub(crate) seek: Option<String>,
}

/// Something said on the status line for a while.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    pub(crate) source: Source,
    pub(crate) at: Duration,
}

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// The program, or the session through it.
    Program,
    /// A check that turned: its line shows it as well.
    Check,
}

/// How something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
}

/// Commands that wait for the shell's prompt.
pub(crate) struct Waiting {
    pub(crate) text: String,
    pub(crate) since: Duration,
}

/// How long something said stays.
pub(crate) const SAID: Duration = Duration::from_secs(8);

impl Model {
    /// A front end of a terminal of `columns` by `rows`, before the session has said anything.
    pub fn new(settings: Settings, columns: u16, rows: u16) -> Model {
        let mut model = Model {
            settings,
            snapshot: None,
            screen: Screen::Step,
            overlay: None,
            focus: Focus::Text,
            text: TextPane::default(),
            shell: ShellPane::new(24, 80),
            size: (columns, rows),
            zoom: Zoom::Both,
            now: Duration::ZERO,
            busy_since: None,
            said: None,
            waiting: None,
            shell_step: None,
            shell_variables: Vec::new(),
        };
        if settings.tour == TourAtStart::Shown {
            model.screen = Screen::Tour(Tour::default());
        }
        model.lay_out(&mut Vec::new());
        model
    }

    /// The shape that the cursor should have, for the loop that draws.
    pub fn cursor_shape(&self) -> CursorShape {
        match (&self.screen, &self.overlay, self.focus) {
            (Screen::Step, None, Focus::Terminal) => self.shell.cursor_shape(),
            _ => CursorShape::Default,
        }
    }

    /// Whether time changes what is shown, so that the loop must tell it more often than once a second.
    pub fn is_restless(&self) -> bool {
        self.waiting.is_some() || self.shell.is_settling()
    }

    /// Whether a passing second changes what is shown.
    pub fn shows_time(&self) -> bool {
        self.said.is_some() || self.busy_since.is_some() || self.waiting.is_some()
    }

    /// Who owns the learner's terminal, as the model knows it.
    pub fn foreground(&self) -> Foreground {
        self.shell.foreground()
    }

    /// How the terminal shows pictures.
    pub(crate) fn pictures(&self) -> Pictures {
        self.settings.look.pictures
    }

    /// How many colours the terminal has.
    pub fn colours(&self) -> Colours {
        self.settings.look.colours
    }

    /// The pictures that the terminal itself is to show now: those of the step's text that are wholly in view, while
    /// nothing stands before it.
    pub(crate) fn shown_by_terminal(&self) -> Vec<Shown> {
        match self.settings.look.pictures {
            Pictures::Words | Pictures::Blocks => return Vec::new(),
            Pictures::Kitty | Pictures::Iterm => {}
        }
        let Some(areas) = self.areas() else { return Vec::new() };
        let (Screen::Step, None, Some(area)) = (&self.screen, &self.overlay, areas.text) else { return Vec::new() };
        if crate::view::needs_toast(self, areas.frame.width) {
            return Vec::new();
        }
        let size = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
        self.text
            .laid
            .pictures
            .iter()
            .filter_map(|hung| {
                let row = size(hung.line.checked_sub(self.text.offset)?);
                let (width, height) = (size(hung.columns), size(hung.rows));
                let fits = row.saturating_add(height) <= area.height && width.saturating_add(2) <= area.width;
                let area = Rect { x: area.x + 1, y: area.y.saturating_add(row), width, height };
                fits.then(|| Shown { picture: Arc::clone(&hung.picture), area })
            })
            .collect()
    }

    pub(crate) fn areas(&self) -> Option<Areas> {
        let checks = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.checks.len());
        Areas::of(self.size, self.zoom, self.focus, checks)
    }

    pub(crate) fn course(&self) -> Option<&Course> {
        let snapshot = self.snapshot.as_ref()?;
        snapshot.courses.iter().find(|course| course.id == snapshot.current.course)
    }

    pub(crate) fn step(&self) -> Option<&Step> {
        let snapshot = self.snapshot.as_ref()?;
        self.course()?.steps.iter().find(|step| step.id == snapshot.current)
    }

    pub(crate) fn step_of(&self, id: &StepId) -> Option<&Step> {
        let snapshot = self.snapshot.as_ref()?;
        snapshot.courses.iter().flat_map(|course| &course.steps).find(|step| step.id == *id)
    }

    pub(crate) fn step_view(&self) -> Option<&StepView> {
        let snapshot = self.snapshot.as_ref()?;
        snapshot.steps.iter().find(|view| view.step == snapshot.current)
    }

    pub(crate) fn checks(&self) -> &[CheckView] {
        self.snapshot.as_ref().map_or(&[], |snapshot| snapshot.checks.as_slice())
    }

    /// The checks of the open step with what the lab says of them.
    pub(crate) fn checks_of_step(&self) -> Vec<(&lab::Check, &CheckView)> {
        let Some(step) = self.step() else { return Vec::new() };
        self.checks()
            .iter()
            .filter_map(|view| step.checks.iter().find(|check| check.id == view.id).map(|check| (check, view)))
            .collect()
    }

    pub(crate) fn say(&mut self, tone: Tone, text: String) {
        self.said = Some(Said { text, tone, source: Source::Program, at: self.now });
    }

    /// Announces that a check turned.
    pub(crate) fn announce(&mut self, tone: Tone, text: String) {
        self.said = Some(Said { text, tone, source: Source::Check, at: self.now });
    }

    /// Where keys go now.
    pub(crate) fn context(&self) -> keymap::Context {
        use keymap::Context;
        match &self.overlay {
            Some(Overlay::Checks(_)) => return Context::Checks,
            Some(Overlay::Answer(answer)) => return answer.context(),
            Some(Overlay::Hints(_)) => return Context::Hints,
            Some(Overlay::Confirm(_)) => return Context::Confirm,
            None => {}
        }
        match &self.screen {
            Screen::Step => match self.focus {
                Focus::Text => Context::Text,
                Focus::Prefix => Context::Prefix,
                Focus::Terminal => Context::ShellEnded,
            },
            Screen::Map(_) => Context::Map,
            Screen::Solution(_) => Context::Solution,
            Screen::Search(_) => Context::Search,
            Screen::Help(_) => Context::Help,
            Screen::Tour(_) => Context::Tour,
        }
    }

    /// Brings everything that depends on the size, the step or the zoom up to date.
    pub(crate) fn lay_out(&mut self, effects: &mut Vec<Effect>) {
        let Some(areas) = self.areas() else { return };
        if let Some(text) = areas.text {
            self.lay_text(usize::from(text.width), usize::from(text.height));
        }
        if let Some(terminal) = areas.terminal {
            let (rows, columns) = (terminal.height.max(2), terminal.width.max(2));
            if self.shell.screen().size() != (rows, columns) {
                self.shell.resize(rows, columns);
                effects.push(Effect::ShellResize { rows, columns });
            }
        }
        if let Screen::Solution(solution) = &self.screen
            && solution.is_stale(self)
        {
            let files = solution.files.clone();
            let offset = solution.offset;
            self.screen = Screen::Solution(Box::new(Solution::lay(self, files, offset)));
        }
    }

    fn lay_text(&mut self, cells: usize, height: usize) {
        // One cell of margin on each side.
        let cells = cells.saturating_sub(2).max(8);
        let current = self.snapshot.as_ref().map(|snapshot| snapshot.current.clone());
        // A picture and its words fit into the pane.
        let rows = height.saturating_sub(2).max(4);
        let pictures_fit = self.text.laid.rows == rows || self.text.laid.pictures.is_empty();
        if self.text.step != current || self.text.laid.cells != cells || !pictures_fit {
            let mut gallery = std::mem::take(&mut self.text.gallery);
            if self.text.step != current {
                gallery.clear();
            }
            let pictures = self.pictures();
            let laid = self.step().map(|step| {
                let head = page::head(step, cells);
                let hanging = Hanging { gallery: &mut gallery, pictures, rows };
                page::lay(head, &page::body(step), cells, Acts::Offered, hanging)
            });
            self.text.gallery = gallery;
            if self.text.step != current {
                self.text.offset = 0;
                self.text.block = None;
            }
            self.text.step = current;
            self.text.laid = laid.unwrap_or_default();
            self.text.laid.cells = cells;
            if let Some(seek) = self.text.seek.take() {
                self.text.seek(&seek);
            }
        }
        self.text.clamp(height);
    }
}

impl TextPane {
    /// Forgets the layout, for a course that was read anew.
    pub(crate) fn forget(&mut self) {
        self.laid.cells = 0;
    }

    /// Scrolls to the first line that contains `folded`.
    pub(crate) fn seek(&mut self, folded: &str) {
        if let Some(at) = self.laid.lines.iter().position(|line| crate::text::fold(&line.to_string()).contains(folded))
        {
            self.offset = at.saturating_sub(2);
        }
    }

    pub(crate) fn clamp(&mut self, height: usize) {
        self.offset = self.offset.min(self.laid.lines.len().saturating_sub(height));
        let visible = self.offset..self.offset + height;
        let shown = |item: &page::Item| visible.contains(&item.lines.start);
        if self.block.is_none_or(|block| !self.laid.items.get(block).is_some_and(shown)) {
            self.block = self.laid.items.iter().position(shown);
        }
    }

    /// One step down: to the next block in view, else by one line.
    pub(crate) fn down(&mut self, height: usize) {
        let visible = self.offset..self.offset + height;
        let next = self.block.map_or(0, |block| block + 1);
        match self.laid.items.get(next) {
            Some(item) if self.block.is_some() && visible.contains(&item.lines.start) => self.block = Some(next),
            _ => {
                self.offset += 1;
                self.clamp(height);
            }
        }
    }

    /// One step up: to the block before in view, else by one line.
    pub(crate) fn up(&mut self, height: usize) {
        let before = self.block.and_then(|block| block.checked_sub(1));
        match before.and_then(|before| self.laid.items.get(before)) {
            Some(item) if item.lines.start >= self.offset => self.block = before,
            _ => {
                self.offset = self.offset.saturating_sub(1);
                self.clamp(height);
            }
        }
    }

    /// To a block further on or back, wherever it is.
    pub(crate) fn go_to_block(&mut self, block: usize, height: usize) {
        let Some(item) = self.laid.items.get(block) else { return };
        self.block = Some(block);
        if item.lines.start < self.offset || item.lines.end > self.offset + height {
            self.offset = item.lines.start.saturating_sub(2);
        }
        self.clamp(height);
    }
}
