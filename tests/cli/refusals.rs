//! Wrong usage: code 64, French on standard error, nothing on standard output. And the help.

use crate::cli::atelier;

#[test]
fn without_a_terminal_the_application_says_so() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [&[][..], &["run"], &["run", "atelier-kubernetes"]] {
        let answer = atelier(home.path(), arguments);
        assert_eq!(answer.code, Some(64), "{}", answer.error);
        assert_eq!(answer.out, "");
        assert!(answer.error.contains("a besoin d’un terminal"), "{}", answer.error);
    }
}

#[test]
fn wrong_usage_is_said_in_french() {
    let home = tempfile::tempdir().unwrap();
    let mut said = String::new();
    for line in [
        "chekc",
        "check --fromat json",
        "check --format xml",
        "check --format",
        "check a b",
        "hint",
        "sandbox",
        "sandbox upp",
        "list --format json --format json",
        "quota test -n default --replicas 1000",
        "quota test -n default --replicas vingt",
        "sandbox up --addr ici",
        "hint rien-de-tel",
        "check",
        "check 0",
        "help rien",
        "lab new mauvais",
        "check --labs rien",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let answer = atelier(home.path(), &arguments);
        assert_eq!(answer.code, Some(64), "{line}: {}", answer.error);
        assert_eq!(answer.out, "", "{line}");
        for english in ["error:", "Usage:", "tip:", "unexpected", "required", "For more information"] {
            assert!(!answer.error.contains(english), "{line}: {}", answer.error);
        }
        said.push_str(&format!("$ atelier {line}\n{}\n", answer.error));
    }
    insta::assert_snapshot!("wrong_usage_is_said_in_french", said);
}

#[test]
fn the_help_is_in_french() {
    let home = tempfile::tempdir().unwrap();
    let mut said = String::new();
    for line in [
        "--help",
        "run --help",
        "list --help",
        "check --help",
        "hint --help",
        "solution --help",
        "progress --help",
        "lab --help",
        "lab test --help",
        "sandbox --help",
        "sandbox up --help",
        "quota test --help",
        "doctor --help",
        "completions --help",
        "help codes-retour",
        "help sandbox repair",
        "kubectl --help",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let answer = atelier(home.path(), &arguments);
        assert_eq!(answer.code, Some(0), "{line}: {}", answer.error);
        assert_eq!(answer.error, "", "{line}");
        for english in ["Usage:", "Commands:", "Print help", "possible values", "default:", "aliases"] {
            assert!(!answer.out.contains(english), "{line}: {}", answer.out);
        }
        said.push_str(&format!("$ atelier {line}\n{}\n", answer.out));
    }
    insta::assert_snapshot!("the_help_is_in_french", said);
}

#[test]
fn completions_name_every_command() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let answer = atelier(home.path(), &["completions", shell]);
        assert_eq!(answer.code, Some(0));
        for name in ["catch-up", "doctor", "sandbox"] {
            assert!(answer.out.contains(name), "{shell}: {name}");
        }
    }
}

#[test]
fn an_unusable_home_is_the_machines_matter() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("un-fichier");
    std::fs::write(&file, "").unwrap();
    let mut command = crate::cli::command(std::path::Path::new(env!("CARGO_BIN_EXE_atelier-under-test")), home.path());
    let answer = crate::cli::run(command.env("ATELIER_HOME", &file).args(["status"]));
    assert_eq!(answer.code, Some(2), "{}", answer.error);
    assert_eq!(answer.out, "");
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_cannot_be_written_is_no_success() {
    let home = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_atelier-under-test"));
    let mut command = crate::cli::command(program, home.path());
    let status = command.args(["list", "--format", "json"]).stdout(full).stderr(std::process::Stdio::null()).status();
    assert_eq!(status.unwrap().code(), Some(2));
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let home = tempfile::tempdir().unwrap();
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_atelier-under-test"));
    let mut command = crate::cli::command(program, home.path());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command.args(["help"]).stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
