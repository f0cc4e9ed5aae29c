//! Two things at once.
//!
//! Layer 0: imports nothing.

use std::thread;

/// Says whether there is one processor only: to work beside somebody is of no use then.
pub fn alone() -> bool {
    thread::available_parallelism().map_or(1, |count| count.get()) < 2
}

/// Does two things, the second in a thread of its own; where there is no room for a thread, or no
/// processor, one behind the other. A panic goes on in the caller.
///
/// ```
/// let (sum, product) = ipvsh::threads::beside(|| 6 + 7, || 6 * 7);
/// assert_eq!((sum, product), (13, 42));
/// ```
pub fn beside<A, B: Send>(here: impl FnOnce() -> A, mut there: impl FnMut() -> B + Send) -> (A, B) {
    if alone() {
        return (here(), there());
    }
    let second = &mut there;
    let (mine, theirs) = thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, second);
        let mine = here();
        let theirs = thread.ok().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        (mine, theirs)
    });
    (mine, theirs.unwrap_or_else(there))
}
