//! A picture of a terminal's screen as SVG, for the README.

use std::fmt::Write as _;

/// The sixteen ANSI colours of the picture, as hexadecimal.
const COLOURS: [&str; 16] = [
    "#1d2021", "#cc5544", "#8ea634", "#d7a13b", "#5f93b3", "#b07aa1", "#6aa588", "#d5cdb6", "#7a7265", "#ee7762",
    "#b5c95a", "#f0c05a", "#86b8d4", "#d09cc0", "#8fc9ab", "#f7f1de",
];
const PAPER: &str = "#1d2021";
const INK: &str = "#d5cdb6";
const WIDTH: f32 = 8.4;
const HEIGHT: u16 = 18;

/// Draws `screen` as an SVG document.
pub(crate) fn svg(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let (width, height) = (f32::from(columns) * WIDTH + 16.0, rows * HEIGHT + 16);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{PAPER}\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let Some(cell) = screen.cell(row, column) else { break };
            let style = (cell.fgcolor(), cell.bgcolor(), cell.bold(), cell.inverse());
            let start = column;
            let mut text = String::new();
            while column < columns {
                let Some(next) = screen.cell(row, column) else { break };
                if (next.fgcolor(), next.bgcolor(), next.bold(), next.inverse()) != style {
                    break;
                }
                if !next.is_wide_continuation() {
                    text.push_str(if next.has_contents() { next.contents() } else { " " });
                }
                column += 1;
            }
            let (mut ink, mut paper) = (colour(style.0, INK), colour(style.1, PAPER));
            if style.3 {
                std::mem::swap(&mut ink, &mut paper);
            }
            let (x, y) = (f32::from(start) * WIDTH + 8.0, row * HEIGHT + 8);
            let span = f32::from(column - start) * WIDTH;
            if paper != PAPER {
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{y}\" width=\"{span:.1}\" height=\"{HEIGHT}\" fill=\"{paper}\"/>"
                );
            }
            if !text.trim().is_empty() {
                let weight = if style.2 { " font-weight=\"bold\"" } else { "" };
                let _ = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{}\" textLength=\"{span:.1}\" xml:space=\"preserve\" fill=\"{ink}\"{weight}>{}</text>",
                    y + 14,
                    text.replace('&', "&amp;").replace('<', "&lt;")
                );
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn colour(colour: vt100::Color, default: &'static str) -> &'static str {
    match colour {
        vt100::Color::Default | vt100::Color::Rgb(..) => default,
        vt100::Color::Idx(index) => COLOURS.get(usize::from(index)).copied().unwrap_or(default),
    }
}
