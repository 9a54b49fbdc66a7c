//! A learner's session, headless: prepare, run checks, cancel, save.
//!
//! [`Request`]s go in, [`Event`]s come out, both plain data. One task owns the session; the TUI, `atelier check`
//! and the tests drive the same engine.

mod api;
mod atomic;
mod baseline;
mod checking;
mod cluster;
mod command;
mod connect;
mod environment;
mod error;
mod feed;
mod ground;
mod headless;
mod home;
mod journal;
mod observing;
mod preparing;
mod replaying;
mod session;
mod solving;
mod store;
#[cfg(test)]
mod tests;
mod work;

pub use api::{CheckView, EnvironmentView, Event, Notice, Request, Snapshot, StepStateView, StepView, Verdict, Work};
pub use cluster::ClusterError;
pub use command::CommandError;
pub use connect::client;
pub use environment::docker::{Docker, docker};
pub use environment::sandboxed::{SandboxServer, Served, Serving, serve_sandbox, served};
pub use environment::{Choice, Confirmation, Difference, EnvironmentError, Outlook};
pub use error::Error;
pub use feed::Events;
pub use headless::{
    Headless, LabTest, Problem, Report, Settings, StepReport, TakenHint, accept_course, is_accepted, lab_test,
    own_variables, reveal_solution, take_hint,
};
pub use home::{Home, HomeError};
pub use session::{Handle, Options, Session};
pub use store::{Imported, Store, StoreError};
pub use work::WorkError;
