//! The fewest edits that make one list of rules into another, by position.

use std::collections::VecDeque;

use crate::model::ChainRule;

/// How many pairs of rules are compared before the search settles for less than the fewest edits.
const COMPARED: usize = 4_000_000;

/// One edit; positions count from 1, as those of iptables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit<'a> {
    /// Puts a rule before the one at a position (or behind the last).
    Insert(usize, &'a ChainRule),
    /// Puts a rule in the place of another.
    Replace(usize, &'a ChainRule),
    /// Takes a rule out.
    Delete(usize),
}

/// The edits from `now` to `wanted`, last position first: none moves those that follow it.
///
/// Rules that both have are not touched. A rule that goes where another comes is replaced, which
/// iptables does in one step: no packet finds neither.
pub fn edits<'a>(now: &[ChainRule], wanted: &'a [ChainRule]) -> Vec<Edit<'a>> {
    let mut edits = Vec::new();
    for gap in gaps(now, wanted).into_iter().rev() {
        let (mut old, mut new) = (gap.old, gap.new.iter().collect::<VecDeque<_>>());
        let pairs = old.min(new.len());
        while new.len() > pairs {
            edits.extend(new.pop_back().map(|rule| Edit::Insert(gap.at + old, rule)));
        }
        while old > pairs {
            old -= 1;
            edits.push(Edit::Delete(gap.at + old));
        }
        while let Some(rule) = new.pop_back() {
            old = old.saturating_sub(1);
            edits.push(Edit::Replace(gap.at + old, rule));
        }
    }
    edits
}

/// A place where the lists differ: `old` rules from position `at` on give way to `new`.
struct Gap<'a> {
    at: usize,
    old: usize,
    new: &'a [ChainRule],
}

/// The gaps between the rules of a longest common subsequence.
fn gaps<'a>(now: &[ChainRule], wanted: &'a [ChainRule]) -> Vec<Gap<'a>> {
    let same = |pair: &(&ChainRule, &ChainRule)| pair.0 == pair.1;
    let head = now.iter().zip(wanted).take_while(same).count();
    let (now, wanted) = (tail(now, head), tail(wanted, head));
    let both = now.iter().rev().zip(wanted.iter().rev());
    let foot = both.take_while(same).count();
    let now = now.get(..now.len() - foot).unwrap_or_default();
    let wanted = wanted.get(..wanted.len() - foot).unwrap_or_default();

    let lengths = if now.len().saturating_mul(wanted.len()) <= COMPARED {
        common_lengths(now, wanted)
    } else {
        Vec::new()
    };
    let length = |i: usize, j: usize| {
        lengths
            .get(i)
            .and_then(|row| row.get(j))
            .copied()
            .unwrap_or_default()
    };
    let (mut i, mut j) = (0, 0);
    let (mut from_i, mut from_j) = (0, 0);
    let mut gaps = Vec::new();
    let mut close = |from_i: usize, i: usize, from_j: usize, j: usize| {
        if (from_i, from_j) != (i, j) {
            gaps.push(Gap {
                at: head + from_i + 1,
                old: i - from_i,
                new: wanted.get(from_j..j).unwrap_or_default(),
            });
        }
    };
    while let (Some(old), Some(new)) = (now.get(i), wanted.get(j)) {
        if old == new {
            close(from_i, i, from_j, j);
            (i, j) = (i + 1, j + 1);
            (from_i, from_j) = (i, j);
        } else if length(i + 1, j) >= length(i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    close(from_i, now.len(), from_j, wanted.len());
    gaps
}

fn tail<T>(list: &[T], from: usize) -> &[T] {
    list.get(from..).unwrap_or_default()
}

/// `lengths[i][j]`: how much `now` from `i` and `wanted` from `j` have in common.
fn common_lengths(now: &[ChainRule], wanted: &[ChainRule]) -> Vec<Vec<u32>> {
    let mut rows: VecDeque<Vec<u32>> = VecDeque::from([vec![0; wanted.len() + 1]]);
    for old in now.iter().rev() {
        let below = rows.front().map(Vec::as_slice).unwrap_or_default();
        // Built from the right: `right` is the entry at j + 1.
        let mut row: VecDeque<u32> = VecDeque::from([0]);
        let mut right = 0;
        for (new, pair) in wanted.iter().zip(below.windows(2)).rev() {
            if let [under, diagonal] = *pair {
                right = if old == new {
                    diagonal + 1
                } else {
                    under.max(right)
                };
            }
            row.push_front(right);
        }
        rows.push_front(row.into());
    }
    rows.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stray;
    use proptest::prelude::*;

    fn rules(letters: &str) -> Vec<ChainRule> {
        letters
            .chars()
            .map(|c| {
                ChainRule::Stray(Stray {
                    words: vec![c.to_string()],
                })
            })
            .collect()
    }

    fn apply(mut list: Vec<ChainRule>, edits: &[Edit]) -> Vec<ChainRule> {
        for edit in edits {
            match *edit {
                Edit::Insert(at, rule) => list.insert(at - 1, rule.clone()),
                Edit::Replace(at, rule) => list[at - 1] = rule.clone(),
                Edit::Delete(at) => {
                    list.remove(at - 1);
                }
            }
        }
        list
    }

    #[test]
    fn only_what_differs_is_touched() {
        for (now, wanted, count) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abcde", "abXde", 1),
            ("abcde", "abde", 1),
            ("abde", "abcde", 1),
            ("abc", "cab", 2),
            ("abcdef", "axcyef", 2),
        ] {
            let (now, wanted) = (rules(now), rules(wanted));
            let edits = edits(&now, &wanted);
            assert_eq!(edits.len(), count, "{now:?} {wanted:?}");
            assert_eq!(apply(now, &edits), wanted);
        }
    }

    proptest! {
        #[test]
        fn edits_lead_from_one_list_to_the_other(now in "[a-d]{0,12}", wanted in "[a-d]{0,12}") {
            let (now, wanted) = (rules(&now), rules(&wanted));
            let edits = edits(&now, &wanted);
            prop_assert!(edits.len() <= now.len().max(wanted.len()) * 2);
            prop_assert_eq!(apply(now, &edits), wanted);
        }
    }
}
