//! SPDY/3.1, the server's side: what `kubectl` up to 1.30 speaks instead of HTTP/2, and every `kubectl` for
//! port-forward.
//!
//! Source of the format: the SPDY protocol, draft 3.1 (chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1), of
//! which Kubernetes uses streams with headers, data, resets, pings and GOAWAY. [`frame`] is the codec, without I/O;
//! [`connection`] gives each stream its two ends.

#[cfg(test)]
pub(super) mod client;
mod connection;
mod frame;
mod headers;

pub(super) use connection::{Connection, Incoming, Input, Output, Stream, serve};
#[cfg(test)]
pub(super) use frame::{Frame, More};
