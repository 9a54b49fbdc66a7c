//! What a simulated container has around it: time, names, the simulated network.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// A boxed future, so that the trait can be used as an object.
pub type Future<'a, T> = Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;

/// One end of a simulated connection. It ends when either side is dropped.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The transport of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP. A stream carries one datagram a write.
    Udp,
}

/// Why a connection did not come about. Each shows differently in a container: they are kept apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens there: the answer came at once, so the path is open.
    #[error("connection refused")]
    Refused,
    /// No answer within the time allowed, as where a NetworkPolicy drops the flow.
    #[error("connection timed out")]
    TimedOut,
    /// The address belongs to nobody.
    #[error("no route to host")]
    NoRoute,
    /// The container is not on a network.
    #[error("network is unreachable")]
    Unreachable,
}

/// Why a name was not resolved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The server knows no such name.
    #[error("no such name")]
    NoSuchName,
    /// The server did not answer, as where a NetworkPolicy drops the question.
    #[error("the name server did not answer")]
    TimedOut,
}

/// Why a port could not be listened on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// Somebody in the same Pod listens there already.
    #[error("address already in use")]
    InUse,
    /// A port below 1024, without the right to take it.
    #[error("permission denied")]
    Denied,
}

/// A connection that somebody made to a listener.
pub struct Peer {
    /// Who connected, as seen from here.
    pub address: SocketAddr,
    /// The server's end.
    pub stream: Box<dyn Stream>,
}

/// What a listener receives. Dropping it closes the port.
pub type Listener = mpsc::Receiver<Peer>;

/// The world outside one container. Implementations decide by Pod: its address, its labels, its policies.
pub trait Surroundings: Send + Sync {
    /// Returns the wall time, in seconds and nanoseconds since 1970.
    fn now(&self) -> Duration;

    /// Waits. The simulated clock may be faster than real time.
    fn sleep(&self, time: Duration) -> Future<'_, ()>;

    /// Returns the Pod's own address; `None` before it has one.
    fn address(&self) -> Option<IpAddr>;

    /// Resolves a name as the container's `resolv.conf` says: search domains, then the name as it is.
    fn resolve<'a>(&'a self, name: &'a str, within: Duration) -> Future<'a, Result<Vec<IpAddr>, ResolveError>>;

    /// Connects to an address. A flow that is dropped takes all of `within`.
    fn connect(
        &self,
        to: SocketAddr,
        protocol: Protocol,
        within: Duration,
    ) -> Future<'_, Result<Box<dyn Stream>, ConnectError>>;

    /// Listens on a port of the Pod.
    fn listen(&self, port: u16, protocol: Protocol) -> Result<Listener, ListenError>;
}
