//! A virtual service's own options: scheduler, its flags, persistence, engine, one-packet.
//!
//! Source of truth: `struct ip_vs_service_user` and the IP_VS_SVC_F_* flags of
//! `include/uapi/linux/ip_vs.h`; names as ipvsadm(8) spells them.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::address::Family;
use super::name::Name;
use super::text::written;
use crate::error::{Error, Result, did_you_mean};

/// The schedulers of the kernel's own tree; modules may offer others.
pub const SCHEDULERS: [&str; 14] = [
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos",
];

pub use super::name::NAME_MAX;

/// The longest persistence timeout, in seconds: 31 days, as ipvsadm(8) has it.
pub const PERSISTENT_MAX: u32 = 31 * 24 * 60 * 60;

fn module_name(what: &str, text: &str, known: &[&str]) -> Result<Name> {
    Name::parse(text).ok_or_else(|| {
        let close = did_you_mean(text, known.iter().copied());
        Error::invalid(format!("\"{text}\" is not the name of a {what}"))
            .about(text)
            .hint(match close {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => format!("a name has 1 to {NAME_MAX} letters and digits"),
            })
    })
}

/// The name of a scheduler; the kernel decides whether it has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scheduler(Name);

impl Scheduler {
    /// Parses a name, in any case.
    ///
    /// # Errors
    /// `invalid` where it is empty, longer than 15 characters or not plain letters and digits.
    pub fn parse(text: &str) -> Result<Scheduler> {
        module_name("scheduler", text, &SCHEDULERS).map(Scheduler)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.0.text()
    }
}

impl Default for Scheduler {
    /// `wlc`, ipvsadm's default.
    fn default() -> Self {
        Scheduler(Name::WLC)
    }
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for Scheduler {
    type Error = Error;
    fn try_from(text: String) -> Result<Scheduler> {
        Scheduler::parse(&text)
    }
}

impl From<Scheduler> for String {
    fn from(scheduler: Scheduler) -> String {
        scheduler.name().to_owned()
    }
}

/// The name of a persistence engine; Linux has one, `sip`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Engine(Name);

impl Engine {
    /// Parses a name, in any case.
    ///
    /// # Errors
    /// `invalid` where it is empty, longer than 15 characters or not plain letters and digits.
    pub fn parse(text: &str) -> Result<Engine> {
        module_name("persistence engine", text, &["sip"]).map(Engine)
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.0.text()
    }
}

impl TryFrom<String> for Engine {
    type Error = Error;
    fn try_from(text: String) -> Result<Engine> {
        Engine::parse(&text)
    }
}

impl From<Engine> for String {
    fn from(engine: Engine) -> String {
        engine.name().to_owned()
    }
}

/// The scheduler flags (IP_VS_SVC_F_SCHED1..3 and any bit that a newer kernel may add), as the
/// bits of the kernel's flag word.
///
/// The same bit has a name per scheduler: 0x08 is `sh-fallback` or `mh-fallback`, 0x10 is
/// `sh-port` or `mh-port`; with another scheduler they are `flag-1`, `flag-2` and `flag-3`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SchedulerFlags(pub u32);

impl SchedulerFlags {
    /// Says whether no flag is set.
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// IP_VS_SVC_F_SCHED1: 0x08.
    pub const SCHED1: u32 = 0x08;
    /// IP_VS_SVC_F_SCHED2: 0x10.
    pub const SCHED2: u32 = 0x10;
    /// IP_VS_SVC_F_SCHED3: 0x20.
    pub const SCHED3: u32 = 0x20;

    /// The names that a flag may have, for help and completion.
    pub const NAMES: [&str; 7] = [
        "sh-fallback",
        "sh-port",
        "mh-fallback",
        "mh-port",
        "flag-1",
        "flag-2",
        "flag-3",
    ];

