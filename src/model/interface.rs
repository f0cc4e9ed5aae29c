//! Names of network interfaces.
//!
//! Source of truth: `dev_valid_name()` in net/core/dev.c.

use crate::error::{Error, Result};

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
    if text.is_empty() || text.len() > 15 || !plain || text.starts_with(['-', '!', '.']) {
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
        }
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
}
