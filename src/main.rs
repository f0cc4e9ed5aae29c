//! The `ipvsh` binary.

use std::process::ExitCode;

use ipvsh::{commands, script};

fn main() -> ExitCode {
    // The deepest script that the limits allow needs more stack than `ulimit -s` may give.
    let status =
        script::limits::with_main_stack(commands::main).unwrap_or_else(|_| commands::main());
    ExitCode::from(status)
}
