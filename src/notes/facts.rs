//! What was named, and a host's answers, each asked for once.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;

use super::host::{Host, Interface, Route};
use crate::model::mark::may_give;
use crate::model::{
    EntryKey, Family, ForeignMark, MarkKey, Ruleset, ServerKey, ServiceKey, SysctlName,
};

/// Chains behind which IPVS takes no packet: it looks at INPUT's and OUTPUT's.
const BEHIND: [&str; 2] = ["FORWARD", "POSTROUTING"];

/// What was named of one service.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// The service itself.
    pub(super) service: bool,
    /// Servers of it.
    pub(super) servers: BTreeSet<ServerKey>,
}

pub(super) fn parts(named: &BTreeSet<EntryKey>) -> BTreeMap<ServiceKey, Part> {
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
pub(super) struct Facts<'a> {
    host: &'a dyn Host,
    rules: &'a Ruleset,
    /// The VIPs that the rules declare.
    vips: OnceCell<BTreeSet<IpAddr>>,
    routes: RefCell<BTreeMap<IpAddr, Option<Route>>>,
    /// A route was not asked for.
    pub(super) is_cut: Cell<bool>,
    marks: RefCell<BTreeMap<Family, Option<Rc<[ForeignMark]>>>>,
    forwards: RefCell<BTreeMap<Way, Option<bool>>>,
    has_manager: OnceCell<bool>,
    interfaces: OnceCell<Vec<Interface>>,
    settings: RefCell<BTreeMap<&'static str, Option<String>>>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(host: &'a dyn Host, rules: &'a Ruleset) -> Facts<'a> {
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
            settings: RefCell::default(),
        }
    }

    pub(super) fn route(&self, to: IpAddr) -> Option<Route> {
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

    pub(super) fn forwards(&self, family: Family, interface: Option<&str>) -> Option<bool> {
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

    /// Returns true if the rules themselves declare that this host does not forward: then no route is
    /// needed to tell.
    pub(super) fn declares_no_forwarding(&self, family: Family) -> bool {
        let name = match family {
            Family::Ipv4 => "net.ipv4.ip_forward",
            Family::Ipv6 => "net.ipv6.conf.all.forwarding",
        };
        self.declared(name) == Some("0")
    }

    /// Whether a service has source NAT; `None`: whether any has.
    pub(super) fn has_source_nat(&self, service: Option<&ServiceKey>) -> bool {
        let settings = &self.rules.settings;
        match service {
            Some(key) => settings.source_nat(key).is_some(),
            None => settings.source_nats().next().is_some(),
        }
    }

    /// The value of a kernel setting that the rules declare.
    fn declared(&self, name: &str) -> Option<&str> {
        let name = SysctlName::parse(name).ok()?;
        Some(self.rules.settings.sysctl(name)?.as_str())
    }

    /// Whether another program manages IPVS here, and addresses with it.
    pub(super) fn has_manager(&self) -> bool {
        *self
            .has_manager
            .get_or_init(|| !self.host.managers().is_empty())
    }

    /// The network interfaces; none where that cannot be told.
    pub(super) fn interfaces(&self) -> &[Interface] {
        self.interfaces
            .get_or_init(|| self.host.interfaces().unwrap_or_default())
    }

    /// A setting of IPVS.
    pub(super) fn ipvs_setting(&self, name: &'static str) -> Option<String> {
        let mut known = self.settings.borrow_mut();
        let ask = || match self.declared(&format!("net.ipv4.vs.{name}")) {
            Some(value) => Some(value.to_owned()),
            None => self.host.ipvs_setting(name),
        };
        known.entry(name).or_insert_with(ask).clone()
    }

    /// Other people's rules that set marks.
    pub(super) fn foreign_marks(&self, family: Family) -> Option<Rc<[ForeignMark]>> {
        let mut known = self.marks.borrow_mut();
        let ask = || self.host.marks(family).map(Rc::from);
        known.entry(family).or_insert_with(ask).clone()
    }

    /// Whether somebody else's rule may give packets this mark.
    pub(super) fn feeds(&self, key: MarkKey) -> Option<bool> {
        let all = self.foreign_marks(key.family)?;
        Some(all.iter().any(|rule| feeds(rule, key)))
    }
}

/// Says whether somebody else's rule may give packets a mark before IPVS looks at them; one that
/// restores a connection's mark may give any.
pub fn feeds(rule: &ForeignMark, key: MarkKey) -> bool {
    let may_give = rule
        .mark
        .is_none_or(|set| may_give(set, rule.mask, key.mark));
    may_give && !BEHIND.contains(&rule.chain.as_str())
}
