//! Owns the table of `/proc/net/ip_vs`: the servers of all services in one cheap read.
//!
//! May import: `model`, `ipvs`. Source of truth: ip_vs_info_seq_show in
//! net/netfilter/ipvs/ip_vs_ctl.c. Netlink gives the same with one request per service.
//!
//! Where other network namespaces have services too, the kernel leaves some of ours out, each with
//! all its servers: between two reads it goes on at a place that it counted with theirs
//! (ip_vs_info_seq_next) and looks up without them (ip_vs_info_array), up to Linux 7.0.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str;

use crate::ipvs;
use crate::model::{
    Forwarding, Protocol, RealServer, Ruleset, ServerKey, ServerLoad, ServiceKey, Weight,
};

/// Where the kernel lists the services of the calling thread's network namespace.
pub const FILE: &str = "/proc/thread-self/net/ip_vs";

/// How much of the file is asked for at once; the kernel gives one page, or more where a service
/// needs it (seq_read_iter).
const CHUNK: usize = 16 << 10;

type Servers = BTreeMap<ServerKey, ServerLoad>;

/// What a line names: a service as the file knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Address(ServiceKey),
    /// Of which family is not said.
    Mark(u32),
}

impl Name {
    fn of(key: &ServiceKey) -> Name {
        match key {
            ServiceKey::Address { .. } => Name::Address(*key),
            ServiceKey::Fwmark { mark, .. } => Name::Mark(mark.value()),
        }
    }
}

/// Opens the table of the calling thread's network namespace.
///
/// # Errors
/// Not found: the module is not loaded.
pub fn open() -> io::Result<BufReader<File>> {
    Ok(BufReader::with_capacity(CHUNK, File::open(FILE)?))
}

/// The servers of services.
#[derive(Debug, Default)]
pub struct Table(HashMap<Name, VecDeque<Servers>>);

impl Table {
    /// Reads the table of the calling thread's network namespace.
    ///
    /// # Errors
    /// Not found: the module is not loaded.
    pub fn read() -> io::Result<Table> {
        Table::parse(open()?)
    }

    fn parse(list: impl BufRead) -> io::Result<Table> {
        let mut table = Table::default();
        each(list, Stretch::Whole, |name, servers| {
            let servers = servers.drain(..).collect();
            table.0.entry(name).or_default().push_back(servers);
        })?;
        Ok(table)
    }

    /// Takes the servers of a service out; none where the file does not show the service. A mark
    /// may be there in both families: it is to be asked for in the order of the kernel's dump,
    /// which is that of the file.
    pub fn take(&mut self, key: &ServiceKey) -> Option<Servers> {
        self.0.get_mut(&Name::of(key))?.pop_front()
    }
}

/// Returns true if the table, which every user may read, shows one of these services.
pub fn lists(keys: &BTreeSet<ServiceKey>) -> bool {
    let Ok(table) = Table::read() else {
        return false;
    };
    keys.iter().any(|key| table.0.contains_key(&Name::of(key)))
}

/// Which services of a list are read.
#[derive(Debug, Clone, Copy)]
pub enum Stretch {
    /// All of them.
    Whole,
    /// Those that begin at or before a byte.
    Until(u64),
    /// Those that begin behind the byte that the list was opened at.
    Behind,
}

/// What a list, or a stretch of it, shows of services.
#[derive(Debug, Default)]
pub struct Shown {
    /// One of them is not as it should be.
    differs: bool,
    seen: HashSet<ServiceKey>,
}

impl Shown {
    /// Compares the services that are shown with what a ruleset says; in constant memory but for
    /// their names.
    ///
    /// # Errors
    /// As reading the list.
    pub fn read(
        list: impl BufRead,
        stretch: Stretch,
        keys: &BTreeSet<ServiceKey>,
        rules: &Ruleset,
    ) -> io::Result<Shown> {
        let mut shown = Shown::default();
        each(list, stretch, |name, servers| {
            if let Name::Address(key) = name
                && keys.contains(&key)
            {
                shown.seen.insert(key);
                shown.differs |= !alike(servers, servers_in(rules, &key));
            }
        })?;
        Ok(shown)
    }

