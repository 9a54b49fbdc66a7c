//! A learner's seat for one command: the environment that was chosen, the course accepted, the cluster confirmed,
//! signals turned into a cancellation.

use std::io::BufRead as _;
use std::path::PathBuf;

use lab::{Catalog, Course};
use runner::{Choice, Confirmation, Headless, Home, Options};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::arguments::{EnvironmentChoice, KubernetesVersion, Labs, Place};
use crate::exit::{Failure, runner_failure};
use crate::output;
use crate::place;
use crate::words::say;

/// What the options of a command line choose; `pace` is that of the sandbox.
pub(crate) fn choice(place: &Place, confirmation: Confirmation, pace: sandbox::Pace) -> Choice {
    match place.environment {
        EnvironmentChoice::Sandbox => {
            Choice::Sandbox { version: place.kubernetes.unwrap_or(KubernetesVersion::V1_34).into(), pace }
        }
        EnvironmentChoice::Cluster => Choice::Cluster {
            kubeconfigs: kubeconfigs(),
            context: place.context.clone(),
            confirmation: if place.context.is_some() { Confirmation::Given } else { confirmation },
        },
    }
}

/// The learner's kubeconfig files: those of `KUBECONFIG`, else the usual one.
pub(crate) fn kubeconfigs() -> Vec<PathBuf> {
    match std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
        Some(list) => std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".kube/config")).into_iter().collect(),
    }
}

/// The options of a session or of a headless command.
pub(crate) fn options(home: Home, catalog: Catalog, choice: Choice, step: Option<lab::StepId>) -> Options {
    Options {
        home,
        catalog,
        choice,
        step,
        learner: place::learner(),
        stand_in: std::env::current_exe().ok(),
        variables: runner::own_variables(),
    }
}

/// A token that interrupt, termination and hang-up cancel, while the set lives.
///
/// # Errors
///
/// The signals cannot be listened to.
pub(crate) fn cancelled_by_signals() -> Result<(CancellationToken, JoinSet<()>), Failure> {
    let token = CancellationToken::new();
    let mut listeners = JoinSet::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).map_err(Failure::internal)?;
        let token = token.clone();
        listeners.spawn(async move {
            signals.recv().await;
            token.cancel();
        });
    }
    Ok((token, listeners))
}

/// Starts the environment for a command; a real cluster is confirmed first.
///
/// # Errors
///
/// It cannot be had, or was not confirmed.
pub(crate) async fn headless(
    home: &Home,
    catalog: &Catalog,
    place: &Place,
    cancel: &CancellationToken,
) -> Result<Headless, Failure> {
    let start = |confirmation| {
        Headless::start(
            options(home.clone(), catalog.clone(), choice(place, confirmation, sandbox::Pace::Lifelike), None),
            cancel.clone(),
        )
    };
    match start(Confirmation::Asked).await {
        Err(runner::Error::NotConfirmed { context, server }) => {
            confirm_cluster(&context, &server)?;
            start(Confirmation::Given).await.map_err(runner_failure)
        }
        other => other.map_err(runner_failure),
    }
}

/// Asks the learner to type the context's name; without a terminal it must stand on the command line.
fn confirm_cluster(context: &str, server: &str) -> Result<(), Failure> {
    let (context, server) = (messages::quoted(context), messages::quoted(server));
    if !output::at_a_terminal() {
        return Err(Failure::learner(say!("cluster-unconfirmed", context = context.clone(), server = server))
            .hint(say!("cluster-unconfirmed-hint", context = context)));
    }
    output::note(&say!("cluster-confirm", context = context.clone(), server = server.clone()));
    if answer()? == context {
        return Ok(());
    }
    Err(Failure::learner(say!("cluster-unconfirmed", context = context.clone(), server = server))
        .hint(say!("cluster-unconfirmed-hint", context = context)))
}

/// Makes sure that the commands of a course may run: those of the program may; another's digest is accepted once,
/// with `--accept` or at the terminal.
///
/// # Errors
///
/// The learner did not accept it.
pub(crate) fn accept(home: &Home, course: &Course, labs: &Labs) -> Result<(), Failure> {
    let digest = course.trust_digest();
    if course.embedded || runner::is_accepted(home, course) {
        return Ok(());
    }
    let given = labs.accept.as_deref() == Some(digest.as_str());
    let name = course.id.0.clone();
    if !given {
        if !output::at_a_terminal() {
            return Err(Failure::learner(say!("course-unaccepted", course = name))
                .hint(say!("course-unaccepted-hint", digest = digest)));
        }
        output::note(&say!("course-accept", course = name.clone(), digest = digest.clone()));
        if answer()? != say!("course-accept-word") {
            return Err(Failure::learner(say!("course-unaccepted", course = name))
                .hint(say!("course-unaccepted-hint", digest = digest)));
        }
    }
    runner::accept_course(home, course, &digest).map_err(runner_failure)
}

fn answer() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(Failure::internal)?;
    Ok(line.trim().to_owned())
}
