//! A picture as text: every cell shows two pixels, one above the other.

use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use super::Pixels;

/// Below this opacity a pixel shows the terminal's own ground.
const CLEAR: u32 = 128;

/// Returns a picture as `rows` lines of `columns` cells.
pub(super) fn lines(pixels: &Pixels, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let sample = |x, y| average(pixels, (x, columns), (y, rows * 2));
    (0..rows)
        .map(|row| {
            let mut spans: Vec<Span<'static>> = Vec::new();
            for column in 0..columns {
                let (symbol, style) = cell(sample(column, 2 * row), sample(column, 2 * row + 1));
                match spans.last_mut() {
                    Some(span) if span.style == style && span.content.ends_with(symbol) => {
                        span.content.to_mut().push_str(symbol);
                    }
                    _ => spans.push(Span::styled(symbol.to_owned(), style)),
                }
            }
            Line::from(spans)
        })
        .collect()
}

fn cell(upper: Option<Color>, lower: Option<Color>) -> (&'static str, Style) {
    match (upper, lower) {
        (None, None) => (" ", Style::new()),
        (Some(upper), None) => ("▀", Style::new().fg(upper)),
        (None, Some(lower)) => ("▄", Style::new().fg(lower)),
        (Some(upper), Some(lower)) => ("▀", Style::new().fg(upper).bg(lower)),
    }
}

/// Returns the mean colour of the part of a picture that falls on pixel `x` of `columns`, `y` of `rows`; `None` where
/// it is mostly transparent.
fn average(pixels: &Pixels, (x, columns): (usize, usize), (y, rows): (usize, usize)) -> Option<Color> {
    let range = |index: usize, of: usize, size: usize| {
        let start = (index * size / of).min(size - 1);
        start..((index + 1) * size / of).clamp(start + 1, size)
    };
    let (mut sums, mut opacity, mut count) = ([0_u32; 3], 0_u32, 0_u32);
    for row in range(y, rows, pixels.height) {
        for column in range(x, columns, pixels.width) {
            let [red, green, blue, alpha] = pixels.rgba[row * pixels.width + column].map(u32::from);
            for (sum, value) in sums.iter_mut().zip([red, green, blue]) {
                *sum += value * alpha / 255;
            }
            opacity += alpha;
            count += 1;
        }
    }
    if opacity / count < CLEAR {
        return None;
    }
    let [red, green, blue] = sums.map(|sum| u8::try_from((sum * 255 / opacity).min(255)).unwrap_or(255));
    Some(colour(red, green, blue))
}

#[expect(clippy::disallowed_methods, reason = "a picture has its own colours; the look fits them to the terminal")]
fn colour(red: u8, green: u8, blue: u8) -> Color {
    Color::Rgb(red, green, blue)
}
