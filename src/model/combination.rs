//! Combinations that the kernel or ipvsadm refuses, told before anything is sent.
//!
//! These rules are for what a script declares or sets. `adopt`, JSON and the simulator hold
//! whatever the kernel accepts (ip_vs_ctl.c; ipvsadm.c for the stricter ones).

use std::net::{IpAddr, Ipv4Addr};

use super::address::{Family, endpoint};
use super::key::{Protocol, ServerKey, ServiceKey};
use super::policy::check::MOST_IN_ALL;
use super::ruleset::{Ruleset, VirtualService};
use super::server::{
    Forwarding, RealServer, THRESHOLD_MAX, THRESHOLD_RANGE, Tunnel, TunnelChecksum, TunnelKind,
    server_name,
};
use super::service::ServiceOptions;
use crate::error::{Error, Result};

/// Refuses source NAT where the kernel keeps no connection, by which the rule would know the packets
/// (`ip_vs_conn_hash` in net/netfilter/ipvs/ip_vs_conn.c), and a check that needs a port where a server has none: that of a mark or of all ports, which takes
/// the port of each request.
///
/// # Errors
/// `invalid`, naming the service or the server.
pub fn check_policy(key: &ServiceKey, service: &VirtualService) -> Result<()> {
    if service.policy.snat.is_some() && service.options.one_packet {
        return Err(
            Error::invalid("snat needs connections, and one-packet scheduling keeps none")
                .object(format!("virtual service {key}"))
                .about("snat")
                .hint("leave snat or one_packet out"),
        );
    }
    let portless = service.servers.keys().filter(|server| server.port == 0);
    for server in portless {
        let mut checks = service.checks_of(server).iter();
        if let Some(check) = checks.find(|check| check.needs_port() && check.route.port.is_none()) {
            return Err(Error::invalid(format!(
                "the check \"{}\" needs a port: the server takes that of each request",
                check.label()
            ))
            .object(server_name(key, server))
            .about("check")
            .hint(format!(
                "name one: check: #{{ type: \"{}\", port: 80 }}",
                check.kind.name()
            )));
        }
    }
    Ok(())
}

/// Refuses more checks than the daemon runs.
///
/// # Errors
/// `invalid`.
pub fn check_number(rules: &Ruleset) -> Result<()> {
    let of_service = |service: &VirtualService| -> usize {
        let servers = service.servers.keys();
        servers.map(|server| service.checks_of(server).len()).sum()
    };
    let all: usize = rules.services.values().map(of_service).sum();
    match all > MOST_IN_ALL {
        false => Ok(()),
        true => Err(Error::invalid(format!(
            "these would be {all} checks of real servers, and the daemon runs {MOST_IN_ALL} at most"
        ))
        .about("check")
        .hint("leave checks out, or let one program check many servers")),
    }
}

/// Checks a service's own options against each other.
///
/// # Errors
/// `invalid`: port 0 without persistence, one-packet scheduling outside UDP and fwmark, an engine
/// without persistence, the engine `sip` outside UDP and fwmark.
pub fn check_service(key: &ServiceKey, options: &ServiceOptions) -> Result<()> {
    let fail = |cause: &str, hint: &str| {
        Err(Error::invalid(cause)
            .object(format!("virtual service {key}"))
            .hint(hint.to_owned()))
    };
    if let ServiceKey::Address {
        protocol,
        port,
        addr,
    } = key
    {
        if *port == 0 && options.persistent.is_none() {
            return fail(
                "port 0 (all ports) needs persistence",
                &format!(
                    "add persistent: 300, or name a port: \"{}\"",
                    endpoint(*addr, 80)
                ),
            )
            .map_err(|error| error.about("port"));
        }
        if options.one_packet && *protocol != Protocol::UDP {
            return fail(
                "one-packet scheduling is for UDP and fwmark services",
                "leave one_packet out",
            );
        }
        // ip_vs_sip_fill_param: what is not UDP is not scheduled at all, but dropped.
        let sip = options.engine.as_ref().is_some_and(|e| e.name() == "sip");
        if sip && *protocol != Protocol::UDP {
            return fail(
                "the persistence engine sip is for UDP and fwmark services",
                "leave engine out, or declare the service with udp(...)",
            );
        }
        check_vip(*addr).map_err(|e| e.object(format!("virtual service {key}")))?;
    }
    if options.engine.is_some() && options.persistent.is_none() {
        return fail(
            "a persistence engine needs persistence",
            "add persistent: 300",
        );
    }
    Ok(())
}

