//! Lines of sysctl(8), ip(8) and ifconfig(8) as lines of a script: what operators type on a director
//! before the lines of ipvsadm.
//!
//! Imports `error`, `model` and the writer of scripts. Source of truth: sysctl(8), ip-address(8),
//! ifconfig(8).

use std::net::Ipv4Addr;

use ipnet::ipv4_mask_to_prefix;
use serde_json::Value;

use super::rhai::{quote, sysctl_call, vip_call};
use crate::error::Result;
use crate::model::{Options, SysctlName, SysctlValue, Vip};

/// The directory of kernel settings.
const SETTINGS: &str = "/proc/sys/";

/// Translates a line that sets a kernel setting, or adds or removes an address. `None`: the line
/// does something else, such as a route.
///
/// # Errors
/// `invalid` for a setting that ipvsh does not set, a value out of range, and what is no address.
pub(crate) fn host_statement(line: &str) -> Result<Option<String>> {
    let mut words = line.split_whitespace().skip_while(|word| *word == "sudo");
    let name = words.next().unwrap_or_default();
    let words: Vec<&str> = words.collect();
    match name.rsplit('/').next().unwrap_or(name) {
        "sysctl" => settings(&words),
        "echo" => written(&words.join(" ")),
        "ip" => address(&words),
        "ifconfig" => alias(&words),
        _ => Ok(None),
    }
}

fn bare(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

fn setting(name: &str, value: &str) -> Result<String> {
    let name = SysctlName::parse(name)?;
    let value = SysctlValue::parse(name, &Value::from(value))?;
    Ok(sysctl_call(name, &value))
}

/// `sysctl -w NAME=VALUE...`
fn settings(words: &[&str]) -> Result<Option<String>> {
    let mut calls = Vec::new();
    for word in words {
        match (word.strip_prefix('-'), bare(word).split_once('=')) {
            (Some("w" | "q" | "qw" | "wq" | "-write" | "-quiet"), _) => {}
            (None, Some((name, value))) => calls.push(setting(name, bare(value))?),
            _ => return Ok(None),
        }
    }
    Ok((!calls.is_empty()).then(|| calls.join("; ")))
}

/// `echo VALUE > /proc/sys/...`
fn written(rest: &str) -> Result<Option<String>> {
    match rest.split_once('>') {
        Some((value, path)) if path.trim().starts_with(SETTINGS) => {
            setting(path.trim(), bare(value.trim())).map(Some)
        }
        _ => Ok(None),
    }
}

fn declared(address: &str, interface: &str, label: Option<&str>) -> Result<String> {
    let mut options = Options::new();
    options.insert("interface".to_owned(), interface.into());
    options.insert("label".to_owned(), label.into());
    let (key, vip) = Vip::parse(address, &options)?;
    Ok(vip_call(key, &vip, true))
}

/// `ip address add ADDRESS dev INTERFACE`, and its removal.
fn address(words: &[&str]) -> Result<Option<String>> {
    let mut words = words
        .iter()
        .copied()
        .filter(|word| *word != "local")
        .peekable();
    while words.next_if(|word| ["-4", "-6"].contains(word)).is_some() {}
    let is_address = |word: &str| word == "addr" || "address".starts_with(word);
    if !words.next().is_some_and(is_address) {
        return Ok(None);
    }
    let (Some(verb), Some(address)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let (mut interface, mut label) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "dev" => interface = words.next(),
            "label" => label = words.next(),
            // The kernel's own choice, or what ipvsh does by itself.
            "brd" | "broadcast" | "scope" | "preferred_lft" | "valid_lft" => {
                words.next();
            }
            "nodad" => {}
            _ => return Ok(None),
        }
    }
    match (verb, interface) {
        ("add" | "a" | "replace", Some(interface)) => declared(address, interface, label).map(Some),
        ("del" | "delete" | "d", Some(_)) => removed(address).map(Some),
        _ => Ok(None),
    }
}

/// An address that this host has is taken over first, where ipvsh does not manage it yet.
fn removed(address: &str) -> Result<String> {
    let (key, _) = Vip::parse(address, &Options::new())?;
    Ok(format!("remove(vip({}))", quote(&key.addr.to_string())))
}

