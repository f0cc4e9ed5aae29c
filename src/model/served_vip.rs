//! A VIP that this host serves as a real server: how the director's packets arrive, and what the host
//! needs for them.
//!
//! Source of truth: `ip_vs_xmit.c`: direct routing and tunnels leave the VIP in the packet, so the
//! real server must have it; masquerading puts the server's own address in its place.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::address::Family;
use super::combination::check_tunnel;
use super::interface::InterfaceName;
use super::key::{ServerKey, ServiceKey};
use super::mark::MarkKey;
use super::patch::{Options, ServerPatch, check_names};
use super::ruleset::Ruleset;
use super::server::{Forwarding, RealServer, Tunnel};
use super::setting::tunnel_device::TunnelDevice;
use super::setting::vip::{Arp, Vip, VipKey};
use super::setting::{Setting, SettingKey, Settings};
use crate::error::{Error, Kind, Result};

/// The options of a VIP that this host serves.
pub const SERVED_VIP_OPTIONS: [&str; 2] = ["forward", "tunnel"];

/// How the director's packets arrive at a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arrival {
    /// As the client sent them, by the server's hardware address.
    Direct,
    /// Wrapped, and unwrapped by a tunnel device.
    Tunnel(TunnelDevice),
    /// For the server's own address.
    Masq,
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arrival::Direct => f.write_str("direct"),
            Arrival::Tunnel(device) => write!(f, "tunnel {}", device.summary()),
            Arrival::Masq => f.write_str("masq"),
        }
    }
}

impl Arrival {
    /// The way of a forwarding method; the tunnel counts for tunnels alone.
    ///
    /// # Errors
    /// `invalid` for methods without a real server beside the director, and for tunnels that no
    /// device of ours unwraps.
    pub fn of(forward: Forwarding, tunnel: Tunnel) -> Result<Arrival> {
        match forward {
            Forwarding::Direct => Ok(Arrival::Direct),
            Forwarding::Masq => Ok(Arrival::Masq),
            Forwarding::Tunnel => {
                check_tunnel(&tunnel)?;
                TunnelDevice::of(tunnel).map(Arrival::Tunnel)
            }
            Forwarding::Local | Forwarding::Bypass => Err(Error::invalid(format!(
                "forward {forward} has no real server"
            ))
            .about("forward")
            .hint("forward is \"direct\", \"tunnel\" or \"masq\"")),
        }
    }

    /// The way that a user names by a forwarding method, a tunnel, or both; none where neither is
    /// given.
    ///
    /// # Errors
    /// As [`Arrival::of`]; `invalid` for a tunnel of another method.
    pub fn given(forward: Option<Forwarding>, tunnel: Option<Tunnel>) -> Result<Option<Arrival>> {
        match (forward, tunnel) {
            (None, None) => Ok(None),
            (Some(Forwarding::Tunnel) | None, Some(tunnel)) => {
                Arrival::of(Forwarding::Tunnel, tunnel).map(Some)
            }
            (Some(method), Some(_)) => {
                Err(Error::invalid(format!("forward {method} has no tunnel"))
                    .about("tunnel")
                    .hint("leave tunnel out, or choose the forwarding method \"tunnel\""))
            }
            (Some(method), None) => Arrival::of(method, Tunnel::default()).map(Some),
        }
    }
}

/// A VIP that this host serves as a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedVip {
    addr: IpAddr,
    arrival: Arrival,
}

