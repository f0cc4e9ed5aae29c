//! Checks: how the daemon finds out whether a real server answers.
//!
//! A check is data; `probe` carries it out. Source of truth for names and defaults: the reference.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::interface::InterfaceName;
use super::super::key::Fwmark;
use crate::error::{Error, Result};

/// A health check of a real server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// What is sent, and which answer passes.
    pub kind: CheckKind,
    /// When it runs, and how many results decide.
    #[serde(default)]
    pub timing: Timing,
    /// Where it is sent, and from where.
    #[serde(default)]
    pub route: Route,
    /// What becomes of a server that is new.
    #[serde(default)]
    pub start: Start,
}

/// What is sent, and which answer passes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// A TCP connection, and an exchange where one is named.
    Tcp,
    /// An ICMP echo.
    Ping,
}

/// When a check runs, and how many results decide. Times are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// From one run to the next; default 3000.
    pub interval: u32,
    /// From one run to the next while results have not decided; default 1000.
    pub retry_interval: u32,
    /// For all of a run; default 2000.
    pub timeout: u32,
    /// So many passes in a row bring a server up; default 2.
    pub rise: u32,
    /// So many failures in a row bring a server down; default 3.
    pub fall: u32,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            interval: 3_000,
            retry_interval: 1_000,
            timeout: 2_000,
            rise: 2,
            fall: 3,
        }
    }
}

/// Where a check is sent, and from where.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The address; default the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The port; default the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The source address; default the kernel's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// The interface that the socket is bound to; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<InterfaceName>,
    /// The mark of its packets (SO_MARK); default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Fwmark>,
}

/// What becomes of a server that is new.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// It waits for its first pass where the service has another server that is up; else it is up.
    #[default]
    Auto,
    /// It is up until its checks say that it is down.
    Up,
    /// It waits for its first pass.
    Wait,
}

impl Check {
    /// Reads the value of the option `check`: a map, a list of maps, a name like `"tcp"`, or `()`.
    ///
    /// # Errors
    /// `invalid` for unknown names, wrong types and values out of range.
    pub fn parse_all(value: &Value) -> Result<Vec<Check>> {
        let one = |kind| Check {
            kind,
            timing: Timing::default(),
            route: Route::default(),
            start: Start::default(),
        };
        match value.as_str() {
            Some("tcp") => Ok(vec![one(CheckKind::Tcp)]),
            Some("ping") => Ok(vec![one(CheckKind::Ping)]),
            _ if value.is_null() => Ok(Vec::new()),
            _ => Err(Error::invalid("unknown check")),
        }
    }

    /// The check as JSON and scripts have it: its type, and the options that are not at their default.
    pub fn json(&self) -> Value {
        Value::Null
    }

    /// The check in a few words: `http /health every 3 s`.
    pub fn summary(&self) -> String {
        String::new()
    }
}

/// Several checks as JSON and scripts have them: null where there are none, one by itself, else a list.
pub fn json(checks: &[Check]) -> Value {
    match checks {
        [] => Value::Null,
        [one] => one.json(),
        many => many.iter().map(Check::json).collect(),
    }
}

/// Several checks in a few words.
pub fn summary(checks: &[Check]) -> String {
    match checks {
        [] => "none".to_owned(),
        checks => checks
            .iter()
            .map(Check::summary)
            .collect::<Vec<_>>()
            .join(", "),
    }
}
