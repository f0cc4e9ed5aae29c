//! Owns generic netlink: the header of its messages, and the resolution of a family's number.
//!
//! May import: `netlink-packet-generic`, siblings. Source of truth: `struct genlmsghdr` in
//! include/uapi/linux/genetlink.h; ctrl_getfamily in net/netlink/genetlink.c, which also asks for
//! the module `net-pf-16-proto-16-family-NAME` where the family is unknown.

use netlink_packet_core::{NlasIterator, parse_u16};
use netlink_packet_generic::constants::{CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, GENL_ID_CTRL};
use netlink_packet_generic::constants::{CTRL_CMD_GETFAMILY, GENL_HDRLEN};

use super::attribute::append_attribute;
use super::errno::Errno;
use super::error::{ExchangeError, Refusal};
use super::transport::Transport;

/// The version of the controller's messages, as libnl and iproute2 send it.
const CTRL_VERSION: u8 = 2;

/// Writes `struct genlmsghdr`.
pub(crate) fn append_header(body: &mut Vec<u8>, (command, version): (u8, u8)) {
    body.extend([command, version, 0, 0]);
}

/// Splits a payload into the command and the attributes.
pub(crate) fn split_header(payload: &[u8]) -> Option<(u8, &[u8])> {
    let (header, attributes) = payload.split_at_checked(GENL_HDRLEN)?;
    Some((*header.first()?, attributes))
}

/// Asks the kernel for the number of a family. The refusal is ENOENT where it is not registered.
pub(crate) fn resolve(
    transport: &mut Transport,
    name: &str,
) -> Result<Result<u16, Refusal>, ExchangeError> {
    let mut family = None;
    let answer = transport.request(
        (GENL_ID_CTRL, 0),
        |body| {
            append_header(body, (CTRL_CMD_GETFAMILY, CTRL_VERSION));
            append_attribute(
                body,
                CTRL_ATTR_FAMILY_NAME,
                &[name.as_bytes(), &[0]].concat(),
            );
        },
        |frame| {
            // Read by hand: the crate's parser fails on attributes newer than itself.
            let (_, attributes) = split_header(frame.payload).unwrap_or_default();
            for attribute in NlasIterator::new(attributes) {
                let attribute = attribute?;
                if attribute.kind() == CTRL_ATTR_FAMILY_ID {
                    family = Some(parse_u16(attribute.value())?);
                }
            }
            Ok::<(), ExchangeError>(())
        },
    )?;
    Ok(answer.and_then(|()| {
        family.ok_or(Refusal {
            errno: Errno::NOENT,
            message: None,
            offset: None,
        })
    }))
}

#[cfg(test)]
mod tests {
    use netlink_sys::protocols::NETLINK_GENERIC;

    use super::super::transport::Settings;
    use super::*;

    #[test]
    fn the_controllers_own_family_is_there_and_one_that_nobody_has_is_not() {
        let mut transport = Transport::open(Settings::new(NETLINK_GENERIC)).unwrap();
        assert_eq!(resolve(&mut transport, "nlctrl").unwrap(), Ok(GENL_ID_CTRL));
        let refusal = resolve(&mut transport, "no-such").unwrap().unwrap_err();
        assert_eq!(refusal.errno, Errno::NOENT);
    }
}
