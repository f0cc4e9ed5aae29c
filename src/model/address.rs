//! Address families, IP literals and endpoints (`192.0.2.10:80`, `[2001:db8::10]:80`).
//!
//! Source of truth: RFC 4291 and RFC 5952 for IPv6 text; host names are refused on purpose.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

use super::text::written;
use crate::error::{Error, Result};

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4 (AF_INET, 2).
    Ipv4,
    /// IPv6 (AF_INET6, 10).
    Ipv6,
}

impl Family {
    /// Both families, in the order in which they are shown.
    pub const ALL: [Family; 2] = [Family::Ipv4, Family::Ipv6];

    /// The family of an address.
    pub fn of(addr: IpAddr) -> Family {
        if addr.is_ipv4() {
            Family::Ipv4
        } else {
            Family::Ipv6
        }
    }

    /// The text form: `ipv4` or `ipv6`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        }
    }

    /// The program that holds the family's rules: iptables(8), ip6tables(8).
    pub fn iptables(self) -> &'static str {
        match self {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        }
    }

    /// Parses the text form, also `4`, `6`, `inet` and `inet6`.
    ///
    /// # Errors
    /// `invalid` for any other word.
    pub fn parse(text: &str) -> Result<Family> {
        match text.trim().to_lowercase().as_str() {
            "ipv4" | "4" | "inet" => Ok(Family::Ipv4),
            "ipv6" | "6" | "inet6" => Ok(Family::Ipv6),
            _ => Err(Error::invalid(format!("unknown address family \"{text}\""))
                .about(text)
                .hint("a family is \"ipv4\" or \"ipv6\"")),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How addresses are written.
const ADDRESSES: &str = "an address is like 192.0.2.10 or 2001:db8::10";

/// How an IPv6 address is written.
const BRACKETS: &str = "an IPv6 address is like 2001:db8::10; with a port: [2001:db8::10]:80";

/// Parses an IP literal.
///
/// # Errors
/// `invalid` for host names, IPv4-mapped IPv6 addresses and scoped addresses, which would not
/// mean the same thing to the kernel as to the reader.
pub fn parse_ip(text: &str) -> Result<IpAddr> {
    let trimmed = text.trim();
    let bare = trimmed
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(trimmed);
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V6(addr)) if addr.to_ipv4_mapped().is_some() => Err(Error::invalid(format!(
            "\"{text}\" is an IPv4-mapped IPv6 address"
        ))
        .about(text)
        .maybe_hint(addr.to_ipv4_mapped().map(|v4| format!("write {v4}")))),
        Ok(addr) => Ok(addr),
        Err(_) if bare.contains('%') => Err(Error::invalid(format!(
            "\"{text}\" has a scope; IPVS knows no scoped addresses"
        ))
        .about(text)
        .hint("use an address that is not link-local, and write it without %")),
        Err(_) => {
            let error = Error::invalid(format!("\"{text}\" is not an IP address"));
            Err(error.about(text).hint(instead(bare)))
        }
    }
}

/// What to write instead of a text that is no address.
fn instead(text: &str) -> String {
    if let Some(hint) = unreplaced(text) {
        return hint;
    }
    if text.contains('/') {
        return "the address alone is meant: no URL, no prefix length".to_owned();
    }
    if text.contains(':') {
        return match with_port_behind(text) {
            Some((addr, port)) => format!("did you mean \"{}\"?", endpoint(addr, port)),
            None => BRACKETS.to_owned(),
        };
    }
    if text.chars().any(char::is_alphabetic) {
        return "host names are not looked up: write the address itself".to_owned();
    }
    if !text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return ADDRESSES.to_owned();
    }
    let numbers: Vec<&str> = text.split('.').collect();
    let decimals: Option<Vec<u8>> = numbers.iter().map(|number| number.parse().ok()).collect();
    match (numbers.len(), decimals) {
        // Zeros at the front: to some programs the number is octal.
        (4, Some(decimals)) => {
            let decimals: Vec<String> = decimals.iter().map(u8::to_string).collect();
            format!("write {}", decimals.join("."))
        }
        (4, None) => "each of the four numbers of an IPv4 address is 0 to 255".to_owned(),
        (2.., _) => "an IPv4 address has four numbers, like 192.0.2.10".to_owned(),
        _ => ADDRESSES.to_owned(),
    }
}

