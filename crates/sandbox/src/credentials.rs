//! The sandbox's own authority and the certificates that it signs: the server's and the learner's.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::api::Caller;
use crate::tokens::KeyError;

/// The user in the learner's certificate.
const LEARNER: &str = "kubernetes-admin";

/// Certificates and keys, as PEM. They are made once and kept with the state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The authority's certificate.
    pub(crate) authority: String,
    authority_key: String,
    server: String,
    server_key: String,
    /// The learner's certificate.
    pub(crate) client: String,
    /// The learner's key.
    pub(crate) client_key: String,
    /// The address that the server's certificate is for.
    pub(crate) address: IpAddr,
    /// The key that signs tokens; empty in what an older program kept.
    #[serde(default)]
    pub(crate) token_key: String,
}

/// What can go wrong with certificates.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    /// A stored certificate cannot be read.
    #[error("cannot read a stored certificate")]
    Read(#[from] rustls::pki_types::pem::Error),
    /// TLS does not take the certificates.
    #[error("TLS does not accept the certificates")]
    Tls(#[from] rustls::Error),
    /// The key of the tokens cannot be used.
    #[error("cannot sign tokens")]
    Tokens(#[from] KeyError),
    /// TLS does not take the authority.
    #[error("TLS does not accept the authority")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

impl Credentials {
    /// Makes an authority, a server at `address` and a learner.
    pub(crate) fn generate(address: IpAddr) -> Result<Credentials, CredentialsError> {
        let authority_key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name = subject("kubernetes", None);
        let authority = params.self_signed(&authority_key)?.pem();
        let issuer = Issuer::from_params(&params, &authority_key);

        let mut learner = CertificateParams::default();
        learner.distinguished_name = subject(LEARNER, Some(Caller::MASTERS));
        learner.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate()?;
        let client = learner.signed_by(&client_key, &issuer)?.pem();

        let (server, server_key) = server_certificate(address, &issuer)?;
        Ok(Credentials {
            authority,
            authority_key: authority_key.serialize_pem(),
            server,
            server_key,
            client,
            client_key: client_key.serialize_pem(),
            address,
            token_key: KeyPair::generate()?.serialize_pem(),
        })
    }

    /// Returns the same authority and learner with a server at another address.
    pub(crate) fn moved_to(mut self, address: IpAddr) -> Result<Credentials, CredentialsError> {
        if self.token_key.is_empty() {
            self.token_key = KeyPair::generate()?.serialize_pem();
        }
        if address == self.address {
            return Ok(self);
        }
        let key = KeyPair::from_pem(&self.authority_key)?;
        let issuer = Issuer::from_ca_cert_pem(&self.authority, key)?;
        let (server, server_key) = server_certificate(address, &issuer)?;
        Ok(Credentials { server, server_key, address, ..self })
    }

    /// Signs a client's request (PKCS #10, as PEM) and returns the certificate as PEM.
    pub(crate) fn sign_client(&self, request: &str, lifetime: Lifetime) -> Result<String, CredentialsError> {
        let key = KeyPair::from_pem(&self.authority_key)?;
        let issuer = Issuer::from_ca_cert_pem(&self.authority, key)?;
        let mut request = CertificateSigningRequestParams::from_pem(request)?;
        let from = u64::try_from(lifetime.from.as_second()).unwrap_or_default();
        let seconds = u64::try_from(lifetime.seconds).unwrap_or_default();
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        // Clocks differ: five minutes, as the real signer grants.
        request.params.not_before = epoch + Duration::from_secs(from.saturating_sub(300));
        request.params.not_after = epoch + Duration::from_secs(from.saturating_add(seconds));
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Ok(request.signed_by(&issuer)?.pem())
    }

    /// Returns the server's side of TLS. Clients may show a certificate of this authority, or none.
    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, CredentialsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes())?)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()?;
        let chain = vec![CertificateDer::from_pem_slice(self.server.as_bytes())?];
        let key = PrivateKeyDer::from_pem_slice(self.server_key.as_bytes())?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// When a certificate is good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetime {
    /// From when on.
    pub(crate) from: jiff::Timestamp,
    /// For how long, in seconds.
    pub(crate) seconds: i64,
}

/// Returns the groups (organisations) that a request (PKCS #10, as PEM) asks for; `None` if it is no request.
pub(crate) fn subject_of_request(pem: &str) -> Option<Vec<String>> {
    let request = CertificateSigningRequestParams::from_pem(pem).ok()?;
    let groups = request.params.distinguished_name.iter().filter(|(kind, _)| **kind == DnType::OrganizationName);
    Some(groups.map(|(_, value)| shown(value)).collect())
}

fn shown(value: &DnValue) -> String {
    match value {
        DnValue::Utf8String(text) => text.clone(),
        DnValue::PrintableString(text) => text.as_str().to_owned(),
        DnValue::Ia5String(text) => text.as_str().to_owned(),
        DnValue::TeletexString(text) => text.as_str().to_owned(),
        other => format!("{other:?}"),
    }
}

/// Returns who a client's certificate names: the common name, member of each organisation.
pub(crate) fn caller_of(certificate: &CertificateDer<'_>) -> Option<Caller> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let subject = certificate.subject();
    let user = subject.iter_common_name().next()?.as_str().ok()?;
    let groups = subject.iter_organization().filter_map(|group| group.as_str().ok()).map(str::to_owned);
    Some(Caller::user(user, groups.collect::<Vec<_>>()))
}

fn subject(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject.push(DnType::CommonName, name);
    subject
}

fn server_certificate(
    address: IpAddr,
    issuer: &Issuer<'_, impl rcgen::SigningKey>,
) -> Result<(String, String), CredentialsError> {
    let names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    let mut params = CertificateParams::new(names.map(str::to_owned))?;
    params.subject_alt_names.push(SanType::IpAddress(address));
    // The address that Pods know the server by.
    params.subject_alt_names.push(SanType::IpAddress(IpAddr::from([10, 96, 0, 1])));
    params.distinguished_name = subject("kube-apiserver", None);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, issuer)?.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learner_is_an_admin_and_moving_keeps_it() {
        let first = Credentials::generate([127, 20, 30, 1].into()).unwrap();
        let moved = first.clone().moved_to([127, 20, 31, 1].into()).unwrap();
        assert_eq!((&first.authority, &first.client), (&moved.authority, &moved.client));
        assert_ne!(first.server, moved.server);
        moved.server_config().unwrap();
        let certificate = CertificateDer::from_pem_slice(first.client.as_bytes()).unwrap();
        assert_eq!(caller_of(&certificate), Some(Caller::admin()));
    }
}
