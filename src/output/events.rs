//! What recoveries, repairs and prunes did: below the history, and with its snapshots in JSON.

use chrono::Local;
use serde_json::{Value, json};

use super::paint::{Paint, Style, clean};
use crate::model::Event;

/// Events, newest first, as lines that follow a table of snapshots.
pub fn events(events: &[Event], paint: Paint) -> String {
    let line = |event: &Event| {
        let time = event.time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S");
        let after = match event.head {
            Some(head) => format!(" after snapshot {head}"),
            None => String::new(),
        };
        let when = paint.paint(Style::Faint, &format!("{time}{after}:"));
        format!("{when} {}\n", clean(&event.message))
    };
    events.iter().rev().map(line).collect()
}

/// Adds to each snapshot of a history (newest first) the events that came while it was the head;
/// those of one that is gone stand with the one before it.
pub fn with_events(mut history: Value, events: &[Event]) -> Value {
    let Some(snapshots) = history.as_array_mut() else {
        return history;
    };
    let oldest = snapshots.len().saturating_sub(1);
    for event in events {
        let head = event.head.map_or(0, |head| head.0);
        let id_of = |snapshot: &Value| snapshot.get("id").and_then(Value::as_u64);
        let place = snapshots
            .iter()
            .position(|snapshot| id_of(snapshot).is_some_and(|id| id <= head));
        let told = snapshots
            .get_mut(place.unwrap_or(oldest))
            .and_then(Value::as_object_mut)
            .map(|snapshot| snapshot.entry("events").or_insert_with(|| json!([])));
        if let Some(told) = told.and_then(Value::as_array_mut) {
            told.push(json!({"time": event.time, "message": event.message}));
        }
    }
    history
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SnapshotId;

    #[test]
    fn events_stand_with_the_head_of_their_time() {
        let event = |head: Option<u64>, message: &str| Event {
            time: chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            head: head.map(SnapshotId),
            message: message.to_owned(),
        };
        let events = [event(None, "a"), event(Some(4), "b"), event(Some(9), "c")];
        let told = with_events(json!([{"id": 9}, {"id": 3}]), &events);
        let messages = |place: usize| -> Vec<&str> {
            let events = told[place]["events"].as_array().unwrap();
            events
                .iter()
                .map(|event| event["message"].as_str().unwrap())
                .collect()
        };
        assert_eq!((messages(0), messages(1)), (vec!["c"], vec!["a", "b"]));
        assert!(super::events(&events, Paint::new(false)).contains(" after snapshot 9: c\n"));
    }
}
