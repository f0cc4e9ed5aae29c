//! The columns, and the order of the rows by one of them.

use std::cmp::Ordering;

use super::picture::{Figures, Server, Service};
use crate::error::{Error, Kind, Result, did_you_mean};
use crate::model::Usage;

/// What the numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Showing {
    /// What goes through now, as the kernel averages it.
    #[default]
    Rates,
    /// What went through since the start, or since it was zeroed.
    Counters,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The service or server.
    Name,
    /// Connections.
    Connections,
    /// Packets of clients.
    InPackets,
    /// Packets of servers.
    OutPackets,
    /// Bytes per second, or bytes in all, of clients: the kernel's unit, as in `show rates`.
    InBytes,
    /// The same of servers.
    OutBytes,
    /// Active connections.
    Active,
    /// Inactive connections.
    Inactive,
    /// The scheduler of a service; forwarding and weight of a server.
    Detail,
}

impl Column {
    /// All of them, from left to right.
    pub const ALL: [Column; 9] = [
        Column::Name,
        Column::Connections,
        Column::InPackets,
        Column::OutPackets,
        Column::InBytes,
        Column::OutBytes,
        Column::Active,
        Column::Inactive,
        Column::Detail,
    ];

    /// The name that it is sorted by on the command line: that of `ipvsh show`, where it is there.
    pub const fn name(self) -> &'static str {
        match self {
            Column::Name => "service",
            Column::Connections => "cps",
            Column::InPackets => "in_pps",
            Column::OutPackets => "out_pps",
            Column::InBytes => "in_bps",
            Column::OutBytes => "out_bps",
            Column::Active => "active",
            Column::Inactive => "inactive",
            Column::Detail => "scheduler",
        }
    }

    /// Its two titles: of its group, and its own.
    pub const fn titles(self, showing: Showing) -> (&'static str, &'static str) {
        match (self, showing) {
            (Column::Name, _) => ("", "service"),
            (Column::Connections, Showing::Rates) => ("", "conn/s"),
            (Column::Connections, Showing::Counters) => ("", "conns"),
            (Column::InPackets, Showing::Rates) => ("packets/s", "in"),
            (Column::InPackets, Showing::Counters) => ("packets", "in"),
            (Column::OutPackets | Column::OutBytes, _) => ("", "out"),
            (Column::InBytes, Showing::Rates) => ("bytes/s", "in"),
            (Column::InBytes, Showing::Counters) => ("bytes", "in"),
            (Column::Active, _) => ("connections", "active"),
            (Column::Inactive, _) => ("", "inact"),
            (Column::Detail, _) => ("", "scheduler"),
        }
    }

    /// What it is, in words.
    pub const fn words(self, showing: Showing) -> &'static str {
        match (self, showing) {
            (Column::Name, _) => "service",
            (Column::Connections, Showing::Rates) => "conn/s",
            (Column::Connections, Showing::Counters) => "connections",
            (Column::InPackets, Showing::Rates) => "packets/s in",
            (Column::InPackets, Showing::Counters) => "packets in",
            (Column::OutPackets, Showing::Rates) => "packets/s out",
            (Column::OutPackets, Showing::Counters) => "packets out",
            (Column::InBytes, Showing::Rates) => "bytes/s in",
            (Column::InBytes, Showing::Counters) => "bytes in",
            (Column::OutBytes, Showing::Rates) => "bytes/s out",
            (Column::OutBytes, Showing::Counters) => "bytes out",
            (Column::Active, _) => "active connections",
            (Column::Inactive, _) => "inactive connections",
            (Column::Detail, _) => "scheduler",
        }
    }

    /// The number that stands in it; none where text does, or where it is not known.
    pub fn number(self, showing: Showing, figures: &Figures) -> Option<u64> {
        let usage = figures.usage.as_ref();
        let rate = |of: fn(&Usage) -> (u64, u64)| {
            usage.map(of).map(|(rate, count)| match showing {
                Showing::Rates => rate,
                Showing::Counters => count,
            })
        };
        match self {
            Column::Name | Column::Detail => None,
            Column::Connections => rate(|u| (u.rates.cps, u.stats.connections)),
            Column::InPackets => rate(|u| (u.rates.in_pps, u.stats.in_packets)),
            Column::OutPackets => rate(|u| (u.rates.out_pps, u.stats.out_packets)),
            Column::InBytes => rate(|u| (u.rates.in_bps, u.stats.in_bytes)),
            Column::OutBytes => rate(|u| (u.rates.out_bps, u.stats.out_bytes)),
            Column::Active => Some(figures.active),
            Column::Inactive => Some(figures.inactive),
        }
    }

    /// The next column, or the one before.
    #[must_use]
    pub fn moved(self, right: bool) -> Column {
        let at = Column::ALL.iter().position(|column| *column == self);
        let to = match (at, right) {
            (Some(at), true) => at.saturating_add(1),
            (Some(at), false) => at.saturating_sub(1),
            (None, _) => 0,
        };
        Column::ALL.get(to).copied().unwrap_or(self)
    }
}

