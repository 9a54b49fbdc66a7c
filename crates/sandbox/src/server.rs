//! The HTTP front of the API: TLS on loopback, one task a connection, or no socket at all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Version;
use crate::api::{Api, Caller, Status};
use crate::credentials;
use crate::manifest::{Manifest, Presence, State};
use crate::site::Site;

mod answer;
mod authentication;
mod body;
mod control;
mod discovery;
mod log;
mod metrics;
mod objects;
mod openapi;
mod peer;
mod proxy;
mod query;
mod reviews;
mod route;
mod scale;
pub(crate) mod streams;
mod table;
mod token;
mod watch;

pub(crate) use peer::is_own;

/// How long a client may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What every request needs.
pub(crate) struct Front {
    /// The API.
    pub(crate) api: Api,
    /// The emulated version.
    pub(crate) version: Version,
    /// Where the server listens, for discovery.
    pub(crate) address: SocketAddr,
    /// The world around the API.
    pub(crate) site: Site,
    /// When the server started.
    pub(crate) started: jiff::Timestamp,
    /// What `exec` and its like need.
    pub(crate) streams: streams::Streams,
    /// Ends open watches.
    pub(crate) stop: CancellationToken,
    /// Whether there is an API server at the moment.
    pub(crate) presence: Presence,
    /// The API server's manifest, where there is a folder for it.
    pub(crate) manifest: Option<Arc<Manifest>>,
}

impl Front {
    /// Answers one request of a known caller.
    pub(crate) async fn answer(self: Arc<Self>, caller: Caller, request: Request<Body>) -> Response<Body> {
        // The runner's own requests reach the sandbox without a server.
        if self.presence.state() != State::Up && !request.uri().path().starts_with("/atelier/") {
            return answer::refusal(&Status::unavailable("the API server is not running"));
        }
        match route::answer(&self, &caller, request).await {
            Ok(response) => response,
            Err(status) => answer::refusal(&status),
        }
    }

    /// Waits for the end of all connections: that of the sandbox, or of the API server of the moment.
    async fn over(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.presence.away() => {}
        }
    }
}

/// Accepts connections until told to stop, while there is an API server: in between the port is closed.
pub(crate) async fn serve(front: Arc<Front>, listener: TcpListener, acceptor: TlsAcceptor, tracker: TaskTracker) {
    let mut listener = Some(listener);
    loop {
        tokio::select! {
            () = front.stop.cancelled() => return,
            () = front.presence.up() => {}
        }
        let open = match listener.take() {
            Some(listener) => listener,
            None => match TcpListener::bind(front.address).await {
                Ok(listener) => listener,
                Err(error) => {
                    tracing::warn!(%error, address = %front.address, "cannot listen again");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            },
        };
        tokio::select! {
            () = front.stop.cancelled() => return,
            () = front.presence.away() => {}
            () = accept(&front, &open, &acceptor, &tracker) => {}
        }
    }
}

async fn accept(front: &Arc<Front>, listener: &TcpListener, acceptor: &TlsAcceptor, tracker: &TaskTracker) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (front, acceptor) = (Arc::clone(front), acceptor.clone());
                tracker.spawn(async move {
                    let ended = Arc::clone(&front);
                    tokio::select! {
                        () = ended.over() => {}
                        () = connection(front, stream, peer, acceptor) => {}
                    }
                });
            }
            // Out of descriptors, for instance: wait for some to be given back.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Serves the connections that Pods make, over the simulated network.
pub(crate) async fn serve_inside(front: Arc<Front>, acceptor: TlsAcceptor, tracker: TaskTracker) {
    let mut accepted = front.site.network().listen_api();
    loop {
        let peer = tokio::select! {
            () = front.stop.cancelled() => return,
            peer = accepted.recv() => peer,
        };
        let Some(peer) = peer else { return };
        let (front, acceptor) = (Arc::clone(&front), acceptor.clone());
        tracker.spawn(async move {
            let ended = Arc::clone(&front);
            tokio::select! {
                () = ended.over() => {}
                () = encrypted(front, peer.stream, peer.address, acceptor) => {}
            }
        });
    }
}

async fn connection(front: Arc<Front>, stream: TcpStream, peer: SocketAddr, acceptor: TlsAcceptor) {
    if !peer::is_own(peer, front.address) {
        tracing::warn!(%peer, "refused a connection of another user");
        return;
    }
    // Watches are made of small writes.
    let _ = stream.set_nodelay(true);
    encrypted(front, stream, peer, acceptor).await;
}

/// Serves a connection from its handshake on.
async fn encrypted<S>(front: Arc<Front>, stream: S, peer: SocketAddr, acceptor: TlsAcceptor)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let caller = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first)
        .and_then(credentials::caller_of)
        .unwrap_or_else(Caller::anonymous);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let answer = Arc::clone(&front).answer(caller.clone(), request.map(Body::new));
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(300));
    builder.http2().timer(TokioTimer::new());
    if let Err(error) = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await {
        tracing::debug!(%peer, %error, "connection ended");
    }
}
