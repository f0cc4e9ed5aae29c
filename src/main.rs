//! The `ipvsh` binary.
fn main() {}
