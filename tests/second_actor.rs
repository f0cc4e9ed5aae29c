//! A second program that changes the same table at any moment of a commit: between two steps, after
//! the process of the commit died, before a recovery, while a confirmation is awaited.
//!
//! Whatever happens, an entry that the commit did not name is at the end as the second program left
//! it, and nothing of others is lost. What the commit named and nobody else touched is as wanted where
//! the commit stands, and as before it where it does not.
//!
//! `IPVSH_ACTOR_ROUNDS` and `IPVSH_SEED` choose how many rounds and which; both are printed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "common/arbitrary.rs"]
mod arbitrary;
#[path = "common/random.rs"]
mod random;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use ipvsh::director::{ArmedTimer, ChangeOptions, ConfirmTimer, Director, NoTimer};
use ipvsh::error::{Kind, Result};
use ipvsh::ipvs::Errno;
use ipvsh::kernel::fault::{Effect, Point};
use ipvsh::kernel::{Faults, Faulty, Sim};
use ipvsh::model::{
    EntryKey, EntryValue, Family, Grace, RealServer, Ruleset, ServerKey, ServiceKey, SnapshotId,
    VirtualService, Weight,
};
use ipvsh::store::{MemoryStores, Stores};
use random::{Random, seed, variable};

/// What a process says that dies in the middle.
struct Died;

fn die() {
    resume_unwind(Box::new(Died));
}

struct Clock(Cell<u64>);

impl ConfirmTimer for Clock {
    fn boot(&self) -> Result<String> {
        NoTimer.boot()
    }

    fn now(&self) -> u64 {
        self.0.get()
    }

    fn arm(&self, _: SnapshotId) -> Result<Option<Box<dyn ArmedTimer>>> {
        Ok(None)
    }
}

/// What the second program does.
#[derive(Debug, Clone)]
enum Act {
    /// Makes a service of its own, or changes its weight there.
    Service(ServiceKey, i64),
    /// Puts a server into a service.
    Server(ServiceKey, ServerKey, i64),
    /// Sets the weight of a server, whoever made it.
    Weigh(ServiceKey, ServerKey, i64),
    /// Removes a server.
    Remove(ServiceKey, ServerKey),
}

/// What the second program did, entry by entry: the last value that it gave each.
type Done = Arc<Mutex<BTreeMap<EntryKey, Option<EntryValue>>>>;

fn act(sim: &Sim, done: &Done, act: &Act) {
    sim.edit(|live| {
        let rules = &mut live.rules;
        let mut set = |entry: EntryKey, value: Option<EntryValue>| {
            rules.put(&entry, value.clone());
            done.lock().unwrap().insert(entry, value);
        };
        match act {
            Act::Service(key, weight) => {
                let options = VirtualService::new(Family::Ipv4).options;
                set(EntryKey::Service(*key), Some(EntryValue::Service(options)));
                let server = ServerKey::parse("10.99.0.1:80", key).unwrap();
                let value = Some(EntryValue::Server(weighing(*weight)));
                set(EntryKey::Server(*key, server), value);
            }
            Act::Server(key, server, weight) => {
                if rules.services.contains_key(key) {
                    let value = Some(EntryValue::Server(weighing(*weight)));
                    let entry = EntryKey::Server(*key, *server);
                    rules.put(&entry, value.clone());
                    done.lock().unwrap().insert(entry, value);
                }
            }
            Act::Weigh(key, server, weight) => {
                let entry = EntryKey::Server(*key, *server);
                if let Some(EntryValue::Server(now)) = rules.get(&entry) {
                    let value = Some(EntryValue::Server(RealServer {
                        weight: weighing(*weight).weight,
                        ..now
                    }));
                    rules.put(&entry, value.clone());
                    done.lock().unwrap().insert(entry, value);
                }
            }
            Act::Remove(key, server) => {
                let entry = EntryKey::Server(*key, *server);
                if rules.has(&entry) {
                    rules.put(&entry, None);
                    done.lock().unwrap().insert(entry, None);
                }
            }
        }
    });
}

fn weighing(weight: i64) -> RealServer {
    RealServer {
        weight: Weight::new(weight).unwrap(),
        ..RealServer::default()
    }
}

