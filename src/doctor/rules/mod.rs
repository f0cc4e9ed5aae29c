//! The rules, one file each; [`noted`] has those whose findings are notes of commits.
//!
//! A file says in its first lines where the facts come from. A rule that asks the host something new
//! extends [`Host`](crate::notes::Host), with "cannot tell" as the default.

pub(super) mod buckets;
pub(super) mod checks;
pub(super) mod conn_reuse;
pub(super) mod conntrack;
pub(super) mod forgotten;
pub(super) mod ftp;
pub(super) mod managers;
pub(super) mod next_boot;
pub(super) mod nodest;
pub(super) mod noted;
pub(super) mod persist_quiesce;
pub(super) mod redirects;
pub(super) mod rp_filter;
pub(super) mod scheduler;
pub(super) mod server;
pub(super) mod sync_role;
pub(super) mod vip_source;
