//! The views of live state: one table of their names, columns, and what they take.
//!
//! Layer 1: pure; imports `error` and `model`. The command line, the prompt, the script API and
//! the tables are made from [`View`]; what a view shows is a selection ([`Row`]) of what was read.

mod facts;
pub mod number;
mod order;
mod row;
mod selection;

pub use facts::{Cells, Column, Facts, Takes};
pub use order::Order;
pub use row::{
    Row, ServerRow, counted, fitting, of_live, of_names, of_traffic, one_of_live, value,
};
pub use selection::{Selection, ShownService, select};

use crate::error::{Error, Kind, Result, did_you_mean};

/// What can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Virtual services with their real servers.
    Services,
    /// fwmark rules.
    Marks,
    /// Connection timeouts.
    Timeouts,
    /// Connections.
    Connections,
    /// Counters.
    Stats,
    /// Rates.
    Rates,
    /// Thresholds.
    Thresholds,
    /// Persistent connections.
    Persistent,
    /// Tunnels.
    Tunnels,
    /// Sync daemons.
    Daemons,
    /// Addresses of services on this host.
    Vips,
    /// Kernel settings.
    Sysctls,
    /// Tunnel devices.
    TunnelDevices,
    /// IPVS itself.
    Info,
}

impl View {
    /// All of them, in the order of the help.
    pub const ALL: [View; 14] = [
        View::Services,
        View::Marks,
        View::Timeouts,
        View::Connections,
        View::Stats,
        View::Rates,
        View::Thresholds,
        View::Persistent,
        View::Tunnels,
        View::Daemons,
        View::Vips,
        View::Sysctls,
        View::TunnelDevices,
        View::Info,
    ];

    /// What there is to know of it.
    pub const fn facts(self) -> Facts {
        match self {
            View::Services => facts::SERVICES,
            View::Marks => facts::MARKS,
            View::Timeouts => facts::TIMEOUTS,
            View::Connections => facts::CONNECTIONS,
            View::Stats => facts::STATS,
            View::Rates => facts::RATES,
            View::Thresholds => facts::THRESHOLDS,
            View::Persistent => facts::PERSISTENT,
            View::Tunnels => facts::TUNNELS,
            View::Daemons => facts::DAEMONS,
            View::Vips => facts::VIPS,
            View::Sysctls => facts::SYSCTLS,
            View::TunnelDevices => facts::TUNNEL_DEVICES,
            View::Info => facts::INFO,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The view of that name.
    pub fn named(name: &str) -> Option<View> {
        let name = name.replace('_', "-");
        View::ALL.into_iter().find(|view| view.name() == name)
    }

    /// Reads a name.
    ///
    /// # Errors
    /// `usage` with a "did you mean".
    pub fn parse(name: &str) -> Result<View> {
        View::named(name).ok_or_else(|| {
            let names = View::ALL.map(View::name);
            let error = Error::new(Kind::Usage, format!("there is no view '{name}'"));
            error.hint(match did_you_mean(name, names) {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => format!("views are {}", names.join(", ")),
            })
        })
    }
}

/// The views, a line each.
pub fn overview() -> String {
    let line = |view: View| format!("  {:<14} {}", view.name(), view.facts().doc);
    View::ALL.map(line).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_slips_are_answered() {
        for view in View::ALL {
            assert_eq!(View::parse(view.name()).unwrap(), view);
            assert!(overview().contains(view.facts().doc));
        }
        let error = View::parse("sats").unwrap_err();
        assert_eq!(error.hints(), ["did you mean \"stats\"?"]);
        let error = View::parse("everything").unwrap_err();
        assert!(error.hints()[0].contains("tunnels, daemons, vips"));
    }

    #[test]
    fn every_column_has_a_key_to_be_read_from() {
        for facts in View::ALL.map(View::facts) {
            let keys = [facts.service, facts.server].concat();
            if keys.is_empty() {
                continue;
            }
            for column in facts.columns {
                let key = column.within.unwrap_or(column.name);
                assert!(keys.contains(&key), "{}: {key}", facts.name);
            }
        }
    }
}
