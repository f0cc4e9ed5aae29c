//! How far long work is, for whoever waits: applying thousands of steps, sleeping, draining.
//!
//! The director only tells; who listens (`output`) decides whether and how it is shown.

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance<'a> {
    /// What is being done: `applying`, `draining 10.0.0.11:80`.
    pub what: &'a str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, where that is known.
    pub total: Option<u64>,
    /// What is counted (`steps`, `s`), or what else is to be seen: `s, 12 active`.
    pub unit: &'a str,
}

/// Follows long work. It is told often: what is shown of it, and how often, is its own affair.
pub trait Progress {
    /// So far it is.
    fn tell(&self, advance: &Advance);

    /// It is over: nothing of it stays on the screen.
    fn over(&self);
}

/// Follows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn tell(&self, _: &Advance) {}

    fn over(&self) {}
}
