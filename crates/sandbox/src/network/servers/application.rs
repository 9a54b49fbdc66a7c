//! The workshop's small web application, web servers that only tell what they were asked, and hosts of the «internet».

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST, LOCATION, SERVER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use jiff::Timestamp;
use serde_json::json;
use shell::{ConnectError, Peer, Protocol, ResolveError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::network::internet::Host;
use crate::network::{Network, Source};

use super::http::{FetchError, exchange, serve as serve_http};
use super::{Running, client};

/// How long the application waits for its own parts.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why a part of the application did not answer, in the words of its log and pages.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot resolve {0}: {1}")]
    Name(String, ResolveError),
    #[error("cannot connect to {0}: {1}")]
    Connect(String, ConnectError),
    #[error("no answer from {0}")]
    Silent(String),
}

/// The page in front: it shows what the backend says.
pub(super) async fn frontend(running: &Running, backend: &str, peer: Peer) {
    let from = client(peer.address);
    serve_http(peer.stream, |request| {
        let from = from.clone();
        async move {
            let (status, body) = match (request.method(), request.uri().path()) {
                (&Method::GET | &Method::HEAD, "/") => match ask(running, backend).await {
                    Ok(answer) => (StatusCode::OK, format!("<h1>frontend</h1>\n<pre>{}</pre>\n", answer.trim_end())),
                    Err(failure) => {
                        running.log(format!("error: {failure}"));
                        (StatusCode::BAD_GATEWAY, format!("<h1>frontend</h1>\n<p>backend: {failure}</p>\n"))
                    }
                },
                (_, "/healthz") => (StatusCode::OK, "ok\n".to_owned()),
                _ => (StatusCode::NOT_FOUND, "not found\n".to_owned()),
            };
            note(running, &from, &request, status);
            page(status, "text/html; charset=utf-8", "frontend", body)
        }
    })
    .await;
}

/// The backend: it counts visits in the store.
pub(super) async fn backend(running: &Running, store: &str, peer: Peer) {
    let from = client(peer.address);
    serve_http(peer.stream, |request| {
        let from = from.clone();
        async move {
            let (status, body) = match (request.method(), request.uri().path()) {
                (&Method::GET | &Method::HEAD, "/") => match count(running, store).await {
                    Ok(visits) => (StatusCode::OK, json!({"service": "backend", "visits": visits})),
                    Err(failure) => {
                        running.log(format!("error: {failure}"));
                        let body = json!({"service": "backend", "error": failure.to_string()});
                        (StatusCode::SERVICE_UNAVAILABLE, body)
                    }
                },
                (_, "/healthz") => (StatusCode::OK, json!("ok")),
                _ => (StatusCode::NOT_FOUND, json!({"error": "not found"})),
            };
            note(running, &from, &request, status);
            page(status, "application/json", "backend", format!("{body}\n"))
        }
    })
    .await;
}

/// Says what it was asked, as `traefik/whoami` does.
pub(super) async fn whoami(running: &Running, peer: Peer) {
    let from = peer.address;
    serve_http(peer.stream, |request| {
        let mut text = format!("Hostname: {}\n", running.place.hostname);
        if let Some(address) = own_address(running) {
            text.push_str(&format!("IP: 127.0.0.1\nIP: {address}\n"));
        }
        text.push_str(&format!("RemoteAddr: {from}\n{} {} HTTP/1.1\n", request.method(), request.uri()));
        for (name, value) in request.headers() {
            text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        }
        async move { page(StatusCode::OK, "text/plain; charset=utf-8", "whoami", text) }
    })
    .await;
}

/// Says always the same, as `hashicorp/http-echo` does.
pub(super) async fn echo(text: &str, peer: Peer) {
    serve_http(peer.stream, |_| {
        let text = format!("{text}\n");
        async move { page(StatusCode::OK, "text/plain; charset=utf-8", "http-echo", text) }
    })
    .await;
}

