//! clap's complaints, said in French. The mapping is on `ErrorKind`; clap's own English never reaches the learner.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::{Exit, Failure};
use crate::output;
use crate::words::say;

/// Says what is wrong with the command line, or prints the help or version that was asked for.
pub(crate) fn report(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            if output::colours_allowed() {
                output::print(&text.ansi().to_string());
            } else {
                output::print(&text.to_string());
            }
            Exit::Well
        }
        // A group of commands without the command: its help says what may follow.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output::note(error.render().to_string().trim_end());
            Exit::Usage
        }
        kind => failure(kind, error).report(),
    }
}

fn failure(kind: ErrorKind, error: &clap::Error) -> Failure {
    let argument = context(error, ContextKind::InvalidArg);
    let sentence = match kind {
        ErrorKind::UnknownArgument => say!("usage-unknown-argument", argument = argument),
        ErrorKind::InvalidSubcommand => {
            say!("usage-unknown-command", command = context(error, ContextKind::InvalidSubcommand))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = context(error, ContextKind::InvalidValue);
            if value.is_empty() {
                say!("usage-missing-value", argument = argument)
            } else {
                say!("usage-invalid-value", value = value, argument = argument)
            }
        }
        ErrorKind::NoEquals | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            say!("usage-missing-value", argument = argument)
        }
        ErrorKind::MissingRequiredArgument => say!("usage-missing", arguments = argument),
        ErrorKind::MissingSubcommand => say!("usage-missing-command"),
        ErrorKind::ArgumentConflict => {
            let other = context(error, ContextKind::PriorArg);
            if other == argument {
                say!("usage-repeated", argument = argument)
            } else {
                say!("usage-conflict", argument = argument, other = other)
            }
        }
        ErrorKind::InvalidUtf8 => say!("usage-not-utf8"),
        // Not ours: clap's list is open. `TooManyValues`, `Io`, `Format` do not arise from this tree.
        _ => say!("usage-other"),
    };
    Failure::learner(sentence).hint(advice(kind, error))
}

fn advice(kind: ErrorKind, error: &clap::Error) -> String {
    let similar = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
        .into_iter()
        .map(|kind| context(error, kind))
        .find(|text| !text.is_empty());
    if let Some(name) = similar {
        return say!("usage-similar", name = name);
    }
    let allowed = context(error, ContextKind::ValidValue);
    if kind == ErrorKind::InvalidValue && !allowed.is_empty() {
        return say!("usage-invalid-value-allowed", allowed = allowed);
    }
    say!("usage-see", command = asked_command(error))
}

/// The command as far as clap understood it, read from its usage line (`Usage: atelier lab new …`).
fn asked_command(error: &clap::Error) -> String {
    let usage = context(error, ContextKind::Usage);
    let words = usage.split_whitespace().skip_while(|word| *word != "atelier");
    let path: Vec<&str> = words.take_while(|word| !word.starts_with(['-', '[', '<'])).collect();
    if path.is_empty() { "atelier".to_owned() } else { path.join(" ") }
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(ContextValue::StyledStr(text)) => text.to_string(),
        Some(ContextValue::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}
