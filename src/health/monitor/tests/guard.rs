//! Where nearly all servers fail at once.

use super::*;

/// Lets the last `failing` of `count` servers hang, and says what happens within a while.
fn fail(count: usize, failing: usize, does: Does) -> Lab {
    let mut lab = Lab::new(&web(count, &[tcp()]));
    lab.run(secs(20));
    assert_eq!(lab.news(), [""; 0]);
    let_last(&mut lab, count, failing, does);
    lab.run(secs(30));
    lab
}

fn let_last(lab: &mut Lab, count: usize, failing: usize, does: Does) {
    for server in addresses(count).iter().skip(count - failing) {
        lab.let_do(&[server], does);
    }
}

#[test]
fn the_guard_needs_all_of_three_or_most_of_five() {
    for (count, failing, is_on) in [
        (1, 1, false),
        (2, 2, false),
        (3, 2, false),
        (3, 3, true),
        (4, 3, false),
        (4, 4, true),
        (5, 3, false),
        (5, 4, true),
        (5, 5, true),
        (10, 7, false),
        (10, 8, true),
        (100, 79, false),
        (100, 80, true),
    ] {
        let mut lab = fail(count, failing, Does::Hang);
        let news = lab.news();
        if is_on {
            assert_eq!(news, ["guard on"], "{failing} of {count}");
            assert_eq!(lab.down(), 0);
        } else {
            assert_eq!(news.len(), failing, "{failing} of {count}: {news:?}");
            assert_eq!(lab.down(), failing);
        }
    }
}

#[test]
fn what_still_fails_when_the_guard_ends_falls() {
    let mut lab = fail(5, 4, Does::Hang);
    let on = lab.log[0].0;
    assert_eq!(lab.news(), ["guard on"]);
    let report = lab.monitor.report(lab.now());
    assert_eq!(report.guard.as_ref().unwrap().held, 4);
    assert!(report.servers[1].held);
    lab.run(on + secs(60) - lab.time - ms(1));
    assert_eq!(lab.news(), [""; 0]);
    lab.run(ms(1));
    let news = lab.news();
    assert_eq!(news[0], "guard Expired { failing: 4 }");
    assert_eq!(news.len(), 5, "{news:?}");
    assert_eq!(lab.down(), 4);
    // They set it off no second time.
    lab.run(secs(600));
    assert_eq!(lab.news(), [""; 0]);
    assert_eq!(lab.monitor.report(lab.now()).guard, None);
}

#[test]
fn the_guard_ends_when_fewer_than_half_still_fail() {
    let mut lab = fail(6, 6, Does::Hang);
    assert_eq!(lab.news(), ["guard on"]);
    let_last(&mut lab, 6, 3, Does::Answer);
    lab.run(secs(6));
    assert_eq!(lab.news(), [""; 0]);
    let_last(&mut lab, 6, 4, Does::Answer);
    lab.run(secs(6));
    let news = lab.news();
    assert_eq!(news[0], "guard Recovered { failing: 2 }");
    assert_eq!(news[1..], ["10.0.0.2 up -> down", "10.0.0.3 up -> down"]);
}

#[test]
fn nothing_falls_where_the_network_is_back_in_time() {
    let mut lab = fail(6, 6, Does::Hang);
    assert_eq!(lab.news(), ["guard on"]);
    let_last(&mut lab, 6, 6, Does::Answer);
    lab.run(secs(120));
    let news = lab.news();
    assert!(news[0].starts_with("guard Recovered"), "{news:?}");
    // Those that had not been asked again by then fell, and are back.
    assert_eq!(lab.down(), 0);
}

#[test]
fn the_operator_ends_the_guard() {
    let mut lab = fail(3, 3, Does::Hang);
    assert_eq!(lab.news(), ["guard on"]);
    let now = lab.now();
    assert!(lab.monitor.unfreeze(now));
    assert!(!lab.monitor.unfreeze(now));
    lab.decide();
    let news = lab.news();
    assert_eq!(news[0], "guard Unfrozen { failing: 3 }");
    assert_eq!(lab.down(), 3);
}

#[test]
fn no_guard_where_it_is_off() {
    let options = MonitorOptions {
        guard: Duration::ZERO,
        seed: 1,
    };
    let mut lab = Lab::with(options, &web(5, &[tcp()]), &State::default());
    lab.run(secs(20));
    let_last(&mut lab, 5, 5, Does::Hang);
    lab.run(secs(30));
    assert_eq!(lab.news().len(), 5);
}

#[test]
fn servers_that_fail_one_after_another_set_off_no_guard() {
    let mut lab = Lab::new(&web(5, &[tcp()]));
    lab.run(secs(20));
    for failing in 1..=5 {
        let_last(&mut lab, 5, failing, Does::Hang);
        lab.run(secs(12));
    }
    assert_eq!(lab.news().len(), 5);
    assert_eq!(lab.down(), 5);
}

