//! Many steps at once: order, and what a refusal in the middle leaves.

use ipvsh::kernel::Outcome;
use ipvsh::plan::Step;

use super::steps::{
    add, add_with, change_with, remove, reserve_with, scheduler, serve, serve_with, unserve,
};
use super::{Bench, Case, state};

const WEB: &str = "tcp 192.0.2.10:80";
const DNS: &str = "udp 192.0.2.10:53";

pub const CASES: &[Case] = &[
    ("no steps", nothing),
    ("steps are done in order", in_order),
    ("a refusal in the middle", refusal_in_the_middle),
    ("a refusal in the middle of many", refusal_among_many),
    ("nothing is removed behind a refusal", no_removal_behind),
    ("writes are counted, reading is not", writes),
];

fn nothing(bench: &mut Bench) {
    assert!(bench.kernel.apply(&[]).is_empty());
    assert_eq!(bench.kernel.writes(), 0);
}

fn in_order(bench: &mut Bench) {
    bench.does_and_undoes(&[
        add(WEB),
        serve(WEB, "10.0.0.11:80"),
        reserve_with(WEB, "10.0.0.11:80", |s| s.upper = 10),
        change_with(WEB, |o| o.persistent = Some(300)),
        add(DNS),
        serve(DNS, "10.0.0.11:53"),
        unserve(DNS, "10.0.0.11:53"),
        remove(DNS),
        add(DNS),
    ]);
}

/// Outcomes tell the truth: the state is the start with the done steps done.
#[track_caller]
fn tells_the_truth(bench: &mut Bench, steps: &[Step], refused: usize) -> Vec<Outcome> {
    let mut expected = bench.live();
    let outcomes = bench.kernel.apply(steps);
    assert_eq!(outcomes.len(), steps.len());
    for (place, (step, outcome)) in steps.iter().zip(&outcomes).enumerate() {
        match outcome {
            Outcome::Done => step.apply_to(&mut expected),
            Outcome::Unknown(_) => panic!("{step:?}: {outcome:?}"),
            _ => assert!(place >= refused, "{step:?}: {outcome:?}"),
        }
        if place == refused {
            assert!(
                matches!(outcome, Outcome::Failed(_)),
                "{step:?}: {outcome:?}"
            );
        }
    }
    assert_eq!(bench.state(), state(&expected));
    outcomes
}

fn refusal_in_the_middle(bench: &mut Bench) {
    let steps = [
        add(WEB),
        serve(WEB, "10.0.0.11:80"),
        add_with(DNS, |o| o.scheduler = scheduler("twos")),
        serve(DNS, "10.0.0.11:53"),
        serve_with(WEB, "10.0.0.12:80", |s| s.upper = 3),
    ];
    let outcomes = tells_the_truth(bench, &steps, 2);
    let Outcome::Failed(error) = &outcomes[2] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(
        error.to_string(),
        "virtual service udp 192.0.2.10:53: cannot add: unknown scheduler \"twos\" (ENOENT)"
    );
    assert!(error.hints()[0].starts_with("this kernel has no module ip_vs_twos; it has: "));
    // The server of the service that was refused can never be done.
    assert_ne!(outcomes[3], Outcome::Done);
}

fn refusal_among_many(bench: &mut Bench) {
    let mut steps: Vec<Step> = (1..=300)
        .map(|p| add(&format!("tcp 192.0.2.10:{p}")))
        .collect();
    steps[150] = steps[149].clone();
    let outcomes = tells_the_truth(bench, &steps, 150);
    assert_eq!(outcomes[299], Outcome::NotSent);
}

fn no_removal_behind(bench: &mut Bench) {
    bench.does(&[add(WEB), serve(WEB, "10.0.0.11:80"), add(DNS)]);
    let before = bench.state();
    for removal in [remove(DNS), unserve(WEB, "10.0.0.11:80")] {
        let steps = [
            add_with("fwmark 7", |o| o.scheduler = scheduler("twos")),
            removal,
        ];
        let outcomes = tells_the_truth(bench, &steps, 0);
        assert_eq!(outcomes[1], Outcome::NotSent);
        assert_eq!(bench.state(), before);
    }
}

fn writes(bench: &mut Bench) {
    bench.does(&[add(WEB), serve(WEB, "10.0.0.11:80"), add(DNS)]);
    assert_eq!(bench.kernel.writes(), 3);
    bench.live();
    assert_eq!(bench.kernel.writes(), 3);
    bench.does(&[remove(DNS)]);
    assert_eq!(bench.kernel.writes(), 4);
    bench.kernel.zero(None).unwrap();
    assert_eq!(bench.kernel.writes(), 5);
}
