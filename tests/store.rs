//! The store against other processes: ones that hold it, ones that are killed while they write.
//!
//! The other process is this test binary again, told by IPVSH_STORE_CHILD what to do.

// The setting for tests in .clippy.toml does not reach their helpers.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use ipvsh::error::Kind;
use ipvsh::kernel::Place;
use ipvsh::model::{Family, Ruleset, ServiceKey, SnapshotId, VirtualService};
use ipvsh::store::{DatabaseKind, Draft, Intent, SledStores, Stores};

const CHILD: &str = "IPVSH_STORE_CHILD";

fn stores(dir: &Path) -> SledStores {
    SledStores::new(dir.join("db"), DatabaseKind::Sim).waiting(Duration::from_secs(5))
}

fn draft(message: String) -> Draft {
    Draft {
        time: chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        author: "ada".to_owned(),
        message,
        ..Draft::default()
    }
}

/// The ruleset that snapshot `number` must have.
fn rules(number: u64) -> Ruleset {
    let mut rules = Ruleset::default();
    for port in 1..=20 {
        let key = ServiceKey::parse(&format!("tcp 192.0.2.{}:{port}", number % 7 + 1)).unwrap();
        let mut service = VirtualService::new(Family::Ipv4);
        service.options.persistent = Some(number as u32 * 100 + port);
        rules.services.insert(key, service);
    }
    rules
}

fn intent(head: Option<SnapshotId>) -> Intent<'static> {
    Intent {
        time: chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        author: "ada".to_owned(),
        message: String::new(),
        head,
        place: Place {
            boot: String::new(),
            namespace: String::new(),
        },
        pid: std::process::id(),
        steps: Vec::new().into(),
        reached: ipvsh::store::Reached::nothing(),
    }
}

fn say(text: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n> {text}").unwrap();
    out.flush().unwrap();
}

/// What the other process does; a test that does nothing in this one.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else {
        return;
    };
    let (task, dir) = task.split_once(' ').unwrap();
    let mut stores = stores(Path::new(dir));
    match task {
        "hold" => {
            let _store = stores.open().unwrap();
            say("held");
            std::thread::sleep(Duration::from_secs(60));
        }
        full if full.starts_with("full") => {
            // A file that may not grow stands for a disk that is full, without needing a disk.
            let ignored = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register(signal_hook::consts::SIGXFSZ, ignored).unwrap();
            let bytes = full.strip_prefix("full").unwrap().parse().ok();
            let limit = rustix::process::Rlimit {
                current: bytes,
                maximum: bytes,
            };
            rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
            let commit = |number| {
                let mut store = stores.open_to_write()?;
                let head = store.head()?.map(|head| head.id);
                store.set_intent(&intent(head))?;
                store.record(&draft("m".repeat(3_000)), &rules(number))
            };
            for number in 1.. {
                match commit(number) {
                    Ok(made) => say(made.id),
                    Err(error) => return say(format!("{} {error}", error.kind().name())),
                }
            }
        }
        point => {
            let point = point.to_owned();
            let armed = Rc::new(std::cell::Cell::new(false));
            let arm = Rc::clone(&armed);
            stores = stores.with_faults(Rc::new(move |at| {
                if arm.get() && at == point {
                    std::process::abort();
                }
                Ok(())
            }));
            loop {
                let mut store = stores.open_to_write().unwrap();
                let head = store.head().unwrap().map(|head| head.id);
                let number = head.map_or(0, |head| head.0) + 1;
                armed.set(number.is_multiple_of(5));
                store.set_intent(&intent(head)).unwrap();
                let made = store.record(&draft(format!("m {number}")), &rules(number));
                say(made.unwrap().id);
                if number.is_multiple_of(3) {
                    store.set_tag("third", SnapshotId(number)).unwrap();
                }
            }
        }
    }
}

fn spawn(task: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, format!("{task} {}", dir.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let out = BufReader::new(child.stdout.take().unwrap());
    out.lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("> ").map(str::to_owned))
}

