//! One file a command.

mod completions;
mod help;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::exit::{Exit, Failure};
use crate::kubectl;

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let ended = match arguments.command {
        // The stand-in has the exit codes of the real one.
        Some(Command::Kubectl { arguments }) => return kubectl::main(&arguments),
        Some(Command::Help { topic }) => help::run(&topic),
        Some(Command::Completions { shell }) => completions::run(shell),
        _ => Err(Failure::internal(anyhow::anyhow!("this command is not wired yet"))),
    };
    let exit: Exit = ended.unwrap_or_else(|failure| failure.report());
    exit.into()
}
