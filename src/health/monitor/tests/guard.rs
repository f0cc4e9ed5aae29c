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
