//! The last resort: a panic is a bug of ours, told as one, never status 101.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Kind;
use crate::output::clean;

/// Runs the program; a panic ends it with status 255.
pub(super) fn contained(program: impl FnOnce() -> u8) -> u8 {
    std::panic::set_hook(Box::new(|info| {
        use std::io::Write;
        let payload = info.payload();
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        let place = info
            .location()
            .map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
        let _ = writeln!(
            std::io::stderr().lock(),
            "Error: this is a bug in ipvsh {}: {}{place}\n\
             Hint: please report it with what you ran; `ipvsh status` says where things stand",
            env!("IPVSH_VERSION"),
            clean(&message),
        );
    }));
    // Nothing of the program's is used again after a panic.
    catch_unwind(AssertUnwindSafe(program)).unwrap_or(Kind::Bug.exit_status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_status_255() {
        assert_eq!(contained(|| panic!("told as a bug")), 255);
        assert_eq!(contained(|| 3), 3);
    }
}
