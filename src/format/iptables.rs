//! Rules of iptables that set a mark, as a shell script types and `iptables-save` prints them.
//!
//! Source of truth: iptables-extensions(8). Only what a mark rule can hold is read; a rule that
//! sets a mark by anything else is an error, for half a rule would mark other packets.

use std::net::Ipv4Addr;

use ipnet::IpNet;

use crate::error::{Error, Result};
use crate::model::address::Family;
use crate::model::daemon::check_interface;
use crate::model::mark::{PortRange, parse_net};
use crate::model::{Fwmark, MarkRule, Protocol};

/// Chains whose rules are ours to hold: the kernel's, and the one that we keep them in.
const CHAINS: [&str; 2] = ["PREROUTING", "IPVSH"];
/// Chains of the mangle table that a packet to a VIP meets later, or never.
const LATER: [&str; 4] = ["INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
/// What to do about a rule that cannot be held.
const ELSEWHERE: &str = "take the line out of the text, and keep the rule where it is";

/// Where in the output of `iptables-save` a line stands.
#[derive(Debug, Default)]
pub(super) struct Save {
    table: Option<String>,
    family: Option<Family>,
    /// How many rules were left out.
    others: usize,
}

impl Save {
    /// The output names the program in a comment of its first line.
    pub(super) fn new(text: &str) -> Save {
        let first = text.lines().next().unwrap_or("");
        Save {
            table: None,
            others: 0,
            family: (first.starts_with('#') && first.contains("ip6tables")).then_some(Family::Ipv6),
        }
    }

    /// Says whether a table has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.table.is_some()
    }

    /// Reads a line of a table; what sets no mark belongs to somebody else, and is counted.
    pub(super) fn line(&mut self, words: &[String], marks: &mut Vec<MarkRule>) -> Result<()> {
        match words.first().map(String::as_str).unwrap_or("") {
            "COMMIT" => self.table = None,
            chain if chain.starts_with(':') => {}
            table if table.starts_with('*') => {
                self.table = table.strip_prefix('*').map(str::to_owned);
            }
            _ if self.table.as_deref() == Some("mangle") && sets_mark(words) => {
                if self.rule(words, marks)?.is_some() {
                    self.others += 1;
                }
            }
            _ => self.others += 1,
        }
        Ok(())
    }

    /// Reads a rule without the program's name; says why where it is left out.
    pub(super) fn rule(
        &self,
        words: &[String],
        marks: &mut Vec<MarkRule>,
    ) -> Result<Option<&'static str>> {
        rule(words, self.family.unwrap_or(Family::Ipv4), marks)
    }

    /// What of the output was left out.
    pub(super) fn note(&self, name: &str) -> Option<String> {
        let rules = match self.others {
            0 => return None,
            1 => "1 rule of iptables that sets no mark in PREROUTING is".to_owned(),
            many => format!("{many} rules of iptables that set no mark in PREROUTING are"),
        };
        Some(format!("{name}: {rules} ignored"))
    }
}

fn sets_mark(words: &[String]) -> bool {
    words.windows(2).any(|pair| {
        matches!(pair, [option, target]
            if ["-j", "--jump"].contains(&option.as_str()) && target == "MARK")
    })
}

/// Reads a command line of iptables or ip6tables, without the program's name; says why where it
/// is left out.
///
/// # Errors
/// `invalid` where it sets a mark in mangle's PREROUTING in a way that cannot be held.
pub(super) fn command(
    words: &[String],
    family: Family,
    marks: &mut Vec<MarkRule>,
) -> Result<Option<&'static str>> {
    let mut words = words.to_vec();
    if take_option(&mut words, &["-t", "--table"]).as_deref() != Some("mangle") {
        return Ok(Some("not a rule of the mangle table"));
    }
    // Waiting for the lock says nothing about the rule.
    words.retain(|word| !["-w", "--wait"].contains(&word.as_str()));
    if sets_mark(&words) {
        return rule(&words, family, marks);
    }
    match words
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["-F" | "--flush"] | ["-F" | "--flush", "PREROUTING" | "IPVSH"] => {
            marks.retain(|rule| rule.family != family);
            Ok(Some("it clears only what stands above it in this text"))
        }
        _ => Ok(Some("it sets no mark")),
    }
}

