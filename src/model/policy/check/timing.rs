//! When a check runs, and how many results decide.

use serde::{Deserialize, Serialize};

/// When a check runs, and how many results decide. Times are milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// From one run to the next; default 3000.
    pub interval: u32,
    /// From one run to the next while results have not decided; default 1000.
    pub retry_interval: u32,
    /// For all of a run; default 2000.
    pub timeout: u32,
    /// So many passes in a row bring a server up; default 2.
    pub rise: u32,
    /// So many failures in a row bring a server down; default 3.
    pub fall: u32,
}

impl Timing {
    /// What holds where a check does not say.
    pub const DEFAULT: Timing = Timing {
        interval: 3_000,
        retry_interval: 1_000,
        timeout: 2_000,
        rise: 2,
        fall: 3,
    };

    /// Returns true if every value is at its default.
    pub fn is_default(&self) -> bool {
        *self == Timing::DEFAULT
    }
}

impl Default for Timing {
    fn default() -> Timing {
        Timing::DEFAULT
    }
}
