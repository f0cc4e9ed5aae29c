//! Connection timeouts (`ipvsadm --set`): seconds per table of the kernel.
//!
//! Source of truth: IPVS_CMD_ATTR_TIMEOUT_* and `ip_vs_set_timeout()` in ip_vs_ctl.c, which
//! refuses values above INT_MAX / HZ and takes 0 for "keep".

use std::fmt;

use serde::{Deserialize, Serialize};

use super::facts::{Absence, KindFacts, Phase, Replacement};
use crate::error::{Error, Result};
use crate::model::patch::{Options, check_names, whole};

/// What is to be known of timeouts. One that was never set is not managed; the kernel always has all.
pub(super) const FACTS: KindFacts = KindFacts {
    list: "timeouts",
    noun: "timeout",
    foreign: None,
    is_of_host: false,
    is_of_the_record: false,
    absence: Absence::Returns,
    replacement: Replacement::InPlace,
    is_removed_in: Phase::BeforeMarks,
    is_set_in: Phase::BeforeMarks,
    are_one_object: true,
    is_run_by_managers: false,
    attempts: ("cannot set", "cannot set"),
};

/// The options of `timeouts`.
pub const TIMEOUT_OPTIONS: [&str; 3] = ["tcp", "tcp_fin", "udp"];

/// One of the three timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutKind {
    /// Established TCP connections; the kernel's default is 900 s.
    Tcp,
    /// TCP connections after a FIN; 120 s.
    TcpFin,
    /// UDP; 300 s.
    Udp,
}

impl TimeoutKind {
    /// All of them, in the order of `ipvsadm --set`.
    pub const ALL: [TimeoutKind; 3] = [TimeoutKind::Tcp, TimeoutKind::TcpFin, TimeoutKind::Udp];

    /// The script's name.
    pub fn name(self) -> &'static str {
        match self {
            TimeoutKind::Tcp => "tcp",
            TimeoutKind::TcpFin => "tcp_fin",
            TimeoutKind::Udp => "udp",
        }
    }

    /// The kernel's default, in seconds (ip_vs_proto_tcp.c, ip_vs_proto_udp.c).
    pub fn default_seconds(self) -> u32 {
        match self {
            TimeoutKind::Tcp => 900,
            TimeoutKind::TcpFin => 120,
            TimeoutKind::Udp => 300,
        }
    }
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Timeouts in seconds; in a ruleset `None` is "not managed", in live state all are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// Established TCP connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<u32>,
    /// TCP connections after a FIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_fin: Option<u32>,
    /// UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp: Option<u32>,
}

impl Timeouts {
    /// The most that the kernel takes: INT_MAX / HZ seconds at HZ = 1000, the smallest limit of
    /// any configuration.
    pub const MAX_SECONDS: u32 = i32::MAX as u32 / 1000;

    /// The kernel's defaults.
    pub fn kernel_defaults() -> Timeouts {
        TimeoutKind::ALL
            .into_iter()
            .fold(Timeouts::default(), |mut all, kind| {
                all.set(kind, Some(kind.default_seconds()));
                all
            })
    }

    /// Reads the options of `timeouts`.
    ///
    /// # Errors
    /// `invalid` for unknown names, wrong types and values out of range.
    pub fn parse(options: &Options) -> Result<Timeouts> {
        check_names(options, &TIMEOUT_OPTIONS, "timeouts")?;
        let mut timeouts = Timeouts::default();
        for kind in TimeoutKind::ALL {
            if let Some(value) = options.get(kind.name()) {
                let seconds = whole(kind.name(), value)?;
                timeouts.set(kind, Some(Timeouts::check(kind, seconds)?));
            }
        }
        Ok(timeouts)
    }

    /// Those that are set, as JSON has them.
    pub fn json(&self) -> Options {
        let set = TimeoutKind::ALL.into_iter();
        set.filter_map(|kind| Some((kind.name().to_owned(), self.get(kind)?.into())))
            .collect()
    }

    /// One of them.
    pub fn get(&self, kind: TimeoutKind) -> Option<u32> {
        match kind {
            TimeoutKind::Tcp => self.tcp,
            TimeoutKind::TcpFin => self.tcp_fin,
            TimeoutKind::Udp => self.udp,
        }
    }

    /// Sets one of them.
    pub fn set(&mut self, kind: TimeoutKind, seconds: Option<u32>) {
        match kind {
            TimeoutKind::Tcp => self.tcp = seconds,
            TimeoutKind::TcpFin => self.tcp_fin = seconds,
            TimeoutKind::Udp => self.udp = seconds,
        }
    }

    /// Checks a number of seconds.
    ///
    /// # Errors
    /// `invalid` outside 1 to [`Timeouts::MAX_SECONDS`].
    pub fn check(kind: TimeoutKind, seconds: i64) -> Result<u32> {
        match u32::try_from(seconds) {
            Ok(seconds) if (1..=Self::MAX_SECONDS).contains(&seconds) => Ok(seconds),
            _ => Err(
                Error::invalid(format!("timeout {kind}: {seconds} s is out of range"))
                    .about("timeout")
                    .hint(format!("a timeout is 1 to {} seconds", Self::MAX_SECONDS)),
            ),
        }
    }
}
