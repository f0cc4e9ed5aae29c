//! Notes, and what they are about.

use std::collections::BTreeSet;
use std::fmt;

use super::fix::Fix;
use crate::model::{EntryKey, Ruleset, ServerKey, ServiceKey};
use crate::plan::{Cut, HeldServers};

/// What a note is about; notes about the same are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A VIP that is not on this host.
    Vip,
    /// A silent VIP for which the kernel answers all the same.
    NotSilent,
    /// Masquerading without forwarding of IPv4.
    Forwarding4,
    /// Masquerading without forwarding of IPv6.
    Forwarding6,
    /// A service without servers.
    NoServers,
    /// A service all of whose servers are quiesced.
    AllQuiesced,
    /// A service all of whose servers are down or in maintenance.
    AllHeld,
    /// Servers of one service that forward differently.
    Mixed,
    /// Masquerading to a loopback address.
    Loopback,
    /// A direct server behind a router.
    NotOnLink,
    /// A server of a mark that names a port which the kernel does not use.
    Port,
    /// A flag that the scheduler ignores.
    Flags,
    /// A mark service that no rule feeds.
    Unfed,
    /// A mark rule that feeds no service.
    Unused,
    /// Two rules that give the same packets different marks.
    Overlap,
    /// A server of weight 0 that a hashing scheduler still chooses.
    HashedAway,
    /// A loopback VIP with servers on other hosts.
    LoopbackVip,
    /// Masquerading for clients in the network of the servers.
    SameNetwork,
    /// Servers that no longer see the client's address.
    ClientAddress,
    /// Source NAT to an address that is not on this host.
    SnatAddress,
    /// Source NAT of a service without a masqueraded server.
    NoMasq,
    /// A sync daemon at an interface that reaches nobody.
    DaemonLink,
    /// A removal that cuts connections.
    Cut,
    /// Packets of cut connections that are dropped without an answer.
    Silence,
}

impl Topic {
    /// All of them.
    pub const ALL: [Topic; 24] = [
        Topic::Vip,
        Topic::NotSilent,
        Topic::Forwarding4,
        Topic::Forwarding6,
        Topic::NoServers,
        Topic::AllQuiesced,
        Topic::AllHeld,
        Topic::Mixed,
        Topic::Loopback,
        Topic::NotOnLink,
        Topic::Port,
        Topic::Flags,
        Topic::Unfed,
        Topic::Unused,
        Topic::Overlap,
        Topic::HashedAway,
        Topic::LoopbackVip,
        Topic::SameNetwork,
        Topic::ClientAddress,
        Topic::SnatAddress,
        Topic::NoMasq,
        Topic::DaemonLink,
        Topic::Cut,
        Topic::Silence,
    ];

    /// Returns true if the host is asked for a route to tell.
    pub(super) fn needs_route(self) -> bool {
        matches!(self, Topic::Vip | Topic::NotOnLink | Topic::SnatAddress)
    }
}

/// Something that was accepted and may be regretted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub topic: Topic,
    /// The object.
    pub object: String,
    /// What is the matter, and what comes of it.
    pub what: String,
    /// What ends it or shows more.
    pub fix: Fix,
}

impl Note {
    /// Returns the note as a prompt and a script tell it: a fix that is a line of a script is bare.
    pub fn at_prompt(&self) -> String {
        self.fixed_by(self.fix.at_prompt())
    }

    fn fixed_by(&self, fix: &str) -> String {
        format!("{}: {}. Fix: {fix}", self.object, self.what)
    }
}

/// The note as a command line tells it: its fix can be pasted into a shell.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fixed_by(&self.fix.to_string()))
    }
}

/// The notes of one look at a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes {
    /// All of them.
    pub all: Vec<Note>,
    /// There were more addresses than routes are asked for: notes about routes may be missing.
    pub is_cut: bool,
}

/// What notes are about: a change that is planned or was made, or what a kernel holds.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// What the kernel holds, or will hold.
    pub rules: &'a Ruleset,
    /// The entries that are looked at.
    pub named: &'a BTreeSet<EntryKey>,
    /// What the change removes while clients are connected to it.
    pub cuts: &'a [Cut],
    /// The real servers that the change quiesces.
    pub quiesced: BTreeSet<(ServiceKey, ServerKey)>,
    /// The services whose source NAT the change declares.
    pub source_nats: BTreeSet<ServiceKey>,
    /// The servers that are not as they were declared, by their checks or by maintenance.
    pub held: &'a HeldServers,
    /// The command that takes the change back; `None` where nothing was changed.
    pub undo: Option<&'a str>,
}

/// No server is held.
static NOT_HELD: HeldServers = HeldServers::new();

impl<'a> Situation<'a> {
    /// What a kernel holds, without any change.
    pub fn standing(rules: &'a Ruleset, named: &'a BTreeSet<EntryKey>) -> Situation<'a> {
        Situation {
            rules,
            named,
            cuts: &[],
            quiesced: BTreeSet::new(),
            source_nats: BTreeSet::new(),
            held: &NOT_HELD,
            undo: None,
        }
    }
}
