//! Addresses of services on this host: virtual IP addresses (VIPs).
//!
//! Source of truth: ip-address(8), `inet_rtm_newaddr` in net/ipv4/devinet.c, `inet6_rtm_newaddr` in
//! net/ipv6/addrconf.c; rfcs 5227 and 4861 for the announcement.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::{Absence, KindFacts, Phase, Replacement};
use crate::error::{Error, Result};
use crate::model::Family;
use crate::model::address;
use crate::model::interface::InterfaceName;
use crate::model::patch::{self, Options, boolean, check_names, text};
use crate::model::service::Field;

/// The facts of VIPs. A plan adds one after its services and removes it before them, so that no
/// request meets a VIP without its services.
pub(super) const FACTS: KindFacts = KindFacts {
    list: "vips",
    noun: "vip",
    foreign: None,
    is_of_host: true,
    is_of_the_record: false,
    absence: Absence::IsNone,
    replacement: Replacement::StopThenStart,
    is_removed_in: Phase::VipRemoval,
    is_set_in: Phase::VipAddition,
    are_one_object: false,
    is_run_by_managers: false,
    attempts: ("cannot add", "cannot remove"),
};

/// The options of a VIP.
pub const VIP_OPTIONS: [&str; 5] = ["interface", "label", "arp", "announce", "withdraw"];

/// Identifies a VIP: an address on an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VipKey {
    /// The address.
    pub addr: IpAddr,
    /// The interface that has it.
    pub interface: InterfaceName,
}

impl fmt::Display for VipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addr.fmt(f)
    }
}

/// Whether this host answers ARP requests for a VIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arp {
    /// It answers: it is the director.
    #[default]
    Answer,
    /// It does not answer: it is a real server of the VIP, for direct routing or a tunnel.
    Silent,
}

impl Arp {
    /// Both.
    pub const ALL: [Arp; 2] = [Arp::Answer, Arp::Silent];

    /// The text form.
    pub fn name(self) -> &'static str {
        match self {
            Arp::Answer => "answer",
            Arp::Silent => "silent",
        }
    }
}

/// When a VIP is to be taken off this host. ipvsh records it; no part of this version acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdraw {
    /// It stays.
    #[default]
    Never,
    /// While no service of it serves.
    Down,
}

impl Withdraw {
    /// Both.
    pub const ALL: [Withdraw; 2] = [Withdraw::Never, Withdraw::Down];

    /// The text form.
    pub fn name(self) -> &'static str {
        match self {
            Withdraw::Never => "never",
            Withdraw::Down => "down",
        }
    }
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a VIP is set to. The kernel holds the prefix and the label; ipvsh alone knows the rest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vip {
    /// The length of the prefix: 32, IPv6 128, unless written.
    pub prefix: u8,
    /// The label of an IPv4 address: `eth0:web`, at most 15 characters; default: the interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Whether this host answers for it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub arp: Arp,
    /// It is announced when it is added: by gratuitous ARP, or neighbour advertisement.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub announce: bool,
    /// When it is to be taken off.
    #[serde(default, skip_serializing_if = "is_default")]
    pub withdraw: Withdraw,
}

impl Vip {
    /// A VIP with the prefix of a single host.
    pub fn single(addr: IpAddr) -> Vip {
        Vip {
            prefix: longest(addr),
            label: None,
            arp: Arp::Answer,
            announce: true,
            withdraw: Withdraw::Never,
        }
    }

    /// Reads an address with or without a prefix, and the options of a VIP.
    ///
    /// # Errors
    /// `invalid` for what is no address of a host, unknown options and values.
    pub fn parse(address: &str, options: &Options) -> Result<(VipKey, Vip)> {
        let (addr, prefix) = parse_address(address)?;
        check_names(options, &VIP_OPTIONS, "a vip")?;
        let interface = match options.get("interface").filter(|value| !value.is_null()) {
            None => InterfaceName::LO,
            Some(value) => InterfaceName::parse(text("interface", value)?)?.of_device()?,
        };
        let key = VipKey { addr, interface };
        let mut vip = Vip {
            prefix: prefix.unwrap_or(longest(addr)),
            ..Vip::single(addr)
        };
        vip.set(key, options)?;
        Ok((key, vip))
    }

