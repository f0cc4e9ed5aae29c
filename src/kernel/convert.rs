//! Owns the conversions between the model and the kernel's records.
//!
//! May import: `error`, `model`, `plan`, `ipvs`. Source of truth: the records of `ipvs`, and the
//! IP_VS_SVC_F_* flags of include/uapi/linux/ip_vs.h.
//!
//! What differs: persistence is a flag and a timeout there and one option here; one-packet is a
//! flag there; a netmask is a mask or a prefix length there and the number itself here.

use crate::error::{Error, Kind, Result};
use crate::ipvs::{self, Name};
use crate::model::service::SchedulerFlags;
use crate::model::{
    Counters, Counts, DaemonRole, Engine, Family, Forwarding, Fwmark, Netmask, Protocol, Rates,
    RealServer, Scheduler, ServerKey, ServiceKey, ServiceOptions, SyncDaemon, Tunnel,
    TunnelChecksum, TunnelKind, Usage, Weight,
};

/// The flags that are options of their own in the model.
const OWN_FLAGS: u32 = ipvs::ServiceFlags::PERSISTENT.bits()
    | ipvs::ServiceFlags::HASHED.bits()
    | ipvs::ServiceFlags::ONEPACKET.bits();

/// A service's name in the kernel.
pub fn service_id(key: &ServiceKey) -> ipvs::ServiceId {
    match *key {
        ServiceKey::Address {
            protocol,
            addr,
            port,
        } => ipvs::ServiceId::Address {
            protocol: protocol.0,
            address: addr,
            port,
        },
        ServiceKey::Fwmark { family, mark } => ipvs::ServiceId::Fwmark {
            family: match family {
                Family::Ipv4 => ipvs::Family::Inet,
                Family::Ipv6 => ipvs::Family::Inet6,
            },
            mark: mark.into(),
        },
    }
}

/// The name of a service of the kernel.
pub fn service_key(id: &ipvs::ServiceId) -> ServiceKey {
    match *id {
        ipvs::ServiceId::Address {
            protocol,
            address,
            port,
        } => ServiceKey::Address {
            protocol: Protocol(protocol),
            addr: address,
            port,
        },
        ipvs::ServiceId::Fwmark { family, mark } => ServiceKey::Fwmark {
            family: match family {
                ipvs::Family::Inet => Family::Ipv4,
                ipvs::Family::Inet6 => Family::Ipv6,
            },
            mark: Fwmark::from(mark),
        },
    }
}

/// A service as the kernel's record.
///
/// # Errors
/// `invalid` where a name does not fit.
pub fn service(key: &ServiceKey, options: &ServiceOptions) -> Result<ipvs::Service> {
    let mut flags = ipvs::ServiceFlags::from_bits(options.flags.0 & !OWN_FLAGS);
    if options.persistent.is_some() {
        flags |= ipvs::ServiceFlags::PERSISTENT;
    }
    if options.one_packet {
        flags |= ipvs::ServiceFlags::ONEPACKET;
    }
    let engine = options.engine.as_ref();
    Ok(ipvs::Service {
        flags,
        timeout: options.persistent.unwrap_or(0),
        netmask: match key.family() {
            Family::Ipv4 => ipvs::Netmask::V4(options.netmask.0.into()),
            Family::Ipv6 => ipvs::Netmask::V6(options.netmask.0),
        },
        pe_name: engine.map(|engine| name(engine.name())).transpose()?,
        ..ipvs::Service::new(service_id(key), name(options.scheduler.name())?)
    })
}

/// The options of a service of the kernel; the kernel's own flag and the timeout of a service
/// without persistence are not options.
///
/// # Errors
/// `unsupported` where a module has a name that the model cannot hold.
pub fn service_options(service: &ipvs::Service) -> Result<ServiceOptions> {
    let odd = |error: Error| {
        error
            .with_kind(Kind::Unsupported)
            .object(format!("virtual service {}", service_key(&service.id)))
    };
    let engine = service.pe_name.as_ref().filter(|name| !name.is_empty());
    Ok(ServiceOptions {
        scheduler: Scheduler::parse(service.scheduler.as_str()).map_err(odd)?,
        flags: SchedulerFlags(service.flags.bits() & !OWN_FLAGS),
        persistent: service
            .flags
            .contains(ipvs::ServiceFlags::PERSISTENT)
            .then_some(service.timeout),
        netmask: Netmask(match service.netmask {
            ipvs::Netmask::V4(mask) => mask.into(),
            ipvs::Netmask::V6(length) => length,
        }),
        engine: engine
            .map(|name| Engine::parse(name.as_str()))
            .transpose()
            .map_err(odd)?,
        one_packet: service.flags.contains(ipvs::ServiceFlags::ONEPACKET),
    })
}

