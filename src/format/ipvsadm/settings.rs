//! What a line sets that is not a service's: timeouts, a sync daemon.

use serde_json::{Map, Value};

use super::options::Given;
use super::table::Group;
use super::values::number;
use crate::error::{Error, Result};
use crate::model::{DaemonRole, SyncDaemon, TimeoutKind, Timeouts};

/// Where a daemon sends to, unless told otherwise (ipvsadm(8)).
const INTERFACE_DEFAULT: &str = "eth0";

/// A daemon's options here and in a script; the values of the latter are numbers, unless false.
const OF_DAEMON: [(&str, &str, bool); 6] = [
    ("mcast-interface", "interface", false),
    ("mcast-group", "group", false),
    ("mcast-port", "port", true),
    ("mcast-ttl", "ttl", true),
    ("syncid", "id", true),
    ("sync-maxlen", "maxlen", true),
];

/// Reads `--set TCP TCP_FIN UDP`; 0 leaves a timeout as it is.
pub(super) fn timeouts(given: &Given) -> Result<Timeouts> {
    let first = given.value("set").map(str::to_owned);
    let words: Vec<String> = first
        .into_iter()
        .chain(given.rest.iter().cloned())
        .collect();
    if words.len() != TimeoutKind::ALL.len() {
        return Err(Error::invalid("--set takes three numbers")
            .hint("seconds for tcp, tcp_fin and udp; 0 leaves one as it is"));
    }
    let mut timeouts = Timeouts::default();
    for (kind, word) in TimeoutKind::ALL.into_iter().zip(words) {
        match number(&format!("timeout {kind}"), &word)? {
            0 => {}
            seconds => {
                let seconds = Timeouts::check(kind, seconds)?;
                timeouts.set(kind, Some(seconds));
            }
        }
    }
    Ok(timeouts)
}

/// Reads `--start-daemon ROLE` with its options.
pub(super) fn daemon(given: &Given) -> Result<(DaemonRole, SyncDaemon)> {
    given.only("start-daemon", &[Group::Daemon])?;
    let role = DaemonRole::parse(given.value("start-daemon").unwrap_or(""))?;
    let mut options = Map::new();
    options.insert("interface".to_owned(), Value::from(INTERFACE_DEFAULT));
    for (theirs, ours, is_number) in OF_DAEMON {
        if let Some(word) = given.value(theirs) {
            let value = if is_number {
                Value::from(number(theirs, word)?)
            } else {
                Value::from(word)
            };
            options.insert(ours.to_owned(), value);
        }
    }
    Ok((role, SyncDaemon::parse(role, &options)?))
}

/// A daemon of an interface and a sync id, as words; an error says whether the id is to blame.
pub(super) fn daemon_of(
    role: DaemonRole,
    interface: &str,
    id: &str,
) -> Result<SyncDaemon, (Error, bool)> {
    let object = format!("sync daemon {role}");
    let number = number("id", id).map_err(|e| (e.object(&object), true))?;
    let mut options = Map::new();
    options.insert("interface".to_owned(), Value::from(interface));
    // First without it: what is wrong then is the interface.
    SyncDaemon::parse(role, &options).map_err(|e| (e.object(&object), false))?;
    options.insert("id".to_owned(), Value::from(number));
    SyncDaemon::parse(role, &options).map_err(|e| (e.object(&object), true))
}
