//! Mark rules, as steps. What iptables makes of them is tested with `marks`.

use ipvsh::kernel::Outcome;
use ipvsh::model::mark::parse_net;
use ipvsh::model::{ChainRule, ChainState, Family, Fwmark, MarkRule, PortRange, Protocol};
use ipvsh::plan::Step;

use super::steps::{add, serve};
use super::{Bench, Case};

pub const CASES: &[Case] = &[
    ("chains are set, changed and taken away", chains),
    ("chains between services", between_services),
    ("a rule that no chain can hold", impossible),
];

fn rule(mark: i64, family: Family) -> MarkRule {
    let mut rule = MarkRule::new(Fwmark::new(mark).unwrap(), family);
    let to = match family {
        Family::Ipv4 => "192.0.2.20",
        Family::Ipv6 => "2001:db8::20",
    };
    rule.to = Some(parse_net(to).unwrap());
    rule.protocol = Some(Protocol::TCP);
    rule.ports = vec![port(80), port(443)];
    rule
}

fn port(number: u16) -> PortRange {
    PortRange::new(number, number).unwrap()
}

fn holding(rules: &[MarkRule]) -> ChainState {
    ChainState::holding(rules.iter().cloned().map(ChainRule::Mark).collect())
}

fn set(family: Family, from: &[MarkRule], to: &[MarkRule]) -> Step {
    Step::SetChain {
        family,
        from: holding(from),
        to: holding(to),
    }
}

fn chains(bench: &mut Bench) {
    for family in Family::ALL {
        let one = rule(666, family);
        let mut many = rule(4_294_967_295, family);
        many.ports = (0..40).map(|n| port(1000 + 2 * n)).collect();
        bench.does_and_undoes(&[
            set(family, &[], std::slice::from_ref(&one)),
            set(
                family,
                std::slice::from_ref(&one),
                &[many.clone(), one.clone()],
            ),
            set(
                family,
                &[many.clone(), one.clone()],
                std::slice::from_ref(&many),
            ),
        ]);
        bench.does(&[set(family, &[], &[many, one])]);
    }
    assert_eq!(bench.live().rules.marks.len(), 4);
}

fn between_services(bench: &mut Bench) {
    let rules = [rule(666, Family::Ipv4)];
    bench.does_and_undoes(&[
        add("fwmark 666"),
        serve("fwmark 666", "10.0.0.11"),
        set(Family::Ipv4, &[], &rules),
        add("fwmark6 666"),
        serve("fwmark6 666", "2001:db8::11"),
        set(Family::Ipv6, &[], &[rule(666, Family::Ipv6)]),
        add("tcp 192.0.2.10:80"),
    ]);
}

fn impossible(bench: &mut Bench) {
    let mut bad = rule(666, Family::Ipv4);
    bad.protocol = None;
    let before = bench.state();
    let outcomes = bench.kernel.apply(&[set(Family::Ipv4, &[], &[bad])]);
    let [Outcome::Failed(error)] = outcomes.as_slice() else {
        panic!("{outcomes:?}")
    };
    assert_eq!(
        error.to_string(),
        "mark 666: cannot set: ports need a protocol that has ports"
    );
    assert_eq!(bench.state(), before);
}