    /// Sets the options given; `interface` is part of what names a VIP.
    ///
    /// # Errors
    /// `invalid` for unknown options and values.
    pub fn set(&mut self, key: VipKey, options: &Options) -> Result<()> {
        check_names(options, &VIP_OPTIONS, "a vip")?;
        for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "label" => self.label = check_label(text(name, value)?, key)?,
                "arp" => self.arp = one_of(name, value, Arp::ALL, Arp::name)?,
                "announce" => self.announce = boolean(name, value)?,
                "withdraw" => self.withdraw = one_of(name, value, Withdraw::ALL, Withdraw::name)?,
                _ => {}
            }
        }
        if self.arp == Arp::Silent && key.addr.is_ipv6() && key.interface != InterfaceName::LO {
            return Err(Error::invalid("an IPv6 address is silent on \"lo\" only")
                .hint("leave interface out: on lo no neighbour solicitation is answered for it"));
        }
        Ok(())
    }

    /// The same as a kernel shows it, which holds its prefix and its label.
    #[must_use]
    pub fn as_the_kernel_has_it(&self, key: VipKey) -> Vip {
        Vip {
            prefix: self.prefix,
            label: self.label.clone(),
            ..Vip::single(key.addr)
        }
    }

    /// Returns true if a live address is what is wanted: the kernel holds its prefix and its label.
    pub fn satisfied_by(&self, live: &Vip) -> bool {
        self.prefix == live.prefix && self.label == live.label
    }

    /// Every option with its value as text.
    pub fn fields(&self, key: VipKey) -> Vec<Field> {
        let label = self.label.as_deref();
        vec![
            ("prefix", format!("/{}", self.prefix)),
            ("interface", key.interface.to_string()),
            ("label", label.unwrap_or("none").to_owned()),
            ("arp", self.arp.name().to_owned()),
            ("announce", self.announce.to_string()),
            ("withdraw", self.withdraw.name().to_owned()),
        ]
    }

    /// The value on one line: `/32 on eth0, label eth0:web`.
    pub fn summary(&self, key: VipKey) -> String {
        let mut text = format!("/{} on {}", self.prefix, key.interface);
        for (name, value) in self.options() {
            text.push_str(&format!(", {name} {value}"));
        }
        text
    }

    /// The options that are not at their defaults, beside the interface.
    pub fn options(&self) -> Vec<Field> {
        let mut options = Vec::new();
        if let Some(label) = &self.label {
            options.push(("label", label.clone()));
        }
        if self.arp != Arp::default() {
            options.push(("arp", self.arp.name().to_owned()));
        }
        if !self.announce {
            options.push(("announce", self.announce.to_string()));
        }
        if self.withdraw != Withdraw::default() {
            options.push(("withdraw", self.withdraw.name().to_owned()));
        }
        options
    }

    /// The address as a script writes it: with its prefix where that is not a single host's.
    pub fn written(&self, key: VipKey) -> String {
        match self.prefix == longest(key.addr) {
            true => key.addr.to_string(),
            false => format!("{}/{}", key.addr, self.prefix),
        }
    }

    /// What JSON says of it.
    pub fn json(&self, key: VipKey) -> Options {
        let mut map = Options::new();
        map.insert("address".into(), key.addr.to_string().into());
        map.insert("prefix".into(), self.prefix.into());
        map.insert("interface".into(), key.interface.as_str().into());
        map.insert("label".into(), self.label.clone().into());
        map.insert("arp".into(), self.arp.name().into());
        map.insert("announce".into(), self.announce.into());
        map.insert("withdraw".into(), self.withdraw.name().into());
        map
    }

    /// Reads one from JSON.
    ///
    /// # Errors
    /// As [`Vip::parse`].
    pub(super) fn read(value: Value) -> Result<(VipKey, Vip)> {
        let Value::Object(mut options) = value else {
            return Err(patch::wrong("a vip", "a map", &value));
        };
        let address = options
            .remove("address")
            .ok_or_else(|| Error::invalid("the address of a vip is missing"))?;
        let mut address = text("address", &address)?.to_owned();
        if let Some(prefix) = options.remove("prefix").filter(|prefix| !prefix.is_null()) {
            let prefix: u8 = patch::ranged("prefix", &prefix, "0 to 128")?;
            address = format!("{address}/{prefix}");
        }
        Vip::parse(&address, &options)
    }
}

