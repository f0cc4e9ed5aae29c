//! Tables without lines: columns aligned, two spaces between them, as wide as the terminal.
//!
//! Cells fold between words only, and names not at all: they are there to be copied. Where that
//! leaves a table wider than the terminal, the terminal breaks its lines.

use comfy_table::presets::NOTHING;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Width,
};

use super::paint::{Paint, Style, clean};

/// Columns between two cells.
const GAP: u16 = 2;

/// What is longer than any name: it folds although it stands first.
const NAME: usize = 64;

/// A table under construction.
#[derive(Debug)]
pub struct Table {
    inner: comfy_table::Table,
    paint: Paint,
    width: Option<u16>,
    /// How narrow each column may become.
    least: Vec<u16>,
}

impl Table {
    /// A table with a line of titles; those in `right` stand at the right of their column.
    pub fn new(titles: &[&str], right: &[usize], paint: Paint, width: Option<u16>) -> Table {
        let mut table = Table {
            inner: comfy_table::Table::new(),
            paint,
            width,
            least: vec![0; titles.len()],
        };
        table.inner.load_style(NOTHING);
        if paint.is_on() {
            table.inner.enforce_styling();
        } else {
            table.inner.force_no_tty();
        }
        table.measure(titles);
        let header: Vec<Cell> = titles
            .iter()
            .map(|title| table.cell(title, Some(Style::Faint)))
            .collect();
        table.inner.set_header(header);
        for (index, column) in table.inner.column_iter_mut().enumerate() {
            // Behind the last column there is nothing to keep away from.
            let gap = if index + 1 == titles.len() { 0 } else { GAP };
            column.set_padding((0, gap));
            if right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// Adds a line.
    pub fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        self.measure(cells);
        let cells: Vec<Cell> = cells.iter().map(|c| self.cell(c.as_ref(), None)).collect();
        self.inner.add_row(cells);
    }

    /// Adds a line of which the first cell has a style.
    pub fn row_styled<S: AsRef<str>>(&mut self, style: Style, cells: &[S]) {
        self.measure(cells);
        let cells: Vec<Cell> = cells
            .iter()
            .enumerate()
            .map(|(index, c)| self.cell(c.as_ref(), (index == 0).then_some(style)))
            .collect();
        self.inner.add_row(cells);
    }

    /// Looks how narrow the columns may become.
    fn measure<S: AsRef<str>>(&mut self, cells: &[S]) {
        for (index, (least, text)) in self.least.iter_mut().zip(cells).enumerate() {
            let text = text.as_ref();
            let whole = text.chars().count();
            let needed = match index == 0 && whole <= NAME {
                true => whole,
                false => (text.split_whitespace())
                    .map(|word| word.chars().count())
                    .max()
                    .unwrap_or(0),
            };
            *least = (*least).max(u16::try_from(needed).unwrap_or(u16::MAX));
        }
    }

    /// Folds the cells where all fits the terminal then.
    fn fold(&mut self) {
        let Some(width) = self.width else {
            return;
        };
        let needed = (self.least.iter()).fold(0_u16, |sum, least| {
            sum.saturating_add(*least).saturating_add(GAP)
        });
        if needed.saturating_sub(GAP) > width {
            return;
        }
        self.inner
            .set_width(width)
            .set_content_arrangement(ContentArrangement::Dynamic);
        for (column, least) in self.inner.column_iter_mut().zip(&self.least) {
            let width = Width::Fixed(least.saturating_add(column.padding_width()));
            column.set_constraint(ColumnConstraint::LowerBoundary(width));
        }
    }

    fn cell(&self, text: &str, style: Option<Style>) -> Cell {
        let cell = Cell::new_owned(clean(text));
        match style.filter(|_| self.paint.is_on()) {
            None => cell,
            Some(Style::Added) => cell.fg(Color::DarkGreen),
            Some(Style::Removed) => cell.fg(Color::DarkRed),
            Some(Style::Changed) => cell.fg(Color::DarkYellow),
            Some(Style::Strong | Style::Match) => cell.add_attribute(Attribute::Bold),
            Some(Style::Text) => cell.fg(Color::DarkGreen),
            Some(Style::Keyword) => cell.fg(Color::DarkMagenta),
            Some(Style::Number) => cell.fg(Color::DarkCyan),
            Some(Style::Wrong) => cell.fg(Color::DarkRed),
            Some(Style::Faint) => cell.add_attribute(Attribute::Dim),
        }
    }

    /// The table as text, without spaces at the ends of lines.
    pub fn text(&mut self) -> String {
        self.fold();
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

    #[test]
    fn names_are_not_cut() {
        let name = "  [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535";
        for width in [40, 60, 80] {
            let mut table = Table::new(
                &["service", "active (live)", "inactive (live)"],
                &[1, 2],
                Paint::new(false),
                Some(width),
            );
            table.row(&[name, "1", "2"]);
            let text = table.text();
            assert!(text.contains(name), "{width}:\n{text}");
            assert!(text.contains("inactive"), "{width}:\n{text}");
        }
    }
}
