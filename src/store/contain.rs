//! Containment of sled's panics: a damaged file must end in an error, not in a backtrace.
//!
//! sled 0.34 panics where a damaged file breaks its invariants, in the caller's thread or in one
//! of its own (`sled-io-N`). The hook that prints panics is the process's; ours goes in front of
//! it once and stays silent for contained code and for sled's threads only.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use super::address::damaged;
use crate::error::Result;

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

fn install_hook() {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let contained = CONTAINED.try_with(Cell::get).unwrap_or(false);
            let sled = std::thread::current()
                .name()
                .is_some_and(|name| name.starts_with("sled"));
            if !contained && !sled {
                before(info);
            }
        }));
    });
}

/// Runs code of sled's; a panic in it becomes an error.
///
/// # Errors
/// `damaged` where it panicked.
pub(super) fn contain<T>(code: impl FnOnce() -> T) -> Result<T> {
    install_hook();
    let before = CONTAINED.replace(true);
    // What the code touched is sled's own and is not used again after a panic (see `Table`).
    let outcome = catch_unwind(AssertUnwindSafe(code));
    CONTAINED.set(before);
    outcome.map_err(|_| damaged("sled gave up on its files"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_panic_becomes_an_error() {
        let error = contain(|| panic!("boom")).unwrap_err();
        assert_eq!(error.kind(), Kind::Damaged);
        assert_eq!(contain(|| 7).unwrap(), 7);
    }
}
