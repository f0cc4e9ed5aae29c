//! What every history must do, in sled and in memory, and what a history on disk must bear.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::error::Kind;
use crate::model::{
    DaemonRole, Family, Fwmark, MarkRule, Protocol, RealServer, Scheduler, ScriptFile, ServerKey,
    SyncDaemon, Weight,
};

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

pub(super) fn intent(steps: u16) -> Intent {
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
        head: None,
        place: Place {
            boot: "b".to_owned(),
            namespace: "net:[1]".to_owned(),
        },
        pid: 1,
        steps: (0..steps).map(step).collect(),
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

fn conformance(stores: &dyn Stores) {
    let store = stores.open().unwrap();
    assert_eq!(store.head().unwrap(), None);
    assert_eq!(store.snapshots().unwrap(), []);
    assert_eq!(store.intent().unwrap(), None);
    let error = store.snapshot(SnapshotId(1)).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (Kind::NotFound, "snapshot 1: there is no such snapshot")
    );
    drop(store);
    assert_eq!(stores.mirror().unwrap_err().kind(), Kind::NotFound);

    let (first, mut second) = (rules(20, 3), rules(20, 3));
    reweigh(&mut second, 7, 0);
    let mut store = stores.open_to_write().unwrap();
    store.set_intent(&intent(1000)).unwrap();
    drop(store);
    let mut store = stores.open_to_write().unwrap();
    assert_eq!(store.intent().unwrap(), Some(intent(1000)));
    store.set_intent(&intent(3)).unwrap();
    assert_eq!(store.intent().unwrap(), Some(intent(3)));
    let one = store.record(&draft("one"), &first).unwrap();
    assert_eq!(
        (one.id, one.parent, one.message.as_str()),
        (SnapshotId(1), None, "one")
    );
    assert_eq!(store.intent().unwrap(), None);
    let two = store.record(&draft("two"), &second).unwrap();
    assert_eq!((two.id, two.parent), (SnapshotId(2), Some(SnapshotId(1))));
    drop(store);

    let mut store = stores.open_to_write().unwrap();
    assert_eq!(store.intent().unwrap(), None);
    assert_eq!(store.head().unwrap(), Some(two.clone()));
    assert_eq!(store.snapshots().unwrap(), [two.clone(), one.clone()]);
    assert_eq!(store.newest(1).unwrap()[0], two);
    assert_eq!(store.ruleset(one.id).unwrap(), first);
    assert_eq!(store.ruleset(two.id).unwrap(), second);
    let key = first.services.keys().nth(7).unwrap();
    assert_eq!(
        store.service(two.id, key).unwrap().as_ref(),
        second.services.get(key)
    );
    assert_eq!(
        store
            .service(two.id, &ServiceKey::parse("fwmark 1").unwrap())
            .unwrap(),
        None
    );
    let (a, b) = store.differing(one.id, two.id).unwrap();
    assert_eq!(a.differences(&b), first.differences(&second));
    let hint = "the snapshots are 1 to 2 (ipvsh history)";
    assert_eq!(store.ruleset(SnapshotId(3)).unwrap_err().hints(), [hint]);

    store.set_tag("good", one.id).unwrap();
    store.set_tag("before", one.id).unwrap();
    store.set_tag("good", two.id).unwrap();
    assert_eq!(
        store.set_tag("x", SnapshotId(9)).unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(store.tagged("good").unwrap(), Some(two.id));
    assert_eq!(store.tagged("none").unwrap(), None);
    assert_eq!(store.head().unwrap().unwrap().tags, ["good"]);
    assert_eq!(store.snapshots().unwrap()[1].tags, ["before"]);
    assert!(store.remove_tag("before").unwrap());
    assert!(!store.remove_tag("before").unwrap());
    store.set_intent(&intent(2)).unwrap();
    store.clear_intent().unwrap();
    store.clear_intent().unwrap();
    for kept in [one.id, two.id] {
        store.set_tag("kept", one.id).unwrap();
        assert_eq!(store.prune(&[kept].into()).unwrap_err().kind(), Kind::State);
    }
    assert_eq!(
        store.prune(&[SnapshotId(9)].into()).unwrap_err().kind(),
        Kind::NotFound
    );
    assert!(store.remove_tag("kept").unwrap());
    assert_eq!(stores.open().err().map(|e| e.kind()), Some(Kind::Busy));
    drop(store);

    let mut store = stores.open().unwrap();
    assert_eq!(store.intent().unwrap(), None);
    assert_eq!(store.snapshot(one.id).unwrap().tags, [""; 0]);
    assert_eq!(store.repairs(), [""; 0]);
    assert_eq!(
        store.record(&draft("three"), &first).unwrap_err().kind(),
        Kind::Bug
    );
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (two.id, second.clone()));

    let mut store = stores.open_to_write().unwrap();
    for round in 3..7 {
        store.record(&draft("m"), &rules(round, 3)).unwrap();
    }
    store.set_tag("kept", SnapshotId(2)).unwrap();
    let old = [1, 3, 4].map(SnapshotId);
    store.prune(&old.into()).unwrap();
    drop(store);
    let mut store = stores.open_to_write().unwrap();
    let left: Vec<u64> = store.snapshots().unwrap().iter().map(|s| s.id.0).collect();
    assert_eq!(left, [6, 5, 2]);
    assert_eq!(store.newest(3).unwrap().len(), 3);
    assert_eq!(store.ruleset(SnapshotId(2)).unwrap(), second);
    assert_eq!(store.ruleset(SnapshotId(5)).unwrap(), rules(5, 3));
    let error = store.ruleset(SnapshotId(3)).unwrap_err();
    assert_eq!(error.hints(), ["the snapshots are 2 to 6 (ipvsh history)"]);
    assert_eq!(
        store.prune(&[SnapshotId(3)].into()).unwrap_err().kind(),
        Kind::NotFound
    );
    assert_eq!(store.record(&draft("m"), &first).unwrap().id, SnapshotId(7));
}

