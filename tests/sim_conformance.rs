//! The conformance suite on the simulated kernel.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod conformance;

use std::collections::BTreeMap;

use conformance::{Bench, Case, inverses, random, state, steps};
use ipvsh::error::Kind;
use ipvsh::kernel::{Kernel, Machine, Outcome, Sim};
use ipvsh::model::{Family, MarkSupport, Ruleset};
use ipvsh::plan::{SettingChange, Step};
use proptest::prelude::*;

/// A simulated network namespace with `lo` alone.
fn namespace() -> Sim {
    let machine = Machine {
        interfaces: Some(BTreeMap::from([("lo".to_owned(), 65536)])),
        ..Machine::default()
    };
    Sim::on(machine, &Ruleset::default())
}

fn conform(cases: &[Case]) {
    for (name, case) in cases {
        println!("{name}");
        case(&mut Bench::new(namespace()));
    }
}

#[test]
fn services_conform() {
    conform(conformance::services::CASES);
}

#[test]
fn servers_conform() {
    conform(conformance::servers::CASES);
}

#[test]
fn orders_conform() {
    conform(conformance::order::CASES);
}

#[test]
fn timeouts_conform() {
    conform(conformance::timeouts::CASES);
}

#[test]
fn daemons_conform() {
    conform(conformance::daemons::CASES);
}

#[test]
fn settings_of_the_host_conform() {
    conform(conformance::host::CASES);
}

#[test]
fn marks_conform() {
    conform(conformance::marks::CASES);
}

#[test]
fn what_the_script_api_lets_through_is_taken() {
    conformance::accepted::is_taken(&mut namespace(), 1000);
}

#[test]
fn views_conform() {
    conform(conformance::views::CASES);
}

#[test]
fn agrees_with_itself() {
    random::agree(&mut namespace(), &mut namespace(), 3000);
}

/// A step as a plan would make it: with what it finds in the kernel.
fn as_planned(step: Step, sim: &Sim) -> Step {
    let rules = sim.live().rules;
    match step {
        Step::ChangeService { key, to, .. } => Step::ChangeService {
            key,
            from: rules.services[&key].options.clone(),
            to,
        },
        Step::RemoveService { key, .. } => Step::RemoveService {
            key,
            service: rules.services[&key].clone(),
        },
        Step::ChangeServer {
            service, key, to, ..
        } => Step::ChangeServer {
            service,
            key,
            from: rules.services[&service].servers[&key],
            to,
        },
        Step::RemoveServer { service, key, .. } => Step::RemoveServer {
            service,
            key,
            options: rules.services[&service].servers[&key],
        },
        Step::Set { settings } => Step::Set {
            settings: settings
                .into_iter()
                .map(|change| SettingChange {
                    from: rules.settings.get(change.key).cloned(),
                    ..change
                })
                .collect(),
        },
        other => other,
    }
}

proptest! {
    #[test]
    fn steps_taken_back_from_last_to_first_return_to_the_start(
        steps in prop::collection::vec(random::step(), 1..60),
    ) {
        let mut sim = namespace();
        let trial = namespace();
        let start = state(&sim.live());
        let mut done = Vec::new();
        for step in steps {
            // What is refused is not part of what is taken back.
            if trial.clone().apply(std::slice::from_ref(&step)) == [Outcome::Done] {
                let step = as_planned(step, &sim);
                prop_assert_eq!(sim.apply(std::slice::from_ref(&step)), [Outcome::Done]);
                done.push(step);
            }
        }
        let back = inverses(&done);
        for (step, outcome) in back.iter().zip(sim.apply(&back)) {
            prop_assert_eq!(outcome, Outcome::Done, "{:?}", step);
        }
        prop_assert_eq!(state(&sim.live()), start);
    }
}

#[test]
fn a_machine_without_ipv6_or_marks_says_so() {
    let sim = namespace();
    sim.edit_machine(|machine| machine.ipv6 = false);
    sim.edit(|live| {
        live.set_marks(
            Family::Ipv6,
            MarkSupport::Unavailable("this kernel has no IPv6".to_owned()),
        );
    });
    let chain = Step::SetChain {
        family: Family::Ipv6,
        from: Default::default(),
        to: Default::default(),
    };
    for step in [
        steps::add("tcp [2001:db8::1]:80"),
        steps::add("fwmark6 7"),
        chain,
    ] {
        let outcomes = sim.clone().apply(&[step]);
        let [Outcome::Failed(error)] = outcomes.as_slice() else {
            panic!("{outcomes:?}")
        };
        assert_eq!(error.kind(), Kind::Unsupported, "{error}");
        assert!(error.message().contains("IPv6"), "{error}");
    }
}

#[test]
fn a_namespace_whose_lo_was_never_up_takes_no_ipv4_server() {
    let sim = namespace();
    sim.edit_machine(|machine| machine.loopback = false);
    conformance::servers::without_loopback(&mut Bench::new(sim));
}
