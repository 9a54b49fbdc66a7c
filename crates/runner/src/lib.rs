//! A learner's session, headless: prepare, run checks, cancel, save.
//!
//! [`Request`]s go in, [`Event`]s come out, both plain data. One task owns the session; the TUI, `atelier check`
//! and the tests drive the same engine.

mod api;
mod atomic;
mod error;
mod home;
mod journal;

pub use api::{CheckView, EnvironmentView, Event, Notice, Request, Snapshot, StepStateView, StepView, Verdict, Work};
pub use error::Error;
pub use home::{Home, HomeError};
