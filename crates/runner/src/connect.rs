//! Clients for clusters: kube's own, save where the learner's certificate is of X.509 version 1.
//!
//! rustls refuses to *load* such a certificate (webpki reads version 3 only), although it is the server alone that
//! has to read it. `kubectl` accepts them, and home-made clusters have them (`openssl x509 -req` without extensions).

use std::sync::Arc;

use kube::client::ConfigExt as _;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{SignatureScheme, crypto};
use secrecy::ExposeSecret as _;

/// Makes a client. Nothing is sent yet.
///
/// # Errors
///
/// kube's own: the configuration names no usable certificate, key or address.
pub fn client(config: kube::Config) -> Result<kube::Client, kube::Error> {
    match kube::Client::try_from(config.clone()) {
        Err(kube::Error::RustlsTls(error)) => {
            let Some(identity) = identity(&config) else { return Err(kube::Error::RustlsTls(error)) };
            with_identity(config, identity)
        }
        other => other,
    }
}

/// A client certificate that is handed over as it is.
#[derive(Debug)]
struct Identity(Arc<CertifiedKey>);

impl ResolvesClientCert for Identity {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.key.choose_scheme(schemes).map(|_signer| self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn with_identity(mut config: kube::Config, identity: Identity) -> Result<kube::Client, kube::Error> {
    // Without the certificate kube builds the rest: the authorities, the verification of the server.
    config.auth_info.client_certificate = None;
    config.auth_info.client_certificate_data = None;
    config.auth_info.client_key = None;
    config.auth_info.client_key_data = None;
    let mut tls = config.rustls_client_config()?;
    tls.client_auth_cert_resolver = Arc::new(identity);
    let mut connector = hyper_util::client::legacy::connect::HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(config.connect_timeout);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    let sender = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build(connector);
    let service = tower::ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(sender);
    Ok(kube::Client::new(service, config.default_namespace))
}

/// The certificate and key of a configuration, where both are there and read.
fn identity(config: &kube::Config) -> Option<Identity> {
    use base64::Engine as _;
    let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text.trim()).ok();
    let auth = &config.auth_info;
    let certificate = match (&auth.client_certificate_data, &auth.client_certificate) {
        (Some(text), _) => decode(text)?,
        (None, Some(path)) => std::fs::read(path).ok()?,
        (None, None) => return None,
    };
    let key = match (&auth.client_key_data, &auth.client_key) {
        (Some(text), _) => decode(text.expose_secret())?,
        (None, Some(path)) => std::fs::read(path).ok()?,
        (None, None) => return None,
    };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&certificate).collect::<Result<_, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_slice(&key).ok()?;
    let signing = crypto::ring::sign::any_supported_type(&key).ok()?;
    (!chain.is_empty()).then(|| Identity(Arc::new(CertifiedKey::new(chain, signing))))
}