/// How to have a variable replaced that stands in a text: `$VIP`, `${VIP}`.
fn unreplaced(text: &str) -> Option<String> {
    let (_, name) = text.split_once('$')?;
    let name = name.trim_start_matches('{');
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
    let name = name.get(..end.unwrap_or(name.len()))?;
    (!name.is_empty()).then(|| {
        format!(
            "{name} was not replaced: a script replaces `${{{name}}}` within backticks, a shell \
             \"${name}\" within double quotes"
        )
    })
}

/// An IPv6 address and a port that were typed without the brackets between them. The text may be an
/// address itself: `2001:db8::1:80` is one.
pub(super) fn with_port_behind(text: &str) -> Option<(IpAddr, u16)> {
    let (addr, port) = text.rsplit_once(':')?;
    let addr: Ipv6Addr = addr.parse().ok()?;
    parse_port(port).ok().map(|port| (addr.into(), port))
}

/// Parses a port number.
///
/// # Errors
/// `invalid` for service names and numbers above 65535.
pub fn parse_port(text: &str) -> Result<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits => Ok(port),
        _ if digits => Err(Error::invalid(format!("port {text} is out of range"))
            .about("port")
            .hint("ports go to 65535")),
        _ => Err(Error::invalid(format!("\"{text}\" is not a port number"))
            .about(text)
            .hint(match unreplaced(text) {
                Some(hint) => hint,
                None => "service names are not looked up: write the number".to_owned(),
            })),
    }
}

/// An address with or without a port, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address.
    pub addr: IpAddr,
    /// The port, where one was given.
    pub port: Option<u16>,
}

impl Endpoint {
    /// Returns true if it names this address and port; without a port it names every port.
    pub fn fits(&self, addr: IpAddr, port: u16) -> bool {
        self.addr == addr && self.port.is_none_or(|named| named == port)
    }

    /// Parses `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
    ///
    /// # Errors
    /// `invalid`, naming the part that is wrong.
    pub fn parse(text: &str) -> Result<Endpoint> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::invalid("an address is missing").hint(ADDRESSES));
        }
        // What there is most of, ten thousand times in a large history.
        if let Ok(plain) = text.parse::<SocketAddrV4>() {
            return Ok(Endpoint {
                addr: (*plain.ip()).into(),
                port: Some(plain.port()),
            });
        }
        if let Some(rest) = text.strip_prefix('[') {
            let Some((inside, after)) = rest.split_once(']') else {
                return Err(Error::invalid(format!("\"{text}\": a \"]\" is missing"))
                    .about(text)
                    .hint(BRACKETS));
            };
            let addr = parse_ip(inside)?;
            if !addr.is_ipv6() {
                return Err(Error::invalid(format!("\"{text}\": brackets are for IPv6"))
                    .about(text)
                    .hint(format!("write {inside}{after}")));
            }
            return match after.strip_prefix(':') {
                Some(port) => Ok(Endpoint {
                    addr,
                    port: Some(parse_port(port)?),
                }),
                None if after.is_empty() => Ok(Endpoint { addr, port: None }),
                None => Err(
                    Error::invalid(format!("\"{text}\": expected \":PORT\" after \"]\""))
                        .about(text)
                        .hint(BRACKETS),
                ),
            };
        }
        if text.matches(':').count() == 1
            && let Some((addr, port)) = text.split_once(':')
        {
            return Ok(Endpoint {
                addr: parse_ip(addr)?,
                port: Some(parse_port(port)?),
            });
        }
        Ok(Endpoint {
            addr: parse_ip(text)?,
            port: None,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write_endpoint(f, self.addr, port),
            None => write!(f, "{}", self.addr),
        }
    }
}

/// Prints an address and a port: `192.0.2.10:80`, `[2001:db8::10]:80`.
pub fn endpoint(addr: IpAddr, port: u16) -> String {
    written(|out| write_endpoint(out, addr, port))
}

/// Writes an address and a port as [`endpoint`] prints them.
///
/// # Errors
/// As the writer fails.
pub fn write_endpoint(out: &mut impl fmt::Write, addr: IpAddr, port: u16) -> fmt::Result {
    match addr {
        // Every name, key and line of a large table is one of these, and the standard library's
        // formatting takes five times as long.
        IpAddr::V4(v4) => {
            let mut text = Digits::default();
            let [a, b, c, d] = v4.octets();
            for (octet, behind) in [(a, b'.'), (b, b'.'), (c, b'.'), (d, b':')] {
                text.push_number(octet.into());
                text.push(behind);
            }
            text.push_number(port);
            out.write_str(text.text())
        }
        IpAddr::V6(_) => write!(out, "{}", std::net::SocketAddr::new(addr, port)),
    }
}

