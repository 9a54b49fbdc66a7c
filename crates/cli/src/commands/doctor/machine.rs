//! What is looked at: terminal, tools, folders, clusters.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use runner::{Docker, Home};

use super::{Finding, State};
use crate::output;
use crate::seat;
use crate::words::say;

/// How long a tool or a cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Less room than this makes trouble, in MiB.
const LITTLE_ROOM: u64 = 200;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether there is a terminal, and how large it is.
pub(super) fn terminal() -> Finding {
    let title = say!("doctor-terminal");
    if !output::at_a_terminal() {
        let found = say!("doctor-terminal-none");
        return Finding {
            id: "terminal",
            state: State::Advice,
            title,
            found,
            mend: Some(say!("doctor-terminal-none-mend")),
        };
    }
    let Some((columns, rows)) = size() else {
        return Finding {
            id: "terminal",
            state: State::Advice,
            title,
            found: say!("doctor-terminal-unknown"),
            mend: None,
        };
    };
    let multiplexer = if variable("TMUX").is_some() { say!("doctor-in-tmux") } else { String::new() };
    let found =
        say!("doctor-terminal-size", columns = columns.to_string(), rows = rows.to_string(), inside = multiplexer);
    let (state, mend) = if columns < 60 || rows < 16 {
        (State::Lack, Some(say!("doctor-terminal-small-mend")))
    } else if columns < 100 {
        (State::Good, Some(say!("doctor-terminal-narrow-mend")))
    } else {
        (State::Good, None)
    };
    Finding { id: "terminal", state, title, found, mend }
}

fn size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// How many colours the terminal says it has.
pub(super) fn colours() -> Finding {
    let title = say!("doctor-colours");
    let term = variable("TERM").unwrap_or_default();
    let direct = variable("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit");
    let (state, found, mend) = if variable("NO_COLOR").is_some() {
        (State::Good, say!("doctor-colours-refused"), None)
    } else if term.is_empty() || term == "dumb" {
        (State::Advice, say!("doctor-colours-dumb"), Some(say!("doctor-colours-dumb-mend")))
    } else if direct {
        (State::Good, say!("doctor-colours-many", term = term), None)
    } else if term.contains("256color") {
        (State::Good, say!("doctor-colours-256", term = term), None)
    } else {
        (State::Good, say!("doctor-colours-8", term = term), None)
    };
    Finding { id: "colours", state, title, found, mend }
}

/// Whether the locale is one of UTF-8.
pub(super) fn locale() -> Finding {
    let title = say!("doctor-locale");
    let value = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default();
    let normal = value.to_lowercase().replace('-', "");
    if normal.contains("utf8") {
        return Finding { id: "locale", state: State::Good, title, found: value, mend: None };
    }
    let found = if value.is_empty() { say!("doctor-locale-none") } else { value };
    Finding { id: "locale", state: State::Advice, title, found, mend: Some(say!("doctor-locale-mend")) }
}

/// Whether copying to the clipboard by OSC 52 is likely to work. Terminals do not say; this is a guess by name.
pub(super) fn clipboard() -> Finding {
    let title = say!("doctor-clipboard");
    let program = variable("TERM_PROGRAM").unwrap_or_default();
    let term = variable("TERM").unwrap_or_default();
    let known = ["iTerm.app", "WezTerm", "ghostty", "vscode", "rio"].contains(&program.as_str())
        || ["kitty", "alacritty", "foot", "ghostty", "wezterm", "xterm-256color"]
            .iter()
            .any(|name| term.contains(name));
    let (state, found, mend) = if variable("TMUX").is_some() {
        (State::Advice, say!("doctor-clipboard-tmux"), Some(say!("doctor-clipboard-tmux-mend")))
    } else if known {
        (State::Good, say!("doctor-clipboard-likely"), None)
    } else {
        (State::Advice, say!("doctor-clipboard-unknown"), Some(say!("doctor-clipboard-unknown-mend")))
    };
    Finding { id: "clipboard", state, title, found, mend }
}

