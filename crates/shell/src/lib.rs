//! The inside of a simulated container: a copy-on-write file system, a POSIX shell and the commands in its image.
//!
//! Never a real process, file or socket of the host: what a command wants of the world outside its container it asks
//! of [`Surroundings`], which the sandbox gives.

mod cluster;
mod commands;
mod container;
mod errno;
mod event;
mod files;
mod image;
mod interpreter;
mod limits;
mod pattern;
mod process;
mod procfs;
mod stream;
mod surroundings;
mod table;
#[cfg(test)]
mod testing;
mod tree;
mod tty;
mod volume;

pub use cluster::{ApiAnswer, ApiRequest, Cluster};
pub use container::{Container, Seeming, Spec, StartError, Streams, VolumeMount, Writable};
pub use event::{Action, Event, Process as EventProcess, Terminal};
pub use files::{Capability, Credentials};
pub use image::{Builder, Config, Image};
pub use limits::Budget;
pub use surroundings::{
    ConnectError, Future, ListenError, Listener, Peer, Protocol, ResolveError, Stream, Surroundings,
};
pub use tree::{Allowance, Flavour};
pub use volume::{Volume, VolumeFile};
