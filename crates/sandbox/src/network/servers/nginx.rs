//! The web server nginx: its page, its errors, its log.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, HOST, LAST_MODIFIED, REFERER, SERVER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use jiff::Timestamp;
use shell::Peer;

use super::http::{date, serve as serve_http};
use super::{Found, Running, client};

/// Where the pages are.
const ROOT: &str = "/usr/share/nginx/html";

/// The page of a server that nobody has configured yet.
const WELCOME: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n\
    <h1>Welcome to nginx!</h1>\n<p>The server runs and has no pages of its own yet.</p>\n</body>\n</html>\n";

/// Returns the release that a tag of the image stands for.
pub(super) fn release(tag: &str) -> String {
    let version = tag.split('-').next().unwrap_or_default();
    match (version, version.split('.').count()) {
        ("1.27", _) => "1.27.5".to_owned(),
        ("1.21", _) => "1.21.6".to_owned(),
        (_, 3) if version.starts_with("1.") => version.to_owned(),
        (_, 2) if version.starts_with("1.") => format!("{version}.2"),
        _ => "1.29.3".to_owned(),
    }
}

/// Serves a connection.
pub(super) async fn serve(running: &Running, release: &str, peer: Peer) {
    let from = client(peer.address);
    serve_http(peer.stream, |request| {
        let response = answer(running, release, &from, &request);
        async move { response }
    })
    .await;
}

fn answer(running: &Running, release: &str, from: &str, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let now = running.network().map_or(Timestamp::UNIX_EPOCH, |network| network.shared.api.clock().now());
    let path = request.uri().path();
    let (status, kind, body) = match (request.method(), page(running, path)) {
        (&Method::GET | &Method::HEAD, Some((kind, body))) => (StatusCode::OK, kind, body),
        (&Method::GET | &Method::HEAD, None) => {
            let target = format!("{ROOT}{path}");
            running.log(format!(
                "{} [error] 29#29: *1 open() {:?} failed (2: No such file or directory), client: {from}, server: \
                 localhost, request: \"{} {path} HTTP/1.1\", host: {:?}",
                now.strftime("%Y/%m/%d %H:%M:%S"),
                printable(&target),
                request.method(),
                header(request.headers(), HOST.as_str()),
            ));
            (StatusCode::NOT_FOUND, "text/html", error_page(StatusCode::NOT_FOUND, release))
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, "text/html", error_page(StatusCode::METHOD_NOT_ALLOWED, release)),
    };
    running.log(format!(
        "{from} - - [{}] \"{} {} HTTP/1.1\" {} {} {:?} {:?} {:?}",
        now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        request.method(),
        request.uri().path_and_query().map_or("/", |target| target.as_str()),
        status.as_u16(),
        body.len(),
        header(request.headers(), REFERER.as_str()),
        header(request.headers(), USER_AGENT.as_str()),
        header(request.headers(), "x-forwarded-for"),
    ));
    let (length, is_head) = (body.len(), request.method() == Method::HEAD);
    let mut response = Response::new(Full::new(if is_head { Bytes::new() } else { Bytes::from(body) }));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mut set = |name: http::HeaderName, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set(SERVER, format!("nginx/{release}"));
    set(DATE, date(now));
    set(CONTENT_TYPE, kind.to_owned());
    set(CONTENT_LENGTH, length.to_string());
    if status == StatusCode::OK {
        set(LAST_MODIFIED, "Wed, 16 Apr 2025 12:55:34 GMT".to_owned());
        set(ETAG, format!("\"67ffa8c6-{length:x}\""));
    }
    response
}

/// Returns what is at a path: the container's own files, else the page that the image has.
fn page(running: &Running, path: &str) -> Option<(&'static str, Vec<u8>)> {
    if path.split('/').any(|part| part == "..") {
        return None;
    }
    let path = if path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
    let kind = match path.rsplit_once('.') {
        Some((_, "html" | "htm")) => "text/html",
        Some((_, "txt")) => "text/plain",
        Some((_, "css")) => "text/css",
        Some((_, "js")) => "application/javascript",
        Some((_, "json")) => "application/json",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "png")) => "image/png",
        _ => "application/octet-stream",
    };
    match running.read(&format!("{ROOT}{path}")) {
        Found::File(content) => Some((kind, content)),
        Found::Nothing => None,
        Found::Unknown => (path == "/index.html").then(|| (kind, WELCOME.as_bytes().to_vec())),
    }
}

/// Returns the page of an error, with the line ends that nginx writes.
fn error_page(status: StatusCode, release: &str) -> Vec<u8> {
    let words = match status {
        StatusCode::METHOD_NOT_ALLOWED => "405 Not Allowed".to_owned(),
        status => status.to_string(),
    };
    format!(
        "<html>\r\n<head><title>{words}</title></head>\r\n<body>\r\n<center><h1>{words}</h1></center>\r\n\
         <hr><center>nginx/{release}</center>\r\n</body>\r\n</html>\r\n"
    )
    .into_bytes()
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).map_or_else(|| "-".to_owned(), printable)
}

/// Keeps control characters out of the log.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}
