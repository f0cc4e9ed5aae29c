//! fwmark rules: which packets get which mark (`iptables -t mangle ... -j MARK`).
//!
//! Source of truth: iptables-extensions(8), MARK and multiport. MARK does not end the traversal
//! of a chain, so the last rule that matches wins and the order of rules is kept.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::address::Family;
use super::key::{Fwmark, Protocol, ServiceKey};
use crate::error::{Error, Result};

/// A port or a range of ports, first to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// Makes a range; one port is a range of itself.
    ///
    /// # Errors
    /// `invalid` where the last comes before the first.
    pub fn new(first: u16, last: u16) -> Result<PortRange> {
        if last < first {
            return Err(
                Error::invalid(format!("port range {first}-{last} runs backwards"))
                    .about("port")
                    .hint(format!("write \"{last}-{first}\"")),
            );
        }
        Ok(PortRange { first, last })
    }

    /// Parses `80`, `8000-8100` or `8000:8100`.
    ///
    /// # Errors
    /// `invalid` for anything else.
    pub fn parse(text: &str) -> Result<PortRange> {
        use super::address::parse_port;
        match text.trim().split_once(['-', ':']) {
            Some((first, last)) => PortRange::new(parse_port(first)?, parse_port(last)?),
            None => parse_port(text.trim()).map(|port| PortRange {
                first: port,
                last: port,
            }),
        }
    }

    /// The first port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// Sorts ranges and joins those that touch: the form in which rules are compared.
    pub fn normalise(mut ranges: Vec<PortRange>) -> Vec<PortRange> {
        ranges.sort();
        let mut joined: Vec<PortRange> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match joined.last_mut() {
                Some(before) if u32::from(range.first) <= u32::from(before.last) + 1 => {
                    before.last = before.last.max(range.last);
                }
                _ => joined.push(range),
            }
        }
        joined
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl TryFrom<String> for PortRange {
    type Error = Error;
    fn try_from(text: String) -> Result<PortRange> {
        PortRange::parse(&text)
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> String {
        range.to_string()
    }
}

/// Names the rules of one mark in one family: the unit of ownership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarkKey {
    /// The family: IPv4 rules are in iptables, IPv6 rules in ip6tables.
    pub family: Family,
    /// The mark.
    pub mark: Fwmark,
}

impl MarkKey {
    /// The service that these rules feed.
    pub fn service(self) -> ServiceKey {
        ServiceKey::Fwmark {
            family: self.family,
            mark: self.mark,
        }
    }

    /// The rules that feed a service, if it is one of a mark.
    pub fn of_service(key: &ServiceKey) -> Option<MarkKey> {
        match *key {
            ServiceKey::Fwmark { family, mark } => Some(MarkKey { family, mark }),
            ServiceKey::Address { .. } => None,
        }
    }
}

impl fmt::Display for MarkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family {
            Family::Ipv4 => write!(f, "mark {}", self.mark),
            Family::Ipv6 => write!(f, "mark {} (ipv6)", self.mark),
        }
    }
}

fn all_bits() -> u32 {
    u32::MAX
}

fn is_all_bits(mask: &u32) -> bool {
    *mask == u32::MAX
}

/// One rule: packets that fit all of it get the mark.
///
/// In its normal form (see [`MarkRule::normalise`]) ports are sorted and joined, networks are
/// truncated to their prefix, and conditions that every packet meets are left out. Its serde form is the database's; users see [`super::json`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarkRule {
    /// The mark that is set.
    pub mark: Fwmark,
    /// The bits of the packet's mark that are replaced; default all.
    #[serde(default = "all_bits", skip_serializing_if = "is_all_bits")]
    pub mask: u32,
    /// The family, which follows the addresses.
    pub family: Family,
    /// The protocol; `None` fits all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Destination address or network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<IpNet>,
    /// Source address or network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpNet>,
    /// Destination ports; empty fits all. Needs a protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortRange>,
    /// Source ports; empty fits all. Needs a protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_ports: Vec<PortRange>,
    /// Incoming interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
}