/// Checks that a VIP is an address at which a host can be asked: packets to a group or to all hosts
/// are none that IPVS looks at (`ip_vs_in_hook`: only PACKET_HOST).
///
/// Of 0.0.0.0/8 only 0.0.0.0 is refused: to Linux (5.3 and later) the others are addresses like any.
///
/// # Errors
/// `invalid` for the unspecified address, multicast and broadcast.
pub fn check_vip(addr: IpAddr) -> Result<()> {
    let everybody = addr == IpAddr::V4(Ipv4Addr::BROADCAST) || addr == LOOPBACK_BROADCAST;
    match everybody || addr.is_multicast() || addr.is_unspecified() {
        true => Err(Error::invalid("a VIP is one address of a host")
            .hint("name the address that clients ask")),
        false => Ok(()),
    }
}

/// The broadcast address of `lo`: it is there wherever IPv4 is.
const LOOPBACK_BROADCAST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 255, 255, 255));

/// Checks a server's options against each other and against its service.
///
/// # Errors
/// `invalid`: lower over upper threshold, a threshold above 2^31-1, a port change without
/// masquerading, a server of the other family outside tunnels, an address that is not unicast,
/// GUE without a port, options of a tunnel that its type does not have.
pub fn check_server(service: &ServiceKey, key: &ServerKey, server: &RealServer) -> Result<()> {
    let fail = |cause: String, hint: &str| {
        Err(Error::invalid(cause)
            .object(server_name(service, key))
            .hint(hint.to_owned()))
    };
    if !may_be_a_host(key.addr) || key.addr == LOOPBACK_BROADCAST {
        let (cause, hint) = not_a_host(key.addr);
        return fail(cause, hint);
    }
    if server.lower > server.upper {
        return fail(
            format!(
                "lower threshold {} is above upper threshold {}",
                server.lower, server.upper
            ),
            "lower must not be above upper; upper 0 is off and allows no lower",
        )
        .map_err(|error| error.about("lower"));
    }
    if server.upper > THRESHOLD_MAX {
        return fail(
            format!("upper threshold {} is out of range", server.upper),
            &format!("a threshold is {THRESHOLD_RANGE}"),
        )
        .map_err(|error| error.about("upper"));
    }
    if Family::of(key.addr) != service.family() && server.forward != Forwarding::Tunnel {
        return fail(
            format!(
                "an {} server cannot serve an {} service",
                Family::of(key.addr),
                service.family()
            ),
            "only tunnels change the family: forward: \"tunnel\"",
        );
    }
    let own = service.default_port();
    if server.forward != Forwarding::Masq && own != 0 && key.port != own {
        let method = match server.forward {
            Forwarding::Tunnel => "a tunnel",
            Forwarding::Direct => "direct routing",
            other => other.name(),
        };
        return fail(
            format!("{method} cannot change the port ({own} to {})", key.port),
            "forward: \"masq\"",
        );
    }
    check_tunnel(&server.tunnel).map_err(|e| e.object(server_name(service, key)))
}

/// Checks the options of a tunnel against its type, as ipvsadm does (`tunnel_opt` in ipvsadm.c);
/// of a type that nobody knows, nothing is known.
///
/// # Errors
/// `invalid` for GUE without a port, and for options that the type does not have.
pub(super) fn check_tunnel(tunnel: &Tunnel) -> Result<()> {
    let fail = |cause: &str, hint: &str| Err(Error::invalid(cause).hint(hint.to_owned()));
    match (tunnel.kind, tunnel.port, tunnel.checksum) {
        (TunnelKind::Gue, 0, _) => fail(
            "a GUE tunnel needs a port",
            "tunnel: #{ type: \"gue\", port: 6080 }",
        ),
        (TunnelKind::Ipip | TunnelKind::Gre, 1.., _) => fail(
            &format!("a tunnel of type {} has no port", tunnel.kind),
            "only GUE has: tunnel: #{ type: \"gue\", port: 6080 }",
        ),
        (TunnelKind::Ipip, _, checksum) if checksum != TunnelChecksum::None => fail(
            "a tunnel of type ipip has no checksum",
            "leave checksum out, or use type: \"gre\" or \"gue\"",
        ),
        (TunnelKind::Gre, _, TunnelChecksum::Remote) => fail(
            "a tunnel of type gre has no remote checksum",
            "checksum: \"full\" or \"none\"; only GUE has \"remote\"",
        ),
        _ => Ok(()),
    }
}

