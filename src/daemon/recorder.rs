//! What the daemon tells: the log of events, the journal or terminal, and the hook.

use crate::director::Report;
use crate::error::Error;
use crate::health::{Event, EventKind, Flaps, Now};
use crate::runtime::EventLog;

use super::hook::Hook;

/// Where the daemon's words go.
pub trait Observer {
    /// An event.
    fn event(&self, event: &Event);

    /// A sentence for the operator.
    fn note(&self, text: &str);

    /// Where the kernel's table differs from what the daemon would have it hold.
    fn differences(&self, report: &Report);
}

/// Records events: transitions of servers that flap once a minute, the others at once.
pub(super) struct Recorder<'a> {
    observer: &'a dyn Observer,
    /// None where nothing is written.
    log: Option<EventLog>,
    hook: Option<Hook>,
    flaps: Flaps,
    /// The last event that could not be written was told of.
    is_log_broken: bool,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        observer: &'a dyn Observer,
        log: Option<EventLog>,
        hook: Option<Hook>,
    ) -> Recorder<'a> {
        Recorder {
            observer,
            log,
            hook,
            flaps: Flaps::default(),
            is_log_broken: false,
        }
    }

    pub(super) fn observer(&self) -> &'a dyn Observer {
        self.observer
    }

    /// Records an event. The hook is told of all transitions and of the guard.
    pub(super) fn record(&mut self, event: Event, now: Now) {
        let is_of_hook = matches!(
            event.kind,
            EventKind::Transition | EventKind::GuardOn | EventKind::GuardOff
        );
        if let Some(hook) = self.hook.as_ref().filter(|_| is_of_hook) {
            hook.tell(&event);
        }
        if let Some(event) = self.flaps.pass(event, now.monotonic) {
            self.write(&event);
        }
    }

    /// Records a sentence about an object.
    pub(super) fn say(&mut self, kind: EventKind, object: &str, text: &str, now: Now) {
        self.record(Event::new(now.utc, kind, object, text), now);
    }

    /// Records a failure.
    pub(super) fn failure(&mut self, error: &Error, now: Now) {
        self.say(EventKind::WriteFailed, "daemon", &error.to_string(), now);
    }

    /// Records what was withheld of servers that flap; called about once a second.
    pub(super) fn tick(&mut self, now: Now) {
        for event in self.flaps.due(now.monotonic) {
            self.write(&event);
        }
    }

    /// Records the rest, at the end.
    pub(super) fn finish(&mut self) {
        for event in self.flaps.finish() {
            self.write(&event);
        }
    }

    fn write(&mut self, event: &Event) {
        self.observer.event(event);
        let Some(log) = &mut self.log else { return };
        match log.append(event.time, event) {
            Ok(()) => self.is_log_broken = false,
            // Told once: a full disk stops nothing.
            Err(error) if !self.is_log_broken => {
                self.is_log_broken = true;
                self.observer.note(&format!("{error}; events are lost"));
            }
            Err(_) => {}
        }
    }
}
