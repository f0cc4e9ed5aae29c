//! Tables without lines: columns aligned, two spaces between them, as wide as the terminal.
//!
//! Cells fold between words only, and names not at all: they are there to be copied. Where that
//! leaves a table wider than the terminal, the terminal breaks its lines. A table that need not
//! fold, of whatever length, is laid out here; folding is left to `comfy-table`.

use comfy_table::presets::NOTHING;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Width,
};
use unicode_width::UnicodeWidthStr;

use super::paint::{Paint, Style, clean};

/// Columns between two cells.
const GAP: usize = 2;

/// What is longer than any name: it folds although it stands first.
const NAME: usize = 64;

/// A table under construction.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    /// All cells, one behind the other: the titles, then line by line.
    text: String,
    /// Where each cell ends.
    ends: Vec<usize>,
    /// The style of each line's first cell.
    styles: Vec<Option<Style>>,
    paint: Paint,
    width: Option<u16>,
}

/// What a column needs.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    right: bool,
    /// As wide as its widest cell.
    widest: usize,
    /// How narrow it may become.
    least: usize,
}

impl Table {
    /// A table with a line of titles; those in `right` stand at the right of their column.
    pub fn new(titles: &[&str], right: &[usize], paint: Paint, width: Option<u16>) -> Table {
        let column = |index| Column {
            right: right.contains(&index),
            ..Column::default()
        };
        let mut table = Table {
            columns: (0..titles.len()).map(column).collect(),
            text: String::new(),
            ends: Vec::new(),
            styles: Vec::new(),
            paint,
            width,
        };
        table.add(Some(Style::Faint), titles);
        table
    }

    /// Adds a line.
    pub fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        self.add(None, cells);
    }

    /// Adds a line of which the first cell has a style.
    pub fn row_styled<S: AsRef<str>>(&mut self, style: Style, cells: &[S]) {
        self.add(Some(style), cells);
    }

    fn add<S: AsRef<str>>(&mut self, style: Option<Style>, cells: &[S]) {
        self.styles.push(style);
        for (index, column) in self.columns.iter_mut().enumerate() {
            let start = self.text.len();
            self.text += &clean(cells.get(index).map_or("", AsRef::as_ref));
            self.ends.push(self.text.len());
            column.measure(self.text.get(start..).unwrap_or_default(), index == 0);
        }
    }

    /// The lines: the style of the first cell, and the cells. In the first, the titles', that is
    /// the style of all.
    fn lines(&self) -> impl Iterator<Item = (Option<Style>, Vec<&str>)> {
        let starts = std::iter::once(&0).chain(&self.ends);
        let mut cells = starts
            .zip(&self.ends)
            .map(|(start, end)| self.text.get(*start..*end).unwrap_or_default());
        let of_line = self.columns.len();
        (self.styles.iter()).map(move |style| (*style, cells.by_ref().take(of_line).collect()))
    }

    /// The style of a cell, from that of its line.
    fn style_of(style: Option<Style>, line: usize, cell: usize) -> Option<Style> {
        style.filter(|_| line == 0 || cell == 0)
    }

    /// The table as text, without spaces at the ends of lines.
    pub fn text(&self) -> String {
        let gaps = GAP * self.columns.len().saturating_sub(1);
        let wide = |of: fn(&Column) -> usize| self.columns.iter().map(of).sum::<usize>() + gaps;
        match self.width {
            Some(width)
                if wide(|column| column.widest) > width.into()
                    && wide(|column| column.least) <= width.into() =>
            {
                self.folded(width)
            }
            _ => self.plain(),
        }
    }

    /// Each line on a line.
    fn plain(&self) -> String {
        let gaps = GAP * self.columns.len();
        let width: usize = self.columns.iter().map(|column| column.widest).sum();
        let mut text =
            String::with_capacity(self.text.len().max(self.styles.len() * (width + gaps)));
        for (line, (style, cells)) in self.lines().enumerate() {
            if line > 0 {
                text.push('\n');
            }
            // Spaces are written when something follows them.
            let mut spaces = 0;
            for (index, (cell, column)) in cells.into_iter().zip(&self.columns).enumerate() {
                let missing = column.widest.saturating_sub(cell.width());
                let (before, behind) = match column.right {
                    true => (missing, 0),
                    false => (0, missing),
                };
                spaces += before;
                if !cell.is_empty() {
                    text.extend(std::iter::repeat_n(' ', spaces));
                    spaces = 0;
                    match Self::style_of(style, line, index) {
                        Some(style) => text += &self.paint.paint(style, cell),
                        None => text += cell,
                    }
                }
                // A column without anything in it takes no room.
                spaces += if column.widest > 0 { behind + GAP } else { 0 };
            }
        }
        text
    }

    /// With cells that fold, so that all fits a width.
    fn folded(&self, width: u16) -> String {
        let mut table = comfy_table::Table::new();
        table
            .load_style(NOTHING)
            .set_width(width)
            .set_content_arrangement(ContentArrangement::Dynamic);
        match self.paint.is_on() {
            true => table.enforce_styling(),
            false => table.force_no_tty(),
        };
        for (line, (style, cells)) in self.lines().enumerate() {
            let cells = cells.into_iter().enumerate();
            let cells = cells.map(|(cell, text)| {
                styled(
                    Cell::new(text),
                    Self::style_of(style, line, cell),
                    self.paint,
                )
            });
            match line {
                0 => table.set_header(cells),
                _ => table.add_row(cells),
            };
        }
        let last = self.columns.len().saturating_sub(1);
        for (index, (column, needs)) in table.column_iter_mut().zip(&self.columns).enumerate() {
            // Behind the last column there is nothing to keep away from.
            let gap = if index == last { 0 } else { GAP };
            column.set_padding((0, narrow(gap)));
            if needs.right {
                column.set_cell_alignment(CellAlignment::Right);
            }
            let least = Width::Fixed(narrow(needs.least + gap));
            column.set_constraint(ColumnConstraint::LowerBoundary(least));
        }
        table.trim_fmt()
    }
}

impl Column {
    fn measure(&mut self, text: &str, is_first: bool) {
        let whole = text.width();
        let needed = match is_first && whole <= NAME {
            true => whole,
            false => text
                .split_whitespace()
                .map(UnicodeWidthStr::width)
                .max()
                .unwrap_or(0),
        };
        self.widest = self.widest.max(whole);
        self.least = self.least.max(needed);
    }
}

fn narrow(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

fn styled(cell: Cell, style: Option<Style>, paint: Paint) -> Cell {
    match style.filter(|_| paint.is_on()) {
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
    fn wide_characters_and_styles_keep_the_columns_aligned() {
        let mut table = Table::new(&["message", "n"], &[1], Paint::new(true), Some(80));
        table.row_styled(Style::Strong, &["換重", "1"]);
        table.row(&["a\tb", "10"]);
        assert_eq!(
            table.text(),
            "\x1b[2mmessage\x1b[0m   \x1b[2mn\x1b[0m\n\x1b[1m換重\x1b[0m      1\na b      10"
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
