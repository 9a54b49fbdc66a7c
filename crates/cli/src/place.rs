//! Where a command works: the learner's folders, the courses, the account, the log file.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lab::{Catalog, Severity, StepId};
use runner::{Home, Store};

use crate::arguments::Labs;
use crate::exit::{Failure, Kind, runner_failure};
use crate::output;
use crate::words::say;

/// The learner's folders, created where they are missing.
///
/// # Errors
///
/// They cannot be found or made.
pub(crate) fn home() -> Result<Home, Failure> {
    let home = Home::find(|name| std::env::var_os(name)).map_err(|error| runner_failure(error.into()))?;
    home.prepare().map_err(|error| runner_failure(error.into()))?;
    log_to(&home);
    Ok(home)
}

/// Keeps the writer of the log alive until the process ends.
static LOG: OnceLock<tracing_appender::non_blocking::WorkerGuard> = OnceLock::new();

/// Sends logs to a file of the state folder, never to the terminal. `ATELIER_LOG` filters them.
fn log_to(home: &Home) {
    let folder = home.logs();
    if std::fs::create_dir_all(&folder).is_err() {
        return;
    }
    let file = tracing_appender::rolling::Builder::new()
        .rotation(tracing_appender::rolling::Rotation::DAILY)
        .filename_prefix("atelier")
        .filename_suffix("log")
        .max_log_files(7)
        .build(folder);
    let Ok(file) = file else { return };
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = tracing_subscriber::EnvFilter::try_from_env("ATELIER_LOG").unwrap_or_else(|_unset| {
        tracing_subscriber::EnvFilter::new("info,rustls=warn,hyper=warn,kube=warn,tower=warn")
    });
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).finish();
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        let _first = LOG.set(guard);
    }
}

/// The learner's account name.
pub(crate) fn learner() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name);
    user.or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| nix::unistd::getuid().to_string())
}

/// The courses: those of the program, or those of the folder that `--labs` names. What is wrong with them is counted
/// on standard error; one broken step does not hide the others.
///
/// # Errors
///
/// The folder cannot be read, or holds no course.
pub(crate) fn catalog(labs: &Labs) -> Result<Catalog, Failure> {
    let Some(folder) = &labs.labs else { return Ok(lab::embedded()) };
    let (courses, solutions) = course_folders(folder);
    let (catalog, diagnostics) = lab::load_folder(&courses, solutions.as_deref()).map_err(|error| {
        let said = messages::unreadable(&error);
        Failure::learner(said.what).hint(said.mend).source(error)
    })?;
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error).count();
    if errors > 0 {
        output::note(&say!("labs-have-errors", count = errors, path = folder.display().to_string()));
    }
    if catalog.courses().is_empty() {
        return Err(Failure::new(Kind::Author, say!("labs-empty", path = folder.display().to_string()))
            .hint(say!("labs-empty-hint")));
    }
    Ok(catalog)
}

/// The folder of courses and that of solutions, from one that holds both or is the first.
fn course_folders(folder: &Path) -> (PathBuf, Option<PathBuf>) {
    let inside = folder.join("labs");
    let (courses, beside) = if inside.is_dir() {
        (inside, folder.join("solutions"))
    } else {
        (folder.to_owned(), folder.join("../solutions"))
    };
    let solutions = beside.is_dir().then_some(beside);
    (courses, solutions)
}

/// The step that a person means.
///
/// # Errors
///
/// None or several have such a name.
pub(crate) fn find(catalog: &Catalog, name: &str) -> Result<StepId, Failure> {
    catalog.find(name).map(|step| step.id.clone()).map_err(|error| {
        let said = messages::not_found(&error);
        Failure::learner(said.what).hint(said.mend)
    })
}

/// The learner's history.
///
/// # Errors
///
/// It cannot be read.
pub(crate) fn store(home: &Home) -> Result<Store, Failure> {
    let mut store =
        Store::open(home, &learner(), jiff::Timestamp::now()).map_err(|error| runner_failure(error.into()))?;
    if let Some(problem) = store.take_problem() {
        tracing::warn!(error = %problem, "the progress file has a problem");
    }
    Ok(store)
}

/// A runtime for commands that wait for the world.
///
/// # Errors
///
/// The system gives none.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failure::internal)
}
