//! A real server's options: forwarding method, weight, thresholds, tunnel.
//!
//! Source of truth: `struct ip_vs_dest_user` and the IP_VS_CONN_F_* and IP_VS_CONN_F_TUNNEL_TYPE_*
//! values of `include/uapi/linux/ip_vs.h`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::key::ServerKey;
use super::service::Field;
use super::text::written;
use crate::error::{Error, Result, did_you_mean};

/// A forwarding method.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Forwarding {
    /// Masquerading (NAT), IP_VS_CONN_F_MASQ 0.
    Masq,
    /// The director itself, IP_VS_CONN_F_LOCALNODE 1.
    Local,
    /// Tunnelling, IP_VS_CONN_F_TUNNEL 2.
    Tunnel,
    /// Direct routing, IP_VS_CONN_F_DROUTE 3; the default, as ipvsadm has it.
    #[default]
    Direct,
    /// Cache bypass, IP_VS_CONN_F_BYPASS 4.
    Bypass,
}

impl Forwarding {
    /// Parses what people type, in any case: `masq`, `direct`, `tunnel`, `dr`, `nat`, `ipip`...
    ///
    /// # Errors
    /// `invalid` with a "did you mean".
    pub fn parse(text: &str) -> Result<Forwarding> {
        match text.trim().to_lowercase().as_str() {
            "masq" | "nat" | "masquerading" | "masquerade" | "m" => Ok(Forwarding::Masq),
            "direct" | "dr" | "gateway" | "gate" | "route" | "g" => Ok(Forwarding::Direct),
            "tunnel" | "tun" | "ipip" | "i" => Ok(Forwarding::Tunnel),
            "local" | "localnode" => Ok(Forwarding::Local),
            "bypass" => Ok(Forwarding::Bypass),
            _ => Err(
                Error::invalid(format!("unknown forwarding method \"{text}\""))
                    .about(text)
                    .hint(
                        match did_you_mean(
                            text,
                            ["masq", "direct", "tunnel", "nat", "route", "gateway"],
                        ) {
                            Some(word) => format!("did you mean \"{word}\"?"),
                            None => "a forwarding method is \"direct\", \"masq\" or \"tunnel\""
                                .to_owned(),
                        },
                    ),
            ),
        }
    }

    /// The text form.
    pub fn name(self) -> &'static str {
        match self {
            Forwarding::Masq => "masq",
            Forwarding::Local => "local",
            Forwarding::Tunnel => "tunnel",
            Forwarding::Direct => "direct",
            Forwarding::Bypass => "bypass",
        }
    }
}

impl fmt::Display for Forwarding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A weight: 0 (quiesced: no new connections) to 2^31-1; default 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weight(u32);

impl Weight {
    /// Quiesced.
    pub const ZERO: Weight = Weight(0);

    /// Makes a weight.
    ///
    /// # Errors
    /// `invalid` outside 0 to 2^31-1.
    pub fn new(value: i64) -> Result<Weight> {
        match u32::try_from(value) {
            Ok(weight) if weight <= i32::MAX as u32 => Ok(Weight(weight)),
            _ => Err(Error::invalid(format!("weight {value} is out of range"))
                .about("weight")
                .hint(format!("a weight is {WEIGHT_RANGE}"))),
        }
    }

    /// Reads a weight that was typed.
    ///
    /// # Errors
    /// `invalid` for anything but a whole number from 0 to 2^31-1.
    pub fn parse(text: &str) -> Result<Weight> {
        match text.parse() {
            Ok(value) => Weight::new(value),
            Err(_) => Err(Error::invalid(format!("\"{text}\" is not a weight"))
                .about(text)
                .hint(format!("a weight is {WEIGHT_RANGE}"))),
        }
    }

    /// The number.
    pub fn value(self) -> u32 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Weight(1)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The weights that there are, in words.
pub const WEIGHT_RANGE: &str = "0 (quiesced) to 2147483647";

/// The thresholds that there are, in words.
pub const THRESHOLD_RANGE: &str = "0 (off) to 2147483647";

/// The highest threshold. Kernels of 2026 refuse more (found by the conformance suite on Debian's
/// 6.1.192: EINVAL, behind the check of lower against upper); older ones took any 32 bits.
pub const THRESHOLD_MAX: u32 = i32::MAX.unsigned_abs();

/// The encapsulation of a tunnel (IP_VS_CONN_F_TUNNEL_TYPE_*).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(from = "u8", into = "u8")]
pub enum TunnelKind {
    /// IP in IP, 0; the default.
    #[default]
    Ipip,
    /// Generic UDP encapsulation, 1; needs a port.
    Gue,
    /// Generic routing encapsulation, 2.
    Gre,
    /// A type that this program does not know.
    Other(u8),
}

impl TunnelKind {
    /// Parses `ipip`, `gue`, `gre` or `type-N`.
    ///
    /// # Errors
    /// `invalid` for anything else.
    pub fn parse(text: &str) -> Result<TunnelKind> {
        match text.to_lowercase().as_str() {
            "ipip" => Ok(TunnelKind::Ipip),
            "gue" => Ok(TunnelKind::Gue),
            "gre" => Ok(TunnelKind::Gre),
            other => other
                .strip_prefix("type-")
                .and_then(|number| number.parse().ok())
                .map(TunnelKind::from_number)
                .ok_or_else(|| {
                    Error::invalid(format!("unknown tunnel type \"{text}\""))
                        .about(text)
                        .hint("a tunnel type is \"ipip\", \"gue\" or \"gre\"")
                }),
        }
    }

