//! Notes about what may be regretted: cases as files of data.
//!
//! A case is `tests/notes/NAME.json`: `rules` (what the kernel holds afterwards), `named` (the
//! entries that a commit named; left out: all), `host`, and the `notes` as they are told. Of the
//! host: `routes` (an address: `local`, `eth0`, `eth0 via 10.0.0.1`, `nowhere`), `forwards`
//! (`ipv4`, `ipv4 eth0`), `marks` (`ipv4`: a list of `TABLE CHAIN MARK/MASK`, or `restores` where
//! a rule restores the mark of the connection), `managers` (a list of names),
//! `interfaces` (a name: `loopback`, `down`, `no-carrier` or nothing, then its addresses), `settings` (of IPVS). What is
//! left out cannot be told. `cuts`: an entry, and `ACTIVE INACTIVE PERSISTENT`; `quiesced`: a list of
//! servers; `translated`: a list of services that the change gives source NAT; `down`: a list of servers that are down; `undo`: the command that takes it back.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use ipvsh::health::{Held, Situation as Standing};
use ipvsh::model::{
    Counts, DaemonRole, EntryKey, Family, ForeignMark, Fwmark, InterfaceName, MarkKey, Ruleset,
    ServerKey, ServiceKey, SettingKey, VipKey, json, with_derived,
};
use ipvsh::notes::{Host, Interface, Manager, Route, Situation, fold, notes};
use ipvsh::plan::Cut;
use serde_json::Value;

struct Told(Value);

fn number(text: &str) -> u32 {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
}

impl Host for Told {
    fn route(&self, to: IpAddr) -> Option<Route> {
        let said = self.0["routes"].get(to.to_string())?.as_str().unwrap();
        let words: Vec<&str> = said.split(' ').collect();
        Some(match words.as_slice() {
            ["local"] => Route::Local,
            ["nowhere"] => Route::Nowhere,
            [interface] => Route::OnLink {
                interface: (*interface).to_owned(),
            },
            [interface, "via", gateway] => Route::Via {
                interface: (*interface).to_owned(),
                gateway: Some(gateway.parse().unwrap()),
            },
            other => panic!("{other:?}"),
        })
    }

    fn forwards(&self, family: Family, interface: Option<&str>) -> Option<bool> {
        let name = match interface {
            Some(interface) => format!("{family} {interface}"),
            None => family.to_string(),
        };
        self.0["forwards"].get(name)?.as_bool()
    }

    fn marks(&self, family: Family) -> Option<Vec<ForeignMark>> {
        let rules = self.0["marks"].get(family.name())?.as_array().unwrap();
        let read = |rule: &Value| {
            let words: Vec<&str> = rule.as_str().unwrap().split(' ').collect();
            let (mark, mask) = words[2]
                .split_once('/')
                .unwrap_or(("restored", "0xffffffff"));
            ForeignMark {
                table: words[0].to_owned(),
                chain: words[1].to_owned(),
                mark: (mark != "restored").then(|| Fwmark::new(number(mark).into()).unwrap()),
                mask: number(mask),
                rule: None,
                limit: None,
                words: Vec::new(),
            }
        };
        Some(rules.iter().map(read).collect())
    }

    fn managers(&self) -> Vec<Manager> {
        let names = self.0["managers"].as_array();
        let manager = |_: &Value| Manager {
            name: "keepalived",
            pid: 1,
        };
        names.into_iter().flatten().map(manager).collect()
    }

    fn interfaces(&self) -> Option<Vec<Interface>> {
        let all = self.0["interfaces"].as_object()?;
        let one = |(name, said): (&String, &Value)| {
            let words: Vec<&str> = said.as_str().unwrap().split(' ').collect();
            let is = |word: &str| words.contains(&word);
            Interface {
                name: name.clone(),
                is_up: !is("down"),
                has_carrier: !is("down") && !is("no-carrier"),
                is_loopback: is("loopback"),
                networks: words.iter().filter_map(|word| word.parse().ok()).collect(),
            }
        };
        Some(all.iter().map(one).collect())
    }

    fn ipvs_setting(&self, name: &str) -> Option<String> {
        Some(self.0["settings"].get(name)?.as_str().unwrap().to_owned())
    }
}