/// A host with a head, and rules of others beside it.
struct Host {
    sim: Sim,
    stores: Rc<MemoryStores>,
    clock: Rc<Clock>,
}

impl Host {
    fn director(&self, faults: Faults) -> Director {
        let kernel = Faulty::new(self.sim.clone(), faults);
        Director::new(
            Box::new(kernel),
            Rc::clone(&self.stores) as Rc<dyn Stores>,
            "ada".to_owned(),
        )
        .with_confirm_timer(Rc::clone(&self.clock) as Rc<dyn ConfirmTimer>)
    }
}

/// Brings rules to others by naming what differs, as a script does.
fn commit(
    director: &mut Director,
    wanted: &Ruleset,
    named: &BTreeSet<EntryKey>,
    options: &ChangeOptions,
) -> Result<()> {
    let mut candidate = director.candidate()?;
    for entry in named {
        candidate.hold(*entry, wanted.get(entry));
    }
    director.commit(&mut candidate, options).map(drop)
}

/// The rules of services alone: what several programs share. Timeouts and marks have one owner.
fn services(random: &mut Random) -> Ruleset {
    Ruleset {
        services: random.one(arbitrary::ruleset()).services,
        ..Ruleset::default()
    }
}

/// A few services of one ruleset become those of another, and a few servers differ.
fn changed(random: &mut Random, from: &Ruleset) -> Ruleset {
    let other = services(random);
    let mut rules = from.clone();
    for (key, service) in other.services {
        if random.below(2) == 0 {
            rules.services.insert(key, service);
        }
    }
    let keys: Vec<ServiceKey> = rules.services.keys().copied().collect();
    if let Some(key) = random.among(&keys).filter(|_| random.below(2) == 0) {
        rules.services.remove(&key);
    }
    for service in rules.services.values_mut() {
        for server in service.servers.values_mut() {
            if random.below(4) == 0 {
                server.weight = Weight::new(random.below(9) as i64).unwrap();
            }
        }
    }
    rules
}

