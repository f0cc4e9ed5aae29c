//! Owns the reading of error answers: the number and the extended-ack attributes behind it.
//!
//! May import: `netlink-packet-core`, which has no parser for them as of 0.9.
//! Source of truth: `struct nlmsgerr` and `NLMSGERR_ATTR_*` in include/uapi/linux/netlink.h,
//! netlink_ack and netlink_dump_done in net/netlink/af_netlink.c.

use netlink_packet_core::{
    DecodeError, NLM_F_ACK_TLVS, NLM_F_CAPPED, NlasIterator, parse_i32, parse_u32,
};

use super::errno::Errno;
use super::error::Refusal;

const NLMSGERR_ATTR_MSG: u16 = 1;
const NLMSGERR_ATTR_OFFS: u16 = 2;

/// Size of `struct nlmsghdr`.
const NLMSG_HDRLEN: usize = 16;

/// Reads an NLMSG_ERROR: none is an acknowledgement.
///
/// # Errors
/// [`DecodeError`] where there is no room for the number.
pub(crate) fn parse_error(flags: u16, payload: &[u8]) -> Result<Option<Refusal>, DecodeError> {
    let (number, request) = split_number(payload)?;
    // Without NLM_F_CAPPED the whole request is quoted, not only its header.
    let quoted = if flags & NLM_F_CAPPED != 0 {
        NLMSG_HDRLEN
    } else {
        let length = request.get(..4).map(parse_u32).transpose()?.unwrap_or(0);
        usize::try_from(length)
            .unwrap_or(usize::MAX)
            .max(NLMSG_HDRLEN)
    };
    let rest = quoted
        .checked_next_multiple_of(4)
        .and_then(|at| request.get(at..));
    Ok(refusal(number, flags, rest.unwrap_or_default()))
}

/// Reads an NLMSG_DONE: none is a dump that ended well. An empty one is, too.
///
/// # Errors
/// [`DecodeError`] where there is no room for the number.
pub(super) fn parse_done(flags: u16, payload: &[u8]) -> Result<Option<Refusal>, DecodeError> {
    if payload.is_empty() {
        return Ok(None);
    }
    let (number, rest) = split_number(payload)?;
    Ok(refusal(number, flags, rest))
}

fn split_number(payload: &[u8]) -> Result<(i32, &[u8]), DecodeError> {
    let (number, rest) = payload
        .split_at_checked(4)
        .ok_or_else(|| DecodeError::buffer_too_small(payload.len(), 4))?;
    Ok((parse_i32(number)?, rest))
}

/// Puts a refusal together. Attributes that make no sense are passed over: the number counts.
fn refusal(number: i32, flags: u16, attributes: &[u8]) -> Option<Refusal> {
    // A dump's end carries the length of what it dumped where nothing failed: only negative
    // numbers are errors.
    if number >= 0 {
        return None;
    }
    let errno = Errno::from_raw(number.saturating_neg());
    let mut refusal = Refusal {
        errno,
        message: None,
        offset: None,
    };
    if flags & NLM_F_ACK_TLVS != 0 {
        for attribute in NlasIterator::new(attributes).map_while(Result::ok) {
            match attribute.kind() {
                NLMSGERR_ATTR_MSG => {
                    let text = String::from_utf8_lossy(attribute.value());
                    refusal.message = Some(text.trim_end_matches('\0').to_owned());
                }
                NLMSGERR_ATTR_OFFS => refusal.offset = parse_u32(attribute.value()).ok(),
                _ => {}
            }
        }
    }
    Some(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EINVAL with the text "bad" (padded) and offset 20, behind a quoted request of `quoted`
    /// bytes in all.
    fn bytes(quoted: usize) -> Vec<u8> {
        let mut bytes = (-22i32).to_ne_bytes().to_vec();
        bytes.extend(u32::try_from(quoted).unwrap().to_ne_bytes());
        bytes.resize(4 + quoted.next_multiple_of(4), 0);
        bytes.extend([8, 0, 1, 0]);
        bytes.extend(*b"bad\0");
        bytes.extend([8, 0, 2, 0, 20, 0, 0, 0]);
        bytes
    }

    #[test]
    fn text_and_offset_are_found_behind_a_capped_request_and_a_whole_one() {
        for (quoted, flags) in [(16, NLM_F_CAPPED | NLM_F_ACK_TLVS), (27, NLM_F_ACK_TLVS)] {
            let refusal = parse_error(flags, &bytes(quoted)).unwrap().unwrap();
            assert_eq!(refusal.errno, Errno::INVAL);
            assert_eq!(refusal.message.as_deref(), Some("bad"));
            assert_eq!(refusal.offset, Some(20));
        }
    }

    #[test]
    fn an_acknowledgement_is_no_error_and_a_short_answer_is_not_read() {
        let ack = [0; 20];
        assert_eq!(parse_error(NLM_F_CAPPED, &ack).unwrap(), None);
        assert!(parse_error(0, &[0, 0]).is_err());
        assert_eq!(parse_done(0, &[]).unwrap(), None);
    }

    /// The payload of what Linux 6.18 answered to `ip address add 192.0.2.10/32 dev lo label
    /// lo:vip` where the address was there (strace of iproute2 6.1 in a new network namespace).
    #[test]
    fn a_refusal_of_route_netlink_is_read() {
        let mut answer = (-17i32).to_ne_bytes().to_vec();
        answer.extend([
            0x34, 0, 0, 0, 0x14, 0, 5, 6, 2, 0xaf, 0x0c, 0x6b, 0, 0, 0, 0,
        ]);
        answer.extend([2, 0x20, 0, 0, 1, 0, 0, 0, 8, 0, 2, 0, 192, 0, 2, 10]);
        answer.extend(*b"\x0b\0\x03\0lo:vip\0\0\x08\0\x01\0\xc0\0\x02\x0a");
        answer.extend(*b"\x23\0\x01\0ipv4: Address already assigned\0\0");
        let refusal = parse_error(NLM_F_ACK_TLVS, &answer).unwrap().unwrap();
        assert_eq!(
            refusal.to_string(),
            "EEXIST: File exists (the kernel says: ipv4: Address already assigned)"
        );
    }
}
