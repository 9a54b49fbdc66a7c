//! Records what a real Kubernetes answers to kubectl: each scenario of the sandbox's differential test is played in a
//! Namespace of its own, and its requests and answers are kept beside it.
//!
//! ```text
//! kubectl ── HTTP ──▶ this recorder ── HTTP ──▶ kubectl proxy ── TLS ──▶ the cluster of KUBECONFIG
//! ```
//!
//! A scenario is text: lines `# …` say what it shows, lines `$ kubectl …` are run one after the other by a shell (also
//! when one fails), and each `-- name --` begins a file that lies in their folder.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Where scenarios and recordings lie, below the workspace.
const FOLDER: &str = "crates/sandbox/tests/differential";
/// A Namespace for each scenario, so that what one leaves behind is not seen by the next.
const PREFIX: &str = "record";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The kubectl of the cluster's own version.
    #[arg(long, default_value = "kubectl")]
    kubectl: PathBuf,
    /// Which scenarios (default: all).
    scenarios: Vec<String>,
}

/// A scenario, read.
struct Scenario {
    commands: Vec<String>,
    files: Vec<(String, String)>,
}

/// Records the scenarios against the cluster that KUBECONFIG names.
#[expect(clippy::print_stdout, reason = "a developer's tool")]
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let folder = crate::top()?.join(FOLDER);
    let mut names = arguments.scenarios.clone();
    if names.is_empty() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "txt") {
                names.push(path.file_stem().context("a name")?.to_string_lossy().into_owned());
            }
        }
        names.sort();
    }
    let mut upstream = Upstream::start(&arguments.kubectl)?;
    for name in names {
        let scenario = parse(&fs::read_to_string(folder.join(format!("{name}.txt")))?);
        let namespace = format!("{PREFIX}-{name}");
        let recording = record(&arguments.kubectl, &upstream.address, &namespace, &scenario)?;
        let steps = recording["commands"].as_array().map_or(0, Vec::len);
        fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(&recording)? + "\n")?;
        println!("{name}: {steps} commands");
    }
    upstream.child.kill().context("failed to end kubectl proxy")?;
    upstream.child.wait()?;
    Ok(())
}

fn parse(text: &str) -> Scenario {
    let mut scenario = Scenario { commands: Vec::new(), files: Vec::new() };
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --")) {
            scenario.files.push((name.to_owned(), String::new()));
        } else if let Some((_, content)) = scenario.files.last_mut() {
            content.push_str(line);
            content.push('\n');
        } else if let Some(command) = line.strip_prefix("$ ") {
            scenario.commands.push(command.to_owned());
        }
    }
    scenario
}

fn record(kubectl: &Path, upstream: &str, namespace: &str, scenario: &Scenario) -> Result<Value> {
    let work = tempfile::tempdir()?;
    for (name, content) in &scenario.files {
        fs::write(work.path().join(name), content)?;
    }
    let shell = |line: &str, server: &str| -> Result<std::process::Output> {
        let config = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u, namespace: {namespace}}}}}]\nusers: [{{name: u, user: {{}}}}]\n"
        );
        fs::write(work.path().join("kubeconfig"), config)?;
        let function = format!("kubectl() {{ '{}' \"$@\"; }}; ", kubectl.display());
        Ok(command("bash")
            .args(["-c", &format!("{function}{line}")])
            .current_dir(work.path())
            .env("KUBECONFIG", work.path().join("kubeconfig"))
            .env("HOME", work.path())
            .env("NAMESPACE", namespace)
            .stdin(Stdio::null())
            .output()?)
    };
    let direct = format!("http://{upstream}");
    shell(&format!("kubectl delete namespace {namespace} --ignore-not-found"), &direct)?;
    let made = shell(&format!("kubectl create namespace {namespace}"), &direct)?;
    ensure!(made.status.success(), "no Namespace: {}", String::from_utf8_lossy(&made.stderr));
    // Its default ServiceAccount and that one's token come a moment later.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let log = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = format!("http://{}", listener.local_addr()?);
    {
        let (log, upstream) = (Arc::clone(&log), upstream.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, upstream) = (Arc::clone(&log), upstream.clone());
                std::thread::spawn(move || {
                    // A client that goes away ends its exchange; what came until then is recorded.
                    let _ = relay(stream, &upstream, &log);
                });
            }
        });
    }
    let mut commands = Vec::new();
    for line in &scenario.commands {
        let output = shell(line, &server)?;
        // Watches that kubectl dropped are still being written down.
        std::thread::sleep(std::time::Duration::from_millis(200));
        let exchanges: Vec<Value> = std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
        commands.push(json!({
            "command": line,
            "stdout": String::from_utf8_lossy(&output.stdout),
            "stderr": String::from_utf8_lossy(&output.stderr),
            "code": output.status.code(),
            "exchanges": exchanges,
        }));
    }
    shell(&format!("kubectl delete namespace {namespace} --wait=false"), &direct)?;
    Ok(json!({ "namespace": namespace, "commands": commands }))
}

