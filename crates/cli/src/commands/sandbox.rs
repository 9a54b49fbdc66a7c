//! `atelier sandbox`: the embedded cluster on its own.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use http::{Method, Request};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runner::{Home, Serving, serve_sandbox, served};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{KubernetesVersion, Machine, Sandbox, SandboxUp, TextOrJson};
use crate::exit::{Ended, Exit, Failure, runner_failure};
use crate::output;
use crate::place;
use crate::words::say;

/// How long a sandbox may take to be ready, or to end.
const PATIENCE: Duration = Duration::from_secs(15);

/// Does what the command says.
pub(crate) fn run(command: &Sandbox) -> Ended {
    let home = place::home()?;
    match command {
        Sandbox::Up(up) if up.detach => detach(&home, up),
        Sandbox::Up(up) => place::runtime()?.block_on(serve(&home, up)),
        Sandbox::Down => down(&home),
        Sandbox::Status(machine) => status(&home, machine),
        Sandbox::Reset => reset(&home),
        Sandbox::Repair { node } => repair(&home, node),
    }
}

/// The file that says which process serves the sandbox for its own sake: only such a one may be stopped by `down`.
fn marker(home: &Home) -> PathBuf {
    home.state().join("sandbox-up.pid")
}

async fn serve(home: &Home, up: &SandboxUp) -> Ended {
    let version = up.kubernetes.unwrap_or(KubernetesVersion::V1_34).into();
    if let Some(address) = up.addr
        && !address.ip().is_loopback()
    {
        return Err(Failure::learner(say!("sandbox-not-loopback", address = address.to_string())));
    }
    if up.in_background {
        // A group of its own: the terminal that started it may close.
        nix::unistd::setsid().map_err(Failure::internal)?;
    }
    // Signals are caught before anything is started, so that an early one still ends in order.
    let mut signals = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        signals.push(signal(kind).map_err(Failure::internal)?);
    }
    let serving = serve_sandbox(home, version, sandbox::Pace::Lifelike, up.addr)
        .await
        .map_err(|error| runner_failure(error.into()))?;
    let server = match serving {
        Serving::Ours(server) => server,
        Serving::Theirs(other) => {
            let pid = other.map_or_else(String::new, |other| other.pid.to_string());
            return Err(
                Failure::environment(say!("sandbox-already-up", pid = pid)).hint(say!("sandbox-already-up-hint"))
            );
        }
    };
    let kubeconfig = match &up.kubeconfig {
        Some(file) => {
            copy_kubeconfig(server.kubeconfig(), file)?;
            file.clone()
        }
        None => server.kubeconfig().to_owned(),
    };
    let _advisory = fs::write(marker(home), std::process::id().to_string());
    output::print(&format!("{}\n", kubeconfig.display()));
    output::note(&say!(
        "sandbox-ready",
        address = server.address().to_string(),
        path = kubeconfig.display().to_string()
    ));
    let first = futures::future::select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv())));
    first.await;
    server.stop().await;
    let _already_gone = fs::remove_file(marker(home));
    Ok(Exit::Well)
}

