//! Owns dumps: answers of any number of messages, read as they are asked for.
//!
//! May import: siblings. Source of truth: netlink_dump in net/netlink/af_netlink.c.

use std::collections::VecDeque;

use netlink_packet_core::DecodeError;
use netlink_packet_generic::constants::GENL_HDRLEN;

use super::super::attr::Detail;
use super::super::error::IpvsError;
use super::super::message::{IpvsCommand, IpvsMessage};
use crate::netlink::{Frame, Transport, generic};

/// Walks over the records of a dump, in constant memory.
///
/// One that is dropped half way is harmless: the next operation reads and forgets its rest.
#[derive(Debug)]
pub struct Dump<'a> {
    transport: &'a mut Transport,
    family: u16,
    command: IpvsCommand,
    sequence: u32,
    detail: Detail,
    pending: VecDeque<IpvsMessage>,
    ended: bool,
    interrupted: bool,
    chunks: usize,
}

impl<'a> Dump<'a> {
    pub(super) fn start(
        transport: &'a mut Transport,
        family: u16,
        message: &IpvsMessage,
        detail: Detail,
    ) -> Result<Self, IpvsError> {
        let sequence = transport.start_dump(family, |body| append(body, message))?;
        Ok(Self {
            transport,
            family,
            command: message.cmd,
            sequence,
            detail,
            pending: VecDeque::new(),
            ended: false,
            interrupted: false,
            chunks: 0,
        })
    }

    /// Says whether the kernel marked the dump as inconsistent (`NLM_F_DUMP_INTR`). IPVS never
    /// does, as of Linux 7.0.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Counts the datagrams with records so far. The kernel holds its lock while it fills one:
    /// where there was one at most, the records belong together; between two of them the table
    /// may have changed, and entries may be missing or be there twice.
    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// Receives one datagram and takes it apart.
    fn fill(&mut self) -> Result<(), IpvsError> {
        let before = self.pending.len();
        let (family, detail, pending) = (self.family, self.detail, &mut self.pending);
        let chunk = self.transport.dump_chunk(self.sequence, |frame| {
            pending.extend(record(frame, family, detail)?);
            Ok::<(), IpvsError>(())
        })?;
        self.interrupted |= chunk.is_interrupted;
        self.chunks += usize::from(self.pending.len() > before);
        self.ended = chunk.end.is_some();
        match chunk.end {
            Some(Err(refusal)) => Err(IpvsError::of_refusal(self.command, refusal)),
            _ => Ok(()),
        }
    }
}

/// Reads a record; none where the message belongs to another family.
pub(super) fn record(
    frame: &Frame<'_>,
    family: u16,
    detail: Detail,
) -> Result<Option<IpvsMessage>, IpvsError> {
    if frame.message_type != family {
        return Ok(None);
    }
    let short = || DecodeError::buffer_too_small(frame.payload.len(), GENL_HDRLEN);
    let (command, attributes) = generic::split_header(frame.payload).ok_or_else(short)?;
    Ok(Some(IpvsMessage::parse(
        attributes,
        command.into(),
        detail,
    )?))
}

impl Iterator for Dump<'_> {
    type Item = Result<IpvsMessage, IpvsError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(message) = self.pending.pop_front() {
                return Some(Ok(message));
            }
            if self.ended {
                return None;
            }
            if let Err(error) = self.fill() {
                self.ended = true;
                self.pending.clear();
                return Some(Err(error));
            }
        }
    }
}

/// Writes what stands behind the netlink header of a message.
pub(super) fn append(body: &mut Vec<u8>, message: &IpvsMessage) {
    generic::append_header(body, message.cmd.header());
    message.append(body);
}
