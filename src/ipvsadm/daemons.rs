//! What `-L --daemon` and `-L --timeout` print.

use std::fmt::Write;
use std::net::IpAddr;

use crate::ipvs::{Daemon, DaemonState, Timeouts};

/// A line for each daemon.
pub(super) fn daemons(all: &[Daemon]) -> String {
    all.iter().map(daemon).collect()
}

fn daemon(daemon: &Daemon) -> String {
    let state = match daemon.state {
        DaemonState::Master => "master",
        DaemonState::Backup => "backup",
    };
    let mut out = format!(
        "{state} sync daemon (mcast={}, syncid={}",
        daemon.interface, daemon.sync_id
    );
    let options = [
        (
            "maxlen",
            daemon
                .max_length
                .filter(|n| *n != 0)
                .map(u32::from)
                .map(|n| n.to_string()),
        ),
        ("group", daemon.group.as_ref().map(IpAddr::to_string)),
        (
            "port",
            daemon.port.filter(|n| *n != 0).map(|n| n.to_string()),
        ),
        ("ttl", daemon.ttl.filter(|n| *n != 0).map(|n| n.to_string())),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            // A String takes every write.
            let _ = write!(out, ", {name}={value}");
        }
    }
    out.push_str(")\n");
    out
}

/// The line of the timeouts, in seconds.
pub(super) fn timeouts(timeouts: &Timeouts) -> String {
    let Timeouts { tcp, tcp_fin, udp } = timeouts;
    format!("Timeout (tcp tcpfin udp): {tcp} {tcp_fin} {udp}\n")
}