    /// Adds what another stretch shows.
    #[must_use]
    pub fn with(mut self, other: Shown) -> Shown {
        self.differs |= other.differs;
        self.seen.extend(other.seen);
        self
    }

    /// Says whether services have exactly the servers that a ruleset says. No for the service of a
    /// mark, of which a list does not show enough.
    pub fn holds(&self, keys: &BTreeSet<ServiceKey>, rules: &Ruleset) -> bool {
        let empty = |key: &_| servers_in(rules, key).is_none_or(BTreeMap::is_empty);
        let shown = |key: &ServiceKey| !key.is_mark() && (self.seen.contains(key) || empty(key));
        !self.differs && keys.iter().all(shown)
    }
}

fn servers_in<'a>(
    rules: &'a Ruleset,
    key: &ServiceKey,
) -> Option<&'a BTreeMap<ServerKey, RealServer>> {
    rules.services.get(key).map(|service| &*service.servers)
}

/// Says whether servers are the wanted ones, as far as they are shown.
fn alike(
    shown: &mut [(ServerKey, ServerLoad)],
    wanted: Option<&BTreeMap<ServerKey, RealServer>>,
) -> bool {
    // The newest comes first, and they are added in the order of their names: then there is
    // nothing to sort.
    shown.reverse();
    shown.sort_by_key(|(key, _)| *key);
    let alike = |((one, shown), (other, wanted)): (&(ServerKey, ServerLoad), (_, &RealServer))| {
        one == other && (shown.forward, shown.weight) == (wanted.forward, wanted.weight)
    };
    shown.len() == wanted.map_or(0, BTreeMap::len)
        && (shown.iter().zip(wanted.into_iter().flatten())).all(alike)
}

/// About how many bytes a list of services with so many servers has, at the least.
pub fn length(services: usize, servers: usize) -> u64 {
    let (service, server) = (SERVICE * services as u64, SERVER * servers as u64);
    service.saturating_add(server)
}

/// The bytes of the shortest line of a service, and of a server's, which is filled up with spaces.
const SERVICE: u64 = 22;
const SERVER: u64 = 61;

/// Reads a stretch of a list service by service.
fn each(
    mut list: impl BufRead,
    stretch: Stretch,
    mut visit: impl FnMut(Name, &mut Vec<(ServerKey, ServerLoad)>),
) -> io::Result<()> {
    let mut current = None;
    let mut servers = Vec::new();
    let mut line = Vec::new();
    let mut next = 0u64;
    if let Stretch::Behind = stretch {
        // Where it is cut nobody knows: it is the last line of what is before it.
        list.read_until(b'\n', &mut line)?;
        line.clear();
    }
    loop {
        let at = next;
        let length = list.read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        next = next.saturating_add(length as u64);
        let mut words = Words(line.trim_ascii_end());
        match (words.next(), words.next()) {
            (Some(b"->"), Some(server)) => servers.extend(server_of(server, words)),
            (Some(kind), Some(name)) => {
                if let Some(name) = current.take() {
                    visit(name, &mut servers);
                }
                if matches!(stretch, Stretch::Until(end) if at > end) {
                    return Ok(());
                }
                current = service_of(kind, name);
                servers.clear();
            }
            _ => {}
        }
        line.clear();
    }
    if let Some(name) = current {
        visit(name, &mut servers);
    }
    Ok(())
}

/// The words of a line, between spaces.
struct Words<'a>(&'a [u8]);

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|byte| *byte != b' ')?;
        let rest = self.0.get(start..)?;
        let end = rest.iter().position(|byte| *byte == b' ');
        let (word, rest) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        self.0 = rest;
        Some(word)
    }
}

/// `TCP  C000020A:0050`, `FWM  0000029A`.
fn service_of(kind: &[u8], name: &[u8]) -> Option<Name> {
    if kind == b"FWM" {
        return hexadecimal(name).map(Name::Mark);
    }
    let protocol = match ipvs::protocol_number(str::from_utf8(kind).ok()?) {
        0 => return None,
        number => Protocol(number),
    };
    let (addr, port) = end(name)?;
    Some(Name::Address(ServiceKey::Address {
        protocol,
        addr,
        port,
    }))
}

