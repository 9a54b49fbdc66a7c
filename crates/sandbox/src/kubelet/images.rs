//! Images as code: what a container does, given its image and command.
//!
//! A program is a list of steps and a way to use memory. What is not known here sleeps, and the Pod is told so
//! by an event: the sandbox never pretends to run a program that it does not simulate.

use std::time::Duration;

use serde_json::Value;

use crate::fields::{list, text};
use crate::network::Server;

/// One mebibyte.
pub(crate) const MEBI: u64 = 1 << 20;

/// What a container does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Program {
    /// What it does, in order; after the last step it exits with 0.
    pub(crate) steps: Vec<Step>,
    /// How it uses memory.
    pub(crate) memory: Memory,
    /// The bytes at which it fails by itself to get more memory (`ulimit -v`), if it has set itself such a bound.
    pub(crate) bound: Option<u64>,
    /// What it does when asked to stop.
    pub(crate) stop: Stop,
    /// The TCP ports that it listens on.
    pub(crate) ports: Vec<u16>,
    /// What of it is not simulated: the program that sleeps instead.
    pub(crate) stand_in: Option<String>,
}

/// One thing that a program does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It writes a line.
    Log(String),
    /// It waits.
    Sleep(Duration),
    /// It ends with an exit code.
    Exit(i32),
    /// It runs on and on.
    Forever,
    /// It goes back to the step with this index.
    Repeat(usize),
}

/// How a program uses memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// So many bytes.
    Steady(u64),
    /// More and more, without end.
    Growing,
}

/// What a program does on SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It ends with 0 at once.
    Obeys,
    /// It goes on until it is killed, as a shell does that is process 1.
    Ignores,
}

/// Why there is no image or no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImageError {
    /// The reference cannot be parsed; with the parser's words.
    #[error("invalid image reference: {0}")]
    InvalidName(&'static str),
    /// The repository is there, the tag is not.
    #[error("no such tag")]
    NoSuchTag,
    /// Nobody has such a repository.
    #[error("no such repository")]
    NoSuchRepository,
}

/// An image that can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// The full name: `docker.io/library/nginx:1.27`.
    pub(crate) name: String,
    /// What runs in it.
    pub(crate) family: Family,
    /// Whether every node has it already.
    pub(crate) is_local: bool,
    /// Its size in bytes, as the kubelet tells after a pull.
    pub(crate) size: u64,
}

/// The images that are simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// A shell and small tools.
    Busybox,
    /// A web server on port 80.
    Nginx,
    /// A key-value store on port 6379.
    Redis,
    /// A part of the cluster itself.
    System,
    /// Anything else: it sleeps.
    Other,
}

/// Repositories of Docker's library that exist and are not simulated.
const LIBRARY: [&str; 30] = [
    "alpine",
    "ubuntu",
    "debian",
    "fedora",
    "centos",
    "rockylinux",
    "almalinux",
    "httpd",
    "postgres",
    "mysql",
    "mariadb",
    "mongo",
    "memcached",
    "rabbitmq",
    "node",
    "python",
    "golang",
    "rust",
    "ruby",
    "php",
    "perl",
    "openjdk",
    "tomcat",
    "haproxy",
    "traefik",
    "wordpress",
    "registry",
    "docker",
    "hello-world",
    "bash",
];

/// Images made for the workshop, which every node has.
const WORKSHOP: [&str; 7] = ["outils", "exhauster", "shell-pod", "podreader", "frontend", "backend", "pause"];

/// Images that every node has.
const PRESENT: [&str; 5] = ["busybox:1.36", "nginx:1.27", "nginx:1.21", "redis:7", "outils:1"];

/// Finds an image by the reference that a container gives.
pub(crate) fn find(reference: &str) -> Result<Image, ImageError> {
    let (repository, tag) = parse(reference)?;
    let (registry, path) = match repository.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => ("docker.io", repository),
    };
    let path = if registry == "docker.io" { path.strip_prefix("library/").unwrap_or(path) } else { path };
    let is_library = registry == "docker.io" && !path.contains('/');
    let family = match path {
        _ if registry == "registry.k8s.io" || registry == "k8s.gcr.io" => Family::System,
        "busybox" if is_library => Family::Busybox,
        "nginx" if is_library => Family::Nginx,
        "redis" if is_library => Family::Redis,
        _ if is_library && WORKSHOP.contains(&path) => Family::Other,
        _ if is_library && !LIBRARY.contains(&path) => return Err(ImageError::NoSuchRepository),
        _ => Family::Other,
    };
    if is_library && !WORKSHOP.contains(&path) && !tag_may_exist(tag) {
        return Err(ImageError::NoSuchTag);
    }
    let full = if is_library { format!("docker.io/library/{path}:{tag}") } else { format!("{registry}/{path}:{tag}") };
    let short = format!("{path}:{tag}");
    let is_local =
        family == Family::System || (is_library && (PRESENT.contains(&short.as_str()) || WORKSHOP.contains(&path)));
    let size = match family {
        Family::Busybox => 2_157_530,
        Family::Nginx => 72_950_530,
        Family::Redis => 45_006_722,
        Family::System | Family::Other => 31_457_280,
    };
    Ok(Image { name: full, family, is_local, size })
}