/// `ifconfig INTERFACE:LABEL ADDRESS [netmask MASK] [broadcast ADDRESS] [up]`
fn alias(words: &[&str]) -> Result<Option<String>> {
    let [label, address, options @ ..] = words else {
        return Ok(None);
    };
    let Some((interface, _)) = label.split_once(':') else {
        return Ok(None);
    };
    if address.parse::<Ipv4Addr>().is_err() {
        return Ok(None);
    }
    let mut prefix = None;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "netmask" => {
                let mask = options.next().and_then(|mask| mask.parse().ok());
                let Some(length) = mask.and_then(|mask| ipv4_mask_to_prefix(mask).ok()) else {
                    return Ok(None);
                };
                prefix = Some(length);
            }
            "broadcast" => {
                options.next();
            }
            "up" => {}
            _ => return Ok(None),
        }
    }
    let address = match prefix {
        Some(length) => format!("{address}/{length}"),
        None => (*address).to_owned(),
    };
    declared(&address, interface, Some(label)).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_set_up_a_director_are_calls() {
        for (line, code) in [
            (
                "ip address add 192.0.2.10/32 dev eth0",
                "vip(\"192.0.2.10\", #{ interface: \"eth0\" })",
            ),
            (
                "sudo /sbin/ip addr add 192.0.2.10 brd + dev eth0 label eth0:web",
                "vip(\"192.0.2.10\", #{ interface: \"eth0\", label: \"eth0:web\" })",
            ),
            (
                "ip -6 a add 2001:db8::10/128 dev eth0 preferred_lft 0 nodad",
                "vip(\"2001:db8::10\", #{ interface: \"eth0\" })",
            ),
            (
                "ip addr add 192.0.2.10/32 dev lo",
                "vip(\"192.0.2.10\", #{ interface: \"lo\" })",
            ),
            (
                "ip addr add 192.0.2.10/24 dev eth0",
                "vip(\"192.0.2.10/24\", #{ interface: \"eth0\" })",
            ),
            (
                "ip addr del 192.0.2.10/32 dev eth0",
                "remove(vip(\"192.0.2.10\"))",
            ),
            (
                "ifconfig eth0:0 192.0.2.10 netmask 255.255.255.255 broadcast 192.0.2.10 up",
                "vip(\"192.0.2.10\", #{ interface: \"eth0\", label: \"eth0:0\" })",
            ),
            (
                "sysctl -w net.ipv4.ip_forward=1",
                "sysctl(\"net.ipv4.ip_forward\", 1)",
            ),
            (
                "sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects='0'",
                "sysctl(\"net.ipv4.conf.all.send_redirects\", 0); \
                 sysctl(\"net.ipv4.conf.eth0.send_redirects\", 0)",
            ),
            (
                "echo \"1\" >/proc/sys/net/ipv4/vs/conntrack",
                "sysctl(\"net.ipv4.vs.conntrack\", 1)",
            ),
        ] {
            assert_eq!(
                host_statement(line).unwrap().as_deref(),
                Some(code),
                "{line}"
            );
        }
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "ip address show",
            "ip address",
            "ip address add 192.0.2.10/32",
            "ip address add 192.0.2.10/32 peer 192.0.2.11 dev eth0",
            "ip route add 192.0.2.10/32 dev lo",
            "ip link set eth0 up",
            "ip",
            "ifconfig eth0 192.0.2.1 netmask 255.255.255.0",
            "ifconfig eth0:0 down",
            "ifconfig eth0:0 192.0.2.10 netmask 255.0.255.0",
            "sysctl -p",
            "sysctl net.ipv4.ip_forward",
            "sysctl -w",
            "echo 1 > /tmp/file",
            "arping -U 192.0.2.10",
        ] {
            assert_eq!(host_statement(line).unwrap(), None, "{line}");
        }
    }

    #[test]
    fn bad_values_are_named() {
        for (line, what) in [
            ("sysctl -w net.core.somaxconn=1024", "no kernel setting"),
            ("sysctl -w net.ipv4.ip_forward=7", "out of range"),
            ("ip address add 192.0.2/32 dev eth0", "192.0.2"),
            (
                "ip address add 192.0.2.10/32 dev averyveryverylongname",
                "interface",
            ),
        ] {
            let error = host_statement(line).unwrap_err();
            assert!(error.to_string().contains(what), "{line}: {error}");
        }
    }
}
