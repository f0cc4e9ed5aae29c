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
use std::net::IpAddr;

use crate::ipvs;
use crate::model::{
    Forwarding, Protocol, RealServer, Ruleset, ServerKey, ServerLoad, ServiceKey, Weight,
};

/// Where the kernel lists the services of the calling thread's network namespace.
pub const FILE: &str = "/proc/thread-self/net/ip_vs";

/// How much of the file is read at once.
const CHUNK: usize = 64 << 10;

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

/// The servers of services.
#[derive(Debug, Default)]
pub struct Table(HashMap<Name, VecDeque<Servers>>);

impl Table {
    /// Reads the table of the calling thread's network namespace.
    ///
    /// # Errors
    /// Not found: the module is not loaded.
    pub fn read() -> io::Result<Table> {
        Table::parse(BufReader::with_capacity(CHUNK, File::open(FILE)?))
    }

    fn parse(list: impl BufRead) -> io::Result<Table> {
        let mut table = Table::default();
        each(list, |name, servers| {
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

/// Says whether services have exactly the servers that a ruleset says, as far as the file shows
/// them; in constant memory. No for the service of a mark, of which it does not show enough, and
/// where the file cannot be read.
pub fn holds(keys: &BTreeSet<ServiceKey>, rules: &Ruleset) -> bool {
    let list = File::open(FILE).map(|file| BufReader::with_capacity(CHUNK, file));
    list.and_then(|list| shows(list, keys, rules))
        .unwrap_or(false)
}

fn shows(list: impl BufRead, keys: &BTreeSet<ServiceKey>, rules: &Ruleset) -> io::Result<bool> {
    let count = |key: &ServiceKey| rules.services.get(key).map_or(0, |s| s.servers.len());
    let mut left: BTreeSet<&ServiceKey> = (keys.iter()).filter(|key| count(key) > 0).collect();
    let mut same = !keys.iter().any(ServiceKey::is_mark);
    each(list, |name, shown| {
        let Name::Address(key) = name else { return };
        if !keys.contains(&key) {
            return;
        }
        left.remove(&key);
        let wanted = rules.services.get(&key).map(|s| &s.servers);
        let alike =
            |((one, shown), (other, wanted)): ((&ServerKey, &ServerLoad), (_, &RealServer))| {
                one == other && (shown.forward, shown.weight) == (wanted.forward, wanted.weight)
            };
        same &= shown.len() == count(&key)
            && (shown.iter().zip(wanted.into_iter().flatten())).all(alike);
    })?;
    Ok(same && left.is_empty())
}

/// Reads a list service by service.
fn each(mut list: impl BufRead, mut visit: impl FnMut(Name, Servers)) -> io::Result<()> {
    let mut current: Option<(Name, Servers)> = None;
    let mut line = String::new();
    while list.read_line(&mut line)? > 0 {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("->"), Some(server)) => {
                let servers = current.as_mut().map(|(_, servers)| servers);
                if let (Some(servers), Some((key, load))) = (servers, server_of(server, words)) {
                    servers.insert(key, load);
                }
            }
            (Some(kind), Some(name)) => {
                if let Some((name, servers)) = current.take() {
                    visit(name, servers);
                }
                current = service_of(kind, name).map(|name| (name, Servers::new()));
            }
            _ => {}
        }
        line.clear();
    }
    if let Some((name, servers)) = current {
        visit(name, servers);
    }
    Ok(())
}

/// `TCP  C000020A:0050`, `FWM  0000029A`.
fn service_of(kind: &str, name: &str) -> Option<Name> {
    if kind == "FWM" {
        return u32::from_str_radix(name, 16).ok().map(Name::Mark);
    }
    let protocol = match ipvs::protocol_number(kind) {
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
fn server_of<'a>(
    name: &str,
    mut words: impl Iterator<Item = &'a str>,
) -> Option<(ServerKey, ServerLoad)> {
    let (addr, port) = end(name)?;
    let forward = match words.next()? {
        "Masq" => Forwarding::Masq,
        "Local" => Forwarding::Local,
        "Tunnel" => Forwarding::Tunnel,
        "Route" => Forwarding::Direct,
        _ => Forwarding::Bypass,
    };
    let mut number = || words.next()?.parse::<i64>().ok();
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
fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (addr, port) = text.rsplit_once(':')?;
    let addr = ipvs::proc_address(addr.trim_matches(['[', ']']))?;
    Some((addr, u16::from_str_radix(port, 16).ok()?))
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
        shows(LIST.as_bytes(), &keys, rules).unwrap()
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
