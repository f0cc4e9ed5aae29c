//! Connections that were counted, as a table and as JSON.

use serde_json::{Map, Value, json};

use super::count;
use super::paint::Paint;
use super::table::Table;
use crate::director::{Counted, MOST_VALUES};

/// The counts as a table, with what it leaves out below it.
pub fn counted(all: &Counted, paint: Paint, width: Option<u16>) -> String {
    let by = all.by.to_string();
    let mut table = Table::new(&[&by, "connections"], &[1], paint, width);
    for (value, count) in &all.values {
        table.row(&[value.clone(), count.to_string()]);
    }
    let connections =
        |number: u64| count(usize::try_from(number).unwrap_or(usize::MAX), "connection");
    let mut text = format!("{}\n", table.text().trim_end());
    if let (more @ 1.., of_them) = all.more {
        let all_of_them = all.values.len().saturating_add(more);
        let of_them = connections(of_them);
        text += &format!("{more} more with {of_them} (--top {all_of_them})\n");
    }
    if all.beyond > 0 {
        let beyond = connections(all.beyond);
        text += &format!(
            "{beyond} of values that came after the first {MOST_VALUES} were not told apart: \
             a shorter prefix or a filter counts them\n"
        );
    }
    text
}

/// The same as JSON.
pub fn counted_json(all: &Counted) -> Value {
    let one = |(value, count): &(String, u64)| {
        Value::Object(Map::from_iter([
            (all.by.word().to_owned(), json!(value)),
            ("connections".to_owned(), json!(count)),
        ]))
    };
    json!({
        "count_by": all.by.to_string(),
        "total": all.total,
        "counts": all.values.iter().map(one).collect::<Value>(),
        "more": { "values": all.more.0, "connections": all.more.1 },
        "not_told_apart": all.beyond,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::director::CountBy;

    fn all() -> Counted {
        Counted {
            by: CountBy::Client(Some(24)),
            values: vec![
                ("198.51.100.0/24".to_owned(), 12),
                ("203.0.113.0/24".to_owned(), 3),
            ],
            more: (7, 8),
            beyond: 1,
            total: 24,
        }
    }

    #[test]
    fn a_table_says_what_it_leaves_out() {
        assert_eq!(
            counted(&all(), Paint::new(false), None),
            "\
client/24        connections
198.51.100.0/24           12
203.0.113.0/24             3
7 more with 8 connections (--top 9)
1 connection of values that came after the first 100000 were not told apart: a shorter prefix \
or a filter counts them
"
        );
        let whole = Counted {
            more: (0, 0),
            beyond: 0,
            ..all()
        };
        assert_eq!(counted(&whole, Paint::new(false), None).lines().count(), 3);
    }

    #[test]
    fn json_has_the_name_of_what_is_counted_by() {
        let json = counted_json(&all());
        assert_eq!(json["counts"][0]["client"], "198.51.100.0/24");
        assert_eq!(json["counts"][0]["connections"], 12);
        assert_eq!(
            (json["total"].as_u64(), json["more"]["values"].as_u64()),
            (Some(24), Some(7))
        );
        assert_eq!(json["not_told_apart"], 1);
    }
}
