//! Content addresses and checksums: SHA-256, cut to 16 bytes.
//!
//! One function serves both: a node is found under the digest of its bytes, so that reading it
//! checks it; a record that is found under a name carries the digest of name and bytes in front.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Kind, Result};

/// The length of an address in bytes.
pub(super) const LENGTH: usize = 16;

/// The digest of some bytes, and so the place where they are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Address([u8; LENGTH]);

impl Address {
    /// Digests the concatenation of some parts.
    pub(super) fn of(parts: &[&[u8]]) -> Address {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        let mut short = [0; LENGTH];
        for (to, from) in short.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Address(short)
    }

    /// Takes an address from its bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Address> {
        bytes.try_into().ok().map(Address)
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Four bits of the address, the highest first; 0 behind its end.
    pub(super) fn nibble(&self, depth: usize) -> usize {
        let byte = self.0.get(depth / 2).copied().unwrap_or(0);
        usize::from(if depth.is_multiple_of(2) {
            byte >> 4
        } else {
            byte & 0x0f
        })
    }

    /// Parses the hexadecimal form.
    pub(super) fn parse(text: &str) -> Option<Address> {
        let digits = text.as_bytes();
        if digits.len() != 2 * LENGTH {
            return None;
        }
        let mut bytes = [0; LENGTH];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        let address = Address(bytes);
        (address.to_string() == text).then_some(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = Error;
    fn try_from(text: String) -> Result<Address> {
        Address::parse(&text).ok_or_else(|| damaged(format!("\"{text}\" is not an address")))
    }
}

/// Puts the checksum of key and body in front of the body.
pub(super) fn seal(key: &[u8], body: &[u8]) -> Vec<u8> {
    let mut sealed = Address::of(&[key, body]).bytes().to_vec();
    sealed.extend_from_slice(body);
    sealed
}

/// Checks and takes off the checksum.
///
/// # Errors
/// `damaged` where it does not fit; `what` says what was read.
pub(super) fn unseal<'a>(key: &[u8], sealed: &'a [u8], what: &str) -> Result<&'a [u8]> {
    match sealed.split_at_checked(LENGTH) {
        Some((sum, body)) if Address::of(&[key, body]).bytes() == sum => Ok(body),
        _ => Err(damaged(format!("{what} does not fit its checksum"))),
    }
}

/// An error about a database that is damaged, with what to do.
pub(super) fn damaged(cause: impl Into<String>) -> Error {
    Error::new(Kind::Damaged, cause)
        .hint("ipvsh restore brings the kernel to the newest snapshot from the mirror")
        .hint("ipvsh fsck says what is damaged, ipvsh fsck --repair saves what is whole")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse_and_print() {
        let address = Address::of(&[b"a", b"b"]);
        assert_eq!(address, Address::of(&[b"ab"]));
        assert_eq!(address.to_string(), "fb8e20fc2e4c3f248c60c39bd652f3c1");
        assert_eq!(Address::parse(&address.to_string()), Some(address));
        assert_eq!(Address::parse("fb8e"), None);
        assert_eq!(Address::parse(&"g".repeat(32)), None);
        assert_eq!(Address::parse(&"+1".repeat(16)), None);
        assert_eq!((address.nibble(0), address.nibble(1)), (0xf, 0xb));
    }

    #[test]
    fn a_record_under_another_name_is_refused() {
        let sealed = seal(b"s1", b"body");
        assert_eq!(unseal(b"s1", &sealed, "it").unwrap(), b"body");
        assert!(unseal(b"s2", &sealed, "it").is_err());
        assert!(unseal(b"s1", &sealed[1..], "it").is_err());
        assert!(unseal(b"s1", b"", "it").is_err());
    }
}