#[test]
fn memory_conforms() {
    conformance(&MemoryStores::new());
}

#[test]
fn sled_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance(&disk(dir.path()));
    assert_eq!(disk(dir.path()).check().unwrap().problems, [""; 0]);
}

#[test]
fn a_dry_run_begins_at_the_head_and_leaves_it() {
    let dir = tempfile::tempdir().unwrap();
    let real = disk(dir.path());
    let mut store = real.open_to_write().unwrap();
    store.record(&draft("one"), &rules(2, 1)).unwrap();
    store.record(&draft("two"), &rules(3, 1)).unwrap();
    store.set_tag("good", SnapshotId(1)).unwrap();
    drop(store);
    let dry = MemoryStores::over(std::rc::Rc::new(real.clone())).unwrap();
    let mut store = dry.open_to_write().unwrap();
    assert_eq!(store.tagged("good").unwrap(), Some(SnapshotId(1)));
    assert_eq!(store.ruleset(SnapshotId(1)).unwrap(), rules(2, 1));
    assert_eq!(
        store.record(&draft("three"), &rules(4, 1)).unwrap().id,
        SnapshotId(3)
    );
    assert_eq!(
        real.open().unwrap().head().unwrap().unwrap().id,
        SnapshotId(2)
    );

    let head = real.open().unwrap().head().unwrap().unwrap();
    let dry = MemoryStores::from_history(head, rules(3, 1));
    let next = dry
        .open_to_write()
        .unwrap()
        .record(&draft("three"), &rules(4, 1))
        .unwrap();
    assert_eq!((next.id, next.parent), (SnapshotId(3), Some(SnapshotId(2))));
}

#[test]
fn looking_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    stores.open().unwrap();
    assert_eq!(stores.mirror().unwrap_err().kind(), Kind::NotFound);
    assert!(!stores.dir.exists());
    std::fs::create_dir(&stores.dir).unwrap();
    stores.open().unwrap();
    assert_eq!(std::fs::read_dir(&stores.dir).unwrap().count(), 0);
}

