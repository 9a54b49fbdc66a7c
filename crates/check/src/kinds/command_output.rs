//! `command_output`: a command's output and exit code in the learner's environment.
//!
//! ```yaml
//! command_output:
//!   command: kubectl config current-context
//!   exit_code: 0                # default
//!   contains: [sandbox]         # each must appear
//!   excludes: []                # none may appear
//!   matches: "^v1\\.34"         # a regular expression, on the whole output
//! ```
//!
//! `contains`, `excludes` and `matches` look at standard output, without its colour sequences; write `2>&1` where
//! standard error counts too. The command runs in the work folder, with standard input closed.

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::command::{self, Captured, Command, Exit};
use crate::{Error, Outcome, World};

/// What the check runs and expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The command line, for `bash -c`.
    pub command: String,
    /// The expected exit code.
    #[serde(default)]
    pub exit_code: i32,
    /// Texts that must appear on standard output.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Texts that must not appear.
    #[serde(default)]
    pub excludes: Vec<String>,
    /// A regular expression that the whole output must match somewhere.
    #[serde(default)]
    pub matches: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The command line.
    pub command: String,
    /// How it ended.
    pub exit: Exit,
    /// The exit code that was expected.
    pub expected_exit: i32,
    /// Its standard output.
    pub output: Captured,
    /// Its standard error.
    pub errors: Captured,
    /// Texts that should have appeared and did not.
    pub missing: Vec<String>,
    /// Texts that should not have appeared and did.
    pub unwanted: Vec<String>,
    /// The regular expression that the output does not match.
    pub unmatched: Option<String>,
}

/// How much is kept of each stream, in bytes.
const CAP: usize = 64 * 1024;

pub(crate) async fn run(spec: &Spec, world: &World, cancel: &CancellationToken) -> Result<Outcome, Error> {
    let pattern = spec
        .matches
        .as_deref()
        .map(|pattern| regex::RegexBuilder::new(pattern).multi_line(true).size_limit(1 << 20).build())
        .transpose()
        .map_err(|error| Error::Unsupported { what: error.to_string() })?;
    let command = Command {
        line: spec.command.clone(),
        folder: world.work.clone(),
        variables: world.variables.clone(),
        cap: CAP,
    };
    let ended = command::run(&command, cancel).await?;
    // 127 is the shell's own word for «no such program»: the environment lacks a tool, the learner's work is not judged.
    if ended.exit == Exit::Code(127)
        && spec.exit_code != 127
        && let Some(program) = missing_program(&ended.errors.text).or_else(|| missing_program(&ended.output.text))
    {
        return Err(Error::NoProgram { program });
    }
    let text = without_colours(&ended.output.text);
    let missing: Vec<String> = spec.contains.iter().filter(|wanted| !text.contains(*wanted)).cloned().collect();
    let unwanted: Vec<String> = spec.excludes.iter().filter(|refused| text.contains(*refused)).cloned().collect();
    let unmatched = match (&pattern, &spec.matches) {
        (Some(pattern), Some(written)) if !pattern.is_match(&text) => Some(written.clone()),
        _ => None,
    };
    let holds =
        ended.exit == Exit::Code(spec.exit_code) && missing.is_empty() && unwanted.is_empty() && unmatched.is_none();
    let evidence = crate::Evidence::CommandOutput(Evidence {
        command: spec.command.clone(),
        exit: ended.exit,
        expected_exit: spec.exit_code,
        output: Captured { text, truncated: ended.output.truncated },
        errors: ended.errors,
        missing,
        unwanted,
        unmatched,
    });
    Ok(if holds { Outcome::Pass(evidence) } else { Outcome::Fail(evidence) })
}

/// Reads bash's `bash: line 1: NAME: command not found`.
fn missing_program(errors: &str) -> Option<String> {
    let line = errors.lines().find_map(|line| line.strip_suffix(": command not found"))?;
    line.rsplit(": ").next().map(str::to_owned)
}

/// Removes `ESC [ … letter` sequences, so that coloured output is compared as text.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..start]);
        let sequence = &rest[start + 2..];
        match sequence.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c)) {
            Some(end) => rest = &sequence[end + 1..],
            None => return plain,
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests;
