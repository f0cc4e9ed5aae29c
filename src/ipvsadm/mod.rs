//! The drop-in for ipvsadm 1.31: its options, its output, its exit statuses, its effect.
//!
//! Layer 3; may import `ipvs`, `views::number`, for `--record` what a commit is made of, and for `--sim`
//! the simulated kernel. It acts on the kernel at
//! once and records nothing, unless asked to; each change is told to the caller, for the system log.
//! Source of truth:
//! ipvsadm's behaviour in the same kernel (`tests/kernel/differential.rs` compares the two), its
//! manual page ipvsadm(8), and for the order of its checks ipvsadm.c of version 1.31.
//!
//! A command line passes through `scan` (words into options, as the library popt does it),
//! `line` (options into one request, each value checked as it comes), `combination` (which
//! options go with which command), and `session` (the kernel, and what is said of its refusals).
//! `listing`, `rules` and `connections` make the text.
//!
//! # Deliberate differences
//! - `-h` says the same in words of our own: the original's are under the GPL.
//! - `-b ,` (flags without a name) crashes the original; here it is refused, status 2.
//! - A listing that cannot be written (a full disk) ends with status 1 and says so; the original
//!   ends with 0. A closed pipe ends quietly, with 0, not with SIGPIPE.
//! - popt's `!#:+` in a value (put the next word here) is an ordinary value.
//! - The original cuts a line of `/proc/net/ip_vs_conn` of 256 bytes and more (long persistence
//!   engine data) in two and misreads the rest; here it stays one line.
//! - The original splits a word of `-R` of more than 2048 bytes; here it stays one word.
//! - Where a socket, not the kernel, fails, the words on standard error are our own.

mod atomic;
mod changes;
mod combination;
mod connections;
mod daemons;
mod help;
mod host;
mod kernel_table;
mod kind;
mod line;
mod listing;
mod number;
mod order;
mod programs;
mod record;
mod refusal;
mod restore;
mod rules;
mod scan;
mod service;
mod session;
mod simulated;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use atomic::{apply, apply_to};
pub use changes::{Change, changes, is_one_change};
pub use kernel_table::KernelTable;
pub use programs::{Program, run, run_on};
pub use record::stage;
