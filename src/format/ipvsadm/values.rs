//! The values of a line's options.

use super::options::Given;
use super::table::{Group, services};
use crate::error::{Error, Result};
use crate::model::address::Endpoint;
use crate::model::server::{
    Forwarding, RealServer, THRESHOLD_RANGE, Tunnel, TunnelChecksum, TunnelKind, Weight,
};
use crate::model::service::{
    Engine, Netmask, PERSISTENT_MAX, Scheduler, SchedulerFlags, ServiceOptions,
};
use crate::model::{Family, Fwmark, Protocol, ServerKey, ServiceKey};

/// What `-p` without a number is: observed of ipvsadm 1.31, whose manual says 300.
const PERSISTENT_DEFAULT: u32 = 360;

/// A whole number.
pub(super) fn number(what: &str, word: &str) -> Result<i64> {
    word.parse()
        .map_err(|_| Error::invalid(format!("{what}: \"{word}\" is not a whole number")))
}

fn endpoint(word: &str) -> Result<Endpoint> {
    Endpoint::parse(word).map_err(|error| match error.hints().is_empty() {
        true => error,
        false => error.hint("`ipvsadm -Sn` prints numbers where `ipvsadm -S` prints names"),
    })
}

/// The one service that a line is about.
pub(super) fn service_key(given: &Given) -> Result<ServiceKey> {
    let mut selected = services().filter_map(|option| Some((option, given.value(option)?)));
    let (Some((option, word)), None) = (selected.next(), selected.next()) else {
        return Err(Error::invalid("a line is about one service")
            .hint("one of -t, -u, --sctp-service and -f"));
    };
    let protocol = match option {
        "tcp-service" => Protocol::TCP,
        "udp-service" => Protocol::UDP,
        "sctp-service" => Protocol::SCTP,
        _ => {
            let family = match given.has("ipv6") {
                true => Family::Ipv6,
                false => Family::Ipv4,
            };
            let mark = fwmark(word)?;
            return Ok(ServiceKey::Fwmark { family, mark });
        }
    };
    if given.has("ipv6") {
        return Err(Error::invalid(
            "-6 is for -f: an address says its family itself",
        ));
    }
    let Endpoint { addr, port } = endpoint(word)?;
    Ok(ServiceKey::Address {
        protocol,
        addr,
        port: port.unwrap_or(0),
    })
}

/// `-S` prints marks as signed numbers.
fn fwmark(word: &str) -> Result<Fwmark> {
    match word.parse::<i32>() {
        Ok(signed) if signed < 0 => Fwmark::new(i64::from(signed.cast_unsigned())),
        _ => Fwmark::parse(word),
    }
}

/// The server that a line is about; without a port, that of its service.
pub(super) fn server_key(given: &Given, service: &ServiceKey) -> Result<ServerKey> {
    let Some(word) = given.value("real-server") else {
        return Err(Error::invalid("the real server is missing")
            .object(format!("virtual service {service}"))
            .hint("name it with -r"));
    };
    let Endpoint { addr, port } = endpoint(word)?;
    Ok(ServerKey {
        addr,
        port: port.unwrap_or(service.default_port()),
    })
}

