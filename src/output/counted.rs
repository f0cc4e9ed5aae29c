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
    let mut text = table.text();
    if let (more @ 1.., of_them) = all.more {
        let all_of_them = all.values.len().saturating_add(more);
        let of_them = connections(of_them);
        text += &format!("{more} more with {of_them} (--top {all_of_them})\n");
    }
    if all.beyond > 0 {
        let beyond = connections(all.beyond);
        text += &format!(
            "{beyond} more of values that came after the first {MOST_VALUES} were not told apart: \
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
