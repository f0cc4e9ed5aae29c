//! What every history must do, in sled and in memory, and what a history on disk must bear.

mod conformance;
mod cuts;
mod directory;
mod losses;
mod random;
mod size;

use std::path::Path;
use std::time::Duration;

use chrono::DateTime;

use super::*;
use crate::model::{Family, Protocol, RealServer, ScriptFile, ServerKey, Weight};

/// An origin with as much as is ever recorded.
fn widest_origin() -> Origin {
    let wide = "x".repeat(1000);
    let script = ScriptFile {
        path: wide.clone(),
        sha256: "0".repeat(64),
    };
    Origin::new(&wide, &wide, Some(script))
}

pub(super) fn draft(message: &str) -> Draft {
    Draft {
        time: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        author: "ada (root)".to_owned(),
        message: message.to_owned(),
        origin: widest_origin(),
        tally: Tally {
            changed: 1,
            ..Tally::default()
        },
        took: 12_345,
        ..Draft::default()
    }
}

/// So many steps on a head; without one where its number is 0.
pub(super) fn intent(head: u64, steps: u16) -> Intent<'static> {
    let key = ServiceKey::parse("tcp 192.0.2.1:80").unwrap();
    let step = |port| Step::RemoveServer {
        service: key,
        key: ServerKey {
            addr: [10, 0, 0, 1].into(),
            port,
        },
        options: RealServer::default(),
    };
    Intent {
        time: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        author: "ada".to_owned(),
        message: "m".to_owned(),
        head: (head > 0).then_some(SnapshotId(head)),
        place: Place {
            boot: "b".to_owned(),
            namespace: "net:[1]".to_owned(),
        },
        pid: 1,
        steps: (0..steps).map(step).collect::<Vec<_>>().into(),
        reached: crate::store::Reached::nothing(),
    }
}

/// So many services with so many servers each.
pub(super) fn rules(services: u32, servers: u32) -> Ruleset {
    let mut rules = Ruleset::default();
    for service in 0..services {
        let key = ServiceKey::Address {
            protocol: Protocol::TCP,
            addr: std::net::Ipv4Addr::from(0xc000_0000 + service).into(),
            port: 80,
        };
        let mut set = VirtualService::new(Family::Ipv4);
        for server in 0..servers {
            let addr = std::net::Ipv4Addr::from(0x0a00_0000 + service * 256 + server).into();
            let options = RealServer {
                forward: crate::model::Forwarding::Masq,
                weight: Weight::new(100).unwrap(),
                ..RealServer::default()
            };
            set.servers.insert(ServerKey { addr, port: 8080 }, options);
        }
        rules.services.insert(key, set);
    }
    rules
}

/// Sets the weight of one server.
pub(super) fn reweigh(rules: &mut Ruleset, service: usize, weight: i64) {
    let service = rules.services.values_mut().nth(service).unwrap();
    service.servers.values_mut().next().unwrap().weight = Weight::new(weight).unwrap();
}

pub(super) fn disk(dir: &Path) -> SledStores {
    SledStores::new(dir.join("db"), DatabaseKind::Sim).waiting(Duration::from_millis(200))
}

pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

fn many(count: u32) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = disk(dir.path()).open_to_write().unwrap();
    for round in 1..=count {
        store.record(&draft("m"), &rules(round, 2)).unwrap();
    }
    store.set_tag("good", SnapshotId(2)).unwrap();
    drop(store);
    dir
}
