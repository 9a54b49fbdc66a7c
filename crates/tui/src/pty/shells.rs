//! How each shell is started so that its prompt is short and the learner's own settings still count.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A shell's command line and the variables that go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    /// The file that the shell reads before each prompt, and removes; none for a shell that cannot be taught to.
    pub(super) next: Option<PathBuf>,
}

enum Kind {
    Bash,
    Zsh,
    Fish,
    Other,
}

/// Writes the shell's start file below `folder` and returns how to start it.
///
/// `variables` are set again after the learner's own settings: a `KUBECONFIG` in `~/.bashrc` must not lead to another
/// cluster. What the settings add to `PATH` stays; what they dropped from ours is put at its end.
pub(super) fn start(shell: &Path, folder: &Path, variables: &[(String, String)]) -> io::Result<Start> {
    let name = shell.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kind = match name.as_str() {
        "bash" => Kind::Bash,
        "zsh" => Kind::Zsh,
        "fish" => Kind::Fish,
        _ => Kind::Other,
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut start = Start { program: shell.to_owned(), arguments: Vec::new(), variables: Vec::new(), next: None };
    let next = folder.join("next");
    // What another shell left is not for this one.
    let _ = fs::remove_file(&next);
    let named = format!("__atelier_next='{}'\n", next.to_string_lossy().replace('\'', r"'\''"));
    match kind {
        Kind::Bash => {
            let file = write(folder, "bashrc", &format!("{}{named}{}", include_str!("bash.sh"), exports(variables)))?;
            start.next = Some(next);
            start.arguments = vec!["--rcfile".to_owned(), file, "-i".to_owned()];
        }
        Kind::Zsh => {
            write(folder, ".zshrc", &format!("{}{named}{}", include_str!("zsh.sh"), exports(variables)))?;
            start.next = Some(next);
            let environment =
                "[ -f \"${ATELIER_ZDOTDIR:-$HOME}/.zshenv\" ] && . \"${ATELIER_ZDOTDIR:-$HOME}/.zshenv\"\n";
            write(folder, ".zshenv", environment)?;
            if let Ok(own) = std::env::var("ZDOTDIR") {
                start.variables.push(("ATELIER_ZDOTDIR".to_owned(), own));
            }
            start.variables.push(("ZDOTDIR".to_owned(), folder.to_string_lossy().into_owned()));
            start.arguments = vec!["-i".to_owned()];
        }
        Kind::Fish => {
            let quoted = |value: &str| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"));
            let mut text = include_str!("fish.sh").to_owned();
            text.push_str(&format!("set -g __atelier_next {}\n", quoted(&next.to_string_lossy())));
            for (name, value) in variables.iter().filter(|(name, _)| name != "PATH") {
                text.push_str(&format!("set -gx {name} {}\n", quoted(value)));
            }
            start.next = Some(next);
            let file = write(folder, "config.fish", &text)?;
            start.arguments = vec!["-i".to_owned(), "-C".to_owned(), format!("source '{}'", file.replace('\'', "\\'"))];
        }
        Kind::Other => start.arguments = vec!["-i".to_owned()],
    }
    Ok(start)
}

/// Commands of the Bourne family that set the variables again.
fn exports(variables: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        let value = value.replace('\'', r"'\''");
        if name == "PATH" {
            text.push_str(&format!("__atelier_path='{value}:'\n"));
            text.push_str(
                "while [ -n \"$__atelier_path\" ]; do\n    case :$PATH: in\n        *:\"${__atelier_path%%:*}\":*) ;;\n        \
                 *) PATH=$PATH:${__atelier_path%%:*} ;;\n    esac\n    __atelier_path=${__atelier_path#*:}\ndone\n",
            );
        } else {
            text.push_str(&format!("export {name}='{value}'\n"));
        }
    }
    text
}

/// Writes a file that only its owner may read, anew.
pub(super) fn write(folder: &Path, name: &str, text: &str) -> io::Result<String> {
    let path = folder.join(name);
    let beside = folder.join(format!("{name}.{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&beside, &path)?;
    Ok(path.to_string_lossy().into_owned())
}

/// The learner's shell: `$SHELL` where it is a program, else bash, else sh.
pub(super) fn own() -> PathBuf {
    let given = std::env::var_os("SHELL").map(PathBuf::from);
    let candidates = given.into_iter().chain(["/bin/bash", "/usr/bin/bash", "/bin/sh"].map(PathBuf::from));
    let mut there = candidates.filter(|path| path.is_absolute() && path.is_file());
    there.next().unwrap_or_else(|| PathBuf::from("/bin/sh"))
}

/// The terminal type that the pane answers to. `screen-256color` has no capability that the emulator lacks (no
/// repetition, no background erase); where the system does not know it, the nearest that it knows.
pub(super) fn terminal_type() -> &'static str {
    const FOLDERS: [&str; 4] = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"];
    let known = FOLDERS.iter().any(|folder| {
        let folder = Path::new(folder);
        folder.join("s/screen-256color").exists() || folder.join("73/screen-256color").exists()
    });
    if known { "screen-256color" } else { "xterm-256color" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_survive_the_learners_own_settings() {
        let folder = tempfile::tempdir().unwrap();
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".bashrc"), "export KUBECONFIG=/elsewhere\nPATH=/usr/bin:/bin\nalias ll=ls\n")
            .unwrap();
        let variables = vec![
            ("KUBECONFIG".to_owned(), "/here/it's".to_owned()),
            ("PATH".to_owned(), "/usr/bin:/atelier/bin".to_owned()),
        ];
        let start = start(Path::new("/bin/bash"), &folder.path().join("shell"), &variables).unwrap();
        let script = format!(
            "shopt -s expand_aliases; . {}; echo \"$KUBECONFIG|$PATH\"; alias ll; __atelier_prompt; echo \"$__atelier_place\"",
            start.arguments[1]
        );
        let deep = home.path().join("atelier/cours/etape");
        fs::create_dir_all(&deep).unwrap();
        #[expect(clippy::disallowed_methods, reason = "the start file is tried with the real shell")]
        let output = std::process::Command::new("/bin/bash")
            .args(["--norc", "-c", &script])
            .current_dir(&deep)
            .env_clear()
            .env("HOME", home.path())
            .env("LANG", "C.UTF-8")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, "/here/it's|/usr/bin:/bin:/atelier/bin\nalias ll='ls'\n~/atelier/…/etape\n");
    }

    #[test]
    fn every_known_shell_is_taught_to_follow_the_step() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("it's");
        for (shell, file) in [("/bin/bash", "bashrc"), ("/bin/zsh", ".zshrc"), ("/bin/fish", "config.fish")] {
            let start = start(Path::new(shell), &folder, &[]).unwrap();
            assert_eq!(start.next, Some(folder.join("next")), "{shell}");
            let text = fs::read_to_string(folder.join(file)).unwrap();
            let named = text.lines().find(|line| line.contains("__atelier_next") && line.contains("it")).unwrap();
            let quoted = if shell == "/bin/fish" { r"it\'s/next'" } else { r"it'\''s/next'" };
            assert!(named.ends_with(quoted), "{shell}: {named}");
        }
        assert_eq!(start(Path::new("/bin/dash"), &folder, &[]).unwrap().next, None);
    }
}
