//! Owns the walk over attributes and the writing of them, which is most of what a large table
//! costs: `netlink-packet-core` computes a nest's length once per level and reads each length
//! three times.
//!
//! May import: `netlink-packet-core`. Source of truth: `struct nlattr` in
//! include/uapi/linux/netlink.h.

use std::mem::ManuallyDrop;

use netlink_packet_core::{DecodeError, NLA_HEADER_SIZE, Nla, NlaBuffer};

/// What attributes are padded to.
const ALIGNMENT: usize = 4;

/// Values up to this length, which are nearly all, are put together beside the message.
const SHORT: usize = 16;

/// Walks over the attributes of a payload; ends after the first one that makes no sense.
pub(super) struct Walk<'a>(&'a [u8]);

impl<'a> Walk<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<NlaBuffer<&'a [u8]>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.0);
        if rest.is_empty() {
            return None;
        }
        let Some(&[low, high, _, _]) = rest.first_chunk() else {
            return Some(Err(DecodeError::nla_buffer_too_small(
                rest.len(),
                NLA_HEADER_SIZE,
            )));
        };
        let length = usize::from(u16::from_ne_bytes([low, high]));
        if length < NLA_HEADER_SIZE {
            return Some(Err(DecodeError::nla_invalid_length(rest.len(), length)));
        }
        let Some((attribute, _)) = rest.split_at_checked(length) else {
            return Some(Err(DecodeError::nla_length_mismatch(rest.len(), length)));
        };
        self.0 = rest
            .get(length.next_multiple_of(ALIGNMENT)..)
            .unwrap_or_default();
        Some(Ok(NlaBuffer::new(attribute)))
    }
}

/// Where the attributes of a record go: into a list, or onto the wire.
pub(in crate::ipvs) trait Sink<A> {
    /// Takes the next one.
    fn put(&mut self, attribute: A);
}

impl<A> Sink<A> for Vec<A> {
    fn put(&mut self, attribute: A) {
        self.push(attribute);
    }
}

/// The end of a message.
pub(in crate::ipvs) struct Wire<'a>(&'a mut Vec<u8>);

impl Wire<'_> {
    /// Writes attributes of a list.
    pub(super) fn all(&mut self, attributes: &[impl Nla]) {
        for attribute in attributes {
            append(self.0, attribute);
        }
    }
}

impl<A: Nla> Sink<A> for Wire<'_> {
    // Which attribute it is, is known where it is put: inlined, nothing is left to be matched. Only
    // its drop would be, and no attribute of a request owns memory.
    #[inline(always)]
    fn put(&mut self, attribute: A) {
        append(self.0, &*ManuallyDrop::new(attribute));
    }
}

/// Writes an attribute to the end of a message.
#[inline(always)]
pub(super) fn append(message: &mut Vec<u8>, attribute: &impl Nla) {
    let length = attribute.value_len();
    let whole = NLA_HEADER_SIZE + length.next_multiple_of(ALIGNMENT);
    let mut short = [0; NLA_HEADER_SIZE + SHORT];
    match short.get_mut(..whole) {
        Some(room) => {
            emit(room, attribute, length);
            message.extend_from_slice(room);
        }
        None => {
            let start = message.len();
            message.resize(start + whole, 0);
            emit(
                message.get_mut(start..).unwrap_or_default(),
                attribute,
                length,
            );
        }
    }
}

/// Writes an attribute, whose value is that long, to the front of zeros.
#[inline(always)]
fn emit(room: &mut [u8], attribute: &impl Nla, length: usize) {
    if let Some((head, rest)) = room.split_first_chunk_mut()
        && let Some(value) = rest.get_mut(..length)
    {
        *head = header(length, attribute.kind());
        attribute.emit_value(value);
    }
}

/// Writes a nest to the end of a message; its length when that is known.
pub(super) fn append_nest(message: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Wire<'_>)) {
    let start = message.len();
    message.extend_from_slice(&header(0, kind));
    fill(&mut Wire(message));
    let length = length_bytes(message.len() - start);
    if let Some(field) = message.get_mut(start..start + length.len()) {
        field.copy_from_slice(&length);
    }
}

fn header(value: usize, kind: u16) -> [u8; NLA_HEADER_SIZE] {
    let ([a, b], [c, d]) = (length_bytes(NLA_HEADER_SIZE + value), kind.to_ne_bytes());
    [a, b, c, d]
}

/// The length of an attribute; no value of this family comes near the most that it can say.
fn length_bytes(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::{DefaultNla, Emitable, NlasIterator};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_what_the_crate_writes(
            values in proptest::collection::vec((1u16..100, any::<Vec<u8>>()), 0..5),
        ) {
            let attributes: Vec<DefaultNla> = (values.into_iter())
                .map(|(kind, value)| DefaultNla::new(kind, value))
                .collect();
            let mut theirs = vec![0; attributes.as_slice().buffer_len()];
            attributes.as_slice().emit(&mut theirs);
            let mut ours = Vec::new();
            for attribute in &attributes {
                append(&mut ours, attribute);
            }
            prop_assert_eq!(&ours, &theirs);
            let nest = DefaultNla::new(7, theirs);
            let mut whole = Vec::new();
            append(&mut whole, &nest);
            let mut nested = Vec::new();
            append_nest(&mut nested, 7, |wire| wire.all(&attributes));
            prop_assert_eq!(nested, whole);
        }

        #[test]
        fn any_bytes_are_walked_as_the_crate_walks_them(bytes: Vec<u8>) {
            let same = Walk::new(&bytes).zip(NlasIterator::new(&*bytes)).all(|pair| match pair {
                (Ok(ours), Ok(theirs)) => {
                    ours.kind() == theirs.kind() && ours.value() == theirs.value()
                }
                (ours, theirs) => ours.is_err() && theirs.is_err(),
            });
            prop_assert!(same);
            prop_assert_eq!(Walk::new(&bytes).count(), NlasIterator::new(&*bytes).count());
        }
    }
}
