//! The learner's kubeconfig.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::credentials::Credentials;

/// The name of the cluster and of the context.
const CLUSTER: &str = "atelier";

/// Returns the YAML text.
pub(crate) fn render(credentials: &Credentials, address: SocketAddr) -> String {
    let encode = |text: &str| BASE64_STANDARD.encode(text);
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: {CLUSTER}\n\
         \x20 cluster:\n\
         \x20   server: https://{address}\n\
         \x20   certificate-authority-data: {}\n\
         users:\n\
         - name: kubernetes-admin\n\
         \x20 user:\n\
         \x20   client-certificate-data: {}\n\
         \x20   client-key-data: {}\n\
         contexts:\n\
         - name: {CLUSTER}\n\
         \x20 context:\n\
         \x20   cluster: {CLUSTER}\n\
         \x20   user: kubernetes-admin\n\
         current-context: {CLUSTER}\n",
        encode(&credentials.authority),
        encode(&credentials.client),
        encode(&credentials.client_key),
    )
}