/// Writes the kubeconfig where the learner wants it; a file that is not one of ours is never overwritten.
fn copy_kubeconfig(from: &Path, to: &Path) -> Result<(), Failure> {
    let path = to.display().to_string();
    let failed =
        |error: std::io::Error| Failure::environment(say!("kubeconfig-unwritable", path = path.clone())).source(error);
    let content = fs::read(from).map_err(failed)?;
    if to.exists() {
        let ours = kube::config::Kubeconfig::read_from(to).is_ok_and(|known| {
            !known.clusters.is_empty() && known.clusters.iter().all(|cluster| cluster.name == "atelier")
        });
        if !ours {
            return Err(Failure::learner(say!("kubeconfig-not-ours", path = path.clone())));
        }
        fs::remove_file(to).map_err(failed)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(to).and_then(|mut file| file.write_all(&content)).map_err(failed)
}

/// Starts this very program again in the background, and waits until its sandbox answers.
fn detach(home: &Home, up: &SandboxUp) -> Ended {
    if let Some(known) = served(home) {
        return Err(Failure::environment(say!("sandbox-already-up", pid = known.pid.to_string()))
            .hint(say!("sandbox-already-up-hint")));
    }
    let program = std::env::current_exe().map_err(Failure::internal)?;
    let log = home.logs().join("sandbox.log");
    let file = fs::File::create(&log).map_err(Failure::internal)?;
    let errors = file.try_clone().map_err(Failure::internal)?;
    #[expect(clippy::disallowed_methods, reason = "our own program in the background, not a command of the learner's")]
    let mut command = std::process::Command::new(program);
    command.args(["sandbox", "up", "--in-background"]).stdin(Stdio::null()).stdout(file).stderr(errors);
    if let Some(path) = &up.kubeconfig {
        command.arg("--kubeconfig").arg(path);
    }
    if let Some(address) = up.addr {
        command.arg("--addr").arg(address.to_string());
    }
    if let Some(version) = up.kubernetes {
        command.arg("--kubernetes").arg(version.label());
    }
    let mut child = command.spawn().map_err(Failure::internal)?;
    let begun = Instant::now();
    let runtime = place::runtime()?;
    while begun.elapsed() < PATIENCE {
        let gone = child.try_wait().map_err(Failure::internal)?;
        if gone.is_some() {
            break;
        }
        if let Some(path) = served(home).filter(|known| known.pid == child.id()).and_then(|known| known.kubeconfig)
            && runtime.block_on(control(&path, Method::GET, "info")).is_ok()
        {
            let shown = up.kubeconfig.clone().unwrap_or(path);
            output::print(&format!("{}\n", shown.display()));
            output::note(&say!("sandbox-detached", pid = child.id().to_string()));
            return Ok(Exit::Well);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = fs::read_to_string(&log).unwrap_or_default();
    let last = said.lines().next().map(messages::quoted).unwrap_or_default();
    Err(Failure::environment(say!("sandbox-not-started")).hint(last))
}

fn down(home: &Home) -> Ended {
    let Some(known) = served(home) else {
        output::note(&say!("sandbox-not-running"));
        return Ok(Exit::Well);
    };
    let alone = fs::read_to_string(marker(home)).is_ok_and(|text| text.trim() == known.pid.to_string());
    if !alone {
        return Err(Failure::environment(say!("sandbox-of-the-app", pid = known.pid.to_string())));
    }
    let pid = i32::try_from(known.pid).map_err(Failure::internal)?;
    kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(|error| {
        Failure::environment(say!("sandbox-not-stopped", pid = known.pid.to_string())).source(error)
    })?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if served(home).is_none() {
            output::note(&say!("sandbox-stopped"));
            return Ok(Exit::Well);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Failure::environment(say!("sandbox-not-stopped", pid = known.pid.to_string())))
}

fn status(home: &Home, machine: &Machine) -> Ended {
    let known = served(home);
    match machine.format {
        TextOrJson::Json => output::print_json(&match &known {
            Some(known) => json!({
                "format": 1, "running": true, "pid": known.pid, "kubernetes": known.version, "kubeconfig": known.kubeconfig,
            }),
            None => json!({ "format": 1, "running": false }),
        }),
        TextOrJson::Text => match &known {
            Some(known) => {
                let path = known.kubeconfig.as_ref().map_or_else(String::new, |path| path.display().to_string());
                output::print(&format!(
                    "{}\n",
                    say!("sandbox-running", pid = known.pid.to_string(), version = known.version.clone(), path = path)
                ));
            }
            None => output::print(&format!("{}\n", say!("sandbox-not-running"))),
        },
    }
    Ok(Exit::Well)
}

fn reset(home: &Home) -> Ended {
    match served(home).and_then(|known| known.kubeconfig) {
        Some(path) => {
            place::runtime()?.block_on(control(&path, Method::POST, "reset"))?;
        }
        None => {
            // Nobody serves it: what is kept of it goes.
            match fs::remove_dir_all(home.sandbox()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::environment(say!("sandbox-not-reset")).source(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
    output::note(&say!("sandbox-was-reset"));
    Ok(Exit::Well)
}

fn repair(home: &Home, node: &str) -> Ended {
    let Some(path) = served(home).and_then(|known| known.kubeconfig) else {
        return Err(Failure::environment(say!("sandbox-not-running")).hint(say!("sandbox-not-running-hint")));
    };
    let safe = node.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.');
    let runtime = place::runtime()?;
    let answer = if safe && !node.is_empty() {
        runtime.block_on(control(&path, Method::POST, &format!("nodes/{node}/repair"))).map(drop)
    } else {
        Err(Failure::learner(say!("sandbox-no-node", node = messages::quoted(node))))
    };
    answer?;
    output::print(&format!("{}\n", say!("sandbox-repaired", node = node.to_owned())));
    Ok(Exit::Well)
}

/// Sends a control request to the sandbox behind a kubeconfig.
async fn control(kubeconfig: &Path, method: Method, path: &str) -> Result<Value, Failure> {
    let failed = |error: anyhow::Error| Failure::environment(say!("sandbox-silent")).source(error);
    let client = client(kubeconfig).await.map_err(failed)?;
    let request = Request::builder()
        .method(method)
        .uri(format!("/atelier/v1/{path}"))
        .body(Vec::new())
        .map_err(|error| failed(error.into()))?;
    let answer = tokio::time::timeout(PATIENCE, client.request_text(request)).await;
    let text = match answer {
        Ok(Ok(text)) => text,
        Ok(Err(kube::Error::Api(status))) => {
            let why = messages::quoted(&status.message);
            return Err(Failure::environment(say!("sandbox-refused", why = why)));
        }
        Ok(Err(error)) => return Err(failed(error.into())),
        Err(elapsed) => return Err(failed(elapsed.into())),
    };
    Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// A client with the rights of a kubeconfig.
///
/// # Errors
///
/// The file does not read, or names no usable cluster.
pub(crate) async fn client(kubeconfig: &Path) -> Result<kube::Client, anyhow::Error> {
    let file = kube::config::Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default()).await?;
    Ok(runner::client(config)?)
}
