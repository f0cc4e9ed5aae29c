//! Walking over two sorted maps at once.

use std::cmp::Ordering;
use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;

/// Every key of either map, in order, with what each map has of it.
pub fn pairs<'a, K: Ord, V>(one: &'a BTreeMap<K, V>, other: &'a BTreeMap<K, V>) -> Pairs<'a, K, V> {
    Pairs {
        one: one.iter().peekable(),
        other: other.iter().peekable(),
    }
}

/// What [`pairs`] gives.
#[derive(Debug)]
pub struct Pairs<'a, K, V> {
    one: Peekable<btree_map::Iter<'a, K, V>>,
    other: Peekable<btree_map::Iter<'a, K, V>>,
}

impl<'a, K: Ord, V> Iterator for Pairs<'a, K, V> {
    type Item = (&'a K, Option<&'a V>, Option<&'a V>);

    fn next(&mut self) -> Option<Self::Item> {
        // Large tables are walked by the million: one comparison for each key.
        let order = match (self.one.peek(), self.other.peek()) {
            (Some((mine, _)), Some((theirs, _))) => mine.cmp(theirs),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let one = if order.is_le() { self.one.next() } else { None };
        let other = if order.is_ge() {
            self.other.next()
        } else {
            None
        };
        let (key, _) = one.or(other)?;
        Some((
            key,
            one.map(|(_, value)| value),
            other.map(|(_, value)| value),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_key_comes_once_with_both_values(
            one: BTreeMap<u8, u8>,
            other: BTreeMap<u8, u8>,
        ) {
            let all: Vec<_> = pairs(&one, &other).collect();
            let mut keys: Vec<u8> = one.keys().chain(other.keys()).copied().collect();
            keys.sort_unstable();
            keys.dedup();
            prop_assert_eq!(all.len(), keys.len());
            for ((key, mine, theirs), expected) in all.into_iter().zip(keys) {
                prop_assert_eq!(*key, expected);
                prop_assert_eq!((mine, theirs), (one.get(key), other.get(key)));
            }
        }
    }
}
