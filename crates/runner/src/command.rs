//! Runs the command lines of setups, resets and solutions in the learner's environment, each within a time and in a
//! process group that ends with it (see [`check::command`]).

use std::path::Path;
use std::time::Duration;

use check::command::{Command, Exit};
use tokio_util::sync::CancellationToken;

/// How much of a command's output is kept, in bytes.
const KEPT: usize = 64 << 10;

/// A command line and where it runs.
pub(crate) struct Script<'a> {
    /// The command line, for `bash -c`.
    pub(crate) line: &'a str,
    /// The folder it runs in.
    pub(crate) folder: &'a Path,
    /// All the variables it gets.
    pub(crate) variables: &'a [(String, String)],
    /// How long it may take.
    pub(crate) timeout: Duration,
}

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started, or its end could not be had.
    #[error("failed to run `{line}`")]
    Start {
        /// The command line.
        line: String,
        /// Why.
        #[source]
        source: Box<check::Error>,
    },
    /// It took too long, and was ended.
    #[error("`{line}` did not end within {limit:?}")]
    TimedOut {
        /// The command line.
        line: String,
        /// How long it could have taken.
        limit: Duration,
    },
    /// It ended with a failure.
    #[error("`{line}` failed with code {code:?}")]
    Failed {
        /// The command line.
        line: String,
        /// Its exit code; absent where a signal ended it.
        code: Option<i32>,
        /// What it wrote, standard output first. Untrusted.
        output: String,
    },
    /// It was stopped.
    #[error("`{line}` was stopped")]
    Cancelled {
        /// The command line.
        line: String,
    },
}

/// Runs `script`, and takes any end but exit code 0 for a failure. Returns what it wrote.
pub(crate) async fn run(script: &Script<'_>, cancel: &CancellationToken) -> Result<String, CommandError> {
    let line = || script.line.to_owned();
    let command =
        Command { line: line(), folder: script.folder.to_owned(), variables: script.variables.to_vec(), cap: KEPT };
    let inner = cancel.child_token();
    let running = check::command::run(&command, &inner);
    tokio::pin!(running);
    let ended = tokio::select! {
        ended = &mut running => ended,
        () = tokio::time::sleep(script.timeout) => {
            inner.cancel();
            running.await.ok();
            return Err(CommandError::TimedOut { line: line(), limit: script.timeout });
        }
    };
    let ended = ended.map_err(|error| match error {
        check::Error::Cancelled => CommandError::Cancelled { line: line() },
        other => CommandError::Start { line: line(), source: Box::new(other) },
    })?;
    let output = format!("{}{}", ended.output.text, ended.errors.text);
    match ended.exit {
        Exit::Code(0) => Ok(output),
        Exit::Code(code) => Err(CommandError::Failed { line: line(), code: Some(code), output }),
        Exit::Signal(_) => Err(CommandError::Failed { line: line(), code: None, output }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    async fn outcome(line: &str, timeout: Duration, cancel: &CancellationToken) -> Result<String, CommandError> {
        let folder = tempfile::tempdir().unwrap();
        let variables = vec![("PATH".to_owned(), std::env::var("PATH").unwrap())];
        run(&Script { line, folder: folder.path(), variables: &variables, timeout }, cancel).await
    }

    #[tokio::test]
    async fn a_failure_keeps_its_code_and_what_was_said() {
        let result =
            outcome("echo one; echo two >&2; exit 3", Duration::from_secs(20), &CancellationToken::new()).await;
        assert!(matches!(result, Err(CommandError::Failed { code: Some(3), output, .. }) if output == "one\ntwo\n"));
    }

    #[tokio::test]
    async fn a_command_ends_with_its_time_and_with_the_session() {
        let start = Instant::now();
        let cancel = CancellationToken::new();
        let result = outcome("sleep 60", Duration::from_millis(200), &cancel).await;
        assert!(matches!(result, Err(CommandError::TimedOut { .. })), "{result:?}");
        cancel.cancel();
        let result = outcome("sleep 60", Duration::from_secs(60), &cancel).await;
        assert!(matches!(result, Err(CommandError::Cancelled { .. })), "{result:?}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
