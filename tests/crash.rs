//! Faults at random points of random changes, on the simulated kernel with a database on disk:
//! the kernel and the history end in the old state or the new one, and agree with each other.
//!
//! `IPVSH_CRASH_ROUNDS` and `IPVSH_SEED` choose how many and which; both are printed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/arbitrary.rs"]
mod arbitrary;
#[path = "common/random.rs"]
mod random;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use ipvsh::candidate::Candidate;
use ipvsh::director::{ChangeOptions, Director};
use ipvsh::error::{Kind, Result};
use ipvsh::ipvs::Errno;
use ipvsh::kernel::fault::{Effect, Point};
use ipvsh::kernel::{Faults, Faulty, Sim};
use ipvsh::model::{
    Family, Live, Ruleset, ServiceKey, SettingKey, SnapshotId, SysctlName, VirtualService,
};
use ipvsh::store::{self, DatabaseKind, SledStores, Stores};
use random::{Random, seed, variable};

/// What a process says that dies in the middle; no panic, so that nothing is printed.
struct Died;

fn die() {
    resume_unwind(Box::new(Died));
}

/// A kernel and a database that outlive every process; somebody else's service is in the kernel.
struct Host {
    sim: Sim,
    dir: tempfile::TempDir,
}

const STRANGER: &str = "tcp 198.51.100.9:99";

fn stranger() -> ServiceKey {
    ServiceKey::parse(STRANGER).unwrap()
}

impl Host {
    fn new(random: &mut Random) -> Host {
        let host = Host {
            sim: Sim::new(&Ruleset::default()),
            dir: tempfile::tempdir().unwrap(),
        };
        let service = random.one(arbitrary::service(stranger()));
        host.sim
            .edit(|live| drop(live.rules.services.insert(stranger(), service)));
        host
    }

    fn stores(&self) -> SledStores {
        SledStores::new(self.dir.path().join("db"), DatabaseKind::Sim)
            .waiting(Duration::from_secs(1))
    }

    fn director(&self, faults: Faults, stores: SledStores) -> Director {
        let kernel = Faulty::new(self.sim.clone(), faults);
        Director::new(Box::new(kernel), Rc::new(stores), "ada".to_owned())
    }

    fn sound_director(&self) -> Director {
        self.director(Faults::new(), self.stores())
    }

    /// What the kernel holds. A kernel setting that has its default value was set or never was:
    /// nobody can tell.
    fn live(&self) -> Live {
        let mut live = self.sim.live();
        let settings = &mut live.rules.settings;
        let forward = SysctlName::parse("net.ipv4.ip_forward").unwrap();
        let of_all = settings.sysctl(forward).cloned();
        let of_all = of_all.unwrap_or_else(|| forward.default_value());
        let all: Vec<_> = settings
            .sysctls()
            .map(|(name, it)| (name, it.clone()))
            .collect();
        for (name, value) in all {
            let default = match forward.rewrites(name) {
                true => of_all.clone(),
                false => name.default_value(),
            };
            if value == default {
                settings.put(SettingKey::Sysctl(name), None);
            }
        }
        live
    }

    fn head(&self) -> Option<(SnapshotId, Ruleset)> {
        let store = self.stores().open().unwrap();
        let id = store.head().unwrap()?.id;
        Some((id, store.ruleset(id).unwrap()))
    }
}

fn options() -> ChangeOptions {
    ChangeOptions {
        allow_removals: true,
        ..ChangeOptions::default()
    }
}

fn commit(director: &mut Director, rules: &Ruleset) -> Result<()> {
    let mut candidate = director.candidate()?;
    candidate.clear();
    candidate.put_all(rules);
    director.commit(&mut candidate, &options()).map(drop)
}

/// Where a commit meets the store, and a restore.
const POINTS: [&str; 5] = ["intent", "reached", "mirror", "database", "recorded"];
const RESTORE_POINTS: [&str; 3] = ["intent", "reached", "clear"];

