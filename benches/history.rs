//! Years of history: 10,000 snapshots of 1,000 services with 10 servers each, one weight changed in
//! each; what they take on disk, and what looking at them takes, as whole processes.
//!
//! `cargo bench --bench history [-- SNAPSHOTS SERVICES SERVERS]`; IPVSH_BENCH_DIR keeps the
//! database there, and uses it again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a measurement may give up

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ipvsh::model::{
    Family, RealServer, Ruleset, ServerKey, ServiceKey, SnapshotId, VirtualService,
};
use ipvsh::model::{Tally, Weight};
use ipvsh::store::{DatabaseKind, Draft, SledStores, Stores};

/// How often each command is run; the median counts.
const RUNS: usize = 7;

fn service(number: u32) -> ServiceKey {
    let (high, low) = (number / 250, number % 250 + 1);
    ServiceKey::parse(&format!("tcp 192.0.{high}.{low}:80")).unwrap()
}

fn server(number: u32, key: &ServiceKey) -> ServerKey {
    ServerKey::parse(
        &format!("10.0.{}.{}:80", number / 250, number % 250 + 1),
        key,
    )
    .unwrap()
}

fn rules(services: u32, servers: u32) -> Ruleset {
    let mut rules = Ruleset::default();
    for key in (0..services).map(service) {
        let mut one = VirtualService::new(Family::Ipv4);
        let all = (0..servers).map(|number| (server(number, &key), RealServer::default()));
        one.servers = all.collect();
        rules.services.insert(key, one);
    }
    rules
}

/// Records the snapshots one by one, each synced, as commits do.
fn fill(stores: &SledStores, snapshots: u32, services: u32, servers: u32) -> Duration {
    let mut wanted = rules(services, servers);
    let began = Instant::now();
    let mut store = stores.open_to_write().unwrap();
    for round in 0..snapshots {
        let key = service(round.wrapping_mul(7) % services);
        let its = &mut wanted.services.get_mut(&key).unwrap().servers;
        let changed = its.get_mut(&server(round % servers, &key)).unwrap();
        changed.weight = Weight::new(i64::from(round % 65_000 + 2)).unwrap();
        let draft = Draft {
            time: chrono::DateTime::from_timestamp(1_700_000_000 + i64::from(round) * 600, 0)
                .unwrap(),
            author: "ada (root)".to_owned(),
            message: format!("~1 server in {key}"),
            tally: Tally {
                changed: 1,
                ..Tally::default()
            },
            took: 12,
            ..Draft::default()
        };
        store.record(&draft, &wanted).unwrap();
    }
    began.elapsed()
}

fn bytes(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let size = |entry: std::fs::DirEntry| match entry.metadata().unwrap() {
        data if data.is_dir() => bytes(&entry.path()),
        data => data.len(),
    };
    entries.map(size).sum()
}

/// The median time of a command from its start to its end.
fn time(db: &Path, args: &[&str]) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
            let began = Instant::now();
            let output = command.args(["--sim", "--db"]).arg(db).args(args).output();
            let took = began.elapsed();
            let output = output.unwrap();
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{args:?}: {words}");
            took
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}

fn main() {
    // Cargo adds --bench.
    let numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let numbers: Vec<u32> = numbers.collect();
    let (snapshots, services, servers) = match numbers[..] {
        [snapshots, services, servers] => (snapshots, services, servers),
        _ => (10_000, 1_000, 10),
    };
    let temporary = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("IPVSH_BENCH_DIR").map(PathBuf::from);
    let db = kept.unwrap_or_else(|| temporary.path().join("db"));
    let stores = SledStores::new(&db, DatabaseKind::Sim);
    println!("{snapshots} snapshots of {services} services with {servers} servers each");
    if !db.exists() {
        let took = fill(&stores, snapshots, services, servers);
        println!("recorded in {took:.1?}, {:.2?} each", took / snapshots);
    }
    let all = bytes(&db);
    println!(
        "on disk {} KiB, {} bytes a snapshot",
        all / 1024,
        all / u64::from(snapshots)
    );

    let began = Instant::now();
    let store = stores.open().unwrap();
    println!("opened in {:.1?}", began.elapsed());
    let head = store.head().unwrap().unwrap().id;
    drop(store);
    let name = |id: u64| SnapshotId(id).to_string();
    let (first, middle, last) = (name(1), name(head.0 / 2), name(head.0 - 1));
    let object = service(0).to_string();
    for args in [
        &["status"][..],
        &["history", "-n", "20"],
        &["history"],
        &["history", "-n", "20", "-p"],
        &["history", "-n", "5", &object],
        &["history", &object],
        &["diff", &last, "head"],
        &["diff", &first, "head"],
        &["rollback", &last, "--plan"],
        &["rollback", &middle, "--plan", "--allow-removals"],
        &["-e", "timeouts(#{ tcp: 900 })", "--plan"],
        &["fsck"],
    ] {
        println!("{:>9.1?}  ipvsh {}", time(&db, args), args.join(" "));
    }
    // These add to it: a commit, and a rollback of it.
    let mut times = Vec::new();
    for round in 0..RUNS {
        let code = format!("timeouts(#{{ tcp: {} }})", 901 + round);
        for args in [&["-e", &code][..], &["rollback", "head~1"]] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ipvsh"));
            let began = Instant::now();
            let output = command
                .args(["--sim", "--db"])
                .arg(&db)
                .args(args)
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            times.push((args[0] == "rollback", began.elapsed()));
        }
    }
    for (is_rollback, word) in [(false, "-e CODE, a commit"), (true, "rollback head~1")] {
        let mut its: Vec<Duration> = times
            .iter()
            .filter(|(rollback, _)| *rollback == is_rollback)
            .map(|(_, took)| *took)
            .collect();
        its.sort();
        println!("{:>9.1?}  ipvsh {word}", its[its.len() / 2]);
    }
}