impl ServedVip {
    /// A VIP, and how its packets arrive.
    ///
    /// # Errors
    /// `invalid` for an IPv6 VIP behind a tunnel: the tunnel devices that ipvsh sets up unwrap IPv4.
    pub fn new(addr: IpAddr, arrival: Arrival) -> Result<ServedVip> {
        let is_of_link = matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local());
        if addr.is_loopback() || is_of_link {
            return Err(
                Error::invalid("no client reaches such an address by a director")
                    .object(format!("vip {addr}"))
                    .hint("give the address that clients connect to, like 192.0.2.10"),
            );
        }
        if Family::of(addr) == Family::Ipv6 && matches!(arrival, Arrival::Tunnel(_)) {
            return Err(
                Error::invalid("ipvsh sets up no tunnel device for an IPv6 VIP")
                    .object(format!("vip {addr}"))
                    .about("forward")
                    .hint("its tunnel devices unwrap IPv4; use direct routing or masquerading"),
            );
        }
        Ok(ServedVip { addr, arrival })
    }

    /// Reads an address, and the options `forward` and `tunnel` as those of a real server.
    ///
    /// # Errors
    /// `invalid` for what is no address of a host, unknown options and values.
    pub fn parse(address: &str, options: &Options) -> Result<ServedVip> {
        let addr = Self::parse_address(address)?;
        check_names(options, &SERVED_VIP_OPTIONS, "a served vip")?;
        let patch = ServerPatch::parse(options)?;
        // The method is named in a script, where a tunnel alone does not choose it.
        let forward = patch.forward.unwrap_or_default();
        let arrival = Arrival::given(Some(forward), patch.tunnel)?.unwrap_or(Arrival::Direct);
        ServedVip::new(addr, arrival)
    }

    /// Reads the address of a VIP, whose prefix is that of a single host.
    ///
    /// # Errors
    /// `invalid` for what is no address of a host, and for a network.
    pub fn parse_address(text: &str) -> Result<IpAddr> {
        let (key, vip) = Vip::parse(text, &Options::new())?;
        if vip.prefix != Vip::single(key.addr).prefix {
            return Err(
                Error::invalid("a real server has a VIP without its network")
                    .about(text)
                    .hint(format!("leave the prefix out: {}", key.addr)),
            );
        }
        Ok(key.addr)
    }

    /// What the real servers of a service need, as the options of its servers say; of those of one
    /// forwarding method, where one is given, or of a tunnel.
    ///
    /// # Errors
    /// `invalid` for a service without such servers, and for one whose mark has no single address;
    /// `ambiguous` where its servers want different things.
    pub fn of_service(
        rules: &Ruleset,
        key: &ServiceKey,
        forward: Option<Forwarding>,
        tunnel: Option<Tunnel>,
    ) -> Result<ServedVip> {
        let refuse = |kind: Kind, why: String| Error::new(kind, why).object(key);
        let addr = address(rules, key).ok_or_else(|| {
            refuse(Kind::Invalid, "it has no single address".to_owned())
                .hint("name the VIP in its place")
        })?;
        let given = Arrival::given(forward, tunnel)?;
        let servers = rules.services.get(key).map(|service| &service.servers);
        let servers = servers.into_iter().flat_map(|servers| servers.iter());
        let ways = servers
            .filter(|(_, options)| forward.is_none_or(|method| options.forward == method))
            .map(|(server, options)| arrival(server, options));
        let ways = ways.collect::<Result<BTreeSet<Arrival>>>();
        let ways = ways.map_err(|error| error.object(key))?;
        let ways: Vec<Arrival> = ways.into_iter().collect();
        let service = rules.services.get(key);
        let has_snat = service.is_some_and(|service| service.policy.snat.is_some());
        match (given, ways.as_slice()) {
            (_, [Arrival::Masq]) | (Some(Arrival::Masq), _) if has_snat => Err(refuse(
                Kind::Invalid,
                "its servers need nothing: the service has snat, so they answer this host"
                    .to_owned(),
            )),
            (Some(given @ Arrival::Tunnel(_)), _) if tunnel.is_some() => {
                ServedVip::new(addr, given)
            }
            (_, [one]) => ServedVip::new(addr, *one),
            (Some(given), []) => ServedVip::new(addr, given),
            (None, []) => Err(refuse(Kind::Invalid, "it has no servers yet".to_owned())
                .hint("say how packets will reach them: --forward direct")),
            (_, many) => {
                let ways: Vec<String> = many.iter().map(Arrival::to_string).collect();
                let why = format!(
                    "its servers are reached in several ways: {}",
                    ways.join(", ")
                );
                let hint = "say which: --forward direct, --forward masq, --tunnel ipip, \
                            --tunnel gue:6080";
                Err(refuse(Kind::Ambiguous, why).hint(hint))
            }
        }
    }

    /// The address.
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// How packets arrive.
    pub fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// The tunnel device with its name, where packets arrive by one.
    ///
    /// # Errors
    /// None for the types of tunnels that an [`Arrival`] has.
    pub fn device(&self) -> Result<Option<(InterfaceName, TunnelDevice)>> {
        match self.arrival {
            Arrival::Tunnel(device) => Ok(Some((device.default_name()?, device))),
            Arrival::Direct | Arrival::Masq => Ok(None),
        }
    }

    /// What a host declares to serve the VIP, beside what it has declared; the VIP comes first. A
    /// device that takes these packets already stays as it is.
    ///
    /// # Errors
    /// `invalid` for masquerading, for which a host declares nothing, and for a VIP that this host
    /// answers for on another interface.
    pub fn entries(&self, declared: &Settings) -> Result<Vec<(SettingKey, Setting)>> {
        let named = |error: Error| error.object(format!("vip {}", self.addr));
        if self.arrival == Arrival::Masq {
            return Err(named(
                Error::invalid(
                    "a masqueraded real server has no VIP: nothing is to be declared here",
                )
                .about("forward")
                .hint(
                    "its answers must go back by the director: make the director's inner \
                         address its default gateway, or give the service source NAT",
                ),
            ));
        }
        let key = VipKey {
            addr: self.addr,
            interface: InterfaceName::LO,
        };
        if let Some((other, _)) = declared
            .vips()
            .find(|(other, vip)| other.addr == key.addr && *other != key && vip.arp == Arp::Answer)
        {
            let interface = other.interface;
            return Err(named(
                Error::invalid(format!("this host answers for it on {interface}")).hint(format!(
                    "a host is the director of a VIP, or a silent real server; before: \
                     remove(vip(\"{}\", #{{ interface: \"{interface}\" }}))",
                    key.addr
                )),
            ));
        }
        let vip = Vip {
            arp: Arp::Silent,
            ..Vip::single(self.addr)
        };
        let mut entries = vec![(SettingKey::Vip(key), Setting::Vip(vip))];
        if let Some((name, device)) = self.device()? {
            let standing = declared.tunnel_devices().find(|(other, _)| *other == name);
            if standing.is_none_or(|(_, standing)| !device.satisfied_by(standing)) {
                entries.push((
                    SettingKey::TunnelDevice(name),
                    Setting::TunnelDevice(device),
                ));
            }
        }
        Ok(entries)
    }
}

