//! `ipvsh show [VIEW] [OBJECT]`: live state.

mod asked;
mod object;
mod picture;
mod print;
pub(super) mod watch;

use super::context::Context;
use crate::error::Result;

use asked::Asked;
pub(super) use asked::ShowArgs;
use print::print;

/// Runs `ipvsh show`.
pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<u8> {
    let asked = Asked::new(args)?;
    let interval = args.watch.as_deref();
    let interval = interval
        .map(|text| watch::interval("--watch", text))
        .transpose()?;
    let mut director = context.director()?;
    match interval {
        Some(interval) => watch::run(context, &mut director, &asked, interval),
        None => {
            print(&context.paged(), &mut director, &asked, false)?;
            if let Some(awaiting) = director.glance() {
                context.out.note(&awaiting.sentence());
            }
            Ok(0)
        }
    }
}
