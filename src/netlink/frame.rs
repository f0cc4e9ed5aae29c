//! Owns the framing: netlink messages in a datagram, both ways.
//!
//! May import: `netlink-packet-core`.
//! Source of truth: `struct nlmsghdr` in include/uapi/linux/netlink.h.

use netlink_packet_core::{DecodeError, NLM_F_ACK, NLM_F_REQUEST, NLMSG_NOOP, NetlinkBuffer};

/// Size of `struct nlmsghdr`.
const NLMSG_HDRLEN: usize = 16;

/// Holds one message of a received datagram.
pub(crate) struct Frame<'a> {
    pub(crate) message_type: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    pub(crate) port: u32,
    pub(crate) payload: &'a [u8],
}

/// Walks over the messages of a datagram; ends after the first one that makes no sense.
pub(crate) struct Frames<'a>(&'a [u8]);

impl<'a> Frames<'a> {
    pub(crate) fn new(datagram: &'a [u8]) -> Self {
        Self(datagram)
    }

    fn split(datagram: &'a [u8]) -> Result<(Frame<'a>, &'a [u8]), DecodeError> {
        // new_checked does not check that the length covers the header itself.
        let header = NetlinkBuffer::new_checked(datagram)?;
        let length = usize::try_from(header.length()).unwrap_or(usize::MAX);
        let payload = datagram
            .get(NLMSG_HDRLEN..length)
            .ok_or_else(|| DecodeError::buffer_too_small(datagram.len(), length))?;
        let frame = Frame {
            message_type: header.message_type(),
            flags: header.flags(),
            sequence: header.sequence_number(),
            port: header.port_number(),
            payload,
        };
        let next = length
            .checked_next_multiple_of(4)
            .and_then(|at| datagram.get(at..));
        Ok((frame, next.unwrap_or_default()))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        match Self::split(self.0) {
            Ok((frame, rest)) => {
                self.0 = rest;
                Some(Ok(frame))
            }
            Err(error) => {
                self.0 = &[];
                Some(Err(error))
            }
        }
    }
}

/// Writes one request to the end of `datagram`; `body` writes what stands behind its header.
pub(crate) fn append(
    datagram: &mut Vec<u8>,
    (kind, flags, sequence): (u16, u16, u32),
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = datagram.len();
    append_header(datagram, 0, kind, flags, sequence);
    body(datagram);
    // All attributes are padded to 4 bytes, so the next message starts aligned.
    let length = length_bytes(datagram.len() - start);
    if let Some(field) = datagram.get_mut(start..start + length.len()) {
        field.copy_from_slice(&length);
    }
}

/// Writes a message that asks for nothing but an acknowledgement, which the kernel gives without
/// looking further (netlink_rcv_skb skips control messages).
pub(crate) fn append_end(datagram: &mut Vec<u8>, sequence: u32) {
    let flags = NLM_F_REQUEST | NLM_F_ACK;
    append_header(datagram, NLMSG_HDRLEN, NLMSG_NOOP, flags, sequence);
}

/// Writes `struct nlmsghdr`; the port of the sender is the kernel's to fill in.
fn append_header(datagram: &mut Vec<u8>, length: usize, kind: u16, flags: u16, sequence: u32) {
    datagram.extend_from_slice(&length_bytes(length));
    datagram.extend_from_slice(&kind.to_ne_bytes());
    datagram.extend_from_slice(&flags.to_ne_bytes());
    datagram.extend_from_slice(&sequence.to_ne_bytes());
    datagram.extend_from_slice(&0u32.to_ne_bytes());
}

/// The length of a message; none of ours is longer than a datagram.
fn length_bytes(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_a_datagram_is_a_message() {
        let mut bytes = Vec::new();
        append_end(&mut bytes, 7);
        let frames: Vec<_> = Frames::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(frames.len(), 1);
        assert_eq!(
            (frames[0].message_type, frames[0].sequence),
            (NLMSG_NOOP, 7)
        );
        assert_eq!(frames[0].flags, NLM_F_REQUEST | NLM_F_ACK);
        assert!(frames[0].payload.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_without_a_panic_and_to_an_end(bytes: Vec<u8>) {
            prop_assert!(Frames::new(&bytes).count() <= bytes.len());
        }

        #[test]
        fn headers_with_any_length_are_walked(length in 0u32..64, rest: [u8; 28]) {
            let mut bytes = length.to_ne_bytes().to_vec();
            bytes.extend(rest);
            for frame in Frames::new(&bytes).flatten() {
                prop_assert!(frame.payload.len() <= bytes.len() - NLMSG_HDRLEN);
            }
        }
    }
}