#[test]
fn servers_are_counted_by_address() {
    // Two machines with five servers each, in two services.
    let servers: Vec<String> = (1..=5)
        .flat_map(|port| [format!("10.0.0.2:{port}"), format!("10.0.0.3:{port}")])
        .collect();
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    let mut lab = Lab::new(&rules(&[
        (WEB, &servers, &[tcp()]),
        (WEB2, &servers, &[tcp()]),
    ]));
    lab.run(secs(20));
    lab.let_do(&["10.0.0.2", "10.0.0.3"], Does::Hang);
    lab.run(secs(30));
    assert_eq!(lab.news().len(), 20);
}

#[test]
fn a_service_that_is_down_alone_sets_off_no_guard() {
    let dead: &[&str] = &["10.0.1.1", "10.0.1.2", "10.0.1.3"];
    let live: &[&str] = &["10.0.2.1", "10.0.2.2"];
    let mut lab = Lab::new(&rules(&[(WEB, dead, &[tcp()]), (WEB2, live, &[tcp()])]));
    lab.run(secs(20));
    lab.let_do(&["10.0.1.1", "10.0.1.2", "10.0.1.3"], Does::Hang);
    lab.run(secs(30));
    assert_eq!(lab.news().len(), 3);
}

#[test]
fn a_server_that_fell_before_the_guard_stays_out_and_may_come_back() {
    let mut lab = Lab::new(&web(6, &[tcp()]));
    lab.run(secs(20));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(60));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
    let_last(&mut lab, 6, 5, Does::Hang);
    lab.run(secs(30));
    assert_eq!(lab.news(), ["guard on"]);
    assert_eq!(lab.down(), 1);
    lab.let_do(&["10.0.0.2"], Does::Answer);
    lab.run(secs(5));
    assert_eq!(lab.news(), ["10.0.0.2 down -> up"]);
}

#[test]
fn rules_without_the_suspects_end_the_guard() {
    let mut lab = fail(4, 4, Does::Hang);
    assert_eq!(lab.news(), ["guard on"]);
    let servers: &[&str] = &["10.0.7.1", "10.0.7.2"];
    lab.set(&rules(&[(WEB, servers, &[tcp()])]));
    lab.run(secs(5));
    let news = lab.news();
    assert!(
        news.contains(&"guard Recovered { failing: 0 }".to_owned()),
        "{news:?}"
    );
}

/// A monitor whose servers have all passed; `seed` moves the moment of the fault between runs.
fn healthy(count: usize, check: &Check, seed: u64) -> Lab {
    let options = MonitorOptions {
        seed,
        ..MonitorOptions::default()
    };
    let rules = web(count, std::slice::from_ref(check));
    let mut lab = Lab::with(options, &rules, &State::default());
    lab.run(secs(20) + ms(seed * 97));
    assert_eq!(lab.news(), [""; 0]);
    lab.jobs.clear();
    lab
}

fn timed(timeout: u32, fall: u32) -> Check {
    Check {
        timing: Timing {
            timeout,
            fall,
            ..Timing::default()
        },
        ..tcp()
    }
}

#[test]
fn nothing_falls_where_all_servers_fail_at_once() {
    let failures = [
        (tcp(), Does::Refuse),
        (tcp(), Does::Hang),
        (timed(200, 3), Does::Hang),
        (timed(2_000, 1), Does::Refuse),
        (timed(2_000, 1), Does::Hang),
        (timed(200, 1), Does::Hang),
    ];
    for (check, does) in failures {
        for (count, seeds) in [(3, 40), (5, 20), (1_000, 1)] {
            for seed in 0..seeds {
                let mut lab = healthy(count, &check, seed);
                let_last(&mut lab, count, count, does);
                lab.run(secs(30));
                let news = lab.news();
                assert_eq!(
                    news,
                    ["guard on"],
                    "{count}, seed {seed}: {does:?} {check:?}"
                );
                assert_eq!(lab.down(), 0);
                let report = lab.monitor.report(lab.now());
                assert_eq!(report.guard.map(|guard| guard.held), Some(count));
            }
        }
    }
}

#[test]
fn nothing_falls_where_most_servers_refuse_at_once() {
    for (count, failing, seeds) in [(5, 4, 20), (10, 9, 20), (10, 8, 20), (1_000, 900, 1)] {
        for seed in 0..seeds {
            for check in [tcp(), timed(200, 2)] {
                let mut lab = healthy(count, &check, seed);
                let_last(&mut lab, count, failing, Does::Refuse);
                lab.run(secs(30));
                assert_eq!(
                    lab.news(),
                    ["guard on"],
                    "{failing} of {count}, seed {seed}"
                );
            }
        }
    }
}