/// `kubectl proxy`, which knows how to be let in.
struct Upstream {
    child: Child,
    address: String,
}

impl Upstream {
    fn start(kubectl: &Path) -> Result<Upstream> {
        let mut child = command(&kubectl.to_string_lossy())
            .args(["proxy", "--port=0"])
            .stdout(Stdio::piped())
            .spawn()
            .context("failed to start kubectl proxy")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().context("no address")?.to_owned();
        Ok(Upstream { child, address })
    }
}

#[expect(clippy::disallowed_methods, reason = "no learner's environment here")]
fn command(program: &str) -> Command {
    Command::new(program)
}

/// Passes one request on and its answer back; both connections end with it.
fn relay(client: TcpStream, upstream: &str, log: &Mutex<Vec<Value>>) -> Result<()> {
    let mut input = BufReader::new(client.try_clone()?);
    let (line, headers) = head(&mut input)?;
    let mut body = vec![0; number(&headers, "content-length")];
    input.read_exact(&mut body)?;
    let mut output = TcpStream::connect(upstream)?;
    let mut request = format!("{line}\r\nConnection: close\r\nAccept-Encoding: identity\r\n");
    for (name, value) in &headers {
        if !["connection", "accept-encoding"].contains(&name.as_str()) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    output.write_all(format!("{request}\r\n").as_bytes())?;
    output.write_all(&body)?;
    let mut answer = BufReader::new(output);
    let (status, answered) = head(&mut answer)?;
    let mut client = client;
    let mut reply = format!("{status}\r\nConnection: close\r\n");
    for (name, value) in &answered {
        if !["connection", "transfer-encoding", "content-length"].contains(&name.as_str()) {
            reply.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    client.write_all(format!("{reply}\r\n").as_bytes())?;
    let chunked = header(&answered, "transfer-encoding").contains("chunked");
    let mut content = Vec::new();
    let mut copy = || -> Result<()> {
        if chunked {
            loop {
                let mut size = String::new();
                answer.read_line(&mut size)?;
                let size = usize::from_str_radix(size.trim(), 16)?;
                let mut chunk = vec![0; size + 2];
                answer.read_exact(&mut chunk)?;
                if size == 0 {
                    return Ok(());
                }
                content.extend_from_slice(&chunk[..size]);
                client.write_all(&chunk[..size])?;
            }
        }
        let mut all = Vec::new();
        match number(&answered, "content-length") {
            0 => answer.read_to_end(&mut all)?,
            length => answer.by_ref().take(length as u64).read_to_end(&mut all)?,
        };
        client.write_all(&all)?;
        content = all;
        Ok(())
    };
    let _ = copy();
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if is_discovery(path) {
        return Ok(());
    }
    let text = |bytes: &[u8]| {
        serde_json::from_slice(bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(bytes).into_owned()))
    };
    let exchange = json!({
        "method": method, "path": path, "accept": header(&headers, "accept"), "type": header(&headers, "content-type"),
        "as": headers.iter().filter(|(name, _)| name.starts_with("impersonate-")).collect::<Vec<_>>(),
        "body": if body.is_empty() { Value::Null } else { text(&body) },
        "code": status.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok()),
        "answer": if path.contains("watch=") { events(&content) } else { text(&content) },
        "warnings": answered.iter().filter(|(name, _)| name == "warning").map(|(_, value)| value).collect::<Vec<_>>(),
    });
    log.lock().unwrap_or_else(PoisonError::into_inner).push(pruned(exchange));
    Ok(())
}

/// Every kubectl asks these first, and each version asks them in its own way.
fn is_discovery(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api" | "apis" | "version"] | ["api", _] | ["apis", _] | ["apis", _, _] => true,
        [first, ..] => *first == "openapi",
        [] => false,
    }
}

fn events(bytes: &[u8]) -> Value {
    serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().map_while(Result::ok).collect()
}

/// Who owns which field is written down nowhere: kubectl shows it to nobody.
fn pruned(mut value: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.remove("managedFields");
                map.values_mut().for_each(walk);
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    walk(&mut value);
    value
}

fn head(input: &mut impl std::io::BufRead) -> Result<(String, Vec<(String, String)>)> {
    let mut first = String::new();
    input.read_line(&mut first)?;
    ensure!(!first.is_empty(), "the connection ended");
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => return Ok((first.trim_end().to_owned(), headers)),
        }
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
}

fn number(headers: &[(String, String)], name: &str) -> usize {
    header(headers, name).parse().unwrap_or_default()
}