/// A real server's name in the kernel.
pub fn destination_id(key: &ServerKey) -> ipvs::DestinationId {
    ipvs::DestinationId {
        address: key.addr,
        port: key.port,
    }
}

/// A real server as the kernel's record.
pub fn destination(key: &ServerKey, server: &RealServer) -> ipvs::Destination {
    let forward = match server.forward {
        Forwarding::Masq => ipvs::ForwardMethod::Masq,
        Forwarding::Local => ipvs::ForwardMethod::LocalNode,
        Forwarding::Tunnel => ipvs::ForwardMethod::Tunnel,
        Forwarding::Direct => ipvs::ForwardMethod::Direct,
        Forwarding::Bypass => ipvs::ForwardMethod::Bypass,
    };
    ipvs::Destination {
        weight: i32::try_from(server.weight.value()).unwrap_or(i32::MAX),
        upper_threshold: server.upper,
        lower_threshold: server.lower,
        tunnel: ipvs::Tunnel {
            kind: match server.tunnel.kind {
                TunnelKind::Ipip => ipvs::TunnelKind::Ipip,
                TunnelKind::Gue => ipvs::TunnelKind::Gue,
                TunnelKind::Gre => ipvs::TunnelKind::Gre,
                TunnelKind::Other(other) => ipvs::TunnelKind::Other(other),
            },
            port: server.tunnel.port,
            flags: ipvs::TunnelFlags::from_bits(server.tunnel.checksum.flags()),
        },
        ..ipvs::Destination::new(destination_id(key), forward)
    }
}

/// A real server of the kernel, with its connections.
pub fn server(destination: &ipvs::Destination) -> (ServerKey, RealServer, Counts) {
    let key = ServerKey {
        addr: destination.id.address,
        port: destination.id.port,
    };
    let server = RealServer {
        forward: forwarding(destination.forward),
        // The kernel never holds a negative weight (ip_vs_add_dest).
        weight: Weight::new(destination.weight.into()).unwrap_or(Weight::ZERO),
        upper: destination.upper_threshold,
        lower: destination.lower_threshold,
        tunnel: Tunnel {
            kind: match destination.tunnel.kind {
                ipvs::TunnelKind::Ipip => TunnelKind::Ipip,
                ipvs::TunnelKind::Gue => TunnelKind::Gue,
                ipvs::TunnelKind::Gre => TunnelKind::Gre,
                ipvs::TunnelKind::Other(other) => TunnelKind::from_number(other),
            },
            port: destination.tunnel.port,
            checksum: TunnelChecksum::from_flags(destination.tunnel.flags.bits()),
        },
    };
    let counts = Counts {
        active: destination.active_connections,
        inactive: destination.inactive_connections,
        persistent: destination.persistent_connections,
    };
    (key, server, counts)
}

/// A forwarding method of the kernel.
pub fn forwarding(method: ipvs::ForwardMethod) -> Forwarding {
    match method {
        ipvs::ForwardMethod::Masq => Forwarding::Masq,
        ipvs::ForwardMethod::LocalNode => Forwarding::Local,
        ipvs::ForwardMethod::Tunnel => Forwarding::Tunnel,
        ipvs::ForwardMethod::Direct => Forwarding::Direct,
        // Methods 5 to 7 mean nothing to any kernel, and no tool sets them.
        ipvs::ForwardMethod::Bypass | ipvs::ForwardMethod::Other(_) => Forwarding::Bypass,
    }
}

/// Counters and rates of the kernel.
pub fn usage(stats: &ipvs::Stats) -> Usage {
    Usage {
        stats: Counters {
            connections: stats.connections,
            in_packets: stats.packets_in,
            out_packets: stats.packets_out,
            in_bytes: stats.bytes_in,
            out_bytes: stats.bytes_out,
        },
        rates: Rates {
            cps: stats.connection_rate,
            in_pps: stats.packet_rate_in,
            out_pps: stats.packet_rate_out,
            in_bps: stats.byte_rate_in,
            out_bps: stats.byte_rate_out,
        },
    }
}

/// A sync daemon of the kernel.
pub fn daemon(daemon: &ipvs::Daemon) -> (DaemonRole, SyncDaemon) {
    let role = match daemon.state {
        ipvs::DaemonState::Master => DaemonRole::Master,
        ipvs::DaemonState::Backup => DaemonRole::Backup,
    };
    let daemon = SyncDaemon {
        interface: daemon.interface.to_string(),
        // The kernel sends the low byte on the wire (ip_vs_sync.c: `m->syncid`).
        id: u8::try_from(daemon.sync_id & 0xff).unwrap_or_default(),
        maxlen: daemon.max_length,
        group: daemon.group,
        port: daemon.port,
        ttl: daemon.ttl,
    };
    (role, daemon)
}

