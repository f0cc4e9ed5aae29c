//! Owns `Name`: the kernel's short strings (schedulers, persistence engines, interfaces).
//!
//! May import: nothing of this crate.
//! Source of truth: `IP_VS_SCHEDNAME_MAXLEN`, `IP_VS_PENAME_MAXLEN` and `IP_VS_IFNAME_MAXLEN` in
//! include/uapi/linux/ip_vs.h, all 16 with the closing NUL.

use std::fmt;
use std::str::FromStr;

/// Holds a name of the kernel: UTF-8, at most [`Name::MAX_LEN`] bytes, no NUL; may be empty.
///
/// ```
/// use ipvsh::ipvs::Name;
/// assert_eq!(Name::new("wlc").unwrap().as_str(), "wlc");
/// assert!(Name::new("a-name-of-16-byt").is_err());
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The text, and zeros behind it: compared as the texts are.
    bytes: [u8; Name::MAX_LEN],
    length: u8,
}

impl Name {
    /// Gives the longest length in bytes: `IP_VS_SCHEDNAME_MAXLEN` without its NUL.
    pub const MAX_LEN: usize = 15;

    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`NameError`] where it is longer than [`Name::MAX_LEN`] bytes or holds a NUL: the kernel's
    /// attribute could not carry it.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.len() > Self::MAX_LEN {
            return Err(NameError::TooLong(name.to_owned()));
        }
        if name.contains('\0') {
            return Err(NameError::Nul);
        }
        let mut taken = Self::default();
        for (to, from) in taken.bytes.iter_mut().zip(name.bytes()) {
            *to = from;
            taken.length += 1;
        }
        Ok(taken)
    }

    /// Gives the text, without a NUL.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Gives the text as it goes over the wire, without a NUL.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// Says whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Name").field(&self.as_str()).finish()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl TryFrom<&str> for Name {
    type Error = NameError;

    fn try_from(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

/// Says why a text cannot be a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text has more than [`Name::MAX_LEN`] bytes.
    #[error("the name \"{0}\" is longer than 15 bytes")]
    TooLong(String),
    /// The text holds a NUL, which would end it for the kernel.
    #[error("a name cannot hold a NUL")]
    Nul,
}
