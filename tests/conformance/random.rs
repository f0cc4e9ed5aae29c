//! Random steps, sensible or not.

use ipvsh::kernel::{Kernel, Outcome};
use ipvsh::model::service::SchedulerFlags;
use ipvsh::model::{
    DaemonRole, Engine, Forwarding, Netmask, RealServer, ServerKey, ServiceKey, ServiceOptions,
    SyncDaemon, Timeouts, Tunnel, TunnelChecksum, TunnelKind, VirtualService, Weight,
};
use ipvsh::plan::Step;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;

use super::state;
use super::steps::{key, scheduler, server_key, set_daemon, set_timeouts};

fn service_key() -> impl Strategy<Value = ServiceKey> {
    select(vec![
        "tcp 192.0.2.10:80",
        "udp 192.0.2.10:80",
        "tcp [2001:db8::10]:80",
        "fwmark 7",
        "fwmark6 7",
    ])
    .prop_map(key)
}

fn server() -> impl Strategy<Value = ServerKey> {
    select(vec![
        "10.0.0.11:80",
        "10.0.0.12:80",
        "10.0.0.13:80",
        "[2001:db8::11]:80",
        "[2001:db8::12]:80",
        "127.255.255.255:80",
        "224.0.0.1:80",
        "[fe80::1]:80",
    ])
    .prop_map(|server| server_key("tcp 192.0.2.1:1", server))
}

fn options() -> impl Strategy<Value = ServiceOptions> {
    (
        select(vec![
            "rr", "wlc", "wrr", "lc", "sh", "sed", "dh", "none", "mh", "twos",
        ]),
        select(vec![0, 0, 0x08, 0x38, 0x8000_0000]),
        select(vec![None, None, Some(0), Some(300), Some(20_000_000)]),
        select(vec![128, 128, 128, 64, 64, 1, 1, 0, 129, u32::MAX]),
        select(vec![
            None,
            None,
            None,
            None,
            None,
            Some("sip"),
            Some("sip"),
            Some("nosip"),
        ]),
        any::<bool>(),
    )
        .prop_map(
            |(name, flags, persistent, mask, engine, one_packet)| ServiceOptions {
                scheduler: scheduler(name),
                flags: SchedulerFlags(flags),
                persistent,
                netmask: Netmask(mask),
                engine: engine.and_then(|name| Engine::parse(name).ok()),
                one_packet,
            },
        )
}

fn real_server() -> impl Strategy<Value = RealServer> {
    (
        select(vec![
            Forwarding::Masq,
            Forwarding::Direct,
            Forwarding::Tunnel,
            Forwarding::Tunnel,
            Forwarding::Local,
        ]),
        select(vec![0, 1, 100]),
        select(vec![
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (2, 1),
            (1, 2),
            (1 << 31, 0),
        ]),
        select(vec![
            (0, 0),
            (0, 0),
            (0, 0),
            (0, 0),
            (1, 0),
            (1, 6080),
            (2, 0),
        ]),
    )
        .prop_map(
            |(forward, weight, (upper, lower), (kind, port))| RealServer {
                forward,
                weight: Weight::new(weight).unwrap(),
                upper,
                lower,
                tunnel: Tunnel {
                    kind: TunnelKind::from_number(kind),
                    port,
                    checksum: TunnelChecksum::None,
                },
            },
        )
}

fn daemon() -> impl Strategy<Value = SyncDaemon> {
    (
        select(vec!["lo", "lo", "nope0"]),
        select(vec![None, Some(1), Some(9000)]),
        select(vec![None, Some("224.1.2.3"), Some("10.0.0.1")]),
    )
        .prop_map(|(interface, maxlen, group)| SyncDaemon {
            interface: interface.to_owned(),
            id: 3,
            maxlen,
            group: group.and_then(|group| group.parse().ok()),
            port: None,
            ttl: None,
        })
}

fn role() -> impl Strategy<Value = DaemonRole> {
    select(DaemonRole::ALL.to_vec())
}

/// A step, with what it finds made up: kernels do not look at that.
pub fn step() -> impl Strategy<Value = Step> {
    let seconds = || select(vec![None, Some(0), Some(60), Some(10_000_000)]);
    prop_oneof![
        6 => (service_key(), options())
            .prop_map(|(key, options)| Step::AddService { key, options }),
        4 => (service_key(), options())
            .prop_map(|(key, to)| Step::ChangeService { key, from: to.clone(), to }),
        2 => service_key().prop_map(|key| Step::RemoveService {
            key,
            service: VirtualService::new(key.family()),
        }),
        9 => (service_key(), server(), real_server())
            .prop_map(|(service, key, options)| Step::AddServer { service, key, options }),
        6 => (service_key(), server(), real_server()).prop_map(|(service, key, to)| {
            Step::ChangeServer { service, key, from: to, to }
        }),
        5 => (service_key(), server(), real_server())
            .prop_map(|(service, key, options)| Step::RemoveServer { service, key, options }),
        1 => (seconds(), seconds(), seconds()).prop_map(|(tcp, tcp_fin, udp)| {
            set_timeouts(&Timeouts::default(), &Timeouts { tcp, tcp_fin, udp })
        }),
        1 => (role(), daemon()).prop_map(|(role, daemon)| set_daemon(role, None, Some(daemon))),
        2 => (role(), daemon()).prop_map(|(role, daemon)| set_daemon(role, Some(daemon), None)),
    ]
}

/// What a kernel answered, in words.
fn answer(outcomes: &[Outcome]) -> String {
    match outcomes {
        [Outcome::Done] => "done".to_owned(),
        [Outcome::Failed(error)] => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Two kernels answer a long row of random steps alike, and hold the same after each.
pub fn agree(one: &mut dyn Kernel, other: &mut dyn Kernel, count: usize) {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut done = 0;
    for number in 1..=count {
        let step = step().new_tree(&mut runner).unwrap().current();
        let steps = std::slice::from_ref(&step);
        let (mine, theirs) = (one.apply(steps), other.apply(steps));
        assert_eq!(answer(&mine), answer(&theirs), "step {number}: {step:?}");
        done += usize::from(mine == [Outcome::Done]);
        assert_eq!(
            state(&one.observe().unwrap()),
            state(&other.observe().unwrap()),
            "step {number}: {step:?}"
        );
    }
    // A row in which nothing works, or everything, would show little.
    assert!(
        done * 5 > count && done * 4 < count * 3,
        "{done} of {count}"
    );
}
