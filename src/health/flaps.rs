//! One line a minute for a server that flaps.

use std::collections::BTreeMap;
use std::time::Duration;

use super::event::{Event, EventKind};
use super::transition::Standing;

/// The time that is watched, and from one line to the next while an object flaps.
const MINUTE: Duration = Duration::from_secs(60);

/// So many transitions of one object within a minute are told; further ones are withheld.
const TOLD: u32 = 4;

/// Withholds transitions of servers that flap, and tells of them once a minute. The last event of an
/// object always says where it stands.
#[derive(Debug, Default)]
pub struct Flaps {
    objects: BTreeMap<String, Flapping>,
}

/// The transitions of one object in one minute.
#[derive(Debug)]
struct Flapping {
    /// When the minute is over.
    until: Duration,
    /// The transitions that were told.
    told: u32,
    /// The transitions that were not.
    withheld: u32,
    /// Where the object stood before the first of these.
    from: Option<Standing>,
    /// The last of these.
    last: Option<Event>,
    /// Whether transitions were withheld in the minute before.
    is_flapping: bool,
}

impl Flapping {
    /// A minute without transitions.
    fn until(until: Duration) -> Flapping {
        Flapping {
            until,
            told: 0,
            withheld: 0,
            from: None,
            last: None,
            is_flapping: false,
        }
    }
}

impl Flaps {
    /// Takes an event; `now` is the monotonic clock. Returns it if it is to be told at once.
    pub fn pass(&mut self, event: Event, now: Duration) -> Option<Event> {
        if event.kind != EventKind::Transition {
            return Some(event);
        }
        let entry = self.objects.entry(event.object.clone());
        let object = entry.or_insert(Flapping::until(now + MINUTE));
        if object.until <= now && object.withheld == 0 {
            *object = Flapping::until(now + MINUTE);
        }
        if !object.is_flapping && object.withheld == 0 && object.told < TOLD {
            object.told += 1;
            return Some(event);
        }
        if object.withheld == 0 {
            object.from = event.from;
        }
        object.withheld = object.withheld.saturating_add(1);
        object.last = Some(event);
        None
    }

    /// What there is to tell of transitions that were withheld, for objects whose minute is over: the
    /// last one, with how many it stands for.
    pub fn due(&mut self, now: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        self.objects.retain(|_, object| {
            if object.until > now {
                return true;
            }
            let Some(last) = object.last.take() else {
                return false;
            };
            events.push(Event {
                from: object.from,
                transitions: Some(object.withheld),
                ..last
            });
            *object = Flapping {
                is_flapping: true,
                ..Flapping::until(now + MINUTE)
            };
            true
        });
        events
    }

    /// When [`Flaps::due`] next has something to tell, on the monotonic clock.
    pub fn next_due(&self) -> Option<Duration> {
        let withholding = self.objects.values().filter(|object| object.withheld > 0);
        withholding.map(|object| object.until).min()
    }

    /// Everything that is withheld, at the end of the daemon.
    pub fn finish(&mut self) -> Vec<Event> {
        for object in self.objects.values_mut() {
            object.until = Duration::ZERO;
        }
        let events = self.due(Duration::ZERO);
        self.objects.clear();
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str, is_up: bool) -> Event {
        let (from, to) = match is_up {
            true => (Standing::Down, Standing::Up),
            false => (Standing::Up, Standing::Down),
        };
        let time = "2026-12-01T10:00:00Z".parse().unwrap();
        Event {
            from: Some(from),
            to: Some(to),
            ..Event::new(time, EventKind::Transition, object, "refused")
        }
    }

    /// Every event that is told, in time, with what it stands for.
    fn play(events: &[(u64, &str, bool)], end: u64) -> Vec<(u64, String, bool, Option<u32>)> {
        let mut flaps = Flaps::default();
        let mut told = Vec::new();
        for second in 0..=end {
            let now = Duration::from_secs(second);
            let here = events.iter().filter(|(at, _, _)| *at == second);
            let mut lines: Vec<Event> = here
                .filter_map(|(_, object, is_up)| flaps.pass(event(object, *is_up), now))
                .collect();
            if flaps.next_due().is_some_and(|due| due <= now) || second % 7 == 0 {
                lines.extend(flaps.due(now));
            }
            told.extend(lines.into_iter().map(|line| {
                let is_up = line.to == Some(Standing::Up);
                (second, line.object, is_up, line.transitions)
            }));
        }
        told
    }

    #[test]
    fn a_server_that_goes_down_and_comes_up_is_told_at_once() {
        let events = [
            (1, "a", false),
            (9, "a", true),
            (20, "a", false),
            (33, "a", true),
        ];
        let told = play(&events, 200);
        assert_eq!(told.len(), 4);
        assert!(told.iter().all(|(_, _, _, count)| count.is_none()));
    }

    #[test]
    fn a_server_that_flaps_has_one_line_a_minute() {
        let flapping: Vec<_> = (0..300).map(|at| (at, "a", at % 2 == 1)).collect();
        let mut events = flapping.clone();
        events.push((100, "b", false));
        let told = play(&events, 500);
        let of_a = |from: u64, to: u64| {
            let all = told
                .iter()
                .filter(|(at, it, _, _)| it == "a" && (from..to).contains(at));
            all.count()
        };
        assert_eq!(of_a(0, 60), 4);
        for minute in 1..5 {
            assert_eq!(of_a(minute * 60, minute * 60 + 60), 1, "{told:?}");
        }
        // Nothing is lost: each transition is in one line, and the last says where the server stands.
        let all: u32 = told.iter().map(|(_, _, _, count)| count.unwrap_or(1)).sum();
        assert_eq!(all, 301);
        let last = told
            .iter()
            .rfind(|(_, object, _, _)| object == "a")
            .unwrap();
        assert!(last.2);
        // Another server is told at once meanwhile.
        assert!(told.contains(&(100, "b".to_owned(), false, None)));
    }

    #[test]
    fn a_server_that_calmed_down_is_told_at_once_again() {
        let mut events: Vec<_> = (0..50).map(|at| (at, "a", at % 2 == 1)).collect();
        events.push((300, "a", false));
        let told = play(&events, 400);
        assert_eq!(told.last(), Some(&(300, "a".to_owned(), false, None)));
        assert_eq!(told.len(), 6);
    }

    #[test]
    fn what_is_withheld_is_told_at_the_end() {
        let mut flaps = Flaps::default();
        for at in 0..10 {
            flaps.pass(event("a", at % 2 == 1), Duration::from_secs(at));
        }
        let rest = flaps.finish();
        assert_eq!((rest.len(), rest[0].transitions), (1, Some(6)));
        assert_eq!(flaps.finish(), []);
    }

    #[test]
    fn the_guard_is_never_withheld() {
        let mut flaps = Flaps::default();
        let time = "2026-12-01T10:00:00Z".parse().unwrap();
        let guard = Event::new(time, EventKind::GuardOn, "guard", "");
        for _ in 0..20 {
            assert!(flaps.pass(guard.clone(), Duration::ZERO).is_some());
        }
    }
}
