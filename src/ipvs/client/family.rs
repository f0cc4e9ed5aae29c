//! Owns the resolution of the family's number.
//!
//! May import: `netlink-packet-generic`, siblings. Source of truth: ctrl_getfamily in
//! net/netlink/genetlink.c, which also asks for the module `net-pf-16-proto-16-family-IPVS`
//! where the family is unknown.

use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, NlasIterator, parse_u16,
};
use netlink_packet_generic::GenlFamily;
use netlink_packet_generic::constants::{CTRL_ATTR_FAMILY_ID, GENL_HDRLEN, GENL_ID_CTRL};
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};

use super::super::errno::Errno;
use super::super::error::IpvsError;
use super::super::ext_ack::parse_error;
use super::super::message::{IpvsCommand, IpvsMessage};
use super::frame::{Frames, append};
use super::transport::Transport;

/// Asks the kernel for the number of the family.
///
/// # Errors
/// [`IpvsError::NoFamily`] where it is not registered.
pub(super) fn resolve(transport: &mut Transport) -> Result<u16, IpvsError> {
    let name = GenlCtrlAttrs::FamilyName(IpvsMessage::family_name().to_owned());
    let request = GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![name],
    };
    let sequence = transport.next_sequence();
    let mut datagram = Vec::new();
    append(
        &mut datagram,
        (GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, sequence),
        (request.command(), request.version()),
        |datagram| {
            let start = datagram.len();
            datagram.resize(start + request.buffer_len(), 0);
            request.emit(datagram.get_mut(start..).unwrap_or_default());
        },
    );
    transport.send(&datagram)?;
    let deadline = transport.deadline();
    let mut family = None;
    loop {
        transport.receive(deadline)?;
        for frame in Frames::new(transport.buffer()) {
            let frame = frame?;
            if frame.sequence != sequence || frame.port != transport.port() {
                continue;
            }
            if frame.message_type == NLMSG_ERROR {
                // IPVS has no part in this answer: no command of it is meant.
                let error = parse_error(frame.flags, frame.payload, IpvsCommand::Other(0))?;
                transport.finish();
                return match error {
                    Some(error) if error.errno == Errno::NOENT => Err(IpvsError::NoFamily),
                    Some(error) => Err(error.into()),
                    None => family.ok_or(IpvsError::NoFamily),
                };
            }
            // Read by hand: the crate's parser fails on attributes newer than itself.
            for attribute in NlasIterator::new(frame.payload.get(GENL_HDRLEN..).unwrap_or(&[])) {
                let attribute = attribute?;
                if attribute.kind() == CTRL_ATTR_FAMILY_ID {
                    family = Some(parse_u16(attribute.value())?);
                }
            }
        }
    }
}
