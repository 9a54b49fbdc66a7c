//! The French words of the command line, from `assets/i18n/fr/cli.ftl`. No word is written in code.

use std::sync::LazyLock;

use i18n_embed::LanguageLoader;
use i18n_embed::fluent::{FluentLanguageLoader, fluent_language_loader};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../assets/i18n"]
struct Localizations;

/// The loaded words. Built on first use: the `kubectl` stand-in only pays for it when it has something of ours to say.
pub(crate) static LOADER: LazyLock<FluentLanguageLoader> = LazyLock::new(|| {
    let loader = fluent_language_loader!();
    loader
        .load_languages(&Localizations, &[loader.fallback_language().clone()])
        .expect("the words are embedded and checked at compile time");
    // Isolation marks are for mixed writing directions; terminals show them as boxes.
    loader.set_use_isolating(false);
    loader
});

/// Says a sentence of `cli.ftl`; an unknown id or argument does not compile.
macro_rules! say {
    ($id:literal) => {
        i18n_embed_fl::fl!($crate::words::LOADER, $id)
    };
    ($id:literal, $($arguments:tt)*) => {
        i18n_embed_fl::fl!($crate::words::LOADER, $id, $($arguments)*)
    };
}

pub(crate) use say;
