//! Names of network interfaces.
//!
//! Source of truth: `dev_valid_name()` in net/core/dev.c.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The most bytes that a name has: IFNAMSIZ without the NUL.
const LONGEST: usize = 15;

/// The name of an interface; small enough to be part of a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InterfaceName([u8; LONGEST]);

impl InterfaceName {
    /// The loopback interface.
    pub const LO: InterfaceName =
        InterfaceName([b'l', b'o', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

    /// Parses the name of an interface.
    ///
    /// # Errors
    /// As [`check`].
    pub fn parse(text: &str) -> Result<InterfaceName> {
        let checked = check(text)?;
        let mut name = [0; LONGEST];
        for (place, byte) in name.iter_mut().zip(checked.bytes()) {
            *place = byte;
        }
        Ok(InterfaceName(name))
    }

    /// The same, where it can be a device's: `all` and `default` stand for settings of devices.
    ///
    /// # Errors
    /// `invalid` for those two.
    pub fn of_device(self) -> Result<InterfaceName> {
        match self.as_str() {
            name @ ("all" | "default") => Err(Error::invalid(format!(
                "\"{name}\" is not the name of a device"
            ))
            .hint("it stands for the settings of devices; name one, like \"eth0\"")),
            _ => Ok(self),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0);
        let bytes = self.0.get(..length.unwrap_or(LONGEST)).unwrap_or_default();
        // It was made of text that has ASCII characters only.
        str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl TryFrom<String> for InterfaceName {
    type Error = Error;

    fn try_from(text: String) -> Result<InterfaceName> {
        InterfaceName::parse(&text)
    }
}

impl From<InterfaceName> for String {
    fn from(name: InterfaceName) -> String {
        name.as_str().to_owned()
    }
}

/// Checks an interface name: 1 to 15 bytes, none of them a slash, colon, space or control
/// character (`dev_valid_name()` in net/core/dev.c); not beginning with a dash or `!`, which
/// programs take for an option.
///
/// # Errors
/// `invalid` for any other text.
pub fn check(text: &str) -> Result<String> {
    let refuse = |hint: String| {
        Err(
            Error::invalid(format!("\"{text}\" is not the name of an interface"))
                .about(text)
                .hint(hint),
        )
    };
    if let Some((interface, _)) = text.split_once(':') {
        return refuse(format!(
            "a label like that names an address; packets come in by its interface: \"{interface}\""
        ));
    }
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_graphic() && b != b'/' && b != b'"' && b != b'\'');
    if text.is_empty() || text.len() > LONGEST || !plain || text.starts_with(['-', '!', '.']) {
        return refuse("an interface is named by 1 to 15 characters, like \"eth0\"".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_named_as_the_kernel_names_devices() {
        for name in ["lo", "eth0", "eth+", "eth0.100", "a!b", "abcdefghijklmno"] {
            assert_eq!(check(name).unwrap(), name);
            assert_eq!(InterfaceName::parse(name).unwrap().as_str(), name);
        }
        assert_eq!(InterfaceName::parse("lo").unwrap(), InterfaceName::LO);
        for name in [
            "",
            "eth0:1",
            ":",
            "a/b",
            "a b",
            "a\tb",
            ".",
            "..",
            "-j",
            "abcdefghijklmnop",
        ] {
            assert!(check(name).is_err(), "{name}");
        }
        let error = check("eth0:1").unwrap_err();
        assert!(error.hints()[0].ends_with("its interface: \"eth0\""));
    }

    #[test]
    fn names_sort_as_text_does() {
        let mut names =
            ["eth10", "eth1", "eth", "lo", "br0"].map(|n| InterfaceName::parse(n).unwrap());
        names.sort();
        assert_eq!(
            names.map(|n| n.to_string()),
            ["br0", "eth", "eth1", "eth10", "lo"]
        );
    }
}
