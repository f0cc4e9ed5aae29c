//! Combinations that the kernel or ipvsadm refuses, told before anything is sent.
//!
//! These rules are for what a script declares or sets. `adopt`, JSON and the simulator hold
//! whatever the kernel accepts (ip_vs_ctl.c; ipvsadm.c for the stricter ones).

use super::address::{Family, endpoint};
use super::key::{Protocol, ServerKey, ServiceKey};
use super::server::{Forwarding, RealServer, TunnelKind, server_name};
use super::service::ServiceOptions;
use crate::error::{Error, Result};

/// Checks a service's own options against each other.
///
/// # Errors
/// `invalid`: port 0 without persistence, one-packet scheduling outside UDP and fwmark, an engine
/// without persistence.
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
            );
        }
        if options.one_packet && *protocol != Protocol::UDP {
            return fail(
                "one-packet scheduling is for UDP and fwmark services",
                "leave one_packet out",
            );
        }
        if addr.is_multicast() || addr.is_unspecified() {
            return fail(
                "a VIP is one address of a host",
                "name the address that clients ask",
            );
        }
    }
    if options.engine.is_some() && options.persistent.is_none() {
        return fail(
            "a persistence engine needs persistence",
            "add persistent: 300",
        );
    }
    Ok(())
}

/// Checks a server's options against each other and against its service.
///
/// # Errors
/// `invalid`: lower over upper threshold, a port change without masquerading, a server of the
/// other family outside tunnels, GUE without a port, an address that is not unicast.
pub fn check_server(service: &ServiceKey, key: &ServerKey, server: &RealServer) -> Result<()> {
    let fail = |cause: String, hint: &str| {
        Err(Error::invalid(cause)
            .object(server_name(service, key))
            .hint(hint.to_owned()))
    };
    let broadcast = key.addr == std::net::IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    if key.addr.is_multicast() || key.addr.is_unspecified() || broadcast {
        return fail(
            format!("{} is not the address of a host", key.addr),
            "a real server has a unicast address",
        );
    }
    if server.lower > server.upper {
        return fail(
            format!(
                "lower threshold {} is above upper threshold {}",
                server.lower, server.upper
            ),
            "lower must not be above upper; upper 0 is off and allows no lower",
        );
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
    if server.tunnel.kind == TunnelKind::Gue && server.tunnel.port == 0 {
        return fail(
            "a GUE tunnel needs a port".to_owned(),
            "tunnel: #{ type: \"gue\", port: 6080 }",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::server::{Tunnel, Weight};

    #[test]
    fn combinations_are_refused_with_the_fix() {
        let service = ServiceKey::parse("tcp 192.0.2.1:80").unwrap();
        let server = |text: &str| ServerKey::parse(text, &service).unwrap();
        let plain = RealServer {
            weight: Weight::new(1).unwrap(),
            ..RealServer::default()
        };
        check_server(&service, &server("10.0.0.1"), &plain).unwrap();

        let error = check_server(&service, &server("10.0.0.1:8080"), &plain).unwrap_err();
        assert_eq!(
            error.to_string(),
            "real server 10.0.0.1:8080 of tcp 192.0.2.1:80: direct routing cannot change the port \
             (80 to 8080)"
        );
        assert_eq!(error.hints(), ["forward: \"masq\""]);

        let gue = Tunnel {
            kind: TunnelKind::Gue,
            ..Tunnel::default()
        };
        for (key, server) in [
            (server("10.0.0.1"), RealServer { lower: 1, ..plain }),
            (
                server("10.0.0.1"),
                RealServer {
                    tunnel: gue,
                    ..plain
                },
            ),
            (server("224.0.0.1"), plain),
            (server("2001:db8::1"), plain),
        ] {
            assert!(
                check_server(&service, &key, &server).is_err(),
                "{key} {server:?}"
            );
        }
    }
}
