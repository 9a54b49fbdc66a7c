//! HTTP/1.1 over simulated flows, both sides.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use shell::{ConnectError, Protocol, Stream};

use crate::network::{Network, Source};

/// How long a client may take to send a request.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest body that a client here takes.
const LONGEST: usize = 1 << 20;

/// Serves requests until the client leaves. `title_case` names are what old servers write.
pub(super) async fn serve<F, A>(stream: Box<dyn Stream>, answer: F)
where
    F: Fn(Request<Incoming>) -> A,
    A: Future<Output = Response<Full<Bytes>>>,
{
    let service = service_fn(|request| {
        let answer = answer(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.title_case_headers(true).timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(64 * 1024);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::trace!(%error, "a simulated connection ended");
    }
}

/// Why a request had no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// There was no connection.
    #[error("cannot connect")]
    Connect(#[from] ConnectError),
    /// What answered did not speak HTTP, or went away.
    #[error("no HTTP answer")]
    Http(#[from] hyper::Error),
    /// It was too long or broken off.
    #[error("the answer's body cannot be read")]
    Body,
    /// It did not come in time.
    #[error("no answer in time")]
    TimedOut,
}

/// Asks a server for a page, as a program in the cluster does, with HTTP/1.1 and at most `within` to wait.
pub(crate) async fn fetch(
    network: &Network,
    source: Source<'_>,
    to: SocketAddr,
    request: Request<Full<Bytes>>,
    within: Duration,
) -> Result<Response<Bytes>, FetchError> {
    let stream = network.connect_from(source, to, Protocol::Tcp, within).await?;
    // In real time, and not less than a busy machine needs: servers here answer at once or never.
    tokio::time::timeout(within.max(Duration::from_secs(2)), exchange(stream, request))
        .await
        .unwrap_or(Err(FetchError::TimedOut))
}

/// Sends a request over an open stream and reads its answer.
pub(crate) async fn exchange(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, FetchError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let asked = async move {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(|_| FetchError::Body)?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    };
    tokio::pin!(asked);
    tokio::pin!(connection);
    tokio::select! {
        answer = &mut asked => answer,
        ended = &mut connection => match ended {
            Ok(()) => asked.await,
            Err(error) => Err(error.into()),
        },
    }
}

/// Writes a time as HTTP does: `Sun, 22 Nov 2026 13:00:00 GMT` (RFC 9110, section 5.6.7).
pub(super) fn date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
