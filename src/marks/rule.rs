//! One mark rule as words of iptables, both ways.
//!
//! Source of truth: iptables-extensions(8), and what `iptables -S` 1.8.9 prints, which differs
//! from what was typed: `--set-mark 666` comes back as `--set-xmark 0x29a/0xffffffff`, `-p 47`
//! as `-p gre`, a network of length 0, the interface `+` and the ports `--dport 0:65535` not at
//! all.

use crate::error::{Error, Result};
use crate::model::address::parse_port;
use crate::model::interface;
use crate::model::mark::parse_net;
use crate::model::{Family, Fwmark, MarkRule, PortRange, Protocol};

/// XT_MULTI_PORTS (linux/netfilter/xt_multiport.h): ports in one match; a range takes two.
const XT_MULTI_PORTS: usize = 15;

/// IPPROTO_UDPLITE.
const UDPLITE: Protocol = Protocol(136);

/// IPPROTO_DCCP.
const DCCP: Protocol = Protocol(33);

/// Makes a rule into rules that iptables can hold: none has more than 15 ports on a side.
///
/// Source ports vary slowest, so that the parts read back join into the rule again.
///
/// # Errors
/// `invalid` for a rule that iptables would refuse or read back as another one.
pub fn split(rule: &MarkRule) -> Result<Vec<MarkRule>> {
    check(rule)?;
    let from = portions(&rule.from_ports);
    let to = portions(&rule.ports);
    let mut parts = Vec::with_capacity(from.len() * to.len());
    for from_ports in &from {
        for ports in &to {
            parts.push(MarkRule {
                ports: ports.clone(),
                from_ports: from_ports.clone(),
                ..rule.clone()
            });
        }
    }
    Ok(parts)
}

fn check(rule: &MarkRule) -> Result<()> {
    let refuse = |cause: String| Err(Error::invalid(cause).object(rule.key()));
    if rule.mark.value() & !rule.mask != 0 {
        return refuse(format!(
            "the mark has bits outside of its mask {:#x}",
            rule.mask
        ));
    }
    if let Some(protocol) = rule.protocol
        && !(1..=255).contains(&protocol.0)
    {
        return refuse(format!("iptables knows no {protocol}"));
    }
    let has_ports = !rule.ports.is_empty() || !rule.from_ports.is_empty();
    let may_have = [Protocol::TCP, Protocol::UDP, Protocol::SCTP, UDPLITE, DCCP];
    if has_ports && !rule.protocol.is_some_and(|p| may_have.contains(&p)) {
        return refuse("ports need a protocol that has ports".to_owned());
    }
    if let Some(interface) = &rule.interface {
        interface::check(interface).map_err(|e| e.object(rule.key()))?;
    }
    let nets = [rule.to, rule.from].into_iter().flatten();
    for net in nets {
        if Family::of(net.addr()) != rule.family {
            return refuse(format!("{net} is no {} network", rule.family));
        }
    }
    Ok(())
}

fn portions(ports: &[PortRange]) -> Vec<Vec<PortRange>> {
    let mut portions = Vec::new();
    let mut portion = Vec::new();
    let mut taken = 0;
    for range in ports {
        let takes = slots(*range);
        if taken + takes > XT_MULTI_PORTS {
            portions.push(std::mem::take(&mut portion));
            taken = 0;
        }
        portion.push(*range);
        taken += takes;
    }
    portions.push(portion);
    portions
}

fn slots(range: PortRange) -> usize {
    if range.first() == range.last() { 1 } else { 2 }
}

/// The words of one part (see [`split`]) after `-A IPVSH`, as `iptables -S` would print them.
pub fn words(rule: &MarkRule) -> Vec<String> {
    let mut words: Vec<String> = Vec::with_capacity(16);
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    if let Some(from) = &rule.from {
        option("-s", from.to_string());
    }
    if let Some(to) = &rule.to {
        option("-d", to.to_string());
    }
    if let Some(interface) = &rule.interface {
        option("-i", interface.clone());
    }
    if let Some(protocol) = rule.protocol {
        match protocol {
            Protocol::TCP | Protocol::UDP | Protocol::SCTP => option("-p", protocol.to_string()),
            Protocol(number) => option("-p", number.to_string()),
        }
    }
    if let Some(matcher) = single_port_match(rule) {
        option("-m", matcher.to_string());
        for (name, ports) in [("--sport", &rule.from_ports), ("--dport", &rule.ports)] {
            if !ports.is_empty() {
                option(name, port_list(ports));
            }
        }
    } else {
        for (name, ports) in [("--sports", &rule.from_ports), ("--dports", &rule.ports)] {
            if !ports.is_empty() {
                option("-m", "multiport".to_owned());
                option(name, port_list(ports));
            }
        }
    }
    option("-j", "MARK".to_owned());
    option(
        "--set-xmark",
        format!("{:#x}/{:#x}", rule.mark.value(), rule.mask),
    );
    words
}

