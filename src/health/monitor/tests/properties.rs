//! Whatever the servers do: a server falls by `fall` failures in a row and by nothing else.

use proptest::prelude::*;

use super::*;

/// What happens in a step: a server does something else, time passes, a commit comes.
#[derive(Debug, Clone)]
enum Step {
    Do(usize, Does),
    Pass(u64),
    Set(usize),
    Writable(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let does = prop_oneof![
        Just(Does::Answer),
        Just(Does::Refuse),
        Just(Does::Hang),
        Just(Does::NoRoute)
    ];
    let step = prop_oneof![
        4 => (0..6usize, does).prop_map(|(server, does)| Step::Do(server, does)),
        4 => (1..8_000u64).prop_map(Step::Pass),
        1 => (1..=6usize).prop_map(Step::Set),
        1 => any::<bool>().prop_map(Step::Writable),
    ];
    prop::collection::vec(step, 1..60)
}

/// Plays the steps; returns all there is to see.
fn play(seed: u64, steps: &[Step]) -> (Vec<(Duration, String)>, String) {
    let options = MonitorOptions {
        seed,
        ..MonitorOptions::default()
    };
    let mut lab = Lab::with(options, &web(4, &[tcp()]), &State::default());
    let all = addresses(6);
    for step in steps {
        match step {
            Step::Do(server, does) => lab.let_do(&[&all[*server]], *does),
            Step::Pass(time) => lab.run(ms(*time)),
            Step::Set(count) => lab.set(&web(*count, &[tcp()])),
            Step::Writable(is_writable) => lab.is_writable = *is_writable,
        }
        invariants(&lab);
    }
    let report = serde_json::to_string(&lab.monitor.report(lab.now())).unwrap();
    (lab.log, report)
}

fn invariants(lab: &Lab) {
    let monitor = &lab.monitor;
    let report = monitor.report(lab.now());
    for server in &report.servers {
        let check = &server.checks[0];
        let key = Target {
            service: server.service,
            server: server.server,
        };
        let deviation = monitor.state().servers.get(&key);
        let situation = deviation.map(|it| it.situation);
        assert_eq!(situation, server.state.situation());
        // What must be written is what differs from what was.
        let known = &monitor.servers[&key];
        let differs = known.standing != known.written;
        assert_eq!(monitor.pending.contains(&key), differs);
        let is_decided = check.consecutive_failures >= 3 && !check.unproven;
        match server.state {
            Standing::Up if is_decided && report.guard.is_some() => assert!(server.held),
            Standing::Up if is_decided => assert!(monitor.pending_falls.contains(key)),
            Standing::Up => assert!(!server.held),
            Standing::Down => assert!(check.failures >= 3 && check.consecutive_passes < 2),
            Standing::Waiting => assert!(check.consecutive_passes == 0 && !is_decided),
        }
    }
    let situation = |state: &State, target: &Target| {
        let deviation = state.servers.get(target);
        deviation.map(|deviation| deviation.situation)
    };
    let (state, written) = (monitor.state(), monitor.written_state());
    for target in state.servers.keys().chain(written.servers.keys()) {
        let differs = situation(state, target) != situation(&written, target);
        let is_told = monitor.pending.contains(target) || monitor.leaving.contains_key(target);
        assert_eq!(differs, is_told, "{target}");
    }
    // Every probe waits in the queue or runs, and no other.
    let waiting = monitor
        .probes
        .values()
        .filter(|probe| probe.due.is_some())
        .count();
    let running = monitor
        .probes
        .values()
        .filter(|probe| probe.run.is_some())
        .count();
    assert_eq!(waiting + running, monitor.probes.len());
    assert_eq!(monitor.probes.len(), monitor.probe_ids.len());
    assert_eq!(monitor.proofs.len(), monitor.proof_ids.len());
    assert_eq!(
        monitor.state().servers.len(),
        report
            .servers
            .iter()
            .filter(|it| it.state != Standing::Up)
            .count()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn servers_fall_by_failures_in_a_row_alone(steps in steps(), seed in any::<u64>()) {
        let first = play(seed, &steps);
        // The same steps, the same decisions.
        prop_assert_eq!(&first, &play(seed, &steps));
    }

    #[test]
    fn nothing_falls_without_failures(steps in steps(), seed in any::<u64>()) {
        let tame: Vec<Step> = steps
            .into_iter()
            .map(|step| match step {
                Step::Do(server, Does::Refuse | Does::Hang) => Step::Do(server, Does::NoRoute),
                step => step,
            })
            .collect();
        let (log, _) = play(seed, &tame);
        for (_, text) in log {
            prop_assert!(!text.contains("-> down") && !text.contains("guard"), "{}", text);
        }
    }
}