    /// From the kernel's number.
    pub fn from_number(number: u8) -> TunnelKind {
        match number {
            0 => TunnelKind::Ipip,
            1 => TunnelKind::Gue,
            2 => TunnelKind::Gre,
            other => TunnelKind::Other(other),
        }
    }

    /// The kernel's number.
    pub fn number(self) -> u8 {
        match self {
            TunnelKind::Ipip => 0,
            TunnelKind::Gue => 1,
            TunnelKind::Gre => 2,
            TunnelKind::Other(other) => other,
        }
    }
}

impl From<u8> for TunnelKind {
    fn from(value: u8) -> TunnelKind {
        TunnelKind::from_number(value)
    }
}

impl From<TunnelKind> for u8 {
    fn from(value: TunnelKind) -> u8 {
        value.number()
    }
}

impl fmt::Display for TunnelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TunnelKind::Ipip => f.write_str("ipip"),
            TunnelKind::Gue => f.write_str("gue"),
            TunnelKind::Gre => f.write_str("gre"),
            TunnelKind::Other(other) => write!(f, "type-{other}"),
        }
    }
}

/// The checksum of a tunnel's outer header (IP_VS_TUNNEL_ENCAP_FLAG_*).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(from = "u16", into = "u16")]
pub enum TunnelChecksum {
    /// None, 0; the default.
    #[default]
    None,
    /// Full, 1.
    Full,
    /// Remote checksum offload (GUE), 2.
    Remote,
    /// A combination that this program has no name for.
    Other(u16),
}

impl TunnelChecksum {
    /// Parses `none`, `full`, `remote` or `flags-N`.
    ///
    /// # Errors
    /// `invalid` for anything else.
    pub fn parse(text: &str) -> Result<TunnelChecksum> {
        match text.to_lowercase().as_str() {
            "none" => Ok(TunnelChecksum::None),
            "full" => Ok(TunnelChecksum::Full),
            "remote" => Ok(TunnelChecksum::Remote),
            other => other
                .strip_prefix("flags-")
                .and_then(|number| number.parse().ok())
                .map(TunnelChecksum::from_flags)
                .ok_or_else(|| {
                    Error::invalid(format!("unknown tunnel checksum \"{text}\""))
                        .about(text)
                        .hint("a tunnel's checksum is \"none\", \"full\" or \"remote\"")
                }),
        }
    }

    /// From the kernel's flags.
    pub fn from_flags(flags: u16) -> TunnelChecksum {
        match flags {
            0 => TunnelChecksum::None,
            1 => TunnelChecksum::Full,
            2 => TunnelChecksum::Remote,
            other => TunnelChecksum::Other(other),
        }
    }

    /// The kernel's flags.
    pub fn flags(self) -> u16 {
        match self {
            TunnelChecksum::None => 0,
            TunnelChecksum::Full => 1,
            TunnelChecksum::Remote => 2,
            TunnelChecksum::Other(other) => other,
        }
    }
}

impl From<u16> for TunnelChecksum {
    fn from(value: u16) -> TunnelChecksum {
        TunnelChecksum::from_flags(value)
    }
}

impl From<TunnelChecksum> for u16 {
    fn from(value: TunnelChecksum) -> u16 {
        value.flags()
    }
}

impl fmt::Display for TunnelChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TunnelChecksum::None => f.write_str("none"),
            TunnelChecksum::Full => f.write_str("full"),
            TunnelChecksum::Remote => f.write_str("remote"),
            TunnelChecksum::Other(flags) => write!(f, "flags-{flags}"),
        }
    }
}

/// How a tunnel wraps packets; the default is IP in IP.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Tunnel {
    /// The encapsulation.
    pub kind: TunnelKind,
    /// The UDP port for GUE; 0 otherwise.
    pub port: u16,
    /// The outer checksum.
    pub checksum: TunnelChecksum,
}

