//! The ratatui front end: state to cells, keys to effects.
//!
//! [`update()`] and [`view()`] are pure: no I/O, no clock, nothing spawned. [`run()`] is the only loop, and with the
//! threads of the learner's shell the only I/O.

mod keymap;
mod layout;
mod markdown;
mod model;
mod msg;
mod page;
mod picture;
mod plain;
mod pty;
mod run;
mod screens;
mod shell;
mod terminal;
mod text;
mod theme;
mod update;
mod view;
mod words;

#[cfg(test)]
mod tests;

pub use model::{Model, Settings, TourAtStart};
pub use msg::{Effect, Foreground, Msg, ShellStart};
pub use picture::Pictures;
pub use plain::plain;
pub use run::{Error, Options, Session, run, suits};
pub use shell::{CursorShape, SCROLLBACK};
pub use theme::{Characters, Colours, Look};
pub use update::update;
pub use view::view;
