//! Tables without lines: columns aligned, two spaces between them, as wide as the terminal.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement};

use super::paint::{Paint, Style, clean};

/// A table under construction.
#[derive(Debug)]
pub struct Table {
    inner: comfy_table::Table,
    paint: Paint,
}

impl Table {
    /// A table with a line of titles; those in `right` stand at the right of their column.
    pub fn new(titles: &[&str], right: &[usize], paint: Paint, width: Option<u16>) -> Table {
        let mut table = Table {
            inner: comfy_table::Table::new(),
            paint,
        };
        table.inner.load_style(NOTHING);
        if paint.is_on() {
            table.inner.enforce_styling();
        } else {
            table.inner.force_no_tty();
        }
        if let Some(width) = width {
            // A narrower table would be words above each other.
            table.inner.set_width(width.max(40));
            table
                .inner
                .set_content_arrangement(ContentArrangement::Dynamic);
        }
        let titles: Vec<Cell> = titles
            .iter()
            .map(|title| table.cell(title, Some(Style::Faint)))
            .collect();
        table.inner.set_header(titles);
        for (index, column) in table.inner.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// Adds a line.
    pub fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        let cells: Vec<Cell> = cells.iter().map(|c| self.cell(c.as_ref(), None)).collect();
        self.inner.add_row(cells);
    }

    /// Adds a line of which the first cell has a style.
    pub fn row_styled<S: AsRef<str>>(&mut self, style: Style, cells: &[S]) {
        let cells: Vec<Cell> = cells
            .iter()
            .enumerate()
            .map(|(index, c)| self.cell(c.as_ref(), (index == 0).then_some(style)))
            .collect();
        self.inner.add_row(cells);
    }

    fn cell(&self, text: &str, style: Option<Style>) -> Cell {
        let cell = Cell::new_owned(clean(text));
        match style.filter(|_| self.paint.is_on()) {
            None => cell,
            Some(Style::Added) => cell.fg(Color::DarkGreen),
            Some(Style::Removed) => cell.fg(Color::DarkRed),
            Some(Style::Changed) => cell.fg(Color::DarkYellow),
            Some(Style::Strong) => cell.add_attribute(Attribute::Bold),
            Some(Style::Faint) => cell.add_attribute(Attribute::Dim),
        }
    }

    /// The table as text, without spaces at the ends of lines.
    pub fn text(&self) -> String {
        self.inner.trim_fmt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_nothing_trails() {
        let mut table = Table::new(&["name", "count"], &[1], Paint::new(false), None);
        table.row(&["a", "1"]);
        table.row(&["  long name", "1000"]);
        assert_eq!(
            table.text(),
            "name         count\na                1\n  long name   1000"
        );
    }

    #[test]
    fn long_cells_fold_within_the_terminal() {
        let mut table = Table::new(&["id", "message"], &[], Paint::new(false), Some(40));
        table.row(&["1", "one two three four five six seven eight nine ten"]);
        assert!(table.text().lines().all(|line| line.chars().count() <= 40));
        assert!(table.text().lines().count() > 2);
    }
}