impl Tunnel {
    /// Parses `ipip`, `gre` or `gue:6080`.
    ///
    /// # Errors
    /// `invalid` for unknown types and for what is no port.
    pub fn parse(text: &str) -> Result<Tunnel> {
        let (kind, port) = match text.split_once(':') {
            Some((kind, port)) => (kind, Some(port)),
            None => (text, None),
        };
        let kind = TunnelKind::parse(kind)?;
        let refuse = |why: &str| {
            Err(Error::invalid(format!("\"{text}\": {why}"))
                .about(text)
                .hint("a tunnel is ipip, gre or gue:6080"))
        };
        let port = match (kind, port.map(str::parse::<u16>)) {
            (TunnelKind::Gue, None) => return refuse("the port is missing"),
            (_, None) => 0,
            (TunnelKind::Gue, Some(Ok(port))) if port > 0 => port,
            (TunnelKind::Gue, Some(_)) => return refuse("that is no port"),
            (_, Some(_)) => return refuse("only gue has a port"),
        };
        Ok(Tunnel {
            kind,
            port,
            ..Tunnel::default()
        })
    }

    fn is_default(&self) -> bool {
        *self == Tunnel::default()
    }
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if self.port != 0 {
            write!(f, ":{}", self.port)?;
        }
        if self.checksum != TunnelChecksum::None {
            write!(f, "/{}", self.checksum)?;
        }
        Ok(())
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What a real server is set to.
///
/// Its serde form is the database's; users see [`super::json`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct RealServer {
    /// The forwarding method.
    pub forward: Forwarding,
    /// The weight.
    pub weight: Weight,
    /// Upper connection threshold; 0 is off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub upper: u32,
    /// Lower connection threshold; 0 is off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lower: u32,
    /// The encapsulation, for `forward: tunnel`.
    #[serde(default, skip_serializing_if = "Tunnel::is_default")]
    pub tunnel: Tunnel,
}

impl RealServer {
    /// Every option with its value, in the order in which they are shown.
    pub fn values(&self) -> [(&'static str, ServerValue); 5] {
        [
            ("forward", ServerValue::Forward(self.forward)),
            ("weight", ServerValue::Number(self.weight.value())),
            ("upper", ServerValue::Number(self.upper)),
            ("lower", ServerValue::Number(self.lower)),
            ("tunnel", ServerValue::Tunnel(self.tunnel)),
        ]
    }

    /// Every option with its value as text.
    pub fn fields(&self) -> Vec<Field> {
        let text = |(name, value): (_, ServerValue)| (name, value.to_string());
        self.values().map(text).into()
    }

    /// What a reader wants to know: forwarding, weight, and what is not at its default.
    pub fn summary(&self) -> String {
        written(|out| self.write_summary(out))
    }

    /// Writes [`RealServer::summary`].
    ///
    /// # Errors
    /// As the writer fails.
    pub fn write_summary(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str(self.forward.name())?;
        out.write_str(" weight ")?;
        write!(out, "{}", self.weight)?;
        self.write_extras(out)
    }

    /// What its summary says beside forwarding and weight, where there is something: each behind
    /// a space.
    pub fn extras(&self) -> String {
        written(|out| self.write_extras(out))
    }

    fn write_extras(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if self.upper != 0 || self.lower != 0 {
            write!(out, " upper {} lower {}", self.upper, self.lower)?;
        }
        if self.tunnel != Tunnel::default() {
            write!(out, " tunnel {}", self.tunnel)?;
        }
        Ok(())
    }
}

/// The value of one option of a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerValue {
    /// A forwarding method.
    Forward(Forwarding),
    /// A weight or a threshold.
    Number(u32),
    /// An encapsulation.
    Tunnel(Tunnel),
}

impl fmt::Display for ServerValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerValue::Forward(forward) => forward.fmt(f),
            ServerValue::Number(number) => number.fmt(f),
            ServerValue::Tunnel(tunnel) => tunnel.fmt(f),
        }
    }
}

/// Names a server within its service, for messages.
pub fn server_name(service: &super::ServiceKey, server: &ServerKey) -> String {
    format!("real server {server} of {service}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_range_name_its_end() {
        let weight = format!(" to {}", i32::MAX);
        assert!(WEIGHT_RANGE.ends_with(&weight), "{WEIGHT_RANGE}");
        assert!(Weight::new(i32::MAX.into()).is_ok() && Weight::new(1 << 31).is_err());
        let threshold = format!(" to {THRESHOLD_MAX}");
        assert!(THRESHOLD_RANGE.ends_with(&threshold), "{THRESHOLD_RANGE}");
    }

    #[test]
    fn forwarding_takes_what_people_type() {
        for (text, wants) in [
            ("DR", "direct"),
            ("gateway", "direct"),
            ("g", "direct"),
            ("NAT", "masq"),
            ("m", "masq"),
            ("ipip", "tunnel"),
            ("i", "tunnel"),
            ("Tun", "tunnel"),
        ] {
            assert_eq!(Forwarding::parse(text).unwrap().name(), wants);
        }
        let error = Forwarding::parse("maqs").unwrap_err();
        assert_eq!(error.hints(), ["did you mean \"masq\"?"]);
    }

    #[test]
    fn weights_are_bounded() {
        assert_eq!(Weight::new(2_147_483_647).unwrap().value(), 2_147_483_647);
        assert!(Weight::new(-1).is_err());
        assert!(Weight::new(1 << 31).is_err());
    }
}
