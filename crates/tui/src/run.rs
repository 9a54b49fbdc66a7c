//! The loop: the only place of this crate that waits. It gathers what happens, changes the model, executes the
//! effects and draws: at once after a key, at most 60 times a second for everything else.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::{Duration, Instant};

use crossterm::event::{Event as TerminalEvent, EventStream};
use futures::{Stream, StreamExt};
use nix::sys::signal::{Signal, raise};
use runner::{Event, Request};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::pty::{Pty, ShellEvent};
use crate::terminal::{Taken, give_back, has_panicked};
use crate::words::word;
use crate::{Effect, Look, Model, Msg, Settings, TourAtStart, update};

/// Between two frames that nobody's key asked for.
const FRAME: Duration = Duration::from_micros(16_600);

/// Between two frames that keys asked for.
const QUICK_FRAME: Duration = Duration::from_millis(3);

/// How much of a turn goes to parsing what the shell printed before keys are looked at again.
const PARSING: Duration = Duration::from_millis(4);

/// As much output as one turn parses, in bytes.
const MOST_PARSED: usize = 256 * 1024;

/// Between two ticks of a model that waits for something.
const QUICK_TICK: Duration = Duration::from_millis(200);

/// Between two ticks otherwise.
const TICK: Duration = Duration::from_secs(1);

/// How long the session may take to end.
const ENDING: Duration = Duration::from_secs(20);

/// The longest of the learner's files that is read for the comparison, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// Why the front end ended, or could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Standard input or output is not a terminal.
    #[error("standard input and output are not a terminal")]
    NotATerminal,
    /// The terminal says that it can show nothing but lines.
    #[error("the terminal is a dumb one")]
    DumbTerminal,
    /// The terminal failed.
    #[error("failed to talk to the terminal")]
    Terminal(#[source] std::io::Error),
    /// The session's task is gone.
    #[error("the session ended unexpectedly")]
    SessionGone,
    /// Something panicked; the terminal was given back for its report.
    #[error("a part of the program panicked")]
    Panicked,
}

impl Error {
    /// The error in French, with what to do about it.
    pub fn explain(&self) -> String {
        match self {
            Error::NotATerminal => word!("error-not-a-terminal"),
            Error::DumbTerminal => word!("error-dumb-terminal"),
            Error::Terminal(source) => word!("error-terminal", why = crate::text::one_line(&source.to_string())),
            Error::SessionGone => word!("error-session-gone"),
            Error::Panicked => word!("error-panicked"),
        }
    }
}

/// The channels of a session.
pub struct Session<E> {
    /// Where requests go.
    pub requests: mpsc::Sender<Request>,
    /// What the session says; ends with it.
    pub events: E,
}

/// How the front end starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the program's state: the shell's start files and the mark of the tour go there.
    pub state: PathBuf,
    /// The letter that, with Ctrl, leaves the terminal pane.
    pub prefix: char,
}

/// The file that says that the tour was seen.
const TOUR_SEEN: &str = "tour-seen";

/// Runs the front end until the learner quits, the session ends or a signal comes. The terminal is given back in
/// every case.
///
/// # Errors
///
/// Where there is no terminal, it fails, or the session is gone.
pub async fn run<E>(session: Session<E>, options: Options) -> Result<(), Error>
where
    E: Stream<Item = Event> + Unpin,
{
    suits(|name| std::env::var(name).ok())?;
    let tour = if options.state.join(TOUR_SEEN).exists() { TourAtStart::Skipped } else { TourAtStart::Shown };
    let look = Look::of(|name| std::env::var(name).ok());
    let terminal = Taken::take().map_err(Error::Terminal)?;
    let (columns, rows) = terminal.size().map_err(Error::Terminal)?;
    let model = Model::new(Settings { look, prefix: options.prefix, tour }, columns, rows);
    let mut front = Front {
        model,
        terminal,
        requests: session.requests,
        unsent: VecDeque::new(),
        shell: None,
        state: options.state,
        files: JoinSet::new(),
        start: Instant::now(),
        next_frame: Some(Instant::now()),
        last_frame: Instant::now(),
        quitting: false,
    };
    let mut events = session.events;
    let ended = front.turn(&mut events).await;
    // The terminal first: the learner has theirs back while the session cleans up.
    give_back();
    drop(front);
    if ended.is_ok() {
        let rest = async { while !matches!(events.next().await, None | Some(Event::Ended)) {} };
        if tokio::time::timeout(ENDING, rest).await.is_err() {
            tracing::warn!("the session did not end in time");
        }
    }
    ended
}

/// Says whether there is a terminal that the screens can be drawn on.
///
/// # Errors
///
/// [`Error::NotATerminal`] or [`Error::DumbTerminal`] where there is none; the linear mode works there.
pub fn suits(variable: impl Fn(&str) -> Option<String>) -> Result<(), Error> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Error::NotATerminal);
    }
    match variable("TERM").as_deref() {
        None | Some("" | "dumb" | "unknown") => Err(Error::DumbTerminal),
        Some(_) => Ok(()),
    }
}