impl MarkRule {
    /// A rule that fits every packet of a family.
    pub fn new(mark: Fwmark, family: Family) -> MarkRule {
        MarkRule {
            mark,
            mask: u32::MAX,
            family,
            protocol: None,
            to: None,
            from: None,
            ports: Vec::new(),
            from_ports: Vec::new(),
            interface: None,
        }
    }

    /// The name of the group that the rule belongs to.
    pub fn key(&self) -> MarkKey {
        MarkKey {
            family: self.family,
            mark: self.mark,
        }
    }

    /// Brings rules that stand together into their normal form.
    ///
    /// Neighbours of one mark that differ only in their ports become one rule: setting a mark
    /// twice is setting it once, and a list longer than multiport's 15 ports stands in the chain
    /// as several rules that must read back as one.
    pub fn normalise(rules: impl IntoIterator<Item = MarkRule>) -> Vec<MarkRule> {
        let mut joined: Vec<MarkRule> = Vec::new();
        for mut rule in rules {
            rule.ports = PortRange::normalise(rule.ports);
            rule.from_ports = PortRange::normalise(rule.from_ports);
            // Conditions that every packet meets; iptables drops them, and so they are none.
            rule.to = rule.to.map(|net| net.trunc()).filter(is_condition);
            rule.from = rule.from.map(|net| net.trunc()).filter(is_condition);
            rule.protocol = rule.protocol.filter(|protocol| protocol.0 != 0);
            rule.interface = rule.interface.filter(|name| name != "+");
            joined.push(rule);
        }
        // Joined by the one, rules can become neighbours by the other.
        loop {
            let before = joined.len();
            join_neighbours(&mut joined, |rule| &mut rule.ports);
            join_neighbours(&mut joined, |rule| &mut rule.from_ports);
            if joined.len() == before {
                return joined;
            }
        }
    }

    /// The text form without the mark: `tcp to 192.0.2.20 ports 80,443`.
    pub fn summary(&self) -> String {
        let list = |ports: &[PortRange]| {
            ports
                .iter()
                .map(PortRange::to_string)
                .collect::<Vec<_>>()
                .join(",")
        };
        let mut words = vec![self.protocol.map_or("all".to_owned(), |p| p.to_string())];
        if let Some(to) = &self.to {
            words.push(format!("to {}", net_text(to)));
        }
        if !self.ports.is_empty() {
            words.push(format!("ports {}", list(&self.ports)));
        }
        if let Some(from) = &self.from {
            words.push(format!("from {}", net_text(from)));
        }
        if !self.from_ports.is_empty() {
            words.push(format!("from_ports {}", list(&self.from_ports)));
        }
        if let Some(interface) = &self.interface {
            words.push(format!("interface {interface}"));
        }
        if self.mask != u32::MAX {
            words.push(format!("mask {:#x}", self.mask));
        }
        words.join(" ")
    }
}

fn is_condition(net: &IpNet) -> bool {
    net.prefix_len() > 0
}

fn join_neighbours(rules: &mut Vec<MarkRule>, ports: fn(&mut MarkRule) -> &mut Vec<PortRange>) {
    let mut joined: Vec<MarkRule> = Vec::with_capacity(rules.len());
    for mut rule in rules.drain(..) {
        if let Some(before) = joined.last_mut() {
            let mine = std::mem::take(ports(&mut rule));
            let theirs = std::mem::take(ports(before));
            // An empty list fits all ports; it must not be joined with one that fits some.
            if rule == *before && (mine.is_empty() == theirs.is_empty()) {
                *ports(before) = PortRange::normalise([theirs, mine].concat());
                continue;
            }
            *ports(before) = theirs;
            *ports(&mut rule) = mine;
        }
        joined.push(rule);
    }
    *rules = joined;
}

