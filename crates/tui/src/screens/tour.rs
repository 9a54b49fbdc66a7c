//! The tour at the first start: a few pages of Markdown from `assets/tour/fr/`.

use std::sync::LazyLock;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use rust_embed::RustEmbed;

use crate::keymap::Command;
use crate::markdown::{self, Marks};
use crate::model::{Model, Screen};
use crate::msg::Effect;
use crate::words::word;
use crate::{screens, theme};

#[derive(RustEmbed)]
#[folder = "../../assets/tour/fr/"]
struct Pages;

/// The pages, in the order of their files' names.
pub(crate) static PAGES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names: Vec<_> = Pages::iter().collect();
    names.sort();
    let page = |name: &str| Pages::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned());
    names.iter().filter_map(|name| page(name)).collect()
});

/// Which page is shown.
#[derive(Debug, Default)]
pub(crate) struct Tour {
    page: usize,
}

pub(crate) fn update(model: &mut Model, command: Command, effects: &mut Vec<Effect>) {
    let Screen::Tour(tour) = &mut model.screen else { return };
    match command {
        Command::Next if tour.page + 1 < PAGES.len() => tour.page += 1,
        Command::Previous => tour.page = tour.page.saturating_sub(1),
        Command::Next | Command::Back => {
            model.screen = Screen::Step;
            effects.push(Effect::TourSeen);
            crate::update::session::ask(model);
        }
        _ => {}
    }
}

pub(crate) fn view(tour: &Tour, frame: &mut Frame<'_>, area: Rect) {
    let area = screens::middle(area, 84, 30);
    let cells = screens::inside(area);
    let text = PAGES.get(tour.page).map(String::as_str).unwrap_or_default();
    let mut marks = Marks::of([text].into_iter());
    let mut lines = markdown::render(text, cells, &mut marks);
    lines.extend(marks.closing(cells));
    lines.insert(0, Line::styled(word!("tour-page", page = tour.page + 1, pages = PAGES.len()), theme::subdued()));
    screens::boxed(frame, area, &word!("title-tour"), &lines, 0);
}
