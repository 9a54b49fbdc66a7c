//! Errors and outcomes, said in French.
//!
//! All sentences are made here, from the data of evidence and errors; the words are in
//! `assets/i18n/fr/messages.ftl`. Nothing here decides anything. Texts that come from files, commands and clusters
//! are made fit to show before they enter a sentence.

mod diagnostic;
mod error;
mod explain;
mod failure;
mod loader;
mod session;
mod words;

pub use diagnostic::{
    Remark, diagnostic, diagnostic_line, flaw, no_scaffold, not_carried, not_found, severity, unreadable,
};
pub use error::check_error;
pub use explain::{Explanation, explain};
pub use failure::{Failure, Side, failure};
pub use session::{need, notice, observation};
pub use words::{amount, duration, list_and, list_or, moment, points, quoted, sanitize};
