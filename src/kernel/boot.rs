//! Which boot this is, and the clock that goes on while the machine is suspended.
//!
//! Source of truth: proc_sys_kernel(5), clock_gettime(2).

use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::error::{Error, Result};

/// The kernel's tables do not outlive what this names.
///
/// # Errors
/// `system` where /proc cannot be read.
pub fn boot_id() -> Result<String> {
    let path = "/proc/sys/kernel/random/boot_id";
    let text = std::fs::read_to_string(path)
        .map_err(|e| Error::system(format!("cannot read {path}"), &e))?;
    Ok(text.trim().to_owned())
}

/// CLOCK_BOOTTIME, in milliseconds: no clock that is set moves it, and it counts suspension.
pub fn boottime() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let rest = u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1000).saturating_add(rest)
}

/// Sleeps until CLOCK_BOOTTIME says so; a signal ends it early.
pub fn sleep_until(milliseconds: u64) {
    let until = Timespec {
        tv_sec: i64::try_from(milliseconds / 1000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(milliseconds % 1000).unwrap_or(0) * 1_000_000,
    };
    let _ = clock_nanosleep_absolute(ClockId::Boottime, &until);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_while_one_sleeps_to_a_time_of_it() {
        let began = boottime();
        sleep_until(began + 30);
        let slept = boottime() - began;
        assert!((30..10_000).contains(&slept), "{slept}");
        assert_eq!(boot_id().unwrap().len(), 36);
    }
}
