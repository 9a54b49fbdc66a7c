//! The binary `atelier`: arguments, configuration, wiring.

/// Runs the command line; the value is the process's exit code (see `atelier help codes-retour`).
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
