//! What is filled in where a program's arguments name it.

use crate::error::{Error, Result, did_you_mean};

/// The names of what is filled in, each between braces: `{address}`.
pub const PLACEHOLDERS: [&str; 5] = ["address", "port", "vip", "vport", "mark"];

/// The parts of an argument: text, and the names between braces. Braces around anything but
/// lower-case letters and underscores are text (`{ print $1 }`).
fn parts(argument: &str) -> Vec<(&str, Option<&str>)> {
    let is_name = |inner: &&str| {
        !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    let mut parts = Vec::new();
    let mut rest = argument;
    while let Some((before, after)) = rest.split_once('{') {
        match after.split_once('}').filter(|(inner, _)| is_name(inner)) {
            Some((name, after)) => {
                parts.push((before, Some(name)));
                rest = after;
            }
            None => {
                // The brace itself belongs to the text.
                let (text, after) = rest.split_at(before.len() + 1);
                parts.push((text, None));
                rest = after;
            }
        }
    }
    parts.push((rest, None));
    parts
}

/// Refuses an argument that names what does not exist.
pub(super) fn check(argument: &str) -> Result<()> {
    for name in parts(argument).into_iter().filter_map(|(_, name)| name) {
        if !PLACEHOLDERS.contains(&name) {
            let error = Error::invalid(format!("unknown placeholder {{{name}}}")).about(argument);
            return Err(error.hint(match did_you_mean(name, PLACEHOLDERS) {
                Some(meant) => format!("did you mean {{{meant}}}?"),
                None => format!("placeholders are {{{}}}", PLACEHOLDERS.join("}, {")),
            }));
        }
    }
    Ok(())
}

/// An argument with what stands for each name.
pub fn fill_in(argument: &str, value: impl Fn(&str) -> String) -> String {
    parts(argument)
        .into_iter()
        .fold(String::new(), |mut filled, (text, name)| {
            filled.push_str(text);
            if let Some(name) = name {
                filled.push_str(&value(name));
            }
            filled
        })
}
