//! The conformance suite on a real kernel: needs root and IPVS, which the project's runner
//! provides; fails without. Every case has a network namespace of its own.

#[path = "../conformance/mod.rs"]
mod suite;

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use ipvsh::error::Kind;
use ipvsh::kernel::{Faults, Faulty, Kernel, Linux, Machine, Outcome, Sim};
use ipvsh::marks::Chains;
use ipvsh::model::{
    ChainState, Extent, Family, MarkSupport, Ruleset, ServiceKey, SourceNat, Weight,
};
use rustix::thread::CapabilitySet;
use suite::{Bench, Case, random, steps};

use crate::netns;

/// A host whose chains nobody uses: reading them takes two processes each time, which is nearly
/// all of the time that a case takes.
struct NoChains;

impl Chains for NoChains {
    fn observe(&mut self, _: Family) -> ipvsh::error::Result<MarkSupport> {
        Ok(MarkSupport::default())
    }

    fn set(&mut self, _: Family, _: &ChainState) -> ipvsh::error::Result<()> {
        panic!("this case is about IPVS alone")
    }

    fn source_nat(&mut self, _: Family) -> ipvsh::error::Result<Vec<(ServiceKey, SourceNat)>> {
        Ok(Vec::new())
    }

    fn set_source_nat(
        &mut self,
        _: &ServiceKey,
        _: Option<&SourceNat>,
    ) -> ipvsh::error::Result<()> {
        panic!("this case is about IPVS alone")
    }

    fn writes(&self) -> u64 {
        0
    }
}

fn ipvs_alone() -> Linux {
    Linux::with_chains(Box::new(NoChains))
}

