//! The whole program in a terminal: what a learner's hands meet. Few tests, since each starts everything.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Far longer than anything here takes: a wait that reaches it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// A home that goes with the test.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().expect("a home"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The program in a terminal of its own.
struct App {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    input: Box<dyn Write + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    _terminal: Box<dyn MasterPty + Send>,
}

struct Seen {
    screen: vt100::Parser,
    ended: bool,
}

impl App {
    fn start(home: &Home, arguments: &[&str], (rows, columns): (u16, u16), variables: &[(&str, &str)]) -> App {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_atelier-under-test"));
        command.args(arguments);
        command.cwd(home.path());
        for (name, value) in [
            ("ATELIER_HOME", home.path().to_str().expect("a UTF-8 path")),
            ("HOME", home.path().to_str().expect("a UTF-8 path")),
            ("SHELL", "/bin/bash"),
            ("TERM", "xterm-256color"),
            ("LC_ALL", "C.UTF-8"),
        ] {
            command.env(name, value);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let input = pair.master.take_writer().expect("a writer");
        let mut output = pair.master.try_clone_reader().expect("a reader");
        let seen =
            Arc::new((Mutex::new(Seen { screen: vt100::Parser::new(rows, columns, 0), ended: false }), Condvar::new()));
        let fed = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 16_384];
            loop {
                let count = output.read(&mut bytes).unwrap_or(0);
                let mut seen = fed.0.lock().unwrap_or_else(PoisonError::into_inner);
                seen.screen.process(&bytes[..count]);
                seen.ended = count == 0;
                fed.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        App { child, input, seen, _terminal: pair.master }
    }

    fn keys(&mut self, keys: &str) {
        self.input.write_all(keys.as_bytes()).and_then(|()| self.input.flush()).expect("the program reads");
    }

    /// Waits until the screen shows all of `parts`.
    #[track_caller]
    fn shows(&self, parts: &[&str]) {
        self.until(&format!("{parts:?}"), |seen| {
            let text = seen.screen.screen().contents();
            parts.iter().all(|part| text.contains(part))
        });
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !holds(&seen) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not seen: {what}; the screen is:\n{}", seen.screen.screen().contents());
            seen = self.seen.1.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the end, and returns the exit code.
    #[track_caller]
    fn ends(&mut self) -> u32 {
        self.until("the end", |seen| seen.ended);
        self.child.wait().expect("an exit code").exit_code()
    }

    /// Whether the terminal was given back: no alternate screen, a cursor, no mouse reports, no bracketed paste.
    fn gave_the_terminal_back(&self) -> bool {
        let seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        let screen = seen.screen.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    /// Quits by the keys, confirming where something still runs, and returns the exit code.
    #[track_caller]
    fn quits(&mut self) -> u32 {
        self.keys("\x07q");
        self.until("the end, or a question", |seen| seen.ended || seen.screen.screen().contents().contains("Quitter"));
        if !self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).ended {
            self.keys("o");
        }
        self.ends()
    }

    fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = i32::try_from(self.child.process_id().expect("it runs")).expect("a process id");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).expect("it runs");
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LARGE: (u16, u16) = (40, 120);
const SMALL: (u16, u16) = (24, 80);
const STEP: &str = "atelier-kubernetes/00-2-lire-le-cluster";

/// What the shell's prompt holds once it waits for the learner.
const PROMPT: &str = "/00-2-lire-le-cluster";

/// Starts at a step and passes the tour of the first start.
fn at_step(home: &Home, size: (u16, u16)) -> App {
    let mut app = App::start(home, &["run", STEP], size, &[]);
    app.shows(&["1 sur 5"]);
    app.keys("\x1b");
    app.shows(&["Lire le cluster", "Consigne", "Terminal", "bac à sable", PROMPT]);
    app
}

#[test]
fn a_learner_meets_the_tour_a_step_and_a_real_shell_with_kubectl() {
    let home = Home::new();
    let mut app = at_step(&home, LARGE);
    app.keys("\t");
    app.keys("kubectl get nodes --no-headers | cut -c1-5 | tr '\\n' '+'\r");
    app.shows(&["node1+node2+node3+"]);
    app.keys("\x07c");
    app.shows(&["✘"]);
    assert_eq!(app.quits(), 0);
    assert!(app.gave_the_terminal_back());
}

#[test]
fn a_killed_program_loses_neither_the_step_nor_the_cluster() {
    let home = Home::new();
    let mut app = at_step(&home, SMALL);
    app.keys("\t");
    // The cluster is written behind, within 200 ms; the history at every event.
    app.keys("kubectl create configmap gardee --from-literal=a=b && sleep 1 && echo fi''nie\r");
    app.shows(&["configmap/gardee created", "│finie"]);
    app.signal(nix::sys::signal::Signal::SIGKILL);
    app.ends();

    let mut again = App::start(&home, &[], SMALL, &[]);
    again.shows(&["Lire le cluster", "Terminal", "bac à sable", PROMPT]);
    again.keys("\t");
    again.keys("kubectl get configmap gardee -o jsonpath='{.data.a}{\"ck\"}'\r");
    again.shows(&["bck"]);
}

#[test]
fn a_signal_and_a_dropped_line_end_it_with_the_terminal_given_back() {
    for signal in [nix::sys::signal::Signal::SIGTERM, nix::sys::signal::Signal::SIGHUP] {
        let home = Home::new();
        let mut app = at_step(&home, SMALL);
        app.signal(signal);
        app.ends();
        assert!(app.gave_the_terminal_back(), "after {signal}");
    }
}

#[test]
fn a_terminal_too_small_gets_a_sentence() {
    let home = Home::new();
    let mut app = App::start(&home, &["run", STEP], (5, 20), &[]);
    app.until("a sentence", |seen| seen.screen.screen().contents().contains("petit"));
    app.signal(nix::sys::signal::Signal::SIGTERM);
    app.ends();
    assert!(app.gave_the_terminal_back());
}

#[test]
fn a_locale_without_utf8_gets_ascii_only() {
    let home = Home::new();
    let mut app = App::start(&home, &["run", STEP], SMALL, &[("LC_ALL", "C"), ("NO_COLOR", "1")]);
    app.shows(&["1 sur 5"]);
    app.keys("\x1b");
    app.shows(&["Lire le cluster", "Consigne", "bac a sable"]);
    let text = app.seen.0.lock().unwrap_or_else(PoisonError::into_inner).screen.screen().contents();
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn two_programs_of_one_home_share_the_cluster_and_the_history() {
    let home = Home::new();
    let mut first = at_step(&home, SMALL);
    let mut second = App::start(&home, &["run", STEP], SMALL, &[]);
    second.shows(&["Lire le cluster", "Terminal", "bac à sable", PROMPT]);
    second.keys("\t");
    second.keys("kubectl create configmap commune\r");
    second.shows(&["configmap/commune created"]);
    first.keys("\t");
    first.keys("kubectl get configmap commune -o name\r");
    first.shows(&["│configmap/commune"]);
    assert_eq!(second.quits(), 0);
    assert_eq!(first.quits(), 0);
    let path = home.path().join("state/progress.jsonl");
    let log = lab::Log::read(&std::fs::read(&path).expect("a history"));
    assert_eq!(log.flaws(), [], "the history that both wrote is whole");
    assert!(!log.history().is_empty());
}