/// How packets arrive at a real server.
fn arrival(server: &ServerKey, options: &RealServer) -> Result<Arrival> {
    let arrival = Arrival::of(options.forward, options.tunnel)?;
    match (arrival, Family::of(server.addr)) {
        (Arrival::Tunnel(_), Family::Ipv6) => Err(Error::invalid(
            "ipvsh sets up no tunnel device for packets that come wrapped in IPv6",
        )
        .hint("its tunnel devices unwrap packets that come by IPv4")),
        _ => Ok(arrival),
    }
}

/// The address of a service; of a mark's the one that all its rules name.
fn address(rules: &Ruleset, key: &ServiceKey) -> Option<IpAddr> {
    if let Some(addr) = key.addr() {
        return Some(addr);
    }
    let mark = MarkKey::of_service(key)?;
    let rules = rules.rules_of(mark);
    let all: BTreeSet<Option<IpNet>> = rules.iter().map(|rule| rule.to).collect();
    match all.into_iter().collect::<Vec<_>>().as_slice() {
        [Some(net)] if net.prefix_len() == net.max_prefix_len() => Some(net.addr()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::ruleset::VirtualService;
    use crate::model::setting::SettingKind;

    fn parse(address: &str, options: Value) -> Result<ServedVip> {
        let Value::Object(options) = options else {
            unreachable!("tests give maps")
        };
        ServedVip::parse(address, &options)
    }

    fn summaries(served: &ServedVip, declared: &Settings) -> Vec<String> {
        let entries = served.entries(declared).unwrap();
        let text = |(key, value): (SettingKey, Setting)| format!("{key}: {}", value.summary(key));
        entries.into_iter().map(text).collect()
    }

    #[test]
    fn each_method_declares_what_it_needs() {
        let vip = "vip 192.0.2.10: /32 on lo, arp silent";
        for (options, device) in [
            (json!({}), None),
            (json!({"forward": "DR"}), None),
            (json!({"forward": "tun"}), Some("tunnel-device tunl0: ipip")),
            (
                json!({"forward": "tunnel", "tunnel": {"type": "gue", "port": 6080}}),
                Some("tunnel-device tunl0: gue port 6080"),
            ),
            (
                json!({"forward": "tunnel", "tunnel": {"type": "gre", "checksum": "full"}}),
                Some("tunnel-device gre0: gre"),
            ),
        ] {
            let served = parse("192.0.2.10", options.clone()).unwrap();
            let expected: Vec<&str> = std::iter::once(vip).chain(device).collect();
            assert_eq!(
                summaries(&served, &Settings::default()),
                expected,
                "{options}"
            );
        }
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        for (address, options, why) in [
            ("192.0.2.10/24", json!({}), "without its network"),
            ("224.0.0.1", json!({}), "not the address of a host"),
            ("192.0.2.10", json!({"forward": "local"}), "no real server"),
            ("192.0.2.10", json!({"weight": 1}), "unknown option"),
            (
                "192.0.2.10",
                json!({"tunnel": {"type": "gre"}}),
                "has no tunnel",
            ),
            (
                "192.0.2.10",
                json!({"forward": "tunnel", "tunnel": {"type": "gue"}}),
                "needs a port",
            ),
            (
                "2001:db8::10",
                json!({"forward": "tunnel"}),
                "no tunnel device",
            ),
        ] {
            let error = parse(address, options.clone()).unwrap_err();
            assert!(
                error.message().contains(why),
                "{address} {options}: {error}"
            );
        }
        let masq = parse("192.0.2.10", json!({"forward": "masq"})).unwrap();
        let error = masq.entries(&Settings::default()).unwrap_err();
        assert!(
            error.message().contains("nothing is to be declared"),
            "{error}"
        );
    }

    #[test]
    fn what_is_declared_already_counts() {
        let mut declared = Settings::default();
        let device = json!([{"name": "tunl0", "type": "gue", "port": 6080}]);
        SettingKind::TunnelDevice
            .read(device, &mut declared)
            .unwrap();
        let served = parse("192.0.2.10", json!({"forward": "tunnel"})).unwrap();
        assert_eq!(
            summaries(&served, &declared).len(),
            1,
            "gue takes ipip, too"
        );
        let vip = json!([{"address": "192.0.2.10", "interface": "eth0"}]);
        SettingKind::Vip.read(vip, &mut declared).unwrap();
        let error = served.entries(&declared).unwrap_err();
        assert_eq!(error.message(), "this host answers for it on eth0");
    }

    #[test]
    fn a_service_says_what_its_servers_need() {
        let (mixed, empty) = ("tcp 192.0.2.10:80", "tcp 192.0.2.20:80");
        let key = |text: &str| ServiceKey::parse(text).unwrap();
        let mut rules = Ruleset::default();
        for service in [mixed, empty] {
            rules
                .services
                .insert(key(service), VirtualService::new(Family::Ipv4));
        }
        for (address, options) in [
            (
                "10.0.0.11",
                json!({"forward": "tunnel", "tunnel": {"type": "gue", "port": 6080}}),
            ),
            ("10.0.0.12", json!({"forward": "direct"})),
        ] {
            let server = ServerKey::parse(address, &key(mixed)).unwrap();
            let mut real = RealServer::default();
            let patch = ServerPatch::parse(options.as_object().unwrap()).unwrap();
            patch.apply(&mut real);
            let service = rules.services.get_mut(&key(mixed)).unwrap();
            service.servers.insert(server, real);
        }
        let of =
            |service: &str, forward| ServedVip::of_service(&rules, &key(service), forward, None);
        assert_eq!(
            of(mixed, None).unwrap_err().message(),
            "its servers are reached in several ways: direct, tunnel gue port 6080"
        );
        let tunnel = of(mixed, Some(Forwarding::Tunnel)).unwrap();
        assert_eq!(tunnel.arrival().to_string(), "tunnel gue port 6080");
        assert!(of(empty, None).is_err());
        assert!(of(empty, Some(Forwarding::Direct)).is_ok());
    }
}
