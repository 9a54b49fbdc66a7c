//! Bad input and bad manners, by TLS as strangers bring them: each ends in an API error or a closed connection, and
//! the others are served as before.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sandbox::{Options, Pace, Sandbox, Version};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[path = "../examples/figures/client.rs"]
mod client;

use client::Target;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// A hang is a failure.
const LONG: Duration = Duration::from_secs(60);

async fn start() -> (Sandbox, Target) {
    let options = Options { version: Version::V1_34, state: None, address: None, pace: Pace::Fast };
    let sandbox = Sandbox::start(options).await.unwrap();
    let target = Target::of(&sandbox.kubeconfig(), sandbox.address()).unwrap();
    (sandbox, target)
}

/// Somebody else comes, asks and is answered soon.
async fn others_are_unharmed(target: &Target) {
    let ask = async {
        let mut tasks = JoinSet::new();
        let nodes = target.http1(&mut tasks).await.unwrap().get("/api/v1/nodes").await.unwrap();
        assert_eq!(nodes.code, 200);
        let nodes: Value = serde_json::from_slice(&nodes.body).unwrap();
        assert_eq!(nodes["items"].as_array().unwrap().len(), 3);
    };
    timeout(Duration::from_secs(10), ask).await.expect("another client waits in vain");
}

/// Sends one body as it is; returns the code and the message of the Status, empty if it is another object.
async fn send(target: &Target, method: Method, path: &str, kind: &str, body: Vec<u8>) -> (u16, String) {
    let mut tasks = JoinSet::new();
    let mut connection = target.http1(&mut tasks).await.unwrap();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "sandbox")
        .header("content-type", kind)
        .body(Body::from(body))
        .unwrap();
    let response = timeout(LONG, connection.send(request)).await.expect("an answer").unwrap();
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&body).expect("an object");
    (code, answer["message"].as_str().unwrap_or_default().to_owned())
}

/// A YAML document whose aliases stand for a billion words.
fn bomb() -> String {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..9 {
        let parts = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{parts}]\n"));
    }
    text + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\n"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_refused_with_a_status() {
    let (sandbox, target) = start().await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let yaml = "application/yaml";
    let merge = "application/merge-patch+json";
    let strategic = "application/strategic-merge-patch+json";
    let operations = "application/json-patch+json";
    let apply = "application/apply-patch+yaml";
    let mut garbage = b"k8s\0".to_vec();
    garbage.extend((0..4_096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8));
    let bodies: Vec<(Method, &str, Vec<u8>)> = vec![
        (Method::POST, JSON, b"{\"metadata\": {\"name\"".to_vec()),
        (Method::POST, JSON, b"".to_vec()),
        (Method::POST, JSON, b"\xff\xfe\x00".to_vec()),
        (Method::POST, JSON, b"nul".to_vec()),
        (Method::POST, JSON, b"[1, 2]".to_vec()),
        (Method::POST, JSON, b"{\"metadata\": 3}".to_vec()),
        (Method::POST, JSON, b"{\"metadata\": {\"name\": {\"a\": 1}}}".to_vec()),
        (Method::POST, JSON, b"{\"metadata\": {\"name\": \"../..\"}}".to_vec()),
        (Method::POST, JSON, deep(100_000).into_bytes()),
        (Method::POST, JSON, nested(100_000).into_bytes()),
        (Method::POST, yaml, deep(100_000).into_bytes()),
        (Method::POST, yaml, bomb().into_bytes()),
        (Method::POST, yaml, b"a: [b\n\tc: *d".to_vec()),
        (Method::POST, PROTOBUF, b"k8s\0".to_vec()),
        (Method::POST, PROTOBUF, b"not protobuf at all".to_vec()),
        (Method::POST, PROTOBUF, garbage),
        (Method::POST, PROTOBUF, [b"k8s\0".as_slice(), &[0x12].repeat(100_000)].concat()),
        (Method::POST, "text/html", b"<p>".to_vec()),
        (Method::PATCH, merge, nested(100_000).into_bytes()),
        (Method::PATCH, merge, b"[]".to_vec()),
        (Method::PATCH, strategic, nested(100_000).into_bytes()),
        (Method::PATCH, strategic, b"{\"metadata\": {\"$patch\": \"explode\"}}".to_vec()),
        (Method::PATCH, operations, b"{}".to_vec()),
        (Method::PATCH, operations, b"[{\"op\": \"fly\"}]".to_vec()),
        (Method::PATCH, operations, b"[{\"op\": \"remove\", \"path\": \"/nowhere/at/all\"}]".to_vec()),
        (Method::PATCH, apply, bomb().into_bytes()),
        (Method::PATCH, apply, b"- 1".to_vec()),
        (Method::PATCH, "application/x-patch", b"{}".to_vec()),
    ];
    let made = send(&target, Method::POST, CONFIG_MAPS, JSON, b"{\"metadata\": {\"name\": \"kept\"}}".to_vec()).await;
    assert_eq!(made.0, 201, "{}", made.1);
    for (method, kind, body) in bodies {
        let is_patch = method == Method::PATCH;
        let path = if is_patch { format!("{CONFIG_MAPS}/kept?fieldManager=test") } else { CONFIG_MAPS.to_owned() };
        let shown: String = String::from_utf8_lossy(&body).chars().take(60).collect();
        let (code, message) = send(&target, method, &path, kind, body).await;
        assert!((400..500).contains(&code), "{kind} {shown:?}: {code} {message}");
        assert!(!message.is_empty() && message.len() < 20_000, "{kind} {shown:?}: {} bytes", message.len());
    }
    others_are_unharmed(&target).await;
    sandbox.stop().await;
}

