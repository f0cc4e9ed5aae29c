//! Where our chains are: one in the mangle table for marks, one in the nat table for source NAT.

use super::CHAIN;

/// A chain of ours, by what its rules do; both are called `IPVSH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    /// It sets the marks that IPVS reads.
    Marks,
    /// It changes the source of what IPVS forwards.
    SourceNat,
}

impl Hook {
    /// The table that the chain is in.
    pub fn table(self) -> &'static str {
        match self {
            Hook::Marks => "mangle",
            Hook::SourceNat => "nat",
        }
    }

    /// The kernel's chain that jumps to ours.
    pub fn from(self) -> &'static str {
        match self {
            Hook::Marks => "PREROUTING",
            Hook::SourceNat => "POSTROUTING",
        }
    }

    /// The words of the unconditional jump, behind the name of the kernel's chain.
    pub fn jump() -> [&'static str; 2] {
        ["-j", CHAIN]
    }
}
