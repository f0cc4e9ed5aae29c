//! Connection synchronisation daemons.

use ipvsh::model::{DaemonRole, Forwarding, RealServer, SyncDaemon};
use ipvsh::plan::Step;

use super::steps::{add, serve, serve_with, set_daemon, unserve};
use super::{Bench, Case};

pub const CASES: &[Case] = &[
    ("the kernel fills in what is left out", filled_in),
    ("what is given is kept, within bounds", given),
    ("a daemon that is stopped at once", stopped_at_once),
    ("daemons that run, and that do not", presence),
    ("daemons that cannot start", refused),
    ("daemons and services of mixed families", mixed_families),
];

const WEB: &str = "tcp 192.0.2.10:80";

fn plain() -> SyncDaemon {
    SyncDaemon {
        interface: "lo".to_owned(),
        id: 0,
        maxlen: None,
        group: None,
        port: None,
        ttl: None,
    }
}

fn start(role: DaemonRole, daemon: SyncDaemon) -> Step {
    set_daemon(role, None, Some(daemon))
}

fn stop(role: DaemonRole) -> Step {
    set_daemon(role, Some(plain()), None)
}

/// Starts a daemon, gives what the kernel reports, and stops it.
#[track_caller]
fn becomes(bench: &mut Bench, role: DaemonRole, daemon: SyncDaemon) -> SyncDaemon {
    let outcomes = bench.kernel.apply(&[start(role, daemon.clone())]);
    assert_eq!(outcomes, [ipvsh::kernel::Outcome::Done], "{daemon:?}");
    let live = bench.live().rules.settings.daemon(role).cloned().unwrap();
    bench.does(&[stop(role)]);
    live
}

fn filled_in(bench: &mut Bench) {
    let filled = SyncDaemon {
        maxlen: Some(1472),
        group: Some("224.0.0.81".parse().unwrap()),
        port: Some(8848),
        ttl: Some(1),
        ..plain()
    };
    assert_eq!(becomes(bench, DaemonRole::Master, plain()), filled);
    assert!(plain().satisfied_by(&filled));
    // A backup listens to what fits into the interface's MTU: 65,536 for lo.
    let backup = becomes(bench, DaemonRole::Backup, plain());
    assert_eq!(
        backup,
        SyncDaemon {
            maxlen: Some(65507),
            ..filled.clone()
        }
    );
    // Zero is the same as left out.
    let zero = SyncDaemon {
        maxlen: Some(0),
        port: Some(0),
        ttl: Some(0),
        ..plain()
    };
    assert_eq!(becomes(bench, DaemonRole::Master, zero), filled);
}

fn given(bench: &mut Bench) {
    let exact = SyncDaemon {
        id: 255,
        maxlen: Some(1400),
        group: Some("239.1.2.3".parse().unwrap()),
        port: Some(65535),
        ttl: Some(255),
        ..plain()
    };
    for role in DaemonRole::ALL {
        bench.does_and_undoes(&[start(role, exact.clone())]);
    }
    let sized = |maxlen| SyncDaemon {
        maxlen: Some(maxlen),
        ..plain()
    };
    for (role, asked, got) in [
        (DaemonRole::Master, 1, 1),
        (DaemonRole::Master, 65535, 65507),
        (DaemonRole::Backup, 1, 1024),
        (DaemonRole::Backup, 1025, 1025),
        (DaemonRole::Backup, 65535, 65507),
    ] {
        let live = becomes(bench, role, sized(asked));
        assert_eq!(live.maxlen, Some(got), "{role} {asked}");
    }
}

/// Stopping a daemon whose thread has not run yet ends in EINTR, which netlink does not answer.
fn stopped_at_once(bench: &mut Bench) {
    for round in 1..=30 {
        for role in DaemonRole::ALL {
            let outcomes = bench.kernel.apply(&[start(role, plain()), stop(role)]);
            let done = outcomes.iter().all(|o| *o == ipvsh::kernel::Outcome::Done);
            assert!(done, "round {round}: {outcomes:?}");
        }
    }
    assert!(bench.live().rules.settings.daemons().next().is_none());
}

fn presence(bench: &mut Bench) {
    let full = |bench: &mut Bench, role| bench.live().rules.settings.daemon(role).cloned().unwrap();
    for role in DaemonRole::ALL {
        bench.refuses(stop(role), "cannot stop: it is not running (ESRCH)");
        bench.kernel.apply(&[start(role, plain())]);
        bench.refuses(
            start(role, plain()),
            "cannot start: it is running already (EEXIST)",
        );
    }
    let both = [
        full(bench, DaemonRole::Master),
        full(bench, DaemonRole::Backup),
    ];
    let [master, backup] = both;
    bench.does_and_undoes(&[
        set_daemon(DaemonRole::Backup, Some(backup), None),
        set_daemon(DaemonRole::Master, Some(master), None),
    ]);
}

fn refused(bench: &mut Bench) {
    for role in DaemonRole::ALL {
        let nowhere = SyncDaemon {
            interface: "nope0".to_owned(),
            ..plain()
        };
        bench.refuses(
            start(role, nowhere.clone()),
            "cannot start: there is no interface \"nope0\" (ENODEV)",
        );
        for group in ["10.0.0.1", "2001:db8::1"] {
            let unicast = SyncDaemon {
                group: group.parse().ok(),
                ..nowhere.clone()
            };
            bench.refuses(
                start(role, unicast),
                &format!("cannot start: {group} is no multicast group (EINVAL)"),
            );
        }
        // The interface is looked for before the daemon.
        bench.kernel.apply(&[start(role, plain())]);
        bench.refuses(
            start(role, nowhere),
            "cannot start: there is no interface \"nope0\" (ENODEV)",
        );
    }
}

fn mixed_families(bench: &mut Bench) {
    let tunnel = |s: &mut RealServer| s.forward = Forwarding::Tunnel;
    bench.does(&[
        add(WEB),
        serve(WEB, "10.0.0.11:80"),
        serve_with(WEB, "[2001:db8::1]:80", tunnel),
    ]);
    for role in DaemonRole::ALL {
        bench.refuses(
            start(role, plain()),
            "cannot start: a virtual service has real servers of the other address family (EINVAL)",
        );
    }
    bench.does(&[unserve(WEB, "[2001:db8::1]:80")]);
    for role in DaemonRole::ALL {
        bench.kernel.apply(&[start(role, plain())]);
        bench.refuses(
            serve_with(WEB, "[2001:db8::1]:80", tunnel),
            "cannot add: an ipv6 server cannot serve an ipv4 service while a sync daemon runs \
             (EINVAL)",
        );
        bench.does(&[serve(WEB, "10.0.0.12:80")]);
        bench
            .kernel
            .apply(&[stop(role), unserve(WEB, "10.0.0.12:80")]);
    }
    bench.does(&[serve_with(WEB, "[2001:db8::1]:80", tunnel)]);
}
