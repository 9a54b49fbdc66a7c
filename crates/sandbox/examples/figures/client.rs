//! A lean client of a sandbox: HTTP/1.1 over TLS with the learner's certificate, nothing retried, nothing
//! cached. For measuring, and for saying what no well-behaved client says.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kube::config::Kubeconfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whatever goes wrong with a client.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Where a sandbox is, and how to be let in.
#[derive(Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    config: Arc<ClientConfig>,
}

/// An answer, read whole.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) code: u16,
    /// The body.
    pub(crate) body: Bytes,
}

impl Target {
    /// Reads the address and the certificates from a kubeconfig's YAML.
    pub(crate) fn of(kubeconfig: &str, address: SocketAddr) -> Result<Target, Failure> {
        use base64::Engine as _;
        let parsed = Kubeconfig::from_yaml(kubeconfig)?;
        let decode = |text: Option<String>| -> Result<Vec<u8>, Failure> {
            Ok(base64::prelude::BASE64_STANDARD.decode(text.ok_or("a part of the kubeconfig is missing")?)?)
        };
        let cluster = parsed.clusters.first().and_then(|named| named.cluster.clone()).ok_or("no cluster")?;
        let user = parsed.auth_infos.first().and_then(|named| named.auth_info.clone()).ok_or("no user")?;
        let authority = decode(cluster.certificate_authority_data)?;
        let certificate = decode(user.client_certificate_data)?;
        let secret = user.client_key_data.ok_or("no key")?;
        let key = decode(Some(secrecy::ExposeSecret::expose_secret(&secret).to_owned()))?;
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(&authority) {
            roots.add(root?)?;
        }
        let chain = CertificateDer::pem_slice_iter(&certificate).collect::<Result<Vec<_>, _>>()?;
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(&key)?)?;
        Ok(Target { address, config: Arc::new(config) })
    }

    /// Connects and shakes hands, offering these protocols (ALPN, RFC 7301).
    pub(crate) async fn stream(&self, protocols: &[&str]) -> Result<TlsStream<TcpStream>, Failure> {
        let mut config = (*self.config).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::IpAddress(self.address.ip().into());
        Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
    }

    /// Opens a connection that speaks HTTP/1.1; its task lives in `tasks`.
    pub(crate) async fn http1(&self, tasks: &mut JoinSet<()>) -> Result<Http1, Failure> {
        let (sender, connection) = http1::handshake(TokioIo::new(self.stream(&["http/1.1"]).await?)).await?;
        tasks.spawn(async move {
            let _ = connection.await;
        });
        Ok(Http1 { sender })
    }
}

/// A kept-alive connection.
pub(crate) struct Http1 {
    sender: http1::SendRequest<Body>,
}

impl Http1 {
    /// Sends a request and returns the answer as soon as its head is there.
    pub(crate) async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, Failure> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Sends a request with a JSON body (empty: none) and reads the answer whole.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        accept: &str,
        body: Bytes,
    ) -> Result<Answer, Failure> {
        self.ask_with(method, path, accept, "application/json", body).await
    }

    /// Sends a request with a body of a content type and reads the answer whole.
    pub(crate) async fn ask_with(
        &mut self,
        method: Method,
        path: &str,
        accept: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "sandbox")
            .header("accept", accept)
            .header("content-type", content_type)
            .body(Body::from(body))?;
        let response = self.send(request).await?;
        let code = response.status().as_u16();
        Ok(Answer { code, body: response.into_body().collect().await?.to_bytes() })
    }

    /// Reads something.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        self.ask(Method::GET, path, "application/json", Bytes::new()).await
    }
}
