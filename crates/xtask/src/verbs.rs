//! The table of kubectl's verbs: each is really run against the sandbox, by each kubectl that is given, and the result is
//! written into the sandbox's README.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// The page, below the workspace, and the lines between which the table stands.
const PAGE: &str = "crates/sandbox/README.md";
const BEGIN: &str = "<!-- verbs: written by `cargo xtask verbs` -->";
const END: &str = "<!-- end of verbs -->";
/// No verb takes longer.
const PATIENCE: Duration = Duration::from_secs(40);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The kubectl binaries to run.
    #[arg(long, required = true, num_args = 1..)]
    kubectl: Vec<PathBuf>,
}

/// What is run, in this order, in one folder: verb, shell line (with `k` for kubectl), the first version that has it.
const VERBS: &[(&str, &str, u32)] = &[
    ("version", "k version -o json | grep -q serverVersion", 20),
    ("cluster-info", "k cluster-info", 20),
    ("api-resources", "k api-resources | grep -q deployments", 20),
    ("api-versions", "k api-versions | grep -qx apps/v1", 20),
    ("explain", "k explain deployment.spec.replicas | grep -q integer", 20),
    (
        "create",
        "k create deployment web --image=nginx:1.27 --replicas=2 && k create configmap m --from-literal=a=1",
        20,
    ),
    ("create -f", "k create -f pod.yaml", 20),
    ("apply", "k apply -f map.yaml && k apply -f map.yaml | grep -q unchanged", 20),
    ("apply --server-side", "k apply --server-side -f side.yaml", 20),
    ("get", "k get deployments,pods -o wide && k get nodes -o yaml >/dev/null", 20),
    ("get -w", "timeout 3 \"$KUBECTL\" get pods -w | grep -q NAME", 20),
    (
        "wait",
        "k wait --for=condition=Available deployment/web --timeout=30s && k wait --for=condition=Ready pod/p --timeout=30s",
        20,
    ),
    ("describe", "k describe deployment web | grep -q StrategyType && k describe pod p | grep -q Events", 20),
    ("label", "k label pod p tier=front", 20),
    ("annotate", "k annotate pod p note=x", 20),
    ("edit", "EDITOR='sed -i s/\"one\"/\"two\"/' k edit configmap side", 20),
    ("patch", "k patch configmap m -p '{\"data\":{\"b\":\"2\"}}'", 20),
    ("replace", "k replace -f map.yaml", 20),
    ("diff", "k diff -f map.yaml; [ $? -le 1 ]", 20),
    ("set", "k set image deployment/web nginx=nginx:1.28 && k set env deployment/web A=1", 20),
    (
        "rollout",
        "k rollout status deployment/web --timeout=30s && k rollout history deployment/web && k rollout undo deployment/web && k rollout restart deployment/web",
        20,
    ),
    ("scale", "k scale deployment web --replicas=3", 20),
    ("autoscale", "k autoscale deployment web --min=1 --max=3", 20),
    ("expose", "k expose deployment web --port=80", 20),
    ("run", "k run q --image=busybox:1.36 -- sleep 3600 && k wait --for=condition=Ready pod/q --timeout=30s", 20),
    ("logs", "k logs deployment/web >/dev/null", 20),
    ("exec", "test \"$(k exec q -- echo bonjour)\" = bonjour", 20),
    ("exec -i", "test \"$(echo bonjour | k exec -i q -- cat)\" = bonjour", 20),
    ("attach", "timeout 3 \"$KUBECTL\" attach q </dev/null; test $? = 124", 20),
    ("cp", "echo bonjour >file && k cp file q:/tmp/file && k cp q:/tmp/file back && cmp file back", 20),
    (
        "port-forward",
        "(timeout 5 \"$KUBECTL\" port-forward deployment/web :80 >pf & sleep 2; curl -s -o /dev/null \"http://$(sed -n 's/^Forwarding from \\(127[^ ]*\\).*/\\1/p' pf)\"; code=$?; wait; exit $code)",
        20,
    ),
    ("debug", "k debug q --image=busybox:1.36 -c d -- true", 20),
    (
        "auth can-i",
        "test \"$(k auth can-i create pods)\" = yes && k auth can-i --list | grep -q selfsubjectaccessreviews",
        20,
    ),
    ("auth reconcile", "k auth reconcile -f role.yaml", 20),
    ("auth whoami", "k auth whoami | grep -q kubernetes-admin", 27),
    ("create token", "k create token default | grep -q '^ey'", 24),
    ("top", "k top nodes && k top pods", 20),
    ("taint", "k taint node node2 a=b:NoSchedule && k taint node node2 a-", 20),
    ("cordon", "k cordon node2 && k uncordon node2", 20),
    ("drain", "k drain node2 --ignore-daemonsets --force --delete-emptydir-data --timeout=30s && k uncordon node2", 20),
    (
        "proxy",
        "(timeout 4 \"$KUBECTL\" proxy --port=0 >px & sleep 1; curl -sf \"http://$(sed 's/.* //' px)/version\" >/dev/null; code=$?; wait; exit $code)",
        20,
    ),
    ("kustomize", "k apply -k .", 20),
    ("events", "k events", 26),
    (
        "delete",
        "k delete pod p q --grace-period=1 --ignore-not-found && k delete deployment web && k delete configmap m side",
        20,
    ),
];