/// Whether the protocol's own match can hold the ports. It cannot hold 0:65535: that is no
/// condition to it, and is not read back.
fn single_port_match(rule: &MarkRule) -> Option<Protocol> {
    let fits = |ports: &[PortRange]| match ports {
        [] => true,
        [one] => (one.first(), one.last()) != (0, u16::MAX),
        _ => false,
    };
    let some = !rule.ports.is_empty() || !rule.from_ports.is_empty();
    let protocol = rule
        .protocol
        .filter(|p| [Protocol::TCP, Protocol::UDP].contains(p))?;
    (some && fits(&rule.ports) && fits(&rule.from_ports)).then_some(protocol)
}

fn port_list(ports: &[PortRange]) -> String {
    ports
        .iter()
        .map(|range| {
            if range.first() == range.last() {
                range.first().to_string()
            } else {
                format!("{}:{}", range.first(), range.last())
            }
        })
        .collect::<Vec<_>>()
        .join(",")
}

/// Reads the words after `-A CHAIN` in whatever order; `None` where the rule says anything that a
/// mark rule of ours cannot say.
pub fn read(family: Family, words: &[String]) -> Option<MarkRule> {
    let mut rule = MarkRule::new(Fwmark::new(1).ok()?, family);
    let mut seen: Vec<&str> = Vec::new();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let value = words.next()?;
        let meaning = match word {
            "-s" | "--source" => {
                rule.from = Some(net(family, value)?);
                "from"
            }
            "-d" | "--destination" => {
                rule.to = Some(net(family, value)?);
                "to"
            }
            "-i" | "--in-interface" => {
                rule.interface = Some(interface::check(value).ok()?);
                "interface"
            }
            "-p" | "--protocol" => {
                rule.protocol = protocol(value)?;
                "protocol"
            }
            "-m" | "--match" => {
                let plain = ["tcp", "udp", "sctp", "udplite", "dccp", "multiport"];
                plain.contains(&value).then_some(())?;
                continue;
            }
            "--sport" | "--sports" => {
                rule.from_ports = ports(value)?;
                "from_ports"
            }
            "--dport" | "--dports" => {
                rule.ports = ports(value)?;
                "ports"
            }
            "-j" | "--jump" => {
                (value == "MARK").then_some(())?;
                "target"
            }
            "--set-xmark" | "--set-mark" => {
                (rule.mark, rule.mask) = value_and_mask(word, value)?;
                "mark"
            }
            _ => return None,
        };
        if seen.contains(&meaning) {
            return None;
        }
        seen.push(meaning);
    }
    // Without bits outside of the mask, xor and replacing are the same.
    let whole = seen.contains(&"target") && seen.contains(&"mark");
    (whole && rule.mark.value() & !rule.mask == 0).then_some(rule)
}

/// Says which mark the words set in which bits, whatever else they say; without a mark where
/// it is that of the connection.
pub fn mark_set(words: &[String]) -> Option<(Option<Fwmark>, u32)> {
    let target = words.windows(2).find_map(|pair| match pair {
        [option, target] if option == "-j" => Some(target.as_str()),
        _ => None,
    });
    let options: &[&str] = match target? {
        "MARK" => &["--set-xmark", "--set-mark"],
        "TPROXY" => &["--tproxy-mark"],
        "CONNMARK" if words.iter().any(|word| word == "--restore-mark") => {
            return Some((None, u32::MAX));
        }
        _ => return None,
    };
    let value = words.windows(2).find_map(|pair| match pair {
        [option, value] if options.contains(&option.as_str()) => value_and_mask(option, value),
        _ => None,
    })?;
    Some((Some(value.0), value.1))
}

fn net(family: Family, text: &str) -> Option<ipnet::IpNet> {
    parse_net(text)
        .ok()
        .filter(|net| Family::of(net.addr()) == family)
}

fn ports(text: &str) -> Option<Vec<PortRange>> {
    let one = |word: &str| match word.split_once(':') {
        Some((first, last)) => {
            let first = if first.is_empty() { "0" } else { first };
            let last = if last.is_empty() { "65535" } else { last };
            PortRange::new(parse_port(first).ok()?, parse_port(last).ok()?).ok()
        }
        None => PortRange::parse(word).ok(),
    };
    let ranges: Option<Vec<PortRange>> = text.split(',').map(one).collect();
    ranges.map(PortRange::normalise)
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `--set-mark V/M` clears M and sets V; `--set-xmark V/M` clears M and flips V.
fn value_and_mask(option: &str, text: &str) -> Option<(Fwmark, u32)> {
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (number(value)?, number(mask)?),
        None => (number(text)?, u32::MAX),
    };
    let mask = if option == "--set-mark" {
        mask | value
    } else {
        mask
    };
    Some((Fwmark::new(value.into()).ok()?, mask))
}

