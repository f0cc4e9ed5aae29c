//! `ipvsh man`.

use clap::Args;

use super::context::Context;
use crate::error::{Error, Result};

/// Print the manual page
///
/// To read it: ipvsh man | man -l -
#[derive(Debug, Args)]
pub(super) struct ManArgs {}

/// Runs `ipvsh man`.
pub(super) fn run(context: &Context, _args: &ManArgs) -> Result<u8> {
    let mut text = Vec::new();
    clap_mangen::Man::new(super::definition())
        .render(&mut text)
        .map_err(|e| Error::system("cannot make the manual page", &e))?;
    context.out.print(&String::from_utf8_lossy(&text));
    Ok(0)
}
