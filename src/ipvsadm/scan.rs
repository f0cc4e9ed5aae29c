//! Words into options, as popt 1.19 does it: long names in full, short ones joined (`-Ln`), a
//! value behind `=`, joined or as the next word; words without a dash are kept for later.

use std::vec::IntoIter;

pub(super) use crate::format::ipvsadm::table::Opt;
use crate::format::ipvsadm::table::Takes::{self, MaybeValue, Nothing, Value};
use crate::format::ipvsadm::table::{OPTIONS, Row};

/// Every option's long name and its letter.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = (&'static str, Option<char>)> {
    OPTIONS.into_iter().map(|row| (row.long, row.short))
}

/// Walks over the words behind the program's name.
#[derive(Debug)]
pub(super) struct Scan {
    words: std::iter::Peekable<IntoIter<String>>,
    /// What is left of joined short options; never empty.
    joined: Option<String>,
    /// The word that was looked at last.
    last: String,
    leftovers: Vec<String>,
    /// Behind `--` nothing is an option.
    ended: bool,
    posix: bool,
}

impl Scan {
    pub(super) fn new(words: Vec<String>) -> Scan {
        Scan {
            words: words.into_iter().peekable(),
            joined: None,
            last: String::new(),
            leftovers: Vec::new(),
            ended: false,
            posix: std::env::var_os("POSIXLY_CORRECT").is_some()
                || std::env::var_os("POSIX_ME_HARDER").is_some(),
        }
    }

    /// Gives the next option and its value; none where there are no more.
    ///
    /// # Errors
    /// Says in popt's words what is wrong; [`Scan::last`] is the word.
    pub(super) fn option(&mut self) -> Result<Option<(Opt, Option<String>)>, &'static str> {
        let (takes, option, value) = match self.joined.take() {
            Some(joined) => self.short(&joined)?,
            None => {
                let Some(word) = self.next_option_word() else {
                    return Ok(None);
                };
                match word.strip_prefix("--") {
                    Some(long) => Self::long(long)?,
                    None => self.short(word.strip_prefix('-').unwrap_or_default())?,
                }
            }
        };
        let value = match (takes, value) {
            (Nothing, Some(_)) => return Err("option does not take an argument"),
            (_, Some(value)) => Some(value),
            (takes, None) => self.next_value(takes)?,
        };
        Ok(Some((option, value)))
    }

    /// The word that was read last.
    pub(super) fn last(&self) -> &str {
        &self.last
    }

    /// The words that belong to no option.
    pub(super) fn leftovers(self) -> Vec<String> {
        self.leftovers
    }

    fn next_word(&mut self) -> Option<String> {
        let word = self.words.next()?;
        self.last.clone_from(&word);
        Some(word)
    }

    fn next_option_word(&mut self) -> Option<String> {
        while let Some(word) = self.next_word() {
            if self.ended || !word.starts_with('-') || word == "-" {
                self.ended |= self.posix;
                self.leftovers.push(word);
            } else if word == "--" {
                self.ended = true;
            } else {
                return Some(word);
            }
        }
        None
    }

    fn long(word: &str) -> Result<(Takes, Opt, Option<String>), &'static str> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let mut options = OPTIONS.iter();
        options
            .find(|row| row.long == name)
            .map(|row| (row.takes, row.option, value))
            .ok_or("unknown option")
    }

    /// Takes the first of joined letters; a value takes the rest of them.
    fn short(&mut self, joined: &str) -> Result<(Takes, Opt, Option<String>), &'static str> {
        let mut letters = joined.chars();
        let letter = letters.next();
        let mut options = OPTIONS.iter();
        let &Row { takes, option, .. } = options
            .find(|row| row.short.is_some() && row.short == letter)
            .ok_or("unknown option")?;
        let rest = letters.as_str();
        let value = match rest.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            None if rest.is_empty() => None,
            None if takes == Nothing => {
                self.joined = Some(rest.to_owned());
                None
            }
            None => Some(rest.to_owned()),
        };
        Ok((takes, option, value))
    }

    fn next_value(&mut self, takes: Takes) -> Result<Option<String>, &'static str> {
        match takes {
            Nothing => Ok(None),
            MaybeValue if self.words.peek().is_some_and(|w| w.starts_with('-')) => Ok(None),
            MaybeValue => Ok(self.next_word()),
            Value => self.next_word().map(Some).ok_or("missing argument"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Options with their values, then what ended it, then the words left over.
    fn scan(line: &str) -> String {
        let mut scan = Scan::new(line.split(' ').map(str::to_owned).collect());
        let mut said = Vec::new();
        loop {
            match scan.option() {
                Ok(Some((option, None))) => said.push(format!("{option:?}")),
                Ok(Some((option, Some(value)))) => said.push(format!("{option:?}={value}")),
                Ok(None) => break,
                Err(why) => {
                    said.push(format!("[{}: {why}]", scan.last()));
                    return said.join(" ");
                }
            }
        }
        said.extend(scan.leftovers());
        said.join(" ")
    }

    #[test]
    fn options_in_all_their_spellings() {
        for (line, wanted) in [
            ("-Ln", "List Numeric"),
            ("-At a:80", "AddService Tcp=a:80"),
            ("-At=a:80 -srr", "AddService Tcp=a:80 Scheduler=rr"),
            ("-A --tcp-service=a -s=rr", "AddService Tcp=a Scheduler=rr"),
            ("-A -p -s rr", "AddService Persistent Scheduler=rr"),
            (
                "-A -p 5 -p6 -p=7",
                "AddService Persistent=5 Persistent=6 Persistent=7",
            ),
            ("-A -p", "AddService Persistent"),
            ("-A -f -1", "AddService Fwmark=-1"),
            ("-list", "List Tunnel Scheduler=t"),
            ("--set 1 -- 2 -3", "Set 1 2 -3"),
            ("-L - x", "List - x"),
            ("--lis", "[--lis: unknown option]"),
            ("-L -q", "List [-q: unknown option]"),
            ("-At", "AddService [-At: missing argument]"),
            ("--list=3", "[--list=3: option does not take an argument]"),
            ("-L=3", "[-L=3: option does not take an argument]"),
            ("--tcp-service=", "Tcp="),
        ] {
            assert_eq!(scan(line), wanted, "{line}");
        }
    }
}
