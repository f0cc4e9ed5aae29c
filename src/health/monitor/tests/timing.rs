//! From a fault to the transition, and back.

use super::*;

fn timed(interval: u32, retry_interval: u32, timeout: u32, rise: u32, fall: u32) -> Check {
    Check {
        timing: Timing {
            interval,
            retry_interval,
            timeout,
            rise,
            fall,
        },
        ..tcp()
    }
}

/// The checks of the tables below.
fn checks() -> Vec<Check> {
    vec![
        timed(3_000, 1_000, 2_000, 2, 3),
        timed(3_000, 1_000, 200, 2, 3),
        timed(1_000, 1_000, 1_000, 1, 1),
        timed(5_000, 250, 500, 3, 5),
        timed(60_000, 1_000, 10_000, 2, 2),
    ]
}

/// The longest time from a fault to the transition, over many moments of the fault.
fn slowest(check: &Check, does: Does) -> Duration {
    let mut slowest = Duration::ZERO;
    for seed in 0..60 {
        let options = MonitorOptions {
            seed,
            ..MonitorOptions::default()
        };
        let mut lab = Lab::with(
            options,
            &web(2, std::slice::from_ref(check)),
            &State::default(),
        );
        lab.run(secs(200) + ms(seed * 97));
        assert_eq!(lab.news(), [""; 0]);
        lab.let_do(&["10.0.0.2"], does);
        let fault = lab.time;
        lab.run(secs(200));
        let (at, text) = lab.log.remove(0);
        assert_eq!(text, "10.0.0.2 up -> down");
        assert_eq!(lab.news(), [""; 0]);
        slowest = slowest.max(at - fault);
    }
    slowest
}

#[test]
fn a_server_that_hangs_is_down_within_the_promised_time() {
    for check in checks() {
        let Timing {
            interval,
            retry_interval,
            timeout,
            fall,
            ..
        } = check.timing;
        let least = interval + (fall - 1) * retry_interval.max(timeout) + timeout;
        let most = ms((least + interval / 10).into());
        let slowest = slowest(&check, Does::Hang);
        assert!(slowest <= most, "{slowest:?} of {most:?}: {check:?}");
        // The bound is no more than what it takes.
        assert!(
            slowest > ms(least.into()) * 8 / 10,
            "{slowest:?} of {most:?}"
        );
    }
}

#[test]
fn a_server_that_refuses_is_down_within_the_promised_time() {
    for check in checks() {
        let Timing {
            interval,
            retry_interval,
            fall,
            ..
        } = check.timing;
        let least = interval + (fall - 1) * retry_interval;
        let most = ms((least + interval / 10).into()) + ms(1);
        let slowest = slowest(&check, Does::Refuse);
        assert!(slowest <= most, "{slowest:?} of {most:?}: {check:?}");
        assert!(
            slowest > ms(least.into()) * 8 / 10,
            "{slowest:?} of {most:?}"
        );
    }
}

#[test]
fn a_server_comes_up_after_rise_passes_at_the_retry_interval() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(20));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(20));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
    lab.let_do(&["10.0.0.2"], Does::Answer);
    let healed = lab.time;
    lab.run(secs(20));
    assert_eq!(lab.log.len(), 1);
    let took = lab.log[0].0 - healed;
    assert_eq!(lab.news(), ["10.0.0.2 down -> up"]);
    assert!(
        (ms(1_000)..=ms(3_300 + 1_000 + 10)).contains(&took),
        "{took:?}"
    );
}

#[test]
fn a_server_that_is_down_for_long_is_probed_at_twice_the_interval() {
    let runs = |lab: &mut Lab| {
        lab.jobs.clear();
        lab.run(secs(120));
        let of_it = |(_, it): &&(Duration, Target)| it.server.addr.to_string() == "10.0.0.2";
        lab.jobs.iter().filter(of_it).count()
    };
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(20));
    assert!((37..=43).contains(&runs(&mut lab)));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(20));
    assert!((37..=43).contains(&runs(&mut lab)));
    lab.run(secs(200));
    assert!((18..=22).contains(&runs(&mut lab)));
    lab.let_do(&["10.0.0.2"], Does::Answer);
    lab.run(secs(10));
    assert!((37..=43).contains(&runs(&mut lab)));
    // A daemon that begins anew counts from when the state says that it went down.
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(20));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(1000));
    let state = lab.monitor.state().clone();
    let mut next = Lab::with(MonitorOptions::default(), &web(2, &[tcp()]), &state);
    next.time = lab.time;
    next.let_do(&["10.0.0.2"], Does::Refuse);
    next.run(secs(10));
    assert!((18..=22).contains(&runs(&mut next)));
}

#[test]
fn new_probes_are_spread_over_their_interval() {
    let mut lab = Lab::new(&web(100, &[tcp()]));
    let start = lab.time;
    lab.run(secs(3));
    let mut first = BTreeMap::new();
    for (time, target) in &lab.jobs {
        first.entry(*target).or_insert(*time - start);
    }
    assert_eq!(first.len(), 100);
    for tenth in 0..10 {
        let range = ms(tenth * 300)..ms((tenth + 1) * 300);
        let count = first.values().filter(|time| range.contains(*time)).count();
        assert!((2..=22).contains(&count), "{count} in {range:?}");
    }
}
