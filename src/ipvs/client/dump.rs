//! Owns dumps: answers of any number of messages, read as they are asked for.
//!
//! May import: siblings. Source of truth: netlink_dump in net/netlink/af_netlink.c.

use std::collections::VecDeque;

use netlink_packet_core::{
    DecodeError, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
};

use super::super::attr::Detail;
use super::super::error::IpvsError;
use super::super::ext_ack::{parse_done, parse_error};
use super::super::message::{IpvsCommand, IpvsMessage};
use super::IpvsClient;
use super::frame::{Frame, Frames, GENL_HDRLEN};

/// Walks over the records of a dump, in constant memory.
///
/// One that is dropped half way is harmless: the next operation reads and forgets its rest.
#[derive(Debug)]
pub struct Dump<'a> {
    client: &'a mut IpvsClient,
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
        client: &'a mut IpvsClient,
        message: &IpvsMessage,
        detail: Detail,
    ) -> Result<Self, IpvsError> {
        let sequence = client.send_one(message, NLM_F_REQUEST | NLM_F_DUMP)?;
        Ok(Self {
            client,
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
        let transport = &mut self.client.transport;
        transport.receive(transport.deadline())?;
        let before = self.pending.len();
        for frame in Frames::new(transport.buffer()) {
            let frame = frame?;
            if frame.sequence != self.sequence || frame.port != transport.port() {
                continue;
            }
            self.interrupted |= frame.flags & NLM_F_DUMP_INTR != 0;
            let error = match frame.message_type {
                NLMSG_DONE => parse_done(frame.flags, frame.payload, self.command)?,
                NLMSG_ERROR => parse_error(frame.flags, frame.payload, self.command)?,
                _ => {
                    let record = record(&frame, self.client.family, self.detail)?;
                    self.pending.extend(record);
                    continue;
                }
            };
            self.ended = true;
            if let Some(error) = error {
                transport.finish();
                return Err(IpvsClient::refusal(error));
            }
        }
        if self.ended {
            transport.finish();
        }
        self.chunks += usize::from(self.pending.len() > before);
        Ok(())
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
    let (header, attributes) = frame
        .payload
        .split_at_checked(GENL_HDRLEN)
        .ok_or_else(short)?;
    let command = header.first().copied().unwrap_or_default();
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
