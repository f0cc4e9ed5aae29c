//! Connection timeouts.

use ipvsh::model::Timeouts;
use ipvsh::plan::Step;

use super::steps::set_timeouts;
use super::{Bench, Case};

pub const CASES: &[Case] = &[
    ("timeouts start at the kernel's defaults", defaults),
    ("timeouts are set one by one and together", set),
    ("a timeout of 0 keeps what is", zero_keeps),
    ("timeouts out of range", out_of_range),
];

fn of(tcp: Option<u32>, tcp_fin: Option<u32>, udp: Option<u32>) -> Timeouts {
    Timeouts { tcp, tcp_fin, udp }
}

fn to(from: Timeouts, to: Timeouts) -> Step {
    set_timeouts(&from, &to)
}

fn defaults(bench: &mut Bench) {
    let timeouts = bench.live().rules.settings.timeouts();
    assert_eq!(timeouts, of(Some(900), Some(120), Some(300)));
}

fn set(bench: &mut Bench) {
    let start = Timeouts::kernel_defaults();
    for wanted in [
        of(Some(1), None, None),
        of(None, Some(2), None),
        of(None, None, Some(3)),
        of(Some(4), Some(5), Some(6)),
        of(Some(Timeouts::MAX_SECONDS), None, None),
    ] {
        bench.does_and_undoes(&[to(start, wanted)]);
    }
}

fn zero_keeps(bench: &mut Bench) {
    let step = to(Timeouts::default(), of(Some(0), Some(60), Some(0)));
    bench.kernel.apply(&[step]);
    let timeouts = bench.live().rules.settings.timeouts();
    assert_eq!(timeouts, of(Some(900), Some(60), Some(300)));
}

fn out_of_range(bench: &mut Bench) {
    for seconds in [8_589_935, i32::MAX as u32 + 1, u32::MAX] {
        for wanted in [
            of(Some(seconds), Some(60), None),
            of(Some(60), Some(seconds), None),
            of(Some(60), None, Some(seconds)),
        ] {
            bench.refuses(
                to(Timeouts::default(), wanted),
                "cannot set: a timeout is out of range (EINVAL)",
            );
        }
    }
}
