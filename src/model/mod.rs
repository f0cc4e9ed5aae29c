//! Plain data with validation: what a director's ruleset is made of.
//!
//! Layer 0: imports only `error`. Nothing here does input or output. Each thing has one text
//! form, parsed and printed side by side; option maps (from scripts and JSON) are read by
//! [`patch`]. Terms and ranges follow ip_vs(7), ipvsadm(8) and `include/uapi/linux/ip_vs.h`.

pub mod address;
pub mod combination;
pub mod connection;
mod differences;
pub mod entry;
pub mod extent;
pub mod found_values;
pub mod front;
pub mod grace;
pub mod info;
pub mod interface;
pub mod json;
pub mod key;
pub mod live;
pub mod load;
pub mod mark;
pub mod merge;
pub mod moment;
mod name;
pub mod origin;
pub mod pairs;
pub mod patch;
pub mod policy;
pub mod remedy;
pub mod ruleset;
pub mod served_vip;
pub mod server;
pub mod servers;
pub mod service;
pub mod setting;
pub mod snapshot;
mod text;
pub mod traffic;

pub use address::{Endpoint, Family};
pub use connection::{Connection, EngineData};
pub use differences::{Differing, differing_servers};
pub use entry::{EntryKey, EntryValue};
pub use extent::Extent;
pub use found_values::FoundValues;
pub use grace::Grace;
pub use info::Info;
pub use interface::InterfaceName;
pub use key::{Fwmark, Protocol, ServerKey, ServiceKey, ServiceName};
pub use live::{ChainRule, ChainState, Counts, Live, LiveServer, MarkSupport};
pub use load::{Load, ServerLoad, ServiceLoad};
pub use mark::{ForeignMark, MarkKey, MarkRule, PortRange, Stray};
pub use merge::{Merged, merge};
pub use moment::Moment;
pub use origin::{Origin, ScriptFile, Tally};
pub use pairs::pairs;
pub use patch::{Options, ServerPatch, ServicePatch};
pub use policy::{Check, HostName, OnFail, ServerPolicies, ServerPolicy, ServicePolicy};
pub use ruleset::{Ruleset, VirtualService};
pub use served_vip::{Arrival, ServedVip};
pub use server::{Forwarding, RealServer, Tunnel, TunnelChecksum, TunnelKind, Weight};
pub use servers::Servers;
pub use service::{Engine, Netmask, Scheduler, SchedulerFlags, ServiceOptions};
pub use setting::maintenance::{Maintenance, MaintenanceKey, Mode};
pub use setting::source_nat::SourceNat;
pub use setting::sync_daemon::{DaemonRole, SyncDaemon};
pub use setting::sysctl::{SysctlName, SysctlValue};
pub use setting::timeout::{TimeoutKind, Timeouts};
pub use setting::tunnel_device::TunnelDevice;
pub use setting::vip::{Arp, Vip, VipKey, Withdraw};
pub use setting::{Setting, SettingKey, SettingKind, Settings, with_derived};
pub use snapshot::{Event, Snapshot, SnapshotId, SnapshotName};
pub use text::{count, shell_word};
pub use traffic::{Counters, Rates, ServiceTraffic, Traffic, Usage};
