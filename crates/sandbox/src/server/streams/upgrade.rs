//! How a client asks to go on in another protocol than HTTP, and how that is answered.
//!
//! `kubectl` asks for SPDY/3.1 up to 1.29, later for a WebSocket first. The names of the protocols spoken inside are
//! in `Sec-WebSocket-Protocol` (RFC 6455, section 4) or `X-Stream-Protocol-Version`, in one line or in several.

use axum::body::Body;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::api::Status;

/// The name of the transport in `Upgrade`.
const SPDY: &str = "SPDY/3.1";
const STREAM_PROTOCOL: HeaderName = HeaderName::from_static("x-stream-protocol-version");

/// What a client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upgrade {
    /// What carries the streams.
    pub(super) transport: Transport,
    /// The protocols that the client speaks over it, the one it likes best first.
    pub(super) protocols: Vec<String>,
}

/// What carries the streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transport {
    /// A WebSocket.
    WebSocket {
        /// The client's key, to be answered.
        key: HeaderValue,
    },
    /// SPDY/3.1 frames.
    Spdy,
}

impl Upgrade {
    /// Reads the headers of a request.
    pub(super) fn of(headers: &HeaderMap) -> Result<Upgrade, Status> {
        let asks = words(headers, &CONNECTION).any(|word| word.eq_ignore_ascii_case("upgrade"));
        let wanted = |transport: &str| words(headers, &UPGRADE).any(|word| word.eq_ignore_ascii_case(transport));
        if asks && wanted(SPDY) {
            let protocols = words(headers, &STREAM_PROTOCOL).map(str::to_owned).collect();
            return Ok(Upgrade { transport: Transport::Spdy, protocols });
        }
        if !asks || !wanted("websocket") {
            return Err(Status::bad_request("Upgrade request required"));
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(Status::bad_request("missing or bad WebSocket Version"));
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).cloned();
        let key = key.ok_or_else(|| Status::bad_request("mismatch challenge/response"))?;
        let protocols = words(headers, &SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect();
        Ok(Upgrade { transport: Transport::WebSocket { key }, protocols })
    }

    /// Returns the first of ours that the client speaks as well.
    pub(super) fn choose<P: Copy>(&self, ours: &[(&'static str, P)]) -> Result<(&'static str, P), Status> {
        let common = ours.iter().find(|(name, _)| match name {
            // For clients that name none.
            &"" => self.protocols.is_empty(),
            name => self.protocols.iter().any(|theirs| theirs == name),
        });
        common.copied().ok_or_else(|| {
            let names: Vec<&str> = ours.iter().map(|(name, _)| *name).collect();
            Status {
                code: 403,
                reason: "Forbidden",
                message: format!(
                    "unable to upgrade: unable to negotiate protocol: client supports [{}], server accepts [{}]",
                    self.protocols.join(" "),
                    names.join(" ")
                ),
                details: None,
            }
        })
    }

    /// Returns the answer that ends HTTP on the connection. An empty protocol is not named.
    pub(super) fn accept(&self, protocol: &'static str) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        let name = match &self.transport {
            Transport::Spdy => {
                headers.insert(UPGRADE, HeaderValue::from_static(SPDY));
                STREAM_PROTOCOL
            }
            Transport::WebSocket { key } => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
                    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
                }
                SEC_WEBSOCKET_PROTOCOL
            }
        };
        if !protocol.is_empty() {
            headers.insert(name, HeaderValue::from_static(protocol));
        }
        response
    }
}

/// Returns the words of a header that is a list, in as many lines as the client likes.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn protocols_come_in_one_line_or_in_several() {
        let spdy = Upgrade::of(&headers(&[
            ("connection", "Upgrade"),
            ("upgrade", "SPDY/3.1"),
            ("x-stream-protocol-version", "v4.channel.k8s.io"),
            ("x-stream-protocol-version", "channel.k8s.io"),
        ]))
        .unwrap();
        assert_eq!(spdy.protocols, ["v4.channel.k8s.io", "channel.k8s.io"]);
        let socket = Upgrade::of(&headers(&[
            ("connection", "keep-alive, upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "v5.channel.k8s.io, v4.channel.k8s.io"),
        ]))
        .unwrap();
        assert_eq!(socket.choose(&[("v4.channel.k8s.io", 4), ("v3", 3)]).unwrap(), ("v4.channel.k8s.io", 4));
        // The example of RFC 6455, section 1.3.
        let answer = socket.accept("v4.channel.k8s.io");
        assert_eq!(answer.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(socket.choose(&[("v9", 9)]).unwrap_err().code, 403);
    }

    #[test]
    fn others_are_told_to_upgrade() {
        for pairs in [&[][..], &[("upgrade", "websocket")], &[("connection", "upgrade"), ("upgrade", "h2c")]] {
            assert_eq!(Upgrade::of(&headers(pairs)).unwrap_err().message, "Upgrade request required");
        }
    }
}
