//! Rules of iptables in front of one that sets a mark: which of them may keep packets from it.
//!
//! Source of truth: iptables(8) (TARGETS), iptables-extensions(8). A condition that is not
//! understood here is taken to fit every packet, so that the answer is never "no" by mistake.

use ipnet::IpNet;

use super::{MarkRule, PortRange, Protocol};

/// Targets behind which a packet meets the next rule of the chain.
const PASSING: [&str; 30] = [
    "AUDIT",
    "CHECKSUM",
    "CLASSIFY",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DSCP",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "IPV4OPTSSTRIP",
    "LED",
    "LOG",
    "MARK",
    "NETFLOW",
    "NFACCT",
    "NFLOG",
    "NOTRACK",
    "RATEEST",
    "SECMARK",
    "SET",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TRACE",
    "TTL",
    "ULOG",
    "DELUDE",
];
/// Targets behind which it does not.
const ENDING: [&str; 13] = [
    "ACCEPT",
    "DNAT",
    "DROP",
    "MASQUERADE",
    "NETMAP",
    "NFQUEUE",
    "QUEUE",
    "REDIRECT",
    "REJECT",
    "RETURN",
    "SNAT",
    "SYNPROXY",
    "TPROXY",
];

/// What becomes of a packet that fits a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'a> {
    /// It meets the next rule.
    On,
    /// It comes back from a chain that was called, and goes on behind the call.
    Back,
    /// It meets no further rule of the table's chain.
    Out,
    /// It meets the rules of another chain, and then the next rule.
    Through(&'a str),
    /// It meets the rules of another chain, and does not come back.
    Into(&'a str),
}

/// Says what becomes of a packet that fits a rule, whose words are those behind `-A CHAIN`.
pub fn way(words: &[String]) -> Way<'_> {
    let value = |names: [&str; 2]| {
        words.windows(2).find_map(|pair| match pair {
            [option, value] if names.contains(&option.as_str()) => Some(value.as_str()),
            _ => None,
        })
    };
    if let Some(chain) = value(["-g", "--goto"]) {
        return Way::Into(chain);
    }
    match value(["-j", "--jump"]) {
        None => Way::On,
        Some("RETURN") => Way::Back,
        Some(target) if PASSING.contains(&target) => Way::On,
        Some(target) if ENDING.contains(&target) => Way::Out,
        Some(chain) => Way::Through(chain),
    }
}

/// How deep chains may call each other (the kernel allows no loops).
const DEEP: usize = 16;

/// Says whether a packet that fits a rule may not meet the rule behind it. `rules` gives the rules
/// of a chain, or none where the chain is not known.
pub fn may_keep<'a>(words: &[String], rules: &dyn Fn(&str) -> Option<Vec<&'a [String]>>) -> bool {
    match way(words) {
        Way::On => false,
        Way::Back | Way::Out | Way::Into(_) => true,
        Way::Through(chain) => chain_may_keep(chain, rules, 0),
    }
}

fn chain_may_keep<'a>(
    chain: &str,
    rules: &dyn Fn(&str) -> Option<Vec<&'a [String]>>,
    depth: usize,
) -> bool {
    let Some(all) = rules(chain).filter(|_| depth < DEEP) else {
        return true;
    };
    all.into_iter().any(|words| match way(words) {
        Way::On | Way::Back => false,
        Way::Out | Way::Into(_) => true,
        Way::Through(next) => chain_may_keep(next, rules, depth + 1),
    })
}

/// Says whether a packet may fit both a rule of iptables and a mark rule of the same family.
pub fn may_meet(words: &[String], rule: &MarkRule) -> bool {
    let front = Conditions::of(words);
    let protocols = match (front.protocol, rule.protocol) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    protocols
        && nets_meet(front.to, rule.to)
        && nets_meet(front.from, rule.from)
        && interfaces_meet(front.interface, rule.interface.as_deref())
        && ports_meet(&front.ports, &rule.ports)
        && ports_meet(&front.from_ports, &rule.from_ports)
}

/// The conditions of a rule that are understood.
#[derive(Debug, Default)]
struct Conditions<'a> {
    protocol: Option<Protocol>,
    to: Option<IpNet>,
    from: Option<IpNet>,
    ports: Vec<PortRange>,
    from_ports: Vec<PortRange>,
    interface: Option<&'a str>,
}