    /// Parses one name; the scheduler is not looked at, as the kernel does not look either.
    ///
    /// # Errors
    /// `invalid` with a "did you mean".
    pub fn parse_one(text: &str) -> Result<u32> {
        match text.to_lowercase().as_str() {
            "sh-fallback" | "mh-fallback" | "flag-1" => Ok(Self::SCHED1),
            "sh-port" | "mh-port" | "flag-2" => Ok(Self::SCHED2),
            "flag-3" => Ok(Self::SCHED3),
            other => other
                .strip_prefix("0x")
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                .filter(|bits| bits & 0x07 == 0)
                .ok_or_else(|| {
                    Error::invalid(format!("unknown scheduler flag \"{text}\""))
                        .about(text)
                        .hint(match did_you_mean(text, Self::NAMES) {
                            Some(name) => format!("did you mean \"{name}\"?"),
                            None => format!("a flag is one of {}", Self::NAMES.join(", ")),
                        })
                }),
        }
    }

    /// The flags' names as they are called with this scheduler, lowest bit first.
    pub fn names(self, scheduler: &Scheduler) -> Vec<String> {
        let own = match scheduler.name() {
            name @ ("sh" | "mh") => Some(name),
            _ => None,
        };
        (0..32)
            .map(|bit| 1u32 << bit)
            .filter(|bit| self.0 & bit != 0)
            .map(|bit| match (bit, own) {
                (Self::SCHED1, Some(own)) => format!("{own}-fallback"),
                (Self::SCHED2, Some(own)) => format!("{own}-port"),
                (Self::SCHED1, None) => "flag-1".to_owned(),
                (Self::SCHED2, None) => "flag-2".to_owned(),
                (Self::SCHED3, _) => "flag-3".to_owned(),
                (other, _) => format!("{other:#x}"),
            })
            .collect()
    }
}

/// The granularity of persistence, as the kernel has it: for IPv4 the mask's bits in host byte
/// order, for IPv6 the prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Netmask(pub u32);

impl Netmask {
    /// The default: every client by itself (255.255.255.255, or 128).
    pub fn host(family: Family) -> Netmask {
        match family {
            Family::Ipv4 => Netmask(u32::MAX),
            Family::Ipv6 => Netmask(128),
        }
    }

    /// Makes a mask from a prefix length: 1 to 32, or 1 to 128.
    ///
    /// # Errors
    /// `invalid` outside that range.
    pub fn from_prefix(length: i64, family: Family) -> Result<Netmask> {
        let longest = if family == Family::Ipv4 { 32 } else { 128 };
        match u32::try_from(length) {
            Ok(length) if (1..=longest).contains(&length) => Ok(match family {
                Family::Ipv4 => Netmask(u32::MAX << (32 - length)),
                Family::Ipv6 => Netmask(length),
            }),
            _ => Err(
                Error::invalid(format!("a prefix length of {length} is out of range"))
                    .hint(format!("an {family} prefix length is 1 to {longest}")),
            ),
        }
    }

    /// Parses `255.255.255.0`, `24` or `/24` for IPv4, `64` or `/64` for IPv6.
    ///
    /// # Errors
    /// `invalid` for a mask of the other family, with holes, or out of range.
    pub fn parse(text: &str, family: Family) -> Result<Netmask> {
        let text = text.trim();
        if let Ok(length) = text.strip_prefix('/').unwrap_or(text).parse::<i64>() {
            return Netmask::from_prefix(length, family);
        }
        let Ok(mask) = text.parse::<Ipv4Addr>() else {
            return Err(Error::invalid(format!("\"{text}\" is not a netmask"))
                .about(text)
                .hint("a netmask is like \"255.255.255.0\", or a prefix length"));
        };
        if family == Family::Ipv6 {
            return Err(Error::invalid(format!("netmask {text} is for IPv4"))
                .about("netmask")
                .hint("an ipv6 service takes a prefix length, 1 to 128"));
        }
        let bits = u32::from(mask);
        if bits == 0 || bits.leading_ones() + bits.trailing_zeros() != 32 {
            return Err(
                Error::invalid(format!("netmask {text} is not a row of ones"))
                    .about("netmask")
                    .hint("a netmask is like \"255.255.255.0\", or a prefix length"),
            );
        }
        Ok(Netmask(bits))
    }

