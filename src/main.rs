//! The `ipvsh` binary.

use std::process::ExitCode;

use ipvsh::commands;

fn main() -> ExitCode {
    ExitCode::from(commands::main())
}
