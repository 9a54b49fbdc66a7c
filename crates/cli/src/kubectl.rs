//! The `kubectl` stand-in, for learners who have none: the verbs and the output that the labs use.
//!
//! Its words are those of the real one, in English, since that is what courses and manuals show; only what it does
//! not know is said in French. No Fluent and no thread pool before the first request: it must start at once.

mod age;
mod api;
mod apply;
mod create;
mod delete;
mod flags;
mod get;
mod jsonpath;
mod logs;
mod manifest;
mod patch;
mod resource;
mod shape;
mod tabular;
mod trouble;
mod yaml;

use std::process::ExitCode;

use self::api::Api;
use self::flags::{Flag, Given};
use self::trouble::Trouble;
use crate::output;
use crate::words::say;

/// Runs the stand-in; `arguments` are those after the program's name. The exit code is kubectl's: 0 or 1.
pub(crate) fn main(arguments: &[String]) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::note(&format!("error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            say_trouble(&trouble);
            ExitCode::FAILURE
        }
    }
}

/// Says why something failed: kubectl's sentence, or ours where the stand-in reaches its end.
pub(crate) fn say_trouble(trouble: &Trouble) {
    let sentence = match trouble {
        Trouble::UnknownVerb(verb) => say!("kubectl-unknown-verb", verb = verb.clone()),
        Trouble::UnknownFlag { verb, flag } => {
            say!("kubectl-unknown-flag", flag = flag.clone(), verb = verb.clone())
        }
        Trouble::AlreadySaid => return,
        Trouble::Error(_) | Trouble::Plain(_) | Trouble::Server { .. } => trouble.to_string(),
    };
    output::note(&api::visible(&sentence));
}

/// The verbs, with their flags. The order is that of the help.
const VERBS: &[(&str, &[Flag])] = &[
    ("get", get::FLAGS),
    ("apply", apply::FLAGS),
    ("create", create::FLAGS),
    ("run", create::RUN_FLAGS),
    ("delete", delete::FLAGS),
    ("logs", logs::FLAGS),
];

async fn run(arguments: &[String]) -> Result<(), Trouble> {
    // Global flags may stand before the verb: the verb is the first known word.
    let position = arguments.iter().position(|word| VERBS.iter().any(|(verb, _)| verb == word));
    let Some(position) = position else {
        return no_verb(arguments);
    };
    let (verb, flags) = VERBS
        .iter()
        .find(|(verb, _)| arguments.get(position).is_some_and(|word| word == verb))
        .expect("the position was found by this very table");
    let mut rest = arguments.to_vec();
    rest.remove(position);
    let given = flags::parse(verb, &rest, flags)?;
    if given.is_on("help") {
        return help();
    }
    let api = || Api::open(&given);
    match *verb {
        "get" => get::run(&api().await?, &given).await,
        "apply" => apply::run(&api().await?, &given).await,
        "create" => create::run(&api().await?, &given).await,
        "run" => create::run_image(&api().await?, &given).await,
        "delete" => delete::run(&api().await?, &given).await,
        "logs" => logs::run(&api().await?, &given).await,
        other => Err(Trouble::UnknownVerb(other.to_owned())),
    }
}

fn no_verb(arguments: &[String]) -> Result<(), Trouble> {
    let word = arguments.iter().find(|word| !word.starts_with('-') && *word != "help");
    match word {
        Some(word) => Err(Trouble::UnknownVerb(word.clone())),
        None => help(),
    }
}

fn help() -> Result<(), Trouble> {
    let verbs: Vec<&str> = VERBS.iter().map(|(verb, _)| *verb).collect();
    output::print(&format!("{}\n", say!("kubectl-help", verbs = verbs.join(", "))));
    Ok(())
}
