//! `atelier completions`: what a shell needs to complete our command line.

use clap_complete::aot::{Shell as Target, generate};

use crate::arguments::{self, Shell};
use crate::exit::{Ended, Exit};
use crate::output;

/// Prints the script for a shell.
pub(crate) fn run(shell: Shell) -> Ended {
    let target = match shell {
        Shell::Bash => Target::Bash,
        Shell::Zsh => Target::Zsh,
        Shell::Fish => Target::Fish,
    };
    let mut script = Vec::new();
    generate(target, &mut arguments::tree(), "atelier", &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Ok(Exit::Well)
}
