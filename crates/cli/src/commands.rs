//! One file a command.

mod check;
mod completions;
mod doctor;
mod help;
mod lab;
mod list;
mod progress;
mod quota;
mod run;
mod sandbox;
mod step;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command, EnvironmentChoice, Place, Run};
use crate::exit::{Exit, Failure};
use crate::words::say;
use crate::{kubectl, output};

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let labs = arguments.labs;
    let ended = match arguments.command {
        // The stand-in has the exit codes of the real one.
        Some(Command::Kubectl { arguments }) => return kubectl::main(&arguments),
        None => {
            let place = Place { environment: EnvironmentChoice::Sandbox, kubernetes: None, context: None };
            run::run(&Run { at: None, plain: false, place }, &labs)
        }
        Some(Command::Run(arguments)) => run::run(&arguments, &labs),
        Some(Command::List(listing)) => list::run(&listing, &labs, list::View::Courses),
        Some(Command::Status(listing)) => list::run(&listing, &labs, list::View::Progress),
        Some(Command::Check(arguments)) => check::run(&arguments, &labs),
        Some(Command::Hint(arguments)) => step::hint(&arguments, &labs),
        Some(Command::Solution(arguments)) => step::solution(&arguments, &labs),
        Some(Command::Reset(arguments)) => step::reset(&arguments, &labs),
        Some(Command::CatchUp(arguments)) => step::catch_up(&arguments, &labs),
        Some(Command::Progress(command)) => progress::run(&command),
        Some(Command::Lab(command)) => lab::run(&command, &labs),
        Some(Command::Sandbox(command)) => sandbox::run(&command),
        Some(Command::Quota(command)) => quota::run(&command, &labs),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments, &labs),
        Some(Command::Completions { shell }) => completions::run(shell),
        Some(Command::Help { topic }) => help::run(&topic),
    };
    let exit: Exit = ended.unwrap_or_else(|failure| failure.report());
    if output::was_lost() {
        return Failure::environment(say!("output-lost")).hint(say!("output-lost-hint")).report().into();
    }
    exit.into()
}
