//! What the script API lets through, a kernel takes.

use chrono::DateTime;
use ipvsh::candidate::Candidate;
use ipvsh::error::{Error, Result};
use ipvsh::health::Overlay;
use ipvsh::kernel::refusal::check_names;
use ipvsh::kernel::{Kernel, Names, Outcome};
use ipvsh::model::{
    Family, Options, Ruleset, ServerPatch, ServicePatch, Setting, SettingKey, Settings, SyncDaemon,
    Timeouts, json,
};
use ipvsh::plan::{Request, Scope, Step, plan};
use proptest::strategy::{Strategy, ValueTree};

use super::{inverses, random};

/// Says what a random step says, in the words of a script.
fn say(candidate: &mut Candidate, step: &Step) -> Result<()> {
    match step {
        Step::AddService { key, options } => {
            let mut said = json::service_options(options, key.family());
            if key.family() == Family::Ipv4 {
                // The random ones are all refused: they are prefix lengths.
                said.shift_remove("netmask");
            }
            candidate.declare_service(*key, &ServicePatch::parse(key, &said)?);
        }
        Step::AddServer {
            service,
            key,
            options,
        } => {
            let mut said: Options = json::server(key, options);
            said.shift_remove("address");
            said.shift_remove("port");
            candidate.declare_server(*service, *key, &ServerPatch::parse(&said)?)?;
        }
        Step::Set { settings } => {
            let mut set = Settings::default();
            for change in settings {
                let value = match (change.key, &change.to) {
                    (SettingKey::SyncDaemon(role), Some(Setting::SyncDaemon(daemon))) => {
                        let mut said = daemon.json(role);
                        said.shift_remove("role");
                        said.insert("interface".to_owned(), "lo".into());
                        Some(Setting::SyncDaemon(SyncDaemon::parse(role, &said)?))
                    }
                    (SettingKey::Timeout(kind), Some(Setting::Timeout(seconds))) => {
                        let said =
                            Options::from_iter([(kind.name().to_owned(), (*seconds).into())]);
                        Timeouts::parse(&said)?.get(kind).map(Setting::Timeout)
                    }
                    _ => None,
                };
                set.put(change.key, value);
            }
            candidate.set_settings(&set);
        }
        _ => {}
    }
    Ok(())
}

/// What is looked at before anything is sent.
fn check(candidate: &Candidate) -> Result<()> {
    candidate.check()?;
    let names = Names::of_debian();
    candidate.spoken_services().try_for_each(|(key, service)| {
        // A name of the kernel's own tree that it was built without is the kernel's to refuse.
        match service.options.scheduler.name() {
            "twos" => Err(Error::invalid("not for this test")),
            _ => check_names(key, &service.options, &names),
        }
    })
}

/// Stages rows of random words; what none of the checks refuses, the kernel must take.
pub fn is_taken(kernel: &mut dyn Kernel, count: usize) {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let words = proptest::collection::vec(random::step(), 1..40);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..count {
        let mut candidate = Candidate::new(None, Ruleset::default());
        for step in words.new_tree(&mut runner).unwrap().current() {
            let mut next = candidate.clone();
            match say(&mut next, &step).and_then(|()| check(&next)) {
                Ok(()) => candidate = next,
                Err(_) => refused += 1,
            }
        }
        let live = kernel.observe().unwrap();
        let plan = plan(&Request {
            head: &Ruleset::default(),
            found: &Default::default(),
            live: &live,
            wanted: candidate.rules(),
            scope: Scope::Named(candidate.scope()),
            overlay: &Overlay::without_state(DateTime::UNIX_EPOCH),
            exact_servers: candidate.exact_servers(),
            declared: &candidate.declared(),
            keep_weights: false,
        });
        for (step, outcome) in plan.steps.iter().zip(kernel.apply(&plan.steps)) {
            assert_eq!(outcome, Outcome::Done, "{step:?}");
        }
        taken += plan.steps.len();
        for outcome in kernel.apply(&inverses(&plan.steps)) {
            assert_eq!(outcome, Outcome::Done, "taking back");
        }
    }
    // A row in which nothing is said, or nothing refused, would show little.
    assert!(
        taken * 2 > count && refused > count,
        "{taken} taken, {refused} refused"
    );
}
