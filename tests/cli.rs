//! The binary from outside: exit codes, documents for machines, help, the sandbox's life, the kubectl stand-in.

mod author;
mod documents;
mod refusals;
mod sandbox;
mod stand_in;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A command line of the binary, in a home of its own, away from any cluster and any terminal.
pub(crate) fn atelier(home: &Path, arguments: &[&str]) -> Answer {
    run(command(Path::new(env!("CARGO_BIN_EXE_atelier-under-test")), home).args(arguments))
}

/// A command with an environment that the machine does not colour.
pub(crate) fn command(program: &Path, home: &Path) -> Command {
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("ATELIER_HOME", home)
        .env("LANG", "C.UTF-8")
        .env("COLUMNS", "100")
        .current_dir(home)
        .stdin(Stdio::null());
    command
}

/// What a command answered.
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

pub(crate) fn run(command: &mut Command) -> Answer {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
    Answer { code: status.code(), out: text(stdout), error: text(stderr) }
}

impl Answer {
    /// The document on standard output, which holds nothing else.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.error))
    }
}
