//! Where a check is sent, and from where.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::super::super::interface::InterfaceName;
use super::super::super::key::Fwmark;

/// Where a check is sent, and from where.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The address; default the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The port; default the server's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The source address; default the kernel's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
    /// The interface that the socket is bound to; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<InterfaceName>,
    /// The mark of its packets (SO_MARK); default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Fwmark>,
}

impl Route {
    /// Returns true if every value is at its default.
    pub fn is_default(&self) -> bool {
        *self == Route::default()
    }
}
