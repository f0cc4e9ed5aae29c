//! The nodes of the content-addressed part: their bytes, and where they come from.
//!
//! | first byte | rest |
//! |---|---|
//! | `L`, a leaf | items: key length, key, value length, value; sorted by key |
//! | `B`, a branch | which of 16 children there are (u16, big endian, bit 0 first), items below, bytes below, the children's addresses |
//! | `P`, a piece | bytes of a long value |
//! | `I`, an index | the addresses of pieces, or of further indexes, in order |
//!
//! Lengths and counts are LEB128.

use std::collections::BTreeMap;

use super::address::{Address, LENGTH, damaged};
use crate::error::{Error, Result};

/// Where nodes are read from, by two threads at once, and written to.
pub(super) trait Nodes: Sync {
    /// Reads a node's bytes.
    ///
    /// # Errors
    /// `damaged` where it is missing or does not fit its address.
    fn read(&self, address: Address) -> Result<Vec<u8>>;

    /// Keeps a node.
    fn write(&mut self, bytes: Vec<u8>) -> Address;
}

/// How much is below a node: the form of a tree follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    /// Items.
    pub(super) count: u64,
    /// Bytes of their keys and values.
    pub(super) bytes: u64,
}

impl Totals {
    /// Adds one item.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count = self.count.saturating_add(1);
        let bytes = key.len().saturating_add(value.len()) as u64;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// These without some and with others.
    pub(super) fn exchange(self, without: Totals, with: Totals) -> Totals {
        let one = |all: u64, less: u64, more: u64| all.saturating_sub(less).saturating_add(more);
        Totals {
            count: one(self.count, without.count, with.count),
            bytes: one(self.bytes, without.bytes, with.bytes),
        }
    }
}

/// Items by key.
pub(super) type Items = BTreeMap<Vec<u8>, Vec<u8>>;

/// The children of a branch by the next four bits of their keys' digests.
pub(super) type Children = [Option<Address>; 16];

/// A node, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Items.
    Leaf(Items),
    /// What is below it, and its children.
    Branch(Totals, Box<Children>),
    /// Bytes of a long value.
    Piece(Vec<u8>),
    /// Addresses of pieces or indexes.
    Index(Vec<Address>),
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn take_bytes<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// The items of an encoded leaf, one by one, where they stand; `None` is the end of what can be
/// understood.
pub(super) struct Leaf<'a> {
    rest: &'a [u8],
}

impl<'a> Leaf<'a> {
    /// Of the bytes of a node, where that is a leaf.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Leaf<'a>> {
        bytes.strip_prefix(b"L").map(|rest| Leaf { rest })
    }

    fn take(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let length = take_number(&mut self.rest)?;
        let key = take_bytes(&mut self.rest, length)?;
        let length = take_number(&mut self.rest)?;
        Some((key, take_bytes(&mut self.rest, length)?))
    }
}

impl<'a> Iterator for Leaf<'a> {
    type Item = Option<(&'a [u8], &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.take();
        if item.is_none() {
            self.rest = &[];
        }
        Some(item)
    }
}

/// The error for a node whose bytes make no sense.
pub(super) fn not_understood(address: Address) -> Error {
    damaged(format!("node {address} cannot be understood"))
}

