//! Rulesets as text: what `load`, `save`, `import` and `export` read and write.
//!
//! Layer 1, pure; imports only `error` and `model`. JSON holds everything; a Rhai script is for
//! readers and recreates what the script API can say; ipvsadm's lines are what `ipvsadm -R`
//! reads. What a format cannot hold is said in notes, never dropped in silence.

mod iptables;
pub(crate) mod ipvsadm;
mod rhai;

pub use rhai::mark_statement;

use std::fmt;

use crate::error::{Error, Place, Result, did_you_mean};
use crate::model::{Ruleset, json};

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
        let line = text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let word = line.split_whitespace().next().unwrap_or(line);
        let program = word.rsplit('/').next().unwrap_or(word);
        if line.starts_with('{') {
            Some(Format::Json)
        } else if word.starts_with(['-', '*', ':'])
            || ["ipvsadm", "iptables", "ip6tables", "sudo"].contains(&program)
        {
            Some(Format::Ipvsadm)
        } else if line.starts_with("//") || line.contains(['(', ';']) {
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
        Format::Json => (format!("{:#}\n", json::ruleset(rules)), Vec::new()),
        Format::Rhai => rhai::write(rules),
        Format::Ipvsadm => ipvsadm::write(rules),
    }
}

/// Reads a ruleset. `name` is what errors call the text (its path, `<stdin>`); without a format
/// the text itself has to tell.
///
/// # Errors
/// `invalid`, with the line where one is to blame; a script is refused, for it can only be run.
pub fn read(format: Option<Format>, name: &str, text: &str) -> Result<Ruleset> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format.or_else(|| Format::of_text(text)) {
        Some(Format::Json) => read_json(name, text),
        Some(Format::Ipvsadm) => ipvsadm::read(name, text),
        Some(Format::Rhai) => Err(Error::invalid("a script is run, not loaded")
            .object(name)
            .hint(format!("run it: ipvsh run {name}"))),
        None if text.trim().is_empty() => Err(Error::invalid("it is empty")
            .object(name)
            .hint("a ruleset without anything in it is {}")),
        None => Err(Error::invalid("this is no ruleset in a format known here")
            .object(name)
            .hint("a ruleset is JSON, or lines as `ipvsadm -Sn` prints them")),
    }
}

fn read_json(name: &str, text: &str) -> Result<Ruleset> {
    let value = serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        let cause = said.split(" at line ").next().unwrap_or(&said).to_owned();
        Error::invalid(format!("this is not JSON: {cause}")).at(place(
            name,
            text,
            error.line(),
            error.column(),
        ))
    })?;
    json::parse_ruleset(value).map_err(|error| error.object(name))
}

/// A place in a text that was read.
fn place(name: &str, text: &str, line: usize, column: usize) -> Place {
    Place {
        file: name.to_owned(),
        line,
        column,
        source: text
            .lines()
            .nth(line.saturating_sub(1))
            .unwrap_or("")
            .to_owned(),
    }
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
            ("hello", None),
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