/// Whatever happened: all that was reported is there, and everything agrees.
fn check(stores: &SledStores, reported: u64) -> u64 {
    let (mirrored, rules_of_mirror) = stores.mirror().unwrap();
    let store = stores.open().unwrap();
    let head = store.head().unwrap().unwrap();
    assert!(head.id.0 >= reported, "{} of {reported}", head.id);
    assert!(head.id.0 <= reported + 1, "{} of {reported}", head.id);
    // Before the database was looked at, the mirror may have been a commit ahead, never behind.
    assert!(mirrored.0 == head.id.0 || mirrored.0 == head.id.0 + 1);
    assert_eq!(rules_of_mirror, rules(mirrored.0));
    let all = store.snapshots().unwrap();
    let numbers: Vec<u64> = all.iter().rev().map(|snapshot| snapshot.id.0).collect();
    assert_eq!(numbers, (1..=head.id.0).collect::<Vec<u64>>());
    for snapshot in all {
        assert_eq!(store.ruleset(snapshot.id).unwrap(), rules(snapshot.id.0));
    }
    if let Some(intent) = store.intent().unwrap() {
        assert_eq!(intent.head, Some(head.id));
    }
    if let Some(tagged) = store.tagged("third").unwrap() {
        assert!(tagged.0.is_multiple_of(3) && tagged <= head.id && tagged.0 + 6 > head.id.0);
    }
    drop(store);
    // What a reader finds it leaves to the next writer, who can note it in the history.
    drop(stores.open_to_write().unwrap());
    assert_eq!(stores.mirror().unwrap().0, head.id);
    assert_eq!(stores.check().unwrap().problems, [""; 0]);
    head.id.0
}

#[test]
fn what_was_reported_survives_a_kill_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let stores = stores(dir.path());
    let mut reported = 0;
    for round in 0..12u64 {
        let mut child = spawn("never", dir.path());
        let mut lines = lines(&mut child);
        let first = lines.next().unwrap();
        // A different moment every round, spread over the length of a commit.
        std::thread::sleep(Duration::from_micros(round * 3_700));
        child.kill().unwrap();
        child.wait().unwrap();
        reported = lines.last().unwrap_or(first).parse().unwrap();
        // The next one to open it may follow at once; the head is whatever was recorded.
        reported = check(&stores, reported).max(reported);
    }
    assert!(reported >= 12);
}

#[test]
fn what_was_reported_survives_death_at_every_point() {
    for point in ["intent", "mirror", "database", "recorded"] {
        let dir = tempfile::tempdir().unwrap();
        let stores = stores(dir.path());
        let mut child = spawn(point, dir.path());
        let reported: u64 = lines(&mut child).last().unwrap().parse().unwrap();
        child.wait().unwrap();
        assert_eq!(reported, 4, "{point}");
        let head = check(&stores, reported);
        assert_eq!(head, if point == "recorded" { 5 } else { 4 }, "{point}");
        let intent = stores.open().unwrap().intent().unwrap();
        assert_eq!(
            intent.is_some(),
            ["mirror", "database"].contains(&point),
            "{point}"
        );
        let mut store = stores.open_to_write().unwrap();
        let next = store
            .record(&draft("after".to_owned()), &rules(head + 1))
            .unwrap();
        assert_eq!(next.id.0, head + 1);
        drop(store);
        check(&stores, head + 1);
    }
}

#[test]
fn a_full_disk_leaves_the_old_state() {
    // Where the room ends decides which write fails.
    for bytes in (540_000..548_000).step_by(1_000) {
        let dir = tempfile::tempdir().unwrap();
        let stores = stores(dir.path());
        let mut child = spawn(&format!("full{bytes}"), dir.path());
        let mut said: Vec<String> = lines(&mut child).collect();
        child.wait().unwrap();
        let error = said.pop().unwrap();
        assert!(error.starts_with("system database"), "{error}");
        let reported: u64 = said.last().unwrap().parse().unwrap();
        let store = stores.open().unwrap();
        println!("{bytes}: after {reported}: {error}; {:?}", store.repairs());
        assert_eq!(store.head().unwrap().unwrap().id.0, reported);
        drop(store);
        let mut store = stores.open_to_write().unwrap();
        let next = store
            .record(&draft(String::new()), &rules(reported + 1))
            .unwrap();
        assert_eq!(next.id.0, reported + 1);
        drop(store);
        check(&stores, reported + 1);
    }
}

#[test]
fn a_process_that_holds_it_is_waited_for_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let stores = stores(dir.path());
    drop(stores.open_to_write().unwrap());
    let mut child = spawn("hold", dir.path());
    assert_eq!(lines(&mut child).next().unwrap(), "held");

    let began = Instant::now();
    let impatient = stores.clone().waiting(Duration::from_millis(100));
    let error = impatient.open().err().unwrap();
    assert_eq!(error.kind(), Kind::Busy);
    assert!(
        error
            .to_string()
            .contains(&format!("(pid {}, since ", child.id())),
        "{error}"
    );
    assert!(began.elapsed() < Duration::from_secs(2));

    let gone = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        child.kill().unwrap();
        child.wait().unwrap();
    });
    drop(stores.open_to_write().unwrap());
    gone.join().unwrap();
}
