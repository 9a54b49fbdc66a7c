//! `wget` and `curl`: HTTP/1.1 over simulated connections, in the words of both.

use std::time::Duration;

use crate::errno::Errno;
use crate::files::Access;
use crate::limits;
use crate::process::{Process, Ran};
use crate::stream::{OpenFile, Socket};
use crate::surroundings::{ConnectError, Protocol, ResolveError};

use super::Grammar;
use super::net::{DialError, PATIENCE, dial};

/// A URL in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Url {
    scheme: String,
    user: Option<String>,
    host: String,
    port: u16,
    path: String,
}

impl Url {
    fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let default = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, authority),
        };
        let (host, port) =
            match authority.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']')) {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (authority, default),
            };
        let clean = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte > 32 && byte != 127);
        (clean(host) && clean(&path)).then(|| Url {
            scheme: scheme.to_owned(),
            user,
            host: host.to_owned(),
            port,
            path,
        })
    }

    fn authority(&self) -> String {
        let default = if self.scheme == "https" { 443 } else { 80 };
        if self.port == default { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

/// A request to be sent.
struct Request {
    method: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    connect: Duration,
    total: Option<Duration>,
}

/// What came back.
struct Answer {
    version: String,
    status: u16,
    reason: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Why nothing came back.
enum Failure {
    Name(ResolveError),
    Connect(ConnectError),
    /// The whole took longer than allowed.
    Slow,
    /// The other side went without an answer.
    Empty,
    /// It is no HTTP.
    Garbage,
    /// TLS is only simulated towards the cluster's API.
    Tls,
    /// The certificate is not trusted.
    Untrusted,
}

async fn send(process: &Process, url: &Url, request: &Request, trust: Trust) -> Result<Answer, Failure> {
    let work = async {
        if url.scheme == "https" {
            return over_tls(process, url, request, trust).await;
        }
        let stream = dial(process, &url.host, url.port, Protocol::Tcp, Some(request.connect)).await.map_err(
            |error| match error {
                DialError::Name(error) => Failure::Name(error),
                DialError::Connect(error) => Failure::Connect(error),
            },
        )?;
        let connection = OpenFile::Socket(Socket::new(stream));
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, url.path);
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(&request.body);
        connection.write(&bytes, process.now()).await.map_err(|_| Failure::Empty)?;
        read_answer(&connection, request.method == "HEAD").await
    };
    match request.total {
        Some(time) => tokio::select! {
            answer = work => answer,
            () = process.kernel.surroundings.sleep(time) => Err(Failure::Slow),
        },
        None => work.await,
    }
}

/// Whether certificates are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trust {
    /// Against the image's authorities, which know nothing of the cluster's.
    System,
    /// Against a file.
    File(String),
    /// Not at all.
    Anything,
}

/// Only the cluster's API speaks TLS here; it is asked through the container's own way to it, as nobody but who the
/// token says.
async fn over_tls(process: &Process, url: &Url, request: &Request, trust: Trust) -> Result<Answer, Failure> {
    // The connection is made all the same, so that policies and dead names show.
    let stream =
        dial(process, &url.host, url.port, Protocol::Tcp, Some(request.connect)).await.map_err(
            |error| match error {
                DialError::Name(error) => Failure::Name(error),
                DialError::Connect(error) => Failure::Connect(error),
            },
        )?;
    drop(stream);
    let Some(cluster) = process.kernel.cluster.clone() else { return Err(Failure::Tls) };
    let addresses = super::net::resolve(process, &url.host).await.map_err(Failure::Name)?;
    if !addresses.iter().any(|address| cluster.is_at(std::net::SocketAddr::new(*address, url.port))) {
        return Err(Failure::Tls);
    }
    match trust {
        Trust::System => return Err(Failure::Untrusted),
        Trust::File(path) => {
            process.read_file(&path).await.map_err(|_| Failure::Untrusted)?;
        }
        Trust::Anything => {}
    }
    let header = |name: &str| {
        request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    };
    let token =
        header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(|token| token.trim().to_owned()));
    let answer = cluster
        .request(crate::ApiRequest {
            method: request.method.clone(),
            path: url.path.clone(),
            token,
            accept: header("accept").unwrap_or_else(|| "*/*".to_owned()),
            content_type: header("content-type"),
            body: request.body.clone(),
        })
        .await;
    Ok(Answer {
        version: "HTTP/2".to_owned(),
        status: answer.status,
        reason: String::new(),
        headers: vec![
            ("content-type".to_owned(), answer.content_type),
            ("content-length".to_owned(), answer.body.len().to_string()),
        ],
        body: answer.body,
    })
}

