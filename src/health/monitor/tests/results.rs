//! What results do to a server.

use super::*;

#[test]
fn a_server_that_flaps_faster_than_fall_stays_up() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(20));
    for _ in 0..20 {
        lab.let_do(&["10.0.0.2"], Does::Refuse);
        lab.run(ms(1_900));
        lab.let_do(&["10.0.0.2"], Does::Answer);
        lab.run(secs(5));
    }
    assert_eq!(lab.news(), [""; 0]);
    assert!(lab.monitor.report(lab.now()).servers[0].checks[0].passes > 20);
}

#[test]
fn no_result_is_no_failure_and_ends_no_row_of_failures() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(20));
    lab.let_do(&["10.0.0.2"], Does::NoRoute);
    lab.run(secs(600));
    assert_eq!(lab.news(), [""; 0]);
    // Two failures, a while without results, and the third.
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    let failures = |lab: &Lab| {
        let report = lab.monitor.report(lab.now());
        report.servers[0].checks[0].consecutive_failures
    };
    while failures(&lab) < 2 {
        lab.run(ms(100));
    }
    lab.let_do(&["10.0.0.2"], Does::NoRoute);
    lab.run(secs(60));
    assert_eq!((failures(&lab), lab.news()), (2, vec![]));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(2));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
    // It does not bring a server up either.
    lab.let_do(&["10.0.0.2"], Does::NoRoute);
    lab.run(secs(600));
    assert_eq!(lab.news(), [""; 0]);
}

#[test]
fn a_late_host_says_nothing_about_servers() {
    let mut lab = Lab::new(&web(1, &[tcp()]));
    lab.run(secs(20));
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.lateness = ms(501);
    lab.run(secs(60));
    assert_eq!(lab.news(), [""; 0]);
    let report = lab.monitor.report(lab.now());
    assert_eq!(report.servers[0].checks[0].consecutive_failures, 0);
    let last = report.servers[0].checks[0].last_answer.as_deref();
    assert_eq!(last, Some("this host was late"));
    lab.lateness = ms(499);
    lab.run(secs(20));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
}

#[test]
fn a_result_that_comes_after_the_deadline_says_nothing() {
    let mut lab = Lab::new(&web(1, &[tcp()]));
    lab.run(secs(20));
    for (late, counts) in [(ms(2_500), true), (ms(2_501), false)] {
        lab.running.clear();
        lab.time = lab.monitor.next_due().unwrap_or(lab.time);
        let jobs = lab.monitor.due(lab.now());
        lab.time += late;
        let before = lab.monitor.report(lab.now()).servers[0].checks[0].failures;
        let failed = found(Verdict::Failed("refused".to_owned()), late);
        lab.monitor.finish(jobs[0].id, lab.now(), failed);
        let after = lab.monitor.report(lab.now()).servers[0].checks[0].failures;
        assert_eq!(after > before, counts);
    }
}

#[test]
fn a_check_that_never_passed_takes_nothing_down() {
    let mut lab = Lab::new(&web(3, &[tcp()]));
    lab.let_do(&["10.0.0.2", "10.0.0.3", "10.0.0.4"], Does::Refuse);
    lab.run(secs(600));
    assert_eq!(lab.news(), [""; 0]);
    assert!(lab.monitor.report(lab.now()).servers[0].checks[0].unproven);
    // One pass on one server proves it: the others fall at once.
    lab.let_do(&["10.0.0.3"], Does::Answer);
    lab.run(secs(4));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down", "10.0.0.4 up -> down"]);
    assert!(!lab.monitor.report(lab.now()).servers[0].checks[0].unproven);
}

#[test]
fn all_checks_of_a_server_must_pass() {
    let other_port = Check {
        route: Route {
            port: Some(81),
            address: Some("10.9.9.9".parse().unwrap()),
            ..Route::default()
        },
        ..tcp()
    };
    let mut lab = Lab::new(&web(1, &[tcp(), other_port]));
    lab.run(secs(20));
    lab.let_do(&["10.9.9.9"], Does::Refuse);
    lab.run(secs(10));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(10));
    lab.let_do(&["10.9.9.9"], Does::Answer);
    lab.run(secs(60));
    assert_eq!(lab.news(), [""; 0]);
    lab.let_do(&["10.0.0.2"], Does::Answer);
    lab.run(secs(10));
    assert_eq!(lab.news(), ["10.0.0.2 down -> up"]);
}

#[test]
fn what_was_not_written_comes_again() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(20));
    lab.is_writable = false;
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(60));
    let now = lab.now();
    let first = lab.monitor.decide(now).transitions;
    assert_eq!(first.len(), 1);
    assert_eq!(lab.monitor.decide(now).transitions, first);
    // The state is what the kernel has to follow, written or not.
    assert_eq!(lab.down(), 1);
    assert_eq!(lab.monitor.written_state(), State::default());
    lab.is_writable = true;
    lab.run(secs(5));
    assert_eq!(lab.monitor.written_state(), *lab.monitor.state());
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
    assert_eq!(lab.monitor.decide(lab.now()).transitions, []);
    // Back before anything was written: there is nothing to write.
    lab.is_writable = false;
    lab.let_do(&["10.0.0.2"], Does::Answer);
    lab.run(secs(10));
    assert_eq!(lab.monitor.decide(lab.now()).transitions.len(), 1);
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(10));
    assert_eq!(lab.monitor.decide(lab.now()).transitions, []);
}

#[test]
fn a_transition_written_late_leaves_the_newer_one_to_write() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(20));
    lab.is_writable = false;
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.run(secs(20));
    let down = lab.monitor.decide(lab.now()).transitions;
    lab.let_do(&["10.0.0.2"], Does::Answer);
    lab.run(secs(20));
    lab.monitor.written(&down[0]);
    let up = lab.monitor.decide(lab.now()).transitions;
    assert_eq!((up[0].from, up[0].to), (Standing::Down, Standing::Up));
}

#[test]
fn the_time_of_day_may_jump() {
    let mut lab = Lab::new(&web(2, &[tcp()]));
    lab.run(secs(20));
    lab.utc -= 86_400 * 365;
    lab.run(secs(60));
    assert_eq!(lab.news(), [""; 0]);
    lab.let_do(&["10.0.0.2"], Does::Refuse);
    lab.utc += 86_400 * 900;
    lab.run(secs(10));
    assert_eq!(lab.news(), ["10.0.0.2 up -> down"]);
    lab.let_do(&["10.0.0.2"], Does::Answer);
    lab.utc -= 86_400 * 900;
    lab.run(secs(10));
    assert_eq!(lab.news(), ["10.0.0.2 down -> up"]);
}
