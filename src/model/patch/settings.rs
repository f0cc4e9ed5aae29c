//! Timeouts and sync daemons.

use super::super::daemon::{DaemonRole, SyncDaemon, check_interface};
use super::super::timeouts::{TimeoutKind, Timeouts};
use super::super::{address, check};
use super::{DAEMON_OPTIONS, Options, TIMEOUT_OPTIONS, check_names, positive, ranged, text, whole};
use crate::error::{Error, Result};

/// Reads the options of `timeouts`.
///
/// # Errors
/// `invalid` for unknown names, wrong types and values out of range.
pub fn timeouts(options: &Options) -> Result<Timeouts> {
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

/// Reads the options of a sync daemon.
///
/// # Errors
/// `invalid` for unknown names, wrong types, values out of range and a missing interface.
pub fn daemon(role: DaemonRole, options: &Options) -> Result<SyncDaemon> {
    check_names(options, &DAEMON_OPTIONS, "a sync daemon")?;
    let Some(interface) = options.get("interface") else {
        return Err(Error::invalid("the interface is missing")
            .object(format!("sync daemon {role}"))
            .hint("write #{ interface: \"eth0\", id: 62 }"));
    };
    let mut daemon = SyncDaemon {
        interface: check_interface(text("interface", interface)?)?,
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
                        .hint("a group is like \"224.0.0.81\""));
                }
                daemon.group = Some(group);
            }
            "port" => daemon.port = Some(positive(name, value, u16::MAX.into(), "")?),
            "ttl" => daemon.ttl = Some(positive(name, value, u8::MAX.into(), "")?),
            _ => {}
        }
    }
    check::check_daemon(role, &daemon)?;
    Ok(daemon)
}
