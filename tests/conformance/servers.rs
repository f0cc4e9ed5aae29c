//! Real servers.

use ipvsh::model::server::THRESHOLD_MAX;
use ipvsh::model::{
    Forwarding, RealServer, Tunnel, TunnelChecksum, TunnelKind, VirtualService, Weight,
};
use ipvsh::plan::Step;

use super::steps::{
    add, key, options, reserve_with, serve, serve_with, server_key, server_with, unserve,
};
use super::{Bench, Case};

const WEB: &str = "tcp 192.0.2.10:80";
const WEB6: &str = "tcp [2001:db8::10]:80";
const ONE: &str = "10.0.0.11:80";

pub const CASES: &[Case] = &[
    ("every option of a server", every_option),
    ("tunnels", tunnels),
    ("ports of servers", ports),
    ("thresholds", thresholds),
    ("GUE without a port", gue),
    ("addresses of servers", addresses),
    ("servers of the other family", mixed_families),
    ("servers that are there, and that are not", presence),
    (
        "a service goes with its servers and comes back with them",
        service_with_servers,
    ),
    ("more servers than one datagram takes", many),
];

fn every_option(bench: &mut Bench) {
    bench.does(&[add(WEB), serve(WEB, ONE)]);
    let edits: [fn(&mut RealServer); 9] = [
        |s| s.forward = Forwarding::Direct,
        |s| s.forward = Forwarding::Tunnel,
        |s| s.forward = Forwarding::Local,
        |s| s.forward = Forwarding::Bypass,
        |s| s.weight = Weight::ZERO,
        |s| s.weight = Weight::new(i32::MAX.into()).unwrap(),
        |s| (s.upper, s.lower) = (100, 0),
        |s| (s.upper, s.lower) = (THRESHOLD_MAX, THRESHOLD_MAX),
        |s| (s.upper, s.lower) = (2, 1),
    ];
    for edit in edits {
        bench.does_and_undoes(&[reserve_with(WEB, ONE, edit)]);
        bench.does_and_undoes(&[serve_with(WEB, "10.0.0.12:80", edit)]);
    }
}

fn tunnels(bench: &mut Bench) {
    bench.does(&[add(WEB), serve(WEB, ONE)]);
    for kind in [
        TunnelKind::Ipip,
        TunnelKind::Gue,
        TunnelKind::Gre,
        TunnelKind::Other(7),
    ] {
        for port in [1, 6080, 65535] {
            for flags in [0, 1, 2, 3, 65535] {
                let tunnel = Tunnel {
                    kind,
                    port,
                    checksum: TunnelChecksum::from_flags(flags),
                };
                bench.does_and_undoes(&[reserve_with(WEB, ONE, |s| {
                    s.forward = Forwarding::Tunnel;
                    s.tunnel = tunnel;
                })]);
            }
        }
    }
    // The kernel keeps a tunnel's settings beside any forwarding method.
    bench.does_and_undoes(&[reserve_with(WEB, ONE, |s| s.tunnel.kind = TunnelKind::Gre)]);
}

fn ports(bench: &mut Bench) {
    bench.does(&[add(WEB), add("fwmark 7")]);
    bench.does_and_undoes(&[
        serve(WEB, "10.0.0.11:0"),
        serve(WEB, "10.0.0.11:80"),
        serve(WEB, "10.0.0.11:8080"),
        serve_with(WEB, "10.0.0.12:8080", |s| s.forward = Forwarding::Direct),
        serve("fwmark 7", "10.0.0.11"),
        serve("fwmark 7", "10.0.0.11:8080"),
    ]);
}

fn thresholds(bench: &mut Bench) {
    bench.does(&[add(WEB), serve(WEB, ONE)]);
    for (lower, upper) in [(1, 0), (2, 1), (u32::MAX, 1)] {
        let words = format!("lower threshold {lower} is above upper threshold {upper} (ERANGE)");
        let edit = |s: &mut RealServer| (s.lower, s.upper) = (lower, upper);
        bench.refuses(
            serve_with(WEB, "10.0.0.12:80", edit),
            &format!("cannot add: {words}"),
        );
        bench.refuses(
            reserve_with(WEB, ONE, edit),
            &format!("cannot change: {words}"),
        );
        // It is asked before whether the server is there.
        bench.refuses(serve_with(WEB, ONE, edit), &format!("cannot add: {words}"));
    }
    for upper in [THRESHOLD_MAX + 1, u32::MAX] {
        let words = format!("upper threshold {upper} is out of range (EINVAL)");
        bench.refuses(
            serve_with(WEB, "10.0.0.12:80", |s| s.upper = upper),
            &format!("cannot add: {words}"),
        );
        for server in [ONE, "10.0.0.12:80"] {
            bench.refuses(
                reserve_with(WEB, server, |s| s.upper = upper),
                &format!("cannot change: {words}"),
            );
        }
    }
}

fn gue(bench: &mut Bench) {
    bench.does(&[add(WEB), serve(WEB, ONE)]);
    for forward in [Forwarding::Tunnel, Forwarding::Masq] {
        let edit = |s: &mut RealServer| {
            s.forward = forward;
            s.tunnel.kind = TunnelKind::Gue;
        };
        let words = "a GUE tunnel needs a port (EINVAL)";
        bench.refuses(
            serve_with(WEB, "10.0.0.12:80", edit),
            &format!("cannot add: {words}"),
        );
        bench.refuses(
            reserve_with(WEB, ONE, edit),
            &format!("cannot change: {words}"),
        );
    }
}

