//! Rulesets as text: what `load`, `save`, `import` and `export` read and write.
//!
//! Layer 1, pure; imports only `error` and `model`. JSON holds everything; a Rhai script is for
//! readers and recreates what the script API can say; ipvsadm's lines are what `ipvsadm -R`
//! reads. What a format cannot hold is said in notes, never dropped in silence.

mod chains;
mod host_lines;
mod iptables;
pub(crate) mod ipvsadm;
mod json;
mod others;
mod reading;
pub mod real_server;
mod rhai;
pub(crate) mod source_nat;
pub(crate) mod unique;

pub(crate) use host_lines::host_statement;
pub use reading::Reading;
use reading::{place, together};
pub use rhai::{HEADER as SCRIPT_HEADER, mark_statement};
pub(crate) use rhai::{sysctl_call, vip_call};

use std::fmt;

pub use ipvsadm::{Seen, Translated, translate};

use crate::error::{Error, Result, did_you_mean};
use crate::model::{self, Ruleset};

/// A format of rulesets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Lossless; its keys are the names of the script API.
    Json,
    /// A script that recreates the ruleset.
    Rhai,
    /// Lines for `ipvsadm -R`, as `ipvsadm -Sn` prints them.
    Ipvsadm,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 3] = [Format::Json, Format::Rhai, Format::Ipvsadm];

    /// The text form.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Rhai => "rhai",
            Format::Ipvsadm => "ipvsadm",
        }
    }

    /// Parses the text form, in any case.
    ///
    /// # Errors
    /// `invalid` with a "did you mean".
    pub fn parse(text: &str) -> Result<Format> {
        let wanted = text.trim().to_lowercase();
        Format::ALL
            .into_iter()
            .find(|format| format.name() == wanted)
            .ok_or_else(|| {
                let names = Format::ALL.map(Format::name);
                Error::invalid(format!("unknown format \"{text}\"")).hint(
                    match did_you_mean(text, names) {
                        Some(name) => format!("did you mean \"{name}\"?"),
                        None => format!("a format is one of {}", names.join(", ")),
                    },
                )
            })
    }

    /// The format that a file's name tells, where it does.
    pub fn of_path(path: &str) -> Option<Format> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.').map_or(name, |(_, ending)| ending) {
            "json" => Some(Format::Json),
            "rhai" => Some(Format::Rhai),
            "ipvsadm" => Some(Format::Ipvsadm),
            _ => None,
        }
    }

    /// The format that a text itself tells, where it does.
    pub fn of_text(text: &str) -> Option<Format> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(program) = text.lines().next().and_then(|line| line.strip_prefix("#!")) {
            return Some(match program.contains("ipvsh") {
                true => Format::Rhai,
                false => Format::Ipvsadm,
            });
        }
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let first = lines.next()?;
        if first.starts_with('{') {
            Some(Format::Json)
        } else if others::refusal("", text).is_some() {
            None
        } else if first.starts_with(['-', '*', ':']) || ipvsadm::is_dashed(first) {
            Some(Format::Ipvsadm)
        } else if first.starts_with("//") || first.starts_with("/*") {
            Some(Format::Rhai)
        } else if std::iter::once(first).chain(lines).any(ipvsadm::is_command)
            || ipvsadm::is_settings(text)
        {
            Some(Format::Ipvsadm)
        } else if first.contains(['(', ';']) {
            Some(Format::Rhai)
        } else {
            None
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Writes a ruleset; the notes say what the format cannot hold.
pub fn write(format: Format, rules: &Ruleset) -> (String, Vec<String>) {
    match format {
        Format::Json => (format!("{:#}\n", model::json::ruleset(rules)), Vec::new()),
        Format::Rhai => rhai::write(rules),
        Format::Ipvsadm => ipvsadm::write(rules),
    }
}

/// Reads a ruleset. `name` is what errors call the text (its path, `<stdin>`); without a format
/// the text itself has to tell.
///
/// # Errors
/// `invalid`, with the line where one is to blame, and with every other problem that could be
/// found beside it ([`Error::others`]); a script is refused, for it can only be run.
pub fn read(format: Option<Format>, name: &str, text: &str) -> Result<Reading> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !matches!(format, Some(Format::Json | Format::Rhai))
        && let Some(error) = others::refusal(name, text)
    {
        return Err(error);
    }
    match format.or_else(|| Format::of_text(text)) {
        Some(Format::Json) => json::read(name, text).map(|rules| Reading {
            rules,
            notes: Vec::new(),
            has_rules: true,
            can_hold_host: true,
        }),
        Some(Format::Ipvsadm) => ipvsadm::read(name, text),
        Some(Format::Rhai) => Err(Error::invalid("a script is run, not loaded")
            .object(name)
            .hint(format!("run it: ipvsh run {name}"))),
        None if text.trim().is_empty() => Err(Error::invalid("it is empty")
            .object(name)
            .hint("a ruleset without anything in it is {}")),
        // What the package installs, and what saving an empty table leaves.
        None if text.lines().map(str::trim).all(is_comment) => Ok(Reading {
            notes: vec![format!("{name}: it holds comments, and no rules")],
            ..Reading::default()
        }),
        None => Err(Error::invalid("this is no ruleset in a format known here")
            .object(name)
            .hint("a ruleset is JSON, or lines as `ipvsadm -Sn` prints them")),
    }
}

