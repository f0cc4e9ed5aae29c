//! The raw loader: what a kernel can take at most, as plainly as it can be written.
//!
//! It sends datagrams that were made before, 64 messages in each, of which the last asks for an
//! acknowledgement, and reads that. It knows nothing: no errors of single messages, no verification.

use std::fs;
use std::io;
use std::path::Path;

use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, NetlinkMessage, NetlinkPayload, NlasIterator,
};
use netlink_packet_generic::constants::{CTRL_ATTR_FAMILY_ID, GENL_HDRLEN};
use netlink_packet_generic::ctrl::nlas::GenlCtrlAttrs;
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use netlink_packet_generic::{GenlFamily, GenlMessage};
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::{Socket, SocketAddr};

use ipvsh::ipvs::Request;

const MESSAGES: usize = 64;
/// sizeof(struct nlmsghdr).
const HEADER: usize = 16;

/// Sends a file of datagrams, each behind its length.
pub fn load(file: &Path) -> io::Result<()> {
    let bytes = fs::read(file)?;
    let socket = open()?;
    let mut answer = Vec::with_capacity(1 << 16);
    let mut rest = bytes.as_slice();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (datagram, behind) = behind.split_at(u32::from_ne_bytes(*length) as usize);
        socket.send(datagram, 0)?;
        receive(&socket, &mut answer)?;
        let error = i32::from_ne_bytes(answer[HEADER..HEADER + 4].try_into().unwrap());
        if error != 0 {
            return Err(io::Error::from_raw_os_error(-error));
        }
        rest = behind;
    }
    Ok(())
}

/// Makes the datagrams of requests, for the kernel that runs now.
pub fn encode(requests: &[Request], file: &Path) -> io::Result<()> {
    let family = family()?;
    let mut bytes = Vec::new();
    for together in requests.chunks(MESSAGES) {
        let mut datagram = Vec::new();
        for (place, request) in together.iter().enumerate() {
            let last = place + 1 == together.len();
            let flags = NLM_F_REQUEST | if last { NLM_F_ACK } else { 0 };
            datagram.extend(message(request.to_message(), Some(family), flags));
        }
        bytes.extend(u32::try_from(datagram.len()).unwrap().to_ne_bytes());
        bytes.extend(datagram);
    }
    fs::write(file, bytes)
}

fn open() -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_GENERIC)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

fn receive(socket: &Socket, into: &mut Vec<u8>) -> io::Result<()> {
    into.clear();
    socket.recv(into, 0).map(|_| ())
}

fn message<F>(payload: F, family: Option<u16>, flags: u16) -> Vec<u8>
where
    F: GenlFamily + Emitable + std::fmt::Debug,
{
    let mut message = GenlMessage::from_payload(payload);
    if let Some(family) = family {
        message.set_resolved_family_id(family);
    }
    let mut message =
        NetlinkMessage::new(Default::default(), NetlinkPayload::InnerMessage(message));
    message.header.flags = flags;
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// The number that this kernel gave to the family.
fn family() -> io::Result<u16> {
    let socket = open()?;
    let name = GenlCtrlAttrs::FamilyName("IPVS".to_owned());
    let request = GenlCtrl {
        cmd: GenlCtrlCmd::GetFamily,
        nlas: vec![name],
    };
    socket.send(&message(request, None, NLM_F_REQUEST), 0)?;
    let mut answer = Vec::with_capacity(1 << 16);
    receive(&socket, &mut answer)?;
    let kind = u16::from_ne_bytes(answer[4..6].try_into().unwrap());
    if kind == NLMSG_ERROR {
        return Err(io::Error::other("this kernel has no IPVS"));
    }
    NlasIterator::new(&answer[HEADER + GENL_HDRLEN..])
        .flatten()
        .find(|attribute| attribute.kind() == CTRL_ATTR_FAMILY_ID)
        .map(|attribute| u16::from_ne_bytes(attribute.value()[..2].try_into().unwrap()))
        .ok_or_else(|| io::Error::other("the family has no number"))
}