/// Prints a network; one address stands without its prefix length.
pub fn net_text(net: &IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.trunc().to_string()
    }
}

/// Parses an address or a network in CIDR form.
///
/// # Errors
/// `invalid` for host names and malformed prefixes.
pub fn parse_net(text: &str) -> Result<IpNet> {
    let text = text.trim();
    let net = match text.split_once('/') {
        Some((addr, length)) => {
            let addr = super::address::parse_ip(addr)?;
            length
                .parse::<u8>()
                .ok()
                .and_then(|length| IpNet::new(addr, length).ok())
                .ok_or_else(|| {
                    Error::invalid(format!("\"{text}\" is not a network"))
                        .about(text)
                        .hint("a network is like \"192.0.2.0/24\"")
                })?
        }
        None => IpNet::from(super::address::parse_ip(text)?),
    };
    Ok(net.trunc())
}

/// A rule in our own chain that this program did not write and cannot read, word by word as the back
/// end prints it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stray {
    /// Its words; for iptables those after `-A IPVSH`.
    pub words: Vec<String>,
}

/// Somebody else's rule that sets a mark, wherever in the tables of iptables it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignMark {
    /// The table that it is in.
    pub table: String,
    /// The chain that it is in.
    pub chain: String,
    /// The mark that it sets; `None` where that is not in the rule (CONNMARK restores one).
    pub mark: Option<Fwmark>,
    /// The bits of the packet's mark that it replaces.
    pub mask: u32,
    /// The rule as one of ours, where it has nothing that ours cannot have.
    pub rule: Option<MarkRule>,
    /// Another rule of its chain, as `-A CHAIN ...`, by which packets that fit this one may not
    /// have its mark: one in front that keeps them from it, or one behind that marks them anew.
    pub limit: Option<String>,
    /// The words after `-A CHAIN`, as `iptables -S` prints them.
    pub words: Vec<String>,
}

/// Says whether a rule that replaces the bits of `mask` with `set` may give packets this mark.
pub fn may_give(set: Fwmark, mask: u32, mark: Fwmark) -> bool {
    mark.value() & mask == set.value() & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(ports: &str) -> MarkRule {
        let mut rule = MarkRule::new(Fwmark::new(666).unwrap(), Family::Ipv4);
        rule.protocol = Some(Protocol::TCP);
        rule.ports = ports
            .split_terminator(',')
            .map(|p| PortRange::parse(p).unwrap())
            .collect();
        rule
    }

    #[test]
    fn neighbours_join_and_ports_sort() {
        let joined = MarkRule::normalise([rule("443,80"), rule("81-90,8080"), rule("")]);
        assert_eq!(joined.len(), 2);
        assert_eq!(joined[0].summary(), "tcp ports 80-90,443,8080");
        assert_eq!(joined[1].summary(), "tcp");
    }

    #[test]
    fn normal_form_is_stable() {
        let once = MarkRule::normalise([rule("443,80"), rule("80")]);
        assert_eq!(MarkRule::normalise(once.clone()), once);
    }

    #[test]
    fn conditions_that_all_packets_meet_are_dropped() {
        let mut all = rule("");
        all.to = Some(parse_net("0.0.0.0/0").unwrap());
        all.protocol = Some(Protocol(0));
        all.interface = Some("+".to_owned());
        let normal = MarkRule::normalise([all]);
        assert_eq!(
            normal,
            [MarkRule::new(Fwmark::new(666).unwrap(), Family::Ipv4)]
        );
    }

    #[test]
    fn networks_lose_their_host_part() {
        assert_eq!(
            net_text(&parse_net("192.0.2.77/24").unwrap()),
            "192.0.2.0/24"
        );
        assert_eq!(
            net_text(&parse_net("2001:db8::1/128").unwrap()),
            "2001:db8::1"
        );
        assert!(parse_net("192.0.2.0/33").is_err());
    }
}
