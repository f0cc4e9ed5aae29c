//! Connection timeouts of the simulated kernel.
//!
//! Source of truth: ip_vs_set_timeout in net/netfilter/ipvs/ip_vs_ctl.c.

use super::machine::{Answer, HZ};
use crate::ipvs::Errno;
use crate::model::{Settings, TimeoutKind};

/// A number of seconds; 0 keeps what is.
pub(super) fn check(seconds: u32) -> Answer {
    match seconds > i32::MAX.unsigned_abs() / HZ {
        true => Err(Errno::INVAL),
        false => Ok(()),
    }
}

/// Those that are not set are at their defaults.
pub(super) fn fill(settings: &mut Settings) {
    for kind in TimeoutKind::ALL {
        let seconds = settings.timeout(kind);
        let seconds = seconds.unwrap_or(kind.default_seconds());
        settings.set_timeout(kind, Some(seconds));
    }
}
