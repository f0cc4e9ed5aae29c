//! Owns the flags of a virtual service.
//!
//! May import: nothing. Source of truth: `IP_VS_SVC_F_*` in include/uapi/linux/ip_vs.h.

use std::ops::{BitOr, BitOrAssign};

const IP_VS_SVC_F_PERSISTENT: u32 = 0x0001;
const IP_VS_SVC_F_HASHED: u32 = 0x0002;
const IP_VS_SVC_F_ONEPACKET: u32 = 0x0004;
const IP_VS_SVC_F_SCHED1: u32 = 0x0008;
const IP_VS_SVC_F_SCHED2: u32 = 0x0010;
const IP_VS_SVC_F_SCHED3: u32 = 0x0020;

/// Holds the flags of a virtual service; bits without a name are kept.
///
/// ```
/// use ipvsh::ipvs::ServiceFlags;
/// let flags = ServiceFlags::PERSISTENT | ServiceFlags::SCHED1;
/// assert!(flags.contains(ServiceFlags::SCHED1));
/// assert_eq!(flags.bits(), 9);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceFlags(u32);

impl ServiceFlags {
    /// One client's connections go to one destination for the service's timeout.
    pub const PERSISTENT: Self = Self(IP_VS_SVC_F_PERSISTENT);
    /// The kernel's own mark of a service in its table. Never part of a [`super::Service`].
    pub const HASHED: Self = Self(IP_VS_SVC_F_HASHED);
    /// Every packet is scheduled by itself (UDP).
    pub const ONEPACKET: Self = Self(IP_VS_SVC_F_ONEPACKET);
    /// First scheduler flag: `sh-fallback`, `mh-fallback`.
    pub const SCHED1: Self = Self(IP_VS_SVC_F_SCHED1);
    /// Second scheduler flag: `sh-port`, `mh-port`.
    pub const SCHED2: Self = Self(IP_VS_SVC_F_SCHED2);
    /// Third scheduler flag.
    pub const SCHED3: Self = Self(IP_VS_SVC_F_SCHED3);

    /// Makes flags from bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Gives the bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Says whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Gives these flags less those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for ServiceFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for ServiceFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
