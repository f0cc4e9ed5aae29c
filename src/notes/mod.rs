//! What a kernel accepts and an operator regrets, each with its fix. Pure, but for the questions
//! that it asks of a [`Host`].
//!
//! Layer 1. A note is never an error, and where the host cannot tell there is none. Only what was
//! named is looked at, and the host is asked only what that needs. Source of truth: ip_vs_core.c
//! (what becomes of a packet), ip_vs_xmit.c (how it is forwarded).

mod answers;
mod daemon;
mod find;
mod fix;
mod fold;
mod host;
mod marks;
mod overlap;
mod port;
mod removal;
mod scheduler;
mod service;
mod vip;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

pub use fix::Fix;
pub use fold::fold;
pub use host::{Host, Interface, ManagedAddress, Manager, NoHost, Route};
pub use marks::feeds;

use ipnet::IpNet;

use crate::model::{
    DaemonRole, EntryKey, Family, ForeignMark, MarkKey, Ruleset, ServerKey, ServiceKey, SettingKey,
    SysctlName,
};
use crate::plan::Cut;

/// What a note is about; notes about the same are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A VIP that is not on this host.
    Vip,
    /// A silent VIP for which the kernel answers all the same.
    AudibleVip,
    /// Masquerading without forwarding of IPv4.
    Forwarding4,
    /// Masquerading without forwarding of IPv6.
    Forwarding6,
    /// A service without servers.
    NoServers,
    /// A service all of whose servers are quiesced.
    AllQuiesced,
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
    /// A sync daemon at an interface that reaches nobody.
    DaemonLink,
    /// A removal that cuts connections.
    Cut,
    /// Packets of cut connections that are dropped without an answer.
    Silence,
}

impl Topic {
    /// Returns true if the host is asked for a route to tell.
    fn needs_route(self) -> bool {
        matches!(self, Topic::Vip | Topic::NotOnLink)
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
    /// The command that takes the change back; `None` where nothing was changed.
    pub undo: Option<&'a str>,
}

impl<'a> Situation<'a> {
    /// What a kernel holds, without any change.
    pub fn standing(rules: &'a Ruleset, named: &'a BTreeSet<EntryKey>) -> Situation<'a> {
        Situation {
            rules,
            named,
            cuts: &[],
            quiesced: BTreeSet::new(),
            undo: None,
        }
    }
}

/// Says what may be regretted.
pub fn notes(situation: &Situation, host: &dyn Host) -> Notes {
    let Situation { rules, named, .. } = situation;
    let facts = Facts::of(host, rules);
    let mut notes = Vec::new();
    for (key, part) in parts(named) {
        if let Some(service) = rules.services.get(&key) {
            let standby =
                || rules.settings.daemon(DaemonRole::Backup).is_some() || facts.has_manager();
            notes.extend(service::notes(
                &key,
                service,
                &part,
                &facts,
                &standby,
                &situation.quiesced,
            ));
            notes.extend(port::notes(&key, &part, rules));
        }
    }
    let mark = |entry: &EntryKey| match entry {
        EntryKey::Marks(key) => Some(*key),
        EntryKey::Service(key) => MarkKey::of_service(key),
        _ => None,
    };
    let named_marks: BTreeSet<MarkKey> = named.iter().filter_map(mark).collect();
    for key in &named_marks {
        notes.extend(marks::note(*key, rules, &facts));
    }
    notes.extend(overlap::notes(&named_marks, rules, &facts));
    let role = |entry: &EntryKey| match entry {
        EntryKey::Setting(SettingKey::SyncDaemon(role)) => Some(*role),
        _ => None,
    };
    let daemons = named.iter().filter_map(role);
    notes.extend(daemons.filter_map(|role| daemon::note(role, rules, &facts)));
    let vip = |entry: &EntryKey| match entry {
        EntryKey::Setting(SettingKey::Vip(key)) => Some(*key),
        _ => None,
    };
    let vips = named.iter().filter_map(vip);
    notes.extend(vips.filter_map(|key| vip::note(key, rules, &facts)));
    notes.extend(removal::notes(situation.cuts, situation.undo, &facts));
    Notes {
        all: notes,
        is_cut: facts.is_cut.get(),
    }
}

/// What was named of one service.
#[derive(Debug, Default)]
struct Part {
    /// The service itself.
    service: bool,
    /// Servers of it.
    servers: BTreeSet<ServerKey>,
}

fn parts(named: &BTreeSet<EntryKey>) -> BTreeMap<ServiceKey, Part> {
    let mut parts: BTreeMap<ServiceKey, Part> = BTreeMap::new();
    for entry in named {
        match entry {
            EntryKey::Service(key) => parts.entry(*key).or_default().service = true,
            EntryKey::Server(key, server) => {
                parts.entry(*key).or_default().servers.insert(*server);
            }
            _ => {}
        }
    }
    parts
}