/// Says what to do with a text that was run as a script and is none: rules in another format, or
/// what no import reads either; none where it may be a script. `file` is how a command line names
/// the text, `-` for standard input.
pub fn no_script(name: &str, file: &str, text: &str) -> Option<Error> {
    if let Some(error) = others::refusal(name, text) {
        return Some(error);
    }
    let what = match Format::of_text(text)? {
        Format::Json => "a ruleset in JSON",
        Format::Ipvsadm if text.starts_with("#!") => "a shell script",
        Format::Ipvsadm if !has_code(text) => "lines of ipvsadm or iptables, or their settings",
        Format::Ipvsadm | Format::Rhai => return None,
    };
    let file = model::shell_word(file);
    Some(
        Error::invalid(format!("this is no script of ipvsh: it holds {what}"))
            .object(name)
            .hint(format!(
                "`ipvsh import {file}` commits the rules in it, `ipvsh import {file} --plan` only \
                 shows what that would change"
            )),
    )
}

/// Returns true if a text has what scripts of ipvsh have and neither a shell nor ipvsadm.
fn has_code(text: &str) -> bool {
    let is_code = |line: &str| {
        let begins = ["//", "let ", "const ", "fn ", "for ", "print("];
        line.contains("(\"") || line.contains("#{") || begins.iter().any(|b| line.starts_with(b))
    };
    text.lines().map(str::trim_start).any(is_code)
}

fn is_comment(line: &str) -> bool {
    line.is_empty() || line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_named_and_recognised() {
        assert_eq!(Format::parse("JSON").unwrap(), Format::Json);
        let error = Format::parse("ipvsadmin").unwrap_err();
        assert_eq!(error.hints(), ["did you mean \"ipvsadm\"?"]);
        assert_eq!(Format::of_path("/etc/lvs.d/a.json"), Some(Format::Json));
        assert_eq!(Format::of_path("/etc/ipvsadm"), Some(Format::Ipvsadm));
        assert_eq!(Format::of_path("/etc/ipvsadm.rules"), None);
        for (text, format) in [
            ("\n { }", Some(Format::Json)),
            ("#!/bin/sh\n\n/sbin/ipvsadm -C\n", Some(Format::Ipvsadm)),
            ("-A -t 192.0.2.1:80\n", Some(Format::Ipvsadm)),
            (
                "# Generated by iptables-save\n*mangle\n",
                Some(Format::Ipvsadm),
            ),
            ("// web\ntcp(\"x\");", Some(Format::Rhai)),
            (
                "VIP=192.0.2.1\nsysctl -w x=1\n  sudo /sbin/iptables -L\n",
                Some(Format::Ipvsadm),
            ),
            ("#!/usr/bin/env ipvsh\ntcp(\"x\");", Some(Format::Rhai)),
            ("/* web */ tcp(\"x\");", Some(Format::Rhai)),
            ("let x = 1;\n", Some(Format::Rhai)),
            ("AUTO=\"false\"\nIFACE=eth0;", Some(Format::Ipvsadm)),
            ("hello", None),
            ("# nothing", None),
            ("", None),
        ] {
            assert_eq!(Format::of_text(text), format, "{text:?}");
        }
    }

    #[test]
    fn errors_of_json_have_their_place() {
        let error = read(None, "a.json", "{\n  \"services\": [,]\n}").unwrap_err();
        let place = error.place().unwrap();
        assert_eq!((place.line, place.column), (2, 16));
        assert_eq!(place.source, "  \"services\": [,]");
        assert_eq!(error.message(), "this is not JSON: expected value");
    }

    #[test]
    fn a_script_is_run_not_loaded() {
        let error = read(Some(Format::Rhai), "web.rhai", "tcp(\"x\")").unwrap_err();
        assert_eq!(error.hints(), ["run it: ipvsh run web.rhai"]);
    }
}
