//! Views of services as tables: a service, below it its servers, a column each.

use serde_json::Value;

use super::live::Remark;
use super::paint::{Paint, Style};
use super::table::Table;
use crate::model::{EntryKey, Options};
use crate::views::{Cells, Row, View, number, value};

/// How a table is written.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Numbers in full.
    pub exact: bool,
    /// Colours.
    pub paint: Paint,
    /// The width of the terminal.
    pub width: Option<u16>,
}

/// Rows as a table; without any, what the view says then.
pub fn rows(view: View, rows: &[Row], remark: Remark, look: Look) -> String {
    let facts = view.facts();
    if rows.is_empty() {
        return facts.empty.to_owned();
    }
    let mut titles = vec!["service"];
    titles.extend(facts.columns.iter().map(|column| column.name));
    titles.push("");
    let right: Vec<usize> = facts
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.cells != Cells::Text)
        .map(|(index, _)| index + 1)
        .collect();
    let mut table = Table::new(&titles, &right, look.paint, look.width);
    let line = |name: String, data: &Options, remark: Option<&str>| -> Vec<String> {
        let cells = facts.columns.iter().map(|column| {
            let shortened = !look.exact && column.cells == Cells::Count;
            value(data, column).map_or(String::new(), |value| cell(value, shortened))
        });
        let end = remark.unwrap_or_default().to_owned();
        [name].into_iter().chain(cells).chain([end]).collect()
    };
    for row in rows {
        let said = remark(&EntryKey::Service(row.key));
        let name = row.key.to_string();
        table.row_styled(Style::Strong, &line(name, &row.data, said));
        for server in &row.servers {
            let said = remark(&EntryKey::Server(row.key, server.key));
            table.row(&line(format!("  {}", server.key), &server.data, said));
        }
    }
    table.text()
}

fn cell(value: &Value, shortened: bool) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => match value.as_u64() {
            Some(count) => number::count(count, !shortened),
            None => value.to_string(),
        },
    }
}

/// What IPVS says about itself, as a table of names and values.
pub fn info(info: &Options, look: Look) -> String {
    let mut table = Table::new(&["info", ""], &[], look.paint, look.width);
    let mut line = |name: String, value: &Value, shortened: bool| {
        let text = match value {
            Value::Array(names) if names.is_empty() => "none".to_owned(),
            Value::Array(names) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                names.join(", ")
            }
            value => cell(value, shortened),
        };
        table.row(&[name, text]);
    };
    // In an order of its own: a script's maps come sorted by their keys.
    for name in ["version", "connection_table_size"] {
        if let Some(value) = info.get(name) {
            line(name.replace('_', " "), value, false);
        }
    }
    for name in ["schedulers", "engines"] {
        if let Some(value) = info.get(name) {
            line(format!("{name} loaded"), value, false);
        }
    }
    for (view, total) in [(View::Stats, "total "), (View::Rates, "")] {
        let facts = view.facts();
        for name in facts.service {
            if let Some(value) = info.get(facts.name).and_then(|counts| counts.get(name)) {
                line(format!("{total}{name}"), value, !look.exact);
            }
        }
    }
    let settings = info.get("settings").and_then(Value::as_object);
    for (name, value) in settings.into_iter().flatten() {
        line(format!("net.ipv4.vs.{name}"), value, false);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ServerKey, ServiceKey, ServiceTraffic, Traffic, Usage};
    use crate::views::of_traffic;

    fn stats() -> Vec<Row> {
        let key = ServiceKey::parse("tcp 192.0.2.10:80").unwrap();
        let mut total = Usage::default();
        total.stats.connections = 1_234_567_890;
        total.stats.in_bytes = u64::MAX;
        let mut one = total;
        one.stats.connections = 99_999_999;
        let server = ServerKey::parse("10.0.0.11", &key).unwrap();
        let traffic = Traffic::from([(
            key,
            ServiceTraffic {
                total,
                servers: [(server, one)].into(),
            },
        )]);
        of_traffic(View::Stats, &traffic, &[key])
    }

    fn shown(exact: bool) -> String {
        let look = Look {
            exact,
            paint: Paint::new(false),
            width: None,
        };
        rows(View::Stats, &stats(), &|_| None, look)
    }

    #[test]
    fn large_numbers_are_short_unless_they_are_to_be_exact() {
        assert_eq!(
            shown(false),
            "\
service            connections  in_packets  out_packets   in_bytes  out_bytes
tcp 192.0.2.10:80        1234M           0            0  18446744T          0
  10.0.0.11:80        99999999           0            0  18446744T          0"
        );
        assert!(shown(true).contains("  1234567890  "));
        assert!(shown(true).contains("  18446744073709551615  "));
    }

    #[test]
    fn nothing_is_said() {
        let look = Look {
            exact: false,
            paint: Paint::new(false),
            width: None,
        };
        assert_eq!(rows(View::Tunnels, &[], &|_| None, look), "no tunnels");
    }
}