/// Returns the user that an image names for its program, as its configuration says it: a number or a name.
pub(crate) fn user(image: &Image) -> &'static str {
    const NUMBERED: [(&str, &str); 3] =
        [("/nginx-unprivileged:", "101"), ("bitnami/", "1001"), ("distroless/", "65532")];
    match image.family {
        Family::System => "65532",
        Family::Busybox | Family::Nginx | Family::Redis => "0",
        Family::Other => NUMBERED.iter().find(|(part, _)| image.name.contains(part)).map_or("0", |(_, user)| user),
    }
}

/// Splits a reference into repository and tag. The words of errors are those of `distribution/reference`.
fn parse(reference: &str) -> Result<(&str, &str), ImageError> {
    let format = || ImageError::InvalidName("invalid reference format");
    let without_digest = reference.split_once('@').map_or(reference, |(name, _)| name);
    let slash = without_digest.rfind('/').map_or(0, |slash| slash + 1);
    let (repository, tag) = match without_digest[slash..].find(':') {
        Some(colon) => (&without_digest[..slash + colon], &without_digest[slash + colon + 1..]),
        None => (without_digest, "latest"),
    };
    let component = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-:".contains(&byte))
            && part.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
            && part.as_bytes().last().is_some_and(u8::is_ascii_alphanumeric)
    };
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ImageError::InvalidName("invalid reference format: repository name must be lowercase"));
    }
    if reference.len() > 4096 || !repository.split('/').all(component) {
        return Err(format());
    }
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if tag.is_empty() || tag.len() > 128 || !tag.bytes().all(word) || tag.starts_with(['.', '-']) {
        return Err(format());
    }
    Ok((repository, tag))
}

