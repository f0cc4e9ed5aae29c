//! Whether nf_tables has a table: one message in place of one run of iptables.
//!
//! May import: `model`, `netlink`. Source of truth: include/uapi/linux/netfilter/nfnetlink.h and
//! nf_tables.h, nf_tables_gettable in net/netfilter/nf_tables_api.c.

use netlink_sys::protocols::NETLINK_NETFILTER;

use crate::model::Family;
use crate::netlink::{Errno, ExchangeError, Refusal, Settings, Transport, append_attribute};

/// NFNL_SUBSYS_NFTABLES in the upper byte, NFT_MSG_GETTABLE in the lower.
const GET_TABLE: u16 = 10 << 8 | 1;
/// NFTA_TABLE_NAME.
const TABLE_NAME: u16 = 1;
const NFPROTO_IPV4: u8 = 2;
const NFPROTO_IPV6: u8 = 10;

/// Says for certain that this network namespace has no such table; false where it has one, and
/// where the kernel does not say.
///
/// iptables on nf_tables keeps its tables under their own names (`nft_family_ops` and
/// `nft_table_initialize` in its sources), and a table that nobody has made holds no rules.
pub(super) fn lacks_table(family: Family, table: &str) -> bool {
    let answer = ask(family, table);
    answer.is_ok_and(|answer| answer.is_err_and(|refusal| refusal.errno == Errno::NOENT))
}

/// Asks for a table; gives the kernel's refusal, where it is one.
fn ask(family: Family, table: &str) -> Result<Result<(), Refusal>, ExchangeError> {
    let mut transport = Transport::open(Settings::new(NETLINK_NETFILTER))?;
    let body = |body: &mut Vec<u8>| append_request(body, family, table);
    transport.request((GET_TABLE, 0), body, |_| Ok(()))
}

fn append_request(body: &mut Vec<u8>, family: Family, table: &str) {
    let family = match family {
        Family::Ipv4 => NFPROTO_IPV4,
        Family::Ipv6 => NFPROTO_IPV6,
    };
    // struct nfgenmsg: family, version, resource.
    body.extend([family, 0, 0, 0]);
    append_attribute(body, TABLE_NAME, &[table.as_bytes(), &[0]].concat());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `nft list table ip mangle` sends first (strace, nft 1.0.6), behind the netlink header.
    #[test]
    fn a_request_is_as_nft_makes_it() {
        let mut expected = vec![2, 0, 0, 0, 11, 0, 1, 0];
        expected.extend(*b"mangle\0\0");
        let mut body = Vec::new();
        append_request(&mut body, Family::Ipv4, "mangle");
        assert_eq!(body, expected);
        body.clear();
        append_request(&mut body, Family::Ipv6, "raw");
        assert_eq!((body.len(), body[0]), (12, NFPROTO_IPV6));
    }
}
