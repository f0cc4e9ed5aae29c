//! Events: what the daemon saw and did, one JSON object each.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::transition::{GuardChange, GuardNews, Standing, Transition};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A server went down, came up, or waits.
    Transition,
    /// The guard came on.
    GuardOn,
    /// The guard ended.
    GuardOff,
    /// The daemon began.
    DaemonStarted,
    /// The daemon ended.
    DaemonStopped,
    /// The kernel's table differs from what it should hold.
    Drift,
    /// The time of a maintenance is over.
    MaintenanceOver,
    /// The daemon could not write the state or the kernel.
    WriteFailed,
    /// A kind that another version of ipvsh wrote.
    #[serde(other)]
    Unknown,
}

/// What the daemon saw or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: DateTime<Utc>,
    /// What it is about.
    pub kind: EventKind,
    /// The object: `virtual service tcp 192.0.2.1:80: real server 10.0.0.1:80`, `guard`, `daemon`.
    pub object: String,
    /// Where the server stood; of transitions alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Standing>,
    /// Where it stands now; of transitions alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Standing>,
    /// Why, with the last answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// How many transitions of a server that flaps this event stands for; none: for itself alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transitions: Option<u32>,
}

impl Event {
    /// An event that is no transition.
    pub fn new(
        time: DateTime<Utc>,
        kind: EventKind,
        object: impl Into<String>,
        reason: impl Into<String>,
    ) -> Event {
        Event {
            time,
            kind,
            object: object.into(),
            from: None,
            to: None,
            reason: reason.into(),
            transitions: None,
        }
    }

    /// The event as one line of JSON, without the end of the line.
    pub fn line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

impl From<&Transition> for Event {
    fn from(transition: &Transition) -> Event {
        let object = transition.target.to_string();
        let reason = transition.reason.clone();
        Event {
            from: Some(transition.from),
            to: Some(transition.to),
            ..Event::new(transition.time, EventKind::Transition, object, reason)
        }
    }
}

impl From<&GuardChange> for Event {
    fn from(change: &GuardChange) -> Event {
        let kind = match change.news {
            GuardNews::On { .. } => EventKind::GuardOn,
            _ => EventKind::GuardOff,
        };
        Event::new(change.time, kind, "guard", change.news.text())
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Target;
    use super::*;
    use crate::model::{ServerKey, ServiceKey};

    fn time() -> DateTime<Utc> {
        "2026-12-01T10:00:00.250Z".parse().unwrap()
    }

    #[test]
    fn an_event_is_one_line_and_reads_back() {
        let service = ServiceKey::parse("tcp 192.0.2.1:80").unwrap();
        let server = ServerKey::parse("10.0.0.1", &service).unwrap();
        let event = Event::from(&Transition {
            time: time(),
            target: Target { service, server },
            from: Standing::Up,
            to: Standing::Down,
            reason: "http /health: 503\n\"x\"".to_owned(),
        });
        let line = event.line().unwrap();
        assert_eq!(
            line,
            "{\"time\":\"2026-12-01T10:00:00.250Z\",\"kind\":\"transition\",\
             \"object\":\"virtual service tcp 192.0.2.1:80: real server 10.0.0.1:80\",\
             \"from\":\"up\",\"to\":\"down\",\"reason\":\"http /health: 503\\n\\\"x\\\"\"}"
        );
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
    }

    #[test]
    fn the_guard_says_how_many_failed() {
        let event = Event::from(&GuardChange {
            time: time(),
            news: GuardNews::On {
                failed: 4,
                of: 5,
                until: time(),
            },
        });
        assert_eq!(event.kind, EventKind::GuardOn);
        assert!(event.reason.starts_with("4 of 5 servers"), "{event:?}");
    }

    #[test]
    fn an_event_of_another_version_is_read() {
        let text = r#"{"time":"2026-12-01T10:00:00Z","kind":"moon","object":"x","new":1}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!(event.kind, EventKind::Unknown);
    }
}
