//! Rules for packets in the kernel: our own chains `IPVSH`, of marks in the mangle table and of source
//! NAT in the nat table.
//!
//! Layer 2; imports `error`, `model` and `format`. [`Chains`] is what the layers above see; [`Iptables`]
//! does it through the `iptables` crate, guarded against what that crate does not check.
//! Source of truth: iptables(8), iptables-extensions(8) (MARK, multiport, ipvs, SNAT).
//!
//! Only the chains `IPVSH` and the unconditional jumps to them from PREROUTING and POSTROUTING are
//! ours. Nobody else's rule is changed or moved.

mod child;
mod command;
mod edit;
mod foreign;
mod hook;
mod iptables;
mod nft;
mod rule;
mod table;
mod target;

pub use command::line_of;
pub use iptables::Iptables;
// What iptables can hold is the same for the simulated kernel.
pub(crate) use table::normal;
pub(crate) use target::Target;

use crate::error::Result;
use crate::model::{ChainState, Family, MarkSupport, ServiceKey, SourceNat};

/// The name of our chains, in both families.
pub const CHAIN: &str = "IPVSH";

/// The table that our chain of marks is in.
pub const TABLE: &str = "mangle";

/// A back end that holds our chains of rules: iptables today.
///
/// Nothing here is of one back end or of one kind of rule: a chain is there or not, packets pass it or
/// not, and it holds rules in an order.
pub trait Chains {
    /// Begins to look at both families; [`Chains::observe`] then gives what is seen from now on.
    /// There is time for something else between the two.
    fn begin(&mut self) {}

    /// Says what our chain of marks of one family holds, or why this host cannot have it.
    ///
    /// # Errors
    /// `busy` where another program keeps the back end locked, `system` where its answer makes no
    /// sense. A lasting lack (no program for it, no IPv6, no right) is no error but
    /// [`MarkSupport::Unavailable`].
    fn observe(&mut self, family: Family) -> Result<MarkSupport>;

    /// Makes our chain of marks what `to` says, touching only the rules that differ.
    ///
    /// Reads the chain first and reads it back at the end; where it is as it must be, nothing is
    /// written. On failure it goes back to what was there before.
    ///
    /// # Errors
    /// `unsupported` or `not_permitted` where this host cannot have the chain, `invalid` for a rule
    /// that the back end cannot hold, `refused`, `busy` or `system` where a command failed: then the
    /// chain is as it was before. `undo_failed` where going back failed too: the chain is neither, and
    /// the error's leftovers are the commands that remain to be run.
    fn set(&mut self, family: Family, to: &ChainState) -> Result<()>;

    /// Says which services have a rule of source NAT that packets pass; none where this host cannot
    /// have our chain of them.
    ///
    /// # Errors
    /// As [`Chains::observe`].
    fn source_nat(&mut self, family: Family) -> Result<Vec<(ServiceKey, SourceNat)>>;

    /// Gives a service its rule of source NAT, or takes it away; no other rule is touched. Our chain is
    /// there, and packets pass it, while it has a rule.
    ///
    /// # Errors
    /// As [`Chains::set`].
    fn set_source_nat(&mut self, service: &ServiceKey, to: Option<&SourceNat>) -> Result<()>;

    /// How many commands that change something were run since the start.
    fn writes(&self) -> u64;
}
