//! What may be written on the command line. Words come from `cli.ftl`; clap only sees the tree.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::words::say;

/// Below headings, clap prints a bare colon; French wants a space before it.
macro_rules! heading {
    ($id:literal) => {
        format!("{}\u{a0}", say!($id))
    };
}

#[derive(Debug, Parser)]
#[command(name = "atelier", about = say!("about"), after_help = say!("about-after"))]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) labs: Labs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Labs {
    #[arg(long, global = true, value_name = "DOSSIER", env = "ATELIER_LABS", hide_env = true, help = say!("arg-labs"))]
    pub(crate) labs: Option<PathBuf>,
    #[arg(long, global = true, value_name = "EMPREINTE", help = say!("arg-accept"))]
    pub(crate) accept: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(about = say!("cmd-run"))]
    Run(Run),
    #[command(about = say!("cmd-list"))]
    List(Listing),
    #[command(about = say!("cmd-status"))]
    Status(Listing),
    #[command(about = say!("cmd-check"), after_help = say!("cmd-check-after"))]
    Check(Check),
    #[command(about = say!("cmd-hint"))]
    Hint(OneStep),
    #[command(about = say!("cmd-solution"))]
    Solution(Solution),
    #[command(about = say!("cmd-reset"))]
    Reset(OneStep),
    #[command(name = "catch-up", about = say!("cmd-catch-up"))]
    CatchUp(OneStep),
    #[command(about = say!("cmd-progress"), subcommand)]
    Progress(Progress),
    #[command(about = say!("cmd-lab"), subcommand)]
    Lab(Lab),
    #[command(about = say!("cmd-sandbox"), subcommand)]
    Sandbox(Sandbox),
    #[command(about = say!("cmd-quota"), subcommand)]
    Quota(Quota),
    #[command(about = say!("cmd-kubectl"), disable_help_flag = true)]
    Kubectl {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT", help = say!("arg-kubectl"))]
        arguments: Vec<String>,
    },
    #[command(about = say!("cmd-doctor"))]
    Doctor(Doctor),
    #[command(about = say!("cmd-completions"))]
    Completions {
        #[arg(value_enum, value_name = "SHELL", hide_possible_values = true, help = say!("arg-shell"))]
        shell: Shell,
    },
    #[command(about = say!("cmd-help"))]
    Help {
        #[arg(value_name = "SUJET", help = say!("arg-topic"))]
        topic: Vec<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnvironmentChoice {
    Sandbox,
    Cluster,
}

/// Where a command runs: chosen, never guessed.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    #[arg(long = "env", value_enum, value_name = "OÙ", default_value = "sandbox", hide_possible_values = true, hide_default_value = true, help = say!("arg-env"))]
    pub(crate) environment: EnvironmentChoice,
    #[arg(long, value_name = "VERSION", value_enum, hide_possible_values = true, help = say!("arg-kubernetes"))]
    pub(crate) kubernetes: Option<KubernetesVersion>,
    #[arg(long, value_name = "CONTEXTE", help = say!("arg-context"))]
    pub(crate) context: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KubernetesVersion {
    #[value(name = "1.20")]
    V1_20,
    #[value(name = "1.24")]
    V1_24,
    #[value(name = "1.34")]
    V1_34,
}

impl KubernetesVersion {
    /// The version as it is written on the command line.
    pub(crate) fn label(self) -> &'static str {
        match self {
            KubernetesVersion::V1_20 => "1.20",
            KubernetesVersion::V1_24 => "1.24",
            KubernetesVersion::V1_34 => "1.34",
        }
    }
}

