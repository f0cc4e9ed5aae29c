//! Owns what adds a tunnel.
//!
//! May import: `link`, `netlink::attribute`. Source of truth: `IFLA_IPTUN_*` and `IFLA_GRE_*` in
//! include/uapi/linux/if_tunnel.h; ipip_netlink_parms in net/ipv4/ipip.c, ipgre_netlink_parms in
//! net/ipv4/ip_gre.c.

use std::net::Ipv4Addr;

use super::super::attribute::{append_attribute, append_nest};
use super::link;

const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_IPTUN_LOCAL: u16 = 2;
const IFLA_IPTUN_REMOTE: u16 = 3;
const IFLA_GRE_LOCAL: u16 = 6;
const IFLA_GRE_REMOTE: u16 = 7;

/// Says how a tunnel wraps packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelKind {
    /// IP in IP.
    Ipip,
    /// Generic routing encapsulation.
    Gre,
}

impl TunnelKind {
    /// Gives the name that the kernel has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipip => "ipip",
            Self::Gre => "gre",
        }
    }

    /// The attributes of the two ends: local, remote.
    fn ends(self) -> (u16, u16) {
        match self {
            Self::Ipip => (IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE),
            Self::Gre => (IFLA_GRE_LOCAL, IFLA_GRE_REMOTE),
        }
    }
}

/// Holds a tunnel that is to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Name, at most 15 bytes.
    pub name: String,
    /// Kind.
    pub kind: TunnelKind,
    /// The address of this host that wrapped packets come to; none: any that no other tunnel of the
    /// kind has.
    pub local: Option<Ipv4Addr>,
    /// The host that wrapped packets come from; none: any.
    pub remote: Option<Ipv4Addr>,
}

impl Tunnel {
    /// Writes what an RTM_NEWLINK carries.
    pub(super) fn append(&self, body: &mut Vec<u8>) {
        let (local, remote) = self.kind.ends();
        link::append_header(body, 0, 0, 0);
        append_attribute(body, IFLA_IFNAME, &[self.name.as_bytes(), &[0]].concat());
        append_nest(body, IFLA_LINKINFO, |body| {
            append_attribute(body, IFLA_INFO_KIND, self.kind.name().as_bytes());
            append_nest(body, IFLA_INFO_DATA, |body| {
                for (kind, end) in [(local, self.local), (remote, self.remote)] {
                    if let Some(end) = end {
                        append_attribute(body, kind, &end.octets());
                    }
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ip link add tn7 type ipip local 10.0.0.7 remote 10.0.0.8` of iproute2 6.1 (strace), behind
    /// the netlink header, without the attributes that only state defaults.
    #[test]
    fn a_tunnel_is_added_as_iproute2_does_it() {
        let mut body = Vec::new();
        let tunnel = Tunnel {
            name: "tn7".to_owned(),
            kind: TunnelKind::Ipip,
            local: Some([10, 0, 0, 7].into()),
            remote: Some([10, 0, 0, 8].into()),
        };
        tunnel.append(&mut body);
        let mut expected = vec![0; 16];
        expected.extend(*b"\x08\0\x03\0tn7\0");
        expected.extend(*b"\x20\0\x12\0\x08\0\x01\0ipip\x14\0\x02\0");
        expected.extend([8, 0, 2, 0, 10, 0, 0, 7, 8, 0, 3, 0, 10, 0, 0, 8]);
        assert_eq!(body, expected);
    }
}
