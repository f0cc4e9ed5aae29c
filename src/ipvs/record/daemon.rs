//! Owns the record of a connection synchronisation daemon.
//!
//! May import: `attr`, `name`. Source of truth: `struct ipvs_sync_daemon_cfg`,
//! ip_vs_genl_new_daemon and ip_vs_genl_fill_daemon in net/netfilter/ipvs/ip_vs_ctl.c.

use std::net::IpAddr;

use netlink_packet_core::DecodeError;

use super::super::attr::DaemonAttr;
use super::super::name::Name;

const IP_VS_STATE_NONE: u32 = 0x0000;
const IP_VS_STATE_MASTER: u32 = 0x0001;
const IP_VS_STATE_BACKUP: u32 = 0x0002;

/// Says which side of the synchronisation a daemon is; a namespace may run one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DaemonState {
    /// Sends connections.
    Master,
    /// Receives connections.
    Backup,
}

impl DaemonState {
    /// Gives the number.
    pub fn number(self) -> u32 {
        match self {
            Self::Master => IP_VS_STATE_MASTER,
            Self::Backup => IP_VS_STATE_BACKUP,
        }
    }

    fn from_number(number: u32) -> Result<Self, DecodeError> {
        match number {
            IP_VS_STATE_MASTER => Ok(Self::Master),
            IP_VS_STATE_BACKUP => Ok(Self::Backup),
            IP_VS_STATE_NONE => Err(DecodeError::from("a daemon in IP_VS_STATE_NONE")),
            _ => Err(DecodeError::from(format!("unknown daemon state {number}"))),
        }
    }
}

/// Holds a synchronisation daemon. What is `None` is left to the kernel, which fills in its
/// defaults and reports them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Master or backup.
    pub state: DaemonState,
    /// Multicast interface.
    pub interface: Name,
    /// Synchronisation id, 0 to 255; a backup with id 0 accepts all.
    pub sync_id: u32,
    /// Longest datagram in bytes; default: from the interface's MTU (1472 for 1500).
    pub max_length: Option<u16>,
    /// Multicast group; default 224.0.0.81.
    pub group: Option<IpAddr>,
    /// UDP port; default 8848.
    pub port: Option<u16>,
    /// Multicast time to live; default 1.
    pub ttl: Option<u8>,
}

impl Daemon {
    /// Makes a daemon that leaves all options to the kernel.
    pub fn new(state: DaemonState, interface: Name, sync_id: u32) -> Self {
        Self {
            state,
            interface,
            sync_id,
            max_length: None,
            group: None,
            port: None,
            ttl: None,
        }
    }

    /// Gives the attributes of a NEW request, in the order in which `ipvsadm` sends them.
    pub fn to_attributes(&self) -> Vec<DaemonAttr> {
        let mut attributes = vec![
            DaemonAttr::State(self.state.number()),
            DaemonAttr::McastIfn(self.interface.clone()),
            DaemonAttr::SyncId(self.sync_id),
        ];
        attributes.extend(self.max_length.map(DaemonAttr::SyncMaxlen));
        attributes.extend(self.group.map(|group| match group {
            IpAddr::V4(group) => DaemonAttr::McastGroup(group),
            IpAddr::V6(group) => DaemonAttr::McastGroup6(group),
        }));
        attributes.extend(self.port.map(DaemonAttr::McastPort));
        attributes.extend(self.ttl.map(DaemonAttr::McastTtl));
        attributes
    }

    /// Reads a daemon out of an answer.
    ///
    /// # Errors
    /// [`DecodeError`] where the state is missing or unknown.
    pub fn from_attributes(attributes: &[DaemonAttr]) -> Result<Self, DecodeError> {
        let mut state = None;
        let mut daemon = Self::new(DaemonState::Master, Name::default(), 0);
        for attribute in attributes {
            match attribute {
                DaemonAttr::State(value) => state = Some(*value),
                DaemonAttr::McastIfn(name) => daemon.interface = name.clone(),
                DaemonAttr::SyncId(value) => daemon.sync_id = *value,
                DaemonAttr::SyncMaxlen(value) => daemon.max_length = Some(*value),
                DaemonAttr::McastGroup(group) => daemon.group = Some((*group).into()),
                DaemonAttr::McastGroup6(group) => daemon.group = Some((*group).into()),
                DaemonAttr::McastPort(value) => daemon.port = Some(*value),
                DaemonAttr::McastTtl(value) => daemon.ttl = Some(*value),
                DaemonAttr::Other(_) => {}
            }
        }
        let state = state.ok_or_else(|| DecodeError::from("no IPVS_DAEMON_ATTR_STATE"))?;
        daemon.state = DaemonState::from_number(state)?;
        Ok(daemon)
    }
}