/// Runs all cases, and then says which of them failed.
fn conform(cases: &[Case], kernel: fn() -> Linux) {
    let mut failed = Vec::new();
    for (name, case) in cases {
        let run = || netns::in_namespace(|| case(&mut Bench::new(kernel())));
        if std::panic::catch_unwind(run).is_err() {
            failed.push(*name);
        }
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
}

#[test]
fn services_conform() {
    conform(suite::services::CASES, ipvs_alone);
}

#[test]
fn servers_conform() {
    conform(suite::servers::CASES, ipvs_alone);
}

#[test]
fn orders_conform() {
    conform(suite::order::CASES, ipvs_alone);
}

#[test]
fn timeouts_conform() {
    conform(suite::timeouts::CASES, ipvs_alone);
}

#[test]
fn daemons_conform() {
    conform(suite::daemons::CASES, ipvs_alone);
}

#[test]
fn settings_of_the_host_conform() {
    conform(suite::host::CASES, ipvs_alone);
}

#[test]
fn views_conform() {
    conform(suite::views::CASES, ipvs_alone);
}

#[test]
fn marks_conform() {
    conform(suite::marks::CASES, Linux::new);
}

#[test]
fn a_namespace_whose_lo_was_never_up_takes_no_ipv4_server() {
    netns::in_bare_namespace(|| {
        suite::servers::without_loopback(&mut Bench::new(ipvs_alone()));
    });
}

#[test]
fn the_simulated_kernel_agrees_with_it() {
    netns::in_namespace(|| {
        let machine = Machine {
            interfaces: Some(BTreeMap::from([("lo".to_owned(), 65536)])),
            ..Machine::default()
        };
        let mut sim = Sim::on(machine, &Ruleset::default());
        random::agree(&mut ipvs_alone(), &mut sim, 600);
    });
}

#[test]
fn what_the_script_api_lets_through_is_taken() {
    netns::in_namespace(|| suite::accepted::is_taken(&mut ipvs_alone(), 60));
}

#[test]
fn many_services_are_verified_by_their_list() {
    netns::in_namespace(|| {
        let mut kernel = ipvs_alone();
        let names: Vec<String> = (1..=300)
            .flat_map(|port| {
                [
                    format!("tcp 192.0.2.10:{port}"),
                    format!("udp [fd99::10]:{port}"),
                ]
            })
            .collect();
        let load: Vec<_> = names
            .iter()
            .flat_map(|name| {
                let server = match name.starts_with("tcp") {
                    true => "127.0.0.1:80",
                    false => "[::1]:80",
                };
                [steps::add(name), steps::serve(name, server)]
            })
            .collect();
        let outcomes = kernel.apply(&load);
        assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Done));
        let held = kernel.observe().unwrap().rules;
        let all: BTreeSet<_> = held.services.keys().copied().collect();
        assert_eq!(all.len(), 600);
        let verify = |kernel: &mut Linux, held: &Ruleset, keys: &BTreeSet<_>| {
            kernel.holds(&Extent::Services(keys.clone()), held).unwrap()
        };
        // While other tests' namespaces have services the list leaves out some of ours.
        let verified = |kernel: &mut Linux, held: &Ruleset| {
            let until = Instant::now() + Duration::from_secs(180);
            while Instant::now() < until {
                if verify(kernel, held, &all) {
                    return true;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            false
        };
        assert!(verified(&mut kernel, &held));
        // Few are asked for one by one.
        let few = all.iter().copied().take(3).collect();
        assert!(!verify(&mut kernel, &held, &few));

        let (one, server) = ("tcp 192.0.2.10:7", "127.0.0.1:80");
        let heavier = steps::reserve_with(one, server, |s| s.weight = Weight::new(9).unwrap());
        let another = steps::serve(one, "127.0.0.2:80");
        let sticky = steps::change_with(one, |options| options.persistent = Some(60));
        let gone = steps::unserve(one, server);
        for step in [heavier, another, sticky, gone] {
            assert_eq!(
                kernel.apply(std::slice::from_ref(&step)),
                [Outcome::Done],
                "{step:?}"
            );
            assert!(!verify(&mut kernel, &held, &all), "{step:?}");
            let back = step.inverse();
            assert!(
                kernel
                    .apply(&back)
                    .iter()
                    .all(|done| *done == Outcome::Done)
            );
            assert!(verified(&mut kernel, &held), "{step:?}");
        }

        // One that is missing, and one that should be gone.
        let (one, server) = ("tcp 192.0.2.10:7", "127.0.0.1:80");
        let outcomes = kernel.apply(&[steps::unserve(one, server), steps::remove(one)]);
        assert_eq!(outcomes, [Outcome::Done, Outcome::Done]);
        assert!(!verify(&mut kernel, &held, &all));
        let mut without = held.clone();
        without.services.remove(&steps::key(one));
        assert!(verified(&mut kernel, &without));
        assert_eq!(kernel.apply(&[steps::add(one)]), [Outcome::Done]);
        assert!(!verify(&mut kernel, &without, &all));
    });
}

#[test]
fn namespaces_are_places_of_their_own() {
    let place = || netns::in_namespace(|| Linux::new().place().unwrap());
    let (one, here) = (place(), Linux::new().place().unwrap());
    assert_eq!(one.boot, here.boot);
    assert_ne!(one.namespace, here.namespace);
    assert!(one.namespace.starts_with("net:["), "{one:?}");
}

#[test]
fn connections_are_counted() {
    netns::in_namespace(|| {
        netns::ip("address add 192.0.2.10/32 dev lo");
        let (service, server) = ("udp 192.0.2.10:5000", "127.0.0.1:5001");
        let mut bench = Bench::new(ipvs_alone());
        bench.does(&[steps::add(service), steps::serve(service, server)]);
        let receiver = UdpSocket::bind(server).unwrap();
        let sender = UdpSocket::bind("192.0.2.10:0").unwrap();
        sender.send_to(b"x", "192.0.2.10:5000").unwrap();
        receiver.recv_from(&mut [0; 8]).unwrap();
        let (service, server) = (steps::key(service), steps::server_key(service, server));
        let counts = bench.live().counts_of(&service, &server);
        assert_eq!(
            (counts.active, counts.inactive, counts.persistent),
            (0, 1, 0)
        );
    });
}

#[test]
fn without_the_right_it_says_which() {
    netns::in_namespace(|| {
        let mut open = ipvs_alone();
        open.observe().unwrap();
        let mut sets = rustix::thread::capabilities(None).unwrap();
        sets.effective.remove(CapabilitySet::NET_ADMIN);
        rustix::thread::set_capabilities(None, sets).unwrap();
        // One that was opened before is refused by the kernel itself.
        for kernel in [&mut open, &mut ipvs_alone()] {
            let error = kernel.observe().unwrap_err();
            assert_eq!(error.kind(), Kind::NotPermitted, "{error}");
            assert!(error.hints().concat().contains("sudo"), "{error}");
            let outcomes = kernel.apply(&[steps::add("fwmark 7")]);
            let [Outcome::Failed(error)] = outcomes.as_slice() else {
                panic!("{outcomes:?}")
            };
            assert_eq!(error.kind(), Kind::NotPermitted, "{error}");
        }
    });
}

#[test]
fn faults_strike_before_the_real_kernel_too() {
    netns::in_namespace(|| {
        let faults = Faults::parse("fail-step=2:ENOMEM,lose-after-step=4").unwrap();
        let mut kernel = Faulty::new(ipvs_alone(), faults);
        let add = |port: u16| steps::add(&format!("tcp 192.0.2.10:{port}"));
        let outcomes = kernel.apply(&[add(1), add(2), add(3)]);
        let [Outcome::Done, Outcome::Failed(_), Outcome::NotSent] = outcomes.as_slice() else {
            panic!("{outcomes:?}")
        };
        let outcomes = kernel.apply(&[add(4), add(5)]);
        let [Outcome::Done, Outcome::Unknown(_)] = outcomes.as_slice() else {
            panic!("{outcomes:?}")
        };
        assert_eq!(kernel.observe().unwrap().rules.services.len(), 3);
    });
}

/// The kernel would load it while it holds the mutex of IPVS, and hang where a namespace is being
/// removed at that moment.
#[test]
fn a_scheduler_is_loaded_before_the_kernel_is_asked_for_it() {
    netns::in_namespace(|| {
        let loaded = std::path::Path::new("/sys/module/ip_vs_lblcr");
        // Where another test is using it, there is nothing to see.
        let _ = std::process::Command::new("modprobe")
            .args(["-r", "ip_vs_lblcr"])
            .status();
        let mut bench = Bench::new(ipvs_alone());
        bench.does(&[steps::add("fwmark 7")]);
        // Refused before the kernel looks for the scheduler.
        bench.refuses(
            steps::add_with("fwmark 7", |o| o.scheduler = steps::scheduler("lblcr")),
            "cannot add: it is there already (EEXIST)",
        );
        assert!(loaded.exists());
    });
}
