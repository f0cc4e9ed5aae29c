//! Rules of iptables that set a mark, as a shell script types and `iptables-save` prints them.
//!
//! Source of truth: iptables-extensions(8). Only what a mark rule can hold is read; a rule that
//! sets a mark by anything else is an error, for half a rule would mark other packets.

use std::net::Ipv4Addr;

use ipnet::IpNet;

use super::chains::{Chains, ELSEWHERE, OURS, PREROUTING, Place};
use crate::error::{Error, Result};
use crate::model::address::Family;
use crate::model::interface;
use crate::model::mark::{PortRange, parse_net};
use crate::model::{Fwmark, MarkRule, Protocol};

/// Chains behind which IPVS takes no packet: it looks at INPUT's and OUTPUT's.
const BEHIND: [&str; 2] = ["FORWARD", "POSTROUTING"];

/// The kernel's chains that a packet meets before IPVS looks at it.
const KERNELS: [&str; 3] = [PREROUTING, "INPUT", "OUTPUT"];
/// The table whose rules are read for marks.
const MANGLE: &str = "mangle";

/// Where in the output of `iptables-save` a line stands.
#[derive(Debug, Default)]
pub(super) struct Save {
    table: Option<String>,
    /// From which line on which program's output stands.
    families: Vec<(usize, Family)>,
    /// How many rules were left out.
    others: usize,
}

impl Save {
    /// Each output names its program in a comment in front of it; a text may have several.
    pub(super) fn new(text: &str) -> Save {
        let of_comment = |(index, line): (usize, &str)| {
            let is_first = index == 0 && line.contains("ip6tables");
            let family = if is_first || line.contains("by ip6tables-save") {
                Family::Ipv6
            } else if line.contains("by iptables-save") {
                Family::Ipv4
            } else {
                return None;
            };
            line.starts_with('#').then_some((index + 1, family))
        };
        Save {
            table: None,
            others: 0,
            families: text.lines().enumerate().filter_map(of_comment).collect(),
        }
    }

    /// Says whether a table has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.table.is_some()
    }

    /// Reads a line of a table; what has nothing to do with marks is counted.
    pub(super) fn line(&mut self, words: &[String], chains: &mut Chains, at: usize) -> Result<()> {
        let words = match words.split_first() {
            // `iptables-save -c` puts counters in front.
            Some((first, rest)) if first.starts_with('[') && first.ends_with(']') => rest,
            _ => words,
        };
        let table = self.table.as_deref().unwrap_or_default();
        match words.first().map(String::as_str).unwrap_or("") {
            "COMMIT" => self.table = None,
            chain if chain.starts_with(':') => {
                if table == MANGLE {
                    let name = chain.strip_prefix(':').unwrap_or(chain);
                    chains.make(self.family(at), name);
                }
            }
            table if table.starts_with('*') => {
                self.table = table.strip_prefix('*').map(str::to_owned);
            }
            command if command.starts_with('-') => {
                if words.get(1).is_none_or(|chain| chain.starts_with('-')) {
                    return Err(Error::invalid(format!(
                        "this is no rule of iptables, and the table {table} has not ended"
                    ))
                    .hint("a table ends with COMMIT; is a part of the text missing?"));
                }
                if self.rule_of(table, words, chains, at)?.is_some() {
                    self.others += 1;
                }
            }
            _ => self.others += 1,
        }
        Ok(())
    }

    /// The family of the rules in a line.
    fn family(&self, at: usize) -> Family {
        let before = self.families.iter().rfind(|(line, _)| *line <= at);
        before.map_or(Family::Ipv4, |(_, family)| *family)
    }

    /// Reads a rule without the program's name; says why where it is left out.
    pub(super) fn rule(
        &self,
        words: &[String],
        chains: &mut Chains,
        at: usize,
    ) -> Result<Option<&'static str>> {
        rule(words, self.family(at), chains, at)
    }

    fn rule_of(
        &self,
        table: &str,
        words: &[String],
        chains: &mut Chains,
        at: usize,
    ) -> Result<Option<&'static str>> {
        match table == MANGLE {
            true => rule(words, self.family(at), chains, at),
            false => of_other_table(table, words),
        }
    }

    /// What of the output was left out.
    pub(super) fn note(&self, name: &str) -> Option<String> {
        let rules = match self.others {
            0 => return None,
            1 => "1 rule of iptables that sets no mark for IPVS is".to_owned(),
            many => format!("{many} rules of iptables that set no mark for IPVS are"),
        };
        Some(format!("{name}: {rules} ignored"))
    }
}

/// Says whether a rule gives packets a mark, by whatever target.
fn sets_mark(words: &[String]) -> bool {
    let restores = words.iter().any(|word| word == "--restore-mark");
    words.windows(2).any(|pair| match pair {
        [option, target] if ["-j", "--jump"].contains(&option.as_str()) => match target.as_str() {
            "MARK" | "HMARK" => true,
            "CONNMARK" => restores,
            "TPROXY" => words.iter().any(|word| word == "--tproxy-mark"),
            _ => false,
        },
        _ => false,
    })
}

/// A rule of a table whose rules are not read.
///
/// # Errors
/// `invalid` where it gives packets a mark before IPVS looks at them.
fn of_other_table(table: &str, words: &[String]) -> Result<Option<&'static str>> {
    let adds = words
        .first()
        .is_some_and(|word| ["-A", "--append", "-I", "--insert"].contains(&word.as_str()));
    let chain = words.get(1).map_or("", String::as_str);
    if adds && sets_mark(words) && !BEHIND.contains(&chain) {
        return Err(not_held(chain, &format!(" of the table {table}")));
    }
    Ok(Some("not a rule of the mangle table"))
}

