//! The shell behind the pane: its start, its foreground, its flood and its end.

use super::*;
use crate::shell::ShellPane;

/// A shell in a pane, without the learner's own settings.
struct Trial {
    pty: Pty,
    events: mpsc::Receiver<ShellEvent>,
    pane: ShellPane,
    folder: tempfile::TempDir,
}

impl Trial {
    fn start() -> Trial {
        let folder = tempfile::tempdir().unwrap();
        let start = ShellStart {
            work: folder.path().to_owned(),
            variables: vec![("HOME".to_owned(), folder.path().to_string_lossy().into_owned())],
            rows: 10,
            columns: 40,
        };
        let shell = folder.path().join("shell");
        let (pty, events) = Pty::start_program(Path::new("/bin/bash"), &start, &shell).unwrap();
        let mut pane = ShellPane::new(10, 40);
        pane.started(Duration::ZERO);
        Trial { pty, events, pane, folder }
    }

    /// Feeds the pane until it is as wanted. A shell that never gets there fails the test after 20 seconds.
    fn until(&mut self, what: &str, wanted: impl Fn(&ShellPane, &Pty) -> bool) {
        self.insist(what, b"", wanted);
    }

    /// The same, and types `insist` again and again: a key that comes between a command's start and its first
    /// instruction is lost in any terminal.
    fn insist(&mut self, what: &str, insist: &[u8], wanted: impl Fn(&ShellPane, &Pty) -> bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut insisted = Instant::now();
        while !wanted(&self.pane, &self.pty) {
            if insisted.elapsed() > Duration::from_millis(500) {
                insisted = Instant::now();
                self.pty.write(insist.to_vec());
            }
            assert!(Instant::now() < deadline, "{what}: {:?}", self.pane.screen().contents());
            let next = runtime.block_on(async {
                tokio::time::timeout(Duration::from_millis(20), self.events.recv()).await.ok().flatten()
            });
            if let Some(ShellEvent::Output(bytes)) = next {
                let replies = self.pane.feed(&bytes);
                self.pty.write(replies);
            }
            self.pane.report(self.pty.foreground(), Duration::ZERO);
        }
    }
}

#[test]
fn a_command_runs_as_if_typed_and_job_control_works() {
    let mut trial = Trial::start();
    trial.until("a prompt", |pane, _| pane.is_idle());
    let bytes = trial.pane.run("for i in 1 2\ndo echo ligne $i; done", Duration::ZERO);
    trial.pty.write(bytes);
    trial.until("both lines", |pane, _| pane.is_idle() && pane.screen().contents().contains("\nligne 2\n"));
    let bytes = trial.pane.run("sleep 100", Duration::ZERO);
    trial.pty.write(bytes);
    trial.until("a command in front", |pane, _| pane.is_busy());
    trial.pty.write(vec![26]);
    trial.insist("a stopped job", b"\x1a", |pane, _| pane.is_idle() && pane.screen().contents().contains("Stopped"));
    let bytes = trial.pane.run("fg", Duration::ZERO);
    trial.pty.write(bytes);
    trial.until("the job in front", |pane, _| pane.is_busy());
    trial.pty.write(vec![3]);
    trial.insist("the prompt again", b"\x03", |pane, _| pane.is_idle());
}

#[test]
fn control_c_stops_a_flood() {
    let mut trial = Trial::start();
    trial.until("a prompt", |pane, _| pane.is_idle());
    let bytes = trial.pane.run("yes", Duration::ZERO);
    trial.pty.write(bytes);
    trial.until("a flood", |pane, _| pane.is_busy() && pane.screen().contents().starts_with("y\ny\ny"));
    trial.pty.write(vec![3]);
    trial.insist("the prompt again", b"\x03", |pane, _| pane.is_idle());
}

#[test]
fn a_dropped_shell_takes_its_commands_with_it() {
    let mut trial = Trial::start();
    trial.until("a prompt", |pane, _| pane.is_idle());
    let told = trial.folder.path().join("told");
    let command =
        format!("sh -c 'trap \"touch {}; exit\" HUP; echo pret; while :; do sleep 0.05; done'", told.display());
    let bytes = trial.pane.run(&command, Duration::ZERO);
    trial.pty.write(bytes);
    trial.until("the trap", |pane, _| pane.screen().contents().contains("\npret"));
    let Trial { pty, events, folder: _folder, .. } = trial;
    drop((pty, events));
    let deadline = Instant::now() + Duration::from_secs(10);
    while !told.exists() {
        assert!(Instant::now() < deadline, "the command was not told that its terminal is gone");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_shell_follows_without_showing_how() {
    let mut trial = Trial::start();
    trial.until("a prompt", |pane, _| pane.is_idle());
    let folder = trial.folder.path().join("une etape");
    std::fs::create_dir(&folder).unwrap();
    let cut = trial.pane.cut(Duration::ZERO);
    trial.pty.follow(cut, &format!("export ETAPE=2; cd '{}'", folder.display()));
    trial.until("the prompt of the folder", |pane, _| {
        pane.is_idle() && pane.screen().contents().contains("/une etape ")
    });
    let bytes = trial.pane.run("echo \"<$ETAPE>\"", Duration::ZERO);
    trial.pty.write(bytes);
    trial.until("the variable", |pane, _| pane.screen().contents().contains("\n<2>\n"));
    assert!(!trial.pane.screen().contents().contains("export"), "{}", trial.pane.screen().contents());
}
