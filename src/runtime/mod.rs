//! What lives below /run/ipvsh, as long as the machine runs: the state of the checks, the daemon's
//! socket, and the lock of the kernel.
//!
//! Layer 2; imports `model`, `health`'s data, `clock`.