/// Returns whether a tag looks like one that an image of Docker's library has: a version, a variant, or both.
fn tag_may_exist(tag: &str) -> bool {
    const VARIANTS: [&str; 24] = [
        "latest",
        "stable",
        "mainline",
        "alpine",
        "alpine-slim",
        "perl",
        "slim",
        "musl",
        "glibc",
        "uclibc",
        "unstable",
        "bookworm",
        "bullseye",
        "buster",
        "trixie",
        "sid",
        "jammy",
        "noble",
        "focal",
        "lts",
        "edge",
        "current",
        "otel",
        "bullseye-slim",
    ];
    let mut parts = tag.split('-');
    let first = parts.next().unwrap_or_default();
    let version = first.trim_start_matches('v');
    let is_version = version.starts_with(|c: char| c.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && version.split('.').count() <= 4
        && version.split('.').all(|part| (1..=8).contains(&part.len()));
    let known = |part: &str| {
        VARIANTS.contains(&part)
            || part.strip_prefix("alpine").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
            || part.starts_with("rc")
            || part.starts_with("beta")
    };
    (is_version || known(first)) && parts.all(known)
}

impl Program {
    /// Returns the same program as the server that its image runs, if there is one: it is no stand-in then.
    pub(crate) fn serving(self, server: Option<&Server>) -> Program {
        let Some(server) = server else { return self };
        let ports = server.ports().into_iter().filter(|(_, protocol)| *protocol == shell::Protocol::Tcp);
        Program { ports: ports.map(|(port, _)| port).collect(), stop: Stop::Obeys, stand_in: None, ..self }
    }
}

/// Returns what a container does, given its image; `Err` names a program that the image does not have.
pub(crate) fn program(family: Family, container: &Value) -> Result<Program, String> {
    let words = |key: &str| -> Vec<&str> { list(container, key).iter().filter_map(Value::as_str).collect() };
    let (command, arguments) = (words("/command"), words("/args"));
    let line: Vec<&str> = if command.is_empty() && family != Family::Busybox {
        // The entrypoint of these images takes arguments that start no other program, or runs them.
        match (family, arguments.first()) {
            (Family::Nginx | Family::Redis, Some(first)) if !first.starts_with('-') => arguments,
            _ => Vec::new(),
        }
    } else {
        command.into_iter().chain(arguments).collect()
    };
    match (family, line.first()) {
        (Family::Busybox, None) => Ok(plain(vec![Step::Exit(0)])),
        (Family::Nginx, None) => Ok(nginx()),
        (Family::Redis, None) => Ok(redis()),
        (Family::System, _) => Ok(Program { stop: Stop::Obeys, ..plain(vec![Step::Forever]) }),
        (Family::Other, None) => Ok(stand_in(text(container, "/image"))),
        (Family::Nginx, Some(&"nginx" | &"nginx-debug")) => Ok(nginx()),
        (Family::Redis, Some(&"redis-server")) => Ok(redis()),
        (_, Some(first)) => match crate::kubelet::shell::run(&line) {
            Some(program) => Ok(program),
            None if family == Family::Other || is_on_path(first) => Ok(stand_in(first)),
            None => Err((*first).to_owned()),
        },
    }
}

/// Programs of a small image that exist but are not simulated.
fn is_on_path(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default();
    matches!(program.rsplit_once('/'), None | Some(("/bin" | "/usr/bin" | "/sbin" | "/usr/sbin" | "/usr/local/bin", _)))
        && [
            "ash",
            "awk",
            "cat",
            "curl",
            "dd",
            "env",
            "find",
            "grep",
            "head",
            "hostname",
            "httpd",
            "id",
            "ip",
            "ls",
            "nc",
            "netstat",
            "nslookup",
            "ping",
            "ps",
            "sed",
            "stress",
            "tail",
            "telnet",
            "test",
            "timeout",
            "top",
            "touch",
            "tr",
            "uname",
            "vi",
            "watch",
            "wc",
            "wget",
            "whoami",
            "xargs",
            "yes",
            "redis-cli",
            "nginx",
            "bash",
            "sh",
            "python3",
            "python",
            "kubectl",
        ]
        .contains(&name)
}

/// A program that uses little memory and ignores SIGTERM, as process 1 does without a handler.
pub(crate) fn plain(steps: Vec<Step>) -> Program {
    Program {
        steps,
        memory: Memory::Steady(2 * MEBI),
        bound: None,
        stop: Stop::Ignores,
        ports: Vec::new(),
        stand_in: None,
    }
}

fn stand_in(name: &str) -> Program {
    Program { stand_in: Some(name.to_owned()), stop: Stop::Obeys, ..plain(vec![Step::Forever]) }
}

fn nginx() -> Program {
    let lines = [
        "/docker-entrypoint.sh: Configuration complete; ready for start up",
        "[notice] 1#1: using the \"epoll\" event method",
        "[notice] 1#1: start worker processes",
    ];
    served(&lines, 8 * MEBI, 80)
}

fn redis() -> Program {
    let lines = [
        "1:C * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
        "1:M * Server initialized",
        "1:M * Ready to accept connections tcp",
    ];
    served(&lines, 10 * MEBI, 6379)
}

fn served(lines: &[&str], memory: u64, port: u16) -> Program {
    let mut steps: Vec<Step> = lines.iter().map(|line| Step::Log((*line).to_owned())).collect();
    steps.push(Step::Forever);
    Program { memory: Memory::Steady(memory), stop: Stop::Obeys, ports: vec![port], ..plain(steps) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_found_or_refused_with_their_reason() {
        let local = |reference: &str| find(reference).map(|image| image.is_local);
        for present in ["busybox:1.36", "nginx:1.27", "redis:7", "docker.io/library/busybox:1.36", "outils:1"] {
            assert_eq!(local(present), Ok(true), "{present}");
        }
        for pulled in
            ["nginx", "nginx:1.27-alpine", "postgres:16", "ghcr.io/org/app:v1", "user/app:anything", "nginx:latest"]
        {
            assert_eq!(local(pulled), Ok(false), "{pulled}");
        }
        assert_eq!(find("busybox:no-such"), Err(ImageError::NoSuchTag));
        assert_eq!(find("ngnix:1.27"), Err(ImageError::NoSuchRepository));
        assert_eq!(
            find("NOPE::"),
            Err(ImageError::InvalidName("invalid reference format: repository name must be lowercase"))
        );
        assert_eq!(find("nginx::1"), Err(ImageError::InvalidName("invalid reference format")));
        assert_eq!(find("nginx"), find("nginx:latest"));
    }

    #[test]
    fn the_exhauster_grows_and_servers_listen() {
        let busybox = |command: &[&str]| program(Family::Busybox, &json!({"command": command}));
        assert_eq!(busybox(&["tail", "/dev/zero"]).unwrap().memory, Memory::Growing);
        assert_eq!(busybox(&["sh", "-c", "tail /dev/zero"]).unwrap().memory, Memory::Growing);
        assert_eq!(busybox(&["sleep", "3600"]).unwrap().steps, [Step::Sleep(Duration::from_secs(3600))]);
        assert_eq!(busybox(&[]).unwrap().steps, [Step::Exit(0)]);
        assert_eq!(busybox(&["/nosuch"]), Err("/nosuch".to_owned()));
        assert_eq!(program(Family::Nginx, &json!({})).unwrap().ports, [80]);
        assert_eq!(program(Family::Redis, &json!({"args": ["--appendonly", "yes"]})).unwrap().ports, [6379]);
        assert!(program(Family::Other, &json!({"image": "user/app"})).unwrap().stand_in.is_some());
    }
}