fn tree(path: &Path, into: &mut Vec<(std::path::PathBuf, u32)>) {
    let metadata = path.symlink_metadata().unwrap();
    into.push((path.to_owned(), metadata.permissions().mode() & 0o777));
    if metadata.is_dir() {
        for entry in path.read_dir().unwrap() {
            tree(&entry.unwrap().path(), into);
        }
    }
}

#[test]
fn only_the_owner_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    for round in 1..4 {
        let mut store = stores.open_to_write().unwrap();
        store.record(&draft("m"), &rules(round, 2)).unwrap();
    }
    let mut found = Vec::new();
    tree(&stores.dir, &mut found);
    assert!(found.len() > 7, "{found:?}");
    for (path, mode) in found {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{}", path.display());
    }

    std::fs::set_permissions(&stores.dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = stores.open().err().unwrap();
    assert_eq!(error.kind(), Kind::NotPermitted);
    assert_eq!(
        error.hints(),
        [format!("chmod 700 {}", stores.dir.display())]
    );
    assert_eq!(stores.mirror().unwrap_err().kind(), Kind::NotPermitted);
}

#[test]
fn other_directories_and_formats_are_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let marker = stores.dir.join("FORMAT");
    std::fs::create_dir(&stores.dir).unwrap();
    std::fs::set_permissions(&stores.dir, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(stores.dir.join("letter"), "x").unwrap();
    let error = stores.open_to_write().err().unwrap();
    assert_eq!(error.kind(), Kind::Damaged);
    assert!(
        error.to_string().ends_with("db/letter but no FORMAT"),
        "{error}"
    );
    assert_eq!(stores.dir.read_dir().unwrap().count(), 1);

    for (text, wanted) in [
        (
            "ipvsh 1 sled-0.34 linux\nmade by ipvsh 0.1.0\n",
            "it was made for the real kernel",
        ),
        (
            "ipvsh 2 sled-0.34 sim\nmade by ipvsh 3.1.4\n",
            "it has format 2 on sled-0.34, made by ipvsh 3.1.4; this is format 1 on sled-0.34",
        ),
        ("\u{1}ipvsh", "its FORMAT is damaged"),
        ("", "its FORMAT is damaged"),
    ] {
        std::fs::write(&marker, text).unwrap();
        for error in [
            stores.open().err().unwrap(),
            stores.open_to_write().err().unwrap(),
        ] {
            assert_eq!(error.kind(), Kind::Damaged);
            assert_eq!(error.message(), wanted);
        }
    }
    assert_eq!(stores.dir.read_dir().unwrap().count(), 2);
    let file = SledStores::new(&marker, DatabaseKind::Sim);
    assert_eq!(
        file.open().err().unwrap().message(),
        "it is not a directory"
    );
}

#[test]
fn a_creation_that_was_cut_short_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    std::fs::create_dir(&stores.dir).unwrap();
    std::fs::write(stores.dir.join("LOCK"), "").unwrap();
    std::fs::write(stores.dir.join("FORMAT.new"), "ip").unwrap();
    assert_eq!(stores.open().unwrap().head().unwrap(), None);
    stores
        .open_to_write()
        .unwrap()
        .record(&draft("m"), &rules(1, 1))
        .unwrap();
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
}

#[test]
fn one_server_of_ten_thousand_stores_at_most_four_kibibytes() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut wanted = rules(1000, 10);
    let mut history = stores.open_history(true).unwrap().unwrap();
    history.record(&draft("load"), &wanted).unwrap();
    let (mut most, mut all) = (0, 0);
    let before = history.table.bytes_on_disk();
    for round in 0..40 {
        reweigh(&mut wanted, round * 23, 7);
        let message = draft("~1 server in tcp 192.0.2.10:80: weight 100 -> 7");
        history.record(&message, &wanted).unwrap();
        let bytes = history.table.written + history.mirror.as_ref().unwrap().written;
        most = most.max(bytes);
        all += bytes;
    }
    let grown = history.table.bytes_on_disk() - before;
    println!(
        "payload of a commit: {} bytes, at most {most}; sled's files grew by {} a commit",
        all / 40,
        grown / 40
    );
    assert!(most <= 4096, "{most}");
}