impl From<KubernetesVersion> for sandbox::Version {
    fn from(version: KubernetesVersion) -> sandbox::Version {
        match version {
            KubernetesVersion::V1_20 => sandbox::Version::V1_20,
            KubernetesVersion::V1_24 => sandbox::Version::V1_24,
            KubernetesVersion::V1_34 => sandbox::Version::V1_34,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[arg(value_name = "PARCOURS[/ÉTAPE]", help = say!("arg-where"))]
    pub(crate) at: Option<String>,
    #[arg(long, help = say!("arg-plain"))]
    pub(crate) plain: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// A command that prints for people or for machines.
#[derive(Debug, Args)]
pub(crate) struct Machine {
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", hide_possible_values = true, hide_default_value = true, help = say!("arg-format"))]
    pub(crate) format: TextOrJson,
}

/// A command that lists steps and whether they can be done here.
#[derive(Debug, Args)]
pub(crate) struct Listing {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) machine: Machine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOrJson {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    Text,
    Json,
    Junit,
    Tap,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[arg(value_name = "PARCOURS[/ÉTAPE]", help = say!("arg-check-where"))]
    pub(crate) at: Option<String>,
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", hide_possible_values = true, hide_default_value = true, help = say!("arg-check-format"))]
    pub(crate) format: CheckFormat,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct OneStep {
    #[arg(value_name = "PARCOURS/ÉTAPE", help = say!("arg-step"))]
    pub(crate) step: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Solution {
    #[arg(value_name = "PARCOURS/ÉTAPE", help = say!("arg-step"))]
    pub(crate) step: String,
    #[arg(long, help = say!("arg-apply"))]
    pub(crate) apply: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Progress {
    #[command(about = say!("cmd-progress-export"))]
    Export {
        #[arg(value_name = "FICHIER", help = say!("arg-progress-file"))]
        file: PathBuf,
    },
    #[command(about = say!("cmd-progress-import"))]
    Import {
        #[arg(value_name = "FICHIER", help = say!("arg-progress-file"))]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lab {
    #[command(about = say!("cmd-lab-new"))]
    New {
        #[arg(value_name = "PARCOURS/ÉTAPE", help = say!("arg-new-step"))]
        step: String,
    },
    #[command(about = say!("cmd-lab-lint"))]
    Lint {
        #[arg(value_name = "DOSSIER", help = say!("arg-lint-path"))]
        path: Option<PathBuf>,
        #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", hide_possible_values = true, hide_default_value = true, help = say!("arg-format"))]
        format: TextOrJson,
    },
    #[command(about = say!("cmd-lab-test"))]
    Test {
        #[arg(value_name = "PARCOURS[/ÉTAPE]", help = say!("arg-test-steps"))]
        steps: Vec<String>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sandbox {
    #[command(about = say!("cmd-sandbox-up"))]
    Up(SandboxUp),
    #[command(about = say!("cmd-sandbox-down"))]
    Down,
    #[command(about = say!("cmd-sandbox-status"))]
    Status(Machine),
    #[command(about = say!("cmd-sandbox-reset"))]
    Reset,
    #[command(about = say!("cmd-sandbox-repair"))]
    Repair {
        #[arg(value_name = "NŒUD", help = say!("arg-node"))]
        node: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SandboxUp {
    #[arg(long, value_name = "FICHIER", help = say!("arg-kubeconfig"))]
    pub(crate) kubeconfig: Option<PathBuf>,
    #[arg(long, value_name = "127.0.0.1:PORT", help = say!("arg-addr"))]
    pub(crate) addr: Option<SocketAddr>,
    #[arg(long, value_name = "VERSION", value_enum, hide_possible_values = true, help = say!("arg-kubernetes"))]
    pub(crate) kubernetes: Option<KubernetesVersion>,
    #[arg(long, help = say!("arg-detach"))]
    pub(crate) detach: bool,
    /// Set by `--detach` on the process that it starts.
    #[arg(long, hide = true)]
    pub(crate) in_background: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Quota {
    #[command(about = say!("cmd-quota-test"))]
    Test(QuotaTest),
}

#[derive(Debug, Args)]
pub(crate) struct QuotaTest {
    #[arg(short, long, value_name = "NAMESPACE", help = say!("arg-namespace"))]
    pub(crate) namespace: String,
    #[arg(long, value_name = "NOM", help = say!("arg-deployment"))]
    pub(crate) deployment: Option<String>,
    #[arg(long, value_name = "NOMBRE", default_value_t = 20, hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=100), help = say!("arg-replicas"))]
    pub(crate) replicas: u32,
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", hide_possible_values = true, hide_default_value = true, help = say!("arg-format"))]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text", hide_possible_values = true, hide_default_value = true, help = say!("arg-format"))]
    pub(crate) format: TextOrJson,
    #[arg(long, help = say!("arg-contact"))]
    pub(crate) contact: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// The whole tree, with French headings, French usage lines and our own `-h`, `-V` and `help`.
pub(crate) fn tree() -> clap::Command {
    dress(Arguments::command()).version(env!("CARGO_PKG_VERSION")).disable_version_flag(true).arg(
        clap::Arg::new("version")
            .short('V')
            .long("version")
            .action(clap::ArgAction::Version)
            .help(say!("arg-version"))
            .help_heading(heading!("heading-options")),
    )
}

fn dress(command: clap::Command) -> clap::Command {
    let help = clap::Arg::new("help")
        .short('h')
        .long("help")
        .action(clap::ArgAction::Help)
        .help(say!("arg-help"))
        .help_heading(heading!("heading-options"));
    let passes_flags_on = command.is_disable_help_flag_set();
    let mut command = command
        .help_template(format!(
            "{{about-with-newline}}\n{}\u{a0}: {{usage}}\n\n{{all-args}}{{after-help}}\n",
            say!("heading-usage")
        ))
        .subcommand_help_heading(heading!("heading-commands"))
        .subcommand_value_name(say!("value-command"))
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .mut_args(|argument| {
            let heading =
                if argument.is_positional() { heading!("heading-arguments") } else { heading!("heading-options") };
            argument.help_heading(heading)
        });
    if !passes_flags_on {
        command = command.arg(help);
    }
    command.mut_subcommands(dress)
}

/// Reads the command line.
///
/// # Errors
///
/// clap's own error, which includes the demands for help and version.
pub(crate) fn read<I>(arguments: I) -> Result<Arguments, clap::Error>
where
    I: IntoIterator<Item = std::ffi::OsString>,
{
    // Whatever file the program is called by, its help says `atelier`.
    let arguments = std::iter::once("atelier".into()).chain(arguments.into_iter().skip(1));
    let matches = tree().try_get_matches_from_mut(arguments)?;
    Arguments::from_arg_matches(&matches)
}
