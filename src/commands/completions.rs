//! `ipvsh completions SHELL`: scripts that ask the program itself at every Tab.

use clap::{Args, ValueEnum};

use super::context::Context;
use crate::error::Result;

/// Print a shell's completions
///
/// bash: ipvsh completions bash > /usr/share/bash-completion/completions/ipvsh
/// fish: ipvsh completions fish > ~/.config/fish/completions/ipvsh.fish
/// zsh:  ipvsh completions zsh > DIR/_ipvsh, where DIR is one of $fpath
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// A shell that can be told how ipvsh's words go on.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Fish,
    Zsh,
}

/// Runs `ipvsh completions`.
pub(super) fn run(context: &Context, args: &CompletionsArgs) -> Result<u8> {
    context.out.print(match args.shell {
        Shell::Bash => include_str!("completions/ipvsh.bash"),
        Shell::Fish => include_str!("completions/ipvsh.fish"),
        Shell::Zsh => include_str!("completions/ipvsh.zsh"),
    });
    Ok(0)
}