#[test]
fn one_server_of_a_large_service_stores_one_path() {
    let dir = tempfile::tempdir().unwrap();
    let mut history = disk(dir.path()).open_history(true).unwrap().unwrap();
    let mut wanted = rules(1, 2000);
    history.record(&draft("load"), &wanted).unwrap();
    reweigh(&mut wanted, 0, 7);
    history.record(&draft("one"), &wanted).unwrap();
    let bytes = history.table.written + history.mirror.as_ref().unwrap().written;
    assert!(bytes <= 4096, "{bytes}");
    assert_eq!(
        content::read(&&history.table, history.content(SnapshotId(2))).unwrap(),
        wanted
    );
}

#[test]
fn thousands_of_snapshots_are_listed_without_their_rulesets() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut store = stores.open_history(true).unwrap().unwrap();
    store.fill(2000, &rules(50, 4)).unwrap();
    drop(store);
    let began = Instant::now();
    let store = stores.open().unwrap();
    let opened = began.elapsed();
    assert_eq!(store.newest(20).unwrap()[19].id, SnapshotId(1981));
    let few = began.elapsed();
    assert_eq!(store.snapshots().unwrap().len(), 2000);
    let all = began.elapsed();
    println!(
        "open {opened:?}, 20 of 2,000 {:?}, all {:?}",
        few - opened,
        all - few
    );
    assert!(all < Duration::from_secs(5), "{all:?}");
}

#[test]
fn a_failed_write_leaves_the_old_state() {
    for point in ["intent", "mirror", "database", "recorded"] {
        let dir = tempfile::tempdir().unwrap();
        let armed = std::rc::Rc::new(Cell::new(false));
        let arm = std::rc::Rc::clone(&armed);
        let faults: Faults = std::rc::Rc::new(move |at| {
            if arm.get() && at == point {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            Ok(())
        });
        let stores = disk(dir.path()).with_faults(faults);
        let mut store = stores.open_to_write().unwrap();
        let one = store.record(&draft("one"), &rules(3, 3)).unwrap();
        armed.set(true);
        let error = store
            .set_intent(&intent(2))
            .and_then(|()| store.record(&draft("two"), &rules(4, 3)).map(drop))
            .unwrap_err();
        armed.set(false);
        assert_eq!(error.kind(), Kind::System, "{error}");
        drop(store);
        assert_eq!(stores.mirror().unwrap(), (one.id, rules(3, 3)), "{point}");

        let store = stores.open().unwrap();
        assert_eq!(store.head().unwrap(), Some(one.clone()), "{point}");
        assert_eq!(store.ruleset(one.id).unwrap(), rules(3, 3));
        // The intent stays until somebody has looked after it.
        assert_eq!(
            store.intent().unwrap().is_some(),
            point != "intent",
            "{point}"
        );
        drop(store);
        let mut store = stores.open_to_write().unwrap();
        let two = store.record(&draft("two"), &rules(5, 3)).unwrap();
        assert_eq!(two.id, SnapshotId(2));
        drop(store);
        assert_eq!(stores.check().unwrap().problems, [""; 0], "{point}");
    }
}

#[test]
fn what_sled_left_unfinished_on_a_full_disk_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut store = stores.open_to_write().unwrap();
    let recorded = store.record(&draft("first"), &rules(3, 2)).unwrap();
    drop(store);
    // Seen with ENOSPC at the first write of sled's snapshot (strace -e inject).
    let left = dir.path().join("db/sled/snap.00000000000019E2.generating");
    std::fs::write(&left, "").unwrap();
    assert_eq!(stores.open().unwrap().head().unwrap(), Some(recorded));
    assert!(!left.exists());
}

