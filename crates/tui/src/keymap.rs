//! Which key does what, in one table. The footer and the help are drawn from it; screens never look at key codes.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::words::word;

/// Where a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// The step's text has the focus.
    Text,
    /// The prefix key was pressed in the terminal.
    Prefix,
    /// The shell has ended, its pane has the focus.
    ShellEnded,
    /// The list of checks and the detail of one.
    Checks,
    /// A choice among answers.
    Choice,
    /// The hints.
    Hints,
    /// A question of the program's own.
    Confirm,
    /// The map of courses and steps.
    Map,
    /// The solution.
    Solution,
    /// The search.
    Search,
    /// The help.
    Help,
    /// The tour.
    Tour,
    /// A text is being typed: letters are text.
    Input,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Command {
    Check,
    CheckOne,
    Stop,
    Hint,
    Solution,
    ApplySolution,
    Reset,
    Next,
    Previous,
    Map,
    Search,
    Help,
    Tour,
    Zoom,
    FocusTerminal,
    FocusText,
    Checks,
    Activate,
    Copy,
    NextBlock,
    PreviousBlock,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Back,
    Yes,
    No,
    CatchUp,
    NextFile,
    SendPrefix,
    Quit,
}

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chord {
    pub(crate) code: KeyCode,
    pub(crate) modifiers: KeyModifiers,
}

const fn plain(code: KeyCode) -> Chord {
    Chord { code, modifiers: KeyModifiers::NONE }
}

const fn letter(character: char) -> Chord {
    plain(KeyCode::Char(character))
}

const fn control(character: char) -> Chord {
    Chord { code: KeyCode::Char(character), modifiers: KeyModifiers::CONTROL }
}

/// One line of the table.
pub(crate) struct Binding {
    pub(crate) command: Command,
    pub(crate) keys: &'static [Chord],
}

const fn bind(command: Command, keys: &'static [Chord]) -> Binding {
    Binding { command, keys }
}

const MOVES: &[Binding] = &[
    bind(Command::Down, &[letter('j'), plain(KeyCode::Down)]),
    bind(Command::Up, &[letter('k'), plain(KeyCode::Up)]),
    bind(Command::PageDown, &[plain(KeyCode::PageDown), letter(' ')]),
    bind(Command::PageUp, &[plain(KeyCode::PageUp)]),
    bind(Command::Top, &[plain(KeyCode::Home), letter('g')]),
    bind(Command::Bottom, &[plain(KeyCode::End), letter('G')]),
];

const STEP: &[Binding] = &[
    bind(Command::Check, &[letter('c'), plain(KeyCode::F(5))]),
    bind(Command::Hint, &[letter('i'), plain(KeyCode::F(2))]),
    bind(Command::Solution, &[letter('s'), plain(KeyCode::F(3))]),
    bind(Command::Reset, &[letter('r'), plain(KeyCode::F(6))]),
    bind(Command::Next, &[letter('n'), plain(KeyCode::F(8))]),
    bind(Command::Previous, &[letter('p'), plain(KeyCode::F(7))]),
    bind(Command::Checks, &[letter('d'), plain(KeyCode::F(11))]),
    bind(Command::Zoom, &[letter('z'), plain(KeyCode::F(9))]),
    bind(Command::Map, &[letter('m'), plain(KeyCode::F(4))]),
    bind(Command::Search, &[letter('/'), control('f')]),
    bind(Command::Help, &[letter('?'), plain(KeyCode::F(1))]),
    bind(Command::Stop, &[letter('x')]),
    bind(Command::Quit, &[letter('q'), plain(KeyCode::F(10))]),
];

const TEXT: &[Binding] = &[
    bind(Command::Back, &[plain(KeyCode::Esc)]),
    bind(Command::FocusTerminal, &[plain(KeyCode::Tab), plain(KeyCode::BackTab)]),
    bind(Command::Activate, &[plain(KeyCode::Enter)]),
    bind(Command::Copy, &[letter('y')]),
    bind(Command::NextBlock, &[letter(']'), plain(KeyCode::Right)]),
    bind(Command::PreviousBlock, &[letter('['), plain(KeyCode::Left)]),
];