/// An order of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The column.
    pub column: Column,
    /// Largest first.
    pub descending: bool,
}

impl Default for Order {
    fn default() -> Self {
        Order::of(Column::Connections)
    }
}

impl Order {
    /// The order by a column in which one looks for something: largest number, smallest text
    /// first.
    pub fn of(column: Column) -> Order {
        Order {
            column,
            descending: !matches!(column, Column::Name | Column::Detail),
        }
    }

    /// The names of all columns.
    pub fn names() -> Vec<&'static str> {
        Column::ALL.map(Column::name).to_vec()
    }

    /// Reads `COLUMN` or `-COLUMN`, as `ipvsh show --sort` does.
    ///
    /// # Errors
    /// `usage` with a "did you mean".
    pub fn parse(text: &str) -> Result<Order> {
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let named = Column::ALL.into_iter().find(|c| c.name() == name);
        named
            .map(|column| Order { column, descending })
            .ok_or_else(|| {
                let names = Order::names();
                let error = Error::new(Kind::Usage, format!("top has no column '{name}'"));
                error.hint(match did_you_mean(name, names.iter().copied()) {
                    Some(name) => format!("did you mean \"{name}\"?"),
                    None => format!("columns are {}", names.join(", ")),
                })
            })
    }

    /// What it is sorted by, in words.
    pub fn words(self, showing: Showing) -> String {
        let reversed = match self == Order::of(self.column) {
            true => "",
            false => ", reversed",
        };
        format!("by {}{reversed}", self.column.words(showing))
    }

    /// Compares two services; what is equal is in the order of keys.
    pub fn services(self, showing: Showing, a: &Service, b: &Service) -> Ordering {
        let by_column = match self.column {
            Column::Name => a.key.cmp(&b.key),
            Column::Detail => a.scheduler.cmp(&b.scheduler),
            column => {
                let number = |s: &Service| column.number(showing, &s.figures);
                number(a).cmp(&number(b))
            }
        };
        self.directed(by_column).then_with(|| a.key.cmp(&b.key))
    }

    /// Compares two servers of a service; what is equal is in the order of keys.
    pub fn servers(self, showing: Showing, a: &Server, b: &Server) -> Ordering {
        let by_column = match self.column {
            Column::Name => a.key.cmp(&b.key),
            Column::Detail => (a.forward.name(), a.weight).cmp(&(b.forward.name(), b.weight)),
            column => {
                let number = |s: &Server| column.number(showing, &s.figures);
                number(a).cmp(&number(b))
            }
        };
        self.directed(by_column).then_with(|| a.key.cmp(&b.key))
    }

    fn directed(self, ordering: Ordering) -> Ordering {
        match self.descending {
            true => ordering.reverse(),
            false => ordering,
        }
    }
}
