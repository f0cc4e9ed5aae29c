//! Strategies for rulesets: what a kernel accepts and a script may say, from a small world of
//! addresses, so that two of them often name the same things.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code)] // a test: what cannot be made is a failure

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipvsh::model::{
    Arp, DaemonRole, Engine, Family, Forwarding, Fwmark, InterfaceName, MarkRule, Netmask,
    PortRange, Protocol, RealServer, Ruleset, Scheduler, SchedulerFlags, ServerKey, ServiceKey,
    ServiceOptions, Setting, SettingKey, SettingKind, Settings, SyncDaemon, SysctlName,
    SysctlValue, TimeoutKind, Timeouts, Tunnel, TunnelChecksum, TunnelDevice, TunnelKind, Vip,
    VipKey, VirtualService, Weight, Withdraw,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A whole ruleset.
pub fn ruleset() -> impl Strategy<Value = Ruleset> {
    let services = btree_map(service_key(), any::<Index>(), 0..6).prop_flat_map(|keys| {
        keys.into_keys()
            .map(|key| service(key).prop_map(move |service| (key, service)))
            .collect::<Vec<_>>()
    });
    (services, marks(), settings()).prop_map(|(services, marks, settings)| Ruleset {
        services: services.into_iter().collect(),
        marks,
        settings,
    })
}

/// Without what the kernel refuses: a sync daemon beside servers of another family.
pub fn peaceful(mut rules: Ruleset) -> Ruleset {
    let mixed = rules.services.iter().any(|(key, service)| {
        let families = service.servers.keys().map(|server| Family::of(server.addr));
        families.into_iter().any(|family| family != key.family())
    });
    if mixed {
        rules
            .settings
            .retain(|key| key.kind() != SettingKind::SyncDaemon);
    }
    rules
}

/// The name of a service.
pub fn service_key() -> impl Strategy<Value = ServiceKey> {
    let address = (
        select(vec![Protocol::TCP, Protocol::UDP, Protocol::SCTP]),
        select(vec!["192.0.2.10", "192.0.2.11", "2001:db8::10"]),
        select(vec![0, 53, 80, 443]),
    )
        .prop_map(|(protocol, addr, port)| ServiceKey::Address {
            protocol,
            addr: addr.parse().unwrap(),
            port,
        });
    let fwmark =
        (family(), fwmark()).prop_map(|(family, mark)| ServiceKey::Fwmark { family, mark });
    prop_oneof![3 => address, 1 => fwmark]
}

/// A service's own options.
pub fn service_options(key: ServiceKey) -> impl Strategy<Value = ServiceOptions> {
    let longest = if key.family() == Family::Ipv4 {
        32
    } else {
        128
    };
    let (needs_persistence, may_one_packet) = match key {
        ServiceKey::Address { protocol, port, .. } => (port == 0, protocol == Protocol::UDP),
        ServiceKey::Fwmark { .. } => (false, true),
    };
    (
        select(vec!["rr", "wrr", "wlc", "sh", "mh", "ovf"]),
        prop_oneof![3 => Just(0), 1 => 0..8_u32],
        option::of(1..=2_678_400_u32),
        prop_oneof![2 => Just(longest), 1 => 1..=longest],
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            move |(scheduler, flags, persistent, prefix, sip, one_packet)| {
                let persistent = match needs_persistence {
                    true => persistent.or(Some(300)),
                    false => persistent,
                };
                ServiceOptions {
                    scheduler: Scheduler::parse(scheduler).unwrap(),
                    flags: SchedulerFlags(flags << 3),
                    persistent,
                    netmask: Netmask::from_prefix(prefix, key.family()).unwrap(),
                    engine: (sip && persistent.is_some()).then(|| Engine::parse("sip").unwrap()),
                    one_packet: one_packet && may_one_packet,
                }
            },
        )
}

/// A service of that name.
pub fn service(key: ServiceKey) -> impl Strategy<Value = VirtualService> {
    let servers = vec(server(key), 0..4);
    (service_options(key), servers).prop_map(|(options, servers)| {
        VirtualService::of_kernel(options, servers.into_iter().collect())
    })
}

/// A real server of a service.
pub fn server(service: ServiceKey) -> impl Strategy<Value = (ServerKey, RealServer)> {
    let addresses = [
        ("10.0.0.11", "2001:db8:1::11"),
        ("10.0.0.12", "2001:db8:1::12"),
        ("10.0.0.13", "2001:db8:1::13"),
    ];
    (
        (select(addresses.to_vec()), select(vec![0, 80, 8080])),
        (forwarding(), tunnel(), any::<bool>()),
        prop_oneof![4 => 0..10_i64, 1 => 0..=i64::from(i32::MAX)],
        prop_oneof![4 => Just((0, 0)), 1 => (0..=i32::MAX as u32, 0..=i32::MAX as u32)],
    )
        .prop_map(
            move |((addresses, port), (forward, tunnel, other), weight, limits)| {
                let is_tunnel = forward == Forwarding::Tunnel;
                let v4 = (service.family() == Family::Ipv4) != (is_tunnel && other);
                let own = service.default_port();
                let port = match forward {
                    Forwarding::Masq => port,
                    _ if own == 0 => port,
                    _ => own,
                };
                let key = ServerKey {
                    addr: if v4 { addresses.0 } else { addresses.1 }.parse().unwrap(),
                    port,
                };
                let server = RealServer {
                    forward,
                    weight: Weight::new(weight).unwrap(),
                    upper: limits.0.max(limits.1),
                    lower: limits.0.min(limits.1),
                    tunnel: if is_tunnel { tunnel } else { Tunnel::default() },
                };
                (key, server)
            },
        )
}

fn forwarding() -> impl Strategy<Value = Forwarding> {
    select(vec![
        Forwarding::Masq,
        Forwarding::Direct,
        Forwarding::Tunnel,
    ])
}

fn tunnel() -> impl Strategy<Value = Tunnel> {
    let checksum = select(vec![
        TunnelChecksum::None,
        TunnelChecksum::Full,
        TunnelChecksum::Remote,
    ]);
    prop_oneof![
        2 => Just(Tunnel::default()),
        1 => (1..=u16::MAX, checksum).prop_map(|(port, checksum)| Tunnel {
            kind: TunnelKind::Gue,
            port,
            checksum,
        }),
        1 => any::<bool>().prop_map(|full| Tunnel {
            kind: TunnelKind::Gre,
            port: 0,
            checksum: if full { TunnelChecksum::Full } else { TunnelChecksum::None },
        }),
    ]
}

fn family() -> impl Strategy<Value = Family> {
    select(Family::ALL.to_vec())
}

/// A mark.
pub fn fwmark() -> impl Strategy<Value = Fwmark> {
    select(vec![1, 666, 1 << 31, i64::from(u32::MAX)]).prop_map(|mark| Fwmark::new(mark).unwrap())
}

/// One mark rule, not in its normal form.
pub fn mark_rule(family: Family) -> impl Strategy<Value = MarkRule> {
    let nets = match family {
        Family::Ipv4 => vec!["192.0.2.20/32", "198.51.100.0/24", "0.0.0.0/0"],
        Family::Ipv6 => vec!["2001:db8::20/128", "2001:db8:2::/64"],
    };
    (
        fwmark(),
        prop_oneof![3 => Just(u32::MAX), 1 => 1..=u32::MAX],
        option::of(select(vec![6, 17, 132, 47])),
        (option::of(select(nets.clone())), option::of(select(nets))),
        (ports(), ports()),
        option::of(select(vec!["eth0", "br-12.7", "a\\b{c}"])),
    )
        .prop_map(
            move |(mark, mask, protocol, (to, from), (ports, from_ports), interface)| {
                let has_ports = protocol.is_some_and(|p| p != 47);
                MarkRule {
                    mask: mask | mark.value(),
                    protocol: protocol.map(Protocol),
                    to: to.map(|net| net.parse().unwrap()),
                    from: from.map(|net| net.parse().unwrap()),
                    ports: if has_ports { ports } else { Vec::new() },
                    from_ports: if has_ports { from_ports } else { Vec::new() },
                    interface: interface.map(str::to_owned),
                    ..MarkRule::new(mark, family)
                }
            },
        )
}

fn ports() -> impl Strategy<Value = Vec<PortRange>> {
    let range = (select(vec![0, 80, 81, 443, 8000, 65000]), 0..3_u16)
        .prop_map(|(first, more)| PortRange::new(first, first + more).unwrap());
    prop_oneof![1 => Just(Vec::new()), 2 => vec(range, 1..4)]
}

/// Mark rules in their normal form, IPv4 before IPv6, as a kernel reports them.
pub fn marks() -> impl Strategy<Value = Vec<MarkRule>> {
    let family = |family| vec(mark_rule(family), 0..5);
    (family(Family::Ipv4), family(Family::Ipv6))
        .prop_map(|(v4, v6)| MarkRule::normalise(v4.into_iter().chain(v6)))
}

/// Settings of all kinds.
pub fn settings() -> impl Strategy<Value = Settings> {
    (timeouts(), daemons(), of_host()).prop_map(|(timeouts, daemons, of_host)| {
        let mut settings = Settings::default();
        settings.set_timeouts(&timeouts);
        for (role, daemon) in daemons {
            settings.set_daemon(role, Some(daemon));
        }
        for (key, value) in of_host {
            settings.put(key, Some(value));
        }
        settings
    })
}

/// Settings of the host: often none.
pub fn of_host() -> impl Strategy<Value = Vec<(SettingKey, Setting)>> {
    let some = (vec(vip(), 0..3), vec(sysctl(), 0..4), vec(device(), 0..2));
    let some = some.prop_map(|(vips, sysctls, devices)| [vips, sysctls, devices].concat());
    prop_oneof![1 => Just(Vec::new()), 1 => some]
}

fn vip() -> impl Strategy<Value = (SettingKey, Setting)> {
    let address = select(vec!["192.0.2.10", "192.0.2.11", "2001:db8::10"]);
    let options = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (address, select(vec!["lo", "eth0"]), options).prop_map(
        |(address, interface, (wide, is_silent, announce, label))| {
            let addr: IpAddr = address.parse().unwrap();
            let interface = InterfaceName::parse(interface).unwrap();
            let is_silent = is_silent && (addr.is_ipv4() || interface == InterfaceName::LO);
            let label = label && addr.is_ipv4();
            let vip = Vip {
                prefix: if wide { 24 } else { Vip::single(addr).prefix },
                label: label.then(|| format!("{interface}:web")),
                arp: if is_silent { Arp::Silent } else { Arp::Answer },
                announce,
                withdraw: if announce {
                    Withdraw::Never
                } else {
                    Withdraw::Down
                },
            };
            (
                SettingKey::Vip(VipKey { addr, interface }),
                Setting::Vip(vip),
            )
        },
    )
}

/// Kernel settings; of those that VIPs and tunnel devices need, values that serve them.
fn sysctl() -> impl Strategy<Value = (SettingKey, Setting)> {
    let values = vec![
        ("net.ipv4.ip_forward", ["0", "1"]),
        ("net.ipv4.conf.eth0.forwarding", ["0", "1"]),
        ("net.ipv4.conf.all.arp_ignore", ["1", "2"]),
        ("net.ipv4.conf.all.rp_filter", ["0", "2"]),
        ("net.ipv4.vs.sync_threshold", ["3 50", "0 0"]),
        ("net.ipv4.vs.conntrack", ["0", "1"]),
    ];
    (select(values), any::<bool>()).prop_map(|((name, values), second)| {
        let name = SysctlName::parse(name).unwrap();
        let value = SysctlValue::as_shown(name, values[usize::from(second)]);
        (SettingKey::Sysctl(name), Setting::Sysctl(value))
    })
}

fn device() -> impl Strategy<Value = (SettingKey, Setting)> {
    let devices = vec![
        ("tunl0", TunnelKind::Ipip, None),
        ("tunl0", TunnelKind::Gue, Some(6080)),
        ("gre0", TunnelKind::Gre, None),
    ];
    select(devices).prop_map(|(name, kind, port)| {
        let name = InterfaceName::parse(name).unwrap();
        let device = TunnelDevice { kind, port };
        (
            SettingKey::TunnelDevice(name),
            Setting::TunnelDevice(device),
        )
    })
}

/// Timeouts, some of them not managed.
pub fn timeouts() -> impl Strategy<Value = Timeouts> {
    let seconds = option::of(1..=Timeouts::MAX_SECONDS);
    vec(seconds, 3).prop_map(|seconds| {
        let mut timeouts = Timeouts::default();
        for (kind, seconds) in TimeoutKind::ALL.into_iter().zip(seconds) {
            timeouts.set(kind, seconds);
        }
        timeouts
    })
}

/// Sync daemons, with things left to the kernel and lengths that it keeps.
pub fn daemons() -> impl Strategy<Value = BTreeMap<DaemonRole, SyncDaemon>> {
    let daemon = (
        (select(vec!["eth0", "bond0.100"]), any::<u8>()),
        option::of(1..=65_507_u16),
        option::of(select(vec!["224.0.0.82", "ff02::81"])),
        option::of(1..=u16::MAX),
        option::of(1..=u8::MAX),
    )
        .prop_map(|((interface, id), maxlen, group, port, ttl)| SyncDaemon {
            interface: interface.to_owned(),
            id,
            maxlen,
            group: group.map(|group| group.parse().unwrap()),
            port,
            ttl,
        });
    btree_map(select(DaemonRole::ALL.to_vec()), daemon, 0..=2).prop_map(|mut daemons| {
        for (role, daemon) in &mut daemons {
            let kept = daemon.kept_lengths(*role);
            daemon.maxlen = daemon.maxlen.map(|it| it.clamp(*kept.start(), *kept.end()));
        }
        daemons
    })
}
