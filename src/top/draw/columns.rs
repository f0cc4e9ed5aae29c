//! Which columns fit, and where they stand.

use super::super::column::Column;

/// The narrowest that names get, with their marker, while there is another column.
const NARROW: u16 = 18;

/// The least that is left to names on a wide screen.
const COMFORTABLE: u16 = 24;

/// Columns that come and go together, the most telling first, with what they take: each its
/// width, one column between them, two before.
const GROUPS: [&[Column]; 5] = [
    &[Column::Connections],
    &[Column::Active, Column::Inactive],
    &[Column::InBytes, Column::OutBytes],
    &[Column::InPackets, Column::OutPackets],
    &[Column::Detail],
];

/// A column and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub column: Column,
    pub x: u16,
    pub width: u16,
}

/// The width of the names, and the columns behind them.
pub(super) fn fitting(width: u16, widest: usize, sorted: Column) -> (u16, Vec<Place>) {
    let widest = u16::try_from(widest).unwrap_or(u16::MAX).saturating_add(2);
    let least = widest.min(NARROW.max(width / 3));
    let mut room = width.saturating_sub(least);
    let mut chosen: Vec<&[Column]> = Vec::new();
    // What it is sorted by is always there, where anything is.
    let first = GROUPS.iter().filter(|group| group.contains(&sorted));
    let others = GROUPS.iter().filter(|group| !group.contains(&sorted));
    for group in first.chain(others) {
        match room.checked_sub(taken(group)) {
            Some(left) => {
                room = left;
                chosen.push(group);
            }
            None => break,
        }
    }
    let all: u16 = chosen.iter().map(|group| taken(group)).sum();
    let names = width.saturating_sub(all).min(widest.max(COMFORTABLE));
    let mut x = names;
    let mut places = Vec::new();
    let in_order = Column::ALL.into_iter();
    for column in in_order.filter(|c| chosen.iter().any(|group| group.contains(c))) {
        let leads = chosen.iter().any(|group| group.first() == Some(&column));
        x += if leads { 2 } else { 1 };
        let width = own(column);
        places.push(Place { column, x, width });
        x += width;
    }
    (names, places)
}

/// How wide the cells of a column are.
const fn own(column: Column) -> u16 {
    match column {
        Column::Name => 0,
        Column::Connections | Column::Active => 6,
        Column::Detail => 10,
        _ => 5,
    }
}

fn taken(group: &[Column]) -> u16 {
    let gaps = u16::try_from(group.len()).unwrap_or(0) + 1;
    group.iter().map(|column| own(*column)).sum::<u16>() + gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(width: u16, widest: usize, sorted: Column) -> (u16, Vec<&'static str>) {
        let (names, places) = fitting(width, widest, sorted);
        let end = places.last().map_or(0, |last| last.x + last.width);
        assert!(end <= width, "{places:?}");
        (
            names,
            places.iter().map(|place| place.column.name()).collect(),
        )
    }

    #[test]
    fn narrow_screens_keep_what_tells_most_and_the_order() {
        let few = ["cps", "active", "inactive"];
        assert_eq!(names(40, 17, Column::Connections), (18, few.to_vec()));
        let sorted = ["cps", "in_pps", "out_pps"];
        assert_eq!(names(40, 17, Column::InPackets), (19, sorted.to_vec()));
        assert_eq!(names(80, 17, Column::Name).1.len(), 8);
        // A long name costs the last column.
        assert_eq!(names(80, 40, Column::Name).1.len(), 7);
        assert_eq!(names(120, 17, Column::Name).0, 24);
        for width in 0..200 {
            for widest in [0, 17, 47] {
                names(width, widest, Column::Detail);
            }
        }
    }
}