/// A sync daemon for the kernel.
///
/// # Errors
/// `invalid` where the interface does not fit into the kernel's 16 bytes.
pub fn daemon_record(role: DaemonRole, daemon: &SyncDaemon) -> Result<ipvs::Daemon> {
    Ok(ipvs::Daemon {
        sync_id: daemon.id.into(),
        max_length: daemon.maxlen,
        group: daemon.group,
        port: daemon.port,
        ttl: daemon.ttl,
        ..ipvs::Daemon::new(daemon_state(role), name(&daemon.interface)?, 0)
    })
}

/// A role as the kernel names it.
pub fn daemon_state(role: DaemonRole) -> ipvs::DaemonState {
    match role {
        DaemonRole::Master => ipvs::DaemonState::Master,
        DaemonRole::Backup => ipvs::DaemonState::Backup,
    }
}

/// A name as the kernel takes it.
///
/// # Errors
/// `invalid` where it does not fit into the kernel's 16 bytes.
pub fn name(text: &str) -> Result<Name> {
    Name::new(text).map_err(|error| Error::invalid(format!("\"{text}\": {error}")).about(text))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    fn addr() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<std::net::Ipv4Addr>().prop_map(IpAddr::from),
            any::<std::net::Ipv6Addr>().prop_map(IpAddr::from),
        ]
    }

    fn key() -> impl Strategy<Value = ServiceKey> {
        prop_oneof![
            (any::<u16>(), addr(), any::<u16>()).prop_map(|(protocol, addr, port)| {
                ServiceKey::Address {
                    protocol: Protocol(protocol),
                    addr,
                    port,
                }
            }),
            (any::<bool>(), any::<std::num::NonZeroU32>()).prop_map(|(six, mark)| {
                ServiceKey::Fwmark {
                    family: if six { Family::Ipv6 } else { Family::Ipv4 },
                    mark: mark.into(),
                }
            }),
        ]
    }

    fn options() -> impl Strategy<Value = ServiceOptions> {
        let engine = proptest::option::of(Just(Engine::parse("sip").unwrap()));
        (
            "[a-z]{1,15}",
            any::<u32>(),
            any::<Option<u32>>(),
            any::<u32>(),
            engine,
            any::<bool>(),
        )
            .prop_map(
                |(scheduler, flags, persistent, netmask, engine, one_packet)| ServiceOptions {
                    scheduler: Scheduler::parse(&scheduler).unwrap(),
                    flags: SchedulerFlags(flags & !OWN_FLAGS),
                    persistent,
                    netmask: Netmask(netmask),
                    engine,
                    one_packet,
                },
            )
    }

    fn real_server() -> impl Strategy<Value = RealServer> {
        let forward = prop_oneof![
            Just(Forwarding::Masq),
            Just(Forwarding::Local),
            Just(Forwarding::Tunnel),
            Just(Forwarding::Direct),
            Just(Forwarding::Bypass),
        ];
        let tunnel = (any::<u8>(), any::<u16>(), any::<u16>());
        (forward, 0..=i32::MAX, any::<u32>(), any::<u32>(), tunnel).prop_map(
            |(forward, weight, upper, lower, (kind, port, flags))| RealServer {
                forward,
                weight: Weight::new(weight.into()).unwrap(),
                upper,
                lower,
                tunnel: Tunnel {
                    kind: TunnelKind::from_number(kind),
                    port,
                    checksum: TunnelChecksum::from_flags(flags),
                },
            },
        )
    }

    proptest! {
        #[test]
        fn services_survive_the_wire(key in key(), options in options()) {
            let attributes = service(&key, &options).unwrap().to_attributes();
            let back = ipvs::Service::from_attributes(&attributes).unwrap();
            prop_assert_eq!(service_key(&back.id), key);
            prop_assert_eq!(service_options(&back).unwrap(), options);
        }

        #[test]
        fn servers_survive_the_wire(addr in addr(), port: u16, options in real_server()) {
            let key = ServerKey { addr, port };
            let attributes = destination(&key, &options).to_attributes();
            let service = service_id(&ServiceKey::Address {
                protocol: Protocol::TCP,
                addr,
                port,
            });
            let back = ipvs::Destination::from_attributes(&attributes, service.family()).unwrap();
            let (back_key, back, counts) = server(&back);
            prop_assert_eq!((back_key, back), (key, options));
            prop_assert_eq!(counts, Counts::default());
        }
    }

    #[test]
    fn what_is_not_an_option_is_dropped() {
        let key = ServiceKey::parse("fwmark 4294967295").unwrap();
        let mut record = service(&key, &ServiceOptions::defaults(Family::Ipv4)).unwrap();
        record.flags |= ipvs::ServiceFlags::HASHED;
        record.timeout = 300;
        record.pe_name = Some(Name::default());
        let options = service_options(&record).unwrap();
        assert_eq!(options, ServiceOptions::defaults(Family::Ipv4));
    }
}
