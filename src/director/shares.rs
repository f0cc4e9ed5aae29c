//! Weights for a share: how two sides of a service divide its connections. Pure.
//!
//! Both sides together keep the sum that they have, so that servers beside them keep their share.
//! Within a side the servers keep their proportions; where all are at 0 they get the same. Whole
//! numbers may be too coarse for that: then all are multiplied by the smallest number that does.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::model::{ServerKey, Weight};

/// Weights of servers.
pub type Weights = BTreeMap<ServerKey, Weight>;

/// How near weights must be to their exact values.
struct Nearness {
    /// The most that weights are multiplied by.
    max_scale: u32,
    /// How far one may be from its exact value, as a part of it.
    of_weight: f64,
}

/// As they are, where they are large enough; else exactly, where small numbers do; else as near
/// as makes no difference.
const NEAR_ENOUGH: [Nearness; 3] = [
    Nearness {
        max_scale: 1,
        of_weight: 0.05,
    },
    Nearness {
        max_scale: 100,
        of_weight: 1e-9,
    },
    Nearness {
        max_scale: 1000,
        of_weight: 0.1,
    },
];

/// How far a share may be from the one that is wanted: half a percent of all, and a tenth of the
/// smaller side. All is all.
fn tolerance(share: f64) -> f64 {
    (share.min(1.0 - share) / 10.0).min(0.005)
}

/// The sum of some weights.
pub(super) fn sum(weights: &Weights) -> u64 {
    weights
        .values()
        .map(|weight| u64::from(weight.value()))
        .sum()
}

/// Says whether `to` has this share, in percent, or more; as near as [`divide`] comes.
pub(super) fn has(from: &Weights, to: &Weights, percent: u32) -> bool {
    let (of_to, all) = (sum(to) as f64, (sum(from) + sum(to)) as f64);
    let share = f64::from(percent) / 100.0;
    of_to >= all * (share - tolerance(share))
}

/// The share of the whole weight that `to` has, in whole percent; 0 where all weights are 0.
pub(super) fn share(from: &Weights, to: &Weights) -> u32 {
    let (of_to, all) = (sum(to), sum(from) + sum(to));
    let half = all / 2;
    let percent = (of_to * 100 + half).checked_div(all).unwrap_or(0);
    u32::try_from(percent).unwrap_or(100)
}

/// The weights of both sides where `to` has a share in percent, and what those beside them would
/// have to be multiplied by.
///
/// # Errors
/// `invalid` where no whole weights come near.
pub(super) fn divide(from: &Weights, to: &Weights, percent: u32) -> Result<(Weights, u32)> {
    let all = sum(from) + sum(to);
    let share = f64::from(percent) / 100.0;
    let exact: Vec<(ServerKey, f64)> = parts(from, all, 1.0 - share)
        .chain(parts(to, all, share))
        .collect();
    for nearness in &NEAR_ENOUGH {
        for scale in 1..=nearness.max_scale {
            let whole = |(key, part): &(ServerKey, f64)| {
                let part = part * f64::from(scale);
                let off = (part.round() - part).abs();
                (off <= part * nearness.of_weight).then_some((*key, part.round()))
            };
            let Some(scaled) = exact.iter().map(whole).collect::<Option<Vec<_>>>() else {
                continue;
            };
            let total: f64 = scaled.iter().map(|(_, whole)| whole).sum();
            let of_to = scaled.iter().filter(|(key, _)| to.contains_key(key));
            let of_to: f64 = of_to.map(|(_, whole)| whole).sum();
            if (of_to / total - share).abs() > tolerance(share) {
                continue;
            }
            let weights: Result<Weights> = scaled
                .iter()
                .map(|(key, whole)| Ok((*key, Weight::new(*whole as i64)?)))
                .collect();
            return weights.map(|weights| (weights, scale));
        }
    }
    Err(Error::invalid(format!(
        "{percent} % of a total weight of {all} cannot be divided in whole weights"
    ))
    .hint("give the servers larger weights, in the same proportions"))
}

