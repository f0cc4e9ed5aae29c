//! What both processes know.

/// This program, also where its file was replaced meanwhile.
pub(super) const THIS_PROGRAM: &str = "/proc/self/exe";

/// What the process in the background writes when it is there.
pub(super) const READY: &[u8] = b"ready\n";