/// Where faults strike, in words, and what makes them strike in the kernel and in the store.
fn faults(
    random: &mut Random,
    steps: usize,
    points: &'static [&'static str],
) -> (String, Faults, store::Faults) {
    let kernel = Faults::new();
    let mut words = Vec::new();
    if random.below(3) > 0 {
        let step = 1 + random.below(steps + 1);
        let (word, effect) = match random.below(5) {
            0 => ("is refused", Effect::Fail(Errno::from_raw(12))),
            1 => ("is not done, its answer lost", Effect::LoseBefore),
            2 => ("is done, its answer lost", Effect::LoseAfter),
            3 => ("is death", Effect::Before(Box::new(die))),
            _ => ("is done, then death", Effect::After(Box::new(die))),
        };
        words.push(format!("step {step} of {steps} {word}"));
        kernel.add(Point::Step(step), effect);
    }
    if random.below(4) == 0 {
        let reading = 1 + random.below(4);
        words.push(format!("reading {reading} fails"));
        kernel.add(Point::Observe(reading), Effect::Fail(Errno::from_raw(105)));
    }
    let (point, how) = (points[random.below(points.len())], random.below(4));
    match how {
        0 => words.push(format!("death at \"{point}\"")),
        1 => words.push(format!("ENOSPC at \"{point}\"")),
        2 => words.push(format!("EIO at \"{point}\"")),
        _ => {}
    }
    let store: store::Faults = Rc::new(move |at| match how {
        0 if at == point => {
            die();
            Ok(())
        }
        1 if at == point => Err(std::io::ErrorKind::StorageFull.into()),
        2 if at == point => Err(std::io::Error::from_raw_os_error(5)),
        _ => Ok(()),
    });
    (words.join(", "), kernel, store)
}

#[derive(Debug, Default)]
struct Seen {
    done: usize,
    failed: usize,
    half_undone: usize,
    died: usize,
    recovered: usize,
}

impl Seen {
    /// Counts how something ended. What failed changed nothing, unless it says that it is half done.
    fn end<T>(
        &mut self,
        ended: &std::thread::Result<Result<T>>,
        half_done: &[Kind],
        host: &Host,
        before: &Live,
    ) {
        match ended {
            Ok(Ok(_)) => self.done += 1,
            Ok(Err(error)) if half_done.contains(&error.kind()) => self.half_undone += 1,
            Ok(Err(error)) => {
                assert_eq!(host.live(), *before, "{error}");
                self.failed += 1;
            }
            Err(payload) => {
                assert!(payload.is::<Died>(), "a panic of ours");
                self.died += 1;
            }
        }
    }
}

fn round(seed: u64, seen: &mut Seen) {
    let mut random = Random::new(seed);
    let host = Host::new(&mut random);
    let (old, new) = (
        random.one(arbitrary::ruleset()),
        random.one(arbitrary::ruleset()),
    );
    // What the kernel refuses anyway is another test's.
    if commit(&mut host.sound_director(), &old).is_err() {
        return;
    }
    let Some((first, old)) = host.head() else {
        return;
    };
    let mut candidate = Candidate::new(Some(first), old.clone());
    candidate.clear();
    candidate.put_all(&new);
    let Ok(planned) = host.sound_director().plan(&candidate, &options()) else {
        return;
    };
    let new = candidate.rules().clone();
    let before = host.live();

    let (words, kernel, store) = faults(&mut random, planned.plan.steps.len(), &POINTS);
    println!("IPVSH_CRASH_ROUNDS=1 IPVSH_SEED={seed}: {words}");
    let mut director = host.director(kernel, host.stores().with_faults(store));
    let ended = catch_unwind(AssertUnwindSafe(|| commit(&mut director, &new)));
    drop(director);
    // What was said is so, before anybody puts anything right.
    seen.end(&ended, &[Kind::UndoFailed], &host, &before);
    let unfinished = host.stores().open().unwrap().intent().unwrap().is_some();
    let restored = host.sound_director().restore(false, &options()).unwrap();
    let (id, rules) = host.head().unwrap();
    let is_new = id.0 == first.0 + 1 && rules == new;
    assert!(is_new || (id == first && rules == old), "head {id}");
    match &ended {
        Ok(Ok(())) => assert!(is_new || old == new, "what was done is gone"),
        Ok(Err(_)) => assert!(!is_new, "what failed is there"),
        Err(_) => {}
    }
    if !is_new {
        assert_eq!(host.live(), before);
    }
    let mut director = host.sound_director();
    assert_eq!(director.plan_to(None, &options()).unwrap().plan.changes, []);
    assert!(host.live().rules.services.contains_key(&stranger()));

    let is_recovery = |text: &str| text.contains("did not finish");
    let told = restored.notes.iter().filter(|note| is_recovery(note));
    let events = host.stores().open().unwrap().events().unwrap();
    let noted = events.iter().map(|event| &event.message);
    let (told, noted): (Vec<_>, Vec<_>) =
        (told.collect(), noted.filter(|m| is_recovery(m)).collect());
    assert_eq!(told, noted, "told and noted in history");
    assert_eq!(told.len(), usize::from(unfinished));
    seen.recovered += told.len();
    assert_eq!(host.stores().check().unwrap().problems, [""; 0]);

    // And it goes on.
    commit(&mut director, &Ruleset::default()).unwrap();
    commit(&mut director, &old).unwrap();
    assert_eq!(director.plan_to(None, &options()).unwrap().plan.changes, []);
}