const PREFIX: &[Binding] = &[
    bind(Command::FocusText, &[plain(KeyCode::Tab), plain(KeyCode::BackTab), letter('t')]),
    bind(Command::PageUp, &[plain(KeyCode::PageUp)]),
    bind(Command::PageDown, &[plain(KeyCode::PageDown)]),
    bind(Command::Up, &[plain(KeyCode::Up)]),
    bind(Command::Down, &[plain(KeyCode::Down)]),
    bind(Command::Bottom, &[plain(KeyCode::End)]),
    bind(Command::SendPrefix, &[control('g')]),
    bind(Command::Back, &[plain(KeyCode::Esc)]),
];

const CLOSE: &[Binding] = &[bind(Command::Back, &[plain(KeyCode::Esc), letter('q')])];

const CHECKS: &[Binding] = &[
    bind(Command::Activate, &[plain(KeyCode::Enter)]),
    bind(Command::CheckOne, &[letter('c'), plain(KeyCode::F(5))]),
    bind(Command::Copy, &[letter('y')]),
    bind(Command::Stop, &[letter('x')]),
];

const CHOICE: &[Binding] = &[bind(Command::Activate, &[plain(KeyCode::Enter)])];

const HINTS: &[Binding] = &[bind(Command::Hint, &[letter('i'), plain(KeyCode::F(2)), plain(KeyCode::Enter)])];

const CONFIRM: &[Binding] = &[
    bind(Command::Yes, &[letter('o'), letter('O')]),
    bind(Command::No, &[letter('n'), letter('N'), plain(KeyCode::Esc)]),
];

const MAP: &[Binding] = &[
    bind(Command::Activate, &[plain(KeyCode::Enter)]),
    bind(Command::CatchUp, &[letter('a')]),
    bind(Command::Search, &[letter('/')]),
];

const SOLUTION: &[Binding] =
    &[bind(Command::NextFile, &[plain(KeyCode::Tab), letter('f')]), bind(Command::ApplySolution, &[letter('a')])];

const HELP: &[Binding] = &[bind(Command::Tour, &[letter('v')])];

const TOUR: &[Binding] = &[
    bind(Command::Next, &[plain(KeyCode::Enter), letter('n'), plain(KeyCode::Right), letter(' ')]),
    bind(Command::Previous, &[letter('p'), plain(KeyCode::Left)]),
];

const INPUT: &[Binding] = &[
    bind(Command::Activate, &[plain(KeyCode::Enter)]),
    bind(Command::Up, &[plain(KeyCode::Up)]),
    bind(Command::Down, &[plain(KeyCode::Down)]),
    bind(Command::Back, &[plain(KeyCode::Esc)]),
];

const SHELL_ENDED: &[Binding] = &[
    bind(Command::Activate, &[plain(KeyCode::Enter)]),
    bind(Command::FocusText, &[plain(KeyCode::Tab), plain(KeyCode::BackTab)]),
];