/// The options of a service; those that are left out are at ipvsadm's defaults.
pub(super) fn service_options(key: &ServiceKey, given: &Given) -> Result<ServiceOptions> {
    let family = key.family();
    let mut options = ServiceOptions::defaults(family);
    if let Some(word) = given.value("scheduler") {
        options.scheduler = Scheduler::parse(word)?;
    }
    if given.has("persistent") {
        let seconds = match given.value("persistent") {
            Some(word) => number("persistence", word)?,
            None => PERSISTENT_DEFAULT.into(),
        };
        match u32::try_from(seconds) {
            Ok(seconds) if (1..=PERSISTENT_MAX).contains(&seconds) => {
                options.persistent = Some(seconds);
            }
            _ => {
                return Err(
                    Error::invalid(format!("persistence of {seconds} s is out of range"))
                        .hint(format!("it is 1 to {PERSISTENT_MAX} seconds (31 days)")),
                );
            }
        }
    }
    if let Some(word) = given.value("netmask") {
        options.netmask = netmask(word, family)?;
    }
    options.engine = given.value("pe").map(Engine::parse).transpose()?;
    options.one_packet = given.has("ops");
    for word in given.value("sched-flags").unwrap_or("").split(',') {
        if !word.is_empty() {
            options.flags.0 |= SchedulerFlags::parse_one(word)?;
        }
    }
    let ServiceKey::Address { protocol, port, .. } = key else {
        return Ok(options);
    };
    if *port == 0 && options.persistent.is_none() {
        return Err(Error::invalid("port 0 (all ports) needs persistence").hint("add -p 300"));
    }
    if options.one_packet && *protocol != Protocol::UDP {
        return Err(Error::invalid(
            "one-packet scheduling is for UDP and fwmark services",
        ));
    }
    Ok(options)
}

/// The kernel takes any 32 bits for IPv4, so that holes are kept as they were found.
fn netmask(word: &str, family: Family) -> Result<Netmask> {
    match (family, word.parse::<std::net::Ipv4Addr>()) {
        (Family::Ipv4, Ok(mask)) => Ok(Netmask(u32::from(mask))),
        (Family::Ipv4, Err(_)) => Err(Error::invalid(format!("\"{word}\" is not a netmask"))
            .hint("ipvsadm takes a length for a number: write 255.255.255.0 for 24")),
        (Family::Ipv6, _) => Netmask::parse(word, family),
    }
}

/// The options of a server.
pub(super) fn real_server(given: &Given) -> Result<RealServer> {
    let mut server = RealServer::default();
    let methods = [
        ("gatewaying", Forwarding::Direct),
        ("ipip", Forwarding::Tunnel),
        ("masquerading", Forwarding::Masq),
    ];
    let mut named = methods.into_iter().filter(|(name, _)| given.has(name));
    match (named.next(), named.next()) {
        (Some((_, forward)), None) => server.forward = forward,
        (Some(_), Some(_)) => {
            return Err(Error::invalid("it has more than one forwarding method"));
        }
        (None, _) => {}
    }
    if let Some(word) = given.value("weight") {
        server.weight = Weight::new(number("weight", word)?)?;
    }
    let threshold = |name: &str| -> Result<u32> {
        let value = given.value(name).map_or(Ok(0), |word| number(name, word))?;
        u32::try_from(value)
            .ok()
            .filter(|value| *value <= i32::MAX.cast_unsigned())
            .ok_or_else(|| {
                Error::invalid(format!("--{name} {value} is out of range"))
                    .hint(format!("a threshold is {THRESHOLD_RANGE}"))
            })
    };
    server.upper = threshold("u-threshold")?;
    server.lower = threshold("l-threshold")?;
    server.tunnel = tunnel(given, server.forward)?;
    Ok(server)
}

fn tunnel(given: &Given, forward: Forwarding) -> Result<Tunnel> {
    let mut tunnel = Tunnel::default();
    if let Some(word) = given.value("tun-type") {
        tunnel.kind = TunnelKind::parse(word)?;
    }
    if let Some(word) = given.value("tun-port") {
        tunnel.port = crate::model::address::parse_port(word)?;
    }
    let checksums = [
        ("tun-nocsum", TunnelChecksum::None),
        ("tun-csum", TunnelChecksum::Full),
        ("tun-remcsum", TunnelChecksum::Remote),
    ];
    for (name, checksum) in checksums {
        if given.has(name) {
            tunnel.checksum = checksum;
        }
    }
    if forward != Forwarding::Tunnel && given.has_of(Group::Tunnel) {
        return Err(Error::invalid("options of a tunnel are for -i"));
    }
    Ok(tunnel)
}