fn random_act(random: &mut Random, live: &Ruleset) -> Act {
    let foreign = [
        "tcp 198.51.100.1:80",
        "tcp 198.51.100.2:80",
        "udp 198.51.100.3:53",
    ];
    let weight = random.below(9) as i64;
    let keys: Vec<ServiceKey> = live.services.keys().copied().collect();
    let Some(key) = random.among(&keys).filter(|_| random.below(4) > 0) else {
        let key = ServiceKey::parse(random.among(&foreign).unwrap()).unwrap();
        return Act::Service(key, weight);
    };
    let servers: Vec<ServerKey> = live.services[&key].servers.keys().copied().collect();
    match (random.below(3), random.among(&servers)) {
        (0, Some(server)) => Act::Remove(key, server),
        (1, Some(server)) => Act::Weigh(key, server, weight),
        _ => {
            let address = match key.family() {
                Family::Ipv4 => "10.99.0.9:80",
                Family::Ipv6 => "[2001:db8:99::9]:80",
            };
            Act::Server(key, ServerKey::parse(address, &key).unwrap(), weight)
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    stood: usize,
    undone: usize,
    died: usize,
    expired: usize,
    acts: usize,
}

fn round(seed: u64, seen: &mut Seen) {
    let mut random = Random::new(seed);
    let host = Host {
        sim: Sim::new(&Ruleset::default()),
        stores: Rc::new(MemoryStores::new()),
        clock: Rc::new(Clock(Cell::new(1_000_000))),
    };
    let done: Done = Arc::default();
    let head = services(&mut random);
    let all = head.entries();
    commit(&mut host.director(Faults::new()), &head, &all, &allowing()).unwrap();
    for _ in 0..random.below(4) {
        let next = random_act(&mut random, &host.sim.live().rules);
        act(&host.sim, &done, &next);
    }
    let before = host.sim.live().rules;
    let wanted = changed(&mut random, &head);
    let named = head.differences(&wanted);
    let asked = format!("seed {seed}: {named:?}");

    // The second program acts before some steps, and one step fails, or the process dies there.
    let faults = Faults::new();
    let steps = named.len().max(1);
    for _ in 0..random.below(4) {
        let next = random_act(&mut random, &before);
        let (sim, done) = (host.sim.clone(), Arc::clone(&done));
        let effect = move || act(&sim, &done, &next);
        let step = 1 + random.below(steps);
        faults.add(Point::Step(step), Effect::Before(Box::new(effect)));
        seen.acts += 1;
    }
    if random.below(2) == 0 {
        let effect = match random.below(4) {
            0 => Effect::Fail(Errno::from_raw(12)),
            1 => Effect::LoseAfter,
            2 => Effect::Before(Box::new(die)),
            _ => Effect::After(Box::new(die)),
        };
        faults.add(Point::Step(1 + random.below(steps)), effect);
    }
    let is_confirmed = random.below(2) == 0;
    let options = ChangeOptions {
        confirm: is_confirmed.then(|| Grace::new(60).unwrap()),
        ..allowing()
    };
    let mut director = host.director(faults);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        commit(&mut director, &wanted, &named, &options)
    }));
    drop(director);
    let mut stands = match &ended {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            assert_eq!(
                error.kind(),
                Kind::Undone,
                "{asked}: {error}: {:?} {:?}",
                error.hints(),
                error.leftovers()
            );
            seen.undone += 1;
            false
        }
        Err(payload) => {
            assert!(payload.is::<Died>(), "a panic of ours");
            seen.died += 1;
            false
        }
    };
    for _ in 0..random.below(3) {
        let next = random_act(&mut random, &host.sim.live().rules);
        act(&host.sim, &done, &next);
        seen.acts += 1;
    }
    if stands && is_confirmed && !named.is_empty() {
        host.clock.0.set(host.clock.0.get() + 60_000);
        stands = false;
        seen.expired += 1;
    }
    // The next command that writes settles what is open.
    let mut other = host.director(Faults::new());
    let own = ServiceKey::parse("tcp 203.0.113.1:1").unwrap();
    let mut last = Ruleset::default();
    last.services.insert(own, VirtualService::new(Family::Ipv4));
    commit(
        &mut other,
        &last,
        &[EntryKey::Service(own)].into(),
        &allowing(),
    )
    .unwrap_or_else(|error| panic!("{asked}: {error}"));
    seen.stood += usize::from(stands);

    let live = host.sim.live().rules;
    let done = done.lock().unwrap();
    let gone = |entry: &EntryKey| {
        let service = entry.service().map(EntryKey::Service);
        service.is_some_and(|service| named.contains(&service))
    };
    for (entry, value) in done.iter() {
        // What goes with a service that the commit removes, or comes with one that it adds, is told.
        if !named.contains(entry) && !gone(entry) {
            assert_eq!(live.get(entry), *value, "{asked}: {entry}");
        }
    }
    let touched = |entry: &EntryKey| {
        let mut theirs = done.keys();
        theirs.any(|one| one == entry || one.service() == entry.service() && gone(entry))
    };
    for entry in before.entries().iter().chain(&named) {
        if touched(entry) {
            continue;
        }
        let expected = match (stands && named.contains(entry), gone(entry) && stands) {
            (true, _) => wanted.get(entry),
            (false, true) => continue,
            (false, false) => before.get(entry),
        };
        assert_eq!(live.get(entry), expected, "{asked}: {entry}");
    }
}

fn allowing() -> ChangeOptions {
    ChangeOptions {
        allow_removals: true,
        ..ChangeOptions::default()
    }
}

#[test]
fn nothing_of_a_second_actor_is_lost_and_nothing_unnamed_changes() {
    let rounds = variable("IPVSH_ACTOR_ROUNDS").unwrap_or(300);
    let seed = seed();
    let mut seen = Seen::default();
    for number in 0..rounds {
        round(seed.wrapping_add(number), &mut seen);
    }
    println!("{rounds} rounds from seed {seed}: {seen:?}");
    if rounds >= 100 {
        for count in [seen.stood, seen.undone, seen.died, seen.expired, seen.acts] {
            assert!(count as u64 * 20 > rounds, "{seen:?}");
        }
    }
}
