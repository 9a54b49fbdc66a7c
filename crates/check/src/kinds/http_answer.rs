//! `http_answer`: an HTTP request is answered so.
//!
//! ```yaml
//! http_answer:
//!   url: http://127.0.0.1:8080/
//!   method: GET                 # default
//!   headers: { Accept: text/html }
//!   body: ""                    # sent with the request
//!   status: 200
//!   contains: [Welcome]
//!   excludes: []
//! ```
//!
//! `http` only. Redirections are not followed: a 302 is an answer like any other.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::objects::unless_cancelled;
use crate::{Error, Outcome};

/// What the check asks and expects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The address; `http` only.
    pub url: String,
    /// The request's method; `GET` by default.
    #[serde(default)]
    pub method: Option<String>,
    /// Request headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The request's body.
    #[serde(default)]
    pub body: Option<String>,
    /// The expected status.
    pub status: u16,
    /// Texts that must appear in the body.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Texts that must not appear in the body.
    #[serde(default)]
    pub excludes: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The address.
    pub url: String,
    /// The expected status.
    pub expected_status: u16,
    /// What was found.
    pub finding: Finding,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// An answer came.
    Answer {
        /// Its status.
        status: u16,
        /// Where it redirects to, if it does.
        location: Option<String>,
        /// Its body, or the beginning of it.
        body: String,
        /// Texts that should appear in the body.
        missing: Vec<String>,
        /// Texts that should not appear in the body.
        unwanted: Vec<String>,
    },
    /// The connection was refused: nothing listens there.
    Refused,
    /// The connection was closed before an answer, or what came is not HTTP.
    NotHttp,
}

/// How much of a body is read, in bytes.
const CAP: usize = 256 * 1024;

/// How much of a body the evidence carries, in characters.
const SHOWN: usize = 2000;

/// How long a connection or an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn run(spec: &Spec, cancel: &CancellationToken) -> Result<Outcome, Error> {
    let finding = unless_cancelled(cancel, async {
        tokio::time::timeout(PATIENCE, ask(spec)).await.map_err(|_| Error::TimedOut(PATIENCE))?
    })
    .await?;
    let holds = matches!(
        &finding,
        Finding::Answer { status, missing, unwanted, .. }
            if *status == spec.status && missing.is_empty() && unwanted.is_empty()
    );
    let evidence =
        crate::Evidence::HttpAnswer(Evidence { url: spec.url.clone(), expected_status: spec.status, finding });
    Ok(if holds { Outcome::Pass(evidence) } else { Outcome::Fail(evidence) })
}

async fn ask(spec: &Spec) -> Result<Finding, Error> {
    let (uri, host, port) = address(&spec.url)?;
    let request = request(spec, &uri)?;
    let stream = match TcpStream::connect((host.as_str(), port)).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => return Ok(Finding::Refused),
        Err(source) => return Err(Error::Http { url: spec.url.clone(), source: Box::new(source) }),
    };
    let Ok((mut sender, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await else {
        return Ok(Finding::NotHttp);
    };
    let answer = async {
        let Ok(response) = sender.send_request(request).await else { return Finding::NotHttp };
        let status = response.status().as_u16();
        let location = response
            .headers()
            .get(http::header::LOCATION)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let body = read(response.into_body()).await;
        Finding::Answer {
            status,
            location,
            missing: spec.contains.iter().filter(|text| !body.contains(*text)).cloned().collect(),
            unwanted: spec.excludes.iter().filter(|text| body.contains(*text)).cloned().collect(),
            body: body.chars().take(SHOWN).collect(),
        }
    };
    // The connection is driven here, so that nothing runs on once the answer is there.
    tokio::pin!(answer);
    tokio::select! {
        finding = &mut answer => Ok(finding),
        _ = connection => Ok(answer.await),
    }
}

async fn read(mut body: hyper::body::Incoming) -> String {
    let mut kept = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Some(piece) = frame.data_ref() {
            let room = CAP - kept.len();
            kept.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        if kept.len() == CAP {
            break;
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Reads an address: its parts, or why no request can be made.
pub(crate) fn address(url: &str) -> Result<(Uri, String, u16), Error> {
    let unsupported = || Error::Unsupported { what: url.to_owned() };
    let uri: Uri = url.parse().map_err(|_| unsupported())?;
    if uri.scheme_str() != Some("http") {
        return Err(unsupported());
    }
    let host = uri.host().ok_or_else(unsupported)?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(80);
    Ok((uri, host, port))
}

fn request(spec: &Spec, uri: &Uri) -> Result<Request<Full<Bytes>>, Error> {
    let unsupported = || Error::Unsupported { what: spec.url.clone() };
    let method = spec.method.as_deref().unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| unsupported())?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let mut builder = Request::builder().method(method).uri(path).header(http::header::HOST, host);
    for (name, value) in &spec.headers {
        builder = builder.header(name, value);
    }
    let body = Bytes::from(spec.body.clone().unwrap_or_default());
    builder.body(Full::new(body)).map_err(|_| unsupported())
}

#[cfg(test)]
mod tests;
