//! In which order a view shows what it shows.

use std::cmp::Ordering;

use serde_json::Value;

use super::row::{Row, value};
use super::{Column, View};
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::model::Options;

/// The column that every view of services and connections has: by it they are sorted anyway.
const SERVICE: &str = "service";

/// An order: a column, smallest first, or largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The column; none is the service.
    pub column: Option<Column>,
    /// Largest first.
    pub descending: bool,
}

impl Order {
    /// Reads `COLUMN` or `-COLUMN` for a view.
    ///
    /// # Errors
    /// `usage` with a "did you mean", also where the view has no order.
    pub fn parse(view: View, text: &str) -> Result<Order> {
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let columns = view.facts().columns;
        let names = Order::names(view);
        if names.is_empty() {
            let error = Error::new(Kind::Usage, format!("{} cannot be sorted", view.name()));
            return Err(error.hint(format!("without --sort: ipvsh show {}", view.name())));
        }
        let column = columns.iter().find(|column| column.name == name).copied();
        if column.is_none() && name != SERVICE {
            let what = view.name();
            return Err(
                Error::new(Kind::Usage, format!("{what} has no column '{name}'")).hint(
                    match did_you_mean(name, names.iter().copied()) {
                        Some(name) => format!("did you mean \"{name}\"?"),
                        None => format!("columns are {}", names.join(", ")),
                    },
                ),
            );
        }
        Ok(Order { column, descending })
    }

    /// The names that a view can be sorted by; none where it has no order.
    pub fn names(view: View) -> Vec<&'static str> {
        let columns = view.facts().columns.iter().map(|column| column.name);
        match view.facts().columns.is_empty() {
            true => Vec::new(),
            false => std::iter::once(SERVICE).chain(columns).collect(),
        }
    }

    /// Puts what compares so in the order asked for.
    pub fn directed(&self, ordering: Ordering) -> Ordering {
        match self.descending {
            true => ordering.reverse(),
            false => ordering,
        }
    }

    /// Sorts services, and the servers of each; what has no value in the column goes last.
    pub fn sort(&self, rows: &mut [Row]) {
        rows.sort_by(|a, b| match self.column {
            Some(column) => self.compare(&column, &a.data, &b.data),
            None => self.directed(a.key.cmp(&b.key)),
        });
        if let Some(column) = self.column {
            for row in rows {
                row.servers
                    .sort_by(|a, b| self.compare(&column, &a.data, &b.data));
            }
        }
    }

    fn compare(&self, column: &Column, a: &Options, b: &Options) -> Ordering {
        match (value(a, column), value(b, column)) {
            (Some(a), Some(b)) => self.directed(match (a.as_u64(), b.as_u64()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => text(a).cmp(text(b)),
            }),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::of_traffic;
    use super::*;
    use crate::model::{ServerKey, ServiceKey, ServiceTraffic, Traffic, Usage};

    fn usage(connections: u64) -> Usage {
        let mut usage = Usage::default();
        usage.stats.connections = connections;
        usage
    }

    fn rows() -> Vec<Row> {
        let mut traffic = Traffic::new();
        for (service, total) in [("tcp 192.0.2.1:80", 10), ("tcp 192.0.2.2:80", 30)] {
            let key = ServiceKey::parse(service).unwrap();
            let server = |name| ServerKey::parse(name, &key).unwrap();
            let one = ServiceTraffic {
                total: usage(total),
                servers: [
                    (server("10.0.0.1"), usage(total / 5)),
                    (server("10.0.0.2"), usage(total / 2)),
                ]
                .into(),
            };
            traffic.insert(key, one);
        }
        let keys: Vec<ServiceKey> = traffic.keys().copied().collect();
        of_traffic(View::Stats, &traffic, &keys)
    }

    fn sorted(order: &str) -> Vec<String> {
        let mut rows = rows();
        Order::parse(View::Stats, order).unwrap().sort(&mut rows);
        rows.iter()
            .map(|row| format!("{} {}", row.key, row.servers[0].key))
            .collect()
    }

    #[test]
    fn services_and_their_servers_are_sorted_by_one_column() {
        let (one, two) = ("tcp 192.0.2.1:80", "tcp 192.0.2.2:80");
        let first = "10.0.0.1:80";
        let second = "10.0.0.2:80";
        assert_eq!(
            sorted("connections"),
            [format!("{one} {first}"), format!("{two} {first}")]
        );
        assert_eq!(
            sorted("-connections"),
            [format!("{two} {second}"), format!("{one} {second}")]
        );
        assert_eq!(
            sorted("-service"),
            [format!("{two} {first}"), format!("{one} {first}")]
        );
    }

    #[test]
    fn what_has_no_value_goes_last_in_both_directions() {
        let mut rows = rows();
        rows[0].data.shift_remove("connections");
        for order in ["connections", "-connections"] {
            Order::parse(View::Stats, order).unwrap().sort(&mut rows);
            assert_eq!(rows[1].key.to_string(), "tcp 192.0.2.1:80");
        }
    }

    #[test]
    fn unknown_columns_are_answered() {
        let error = Order::parse(View::Stats, "-in_bites").unwrap_err();
        assert_eq!(error.hints(), ["did you mean \"in_bytes\"?"]);
        let error = Order::parse(View::Info, "version").unwrap_err();
        assert_eq!(error.message(), "info cannot be sorted");
    }
}