fn cut(entry: EntryKey, counts: &str) -> Cut {
    let counts: Vec<u32> = counts.split(' ').map(|n| n.parse().unwrap()).collect();
    let (service, server) = match entry {
        EntryKey::Service(service) => (service, None),
        EntryKey::Server(service, server) => (service, Some(server)),
        other => panic!("{other:?}"),
    };
    Cut {
        service,
        server,
        counts: Counts {
            active: counts[0],
            inactive: counts[1],
            persistent: counts[2],
        },
    }
}

/// `tcp 192.0.2.1:80`, the same with ` server 10.0.0.1:80`, `mark 666`, `mark6 666`.
fn entry(text: &str) -> EntryKey {
    if let Some((family, mark)) = match text.split_once(' ') {
        Some(("mark", mark)) => Some((Family::Ipv4, mark)),
        Some(("mark6", mark)) => Some((Family::Ipv6, mark)),
        _ => None,
    } {
        let mark = Fwmark::parse(mark).unwrap();
        return EntryKey::Marks(MarkKey { family, mark });
    }
    if let Some(role) = text.strip_prefix("sync daemon ") {
        return EntryKey::Setting(SettingKey::SyncDaemon(DaemonRole::parse(role).unwrap()));
    }
    if let Some((address, interface)) = text
        .strip_prefix("vip ")
        .and_then(|vip| vip.split_once(" dev "))
    {
        return EntryKey::Setting(SettingKey::Vip(VipKey {
            addr: address.parse().unwrap(),
            interface: InterfaceName::parse(interface).unwrap(),
        }));
    }
    match text.split_once(" server ") {
        Some((service, server)) => {
            let service = ServiceKey::parse(service).unwrap();
            EntryKey::Server(service, ServerKey::parse(server, &service).unwrap())
        }
        None => EntryKey::Service(ServiceKey::parse(text).unwrap()),
    }
}

