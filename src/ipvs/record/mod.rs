//! Owns the typed records of the kernel's view, with conversion to and from attributes: services,
//! destinations, daemons, timeouts, info, statistics.
//!
//! May import: `attr`, `name`. Source of truth: net/netfilter/ipvs/ip_vs_ctl.c
//! (ip_vs_genl_parse_* for what a request needs, ip_vs_genl_fill_* for what an answer holds).
//!
//! Reading is lenient: what an older kernel leaves out gets its default, what a newer one adds is
//! ignored here (and kept by the attribute enums).

mod daemon;
mod destination;
mod family;
mod flags;
mod service;
mod service_id;
mod settings;
mod stats;

pub use daemon::{Daemon, DaemonState};
pub use destination::{Destination, DestinationId, ForwardMethod, Tunnel, TunnelFlags, TunnelKind};
pub use family::Family;
pub use flags::ServiceFlags;
pub use service::{Netmask, Service};
pub use service_id::{ServiceId, ZeroFwmark};
pub use settings::{Info, Timeouts};
pub use stats::Stats;
