//! Owns the walk over attributes and the writing of them, which is most of what a large table
//! costs: `netlink-packet-core` computes a nest's length once per level and reads each length
//! three times.
//!
//! May import: `netlink-packet-core`. Source of truth: `struct nlattr` in
//! include/uapi/linux/netlink.h.

use netlink_packet_core::{DecodeError, NLA_HEADER_SIZE, Nla, NlaBuffer};

/// What attributes are padded to.
const ALIGNMENT: usize = 4;

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

/// Writes an attribute to the end of a message.
pub(super) fn append(message: &mut Vec<u8>, attribute: &impl Nla) {
    let length = attribute.value_len();
    append_header(message, length, attribute.kind());
    let value = message.len();
    message.resize(value + length.next_multiple_of(ALIGNMENT), 0);
    if let Some(buffer) = message.get_mut(value..value + length) {
        attribute.emit_value(buffer);
    }
}

/// Writes a nest to the end of a message; its length when that is known.
pub(super) fn append_nest(message: &mut Vec<u8>, kind: u16, attributes: &[impl Nla]) {
    let start = message.len();
    append_header(message, 0, kind);
    for attribute in attributes {
        append(message, attribute);
    }
    let length = length_bytes(message.len() - start);
    if let Some(field) = message.get_mut(start..start + length.len()) {
        field.copy_from_slice(&length);
    }
}

fn append_header(message: &mut Vec<u8>, value: usize, kind: u16) {
    message.extend_from_slice(&length_bytes(NLA_HEADER_SIZE + value));
    message.extend_from_slice(&kind.to_ne_bytes());
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
            append_nest(&mut nested, 7, &attributes);
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