struct Front {
    model: Model,
    terminal: Taken,
    requests: mpsc::Sender<Request>,
    /// Requests that a full channel did not take yet.
    unsent: VecDeque<Request>,
    shell: Option<(Pty, mpsc::Receiver<ShellEvent>)>,
    state: PathBuf,
    files: JoinSet<Vec<(String, Option<Vec<u8>>)>>,
    start: Instant,
    /// When the next frame is due, where anything changed.
    next_frame: Option<Instant>,
    last_frame: Instant,
    quitting: bool,
}

/// What woke the loop.
enum Woke {
    Terminal(Option<std::io::Result<TerminalEvent>>),
    Session(Option<Event>),
    Shell(Option<ShellEvent>),
    Files(Vec<(String, Option<Vec<u8>>)>),
    Signal(SignalKind),
    Tick,
    Frame,
    Room,
}

impl Front {
    async fn turn<E: Stream<Item = Event> + Unpin>(&mut self, events: &mut E) -> Result<(), Error> {
        let failed = Error::Terminal;
        let mut keys = EventStream::new();
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut stop = signal(SignalKind::from_raw(Signal::SIGTSTP as i32)).map_err(failed)?;
        let mut resume = signal(SignalKind::from_raw(Signal::SIGCONT as i32)).map_err(failed)?;
        let mut next_tick = Instant::now() + TICK;
        self.draw_if_due()?;
        while !self.quitting {
            if has_panicked() {
                return Err(Error::Panicked);
            }
            let next_frame = self.next_frame;
            // Keys come first, whatever floods.
            let woke = tokio::select! {
                biased;
                key = keys.next() => Woke::Terminal(key),
                _ = terminate.recv() => Woke::Signal(SignalKind::terminate()),
                _ = hangup.recv() => Woke::Signal(SignalKind::hangup()),
                _ = interrupt.recv() => Woke::Signal(SignalKind::interrupt()),
                _ = stop.recv() => Woke::Signal(SignalKind::from_raw(Signal::SIGTSTP as i32)),
                _ = resume.recv() => Woke::Signal(SignalKind::from_raw(Signal::SIGCONT as i32)),
                () = until(next_frame), if next_frame.is_some() => Woke::Frame,
                event = events.next() => Woke::Session(event),
                permit = self.requests.reserve(), if !self.unsent.is_empty() => {
                    match (permit, self.unsent.pop_front()) {
                        (Ok(permit), Some(request)) => permit.send(request),
                        _ => return Err(Error::SessionGone),
                    }
                    Woke::Room
                }
                Some(files) = self.files.join_next(), if !self.files.is_empty() => {
                    Woke::Files(files.unwrap_or_default())
                }
                output = output_of(&mut self.shell), if self.shell.is_some() => Woke::Shell(output),
                () = until(Some(next_tick)) => Woke::Tick,
            };
            match woke {
                Woke::Terminal(Some(Ok(event))) => {
                    self.poll_foreground();
                    self.on_terminal(event);
                    // Polled with this task's own waker: the stream keeps the first one it is given.
                    while let Poll::Ready(Some(Ok(event))) = futures::poll!(keys.next()) {
                        self.on_terminal(event);
                    }
                }
                Woke::Terminal(Some(Err(source))) => return Err(Error::Terminal(source)),
                // The terminal is gone.
                Woke::Terminal(None) => self.apply(Msg::Terminate, QUICK_FRAME),
                Woke::Signal(kind) if kind == SignalKind::from_raw(Signal::SIGTSTP as i32) => {
                    give_back();
                    // Stops the program here; SIGCONT goes on below.
                    raise(Signal::SIGSTOP).map_err(|error| failed(error.into()))?;
                }
                Woke::Signal(kind) if kind == SignalKind::from_raw(Signal::SIGCONT as i32) => {
                    self.terminal.resume().map_err(failed)?;
                    let (columns, rows) = self.terminal.size().map_err(failed)?;
                    self.apply(Msg::Resize(columns, rows), QUICK_FRAME);
                }
                Woke::Signal(_) => self.apply(Msg::Terminate, QUICK_FRAME),
                Woke::Session(Some(event)) => {
                    self.apply(Msg::Runner(event), FRAME);
                    while let Poll::Ready(Some(event)) = futures::poll!(events.next()) {
                        self.apply(Msg::Runner(event), FRAME);
                    }
                }
                Woke::Session(None) => return Err(Error::SessionGone),
                Woke::Shell(event) => self.on_shell(event),
                Woke::Files(files) => self.apply(Msg::Files(files), FRAME),
                Woke::Tick => {
                    self.poll_foreground();
                    let now = self.start.elapsed();
                    if self.model.shows_time() {
                        self.apply(Msg::Tick(now), FRAME);
                    } else {
                        let effects = update(&mut self.model, Msg::Tick(now));
                        self.execute(effects);
                    }
                    next_tick = Instant::now() + if self.model.is_restless() { QUICK_TICK } else { TICK };
                }
                Woke::Frame | Woke::Room => {}
            }
            if self.model.is_restless() {
                next_tick = next_tick.min(Instant::now() + QUICK_TICK);
            }
            self.draw_if_due()?;
        }
        Ok(())
    }