/// A rule that gives packets a mark where ours cannot.
fn not_held(chain: &str, table: &str) -> Error {
    // Who calls a chain of another name is not looked at.
    let marks = match KERNELS.contains(&chain) {
        true => "marks",
        false => "may mark",
    };
    Error::invalid(format!(
        "a rule in {chain}{table} {marks} packets for IPVS, and cannot be held"
    ))
    .hint("ipvsh keeps its mark rules in mangle's PREROUTING, where other packets come by")
    .hint(ELSEWHERE)
}

/// Reads a command line of iptables or ip6tables, without the program's name; says why where it
/// is left out.
///
/// # Errors
/// `invalid` where it sets a mark in a way that cannot be held.
pub(super) fn command(
    words: &[String],
    family: Family,
    chains: &mut Chains,
    at: usize,
) -> Result<Option<&'static str>> {
    let mut words = words.to_vec();
    let table = take_option(&mut words, &["-t", "--table"]);
    take_waiting(&mut words);
    if table.as_deref() != Some(MANGLE) {
        return of_other_table(table.as_deref().unwrap_or("filter"), &words);
    }
    let all: Vec<&str> = words.iter().map(String::as_str).collect();
    match all.as_slice() {
        ["-F" | "--flush"] => {
            chains.flush(family, None);
            Ok(Some("it clears only what stands above it in this text"))
        }
        ["-F" | "--flush", chain] => {
            chains.flush(family, Some(chain));
            Ok(Some("it clears only what stands above it in this text"))
        }
        ["-N" | "--new-chain", chain] => {
            chains.make(family, chain);
            Ok(Some("it sets no mark"))
        }
        [
            "-A" | "--append" | "-I" | "--insert" | "-D" | "--delete" | "-R" | "--replace" | "-C"
            | "--check",
            ..,
        ] => rule(&words, family, chains, at),
        _ if sets_mark(&words) => rule(&words, family, chains, at),
        _ => Ok(Some("it sets no mark")),
    }
}

fn take_option(words: &mut Vec<String>, names: &[&str]) -> Option<String> {
    let place = words.iter().position(|w| names.contains(&w.as_str()))?;
    let value = words.get(place + 1).cloned();
    words.drain(place..(place + 2).min(words.len()));
    value
}

/// Takes `-w` and its seconds out: waiting for the lock says nothing about the rule.
fn take_waiting(words: &mut Vec<String>) {
    let is_wait = |word: &String| ["-w", "--wait"].contains(&word.as_str());
    while let Some(place) = words.iter().position(is_wait) {
        let has_seconds = words
            .get(place + 1)
            .is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit()));
        words.drain(place..=place + usize::from(has_seconds));
    }
}

/// Reads a rule of the mangle table; says why where it is left out.
fn rule(
    words: &[String],
    family: Family,
    chains: &mut Chains,
    at: usize,
) -> Result<Option<&'static str>> {
    let marks = sets_mark(words);
    let [command, chain, rest @ ..] = words else {
        return Err(Error::invalid("a rule names its chain"));
    };
    let mut rest = rest;
    let number = match rest.split_first() {
        Some((word, behind)) if word.bytes().all(|b| b.is_ascii_digit()) => {
            rest = behind;
            Some(word.parse().unwrap_or(usize::MAX))
        }
        _ => None,
    };
    let place = match command.as_str() {
        "-A" | "--append" => Place::Last,
        "-I" | "--insert" => Place::At(number.unwrap_or(1)),
        "-D" | "--delete" if number.is_some() => {
            return match chains.has_marks(family, chain) {
                true => Err(Error::invalid(format!(
                    "which rule of {chain} has that number is not known here"
                ))
                .hint("write the rule itself behind -D, or take both lines out of the text")),
                false => Ok(Some("it sets no mark")),
            };
        }
        "-D" | "--delete" => Place::Out,
        "-C" | "--check" => return Ok(Some("it only looks")),
        other => {
            return Err(Error::invalid(format!(
                "a rule begins with -A, not with \"{other}\""
            )));
        }
    };
    if !marks {
        chains.put((family, chain), place, rest, None, at);
        return Ok(Some("it sets no mark"));
    }
    if ![PREROUTING, OURS].contains(&chain.as_str()) {
        return match (place, BEHIND.contains(&chain.as_str())) {
            (_, true) => Ok(Some("IPVS takes no packet behind that chain")),
            (Place::Out, _) => Ok(Some("it removes a rule that is not held")),
            _ => Err(not_held(chain, "")),
        };
    }
    if matches!(place, Place::At(2..)) {
        return Err(Error::invalid(
            "a rule is put first (1) or last, not between others",
        ));
    }
    let mut parts = Parts::default();
    let mut words = rest.iter().map(String::as_str);
    while let Some(option) = words.next() {
        if option == "!" {
            return Err(Error::invalid("a rule that excludes (!) cannot be held").hint(ELSEWHERE));
        }
        let value = words
            .next()
            .ok_or_else(|| Error::invalid(format!("{option} lacks its value")))?;
        // Packets and bytes, as `iptables -S -v` prints them.
        if ["-c", "--set-counters"].contains(&option) {
            words.next();
            continue;
        }
        parts.option(option, value)?;
    }
    let rule = parts.finish(family)?;
    chains.put((rule.family, chain), place, rest, Some(rule), at);
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
            "-i" | "--in-interface" => self.interface = Some(interface::check(value)?),
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
