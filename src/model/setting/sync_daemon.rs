//! Connection synchronisation daemons (`ipvsadm --start-daemon`).
//!
//! Source of truth: IPVS_DAEMON_ATTR_* in `include/uapi/linux/ip_vs.h` and
//! `ip_vs_genl_new_daemon()`; the kernel fills in what is left out and reports it.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::{Absence, KindFacts, Phase, Replacement};
use crate::error::{Error, Result};
use crate::model::patch::{Options, check_names, positive, ranged, text};
use crate::model::service::Field;
use crate::model::{address, interface};

/// What is to be known of sync daemons.
pub(super) const FACTS: KindFacts = KindFacts {
    list: "daemons",
    noun: "sync daemon",
    foreign: Some(("sync daemon", "sync daemons")),
    is_of_host: false,
    is_of_the_record: false,
    absence: Absence::IsNone,
    replacement: Replacement::StopThenStart,
    // The kernel refuses a daemon beside servers of the other family (ip_vs_ctl.c).
    is_removed_in: Phase::BeforeServices,
    is_set_in: Phase::Last,
    are_one_object: false,
    is_run_by_managers: true,
    attempts: ("cannot start", "cannot stop"),
};

/// The options of a sync daemon.
pub const DAEMON_OPTIONS: [&str; 6] = ["interface", "id", "maxlen", "group", "port", "ttl"];

/// `sizeof(struct iphdr) + sizeof(struct udphdr)`.
const IPV4_HEADERS: u16 = 28;
/// `sizeof(struct ipv6hdr) + sizeof(struct udphdr)`.
const IPV6_HEADERS: u16 = 48;

/// Which of the two daemons; a namespace can run one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DaemonRole {
    /// Sends connection states, IP_VS_STATE_MASTER 1.
    Master,
    /// Receives them, IP_VS_STATE_BACKUP 2.
    Backup,
}

impl DaemonRole {
    /// Both.
    pub const ALL: [DaemonRole; 2] = [DaemonRole::Master, DaemonRole::Backup];

    /// Parses `master` or `backup`.
    ///
    /// # Errors
    /// `invalid` for any other word.
    pub fn parse(text: &str) -> Result<DaemonRole> {
        match text.to_lowercase().as_str() {
            "master" => Ok(DaemonRole::Master),
            "backup" => Ok(DaemonRole::Backup),
            _ => Err(Error::invalid(format!("unknown daemon role \"{text}\""))
                .about(text)
                .hint("a sync daemon is \"master\" or \"backup\"")),
        }
    }

    /// The text form.
    pub fn name(self) -> &'static str {
        match self {
            DaemonRole::Master => "master",
            DaemonRole::Backup => "backup",
        }
    }
}

impl fmt::Display for DaemonRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a sync daemon is set to; `None` is "left out": the kernel's choice, not compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncDaemon {
    /// The interface that the multicast leaves or enters; at most 15 characters.
    pub interface: String,
    /// The sync id, 0 to 255; default 0.
    #[serde(default)]
    pub id: u8,
    /// The longest message in bytes; the kernel's default is 1472.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maxlen: Option<u16>,
    /// The multicast group; the kernel's default is 224.0.0.81.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<IpAddr>,
    /// The UDP port; the kernel's default is 8848.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The multicast TTL; the kernel's default is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u8>,
}

