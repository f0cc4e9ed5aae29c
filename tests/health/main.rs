//! Health as an overlay: what checks found decides what the kernel holds, and the history never says so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test

mod any_order;
mod clinic;
mod overlay;
mod policies;
#[path = "../common/random.rs"]
mod random;
#[path = "../common/shared.rs"]
mod shared;
