//! Finds values in the raw bytes of a sled log, without sled.
//!
//! sled writes a value as its length and its bytes (`serialization.rs`, `impl Serialize for IVec`;
//! compression is off). Every value of ours can be told by itself: a node by its first byte and its
//! address, a record by the checksum in front of its JSON. So whatever is still there is found,
//! even where sled gives up on the file.

use super::address::LENGTH;

/// Every node is shorter than this.
const LONGEST_NODE: usize = 16 << 10;
/// Every record is shorter than this: the longest are snapshots with long messages.
const LONGEST: usize = 1 << 20;

/// Reads sled's form of a length: (the number, how many bytes it takes).
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let at = |place: usize| bytes.get(place).map(|byte| usize::from(*byte));
    Some(match at(0)? {
        short @ 0..=240 => (short, 1),
        high @ 241..=248 => (240 + 256 * (high - 241) + at(1)?, 2),
        249 => (2288 + 256 * at(1)? + at(2)?, 3),
        // Three bytes, little endian.
        250 => (at(1)? | (at(2)? << 8) | (at(3)? << 16), 4),
        _ => return None,
    })
}

/// Shows whatever may be a value of ours, and where it begins.
pub(super) fn carve(bytes: &[u8], visit: &mut dyn FnMut(usize, &[u8])) {
    for at in 0..bytes.len() {
        let Some(rest) = bytes.get(at..) else { return };
        let Some((long, taken)) = length(rest).filter(|(long, _)| (1..=LONGEST).contains(long))
        else {
            continue;
        };
        let Some(value) = rest.get(taken..taken.saturating_add(long)) else {
            continue;
        };
        let is_node =
            matches!(value.first(), Some(b'L' | b'B' | b'P' | b'I')) && long <= LONGEST_NODE;
        if is_node || value.get(LENGTH) == Some(&b'{') {
            visit(at.saturating_add(taken), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::{Loose, Nodes};
    use super::super::tests::{disk, draft, reweigh, rules};
    use super::super::whole::Wholeness;
    use super::super::{Stores, address::Address};
    use super::*;
    use crate::model::SnapshotId;

    #[test]
    fn everything_that_sled_holds_is_found_without_it() {
        let dir = tempfile::tempdir().unwrap();
        let stores = disk(dir.path());
        let mut wanted = rules(300, 3);
        for round in 0..30 {
            let mut store = stores.open_to_write().unwrap();
            reweigh(&mut wanted, round, 0);
            store
                .record(&draft(&"m".repeat(round * 100)), &wanted)
                .unwrap();
        }
        let bytes = std::fs::read(stores.dir.join("sled/db")).unwrap();
        let mut found = Loose::default();
        carve(&bytes, &mut |at, value| {
            assert_eq!(bytes.get(at..at + value.len()), Some(value));
            found.write(value.to_vec());
        });
        let history = stores.open_history(false).unwrap().unwrap();
        let mut wholeness = Wholeness::default();
        for id in (1..=30).map(SnapshotId) {
            wholeness.check(&found, history.content(id)).unwrap();
        }
        assert!(wholeness.count() > 50, "{}", wholeness.count());
        assert!(found.read(Address::of(&[b"another"])).is_err());
    }
}