fn told(case: &Value) -> Vec<String> {
    let declared = json::parse_ruleset(case["rules"].clone()).unwrap();
    let rules = with_derived(&declared).into_owned();
    let named = match case["named"].as_array() {
        Some(list) => list.iter().map(|e| entry(e.as_str().unwrap())).collect(),
        None => declared.entries(),
    };
    let cuts = case["cuts"].as_object().into_iter().flatten();
    let cuts: Vec<Cut> = cuts
        .map(|(of, counts)| cut(entry(of), counts.as_str().unwrap()))
        .collect();
    let down = case["down"].as_array().into_iter().flatten();
    let held = down
        .map(|server| match entry(server.as_str().unwrap()) {
            EntryKey::Server(service, server) => {
                ((service, server), Held::ByChecks(Standing::Down))
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let situation = Situation {
        held: &held,
        cuts: &cuts,
        quiesced: case["quiesced"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|server| match entry(server.as_str().unwrap()) {
                EntryKey::Server(service, server) => (service, server),
                other => panic!("{other:?}"),
            })
            .collect(),
        source_nats: case["translated"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|service| ServiceKey::parse(service.as_str().unwrap()).unwrap())
            .collect(),
        undo: case["undo"].as_str(),
        ..Situation::standing(&rules, &named)
    };
    let told = fold(&notes(&situation, &Told(case["host"].clone())));
    told.iter().map(ToString::to_string).collect()
}

#[test]
fn every_case_is_noted_as_written() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notes");
    let mut names: Vec<_> = std::fs::read_dir(&cases)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    for name in &names {
        let text = std::fs::read_to_string(cases.join(name)).unwrap();
        let mut case: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let told = told(&case);
        if std::env::var_os("UPDATE").is_some() {
            case["notes"] = told.clone().into();
            let text = serde_json::to_string_pretty(&case).unwrap() + "\n";
            std::fs::write(cases.join(name), text).unwrap();
        }
        let expected: Vec<&str> = case["notes"].as_array().map_or(Vec::new(), |notes| {
            notes.iter().map(|note| note.as_str().unwrap()).collect()
        });
        if told != expected {
            wrong.push(format!("{name}: expected {expected:#?} but told {told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(names.len() >= 15, "cases are missing");
}

/// A host that counts what it is asked.
#[derive(Default)]
struct Counting {
    routes: Cell<usize>,
    others: Cell<usize>,
}

impl Host for Counting {
    fn route(&self, _: IpAddr) -> Option<Route> {
        self.routes.set(self.routes.get() + 1);
        Some(Route::Local)
    }

    fn forwards(&self, _: Family, _: Option<&str>) -> Option<bool> {
        self.others.set(self.others.get() + 1);
        Some(true)
    }

    fn marks(&self, _: Family) -> Option<Vec<ForeignMark>> {
        self.others.set(self.others.get() + 1);
        Some(Vec::new())
    }

    fn managers(&self) -> Vec<Manager> {
        panic!("nobody asks for that")
    }

    fn interfaces(&self) -> Option<Vec<Interface>> {
        self.others.set(self.others.get() + 1);
        Some(Vec::new())
    }

    fn ipvs_setting(&self, _: &str) -> Option<String> {
        panic!("nobody asks for that")
    }
}

#[test]
fn a_host_is_asked_little() {
    let service = |number: usize, forward: &str| {
        let vip = format!("10.{}.{}.1", number / 250, number % 250);
        serde_json::json!({ "protocol": "tcp", "address": vip, "port": 80, "servers": [
            { "address": "10.255.0.1", "port": 80, "forward": forward },
            { "address": "10.255.0.2", "port": 80, "forward": forward },
        ] })
    };
    let rules = |forward: &str| -> Ruleset {
        let services: Vec<Value> = (0..3000).map(|number| service(number, forward)).collect();
        json::parse_ruleset(serde_json::json!({ "services": services })).unwrap()
    };
    let asked = |rules: &Ruleset, named: &BTreeSet<EntryKey>| {
        let host = Counting::default();
        notes(&Situation::standing(rules, named), &host);
        (host.routes.get(), host.others.get())
    };
    let (direct, masq) = (rules("direct"), rules("masq"));
    // A change of one server's weight: its route, if anything.
    let one = BTreeSet::from([entry("tcp 10.0.7.1:80 server 10.255.0.1:80")]);
    assert_eq!(asked(&direct, &one), (1, 0));
    assert_eq!(asked(&masq, &one), (0, 2));
    // Three thousand services: forwarding and interfaces once, and no more routes than are worth it.
    assert_eq!(asked(&masq, &masq.entries()), (2048, 2));
    assert_eq!(asked(&direct, &direct.entries()), (2048, 0));
}

/// A host that has no address but 10.255.0.0/16.
struct Elsewhere;

impl Host for Elsewhere {
    fn route(&self, to: IpAddr) -> Option<Route> {
        Some(match to.to_string().starts_with("10.255.") {
            true => Route::Local,
            false => Route::Nowhere,
        })
    }

    fn forwards(&self, _: Family, _: Option<&str>) -> Option<bool> {
        Some(true)
    }

    fn marks(&self, _: Family) -> Option<Vec<ForeignMark>> {
        None
    }

    fn managers(&self) -> Vec<Manager> {
        Vec::new()
    }

    fn interfaces(&self) -> Option<Vec<Interface>> {
        None
    }

    fn ipvs_setting(&self, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn absent_vips_are_counted_as_far_as_they_were_looked_up() {
    let told = |count: usize| {
        let service = |number: usize| {
            let vip = format!("10.{}.{}.1", number / 250, number % 250);
            serde_json::json!({ "protocol": "tcp", "address": vip, "port": 80,
                "servers": [{ "address": "10.255.0.1", "port": 80, "forward": "masq" }] })
        };
        let services: Vec<Value> = (0..count).map(service).collect();
        let rules = json::parse_ruleset(serde_json::json!({ "services": services })).unwrap();
        let told = fold(&notes(
            &Situation::standing(&rules, &rules.entries()),
            &Elsewhere,
        ));
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].object.clone()
    };
    assert_eq!(told(700), "VIP 10.0.0.1 and 699 more");
    assert_eq!(told(2048), "VIP 10.0.0.1 and 2047 more");
    assert_eq!(told(2049), "VIP 10.0.0.1 and at least 2047 more");
}
