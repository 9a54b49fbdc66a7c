//! The `kubectl` stand-in, for learners who have none: the verbs and the output that the labs use.
//!
//! Its words are those of the real one, in English, since that is what courses and manuals show; only what it does
//! not know is said in French. No Fluent and no thread pool before the first request: it must start at once.

mod about;
mod age;
mod amount;
mod api;
mod apply;
mod change;
mod create;
mod delete;
mod describe;
mod explain;
mod flags;
mod get;
mod jsonpath;
mod logs;
mod manifest;
mod nodes;
mod patch;
mod resource;
mod rollout;
mod shape;
mod tabular;
mod trouble;
mod wait;
mod yaml;

use std::process::ExitCode;

use self::api::Api;
use self::change::Mark;
use self::flags::Flag;
use self::nodes::Schedulable;
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
        Ok(()) if output::was_lost() => {
            output::note("error: unable to write to standard output");
            ExitCode::FAILURE
        }
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
    ("describe", describe::FLAGS),
    ("events", about::EVENTS_FLAGS),
    ("scale", change::SCALE_FLAGS),
    ("wait", wait::FLAGS),
    ("rollout", rollout::FLAGS),
    ("label", change::LABEL_FLAGS),
    ("annotate", change::LABEL_FLAGS),
    ("set", change::SET_FLAGS),
    ("patch", change::PATCH_FLAGS),
    ("edit", change::EDIT_FLAGS),
    ("cordon", nodes::FLAGS),
    ("uncordon", nodes::FLAGS),
    ("drain", nodes::FLAGS),
    ("explain", explain::FLAGS),
    ("top", about::TOP_FLAGS),
    ("api-resources", about::RESOURCES_FLAGS),
    ("cluster-info", about::NO_FLAGS),
    ("config", about::CONFIG_FLAGS),
    ("version", about::VERSION_FLAGS),
];

async fn run(arguments: &[String]) -> Result<(), Trouble> {
    let Some(position) = flags::first_word(arguments) else {
        return help();
    };
    let word = arguments.get(position).map(String::as_str).unwrap_or_default();
    if word == "help" || word == "options" {
        return help();
    }
    let Some((verb, flags)) = VERBS.iter().find(|(verb, _)| *verb == word) else {
        return Err(Trouble::UnknownVerb(word.to_owned()));
    };
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
        "describe" => describe::run(&api().await?, &given).await,
        "events" => about::events(&api().await?, &given).await,
        "scale" => change::scale(&api().await?, &given).await,
        "wait" => wait::run(&api().await?, &given).await,
        "rollout" => rollout::run(&api().await?, &given).await,
        "label" => change::mark(&api().await?, &given, Mark::Label).await,
        "annotate" => change::mark(&api().await?, &given, Mark::Annotation).await,
        "set" => change::set(&api().await?, &given).await,
        "patch" => change::patch(&api().await?, &given).await,
        "edit" => change::edit(&api().await?, &given).await,
        "cordon" => nodes::cordon(&api().await?, &given, Schedulable::No).await,
        "uncordon" => nodes::cordon(&api().await?, &given, Schedulable::Yes).await,
        "drain" => nodes::drain(&api().await?, &given).await,
        "explain" => explain::run(&api().await?, &given).await,
        "top" => about::top(&api().await?, &given).await,
        "api-resources" => about::api_resources(&api().await?, &given).await,
        "cluster-info" => about::cluster_info(&api().await?).await,
        "config" => about::config(&given),
        "version" => about::version(&given).await,
        other => Err(Trouble::UnknownVerb(other.to_owned())),
    }
}

fn help() -> Result<(), Trouble> {
    let verbs: Vec<&str> = VERBS.iter().map(|(verb, _)| *verb).collect();
    output::print(&format!("{}\n", say!("kubectl-help", verbs = verbs.join(", "))));
    Ok(())
}