fn take_option(words: &mut Vec<String>, names: &[&str]) -> Option<String> {
    let place = words.iter().position(|w| names.contains(&w.as_str()))?;
    let value = words.get(place + 1).cloned();
    words.drain(place..(place + 2).min(words.len()));
    value
}

/// Where a rule goes.
enum Place {
    First,
    Last,
    /// Nowhere: the first that equals it goes away.
    Out,
}

fn rule(
    words: &[String],
    family: Family,
    marks: &mut Vec<MarkRule>,
) -> Result<Option<&'static str>> {
    let mut words = words.iter().map(String::as_str).peekable();
    let at = match words.next() {
        Some("-A" | "--append") => Place::Last,
        Some("-I" | "--insert") => Place::First,
        Some("-D" | "--delete") => Place::Out,
        Some("-C" | "--check") => return Ok(Some("it only looks")),
        other => {
            return Err(Error::invalid(format!(
                "a rule begins with -A, not with \"{}\"",
                other.unwrap_or("")
            )));
        }
    };
    let chain = words.next().unwrap_or("");
    if LATER.contains(&chain) {
        return Ok(Some("IPVS looks for marks of PREROUTING only"));
    }
    if !CHAINS.contains(&chain) {
        return Err(
            Error::invalid(format!("marks are set in PREROUTING, not in \"{chain}\""))
                .hint("IPVS looks at packets behind that chain")
                .hint(ELSEWHERE),
        );
    }
    if words
        .next_if(|word| word.bytes().all(|b| b.is_ascii_digit()))
        .is_some_and(|n| n != "1")
    {
        return Err(Error::invalid(
            "a rule is put first (1) or last, not between others",
        ));
    }
    let mut parts = Parts::default();
    while let Some(option) = words.next() {
        if option == "!" {
            return Err(Error::invalid("a rule that excludes (!) cannot be held").hint(ELSEWHERE));
        }
        let value = words
            .next()
            .ok_or_else(|| Error::invalid(format!("{option} lacks its value")))?;
        parts.option(option, value)?;
    }
    let rule = parts.finish(family)?;
    match at {
        Place::First => marks.insert(0, rule),
        Place::Last => marks.push(rule),
        Place::Out => {
            if let Some(place) = marks.iter().position(|standing| *standing == rule) {
                marks.remove(place);
            }
        }
    }
    Ok(None)
}

/// A rule while it is read.
#[derive(Default)]
struct Parts {
    mark: Option<(u32, u32)>,
    protocol: Option<Protocol>,
    to: Option<IpNet>,
    from: Option<IpNet>,
    ports: Vec<PortRange>,
    from_ports: Vec<PortRange>,
    interface: Option<String>,
}

impl Parts {
    fn option(&mut self, option: &str, value: &str) -> Result<()> {
        match option {
            "-j" | "--jump" if value == "MARK" => {}
            "-m" | "--match" if ["tcp", "udp", "sctp", "multiport", "comment"].contains(&value) => {
            }
            "--comment" => {}
            "-p" | "--protocol" => self.protocol = protocol(value)?,
            "-d" | "--destination" | "--dst" => self.to = Some(net(value)?),
            "-s" | "--source" | "--src" => self.from = Some(net(value)?),
            "-i" | "--in-interface" => self.interface = Some(interface(value)?),
            "--dport" | "--destination-port" | "--dports" | "--destination-ports" => {
                self.ports = ports(value)?;
            }
            "--sport" | "--source-port" | "--sports" | "--source-ports" => {
                self.from_ports = ports(value)?;
            }
            "--set-mark" => {
                let (mark, mask) = mark(value)?;
                self.mark = Some((mark, mark | mask));
            }
            "--set-xmark" => {
                let (mark, mask) = mark(value)?;
                if mark & !mask != 0 {
                    return Err(Error::invalid(format!(
                        "--set-xmark {value} flips bits that it does not clear"
                    )));
                }
                self.mark = Some((mark, mask));
            }
            _ => {
                return Err(Error::invalid(format!(
                    "\"{option} {value}\" cannot be held by a mark rule"
                ))
                .hint("a rule selects by protocol, addresses, ports and incoming interface")
                .hint(ELSEWHERE));
            }
        }
        Ok(())
    }

