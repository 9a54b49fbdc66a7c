//! The binary `atelier`: arguments, configuration, wiring.
//!
//! Called as `kubectl`, it is the stand-in for learners who have none. This crate alone prints and chooses exit codes.

mod arguments;
mod commands;
mod exit;
mod kubectl;
mod output;
mod place;
mod seat;
mod usage;
mod words;

use std::path::Path;
use std::process::ExitCode;

/// Runs the command line; the value is the process's exit code (see `atelier help codes-retour`).
pub fn main() -> ExitCode {
    if called_as_kubectl() {
        let arguments: Vec<String> =
            std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        return kubectl::main(&arguments);
    }
    match arguments::read(std::env::args_os()) {
        Ok(arguments) => commands::run(arguments),
        Err(error) => usage::report(&error).into(),
    }
}

/// Whether the program was called by the name `kubectl`, as the shim in the learner's PATH does.
fn called_as_kubectl() -> bool {
    let name = std::env::args_os().next();
    name.as_deref().map(Path::new).and_then(Path::file_stem).is_some_and(|stem| stem == "kubectl")
}