/// How many routes are asked for in one go, some microseconds each: a note less is better than a
/// slow commit. Beyond that a number of notes is the least that it can be.
const MOST_ROUTES: usize = 2_048;

/// A family, and the interface where one is meant.
type Way = (Family, Option<String>);

/// A host's answers, each asked for once. What the rules declare of the host counts as its answer:
/// a commit makes it so, and a plan will.
struct Facts<'a> {
    host: &'a dyn Host,
    rules: &'a Ruleset,
    /// The VIPs that the rules declare.
    vips: OnceCell<BTreeSet<IpAddr>>,
    routes: RefCell<BTreeMap<IpAddr, Option<Route>>>,
    /// A route was not asked for.
    is_cut: Cell<bool>,
    marks: RefCell<BTreeMap<Family, Option<Rc<[ForeignMark]>>>>,
    forwards: RefCell<BTreeMap<Way, Option<bool>>>,
    has_manager: OnceCell<bool>,
    interfaces: OnceCell<Vec<Interface>>,
    networks: OnceCell<Vec<IpNet>>,
    settings: RefCell<BTreeMap<&'static str, Option<String>>>,
}

impl<'a> Facts<'a> {
    fn of(host: &'a dyn Host, rules: &'a Ruleset) -> Facts<'a> {
        Facts {
            host,
            rules,
            vips: OnceCell::new(),
            routes: RefCell::default(),
            is_cut: Cell::default(),
            marks: RefCell::default(),
            forwards: RefCell::default(),
            has_manager: OnceCell::new(),
            interfaces: OnceCell::new(),
            networks: OnceCell::new(),
            settings: RefCell::default(),
        }
    }

    fn route(&self, to: IpAddr) -> Option<Route> {
        let declared = || self.rules.settings.vips().map(|(key, _)| key.addr);
        if self.vips.get_or_init(|| declared().collect()).contains(&to) {
            return Some(Route::Local);
        }
        let mut routes = self.routes.borrow_mut();
        if routes.len() >= MOST_ROUTES && !routes.contains_key(&to) {
            self.is_cut.set(true);
            return None;
        }
        let ask = || self.host.route(to);
        routes.entry(to).or_insert_with(ask).clone()
    }

    fn forwards(&self, family: Family, interface: Option<&str>) -> Option<bool> {
        let mut known = self.forwards.borrow_mut();
        let place = known.entry((family, interface.map(str::to_owned)));
        *place.or_insert_with(|| {
            let name = match (family, interface) {
                (Family::Ipv4, None) => "net.ipv4.ip_forward".to_owned(),
                (Family::Ipv4, Some(interface)) => format!("net.ipv4.conf.{interface}.forwarding"),
                (Family::Ipv6, _) => "net.ipv6.conf.all.forwarding".to_owned(),
            };
            match self.declared(&name) {
                Some(value) => Some(value != "0"),
                None => self.host.forwards(family, interface),
            }
        })
    }

    /// The value of a kernel setting that the rules declare.
    fn declared(&self, name: &str) -> Option<&str> {
        let name = SysctlName::parse(name).ok()?;
        Some(self.rules.settings.sysctl(name)?.as_str())
    }

    /// Whether another program manages IPVS here, and addresses with it.
    fn has_manager(&self) -> bool {
        *self
            .has_manager
            .get_or_init(|| !self.host.managers().is_empty())
    }

    /// The network interfaces; none where that cannot be told.
    fn interfaces(&self) -> &[Interface] {
        self.interfaces
            .get_or_init(|| self.host.interfaces().unwrap_or_default())
    }

    /// The addresses of this host in networks that it shares with others, each with its network: no
    /// loopback addresses, and no VIPs, whose networks are themselves.
    fn networks(&self) -> &[IpNet] {
        self.networks.get_or_init(|| {
            let shared = self.interfaces().iter().filter(|one| !one.is_loopback);
            let addresses = shared.flat_map(|one| &one.networks);
            let has_others = |own: &&IpNet| own.prefix_len() < own.max_prefix_len();
            addresses.filter(has_others).copied().collect()
        })
    }

    /// A setting of IPVS.
    fn ipvs_setting(&self, name: &'static str) -> Option<String> {
        let mut known = self.settings.borrow_mut();
        let ask = || match self.declared(&format!("net.ipv4.vs.{name}")) {
            Some(value) => Some(value.to_owned()),
            None => self.host.ipvs_setting(name),
        };
        known.entry(name).or_insert_with(ask).clone()
    }

    /// Other people's rules that set marks.
    fn foreign_marks(&self, family: Family) -> Option<Rc<[ForeignMark]>> {
        let mut known = self.marks.borrow_mut();
        let ask = || self.host.marks(family).map(Rc::from);
        known.entry(family).or_insert_with(ask).clone()
    }

    /// Whether somebody else's rule may give packets this mark.
    fn feeds(&self, key: MarkKey) -> Option<bool> {
        let all = self.foreign_marks(key.family)?;
        Some(all.iter().any(|rule| feeds(rule, key)))
    }
}