/// What can be nested as deep as JSON allows is stored, patched and shown without a fall.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_just_not_too_deep_is_taken() {
    let (sandbox, target) = start().await;
    let nested = format!("{}1{}", "{\"a\":".repeat(110), "}".repeat(110));
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?fieldValidation=Strict";
    let (code, _) = send(&target, Method::POST, path, JSON, nested.clone().into_bytes()).await;
    assert!((400..500).contains(&code), "{code}");
    let patch = format!("{{\"metadata\": {{\"annotations\": {nested}}}}}");
    let path = "/api/v1/nodes/node1";
    for kind in ["application/merge-patch+json", "application/strategic-merge-patch+json"] {
        let (code, message) = send(&target, Method::PATCH, path, kind, patch.clone().into_bytes()).await;
        assert!((400..500).contains(&code), "{kind}: {code} {message}");
    }
    others_are_unharmed(&target).await;
    sandbox.stop().await;
}

/// Writes a request whose body is 50 MB; returns how many bytes went out, and the head of the answer.
async fn pour(target: &Target, head: &str, chunk: &[u8], chunks: usize) -> (usize, String) {
    let mut stream = target.stream(&["http/1.1"]).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut input, mut output) = tokio::io::split(stream);
    let mut written = 0;
    let mut answer = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = input.read(&mut buffer).await {
            answer.extend_from_slice(&buffer[..count]);
        }
    };
    let write = async {
        for _ in 0..chunks {
            if output.write_all(chunk).await.is_err() {
                break;
            }
            written += chunk.len();
        }
    };
    // The server answers, or hangs up, long before it has read everything.
    let both = async { tokio::join!(read, write) };
    timeout(LONG, both).await.expect("an answer or an end");
    (written, String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_50_mb_is_not_read() {
    let (sandbox, target) = start().await;
    let head = format!("POST {CONFIG_MAPS} HTTP/1.1\r\nhost: sandbox\r\ncontent-type: application/json\r\n");
    let block = vec![b'x'; 64 * 1024];
    let announced = format!("{head}content-length: {}\r\n\r\n", 50 << 20);
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
    let chunk = [format!("{:x}\r\n", block.len()).as_bytes(), &block, b"\r\n"].concat();
    for (head, chunk) in [(announced, &block), (chunked, &chunk)] {
        let (written, answer) = pour(&target, &head, chunk, 800).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(written < 16 << 20, "{written} bytes were taken");
    }
    // Whoever waits for the answer before it sends more gets it.
    let (code, message) = send(&target, Method::POST, CONFIG_MAPS, JSON, vec![b' '; (3 << 20) + 1]).await;
    assert_eq!((code, message.as_str()), (413, "Request entity too large: limit is 3145728"));
    others_are_unharmed(&target).await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_watches_all_see_a_change() {
    const CONNECTIONS: usize = 50;
    const STREAMS: usize = 200;
    let (sandbox, target) = start().await;
    let (mut tasks, mut watches) = (JoinSet::new(), JoinSet::new());
    let mut senders = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TokioIo::new(target.stream(&["h2"]).await.unwrap());
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tasks.spawn(async move {
            let _ = connection.await;
        });
        for _ in 0..STREAMS {
            sender.ready().await.unwrap();
            let path = format!("https://sandbox{CONFIG_MAPS}?watch=true&fieldSelector=metadata.name%3Dseen");
            let answer = sender.send_request(Request::get(path).body(Body::empty()).unwrap());
            watches.spawn(async move {
                let mut body = answer.await.unwrap().into_body();
                let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
                assert!(frame.starts_with(b"{\"object\":") || frame.starts_with(b"{\"type\":"), "{frame:?}");
            });
        }
        senders.push(sender);
    }
    others_are_unharmed(&target).await;
    let seen = json!({"metadata": {"name": "seen"}}).to_string().into_bytes();
    // Watches that open after it see it as well: they begin with what is there.
    assert_eq!(send(&target, Method::POST, CONFIG_MAPS, JSON, seen).await.0, 201);
    let all = async {
        while let Some(watch) = watches.join_next().await {
            watch.unwrap();
        }
    };
    timeout(LONG * 2, all).await.expect("every watch sees the change");
    others_are_unharmed(&target).await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_harm_nobody() {
    let (sandbox, target) = start().await;
    let mut held = Vec::new();
    for round in 0..200 {
        let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
        match round % 3 {
            // Not a word.
            0 => {}
            // The first bytes of a ClientHello (RFC 8446, section 5.1).
            1 => stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00").await.unwrap(),
            // No TLS at all: the server may hang up before the last byte.
            _ => drop(stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await),
        }
        held.push(stream);
    }
    others_are_unharmed(&target).await;
    // A head that never ends, and a body that breaks off.
    let mut unfinished = target.stream(&["http/1.1"]).await.unwrap();
    unfinished.write_all(b"GET /api HTTP/1.1\r\nhost: sandbox\r\nx: ").await.unwrap();
    let mut broken = target.stream(&["http/1.1"]).await.unwrap();
    let head = format!("POST {CONFIG_MAPS} HTTP/1.1\r\nhost: sandbox\r\ncontent-length: 1000\r\n\r\n{{");
    broken.write_all(head.as_bytes()).await.unwrap();
    drop(broken);
    others_are_unharmed(&target).await;
    timeout(Duration::from_secs(10), sandbox.stop()).await.expect("they do not hold the end up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_upgrades_harm_nobody() {
    let (sandbox, target) = start().await;
    let container = json!({"name": "c", "image": "busybox:1.36", "command": ["sleep", "3600"]});
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [container]}}).to_string().into_bytes();
    assert_eq!(send(&target, Method::POST, "/api/v1/namespaces/default/pods", JSON, pod).await.0, 201);
    let mut tasks = JoinSet::new();
    let mut other = target.http1(&mut tasks).await.unwrap();
    let running = async {
        loop {
            let pod = other.get("/api/v1/namespaces/default/pods/p").await.unwrap();
            let pod: Value = serde_json::from_slice(&pod.body).unwrap();
            if pod["status"]["phase"] == "Running" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LONG, running).await.expect("the Pod runs");
    let path = "/api/v1/namespaces/default/pods/p/exec?command=sh&stdin=true&stdout=true&container=c";
    let socket = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                  Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n";
    let spdy = "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n";
    let mut held = Vec::new();
    for round in 0..60_u8 {
        let (method, upgrade) = if round % 2 == 0 { ("GET", socket) } else { ("POST", spdy) };
        let mut stream = target.stream(&["http/1.1"]).await.unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: sandbox\r\nConnection: Upgrade\r\n{upgrade}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        timeout(LONG, stream.read_exact(&mut start)).await.expect("an answer").unwrap();
        assert_eq!(&start, b"HTTP/1.1 101", "{upgrade}");
        match round % 3 {
            0 => {}
            // The beginning of a frame that never comes whole.
            1 => stream.write_all(&[0x82, 0xfe, 0xff]).await.unwrap(),
            _ => stream.write_all(&[round | 0x80; 100]).await.unwrap(),
        }
        held.push(stream);
    }
    others_are_unharmed(&target).await;
    timeout(Duration::from_secs(10), sandbox.stop()).await.expect("they do not hold the end up");
}