/// Reads a protocol as `-S` prints it: by the names that iptables has built in, then by those of
/// /etc/protocols, then as a number. The outer `None` is an unknown name, the inner one all.
fn protocol(text: &str) -> Option<Option<Protocol>> {
    let number = match text {
        "all" | "0" => return Some(None),
        "tcp" => 6,
        "udp" => 17,
        "udplite" => 136,
        "sctp" => 132,
        "dccp" => 33,
        "icmp" => 1,
        "icmpv6" | "ipv6-icmp" => 58,
        "esp" => 50,
        "ah" => 51,
        "gre" => 47,
        "mh" | "ipv6-mh" | "mobility-header" => 135,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        name => named(&std::fs::read_to_string("/etc/protocols").ok()?, name)?,
    };
    (1..=255)
        .contains(&number)
        .then_some(Some(Protocol(number)))
}

/// Finds a name in the text of protocols(5).
fn named(table: &str, name: &str) -> Option<u16> {
    table.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let official = words.next()?;
        let number = words.next()?.parse().ok()?;
        (official == name || words.any(|alias| alias == name)).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn read4(text: &str) -> Option<MarkRule> {
        read(Family::Ipv4, &line(text))
    }

    #[test]
    fn what_is_typed_and_what_is_printed_read_alike() {
        let printed = read4(
            "-d 192.0.2.20/32 -p tcp -m multiport --dports 80,443,8000:8100 -j MARK --set-xmark 0x29a/0xffffffff",
        );
        for typed in [
            "-p tcp -m multiport -d 192.0.2.20 --dports 443,80,8000:8100 -j MARK --set-mark 666",
            "-j MARK --set-mark 0x29a -p 6 -d 192.0.2.20 -m multiport --dports 8000:8100,80,443",
        ] {
            assert_eq!(read4(typed), printed, "{typed}");
        }
        assert_eq!(
            printed.unwrap().summary(),
            "tcp to 192.0.2.20 ports 80,443,8000-8100"
        );
    }

    #[test]
    fn what_a_mark_rule_cannot_say_is_not_read() {
        for text in [
            "! -i lo -j MARK --set-xmark 0x1/0xffffffff",
            "-p tcp -m tcp ! --dport 80 -j MARK --set-xmark 0x1/0xffffffff",
            "-m comment --comment plain -j MARK --set-xmark 0x1/0xffffffff",
            "-j MARK --set-xmark 0x100/0xff",
            "-j MARK --set-xmark 0x0/0xffffffef",
            "-d 10.0.0.0/255.0.255.0 -j MARK --set-xmark 0x1/0xffffffff",
            "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j RETURN",
            "-p tcp -m multiport --ports 80 -j MARK --set-xmark 0x1/0xffffffff",
            "-p tcp -m multiport --dports 80 -m multiport --dports 81 -j MARK --set-xmark 0x1/0x1",
            "-p nosuchprotocol -j MARK --set-xmark 0x1/0xffffffff",
            "-j RETURN",
            "-j MARK",
            "-d 2001:db8::1/128 -j MARK --set-xmark 0x1/0xffffffff",
        ] {
            assert_eq!(read4(text), None, "{text}");
        }
        assert_eq!(read4("-j MARK --set-mark 0x100/0xff").unwrap().mask, 0x1ff);
    }

    #[test]
    fn foreign_rules_tell_their_mark() {
        let set = |text: &str| {
            let (mark, mask) = mark_set(&line(text))?;
            Some((mark.map(Fwmark::value), mask))
        };
        assert_eq!(
            set("! -i lo -j MARK --set-xmark 0x1/0xffffffff -m comment --comment x"),
            Some((Some(1), u32::MAX))
        );
        assert_eq!(
            set("-p tcp -j TPROXY --on-port 0 --on-ip 0.0.0.0 --tproxy-mark 0x1/0xff"),
            Some((Some(1), 0xff))
        );
        assert_eq!(
            set("-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff"),
            Some((None, u32::MAX))
        );
        assert_eq!(set("-j CONNMARK --set-xmark 0x1/0xffffffff"), None);
        assert_eq!(set("-j MARK --set-xmark 0x0/0xff"), None);
    }

    #[test]
    fn protocols_of_the_host_are_known_by_name() {
        let table = "# Internet\nip\t0\tIP\t# x\nigmp\t2\tIGMP\nrsvp 46 RSVP\n";
        assert_eq!(named(table, "igmp"), Some(2));
        assert_eq!(named(table, "RSVP"), Some(46));
        assert_eq!(named(table, "x"), None);
    }

    #[test]
    fn rules_that_iptables_would_bend_are_refused() {
        let plain = MarkRule::new(Fwmark::new(0x100).unwrap(), Family::Ipv4);
        let port = vec![PortRange::new(80, 80).unwrap()];
        for (rule, why) in [
            (
                MarkRule {
                    mask: 0xff,
                    ..plain.clone()
                },
                "mark 256: the mark has bits outside of its mask 0xff",
            ),
            (
                MarkRule {
                    protocol: Some(Protocol(0)),
                    ..plain.clone()
                },
                "mark 256: iptables knows no protocol-0",
            ),
            (
                MarkRule {
                    ports: port.clone(),
                    ..plain.clone()
                },
                "mark 256: ports need a protocol that has ports",
            ),
            (
                MarkRule {
                    to: Some("2001:db8::/32".parse().unwrap()),
                    ..plain.clone()
                },
                "mark 256: 2001:db8::/32 is no ipv4 network",
            ),
            (
                MarkRule {
                    interface: Some("-j".to_owned()),
                    ..plain.clone()
                },
                "mark 256: \"-j\" is not the name of an interface",
            ),
        ] {
            assert_eq!(split(&rule).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn no_part_has_more_than_fifteen_ports() {
        let mut rule = MarkRule::new(Fwmark::new(1).unwrap(), Family::Ipv4);
        rule.protocol = Some(Protocol::TCP);
        rule.ports = (0..8)
            .map(|n| PortRange::new(n * 100, n * 100 + 1).unwrap())
            .chain([PortRange::new(9000, 9000).unwrap()])
            .collect();
        let parts = split(&rule).unwrap();
        let taken: Vec<usize> = parts
            .iter()
            .map(|part| part.ports.iter().map(|r| slots(*r)).sum())
            .collect();
        assert_eq!(taken, [14, 3]);
    }

    fn some_ports() -> impl Strategy<Value = Vec<PortRange>> {
        let whole = Just(vec![PortRange::new(0, u16::MAX).unwrap()]);
        let list = prop::collection::vec((any::<u16>(), 0u16..3), 0..40).prop_map(|list| {
            list.into_iter()
                .map(|(first, more)| PortRange::new(first, first.saturating_add(more)).unwrap())
                .collect()
        });
        prop_oneof![1 => whole, 9 => list]
    }

    fn some_net(family: Family) -> BoxedStrategy<Option<ipnet::IpNet>> {
        let net = match family {
            Family::Ipv4 => (any::<[u8; 4]>(), 1u8..=32)
                .prop_map(|(a, n)| ipnet::IpNet::new(a.into(), n).unwrap())
                .boxed(),
            Family::Ipv6 => (any::<[u8; 16]>(), 1u8..=128)
                .prop_map(|(mut a, n)| {
                    a[0] = 0x20;
                    ipnet::IpNet::new(a.into(), n).unwrap()
                })
                .boxed(),
        };
        prop::option::of(net).boxed()
    }

    fn some_rule() -> impl Strategy<Value = MarkRule> {
        prop_oneof![Just(Family::Ipv4), Just(Family::Ipv6)].prop_flat_map(|family| {
            (
                (1..=u32::MAX, any::<u32>()),
                prop::sample::select(vec![None, Some(6u16), Some(17), Some(132), Some(89)]),
                (some_net(family), some_net(family)),
                (some_ports(), some_ports()),
                prop::option::of("[a-z][a-z0-9._-]{0,13}[+]?"),
            )
                .prop_map(move |((mark, mask), protocol, nets, ports, interface)| {
                    let mut rule = MarkRule::new(Fwmark::new(mark.into()).unwrap(), family);
                    rule.mask = mask | mark;
                    rule.protocol = protocol.map(Protocol);
                    (rule.to, rule.from) = nets;
                    if !matches!(protocol, None | Some(89)) {
                        (rule.ports, rule.from_ports) = ports;
                    }
                    rule.interface = interface;
                    rule
                })
        })
    }

    proptest! {
        #[test]
        fn written_rules_read_back_as_their_normal_form(
            rules in prop::collection::vec(some_rule(), 1..4)
        ) {
            let mut lines: Vec<MarkRule> = Vec::new();
            let normal = MarkRule::normalise(rules);
            for rule in &normal {
                for part in split(rule).unwrap() {
                    let words = words(&part);
                    prop_assert!(words.iter().all(|w| crate::marks::command::word(w).is_ok()));
                    lines.push(read(rule.family, &words).unwrap());
                }
            }
            prop_assert_eq!(MarkRule::normalise(lines), normal);
        }
    }
}