    /// Prints the mask as its family writes it: `255.255.255.0` or `64`.
    pub fn text(self, family: Family) -> String {
        match family {
            Family::Ipv4 => Ipv4Addr::from(self.0).to_string(),
            Family::Ipv6 => self.0.to_string(),
        }
    }
}

/// What a service is set to, apart from its servers.
///
/// Its serde form is the database's: the kernel's own values, lossless. Users see [`super::json`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceOptions {
    /// The scheduler; default `wlc`.
    pub scheduler: Scheduler,
    /// The scheduler's flags; default none.
    #[serde(default, skip_serializing_if = "SchedulerFlags::is_empty")]
    pub flags: SchedulerFlags,
    /// Persistence timeout in seconds; `None` (script: 0) is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent: Option<u32>,
    /// Granularity of persistence; default one host.
    pub netmask: Netmask,
    /// Persistence engine; default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// One-packet scheduling (UDP): every datagram chooses a server anew; default off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_packet: bool,
}

impl ServiceOptions {
    /// The options of a service that names none.
    pub fn defaults(family: Family) -> ServiceOptions {
        ServiceOptions {
            scheduler: Scheduler::default(),
            flags: SchedulerFlags::default(),
            persistent: None,
            netmask: Netmask::host(family),
            engine: None,
            one_packet: false,
        }
    }
}

/// One field of an object as option name and printed value, in the order in which it is shown.
pub type Field = (&'static str, String);

impl ServiceOptions {
    /// Every option with its value as text.
    pub fn fields(&self, family: Family) -> Vec<Field> {
        let flags = self.flags.names(&self.scheduler).join(",");
        vec![
            ("scheduler", self.scheduler.to_string()),
            (
                "flags",
                if flags.is_empty() {
                    "none".to_owned()
                } else {
                    flags
                },
            ),
            (
                "persistent",
                self.persistent.map_or("off".to_owned(), |s| s.to_string()),
            ),
            ("netmask", self.netmask.text(family)),
            (
                "engine",
                self.engine
                    .as_ref()
                    .map_or("none".to_owned(), |e| e.name().to_owned()),
            ),
            ("one_packet", self.one_packet.to_string()),
        ]
    }

    /// What a reader wants to know: the scheduler, and what is not at its default.
    pub fn summary(&self, family: Family) -> String {
        written(|out| self.write_summary(family, out))
    }

    /// Writes [`ServiceOptions::summary`].
    ///
    /// # Errors
    /// As the writer fails.
    pub fn write_summary(&self, family: Family, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str(self.scheduler.name())?;
        if !self.flags.is_empty() {
            write!(
                out,
                " flags {}",
                self.flags.names(&self.scheduler).join(",")
            )?;
        }
        if let Some(seconds) = self.persistent {
            write!(out, " persistent {seconds}")?;
        }
        if self.netmask != Netmask::host(family) {
            write!(out, " netmask {}", self.netmask.text(family))?;
        }
        if let Some(engine) = &self.engine {
            write!(out, " engine {}", engine.name())?;
        }
        if self.one_packet {
            out.write_str(" one_packet")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netmasks() {
        let mask = |t, f| Netmask::parse(t, f).map(|m| m.text(f));
        assert_eq!(mask("24", Family::Ipv4).unwrap(), "255.255.255.0");
        assert_eq!(mask("255.255.0.0", Family::Ipv4).unwrap(), "255.255.0.0");
        assert_eq!(mask("64", Family::Ipv6).unwrap(), "64");
        for (text, family) in [
            ("255.0.255.0", Family::Ipv4),
            ("0", Family::Ipv4),
            ("33", Family::Ipv4),
            ("255.255.255.0", Family::Ipv6),
            ("129", Family::Ipv6),
            ("x", Family::Ipv6),
        ] {
            assert!(Netmask::parse(text, family).is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn flags_are_named_after_their_scheduler() {
        let flags = SchedulerFlags(0x18 | 0x40);
        let names = |s| flags.names(&Scheduler::parse(s).unwrap());
        assert_eq!(names("sh"), ["sh-fallback", "sh-port", "0x40"]);
        assert_eq!(names("rr"), ["flag-1", "flag-2", "0x40"]);
        for name in names("mh") {
            assert_eq!(SchedulerFlags::parse_one(&name).unwrap() & flags.0, {
                SchedulerFlags::parse_one(&name).unwrap()
            });
        }
        assert!(SchedulerFlags::parse_one("0x1").is_err());
    }

    #[test]
    fn names_are_bounded() {
        assert_eq!(Scheduler::parse("WLC").unwrap().name(), "wlc");
        for bad in ["", "-s", "a b", "sixteen-letters-", "rr\0"] {
            assert!(Scheduler::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
