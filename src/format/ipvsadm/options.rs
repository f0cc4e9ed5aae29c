//! ipvsadm's options in a line of `-R`.

use super::table::Takes::{self, MaybeValue, Nothing, Value};
use super::table::{Group, OPTIONS, Opt, Row, is_of};
use crate::error::{Error, Result, did_you_mean};

/// The options that a line of `-R` may hold.
fn known() -> impl Iterator<Item = &'static Row> {
    let of_lines = |row: &&Row| !matches!(row.group, Group::Program | Group::View);
    OPTIONS.iter().filter(of_lines)
}

/// Whether an option takes a value here.
fn takes(row: &Row) -> Takes {
    match row.option {
        // The drop-in finds its three numbers among the words of no option.
        Opt::Set => Value,
        // `-S` prints "-b " and no name for a flag that it has no name for.
        Opt::SchedulerFlags => MaybeValue,
        _ => row.takes,
    }
}

/// A command line, understood as options: each with its value, in order.
#[derive(Debug, Default)]
pub(super) struct Given {
    options: Vec<(&'static str, Option<String>)>,
    /// Words that belong to no option: the second and third number of `--set`.
    pub(super) rest: Vec<String>,
}

impl Given {
    /// Reads the words behind the program's name: `-A -t X`, `-At X`, `-srr`, `--scheduler=rr`.
    ///
    /// # Errors
    /// `invalid` for unknown options, missing values and options given twice.
    pub(super) fn parse(words: &[String]) -> Result<Given> {
        let mut given = Given::default();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let row = known()
                    .find(|row| row.long == name)
                    .ok_or_else(|| unknown(word, name))?;
                let value = match (takes(row), value) {
                    (Nothing, Some(_)) => {
                        return Err(Error::invalid(format!("--{name} takes no value")));
                    }
                    (_, Some(value)) => Some(value),
                    (takes, None) => next_value(takes, name, &mut words)?,
                };
                given.push(row.long, value)?;
            } else if let Some(mut letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) {
                while let Some(letter) = letters.chars().next() {
                    letters = letters.strip_prefix(letter).unwrap_or("");
                    let row = known()
                        .find(|row| row.short == Some(letter))
                        .ok_or_else(|| unknown(word, ""))?;
                    let value = match takes(row) {
                        Nothing => None,
                        _ if !letters.is_empty() => Some(std::mem::take(&mut letters).to_owned()),
                        takes => next_value(takes, row.long, &mut words)?,
                    };
                    given.push(row.long, value)?;
                }
            } else if word.starts_with(DASHES) {
                return Err(typographic(word));
            } else {
                given.rest.push(word.clone());
            }
        }
        Ok(given)
    }

    fn push(&mut self, name: &'static str, value: Option<String>) -> Result<()> {
        if self.has(name) {
            return Err(Error::invalid(format!("--{name} is given twice")));
        }
        self.options.push((name, value));
        Ok(())
    }

    /// Says whether an option was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| *given == name)
    }

    /// The value of an option.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.options
            .iter()
            .find(|(given, _)| *given == name)
            .and_then(|(_, value)| value.as_deref())
    }

    /// Puts another value in the place of an option's.
    pub(super) fn replace(&mut self, name: &str, value: String) {
        if let Some((_, old)) = self.options.iter_mut().find(|(given, _)| *given == name) {
            *old = Some(value);
        }
    }

    /// The command: the first option.
    pub(super) fn command(&self) -> Option<&'static str> {
        self.options.first().map(|(name, _)| *name)
    }

    /// Says whether an option of a group was given.
    pub(super) fn has_of(&self, group: Group) -> bool {
        self.options.iter().any(|(name, _)| is_of(name, &[group]))
    }

    /// Refuses options that belong to none of the groups that the command has.
    ///
    /// # Errors
    /// `invalid`, naming the first.
    pub(super) fn only(&self, command: &str, groups: &[Group]) -> Result<()> {
        let stray = self
            .options
            .iter()
            .skip(1)
            .filter(|(name, _)| !is_of(name, &[Group::Numbers]))
            .find(|(name, _)| !is_of(name, groups));
        if let Some((name, _)) = stray {
            return Err(Error::invalid(format!(
                "--{name} does not go with --{command}"
            )));
        }
        match self.rest.first() {
            Some(word) => Err(Error::invalid(format!("\"{word}\" belongs to no option"))),
            None => Ok(()),
        }
    }
}

fn next_value<'a>(
    takes: Takes,
    name: &str,
    words: &mut std::iter::Peekable<impl Iterator<Item = &'a String>>,
) -> Result<Option<String>> {
    match takes {
        Nothing => Ok(None),
        MaybeValue => Ok(words.next_if(|word| !word.starts_with('-')).cloned()),
        Value => match words.next() {
            Some(word) => Ok(Some(word.clone())),
            None => Err(Error::invalid(format!("--{name} lacks its value"))),
        },
    }
}

/// Dashes that word processors and web pages put in the place of `-`: hyphen, figure dash, en dash,
/// em dash, bar, minus.
pub(super) const DASHES: [char; 8] = [
    '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}', '\u{ff0d}',
];

/// Says that a word begins with a dash that no program knows.
pub(super) fn typographic(word: &str) -> Error {
    let plain = word.trim_start_matches(DASHES);
    let dashes = if plain.chars().nth(1).is_some() && !plain.contains(char::is_uppercase) {
        "--"
    } else {
        "-"
    };
    Error::invalid(format!(
        "\"{word}\" begins with a dash of typography, and options begin with \"-\""
    ))
    .hint(format!("write {dashes}{plain}"))
}

fn unknown(word: &str, long: &str) -> Error {
    let close = did_you_mean(long, known().map(|row| row.long));
    Error::invalid(format!("\"{word}\" is not an option of a ruleset's lines"))
        .maybe_hint(close.map(|name| format!("did you mean \"--{name}\"?")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_in_all_their_spellings() {
        let given = Given::parse(&words("-At X -srr -p7 --netmask=64 -o")).unwrap();
        assert_eq!(given.command(), Some("add-service"));
        assert_eq!(given.value("tcp-service"), Some("X"));
        assert_eq!(given.value("scheduler"), Some("rr"));
        assert_eq!(given.value("persistent"), Some("7"));
        assert_eq!(given.value("netmask"), Some("64"));
        assert!(given.has("ops"));
        let given = Given::parse(&words("-A -p -s rr -f -1 -b")).unwrap();
        assert_eq!(given.value("persistent"), None);
        assert_eq!(given.value("fwmark-service"), Some("-1"));
        for bad in [
            "-A -t",
            "--shceduler rr",
            "-A -A",
            "--ops=1",
            "-q",
            "-L",
            "--rate",
        ] {
            assert!(Given::parse(&words(bad)).is_err(), "{bad} was accepted");
        }
    }
}