impl SyncDaemon {
    /// Reads the options of a sync daemon.
    ///
    /// # Errors
    /// `invalid` for unknown names, wrong types, values out of range and a missing interface.
    pub fn parse(role: DaemonRole, options: &Options) -> Result<SyncDaemon> {
        check_names(options, &DAEMON_OPTIONS, "a sync daemon")?;
        let Some(interface) = options.get("interface") else {
            return Err(Error::invalid("the interface is missing")
                .object(format!("sync daemon {role}"))
                .hint("write #{ interface: \"eth0\", id: 62 }"));
        };
        let mut daemon = SyncDaemon {
            interface: interface::check(text("interface", interface)?)?,
            id: 0,
            maxlen: None,
            group: None,
            port: None,
            ttl: None,
        };
        for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "id" => daemon.id = ranged(name, value, "0 to 255")?,
                "maxlen" => daemon.maxlen = Some(positive(name, value, u16::MAX.into(), "bytes")?),
                "group" => {
                    let group = address::parse_ip(text(name, value)?)?;
                    if !group.is_multicast() {
                        return Err(Error::invalid(format!("group {group} is not multicast"))
                            .about("group")
                            .hint("a group is like \"224.0.0.81\""));
                    }
                    daemon.group = Some(group);
                }
                "port" => daemon.port = Some(positive(name, value, u16::MAX.into(), "")?),
                "ttl" => daemon.ttl = Some(positive(name, value, u8::MAX.into(), "")?),
                _ => {}
            }
        }
        daemon.check(role)?;
        Ok(daemon)
    }

    /// Checks the options of a sync daemon against each other and its role: a length outside what fits
    /// the kernel silently replaces (start_sync_thread in ip_vs_sync.c).
    ///
    /// # Errors
    /// `invalid`: a `maxlen` that the kernel would not keep.
    pub fn check(&self, role: DaemonRole) -> Result<()> {
        let Some(maxlen) = self.maxlen else {
            return Ok(());
        };
        let kept = self.kept_lengths(role);
        if kept.contains(&maxlen) {
            return Ok(());
        }
        Err(Error::invalid(format!("maxlen {maxlen} is out of range"))
            .about("maxlen")
            .hint(format!(
                "maxlen of a {role} is {} to {} bytes with this group",
                kept.start(),
                kept.end()
            )))
    }

    /// Says whether a running daemon is what is wanted: what is left out is not compared.
    pub fn satisfied_by(&self, live: &SyncDaemon) -> bool {
        fn fits<T: PartialEq>(wanted: &Option<T>, live: &Option<T>) -> bool {
            wanted.is_none() || wanted == live
        }
        self.interface == live.interface
            && self.id == live.id
            && fits(&self.maxlen, &live.maxlen)
            && fits(&self.group, &live.group)
            && fits(&self.port, &live.port)
            && fits(&self.ttl, &live.ttl)
    }

    /// The lengths of a message that the kernel keeps as they are given: a backup takes at least
    /// 1024 bytes, and the headers of IP and UDP have to fit a datagram (ip_vs_sync.c).
    pub fn kept_lengths(&self, role: DaemonRole) -> RangeInclusive<u16> {
        let least = match role {
            DaemonRole::Master => 1,
            DaemonRole::Backup => 1024,
        };
        let headers = match self.group.is_some_and(|group| group.is_ipv6()) {
            true => IPV6_HEADERS,
            false => IPV4_HEADERS,
        };
        least..=u16::MAX - headers
    }

    /// Every option with its value as text.
    pub fn fields(&self) -> Vec<Field> {
        fn text<T: ToString>(value: &Option<T>) -> String {
            value.as_ref().map_or("any".to_owned(), T::to_string)
        }
        vec![
            ("interface", self.interface.clone()),
            ("id", self.id.to_string()),
            ("maxlen", text(&self.maxlen)),
            ("group", text(&self.group)),
            ("port", text(&self.port)),
            ("ttl", text(&self.ttl)),
        ]
    }

    /// What a reader wants to know.
    pub fn summary(&self) -> String {
        let words: Vec<String> = self
            .fields()
            .into_iter()
            .filter(|(_, value)| value != "any")
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        words.join(" ")
    }
}

impl SyncDaemon {
    /// What is lost of an option that is left to the kernel where something else makes the daemon
    /// start anew: the value before and the kernel's default, where they differ. The longest
    /// message of a backup follows its interface, of a master the group's family: that is not told.
    pub(super) fn lost(name: &str, old: &str) -> Option<String> {
        let default = match name {
            "group" => "224.0.0.81",
            "port" => "8848",
            "ttl" => "1",
            _ => return None,
        };
        (old != default).then(|| format!("{old} -> {default} (not named: default)"))
    }

    /// Reads a daemon with its role from JSON.
    ///
    /// # Errors
    /// As [`SyncDaemon::parse`]; `invalid` where the role is missing or is none.
    pub(super) fn read(value: Value) -> Result<(DaemonRole, SyncDaemon)> {
        let Value::Object(mut options) = value else {
            return Err(Error::invalid("a sync daemon must be an object"));
        };
        let role = options.shift_remove("role");
        let role = role.ok_or_else(|| Error::invalid("role is missing").about("role"))?;
        let role = DaemonRole::parse(text("role", &role)?)?;
        Ok((role, SyncDaemon::parse(role, &options)?))
    }

    /// A daemon with its role, as JSON has it.
    pub fn json(&self, role: DaemonRole) -> Options {
        let mut map = Options::new();
        map.insert("role".into(), role.name().into());
        if let Ok(Value::Object(options)) = serde_json::to_value(self) {
            map.extend(options);
        }
        map
    }
}