/// What each server of a side gets of a share of all.
fn parts(side: &Weights, all: u64, share: f64) -> impl Iterator<Item = (ServerKey, f64)> {
    let (own, count) = (sum(side) as f64, side.len() as f64);
    let all = all as f64 * share;
    side.iter().map(move |(key, weight)| {
        let part = match own > 0.0 {
            true => f64::from(weight.value()) / own,
            false => 1.0 / count,
        };
        (*key, all * part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceKey;

    fn side(first: u8, weights: &[i64]) -> Weights {
        let service = ServiceKey::parse("tcp 192.0.2.10:80").unwrap();
        let key = |n| ServerKey::parse(&format!("10.0.0.{n}"), &service).unwrap();
        (first..)
            .zip(weights)
            .map(|(n, weight)| (key(n), Weight::new(*weight).unwrap()))
            .collect()
    }

    /// Weights of `from`, then of `to`, and the scale.
    fn divided(from: &[i64], to: &[i64], percent: u32) -> (Vec<u32>, u32) {
        let (weights, scale) = divide(&side(1, from), &side(100, to), percent).unwrap();
        (
            weights.values().map(|weight| weight.value()).collect(),
            scale,
        )
    }

    #[test]
    fn the_sum_stays_where_whole_numbers_allow() {
        assert_eq!(divided(&[100], &[0], 10), (vec![90, 10], 1));
        assert_eq!(divided(&[10, 10], &[0, 0], 50), (vec![5, 5, 5, 5], 1));
        assert_eq!(divided(&[1, 1], &[0, 0], 100), (vec![0, 0, 1, 1], 1));
        assert_eq!(divided(&[2147483647], &[0], 100), (vec![0, 2147483647], 1));
    }

    #[test]
    fn large_weights_are_rounded_rather_than_multiplied() {
        assert_eq!(divided(&[133], &[0], 10), (vec![120, 13], 1));
        assert_eq!(divided(&[33, 33], &[0], 10), (vec![297, 297, 66], 10));
        let (from, to) = (side(1, &[120]), side(100, &[13]));
        assert!(has(&from, &to, 10), "a second run finds it done");
        assert!(!has(&side(1, &[1]), &side(100, &[999]), 100));
    }

    #[test]
    fn small_weights_are_multiplied() {
        assert_eq!(divided(&[1, 1], &[0, 0], 10), (vec![9, 9, 1, 1], 10));
        assert_eq!(divided(&[1, 1], &[0, 0], 50), (vec![1, 1, 1, 1], 2));
        assert_eq!(divided(&[1], &[0, 0, 0], 100), (vec![0, 1, 1, 1], 3));
        assert_eq!(divided(&[1], &[0], 1), (vec![99, 1], 100));
    }

    #[test]
    fn proportions_within_a_side_stay() {
        assert_eq!(divided(&[30, 10], &[0, 0], 50), (vec![15, 5, 10, 10], 1));
        assert_eq!(divided(&[60], &[10, 30], 60), (vec![40, 15, 45], 1));
    }

    #[test]
    fn every_share_of_every_small_service_is_near() {
        for from in 1..=4 {
            for to in 1..=4 {
                for percent in 1..=100 {
                    let (from, to) = (side(1, &vec![1; from]), side(100, &vec![0; to]));
                    let (weights, _) = divide(&from, &to, percent).unwrap();
                    let of_to: u32 = weights
                        .iter()
                        .filter(|(key, _)| to.contains_key(key))
                        .map(|(_, weight)| weight.value())
                        .sum();
                    let all = sum(&weights) as f64;
                    let got = f64::from(of_to) / all * 100.0;
                    assert!((got - f64::from(percent)).abs() <= 0.5, "{percent}: {got}");
                    let zeros = weights.values().filter(|w| **w == Weight::ZERO).count();
                    assert_eq!(zeros, if percent == 100 { from.len() } else { 0 });
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_divided_says_so() {
        let many = vec![0; 50];
        let error = divide(&side(1, &[1]), &side(100, &many), 1).unwrap_err();
        assert!(
            error.to_string().contains("1 % of a total weight of 1"),
            "{error}"
        );
    }

    #[test]
    fn the_share_that_is_there_is_seen() {
        assert!(has(&side(1, &[5]), &side(100, &[5]), 50));
        assert!(!has(&side(1, &[5]), &side(100, &[5]), 51));
        assert!(has(&side(1, &[0]), &side(100, &[3]), 100));
        assert!(!has(&side(1, &[3]), &side(100, &[0]), 1));
    }
}
