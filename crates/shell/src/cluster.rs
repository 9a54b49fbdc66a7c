//! The way from inside a container to the cluster's API.

use std::net::SocketAddr;

use crate::surroundings::Future;

/// A request to the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// The method: `GET`.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The bearer token; `None` asks as nobody.
    pub token: Option<String>,
    /// What answer is wanted.
    pub accept: String,
    /// What the body is.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The API's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiAnswer {
    /// The status code.
    pub status: u16,
    /// What the body is.
    pub content_type: String,
    /// The body, whole.
    pub body: Vec<u8>,
}

/// The cluster's API, for `kubectl` and `curl` in a container. It gives no more than the token has.
pub trait Cluster: Send + Sync {
    /// Returns whether the API is what listens there.
    fn is_at(&self, address: SocketAddr) -> bool;

    /// Asks.
    fn request(&self, request: ApiRequest) -> Future<'_, ApiAnswer>;
}