async fn read_answer(connection: &OpenFile, is_head: bool) -> Result<Answer, Failure> {
    let mut held = Vec::new();
    let end = loop {
        if let Some(end) = held.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let more = connection.read(limits::PIPE).await.unwrap_or_default();
        if more.is_empty() || held.len() > 64 * 1024 {
            return Err(if held.is_empty() { Failure::Empty } else { Failure::Garbage });
        }
        held.extend(more);
        if held.len() >= 5 && !held.starts_with(b"HTTP/") {
            return Err(Failure::Garbage);
        }
    };
    let head = String::from_utf8_lossy(&held[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
    let version = first.next().unwrap_or_default().to_owned();
    let status = first.next().and_then(|status| status.parse().ok()).ok_or(Failure::Garbage)?;
    let reason = first.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer { version, status, reason, headers, body: held.split_off(end + 4) };
    if is_head || status == 204 || status == 304 {
        answer.body.clear();
        return Ok(answer);
    }
    let chunked = answer.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let length = answer.header("content-length").and_then(|value| value.parse::<usize>().ok());
    loop {
        let is_done = match (chunked, length) {
            (true, _) => dechunk(&answer.body).is_some(),
            (false, Some(length)) => answer.body.len() >= length,
            (false, None) => false,
        };
        if is_done || answer.body.len() > limits::HELD {
            break;
        }
        let more = connection.read(limits::PIPE).await.unwrap_or_default();
        if more.is_empty() {
            break;
        }
        answer.body.extend(more);
    }
    if chunked {
        answer.body = dechunk(&answer.body).unwrap_or(answer.body);
    }
    if let (false, Some(length)) = (chunked, length) {
        answer.body.truncate(length);
    }
    Ok(answer)
}

/// Takes a chunked body apart; `None` while its end has not come.
fn dechunk(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut done = Vec::new();
    let mut rest = bytes;
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok().filter(|size| *size <= limits::HELD)?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(done);
        }
        done.extend(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

fn basic(user: &str) -> (String, String) {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(user);
    ("Authorization".to_owned(), format!("Basic {text}"))
}

pub(super) async fn wget(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "qO:T:t:SU:cP:Y:H:p:n:v",
        &[
            ("quiet", 'q'),
            ("output-document", 'O'),
            ("timeout", 'T'),
            ("tries", 't'),
            ("server-response", 'S'),
            ("header", 'H'),
            ("user-agent", 'U'),
            ("post-data", 'p'),
            ("spider", 's'),
            ("no-check-certificate", 'k'),
        ],
    );
    let words = Grammar { letters: "qO:T:t:SU:cP:Y:H:p:n:vsk", ..GRAMMAR }.read(process, argv).await?;
    let Some(text) = words.rest.first() else {
        process.say("BusyBox v1.36.1 multi-call binary.\n\nUsage: wget [-cqS] [--spider] [-O FILE] [--header STR] [--post-data STR] [-T SEC] URL...").await;
        return Ok(1);
    };
    let mut text = text.clone();
    // 15 minutes is what busybox waits for data; connecting has the kernel's patience.
    let asked = words.value('T').and_then(|text| text.parse().ok()).map(Duration::from_secs);
    for _ in 0..8 {
        let Some(url) = Url::parse(&text) else {
            return Ok(process.fail(format!("bad address '{text}'")).await);
        };
        let mut headers = vec![
            ("Host".to_owned(), url.authority()),
            ("User-Agent".to_owned(), words.value('U').unwrap_or("Wget").to_owned()),
            ("Connection".to_owned(), "close".to_owned()),
        ];
        headers.extend(url.user.as_deref().map(basic));
        headers.extend(
            words
                .values('H')
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())),
        );
        let body = words.value('p').unwrap_or_default().as_bytes().to_vec();
        if words.has('p') {
            headers.push(("Content-Length".to_owned(), body.len().to_string()));
            headers.push(("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        }
        let method = if words.has('p') {
            "POST"
        } else if words.has('s') {
            "HEAD"
        } else {
            "GET"
        };
        let request = Request {
            method: method.to_owned(),
            headers,
            body,
            connect: asked.unwrap_or(PATIENCE),
            total: Some(asked.unwrap_or(Duration::from_secs(900))),
        };
        let addresses = super::net::resolve(process, &url.host).await;
        if !words.has('q')
            && let Ok(addresses) = &addresses
        {
            let address = addresses.first().map(ToString::to_string).unwrap_or_default();
            process.say(format!("Connecting to {} ({address}:{})", url.authority(), url.port)).await;
        }
        let address = addresses
            .ok()
            .and_then(|found| found.first().copied())
            .map(|address| address.to_string())
            .unwrap_or_default();
        let trust = if words.has('k') { Trust::Anything } else { Trust::System };
        let answer = match send(process, &url, &request, trust).await {
            Ok(answer) => answer,
            Err(failure) => {
                let message = match failure {
                    Failure::Name(_) => format!("bad address '{}'", url.authority()),
                    Failure::Connect(ConnectError::TimedOut) | Failure::Slow if asked.is_some() => {
                        "download timed out".to_owned()
                    }
                    Failure::Connect(error) => {
                        format!("can't connect to remote host ({address}): {}", Errno::from(error))
                    }
                    Failure::Slow => "download timed out".to_owned(),
                    Failure::Empty => "error getting response".to_owned(),
                    Failure::Garbage => "bad response from server".to_owned(),
                    Failure::Tls => "sandbox: TLS to this server is not simulated".to_owned(),
                    Failure::Untrusted => "TLS certificate validation failed".to_owned(),
                };
                return Ok(process.fail(message).await);
            }
        };
        if words.has('S') {
            process.say(format!("  {} {} {}", answer.version, answer.status, answer.reason)).await;
            for (name, value) in &answer.headers {
                process.say(format!("  {name}: {value}")).await;
            }
        }
        if (300..400).contains(&answer.status)
            && let Some(location) = answer.header("location")
        {
            text = if location.contains("://") {
                location.to_owned()
            } else {
                format!(
                    "{}://{}{}{location}",
                    url.scheme,
                    url.authority(),
                    if location.starts_with('/') { "" } else { "/" }
                )
            };
            continue;
        }
        if !(200..300).contains(&answer.status) {
            return Ok(process
                .fail(format!("server returned error: {} {} {}", answer.version, answer.status, answer.reason))
                .await);
        }
        if words.has('s') {
            if !words.has('q') {
                process.say("remote file exists").await;
            }
            return Ok(0);
        }
        return match words.value('O') {
            Some("-") => {
                if !words.has('q') {
                    process.say("writing to stdout").await;
                }
                process.out(&answer.body).await?;
                if !words.has('q') {
                    let bar = progress("-", answer.body.len());
                    process.say(format!("{bar}\nwritten to stdout")).await;
                }
                Ok(0)
            }
            name => {
                let path = match name {
                    Some(path) => path.to_owned(),
                    None => {
                        let last =
                            url.path.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
                        let file = if last.is_empty() { "index.html" } else { last };
                        match words.value('P') {
                            Some(folder) => crate::files::join(folder, file),
                            None => file.to_owned(),
                        }
                    }
                };
                let access = if name.is_some() { Access::Write } else { Access::CreateNew };
                let fd = match process.open(&path, access) {
                    Ok(fd) => fd,
                    Err(error) => return Ok(process.fail(format!("can't open '{path}': {error}")).await),
                };
                if !words.has('q') {
                    process.say(format!("saving to '{path}'")).await;
                }
                if let Err(error) = fd.write(&answer.body, process.now()).await {
                    return Ok(process.fail(format!("write error: {error}")).await);
                }
                if !words.has('q') {
                    let bar = progress(&path, answer.body.len());
                    process.say(format!("{bar}\n'{path}' saved")).await;
                }
                Ok(0)
            }
        };
    }
    Ok(process.fail("too many redirections").await)
}

fn progress(name: &str, bytes: usize) -> String {
    let name: String = name.chars().take(20).collect();
    format!("{name:<20} 100% |{}| {bytes:>5}  0:00:00 ETA", "*".repeat(32))
}

pub(super) async fn curl(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar::new(
        "sSLkiIvfgGno:Ow:X:H:d:u:m:A:b:e:x:T:C:D:E:F:y:R:J:j:Z",
        &[
            ("silent", 's'),
            ("show-error", 'S'),
            ("location", 'L'),
            ("insecure", 'k'),
            ("include", 'i'),
            ("head", 'I'),
            ("verbose", 'v'),
            ("fail", 'f'),
            ("output", 'o'),
            ("remote-name", 'O'),
            ("write-out", 'w'),
            ("request", 'X'),
            ("header", 'H'),
            ("data", 'd'),
            ("data-raw", 'R'),
            ("data-binary", 'd'),
            ("json", 'J'),
            ("user", 'u'),
            ("max-time", 'm'),
            ("connect-timeout", 'C'),
            ("user-agent", 'A'),
            ("cacert", 'E'),
            ("oauth2-bearer", 'j'),
            ("retry", 'y'),
            ("get", 'G'),
            ("no-progress-meter", 's'),
            ("version", 'Z'),
        ],
    );
    let words = GRAMMAR.read(process, argv).await.map_err(|_| crate::process::Halt(2))?;
    if words.has('Z') {
        process.out("curl 8.9.1 (x86_64-pc-linux-gnu) (sandbox: simulated)\nProtocols: http https\n").await?;
        return Ok(0);
    }
    if words.rest.is_empty() {
        process
            .say("curl: (2) no URL specified\ncurl: try 'curl --help' or 'curl --manual' for more information")
            .await;
        return Ok(2);
    }
    let mut code = 0;
    for text in words.rest.clone() {
        code = one(process, &words, &text).await?;
    }
    Ok(code)
}

async fn one(process: &mut Process, words: &super::Words, text: &str) -> Ran {
    let silent = words.has('s') && !words.has('S');
    let began = process.now();
    let number = |letter: char| {
        words
            .value(letter)
            .and_then(|text| text.parse::<f64>().ok())
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    };
    let mut text = text.to_owned();
    let mut data: Vec<u8> = Vec::new();
    for value in words.values('d').chain(words.values('R')).chain(words.values('J')) {
        if !data.is_empty() {
            data.push(b'&');
        }
        match value.strip_prefix('@').filter(|_| !words.has('R')) {
            Some(path) => match process.read_file(path).await {
                Ok(bytes) => data.extend(bytes),
                Err(_) => {
                    process.say(format!("curl: option -d: error encountered when reading a file '{path}'")).await;
                    return Ok(26);
                }
            },
            None => data.extend(value.as_bytes()),
        }
    }
    let has_data = ['d', 'R', 'J'].iter().any(|letter| words.has(*letter)) && !words.has('G');
    for turn in 0..10 {
        let Some(url) = Url::parse(&text) else {
            let scheme = text.split_once("://").map(|(scheme, _)| scheme);
            let (code, message) = match scheme {
                Some(scheme) if !["http", "https"].contains(&scheme) => {
                    (1, format!("Protocol \"{scheme}\" not supported"))
                }
                _ => (3, "URL rejected: Malformed input to a URL function".to_owned()),
            };
            process.say(format!("curl: ({code}) {message}")).await;
            return Ok(code);
        };
        let method = words
            .value('X')
            .unwrap_or(if words.has('I') {
                "HEAD"
            } else if has_data {
                "POST"
            } else {
                "GET"
            })
            .to_owned();
        let mut headers = vec![
            ("Host".to_owned(), url.authority()),
            ("User-Agent".to_owned(), words.value('A').unwrap_or("curl/8.9.1").to_owned()),
            ("Accept".to_owned(), "*/*".to_owned()),
        ];
        headers.extend(words.value('u').or(url.user.as_deref()).map(basic));
        headers.extend(words.value('j').map(|token| ("Authorization".to_owned(), format!("Bearer {token}"))));
        if has_data {
            let kind = if words.has('J') { "application/json" } else { "application/x-www-form-urlencoded" };
            headers.push(("Content-Length".to_owned(), data.len().to_string()));
            headers.push(("Content-Type".to_owned(), kind.to_owned()));
        }
        for line in words.values('H') {
            if let Some((name, value)) = line.split_once(':') {
                headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name.trim()));
                if !value.trim().is_empty() {
                    headers.push((name.trim().to_owned(), value.trim().to_owned()));
                }
            }
        }
        let total = number('m');
        let connect = number('C').or(total).unwrap_or(PATIENCE).min(total.unwrap_or(PATIENCE));
        let request = Request {
            method: method.clone(),
            headers,
            body: if has_data { data.clone() } else { Vec::new() },
            connect,
            total,
        };
        if words.has('v') {
            process.say(format!("*   Trying {}:{}...", url.host, url.port)).await;
        }
        let trust = match (words.has('k'), words.value('E')) {
            (true, _) => Trust::Anything,
            (false, Some(path)) => Trust::File(path.to_owned()),
            (false, None) => Trust::System,
        };
        let answer = match send(process, &url, &request, trust).await {
            Ok(answer) => answer,
            Err(failure) => {
                let spent = process.now().saturating_sub(began).as_millis();
                let (host, port) = (&url.host, url.port);
                let (code, message) = match failure {
                    Failure::Name(ResolveError::NoSuchName) => (6, format!("Could not resolve host: {host}")),
                    Failure::Name(ResolveError::TimedOut) if total.is_some() || words.has('C') => {
                        (28, format!("Resolving timed out after {spent} milliseconds"))
                    }
                    Failure::Name(ResolveError::TimedOut) => (6, format!("Could not resolve host: {host}")),
                    Failure::Connect(ConnectError::TimedOut) if total.is_some() || words.has('C') => {
                        (28, format!("Connection timed out after {spent} milliseconds"))
                    }
                    Failure::Connect(ConnectError::TimedOut) => {
                        (28, format!("Failed to connect to {host} port {port} after {spent} ms: Couldn't connect to server"))
                    }
                    Failure::Connect(_) => {
                        (7, format!("Failed to connect to {host} port {port} after {spent} ms: Couldn't connect to server"))
                    }
                    Failure::Slow => (28, format!("Operation timed out after {spent} milliseconds with 0 bytes received")),
                    Failure::Empty => (52, "Empty reply from server".to_owned()),
                    Failure::Garbage => (1, "Received HTTP/0.9 when not allowed".to_owned()),
                    Failure::Tls => (35, "sandbox: TLS to this server is not simulated".to_owned()),
                    Failure::Untrusted => {
                        (60, "SSL certificate problem: unable to get local issuer certificate\nMore details here: https://curl.se/docs/sslcerts.html".to_owned())
                    }
                };
                if !silent {
                    process.say(format!("curl: ({code}) {message}")).await;
                }
                if let Some(format) = words.value('w') {
                    process.out(write_out(format, None, &url, 0, began, process.now())).await?;
                }
                return Ok(code);
            }
        };
        if words.has('v') {
            process.say(format!("* Connected to {} port {}", url.host, url.port)).await;
            process.say(format!("> {method} {} HTTP/1.1", url.path)).await;
            for (name, value) in &request.headers {
                process.say(format!("> {name}: {value}")).await;
            }
            process.say(format!("> \n< {} {} {}", answer.version, answer.status, answer.reason)).await;
            for (name, value) in &answer.headers {
                process.say(format!("< {name}: {value}")).await;
            }
            process.say("< ").await;
        }
        let mut out = Vec::new();
        if words.has('i') || words.has('I') {
            out.extend(
                format!("{} {} {}\r\n", answer.version, answer.status, answer.reason).replace(" \r\n", "\r\n").bytes(),
            );
            for (name, value) in &answer.headers {
                out.extend(format!("{name}: {value}\r\n").bytes());
            }
            out.extend(b"\r\n");
        }
        if words.has('L')
            && (300..400).contains(&answer.status)
            && turn < 9
            && let Some(location) = answer.header("location")
        {
            process.out(out).await?;
            text = if location.contains("://") {
                location.to_owned()
            } else {
                format!("{}://{}{location}", url.scheme, url.authority())
            };
            continue;
        }
        if words.has('f') && answer.status >= 400 {
            if !silent {
                process.say(format!("curl: (22) The requested URL returned error: {}", answer.status)).await;
            }
            if let Some(format) = words.value('w') {
                process.out(write_out(format, Some(&answer), &url, 0, began, process.now())).await?;
            }
            return Ok(22);
        }
        out.extend(&answer.body);
        let name = if words.has('O') {
            url.path.rsplit('/').next().map(str::to_owned)
        } else {
            words.value('o').map(str::to_owned)
        };
        match name.as_deref() {
            Some("-") | None => process.out(&out).await?,
            Some(path) => {
                let written = match process.open(path, Access::Write) {
                    Ok(fd) => fd.write(&out, process.now()).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = written {
                    process.say(format!("Warning: Failed to open the file {path}: {error}")).await;
                    process.say("curl: (23) Failure writing output to destination").await;
                    return Ok(23);
                }
            }
        }
        if let Some(format) = words.value('w') {
            process.out(write_out(format, Some(&answer), &url, turn, began, process.now())).await?;
        }
        return Ok(0);
    }
    process.say("curl: (47) Maximum (50) redirects followed").await;
    Ok(47)
}

fn write_out(
    format: &str,
    answer: Option<&Answer>,
    url: &Url,
    redirects: usize,
    began: Duration,
    now: Duration,
) -> String {
    let text = super::print::unescape(format, super::print::Escapes::Printf).0;
    let time = format!("{:.6}", now.saturating_sub(began).as_secs_f64());
    text.replace("%{http_code}", &format!("{:03}", answer.map_or(0, |answer| answer.status)))
        .replace("%{response_code}", &format!("{:03}", answer.map_or(0, |answer| answer.status)))
        .replace("%{size_download}", &answer.map_or(0, |answer| answer.body.len()).to_string())
        .replace("%{content_type}", answer.and_then(|answer| answer.header("content-type")).unwrap_or_default())
        .replace("%{time_total}", &time)
        .replace("%{num_redirects}", &redirects.to_string())
        .replace("%{url_effective}", &format!("{}://{}{}", url.scheme, url.authority(), url.path))
        .replace("%%", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_chunks_are_taken_apart() {
        let url = Url::parse("backend:8080/a?b#c").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.path.as_str()), ("backend", 8080, "/a?b"));
        assert_eq!(Url::parse("https://[::1]:6443").unwrap().port, 6443);
        assert_eq!(
            (Url::parse("ftp://x"), Url::parse("http://"), Url::parse("http://a b"), Url::parse("x:99999")),
            (None, None, None, None)
        );
        assert_eq!(dechunk(b"3\r\nabc\r\n0\r\n\r\n").unwrap(), b"abc");
        assert_eq!((dechunk(b"3\r\nab"), dechunk(b"fffffffffff\r\n")), (None, None));
    }
}