fn addresses(bench: &mut Bench) {
    bench.does(&[add(WEB), add(WEB6)]);
    let hosts = [
        "10.0.0.1:80",
        "0.1.2.3:80",
        "127.0.0.1:80",
        "127.255.255.254:80",
        "240.0.0.1:80",
        "1.0.0.0:80",
    ];
    bench.does_and_undoes(&hosts.map(|host| serve(WEB, host)));
    let hosts6 = [
        "[2001:db8::1]:80",
        "[::1]:80",
        "[fec0::1]:80",
        "[fc00::1]:80",
        "[::2]:80",
    ];
    bench.does_and_undoes(&hosts6.map(|host| serve(WEB6, host)));

    let refuse = |bench: &mut Bench, service: &str, addr: &str| {
        let host = server_key(service, &addr.replace("PORT", "80"));
        let step = Step::AddServer {
            service: key(service),
            key: host,
            options: server_with(|_| {}),
        };
        let why = match host.addr.to_string().starts_with("fe80:") {
            true => "is a link-local address: it needs an interface (zone), which IPVS cannot hold",
            false => "is not the address of a host",
        };
        let words = format!("{} {why} (EINVAL)", host.addr);
        bench.refuses(step, &format!("cannot add: {words}"));
    };
    for addr in ["0.0.0.0", "224.0.0.1", "239.255.255.255", "255.255.255.255"] {
        refuse(bench, WEB, addr);
    }
    for addr in ["::", "ff02::1", "fe80::1"] {
        refuse(bench, WEB6, addr);
    }
    // The broadcast address of an interface: here that of lo.
    bench.refuses(
        serve(WEB, "127.255.255.255:80"),
        "cannot add: 127.255.255.255 is not a unicast address in this network namespace (EINVAL)",
    );
}

fn mixed_families(bench: &mut Bench) {
    bench.does(&[add(WEB), add(WEB6), add("fwmark 7")]);
    let tunnel = |s: &mut RealServer| s.forward = Forwarding::Tunnel;
    for (service, server, words) in [
        (
            WEB,
            "[2001:db8::1]:80",
            "an ipv6 server cannot serve an ipv4 service",
        ),
        (
            WEB6,
            "10.0.0.1:80",
            "an ipv4 server cannot serve an ipv6 service",
        ),
        (
            "fwmark 7",
            "[2001:db8::1]:0",
            "an ipv6 server cannot serve an ipv4 service",
        ),
    ] {
        for forward in [Forwarding::Masq, Forwarding::Direct, Forwarding::Local] {
            bench.refuses(
                serve_with(service, server, |s| s.forward = forward),
                &format!("cannot add: {words} (EINVAL)"),
            );
        }
        bench.does(&[serve_with(service, server, tunnel)]);
        bench.refuses(
            reserve_with(service, server, |_| {}),
            &format!("cannot change: {words} (EINVAL)"),
        );
        bench.does(&[unserve(service, server)]);
    }
}

fn presence(bench: &mut Bench) {
    let no_service = "there is no such virtual service (ESRCH)";
    bench.refuses(serve(WEB, ONE), &format!("cannot add: {no_service}"));
    bench.refuses(
        reserve_with(WEB, ONE, |_| {}),
        &format!("cannot change: {no_service}"),
    );
    bench.refuses(unserve(WEB, ONE), &format!("cannot remove: {no_service}"));
    bench.does(&[add(WEB)]);
    let no_server = "the virtual service has no such real server (ENOENT)";
    bench.refuses(
        reserve_with(WEB, ONE, |_| {}),
        &format!("cannot change: {no_server}"),
    );
    bench.refuses(unserve(WEB, ONE), &format!("cannot remove: {no_server}"));
    bench.does(&[serve(WEB, ONE)]);
    bench.refuses(serve(WEB, ONE), "cannot add: it is there already (EEXIST)");
    bench.does(&[unserve(WEB, ONE)]);
    bench.does(&[serve(WEB, ONE)]);
}

fn service_with_servers(bench: &mut Bench) {
    bench.does(&[
        add(WEB),
        serve(WEB, ONE),
        serve_with(WEB, "10.0.0.12:80", |s| s.weight = Weight::ZERO),
    ]);
    let service = VirtualService::of_kernel(
        options(WEB, |_| {}),
        bench.live().rules.services[&key(WEB)].servers.clone(),
    );
    assert_eq!(service.servers.len(), 2);
    bench.does_and_undoes(&[Step::RemoveService {
        key: key(WEB),
        service,
    }]);
}

fn many(bench: &mut Bench) {
    let mut steps = vec![add(WEB)];
    steps.extend((1..=250).map(|host| serve(WEB, &format!("10.0.1.{host}:80"))));
    steps.extend((1..=250).map(|port| add(&format!("udp 192.0.2.10:{port}"))));
    bench.does_and_undoes(&steps);
}

/// In a namespace whose `lo` was never up; not one of the cases.
pub fn without_loopback(bench: &mut Bench) {
    bench.does(&[add(WEB), add(WEB6)]);
    bench.refuses(
        serve(WEB, ONE),
        "cannot add: 10.0.0.11 is not a unicast address in this network namespace (EINVAL)",
    );
    bench.does_and_undoes(&[serve(WEB6, "[2001:db8::1]:80")]);
}
