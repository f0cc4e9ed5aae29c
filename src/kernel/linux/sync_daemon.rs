//! Sync daemons in the kernel: IPVS_CMD_NEW_DAEMON, IPVS_CMD_DEL_DAEMON.

use super::super::convert;
use crate::error::Result;
use crate::ipvs::{IpvsClient, IpvsError, Request};
use crate::model::{Setting, SettingKey, Settings};
use crate::plan::SettingChange;

/// Those that run.
pub(super) fn read(client: &mut IpvsClient, into: &mut Settings) -> Result<(), IpvsError> {
    for daemon in client.daemons()? {
        let (role, daemon) = convert::daemon(&daemon);
        into.set_daemon(role, Some(daemon));
    }
    Ok(())
}

/// A start or a stop: a step carries one of them.
///
/// # Errors
/// `invalid` where the interface does not fit into the kernel's 16 bytes.
pub(super) fn request(settings: &[SettingChange]) -> Result<Option<Request>> {
    let Some(SettingChange {
        key: SettingKey::SyncDaemon(role),
        to,
        ..
    }) = settings.first()
    else {
        return Ok(None);
    };
    Ok(Some(match to {
        Some(Setting::SyncDaemon(daemon)) => {
            Request::StartDaemon(convert::daemon_record(*role, daemon)?)
        }
        _ => Request::StopDaemon(convert::daemon_state(*role)),
    }))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{DaemonRole, SyncDaemon};

    proptest! {
        #[test]
        fn daemons_survive_the_wire(
            id: u8,
            maxlen: Option<u16>,
            group: Option<IpAddr>,
            port: Option<u16>,
            ttl: Option<u8>,
        ) {
            let wanted = SyncDaemon { interface: "eth0".to_owned(), id, maxlen, group, port, ttl };
            for role in DaemonRole::ALL {
                let back = convert::daemon(&convert::daemon_record(role, &wanted).unwrap());
                prop_assert_eq!(back, (role, wanted.clone()));
            }
        }
    }
}