/// `0A00000B:0050`, and behind it `Masq 1 0 0`.
fn server_of(name: &[u8], mut words: Words<'_>) -> Option<(ServerKey, ServerLoad)> {
    let (addr, port) = end(name)?;
    let forward = match words.next()? {
        b"Masq" => Forwarding::Masq,
        b"Local" => Forwarding::Local,
        b"Tunnel" => Forwarding::Tunnel,
        b"Route" => Forwarding::Direct,
        _ => Forwarding::Bypass,
    };
    let mut number = || str::from_utf8(words.next()?).ok()?.parse::<i64>().ok();
    let weight = Weight::new(number()?).unwrap_or(Weight::ZERO);
    // Counters of the kernel that may for a moment be below zero.
    let mut count = || Some(u32::try_from(number()?).unwrap_or(0));
    let load = ServerLoad {
        forward,
        weight,
        active: count()?,
        inactive: count()?,
    };
    Some((ServerKey { addr, port }, load))
}

/// `C000020A:0050`, `[2001:0db8:0000:0000:0000:0000:0000:0001]:0050`.
fn end(text: &[u8]) -> Option<(IpAddr, u16)> {
    let (addr, port) = text.split_at_checked(text.len().checked_sub(PORT)?)?;
    let addr = match addr {
        [b'[', addr @ .., b']', b':'] => {
            str::from_utf8(addr).ok()?.parse::<Ipv6Addr>().ok()?.into()
        }
        [addr @ .., b':'] => Ipv4Addr::from(hexadecimal(addr)?).into(),
        _ => return None,
    };
    Some((addr, u16::try_from(hexadecimal(port)?).ok()?))
}

