//! Owns the reading of error answers: the number and the extended-ack attributes behind it.
//!
//! May import: `netlink-packet-core`, which has no parser for them as of 0.9.
//! Source of truth: `struct nlmsgerr` and `NLMSGERR_ATTR_*` in include/uapi/linux/netlink.h,
//! netlink_ack and netlink_dump_done in net/netlink/af_netlink.c.

use netlink_packet_core::{
    DecodeError, NLM_F_ACK_TLVS, NLM_F_CAPPED, NlasIterator, parse_i32, parse_u32,
};

use super::errno::Errno;
use super::error::KernelError;
use super::message::IpvsCommand;

const NLMSGERR_ATTR_MSG: u16 = 1;
const NLMSGERR_ATTR_OFFS: u16 = 2;

/// Size of `struct nlmsghdr`.
const NLMSG_HDRLEN: usize = 16;

/// Reads an NLMSG_ERROR: none is an acknowledgement.
///
/// # Errors
/// [`DecodeError`] where there is no room for the number.
pub(super) fn parse_error(
    flags: u16,
    payload: &[u8],
    command: IpvsCommand,
) -> Result<Option<KernelError>, DecodeError> {
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
    Ok(kernel_error(
        number,
        flags,
        rest.unwrap_or_default(),
        command,
    ))
}

/// Reads an NLMSG_DONE: none is a dump that ended well. An empty one is, too.
///
/// # Errors
/// [`DecodeError`] where there is no room for the number.
pub(super) fn parse_done(
    flags: u16,
    payload: &[u8],
    command: IpvsCommand,
) -> Result<Option<KernelError>, DecodeError> {
    if payload.is_empty() {
        return Ok(None);
    }
    let (number, rest) = split_number(payload)?;
    Ok(kernel_error(number, flags, rest, command))
}

fn split_number(payload: &[u8]) -> Result<(i32, &[u8]), DecodeError> {
    let (number, rest) = payload
        .split_at_checked(4)
        .ok_or_else(|| DecodeError::buffer_too_small(payload.len(), 4))?;
    Ok((parse_i32(number)?, rest))
}

/// Puts a refusal together. Attributes that make no sense are passed over: the number counts.
fn kernel_error(
    number: i32,
    flags: u16,
    attributes: &[u8],
    command: IpvsCommand,
) -> Option<KernelError> {
    // A dump's end carries the length of what it dumped where nothing failed: only negative
    // numbers are errors.
    if number >= 0 {
        return None;
    }
    let errno = Errno::from_raw(number.saturating_neg());
    let mut error = KernelError {
        command,
        errno,
        message: None,
        offset: None,
    };
    if flags & NLM_F_ACK_TLVS != 0 {
        for attribute in NlasIterator::new(attributes).map_while(Result::ok) {
            match attribute.kind() {
                NLMSGERR_ATTR_MSG => {
                    let text = String::from_utf8_lossy(attribute.value());
                    error.message = Some(text.trim_end_matches('\0').to_owned());
                }
                NLMSGERR_ATTR_OFFS => error.offset = parse_u32(attribute.value()).ok(),
                _ => {}
            }
        }
    }
    Some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EINVAL with the text "bad" (padded) and offset 20, behind a quoted request of `quoted`
    /// bytes in all.
    fn refusal(quoted: usize) -> Vec<u8> {
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
            let payload = refusal(quoted);
            let error = parse_error(flags, &payload, IpvsCommand::Flush)
                .unwrap()
                .unwrap();
            assert_eq!(error.errno, Errno::INVAL);
            assert_eq!(error.message.as_deref(), Some("bad"));
            assert_eq!(error.offset, Some(20));
        }
    }

    #[test]
    fn an_acknowledgement_is_no_error_and_a_short_answer_is_not_read() {
        let ack = [0; 20];
        assert_eq!(
            parse_error(NLM_F_CAPPED, &ack, IpvsCommand::Flush).unwrap(),
            None
        );
        assert!(parse_error(0, &[0, 0], IpvsCommand::Flush).is_err());
        assert_eq!(parse_done(0, &[], IpvsCommand::GetDest).unwrap(), None);
    }

    #[test]
    fn a_refusal_is_told_with_name_meaning_and_the_kernels_words() {
        let error = KernelError {
            command: IpvsCommand::NewService,
            errno: Errno::EXIST,
            message: Some("hm".into()),
            offset: None,
        };
        assert_eq!(
            error.to_string(),
            "EEXIST: the service already exists (the kernel says: hm)"
        );
    }
}