impl Context {
    /// The parts of the table that hold here, the nearest first.
    pub(crate) fn bindings(self) -> &'static [&'static [Binding]] {
        match self {
            Context::Text => &[TEXT, STEP, MOVES],
            Context::Prefix => &[PREFIX, STEP],
            Context::ShellEnded => &[SHELL_ENDED, STEP],
            Context::Checks => &[CHECKS, CLOSE, MOVES],
            Context::Choice => &[CHOICE, CLOSE, MOVES],
            Context::Hints => &[HINTS, CLOSE, MOVES],
            Context::Confirm => &[CONFIRM],
            Context::Map => &[MAP, CLOSE, MOVES],
            Context::Solution => &[SOLUTION, CLOSE, MOVES],
            Context::Search | Context::Input => &[INPUT],
            Context::Help => &[HELP, CLOSE, MOVES],
            Context::Tour => &[TOUR, CLOSE],
        }
    }

    /// What the footer names here, the most useful first; what does not fit is left out.
    pub(crate) fn footer(self) -> &'static [Command] {
        match self {
            Context::Text => &[
                Command::Check,
                Command::Hint,
                Command::Solution,
                Command::Next,
                Command::FocusTerminal,
                Command::Zoom,
                Command::Reset,
                Command::Checks,
                Command::Map,
                Command::Quit,
            ],
            Context::Prefix => &[
                Command::FocusText,
                Command::Check,
                Command::Hint,
                Command::Zoom,
                Command::PageUp,
                Command::Next,
                Command::Quit,
                Command::Back,
            ],
            Context::ShellEnded => &[Command::Activate, Command::FocusText],
            Context::Checks => {
                &[Command::Activate, Command::CheckOne, Command::Copy, Command::Down, Command::Up, Command::Back]
            }
            Context::Choice => &[Command::Down, Command::Up, Command::Activate, Command::Back],
            Context::Hints => &[Command::Hint, Command::Back],
            Context::Confirm => &[Command::Yes, Command::No],
            Context::Map => {
                &[Command::Activate, Command::Down, Command::Up, Command::CatchUp, Command::Search, Command::Back]
            }
            Context::Solution => {
                &[Command::Down, Command::Up, Command::NextFile, Command::ApplySolution, Command::Back]
            }
            Context::Search => &[Command::Down, Command::Up, Command::Activate, Command::Back],
            Context::Help => &[Command::Down, Command::Up, Command::Tour, Command::Back],
            Context::Tour => &[Command::Next, Command::Previous, Command::Back],
            Context::Input => &[Command::Activate, Command::Back],
        }
    }

    /// Returns what `key` asks for here.
    pub(crate) fn command(self, key: KeyEvent) -> Option<Command> {
        let pressed = normal(key);
        self.all().find(|binding| binding.keys.contains(&pressed)).map(|binding| binding.command)
    }

    /// Every line of the table that holds here.
    pub(crate) fn all(self) -> impl Iterator<Item = &'static Binding> {
        self.bindings().iter().flat_map(|part| part.iter())
    }

    /// Returns the first key of a command here, as people read it.
    pub(crate) fn key(self, command: Command) -> Option<String> {
        self.all()
            .find(|binding| binding.command == command)
            .and_then(|binding| binding.keys.first())
            .map(|key| key.word())
    }

    /// The heading of this part of the help.
    pub(crate) fn word(self) -> String {
        match self {
            Context::Text => word!("context-text"),
            Context::Prefix => word!("context-prefix"),
            Context::ShellEnded => word!("context-shell-ended"),
            Context::Checks => word!("context-checks"),
            Context::Choice => word!("context-choice"),
            Context::Hints => word!("context-hints"),
            Context::Confirm => word!("context-confirm"),
            Context::Map => word!("context-map"),
            Context::Solution => word!("context-solution"),
            Context::Search => word!("context-search"),
            Context::Help => word!("context-help"),
            Context::Tour => word!("context-tour"),
            Context::Input => word!("context-input"),
        }
    }
}

/// A shifted letter arrives with or without its modifier, by terminal.
fn normal(key: KeyEvent) -> Chord {
    let modifiers = match key.code {
        KeyCode::Char(_) | KeyCode::BackTab => key.modifiers - KeyModifiers::SHIFT,
        _ => key.modifiers,
    };
    Chord { code: key.code, modifiers }
}

impl Chord {
    /// Returns whether `key` is this chord.
    pub(crate) fn is(self, key: KeyEvent) -> bool {
        normal(key) == self
    }

