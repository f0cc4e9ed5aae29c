//! Events of the daemon, a line each.

use super::paint::clean;
use crate::health::{Event, EventKind};

/// The line of an event. The time is not in its words: the journal has it.
pub(super) fn line(event: &Event, is_json: bool) -> String {
    if is_json {
        // An event has strings for keys: it can be written.
        return event.line().unwrap_or_default();
    }
    let mut text = match (event.kind, event.from, event.to) {
        (EventKind::Transition, Some(from), Some(to)) => {
            format!("{}: {from} -> {to}", event.object)
        }
        (EventKind::GuardOn, ..) => format!("{}: on", event.object),
        (EventKind::GuardOff, ..) => format!("{}: off", event.object),
        _ => event.object.clone(),
    };
    if !event.reason.is_empty() {
        text.push_str(": ");
        text.push_str(&event.reason);
    }
    if let Some(count) = event.transitions {
        text.push_str(&format!(" ({count} transitions)"));
    }
    clean(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Standing;

    #[test]
    fn an_event_is_a_line() {
        let time = "2026-12-01T10:00:00Z".parse().unwrap();
        let server = "virtual service tcp 192.0.2.1:80: real server 10.0.0.1:80";
        let mut event = Event {
            from: Some(Standing::Up),
            to: Some(Standing::Down),
            ..Event::new(time, EventKind::Transition, server, "tcp: refused")
        };
        assert_eq!(
            line(&event, false),
            format!("{server}: up -> down: tcp: refused")
        );
        event.transitions = Some(7);
        assert!(line(&event, false).ends_with(": tcp: refused (7 transitions)"));
        let guard = Event::new(time, EventKind::GuardOn, "guard", "4 of 5 servers");
        assert_eq!(line(&guard, false), "guard: on: 4 of 5 servers");
        let started = Event::new(time, EventKind::DaemonStarted, "daemon", "ipvsh 1 started");
        assert_eq!(line(&started, false), "daemon: ipvsh 1 started");
        assert!(line(&started, true).starts_with("{\"time\":"));
    }
}
