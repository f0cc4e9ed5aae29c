//! Connection timeouts in the kernel: IPVS_CMD_SET_CONFIG sets all three at once, and 0 keeps one.

use crate::ipvs::{self, IpvsClient, IpvsError, Request};
use crate::model::{Setting, SettingKey, Settings, TimeoutKind};
use crate::plan::SettingChange;

/// All of them are known.
pub(super) fn read(client: &mut IpvsClient, into: &mut Settings) -> Result<(), IpvsError> {
    let timeouts = client.timeouts()?;
    into.set_timeout(TimeoutKind::Tcp, Some(timeouts.tcp));
    into.set_timeout(TimeoutKind::TcpFin, Some(timeouts.tcp_fin));
    into.set_timeout(TimeoutKind::Udp, Some(timeouts.udp));
    Ok(())
}

pub(super) fn request(settings: &[SettingChange]) -> Request {
    let of = |kind: TimeoutKind| {
        let mut all = settings.iter();
        let change = all.find(|change| change.key == SettingKey::Timeout(kind));
        match change.and_then(|change| change.to.as_ref()) {
            Some(Setting::Timeout(seconds)) => *seconds,
            _ => 0,
        }
    };
    Request::SetTimeouts(ipvs::Timeouts {
        tcp: of(TimeoutKind::Tcp),
        tcp_fin: of(TimeoutKind::TcpFin),
        udp: of(TimeoutKind::Udp),
    })
}