    /// The key as people read it.
    pub(crate) fn word(self) -> String {
        let name = match self.code {
            KeyCode::Enter => "⏎".to_owned(),
            KeyCode::Char(' ') => word!("key-space"),
            KeyCode::Char(character) => character.to_string(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => word!("key-page-up"),
            KeyCode::PageDown => word!("key-page-down"),
            KeyCode::Home => word!("key-home"),
            KeyCode::End => word!("key-end"),
            KeyCode::Esc => word!("key-escape"),
            KeyCode::BackTab => word!("key-back-tab"),
            KeyCode::F(number) => format!("F{number}"),
            other => other.to_string(),
        };
        if self.modifiers.contains(KeyModifiers::CONTROL) { format!("Ctrl-{}", name.to_uppercase()) } else { name }
    }
}

/// The prefix key that leaves the terminal.
pub(crate) fn prefix(character: char) -> Chord {
    control(character.to_ascii_lowercase())
}

impl Command {
    /// The command in a word or two, as it is called in this context.
    pub(crate) fn word_in(self, context: Context) -> String {
        match (self, context) {
            (Command::Activate, Context::Text) => word!("command-act"),
            (Command::Activate, Context::Map | Context::Search) => word!("command-open"),
            (Command::Activate, Context::ShellEnded) => word!("command-restart"),
            (Command::Activate, Context::Checks) => word!("command-answer-or-show"),
            (Command::Hint, Context::Hints) => word!("command-take-hint"),
            (Command::Back, Context::Text) => word!("command-dismiss"),
            (Command::Back, Context::Prefix) => word!("command-cancel"),
            (Command::Back, Context::Tour) => word!("command-skip"),
            (Command::Copy, Context::Checks) => word!("command-copy-command"),
            _ => self.word(),
        }
    }

    /// The command in a word or two.
    pub(crate) fn word(self) -> String {
        match self {
            Command::Check | Command::CheckOne => word!("command-check"),
            Command::Stop => word!("command-stop"),
            Command::Hint => word!("command-hint"),
            Command::Solution => word!("command-solution"),
            Command::ApplySolution => word!("command-apply"),
            Command::Reset => word!("command-reset"),
            Command::Next => word!("command-next"),
            Command::Previous => word!("command-previous"),
            Command::Map => word!("command-map"),
            Command::Search => word!("command-search"),
            Command::Help => word!("command-help"),
            Command::Tour => word!("command-tour"),
            Command::Zoom => word!("command-zoom"),
            Command::FocusTerminal => word!("command-terminal"),
            Command::FocusText => word!("command-text"),
            Command::Checks => word!("command-checks"),
            Command::Activate => word!("command-activate"),
            Command::Copy => word!("command-copy"),
            Command::NextBlock => word!("command-next-block"),
            Command::PreviousBlock => word!("command-previous-block"),
            Command::Up => word!("command-up"),
            Command::Down => word!("command-down"),
            Command::PageUp => word!("command-page-up"),
            Command::PageDown => word!("command-page-down"),
            Command::Top => word!("command-top"),
            Command::Bottom => word!("command-bottom"),
            Command::Back => word!("command-back"),
            Command::Yes => word!("command-yes"),
            Command::No => word!("command-no"),
            Command::CatchUp => word!("command-catch-up"),
            Command::NextFile => word!("command-next-file"),
            Command::SendPrefix => word!("command-send-prefix"),
            Command::Quit => word!("command-quit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXTS: [Context; 13] = [
        Context::Text,
        Context::Prefix,
        Context::ShellEnded,
        Context::Checks,
        Context::Choice,
        Context::Hints,
        Context::Confirm,
        Context::Map,
        Context::Solution,
        Context::Search,
        Context::Help,
        Context::Tour,
        Context::Input,
    ];

    #[test]
    fn every_command_of_a_footer_has_a_key_there() {
        for context in CONTEXTS {
            for command in context.footer() {
                assert!(context.key(*command).is_some(), "{context:?} {command:?}");
            }
        }
    }

    #[test]
    fn no_key_means_two_things_in_one_part_of_the_table() {
        for context in CONTEXTS {
            for part in context.bindings() {
                let keys: Vec<Chord> = part.iter().flat_map(|binding| binding.keys.iter().copied()).collect();
                for (index, key) in keys.iter().enumerate() {
                    assert!(!keys[..index].contains(key), "{context:?} {key:?}");
                }
            }
        }
    }
}