/// The length of the longest IPv4 address with a port.
const LONGEST: usize = "255.255.255.255:65535".len();

/// An IPv4 address with a port while it is put together.
#[derive(Default)]
struct Digits {
    bytes: [u8; LONGEST],
    used: usize,
}

impl Digits {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.used) {
            *place = byte;
            self.used += 1;
        }
    }

    fn push_number(&mut self, number: u16) {
        for power in [10_000, 1_000, 100, 10, 1] {
            if number >= power || power == 1 {
                // A digit, whatever the number is.
                let digit = (number / power % 10).to_le_bytes()[0];
                self.push(b'0' + digit);
            }
        }
    }

    fn text(&self) -> &str {
        let used = self.bytes.get(..self.used).unwrap_or_default();
        std::str::from_utf8(used).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn endpoints_look_like_the_standard_librarys(addr: IpAddr, port: u16) {
            let theirs = std::net::SocketAddr::new(addr, port).to_string();
            proptest::prop_assert_eq!(endpoint(addr, port), theirs);
        }
    }

    #[test]
    fn endpoints_parse_and_print() {
        for text in [
            "192.0.2.1",
            "192.0.2.1:80",
            "2001:db8::1",
            "[2001:db8::1]:80",
            "0.0.0.0:0",
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Endpoint::parse("[2001:DB8:0::1]:080").unwrap().to_string(),
            "[2001:db8::1]:80"
        );
    }

    #[test]
    fn what_is_no_address_is_answered_with_what_to_write() {
        for (text, hint) in [
            ("", ADDRESSES),
            ("-", ADDRESSES),
            ("192.0.2.1;80", ADDRESSES),
            (
                "http://192.0.2.1:80",
                "the address alone is meant: no URL, no prefix length",
            ),
            (
                "10.0.0.0/24",
                "the address alone is meant: no URL, no prefix length",
            ),
            (
                "10.0.0",
                "an IPv4 address has four numbers, like 192.0.2.10",
            ),
            (
                "10.0.0.1.2:80",
                "an IPv4 address has four numbers, like 192.0.2.10",
            ),
            (
                "10.0.0.:80",
                "each of the four numbers of an IPv4 address is 0 to 255",
            ),
            (
                "192.0.2.300:80",
                "each of the four numbers of an IPv4 address is 0 to 255",
            ),
            ("192.0.2.01:80", "write 192.0.2.1"),
            (
                "web:80",
                "host names are not looked up: write the address itself",
            ),
            (
                "$VIP:80",
                "VIP was not replaced: a script replaces `${VIP}` within backticks, a shell \
                 \"$VIP\" within double quotes",
            ),
            (
                "10.0.0.${n}",
                "n was not replaced: a script replaces `${n}` within backticks, a shell \"$n\" \
                 within double quotes",
            ),
            (
                "192.0.2.10:$PORT",
                "PORT was not replaced: a script replaces `${PORT}` within backticks, a shell \
                 \"$PORT\" within double quotes",
            ),
            (
                "2001:db8:0:0:0:0:0:1:80",
                "did you mean \"[2001:db8::1]:80\"?",
            ),
            ("2001:db8::1::2", BRACKETS),
            ("2001:db8::g", BRACKETS),
            ("[::1", BRACKETS),
            ("[::1]80", BRACKETS),
            (
                "fe80::1%eth0",
                "use an address that is not link-local, and write it without %",
            ),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap_err().hints(), [hint], "{text}");
        }
        assert_eq!(with_port_behind("2001:db8::80"), None);
    }

    #[test]
    fn bad_endpoints_are_refused() {
        for text in [
            "",
            "www.example.org:80",
            "192.0.2.1:http",
            "192.0.2.1:65536",
            "192.0.2.300",
            "[192.0.2.1]:80",
            "[::1",
            "[::1]80",
            "::ffff:192.0.2.1",
            "fe80::1%eth0",
            "192.0.2.1:",
            "192.0.2.1:+80",
            "192.0.2.01",
            "1.2.3",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text} was accepted");
        }
    }
}