/// The services of the head are gone from the kernel, and a restore of them meets faults.
fn restore_round(seed: u64, seen: &mut Seen) {
    let mut random = Random::new(seed);
    let host = Host::new(&mut random);
    let rules = random.one(arbitrary::ruleset());
    if commit(&mut host.sound_director(), &rules).is_err() || host.head().is_none() {
        return;
    }
    let whole = host.live();
    host.sim
        .edit(|live| live.rules.services.retain(|key, _| *key == stranger()));
    let wiped = host.live();
    let planned = host.sound_director().plan_to(None, &options()).unwrap();

    let steps = planned.plan.steps.len();
    let (words, kernel, store) = faults(&mut random, steps, &RESTORE_POINTS);
    println!("IPVSH_CRASH_ROUNDS=1 IPVSH_SEED={seed}: restore, {words}");
    let mut director = host.director(kernel, host.stores().with_faults(store));
    let ended = catch_unwind(AssertUnwindSafe(|| director.restore(false, &options())));
    drop(director);
    // Without room for an intent, each service is restored by itself.
    seen.end(&ended, &[Kind::UndoFailed, Kind::Partial], &host, &wiped);
    if let Ok(Ok(_)) = &ended {
        assert_eq!(host.live(), whole);
    }
    let unfinished = host.stores().open().unwrap().intent().unwrap().is_some();
    let restored = host.sound_director().restore(false, &options()).unwrap();
    assert_eq!(host.live(), whole);
    let is_recovery = |note: &&String| note.contains("did not finish");
    let told = restored.notes.iter().filter(is_recovery).count();
    assert_eq!(told, usize::from(unfinished));
    seen.recovered += told;
    assert_eq!(host.stores().check().unwrap().problems, [""; 0]);
}

/// Boot looks at the database only where it has to, and does not fail when that is damaged.
#[test]
fn what_the_kernel_refuses_does_not_keep_the_rest_down_beside_a_damaged_database() {
    let host = Host::new(&mut Random::new(1));
    let mut rules = Ruleset::default();
    for port in 1..=3 {
        let key = ServiceKey::parse(&format!("tcp 192.0.2.10:{port}")).unwrap();
        rules
            .services
            .insert(key, VirtualService::new(Family::Ipv4));
    }
    commit(&mut host.sound_director(), &rules).unwrap();
    let whole = host.live();
    host.sim
        .edit(|live| live.rules.services.retain(|key, _| *key == stranger()));
    let log = host.dir.path().join("db/sled/db");
    let length = std::fs::metadata(&log).unwrap().len();
    std::fs::write(&log, vec![0; usize::try_from(length).unwrap()]).unwrap();

    let faults = Faults::new();
    faults.add(Point::Step(2), Effect::Fail(Errno::from_raw(12)));
    let mut director = host.director(faults, host.stores());
    let restored = director.restore(true, &options()).unwrap();
    assert_eq!(host.live(), whole);
    let told = &restored.notes;
    assert!(
        told.iter().any(|note| note.contains("is damaged")),
        "{told:?}"
    );
    // What was undone on the way left nothing behind.
    assert!(!host.dir.path().join("db/INTENT").exists());
}

#[test]
fn a_fault_in_a_restore_leaves_what_was_there_or_the_head() {
    rounds(restore_round);
}

#[test]
fn a_fault_anywhere_leaves_the_old_state_or_the_new_one() {
    rounds(round);
}

fn rounds(round: fn(u64, &mut Seen)) {
    let rounds = variable("IPVSH_CRASH_ROUNDS").unwrap_or(60);
    let seed = seed();
    let mut seen = Seen::default();
    for round_seed in (0..rounds).map(|n| seed.wrapping_add(n)) {
        round(round_seed, &mut seen);
    }
    println!("{rounds} rounds from seed {seed}: {seen:?}");
    let met = seen.done + seen.failed + seen.died + seen.half_undone;
    assert!(rounds < 30 || met as u64 * 4 > rounds, "{seen:?}");
}

#[test]
fn a_commit_meets_every_point_of_the_store() {
    let host = Host::new(&mut Random::new(1));
    let met = Rc::new(RefCell::new(Vec::new()));
    let list = Rc::clone(&met);
    let faults: store::Faults = Rc::new(move |point| {
        list.borrow_mut().push(point);
        Ok(())
    });
    let mut rules = Ruleset::default();
    rules
        .settings
        .set_timeout(ipvsh::model::TimeoutKind::Tcp, Some(77));
    let mut director = host.director(Faults::new(), host.stores().with_faults(faults));
    commit(&mut director, &rules).unwrap();
    let mut met = met.borrow().clone();
    // Before the steps are sent, and when they are answered.
    met.dedup();
    assert_eq!(met, POINTS);
}