#[test]
fn a_server_that_fails_alone_falls_within_the_promised_time() {
    for (check, does) in [
        (tcp(), Does::Refuse),
        (tcp(), Does::Hang),
        (timed(200, 3), Does::Hang),
        (timed(2_000, 1), Does::Refuse),
        (timed(2_000, 1), Does::Hang),
    ] {
        let Timing {
            interval,
            retry_interval,
            timeout,
            fall,
            ..
        } = check.timing;
        let least = match does {
            Does::Hang => (fall - 1) * retry_interval.max(timeout) + timeout,
            _ => (fall - 1) * retry_interval,
        };
        let most = ms((interval + interval / 10 + least + 100).into());
        for (count, seeds) in [(3, 60), (10, 30), (1_000, 1)] {
            for seed in 0..seeds {
                let mut lab = healthy(count, &check, seed);
                let_last(&mut lab, count, 1, does);
                let fault = lab.time;
                lab.run(secs(60));
                let took = lab.log[0].0 - fault;
                assert_eq!(lab.news().len(), 1);
                assert_eq!(lab.down(), 1);
                assert!(took <= most, "{took:?} of {most:?}: {count}, seed {seed}");
            }
        }
    }
}

#[test]
fn two_of_three_servers_that_fail_at_once_both_fall() {
    for (does, fall) in [
        (Does::Refuse, 3),
        (Does::Hang, 3),
        (Does::Refuse, 1),
        (Does::Hang, 1),
    ] {
        for seed in 0..60 {
            let check = timed(2_000, fall);
            let mut lab = healthy(3, &check, seed);
            let_last(&mut lab, 3, 2, does);
            let fault = lab.time;
            lab.run(secs(60));
            let last = lab.log.last().unwrap().0 - fault;
            let news = lab.news();
            assert_eq!(news.len(), 2, "{does:?}, seed {seed}: {news:?}");
            assert_eq!(lab.down(), 2);
            let most = match does {
                // The first to fail had the third asked, which is asked again an interval later.
                Does::Hang if fall == 1 => ms(3_300 + 2_000 + 3_300 + 100),
                Does::Hang => ms(3_300 + 2_000 + 100) + secs(2) * (fall - 1),
                _ => ms(3_300 + 100) + secs(1) * (fall - 1),
            };
            assert!(last <= most, "{last:?} of {most:?}: {does:?}, seed {seed}");
        }
    }
}

#[test]
fn without_the_guard_servers_fall_by_their_own_failures() {
    let options = MonitorOptions {
        guard: Duration::ZERO,
        seed: 1,
    };
    let mut lab = Lab::with(options, &web(5, &[tcp()]), &State::default());
    lab.run(secs(20));
    let_last(&mut lab, 5, 5, Does::Refuse);
    lab.jobs.clear();
    lab.run(ms(3_300 + 2_000 + 10));
    assert_eq!(lab.news().len(), 5);
    // The first run and two more of each until it fell, and a few after that.
    assert!(lab.jobs.len() < 5 * 5, "{}", lab.jobs.len());
}

#[test]
fn a_failure_asks_no_address_twice_in_an_interval() {
    for (failing, most) in [(1_000, 1_000), (900, 1_300), (300, 2_000), (1, 1_000)] {
        let mut lab = healthy(1_000, &tcp(), 1);
        let_last(&mut lab, 1_000, failing, Does::Refuse);
        // Before the first of the failing servers is asked for the second time.
        lab.run(ms(950));
        assert!(lab.jobs.len() <= most, "{} for {failing}", lab.jobs.len());
        let mut runs = BTreeMap::<Target, u32>::new();
        for (_, target) in lab.jobs.drain(..) {
            *runs.entry(target).or_default() += 1;
        }
        // One by its schedule, one for the failures of others.
        assert!(runs.values().all(|count| *count <= 2));
    }
}

#[test]
fn a_server_is_evidence_only_if_all_its_checks_pass() {
    let other_host = Check {
        route: Route {
            address: Some("10.9.9.9".parse().unwrap()),
            ..Route::default()
        },
        ..tcp()
    };
    let others: &[&str] = &["10.0.0.3", "10.0.0.4"];
    for (does, range) in [
        (Does::Answer, ms(2_000)..=ms(5_400)),
        (Does::NoRoute, ms(5_300)..=ms(5_300 + 3_310)),
    ] {
        let mut lab = Lab::new(&rules(&[
            (WEB, &["10.0.0.2"], &[tcp()]),
            (WEB2, others, &[tcp(), other_host.clone()]),
        ]));
        lab.run(secs(20));
        lab.let_do(&["10.9.9.9"], does);
        lab.let_do(&["10.0.0.2"], Does::Refuse);
        let fault = lab.time;
        lab.run(secs(20));
        let took = lab.log[0].0 - fault;
        assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
        assert!(range.contains(&took), "{took:?} with {does:?}");
    }
}

#[test]
fn a_server_without_evidence_falls_when_the_window_is_over() {
    // The others say nothing: no pass, and no failure that sets off the guard.
    let mut lab = healthy(3, &tcp(), 1);
    lab.let_do(&["10.0.0.2", "10.0.0.3"], Does::NoRoute);
    lab.let_do(&["10.0.0.4"], Does::Refuse);
    let fault = lab.time;
    lab.run(secs(60));
    let took = lab.log[0].0 - fault;
    assert_eq!(lab.news(), ["10.0.0.4 up -> down"]);
    assert!(
        (ms(5_300)..=ms(5_300 + 3_300 + 10)).contains(&took),
        "{took:?}"
    );
}
