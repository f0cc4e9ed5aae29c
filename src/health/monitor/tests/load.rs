//! Ten thousand checks.

use super::*;

#[test]
fn a_minute_of_ten_thousand_checks_judges_a_server_once_a_result() {
    let count = 10_000;
    let mut lab = Lab::new(&web(count, &[tcp()]));
    lab.run(secs(10));
    lab.jobs.clear();
    let before = lab.monitor.judged;
    lab.run(secs(60));
    let runs = u64::try_from(lab.jobs.len()).unwrap();
    // One run in three seconds each, within jitter.
    assert!((195_000..205_000).contains(&runs), "{runs}");
    let judged = lab.monitor.judged - before;
    assert!(judged.abs_diff(runs) < 1_000, "{judged} for {runs} runs");
}

#[test]
fn a_dead_rack_is_held_or_falls_and_the_others_go_on() {
    let mut lab = Lab::new(&web(2_000, &[tcp()]));
    lab.run(secs(10));
    for server in addresses(500) {
        lab.let_do(&[&server], Does::Hang);
    }
    lab.run(secs(30));
    assert_eq!(lab.down(), 500);
    assert_eq!(lab.news().len(), 500);
}