#[test]
fn a_database_that_lost_commits_is_refused_and_the_mirror_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    stores
        .open_to_write()
        .unwrap()
        .record(&draft("one"), &rules(3, 3))
        .unwrap();
    let old = dir.path().join("old");
    copy(&stores.dir.join("sled"), &old);
    stores
        .open_to_write()
        .unwrap()
        .record(&draft("two"), &rules(4, 3))
        .unwrap();
    // Each of the two witnesses is enough: the count of writes, and the mirror.
    for (lost, witness, wanted) in [
        (Some(&old), true, "the last 1 of 2 writes are missing"),
        (
            Some(&old),
            false,
            "snapshot 2 was committed, but the history ends at 1",
        ),
        (None, false, "its directory sled is missing"),
    ] {
        std::fs::remove_dir_all(stores.dir.join("sled")).unwrap();
        if let Some(old) = lost {
            copy(old, &stores.dir.join("sled"));
        }
        if !witness {
            std::fs::write(stores.dir.join("LOCK"), "").unwrap();
        }
        for opened in [stores.open(), stores.open_to_write()] {
            let error = opened.err().unwrap();
            assert_eq!(
                (error.kind(), error.message().as_str()),
                (Kind::Damaged, wanted)
            );
        }
        assert_eq!(stores.mirror().unwrap(), (SnapshotId(2), rules(4, 3)));
    }
}

#[test]
fn a_mirror_that_is_lost_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    stores
        .open_to_write()
        .unwrap()
        .record(&draft("one"), &rules(3, 3))
        .unwrap();
    std::fs::remove_file(stores.dir.join("mirror.log")).unwrap();
    assert_eq!(stores.open().unwrap().repairs(), [""; 0]);
    let store = stores.open_to_write().unwrap();
    assert_eq!(
        store.repairs(),
        ["the mirror was written anew from the database"]
    );
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(1), rules(3, 3)));
    assert_eq!(stores.open_to_write().unwrap().repairs(), [""; 0]);
}

#[test]
fn a_long_log_becomes_a_base() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut store = stores.open_to_write().unwrap();
    let size = |name| stores.dir.join(name).metadata().map_or(0, |m| m.len());
    let long = "m".repeat(10_000);
    for round in 1..20 {
        store.record(&draft(&long), &rules(round, 1)).unwrap();
        assert!(size("mirror.log") < 90_000);
    }
    assert!(size("mirror.base") > 0 && size("mirror.log") > 0);
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(19), rules(19, 1)));
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
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

