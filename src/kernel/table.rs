//! Owns the table of `/proc/net/ip_vs`: the servers of all services in one cheap read.
//!
//! May import: `model`, `ipvs`. Source of truth: ip_vs_info_seq_show in
//! net/netfilter/ipvs/ip_vs_ctl.c. Netlink gives the same with one request per service.
//!
//! Where other network namespaces have services too, the kernel leaves some of ours out, each with
//! all its servers: between two reads it goes on at a place that it counted with theirs
//! (ip_vs_info_seq_next) and looks up without them (ip_vs_info_array), up to Linux 7.0.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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
        each(list, |name, servers| {
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

/// Says whether services have exactly the servers that a ruleset says, as far as a list shows
/// them; in constant memory but for one service. No for the service of a mark, of which it does not
/// show enough.
///
/// # Errors
/// As reading the list.
pub fn holds(list: impl BufRead, keys: &BTreeSet<ServiceKey>, rules: &Ruleset) -> io::Result<bool> {
    let mut wanted: BTreeMap<&ServiceKey, Wanted> = (keys.iter())
        .map(|key| (key, Wanted::of(rules, key)))
        .collect();
    let mut same = !keys.iter().any(ServiceKey::is_mark);
    each(list, |name, shown| {
        if let Name::Address(key) = name
            && let Some(wanted) = wanted.get_mut(&key)
        {
            wanted.seen = true;
            same &= wanted.is(shown);
        }
    })?;
    let empty = |wanted: &Wanted| wanted.servers.is_none_or(BTreeMap::is_empty);
    Ok(same && wanted.values().all(|wanted| wanted.seen || empty(wanted)))
}

/// What one service should have.
struct Wanted<'a> {
    servers: Option<&'a BTreeMap<ServerKey, RealServer>>,
    seen: bool,
}

impl<'a> Wanted<'a> {
    fn of(rules: &'a Ruleset, key: &ServiceKey) -> Wanted<'a> {
        Wanted {
            servers: rules.services.get(key).map(|service| &*service.servers),
            seen: false,
        }
    }

    fn is(&self, shown: &mut [(ServerKey, ServerLoad)]) -> bool {
        // The newest comes first, and they are added in the order of their names: then there is
        // nothing to sort.
        shown.reverse();
        shown.sort_by_key(|(key, _)| *key);
        let alike =
            |((one, shown), (other, wanted)): (&(ServerKey, ServerLoad), (_, &RealServer))| {
                one == other && (shown.forward, shown.weight) == (wanted.forward, wanted.weight)
            };
        shown.len() == self.servers.map_or(0, BTreeMap::len)
            && (shown.iter().zip(self.servers.into_iter().flatten())).all(alike)
    }
}

/// Reads a list service by service.
fn each(
    mut list: impl BufRead,
    mut visit: impl FnMut(Name, &mut Vec<(ServerKey, ServerLoad)>),
) -> io::Result<()> {
    let mut current = None;
    let mut servers = Vec::new();
    let mut line = Vec::new();
    while list.read_until(b'\n', &mut line)? > 0 {
        let mut words = Words(line.trim_ascii_end());
        match (words.next(), words.next()) {
            (Some(b"->"), Some(server)) => servers.extend(server_of(server, words)),
            (Some(kind), Some(name)) => {
                if let Some(name) = current.take() {
                    visit(name, &mut servers);
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

    fn holds(name: &str, rules: &Ruleset) -> bool {
        let keys = BTreeSet::from([ServiceKey::parse(name).unwrap()]);
        super::holds(LIST.as_bytes(), &keys, rules).unwrap()
    }

    #[test]
    fn servers_come_in_any_order_and_once() {
        let keys: BTreeSet<ServiceKey> = rules().services.into_keys().collect();
        let lines: Vec<&str> = LIST.split_inclusive('\n').collect();
        let held = |places: &[usize]| {
            let list: String = places.iter().map(|place| lines[*place]).collect();
            super::holds(list.as_bytes(), &keys, &rules()).unwrap()
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
