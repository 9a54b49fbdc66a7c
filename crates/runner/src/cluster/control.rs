//! The control requests of the sandbox, below `/atelier/v1/`: plain JSON over the same server and certificates as
//! the Kubernetes API.

use std::fmt::Write as _;

use check::AuditEntry;
use http::{Method, Request};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{ClusterError, bounded};

/// What the audit log holds since a moment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct AuditPage {
    /// The entries, oldest first.
    pub(crate) entries: Vec<AuditEntry>,
    /// Whether the log still reaches back to that moment.
    pub(crate) complete: bool,
}

/// Returns the audit log's entries since a moment.
pub(crate) async fn audit(client: &kube::Client, since: Timestamp) -> Result<AuditPage, ClusterError> {
    json(client, Method::GET, &format!("audit?since={}", escape(&since.to_string())), None).await
}

/// Returns every object of the sandbox, as opaque JSON.
pub(crate) async fn snapshot(client: &kube::Client) -> Result<Value, ClusterError> {
    json(client, Method::GET, "snapshot", None).await
}

/// Restores exactly what [`snapshot`] returned.
pub(crate) async fn restore(client: &kube::Client, snapshot: &Value) -> Result<(), ClusterError> {
    text(client, Method::PUT, "snapshot", Some(snapshot)).await.map(drop)
}

/// Makes the sandbox a fresh cluster.
pub(crate) async fn reset(client: &kube::Client) -> Result<(), ClusterError> {
    text(client, Method::POST, "reset", None).await.map(drop)
}

/// Repairs a node.
pub(crate) async fn repair(client: &kube::Client, node: &str) -> Result<(), ClusterError> {
    text(client, Method::POST, &format!("nodes/{}/repair", escape(node)), None).await.map(drop)
}

async fn json<T: for<'de> Deserialize<'de>>(
    client: &kube::Client,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<T, ClusterError> {
    let text = text(client, method, path, body).await?;
    serde_json::from_str(&text).map_err(|_| ClusterError::Nonsense(path.to_owned()))
}

async fn text(client: &kube::Client, method: Method, path: &str, body: Option<&Value>) -> Result<String, ClusterError> {
    let what = format!("ask the sandbox `{method} {path}`");
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(format!("/atelier/v1/{path}"))
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::ACCEPT, "application/json")
        .body(body)
        .map_err(|_| ClusterError::Nonsense(path.to_owned()))?;
    bounded(&what, client.request_text(request)).await
}

/// Percent-encodes all but unreserved characters (RFC 3986, section 2.3).
fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a String takes everything");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_node_name_cannot_change_the_request() {
        assert_eq!(super::escape("node3/../x?y=z"), "node3%2F..%2Fx%3Fy%3Dz");
    }
}