/// The digits of a port.
const PORT: usize = 4;

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.first()?;
    digits.iter().try_fold(0u32, |number, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(number.checked_mul(16)? | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, VirtualService};

    /// As Linux 6.1 prints it.
    const LIST: &str = "\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C000020A:0050 wrr persistent 300 FFFFFFFF
  -> 0A00000B:0050      Masq    3      12         345       
  -> 0A00000C:0050      Route   0      0          1         
UDP  [2001:0db8:0000:0000:0000:0000:0000:0010]:0035 rr 
  -> [2001:0db8:0000:0000:0000:0000:0000:0011]:0035      Tunnel  1      0          7         
IP_99  C000020B:0000 rr 
  -> 7F000001:0000      Local   1      0          0         
FWM  0000029A wlc 
  -> 0A000015:0000      Masq    1      5          6         
FWM  0000029A wlc 
  -> [fd00:0000:0000:0000:0000:0000:0000:0015]:0000      Masq    2      8          9         
TCP  C000020C:0050 wlc 
";

    fn taken(table: &mut Table, key: &str) -> Vec<String> {
        let key = ServiceKey::parse(key).unwrap();
        let servers = table.take(&key).into_iter().flatten();
        servers
            .map(|(key, s)| {
                format!(
                    "{key} {} {} {} {}",
                    s.forward, s.weight, s.active, s.inactive
                )
            })
            .collect()
    }

    #[test]
    fn servers_are_read_below_their_services() {
        let mut table = Table::parse(LIST.as_bytes()).unwrap();
        for (service, servers) in [
            (
                "tcp 192.0.2.10:80",
                vec!["10.0.0.11:80 masq 3 12 345", "10.0.0.12:80 direct 0 0 1"],
            ),
            (
                "udp [2001:db8::10]:53",
                vec!["[2001:db8::11]:53 tunnel 1 0 7"],
            ),
            ("protocol-99 192.0.2.11:0", vec!["127.0.0.1:0 local 1 0 0"]),
            ("tcp 192.0.2.12:80", vec![]),
            ("tcp 192.0.2.13:80", vec![]),
        ] {
            assert_eq!(taken(&mut table, service), servers, "{service}");
        }
    }

    #[test]
    fn a_mark_of_both_families_comes_in_the_order_of_the_file() {
        let mut table = Table::parse(LIST.as_bytes()).unwrap();
        assert_eq!(taken(&mut table, "fwmark 666"), ["10.0.0.21:0 masq 1 5 6"]);
        assert_eq!(
            taken(&mut table, "fwmark6 666"),
            ["[fd00::15]:0 masq 2 8 9"]
        );
        assert_eq!(taken(&mut table, "fwmark 666"), Vec::<String>::new());
    }

    fn rules() -> Ruleset {
        let web = ServiceKey::parse("tcp 192.0.2.10:80").unwrap();
        let mut service = VirtualService::new(Family::Ipv4);
        for (name, weight, forward) in [
            ("10.0.0.11:80", 3, Forwarding::Masq),
            ("10.0.0.12:80", 0, Forwarding::Direct),
        ] {
            let server = RealServer {
                forward,
                weight: Weight::new(weight).unwrap(),
                ..RealServer::default()
            };
            let key = ServerKey::parse(name, &web).unwrap();
            service.servers.insert(key, server);
        }
        let mut rules = Ruleset::default();
        rules.services.insert(web, service);
        rules
    }

    fn list_holds(list: &str, keys: &BTreeSet<ServiceKey>, rules: &Ruleset) -> bool {
        let whole = Shown::read(list.as_bytes(), Stretch::Whole, keys, rules).unwrap();
        let held = whole.holds(keys, rules);
        // Wherever it is divided, in two readings of it.
        for cut in 0..=list.len() {
            let until = Stretch::Until(cut as u64);
            let first = Shown::read(list.as_bytes(), until, keys, rules).unwrap();
            let rest = &list.as_bytes()[cut..];
            let second = Shown::read(rest, Stretch::Behind, keys, rules).unwrap();
            assert_eq!(first.with(second).holds(keys, rules), held, "at {cut}");
        }
        held
    }

    fn holds(name: &str, rules: &Ruleset) -> bool {
        let keys = BTreeSet::from([ServiceKey::parse(name).unwrap()]);
        list_holds(LIST, &keys, rules)
    }

    #[test]
    fn a_list_is_no_shorter_than_it_is_taken_for() {
        let lines = |begin: &[&str]| -> Vec<&str> {
            let lines = LIST.split_inclusive('\n').skip(3);
            lines
                .filter(|line| begin.iter().any(|b| line.starts_with(b)))
                .collect()
        };
        let (services, servers) = (lines(&["TCP", "UDP", "FWM", "IP_"]), lines(&["  ->"]));
        let bytes = (services.iter().chain(&servers))
            .map(|line| line.len() as u64)
            .sum();
        assert!(length(services.len(), servers.len()) <= bytes);
        assert_eq!(length(0, 1), servers[0].len() as u64);
    }

    #[test]
    fn servers_come_in_any_order_and_once() {
        let keys: BTreeSet<ServiceKey> = rules().services.into_keys().collect();
        let lines: Vec<&str> = LIST.split_inclusive('\n').collect();
        let held = |places: &[usize]| {
            let list: String = places.iter().map(|place| lines[*place]).collect();
            list_holds(&list, &keys, &rules())
        };
        let (service, one, other) = (3, 4, 5);
        assert!(held(&[service, one, other]));
        assert!(held(&[service, other, one]));
        assert!(held(&[service, other, one, service, one, other]));
        for torn in [
            &[service, one] as &[usize],
            &[service, one, one],
            &[service, one, other, other],
            &[service, one, other, service],
            &[service],
            &[],
        ] {
            assert!(!held(torn), "{torn:?}");
        }
    }

    #[test]
    fn what_is_shown_is_held_and_what_differs_is_not() {
        const WEB: &str = "tcp 192.0.2.10:80";
        assert!(holds(WEB, &rules()));
        assert!(holds("tcp 192.0.2.99:80", &rules()));
        assert!(!holds("fwmark 1", &rules()));
        let changes: [fn(&mut BTreeMap<ServerKey, RealServer>); 4] = [
            |servers| servers.values_mut().next().unwrap().weight = Weight::ZERO,
            |servers| servers.values_mut().next().unwrap().forward = Forwarding::Tunnel,
            |servers| servers.retain(|key, _| key.addr.to_string() == "10.0.0.12"),
            |servers| {
                let (mut key, server) = servers.first_key_value().map(|(k, s)| (*k, *s)).unwrap();
                key.port = 81;
                servers.insert(key, server);
            },
        ];
        for change in changes {
            let mut other = rules();
            change(&mut other.services.values_mut().next().unwrap().servers);
            assert!(!holds(WEB, &other), "{other:?}");
        }
    }
}
