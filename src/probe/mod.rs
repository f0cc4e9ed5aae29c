//! Carrying checks out: one file per type of check.
//!
//! Layer 2; imports `model` and `health`'s data.
