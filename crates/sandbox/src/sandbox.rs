//! A running sandbox: started, addressed, stopped.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Bytes;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{Api, Caller};
use crate::clock::Clock;
use crate::credentials::{Credentials, CredentialsError};
use crate::insides::Insides;
use crate::manifest::{self, Manifest, Presence};
use crate::network::Network;
use crate::persistence::{self, Folder, StateError};
use crate::server::streams::Streams;
use crate::server::streams::port_forward::Ports;
use crate::server::streams::process::Processes;
use crate::server::{self, Front};
use crate::site::{Origin, Site};
use crate::tokens::Issuer;
use crate::{Options, admission, kubeconfig};

/// The port that a learner expects of an API server; another one is taken if it is not free.
const PORT: u16 = 6443;

/// A running sandbox. Dropping it ends it; [`Sandbox::stop`] also waits for its end.
pub struct Sandbox {
    front: Arc<Front>,
    tracker: TaskTracker,
    kubeconfig: String,
    kubeconfig_path: Option<PathBuf>,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing could be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it was tried last.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The state folder is not usable.
    #[error("cannot use the state of the sandbox")]
    State(#[from] StateError),
    /// The certificates are not usable.
    #[error("cannot prepare the certificates")]
    Credentials(#[from] CredentialsError),
}

impl Sandbox {
    /// Starts a sandbox: when this returns, `/readyz` is ok.
    pub async fn start(options: Options) -> Result<Sandbox, Error> {
        Sandbox::start_with(options, |insides, network| (Arc::new(insides.clone()), Arc::new(network.clone()))).await
    }

    /// Starts a sandbox with these insides of containers, on its network.
    pub(crate) async fn start_with(
        options: Options,
        insides: impl FnOnce(&Insides, &Network) -> (Arc<dyn Processes>, Arc<dyn Ports>),
    ) -> Result<Sandbox, Error> {
        let folder = options.state.as_deref().map(Folder::open).transpose()?.map(Arc::new);
        let last = folder.as_ref().and_then(|folder| folder.address());
        let listener = listen(options.address, last).await?;
        let address = listener
            .local_addr()
            .map_err(|source| Error::Listen { address: SocketAddr::from(([127, 0, 0, 1], 0)), source })?;
        let credentials = match folder.as_ref().and_then(|folder| folder.credentials()) {
            Some(credentials) => credentials.moved_to(address.ip())?,
            None => Credentials::generate(address.ip())?,
        };
        let acceptor = TlsAcceptor::from(credentials.server_config()?);
        let kubeconfig = kubeconfig::render(&credentials, address);

        let clock = Clock::starting_at(jiff::Timestamp::now()).at_pace(options.pace);
        let api = Api::new(clock, options.version, admission::chain(options.version));
        api.issue_tokens_by(Issuer::from_pem(&credentials.token_key).map_err(CredentialsError::from)?);
        api.sign_certificates_by(credentials.clone());
        let stop = CancellationToken::new();
        let tracker = TaskTracker::new();
        let (mut kubeconfig_path, mut origin) = (None, Origin::Fresh);
        let presence = Presence::default();
        let mut manifest = None;
        if let Some(folder) = folder {
            if let Some(snapshot) = folder.snapshot()? {
                api.load(snapshot);
                origin = Origin::Kept;
            }
            kubeconfig_path = Some(folder.keep_access(&credentials, address, &kubeconfig)?);
            let found = Arc::new(folder.manifest(&api)?);
            let following = manifest::follow(Arc::clone(&found), api.clone(), presence.clone(), stop.clone());
            tracker.spawn(following);
            manifest = Some(found);
            tracker.spawn(persistence::keep_writing(folder, api.clone(), stop.clone()));
        }
        let started = api.clock().now();
        let site = Site::start(&api, address.ip(), &credentials.authority, origin);
        let containers = Insides::new(&api, site.network(), &tracker, &stop);
        let (processes, ports) = insides(&containers, site.network());
        let streams = Streams::new(processes, ports, tracker.clone());
        let front = Arc::new(Front {
            api,
            version: options.version,
            address,
            site,
            started,
            streams,
            stop,
            presence,
            manifest,
        });
        containers.lead_to(&front);
        tracker.spawn(server::serve_inside(Arc::clone(&front), acceptor.clone(), tracker.clone()));
        tracker.spawn(server::serve(Arc::clone(&front), listener, acceptor, tracker.clone()));
        Ok(Sandbox { front, tracker, kubeconfig, kubeconfig_path })
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// Returns the learner's kubeconfig, as YAML.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig.clone()
    }

    /// Returns the file that holds the learner's kubeconfig (mode 0600), if state is kept.
    pub fn kubeconfig_path(&self) -> Option<&Path> {
        self.kubeconfig_path.as_deref()
    }

    /// Returns the static manifest of the API server, if state is kept. When it changes, the API server restarts
    /// with its flags; while it is broken, there is none.
    pub fn manifest_path(&self) -> Option<&Path> {
        self.front.manifest.as_deref().map(Manifest::path)
    }

    /// Returns the API as a service, without a socket, for the learner's identity.
    pub fn service(&self) -> Service {
        Service { front: Arc::clone(&self.front) }
    }

    /// Returns the API without HTTP.
    #[cfg(test)]
    pub(crate) fn api(&self) -> &Api {
        &self.front.api
    }

    /// Ends everything and waits for it.
    pub async fn stop(self) {
        // The world first: what it still does is kept by the last write.
        self.front.site.stop().await;
        self.front.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.front.stop.cancel();
    }
}

/// The API as a [`tower::Service`]: what it is asked, the learner asks.
#[derive(Clone)]
pub struct Service {
    front: Arc<Front>,
}

impl<B> tower::Service<Request<B>> for Service
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let front = Arc::clone(&self.front);
        Box::pin(async move { Ok(front.answer(Caller::admin(), request.map(Body::new)).await) })
    }
}

/// Listens where asked, else where the last run did, else on an address of its own.
async fn listen(wanted: Option<SocketAddr>, last: Option<SocketAddr>) -> Result<TcpListener, Error> {
    if let Some(address) = wanted {
        return TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source });
    }
    let mut refused = None;
    for address in last.into_iter().chain(candidates()) {
        match TcpListener::bind(address).await {
            Ok(listener) => return Ok(listener),
            Err(source) => refused = Some(Error::Listen { address, source }),
        }
    }
    Err(refused.unwrap_or_else(|| Error::Listen {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        source: io::Error::other("no address to try"),
    }))
}

/// Returns addresses to try: on Linux all of 127.0.0.0/8 is ours, and a sandbox takes the first host of a
/// random 127.x.y.0/24; elsewhere only 127.0.0.1 exists.
fn candidates() -> Vec<SocketAddr> {
    let mut found = Vec::new();
    if cfg!(target_os = "linux") {
        for _ in 0..4 {
            let random = uuid::Uuid::new_v4().into_bytes();
            // Low numbers are used by others: 127.0.0.1, 127.0.0.53, 127.0.1.1.
            let ip = Ipv4Addr::new(127, 16 + random[0] % 224, random[1], 1);
            found.push(SocketAddr::new(IpAddr::V4(ip), PORT));
        }
    }
    found.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
    found
}
