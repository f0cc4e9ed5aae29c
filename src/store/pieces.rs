//! Values of any length, cut into pieces where their content says so.
//!
//! A change in the middle of a long value (the mark rules of a large site) stores the pieces around
//! it and a new index, not the value. Pieces stay far below the size at which sled would move a
//! node to a file of its own, outside its log (128 KiB for a node of up to 17 values).

use super::address::{Address, damaged};
use super::node::{Node, Nodes};
use crate::error::Result;

/// The least and the most bytes of a piece.
const SHORTEST: usize = 256;
const LONGEST: usize = 4096;

/// A boundary is where these bits of the rolling sum are zero: once in 1,024 bytes.
const MASK: u64 = 0x3ff << 40;

/// Spreads a byte over 64 bits (splitmix64); the sum of the last 64 of them, shifted, decides.
fn gear(byte: u8) -> u64 {
    let mut z = u64::from(byte)
        .wrapping_add(1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn cut(bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut sum = 0u64;
        let end = rest
            .iter()
            .enumerate()
            .find(|(at, byte)| {
                sum = (sum << 1).wrapping_add(gear(**byte));
                at + 1 >= LONGEST || (at + 1 >= SHORTEST && sum & MASK == 0)
            })
            .map_or(rest.len(), |(at, _)| at + 1);
        let (piece, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// Keeps a value.
pub(super) fn write(nodes: &mut impl Nodes, bytes: &[u8]) -> Address {
    if bytes.len() <= SHORTEST {
        return Node::Piece(bytes.to_vec()).store(nodes);
    }
    let mut level: Vec<Address> = cut(bytes)
        .into_iter()
        .map(|piece| Node::Piece(piece.to_vec()).store(nodes))
        .collect();
    while level.len() > 1 {
        let index: Vec<u8> = level.iter().flat_map(|a| a.bytes()).copied().collect();
        level = index
            .chunks(LONGEST)
            .map(|part| {
                let addresses = part
                    .chunks(super::address::LENGTH)
                    .filter_map(Address::from_bytes);
                Node::Index(addresses.collect()).store(nodes)
            })
            .collect();
    }
    match level.first() {
        Some(one) => *one,
        None => Node::Piece(Vec::new()).store(nodes),
    }
}

/// Reads a value.
///
/// # Errors
/// `damaged` where a piece cannot be read.
pub(super) fn read(nodes: &impl Nodes, address: Address) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    gather(nodes, address, &mut bytes)?;
    Ok(bytes)
}

fn gather(nodes: &impl Nodes, address: Address, into: &mut Vec<u8>) -> Result<()> {
    match Node::load(nodes, address)? {
        Node::Piece(bytes) => into.extend(bytes),
        Node::Index(addresses) => {
            for address in addresses {
                gather(nodes, address, into)?;
            }
        }
        _ => return Err(damaged(format!("node {address} is not part of a value"))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::node::Loose;
    use super::*;

    #[test]
    fn values_of_any_length_read_back() {
        let mut nodes = Loose::default();
        for length in [0, 1, SHORTEST, SHORTEST + 1, LONGEST, 3 * LONGEST, 700_000] {
            let value: Vec<u8> = (0..length)
                .map(|n| gear((n % 251) as u8) as u8 ^ (n / 251) as u8)
                .collect();
            let address = write(&mut nodes, &value);
            assert_eq!(read(&nodes, address).unwrap(), value, "{length}");
        }
        assert!(nodes.0.values().all(|node| node.len() <= LONGEST + 1));
    }

    #[test]
    fn an_insertion_shares_the_rest() {
        let mut nodes = Loose::default();
        let mut value: Vec<u8> = (0..5_000)
            .flat_map(|n| format!("rule {n}\n").into_bytes())
            .collect();
        write(&mut nodes, &value);
        let before = nodes.0.len();
        value.splice(20_000..20_000, b"another rule\n".iter().copied());
        write(&mut nodes, &value);
        assert!(
            nodes.0.len() - before <= 4,
            "{} new nodes",
            nodes.0.len() - before
        );
    }
}