const FILES: &[(&str, &str)] = &[
    (
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: \"busybox:1.36\", command: [sleep, \"3600\"]}]}\n",
    ),
    ("map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {a: \"1\"}\n"),
    ("side.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: side}\ndata: {a: one}\n"),
    (
        "role.yaml",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\nrules: [{apiGroups: [\"\"], resources: [pods], verbs: [get]}]\n",
    ),
    ("kustomization.yaml", "resources: [map.yaml]\n"),
];

/// How a verb went.
enum Cell {
    Absent,
    Works,
    Fails(String),
}

/// Runs the verbs with each kubectl and writes the table.
#[expect(clippy::print_stdout, reason = "a developer's tool")]
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut columns = Vec::new();
    for kubectl in &arguments.kubectl {
        let minor = minor_of(kubectl)?;
        // kubectl takes a server one version older or newer; 1.20 is the oldest that the sandbox emulates.
        let server = if minor < 24 { "1.20" } else { "1.34" };
        let cells = column(kubectl, minor, server)?;
        let works = cells.iter().filter(|cell| matches!(cell, Cell::Works)).count();
        println!("kubectl 1.{minor} with a sandbox of {server}: {works} of {} verbs", VERBS.len());
        columns.push((minor, server, cells));
    }
    let page = crate::top()?.join(PAGE);
    let text = fs::read_to_string(&page).context("failed to read the page")?;
    let (before, rest) = text.split_once(BEGIN).context("no begin of the table")?;
    let (_, after) = rest.split_once(END).context("no end of the table")?;
    fs::write(&page, format!("{before}{BEGIN}\n{}{END}{after}", table(&columns)))?;
    Ok(())
}

fn table(columns: &[(u32, &str, Vec<Cell>)]) -> String {
    let mut text = String::from("| kubectl |");
    for (minor, server, _) in columns {
        text.push_str(&format!(" 1.{minor} ({server}) |"));
    }
    text.push_str(&format!("\n| --- |{}\n", " --- |".repeat(columns.len())));
    let mut notes: Vec<&str> = Vec::new();
    for (index, (verb, _, _)) in VERBS.iter().enumerate() {
        text.push_str(&format!("| `{verb}` |"));
        for (_, _, cells) in columns {
            let cell = match &cells[index] {
                Cell::Absent => "has none".to_owned(),
                Cell::Works => "works".to_owned(),
                Cell::Fails(said) => {
                    let number = notes.iter().position(|note| note == said).unwrap_or_else(|| {
                        notes.push(said);
                        notes.len() - 1
                    });
                    format!("differs ({})", number + 1)
                }
            };
            text.push_str(&format!(" {cell} |"));
        }
        text.push('\n');
    }
    for (number, note) in notes.iter().enumerate() {
        text.push_str(&format!("\n{}. `{note}`", number + 1));
    }
    text + "\n"
}

fn column(kubectl: &Path, minor: u32, server: &str) -> Result<Vec<Cell>> {
    let work = tempfile::tempdir()?;
    for (name, content) in FILES {
        fs::write(work.path().join(name), content)?;
    }
    let state = work.path().join("state");
    // Its output stays open: who writes to a closed pipe ends.
    let (mut child, _output, kubeconfig) = serve(&state, server)?;
    let mut cells = Vec::new();
    for (_, line, since) in VERBS {
        if minor < *since {
            cells.push(Cell::Absent);
            continue;
        }
        let output = shell(kubectl, line, work.path(), &kubeconfig)?;
        cells.push(if output.status.success() { Cell::Works } else { Cell::Fails(said(&output)) });
    }
    child.kill()?;
    child.wait()?;
    Ok(cells)
}

/// Starts the example that serves a sandbox; returns its kubeconfig.
fn serve(state: &Path, server: &str) -> Result<(Child, BufReader<ChildStdout>, String)> {
    let mut child = command(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--package", "sandbox", "--example", "serve", "--"])
        .arg(state)
        .args([server, "fast"])
        .current_dir(crate::top()?)
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to start cargo")?;
    let mut output = BufReader::new(child.stdout.take().context("no output")?);
    let line = output
        .by_ref()
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("export KUBECONFIG=").map(str::to_owned));
    Ok((child, output, line.context("the sandbox did not start")?))
}

fn shell(kubectl: &Path, line: &str, work: &Path, kubeconfig: &str) -> Result<Output> {
    let mut child = command("bash")
        .args(["-c", &format!("k() {{ \"$KUBECTL\" \"$@\"; }}; {line}")])
        .current_dir(work)
        .env("KUBECTL", kubectl)
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", work)
        .stdin(Stdio::null())
        .stdout(fs::File::create(work.join("stdout"))?)
        .stderr(fs::File::create(work.join("stderr"))?)
        .spawn()?;
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > PATIENCE {
            child.kill()?;
            break child.wait()?;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Ok(Output { status, stdout: fs::read(work.join("stdout"))?, stderr: fs::read(work.join("stderr"))? })
}

/// The last line that says something.
fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no words");
    line.replace('`', "'").replace('|', "\\|").chars().take(200).collect()
}

fn minor_of(kubectl: &Path) -> Result<u32> {
    let output = command(&kubectl.to_string_lossy()).args(["version", "--client", "-o", "json"]).output()?;
    ensure!(output.status.success(), "{} does not tell its version", kubectl.display());
    let version: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let minor = version["clientVersion"]["minor"].as_str().context("no version")?;
    Ok(minor.trim_end_matches('+').parse()?)
}

#[expect(clippy::disallowed_methods, reason = "no learner's environment here")]
fn command(program: &str) -> Command {
    Command::new(program)
}