/// Which kubectl the learner's shell finds, and its version.
pub(super) async fn kubectl() -> Finding {
    let title = say!("doctor-kubectl");
    let none = |title| Finding {
        id: "kubectl",
        state: State::Good,
        title,
        found: say!("doctor-kubectl-none"),
        mend: Some(say!("doctor-kubectl-none-mend")),
    };
    let Some(path) = find_program("kubectl") else { return none(title) };
    let command = tokio::process::Command::new(&path)
        .args(["version", "--client", "--output=json"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let shown = path.display().to_string();
    let Ok(Ok(output)) = tokio::time::timeout(PATIENCE, command).await else {
        let found = say!("doctor-kubectl-broken", path = shown);
        let mend = Some(say!("doctor-kubectl-broken-mend"));
        return Finding { id: "kubectl", state: State::Lack, title, found, mend };
    };
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let version = document.pointer("/clientVersion/gitVersion").and_then(serde_json::Value::as_str).unwrap_or("?");
    let found = say!("doctor-kubectl-found", version = messages::quoted(version), path = shown);
    Finding { id: "kubectl", state: State::Good, title, found, mend: None }
}

/// The first executable of this name in the PATH.
fn find_program(name: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let own_bin = Home::find(|name| std::env::var_os(name)).ok().map(|home| home.bin());
    std::env::split_paths(&std::env::var_os("PATH")?)
        .filter(|folder| own_bin.as_ref() != Some(folder))
        .map(|folder| folder.join(name))
        .find(|path| std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0))
}

/// Whether a Docker Engine answers; whoever may use it is as good as root.
pub(super) fn docker(docker: Docker) -> Finding {
    let title = say!("doctor-docker");
    match docker {
        Docker::Answers => Finding {
            id: "docker",
            state: State::Good,
            title,
            found: say!("doctor-docker-answers"),
            mend: Some(say!("doctor-docker-root")),
        },
        Docker::Absent => Finding {
            id: "docker",
            state: State::Advice,
            title,
            found: say!("doctor-docker-absent"),
            mend: Some(say!("doctor-docker-mend")),
        },
    }
}

/// Whether the learner's folders can be written.
pub(super) fn home() -> Finding {
    let title = say!("doctor-home");
    let home = Home::find(|name| std::env::var_os(name)).and_then(|home| home.prepare().map(|()| home));
    match home {
        Ok(home) => {
            let probe = home.state().join(".doctor");
            let written = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
            let path = home.state().display().to_string();
            match written {
                Ok(()) => Finding { id: "home", state: State::Good, title, found: path, mend: None },
                Err(error) => {
                    let found = say!("doctor-home-unwritable", path = path, why = error.to_string());
                    Finding { id: "home", state: State::Lack, title, found, mend: Some(say!("doctor-home-mend")) }
                }
            }
        }
        Err(error) => {
            let said = messages::failure(&error.into());
            Finding { id: "home", state: State::Lack, title, found: said.what, mend: Some(said.advice) }
        }
    }
}

/// How much room the disk of the state folder has.
pub(super) fn disk() -> Finding {
    let title = say!("doctor-disk");
    let room = Home::find(|name| std::env::var_os(name)).ok().and_then(|home| {
        let known = rustix::fs::statvfs(home.state()).ok()?;
        Some(known.f_bavail.saturating_mul(known.f_frsize) >> 20)
    });
    match room {
        Some(room) => {
            let state = if room < LITTLE_ROOM { State::Lack } else { State::Good };
            let mend = (state == State::Lack).then(|| say!("doctor-disk-mend"));
            Finding { id: "disk", state, title, found: say!("doctor-disk-room", megabytes = room.to_string()), mend }
        }
        None => Finding { id: "disk", state: State::Advice, title, found: say!("doctor-disk-unknown"), mend: None },
    }
}

/// Which contexts the learner's kubeconfig has. Nothing is contacted.
pub(super) fn contexts() -> Finding {
    let title = say!("doctor-contexts");
    let mut names = Vec::new();
    let mut broken = Vec::new();
    for path in seat::kubeconfigs().into_iter().filter(|path| path.exists()) {
        match kube::config::Kubeconfig::read_from(&path) {
            Ok(config) => {
                let current = config.current_context.clone();
                names.extend(config.contexts.iter().map(|context| {
                    let name = messages::quoted(&context.name);
                    if Some(&context.name) == current.as_ref() {
                        say!("doctor-context-current", name = name)
                    } else {
                        name
                    }
                }));
            }
            Err(_) => broken.push(path.display().to_string()),
        }
    }
    if !broken.is_empty() {
        let found = say!("doctor-contexts-broken", paths = messages::list_and(&broken));
        return Finding {
            id: "contexts",
            state: State::Lack,
            title,
            found,
            mend: Some(say!("doctor-contexts-broken-mend")),
        };
    }
    let found = if names.is_empty() { say!("doctor-contexts-none") } else { messages::list_and(&names) };
    Finding { id: "contexts", state: State::Good, title, found, mend: None }
}

/// Whether the cluster of the current context answers. Only where that was asked for.
pub(super) async fn cluster() -> Finding {
    let title = say!("doctor-cluster");
    let ask = async {
        let config = kube::Config::infer().await?;
        let client = runner::client(config)?;
        Ok::<_, anyhow::Error>(client.apiserver_version().await?)
    };
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(Ok(version)) => {
            let found = say!("doctor-cluster-answers", version = messages::quoted(&version.git_version));
            Finding { id: "cluster", state: State::Good, title, found, mend: None }
        }
        Ok(Err(error)) => {
            let found = say!("doctor-cluster-silent", why = messages::quoted(&format!("{error:#}")));
            Finding { id: "cluster", state: State::Lack, title, found, mend: Some(say!("doctor-cluster-mend")) }
        }
        Err(_elapsed) => {
            let found = say!("doctor-cluster-late", seconds = PATIENCE.as_secs());
            Finding { id: "cluster", state: State::Lack, title, found, mend: Some(say!("doctor-cluster-mend")) }
        }
    }
}