/// Checks services and sync daemons against each other: a server of the other family cannot be
/// added while a daemon runs, nor a daemon started while there is one (ip_vs_genl_set_cmd,
/// ip_vs_genl_new_daemon).
///
/// # Errors
/// `invalid`, naming the first such server.
pub fn check_beside(rules: &Ruleset) -> Result<()> {
    if rules.settings.daemons().next().is_none() {
        return Ok(());
    }
    let mixed = rules.services.iter().find_map(|(key, service)| {
        let mut servers = service.servers.keys();
        let other = servers.find(|server| Family::of(server.addr) != key.family())?;
        Some((key, other))
    });
    match mixed {
        None => Ok(()),
        Some((service, server)) => Err(Error::invalid(format!(
            "an {} server cannot serve an {} service while a sync daemon runs",
            Family::of(server.addr),
            service.family()
        ))
        .object(server_name(service, server))
        .hint("leave the sync daemon out, or use servers of the service's family")),
    }
}

/// Says why an address cannot be a real server's, and what to do about it.
pub fn not_a_host(addr: IpAddr) -> (String, &'static str) {
    match addr {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => (
            format!(
                "{addr} is a link-local address: it needs an interface (zone), which IPVS cannot hold"
            ),
            "name the server by an address that is not in fe80::/10",
        ),
        _ => (
            format!("{addr} is not the address of a host"),
            "a real server has a unicast address",
        ),
    }
}

/// Says whether an address may be that of a host at all; the rest the kernel decides by its
/// routes (inet_addr_type in net/ipv4/fib_frontend.c, __ipv6_addr_type in
/// net/ipv6/addrconf_core.c).
pub fn may_be_a_host(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => {
            !addr.is_unspecified() && !addr.is_multicast() && addr != Ipv4Addr::BROADCAST
        }
        IpAddr::V6(addr) => {
            let mapped = addr.to_ipv4_mapped().is_some();
            let link_local = addr.is_unicast_link_local();
            !addr.is_unspecified() && !addr.is_multicast() && !mapped && !link_local
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vip_is_one_address() {
        for addr in [
            "192.0.2.1",
            "0.1.2.3",
            "240.0.0.1",
            "127.0.0.1",
            "::1",
            "fe80::5",
        ] {
            assert_eq!(check_vip(addr.parse().unwrap()), Ok(()), "{addr}");
        }
        for addr in [
            "0.0.0.0",
            "255.255.255.255",
            "127.255.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "::",
            "ff02::1",
        ] {
            assert!(check_vip(addr.parse().unwrap()).is_err(), "{addr}");
        }
    }

    #[test]
    fn a_link_local_server_lacks_its_interface() {
        let (cause, _) = not_a_host("fe80::5".parse().unwrap());
        assert!(cause.contains("needs an interface (zone)"), "{cause}");
        let (cause, _) = not_a_host("ff02::1".parse().unwrap());
        assert_eq!(cause, "ff02::1 is not the address of a host");
    }

    #[test]
    fn hosts_and_other_addresses() {
        for addr in [
            "10.0.0.1",
            "0.1.2.3",
            "240.0.0.1",
            "127.0.0.1",
            "::1",
            "2001:db8::1",
            "fec0::1",
        ] {
            assert!(may_be_a_host(addr.parse().unwrap()), "{addr}");
        }
        for addr in [
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!may_be_a_host(addr.parse().unwrap()), "{addr}");
        }
    }
}
