//! Lines of ipvsadm: what `ipvsadm -Sn` prints, `ipvsadm -R` reads, and shell scripts hold; and the
//! settings of the start scripts that it comes with.
//!
//! Source of truth: ipvsadm(8) and Debian's ipvsadm 1.31, run beside a 6.1 kernel. What its
//! manual does not say and was observed there:
//! - `-R` takes every command, also `--set` and `--start-daemon`, though `-S` prints neither;
//!   it refuses comments;
//! - `-p` without a number is 360 seconds, not the manual's 300;
//! - `-M` without `-p` is accepted and printed by nobody;
//! - a server of direct routing or a tunnel gets its service's port, whatever was typed;
//! - `[v6]` without a port is refused for a server, `[v6]:0` is not;
//! - marks of 2^31 and above are printed negative.

mod boot;
mod branches;
mod chain;
mod options;
pub(crate) mod ports;
mod programs;
mod read;
mod script;
mod settings;
mod shell;
pub(crate) mod table;
mod translate;
mod values;
mod words;
mod write;

pub(super) use boot::is_settings;
pub(crate) use read::read;
pub(super) use shell::{is_command, is_dashed};
pub use translate::{Seen, Translated, translate};
pub(crate) use write::{removal_line, selector, server_line, service_line, settings_lines, write};
