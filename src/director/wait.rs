//! Use cases that take their time: what they tell on the way, and the time that they wait by.
//!
//! How far a wait is goes to the director's [`Progress`](super::Progress).

use std::time::Duration;

use super::progress::{Advance, Progress};
use super::report::Report;
use crate::clock::{Clock, SystemClock};
use crate::error::Result;
use crate::notes::Note;
use crate::signals;

/// What a use case tells on the way.
#[derive(Debug, Clone, Copy)]
pub enum News<'a> {
    /// Something that the user should know.
    Note(&'a str),
    /// Something that the user may regret, with its fix.
    Warning(&'a Note),
    /// What a dry run does not do, in words: `would wait ...`.
    Would(&'a str),
    /// A change was made.
    Change(&'a Report),
    /// The sentence that ends it.
    Done(&'a str),
    /// Something was done that outlives the process and that nothing else tells; a sentence.
    Did(&'a str),
}

/// Who waits with a use case: the clock, the way to sleep, and the one to tell.
pub trait Attend {
    /// The time since some point in the past.
    fn clock(&self) -> Duration;

    /// Lets time pass.
    ///
    /// # Errors
    /// `interrupted` where a signal came.
    fn sleep(&mut self, duration: Duration) -> Result<()>;

    /// Tells the user.
    fn tell(&mut self, news: News);
}

/// Waits by the time of this machine; a signal ends it.
pub struct Attendant<F> {
    tell: F,
}

impl<F: FnMut(News)> Attendant<F> {
    /// Tells `tell`.
    pub fn new(tell: F) -> Attendant<F> {
        Attendant { tell }
    }
}

impl<F: FnMut(News)> Attend for Attendant<F> {
    fn clock(&self) -> Duration {
        SystemClock.monotonic()
    }

    fn sleep(&mut self, duration: Duration) -> Result<()> {
        signals::sleep(duration, |_| ())
    }

    fn tell(&mut self, news: News) {
        (self.tell)(news);
    }
}

/// Lets time pass, telling how much of it did.
///
/// # Errors
/// `interrupted` where a signal came.
pub fn pause(what: &str, duration: Duration, progress: &dyn Progress) -> Result<()> {
    let slept = signals::sleep(duration, |gone| {
        progress.tell(&Advance {
            what,
            done: gone.as_secs(),
            total: Some(duration.as_secs().max(1)),
            unit: "s",
        });
    });
    progress.over();
    slept
}
