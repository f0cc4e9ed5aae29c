//! Virtual services.

use ipvsh::model::service::SCHEDULERS;
use ipvsh::model::{Engine, Netmask, SchedulerFlags};

use super::steps::{add, add_with, change_with, key, options, remove, scheduler};
use super::{Bench, Case};

const WEB: &str = "tcp 192.0.2.10:80";
const WEB6: &str = "tcp [2001:db8::10]:80";

pub const CASES: &[Case] = &[
    ("a new namespace holds nothing", holds_nothing),
    ("every scheduler", every_scheduler),
    ("a scheduler that the kernel lacks", no_such_scheduler),
    ("persistence engines", engines),
    ("names of services", names),
    ("what ipvsadm refuses and the kernel does not", permissive),
    ("every option, on and off again", every_option),
    ("netmasks", netmasks),
    ("persistence that overflows the kernel's clock", overflow),
    ("services that are there, and that are not", presence),
    ("counters", zero),
];

fn holds_nothing(bench: &mut Bench) {
    let live = bench.live();
    assert!(live.rules.services.is_empty());
    assert!(live.rules.settings.daemons().next().is_none());
    assert!(live.rules.marks.is_empty());
    assert_eq!(bench.kernel.place(), bench.kernel.place());
    assert_eq!(bench.kernel.writes(), 0);
}

fn every_scheduler(bench: &mut Bench) {
    let known = SCHEDULERS.into_iter().filter(|name| *name != "twos");
    let mut steps = Vec::new();
    for (port, name) in known.chain(["none"]).enumerate() {
        let service = format!("tcp 192.0.2.10:{}", port + 1);
        steps.push(add_with(&service, |o| o.scheduler = scheduler(name)));
    }
    bench.does_and_undoes(&steps);

    bench.does(&[add(WEB)]);
    for name in ["sh", "none", "mh"] {
        bench.does_and_undoes(&[change_with(WEB, |o| o.scheduler = scheduler(name))]);
    }
}

fn no_such_scheduler(bench: &mut Bench) {
    let unknown = |name| move |o: &mut ipvsh::model::ServiceOptions| o.scheduler = scheduler(name);
    bench.refuses(
        add_with(WEB, unknown("twos")),
        "cannot add: unknown scheduler \"twos\" (ENOENT)",
    );
    bench.does(&[add(WEB)]);
    bench.refuses(
        change_with(WEB, unknown("rrr")),
        "cannot change: unknown scheduler \"rrr\" (ENOENT)",
    );
    // Whether it is there is asked first.
    bench.refuses(
        add_with(WEB, unknown("twos")),
        "cannot add: it is there already (EEXIST)",
    );
}

fn engines(bench: &mut Bench) {
    let sip = Engine::parse("sip").ok();
    bench.does_and_undoes(&[add_with("udp 192.0.2.10:5060", |o| {
        o.persistent = Some(300);
        o.engine = sip.clone();
    })]);
    // Neither persistence nor UDP is asked for.
    bench.does_and_undoes(&[add_with(WEB, |o| o.engine = sip.clone())]);
    bench.does(&[add(WEB)]);
    bench.does_and_undoes(&[change_with(WEB, |o| o.engine = sip)]);
    let nosip = Engine::parse("nosip").ok();
    bench.refuses(
        change_with(WEB, |o| o.engine = nosip.clone()),
        "cannot change: unknown persistence engine \"nosip\" (ENOENT)",
    );
    bench.refuses(
        add_with("tcp 192.0.2.10:81", |o| {
            o.engine = nosip;
            o.scheduler = scheduler("twos");
        }),
        "cannot add: unknown scheduler \"twos\" (ENOENT)",
    );
}

fn names(bench: &mut Bench) {
    let names = [
        WEB,
        "udp 192.0.2.10:80",
        "sctp 192.0.2.10:80",
        "tcp 192.0.2.10:81",
        "tcp 192.0.2.11:80",
        WEB6,
        "udp [2001:db8::10]:80",
        "sctp [2001:db8::10]:65535",
        "fwmark 1",
        "fwmark6 1",
        "fwmark 2147483648",
        "fwmark 4294967295",
        "fwmark6 4294967295",
    ];
    bench.does_and_undoes(&names.map(add));
}

