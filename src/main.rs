//! The `ipvsh` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ipvsh::commands::main())
}
