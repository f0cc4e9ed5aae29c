//! The rules of a mark.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::address::Family;
use super::super::interface;
use super::super::key::{Fwmark, Protocol};
use super::super::mark::{MarkRule, PortRange, parse_net};
use super::{MARK_OPTIONS, Options, check_names, map, one_or_many, ranged, text};
use crate::error::{Error, Result};

/// Reads one rule or an array of rules of a mark, in their normal form.
///
/// # Errors
/// `invalid` for unknown names, wrong types, ports without a protocol, mixed families.
pub fn mark_rules(mark: Fwmark, family: Option<Family>, value: &Value) -> Result<Vec<MarkRule>> {
    let rules: Result<Vec<MarkRule>> = one_or_many(value)
        .into_iter()
        .map(|rule| {
            mark_rule(mark, family, map("a rule", rule)?)
                .map_err(|e| e.object(format!("rule of mark {mark}")))
        })
        .collect();
    Ok(MarkRule::normalise(rules?))
}

fn mark_rule(mark: Fwmark, family: Option<Family>, options: &Options) -> Result<MarkRule> {
    check_names(options, &MARK_OPTIONS, "a rule")?;
    let mut rule = MarkRule::new(mark, family.unwrap_or(Family::Ipv4));
    let mut families: BTreeSet<Family> = BTreeSet::new();
    for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "protocol" => rule.protocol = mark_protocol(text(name, value)?)?,
            "to" => rule.to = Some(parse_net(text(name, value)?)?),
            "from" => rule.from = Some(parse_net(text(name, value)?)?),
            "ports" => rule.ports = ports(name, value)?,
            "from_ports" => rule.from_ports = ports(name, value)?,
            "interface" => rule.interface = Some(interface::check(text(name, value)?)?),
            "mask" => rule.mask = mask(value)?,
            "family" => {
                families.insert(Family::parse(text(name, value)?)?);
            }
            _ => {}
        }
    }
    families.extend(
        [rule.to, rule.from]
            .into_iter()
            .flatten()
            .map(|net| Family::of(net.addr())),
    );
    if families.len() > 1 {
        return Err(Error::invalid("it mixes IPv4 and IPv6")
            .hint("a rule is of one family; write one for each"));
    }
    rule.family = families.into_iter().next().unwrap_or(rule.family);
    if rule.mark.value() & !rule.mask != 0 {
        return Err(Error::invalid(format!(
            "mark {mark} has bits outside of its mask {:#x}",
            rule.mask
        ))
        .about("mark")
        .hint("the mask names the bits that are replaced"));
    }
    let has_ports = !rule.ports.is_empty() || !rule.from_ports.is_empty();
    if has_ports
        && !matches!(
            rule.protocol,
            Some(Protocol::TCP | Protocol::UDP | Protocol::SCTP)
        )
    {
        return Err(Error::invalid("ports need a protocol")
            .about("ports")
            .hint("add protocol: \"tcp\""));
    }
    Ok(rule)
}

fn mark_protocol(word: &str) -> Result<Option<Protocol>> {
    if word.eq_ignore_ascii_case("all") {
        return Ok(None);
    }
    match Protocol::parse(word) {
        Some(protocol) if protocol.0 <= 255 => Ok(Some(protocol)),
        _ => Err(Error::invalid(format!("unknown protocol \"{word}\""))
            .about(word)
            .hint("a protocol is \"tcp\", \"udp\" or \"sctp\"")),
    }
}

fn ports(name: &str, value: &Value) -> Result<Vec<PortRange>> {
    let mut ranges = Vec::new();
    for one in one_or_many(value) {
        match one {
            Value::String(list) => {
                for word in list.split(',') {
                    ranges.push(PortRange::parse(word)?);
                }
            }
            number => {
                let port = ranged::<u16>(name, number, "0 to 65535")?;
                ranges.push(PortRange::new(port, port)?);
            }
        }
    }
    if ranges.is_empty() {
        return Err(Error::invalid(format!("{name} is empty"))
            .about(name)
            .hint("leave it out to fit all ports"));
    }
    Ok(ranges)
}

fn mask(value: &Value) -> Result<u32> {
    let range = "1 to 0xffffffff";
    let bits = match value {
        Value::String(text) => text
            .strip_prefix("0x")
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .or_else(|| text.parse().ok())
            .ok_or_else(|| {
                Error::invalid(format!("\"{text}\" is not a mask"))
                    .about(text)
                    .hint(format!("mask is {range}"))
            })?,
        number => ranged("mask", number, range)?,
    };
    if bits == 0 {
        return Err(Error::invalid("mask 0 would change no bit")
            .about("mask")
            .hint(format!("mask is {range}")));
    }
    Ok(bits)
}