fn permissive(bench: &mut Bench) {
    let odd = [
        "tcp 192.0.2.10:0",
        "protocol-99 192.0.2.10:80",
        "protocol-0 192.0.2.10:80",
        "protocol-65535 192.0.2.10:80",
        "tcp 0.0.0.0:80",
        "tcp 224.0.0.1:80",
        "tcp 255.255.255.255:80",
        "tcp [::]:80",
        "tcp [ff02::1]:80",
        "tcp [fe80::1]:80",
    ];
    bench.does_and_undoes(&odd.map(add));
    bench.does_and_undoes(&[add_with(WEB, |o| o.one_packet = true)]);
}

fn every_option(bench: &mut Bench) {
    for name in [WEB, WEB6, "fwmark 7", "fwmark6 7"] {
        bench.does(&[add(name)]);
        let edits: [fn(&mut ipvsh::model::ServiceOptions); 6] = [
            |o| o.persistent = Some(300),
            |o| o.persistent = Some(0),
            |o| o.one_packet = true,
            |o| o.flags = SchedulerFlags(SchedulerFlags::SCHED1),
            |o| o.flags = SchedulerFlags(0xffff_fff8),
            |o| {
                o.scheduler = scheduler("sh");
                o.flags = SchedulerFlags(SchedulerFlags::SCHED2 | SchedulerFlags::SCHED3);
                o.persistent = Some(1);
                o.netmask = Netmask::parse("24", key("tcp 192.0.2.1:1").family()).unwrap();
                o.one_packet = true;
            },
        ];
        for edit in edits {
            if key(name).family() == ipvsh::model::Family::Ipv6 {
                bench.does_and_undoes(&[change_with(name, |o| {
                    let netmask = o.netmask;
                    edit(o);
                    o.netmask = netmask;
                })]);
            } else {
                bench.does_and_undoes(&[change_with(name, edit)]);
            }
        }
    }
}

fn netmasks(bench: &mut Bench) {
    bench.does(&[add(WEB), add(WEB6), add("fwmark6 7")]);
    for mask in [0, 1, 64, 0xffff_ff00, 0x00ff_00ff] {
        bench.does_and_undoes(&[change_with(WEB, |o| o.netmask = Netmask(mask))]);
    }
    for length in [1, 64, 127] {
        for name in [WEB6, "fwmark6 7"] {
            bench.does_and_undoes(&[change_with(name, |o| o.netmask = Netmask(length))]);
        }
    }
    for length in [0, 129, u32::MAX] {
        let words = format!("a persistence netmask of {length} is no IPv6 prefix length (EINVAL)");
        for name in [WEB6, "fwmark6 7"] {
            let change = change_with(name, |o| o.netmask = Netmask(length));
            bench.refuses(change, &format!("cannot change: {words}"));
        }
        let add = add_with("fwmark6 8", |o| o.netmask = Netmask(length));
        bench.refuses(add, &format!("cannot add: {words}"));
    }
}

fn overflow(bench: &mut Bench) {
    let most = ipvsh::model::service::PERSISTENT_MAX;
    bench.does_and_undoes(&[add_with(WEB, |o| o.persistent = Some(most))]);
    bench
        .kernel
        .apply(&[add_with(WEB, |o| o.persistent = Some(20_000_000))]);
    let services = bench.live().rules.services;
    let held = services[&key(WEB)].options.persistent;
    assert_eq!(
        held,
        Some(2_820_130),
        "20,000,000 s in ticks of 4 ms, in 32 bits"
    );
}

fn presence(bench: &mut Bench) {
    for name in [WEB, WEB6, "fwmark 7", "fwmark6 7"] {
        bench.refuses(
            change_with(name, |_| {}),
            "cannot change: there is no such virtual service (ESRCH)",
        );
        bench.refuses(
            remove(name),
            "cannot remove: there is no such virtual service (ESRCH)",
        );
        bench.does(&[add(name)]);
        bench.refuses(add(name), "cannot add: it is there already (EEXIST)");
        bench.does(&[remove(name)]);
        assert_eq!(options(name, |_| {}).persistent, None);
    }
}

fn zero(bench: &mut Bench) {
    bench.kernel.zero(None).unwrap();
    let error = bench.kernel.zero(Some(&key(WEB))).unwrap_err();
    assert_eq!(error.kind(), ipvsh::error::Kind::NotFound);
    assert_eq!(
        error.to_string(),
        "virtual service tcp 192.0.2.10:80: cannot zero the counters: there is no such virtual \
         service (ESRCH)"
    );
    bench.does(&[add(WEB)]);
    bench.kernel.zero(Some(&key(WEB))).unwrap();
    bench.kernel.zero(None).unwrap();
}
