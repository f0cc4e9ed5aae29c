//! Counting replies: equal ones together, and how long they took.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::url::Target;
use crate::probe::Reply;

/// How long several requests took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Half of them took so long or less; of an even number, the mean of the two in the middle.
    pub median: Duration,
    /// The longest.
    pub slowest: Duration,
}

impl Times {
    /// The times of some requests; none where there are none.
    fn of(mut all: Vec<Duration>) -> Option<Times> {
        all.sort_unstable();
        let slowest = *all.last()?;
        let upper = *all.get(all.len() / 2)?;
        let lower = *all.get((all.len() - 1) / 2)?;
        Some(Times {
            median: (lower + upper) / 2,
            slowest,
        })
    }
}

/// Equal replies to requests of one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The URL.
    pub url: String,
    /// Where its requests went.
    pub addr: SocketAddr,
    /// True if they are answers.
    pub is_answer: bool,
    /// The answer in a few words, or why there is none.
    pub text: String,
    /// How many there are.
    pub count: usize,
    /// How long they took.
    pub times: Times,
}

/// Replies as they come.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By the place of the URL, whether it is an answer, and the text.
    took: BTreeMap<(usize, bool, String), Vec<Duration>>,
}

impl Tally {
    /// Adds a reply to a request of a URL.
    pub fn add(&mut self, place: usize, reply: Reply) {
        let key = (place, reply.is_answer, reply.text);
        self.took.entry(key).or_default().push(reply.took);
    }

    /// How many replies there are.
    pub fn sent(&self) -> usize {
        self.took.values().map(Vec::len).sum()
    }

    fn answers(&self) -> impl Iterator<Item = &Vec<Duration>> {
        let answers = self.took.iter().filter(|((_, is_answer, _), _)| *is_answer);
        answers.map(|(_, took)| took)
    }

    /// How many are answers.
    pub fn answered(&self) -> usize {
        self.answers().map(Vec::len).sum()
    }

    /// How long the answers took.
    pub fn times(&self) -> Option<Times> {
        Times::of(self.answers().flatten().copied().collect())
    }

    /// The groups: by URL, the most frequent first.
    pub fn groups(self, targets: &[Target]) -> Vec<Group> {
        let mut groups: Vec<(usize, Group)> = self
            .took
            .into_iter()
            .filter_map(|((place, is_answer, text), took)| {
                let target = targets.get(place)?;
                let group = Group {
                    url: target.url.to_string(),
                    addr: target.addr,
                    is_answer,
                    text,
                    count: took.len(),
                    times: Times::of(took)?,
                };
                Some((place, group))
            })
            .collect();
        groups.sort_by(|(place, one), (other_place, other)| {
            let key = |place: usize, group: &Group| (place, Reverse(group.count));
            key(*place, one)
                .cmp(&key(*other_place, other))
                .then_with(|| one.text.cmp(&other.text))
        });
        groups.into_iter().map(|(_, group)| group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        let times = |all: &[u64]| {
            let all = all.iter().copied().map(Duration::from_millis).collect();
            Times::of(all).map(|times| (times.median.as_micros(), times.slowest.as_millis()))
        };
        assert_eq!(times(&[]), None);
        assert_eq!(times(&[7]), Some((7000, 7)));
        assert_eq!(times(&[9, 1]), Some((5000, 9)));
        assert_eq!(times(&[9, 1, 2]), Some((2000, 9)));
        assert_eq!(times(&[1, 2, 3, 100]), Some((2500, 100)));
    }

    #[test]
    fn equal_replies_of_a_url_are_counted_together() {
        let targets = ["192.0.2.1", "192.0.2.2"]
            .map(|text| super::super::Url::parse(text).unwrap().resolve().unwrap());
        let mut tally = Tally::default();
        for (place, is_answer, text, took) in [
            (1, true, "200 b", 3),
            (0, true, "200 b", 1),
            (0, false, "no connection in 3 s", 3000),
            (0, true, "200 a", 2),
            (0, false, "no connection in 3 s", 3001),
        ] {
            let took = Duration::from_millis(took);
            let text = text.to_owned();
            tally.add(
                place,
                Reply {
                    is_answer,
                    text,
                    took,
                },
            );
        }
        assert_eq!((tally.sent(), tally.answered()), (5, 3));
        assert_eq!(tally.times().unwrap().median, Duration::from_millis(2));
        let groups = tally.groups(&targets);
        let seen: Vec<_> = groups
            .iter()
            .map(|group| (group.url.as_str(), group.text.as_str(), group.count))
            .collect();
        assert_eq!(
            seen,
            [
                ("http://192.0.2.1/", "no connection in 3 s", 2),
                ("http://192.0.2.1/", "200 a", 1),
                ("http://192.0.2.1/", "200 b", 1),
                ("http://192.0.2.2/", "200 b", 1),
            ]
        );
    }
}
