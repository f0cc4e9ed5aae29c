//! Connection synchronisation daemons (`ipvsadm --start-daemon`).
//!
//! Source of truth: IPVS_DAEMON_ATTR_* in `include/uapi/linux/ip_vs.h` and
//! `ip_vs_genl_new_daemon()`; the kernel fills in what is left out and reports it.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::service::Field;
use crate::error::{Error, Result};

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

/// Checks an interface name: 1 to 15 bytes, none of them a slash, colon, space or control
/// character (`dev_valid_name()` in net/core/dev.c); not beginning with a dash or `!`, which
/// programs take for an option.
///
/// # Errors
/// `invalid` for any other text.
pub fn check_interface(text: &str) -> Result<String> {
    let refuse = |hint: String| {
        Err(Error::invalid(format!("\"{text}\" is not the name of an interface")).hint(hint))
    };
    if let Some((interface, _)) = text.split_once(':') {
        return refuse(format!(
            "a label like that names an address; packets come in by its interface: \"{interface}\""
        ));
    }
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_graphic() && b != b'/' && b != b'"' && b != b'\'');
    if text.is_empty() || text.len() > 15 || !plain || text.starts_with(['-', '!', '.']) {
        return refuse("an interface is named by 1 to 15 characters, like \"eth0\"".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_named_as_the_kernel_names_devices() {
        for name in ["lo", "eth0", "eth+", "eth0.100", "a!b", "abcdefghijklmno"] {
            assert_eq!(check_interface(name).unwrap(), name);
        }
        for name in [
            "",
            "eth0:1",
            ":",
            "a/b",
            "a b",
            "a\tb",
            ".",
            "..",
            "-j",
            "abcdefghijklmnop",
        ] {
            assert!(check_interface(name).is_err(), "{name}");
        }
        let error = check_interface("eth0:1").unwrap_err();
        assert!(error.hints()[0].ends_with("its interface: \"eth0\""));
    }
}
