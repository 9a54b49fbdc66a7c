//! Repository automation: figures, pictures, generated data.

mod bench;
mod picture;
mod record;
mod schema;
mod terminal;
mod verbs;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Repository automation")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Prints the product's figures beside their limits (builds the release binary first).
    Bench {
        /// Only the figures of this part.
        part: Option<Part>,
    },
    /// Churns a sandbox and fails where its memory does not stay flat.
    Soak {
        /// For how long.
        #[arg(long, default_value_t = 3600)]
        seconds: u64,
    },
    /// Feeds arbitrary and mutated bytes to what reads them.
    Fuzz {
        /// For how long, each target.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Draws the README's picture of the screen.
    Picture,
    /// Runs each verb of kubectl against the sandbox and writes the table of the sandbox's README.
    Verbs(verbs::Arguments),
    /// Records the sandbox's differential scenarios against a real Kubernetes.
    Record(record::Arguments),
    /// Makes the table of Kubernetes' types.
    Schema(schema::Arguments),
}

/// A part of the figures.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Part {
    /// The embedded Kubernetes.
    Sandbox,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Bench { part: None } => bench::run(),
        Task::Bench { part: Some(Part::Sandbox) } => bench::run_sandbox(),
        Task::Soak { seconds } => bench::sandbox::soak(std::time::Duration::from_secs(seconds)),
        Task::Fuzz { seconds } => fuzz(seconds),
        Task::Picture => picture(),
        Task::Verbs(arguments) => verbs::run(&arguments),
        Task::Record(arguments) => record::run(&arguments),
        Task::Schema(arguments) => schema::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        #[expect(clippy::print_stderr, reason = "a developer's tool")]
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder.
pub(crate) fn top() -> Result<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(own.ancestors().nth(2).context("the package lies two folders below the workspace")?.to_owned())
}

/// Builds the release binary and returns its path.
pub(crate) fn release_binary() -> Result<PathBuf> {
    let top = top()?;
    #[expect(clippy::disallowed_methods, reason = "no learner's environment here")]
    let status = std::process::Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--quiet", "--package", "cli"])
        .current_dir(&top)
        .status()
        .context("failed to start cargo")?;
    anyhow::ensure!(status.success(), "cargo build failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| top.join("target"), PathBuf::from);
    Ok(target.join("release/atelier"))
}

fn fuzz(seconds: u64) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "no learner's environment here")]
    let status = std::process::Command::new(env!("CARGO"))
        .args(["test", "--locked", "--package", "sandbox", "--test", "fuzz"])
        .env("ATELIER_FUZZ_SECONDS", seconds.to_string())
        .current_dir(top()?)
        .status()
        .context("failed to start cargo")?;
    anyhow::ensure!(status.success(), "a target failed");
    Ok(())
}

fn picture() -> Result<()> {
    let binary = release_binary()?;
    let home = tempfile::tempdir().context("failed to make a home")?;
    let text = bench::screen_to_show(&binary, home.path())?;
    std::fs::write(top()?.join("assets/screen.svg"), text).context("failed to write assets/screen.svg")
}
