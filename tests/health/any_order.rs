//! Commits, transitions, crashes and other commands in random orders.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use ipvsh::director::{ChangeOptions, Director, Session};
use ipvsh::error::Kind;
use ipvsh::health::Situation;
use ipvsh::ipvs::Errno;
use ipvsh::kernel::fault::{Effect, Point};
use ipvsh::kernel::{Faults, Faulty};
use ipvsh::model::EntryKey;
use serde_json::{Value, json};

use crate::clinic::*;
use crate::random::{Random, seed, variable};
use crate::shared::{self, *};

/// Commits, transitions, rollbacks and restores in any order: the kernel holds what it should after
/// each.
#[test]
fn whatever_happens_the_kernel_holds_the_overlay_of_the_head() {
    let rounds = variable("IPVSH_HEALTH_ROUNDS").unwrap_or(12);
    let seed = seed();
    println!("IPVSH_HEALTH_ROUNDS={rounds} IPVSH_SEED={seed}");
    let mut random = Random::new(seed);
    let names = [WEB, "udp 192.0.2.10:53", "tcp 192.0.2.11:443"];
    let servers = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    for _ in 0..rounds {
        let clinic = Clinic::new();
        let mut said = Vec::new();
        for _ in 0..14 {
            let name = names[random.below(names.len())];
            let server = servers[random.below(servers.len())];
            match random.below(8) {
                0..=2 => {
                    let count = random.below(4);
                    let listed: Vec<Value> = servers[..count]
                        .iter()
                        .map(|server| json!({ "address": server, "weight": random.below(4) }))
                        .collect();
                    let check = random.among(&[json!("tcp"), Value::Null]).unwrap();
                    let on_fail = random
                        .among(&[json!("remove"), json!("quiesce"), Value::Null])
                        .unwrap();
                    let persistent = random.among(&[0, 300]).unwrap();
                    let options = json!({ "check": check, "on_fail": on_fail, "servers": listed,
                        "persistent": persistent });
                    said.push(format!("declare {name} {options}"));
                    clinic
                        .commit(&allowing_removals(), |session| {
                            session.declare_service(key(name), options.as_object().unwrap())
                        })
                        .unwrap();
                }
                3 | 4 => {
                    let situation = random
                        .among(&[DOWN, Some(Situation::Waiting), None])
                        .unwrap();
                    said.push(format!("{name} {server} {situation:?}"));
                    // Checks only speak of servers that are checked.
                    let head = clinic.head();
                    let service = head.services.get(&key(name));
                    let of = target(name, server);
                    if service.is_some_and(|s| !s.checks_of(&of.server).is_empty())
                        && head.has(&EntryKey::Server(of.service, of.server))
                    {
                        clinic.finds(name, server, situation);
                    }
                }
                5 => {
                    said.push("rollback 1".to_owned());
                    let _ = clinic
                        .director()
                        .rollback(Some(&id(1)), &allowing_removals());
                }
                6 => {
                    said.push(format!("remove {name}"));
                    let _ = clinic.commit(&allowing_removals(), |session| {
                        session.remove_service(key(name))
                    });
                }
                _ => {
                    said.push(format!("another hand at {name} {server}, then restore"));
                    if clinic.lab.rules().has(&server_entry(name, server)) {
                        clinic.lab.others_weigh(name, server, 9);
                    }
                    let _ = clinic.director().restore(false, &plain());
                }
            }
            clinic.holds_what_it_should(&said.join("\n"));
        }
    }
}

/// A commit dies or fails between two of its steps, the daemon writes what it finds before and after the
/// recovery, and the kernel is at last what it should be by the head that stands.
#[test]
fn a_commit_that_dies_between_two_steps_and_the_daemon_agree_in_the_end() {
    let rounds = variable("IPVSH_HEALTH_ROUNDS").unwrap_or(40);
    let seed = seed();
    println!("IPVSH_HEALTH_ROUNDS={rounds} IPVSH_SEED={seed}");
    let mut random = Random::new(seed);
    let names = [WEB, "udp 192.0.2.10:53"];
    let servers = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    let situations = [DOWN, Some(Situation::Waiting), None];
    let (mut died, mut undone) = (0, 0);
    for round in 0..rounds {
        let clinic = Clinic::new();
        let mut said = vec![format!("round {round}")];
        let mut declare = |random: &mut Random, name: &str| {
            let count = 1 + random.below(3);
            let listed: Vec<Value> = servers[..count]
                .iter()
                .map(|server| json!({ "address": server, "weight": 1 + random.below(4) }))
                .collect();
            let on_fail = random.among(&[json!("remove"), json!("quiesce")]).unwrap();
            let options = json!({ "check": "tcp", "on_fail": on_fail, "servers": listed });
            said.push(format!("{name} {options}"));
            options
        };
        for name in names {
            let options = declare(&mut random, name);
            clinic.declare(name, options).unwrap();
        }
        let finds = |random: &mut Random, said: &mut Vec<String>| {
            let head = clinic.head();
            let name = names[random.below(names.len())];
            let server = servers[random.below(servers.len())];
            let situation = random.among(&situations).unwrap();
            let of = target(name, server);
            if head.has(&EntryKey::Server(of.service, of.server)) {
                said.push(format!("{name} {server} {situation:?}"));
                clinic.finds(name, server, situation);
            }
        };
        let options = names.map(|name| (name, declare(&mut random, name)));
        for _ in 0..random.below(3) {
            finds(&mut random, &mut said);
        }
        let faults = Faults::new();
        let effect = match random.below(4) {
            0 => Effect::Fail(Errno::from_raw(12)),
            1 => Effect::LoseAfter,
            2 => Effect::Before(Box::new(die)),
            _ => Effect::After(Box::new(die)),
        };
        faults.add(Point::Step(1 + random.below(4)), effect);
        let kernel = Faulty::new(clinic.lab.sim.clone(), faults);
        let stores = Rc::new(clinic.lab.stores());
        let director = Director::new(Box::new(kernel), stores, "ada".to_owned())
            .with_health(Rc::new(clinic.checks.clone()));
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut session = Session::new(director, ChangeOptions::default());
            for (name, options) in &options {
                session.declare_service(key(name), options.as_object().unwrap())?;
            }
            session.commit(&allowing_removals())
        }));
        match ended {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                assert_eq!(error.kind(), Kind::Undone, "{said:?}: {error}");
                undone += 1;
            }
            Err(payload) => {
                assert!(payload.is::<shared::Died>(), "a panic of ours");
                died += 1;
            }
        }
        for _ in 0..random.below(4) {
            finds(&mut random, &mut said);
        }
        // The next command that writes settles what is open.
        clinic.declare("tcp 203.0.113.1:1", json!({})).unwrap();
        for _ in 0..random.below(3) {
            finds(&mut random, &mut said);
        }
        clinic.holds_what_it_should(&said.join("\n"));
    }
    assert!(died > 0 && undone > 0, "{died} {undone}");
}
