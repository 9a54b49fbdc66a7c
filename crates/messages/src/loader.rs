//! The French words, embedded and loaded once.

use std::sync::OnceLock;

use i18n_embed::LanguageLoader;
use i18n_embed::fluent::{FluentLanguageLoader, fluent_language_loader};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../assets/i18n"]
struct Words;

/// Returns the loader of this crate's words.
pub(crate) fn loader() -> &'static FluentLanguageLoader {
    static LOADER: OnceLock<FluentLanguageLoader> = OnceLock::new();
    LOADER.get_or_init(|| {
        let loader = fluent_language_loader!();
        loader
            .load_languages(&Words, std::slice::from_ref(loader.fallback_language()))
            .expect("the words are embedded, and a test loads them");
        // Terminals show the isolation marks as boxes, and French needs none.
        loader.set_use_isolating(false);
        loader
    })
}

/// Says a message of this crate's words; the id and its arguments are checked by the compiler.
macro_rules! say {
    ($($message:tt)*) => { i18n_embed_fl::fl!($crate::loader::loader(), $($message)*) };
}

pub(crate) use say;
