//! Text in columns, as Go's `text/tabwriter` lays it out: cells end with a tab, a column is a run of lines that have it.

/// How wide cells are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// The least width of a cell, padding included.
    pub(crate) least: usize,
    /// Blanks after the longest cell.
    pub(crate) padding: usize,
}

/// The layout of `get`.
pub(crate) const TABLE: Layout = Layout { least: 6, padding: 3 };
/// The layout of `describe`.
pub(crate) const DESCRIPTION: Layout = Layout { least: 0, padding: 2 };

/// Lays out lines whose cells are parted by tabs. The last cell of a line is never padded.
///
/// The algorithm is that of Go's `text/tabwriter` (column blocks, found by recursion), which decides what kubectl's
/// output looks like.
pub(crate) fn lay_out(text: &str, layout: Layout) -> String {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let mut out = String::with_capacity(text.len() * 2);
    format(&lines, layout, &mut Vec::new(), &mut out);
    out
}

fn format(lines: &[Vec<&str>], layout: Layout, widths: &mut Vec<usize>, out: &mut String) {
    let column = widths.len();
    let has_cell = |line: &Vec<&str>| column + 1 < line.len();
    let mut rest = lines;
    while let Some(start) = rest.iter().position(has_cell) {
        let (before, block_on) = rest.split_at(start);
        write_lines(before, widths, out);
        let end = block_on.iter().position(|line| !has_cell(line)).unwrap_or(block_on.len());
        let (block, after) = block_on.split_at(end);
        let longest = block.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
        widths.push((longest.unwrap_or(0) + layout.padding).max(layout.least));
        format(block, layout, widths, out);
        widths.pop();
        rest = after;
    }
    write_lines(rest, widths, out);
}

fn write_lines(lines: &[Vec<&str>], widths: &[usize], out: &mut String) {
    for line in lines {
        for (index, cell) in line.iter().enumerate() {
            out.push_str(cell);
            if let Some(width) = widths.get(index) {
                out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
            }
        }
        out.push('\n');
    }
}

/// A table whose columns keep their widths from one write to the next, as a watch prints it.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    widths: Vec<usize>,
}

impl Growing {
    /// Lays out rows; columns only ever grow.
    pub(crate) fn rows(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            for (index, cell) in row.iter().enumerate() {
                let width = (cell.chars().count() + TABLE.padding).max(TABLE.least);
                match self.widths.get_mut(index) {
                    Some(known) => *known = width.max(*known),
                    None => self.widths.push(width),
                }
            }
        }
        let mut out = String::new();
        for row in rows {
            for (index, (cell, width)) in row.iter().zip(&self.widths).enumerate() {
                out.push_str(cell);
                if index + 1 < row.len() {
                    out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
                }
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_padded_and_its_last_column_is_not() {
        assert_eq!(
            lay_out("NAME\tREADY\tAGE\nexhauster\t1/1\t5s\n", TABLE),
            "NAME        READY   AGE\nexhauster   1/1     5s\n"
        );
    }

    #[test]
    fn columns_are_local_to_runs_of_lines() {
        assert_eq!(
            lay_out("Name:\tx\nLabels:\t<none>\nTable\n  a\tb\n  long-cell\tc\n", DESCRIPTION),
            "Name:    x\nLabels:  <none>\nTable\n  a          b\n  long-cell  c\n"
        );
    }
}