/// A host of the «internet»: plain HTTP leads to HTTPS, as it mostly does outside; what comes encrypted is not
/// simulated, and the connection is closed.
pub(super) async fn outside(host: &'static Host, peer: Peer, port: u16) {
    if port != 80 {
        return;
    }
    let name = host.names.first().copied().unwrap_or_default();
    serve_http(peer.stream, |request| {
        let response = if name == "example.com" {
            let body = "<!doctype html>\n<title>Example Domain</title>\n<h1>Example Domain</h1>\n".to_owned();
            page(StatusCode::OK, "text/html; charset=UTF-8", host.server, body)
        } else {
            let body = "<html><head><title>301 Moved</title></head><body><h1>301 Moved</h1></body></html>\n".to_owned();
            let mut response = page(StatusCode::MOVED_PERMANENTLY, "text/html; charset=UTF-8", host.server, body);
            let asked = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or(name);
            let target = format!("https://{asked}{}", request.uri().path());
            if let Ok(target) = HeaderValue::from_str(&target) {
                response.headers_mut().insert(LOCATION, target);
            }
            response
        };
        async move { response }
    })
    .await;
}

fn page(status: StatusCode, kind: &'static str, server: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(SERVER, HeaderValue::from_static(server));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn note(running: &Running, from: &str, request: &Request<Incoming>, status: StatusCode) {
    let now = running.network().map_or(Timestamp::UNIX_EPOCH, |network| network.shared.api.clock().now());
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    running.log(format!("{time} {from} {} {} {}", request.method(), request.uri().path(), status.as_u16()));
}

fn own_address(running: &Running) -> Option<IpAddr> {
    running.network()?.surroundings(&running.place.log.pod).address()
}

/// Opens a connection from the server's own Pod, with its names and under its policies.
async fn open(running: &Running, to: &str) -> Result<Box<dyn shell::Stream>, Failure> {
    let (name, port) = to.rsplit_once(':').unwrap_or((to, "80"));
    let silent = || Failure::Silent(to.to_owned());
    let network: Network = running.network().ok_or_else(silent)?;
    let around = network.surroundings(&running.place.log.pod);
    let found = around.resolve(name, PATIENCE).await.map_err(|error| Failure::Name(name.to_owned(), error))?;
    let address = found.first().copied().ok_or_else(silent)?;
    let port = port.parse().map_err(|_| silent())?;
    let address = SocketAddr::new(address, port);
    let source = Source::Pod(&running.place.log.pod);
    let opened = network.connect_from(source, address, Protocol::Tcp, PATIENCE).await;
    opened.map_err(|error| Failure::Connect(to.to_owned(), error))
}

async fn ask(running: &Running, backend: &str) -> Result<String, Failure> {
    let stream = open(running, backend).await?;
    let silent = || Failure::Silent(backend.to_owned());
    let request = Request::get("/").header(HOST, backend).body(Full::default()).map_err(|_| silent())?;
    // The backend waits for its own parts in turn.
    let answer = tokio::time::timeout(PATIENCE * 4, exchange(stream, request)).await.map_err(|_| silent())?;
    let answer = answer.map_err(|error: FetchError| {
        tracing::debug!(%error, "the backend did not answer");
        silent()
    })?;
    Ok(String::from_utf8_lossy(answer.body()).into_owned())
}

async fn count(running: &Running, store: &str) -> Result<u64, Failure> {
    let mut stream = open(running, store).await?;
    let silent = || Failure::Silent(store.to_owned());
    stream.write_all(b"*2\r\n$4\r\nINCR\r\n$6\r\nvisits\r\n").await.map_err(|_| silent())?;
    let mut answer = [0; 64];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await;
    let length = read.map_err(|_| silent())?.map_err(|_| silent())?;
    let answer = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
    answer.trim_end().strip_prefix(':').and_then(|number| number.parse().ok()).ok_or_else(silent)
}
