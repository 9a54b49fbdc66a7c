//! The inside of a simulated container: a copy-on-write file system, a POSIX shell and the commands in its image.
//!
//! Never a real process, file or socket of the host: what a command wants of the world outside its container it asks
//! of [`Surroundings`], which the sandbox gives.

mod surroundings;

pub use surroundings::{
    ConnectError, Future, ListenError, Listener, Peer, Protocol, ResolveError, Stream, Surroundings,
};