    fn finish(self, family: Family) -> Result<MarkRule> {
        let Some((mark, mask)) = self.mark else {
            return Err(Error::invalid("the mark is missing").hint("add --set-mark N"));
        };
        let families: Vec<Family> = [self.to, self.from]
            .iter()
            .flatten()
            .map(|net| Family::of(net.addr()))
            .collect();
        let family = families.first().copied().unwrap_or(family);
        if families.iter().any(|other| *other != family) {
            return Err(Error::invalid("it mixes IPv4 and IPv6"));
        }
        let has_ports = !self.ports.is_empty() || !self.from_ports.is_empty();
        let with_ports = [Protocol::TCP, Protocol::UDP, Protocol::SCTP].map(Some);
        if has_ports && !with_ports.contains(&self.protocol) {
            return Err(Error::invalid("ports need -p tcp, udp or sctp"));
        }
        Ok(MarkRule {
            mark: Fwmark::new(mark.into())?,
            mask,
            protocol: self.protocol,
            to: self.to,
            from: self.from,
            ports: self.ports,
            from_ports: self.from_ports,
            interface: self.interface,
            ..MarkRule::new(Fwmark::new(mark.into())?, family)
        })
    }
}

fn protocol(word: &str) -> Result<Option<Protocol>> {
    match word {
        "all" | "0" => Ok(None),
        _ => word
            .parse::<u8>()
            .ok()
            .map(|number| Protocol(number.into()))
            .or_else(|| Protocol::parse(word))
            .map(Some)
            .ok_or_else(|| {
                Error::invalid(format!("unknown protocol \"{word}\""))
                    .hint("a protocol is tcp, udp, sctp or a number")
            }),
    }
}

fn net(word: &str) -> Result<IpNet> {
    let Some((addr, mask)) = word.split_once('/') else {
        return parse_net(word);
    };
    match (addr.parse::<Ipv4Addr>(), mask.parse::<Ipv4Addr>()) {
        (Ok(addr), Ok(mask)) => IpNet::with_netmask(addr.into(), mask.into())
            .map(|net| net.trunc())
            .map_err(|_| Error::invalid(format!("netmask {mask} is not a row of ones"))),
        _ => parse_net(word),
    }
}

fn interface(word: &str) -> Result<String> {
    match word.strip_suffix('+') {
        Some(_) => Err(
            Error::invalid(format!("\"{word}\" stands for many interfaces"))
                .hint("a rule names one, or none for all"),
        ),
        None => check_interface(word),
    }
}

fn ports(word: &str) -> Result<Vec<PortRange>> {
    word.split(',').map(PortRange::parse).collect()
}

/// Reads `666`, `0x29a` or `0x29a/0xff`: the value and the mask.
fn mark(word: &str) -> Result<(u32, u32)> {
    let (value, mask) = word.split_once('/').unwrap_or((word, "0xffffffff"));
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    match (number(value), number(mask)) {
        (Some(value), Some(mask)) => Ok((value, mask)),
        _ => {
            Err(Error::invalid(format!("\"{word}\" is not a mark"))
                .hint("a mark is 1 to 4294967295"))
        }
    }
}