fn rulesets() -> impl Strategy<Value = Vec<Ruleset>> {
    let server = (0u8..40, 0i64..3);
    let service = (
        0u8..6,
        prop_oneof![Just("rr"), Just("wlc")],
        proptest::collection::vec(server, 0..40),
    );
    let rule = (1i64..4, 0u8..4);
    let one = (
        proptest::collection::vec(service, 0..6),
        proptest::collection::vec(rule, 0..6),
        proptest::option::of(1u32..3),
        any::<bool>(),
    );
    proptest::collection::vec(
        one.prop_map(|(services, marks, tcp, daemon)| {
            let mut rules = Ruleset::default();
            for (number, scheduler, servers) in services {
                let key = if number < 4 {
                    ServiceKey::parse(&format!("tcp 192.0.2.{number}:80"))
                } else {
                    ServiceKey::parse(&format!("fwmark6 {number}"))
                };
                let mut set = VirtualService::new(Family::Ipv4);
                set.options.scheduler = Scheduler::parse(scheduler).unwrap();
                for (host, weight) in servers {
                    let options = RealServer {
                        weight: Weight::new(weight).unwrap(),
                        ..RealServer::default()
                    };
                    set.servers.insert(
                        ServerKey {
                            addr: [10, 0, 0, host].into(),
                            port: 80,
                        },
                        options,
                    );
                }
                rules.services.insert(key.unwrap(), set);
            }
            for (mark, host) in marks {
                let mut rule = MarkRule::new(Fwmark::new(mark).unwrap(), Family::Ipv4);
                rule.to = Some(crate::model::mark::parse_net(&format!("192.0.2.{host}")).unwrap());
                rules.marks.push(rule);
            }
            rules.timeouts.tcp = tcp;
            if daemon {
                let daemon = SyncDaemon {
                    interface: "eth0".to_owned(),
                    id: 1,
                    maxlen: None,
                    group: None,
                    port: None,
                    ttl: Some(1),
                };
                rules.daemons.insert(DaemonRole::Master, daemon);
            }
            rules
        }),
        1..5,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_is_recorded_reads_back(history in rulesets()) {
        let dir = tempfile::tempdir().unwrap();
        let stores = disk(dir.path());
        for (place, rules) in history.iter().enumerate() {
            let mut store = stores.open_to_write().unwrap();
            prop_assert_eq!(store.repairs(), [""; 0]);
            let id = store.record(&draft("m"), rules).unwrap().id;
            prop_assert_eq!(id, SnapshotId(place as u64 + 1));
            drop(store);
            prop_assert_eq!(stores.mirror().unwrap(), (id, rules.clone()));
        }
        let store = stores.open().unwrap();
        for (place, rules) in history.iter().enumerate() {
            prop_assert_eq!(&store.ruleset(SnapshotId(place as u64 + 1)).unwrap(), rules);
            for (other, theirs) in history.iter().enumerate() {
                let (a, b) = store.differing(SnapshotId(place as u64 + 1), SnapshotId(other as u64 + 1)).unwrap();
                let differences: BTreeSet<_> = rules.differences(theirs);
                prop_assert_eq!(a.differences(&b), differences);
            }
        }
        drop(store);
        prop_assert_eq!(stores.check().unwrap().problems, [""; 0]);
    }
}

/// Rulesets by snapshot, as the history shows them.
fn all_rulesets(stores: &SledStores) -> Vec<(SnapshotId, Ruleset)> {
    let store = stores.open().unwrap();
    let ids = store.snapshots().unwrap().into_iter().map(|one| one.id);
    ids.map(|id| (id, store.ruleset(id).unwrap())).collect()
}

/// Does something at every point once with a write that fails there, and once with a death, until
/// no point is met any more; gives how often it was.
fn with_every_fault(
    prepare: &dyn Fn() -> tempfile::TempDir,
    act: &dyn Fn(SledStores) -> Result<()>,
    check: &dyn Fn(&SledStores, bool),
) -> usize {
    struct Died;
    for number in 1.. {
        for dies in [false, true] {
            let dir = prepare();
            let left = std::rc::Rc::new(Cell::new(number));
            let counter = std::rc::Rc::clone(&left);
            let faults: Faults = std::rc::Rc::new(move |_| {
                counter.set(counter.get() - 1);
                match (counter.get(), dies) {
                    (0, true) => std::panic::resume_unwind(Box::new(Died)),
                    (0, false) => Err(std::io::ErrorKind::StorageFull.into()),
                    _ => Ok(()),
                }
            });
            let stores = disk(dir.path()).with_faults(faults);
            let act = std::panic::AssertUnwindSafe(|| act(stores));
            let done = matches!(std::panic::catch_unwind(act), Ok(Ok(())));
            assert_eq!(done, left.get() > 0, "a failed write was not told");
            check(&disk(dir.path()), done);
            if left.get() > 0 {
                return number as usize - 1;
            }
        }
    }
    0
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

#[test]
fn a_prune_that_is_cut_anywhere_was_done_or_was_not() {
    let old: Vec<u64> = vec![5, 4, 3, 2, 1];
    let met = with_every_fault(
        &|| many(5),
        &|stores| {
            let mut store = stores.open_to_write()?;
            store.prune(&[1, 3].map(SnapshotId).into()).map(drop)
        },
        &|stores, done| {
            let all = all_rulesets(stores);
            let ids: Vec<u64> = all.iter().map(|(id, _)| id.0).collect();
            assert!(ids == [5, 4, 2] || (!done && ids == old), "{ids:?}");
            for (id, found) in all {
                assert_eq!(found, rules(id.0 as u32, 2));
            }
            assert_eq!(stores.mirror().unwrap().0, SnapshotId(5));
            let checkup = stores.check().unwrap();
            assert_eq!((checkup.problems, checkup.kept), (vec![], vec![]));
            let mut store = stores.open_to_write().unwrap();
            let next = store.record(&draft("m"), &rules(6, 2)).unwrap();
            assert_eq!(
                (next.id, store.tagged("good").unwrap()),
                (SnapshotId(6), Some(SnapshotId(2)))
            );
        },
    );
    assert!(met >= 9, "{met}");
}

#[test]
fn a_repair_that_is_cut_anywhere_was_done_or_was_not() {
    let time = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let met = with_every_fault(
        &|| {
            let dir = many(5);
            let path = dir.path().join("db/sled/db");
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[..4096].fill(0);
            std::fs::write(path, bytes).unwrap();
            dir
        },
        &|stores| stores.repair(time).map(drop),
        &|stores, done| {
            // The rules can be had whatever happens to the repair.
            assert_eq!(stores.mirror().unwrap(), (SnapshotId(5), rules(5, 2)));
            let damaged = !stores.check().unwrap().is_whole();
            assert!(!(done && damaged));
            if damaged {
                assert!(stores.repair(time).unwrap().losses.snapshots.is_empty());
            }
            let checkup = stores.check().unwrap();
            assert_eq!(checkup.problems, [""; 0]);
            assert_eq!(checkup.kept, ["damaged-2027-01-15T08-00-00"]);
            assert_eq!(all_rulesets(stores).len(), 5);
        },
    );
    assert!(met >= 8, "{met}");
}

#[test]
fn a_prune_gives_room_back() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let mut wanted = rules(200, 5);
    for round in 0..150 {
        let mut store = stores.open_to_write().unwrap();
        reweigh(&mut wanted, round, 7);
        store.record(&draft("m"), &wanted).unwrap();
    }
    let mut store = stores.open_to_write().unwrap();
    let old = (1..=140).map(SnapshotId).collect();
    let (before, after) = store.prune(&old).unwrap();
    println!("140 of 150 snapshots pruned: {before} bytes before, {after} after");
    assert!(after * 2 < before, "{before} {after}");
    let error = store.ruleset(SnapshotId(140)).unwrap_err();
    assert_eq!(error.to_string(), "snapshot 140: it was pruned");
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(150), wanted));
}

#[test]
fn events_are_kept_in_order_and_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let stores = disk(dir.path());
    let event = |number: usize| Event {
        time: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        head: None,
        message: format!("event {number}"),
    };
    let mut store = stores.open_to_write().unwrap();
    for number in 0..110 {
        store.note(&event(number)).unwrap();
    }
    drop(store);
    let events = stores.open().unwrap().events().unwrap();
    assert_eq!(events, (10..110).map(event).collect::<Vec<_>>());
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
}

#[test]
fn a_mirror_that_lost_its_last_lines_is_no_older_state() {
    let dir = many(3);
    let stores = disk(dir.path());
    let path = stores.dir.join("mirror.log");
    let log = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    std::fs::write(&path, lines[..lines.len() - 1].join("\n") + "\n").unwrap();
    let error = stores.mirror().unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged);
    assert_eq!(
        error.message(),
        "snapshot 3 was committed, but it ends at 2"
    );
    // The database has it, and the next one to write says so.
    let store = stores.open_to_write().unwrap();
    assert_eq!(
        store.repairs(),
        ["the mirror was written anew from the database"]
    );
    drop(store);
    assert_eq!(stores.mirror().unwrap(), (SnapshotId(3), rules(3, 2)));
}