impl Node {
    /// The bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Node::Leaf(items) => {
                out.push(b'L');
                for (key, value) in items {
                    for part in [key, value] {
                        put_number(&mut out, part.len() as u64);
                        out.extend_from_slice(part);
                    }
                }
            }
            Node::Branch(totals, children) => {
                out.push(b'B');
                let there = (0u16..)
                    .zip(children.iter())
                    .filter(|(_, child)| child.is_some());
                let bits = there.fold(0u16, |bits, (place, _)| bits | (1 << place));
                out.extend_from_slice(&bits.to_be_bytes());
                put_number(&mut out, totals.count);
                put_number(&mut out, totals.bytes);
                for child in children.iter().flatten() {
                    out.extend_from_slice(child.bytes());
                }
            }
            Node::Piece(bytes) => {
                out.push(b'P');
                out.extend_from_slice(bytes);
            }
            Node::Index(addresses) => {
                out.push(b'I');
                for address in addresses {
                    out.extend_from_slice(address.bytes());
                }
            }
        }
        out
    }

    fn decode(bytes: &[u8]) -> Option<Node> {
        let (kind, mut rest) = bytes.split_first()?;
        let node = match kind {
            b'L' => {
                let owned = |item: Option<(&[u8], &[u8])>| {
                    item.map(|(key, value)| (key.to_vec(), value.to_vec()))
                };
                Node::Leaf(Leaf { rest }.map(owned).collect::<Option<Items>>()?)
            }
            b'B' => {
                let bits = u16::from_be_bytes(take_bytes(&mut rest, 2)?.try_into().ok()?);
                let totals = Totals {
                    count: take_number(&mut rest)?,
                    bytes: take_number(&mut rest)?,
                };
                let mut children = [None; 16];
                for (place, child) in (0u16..).zip(children.iter_mut()) {
                    if bits & (1 << place) != 0 {
                        *child = Some(Address::from_bytes(take_bytes(&mut rest, LENGTH as u64)?)?);
                    }
                }
                if !rest.is_empty() {
                    return None;
                }
                Node::Branch(totals, Box::new(children))
            }
            b'P' => Node::Piece(rest.to_vec()),
            b'I' => {
                let addresses = rest.chunks(LENGTH).map(Address::from_bytes);
                Node::Index(addresses.collect::<Option<Vec<_>>>()?)
            }
            _ => return None,
        };
        Some(node)
    }

    /// The node of these bytes, read from an address.
    ///
    /// # Errors
    /// `damaged` where they cannot be understood.
    pub(super) fn of(address: Address, bytes: &[u8]) -> Result<Node> {
        Node::decode(bytes).ok_or_else(|| not_understood(address))
    }

    /// Reads and decodes a node.
    ///
    /// # Errors
    /// `damaged` where it is missing, does not fit its address or cannot be understood.
    pub(super) fn load(nodes: &impl Nodes, address: Address) -> Result<Node> {
        Node::of(address, &nodes.read(address)?)
    }

    /// Encodes and keeps the node.
    pub(super) fn store(&self, nodes: &mut impl Nodes) -> Address {
        nodes.write(self.encode())
    }

    /// The nodes that this one leads to.
    pub(super) fn children(&self) -> Vec<Address> {
        match self {
            Node::Branch(_, children) => children.iter().flatten().copied().collect(),
            Node::Index(addresses) => addresses.clone(),
            Node::Leaf(_) | Node::Piece(_) => Vec::new(),
        }
    }
}

/// Nodes in memory, on top of nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Loose(pub(super) BTreeMap<Address, Vec<u8>>);

impl Nodes for Loose {
    fn read(&self, address: Address) -> Result<Vec<u8>> {
        let found = self.0.get(&address).cloned();
        found.ok_or_else(|| damaged(format!("node {address} is missing")))
    }

    fn write(&mut self, bytes: Vec<u8>) -> Address {
        let address = Address::of(&[&bytes]);
        self.0.insert(address, bytes);
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_read_back() {
        let address = Address::of(&[b"x"]);
        let mut children = [None; 16];
        children[0] = Some(address);
        children[15] = Some(address);
        let totals = Totals {
            count: 300,
            bytes: u64::MAX,
        };
        for node in [
            Node::Leaf(Items::new()),
            Node::Leaf([(b"k".to_vec(), vec![7; 300])].into()),
            Node::Branch(totals, Box::new(children)),
            Node::Piece(b"bytes".to_vec()),
            Node::Index(vec![address, address]),
        ] {
            assert_eq!(Node::decode(&node.encode()), Some(node));
        }
    }

    #[test]
    fn bytes_that_are_no_node_are_refused() {
        for bytes in [
            &b""[..],
            b"X",
            b"L\x05ab",
            b"B\x00\x01\x01\x01short",
            b"Iabc",
            b"L\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(Node::decode(bytes), None, "{bytes:?}");
        }
    }
}
