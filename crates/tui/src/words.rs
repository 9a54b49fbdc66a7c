//! The French words of the screens, from `assets/i18n/fr/tui.ftl`, checked at compile time.
//!
//! Nothing here decides; `word!` only looks up a sentence by its id.

use std::sync::LazyLock;

use i18n_embed::LanguageLoader;
use i18n_embed::fluent::{FluentLanguageLoader, fluent_language_loader};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../assets/i18n/"]
struct Words;

/// The loader behind `word!`. Isolation marks are off: they are invisible characters that terminals draw.
pub(crate) static LOADER: LazyLock<FluentLanguageLoader> = LazyLock::new(|| {
    let loader = fluent_language_loader!();
    loader
        .load_languages(&Words, std::slice::from_ref(loader.fallback_language()))
        .expect("the words are embedded and were checked when the program was built");
    loader.set_use_isolating(false);
    loader
});

/// Returns the French text of a message of `tui.ftl`; its id and arguments are checked when the program is built.
macro_rules! word {
    ($id:literal $(, $name:ident = $value:expr)* $(,)?) => {
        i18n_embed_fl::fl!($crate::words::LOADER, $id $(, $name = fluent::FluentValue::from($value))*)
    };
}
pub(crate) use word;
