//! `ipvsh completions SHELL`.

use clap::Args;
use clap_complete::Shell;

use super::context::Context;
use crate::error::Result;

/// Print a shell's completions
///
/// For example: ipvsh completions bash > /usr/share/bash-completion/completions/ipvsh
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs `ipvsh completions`.
pub(super) fn run(context: &Context, args: &CompletionsArgs) -> Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut super::public_definition(),
        "ipvsh",
        &mut text,
    );
    context.out.print(&String::from_utf8_lossy(&text));
    Ok(0)
}