/// The length of a prefix that is a single address.
fn longest(addr: IpAddr) -> u8 {
    match Family::of(addr) {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

/// Reads `192.0.2.10`, `192.0.2.10/24`.
fn parse_address(text: &str) -> Result<(IpAddr, Option<u8>)> {
    let (addr, prefix) = match text.split_once('/') {
        None => (text, None),
        Some((addr, prefix)) => (addr, Some(prefix)),
    };
    let addr = address::parse_ip(addr)?;
    if addr.is_unspecified() || addr.is_multicast() || addr == std::net::Ipv4Addr::BROADCAST {
        return Err(
            Error::invalid(format!("{addr} is not the address of a host"))
                .hint("a vip is an address like \"192.0.2.10\" or \"2001:db8::10\""),
        );
    }
    let Some(prefix) = prefix else {
        return Ok((addr, None));
    };
    let most = longest(addr);
    let length = prefix.parse::<u8>().ok();
    match length.filter(|length| (1..=most).contains(length)) {
        Some(length) => Ok((addr, Some(length))),
        None => Err(
            Error::invalid(format!("\"{prefix}\" is not the length of a prefix"))
                .object(format!("vip {addr}"))
                .hint(format!("it is 1 to {most}; left out it is {most}")),
        ),
    }
}

/// A label belongs to its interface, as ip(8) asks: `eth0:web`. The interface itself is what an
/// address has without one.
fn check_label(label: &str, key: VipKey) -> Result<Option<String>> {
    let refuse = |why: String| {
        let hint = format!("a label is like \"{}:web\"", key.interface);
        Err(Error::invalid(why).hint(hint))
    };
    if key.addr.is_ipv6() {
        return refuse("an IPv6 address has no label".to_owned());
    }
    let fits = label
        .strip_prefix(key.interface.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    let plain = label.bytes().all(|byte| byte.is_ascii_graphic());
    if label.len() > 15 || !plain || !fits {
        return refuse(format!(
            "\"{label}\" is not a label of up to 15 characters that begins with the interface"
        ));
    }
    Ok((label != key.interface.as_str()).then(|| label.to_owned()))
}

fn one_of<T: Copy>(
    name: &str,
    value: &Value,
    all: impl IntoIterator<Item = T>,
    name_of: impl Fn(T) -> &'static str,
) -> Result<T> {
    let given = text(name, value)?;
    let mut names = Vec::new();
    for one in all {
        if name_of(one) == given {
            return Ok(one);
        }
        names.push(format!("\"{}\"", name_of(one)));
    }
    let error = Error::invalid(format!("{name} must not be \"{given}\""));
    Err(error.hint(format!("{name} is {}", names.join(" or "))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(address: &str, options: Value) -> Result<(VipKey, Vip)> {
        let Value::Object(options) = options else {
            unreachable!("tests give maps")
        };
        Vip::parse(address, &options)
    }

    #[test]
    fn defaults_are_a_single_host_on_lo() {
        let (key, vip) = parse("192.0.2.10", json!({})).unwrap();
        assert_eq!((key.interface.as_str(), vip.prefix), ("lo", 32));
        assert_eq!(vip.summary(key), "/32 on lo");
        let (key, vip) = parse("2001:db8::10", json!({"interface": "eth0"})).unwrap();
        assert_eq!(vip.summary(key), "/128 on eth0");
        assert_eq!(vip.written(key), "2001:db8::10");
        let (key, vip) = parse("192.0.2.10/24", json!({"interface": "eth0"})).unwrap();
        assert_eq!(vip.written(key), "192.0.2.10/24");
    }

    #[test]
    fn what_is_no_vip_is_refused() {
        for (address, options, part) in [
            ("192.0.2.10/33", json!({}), "\"33\" is not the length"),
            ("192.0.2.10/0", json!({}), "\"0\" is not the length"),
            ("192.0.2.10/", json!({}), "\"\" is not the length"),
            ("2001:db8::1/129", json!({}), "\"129\" is not the length"),
            ("0.0.0.0", json!({}), "not the address of a host"),
            ("224.0.0.81", json!({}), "not the address of a host"),
            ("255.255.255.255", json!({}), "not the address of a host"),
            ("web.example", json!({}), "web.example"),
            (
                "192.0.2.10",
                json!({"interface": "abcdefghijklmnop"}),
                "not the name of an interface",
            ),
            ("192.0.2.10", json!({"interfaces": "lo"}), "unknown option"),
            (
                "192.0.2.10",
                json!({"arp": "loud"}),
                "arp must not be \"loud\"",
            ),
            (
                "192.0.2.10",
                json!({"withdraw": true}),
                "withdraw must be a string",
            ),
            (
                "192.0.2.10",
                json!({"announce": 1}),
                "announce must be true or false",
            ),
            ("192.0.2.10", json!({"label": "eth0:1"}), "not a label"),
            (
                "192.0.2.10",
                json!({"label": "lo:0123456789abc"}),
                "not a label",
            ),
            ("2001:db8::1", json!({"label": "lo:1"}), "has no label"),
            (
                "2001:db8::1",
                json!({"arp": "silent", "interface": "eth0"}),
                "silent on \"lo\" only",
            ),
        ] {
            let error = parse(address, options.clone()).unwrap_err();
            assert!(
                error.message().contains(part),
                "{address} {options}: {error}"
            );
        }
    }

    #[test]
    fn json_reads_back() {
        for (address, options) in [
            (
                "192.0.2.10/24",
                json!({"interface": "eth0", "label": "eth0:web", "announce": false}),
            ),
            ("192.0.2.10", json!({"arp": "silent"})),
            (
                "2001:db8::10",
                json!({"interface": "eth0", "withdraw": "down"}),
            ),
        ] {
            let (key, vip) = parse(address, options).unwrap();
            let back = Vip::read(Value::Object(vip.json(key))).unwrap();
            assert_eq!(back, (key, vip.clone()));
            let stored = serde_json::to_string(&(key, &vip)).unwrap();
            assert_eq!(
                serde_json::from_str::<(VipKey, Vip)>(&stored).unwrap(),
                (key, vip)
            );
        }
    }

    #[test]
    fn the_kernel_is_asked_for_prefix_and_label_only() {
        let (key, vip) = parse("192.0.2.10", json!({"announce": false, "arp": "silent"})).unwrap();
        let live = Vip::single(key.addr);
        assert!(vip.satisfied_by(&live));
        assert!(!vip.satisfied_by(&Vip {
            prefix: 24,
            ..live.clone()
        }));
        let labelled = parse("192.0.2.10", json!({"label": "lo:1"})).unwrap().1;
        assert!(!vip.satisfied_by(&labelled));
        let (_, same) = parse("192.0.2.10", json!({"label": "lo"})).unwrap();
        assert_eq!(
            same, live,
            "the interface is what an address has without a label"
        );
    }
}