    /// Changes the model, executes the effects, and asks for a frame no later than `frame` after the last one.
    fn apply(&mut self, msg: Msg, frame: Duration) {
        let effects = update(&mut self.model, msg);
        self.execute(effects);
        let due = self.last_frame + frame;
        self.next_frame = Some(self.next_frame.map_or(due, |known| known.min(due)));
    }

    fn draw_if_due(&mut self) -> Result<(), Error> {
        if self.next_frame.is_some_and(|due| due <= Instant::now()) && !self.quitting {
            self.terminal.draw(&self.model).map_err(Error::Terminal)?;
            self.last_frame = Instant::now();
            self.next_frame = None;
        }
        Ok(())
    }

    fn on_terminal(&mut self, event: TerminalEvent) {
        let msg = match event {
            TerminalEvent::Key(key) => Msg::Key(key),
            TerminalEvent::Mouse(mouse) => Msg::Mouse(mouse),
            TerminalEvent::Paste(text) => Msg::Paste(text),
            TerminalEvent::Resize(columns, rows) => Msg::Resize(columns, rows),
            TerminalEvent::FocusGained | TerminalEvent::FocusLost => return,
        };
        self.apply(msg, QUICK_FRAME);
    }

    /// Parses what the shell printed, as much as a turn allows; the rest waits in its channel.
    fn on_shell(&mut self, event: Option<ShellEvent>) {
        let start = Instant::now();
        let mut parsed = 0;
        let mut next = event;
        while let Some(event) = next.take() {
            match event {
                ShellEvent::Output(bytes) => {
                    parsed += bytes.len();
                    self.apply(Msg::Shell(bytes), FRAME);
                }
                ShellEvent::Ended(code) => {
                    self.shell = None;
                    self.apply(Msg::ShellEnded(code), FRAME);
                    return;
                }
            }
            if parsed > MOST_PARSED || start.elapsed() > PARSING {
                break;
            }
            next = self.shell.as_mut().and_then(|(_, events)| events.try_recv().ok());
        }
        self.poll_foreground();
    }

    fn poll_foreground(&mut self) {
        let Some((pty, _)) = &self.shell else { return };
        let foreground = pty.foreground();
        if foreground != self.model.foreground() || self.model.is_restless() {
            self.apply(Msg::Foreground(foreground), FRAME);
        }
    }

    fn execute(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Runner(request) => self.request(request),
                Effect::ShellInput(bytes) => {
                    if let Some((pty, _)) = &self.shell {
                        pty.write(bytes);
                    }
                }
                Effect::ShellFollow { cut, commands } => {
                    if let Some((pty, _)) = &self.shell {
                        pty.follow(cut, &commands);
                    }
                }
                Effect::ShellStart(start) => match Pty::start(&start, &self.state.join("shell")) {
                    Ok(shell) => self.shell = Some(shell),
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "the shell did not start");
                        let effects = update(&mut self.model, Msg::ShellFailed(error.to_string()));
                        self.execute(effects);
                    }
                },
                Effect::ShellResize { rows, columns } => {
                    if let Some((pty, _)) = &self.shell {
                        pty.resize(rows, columns);
                    }
                }
                Effect::Copy(text) => {
                    if let Err(error) = self.terminal.copy(&text) {
                        tracing::warn!(%error, "failed to copy");
                    }
                }
                Effect::ReadFiles { work, paths } => {
                    self.files.spawn_blocking(move || {
                        paths.into_iter().map(|path| (path.clone(), read(&work, &path))).collect()
                    });
                }
                Effect::TourSeen => {
                    if let Err(error) = std::fs::write(self.state.join(TOUR_SEEN), b"") {
                        tracing::warn!(%error, "failed to remember the tour");
                    }
                }
                Effect::Quit => self.quitting = true,
            }
        }
    }

    /// Sends a request without waiting: what a full channel does not take is kept, in order.
    fn request(&mut self, request: Request) {
        if !self.unsent.is_empty() {
            self.unsent.push_back(request);
            return;
        }
        match self.requests.try_send(request) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(request)) => self.unsent.push_back(request),
            Err(mpsc::error::TrySendError::Closed(_)) => tracing::warn!("the session takes no more requests"),
        }
    }
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

async fn output_of(shell: &mut Option<(Pty, mpsc::Receiver<ShellEvent>)>) -> Option<ShellEvent> {
    match shell {
        Some((_, events)) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// Reads one of the learner's files, without following it out of the work folder.
fn read(work: &Path, path: &str) -> Option<Vec<u8>> {
    use std::io::Read;
    let work = work.canonicalize().ok()?;
    let path = work.join(path).canonicalize().ok()?;
    if !path.starts_with(&work) || !path.is_file() {
        return None;
    }
    let mut content = Vec::new();
    std::fs::File::open(path).ok()?.take(LONGEST_FILE).read_to_end(&mut content).ok()?;
    Some(content)
}
