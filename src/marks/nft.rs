//! Whether nf_tables has a table: one message in place of one run of iptables.
//!
//! May import: `model`, `netlink-packet-core`, `netlink-sys`, rustix. Source of truth:
//! include/uapi/linux/netfilter/nfnetlink.h and nf_tables.h, nf_tables_gettable in
//! net/netfilter/nf_tables_api.c.

use std::io;

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::model::Family;

const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
/// NFNL_SUBSYS_NFTABLES in the upper byte, NFT_MSG_GETTABLE in the lower.
const GET_TABLE: u16 = 10 << 8 | 1;
/// NFTA_TABLE_NAME.
const TABLE_NAME: u16 = 1;
const NFPROTO_IPV4: u8 = 2;
const NFPROTO_IPV6: u8 = 10;
const ENOENT: i32 = 2;
/// Size of `struct nlmsghdr`.
const NLMSG_HDRLEN: usize = 16;

/// Says for certain that this network namespace has no such table; false where it has one, and
/// where the kernel does not say.
///
/// iptables on nf_tables keeps its tables under their own names (`nft_family_ops` and
/// `nft_table_initialize` in its sources), and a table that nobody has made holds no rules.
pub(super) fn lacks_table(family: Family, table: &str) -> bool {
    ask(family, table).is_ok_and(|errno| errno == Some(ENOENT))
}

/// Asks for a table; gives the kernel's refusal, where it is one.
fn ask(family: Family, table: &str) -> io::Result<Option<i32>> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.send_to(&request(family, table), &SocketAddr::new(0, 0), 0)?;
    // The kernel answers while it is asked; a second is for a host that is out of memory.
    let second = Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    };
    let mut fds = [PollFd::new(&socket, PollFlags::IN)];
    if poll(&mut fds, Some(&second))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let mut answer = Vec::with_capacity(4096);
    let (_, sender) = socket.recv_from(&mut answer, 0)?;
    if sender.port_number() != 0 {
        return Err(io::Error::other("an answer of somebody else"));
    }
    Ok(refusal(&answer))
}

fn request(family: Family, table: &str) -> Vec<u8> {
    let family = match family {
        Family::Ipv4 => NFPROTO_IPV4,
        Family::Ipv6 => NFPROTO_IPV6,
    };
    // struct nlattr and a string with its end; what follows would begin at a multiple of four.
    let attribute = u16::try_from(4 + table.len() + 1).unwrap_or_default();
    let length = NLMSG_HDRLEN + 4 + usize::from(attribute).next_multiple_of(4);
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(u32::try_from(length).unwrap_or_default().to_ne_bytes());
    bytes.extend(GET_TABLE.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend([0; 8]);
    // struct nfgenmsg: family, version, resource.
    bytes.extend([family, 0, 0, 0]);
    bytes.extend(attribute.to_ne_bytes());
    bytes.extend(TABLE_NAME.to_ne_bytes());
    bytes.extend(table.as_bytes());
    bytes.resize(length, 0);
    bytes
}

/// The errno of an answer that is one.
fn refusal(answer: &[u8]) -> Option<i32> {
    let header = NetlinkBuffer::new_checked(answer).ok()?;
    if header.message_type() != NLMSG_ERROR {
        return None;
    }
    let errno = answer.get(NLMSG_HDRLEN..)?.first_chunk::<4>()?;
    i32::from_ne_bytes(*errno).checked_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `nft list table ip mangle` sends first (strace, nft 1.0.6), but for its flags and
    /// sequence number.
    #[test]
    fn a_request_is_as_nft_makes_it() {
        let mut expected = vec![32, 0, 0, 0, 1, 10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        expected.extend([2, 0, 0, 0, 11, 0, 1, 0]);
        expected.extend(*b"mangle\0\0");
        assert_eq!(request(Family::Ipv4, "mangle"), expected);
        let other = request(Family::Ipv6, "raw");
        assert_eq!((other.len(), other[16]), (28, NFPROTO_IPV6));
    }

    #[test]
    fn only_a_refusal_is_one() {
        let mut answer = vec![36, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0];
        answer.extend((-ENOENT).to_ne_bytes());
        answer.extend(&request(Family::Ipv4, "mangle")[..16]);
        assert_eq!(refusal(&answer), Some(ENOENT));
        for end in 0..answer.len() {
            assert_eq!(refusal(&answer[..end]), None, "cut at {end}");
        }
        // NFT_MSG_NEWTABLE.
        answer[4..6].copy_from_slice(&(10_u16 << 8).to_ne_bytes());
        assert_eq!(refusal(&answer), None);
    }
}
