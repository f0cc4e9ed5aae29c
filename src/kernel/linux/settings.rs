//! Settings of IPVS: which provider reads and sets each kind. Those of the host are in `host`.

use super::{sync_daemon, timeout};
use crate::error::Result;
use crate::ipvs::{IpvsClient, IpvsError, Request};
use crate::model::{SettingKind, Settings};
use crate::plan::SettingChange;

/// Reads what the kernel has of a kind.
pub(super) fn read(
    kind: SettingKind,
    client: &mut IpvsClient,
    into: &mut Settings,
) -> Result<(), IpvsError> {
    match kind {
        SettingKind::Timeout => timeout::read(client, into),
        SettingKind::SyncDaemon => sync_daemon::read(client, into),
        SettingKind::TunnelDevice
        | SettingKind::Sysctl
        | SettingKind::Vip
        | SettingKind::Maintenance
        | SettingKind::SourceNat => Ok(()),
    }
}

/// The request that sets or removes settings of one kind; none where there is nothing to do.
///
/// # Errors
/// `invalid` where a name does not fit into the kernel's 16 bytes.
pub(super) fn request(settings: &[SettingChange]) -> Result<Option<Request>> {
    match settings.first().map(|first| first.key.kind()) {
        None => Ok(None),
        Some(SettingKind::Timeout) => Ok(Some(timeout::request(settings))),
        Some(SettingKind::SyncDaemon) => sync_daemon::request(settings),
        Some(
            SettingKind::TunnelDevice
            | SettingKind::Sysctl
            | SettingKind::Vip
            | SettingKind::Maintenance
            | SettingKind::SourceNat,
        ) => Ok(None),
    }
}