impl<'a> Conditions<'a> {
    fn of(words: &'a [String]) -> Conditions<'a> {
        let mut all = Conditions::default();
        let mut words = words.iter().map(String::as_str).peekable();
        while let Some(option) = words.next() {
            if option == "!" {
                // Everything but what it names: taken to fit.
                words.next();
                continue;
            }
            let Some(value) = words.peek().copied() else {
                break;
            };
            match option {
                "-p" | "--protocol" => all.protocol = protocol(value),
                "-d" | "--destination" | "--dst" => all.to = net(value),
                "-s" | "--source" | "--src" => all.from = net(value),
                "-i" | "--in-interface" => all.interface = Some(value),
                "--dport" | "--destination-port" | "--dports" | "--destination-ports" => {
                    all.ports = ports(value);
                }
                "--sport" | "--source-port" | "--sports" | "--source-ports" => {
                    all.from_ports = ports(value);
                }
                _ => {}
            }
        }
        all
    }
}

fn protocol(word: &str) -> Option<Protocol> {
    let number = word.parse().ok().map(Protocol);
    number
        .or_else(|| Protocol::parse(word))
        .filter(|protocol| protocol.0 != 0)
}

fn net(word: &str) -> Option<IpNet> {
    super::mark::parse_net(word).ok()
}

/// None where one of them is not understood.
fn ports(word: &str) -> Vec<PortRange> {
    let all: Option<Vec<PortRange>> = word
        .split(',')
        .map(|one| PortRange::parse(one).ok())
        .collect();
    all.unwrap_or_default()
}

fn nets_meet(one: Option<IpNet>, other: Option<IpNet>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.contains(&other) || other.contains(&one),
        _ => true,
    }
}

fn interfaces_meet(one: Option<&str>, other: Option<&str>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return true;
    };
    match (one.strip_suffix('+'), other.strip_suffix('+')) {
        (None, None) => one == other,
        (Some(begin), None) => other.starts_with(begin),
        (None, Some(begin)) => one.starts_with(begin),
        (Some(one), Some(other)) => one.starts_with(other) || other.starts_with(one),
    }
}

fn ports_meet(one: &[PortRange], other: &[PortRange]) -> bool {
    let meet = |a: &PortRange, b: &PortRange| a.first() <= b.last() && b.first() <= a.last();
    one.is_empty() || other.is_empty() || one.iter().any(|a| other.iter().any(|b| meet(a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Fwmark};

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn web() -> MarkRule {
        let mut rule = MarkRule::new(Fwmark::new(1).unwrap(), Family::Ipv4);
        rule.protocol = Some(Protocol::TCP);
        rule.to = Some("192.0.2.20/32".parse().unwrap());
        rule.from = Some("198.51.100.0/24".parse().unwrap());
        rule.ports = vec![PortRange::parse("80").unwrap()];
        rule.interface = Some("eth0".to_owned());
        rule
    }

    #[test]
    fn packets_that_fit_both() {
        for line in [
            "-j RETURN",
            "-s 198.51.100.7/32 -j RETURN",
            "-s 198.51.0.0/16 -p tcp -j ACCEPT",
            "! -s 203.0.113.0/24 -j RETURN",
            "-p tcp -m multiport --dports 22,70:90 -j ACCEPT",
            "-p tcp --dport http -j ACCEPT",
            "-i eth+ -j RETURN",
            "-m mac --mac-source 00:00:5e:00:53:01 -j RETURN",
        ] {
            assert!(may_meet(&words(line), &web()), "{line}");
        }
        for line in [
            "-p udp -j RETURN",
            "-s 203.0.113.0/24 -j RETURN",
            "-d 192.0.2.21 -j RETURN",
            "-p tcp --dport 81:90 -j RETURN",
            "-i lo -j ACCEPT",
            "-i ppp+ -j ACCEPT",
        ] {
            assert!(!may_meet(&words(line), &web()), "{line}");
        }
    }

    #[test]
    fn targets_lead_on_or_away() {
        for (line, expected) in [
            ("-p tcp", Way::On),
            ("-j LOG --log-prefix x", Way::On),
            ("-j RETURN", Way::Back),
            ("-p tcp -j DROP", Way::Out),
            ("-j PREROUTING_direct", Way::Through("PREROUTING_direct")),
            ("-g there", Way::Into("there")),
        ] {
            assert_eq!(way(&words(line)), expected, "{line}");
        }
    }
}
