//! How far long work is, on standard error: one line that moves on a terminal, a plain line now
//! and then in a log, nothing where it is to be quiet.

use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::paint::{Paint, Style, clean};
use super::{Output, Verbosity, columns};
use crate::director::{Advance, Progress};

/// What is over sooner is not shown at all.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the line on a terminal moves.
const TERMINAL: Duration = Duration::from_millis(100);
/// How often a log gets a line.
const LOG: Duration = Duration::from_secs(10);
/// How many columns the bar takes.
const BAR: u64 = 20;

/// Shows how far long work is.
pub struct Teller {
    place: Place,
    paint: Paint,
    state: RefCell<State>,
}

/// Where it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Terminal,
    Log,
    Nowhere,
}

#[derive(Default)]
struct State {
    began: Option<Instant>,
    shown: Option<Instant>,
    is_on_screen: bool,
}

impl Teller {
    /// Looks at standard error.
    pub fn new(out: &Output) -> Teller {
        let place = match (out.verbosity, std::io::stderr().is_terminal()) {
            (Verbosity::Quiet, _) => Place::Nowhere,
            (_, true) => Place::Terminal,
            (_, false) => Place::Log,
        };
        Teller {
            place,
            paint: out.paint_err,
            state: RefCell::default(),
        }
    }

    /// Says whether it is time for another line.
    fn is_due(&self, state: &mut State, now: Instant) -> bool {
        let began = *state.began.get_or_insert(now);
        let (first, next) = match self.place {
            Place::Nowhere => return false,
            Place::Terminal => (PATIENCE, TERMINAL),
            Place::Log => (LOG, LOG),
        };
        match state.shown {
            None => now.duration_since(began) >= first,
            Some(shown) => now.duration_since(shown) >= next,
        }
    }
}

impl Progress for Teller {
    fn tell(&self, advance: &Advance) {
        let now = Instant::now();
        let mut state = self.state.borrow_mut();
        if !self.is_due(&mut state, now) {
            return;
        }
        state.shown = Some(now);
        let text = match self.place {
            Place::Terminal => {
                state.is_on_screen = true;
                format!("\r{}\x1b[K", moving(advance, self.paint, columns()))
            }
            _ => format!("{}\n", plain(advance)),
        };
        to_stderr(&text);
    }

    fn over(&self) {
        let state = self.state.take();
        if state.is_on_screen {
            to_stderr("\r\x1b[K");
        }
    }
}

fn to_stderr(text: &str) {
    let mut err = std::io::stderr().lock();
    // Where standard error is gone there is nobody left to tell.
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// `applying: 1200 of 3000 steps`.
fn plain(advance: &Advance) -> String {
    let unit = match advance.unit.starts_with([',', ':']) || advance.unit.is_empty() {
        true => advance.unit.to_owned(),
        false => format!(" {}", advance.unit),
    };
    let text = match advance.total {
        Some(total) => format!("{}: {} of {total}{unit}", advance.what, advance.done),
        None => format!("{}: {}{unit}", advance.what, advance.done),
    };
    clean(&text)
}

/// A bar, where the end is known, and the words; within one line of the terminal.
fn moving(advance: &Advance, paint: Paint, width: Option<u16>) -> String {
    let words = plain(advance);
    let room = usize::from(width.unwrap_or(80)).saturating_sub(1);
    let bar_width = usize::try_from(BAR).unwrap_or(0) + 3;
    let text: String = match advance.total.filter(|total| *total > 0) {
        Some(total) if words.chars().count() + bar_width <= room => {
            let done = (advance.done.min(total) * BAR / total).min(BAR);
            let full = "=".repeat(usize::try_from(done).unwrap_or(0));
            let rest = " ".repeat(usize::try_from(BAR - done).unwrap_or(0));
            return format!(
                "{} {words}",
                paint.paint(Style::Faint, &format!("[{full}{rest}]"))
            );
        }
        _ => words,
    };
    text.chars().take(room).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advance(total: Option<u64>, unit: &str) -> Advance<'_> {
        Advance {
            what: "applying",
            done: 1200,
            total,
            unit,
        }
    }

    #[test]
    fn the_line_has_a_bar_where_the_end_is_known_and_room_for_it() {
        let paint = Paint::new(false);
        let known = advance(Some(3000), "steps");
        assert_eq!(
            moving(&known, paint, Some(80)),
            "[========            ] applying: 1200 of 3000 steps"
        );
        assert_eq!(moving(&known, paint, Some(20)), "applying: 1200 of 3");
        assert_eq!(
            moving(&advance(None, "s, 3 active"), paint, None),
            "applying: 1200 s, 3 active"
        );
        assert_eq!(plain(&advance(Some(5000), "")), "applying: 1200 of 5000");
    }

    #[test]
    fn what_is_over_soon_is_not_shown() {
        let teller = |place| Teller {
            place,
            paint: Paint::new(false),
            state: RefCell::default(),
        };
        let start = Instant::now();
        let mut state = State::default();
        let terminal = teller(Place::Terminal);
        assert!(!terminal.is_due(&mut state, start));
        assert!(!terminal.is_due(&mut state, start + Duration::from_millis(400)));
        assert!(terminal.is_due(&mut state, start + Duration::from_millis(500)));
        state.shown = Some(start + Duration::from_millis(500));
        assert!(!terminal.is_due(&mut state, start + Duration::from_millis(550)));
        let mut state = State::default();
        let log = teller(Place::Log);
        assert!(!log.is_due(&mut state, start));
        assert!(!log.is_due(&mut state, start + Duration::from_secs(9)));
        assert!(log.is_due(&mut state, start + Duration::from_secs(10)));
        assert!(!teller(Place::Nowhere).is_due(&mut State::default(), start));
    }
}
